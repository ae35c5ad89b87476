package job

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/journal"
	"handback.example/wipe/plan"
)

// disk is a drive in memory that misbehaves as it is told. It holds callers to
// what O_DIRECT holds them to, and remembers in which order things came.
type disk struct {
	t    testing.TB
	mu   sync.Mutex
	data []byte
	geo  drive.Geometry
	id   drive.Identity
	log  []string // 'journal', 'write', 'flush', 'format': the first of each run
	open int
	held bool // opened for somebody alone

	// Faults. Each is asked at every call and does nothing where nil.
	onWrite  func(off int64, n int) error
	onRead   func(off int64, n int) error
	onOpen   func(nth int) error
	identify func() (drive.Identity, error)
	flush    func() error
	drop     func(off int64) bool // the write of the block at off is claimed, not done
	after    func()               // called after each write

	namespaces []uint32
	fna        byte
	format     func(d *disk) error // what Format NVM does and answers
	frames     [][]byte            // of commands that are not Identify
}

func newDisk(t testing.TB, serial string, size int64, block int) *disk {
	d := &disk{t: t, data: make([]byte, size), geo: drive.Geometry{Size: size, LogicalBlock: block, PhysicalBlock: 4096},
		id: drive.Identity{Bus: drive.BusModel, Media: drive.MediaSSD, Model: "Fake SSD", Serial: serial, Size: size, Inner: true}}
	plant(d.data)
	return d
}

// newNVMe is a namespace that erases itself well.
func newNVMe(t testing.TB, serial string, size int64) *disk {
	d := newDisk(t, serial, size, 512)
	d.id.Bus, d.id.Namespace, d.namespaces = drive.BusNVMe, 1, []uint32{1}
	d.format = func(d *disk) error { clear(d.data); return nil }
	return d
}

// plant a person's data: no two blocks are the same, none is one repeated byte.
func plant(b []byte) {
	for o := 0; o+16 <= len(b); o += 16 {
		copy(b[o:], "PRIVATE:")
		binary.BigEndian.PutUint64(b[o+8:], uint64(o))
	}
}

func (d *disk) note(what string) {
	if n := len(d.log); n == 0 || d.log[n-1] != what {
		d.log = append(d.log, what)
	}
}

func (d *disk) report() inspect.Drive {
	r := inspect.Drive{Path: "/dev/" + d.id.Serial, Identity: d.id, Geometry: d.geo, Provenance: drive.ProvenanceModel}
	if d.namespaces != nil {
		r.NVMe = &inspect.NVMe{Format: inspect.Known(true, "test"), FNA: inspect.Known(d.fna, "test"), LBAFormat: inspect.Known(uint8(0), "test"),
			MetadataBytes: inspect.Known(0, "test"), Namespaces: inspect.Known(len(d.namespaces), "test"), Unattached: inspect.Known(0, "test")}
	}
	return r
}

// bench opens disks by their path.
type bench map[string]*disk

func benchOf(disks ...*disk) bench {
	b := bench{}
	for _, d := range disks {
		b["/dev/"+d.id.Serial] = d
	}
	return b
}

func (b bench) plan(p plan.Policy, disks ...*disk) wipe.Plan {
	r := &inspect.Report{}
	for _, d := range disks {
		r.Drives = append(r.Drives, d.report())
	}
	return plan.Make(r, p)
}

func (b bench) Open(path string) (drive.Device, error) { return b.OpenTarget(path) }

func (b bench) OpenTarget(path string) (drive.Target, error) {
	d := b[path]
	if d == nil {
		return nil, syscall.ENOENT
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open++
	if d.onOpen != nil {
		if err := d.onOpen(d.open); err != nil {
			return nil, err
		}
	}
	if d.held {
		return nil, syscall.EBUSY
	}
	d.held = true
	return &handle{disk: d}, nil
}

// handle is one opening of a disk.
type handle struct {
	*disk
	closed bool
}

func (h *handle) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errors.New("closed twice")
	}
	h.closed, h.held = true, false
	return nil
}

func (h *handle) Geometry() drive.Geometry     { return h.geo }
func (h *handle) Provenance() drive.Provenance { return drive.ProvenanceModel }

func (h *handle) Identify(context.Context) (drive.Identity, error) {
	if h.isClosed() {
		return drive.Identity{}, syscall.EBADF
	}
	if h.identify != nil {
		return h.identify()
	}
	return h.id, nil
}

func (h *handle) isClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

func (h *handle) check(b []byte, off int64) error {
	block := h.geo.LogicalBlock
	switch {
	case h.isClosed():
		return syscall.EBADF
	case len(b) == 0 || len(b)%block != 0 || off%int64(block) != 0 || !drive.Aligned(b):
		h.t.Errorf("%d bytes at %d, aligned %t: O_DIRECT would refuse that", len(b), off, drive.Aligned(b))
		return syscall.EINVAL
	case off < 0 || off+int64(len(b)) > int64(len(h.data)):
		return syscall.ENOSPC
	}
	return nil
}

func (h *handle) WriteAt(b []byte, off int64) (int, error) {
	if err := h.check(b, off); err != nil {
		return 0, err
	}
	if h.onWrite != nil {
		if err := h.onWrite(off, len(b)); err != nil {
			return 0, err
		}
	}
	h.mu.Lock()
	h.note("write")
	block := h.geo.LogicalBlock
	for o := 0; o < len(b); o += block {
		if h.drop == nil || !h.drop(off+int64(o)) {
			copy(h.data[off+int64(o):], b[o:o+block])
		}
	}
	h.mu.Unlock()
	if h.after != nil {
		h.after()
	}
	return len(b), nil
}

func (h *handle) ReadAt(b []byte, off int64) (int, error) {
	if err := h.check(b, off); err != nil {
		return 0, err
	}
	if h.onRead != nil {
		if err := h.onRead(off, len(b)); err != nil {
			return 0, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n := copy(b, h.data[off:])
	if off+int64(n) == int64(len(h.data)) {
		return n, io.EOF // io.ReaderAt allows it, and so must we
	}
	return n, nil
}

func (h *handle) Flush(context.Context) error {
	h.mu.Lock()
	h.note("flush")
	h.mu.Unlock()
	if h.flush != nil {
		return h.flush()
	}
	return nil
}

// Do answers Identify Controller, Namespace and the active list, and Format NVM,
// by the offsets of NVM Express Base 2.0.
func (h *handle) Do(_ context.Context, c drive.Command) (drive.Completion, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.namespaces == nil || c.Protocol != drive.ProtocolNVMe || len(c.Frame) != 64 {
		return drive.Completion{}, syscall.ENOTTY
	}
	le := binary.LittleEndian
	switch {
	case c.Frame[0] == 0x06 && c.Frame[40] == 0x01:
		copy(c.Data[4:24], fmt.Sprintf("%-20s", h.id.Serial))
		copy(c.Data[24:64], fmt.Sprintf("%-40s", h.id.Model))
		c.Data[256], c.Data[524] = 0x02, h.fna
	case c.Frame[0] == 0x06 && c.Frame[40] == 0x00:
		le.PutUint64(c.Data, uint64(h.geo.Size)/512)
		c.Data[130] = 9 // LBA format 0: 2^9 bytes, no metadata
	case c.Frame[0] == 0x06 && c.Frame[40] == 0x02:
		for i, n := range h.namespaces {
			le.PutUint32(c.Data[4*i:], n)
		}
	case c.Frame[0] == 0x80:
		h.note("format")
		h.frames = append(h.frames, c.Frame)
		if err := h.format(h.disk); err != nil {
			return drive.Completion{}, err
		}
	default:
		h.t.Errorf("unexpected command % x", c.Frame)
		return drive.Completion{}, syscall.EINVAL
	}
	return drive.Completion{}, nil
}

// diary is a journal that notes itself on the disks.
type diary struct {
	bench   bench
	err     error
	mu      sync.Mutex
	entries []journal.Entry
	marks   []journal.Mark
	onStart func()
}

func (j *diary) Mark(_ context.Context, _ drive.Identity, m journal.Mark) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.marks = append(j.marks, m)
	return j.err
}

func (j *diary) Started(_ context.Context, e journal.Entry) error {
	j.mu.Lock()
	j.entries = append(j.entries, e)
	j.mu.Unlock()
	if j.onStart != nil {
		j.onStart()
	}
	d := j.bench[e.Drive.Path]
	d.mu.Lock()
	d.note("journal")
	d.mu.Unlock()
	return j.err
}

var errMedium = syscall.EIO

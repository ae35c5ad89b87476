// Package inproc is the door to models in this process: a drive.Opener whose drives
// are models, for tests of what stands above the seam and for practice. It does
// what a kernel does and no more: it claims, measures, cuts transfers to size,
// gives up what is not answered in time, and hands every command and answer on as
// it is.
package inproc

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
)

// Host is a computer whose drives are models.
type Host struct {
	clock sim.Clock
	mu    sync.Mutex
	slots map[string]*slot
}

// slot is a path and what hangs there.
type slot struct {
	path  string
	bus   drive.Bus
	speak speaker
	model sim.Model
	held  bool // opened by somebody alone
	known struct {
		sync.Mutex
		geo drive.Geometry // as the drive said it last
	}
}

var (
	_ drive.Opener = (*Host)(nil)
	_ drive.Tester = (*Host)(nil)
)

// NewHost gives a computer without drives; its time-outs are by clock (nil: the
// computer's own).
func NewHost(clock sim.Clock) *Host {
	if clock == nil {
		clock = sim.Wall()
	}
	return &Host{clock: clock, slots: map[string]*slot{}}
}

// AttachSCSI hangs a model that takes CDBs at a path, on a bus: SATA behind a SAT
// layer, SAS, USB behind a bridge.
func (h *Host) AttachSCSI(path string, bus drive.Bus, m sim.SCSI) error {
	return h.attach(&slot{path: path, bus: bus, model: m, speak: &scsiDrive{model: m, bus: bus}})
}

// AttachNVMe hangs one namespace of an NVMe model at a path.
func (h *Host) AttachNVMe(path string, m sim.NVMe, namespace uint32) error {
	return h.attach(&slot{path: path, bus: drive.BusNVMe, model: m, speak: &nvmeDrive{model: m, nsid: namespace}})
}

func (h *Host) attach(s *slot) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.slots[s.path] != nil {
		return fmt.Errorf("%s: there is a drive already", s.path)
	}
	h.slots[s.path] = s
	return nil
}

// Detach takes the drive at a path away; who has it open keeps it open.
func (h *Host) Detach(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.slots, path)
}

// Paths of all drives that are plugged in, in no order.
func (h *Host) Paths() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for p, s := range h.slots {
		if s.model.Plugged() {
			all = append(all, p)
		}
	}
	return all
}

// Open opens a drive to be read.
func (h *Host) Open(path string) (drive.Device, error) {
	d, err := h.open(path)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// OpenTest opens a drive to be tested by itself.
func (h *Host) OpenTest(path string) (drive.Device, error) {
	d, err := h.open(path)
	if err != nil {
		return nil, err
	}
	d.fenced = drive.SelfTest(d.raw())
	return d, nil
}

// OpenTarget opens a drive to be erased, for one alone.
func (h *Host) OpenTarget(path string) (drive.Target, error) {
	s, err := h.claim(path)
	if err != nil {
		return nil, err
	}
	d, err := h.open(path)
	if err != nil {
		h.release(s)
		return nil, err
	}
	d.done = func() { h.release(s) }
	return &target{d}, nil
}

func (h *Host) claim(path string) (*slot, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.slots[path]
	switch {
	case s == nil:
		return nil, fmt.Errorf("open %s: %w", path, unix.ENOENT)
	case s.held:
		return nil, fmt.Errorf("open %s: somebody has claimed it: %w", path, unix.EBUSY)
	}
	s.held = true
	return s, nil
}

func (h *Host) release(s *slot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.held = false
}

func (h *Host) open(path string) (*device, error) {
	h.mu.Lock()
	s := h.slots[path]
	h.mu.Unlock()
	if s == nil || !s.model.Plugged() {
		return nil, fmt.Errorf("open %s: %w", path, unix.ENOENT)
	}
	d := &device{slot: s, clock: h.clock}
	d.fenced = drive.ReadOnly(d.raw())
	if err := d.measure(); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return d, nil
}

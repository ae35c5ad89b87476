package vhost

import (
	"context"
	"encoding/binary"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive/sim"
)

// Where the front end of these tests keeps things in its guest's memory. User
// addresses differ from guest addresses, as QEMU's do.
const (
	guestBase = 0x4000_0000
	userBase  = 0x7f12_3400_0000
	guestSize = 1 << 20
	fileAt    = 0x3000 // the guest's memory begins there in its file

	ringSize = 8
	heap     = 0x10000
)

// patience of a test with its own goroutines; nothing waits as long when it works.
const patience = 5 * time.Second

// frontEnd is what QEMU and a guest's driver are to the door.
type frontEnd struct {
	t    *testing.T
	conn *net.UnixConn
	fd   int
	mem  []byte // the guest's memory
	ring [3]*guestRing
}

// guestRing is the driver's side of a ring: descriptors at desc, and so on.
type guestRing struct {
	f                 *frontEnd
	index             int
	desc, avail, used int
	kick, call        int
	sent, seen        uint16
}

// serve starts a door to targets and gives its address and what it logs.
func serve(t *testing.T, s *Server) (string, chan string) {
	t.Helper()
	logged := make(chan string, 16)
	s.Log = func(line string) { logged <- line }
	name := filepath.Join(t.TempDir(), "door")
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("the door ended with %v", err)
			}
		case <-time.After(patience):
			t.Error("the door did not close")
		}
	})
	return name, logged
}

func dial(t *testing.T, name string) *frontEnd {
	t.Helper()
	c, err := net.Dial("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	f := &frontEnd{t: t, conn: c.(*net.UnixConn)}
	t.Cleanup(func() { _ = c.Close() })
	if f.fd, err = unix.MemfdCreate("guest", unix.MFD_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	if err := unix.Ftruncate(f.fd, fileAt+guestSize); err != nil {
		t.Fatal(err)
	}
	all, err := unix.Mmap(f.fd, 0, fileAt+guestSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	f.mem = all[fileAt:]
	t.Cleanup(func() { _ = unix.Munmap(all); _ = unix.Close(f.fd) })
	for i := range f.ring {
		f.ring[i] = &guestRing{f: f, index: i, desc: i * 0x1000, avail: i*0x1000 + 0x400, used: i*0x1000 + 0x800, kick: eventfd(t), call: eventfd(t)}
	}
	return f
}

func eventfd(t *testing.T) int {
	t.Helper()
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// send a message with descriptors.
func (f *frontEnd) send(request uint32, payload []byte, fds ...int) {
	f.t.Helper()
	b := binary.LittleEndian.AppendUint32(nil, request)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	if _, _, err := f.conn.WriteMsgUnix(append(b, payload...), oob, nil); err != nil {
		f.t.Fatal(err)
	}
}

// receive a reply's payload.
func (f *frontEnd) receive(request uint32, n int) []byte {
	f.t.Helper()
	_ = f.conn.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 12+n)
	for at := 0; at < len(b); {
		got, err := f.conn.Read(b[at:])
		if err != nil {
			f.t.Fatalf("reply to message %d: %v", request, err)
		}
		at += got
	}
	if r, flags := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]); r != request || flags != 5 {
		f.t.Fatalf("reply % x to message %d", b, request)
	}
	return b[12:]
}

func words32(v ...uint32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}

func words64(v ...uint64) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

// connect as QEMU 7.2 does, up to a machine that runs.
func (f *frontEnd) connect() {
	f.t.Helper()
	f.send(1, nil)
	if got := binary.LittleEndian.Uint64(f.receive(1, 8)); got != 0x1_5000_0006 {
		f.t.Fatalf("features %#x", got)
	}
	f.send(15, nil)
	f.receive(15, 8)
	f.send(16, words64(1<<3))
	f.send(3, nil)
	f.send(1, nil)
	f.receive(1, 8)
	f.send(2, words64(0x1_5000_0006))
	f.memory()
	for _, r := range f.ring {
		r.start()
	}
}

func (f *frontEnd) memory() {
	f.send(5, append(words32(1, 0), words64(guestBase, guestSize, userBase, fileAt)...), f.fd)
}

func (r *guestRing) start() {
	clear(r.f.mem[r.desc:][:0x1000])
	r.sent, r.seen = 0, 0
	i := uint32(r.index)
	r.f.send(8, words32(i, ringSize))
	r.f.send(10, words32(i, 0))
	r.f.send(9, append(words32(i, 0), words64(userBase+uint64(r.desc), userBase+uint64(r.used), userBase+uint64(r.avail), 0)...))
	r.f.send(12, words64(uint64(i)), r.kick)
	r.f.send(18, words32(i, 1))
	r.f.send(13, words64(uint64(i)), r.call)
}

// stop the ring and say where the door stood.
func (r *guestRing) stop() uint32 {
	r.f.send(18, words32(uint32(r.index), 0))
	r.f.send(11, words32(uint32(r.index), 0))
	return binary.LittleEndian.Uint32(r.f.receive(11, 8)[4:])
}

// piece of a chain: at an offset of the guest's memory.
type piece struct {
	at, n int
	write bool
}

// put a descriptor.
func (r *guestRing) put(i int, addr uint64, n uint32, flags, next uint16) {
	d := r.f.mem[r.desc+16*i:]
	binary.LittleEndian.PutUint64(d, addr)
	binary.LittleEndian.PutUint32(d[8:], n)
	binary.LittleEndian.PutUint16(d[12:], flags)
	binary.LittleEndian.PutUint16(d[14:], next)
}

// chain lays pieces from a descriptor on.
func (r *guestRing) chain(head int, pieces ...piece) {
	for i, p := range pieces {
		flags, next := uint16(0), uint16(0)
		if p.write {
			flags |= 2
		}
		if i+1 < len(pieces) {
			flags, next = flags|1, uint16(head+i+1)
		}
		r.put(head+i, guestBase+uint64(p.at), uint32(p.n), flags, next)
	}
}

// offer a head to the door and kick it.
func (r *guestRing) offer(head uint16) {
	binary.LittleEndian.PutUint16(r.f.mem[r.avail+4+2*int(r.sent%ringSize):], head)
	r.sent++
	atomic.StoreUint32(r.word(r.avail), uint32(r.sent)<<16)
	if _, err := unix.Write(r.kick, words64(1)); err != nil {
		r.f.t.Fatal(err)
	}
}

func (r *guestRing) word(at int) *uint32 { return (*uint32)(unsafe.Pointer(&r.f.mem[at])) }

// wait for what the door gives back.
func (r *guestRing) wait() (head, n uint32) {
	r.f.t.Helper()
	for end := time.Now().Add(patience); !r.done(); {
		if time.Now().After(end) {
			r.f.t.Fatalf("nothing came back on ring %d", r.index)
		}
		fds := []unix.PollFd{{Fd: int32(r.call), Events: unix.POLLIN}}
		_, _ = unix.Poll(fds, 50)
		var b [8]byte
		_, _ = unix.Read(r.call, b[:])
	}
	e := r.f.mem[r.used+4+8*int(r.seen%ringSize):]
	r.seen++
	return binary.LittleEndian.Uint32(e), binary.LittleEndian.Uint32(e[4:])
}

func (r *guestRing) done() bool { return uint16(atomic.LoadUint32(r.word(r.used))>>16) != r.seen }

// header of a request: literal bytes but for its target, unit, tag and CDB.
func header(target, lun byte, tag uint64, cdb ...byte) []byte {
	b := append([]byte{1, target, 0x40, lun, 0, 0, 0, 0}, words64(tag)...)
	b = append(b, 0, 0, 0)
	return append(append(b, cdb...), make([]byte, 32-len(cdb))...)
}

// ask runs a request on the first request ring, from descriptor 4*slot on, and does
// not wait.
func (f *frontEnd) ask(slot int, head, out []byte, in int) {
	f.t.Helper()
	at := heap + slot*0x8000
	p := []piece{{at, len(head), false}}
	copy(f.mem[at:], head)
	if len(out) > 0 {
		copy(f.mem[at+0x100:], out)
		p = append(p, piece{at + 0x100, len(out), false})
	}
	clear(f.mem[at+0x4000:][:108+in])
	p = append(p, piece{at + 0x4000, 108, true})
	if in > 0 {
		p = append(p, piece{at + 0x4000 + 108, in, true})
	}
	f.ring[2].chain(4*slot, p...)
	f.ring[2].offer(uint16(4 * slot))
}

// answer that came, by its slot.
func (f *frontEnd) answer() (slot int, response, in []byte) {
	f.t.Helper()
	head, n := f.ring[2].wait()
	slot = int(head / 4)
	b := f.mem[heap+slot*0x8000+0x4000:]
	if n < 108 {
		f.t.Fatalf("a response of %d bytes", n)
	}
	return slot, append([]byte(nil), b[:108]...), append([]byte(nil), b[108:n]...)
}

// model of these tests: it answers what it was asked, and notes it.
type model struct {
	*sim.Base
	mu     sync.Mutex
	asked  []sim.SCSIRequest
	resets int
	reply  sim.SCSIReply
}

func newModel(name string, faults ...sim.Fault) *model {
	return &model{Base: sim.NewBase(name, sim.NewManual(), sim.NewScript(faults...))}
}

func (*model) Media() []*sim.Medium { return nil }

func (m *model) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.resets++
}

func (m *model) SCSI(ctx context.Context, r sim.SCSIRequest) (sim.SCSIReply, error) {
	if _, err := m.Begin(ctx, sim.Call{Opcode: r.CDB[0]}); err != nil {
		return sim.SCSIReply{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, r)
	a := m.reply
	a.In = append([]byte(m.Name()+" "), a.In...)
	return a, nil
}

func (m *model) took() []sim.SCSIRequest {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]sim.SCSIRequest(nil), m.asked...)
}

func (m *model) wasReset() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.resets
}

package nvmetcp

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
)

// fake is a model of 64 KiB in blocks of 512 bytes that says of every command what
// it was given.
type fake struct {
	*sim.Base
	medium *sim.Medium

	mu     sync.Mutex
	asked  []sim.NVMeRequest
	events []func(uint32)
	resets int
}

func newFake(faults ...sim.Fault) *fake {
	return &fake{Base: sim.NewBase("FAKE-1", sim.NewManual(), sim.NewScript(faults...)), medium: sim.NewMedium(64 << 10)}
}

func (f *fake) Media() []*sim.Medium { return []*sim.Medium{f.medium} }

func (f *fake) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resets++
}

func (f *fake) wasReset() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.resets
}

func (f *fake) OnEvent(h func(uint32)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, h)
}

func (f *fake) happen(dword0 uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.events {
		h(dword0)
	}
}

func (f *fake) last() sim.NVMeRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[len(f.asked)-1]
}

func (f *fake) Admin(ctx context.Context, r sim.NVMeRequest) (sim.NVMeReply, error) {
	if _, err := f.Begin(ctx, sim.Call{Opcode: r.SQE[0]}); err != nil {
		return sim.NVMeReply{}, err
	}
	f.mu.Lock()
	f.asked = append(f.asked, r)
	f.mu.Unlock()
	switch r.SQE[0] {
	case 0x06: // every byte tells whose it is
		return sim.NVMeReply{In: []byte(strings.Repeat("\xaa", 4096))}, nil
	case 0x02, 0x82:
		return sim.NVMeReply{In: []byte(strings.Repeat("L", r.In)), Result: 0x11223344}, nil
	case 0x84: // SCT 0, SC 1Dh with DNR and More
		return sim.NVMeReply{Status: 0x601d, Result: 7}, nil
	}
	return sim.NVMeReply{}, nil
}

func (f *fake) IO(ctx context.Context, r sim.NVMeRequest) (sim.NVMeReply, error) {
	if _, err := f.Begin(ctx, sim.Call{Opcode: r.SQE[0], IO: true}); err != nil {
		return sim.NVMeReply{}, err
	}
	at, n := int64(le.Uint32(r.SQE[40:]))*512, 512*(int(le.Uint16(r.SQE[48:]))+1)
	var err error
	reply := sim.NVMeReply{}
	switch r.SQE[0] {
	case 0x01:
		if len(r.Out) != n {
			return sim.NVMeReply{Status: 0x0004}, nil
		}
		_, err = f.medium.WriteAt(r.Out, at)
	case 0x02:
		reply.In = make([]byte, n)
		_, err = f.medium.ReadAt(reply.In, at)
	}
	if err != nil {
		reply = sim.NVMeReply{Status: 0x4080} // LBA Out of Range
	}
	return reply, nil
}

// bed is a served model and what it logged.
type bed struct {
	t    *testing.T
	addr string
	fake *fake
	stop context.CancelFunc
	done chan error
	door *server

	mu   sync.Mutex
	said []string
}

func serve(t *testing.T, f *fake) *bed {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &bed{t: t, addr: l.Addr().String(), fake: f, stop: stop, done: make(chan error, 1)}
	b.door = newServer(f, Options{Log: func(s string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.said = append(b.said, s)
	}})
	go func() { b.done <- b.door.serve(ctx, l) }()
	t.Cleanup(b.end)
	return b
}

// end the door: everything that it started has to end too.
func (b *bed) end() {
	if b.stop == nil {
		return
	}
	b.stop()
	b.stop = nil
	select {
	case err := <-b.done:
		if err != nil {
			b.t.Errorf("the door: %v", err)
		}
	case <-time.After(10 * time.Second):
		b.t.Error("the door does not end")
	}
}

// heard waits for a line of the log with these words.
func (b *bed) heard(words string) {
	b.t.Helper()
	for range 500 {
		b.mu.Lock()
		all := strings.Join(b.said, "\n")
		b.mu.Unlock()
		if strings.Contains(all, words) {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	b.t.Errorf("the log never said %q: %q", words, b.said)
}

// initiator is a small host: it sends and expects bytes.
type initiator struct {
	t *testing.T
	c net.Conn
}

func (b *bed) dial() *initiator {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return &initiator{b.t, c}
}

// unhex bytes: blanks are free, '*N' repeats the byte before N times in all.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var out []byte
	for _, w := range strings.Fields(s) {
		if n := 0; w[0] == '*' {
			if _, err := fmt.Sscanf(w, "*%d", &n); err != nil {
				t.Fatal(err)
			}
			last := out[len(out)-1]
			for range n - 1 {
				out = append(out, last)
			}
			continue
		}
		b, err := hex.DecodeString(w)
		if err != nil {
			t.Fatalf("%q: %v", w, err)
		}
		out = append(out, b...)
	}
	return out
}

func (i *initiator) send(s string) {
	i.t.Helper()
	i.write(unhex(i.t, s))
}

func (i *initiator) write(b []byte) {
	i.t.Helper()
	if _, err := i.c.Write(b); err != nil {
		i.t.Fatal(err)
	}
}

func (i *initiator) read(n int) []byte {
	i.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(i.c, b); err != nil {
		i.t.Fatalf("after % x: %v", b, err)
	}
	return b
}

// expect these bytes and no others.
func (i *initiator) expect(what, s string) {
	i.t.Helper()
	want := unhex(i.t, s)
	got := i.read(len(want))
	for n := range want {
		if got[n] != want[n] {
			i.t.Fatalf("%s: byte %d is %02x, want %02x\n got % x\nwant % x", what, n, got[n], want[n], got, want)
		}
	}
}

// over: the door has closed the connection.
func (i *initiator) over() {
	i.t.Helper()
	if n, err := i.c.Read(make([]byte, 1)); n > 0 || err == nil {
		i.t.Error("the connection goes on")
	}
}

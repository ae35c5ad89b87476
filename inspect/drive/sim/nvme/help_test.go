package nvme

import (
	"bytes"
	"context"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
)

// sqe is a submission queue entry from hex: its first 8 bytes (opcode, flags,
// command identifier, NSID) and what stands from byte 40 on (Command Dwords 10 to
// 15), as nvme-cli's --dry-run or a kernel trace shows them.
func sqe(t testing.TB, head, dwords string) [64]byte {
	t.Helper()
	var f [64]byte
	for at, s := range map[int]string{0: head, 40: dwords} {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil || at+len(b) > 64 || at == 0 && len(b) != 8 {
			t.Fatalf("no frame: %q", s)
		}
		copy(f[at:], b)
	}
	return f
}

// unhex is for expected bytes.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rig is a drive with the clock that it lives by.
type rig struct {
	*Drive
	t     testing.TB
	clock *sim.Manual
}

// MiB is the size of the namespaces in these tests.
const mib = 1 << 20

// laptop is an ordinary drive of one namespace.
func laptop() Config {
	return Config{Serial: "S1", Model: "Handback Model", Firmware: "1.0", DSM: true, WriteZeroes: true, Compare: true,
		Verify: true, WriteUncorrectable: true,
		Format: Format{Supported: true, Crypto: true},
		Sanitize: Sanitize{Crypto: true, Block: true, Overwrite: true,
			CryptoTime: 2 * time.Second, BlockTime: 100 * time.Second, OverwriteTime: 40 * time.Second},
		Namespaces: []Namespace{{ID: 1, Bytes: mib, Attached: true, EUI64: []byte{1, 2, 3, 4, 5, 6, 7, 8}}}}
}

// pair adds a second namespace that is not attached.
func pair() Config {
	c := laptop()
	c.Namespaces = append(c.Namespaces, Namespace{ID: 2, Bytes: mib})
	return c
}

func start(t testing.TB, c Config, faults ...sim.Fault) *rig {
	t.Helper()
	clock := sim.NewManual()
	c.Clock = clock
	if len(faults) > 0 {
		c.Script = sim.NewScript(faults...)
	}
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{d, t, clock}
}

func (r *rig) admin(head, dwords string, in int, out ...byte) sim.NVMeReply {
	r.t.Helper()
	a, err := r.Admin(context.Background(), sim.NVMeRequest{SQE: sqe(r.t, head, dwords), In: in, Out: out})
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func (r *rig) io(head, dwords string, in int, out ...byte) sim.NVMeReply {
	r.t.Helper()
	a, err := r.IO(context.Background(), sim.NVMeRequest{SQE: sqe(r.t, head, dwords), In: in, Out: out})
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// adminIs and ioIs want a status.
func (r *rig) adminIs(want uint16, head, dwords string, in int, out ...byte) sim.NVMeReply {
	r.t.Helper()
	a := r.admin(head, dwords, in, out...)
	if a.Status != want {
		r.t.Fatalf("admin %s %s: status %#x, want %#x", head, dwords, a.Status, want)
	}
	return a
}

func (r *rig) ioIs(want uint16, head, dwords string, in int, out ...byte) sim.NVMeReply {
	r.t.Helper()
	a := r.io(head, dwords, in, out...)
	if a.Status != want {
		r.t.Fatalf("I/O %s %s: status %#x, want %#x", head, dwords, a.Status, want)
	}
	return a
}

// owner leaves data on a medium, all over it.
func (r *rig) owner(m *sim.Medium, who string) {
	r.t.Helper()
	if err := m.Fill(0, m.Size(), sim.Noise(who)); err != nil {
		r.t.Fatal(err)
	}
}

func contents(t testing.TB, m *sim.Medium) []byte {
	t.Helper()
	p := make([]byte, m.Size())
	if _, err := m.ReadAt(p, 0); err != nil {
		t.Fatal(err)
	}
	return p
}

// owned is what owner left.
func owned(t testing.TB, n int64, who string) []byte {
	t.Helper()
	m := sim.NewMedium(n)
	if err := m.Fill(0, n, sim.Noise(who)); err != nil {
		t.Fatal(err)
	}
	return contents(t, m)
}

// holds: the medium still has all that its owner left.
func (r *rig) holds(m *sim.Medium, who string) bool {
	r.t.Helper()
	return bytes.Equal(contents(r.t, m), owned(r.t, m.Size(), who))
}

// reads: the medium reads as a pattern, all over.
func (r *rig) reads(m *sim.Medium, repeat ...byte) bool {
	r.t.Helper()
	p := contents(r.t, m)
	for i := range p {
		if p[i] != repeat[i%len(repeat)] {
			return false
		}
	}
	return true
}

// survives counts bytes at which the medium still is as its owner left it, less what
// chance gives.
func (r *rig) survives(m *sim.Medium, who string) int {
	r.t.Helper()
	n, was := 0, owned(r.t, m.Size(), who)
	for i, b := range contents(r.t, m) {
		if b == was[i] {
			n++
		}
	}
	return n
}

// sanitizeLog reads the first 8 bytes of log 81h: SPROG, SSTAT, SCDW10.
func (r *rig) sanitizeLog() string {
	r.t.Helper()
	a := r.adminIs(0, "02000000 ffffffff", "81007f00", 512)
	return hex.EncodeToString(a.In[:8])
}

func (r *rig) logIs(want string) {
	r.t.Helper()
	if got := r.sanitizeLog(); got != want {
		r.t.Fatalf("log 81h: %s, want %s", got, want)
	}
}

func ptr[T any](v T) *T { return &v }

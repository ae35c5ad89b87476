package function

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// chips are memory with faults, as textbooks of memory tests name them. The march over
// them is the one that runs on real memory.
type chips struct {
	words []uint64
	// row of a word index: an address line that sticks makes two of them one.
	row func(i int) int
	// wrote changes what a write of one word leaves behind.
	wrote func(words []uint64, i int, before, after uint64)
}

func (c *chips) Len() int { return len(c.words) * 8 }

func (c *chips) at(i int) int {
	if c.row != nil {
		return c.row(i)
	}
	return i
}

func (c *chips) Write(at int, p []byte) {
	for i := at / 8; len(p) > 0; p, i = p[8:], i+1 {
		row, w := c.at(i), binary.LittleEndian.Uint64(p)
		before := c.words[row]
		c.words[row] = w
		if c.wrote != nil {
			c.wrote(c.words, row, before, w)
		}
	}
}

func (c *chips) Read(at int, p []byte) {
	for i := at / 8; len(p) > 0; p, i = p[8:], i+1 {
		binary.LittleEndian.PutUint64(p, c.words[c.at(i)])
	}
}

func (c *chips) Address(at int) (uint64, bool) { return 0x1_0000_0000 + uint64(at), true }

const chipWords = 8 * chunk / 8

func once(c cells) slabs {
	given := false
	return func() (cells, string) {
		if given {
			return nil, "that was all"
		}
		given = true
		return c, ""
	}
}

func TestMemoryFaults(t *testing.T) {
	const victim, aggressor = 2*chunk/8 + 5, 6*chunk/8 + 77
	for name, c := range map[string]struct {
		chips chips
		where string
	}{
		"whole": {chips{}, ""},
		"a bit stuck at 1": {chips{wrote: func(w []uint64, i int, _, _ uint64) {
			if i == victim {
				w[i] |= 1 << 41
			}
		}}, "0x100002028"},
		"a bit stuck at 0": {chips{wrote: func(w []uint64, i int, _, _ uint64) {
			if i == victim {
				w[i] &^= 1 << 63
			}
		}}, "0x100002028"},
		"a bit that rises no more": {chips{wrote: func(w []uint64, i int, before, after uint64) {
			if i == victim && before&8 == 0 {
				w[i] &^= 8
			}
		}}, "0x100002028"},
		"a rising bit turns another over, above it": {chips{wrote: func(w []uint64, i int, before, after uint64) {
			if i == aggressor && before&2 == 0 && after&2 != 0 {
				w[victim] ^= 1 << 17
			}
		}}, "0x100002028"},
		"a falling bit turns another over, below it": {chips{wrote: func(w []uint64, i int, before, after uint64) {
			if i == victim && before&2 != 0 && after&2 == 0 {
				w[aggressor] ^= 1 << 17
			}
		}}, "0x100006268"},
		"two bits of a word touch": {chips{wrote: func(w []uint64, i int, _, after uint64) {
			if i == victim && after&(1<<12) != 0 {
				w[i] |= 1 << 13
			}
		}}, "0x100002028"},
		"an address line is stuck, far apart": {chips{row: func(i int) int { return i &^ (4 * chunk / 8) }}, "0x10000"},
		"an address line is stuck, close by":  {chips{row: func(i int) int { return i &^ 16 }}, "0x10000"},
		"two address lines touch":             {chips{row: func(i int) int { return i | i>>3&64&^(i&64) }}, "0x10000"},
		"a word is nowhere": {chips{wrote: func(w []uint64, i int, _, _ uint64) {
			if i == victim {
				w[i] = ^uint64(0)
			}
		}}, "0x100002028"},
	} {
		t.Run(name, func(t *testing.T) {
			c.chips.words = make([]uint64, chipWords)
			o := testMemory(t.Context(), MemoryTest{Fitted: 8 << 30, Bytes: 1 << 30}, once(&c.chips), func(float64) {})
			want := Pass
			if c.where != "" {
				want = Fail
			}
			if o.Result != want || !strings.Contains(o.Evidence, c.where) || !strings.Contains(o.Evidence, "of 8.0 GB") {
				t.Errorf("%v: %s", o.Result, o.Evidence)
			}
		})
	}
}

// A page that the hardware has given up raises SIGBUS, as a mapped file does whose
// end was cut off.
func TestMemoryPoisoned(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "memory"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 4 * chunk
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(b) }()
	if err := f.Truncate(size / 2); err != nil {
		t.Fatal(err)
	}
	o := testMemory(t.Context(), MemoryTest{Bytes: size}, once(slab(b)), func(float64) {})
	if o.Result != Fail || !strings.Contains(o.Evidence, "can't be read") {
		t.Errorf("%v: %s", o.Result, o.Evidence)
	}
}

func TestMemoryStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	o := testMemory(ctx, MemoryTest{Bytes: 1 << 30}, once(&chips{words: make([]uint64, chipWords)}), func(float64) {})
	if o.Result != NotTested || !strings.Contains(o.Evidence, "stopped") {
		t.Errorf("%v: %s", o.Result, o.Evidence)
	}
	o = testMemory(t.Context(), MemoryTest{}, func() (cells, string) { return nil, "none is free" }, func(float64) {})
	if o != (Outcome{NotTested, "none is free"}) {
		t.Errorf("without memory: %v: %s", o.Result, o.Evidence)
	}
}

// One slab of this machine's own memory, locked, with its physical address.
func TestMemoryReal(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("locked memory and its address need root: 'make test' runs the tests as root")
	}
	s, err := newSlab(4 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(s) }()
	last := 0.0
	o := testMemory(t.Context(), MemoryTest{Fitted: 4 << 20, Bytes: 4 << 20, Time: time.Minute}, once(s), func(d float64) { last = d })
	if o.Result != Pass || o.Evidence != "4 MB of 4 MB written and read back in 11 patterns and their inverses: no error" {
		t.Errorf("%v: %s", o.Result, o.Evidence)
	}
	if last < 0.7 || last > 1 {
		t.Errorf("the last progress was %v", last)
	}
	a, ok := s.Address(4<<20 - 1)
	b, okToo := s.Address(4<<20 - chunk)
	if !ok || !okToo || a != b+chunk-1 {
		t.Errorf("physical addresses %x (%v) and %x (%v)", b, okToo, a, ok)
	}
}

// admin-guide/mm/pagemap.rst: bits 0 to 54, and bit 63.
func TestPageFrame(t *testing.T) {
	for entry, want := range map[uint64]uint64{0x81800000001234ab: 0x1234ab, 0x807fffffffffffff: 0x7fffffffffffff, 0x01800000001234ab: 0, 0x8180000000000000: 0} {
		if f, ok := pageFrame(entry); ok != (want != 0) || ok && f != want {
			t.Errorf("%016x: %x, %v", entry, f, ok)
		}
	}
}

func FuzzAvailable(f *testing.F) {
	// /proc/meminfo of a laptop with 16 GB (proc(5) has the lines).
	f.Add("MemTotal:       16278936 kB\nMemFree:         1234567 kB\nMemAvailable:   11894232 kB\nBuffers:          389452 kB\n")
	f.Add("MemAvailable:   -1 kB\n")
	f.Add("MemAvailable: 99999999999999999999 kB")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseAvailable(text)
		if n < 0 || err != nil && n != 0 {
			t.Errorf("%d, %v", n, err)
		}
		if strings.HasPrefix(text, "MemTotal:       16278936 kB\nMemFree:         1234567 kB\nMemAvailable:   11894232 kB\n") && n != 12179693568 {
			t.Errorf("11894232 kB are %d", n)
		}
	})
}

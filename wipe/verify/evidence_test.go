package verify

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/wipe"
	"handback.example/wipe/internal/meter"
	"handback.example/wipe/internal/pattern"
	"handback.example/wipe/internal/sweep"
	"pgregory.net/rapid"
)

// medium is a drive over a model's medium: what is on it is what the test says.
type medium struct {
	*sim.Medium
	t       testing.TB
	geo     drive.Geometry
	onRead  func(off int64, n int) error
	onWrite func(off int64, n int) error
	onFlush func() error
	lose    bool // writes are claimed, not done
	reads   atomic.Int64
	writes  atomic.Int64
}

func newMedium(t testing.TB, size int64, block int) *medium {
	return &medium{Medium: sim.NewMedium(size), t: t, geo: drive.Geometry{Size: size, LogicalBlock: block, PhysicalBlock: 4096}}
}

func (m *medium) Geometry() drive.Geometry { return m.geo }

func (m *medium) check(b []byte, off int64) {
	if n := m.geo.LogicalBlock; len(b) == 0 || len(b)%n != 0 || off%int64(n) != 0 || !drive.Aligned(b) {
		m.t.Errorf("%d bytes at %d: O_DIRECT would refuse that", len(b), off)
	}
}

func (m *medium) ReadAt(b []byte, off int64) (int, error) {
	m.check(b, off)
	m.reads.Add(1)
	if m.onRead != nil {
		if err := m.onRead(off, len(b)); err != nil {
			return 0, err
		}
	}
	return m.Medium.ReadAt(b, off)
}

func (m *medium) WriteAt(b []byte, off int64) (int, error) {
	m.check(b, off)
	m.writes.Add(1)
	if m.onWrite != nil {
		if err := m.onWrite(off, len(b)); err != nil {
			return 0, err
		}
	}
	if m.lose {
		return len(b), nil
	}
	return m.Medium.WriteAt(b, off)
}

func (m *medium) Flush(context.Context) error {
	if m.onFlush != nil {
		return m.onFlush()
	}
	return nil
}

func (m *medium) reader() Reader {
	return Reader{Media: m, Geometry: m.geo, Meter: meter.New(), Bad: &sweep.Bad{}, Alive: func() error { return nil }, Buffers: &sweep.Buffers{}}
}

func (m *medium) fill(off, n int64, p sim.Pattern) {
	if err := m.Fill(off, n, p); err != nil {
		m.t.Fatal(err)
	}
}

// person is data that no two blocks share.
func (m *medium) person() { m.fill(0, m.geo.Size, sim.Noise("a person")) }

const serial = "S1\nnaa.5000c500a1b2c3d4\n1"

func planted(t testing.TB, m *medium, media drive.MediaType) (*Evidence, Key) {
	t.Helper()
	e, err := Before(t.Context(), m.reader(), media)
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Plant(t.Context(), m.reader(), m, serial, key); err != nil {
		t.Fatal(err)
	}
	return e, key
}

func after(t testing.TB, e *Evidence, m *medium) wipe.Verification {
	t.Helper()
	v, err := e.After(t.Context(), m.reader())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Made with Python's hmac and openssl enc -aes-256-ctr, key 00 01 … 1f.
func TestCanaryContent(t *testing.T) {
	var key Key
	for i := range key {
		key[i] = byte(i)
	}
	for _, c := range []struct {
		lba         int64
		block       int
		first, last string
	}{
		{0, 512, "411a13fe10d59ef53661748f1745e36a43144d3aec14a8695c4d3a523f38d14f", "e05a4ee383f56f37"},
		{0x123456789, 512, "f5a23d0bfcd1ec99c3e3cb396864f5c9ff88cc7dfe5adddde9765b941dd916c2", "047d438683bdc5ba"},
		{7, 4096, "96d3882f048fad2c4c921bd1e5fee7a54c72d8f3bfbc07e258d00bcd7b3b0be6", "dabae69301374f25"},
	} {
		m := newCanaries(geometry(1<<42, c.block), drive.MediaSSD, serial, key).maker()
		b := make([]byte, 2*c.block)
		m.fill(b, c.lba*int64(c.block))
		if hex.EncodeToString(b[:32]) != c.first || hex.EncodeToString(b[c.block-8:c.block]) != c.last {
			t.Errorf("LBA %d: %x … %x", c.lba, b[:32], b[c.block-8:c.block])
		}
		if whole, some := m.same(b, c.lba*int64(c.block)); whole != 2 || some != 2 {
			t.Errorf("%d whole, %d in part", whole, some)
		}
		// At another place, of another drive, of another erasure it is none.
		other := key
		other[31] ^= 1
		for name, x := range map[string]*maker{"serial": newCanaries(geometry(1<<42, c.block), drive.MediaSSD, "S2", key).maker(), "key": newCanaries(geometry(1<<42, c.block), drive.MediaSSD, serial, other).maker()} {
			if _, some := x.same(b, c.lba*int64(c.block)); some != 0 {
				t.Errorf("another %s: %d pass", name, some)
			}
		}
		if _, some := m.same(b, c.lba*int64(c.block)+int64(c.block)*2); some != 0 {
			t.Errorf("another place: %d pass", some)
		}
	}
}

// Whatever an erasure leaves behind, zeros, ones or noise, is good where nothing of
// what stood there is left.
func TestEvidenceOfAnErasure(t *testing.T) {
	for _, block := range []int{512, 4096} {
		for name, p := range map[string]sim.Pattern{"zeros": sim.Zeros, "ones": sim.Repeat([]byte{0xff}), "noise": sim.Noise("new key"), "a vendor's": sim.Repeat([]byte{0x33, 0xcc, 0x55, 0xaa})} {
			m := newMedium(t, 64<<20+3*4096, block)
			m.person()
			e, _ := planted(t, m, drive.MediaSSD)
			m.fill(0, m.geo.Size, p)
			v := after(t, e, m)
			if v.Result != Passed || v.Survivors != 0 || v.Canaries == 0 || v.Counted <= v.Canaries || v.Extent == 0 || v.Extent > 128<<10 || v.Confidence != 0.999 || v.Fraction <= 0 || v.Seed == "" {
				t.Errorf("%s in blocks of %d: %+v", name, block, v)
			}
			if v.Method != "pre-sampled blocks; keyed canaries; read-back" {
				t.Errorf("method %q", v.Method)
			}
		}
	}
}

// What is left is found: nothing erased at all, one canary, a part of a canary.
func TestEvidenceOfALie(t *testing.T) {
	for _, blank := range []bool{true, false} {
		m := newMedium(t, 32<<20, 512)
		if !blank {
			m.person()
		}
		e, _ := planted(t, m, drive.MediaSSD)
		if v := after(t, e, m); v.Result != Failed || v.Survivors != v.Counted {
			t.Errorf("blank %t, nothing erased: %+v", blank, v)
		}
	}
	m := newMedium(t, 32<<20, 512)
	e, _ := planted(t, m, drive.MediaSSD)
	places := slices.Collect(e.canaries.windows.Ordered())
	off, _ := e.canaries.windows.At(places[len(places)/2])
	part := make([]byte, 32)
	if _, err := m.Medium.ReadAt(part, off+512+64); err != nil {
		t.Fatal(err)
	}
	m.fill(0, m.geo.Size, sim.Noise("x"))
	if _, err := m.Medium.WriteAt(part, off+512+64); err != nil {
		t.Fatal(err)
	}
	if v := after(t, e, m); v.Result != Failed || v.Survivors != 1 {
		t.Errorf("32 bytes of a canary are left: %+v", v)
	}
}

// A surviving extent of the size that the record claims is found, 100 of 100,
// wherever it lies: by the samples alone, and by the canaries alone.
func TestExtentThatSurvivesIsFound(t *testing.T) {
	for _, c := range []struct {
		name  string
		media drive.MediaType
		block int
		alone string
	}{
		{"SSD, samples", drive.MediaSSD, 512, "samples"}, {"HDD of 4Kn, samples", drive.MediaHDD, 4096, "samples"},
		{"SSD, canaries", drive.MediaSSD, 4096, "canaries"}, {"HDD, canaries", drive.MediaHDD, 512, "canaries"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMedium(t, 20<<20+4096, c.block)
			m.person()
			e, err := Before(t.Context(), m.reader(), c.media)
			if err != nil {
				t.Fatal(err)
			}
			before := sim.Noise("a person")
			if c.alone == "canaries" {
				key, err := NewKey()
				if err != nil {
					t.Fatal(err)
				}
				if err := e.Plant(t.Context(), m.reader(), m, serial, key); err != nil {
					t.Fatal(err)
				}
				e = Recall(m.geo, c.media, serial, key, e.Canaries())
			}
			whole, err := m.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			size := e.extent()
			if size <= 0 || size > m.geo.Size/20 {
				t.Fatalf("it claims %d bytes", size)
			}
			for i := range 100 {
				at := mrand.Int64N((m.geo.Size-size)/int64(c.block)+1) * int64(c.block)
				if c.alone == "canaries" {
					if err := whole(); err != nil {
						t.Fatal(err)
					}
					m.fill(0, at, sim.Zeros)
					m.fill(at+size, m.geo.Size-at-size, sim.Zeros)
				} else {
					m.fill(0, m.geo.Size, sim.Zeros)
					m.fill(at, size, before)
				}
				if v := after(t, e, m); v.Result != Failed || v.Survivors == 0 {
					t.Errorf("%d: an extent of %d at %d is missed: %+v", i, size, at, v)
				}
			}
		})
	}
}

// The extent is what it says: a stretch of it holds a unit wherever it lies, and a
// block less does not.
func TestGapsAreExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const block = 2
		size := rapid.Int64Range(1, 60).Draw(rt, "blocks") * block
		type unit struct{ off, n int64 }
		var units []unit
		for off := int64(0); off < size; {
			n := rapid.Int64Range(1, 3).Draw(rt, "unit") * block
			if off+n > size {
				break
			}
			if rapid.Bool().Draw(rt, "is") {
				units = append(units, unit{off, n})
			}
			off += n
		}
		g := gaps{size: size, block: block}
		for _, u := range units {
			g.unit(u.off, int(u.n))
		}
		held := func(from, n int64) bool {
			return slices.ContainsFunc(units, func(u unit) bool { return from <= u.off && u.off+u.n <= from+n })
		}
		always := func(n int64) bool {
			for from := int64(0); from+n <= size; from += block {
				if !held(from, n) {
					return false
				}
			}
			return true
		}
		l := g.end()
		if len(units) == 0 {
			if l != 0 {
				rt.Fatalf("%d of nothing", l)
			}
			return
		}
		if !always(l) || l > block && always(l-block) {
			rt.Fatalf("%d of %d with %v", l, size, units)
		}
	})
}

// What is claimed of a drive of 1 TB, and what it costs.
func TestClaimsOfATerabyte(t *testing.T) {
	for _, c := range []struct {
		media         drive.MediaType
		extent, bytes int64
		fraction      float64
		canaries      int64
	}{
		{drive.MediaSSD, 1<<20 + 4096, 4.4e9, 1e-4, 7000},
		{drive.MediaHDD, 100<<20 + 4096, 210e6, 1.1e-3, 1700},
	} {
		g := geometry(1e12/4096*4096, 512)
		s, err := newSamples(g, c.media)
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.before {
			s.before[i] = hashed{blank}
		}
		s.drawn.Store(int64(len(s.windows.points)))
		e := &Evidence{geometry: g, samples: s}
		f, conf := e.fraction()
		if x := e.extent(); x > c.extent || s.windows.Bytes() > c.bytes || f > c.fraction || conf != 0.999 || 6*len(s.before) > 8<<20 {
			t.Errorf("%s: extent %d, %d bytes, fraction %f, %d units", c.media, x, s.windows.Bytes(), f, len(s.before))
		}
		if n := newCanaries(g, c.media, serial, Key{}).windows.Len(); n > c.canaries {
			t.Errorf("%d canaries", n)
		}
	}
}

// A unit that the windows give is where they say, and Overlapping finds it.
func TestWindowsIndices(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		block := rapid.SampledFrom([]int{512, 4096}).Draw(rt, "block")
		g := geometry(rapid.Int64Range(1, 40_000).Draw(rt, "blocks")*int64(block), block)
		media := rapid.SampledFrom([]drive.MediaType{drive.MediaSSD, drive.MediaHDD}).Draw(rt, "media")
		w := windowsOf(g, density(g, media), [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(rt, "seed")))
		at, last, n := int64(0), int64(-1), int64(0)
		for i := range w.Len() {
			if w.before(i) != at {
				rt.Fatalf("before(%d) = %d, want %d", i, w.before(i), at)
			}
			_, k := w.At(i)
			at += int64(k)
		}
		for i := range w.Ordered() {
			off, k := w.At(i)
			if off < last {
				rt.Fatalf("window %d at %d comes after %d", i, off, last)
			}
			last, n = off+int64(k), n+1
		}
		if at != w.Bytes() || n != w.Len() {
			rt.Fatalf("%d bytes of %d, %d windows of %d", at, w.Bytes(), n, w.Len())
		}
		off := rapid.Int64Range(0, g.Blocks()-1).Draw(rt, "off") * int64(block)
		size := int(min(rapid.Int64Range(1, 20).Draw(rt, "n")*int64(block), g.Size-off))
		var want []int64
		for i := range w.Len() {
			if a, k := w.At(i); a < off+int64(size) && off < a+int64(k) {
				want = append(want, i)
			}
		}
		if got := slices.Collect(w.Overlapping(off, size)); !slices.Equal(got, want) {
			rt.Fatalf("%d bytes at %d touch %v, got %v", size, off, want, got)
		}
	})
}

// A drive that takes no canaries leaves evidence without them, and says so; what
// was read before still counts.
func TestDriveThatTakesNoCanaries(t *testing.T) {
	for name, fault := range map[string]func(m *medium){
		"read only":       func(m *medium) { m.onWrite = func(int64, int) error { return syscall.EPERM } },
		"flush fails":     func(m *medium) { m.onFlush = func() error { return syscall.EIO } },
		"writes are lost": func(m *medium) { m.lose = true },
		"reads fail since": func(m *medium) {
			m.onFlush = func() error { m.onRead = func(int64, int) error { return syscall.EIO }; return nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMedium(t, 16<<20, 512)
			m.person()
			e, err := Before(t.Context(), m.reader(), drive.MediaSSD)
			if err != nil {
				t.Fatal(err)
			}
			fault(m)
			if err := e.Plant(t.Context(), m.reader(), m, serial, Key{1}); err != nil {
				t.Fatal(err)
			}
			if e.Canaries() != 0 || e.Counted() == 0 || !strings.Contains(e.None().Method, "no canaries: ") {
				t.Errorf("%d canaries, %d counted, %q", e.Canaries(), e.Counted(), e.None().Method)
			}
			m.onRead = nil
			m.fill(0, m.geo.Size, sim.Zeros)
			if v := after(t, e, m); v.Result != Passed || v.Canaries != 0 {
				t.Errorf("%+v", v)
			}
		})
	}
}

// A locked drive can neither be read nor written: that is learnt with few commands,
// and nothing counts.
func TestLockedDrive(t *testing.T) {
	m := newMedium(t, 1<<30, 512)
	locked := func(int64, int) error { return syscall.EIO }
	m.onRead, m.onWrite = locked, locked
	e, _ := planted(t, m, drive.MediaHDD)
	if e.Counted() != 0 || m.reads.Load() > 200 || m.writes.Load() > 200 {
		t.Errorf("%d counted, %d reads, %d writes", e.Counted(), m.reads.Load(), m.writes.Load())
	}
	m.onRead = nil
	if v := after(t, e, m); v.Result != NotDone || v.Counted != 0 || v.Extent != 0 || v.Confidence != 0 {
		t.Errorf("%+v", v)
	}
}

// A dying drive that takes half a minute for each error is not waited for: what was
// read until then counts.
func TestDyingDriveIsNotWaitedFor(t *testing.T) {
	m := newMedium(t, 64<<20, 512)
	m.person()
	clock := sim.NewManual()
	m.onRead = func(off int64, _ int) error {
		if off >= 8<<20 {
			clock.Advance(30 * time.Second)
			return syscall.EIO
		}
		return nil
	}
	r := m.reader()
	r.Now = clock.Now
	began := clock.Now()
	e, err := Before(t.Context(), r, drive.MediaHDD)
	if err != nil {
		t.Fatal(err)
	}
	if took := clock.Now().Sub(began); took > 10*time.Minute || e.Counted() == 0 || !strings.Contains(e.None().Method, "few or no pre-sampled blocks") {
		t.Errorf("%s, %d counted, %q", took, e.Counted(), e.None().Method)
	}
}

// What could not be read before says nothing, so less is claimed.
func TestBadPlacesBeforeWidenTheClaim(t *testing.T) {
	m := newMedium(t, 64<<20, 512)
	m.person()
	m.onRead = func(off int64, n int) error {
		if off < 24<<20 && 20<<20 < off+int64(n) {
			return syscall.EIO
		}
		return nil
	}
	e, err := Before(t.Context(), m.reader(), drive.MediaSSD)
	if err != nil {
		t.Fatal(err)
	}
	m.onRead = nil
	m.fill(0, m.geo.Size, sim.Zeros)
	if v := after(t, e, m); v.Result != Passed || v.Extent < 4<<20 || v.Extent > 5<<20 || v.Unreadable != 0 {
		t.Errorf("%+v", v)
	}
}

// What can't be read afterwards is never a success.
func TestBadPlacesAfterFail(t *testing.T) {
	m := newMedium(t, 16<<20, 512)
	m.person()
	e, _ := planted(t, m, drive.MediaSSD)
	m.fill(0, m.geo.Size, sim.Zeros)
	m.onRead = func(off int64, n int) error {
		if off <= 512 && 512 < off+int64(n) {
			return syscall.EIO
		}
		return nil
	}
	r := m.reader()
	v, err := e.After(t.Context(), r)
	if err != nil || v.Result != Failed || v.Unreadable == 0 || r.Bad.Ranges()[0].First != 1 {
		t.Errorf("%v, %+v, %v", err, v, r.Bad.Ranges())
	}
}

// A drive that is gone, and an end of the work, are errors at every step.
func TestEvidenceEnds(t *testing.T) {
	m := newMedium(t, 16<<20, 512)
	m.person()
	gone := func(int64, int) error { return syscall.ENODEV }
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Before(ended, m.reader(), drive.MediaSSD); !errors.Is(err, context.Canceled) {
		t.Errorf("before: %v", err)
	}
	e, _ := planted(t, m, drive.MediaSSD)
	if err := e.Plant(ended, m.reader(), m, serial, Key{}); !errors.Is(err, context.Canceled) {
		t.Errorf("plant: %v", err)
	}
	if v, err := e.After(ended, m.reader()); !errors.Is(err, context.Canceled) || v.Result == Passed {
		t.Errorf("after: %v, %+v", err, v)
	}
	m.onRead, m.onWrite = gone, gone
	if _, err := Before(t.Context(), m.reader(), drive.MediaSSD); !errors.Is(err, sweep.ErrGone) {
		t.Errorf("before: %v", err)
	}
	if err := e.Plant(t.Context(), m.reader(), m, serial, Key{}); !errors.Is(err, sweep.ErrGone) {
		t.Errorf("plant: %v", err)
	}
	if v, err := e.After(t.Context(), m.reader()); !errors.Is(err, sweep.ErrGone) || v.Result == Passed {
		t.Errorf("after: %v, %+v", err, v)
	}
}

// The next start looks for the canaries of the one before.
func TestRecall(t *testing.T) {
	for _, media := range []drive.MediaType{drive.MediaSSD, drive.MediaHDD} {
		m := newMedium(t, 64<<20, 512)
		m.person()
		e, key := planted(t, m, media)
		again, err := ParseKey(key.Hex())
		if err != nil {
			t.Fatal(err)
		}
		r := Recall(m.geo, media, serial, again, e.Canaries())
		if v := after(t, r, m); v.Result != Failed || v.Survivors != e.Canaries() {
			t.Errorf("nothing erased: %+v", v)
		}
		m.fill(0, m.geo.Size, sim.Noise("x"))
		v := after(t, r, m)
		if v.Result != Passed || v.Counted != e.Canaries() || v.Canaries != v.Counted || v.Extent == 0 || v.Confidence != 0 || v.Seed != "" {
			t.Errorf("%+v", v)
		}
		// Where some were not taken nobody knows which: no extent is claimed.
		if v := after(t, Recall(m.geo, media, serial, again, e.Canaries()-1), m); v.Extent != 0 || v.Result != Passed {
			t.Errorf("%+v", v)
		}
		for _, n := range []int64{-1, 0, 1 << 62} {
			if v := after(t, Recall(m.geo, media, serial, again, n), m); v.Canaries < 0 || v.Canaries > e.Canaries() || (v.Result == Passed) != (n > 0) {
				t.Errorf("%d blocks said: %+v", n, v)
			}
		}
	}
}

// The key of the canaries stands in the journal, and nowhere else.
func TestKeyIsToldToNobody(t *testing.T) {
	m := newMedium(t, 16<<20, 512)
	m.person()
	e, key := planted(t, m, drive.MediaSSD)
	m.fill(0, m.geo.Size, sim.Zeros)
	text, err := json.Marshal(after(t, e, m))
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprint(key) + fmt.Sprintf("%v %+v %#v %s", key, key, key, key) + string(text)
	if strings.Contains(all, key.Hex()[:8]) || strings.Contains(all, fmt.Sprint(key[0], " ", key[1])) {
		t.Error(all)
	}
	if strings.Contains(string(text), `"seed":""`) || !strings.Contains(string(text), `"seed":"`) {
		t.Error("the places of the samples are not said")
	}
}

// Two erasures have their canaries at different places, and samples too.
func TestPlacesAreFresh(t *testing.T) {
	g := geometry(1<<36, 512)
	places := func(k Key) []int64 { return newCanaries(g, drive.MediaSSD, serial, k).windows.points }
	if !slices.Equal(places(Key{1}), places(Key{1})) || slices.Equal(places(Key{1}), places(Key{2})) {
		t.Error("the key does not decide the places")
	}
}

// One flipped byte is found by the full read-back, wherever it is.
func TestFlippedByteIsFound(t *testing.T) {
	m := newMedium(t, 8<<20+512, 512)
	r := m.reader()
	for range 20 {
		m.fill(0, m.geo.Size, sim.Zeros)
		at := mrand.Int64N(m.geo.Size)
		if _, err := m.Medium.WriteAt([]byte{1 << mrand.IntN(8)}, at); err != nil {
			t.Fatal(err)
		}
		v, err := Full(t.Context(), r, pattern.Zero{})
		if err != nil || v.Result != Failed || v.Survivors != 1 {
			t.Errorf("byte %d: %v, %+v", at, err, v)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	var k Key
	_, _ = rand.Read(k[:])
	seeds := []string{k.Hex(), "", "00", strings.Repeat("g", 64), strings.Repeat("0", 66)}
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := ParseKey(s); err == nil && !strings.EqualFold(k.Hex(), s) {
			t.Errorf("%q became %s", s, k.Hex())
		}
	})
}

package technique

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/wipe"
	"handback.example/wipe/internal/meter"
	"handback.example/wipe/internal/pattern"
	"handback.example/wipe/internal/sweep"
	"handback.example/wipe/journal"
	"handback.example/wipe/verify"
)

// platter is a drive with a cache that is lost with the power: what was flushed is on
// the platter, the rest is not. Each write takes its time.
type platter struct {
	t     *testing.T
	clock *ticking
	geo   drive.Geometry
	takes time.Duration // of each write or read of a whole piece
	real  time.Duration // that a write takes of the test's own time

	mu      sync.Mutex
	cached  []byte // what reads see
	durable []byte
	dirty   map[int64]int
	writes  int
	cutAt   int // the write at which the power goes; 0: never
	off     bool
	onWrite func(off int64, n int) error
}

// ticking is a clock that its sleepers and the drive move.
type ticking struct{ *sim.Manual }

func (c *ticking) Sleep(_ context.Context, d time.Duration) error { c.Advance(d); return nil }

func newPlatter(t *testing.T, size int64) *platter {
	p := &platter{t: t, clock: &ticking{sim.NewManual()}, takes: 20 * time.Second, dirty: map[int64]int{},
		geo: drive.Geometry{Size: size, LogicalBlock: 512, PhysicalBlock: 4096}}
	p.cached, p.durable = bytes.Clone(person()[:size]), bytes.Clone(person()[:size])
	return p
}

// person is a person's data, in every block.
var person = sync.OnceValue(func() []byte {
	b := make([]byte, 9*sweep.Piece)
	for o := 0; o < len(b); o += 512 {
		copy(b[o:], fmt.Sprintf("PRIVATE %d", o))
	}
	return b
})

func (p *platter) Identify(context.Context) (drive.Identity, error) {
	return drive.Identity{Bus: drive.BusModel, Media: drive.MediaHDD, Model: "Platter", Serial: "P1", Size: p.geo.Size}, nil
}
func (p *platter) Geometry() drive.Geometry     { return p.geo }
func (p *platter) Provenance() drive.Provenance { return drive.ProvenanceModel }
func (p *platter) Close() error                 { return nil }

func (p *platter) Do(context.Context, drive.Command) (drive.Completion, error) {
	p.t.Error("a command was sent")
	return drive.Completion{}, syscall.ENOTTY
}

func (p *platter) ReadAt(b []byte, off int64) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.off {
		return 0, syscall.ENODEV
	}
	if len(b) >= sweep.Piece {
		p.clock.Advance(p.takes)
	}
	return copy(b, p.cached[off:]), nil
}

func (p *platter) WriteAt(b []byte, off int64) (int, error) {
	time.Sleep(p.real)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes++
	if p.writes == p.cutAt {
		p.off = true
	}
	if p.off {
		return 0, syscall.ENODEV
	}
	if p.onWrite != nil {
		if err := p.onWrite(off, len(b)); err != nil {
			return 0, err
		}
	}
	p.clock.Advance(p.takes)
	p.dirty[off] = len(b)
	return copy(p.cached[off:], b), nil
}

func (p *platter) Flush(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.off {
		return syscall.ENODEV
	}
	for off, n := range p.dirty {
		copy(p.durable[off:], p.cached[off:off+int64(n)])
	}
	clear(p.dirty)
	return nil
}

// power comes back: what was in the cache is gone.
func (p *platter) power() {
	copy(p.cached, p.durable)
	clear(p.dirty)
	p.off, p.cutAt, p.writes = false, 0, 0
}

func (p *platter) private() int { return bytes.Count(p.cached, []byte("PRIVATE")) }

// pen is a journal that outlives the power.
type pen struct {
	mu    sync.Mutex
	marks []journal.Mark
	check func(m journal.Mark) error
}

func (j *pen) mark(_ context.Context, m journal.Mark) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.check != nil {
		if err := j.check(m); err != nil {
			return err
		}
	}
	j.marks = append(j.marks, journal.Mark{Step: m.Step, Data: maps.Clone(m.Data)})
	return nil
}

func (p *platter) drive(t *testing.T, id wipe.TechniqueID, reverse bool, j *pen) *Drive {
	who, err := p.Identify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d := &Drive{Target: p, Plan: wipe.DrivePlan{Identity: who, Geometry: p.geo}, Step: wipe.Step{Technique: id, Reverse: reverse}, Meter: meter.New(),
		Clock: p.clock, Mark: j.mark}
	if len(j.marks) > 0 {
		d.Past = &journal.Past{Entry: journal.Entry{Drive: d.Plan, Step: d.Step}, Marks: j.marks}
	}
	return d
}

// work runs a technique from its beginning to its end, or to its error.
func work(t *testing.T, d *Drive) (Report, wipe.Verification) {
	t.Helper()
	defer d.Buffers.Release()
	x, err := For(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := x.Erase(t.Context())
	if r.Err != nil {
		return r, wipe.Verification{}
	}
	v, err := x.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v.Result == verify.Passed && x.Grade(v) != wipe.EvidenceMeasured {
		t.Errorf("grade %q", x.Grade(v))
	}
	return r, v
}

var overwrites = map[wipe.TechniqueID]int{wipe.OverwriteZero: 1, wipe.OverwriteOne: 1, wipe.OverwriteRandom: 1,
	wipe.OverwriteIS5Baseline: 1, wipe.OverwriteIS5Enhanced: 3, wipe.OverwriteRandom3: 3}

const (
	platterSize   = 3*sweep.Piece + 3*512
	platterPieces = 4
)

func TestOverwritesWriteTheirPasses(t *testing.T) {
	for id, passes := range overwrites {
		for _, reverse := range []bool{false, true} {
			p, j := newPlatter(t, platterSize), &pen{}
			var first []int64
			p.onWrite = func(off int64, _ int) error { first = append(first, off); return nil }
			r, v := work(t, p.drive(t, id, reverse, j))
			if !r.Complete || r.Written != int64(passes)*platterSize || v.Result != verify.Passed || v.BytesRead != platterSize || p.private() != 0 || r.Resumed != "" {
				t.Errorf("%s: %+v %+v", id, r, v)
			}
			if len(first) != platterPieces*passes || (first[0] > sweep.Piece) != reverse {
				t.Errorf("%s, reverse %t: written at %v", id, reverse, first)
			}
			fill := map[wipe.TechniqueID]byte{wipe.OverwriteZero: 0, wipe.OverwriteIS5Baseline: 0, wipe.OverwriteOne: 0xff}
			if b, ok := fill[id]; ok && len(bytes.Trim(p.cached, string([]byte{b}))) != 0 && b == 0 {
				t.Errorf("%s: not all %02x", id, b)
			}
			if id == wipe.OverwriteOne && bytes.Count(p.cached, []byte{0xff}) != platterSize {
				t.Error("not all ones")
			}
			if j.marks[0].Step != journal.StepIssue || len(j.marks) < passes {
				t.Errorf("%s: marks %v", id, j.marks)
			}
		}
	}
}

// The power goes at any write of any pass: the next start goes on from where the
// medium holds what was written, and in the end nothing of the person is left.
func TestPowerCutOfAnOverwrite(t *testing.T) {
	resumed := 0
	for id, passes := range overwrites {
		for _, reverse := range []bool{false, true} {
			for cut := 1; cut <= platterPieces*passes; cut += 1 + rand.IntN(passes+1) {
				p, j := newPlatter(t, platterSize), &pen{}
				p.cutAt = cut
				// What is marked is on the platter at that moment, whatever the power does.
				j.check = func(m journal.Mark) error { return p.holds(m, reverse) }
				if r, _ := work(t, p.drive(t, id, reverse, j)); !errors.Is(r.Err, sweep.ErrGone) || r.Complete {
					t.Fatalf("%s cut at write %d: %+v", id, cut, r)
				}
				p.power()
				before := len(j.marks)
				r, v := work(t, p.drive(t, id, reverse, j))
				if !r.Complete || v.Result != verify.Passed || p.private() != 0 {
					t.Errorf("%s cut at write %d: %+v %+v", id, cut, r, v)
				}
				if r.Resumed != "" {
					resumed++
					if r.Written >= int64(passes)*platterSize || !strings.Contains(r.Resumed, "went on from there") {
						t.Errorf("%s cut at write %d: %d bytes written, %q", id, cut, r.Written, r.Resumed)
					}
				}
				if len(j.marks) <= before {
					t.Error("the second start marked nothing")
				}
			}
		}
	}
	if resumed < 10 {
		t.Errorf("only %d were gone on with", resumed)
	}
}

// holds reports whether what a mark claims is on the platter now.
func (p *platter) holds(m journal.Mark, reverse bool) error {
	var pass int
	var off int64
	if _, err := fmt.Sscan(m.Data[markPass], &pass); err != nil {
		return err
	}
	if _, err := fmt.Sscan(m.Data[markOffset], &off); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	from, to := int64(0), off
	if reverse {
		from, to = platterSize-off, platterSize
	}
	if n := bytes.Count(p.durable[from:to], []byte("PRIVATE")); n > 0 {
		p.t.Errorf("%d bytes are said to be overwritten, and %d blocks are not", off, n)
	}
	if key := m.Data[markPattern]; key != "" && off > 0 {
		r, err := pattern.ParseRandom(key)
		if err != nil || !r.Maker().Same(p.durable[from:to], from) {
			p.t.Errorf("%d bytes are said to hold the stream, and do not: %v", off, err)
		}
	}
	return nil
}

// begun is an overwrite that the power ended after a part of it had been marked; how
// much is a matter of which lane was first.
func begun(t *testing.T, id wipe.TechniqueID) (*platter, *pen) {
	t.Helper()
	for range 100 {
		p, j := newPlatter(t, platterSize), &pen{}
		p.cutAt = platterPieces
		p.real = time.Millisecond
		work(t, p.drive(t, id, false, j))
		p.power()
		if m := j.marks[len(j.marks)-1]; m.Step == journal.StepOffset && m.Data[markOffset] != fmt.Sprint(3*sweep.Piece) {
			return p, j
		}
	}
	t.Fatal("nothing was ever marked")
	return nil, nil
}

// What an earlier start wrote and is no longer there is written again.
func TestOverwriteBeginsAnewWhereItDoesNotHold(t *testing.T) {
	for name, spoil := range map[string]func(p *platter, j *pen){
		"a block has changed": func(p *platter, _ *pen) { p.cached[sweep.Piece-700] ^= 1 },
		"another key":         func(_ *platter, j *pen) { j.marks[len(j.marks)-1].Data[markPattern] = strings.Repeat("0", 32) },
		"the mark claims more": func(p *platter, j *pen) {
			copy(p.cached[2*sweep.Piece:], person()[:sweep.Piece])
			j.marks[len(j.marks)-1].Data[markOffset] = fmt.Sprint(3 * sweep.Piece)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, j := begun(t, wipe.OverwriteRandom)
			spoil(p, j)
			r, v := work(t, p.drive(t, wipe.OverwriteRandom, false, j))
			if !r.Complete || r.Written != platterSize || v.Result != verify.Passed || !strings.Contains(r.Resumed, "began anew") || p.private() != 0 {
				t.Errorf("%+v %+v", r, v)
			}
		})
	}
}

// A past that is of another technique, drive or order is none.
func TestOverwriteOfAnotherPast(t *testing.T) {
	for name, change := range map[string]func(d *Drive){
		"technique": func(d *Drive) { d.Step.Technique = wipe.OverwriteRandom3 },
		"order":     func(d *Drive) { d.Step.Reverse = true },
		"size":      func(d *Drive) { d.Past.Entry.Drive.Geometry.Size += 512 },
		"serial":    func(d *Drive) { d.Past.Entry.Drive.Identity.Serial = "P2" },
		"canaries":  func(d *Drive) { d.Past.Marks = append(d.Past.Marks, journal.Mark{Step: journal.StepCanaries}) },
	} {
		p, j := begun(t, wipe.OverwriteZero)
		d := p.drive(t, wipe.OverwriteZero, false, j)
		change(d)
		if r, v := work(t, d); !r.Complete || r.Resumed != "" || r.Written%platterSize != 0 || v.Result != verify.Passed {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// A journal that fails under way stops nothing; one that fails before stops all.
func TestMarksOfAnOverwriteThatFail(t *testing.T) {
	p, j := newPlatter(t, platterSize), &pen{}
	j.check = func(m journal.Mark) error {
		if m.Step == journal.StepIssue {
			return nil
		}
		return errors.New("the stick is gone")
	}
	if r, v := work(t, p.drive(t, wipe.OverwriteIS5Enhanced, false, j)); !r.Complete || v.Result != verify.Passed || len(j.marks) != 1 {
		t.Errorf("%+v %+v", r, v)
	}
	p, j = newPlatter(t, platterSize), &pen{check: func(journal.Mark) error { return errors.New("the stick is gone") }}
	if r, _ := work(t, p.drive(t, wipe.OverwriteZero, false, j)); r.Sent || !errors.Is(r.Err, ErrUnmarked) || p.writes != 0 {
		t.Errorf("%+v, %d writes", r, p.writes)
	}
	p = newPlatter(t, platterSize)
	d := p.drive(t, wipe.OverwriteZero, false, &pen{})
	d.Mark = nil
	if r, _ := work(t, d); r.Sent || !errors.Is(r.Err, journal.ErrNone) || p.writes != 0 {
		t.Errorf("%+v, %d writes", r, p.writes)
	}
}

// A block that can't be written must be met again by the next start, so nothing after
// it is marked.
func TestNoPointsAfterABadBlock(t *testing.T) {
	p, j := newPlatter(t, platterSize), &pen{}
	p.onWrite = func(off int64, n int) error {
		if off <= 512 && 512 < off+int64(n) {
			return syscall.EIO
		}
		return nil
	}
	d := p.drive(t, wipe.OverwriteZero, false, j)
	x, err := For(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := x.Erase(t.Context()); r.Complete || d.Bad.Blocks() != 1 {
		t.Errorf("%+v", r)
	}
	for _, m := range j.marks {
		if m.Step == journal.StepOffset && m.Data[markOffset] != "0" {
			t.Errorf("marked %v", m)
		}
	}
}

// A drive that crawls is left, while it is written and while it is read back.
func TestOverwriteOfADriveThatCrawls(t *testing.T) {
	p, j := newPlatter(t, 9*sweep.Piece), &pen{}
	p.takes = 140 * time.Second // 30 kB/s
	r, _ := work(t, p.drive(t, wipe.OverwriteZero, false, j))
	if !errors.Is(r.Err, sweep.ErrTooSlow) || r.Complete || r.Written >= p.geo.Size || !strings.Contains(r.Err.Error(), "kB/s") {
		t.Errorf("%+v", r)
	}
	p, j = newPlatter(t, 9*sweep.Piece), &pen{}
	d := p.drive(t, wipe.OverwriteZero, false, j)
	x, err := For(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.takes = time.Second
	if r := x.Erase(t.Context()); !r.Complete {
		t.Fatalf("%+v", r)
	}
	p.takes = 140 * time.Second
	if v, err := x.Verify(t.Context()); !errors.Is(err, sweep.ErrTooSlow) || v.Result == verify.Passed {
		t.Errorf("%v %+v", err, v)
	}
	// What is slow for others may be good enough for one.
	p, j = newPlatter(t, 9*sweep.Piece), &pen{}
	p.takes = 140 * time.Second
	d = p.drive(t, wipe.OverwriteZero, false, j)
	d.SlowBelow = 20e3
	if r, v := work(t, d); !r.Complete || v.Result != verify.Passed {
		t.Errorf("%+v", r)
	}
}

// Whatever stands in the marks of an earlier start, it ends in a place of the drive.
func FuzzReached(f *testing.F) {
	for _, s := range [][5]string{
		{"overwrite-zero", "0", "4194304", "", "false"}, {"overwrite-random-3", "2", "12584448", strings.Repeat("ab", 16), "false"},
		{"overwrite-is5-enhanced", "1", "1536", "", "true"}, {"overwrite-zero", "-1", "-4194304", "", "false"},
		{"overwrite-random", "99999999999999999999", "9223372036854775807", "zz", "true"}, {"", "", "", "", ""},
	} {
		f.Add(s[0], s[1], s[2], s[3], s[4])
	}
	f.Fuzz(func(t *testing.T, id, pass, offset, key, reverse string) {
		who := drive.Identity{Model: "M", Serial: "S", Size: platterSize}
		plan := wipe.DrivePlan{Identity: who, Geometry: drive.Geometry{Size: platterSize, LogicalBlock: 512}}
		d := &Drive{Plan: plan, Step: wipe.Step{Technique: wipe.TechniqueID(id), Reverse: reverse == "true"}}
		o, err := newOverwrite(d)
		if err != nil {
			return
		}
		d.Past = &journal.Past{Entry: journal.Entry{Drive: plan}, Marks: []journal.Mark{{Step: journal.StepOffset,
			Data: map[string]string{markTechnique: id, markPass: pass, markOffset: offset, markPattern: key, markReverse: reverse}}}}
		at, ok := o.reached()
		if at.pass < 0 || at.pass >= len(o.passes) || at.done < 0 || at.done > platterSize || !ok && at != (place{}) {
			t.Errorf("%+v", at)
		}
		if ok && at.done != o.bytesOf(sweep.Pieces(at.done)) {
			t.Errorf("%+v is not between pieces", at)
		}
	})
}

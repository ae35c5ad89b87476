package technique

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"handback.example/wipe"
	"handback.example/wipe/internal/pattern"
	"handback.example/wipe/internal/sweep"
	"handback.example/wipe/journal"
	"handback.example/wipe/verify"
)

// An overwrite that gets on makes it known so often, whichever comes first: after a
// power cut no more than that is written again.
const (
	pointEvery = 30 * time.Second
	pointBytes = 8 << 30
	// pointWait for a mark that is being made when a pass has ended.
	pointWait = 30 * time.Second
)

// place that an overwrite has reached: all that comes before it, in the order in
// which it is written, is on the medium.
type place struct {
	pass int
	done int64 // bytes of that pass; whole pieces, or all
}

// Data of the marks of an overwrite. The key of a random pattern is among them: a
// part that an earlier start has written can't be told from anything else without.
const (
	markTechnique = "technique"
	markPass      = "pass"    // counted from 0
	markOffset    = "offset"  // bytes of the pass that are on the medium
	markPattern   = "key"     // of a random pattern
	markReverse   = "reverse" // from the end to the beginning
)

func (o *overwrite) data(at place) map[string]string {
	m := map[string]string{markTechnique: string(o.d.Step.Technique), markPass: strconv.Itoa(at.pass),
		markOffset: strconv.FormatInt(at.done, 10), markReverse: strconv.FormatBool(o.d.Step.Reverse)}
	if r, ok := o.passes[at.pass].(pattern.Random); ok {
		m[markPattern] = r.Key()
	}
	return m
}

// reached reads what an earlier start left of the same overwrite, and takes its
// pattern up. What it doesn't understand is nothing: then it all begins anew.
func (o *overwrite) reached() (place, bool) {
	past := o.d.Past
	if past == nil || past.Entry.Drive.Geometry != o.d.Plan.Geometry || !past.Entry.Drive.Identity.Same(o.d.Plan.Identity) {
		return place{}, false
	}
	var m map[string]string
	for _, mark := range past.Marks { // the last one that tells a place
		if mark.Step == journal.StepOffset || mark.Step == journal.StepIssue {
			m = mark.Data
		} else if mark.Step != journal.StepErased {
			m = nil // something else was done to the drive since
		}
	}
	if m[markTechnique] != string(o.d.Step.Technique) || m[markReverse] != strconv.FormatBool(o.d.Step.Reverse) {
		return place{}, false
	}
	pass, bad := strconv.Atoi(m[markPass])
	done, err := strconv.ParseInt(m[markOffset], 10, 64)
	if bad != nil || err != nil || pass < 0 || pass >= len(o.passes) || done < 0 || done > o.d.Plan.Geometry.Size || done != o.bytesOf(sweep.Pieces(done)) {
		return place{}, false
	}
	if _, ok := o.passes[pass].(pattern.Random); ok {
		r, err := pattern.ParseRandom(m[markPattern])
		if err != nil {
			return place{}, false
		}
		o.passes[pass] = r
	}
	return place{pass, done}, pass > 0 || done > 0
}

// resume looks whether what an earlier start had overwritten is still there. Where it
// is, the overwrite goes on from there; else it begins anew, and says so.
func (o *overwrite) resume(ctx context.Context) error {
	at, ok := o.reached()
	if !ok {
		return nil
	}
	said := fmt.Sprintf("An earlier start had overwritten %d bytes in pass %d of %d", at.done, at.pass+1, len(o.passes))
	if at.done == 0 {
		o.from, o.resumed = at, said+": it went on from there."
		return nil
	}
	v, err := o.again(ctx, at)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil && v.Result == verify.Passed:
		o.from, o.resumed = at, fmt.Sprintf("%s: %d blocks of them were read again and hold, and it went on from there.", said, v.Compared)
		return nil
	}
	o.resumed = fmt.Sprintf("%s: of %d blocks that were read again %d do not hold it, so it began anew.", said, v.Compared, v.Survivors+v.Unreadable)
	// Nothing of the old keys is used again.
	o.passes, err = passesOf(o.d.Step.Technique)
	return err
}

// again reads a sample of what was overwritten, and the last stretch wholly.
func (o *overwrite) again(ctx context.Context, at place) (wipe.Verification, error) {
	o.d.Meter.Enter(wipe.PhaseSampling, true)
	from, to := int64(0), at.done
	if size := o.d.Plan.Geometry.Size; o.d.Step.Reverse {
		from, to = size-at.done, size
	}
	return verify.Again(ctx, o.d.reader(), o.passes[at.pass], o.d.Plan.Identity.Media, from, to)
}

// bytesOf the first so many pieces of a pass, in the order in which they are written:
// the last piece of a drive may be short, and in reverse it is the first.
func (o *overwrite) bytesOf(pieces int64) int64 {
	size := o.d.Plan.Geometry.Size
	if o.d.Step.Reverse && pieces > 0 {
		return size - (sweep.Pieces(size)-pieces)*sweep.Piece
	}
	return min(pieces*sweep.Piece, size)
}

// points marks how far a pass has got, beside the lanes that write on.
type points struct {
	o    *overwrite
	ctx  context.Context
	stop context.CancelFunc
	pass int

	mu      sync.Mutex
	low     int64          // all pieces before it are done
	ahead   map[int64]bool // and of those after it
	bytes   int64          // since the last point
	last    time.Time
	running chan struct{} // closed when the point that is being made is made; nil: none
}

func (o *overwrite) newPoints(ctx context.Context, at place) *points {
	p := &points{o: o, pass: at.pass, low: sweep.Pieces(at.done), ahead: map[int64]bool{}, last: o.d.clock().Now()}
	p.ctx, p.stop = context.WithCancel(ctx)
	return p
}

// did piece i. Where it is time, what was done is put on the medium and marked.
func (p *points) did(i int64, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ahead[i] = true
	for p.ahead[p.low] {
		delete(p.ahead, p.low)
		p.low++
	}
	p.bytes += int64(n)
	now := p.o.d.clock().Now()
	if p.running != nil || p.bytes < pointBytes && now.Sub(p.last) < pointEvery {
		return
	}
	p.bytes, p.last, p.running = 0, now, make(chan struct{})
	go p.make(place{p.pass, p.o.bytesOf(p.low)}, p.running)
}

// make one point. A flush or a mark that fails does not end the overwrite: after a
// power cut it goes on from the point before. Where a block could not be written
// there are no more points: the next start must meet it again.
func (p *points) make(at place, made chan struct{}) {
	defer func() {
		_ = recover() // an accident here is not the overwrite's
		p.mu.Lock()
		p.running = nil
		p.mu.Unlock()
		close(made)
	}()
	if at.done == 0 || p.o.d.Bad.Blocks() > 0 || p.o.d.Target.Flush(p.ctx) != nil {
		return
	}
	_ = p.o.d.mark(p.ctx, journal.StepOffset, p.o.data(at))
}

// end waits for a point that is being made, for a while.
func (p *points) end() {
	p.stop()
	p.mu.Lock()
	running := p.running
	p.mu.Unlock()
	if running == nil {
		return
	}
	select {
	case <-running:
	case <-time.After(pointWait):
	}
}

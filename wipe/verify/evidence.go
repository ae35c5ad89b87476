package verify

import (
	"context"
	"encoding/hex"
	"math"
	"strings"
	"sync/atomic"

	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// Evidence of one drive's firmware erasure: what stood on it before, to be looked
// for afterwards. Read it first (Before), then plant its canaries (Plant), erase,
// and look (After). Where an earlier start planted them, Recall gives what is left
// of it. It passes where something counted, nothing that counted is left, and all
// could be read; zeros are never required.
type Evidence struct {
	geometry drive.Geometry
	media    drive.MediaType
	samples  *samples  // nil: recalled
	canaries *canaries // nil: none were written
}

// Before reads the sample. It changes nothing. An error means that the drive is
// gone or that ctx ended; a drive that can't be read as it is now gives evidence
// that counts nothing.
func Before(ctx context.Context, r Reader, media drive.MediaType) (*Evidence, error) {
	s, err := newSamples(r.Geometry, media)
	if err != nil {
		return nil, err
	}
	return &Evidence{geometry: r.Geometry, media: media, samples: s}, s.read(ctx, r)
}

// Plant writes canaries, flushes, and reads them back. It destroys what stood in
// their places, so the key must be durable before. An error means that the drive is
// gone or that ctx ended; one that takes no canaries gives evidence without them.
func (e *Evidence) Plant(ctx context.Context, r Reader, w drive.Writer, serial string, key Key) error {
	e.canaries = newCanaries(e.geometry, e.media, serial, key)
	err := e.canaries.plant(ctx, r, w)
	if e.samples != nil {
		for i := range e.canaries.windows.Len() {
			off, n := e.canaries.windows.At(i)
			e.samples.cover(off, n, e.canaries.stood[i].Load())
		}
	}
	return err
}

// Recall gives the canaries that an earlier start planted, and read back: so many
// blocks. What it had read besides is lost with its memory.
func Recall(g drive.Geometry, media drive.MediaType, serial string, key Key, blocks int64) *Evidence {
	c := newCanaries(g, media, serial, key)
	if blocks < c.windows.Bytes()/int64(c.block) {
		c.why = "not all were taken when they were written"
	}
	for i := range c.stood {
		c.stood[i].Store(c.why == "")
	}
	c.blocks.Store(max(0, min(blocks, c.windows.Bytes()/int64(c.block))))
	return &Evidence{geometry: g, media: media, canaries: c}
}

// Canaries that stand: logical blocks that were written and read back.
func (e *Evidence) Canaries() int64 {
	if e.canaries == nil {
		return 0
	}
	return e.canaries.blocks.Load()
}

// Counted is all that is looked for: canaries, and pre-sampled units that were not
// one repeated byte.
func (e *Evidence) Counted() int64 {
	n := e.Canaries()
	if e.samples != nil {
		n += e.samples.counted.Load()
	}
	return n
}

// method in words, with what is missing.
func (e *Evidence) method() string {
	var parts []string
	switch {
	case e.samples == nil:
		parts = append(parts, "no pre-sampled blocks: an earlier start had read them")
	case e.samples.why != "":
		parts = append(parts, "few or no pre-sampled blocks: reads before the erasure: "+e.samples.why)
	default:
		parts = append(parts, "pre-sampled blocks")
	}
	switch {
	case e.canaries == nil:
		parts = append(parts, "no canaries")
	case e.canaries.blocks.Load() == 0:
		parts = append(parts, "no canaries: "+e.canaries.why)
	case e.canaries.why != "":
		parts = append(parts, "some keyed canaries: "+e.canaries.why)
	default:
		parts = append(parts, "keyed canaries")
	}
	return strings.Join(append(parts, "read-back"), "; ")
}

// None is the verification of a drive that could not be read again.
func (e *Evidence) None() wipe.Verification {
	v := wipe.Verification{Method: e.method(), Counted: e.Counted(), Canaries: e.Canaries(), Result: NotDone}
	if e.samples != nil {
		v.Seed = hex.EncodeToString(e.samples.windows.Seed[:])
	}
	return v
}

// After reads the same places again. An error says that it did not come to its end.
func (e *Evidence) After(ctx context.Context, r Reader) (wipe.Verification, error) {
	var read, survivors atomic.Int64
	try, v, want := r.narrower(ctx), e.None(), int64(0)
	r.Meter.Look(e.places())
	var err error
	if e.canaries != nil {
		want += e.canaries.windows.Bytes()
		err = e.canaries.walk(ctx, r, try, nil, func(i int64, n int, _, some int64) {
			read.Add(int64(n))
			survivors.Add(some)
		})
	}
	if e.samples != nil && err == nil {
		want += e.samples.windows.Bytes()
		err = walk(ctx, r, e.samples.windows, try, nil, func(i, at int64, b []byte) {
			read.Add(int64(len(b)))
			survivors.Add(e.samples.survives(i, at, b))
		})
	}
	v.BytesRead, v.Compared = read.Load(), read.Load()/int64(e.geometry.LogicalBlock)
	v.Survivors, v.Unreadable = survivors.Load(), try.Blocks()
	switch {
	case v.Survivors > 0 || v.Unreadable > 0:
		v.Result = Failed
	case err == nil && v.Counted > 0 && v.BytesRead == want:
		v.Result = Passed
		v.Extent = e.extent()
		v.Fraction, v.Confidence = e.fraction()
	}
	return v, err
}

// places that After reads.
func (e *Evidence) places() (n int64) {
	if e.canaries != nil {
		n += e.canaries.windows.Len()
	}
	if e.samples != nil {
		n += e.samples.windows.Len()
	}
	return n
}

// confidence with which the scattered residue of Fraction would have been found.
const confidence = 0.999

// fraction of scattered residue that n random windows miss with a probability of
// 1-C at most: f = 1-(1-C)^(1/n).
func (e *Evidence) fraction() (f, c float64) {
	if e.samples == nil || e.samples.drawn.Load() == 0 {
		return 0, 0
	}
	f = -math.Expm1(math.Log1p(-confidence) / float64(e.samples.drawn.Load()))
	return f, confidence
}

// extent is the least length from which a contiguous residue (blocks that were not
// one repeated byte) holds a whole unit that was looked for; 0: there is none.
func (e *Evidence) extent() int64 {
	g := gaps{size: e.geometry.Size, block: int64(e.geometry.LogicalBlock)}
	if e.samples == nil {
		for i := range e.canaries.windows.Ordered() {
			if e.canaries.stood[i].Load() {
				g.unit(e.canaries.windows.At(i))
			}
		}
		return g.end()
	}
	s := e.samples
	for i := range s.windows.Ordered() {
		off, n := s.windows.At(i)
		for k := 0; k < n; k += s.unit {
			if s.before[s.first(i)+int64(k/s.unit)][0] != unread {
				g.unit(off+int64(k), s.unit)
			}
		}
	}
	return g.end()
}

// gaps between units in ascending order: the longest stretch that holds none.
type gaps struct {
	size, block int64
	last        int64 // start of the last unit; it must not be wholly inside
	any         bool
	most        int64
}

func (g *gaps) unit(off int64, n int) {
	from := int64(0)
	if g.any {
		from = g.last + g.block
	}
	g.most = max(g.most, off+int64(n)-g.block-from)
	g.last, g.any = off, true
}

func (g *gaps) end() int64 {
	if !g.any {
		return 0
	}
	return max(g.most, g.size-g.last-g.block) + g.block
}

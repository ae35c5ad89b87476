package verify

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe/internal/sweep"
)

// Limits of patience with a drive that is read, or given canaries, before its
// erasure. What it can't do then harms nothing: it says less afterwards.
const (
	blindAfter = 64              // windows that failed, where none did not
	blindTime  = 2 * time.Minute // spent in reads or writes that failed
)

// errBlind: the drive takes no reads or writes as it is now: it is locked, set to
// be read only, or dying.
var errBlind = errors.New("it fails them as it is now")

// hashed is 48 bits of a keyed hash: with a million units a drive that gives noise
// makes one false alarm in a hundred million erasures.
type hashed [6]byte

// State of a unit before the erasure, in the first byte of hashed; the first byte
// of a hash is none of these.
const (
	unread  byte = iota // nothing is known of it
	blank               // it was one repeated byte, and may read the same afterwards
	covered             // a canary stands there in its place
	states
)

// maxUnits whose hashes are kept, 6 bytes each: beyond, whole windows are hashed.
const maxUnits = 1 << 20

// samples are blocks that are read before an erasure, to be looked for after it. A
// unit counts only if it was not one repeated byte. Of each a keyed hash is kept,
// never the content; what stands there afterwards is nobody's business as long as
// it is something else, for some drives give zeros, some ones, and some noise.
type samples struct {
	windows *Windows
	unit    int // bytes that are hashed as one: a logical block, or a window
	key     maphash.Seed
	before  []hashed
	counted atomic.Int64
	drawn   atomic.Int64 // random windows that could be read
	why     string       // why the reading was given up; empty: it was not
}

// density of what is read before and after a firmware erasure: the grid and the
// random points of Solid or Turning, closer where the drive is small, and no more
// random windows than a sixteenth of it.
//
// On 1 TB these are 953,552 + 70,000 windows and 128 MB at the ends, 4.3 GB a
// reading: about 11 s by NVMe, 21 s by SATA; on a hard disk 9,536 + 6,900 windows,
// 200 MB, 150 to 180 s. It is read twice: before the erasure and after it.
func density(g drive.Geometry, media drive.MediaType) Density {
	d := Solid
	if media == drive.MediaHDD {
		d = Turning
	}
	d.Most = maxUnits
	d.Stride = min(d.Stride, max(64<<10, g.Size/8192/window*window))
	d.Ends = min(d.Ends, max(4<<20, g.Size/64/window*window))
	d.Random = min(d.Random, g.Size/window/16)
	return d
}

// newSamples at fresh places.
func newSamples(g drive.Geometry, media drive.MediaType) (*samples, error) {
	w, err := NewWindows(g, density(g, media))
	if err != nil {
		return nil, err
	}
	s := &samples{windows: w, unit: g.LogicalBlock, key: maphash.MakeSeed()}
	if w.Bytes()/int64(s.unit) > maxUnits {
		s.unit = max(s.unit, window)
	}
	s.before = make([]hashed, w.Bytes()/int64(s.unit))
	return s, nil
}

// read what stands there now. Windows that can't be read do not count; an error
// means that the drive is gone or that ctx ended.
func (s *samples) read(ctx context.Context, r Reader) error {
	r.Meter.Look(s.windows.Len())
	try := r.narrower(ctx)
	try.Bad, try.Block = &sweep.Bad{}, windowMax // it is nobody's failure yet, and not narrowed down
	err := walk(ctx, r, s.windows, try, &patience{}, func(i, _ int64, b []byte) {
		at := s.first(i)
		for ; len(b) > 0; b = b[s.unit:] {
			if one := b[:s.unit]; uniform(one) {
				s.before[at] = hashed{blank}
			} else {
				s.before[at] = s.hash(one)
				s.counted.Add(1)
			}
			at++
		}
		if s.windows.random(i) {
			s.drawn.Add(1)
		}
	})
	if errors.Is(err, errBlind) {
		s.why, err = err.Error(), nil
	}
	return err
}

// first unit of window i.
func (s *samples) first(i int64) int64 { return s.windows.before(i) / int64(s.unit) }

// survives reports how many units of b, read at offset at in window i, stand as
// they stood before.
func (s *samples) survives(i, at int64, b []byte) (n int64) {
	if at%int64(s.unit) != 0 {
		return 0 // a part of a unit whose other part could not be read: that fails it
	}
	for u := s.first(i) + at/int64(s.unit); len(b) >= s.unit; b, u = b[s.unit:], u+1 {
		if was := s.before[u]; was[0] >= states && was == s.hash(b[:s.unit]) {
			n++
		}
	}
	return n
}

// cover takes out what a canary, n bytes at off, was written over; stood says that it
// stands there now.
func (s *samples) cover(off int64, n int, stood bool) {
	is := hashed{unread}
	if stood {
		is = hashed{covered}
	}
	for i := range s.windows.Overlapping(off, n) {
		start, length := s.windows.At(i)
		for k := 0; k < length; k += s.unit {
			at := start + int64(k)
			if at+int64(s.unit) <= off || off+int64(n) <= at {
				continue
			}
			one := &s.before[s.first(i)+int64(k/s.unit)]
			if one[0] >= states {
				s.counted.Add(-1)
			}
			*one = is
		}
	}
}

func (s *samples) hash(b []byte) (h hashed) {
	sum := maphash.Bytes(s.key, b)
	for i := range h {
		h[i] = byte(sum >> (8 * i))
	}
	if h[0] < states {
		h[0] += states
	}
	return h
}

// uniform: one byte all over.
func uniform(b []byte) bool { return bytes.Equal(b[1:], b[:len(b)-1]) }

// patience with windows that fail before the erasure; of all lanes.
type patience struct {
	mu     sync.Mutex
	good   bool // some window did not fail
	failed int
	lost   time.Duration
}

func (p *patience) after(ok bool, took time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ok {
		p.good = true
		return nil
	}
	p.failed, p.lost = p.failed+1, p.lost+took
	if !p.good && p.failed >= blindAfter || p.lost >= blindTime {
		return errBlind
	}
	return nil
}

// now by the clock of whoever waits.
func (r Reader) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

// walk reads all windows and hands on what could be read: the window, the offset
// in it, the bytes. Without patience it goes on as long as the Narrower does.
func walk(ctx context.Context, r Reader, w *Windows, try *sweep.Narrower, p *patience, see func(i, at int64, b []byte)) error {
	return sweep.Run(ctx, sampleLanes, w.Len(), func() (sweep.Work, func()) {
		buf := drive.AlignedBuffer(windowMax)
		return func(i int64) error {
			defer r.Meter.Looked()
			start, n := w.At(i)
			began, ok := r.now(), false
			err := try.Try(start, n, func(off int64, n int) error {
				if err := r.read(buf[:n], off); err != nil {
					return err
				}
				ok = true
				see(i, off-start, buf[:n])
				return nil
			})
			if err == nil && p != nil {
				err = p.after(ok, r.now().Sub(began))
			}
			return err
		}, func() {}
	})
}

package verify

import (
	crand "crypto/rand"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"handback.example/inspect/drive"
)

const (
	window    = 4096     // bytes of one window inside the drive
	windowMax = 64 << 10 // bytes of one window at its ends
	// sampleLanes: a single small read keeps no solid-state drive busy.
	sampleLanes = 8
)

// Density of a sample.
type Density struct {
	Ends   int64 // bytes at either end that are read whole
	Stride int64 // bytes from one grid window to the next
	Most   int64 // grid windows at most: the stride grows on a drive that is bigger
	Random int64 // windows at random places
}

// The densities in use. A hard disk pays milliseconds for each window.
var (
	Solid   = Density{Ends: 64 << 20, Stride: 1 << 20, Most: 1 << 21, Random: 70_000}
	Turning = Density{Ends: 64 << 20, Stride: 100 << 20, Most: 1 << 21, Random: 6_900}
)

// Windows are the places of a sample: both ends (partition tables, the backup
// table, metadata of arrays), a grid with one secret phase (an extent as long as
// Finds is met for certain) and random points (against residue that keeps to the
// grid's step). The same seed gives the same places.
type Windows struct {
	Seed   [32]byte
	base   int64 // offset of the part of the drive that this is a sample of
	size   int64
	ends   int64 // bytes at either end
	phase  int64
	stride int64
	grid   int64 // number of grid windows
	points []int64
}

// NewWindows draws a sample of a drive with a fresh seed.
func NewWindows(g drive.Geometry, d Density) (*Windows, error) {
	var seed [32]byte
	if _, err := crand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("no random seed: %w", err)
	}
	return windowsOf(g, d, seed), nil
}

func windowsOf(g drive.Geometry, d Density, seed [32]byte) *Windows {
	w := &Windows{Seed: seed, size: g.Size, ends: min(d.Ends, g.Size/2) / window * window}
	rng := rand.New(rand.NewChaCha8(seed))
	middle := g.Size - 2*w.ends // what the ends leave
	slots := middle / window
	w.stride = max(d.Stride, middle/d.Most/window*window)
	if slots == 0 {
		return w
	}
	w.phase = w.ends + rng.Int64N(min(w.stride/window, slots))*window
	w.grid = (g.Size-w.ends-window-w.phase)/w.stride + 1
	// No more random windows than there are places: a small drive is read once
	// over, not a hundred times. No window is read, or counted, twice.
	w.points = make([]int64, min(d.Random, slots))
	for i := range w.points {
		w.points[i] = w.ends + rng.Int64N(slots)*window
	}
	slices.Sort(w.points)
	w.points = slices.Compact(w.points)
	w.points = slices.DeleteFunc(w.points, func(off int64) bool { return off >= w.phase && (off-w.phase)%w.stride == 0 })
	return w
}

// endWindows at either end.
func (w *Windows) endWindows() int64 { return (w.ends + windowMax - 1) / windowMax }

// Len is the number of windows.
func (w *Windows) Len() int64 { return 2*w.endWindows() + w.grid + int64(len(w.points)) }

// At gives offset and length of window i.
func (w *Windows) At(i int64) (off int64, n int) {
	off, n = w.at(i)
	return w.base + off, n
}

func (w *Windows) at(i int64) (off int64, n int) {
	e := w.endWindows()
	switch {
	case i < e:
		return i * windowMax, int(min(windowMax, w.ends-i*windowMax))
	case i < e+w.grid:
		return w.phase + (i-e)*w.stride, window
	case i < e+w.grid+int64(len(w.points)):
		return w.points[i-e-w.grid], window
	}
	k := (i - e - w.grid - int64(len(w.points))) * windowMax
	return w.size - w.ends + k, int(min(windowMax, w.ends-k))
}

// Bytes of all windows.
func (w *Windows) Bytes() int64 {
	return 2*w.ends + window*(w.grid+int64(len(w.points)))
}

// Finds is the length, in bytes, from which a contiguous residue is met for
// certain.
func (w *Windows) Finds() int64 { return w.stride }

// before is how many bytes the windows before i have.
func (w *Windows) before(i int64) int64 {
	e, middle := w.endWindows(), w.grid+int64(len(w.points))
	switch {
	case i <= e:
		return min(i*windowMax, w.ends)
	case i <= e+middle:
		return w.ends + (i-e)*window
	}
	return w.ends + middle*window + (i-e-middle)*windowMax
}

// random reports whether window i is one of those at random places.
func (w *Windows) random(i int64) bool {
	first := w.endWindows() + w.grid
	return first <= i && i < first+int64(len(w.points))
}

// Ordered gives all windows by their offset, ascending.
func (w *Windows) Ordered() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		e, points := w.endWindows(), int64(len(w.points))
		for i := range e {
			if !yield(i) {
				return
			}
		}
		for g, p := int64(0), int64(0); g < w.grid || p < points; {
			i := e + w.grid + p
			if p == points || g < w.grid && w.phase+g*w.stride < w.points[p] {
				i = e + g
				g++
			} else {
				p++
			}
			if !yield(i) {
				return
			}
		}
		for i := e + w.grid + points; i < w.Len(); i++ {
			if !yield(i) {
				return
			}
		}
	}
}

// Overlapping gives the windows that n bytes at off touch.
func (w *Windows) Overlapping(off int64, n int) iter.Seq[int64] {
	off -= w.base
	return func(yield func(int64) bool) {
		end, e := off+int64(n), w.endWindows()
		back := e + w.grid + int64(len(w.points))
		ok := true
		// those from index a to b-1 whose span is touched; few, or one by one ascending
		some := func(a, b int64) {
			for i := max(a, 0); i < b && ok; i++ {
				at, k := w.at(i)
				if at >= end {
					return
				}
				if at+int64(k) > off {
					ok = yield(i)
				}
			}
		}
		some(off/windowMax, e)
		if w.grid > 0 {
			some(e+max(0, (off-w.phase)/w.stride-1), e+w.grid)
		}
		p, _ := slices.BinarySearch(w.points, off-window+1)
		some(e+w.grid+int64(p), back)
		some(back+max(0, (off-(w.size-w.ends))/windowMax), w.Len())
	}
}

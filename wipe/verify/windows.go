package verify

import (
	crand "crypto/rand"
	"fmt"
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

// The densities in use. Before and after a firmware erasure little is read, but
// the same blocks twice; 12,288 windows find a residue of one block in a thousand
// with more than 99.99 %. A hard disk pays milliseconds for each window.
var (
	Canary  = Density{Ends: 4 << 20, Stride: 64 << 10, Most: 8192, Random: 4096}
	Solid   = Density{Ends: 64 << 20, Stride: 1 << 20, Most: 1 << 21, Random: 70_000}
	Turning = Density{Ends: 64 << 20, Stride: 100 << 20, Most: 1 << 21, Random: 6_900}
)

// Windows are the places of a sample: both ends (partition tables, the backup
// table, metadata of arrays), a grid with one secret phase (an extent as long as
// Finds is met for certain) and random points (against residue that keeps to the
// grid's step). The same seed gives the same places.
type Windows struct {
	Seed   [32]byte
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

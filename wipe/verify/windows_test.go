package verify

import (
	"slices"
	"testing"

	"handback.example/inspect/drive"
	"pgregory.net/rapid"
)

func geometry(size int64, block int) drive.Geometry {
	return drive.Geometry{Size: size, LogicalBlock: block, PhysicalBlock: 4096}
}

// A sample stays on the drive and its blocks, reads nothing twice, and has both
// ends whole.
func TestWindows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		block := rapid.SampledFrom([]int{512, 4096}).Draw(rt, "block")
		size := rapid.Int64Range(1, 1<<21).Draw(rt, "blocks") * int64(block)
		d := rapid.SampledFrom([]Density{{Ends: 4 << 20, Stride: 64 << 10, Most: 8192, Random: 4096}, Solid, Turning}).Draw(rt, "density")
		var seed [32]byte
		copy(seed[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(rt, "seed"))
		w := windowsOf(geometry(size, block), d, seed)
		type span struct{ off, end int64 }
		var all []span
		var bytes int64
		for i := range w.Len() {
			off, n := w.At(i)
			if off < 0 || n <= 0 || n > windowMax || off+int64(n) > size || off%int64(block) != 0 || n%block != 0 {
				rt.Fatalf("window %d: %d bytes at %d of %d", i, n, off, size)
			}
			all, bytes = append(all, span{off, off + int64(n)}), bytes+int64(n)
		}
		if bytes != w.Bytes() {
			rt.Fatalf("%d bytes, said %d", bytes, w.Bytes())
		}
		slices.SortFunc(all, func(a, b span) int { return int(a.off - b.off) })
		for i := range all[:max(len(all)-1, 0)] {
			if all[i].end > all[i+1].off {
				rt.Fatalf("%v and %v overlap", all[i], all[i+1])
			}
		}
		if size >= 8192 && (all[0].off != 0 || all[len(all)-1].end != size) {
			rt.Fatal("an end is missing")
		}
	})
}

func TestSameSeedSameWindows(t *testing.T) {
	g := geometry(1<<36, 512)
	a, b := windowsOf(g, Solid, [32]byte{1}), windowsOf(g, Solid, [32]byte{1})
	other := windowsOf(g, Solid, [32]byte{2})
	if !slices.Equal(a.points, b.points) || a.phase != b.phase || slices.Equal(a.points, other.points) {
		t.Error("the seed does not decide the windows")
	}
}

// An extent of the stated length is met wherever it lies; a hundred of a hundred.
func TestExtentIsAlwaysMet(t *testing.T) {
	for _, d := range []Density{{Ends: 4 << 20, Stride: 64 << 10, Most: 8192, Random: 4096}, Solid, Turning} {
		const size = 1 << 38
		g := geometry(size, 512)
		w, err := NewWindows(g, d)
		if err != nil {
			t.Fatal(err)
		}
		for i := range int64(100) {
			from := i * (size - w.Finds()) / 99 / 512 * 512
			met := false
			for k := int64(0); k < w.Len() && !met; k++ {
				off, n := w.At(k)
				met = off < from+w.Finds() && from < off+int64(n)
			}
			if !met {
				t.Errorf("an extent of %d at %d is missed", w.Finds(), from)
			}
		}
	}
}

// What a sample costs, in bytes, on a drive of 1 TB.
func TestSampleCosts(t *testing.T) {
	for _, c := range []struct {
		d        Density
		from, to int64
	}{{Solid, 3 << 30, 5 << 30}, {Turning, 150 << 20, 250 << 20}} {
		if n := windowsOf(geometry(1e12/4096*4096, 512), c.d, [32]byte{}).Bytes(); n < c.from || n > c.to {
			t.Errorf("%+v reads %d bytes", c.d, n)
		}
	}
}

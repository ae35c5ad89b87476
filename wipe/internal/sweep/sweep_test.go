package sweep

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"syscall"
	"testing"

	"handback.example/wipe"
	"handback.example/wipe/internal/meter"
	"pgregory.net/rapid"
)

func TestRunDoesEachOnce(t *testing.T) {
	var mu sync.Mutex
	seen := map[int64]int{}
	ended := 0
	err := Run(context.Background(), 3, 100, func() (Work, func()) {
		return func(i int64) error { mu.Lock(); seen[i]++; mu.Unlock(); return nil }, func() { mu.Lock(); ended++; mu.Unlock() }
	})
	if err != nil || len(seen) != 100 || ended != 3 {
		t.Errorf("%v, %d items, %d lanes ended", err, len(seen), ended)
	}
	for i, n := range seen {
		if n != 1 || i < 0 || i > 99 {
			t.Errorf("item %d done %d times", i, n)
		}
	}
}

func TestRunEnds(t *testing.T) {
	x := errors.New("x")
	lane := func(w Work) func() (Work, func()) { return func() (Work, func()) { return w, func() {} } }
	if err := Run(context.Background(), 2, 1<<40, lane(func(i int64) error {
		if i == 7 {
			return x
		}
		return nil
	})); !errors.Is(err, x) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := Run(ctx, 2, 1<<40, lane(func(i int64) error { cancel(); return nil })); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	var p *Panic
	if err := Run(context.Background(), 2, 1<<40, lane(func(i int64) error { panic("boom") })); !errors.As(err, &p) || len(p.Stack) == 0 {
		t.Errorf("panic: %v", err)
	}
	// That it was stopped says less than what went wrong.
	if err := worst([]error{context.Canceled, x}); !errors.Is(err, x) {
		t.Errorf("worst %v", err)
	}
}

func TestPieces(t *testing.T) {
	for _, c := range []struct {
		size, n int64
		last    int
	}{{0, 0, 0}, {512, 1, 512}, {4 << 20, 1, 4 << 20}, {4<<20 + 512, 2, 512}, {1<<40 + 3*4096, 262145, 3 * 4096}} {
		if got := Pieces(c.size); got != c.n {
			t.Errorf("%d bytes: %d pieces, want %d", c.size, got, c.n)
		}
		if c.n > 0 {
			if off, n := At(c.size, c.n-1); n != c.last || off+int64(n) != c.size {
				t.Errorf("%d bytes: last piece %d at %d", c.size, n, off)
			}
		}
	}
}

func narrower(bad *Bad) *Narrower {
	return &Narrower{Block: 512, What: "write error", Bad: bad, Alive: func() error { return nil }, Meter: meter.New(), Ctx: context.Background()}
}

// Every good block is done, every bad one is listed, whatever their pattern.
func TestTryFindsExactlyTheBadBlocks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(rt, "blocks")
		bad := map[int64]bool{}
		for _, b := range rapid.SliceOfN(rapid.Int64Range(1000, 1000+int64(n)-1), 0, 8).Draw(rt, "bad") {
			bad[b] = true
		}
		var list Bad
		done := map[int64]bool{}
		r := narrower(&list)
		err := r.Try(1000*512, n*512, func(off int64, n int) error {
			for b := off / 512; b < (off+int64(n))/512; b++ {
				if bad[b] {
					return syscall.EIO
				}
			}
			for b := off / 512; b < (off+int64(n))/512; b++ {
				done[b] = true
			}
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		listed := map[int64]bool{}
		for _, r := range list.Ranges() {
			for b := r.First; b < r.First+r.Count; b++ {
				listed[b] = true
			}
		}
		for b := int64(1000); b < 1000+int64(n); b++ {
			if listed[b] != bad[b] || done[b] == bad[b] {
				rt.Fatalf("block %d: bad %t, listed %t, done %t", b, bad[b], listed[b], done[b])
			}
		}
		if list.Blocks() != int64(len(bad)) || r.Blocks() != int64(len(bad)) {
			rt.Fatalf("%d and %d counted, want %d", list.Blocks(), r.Blocks(), len(bad))
		}
	})
}

func TestBadRanges(t *testing.T) {
	var b Bad
	b.Add(5, 1, "w")
	b.Add(7, 1, "w")
	b.Add(6, 1, "w") // closes the gap
	b.Add(6, 1, "r") // listed already
	b.Add(4, 1, "w")
	b.Add(8, 1, "r") // another reason
	b.Add(1, 2, "w")
	want := []wipe.Range{{First: 1, Count: 2, What: "w"}, {First: 4, Count: 4, What: "w"}, {First: 8, Count: 1, What: "r"}}
	if got := b.Ranges(); !slices.Equal(got, want) || b.Blocks() != 7 {
		t.Errorf("%v, %d blocks", got, b.Blocks())
	}
}

func TestBadRangesAreCapped(t *testing.T) {
	var b Bad
	for i := range int64(5000) {
		b.Add(2*i, 1, "w")
	}
	if n := len(b.Ranges()); n != maxRanges || b.Blocks() != 5000 {
		t.Errorf("%d ranges, %d blocks", n, b.Blocks())
	}
}

func TestTryNoticesThatTheDriveIsGone(t *testing.T) {
	for _, err := range []error{syscall.ENODEV, syscall.ENXIO, io.ErrClosedPipe} {
		calls := 0
		got := narrower(&Bad{}).Try(0, Piece, func(int64, int) error { calls++; return err })
		if !errors.Is(got, ErrGone) || calls != 1 {
			t.Errorf("%v: %v after %d calls", err, got, calls)
		}
	}
	r := narrower(&Bad{})
	r.Alive = func() error { return errors.New("silence") }
	calls := 0
	if err := r.Try(0, Piece, func(int64, int) error { calls++; return syscall.EIO }); !errors.Is(err, ErrGone) || calls != askAfter {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// A drive that fails everywhere is left in the end, and costs a bounded number of
// commands until then.
func TestTryGivesUp(t *testing.T) {
	var bad Bad
	r := narrower(&bad)
	calls := 0
	var err error
	for i := int64(0); err == nil && i < 1000; i++ {
		off, n := At(1<<50, i)
		err = r.Try(off, n, func(int64, int) error { calls++; return syscall.EIO })
	}
	if !errors.Is(err, ErrGaveUp) || calls > maxFailures+2*giveUpPieces {
		t.Errorf("%v after %d calls", err, calls)
	}
	if len(bad.Ranges()) != 1 {
		t.Errorf("%d ranges", len(bad.Ranges()))
	}
}

func TestTryStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r := narrower(&Bad{})
	r.Ctx = ctx
	calls := 0
	err := r.Try(0, Piece, func(int64, int) error { calls++; cancel(); return syscall.EIO })
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

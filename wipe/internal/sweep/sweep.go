// Package sweep walks over a drive piece by piece, in several lanes at once,
// and narrows a piece that fails down to the blocks that do.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Piece is the most that one read or write moves, in bytes.
const Piece = 4 << 20

// Lanes that keep one drive busy: one is moved while the next is made ready.
const Lanes = 2

// Work on one item. It belongs to one lane, which calls it one after another.
type Work func(i int64) error

// Run calls work for 0 to n-1, ascending, spread over lanes; each lane has the
// Work that lane made for it. The first error, or the end of ctx, ends it; what a
// lane had begun is finished first. A panic is an error.
func Run(ctx context.Context, lanes int, n int64, lane func() (Work, func())) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	errs := make([]error, lanes)
	var once sync.Once
	for l := range lanes {
		wg.Go(func() {
			errs[l] = guard(func() error {
				work, end := lane()
				defer end()
				for {
					select {
					case <-stop:
						return nil
					default:
					}
					if err := ctx.Err(); err != nil {
						return err
					}
					i := next.Add(1) - 1
					if i >= n {
						return nil
					}
					if err := work(i); err != nil {
						return err
					}
				}
			})
			if errs[l] != nil {
				once.Do(func() { close(stop) })
			}
		})
	}
	wg.Wait()
	return worst(errs)
}

// worst of the lanes' errors: that ctx ended says less than any other.
func worst(errs []error) error {
	var out error
	for _, err := range errs {
		if err != nil && (out == nil || errors.Is(out, context.Canceled)) {
			out = err
		}
	}
	return out
}

// Panic is an error in this program, made an error of one drive.
type Panic struct {
	Value any
	Stack []byte // for whoever mends it
}

func (p *Panic) Error() string { return fmt.Sprintf("an error in this program: %v", p.Value) }

// guard makes an error of a panic: one drive's accident is not its neighbours'.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Panic{p, debug.Stack()}
		}
	}()
	return f()
}

// Pieces of a drive of size bytes.
func Pieces(size int64) int64 { return (size + Piece - 1) / Piece }

// At gives offset and length of piece i.
func At(size, i int64) (off int64, n int) {
	off = i * Piece
	return off, int(min(Piece, size-off))
}

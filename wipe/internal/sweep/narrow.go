package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"handback.example/wipe/internal/meter"
)

// Limits of patience with one drive. A failing drive may take half a minute for
// each error: without a limit a dying one would hold the bench for weeks.
const (
	maxFailures  = 50_000           // that are narrowed down
	maxLost      = 20 * time.Minute // spent in commands that failed
	askAfter     = 32               // failures in a row: is it still there?
	giveUpPieces = 64               // pieces in a row that failed once patience is gone
)

// ErrGone: the drive no longer answers, or as another. ErrGaveUp: so much of it
// fails that the rest was not tried.
var (
	ErrGone   = errors.New("the drive no longer answers")
	ErrGaveUp = errors.New("the drive fails everywhere")
)

// Narrower finds the blocks that fail. One serves all lanes of a drive.
type Narrower struct {
	Block int          // bytes of a logical block
	What  string       // 'write error', 'read error'
	Bad   *Bad         // where they are listed
	Alive func() error // asks the drive who it is; nil: it is there, and the same
	Meter *meter.Meter
	Ctx   context.Context  // its end stops the narrowing too
	Floor *Floor           // nil: it may be as slow as it is
	Now   func() time.Time // the clock by which patience ends; nil: the computer's

	lostBlocks atomic.Int64

	mu       sync.Mutex
	failures int
	lost     time.Duration
	row      int // failures in a row
	pieces   int // whole pieces in a row that were given up
}

// Try does one piece of input or output at off, n bytes. Where it fails it is
// tried again in halves down to the block: what fails alone is listed, and the
// rest is done. An error says that it is no use to go on with this drive.
func (r *Narrower) Try(off int64, n int, do func(off int64, n int) error) error {
	if err := r.Ctx.Err(); err != nil {
		return err
	}
	now := r.Now
	if now == nil {
		now = time.Now
	}
	began := now()
	err := do(off, n)
	r.Meter.Beat()
	if err == nil {
		r.good()
		return r.Floor.moved(n)
	}
	patient, fatal := r.failed(err, now().Sub(began), n)
	switch {
	case fatal != nil:
		return fatal
	case n <= r.Block || !patient:
		r.Bad.Add(off/int64(r.Block), int64(n/r.Block), r.What+": "+reason(err))
		r.lostBlocks.Add(int64(n / r.Block))
		r.Meter.Add(int64(n))
		return nil
	}
	half := n / 2 / r.Block * r.Block
	if err := r.Try(off, half, do); err != nil {
		return err
	}
	return r.Try(off+int64(half), n-half, do)
}

// Blocks that were listed by this Narrower.
func (r *Narrower) Blocks() int64 { return r.lostBlocks.Load() }

func (r *Narrower) good() {
	r.mu.Lock()
	r.row, r.pieces = 0, 0
	r.mu.Unlock()
}

// failed counts, and says whether there is patience left to narrow it down.
func (r *Narrower) failed(err error, took time.Duration, n int) (patient bool, fatal error) {
	if gone(err) {
		return false, fmt.Errorf("%w: %s", ErrGone, reason(err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures, r.lost, r.row = r.failures+1, r.lost+took, r.row+1
	if r.row%askAfter == 0 {
		if err := r.Alive(); err != nil {
			return false, fmt.Errorf("%w: %w", ErrGone, err)
		}
	}
	patient = r.failures < maxFailures && r.lost < maxLost
	if !patient && n > r.Block {
		if r.pieces++; r.pieces >= giveUpPieces {
			return false, ErrGaveUp
		}
	}
	return patient, nil
}

// gone: errors that a drive which is still there does not give.
func gone(err error) bool {
	return errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.EBADF) ||
		errors.Is(err, os.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

// reason is the system's own word without the path and offset that would make
// every range different.
func reason(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no.Error()
	}
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

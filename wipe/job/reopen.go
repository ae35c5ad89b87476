package job

import (
	"context"
	"fmt"
	"time"

	"handback.example/wipe/plan"
	"handback.example/wipe/technique"
)

// The kernel looks at a namespace anew after Format NVM: for a moment it may be
// gone. A drive that a dock lets go comes back too, maybe under another name.
const (
	reopenFor   = time.Minute
	reopenPause = 200 * time.Millisecond
)

// reopen closes the drive and opens it again as soon as it answers as itself, by
// whatever name it has then: it is known by what it says, never by the name.
func (a *attempt) reopen(ctx context.Context) error {
	_ = a.d.Target.Close()
	clock := a.clock()
	deadline := clock.Now().Add(min(reopenFor, a.opts.GiveUpAfter/2))
	for {
		err := a.openAgain(ctx, a.path)
		if err != nil {
			err = a.elsewhere(ctx, err)
		}
		if err == nil || clock.Now().After(deadline) {
			return err
		}
		if err := clock.Sleep(ctx, reopenPause); err != nil {
			return err
		}
	}
}

// elsewhere looks for the drive under another name. where says what stands under the
// old one.
func (a *attempt) elsewhere(ctx context.Context, where error) error {
	if a.opts.Find == nil {
		return where
	}
	id, _ := a.expected()
	path := a.opts.Find(id)
	if path == "" || path == a.path {
		return where
	}
	return a.openAgain(ctx, path)
}

func (a *attempt) openAgain(ctx context.Context, path string) error {
	target, err := a.opts.Opener.OpenTarget(path)
	if err != nil {
		return err
	}
	a.meter.Beat()
	want, _ := a.expected()
	id, err := target.Identify(ctx)
	if err == nil && !id.Same(want) {
		err = fmt.Errorf("%w: %s with %d bytes", technique.ErrOther, plan.Name(id), id.Size)
	}
	if err != nil {
		_ = target.Close()
		return err
	}
	a.d.Target, a.path = target, path
	return nil
}

// clock by which a drive is waited for.
func (a *attempt) clock() technique.Clock {
	if a.opts.Clock != nil {
		return a.opts.Clock
	}
	return technique.Wall()
}

package job

import (
	"context"
	"fmt"
	"math"

	"handback.example/wipe"
	"handback.example/wipe/journal"
	"handback.example/wipe/plan"
)

// mark has the journal keep one step of this drive. What must not be done without it
// waits until the journal can be written again, if that can be; an overwrite that is
// under way goes on without.
func (a *attempt) mark(ctx context.Context, m journal.Mark) error {
	was := *a.stage.Load()
	a.at(recording)
	defer a.at(was)
	write := func(ctx context.Context) error { return a.opts.Journal.Mark(ctx, a.plan.Identity, m) }
	if m.Step != journal.StepOffset && m.Step != journal.StepErased {
		return a.patient(ctx, write)
	}
	err := write(ctx)
	a.meter.Beat()
	return err
}

// patient writes to the journal. Once the drive is touched, a journal that is gone is
// waited for: the drive stands as it is meanwhile, and a stop ends the wait.
func (a *attempt) patient(ctx context.Context, write func(context.Context) error) error {
	for {
		err := write(ctx)
		a.meter.Beat()
		if err == nil || a.opts.Await == nil || a.state.Load() != touched {
			return err
		}
		if a.await(ctx, err) != nil {
			return err
		}
	}
}

func (a *attempt) await(ctx context.Context, why error) error {
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.stop, cancel)()
	a.held.Store(true)
	defer a.held.Store(false)
	defer a.meter.Quiet(math.MaxInt64 / 2)()
	return a.opts.Await(both, why)
}

// restore brings back the whole capacity of a drive that hides some of it, once.
func (a *attempt) restore() *wipe.Refusal {
	return &wipe.Refusal{Code: codeNotPrepared, Reason: fmt.Sprintf("%s hides a part of its capacity, and nothing here brings it back", plan.Name(a.plan.Identity)),
		Do: "restore its full capacity (hdparm -N) and start again, or have it destroyed"}
}

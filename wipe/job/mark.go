package job

import (
	"context"
	"errors"
	"fmt"
	"math"

	"handback.example/wipe"
	"handback.example/wipe/journal"
	"handback.example/wipe/plan"
	"handback.example/wipe/technique"
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

// restore brings back the whole capacity of a drive that hides some of it, once. From
// then on what is expected of it is what it shows then.
func (a *attempt) restore() *wipe.Refusal {
	a.at("made to show its whole capacity")
	name := plan.Name(a.plan.Identity)
	said, err := technique.RestoreCapacity(a.life, a.d)
	a.meter.Beat()
	switch {
	case err == nil:
		a.restored = said
		return nil
	case errors.Is(err, technique.ErrPowerCycle):
		return &wipe.Refusal{Code: CodePowerCycle, Reason: fmt.Sprintf("%s does not show its whole capacity yet: %v", name, err),
			Do: "leave the stick in, switch the machine off and on, and go on: the rest of its capacity is restored then"}
	case errors.Is(err, technique.ErrUnmarked):
		return &wipe.Refusal{Code: codeNoJournal, Reason: fmt.Sprintf("the hidden capacity of %s was not restored: %v", name, err),
			Do: "put an enrolled stick with free space in and start again"}
	}
	return &wipe.Refusal{Code: "not-restored", Reason: fmt.Sprintf("%s hides a part of its capacity, which could not be restored: %v", name, err),
		Do: "switch the machine off and on and start again; if it stays so, take the drive out and have it destroyed"}
}

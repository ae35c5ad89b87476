// Package survey takes the whole report of a machine: its parts, its TPM, and
// every drive by the drive's own answers. It changes nothing.
//
// Each drive is asked on its own and has a deadline: one that never answers costs
// the report that drive's facts and delays no other. What a partition table or a
// file system says is hostile input: read with bounds, never mounted.
package survey

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/capture"
	"handback.example/inspect/internal/sysblock"
	"handback.example/inspect/platform"
	"handback.example/inspect/tpm"
)

// Options of a survey. Its zero value looks at this machine, without its TPM.
type Options struct {
	// Doors by which everything enters; without a tree, this machine's. What they leave
	// open is not asked.
	Doors   capture.Doors
	WithTPM bool
	// IncludeLoop lists loop devices that have a file behind them, too.
	IncludeLoop bool
	// BootPartGUIDs are the partitions that the medium of this system carries.
	BootPartGUIDs []string
	// Silent is told of each drive that has not answered for some seconds, as far as it is
	// known by then, while it is waited for; by several at once. nil: nobody is.
	Silent func(inspect.Drive)
}

// Deadlines. A disk that must spin up first takes some 15 s; the machine's own
// facts come from memory.
const (
	driveTimeout   = 40 * time.Second
	silentAfter    = 2 * time.Second
	machineTimeout = 20 * time.Second
)

// Take looks at everything. The error is of a survey that could not be begun;
// whatever could not be read stands in the report, as unknown.
func Take(ctx context.Context, o Options) (*inspect.Report, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("the survey was not begun: %w", err)
	}
	s := begin(o)
	switch has, err := s.Doors.Tree.Has("/sys"); {
	case err != nil:
		return nil, fmt.Errorf("the survey was not begun: %w", err)
	case !has:
		return nil, errors.New("it has no folder /sys: it is no machine's tree")
	}
	var drives driveFacts
	var chip inspect.TPM
	var wg sync.WaitGroup
	wg.Go(func() { drives = s.drives(ctx) })
	wg.Go(func() { chip = s.chip(ctx) })
	r, inTime := s.machine(ctx)
	wg.Wait()
	r.Schema, r.Taken = inspect.Schema, time.Now()
	r.TPM, r.Drives = chip, drives.drives
	r.Looked = append(drives.hidden.looked, r.Looked...)
	known := inTime && drives.hidden.found != nil && r.Unhandled != nil // the machine's own: persistent memory
	if r.Unhandled = append(drives.hidden.found, r.Unhandled...); !known && len(r.Unhandled) == 0 {
		r.Unhandled = nil
	}
	r.Missing = append(append([]string{}, r.Missing...), drives.hidden.missing...)
	s.ofCapture(r)
	return r, nil
}

// Machine takes the machine's own facts alone, without its drives and its TPM.
func Machine(ctx context.Context, o Options) *inspect.Report {
	r, _ := begin(o).machine(ctx)
	return r
}

// ofCapture: a report of a capture is of the time when that was taken, and what was
// not asked then may be anything.
func (s survey) ofCapture(r *inspect.Report) {
	if !s.Doors.Taken.IsZero() {
		r.Taken = s.Doors.Taken
	}
	if s.Doors.NotRecorded == nil {
		return
	}
	unasked := s.Doors.NotRecorded()
	for _, what := range unasked {
		r.Missing = append(r.Missing, what+": it is not recorded in the capture")
	}
	if len(unasked) > 0 && len(r.Unhandled) == 0 {
		r.Unhandled = nil // nobody can say that nothing is hidden
	}
}

type survey struct {
	Options
	tree sysblock.Tree
}

func begin(o Options) survey {
	if o.Doors.Tree == nil {
		o.Doors = capture.Live()
	}
	return survey{Options: o, tree: sysblock.Tree{Tree: o.Doors.Tree}}
}

// within runs what may hang, and gives up on it: its result is then of nobody.
func within[T any](ctx context.Context, limit time.Duration, do func(context.Context) T) (v T, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	done := make(chan T, 1)
	go func() {
		defer cancel()
		done <- do(ctx)
	}()
	select {
	case v = <-done:
		return v, true
	case <-ctx.Done():
	}
	select { // it may have ended at the same moment
	case v = <-done:
		return v, true
	default:
		return v, false
	}
}

func (s survey) machine(ctx context.Context) (r *inspect.Report, inTime bool) {
	r, inTime = within(ctx, machineTimeout, func(ctx context.Context) *inspect.Report {
		r := &inspect.Report{}
		platform.Read(ctx, platform.Machine{Tree: s.Doors.Tree, AMT: s.Doors.AMT, Own: s.BootPartGUIDs}, r)
		return r
	})
	if !inTime {
		r = &inspect.Report{Missing: []string{"the machine's own facts: they could not be read in time"}}
	}
	return r, inTime
}

func (s survey) chip(ctx context.Context) inspect.TPM {
	if !s.WithTPM {
		return inspect.TPM{Present: inspect.Unknown[bool]("TPM", "it was not looked for")}
	}
	chip, ok := within(ctx, machineTimeout, func(ctx context.Context) inspect.TPM { return tpm.Read(ctx, s.Doors.Tree, s.Doors.TPM) })
	if !ok {
		return inspect.TPM{Present: inspect.Unknown[bool]("TPM", "it did not answer in time")}
	}
	return chip
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

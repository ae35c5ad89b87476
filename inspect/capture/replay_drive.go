package capture

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/answer"
	"handback.example/inspect/internal/sysblock"
	"handback.example/inspect/internal/who"
)

type replayedOpener struct {
	c     *Capture
	disks disks
}

// OpenTarget fails: what was captured can't be erased.
func (o *replayedOpener) OpenTarget(path string) (drive.Target, error) {
	return nil, fmt.Errorf("%s is a drive of a capture: there is nothing to erase", path)
}

func (o *replayedOpener) Open(path string) (drive.Device, error) {
	for _, rec := range o.c.drives {
		if rec.Path != path {
			continue
		}
		if rec.Unopened != "" {
			return nil, errors.New(rec.Unopened)
		}
		disk, err := o.disks.find(path)
		if err != nil {
			return nil, err
		}
		d := &replayedDevice{rec: rec, questions: &o.c.questions, answers: map[string][]*exchange{}}
		d.who = who.Drive{Tree: sysblock.Tree{Tree: o.disks.tree}, Disk: disk, Size: rec.Geometry.Size, Namespace: rec.Namespace}
		for _, x := range rec.commands {
			d.answers[x.key()] = append(d.answers[x.key()], x)
		}
		return d, nil
	}
	return nil, o.c.add("drive " + path)
}

// replayedDevice answers each command as it was answered, in turn; asked more often
// than then it answers as at last.
type replayedDevice struct {
	rec       *driveRecord
	who       who.Drive
	questions *questions
	mu        sync.Mutex
	answers   map[string][]*exchange
}

func (x *exchange) key() string {
	return fmt.Sprintf("%d %x %d", x.Protocol, []byte(x.Frame), x.Length)
}

func (d *replayedDevice) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	return drive.ReadOnly(recordedAnswers{d}).Do(ctx, c)
}

type recordedAnswers struct{ *replayedDevice }

func (d recordedAnswers) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	if err := ctx.Err(); err != nil {
		return drive.Completion{}, err
	}
	x := d.next(c)
	if x == nil {
		return drive.Completion{}, d.questions.add(fmt.Sprintf("%s (% x) of %s", answer.Operation(c), c.Frame, d.rec.Path))
	}
	done := drive.Completion{Status: x.Status, Result: x.Result, Sense: append([]byte(nil), x.Sense...), Residual: min(max(x.Residual, 0), len(c.Data))}
	clear(c.Data)
	copy(c.Data, x.Data)
	switch {
	case x.NoAnswer:
		return done, told{x.Error, drive.ErrNoAnswer}
	case x.Error != "":
		return done, errors.New(x.Error)
	}
	return done, answer.Judge(c, done)
}

func (d recordedAnswers) next(c drive.Command) *exchange {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := (&exchange{Protocol: c.Protocol, Frame: c.Frame, Length: len(c.Data)}).key()
	all := d.answers[key]
	if len(all) == 0 {
		return nil
	}
	if len(all) > 1 {
		d.answers[key] = all[1:]
	}
	return all[0]
}

// told is an error in the words of then.
type told struct {
	text string
	kind error
}

func (e told) Error() string { return e.text }
func (e told) Unwrap() error { return e.kind }

func (d *replayedDevice) Identify(ctx context.Context) (drive.Identity, error) {
	if d.rec.Unidentified != "" {
		return drive.Identity{}, errors.New(d.rec.Unidentified)
	}
	return identified(d.who, ctx, d)
}

func (d *replayedDevice) Geometry() drive.Geometry     { return d.rec.Geometry }
func (d *replayedDevice) Provenance() drive.Provenance { return d.rec.Provenance }
func (d *replayedDevice) Close() error                 { return nil }

// ReadAt fails: a capture has no blocks.
func (d *replayedDevice) ReadAt([]byte, int64) (int, error) {
	return 0, errors.New("a capture does not have the blocks of a drive")
}

// Found is what the survey of the drive's blocks came to, then.
func (d *replayedDevice) Found() (Contents, error) {
	if d.rec.Contents == nil {
		return Contents{}, d.questions.add("what " + d.rec.Path + " holds")
	}
	return *d.rec.Contents, nil
}

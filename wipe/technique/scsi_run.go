package technique

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/scsi"
	"handback.example/wipe"
	"handback.example/wipe/journal"
)

// scsiRun is an erasure that a SCSI drive runs by itself once it has accepted a
// command with IMMED: SANITIZE or FORMAT UNIT. It has ended well where the drive
// accepted the command, or was seen at it, and is ready again after that with nothing
// to tell of a failure (SBC-4 clauses 4.11 and 5.3). No answer, or one that can't be
// read, never counts for that.
type scsiRun struct {
	firmware
	name string // for people and the record
	// running and failed are what the drive tells of it.
	running, failed scsi.Activity
	// commands that ask for it; the next one where the drive does not know the one
	// before. Each is sent once more after a reset that the drive may not have gone on
	// over; with again, after a failure too, which may be that of a power cut.
	commands []drive.Command
	again    bool

	// reset: the drive has told of a reset, and has not been seen at it since.
	reset bool
}

// scsiState is what a drive says of itself now.
type scsiState struct {
	activity scsi.Activity
	fraction float64 // of what goes on; negative: it does not tell
	reset    bool    // it told of a reset or power cut first
	sense    []byte
}

// attentionsMax: so often in a row a drive may tell of something that was before.
const attentionsMax = 16

// scsiState asks by REQUEST SENSE, and where that tells of nothing by TEST UNIT READY:
// only that says that blocks can be read and written. An error means that it gave no
// answer that can be read.
func (d *Drive) scsiState(ctx context.Context) (scsiState, error) {
	reset := false
	for range attentionsMax {
		sense, err := d.scsiSense(ctx, scsi.RequestSense())
		if err != nil {
			return scsiState{}, err
		}
		st, err := stateOf(sense)
		if err == nil && st.activity == scsi.ActivityNone {
			if sense, err = d.scsiSense(ctx, scsi.TestUnitReady()); err == nil && sense == nil {
				st.reset = reset
				return st, nil // ready
			} else if err == nil {
				st, err = stateOf(sense)
			}
		}
		if err != nil {
			return scsiState{}, err
		}
		if st.activity != scsi.Attention {
			st.reset = reset
			return st, nil
		}
		reset = reset || st.reset
	}
	return scsiState{}, errors.New("the drive tells of one reset after the other")
}

// scsiSense sends a command that tells something by sense data, be it as its data or
// with its status; nil: it told nothing, and was good.
func (d *Drive) scsiSense(ctx context.Context, c drive.Command) ([]byte, error) {
	done, err := d.Target.Do(ctx, c)
	var status *drive.StatusError
	switch {
	case errors.As(err, &status):
		return append([]byte{}, status.Sense...), nil // not nil: it was not good
	case err != nil:
		return nil, err
	case len(c.Data) == 0:
		return nil, nil
	}
	return c.Data[:max(0, len(c.Data)-done.Residual)], nil
}

// stateOf reads sense data.
func stateOf(sense []byte) (scsiState, error) {
	s, ok := scsi.ParseSense(sense)
	if !ok {
		return scsiState{}, fmt.Errorf("no sense data that can be read came (% x)", sense[:min(len(sense), 32)])
	}
	st := scsiState{activity: s.Activity(), fraction: -1, sense: sense, reset: s.Key == 0x6 && s.ASC == 0x29}
	if f, ok := scsi.Progress(sense); ok {
		st.fraction = f
	}
	return st, nil
}

// scsiLost: so many questions in a row may stay without an answer that can be read,
// while a drive is at an erasure: it may be reset by its adapter.
const scsiLost = 8

// errReset: the drive was reset or lost its power while it was at its erasure, and is
// not at it any more.
var errReset = errors.New("the drive was reset in the middle, and does not go on")

// wait until what the drive is at has ended. An error tells how it ended otherwise.
func (s *scsiRun) wait(ctx context.Context, last *scsiState) error {
	lost, fraction := 0, 0.0
	return s.d.poll(ctx, patienceWith(s.estimate()), func(ctx context.Context) (progress, error) {
		st, err := s.d.scsiState(ctx)
		if err == nil && st.activity == scsi.ActivityUnknown {
			k, _ := scsi.ParseSense(st.sense)
			err = fmt.Errorf("the drive tells of something else: %s", k)
		}
		if err != nil {
			if lost++; lost >= scsiLost || ctx.Err() != nil {
				return progress{}, fmt.Errorf("%w: %w", ErrUnanswered, err)
			}
			return progress{fraction: fraction}, nil
		}
		lost, *last, s.reset = 0, st, s.reset || st.reset
		switch st.activity {
		case scsi.ActivityNone:
			if s.reset {
				return progress{}, errReset
			}
			return progress{done: true}, nil
		case s.running:
			s.reset = false
			if st.fraction >= 0 {
				fraction = st.fraction
			}
		case scsi.SanitizeFailed, scsi.FormatCorrupted:
			return progress{}, &drive.StatusError{Protocol: drive.ProtocolSCSI, Operation: s.name,
				Completion: drive.Completion{Status: 0x02, Sense: st.sense}}
		}
		return progress{fraction: fraction}, nil
	})
}

// scsiSpeed that is reckoned with, bytes in a second: a slow disk.
const scsiSpeed = 100e6

func (s *scsiRun) estimate() time.Duration {
	return time.Duration(float64(s.d.Plan.Geometry.Size) / scsiSpeed * float64(time.Second))
}

// CanStop: once accepted, it runs to its end.
func (s *scsiRun) CanStop() bool { return false }

// look at the drive before anything is sent, and read what will be looked for; of a
// drive that is at an erasure nothing can be read.
func (s *scsiRun) look(ctx context.Context) error {
	st, err := s.d.scsiState(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("the drive does not say what it is at: %w", err)
	case st.activity == scsi.ActivityUnknown:
		k, _ := scsi.ParseSense(st.sense)
		return fmt.Errorf("the drive is not ready: %s", k)
	case st.activity == scsi.ActivityNone:
		if err := s.shape(ctx); err != nil {
			return err
		}
		return s.prepare(ctx)
	}
	return nil
}

// shape: the drive is as big as was planned for.
func (s *scsiRun) shape(ctx context.Context) error {
	k, err := s.d.capacity(ctx)
	if err != nil {
		return err
	}
	if g := s.d.Plan.Geometry; k.BlockSize != g.LogicalBlock || int64(k.Blocks)*int64(k.BlockSize) != g.Size {
		return fmt.Errorf("the drive has %d blocks of %d bytes, and %d bytes in blocks of %d were planned for", k.Blocks, k.BlockSize, g.Size, g.LogicalBlock)
	}
	return nil
}

func (d *Drive) capacity(ctx context.Context) (scsi.Capacity, error) {
	c := scsi.ReadCapacity()
	done, err := d.scsiDo(ctx, c)
	if err != nil {
		return scsi.Capacity{}, fmt.Errorf("the drive does not say how big it is: %w", err)
	}
	return scsi.ParseCapacity(c.Data[:max(0, len(c.Data)-done.Residual)])
}

// scsiDo sends a command, again where the drive told of something that was before it:
// then it was not carried out (SAM-5 clause 5.14).
func (d *Drive) scsiDo(ctx context.Context, c drive.Command) (done drive.Completion, err error) {
	for range attentionsMax {
		done, err = d.Target.Do(ctx, c)
		var status *drive.StatusError
		if !errors.As(err, &status) {
			break
		}
		if k, ok := scsi.ParseSense(status.Sense); !ok || k.Activity() != scsi.Attention {
			break
		}
	}
	return done, err
}

// Erase adopts an erasure that the drive is at, or sends the command, and waits.
func (s *scsiRun) Erase(ctx context.Context) Report {
	var r Report
	s.d.running()
	if s.adopt(ctx, &r); r.Complete || r.Err != nil {
		return s.report(r)
	}
	if r.Err = s.before(ctx); r.Err != nil {
		return s.report(r)
	}
	for _, c := range s.commands {
		for range 2 {
			if r.Err = s.once(ctx, c, &r); r.Err == nil {
				r.Complete = true
				return s.report(r)
			}
			if again := errors.Is(r.Err, errReset) || s.again && s.broken(r.Err); !again {
				break
			}
		}
		if !unknownForm(r.Err) {
			break
		}
	}
	if errors.Is(r.Err, errReset) {
		r.Err = fmt.Errorf("%w: %w", ErrUnanswered, r.Err)
	}
	return s.report(r)
}

// broken: the run itself, not the command, ended in its failure.
func (s *scsiRun) broken(err error) bool {
	var status *drive.StatusError
	if !errors.As(err, &status) {
		return false
	}
	k, ok := scsi.ParseSense(status.Sense)
	return ok && k.Activity() == s.failed
}

// unknownForm: the drive refused a field of the command or of its parameter list.
func unknownForm(err error) bool {
	var status *drive.StatusError
	if !errors.As(err, &status) {
		return false
	}
	k, ok := scsi.ParseSense(status.Sense)
	return ok && k.Key == 0x5 && (k.ASC == 0x24 || k.ASC == 0x26 || k.ASC == 0x1a)
}

// Data of the marks.
const (
	markSCSI       = "frame" // StepIssue: what is sent, hex
	markSCSIParams = "parameters"
)

// adopt waits for what the drive is at. Only what an earlier start of this technique
// has sent counts as ours; after anything else the drive is erased anew.
func (s *scsiRun) adopt(ctx context.Context, r *Report) {
	st, err := s.d.scsiState(ctx)
	if err != nil {
		r.Err = fmt.Errorf("the drive does not say what it is at: %w", err)
		return
	}
	issue := s.d.Past.Last(journal.StepIssue)
	switch st.activity {
	case scsi.ActivityNone:
		return
	case s.failed:
		r.Resumed = "An earlier one had failed, or was cut off: it was begun anew."
		return
	case s.running:
	default: // it is at something else: that must end first
		issue = nil
	}
	began, last := s.d.clock().Now(), st
	ours := issue != nil
	if ours {
		r.Sent = true
		s.recall()
	}
	err = s.wait(ctx, &last)
	took := s.d.clock().Now().Sub(began)
	switch {
	case ours:
		r.Commands = append(r.Commands, wipe.CommandTrace{Operation: s.name + " (sent at an earlier start)", Frame: issue.Data[markSCSI],
			Status: hex.EncodeToString(last.sense), Duration: took})
		if err == nil {
			r.Complete, r.Resumed = true, fmt.Sprintf("The drive was found at it and came to its end after %s.", took.Round(time.Second))
			return
		}
		r.Commands[0].Error = err.Error()
		r.Resumed = "The drive was found at it, and it failed: it was begun anew."
	default:
		r.Resumed = "The drive was found at an erasure that nothing here had begun: after its end it was erased anew."
	}
	// The evidence was of the run that has ended.
	s.evidence = nil
	if errors.Is(err, ErrUnanswered) || errors.Is(err, ErrStuck) || ctx.Err() != nil {
		r.Err = err
	}
}

// once sends one command and waits for the end of what it asks for.
func (s *scsiRun) once(ctx context.Context, c drive.Command, r *Report) error {
	data := map[string]string{markSCSI: hex.EncodeToString(c.Frame)}
	if len(c.Data) > 0 {
		data[markSCSIParams] = hex.EncodeToString(c.Data)
	}
	if err := s.issue(ctx, data); err != nil {
		return err
	}
	s.reset = false
	began := s.d.clock().Now()
	done, err := s.d.scsiDo(context.WithoutCancel(ctx), c)
	if errors.Is(err, drive.ErrRefused) {
		return err
	}
	r.Sent = true
	t := trace(s.name, c, done, err, s.d.clock().Now().Sub(began))
	t.Frame += hex.EncodeToString(c.Data)
	last := scsiState{sense: done.Sense}
	if err = s.accepted(ctx, err); err == nil {
		if err = s.wait(ctx, &last); err != nil {
			t.Error = err.Error()
		}
		t.Status += hex.EncodeToString(last.sense)
	}
	t.Duration = s.d.clock().Now().Sub(began)
	r.Commands = append(r.Commands, t)
	return err
}

// accepted: the answer was good; or it was lost or broken, and the drive is seen at
// the erasure.
func (s *scsiRun) accepted(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var status *drive.StatusError
	if errors.As(err, &status) {
		if k, ok := scsi.ParseSense(status.Sense); ok && k.Activity() != s.running {
			return err // the drive's own word
		}
	}
	if st, lost := s.d.scsiState(ctx); lost == nil && st.activity == s.running {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnanswered, err)
}

// Verify opens the drive again and looks for what stood there.
func (s *scsiRun) Verify(ctx context.Context) (wipe.Verification, error) { return s.after(ctx) }

// Grade of a firmware erasure.
func (s *scsiRun) Grade(v wipe.Verification) wipe.EvidenceGrade { return s.grade(v) }

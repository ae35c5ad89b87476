package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/internal/sweep"
	"handback.example/wipe/plan"
	"handback.example/wipe/technique"
	"handback.example/wipe/verify"
)

// Codes of outcomes, stable.
const (
	codeNotPrepared = "not-prepared" // the technique can't be had here; nothing was sent
	codeNotSent     = "not-sent"     // likewise, found out at the last moment
	codeNotErased   = "not-erased"   // the drive refused a firmware technique, or said that it failed
	codeNoJournal   = "no-journal"   // a step could not be made durable, so it was not taken
	codeStuck       = "stuck"        // the drive's own erasure does not get on
	codeAnswerLost  = "answer-lost"  // nobody knows what the drive made of a command
	codeSurvivors   = "survivors"    // data was found that should be gone
	codeTooSlow     = "too-slow"
	codeUnlikely    = "implausible" // faster than a drive can be
	// CodePowerCycle: the machine has to be switched off and on before the drive's
	// erasure can go on.
	CodePowerCycle = "needs-power-cycle"
)

const (
	doDestroy = "Take the drive out, bag and seal it, and have it destroyed."
	doAgain   = "Erase the drive again; if it comes again, take it out and have it destroyed."
	doStick   = "Put an enrolled stick in and erase the drive again."
)

// found is all that is known when the work on a drive has ended.
type found struct {
	report       technique.Report
	verification wipe.Verification
	verifyErr    error
	evidence     wipe.EvidenceGrade
	want         drive.Identity // who must answer, and
	shape        drive.Geometry // in which shape
	after        drive.Identity // who does
	afterErr     error
	geometry     drive.Geometry
	bad          []wipe.Range
	badBlocks    int64
	// erasing and reading are how long that took, by the technique's clock.
	erasing, reading time.Duration
}

// reason against a success; nil: none.
type reason struct {
	verdict  wipe.Verdict
	code     string
	what, do string
}

func against(v wipe.Verdict, code, do, format string, a ...any) *reason {
	return &reason{v, code, fmt.Sprintf(format, a...), do}
}

// judge fills in the outcome of a drive to which something destructive was sent.
// It is the only place where a drive becomes Sanitised, and every way there
// leads past every reason against it.
func judge(o wipe.Outcome, step wipe.Step, f found) wipe.Outcome {
	o.After, o.GeometryAfter = f.after, f.geometry
	o.Commands, o.Verification = f.report.Commands, f.verification
	o.BadRanges, o.BadBlocks, o.BytesWritten = f.bad, f.badBlocks, f.report.Written
	var p *sweep.Panic
	if errors.As(f.report.Err, &p) || errors.As(f.verifyErr, &p) {
		o.Log = string(p.Stack)
	}
	for _, find := range []func(wipe.Step, found) *reason{
		otherDrive, gone, badBlocks, survived, cutShort, unmarked, unknown, notErased, notReadBack, notItself, unlikely, claimsNothing,
	} {
		if r := find(step, f); r != nil {
			o.Verdict, o.Code, o.What, o.Do = r.verdict, r.code, r.what, r.do
			return o
		}
	}
	return sanitised(o, step, f)
}

// otherDrive: what answers now is not what was planned.
func otherDrive(_ wipe.Step, f found) *reason {
	is, name := f.after, plan.Name(f.want)
	switch {
	case f.afterErr == nil && is.Size != f.want.Size:
		return against(wipe.Failed, "", doDestroy, "%s had %d bytes before and has %d after: a part of it is out of reach, or it is another drive.", name, f.want.Size, is.Size)
	case f.afterErr == nil && !is.Same(f.want):
		return against(wipe.Failed, "", "Inspect the machine again; have every drive that was in it destroyed that can't be accounted for.",
			"Where %s stood, %s answers now: nobody can say what was erased.", name, plan.Name(is))
	case f.afterErr == nil && f.geometry != f.shape:
		return against(wipe.Failed, "", doDestroy, "%s shows %s after the erasure, and showed %s before.", name, shape(f.geometry), shape(f.shape))
	case errors.Is(f.verifyErr, technique.ErrOther), errors.Is(f.report.Err, technique.ErrOther):
		return against(wipe.Failed, "", doDestroy, "%s no longer answers as itself: %v.", name, errors.Join(f.report.Err, f.verifyErr))
	}
	return nil
}

// gone: the drive went away, or fails so much that it was left.
func gone(_ wipe.Step, f found) *reason {
	for _, err := range []error{f.report.Err, f.verifyErr} {
		if errors.Is(err, sweep.ErrTooSlow) {
			return against(wipe.Failed, codeTooSlow, doDestroy, "%s was given up after %d bytes were written: %v.", plan.Name(f.want), f.report.Written, err)
		}
		if errors.Is(err, sweep.ErrGone) || errors.Is(err, sweep.ErrGaveUp) {
			return against(wipe.Failed, "", doDestroy, "%s failed after %d bytes were written: %v.", plan.Name(f.want), f.report.Written, err)
		}
	}
	return nil
}

func badBlocks(_ wipe.Step, f found) *reason {
	if f.badBlocks == 0 && len(f.bad) == 0 {
		return nil
	}
	first := wipe.Range{}
	if len(f.bad) > 0 {
		first = f.bad[0]
	}
	return against(wipe.Failed, "", doDestroy, "%s could not be written or read at %d blocks, the first at block %d (%s): what stood there may still be read.",
		plan.Name(f.want), max(f.badBlocks, 1), first.First, first.What)
}

// survived: the read-back found what should not be there. No technique is tried
// after that: a person must know of a drive that says what is not so.
func survived(s wipe.Step, f found) *reason {
	name, v := plan.Name(f.want), f.verification
	switch {
	case v.Survivors > 0 && wordsFor(s).firmware:
		return against(wipe.Failed, codeSurvivors, "Do not trust what this drive says of itself: erase it again by an overwrite, or take it out and have it destroyed.",
			"%s said that it %s, and %d of %d blocks that were read before still stand there.", name, wordsFor(s).did, v.Survivors, v.Counted)
	case v.Survivors > 0:
		return against(wipe.Failed, codeSurvivors, doDestroy, "%s took every write, and %d blocks read back as something else.", name, v.Survivors)
	case v.Unreadable > 0:
		return against(wipe.Failed, "", doDestroy, "%d blocks of %s can't be read back: what stands there is not known.", v.Unreadable, name)
	}
	return nil
}

// cutShort: stopped by a person, or by the end of the program.
func cutShort(s wipe.Step, f found) *reason {
	name, do := plan.Name(f.want), "Erase the drive again, from its beginning."
	switch {
	case errors.Is(f.report.Err, context.Canceled) && wordsFor(s).firmware:
		return against(wipe.Interrupted, "", doAgain, "The erasure of %s was broken off: what the drive does by itself may go on, and nobody has waited for its end.", name)
	case errors.Is(f.report.Err, context.Canceled):
		return against(wipe.Interrupted, "", do, "The erasure of %s was stopped after %d of %d bytes: what comes after them was not erased.",
			name, f.report.Written, f.shape.Size)
	case errors.Is(f.verifyErr, context.Canceled):
		return against(wipe.Interrupted, "", do, "The read-back of %s was stopped: it was overwritten, and nobody has looked whether that held.", name)
	}
	return nil
}

// unmarked: the journal could not take a step, so the technique ended before it.
func unmarked(_ wipe.Step, f found) *reason {
	for _, err := range []error{f.report.Err, f.verifyErr} {
		if errors.Is(err, technique.ErrUnmarked) {
			return against(wipe.Interrupted, codeNoJournal, doStick, "The erasure of %s was begun and not ended: %v.", plan.Name(f.want), err)
		}
	}
	return nil
}

// unknown: the drive may have erased itself, or not, or be at it.
func unknown(s wipe.Step, f found) *reason {
	name, w := plan.Name(f.want), wordsFor(s)
	switch err := f.report.Err; {
	case errors.Is(err, technique.ErrStuck):
		return against(wipe.Unverified, codeStuck, "Leave it switched on for some hours and start again: it is then waited for. If it still stands there, take the drive out and have it destroyed.",
			"%s was told to erase itself and may still be at it, whatever is done to it: %v.", name, err)
	case errors.Is(err, technique.ErrUnanswered):
		return against(wipe.Unverified, codeAnswerLost, "Connect it without a bridge or adapter in between and erase it again; if it comes again, take it out and have it destroyed.",
			"%s was told to erase itself (%s), and its answer was lost: %v.", name, w.command, err)
	}
	return nil
}

// notErased: the technique did not come to its end.
func notErased(s wipe.Step, f found) *reason {
	name, w := plan.Name(f.want), wordsFor(s)
	var broken *sweep.Panic
	switch {
	case errors.Is(f.report.Err, technique.ErrHides):
		return against(wipe.Failed, "", "Erase it again by this technique or a sanitize; if that fails, take it out and have it destroyed.",
			"%s was not erased (%s): %v.", name, w.command, f.report.Err)
	case f.report.Err != nil && w.firmware && !errors.As(f.report.Err, &broken):
		return against(wipe.Failed, codeNotErased, "Erase it by another technique; if none does it, take it out and have it destroyed.",
			"%s was not erased (%s): %v.", name, w.command, f.report.Err)
	case f.report.Err != nil:
		return against(wipe.Failed, "", "Erase it again by an overwrite; if that fails, take it out and have it destroyed.", "%s was not erased: %v.", name, f.report.Err)
	case !f.report.Complete, !w.firmware && f.report.Written < f.shape.Size && f.report.Resumed == "":
		return against(wipe.Failed, "", doAgain, "%s was not erased to its end: %d bytes were written.", name, f.report.Written)
	case w.firmware && len(f.report.Commands) == 0 && f.report.Resumed == "":
		return against(wipe.Unverified, "", doAgain, "%s is said to be erased, and there is no command on record that would have done it.", name)
	}
	return nil
}

// notReadBack: the read-back did not come to its end. Only a technique whose
// evidence is the drive's own word, and that had nothing to look for, may have a
// read-back that is 'not done'.
func notReadBack(_ wipe.Step, f found) *reason {
	name, v := plan.Name(f.want), f.verification
	ownWord := f.evidence == wipe.EvidenceDeviceClaims && v.Result == verify.NotDone && v.Counted == 0
	switch {
	case f.verifyErr != nil:
		return against(wipe.Unverified, "", doAgain, "%s was erased, and could not be read back to its end: %v.", name, f.verifyErr)
	case f.evidence == "" || v.Result != verify.Passed && !ownWord:
		return against(wipe.Unverified, "", doAgain, "%s was erased, and was not read back to its end.", name)
	}
	return nil
}

// notItself: after all went well the drive must still say who it is.
func notItself(_ wipe.Step, f found) *reason {
	if f.afterErr == nil {
		return nil // otherDrive has compared
	}
	return against(wipe.Unverified, "", doAgain, "%s was erased and read back, and no longer says who it is: %v.", plan.Name(f.want), f.afterErr)
}

// unlikely: what is said to be done can't be done in the time that it took.
func unlikely(s wipe.Step, f found) *reason {
	w := verify.Work{Drive: f.want, Technique: s.Technique, Written: f.report.Written, Erasing: f.erasing, Read: f.verification.BytesRead, Reading: f.reading}
	if s.Then != "" {
		w.Technique = s.Then
	}
	if f.report.Resumed != "" {
		w.Technique = "" // the drive may have done it while nobody looked
	}
	if err := verify.Plausible(w); err != nil {
		return against(wipe.Unverified, codeUnlikely, "Do not trust what this drive says of itself: erase it again by an overwrite, or take it out and have it destroyed.",
			"What %s says that it did is %v.", plan.Name(f.want), err)
	}
	return nil
}

// claimsNothing: a step that erases nothing by itself makes no drive sanitised.
func claimsNothing(s wipe.Step, f found) *reason {
	if s.Level == wipe.LevelNone {
		return against(wipe.Unverified, "", doAgain, "%s came through %s, which by itself shows nothing.", plan.Name(f.want), s.Technique)
	}
	return nil
}

func sanitised(o wipe.Outcome, step wipe.Step, f found) wipe.Outcome {
	o.Verdict, o.Level, o.Evidence, o.NotShown = wipe.Sanitised, step.Level, f.evidence, step.Shortfall
	if f.evidence == wipe.EvidenceSampled {
		o.Level = min(o.Level, wipe.LevelClear)
		o.NotShown = "blocks that were not in the sample; " + o.NotShown
	}
	w, v := wordsFor(step), f.verification
	switch f.evidence {
	case wipe.EvidenceMeasured:
		o.What = "Every block was overwritten and read back."
	case wipe.EvidenceSampled:
		o.What = fmt.Sprintf("Every block was overwritten, and %d blocks were read back.", v.Compared)
	case wipe.EvidenceCanaries:
		o.What = fmt.Sprintf("The drive %s and reported success; none of %d blocks that were read before is left", w.did, v.Counted)
		if v.Canaries > 0 {
			o.What += fmt.Sprintf(", nor of those the %d that were written to be looked for", v.Canaries)
		}
		o.What += "."
	default:
		if v.Counted > 0 {
			o.What = fmt.Sprintf("The drive %s and reported success; none of %d blocks that were read before is left, and it took none that could be looked for.", w.did, v.Counted)
			break
		}
		o.What = fmt.Sprintf("The drive %s and reported success; nothing stood in the blocks that were read before, so its word is all there is.", w.did)
	}
	return o
}

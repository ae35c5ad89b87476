package job

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/internal/sweep"
	"handback.example/wipe/plan"
	"handback.example/wipe/technique"
	"handback.example/wipe/verify"
)

// codeNotErased: the drive itself refused a firmware technique, or said that it
// failed.
const codeNotErased = "not-erased"

const (
	doDestroy = "Take the drive out, bag and seal it, and have it destroyed."
	doAgain   = "Erase the drive again; if it comes again, take it out and have it destroyed."
)

// found is all that is known when the work on a drive has ended.
type found struct {
	report       technique.Report
	verification wipe.Verification
	verifyErr    error
	evidence     wipe.EvidenceGrade
	after        drive.Identity
	afterErr     error
	geometry     drive.Geometry
	bad          []wipe.Range
	badBlocks    int64
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
	for _, against := range []func(wipe.Outcome, found) (wipe.Verdict, string, string){
		otherDrive, gone, badBlocks, survived, cutShort, notErased, notReadBack, notItself,
	} {
		if v, what, do := against(o, f); v != "" {
			o.Verdict, o.What, o.Do = v, what, do
			var status *drive.StatusError
			if v == wipe.Failed && errors.As(f.report.Err, &status) && f.report.Written == 0 {
				o.Code = codeNotErased
			}
			return o
		}
	}
	return sanitised(o, step, f)
}

// otherDrive: what answers now is not what was planned.
func otherDrive(o wipe.Outcome, f found) (wipe.Verdict, string, string) {
	was, is := o.Drive.Identity, f.after
	name := plan.Name(was)
	switch {
	case f.afterErr == nil && is.Size != was.Size:
		return wipe.Failed, fmt.Sprintf("%s had %d bytes before and has %d after: a part of it is out of reach, or it is another drive.", name, was.Size, is.Size), doDestroy
	case f.afterErr == nil && !is.Same(was):
		return wipe.Failed, fmt.Sprintf("Where %s stood, %s answers now: nobody can say what was erased.", name, plan.Name(is)), "Inspect the machine again; have every drive that was in it destroyed that can't be accounted for."
	case f.afterErr == nil && f.geometry != o.Drive.Geometry:
		return wipe.Failed, fmt.Sprintf("%s shows %s after the erasure, and showed %s before.", name, shape(f.geometry), shape(o.Drive.Geometry)), doDestroy
	case errors.Is(f.verifyErr, technique.ErrOther), errors.Is(f.report.Err, technique.ErrOther):
		return wipe.Failed, fmt.Sprintf("%s no longer answers as itself: %v.", name, errors.Join(f.report.Err, f.verifyErr)), doDestroy
	}
	return "", "", ""
}

// gone: the drive went away, or fails so much that it was left.
func gone(o wipe.Outcome, f found) (wipe.Verdict, string, string) {
	for _, err := range []error{f.report.Err, f.verifyErr} {
		if errors.Is(err, sweep.ErrGone) || errors.Is(err, sweep.ErrGaveUp) {
			return wipe.Failed, fmt.Sprintf("%s failed after %d bytes were written: %v.", plan.Name(o.Drive.Identity), f.report.Written, err), doDestroy
		}
	}
	return "", "", ""
}

func badBlocks(o wipe.Outcome, f found) (wipe.Verdict, string, string) {
	if f.badBlocks == 0 && len(f.bad) == 0 {
		return "", "", ""
	}
	return wipe.Failed, fmt.Sprintf("%s could not be written or read at %d blocks, the first at block %d (%s): what stood there may still be read.",
		plan.Name(o.Drive.Identity), max(f.badBlocks, 1), firstBad(f.bad).First, firstBad(f.bad).What), doDestroy
}

func firstBad(bad []wipe.Range) wipe.Range {
	if len(bad) == 0 {
		return wipe.Range{}
	}
	return bad[0]
}

// cutShort: stopped by a person, or by the end of the program.
func cutShort(o wipe.Outcome, f found) (wipe.Verdict, string, string) {
	name := plan.Name(o.Drive.Identity)
	switch {
	case errors.Is(f.report.Err, context.Canceled):
		return wipe.Interrupted, fmt.Sprintf("The erasure of %s was stopped after %d of %d bytes: what comes after them was not erased.",
			name, f.report.Written, o.Drive.Geometry.Size), "Erase the drive again, from its beginning."
	case errors.Is(f.verifyErr, context.Canceled):
		return wipe.Interrupted, fmt.Sprintf("The read-back of %s was stopped: it was overwritten, and nobody has looked whether that held.", name),
			"Erase the drive again, from its beginning."
	}
	return "", "", ""
}

// notErased: the technique did not come to its end.
func notErased(o wipe.Outcome, f found) (wipe.Verdict, string, string) {
	name := plan.Name(o.Drive.Identity)
	switch {
	case errors.Is(f.report.Err, technique.ErrUnanswered):
		return wipe.Unverified, fmt.Sprintf("%s was told to erase itself, and its answer was lost: %v.", name, f.report.Err), doAgain
	case f.report.Err != nil:
		return wipe.Failed, fmt.Sprintf("%s was not erased: %v.", name, f.report.Err), "Erase it again by an overwrite; if that fails, take it out and have it destroyed."
	case !f.report.Complete:
		return wipe.Failed, fmt.Sprintf("%s was not erased to its end: %d bytes were written.", name, f.report.Written), doAgain
	}
	return "", "", ""
}

// survived: the read-back found what should not be there.
func survived(o wipe.Outcome, f found) (wipe.Verdict, string, string) {
	name, v := plan.Name(o.Drive.Identity), f.verification
	switch {
	case v.Survivors > 0 && len(f.report.Commands) > 0:
		return wipe.Failed, fmt.Sprintf("%s said that it erased itself, and %d of %d blocks that were read before still stand there.", name, v.Survivors, v.Counted), "Erase it again by an overwrite, or take it out and have it destroyed."
	case v.Survivors > 0:
		return wipe.Failed, fmt.Sprintf("%s took every write, and %d blocks read back as something else.", name, v.Survivors), doDestroy
	case v.Unreadable > 0:
		return wipe.Failed, fmt.Sprintf("%d blocks of %s can't be read back: what stands there is not known.", v.Unreadable, name), doDestroy
	}
	return "", "", ""
}

// notReadBack: the read-back did not come to its end. Only a technique whose
// evidence is the drive's own word, and that had nothing to look for, may have a
// read-back that is 'not done'.
func notReadBack(o wipe.Outcome, f found) (wipe.Verdict, string, string) {
	name, v := plan.Name(o.Drive.Identity), f.verification
	ownWord := f.evidence == wipe.EvidenceDeviceClaims && v.Result == verify.NotDone && v.Counted == 0
	switch {
	case f.verifyErr != nil:
		return wipe.Unverified, fmt.Sprintf("%s was erased, and could not be read back to its end: %v.", name, f.verifyErr), doAgain
	case f.evidence == "" || v.Result != verify.Passed && !ownWord:
		return wipe.Unverified, fmt.Sprintf("%s was erased, and was not read back to its end.", name), doAgain
	}
	return "", "", ""
}

// notItself: after all went well the drive must still say who it is.
func notItself(o wipe.Outcome, f found) (wipe.Verdict, string, string) {
	if f.afterErr == nil {
		return "", "", "" // otherDrive has compared
	}
	return wipe.Unverified, fmt.Sprintf("%s was erased and read back, and no longer says who it is: %v.", plan.Name(o.Drive.Identity), f.afterErr), doAgain
}

func sanitised(o wipe.Outcome, step wipe.Step, f found) wipe.Outcome {
	o.Verdict, o.Level, o.Evidence, o.NotShown = wipe.Sanitised, step.Level, f.evidence, step.Shortfall
	if f.evidence == wipe.EvidenceSampled {
		o.Level = min(o.Level, wipe.LevelClear)
		o.NotShown = "blocks that were not in the sample; " + o.NotShown
	}
	switch f.evidence {
	case wipe.EvidenceMeasured:
		o.What = "Every block was overwritten and read back."
	case wipe.EvidenceSampled:
		o.What = fmt.Sprintf("Every block was overwritten, and %d blocks were read back.", f.verification.Compared)
	case wipe.EvidenceCanaries:
		o.What = fmt.Sprintf("The drive erased its user data and reported success; none of %d blocks that were read before is left.", f.verification.Counted)
	default:
		o.What = "The drive erased its user data and reported success; nothing stood in the blocks that were read before, so its word is all there is."
	}
	return o
}

// sentence makes one of a reason: a capital letter and a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

package evidence

import (
	"fmt"
	"slices"
	"strconv"

	"handback.example/certs"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// The records of a visit have an upper limit of length (4 MiB, package certs), and
// what can't be read again is lost: a machine of many drives that are bad all over
// must stay below it.
const (
	maxRanges    = 500
	maxRangeText = 120
	maxCommands  = 40
	maxText      = 600
)

// Finished is the end of one drive's erasure as the engine gave it. Words that
// the record doesn't know never become better ones: an unknown verdict is
// 'failed', an unknown evidence grade none. was and is are the drive as it was
// looked at before and after; where it wasn't, the zero Drive, and its counts are
// unknown.
func Finished(o wipe.Outcome, was, is inspect.Drive) *certs.Finished {
	before := o.Drive
	f := &certs.Finished{Drive: Ref(before.Name, before.Identity), Verdict: verdict(o.Verdict), Level: Level(o.Level),
		Technique: string(o.Technique), Then: string(ran(o).Then), Standard: ran(o).Standard, NotShown: cut(o.NotShown), What: cut(o.What), Do: cut(o.Do),
		Verification: verification(o.Verification), BadRanges: ranges(o.BadRanges), Commands: commands(o.Commands),
		BytesWritten: fit(o.BytesWritten), StartedAt: stamp(o.Started), FinishedAt: stamp(o.Finished), ElapsedNS: fit(int64(o.Elapsed)),
		Before: state(before.Identity, before.Geometry, was), After: state(o.After, o.GeometryAfter, is),
		Restored: cut(o.Restored), Resumed: cut(o.Resumed), Attempts: attempts(o.Attempts)}
	if f.Verdict == certs.Sanitised {
		f.Evidence = evidenceGrade(o.Evidence)
	} else {
		f.Level, f.Code = certs.LevelNone, o.Code
	}
	return f
}

func verdict(v wipe.Verdict) certs.Verdict {
	switch v {
	case wipe.Sanitised:
		return certs.Sanitised
	case wipe.Interrupted:
		return certs.Interrupted
	case wipe.Unverified:
		return certs.Unverified
	case wipe.Refused:
		return certs.RefusedVerdict
	}
	return certs.Failed
}

// maxAttempts: a ladder is not longer.
const maxAttempts = 12

// attempts that did not do it. One that is said to have done it stands in the record
// as one that nobody knows of: the verdict is told in one place.
func attempts(as []wipe.Attempt) []certs.Attempt {
	var out []certs.Attempt
	for _, a := range as[:min(len(as), maxAttempts)] {
		v := verdict(a.Verdict)
		if v == certs.Sanitised {
			v = certs.Unverified
		}
		out = append(out, certs.Attempt{Technique: string(a.Technique), Verdict: v, What: cut(a.What), Commands: commands(a.Commands)})
	}
	return out
}

func evidenceGrade(g wipe.EvidenceGrade) string {
	switch g {
	case wipe.EvidenceMeasured:
		return certs.EvidenceMeasured
	case wipe.EvidenceSampled:
		return certs.EvidenceSampled
	case wipe.EvidenceCanaries:
		return certs.EvidenceCanaries
	case wipe.EvidenceDeviceClaims:
		return certs.EvidenceDeviceClaims
	}
	return ""
}

// ran is the step that was run.
func ran(o wipe.Outcome) wipe.Step {
	for _, s := range o.Drive.Ladder {
		if s.Technique == o.Technique {
			return s
		}
	}
	return wipe.Step{}
}

func verification(v wipe.Verification) certs.Verification {
	out := certs.Verification{Method: v.Method, BytesRead: fit(v.BytesRead), Compared: fit(v.Compared), Counted: fit(v.Counted),
		Canaries: fit(v.Canaries), Survivors: fit(v.Survivors), Unreadable: fit(v.Unreadable), Seed: v.Seed, Result: v.Result,
		Extent: fit(v.Extent), Fraction: decimal(v.Fraction), Confidence: decimal(v.Confidence)}
	if !slices.Contains([]string{certs.Passed, certs.NotPassed, certs.NotDone}, v.Result) {
		out.Result = certs.NotDone
	}
	return out
}

// decimal of a part of the whole; empty where it says nothing. A record has no
// fractions but in text (RFC 8785 would have them as the shortest that reads back).
func decimal(f float64) string {
	if !(f > 0 && f <= 1) {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 32)
}

// ranges lists the first of them; the last entry then stands for all the others.
func ranges(rs []wipe.Range) []certs.Range {
	var out []certs.Range
	for i, r := range rs {
		if i == maxRanges {
			out = append(out, others(rs[i:]))
			break
		}
		out = append(out, certs.Range{First: fit(r.First), Count: fit(r.Count), What: cutTo(r.What, maxRangeText)})
	}
	return out
}

func others(rs []wipe.Range) certs.Range {
	sum := certs.Range{First: fit(rs[0].First), What: fmt.Sprintf("%d more ranges from here on, not listed one by one; Count is all of their blocks", len(rs))}
	for _, r := range rs {
		sum.Count = fit(sum.Count + fit(r.Count))
	}
	return sum
}

// commands keeps the first and the last ones, where there are very many.
func commands(cs []wipe.CommandTrace) []certs.Command {
	var out []certs.Command
	for i, c := range cs {
		if n := len(cs) - maxCommands; n > 0 && i >= maxCommands/2 && i < maxCommands/2+n {
			if i == maxCommands/2 {
				out = append(out, certs.Command{Operation: fmt.Sprintf("%d more commands, not listed", n)})
			}
			continue
		}
		out = append(out, certs.Command{Operation: cut(c.Operation), Frame: cut(c.Frame), Status: cut(c.Status), Error: cut(c.Error), DurationNS: fit(int64(c.Duration))})
	}
	return out
}

func state(i drive.Identity, g drive.Geometry, d inspect.Drive) certs.State {
	return certs.State{Model: i.Model, Serial: i.Serial, Firmware: i.Firmware, WWN: i.WWN, Namespace: int64(i.Namespace),
		SizeBytes: fit(i.Size), LogicalBlock: g.LogicalBlock, PhysicalBlock: g.PhysicalBlock,
		NativeBytes: nativeBytes(d), Remapped: counted(d.Health.Realloc), Pending: counted(d.Health.Pending)}
}

// counted is what a drive counts, -1 where it is not known.
func counted(f inspect.Fact[int64]) int64 {
	if !f.Known || f.Value < 0 {
		return -1
	}
	return fit(f.Value)
}

// Find the drive of an identity among those that were looked at; the zero Drive
// where it is not there, or not alone.
func Find(drives []inspect.Drive, id drive.Identity) (found inspect.Drive) {
	n := 0
	for _, d := range drives {
		if keyOf(d.Identity) == keyOf(id) {
			found, n = d, n+1
		}
	}
	if n != 1 {
		return inspect.Drive{}
	}
	return found
}

func cut(s string) string { return cutTo(s, maxText) }

func cutTo(s string, most int) string {
	if len(s) > most {
		return s[:most] + " [cut]"
	}
	return s
}

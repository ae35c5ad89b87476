package job

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/internal/sweep"
	"handback.example/wipe/technique"
	"pgregory.net/rapid"
)

// Whatever a drive does wrong, 'sanitised' is said only where no trace is left,
// and the engine's figures are those of the medium itself.
func TestNeverFalselySanitised(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := newDisk(t, "S1", 5*mib+int64(rapid.IntRange(0, 20).Draw(rt, "tail"))*512, 512)
		blocks := d.geo.Blocks()
		some := func(name string) map[int64]bool {
			m := map[int64]bool{}
			for _, b := range rapid.SliceOfN(rapid.Int64Range(0, blocks-1), 0, 3).Draw(rt, name) {
				m[b] = true
			}
			return m
		}
		hit := func(m map[int64]bool) func(int64, int) error {
			return func(off int64, n int) error {
				for b := range m {
					if off <= b*512 && b*512 < off+int64(n) {
						return errMedium
					}
				}
				return nil
			}
		}
		unwritable, unreadable, dropped := some("unwritable"), some("unreadable"), some("dropped")
		if rapid.Bool().Draw(rt, "write faults") {
			d.onWrite = hit(unwritable)
		} else {
			clear(unwritable)
		}
		d.onRead = hit(unreadable)
		d.drop = func(off int64) bool { return dropped[off/512] }
		id := rapid.SampledFrom([]wipe.TechniqueID{wipe.OverwriteZero, wipe.OverwriteRandom}).Draw(rt, "technique")
		o := run(t, d, forced(id), nil)

		clean := !bytes.Contains(d.data, []byte("PRIVATE"))
		faults := len(unwritable) + len(unreadable) + len(dropped)
		if (o.Verdict == wipe.Sanitised) != (faults == 0) {
			rt.Fatalf("%s with %d faults: %s", o.Verdict, faults, o.What)
		}
		if o.Verdict == wipe.Sanitised && !clean {
			rt.Fatal("sanitised, and a trace is left")
		}
		bad := map[int64]bool{}
		for _, r := range o.BadRanges {
			for b := r.First; b < r.First+r.Count; b++ {
				bad[b] = true
			}
		}
		for b := range unwritable {
			if !bad[b] {
				rt.Fatalf("unwritable block %d is not listed", b)
			}
			bad[b] = false
		}
		for b, is := range bad {
			if is && !unreadable[b] {
				rt.Fatalf("block %d is listed as bad and is not", b)
			}
		}
		if o.Verification.Unreadable != int64(len(unreadable)) {
			rt.Fatalf("%d unreadable, want %d", o.Verification.Unreadable, len(unreadable))
		}
	})
}

// The verdict itself: of all that may be found, only one combination is success.
func TestJudgeSaysSanitisedOnlyWhereNothingStandsAgainstIt(t *testing.T) {
	id := drive.Identity{Model: "M", Serial: "S", Size: 4096}
	geo := drive.Geometry{Size: 4096, LogicalBlock: 512, PhysicalBlock: 512}
	errs := []error{nil, nil, nil, context.Canceled, sweep.ErrGone, sweep.ErrGaveUp, technique.ErrOther, technique.ErrUnanswered,
		technique.ErrStuck, technique.ErrUnmarked, errors.New("x")}
	few := rapid.SampledFrom([]int64{0, 0, 0, 1})
	rapid.Check(t, func(rt *rapid.T) {
		f := found{
			report:    technique.Report{Sent: true, Complete: rapid.Bool().Draw(rt, "complete"), Written: 4096, Err: rapid.SampledFrom(errs).Draw(rt, "err")},
			verifyErr: rapid.SampledFrom(errs).Draw(rt, "verify"),
			evidence:  rapid.SampledFrom([]wipe.EvidenceGrade{"", wipe.EvidenceMeasured, wipe.EvidenceSampled, wipe.EvidenceCanaries, wipe.EvidenceDeviceClaims}).Draw(rt, "evidence"),
			want:      id, shape: geo,
			after: id, geometry: geo,
			afterErr:  rapid.SampledFrom(errs).Draw(rt, "after"),
			badBlocks: few.Draw(rt, "bad"),
		}
		f.verification = wipe.Verification{Survivors: few.Draw(rt, "survivors"), Unreadable: few.Draw(rt, "unreadable"), Counted: few.Draw(rt, "counted"),
			Result: rapid.SampledFrom([]string{"passed", "failed", "not done", ""}).Draw(rt, "result")}
		if rapid.IntRange(0, 3).Draw(rt, "other") == 0 {
			f.after.Serial = "T"
		}
		if rapid.IntRange(0, 3).Draw(rt, "shape") == 0 {
			f.geometry.LogicalBlock = 4096
		}
		tech := rapid.SampledFrom([]wipe.TechniqueID{wipe.OverwriteZero, wipe.NVMeSanitizeBlock}).Draw(rt, "technique")
		f.report.Commands = make([]wipe.CommandTrace, rapid.IntRange(0, 1).Draw(rt, "commands"))
		o := judge(wipe.Outcome{Drive: wipe.DrivePlan{Identity: id, Geometry: geo}}, wipe.Step{Technique: tech, Level: wipe.LevelPurge}, f)
		v := f.verification
		ownWord := f.evidence == wipe.EvidenceDeviceClaims && v.Result == "not done" && v.Counted == 0
		proof := tech == wipe.OverwriteZero || len(f.report.Commands) > 0
		good := proof && f.report.Err == nil && f.verifyErr == nil && f.afterErr == nil && f.report.Complete && f.badBlocks == 0 &&
			v.Survivors == 0 && v.Unreadable == 0 && f.after == id && f.geometry == geo && f.evidence != "" && (v.Result == "passed" || ownWord)
		if (o.Verdict == wipe.Sanitised) != good {
			rt.Fatalf("%s (%s) of %+v", o.Verdict, o.What, f)
		}
		if o.Verdict == "" || o.What == "" || !good && (o.Do == "" || o.Level != wipe.LevelNone || o.Evidence != "") {
			rt.Fatalf("%+v", o)
		}
		if o.Evidence == wipe.EvidenceSampled && o.Level > wipe.LevelClear {
			rt.Fatal("a sample for Purge")
		}
	})
}

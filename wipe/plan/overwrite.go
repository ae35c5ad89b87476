package plan

import (
	"handback.example/wipe"
)

// overwrites reach every block that the drive shows, whatever the drive is.
func overwrites(s subject, p Policy) []wipe.Step {
	verify := p.Verify
	if verify != wipe.VerifySample {
		verify = wipe.VerifyFull
	}
	back := "read back"
	if verify == wipe.VerifySample {
		back = "a sample is read back"
	}
	shortfall := overwriteShortfall(s.Drive)
	var steps []wipe.Step
	for _, o := range []struct {
		id       wipe.TechniqueID
		passes   int
		standard string
		what     string
	}{
		{wipe.OverwriteZero, 1, standardOverwrite, "every block is overwritten with zeros"},
		{wipe.OverwriteRandom, 1, standardOverwrite, "every block is overwritten with a random stream"},
		{wipe.OverwriteOne, 1, standardOverwrite, "every block is overwritten with ones"},
		{wipe.OverwriteIS5Baseline, 1, standardIS5, "every block is overwritten once"},
		{wipe.OverwriteIS5Enhanced, 3, standardIS5, "every block is overwritten three times"},
		{wipe.OverwriteRandom3, 3, standardRandom3, "every block is overwritten three times with random streams"},
	} {
		steps = append(steps, wipe.Step{Technique: o.id, Level: wipe.LevelClear, Standard: o.standard, Verify: verify, Reverse: p.Reverse,
			Reason: o.what + " and " + back, Expect: expectOverwrite(s.Drive, verify, o.passes), Shortfall: shortfall})
	}
	return steps
}

package exit

import (
	"testing"

	"handback.example/wipe"
)

func TestTable(t *testing.T) {
	clear := Medium{wipe.Sanitised, wipe.LevelClear, wipe.LevelClear}
	purge := Medium{wipe.Sanitised, wipe.LevelPurge, wipe.LevelClear}
	below := Medium{wipe.Sanitised, wipe.LevelClear, wipe.LevelPurge}
	end := func(v wipe.Verdict) Medium { return Medium{Verdict: v, Want: wipe.LevelClear} }
	for _, c := range []struct {
		name    string
		s       Summary
		code    int
		verdict string
	}{
		{"two drives, TPM cleared", Summary{Media: []Medium{clear, purge}, TPM: TPMCleared}, 0, "sanitised"},
		{"no TPM there", Summary{Media: []Medium{clear}, TPM: TPMNotPresent}, 0, "sanitised"},
		{"wipe does not ask for the TPM", Summary{Media: []Medium{clear}, TPM: TPMNotAsked}, 0, "sanitised"},
		{"TPM not cleared", Summary{Media: []Medium{clear}, TPM: TPMNotCleared}, 1, "sanitised"},
		{"TPM not cleared, a drive refused", Summary{Media: []Medium{end(wipe.Refused)}, TPM: TPMNotCleared}, 1, "refused"},
		{"TPM pending", Summary{Media: []Medium{clear}, TPM: TPMPending}, 3, "sanitised"},
		{"TPM unknown", Summary{Media: []Medium{clear}}, 3, "sanitised"},
		{"one failed", Summary{Media: []Medium{clear, end(wipe.Failed)}, TPM: TPMCleared}, 1, "failed"},
		{"failed outweighs refused", Summary{Media: []Medium{end(wipe.Refused), end(wipe.Failed)}, TPM: TPMCleared}, 1, "failed"},
		{"interrupted", Summary{Media: []Medium{end(wipe.Interrupted)}, TPM: TPMCleared, Stopped: true}, 1, "interrupted"},
		{"unverified", Summary{Media: []Medium{end(wipe.Unverified)}, TPM: TPMCleared}, 1, "unverified"},
		{"below the level", Summary{Media: []Medium{below}, TPM: TPMCleared}, 1, "below-level"},
		{"sanitised to no level", Summary{Media: []Medium{{Verdict: wipe.Sanitised}}, TPM: TPMCleared}, 1, "below-level"},
		{"no verdict", Summary{Media: []Medium{{}}, TPM: TPMCleared}, 1, "failed"},
		{"refused", Summary{Media: []Medium{clear, end(wipe.Refused)}, TPM: TPMCleared}, 3, "refused"},
		{"unhandled", Summary{Media: []Medium{clear}, Unhandled: 1, TPM: TPMCleared}, 3, "refused"},
		{"no drive", Summary{TPM: TPMCleared}, 3, "no-media"},
		{"zero", Summary{}, 3, "no-media"},
		{"a paper could not be written", Summary{Media: []Medium{clear}, TPM: TPMCleared, NotDone: true}, 3, "sanitised"},
		{"stopped before anything", Summary{Media: []Medium{end(wipe.Refused)}, TPM: TPMNotAsked, Stopped: true}, 130, "interrupted"},
		{"stopped, one was done", Summary{Media: []Medium{clear, end(wipe.Refused)}, TPM: TPMNotAsked, Stopped: true}, 3, "refused"},
		{"stopped when all was done", Summary{Media: []Medium{clear}, TPM: TPMNotAsked, Stopped: true}, 0, "sanitised"},
	} {
		if code, verdict := c.s.Code(), c.s.Verdict(); code != c.code || verdict != c.verdict {
			t.Errorf("%s: exit %d, %s; want %d, %s", c.name, code, verdict, c.code, c.verdict)
		}
	}
	if Plan(true) != 0 || Plan(false) != 3 {
		t.Error("plan: 0 when every drive has a way, 3 otherwise")
	}
}

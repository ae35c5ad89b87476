package evidence

import (
	"slices"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/inspect"
	"handback.example/wipe"
	"handback.example/wipe/platform"
)

// 'Cleared' needs both: everything removed, and nothing found any more.
func TestPlatform(t *testing.T) {
	of := func(item, what string, gone bool) platform.Removed {
		r := platform.Removed{Removal: wipe.Removal{Item: item, Leftover: inspect.Leftover{Name: what, What: what}}, Gone: gone}
		if !gone {
			r.Why = "the firmware has kept it"
		}
		return r
	}
	look := func(state string) []inspect.Residue {
		return []inspect.Residue{{Item: "others", State: inspect.ResiduePresent}, {Item: "entries", State: state, Evidence: "as it is now"}}
	}
	for name, c := range map[string]struct {
		done            []platform.Removed
		after           []inspect.Residue
		state, evidence string
	}{
		"gone":                  {[]platform.Removed{of("entries", "a", true), of("entries", "b", true)}, look(inspect.ResidueAbsent), certs.ResidueCleared, "2 removed: 'a', 'b'; looked for again: as it is now"},
		"one stays":             {[]platform.Removed{of("entries", "a", true), of("entries", "b", false)}, look(inspect.ResiduePresent), certs.ResidueUnresolved, "1 removed: 'a'; not removed: 'b' (the firmware has kept it); looked for again: as it is now"},
		"it says so, and is":    {[]platform.Removed{of("entries", "a", true)}, look(inspect.ResiduePresent), certs.ResidueUnresolved, "1 removed: 'a'; looked for again: as it is now"},
		"it denies, and is not": {[]platform.Removed{of("entries", "a", false)}, look(inspect.ResidueAbsent), certs.ResidueUnresolved, "not removed: 'a' (the firmware has kept it); looked for again: as it is now"},
		"nobody can tell":       {[]platform.Removed{of("entries", "a", true)}, look(inspect.ResidueUnknown), certs.ResidueUnknown, "1 removed: 'a'; looked for again: as it is now"},
		"nobody looked":         {[]platform.Removed{of("entries", "a", true)}, nil, certs.ResidueUnknown, "1 removed: 'a'; looked for again: it could not be looked at again"},
		"another word":          {[]platform.Removed{of("entries", "a", true)}, look("fine"), certs.ResidueUnresolved, "1 removed: 'a'; looked for again: as it is now"},
	} {
		p := Platform(c.done, c.after)
		if len(p.Residue) != 1 || p.Residue[0].State != c.state || p.Residue[0].Evidence != c.evidence || p.Residue[0].How == "" || p.Residue[0].Item != "entries" {
			t.Errorf("%s: %+v", name, p.Residue)
		}
	}
	many := slices.Repeat([]platform.Removed{of("entries", "a", true)}, 40)
	if e := Platform(many, look(inspect.ResidueAbsent)).Residue[0].Evidence; !strings.Contains(e, "40 removed") || !strings.Contains(e, "and 32 more") {
		t.Error(e)
	}
	two := Platform([]platform.Removed{of("entries", "a", true), of("others", "b", true)}, look(inspect.ResidueAbsent)).Residue
	if len(two) != 2 || two[0].State != certs.ResidueCleared || two[1].State != certs.ResidueUnresolved {
		t.Errorf("%+v", two)
	}
	list := []wipe.Removal{{Item: "entries", Leftover: inspect.Leftover{Kind: inspect.LeftBootEntry, Name: "Boot0003", What: "ubuntu", SHA256: "aa"}}}
	if got := Removals(Leftovers(list)); !slices.Equal(got, list) {
		t.Errorf("%+v", got)
	}
}

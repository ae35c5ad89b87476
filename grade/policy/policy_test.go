package policy

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"handback.example/inspect"
)

func TestDefault(t *testing.T) {
	p := Default()
	if p.ID != "handback-default" || p.Version == "" || p.Battery.RedeployPct != 80 || p.Level.Donate != "purge" {
		t.Errorf("unexpected default policy: %+v", p)
	}
	if want := fmt.Sprintf("%x", sha256.Sum256(DefaultTOML())); p.Hash() != want {
		t.Errorf("hash %s, want %s", p.Hash(), want)
	}
	for _, q := range p.Questions {
		if q.Means(NotTested) != MeansUnknown || q.Means("") != MeansUnknown {
			t.Errorf("%s: no answer and 'not tested' must be unknown", q.ID)
		}
		if len(q.Ask) > 80 {
			t.Errorf("%s: %d characters do not fit on one line of the screen", q.ID, len(q.Ask))
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, from, to, says string }{
		{"unknown key", "redeploy_pct = 80 ", "redeploy_pct = 80\nredeploy_percent = 70", "line 24: unknown key \"battery.redeploy_percent\""},
		{"unknown table", "[windows]", "[extra]\nx = 1\n[windows]", "unknown key \"extra.x\""},
		{"unknown key in a question", "short = \"lock\"", "short = \"lock\"\nhelp = \"x\"", "unknown key \"questions.help\""},
		{"missing threshold", "donate_pct = 60 ", "#", "battery.donate_pct is missing"},
		{"threshold out of range", "donate_pct = 60 ", "donate_pct = 160 ", "battery.donate_pct is 160"},
		{"level", "donate = \"purge\"", "donate = \"none\"", "level.donate is \"none\""},
		{"not tested is missing", "  { value = \"not-tested\", label = \"Not tested\", means = \"unknown\" },", "", "not-tested"},
		{"not tested passes", "label = \"Not tested\", means = \"unknown\"", "label = \"Not tested\", means = \"pass\"", "not-tested"},
		{"question twice", "id = \"touchpad\"", "id = \"ports\"", "stands twice"},
		{"no condition", "counts = \"condition\"", "counts = \"F4\"", "condition"},
		{"escape in text", "label = \"No lock\"", "label = \"No \\u001b[2Jlock\"", "a label"},
		{"not TOML", "[battery]", "[battery", "line"},
		{"text for a number", "bad_sectors = 0", "bad_sectors = \"0\"", "bad_sectors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := strings.Replace(string(DefaultTOML()), c.from, c.to, 1)
			if b == string(DefaultTOML()) {
				t.Fatalf("%q does not stand in the default policy", c.from)
			}
			_, err := Parse([]byte(b))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error with %q", err, c.says)
			}
		})
	}
}

func TestQuestionsForADesktop(t *testing.T) {
	p := Default()
	desk := &inspect.Report{Machine: inspect.Machine{Kind: inspect.Known("desktop", "t")}}
	if all, desk := len(p.QuestionsFor(nil)), len(p.QuestionsFor(desk)); all != len(p.Questions) || desk != all-7 {
		t.Errorf("%d questions for an unknown kind, %d for a desktop", all, desk)
	}
}

// A camera is asked about unless it is known that there is none.
func TestQuestionsAboutParts(t *testing.T) {
	asks := func(f inspect.Fact[bool]) bool {
		return slices.ContainsFunc(Default().QuestionsFor(&inspect.Report{Devices: inspect.Devices{Camera: f}}), func(q Question) bool { return q.ID == "camera-window" })
	}
	if !asks(inspect.Known(true, "t")) || !asks(inspect.Unknown[bool]("t", "not read")) || asks(inspect.Known(false, "t")) {
		t.Error("a camera must be asked about where it is or may be, and nowhere else")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(DefaultTOML())
	f.Add([]byte("id = \"x\"\nversion = \"1\"\n[[questions]]\nid = \"a\"\n"))
	f.Add([]byte("[level]\nredeploy = 3\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			if p.Hash() != "" {
				t.Error("a policy that was refused must not have a hash")
			}
			return
		}
		q, err := Parse(bytes.Clone(b))
		if err != nil || p.Hash() != q.Hash() || len(p.Questions) == 0 || len(p.Roles) == 0 {
			t.Errorf("parsed twice, not the same: %v", err)
		}
	})
}

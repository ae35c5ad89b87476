package technique_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/nvme"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/survey"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

// made of a profile of the library, with small namespaces.
func fromProfile(t *testing.T, name string) *lab {
	t.Helper()
	text, err := os.ReadFile("../../testdata/drives/" + name + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	small := regexp.MustCompile(`(?m)^blocks = .*$`).ReplaceAllString(string(text), "bytes = 2097152")
	small = regexp.MustCompile(`(?m)^unallocated = .*$`).ReplaceAllString(small, "unallocated = 1048576")
	l := blankLab(t)
	d, err := profile.Parse(name, small, profile.Options{Clock: l.clock})
	if err != nil {
		t.Fatal(err)
	}
	l.put(d.NVMe.(*nvme.Drive), d.Namespaces)
	return l
}

// planned from what the drive says of itself, as a machine's drives are.
func (l *lab) planned(p plan.Policy) (wipe.Plan, []inspect.Drive) {
	l.t.Helper()
	var paths []string
	for _, n := range l.nsids {
		paths = append(paths, l.path(n))
	}
	r := &inspect.Report{Drives: survey.Ask(l.t.Context(), l.host, paths...)}
	return plan.Make(r, p), r.Drives
}

// The whole way on the library's drives: facts, plan, erasure, verdict.
func TestNVMeProfiles(t *testing.T) {
	for name, c := range map[string]struct {
		want wipe.Level
		by   wipe.TechniqueID
		v    wipe.Verdict
	}{
		"nvme-ssd":            {wipe.LevelPurge, wipe.NVMeSanitizeBlock, wipe.Sanitised},
		"nvme-two-namespaces": {wipe.LevelPurge, wipe.NVMeSanitizeBlock, wipe.Sanitised},
		"nvme-no-sanitize":    {wipe.LevelClear, wipe.NVMeFormatCrypto, wipe.Sanitised},
		"nvme-stuck":          {wipe.LevelPurge, wipe.NVMeSanitizeBlock, wipe.Unverified},
	} {
		t.Run(name, func(t *testing.T) {
			l := fromProfile(t, name)
			p, facts := l.planned(plan.Policy{Want: c.want})
			if p.Drives[0].Refusal != nil {
				t.Fatalf("%+v", p.Drives[0].Refusal)
			}
			o := l.run(p)[0]
			expectOutcome(t, o, c.v, "")
			l.honest(o)
			if c.want == wipe.LevelPurge && (o.Technique != c.by || o.Verdict == wipe.Sanitised && o.Level != wipe.LevelPurge) ||
				c.want == wipe.LevelClear && o.Level != wipe.LevelClear {
				t.Errorf("%s, level %d", o.Technique, o.Level)
			}
			n := facts[0].NVMe
			if has := n.SANICAP.Value != 0; !n.SANICAP.Known || has != (name != "nvme-no-sanitize") || n.SanitizeState.Known != has ||
				n.BlockTime.Known != has || has && (n.BlockTime.Value != 70*time.Second || n.CryptoTime.Value != 2*time.Second || n.OverwriteTime.Known) {
				t.Errorf("%+v", n)
			}
			if name == "nvme-two-namespaces" && (n.Unattached != inspect.Known(1, "allocated namespace ID list") || n.Namespaces.Value != 1) {
				t.Errorf("%+v", n)
			}
		})
	}
}

// What a sanitize leaves is said: boot partitions and replay protected memory. What it
// takes, and no drive shows, is gone.
func TestNVMeWhatIsLeft(t *testing.T) {
	for _, two := range []bool{false, true} {
		s := withSecond(subsystem(), two)
		s.Unallocated = second
		s.Boot = nvme.Boot{Bytes: 128 << 10, Media: [2]*sim.Medium{sim.NewMedium(128 << 10), sim.NewMedium(128 << 10)}}
		s.RPMB = nvme.RPMB{Units: 1, Bytes: 128 << 10}
		l := newLab(t, s)
		p, facts := l.planned(plan.Policy{Want: wipe.LevelPurge})
		if n := facts[0].NVMe; n.BootBytes != inspect.Known(int64(256<<10), "NVMe log 15h") || n.RPMB != inspect.Known(true, "Identify Controller") {
			t.Errorf("%+v", n)
		}
		all := l.run(p)
		for _, o := range all {
			expectOutcome(t, o, wipe.Sanitised, "")
			if o.Level != wipe.LevelPurge || !strings.Contains(o.NotShown, "boot") || !strings.Contains(o.NotShown, "RPMB") {
				t.Errorf("level %d, not shown: %s", o.Level, o.NotShown)
			}
		}
		// Media: two namespaces, unallocated capacity, two boot partitions.
		if left := l.left(); !slices.Equal(left, []int{3, 4}) {
			t.Errorf("data is left on media %v", left)
		}
		if n := len(l.sent()); n != 1 {
			t.Errorf("sent %q", l.sent())
		}
	}
}

// By Format what nobody has stays, and is said.
func TestNVMeFormatLeaves(t *testing.T) {
	s := withSecond(subsystem(), false)
	s.Sanitize = nvme.Sanitize{}
	l := newLab(t, s)
	p, _ := l.planned(plan.Policy{Want: wipe.LevelClear, Technique: wipe.NVMeFormatUserData})
	if p.Drives[0].Refusal != nil {
		t.Fatalf("%+v", p.Drives[0].Refusal)
	}
	o := l.run(p)[0]
	expectOutcome(t, o, wipe.Sanitised, "")
	if left := l.left(); !slices.Equal(left, []int{1}) || !strings.Contains(o.NotShown, "attached") {
		t.Errorf("data is left on media %v, not shown: %s", left, o.NotShown)
	}
}

// A machine that plans for one namespace of two never sanitizes both.
func TestNVMePlanForOne(t *testing.T) {
	l := newLab(t, withSecond(subsystem(), true))
	p, _ := l.planned(plan.Policy{Want: wipe.LevelClear, Only: func(d inspect.Drive) bool { return d.Identity.Namespace == 1 },
		Refuse: func(d inspect.Drive) *wipe.Refusal {
			if d.Identity.Namespace != 1 {
				return &wipe.Refusal{Code: "not-named", Reason: "it is not named", Do: "name it"}
			}
			return nil
		}})
	o := l.run(p)[0]
	expectOutcome(t, o, wipe.Sanitised, "")
	for _, f := range l.sent() {
		if strings.HasPrefix(f, "84") {
			t.Errorf("sent %s", f)
		}
	}
	if !slices.Contains(l.left(), 1) {
		t.Error("the other namespace was erased")
	}
}

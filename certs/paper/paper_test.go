package paper_test

import (
	"fmt"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/sign"
)

// said is all that a paper says.
func said(t *testing.T, k paper.Kind, v *certstest.Visit, by *sign.Signer) string {
	t.Helper()
	c, err := paper.Compose(k, v.Envelopes(), by.Cert)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v %+v %+v", c.Verdict, c.Sections, c.Annex)
}

// A drive that was taken out stands on the papers with its seal and with the reference
// of whoever destroys it.
func TestRemoved(t *testing.T) {
	s, _ := certstest.Keys(sign.Demonstrating)
	r := certs.Record{Kind: certs.KindRemoved, Removed: &certs.Removed{Drive: certstest.Drive(1).Ref(), Seal: "SEAL-77", By: "op17", Why: "to be destroyed", Reference: "CRATE-5"}}
	v := certstest.New(s, 9).Add(certstest.Intake(), certstest.Facts(), r, certstest.TPM(certs.TPMNotPresent), certstest.Graded(certs.RouteHold))
	for _, k := range []paper.Kind{paper.Erasure, paper.Hold} {
		text := said(t, k, v, s)
		for _, want := range []string{"Removed, not sanitised here", certstest.Drive(1).Serial, "SEAL-77", "CRATE-5"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: nothing says %q", k, want)
			}
		}
	}
	if text := said(t, paper.Erasure, v, s); strings.Contains(text, "SANITISED: ") && !strings.Contains(text, "NOTHING SANITISED") {
		t.Error("a device whose drive was taken out is called sanitised")
	}
}

// The year of a machine stands on its test record, and is left to be written where
// nothing tells it.
func TestYear(t *testing.T) {
	s, _ := certstest.Keys(sign.Demonstrating)
	for year, form := range map[string]paper.Form{"2019, by its built-in screen (EDID)": paper.Plain, "": paper.Blank} {
		facts := certstest.Facts()
		facts.Facts.Machine.Year = year
		v := certstest.New(s, 9).Add(certstest.Intake(), facts, certstest.TPM(certs.TPMNotPresent), certstest.Graded(certs.RouteDonate))
		c, err := paper.Compose(paper.Disposal, v.Envelopes(), s.Cert)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%+v", paper.Pair{Label: "Year of production", Value: year, Form: form}); !strings.Contains(fmt.Sprintf("%+v", c.Sections), want) {
			t.Errorf("no section has %s", want)
		}
	}
}

// A paper on named drives says nothing of the machine's others.
func TestNamed(t *testing.T) {
	s, _ := certstest.Keys(sign.Demonstrating)
	a, b := certstest.Drive(0), certstest.Drive(1)
	for want, level := range map[string]certs.Level{"Every drive named for erasure was sanitised, but 1 of 1 only below": certs.LevelPurge, "1 drive was named for erasure, and it was sanitised": certs.LevelClear} {
		k := certstest.Consent(level, a)
		k.Consent.Scope = certs.ScopeNamed
		v := certstest.New(s, 9).Add(certstest.Intake(), certstest.Facts(a, b), k, certstest.Started(a, certs.LevelClear), certstest.Finished(a, certs.LevelClear))
		if text := said(t, paper.Erasure, v, s); !strings.Contains(text, want) {
			t.Errorf("nothing says %q", want)
		}
	}
}

// A receipt by somebody else than whom the device was given to, and outcomes that leave
// a part of it open, are said.
func TestReceipt(t *testing.T) {
	stick, hub := certstest.Keys(sign.Demonstrating)
	closed := func(change func(*certs.Received)) string {
		d, r := certstest.Drive(0), certstest.Received(0)
		change(r.Received)
		v := certstest.New(stick, 9).Add(certstest.Intake(), certstest.Facts(d), certstest.Graded(certs.RouteRecycle), certstest.Certified("S01-000009-disposal.pdf"))
		return said(t, paper.Disposal, v.Continue(hub).Add(certstest.Transferred(), r), hub)
	}
	const another, part, zero = "(NOT whom it was given to)", "weigh less than what arrived", "Zero to landfill, as the receiver declared"
	for name, c := range map[string]struct {
		change             func(*certs.Received)
		another, part, yes bool
	}{
		"all well":     {func(*certs.Received) {}, false, false, true},
		"another":      {func(r *certs.Received) { r.Party = certs.Party{Name: "Somebody Ltd"} }, true, false, true},
		"a part of it": {func(r *certs.Received) { r.Outcomes[0].Grams = 1 }, false, true, false},
	} {
		text := closed(c.change)
		for want, there := range map[string]bool{another: c.another, part: c.part, zero: c.yes} {
			if strings.Contains(text, want) != there {
				t.Errorf("%s: %q is said: %t", name, want, !there)
			}
		}
	}
}

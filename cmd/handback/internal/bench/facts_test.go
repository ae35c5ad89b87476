package bench

import (
	"slices"
	"testing"

	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/health"
	"handback.example/wipe"
)

// What a drive says of its health, with the reasons; a drive that fails is bad, one that
// says nothing is unknown, and neither looks like one that is good.
func TestHealthWords(t *testing.T) {
	worn := []string{"304 reallocated sectors (SMART 5)", "8 pending sectors (SMART 197)"}
	for name, c := range map[string]struct {
		health inspect.Health
		word   string
		mark   wire.Mark
		why    []string
	}{
		"good":    {inspect.Health{Verdict: inspect.Known(health.Good, "SMART")}, "good", wire.MarkOK, nil},
		"worn":    {inspect.Health{Verdict: inspect.Known(health.Worn, "SMART"), Reasons: worn}, "worn", wire.MarkWarn, worn},
		"failing": {inspect.Health{Verdict: inspect.Known(health.Failing, "SMART"), Reasons: worn[1:]}, "failing", wire.MarkBad, worn[1:]},
		"unknown": {inspect.Health{Verdict: inspect.Unknown[string]("SMART", "SMART is switched off in the drive")}, "unknown", wire.MarkUnknown, []string{"SMART is switched off in the drive"}},
		"nothing": {inspect.Health{}, "unknown", wire.MarkUnknown, []string{"the drive does not say"}},
	} {
		if word, mark, why := healthWords(c.health); word != c.word || mark != c.mark || !slices.Equal(why, c.why) {
			t.Errorf("%s: %s, %s, %q", name, word, mark, why)
		}
	}
}

// The parts of the page: what stands in the way with what to do, else where it was looked;
// what could not be read is marked so, with why.
func TestFactParts(t *testing.T) {
	r := &inspect.Report{Unhandled: []inspect.Finding{}, Looked: []string{"PCI bus: 14 devices", "drives: 1, which said who they are: 1"}, Missing: []string{"maker: the kernel does not give it"},
		Residue: []inspect.Residue{{Item: "boot entries of an operating system", State: inspect.ResiduePresent, Evidence: "1: ubuntu"}, {Item: "firmware password", State: inspect.ResidueAbsent, Evidence: "none"},
			{Item: "provisioning of Intel AMT", State: inspect.ResidueUnknown, Evidence: "it was not asked"}}}
	for want, in := range map[wire.Fact]bool{
		{Part: wire.PartHidden, Name: "Other storage", Value: "none found, by PCI bus, drives", Mark: wire.MarkOK}: true,
		{Part: wire.PartLeft, Value: "boot entries of an operating system: 1: ubuntu", Mark: wire.MarkWarn}:        true,
		{Part: wire.PartLeft, Name: "TPM", Value: "unknown", Mark: wire.MarkUnknown}:                               true,
		{Part: wire.PartMachine, Name: "Memory", Value: "unknown", Mark: wire.MarkUnknown}:                         true,
		{Part: wire.PartUnknown, Value: "provisioning of Intel AMT: it was not asked", Mark: wire.MarkUnknown}:     true,
		{Part: wire.PartUnknown, Value: "maker: the kernel does not give it", Mark: wire.MarkUnknown}:              true,
		{Part: wire.PartLeft, Value: "firmware password: none", Mark: wire.MarkWarn}:                               false,
	} {
		if slices.Contains(facts(r, nil), want) != in {
			t.Errorf("%+v is in it: %t", want, !in)
		}
	}
	refused := facts(r, []wipe.Refusal{{Code: "raid-mode", Reason: "the RAID controller shows no drive", Do: "switch it to AHCI"}})
	if want := (wire.Fact{Part: wire.PartHidden, Value: "the RAID controller shows no drive", Do: "switch it to AHCI", Mark: wire.MarkBad}); refused[0] != want || slices.ContainsFunc(refused[1:], func(f wire.Fact) bool { return f.Part == wire.PartHidden }) {
		t.Errorf("%+v", refused)
	}
	r.Unhandled = nil
	if f := facts(r, nil); slices.ContainsFunc(f, func(f wire.Fact) bool { return f.Part == wire.PartHidden }) {
		t.Errorf("nobody looked, and it says %+v", f)
	}
}

package certs_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
)

// visit of two drives, cut and changed by each case.
func visit(change ...func(*[]certs.Record)) certs.Summary {
	a, b := certstest.Drive(0), certstest.Drive(1)
	rs := []certs.Record{certstest.Intake(), certstest.Facts(a, b), certstest.Consent(certs.LevelClear, a, b),
		certstest.Started(a, certs.LevelClear), certstest.Started(b, certs.LevelClear),
		certstest.Finished(a, certs.LevelClear), certstest.Finished(b, certs.LevelClear), certstest.TPM(certs.TPMCleared)}
	for _, c := range change {
		c(&rs)
	}
	return certs.Summarise(rs)
}

func drop(n int) func(*[]certs.Record) {
	return func(rs *[]certs.Record) { *rs = append((*rs)[:n:n], (*rs)[n+1:]...) }
}

func add(r certs.Record) func(*[]certs.Record) {
	return func(rs *[]certs.Record) { *rs = append(*rs, r) }
}

func finished(change func(*certs.Finished)) func(*[]certs.Record) {
	return func(rs *[]certs.Record) { change((*rs)[6].Finished) }
}

func TestSummarise(t *testing.T) {
	b := certstest.Drive(1)
	boot := certstest.Drive(2)
	boot.Boot = true
	for name, c := range map[string]struct {
		got  certs.Summary
		want certs.Verdict
		good bool
	}{
		"no record":                {certs.Summarise(nil), certs.RefusedVerdict, false},
		"all well":                 {visit(), certs.Sanitised, true},
		"no facts":                 {visit(drop(1), drop(2), drop(2), drop(2), drop(2)), certs.RefusedVerdict, false},
		"no consent":               {visit(drop(2)), certs.Unverified, false},
		"consent to another drive": {visit(func(rs *[]certs.Record) { (*rs)[2].Consent.Drives = (*rs)[2].Consent.Drives[:1] }), certs.Unverified, false},
		"consent to a refusal":     {visit(func(rs *[]certs.Record) { (*rs)[2].Consent.Drives[1].Technique = "" }), certs.Unverified, false},
		"consent to another plan":  {visit(func(rs *[]certs.Record) { (*rs)[2].Consent.PlanDigest = "0d" }), certs.Unverified, false},
		"left out of the last consent": {visit(func(rs *[]certs.Record) {
			c := *(*rs)[2].Consent
			c.PlanDigest, c.Drives = "0d", c.Drives[:1]
			for i := range *rs {
				if s := (*rs)[i].Started; s != nil {
					s.PlanDigest = "0d"
				}
			}
			*rs = slices.Insert(*rs, 3, certs.Record{Kind: certs.KindConsent, Consent: &c})
		}), certs.Unverified, false},
		"consent to no plan": {visit(func(rs *[]certs.Record) {
			(*rs)[2].Consent.PlanDigest = ""
			for i := range *rs {
				if s := (*rs)[i].Started; s != nil {
					s.PlanDigest = ""
				}
			}
		}), certs.Unverified, false},
		"consent afterwards": {visit(func(rs *[]certs.Record) {
			c := (*rs)[2]
			*rs = append(slices.Delete(*rs, 2, 3), c)
		}), certs.Unverified, false},
		"another drive before":        {visit(finished(func(f *certs.Finished) { f.Before.Serial = "OTHER" })), certs.Unverified, false},
		"figures below zero":          {visit(finished(func(f *certs.Finished) { f.Verification.Compared = -1 })), certs.Unverified, false},
		"no STARTED":                  {visit(drop(4)), certs.Unverified, false},
		"orphan STARTED":              {visit(drop(6)), certs.Interrupted, false},
		"nothing on a drive":          {visit(drop(6), drop(4)), certs.RefusedVerdict, false},
		"STARTED once more":           {visit(add(certstest.Started(b, certs.LevelClear))), certs.Interrupted, false},
		"again, and well":             {visit(add(certstest.Started(b, certs.LevelClear)), add(certstest.Finished(b, certs.LevelClear))), certs.Sanitised, true},
		"a technique after the other": {visit(drop(6), add(certstest.Started(b, certs.LevelClear)), add(certstest.Finished(b, certs.LevelClear))), certs.Sanitised, true},
		"the second has no end":       {visit(drop(6), add(certstest.Started(b, certs.LevelClear))), certs.Interrupted, false},
		"cut, then gone on with":      {visit(drop(6), add(certstest.Cut(b)), add(certstest.Started(b, certs.LevelClear)), add(certstest.Finished(b, certs.LevelClear))), certs.Sanitised, true},
		"cut, then nothing was sent":  {visit(drop(6), add(certstest.Cut(b)), add(certstest.Started(b, certs.LevelClear)), add(certstest.NotSent(b))), certs.Interrupted, false},
		"failed, then nothing was sent, twice": {visit(drop(6), add(certstest.FailedAt(b)), add(certstest.Started(b, certs.LevelClear)), add(certstest.NotSent(b)),
			add(certstest.Started(b, certs.LevelClear)), add(certstest.NotSent(b))), certs.Failed, false},
		"nothing was sent":        {visit(drop(6), add(certstest.NotSent(b))), certs.RefusedVerdict, false},
		"well, then nothing sent": {visit(add(certstest.Started(b, certs.LevelClear)), add(certstest.NotSent(b))), certs.RefusedVerdict, false},
		"failed":                  {visit(drop(6), add(certstest.FailedAt(b))), certs.Failed, false},
		"failed, then FINISHED":   {visit(drop(6), add(certstest.FailedAt(b)), add(certstest.Finished(b, certs.LevelClear))), certs.Failed, false},
		"well, then failed":       {visit(add(certstest.FailedAt(b))), certs.Failed, false},
		"well, then refused":      {visit(add(certs.Record{Kind: certs.KindRefused, Refused: &certs.Refused{Drive: b.Ref(), Code: "locked"}})), certs.RefusedVerdict, false},
		"failed, then refused":    {visit(drop(6), add(certstest.FailedAt(b)), add(certs.Record{Kind: certs.KindRefused, Refused: &certs.Refused{Drive: b.Ref()}})), certs.Failed, false},
		"survivors":               {visit(finished(func(f *certs.Finished) { f.Verification.Survivors = 1 })), certs.Unverified, false},
		"unreadable":              {visit(finished(func(f *certs.Finished) { f.Verification.Unreadable = 1 })), certs.Unverified, false},
		"bad range":               {visit(finished(func(f *certs.Finished) { f.BadRanges = []certs.Range{{First: 1, Count: 1}} })), certs.Unverified, false},
		"not verified":            {visit(finished(func(f *certs.Finished) { f.Verification.Result = "" })), certs.Unverified, false},
		"no level":                {visit(finished(func(f *certs.Finished) { f.Level = "" })), certs.Unverified, false},
		"no evidence":             {visit(finished(func(f *certs.Finished) { f.Evidence = "" })), certs.Unverified, false},
		"sampled Purge":           {visit(finished(func(f *certs.Finished) { f.Evidence, f.Level = certs.EvidenceSampled, certs.LevelPurge })), certs.Unverified, false},
		"measured, not read":      {visit(finished(func(f *certs.Finished) { f.Verification.BytesRead-- })), certs.Unverified, false},
		"canaries of none":        {visit(func(rs *[]certs.Record) { (*rs)[5].Finished.Verification.Counted = 0 }), certs.Unverified, false},
		"another drive after it":  {visit(finished(func(f *certs.Finished) { f.After.Serial = "ANOTHER" })), certs.Unverified, false},
		"TPM cleared, same key":   {visit(func(rs *[]certs.Record) { (*rs)[7].TPM.SRKChanged = certs.No }), certs.Sanitised, false},
		"TPM gone":                {visit(drop(7), add(certstest.TPM(certs.TPMNotPresent))), certs.Sanitised, false},
		"below the level":         {visit(func(rs *[]certs.Record) { (*rs)[2].Consent.Want = certs.LevelPurge }), certs.BelowLevel, false},
		"TPM pending":             {visit(add(certstest.TPM(certs.TPMPending))), certs.Sanitised, false},
		"TPM not on record":       {visit(drop(7)), certs.Sanitised, false},
		"something unhandled":     {visit(func(rs *[]certs.Record) { (*rs)[1].Facts.NotHandled = []certs.Finding{{Code: "raid-mode"}} }), certs.RefusedVerdict, false},
		"boot medium":             {visit(func(rs *[]certs.Record) { (*rs)[1].Facts.Drives = append((*rs)[1].Facts.Drives, boot) }), certs.Sanitised, true},
		"a third drive":           {visit(func(rs *[]certs.Record) { (*rs)[1].Facts.Drives = append((*rs)[1].Facts.Drives, certstest.Drive(2)) }), certs.RefusedVerdict, false},
		"gone in the second look": {visit(drop(6), drop(4), add(certstest.Facts(certstest.Drive(0)))), certs.RefusedVerdict, false},
		"no drive at all":         {certs.Summarise([]certs.Record{certstest.Intake(), certstest.Facts(), certstest.TPM(certs.TPMNotPresent)}), certs.NoMedia, false},
		"nobody looked for more":  {visit(func(rs *[]certs.Record) { (*rs)[1].Facts.LookedForOthers = certs.Unknown }), certs.RefusedVerdict, false},
		"only a boot medium":      {certs.Summarise([]certs.Record{certstest.Intake(), certstest.Facts(boot)}), certs.NoMedia, false},
	} {
		if c.got.Verdict != c.want || c.got.Good() != c.good {
			t.Errorf("%s: %s, good %v; want %s, %v", name, c.got.Verdict, c.got.Good(), c.want, c.good)
		}
		if c.got.Verdict != certs.Sanitised && c.got.Verdict != certs.BelowLevel && c.got.Level != certs.LevelNone {
			t.Errorf("%s: level %s without a sanitised machine", name, c.got.Level)
		}
	}
}

// Nobody has accepted what was done after they looked; a rejection is not made undone.
func TestSummariseValidatedBefore(t *testing.T) {
	b := certstest.Drive(1)
	again := []func(*[]certs.Record){add(certstest.Started(b, certs.LevelClear)), add(certstest.Finished(b, certs.LevelClear))}
	for decision, want := range map[string]string{certs.Accepted: certs.Awaiting, certs.Rejected: certs.Rejected} {
		validated := add(certstest.Validated(decision, "sup02, supervisor"))
		if got := visit(append(again, validated)...).Validation; got != decision {
			t.Errorf("%s at the end: %s", decision, got)
		}
		if got := visit(append([]func(*[]certs.Record){validated}, again...)...).Validation; got != want {
			t.Errorf("%s, then erased again: %s, want %s", decision, got, want)
		}
	}
}

// Two drives that answer alike: the end of one must not stand for the other.
func TestSummariseTwins(t *testing.T) {
	a, b := certstest.Drive(0), certstest.Drive(0)
	b.Name = "B"
	s := certs.Summarise([]certs.Record{certstest.Intake(), certstest.Facts(a, b), certstest.Consent(certs.LevelClear, a),
		certstest.Started(a, certs.LevelClear), certstest.Finished(a, certs.LevelClear)})
	if s.Verdict != certs.RefusedVerdict || len(s.Media) != 2 {
		t.Errorf("verdict %s over %d drives, want refused over 2", s.Verdict, len(s.Media))
	}
}

// The letter of a drive may change with the boot: the drive is the same.
func TestSummariseNewLetter(t *testing.T) {
	a := certstest.Drive(0)
	later := a
	later.Name = "C"
	s := certs.Summarise([]certs.Record{certstest.Intake(), certstest.Facts(a), certstest.Consent(certs.LevelClear, a),
		certstest.Started(a, certs.LevelClear), certstest.Facts(later), certstest.Finished(later, certs.LevelClear)})
	if s.Verdict != certs.Sanitised || len(s.Media) != 1 || len(s.Orphans) != 0 {
		t.Errorf("verdict %s, %d drives, orphans %v", s.Verdict, len(s.Media), s.Orphans)
	}
}

func TestSummariseNamed(t *testing.T) {
	a, b := certstest.Drive(0), certstest.Drive(1)
	c := certstest.Consent(certs.LevelClear, a)
	c.Consent.Scope = certs.ScopeNamed
	s := certs.Summarise([]certs.Record{certstest.Intake(), certstest.Facts(a, b), c, certstest.Started(a, certs.LevelClear), certstest.Finished(a, certs.LevelClear)})
	if s.Verdict != certs.Sanitised || !s.Good() || len(s.Media) != 1 {
		t.Errorf("verdict %s, good %v, %d drives: want the named one only", s.Verdict, s.Good(), len(s.Media))
	}
}

// What a hostile visit lists costs no more than its length: a reader is not held up by
// drives that are each looked for among all others.
func TestManyDrives(t *testing.T) {
	const drives = 1000
	f := &certs.Facts{}
	for i := range drives {
		f.Drives = append(f.Drives, certs.Drive{Serial: strconv.Itoa(i)})
	}
	records := []certs.Record{{Kind: certs.KindFacts, Facts: f}, {Kind: certs.KindFacts, Facts: f}}
	if n := len(certs.Summarise(records).Media); n != drives {
		t.Fatalf("%d media", n)
	}
	if n := testing.AllocsPerRun(1, func() { certs.Summarise(records) }); n > 100*drives {
		t.Errorf("%.0f allocations for %d drives", n, drives)
	}
}

// The last word on each item of what the machine itself keeps: what was removed goes
// before what was found earlier, and what is found later before that.
func TestSummariseResidue(t *testing.T) {
	d := certstest.Drive(0)
	facts, consent, platform := certstest.Leftovers(certstest.Facts(d), certstest.Consent(certs.LevelClear, d))
	states := func(rs ...certs.Record) string {
		var all []string
		for _, r := range certs.Summarise(rs).Residue {
			all = append(all, r.Item+" "+r.State)
		}
		return strings.Join(all, ", ")
	}
	const others = "firmware password absent, computrace unknown, "
	if got := states(facts, consent); got != others+"boot entries of a former system present, EFI variables of a former system present, asset tag in the firmware present" {
		t.Error(got)
	}
	if got := states(facts, consent, platform); got != others+"boot entries of a former system cleared, EFI variables of a former system cleared, asset tag in the firmware unresolved" {
		t.Error(got)
	}
	later := certstest.Facts(d)
	later.Facts.Residue = []certs.Residue{{Item: "boot entries of a former system", State: certs.ResidueAbsent}, {Item: "EFI variables of a former system", State: certs.ResiduePresent},
		{Item: "asset tag in the firmware", State: certs.ResidueAbsent}}
	if got := states(facts, consent, platform, later); got != "boot entries of a former system cleared, EFI variables of a former system present, asset tag in the firmware absent" {
		t.Error(got)
	}
	if s := certs.Summarise([]certs.Record{facts, consent, platform}); s.Verdict == certs.Sanitised {
		t.Error("a platform without residue sanitises no drive")
	}
}

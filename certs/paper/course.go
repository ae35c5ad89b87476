package paper

import (
	"fmt"

	"handback.example/certs"
)

// maxCourse is the most rows that the course of a visit has on the page.
const maxCourse = 240

// annexCourse has every record in its order: nothing of a visit is left out of its
// papers, and what was made good later is seen, too. Tests that follow each other take
// one row.
func (c *Content) annexCourse(records []certs.Record) {
	t := Table{Caption: "Every record of the visit", Head: []string{"No.", "Time (UTC)", "Clock", "Power-on", "Record", "What it says"}, Shares: []int{7, 19, 6, 9, 12, 47}, Dense: true}
	for i := 0; i < len(records); {
		r := &records[i]
		if len(t.Rows) == maxCourse {
			t.Rows = append(t.Rows, []string{"", "", "", "", "", fmt.Sprintf("and %d more in the record", len(records)-i)})
			break
		}
		no, what, n := fmt.Sprint(r.Seq), recordWords(r), testRun(records[i:])
		if n > 1 {
			no, what = fmt.Sprintf("%d to %d", r.Seq, r.Seq+n-1), testsWords(records[i:i+n])
		}
		t.Rows = append(t.Rows, []string{no, second(r.At.Wall), r.At.Source, "+" + number(r.At.Uptime) + " s", string(r.Kind), what})
		i += max(n, 1)
	}
	c.annex("course", "Evidence: course of the visit", t)
}

// testRun is how many tests the records begin with.
func testRun(records []certs.Record) int {
	n := 0
	for n < len(records) && records[n].Kind == certs.KindTested {
		n++
	}
	return n
}

func testsWords(records []certs.Record) string {
	by := map[string]int{}
	for _, r := range records {
		by[r.Tested.Result]++
	}
	var parts []string
	for _, result := range []string{certs.TestPass, certs.TestFail, certs.TestNotPresent, certs.TestNotTested} {
		if n := by[result]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, testWords[result]))
		}
	}
	return fmt.Sprintf("%d tests: %s", len(records), joined(", ", parts...))
}

func recordWords(r *certs.Record) string {
	switch r.Kind {
	case certs.KindIntake:
		return joined(" ", r.Intake.Tag, "taken in by", r.Intake.Operator)
	case certs.KindFacts:
		return "inspected: " + count(len(r.Facts.Drives), "drive")
	case certs.KindConsent:
		return consentWords(r.Consent)
	case certs.KindStarted:
		s := driveName(r.Started.Drive) + ": " + techniqueID(r.Started.Technique, r.Started.Then)
		if r.Started.Resumed {
			s += ", gone on with"
		}
		return s
	case certs.KindFinished:
		s := fmt.Sprintf("%s: %s; verification %s.", driveName(r.Finished.Drive), r.Finished.Verdict, known(r.Finished.Verification.Result))
		if no := r.Finished.Contradiction(); no != "" {
			s += " DENIED by its own figures: " + sentence(no)
		}
		if r.Finished.Verdict != certs.Sanitised { // the others are told drive by drive
			s += " " + sentences(r.Finished.What, r.Finished.Do)
		}
		return s
	case certs.KindRefused:
		return driveName(r.Refused.Drive) + ": " + sentences(r.Refused.Reason, r.Refused.Do)
	case certs.KindRemoved:
		return removedLine(*r.Removed)
	case certs.KindTPM:
		return "TPM: " + tpmWords[r.TPM.Result]
	case certs.KindPlatform:
		return platformWords(r.Platform)
	}
	return laterWords(r)
}

// laterWords of what follows the erasure.
func laterWords(r *certs.Record) string {
	switch r.Kind {
	case certs.KindTested:
		return given(r.Tested.Ask) + " " + testWords[r.Tested.Result]
	case certs.KindGraded:
		return "route " + routeWords[r.Graded.Route] + " by " + known(r.Graded.Rule)
	case certs.KindOverruled:
		return fmt.Sprintf("route %s by %s%s", routeWords[r.Overruled.Route], given(r.Overruled.By), because(r.Overruled.Why))
	case certs.KindValidated:
		return joined(" by ", r.Validated.Decision, r.Validated.By) + because(r.Validated.Why)
	case certs.KindControl:
		return fmt.Sprintf("known-bad check, %s: expected %s, found %s", r.Control.What, r.Control.Expect, r.Control.Result)
	case certs.KindCertified:
		return count(len(r.Certified.Papers), "paper") + " sealed"
	case certs.KindTransferred:
		return "given to " + r.Transferred.To.Name
	case certs.KindReceived:
		return "received by " + joined(", ", r.Received.By, r.Received.Party.Name)
	case certs.KindCorrected:
		return fmt.Sprintf("%s corrected by %s", fieldWords[r.Corrected.Field], r.Corrected.By)
	}
	return "unknown"
}

// consentWords name each drive and what it was agreed to be erased with.
func consentWords(k *certs.Consent) string {
	var drives []string
	for _, d := range k.Drives {
		how := "refused by the plan"
		if d.Technique != "" {
			how = techniqueID(d.Technique, d.Then)
			if d.Level != k.Want {
				how += ", " + levelWord(d.Level)
			}
		}
		drives = append(drives, driveName(d.Drive)+" ("+how+")")
	}
	what := capped(drives)
	if n := len(k.Leftovers); n > 0 {
		what = append(what, count(n, "leftover")+" in the machine itself (removal)")
	}
	return fmt.Sprintf("%s consented, %s wanted: %s", given(k.Who), levelWord(k.Want), joined("; ", what...))
}

func platformWords(p *certs.Platform) string {
	var all []string
	for _, r := range p.Residue {
		all = append(all, r.Item+": "+residueWords[r.State])
	}
	return joined("; ", capped(all)...)
}

func driveName(d certs.DriveRef) string {
	if d == (certs.DriveRef{}) {
		return "the machine"
	}
	return "drive " + known(d.Name)
}

func techniqueID(id, then string) string { return known(joined(" + ", id, then)) }

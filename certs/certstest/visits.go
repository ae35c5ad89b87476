// Package certstest builds the records of whole visits, for tests and for looking
// at papers. Its devices are made up.
package certstest

import (
	"fmt"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
)

// Start of every visit built here.
var Start = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)

// Visit is a visit in the making.
type Visit struct {
	Chain *sign.Chain
	now   time.Time
}

// New visit of a signer's stick.
func New(s *sign.Signer, number int) *Visit {
	return &Visit{Chain: sign.NewChain(s, fmt.Sprintf("%s-%06d", s.Stick, number)), now: Start}
}

// Add records, ten seconds apart. It panics on a record that the chain refuses:
// a test's records are right.
func (v *Visit) Add(records ...certs.Record) *Visit {
	for _, r := range records {
		r.At = certs.At(v.now, certs.SourceRTC, v.now.Sub(Start)+15*time.Second)
		b, err := v.Chain.Append(r)
		must(err)
		must(CheckEnvelopes([][]byte{b}))
		v.now = v.now.Add(10 * time.Second)
	}
	return v
}

// Envelopes of the visit so far.
func (v *Visit) Envelopes() [][]byte { return v.Chain.Envelopes() }

const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// Intake of a labelled laptop.
func Intake() certs.Record {
	return certs.Record{Kind: certs.KindIntake, Intake: &certs.Intake{
		Tag: "DEP-0047123", Operator: "op17", Role: "technician", Source: "locker", Classification: "official", DIAL: 2,
		Organisation: "Department for Example Affairs", Place: "Logistics hub, Unit 4, Casnewydd / Newport", Bench: "Bench 3", Seal: "HUB-00417",
		Letterhead: certs.Letterhead{Organisation: "Department for Example Affairs", Address: []string{"1 Example Street", "Casnewydd / Newport NP10 8XG"}, Contact: "devices@example.gov.uk"}}}
}

// Drive number n of a machine: distinct in every field.
func Drive(n int) certs.Drive {
	d := certs.Drive{Name: string(rune('A' + n)), Bus: "nvme", Media: "SSD", Model: "Samsung SSD 970 EVO Plus 500GB",
		Serial: fmt.Sprintf("S4EVNX0M12345%02d", n), Firmware: "2B2QEXM7", WWN: fmt.Sprintf("eui.0025385b01410c%02x", n+0x10), Namespace: 1,
		SizeBytes: 500107862016, LogicalBlock: 512, Inner: true, Health: "good", Damaged: certs.No, Holds: "Windows",
		RawSerial: "533445564e58304d31323334353637"}
	if n%2 == 1 {
		d.Bus, d.Media, d.Model, d.Serial = "sata", "HDD", "TOSHIBA MQ04ABF100", fmt.Sprintf("Y9E4P0%02dT", n)
		d.WWN, d.Namespace, d.SizeBytes, d.Firmware = fmt.Sprintf("naa.5000039a12b3c4%02x", n+0x10), 0, 1000204886016, "JU000U"
		d.NativeBytes = d.SizeBytes
	}
	return d
}

// Facts of a laptop with drives.
func Facts(drives ...certs.Drive) certs.Record {
	return certs.Record{Kind: certs.KindFacts, Facts: &certs.Facts{
		Machine: certs.Machine{Maker: "Dell Inc.", Model: "Latitude 5400", Serial: "5CG0123ABC", UUID: "4c4c4544-0043-4710-8030-b5c04f4e3733",
			Kind: "laptop", AssetTag: "DEP-0047123", BIOS: "Dell Inc. 1.23.0, 2023-03-02", SecureBoot: certs.On, Lockdown: "integrity", Hypervisor: certs.No},
		CPU: "Intel(R) Core(TM) i5-8365U CPU @ 1.60GHz, 4 cores", Memory: "16 GB DDR4", Battery: []string{"BAT0: 87 % of design, 312 cycles"},
		TPM: "present", TPMName: "STMicroelectronics 2.0", EKHash: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
		Drives: drives, LookedForOthers: certs.Yes,
		Looked: []string{"PCI bus: 14 devices, 2 storage controllers among them", "SCSI bus: 1 device", "USB bus: 6 devices",
			fmt.Sprintf("drives: %[1]d, which said who they are: %[1]d", len(drives))},
		Residue: []certs.Residue{{Item: "firmware password", State: certs.ResidueAbsent, How: "firmware-attributes of the kernel", Evidence: "Admin: not set"},
			{Item: "computrace", State: certs.ResidueUnknown, How: "ACPI table WPBT", Evidence: "a table is there; what it starts can't be told"}},
		NotChecked: []string{"eSIM profiles", "Wi-Fi networks stored in firmware"},
		Tool:       certs.Tool{Name: "Handback", Version: "0.1.0", Image: "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"}}}
}

// Consent to a level on every drive.
func Consent(want certs.Level, drives ...certs.Drive) certs.Record {
	c := &certs.Consent{PlanDigest: digest, Who: "op17", How: "tag scanned", Scope: certs.ScopeMachine, Want: want}
	for _, d := range drives {
		c.Drives = append(c.Drives, certs.ConsentDrive{Drive: d.Ref(), Technique: Technique(d), Level: want})
	}
	return certs.Record{Kind: certs.KindConsent, Consent: c}
}

// Technique that suits a drive.
func Technique(d certs.Drive) string {
	if d.Bus == "nvme" {
		return "nvme-format-user-data"
	}
	return "overwrite-zero"
}

// Started on one drive.
func Started(d certs.Drive, l certs.Level) certs.Record {
	return certs.Record{Kind: certs.KindStarted, Started: &certs.Started{Drive: d.Ref(), Technique: Technique(d), Level: l, PlanDigest: digest}}
}

// Finished well on one drive.
func Finished(d certs.Drive, l certs.Level) certs.Record {
	state := certs.State{Model: d.Model, Serial: d.Serial, Firmware: d.Firmware, WWN: d.WWN, Namespace: d.Namespace,
		SizeBytes: d.SizeBytes, LogicalBlock: d.LogicalBlock, PhysicalBlock: 4096, NativeBytes: d.NativeBytes, Remapped: 0, Pending: -1}
	f := &certs.Finished{Drive: d.Ref(), Verdict: certs.Sanitised, Level: l, Technique: Technique(d),
		Standard: "IEEE 2883-2022, Clear: overwrite", Evidence: certs.EvidenceMeasured, What: "Every block was overwritten with zeros and read back.",
		NotShown:  "reallocated sectors and other blocks that the drive no longer addresses",
		StartedAt: certs.Stamp(Start), FinishedAt: certs.Stamp(Start.Add(83 * time.Minute)), ElapsedNS: int64(83*time.Minute + 4*time.Second),
		Verification: certs.Verification{Method: "full read-back", BytesRead: d.SizeBytes, Compared: d.SizeBytes / 512, Result: certs.Passed},
		BytesWritten: d.SizeBytes, Before: state, After: state}
	if d.Bus == "nvme" {
		f.Standard, f.Evidence = "IEEE 2883-2022, Clear: Format NVM, user data erase", certs.EvidenceCanaries
		f.What, f.NotShown = "The drive erased its user data and reported success; nothing that was sampled before is left.", "over-provisioned cells; replay protected memory (RPMB)"
		f.Verification = certs.Verification{Method: "pre-sampled blocks and read-back", BytesRead: 268435456, Compared: 65536, Counted: 61337, Seed: "00112233445566778899aabbccddeeff", Result: certs.Passed}
		f.BytesWritten, f.ElapsedNS = 0, int64(14*time.Second)
		f.FinishedAt = certs.Stamp(Start.Add(14 * time.Second))
		f.Commands = []certs.Command{{Operation: "Format NVM", Frame: "80000000010000000000000000000000000000000000000000000000000000000000000000000000000200000000000000000000000000000000000000000000", Status: "0000", DurationNS: int64(3 * time.Second)}}
	}
	return certs.Record{Kind: certs.KindFinished, Finished: f}
}

// FailedAt says that a drive could not be written.
func FailedAt(d certs.Drive) certs.Record {
	r := Finished(d, certs.LevelNone)
	f := r.Finished
	f.Verdict, f.Evidence, f.NotShown = certs.Failed, "", ""
	f.What = "The drive could not be written at 2 places: what stood there may still be read."
	f.Do = "Take the drive out, bag and seal it, and send it to be destroyed."
	f.Verification.Result, f.Verification.Unreadable = certs.NotPassed, 9
	f.BadRanges = []certs.Range{{First: 200000, Count: 8, What: "write error: input/output error"}, {First: 1953525160, Count: 1, What: "write error: input/output error"}}
	return r
}

// TPM with one result.
func TPM(result string) certs.Record {
	t := &certs.TPM{Result: result, SRKChanged: certs.Unknown, EKKept: certs.Unknown}
	switch result {
	case certs.TPMCleared:
		t.SRKChanged, t.EKKept, t.How = certs.Yes, certs.Yes, "TPM2_Clear"
		t.SRKBefore, t.SRKAfter = "000b"+digest, "000b2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
		t.What = "The TPM was cleared: its storage key is new, its endorsement key is the same."
	case certs.TPMPending:
		t.How, t.What = "physical presence interface", "The firmware was asked to clear the TPM at the next start."
		t.Do = "Start the device again and confirm the clear on its screen."
	}
	return certs.Record{Kind: certs.KindTPM, TPM: t}
}

// Graded on a route.
func Graded(route string) certs.Record {
	g := &certs.Graded{Policy: certs.Policy{ID: "handback.default", Version: "1", SHA256: digest}, Route: route, Role: "Office",
		Function: "F4", Condition: "C4", Rule: "route." + route, Why: "all gates pass, function F4, condition C4; fits the role Office", Better: "there is no better route",
		LevelNeeded: "clear", Inputs: []certs.Input{{Name: "battery, full to design", Value: "87 %", Known: true}, {Name: "battery cycles", Value: "312", Known: true},
			{Name: "memory", Value: "16 GB", Known: true}, {Name: "storage", Value: "500 GB", Known: true}, {Name: "Windows 11", Value: "eligible", Known: true},
			{Name: "camera", Value: "not tested"}, {Name: "drive health", Value: "good", Known: true}},
		Disposition: Disposition(route)}
	if route == certs.RouteHold {
		g.Rule, g.Role, g.Why = "gate.data", "", "not every drive is sanitised"
		g.Hold = []string{"not every drive is sanitised: take out drive B and have it destroyed, then start a new visit", "the TPM is not cleared: start the device again"}
		g.Better = "lift the hold; by what is known the machine may then go as far as REDEPLOY"
	}
	return certs.Record{Kind: certs.KindGraded, Graded: g}
}

// Tests as a technician answers them.
func Tests() []certs.Record {
	var out []certs.Record
	for _, t := range [][3]string{{"screen", "Is the screen whole, without lines or spots?", "yes"}, {"keyboard", "Do all keys work?", "yes"}, {"camera", "Does the camera's cover open?", "not-tested"}} {
		out = append(out, certs.Record{Kind: certs.KindTested, Tested: &certs.Tested{Question: t[0], Ask: t[1], Answer: t[2], Who: "op17",
			Kind: certs.TestOperator, Result: map[string]string{"yes": certs.TestPass, "not-tested": certs.TestNotTested}[t[2]]}})
	}
	return out
}

// Validated with one decision.
func Validated(decision, by string) certs.Record {
	return certs.Record{Kind: certs.KindValidated, Validated: &certs.Validated{Decision: decision, By: by}}
}

// Sanitised visit of a machine with n drives.
func Sanitised(s *sign.Signer, n int) *Visit {
	v := New(s, 412)
	drives := make([]certs.Drive, n)
	for i := range drives {
		drives[i] = Drive(i)
	}
	v.Add(Intake(), Facts(drives...), Consent(certs.LevelClear, drives...))
	for _, d := range drives {
		v.Add(Started(d, certs.LevelClear))
	}
	for _, d := range drives {
		v.Add(Finished(d, certs.LevelClear))
	}
	v.Add(TPM(certs.TPMCleared))
	v.Add(Tests()...)
	return v.Add(Graded(certs.RouteRedeploy), Validated(certs.Accepted, "sup02, supervisor"))
}

// Failed visit: one of two drives could not be written, and the device is held.
func Failed(s *sign.Signer) *Visit {
	a, b := Drive(0), Drive(1)
	return New(s, 413).Add(Intake(), Facts(a, b), Consent(certs.LevelClear, a, b), Started(a, certs.LevelClear), Started(b, certs.LevelClear),
		Finished(a, certs.LevelClear), FailedAt(b), TPM(certs.TPMPending), Graded(certs.RouteHold), Validated(certs.Awaiting, ""))
}

// NoMedia visit: a machine without a drive.
func NoMedia(s *sign.Signer) *Visit {
	r := Facts()
	r.Facts.TPM = "absent"
	r.Facts.LookedForOthers, r.Facts.Looked = certs.Unknown, nil
	return New(s, 414).Add(Intake(), r, TPM(certs.TPMNotPresent), Graded(certs.RouteHold), Validated(certs.Awaiting, ""))
}

// Rare visit: the kinds of record that the others lack.
func Rare(s *sign.Signer) *Visit {
	a := Drive(0)
	return New(s, 415).Add(Intake(), Facts(a),
		certs.Record{Kind: certs.KindControl, Control: &certs.Control{What: "known-bad drive", Expect: "failed", Result: "failed", By: "op17"}},
		certs.Record{Kind: certs.KindRefused, Refused: &certs.Refused{Drive: a.Ref(), Code: "frozen", Reason: "drive A is frozen", Do: "suspend the machine and wake it"}},
		certs.Record{Kind: certs.KindRemoved, Removed: &certs.Removed{Drive: a.Ref(), Seal: "SEAL-77", By: "op17", Why: "to be destroyed"}},
		TPM(certs.TPMNotCleared), Graded(certs.RouteHold),
		certs.Record{Kind: certs.KindOverruled, Overruled: &certs.Overruled{Route: certs.RouteRecycle, By: "sup02", Why: "beyond repair"}},
		Validated(certs.Rejected, "sup02, supervisor"),
		certs.Record{Kind: certs.KindCertified, Certified: &certs.Certified{Papers: []certs.Paper{{Name: "S01-000415-erasure.pdf", SHA256: digest}}}})
}

// Purged visit: one drive, whose first technique failed, whose second was cut off by a
// loss of power, and which went on with it at the next start.
func Purged(s *sign.Signer) *Visit {
	d := Drive(0)
	f := Finished(d, certs.LevelPurge).Finished
	f.Technique, f.Standard = "nvme-sanitize-crypto", "IEEE 2883-2022, Purge: sanitize, cryptographic erase"
	f.What = "The drive sanitised itself by changing its key and reported success; none of 61337 blocks that were read before is left, nor of those the 1024 that were written to be looked for."
	f.Resumed = "The drive was found at it, as an earlier start had left it, and came to its end after 3m0s."
	f.Restored = "The drive hid 5000000000 of its 500107862016 bytes (HPA); all of it is shown now."
	f.Attempts = []certs.Attempt{{Technique: "nvme-sanitize-block", Verdict: certs.Failed, What: "The drive refused it.",
		Commands: []certs.Command{{Operation: "Sanitize", Frame: "84", Status: "0002", DurationNS: 1}}}}
	f.Verification.Canaries, f.Verification.Extent, f.Verification.Fraction, f.Verification.Confidence = 1024, 1048576, "0.0001", "0.999"
	f.Commands[0].Operation = "Sanitize"
	first, second := Started(d, certs.LevelPurge), Started(d, certs.LevelPurge)
	first.Started.Technique, second.Started.Technique = "nvme-sanitize-block", "nvme-sanitize-crypto"
	again := Started(d, certs.LevelPurge)
	again.Started.Technique, again.Started.Resumed = "nvme-sanitize-crypto", true
	facts, consent, platform := Leftovers(Facts(d), Consent(certs.LevelPurge, d))
	return New(s, 416).Add(Intake(), facts, consent, first, second, Cut(d), again,
		certs.Record{Kind: certs.KindFinished, Finished: f}, TPM(certs.TPMCleared), platform, Graded(certs.RouteDonate), Validated(certs.Awaiting, ""))
}

// Leftovers of a former owner in the machine itself: found, agreed to be removed, and
// what became of them. One stays.
func Leftovers(facts, consent certs.Record) (_, _, platform certs.Record) {
	const entries, variables, tag = "boot entries of a former system", "EFI variables of a former system", "asset tag in the firmware"
	found := func(item, evidence string) certs.Residue {
		return certs.Residue{Item: item, State: certs.ResiduePresent, How: "read; nothing was changed", Evidence: evidence}
	}
	facts.Facts.Residue = append(facts.Facts.Residue, found(entries, "2: 'Windows Boot Manager', 'ubuntu'"), found(variables, "1 of Windows"), found(tag, "'DEP-0047123'"))
	consent.Consent.Leftovers = []certs.Leftover{
		{Item: entries, Kind: "boot-entry", Name: "Boot0003-8be4df61-93ca-11d2-aa0d-00e098032b8c", What: "Windows Boot Manager", SHA256: digest},
		{Item: entries, Kind: "boot-entry", Name: "Boot0007-8be4df61-93ca-11d2-aa0d-00e098032b8c", What: "ubuntu", SHA256: digest},
		{Item: variables, Kind: "variable", Name: "UnlockIDCopy-eaec226f-c9a3-477a-a826-ddc716cdc0e3", What: "UnlockIDCopy (Windows)", SHA256: digest},
		{Item: tag, Kind: "asset-tag", Name: "dell-wmi-sysman/Asset", What: "DEP-0047123", SHA256: digest}}
	const how = "removed, and looked for again"
	return facts, consent, certs.Record{Kind: certs.KindPlatform, Platform: &certs.Platform{Residue: []certs.Residue{
		{Item: entries, State: certs.ResidueCleared, How: how, Evidence: "2 removed: 'Windows Boot Manager', 'ubuntu'; looked for again: no boot entry leads to a file on a drive"},
		{Item: variables, State: certs.ResidueCleared, How: how, Evidence: "1 removed: 'UnlockIDCopy (Windows)'; looked for again: no variable that a system is known to write for itself"},
		{Item: tag, State: certs.ResidueUnresolved, How: "its removal was tried, and it was looked for again",
			Evidence: "not removed: 'DEP-0047123' (the firmware does not allow it: do it in its set-up); looked for again: 'DEP-0047123'"}}}}
}

// Cut says that the erasure of a drive was interrupted.
func Cut(d certs.Drive) certs.Record {
	return certs.Record{Kind: certs.KindFinished, Finished: &certs.Finished{Drive: d.Ref(), Verdict: certs.Interrupted, Level: certs.LevelNone,
		What: "The machine lost power.", Do: "Erase it again.", Code: "no-journal", Verification: certs.Verification{Result: certs.NotDone}}}
}

// NotSent says that nothing was sent to a drive.
func NotSent(d certs.Drive) certs.Record {
	return certs.Record{Kind: certs.KindFinished, Finished: &certs.Finished{Drive: d.Ref(), Verdict: certs.RefusedVerdict, Level: certs.LevelNone,
		What: "Nothing was sent to it.", Do: "Start again.", Verification: certs.Verification{Result: certs.NotDone}}}
}

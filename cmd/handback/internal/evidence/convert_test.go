package evidence_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/grade"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// Every field known, distinct and not zero.
func report() *inspect.Report {
	k := func(s string) inspect.Fact[string] { return inspect.Known(s, "test") }
	return &inspect.Report{
		Machine: inspect.Machine{Maker: k("Dell Inc."), Model: k("Latitude 5400"), Serial: k("5CG0123ABC"), UUID: k("4c4c4544-0043"),
			AssetTag: k("DEP-0047123"), Kind: k("laptop"), BIOS: k("Dell 1.23.0"), Hypervisor: inspect.Known(true, "CPUID"),
			Year: inspect.Known(2019, "its built-in screen (EDID)")},
		CPU:      inspect.CPU{Model: k("i5-8365U"), Cores: inspect.Known(4, "test")},
		Memory:   inspect.Memory{Bytes: inspect.Known(int64(16<<30), "test"), Modules: []inspect.MemoryModule{{Kind: "DDR4"}}},
		Battery:  []inspect.Battery{{Name: "BAT0", HealthPct: inspect.Known(87, "test"), Cycles: inspect.Known(312, "test")}, {Name: "BAT1"}},
		Firmware: inspect.Firmware{SecureBoot: inspect.Known(true, "test"), Lockdown: k("integrity")},
		TPM:      inspect.TPM{Present: inspect.Known(true, "test"), Version: k("2.0"), Maker: k("Infineon"), EKHash: k("2c26b46b")},
		Drives: []inspect.Drive{
			{Path: "/dev/nvme0n1", Identity: nvmeIdentity, Geometry: drive.Geometry{Size: 500107862016, LogicalBlock: 512, PhysicalBlock: 4096},
				Holds: []string{"Windows", "BitLocker"}, Health: inspect.Health{Verdict: k("good")}},
			{Path: "/dev/sda", Identity: sataIdentity, Geometry: drive.Geometry{Size: 1000204886016, LogicalBlock: 4096}, Boot: true,
				ATA: &inspect.ATA{NativeMax: inspect.Known(int64(1000204886999), "test")}, Problems: []string{"SMART: no answer"}},
		},
		Unhandled: []inspect.Finding{{Code: "raid-mode", What: "the controller is in RAID mode", Do: "switch it to AHCI"}},
		Looked:    []string{"PCI bus: 14 devices, 2 storage controllers among them", "drives: 2, which said who they are: 2"},
		Missing:   []string{"the display gives no EDID"},
		Residue: []inspect.Residue{{Item: "firmware password", State: inspect.ResiduePresent, Evidence: "an administrator's password is set"},
			{Item: "vendor agent", State: "something new", Evidence: "a table is there"}},
	}
}

var (
	nvmeIdentity = drive.Identity{Bus: drive.BusNVMe, Media: drive.MediaSSD, Model: "970 EVO", Serial: "S4EVNX0M1234567", Firmware: "2B2QEXM7",
		WWN: "eui.0025385b01410c10", Size: 500107862016, Namespace: 1, Inner: true, Raw: drive.Raw{Model: "39", Serial: "53", Firmware: "32"}}
	sataIdentity = drive.Identity{Bus: drive.BusSATA, Media: drive.MediaHDD, Model: "TOSHIBA", Serial: "Y9E4P001T", Firmware: "JU000U", WWN: "naa.5000039a", Size: 1000204886016}
)

func planned() wipe.Plan {
	return wipe.Plan{Want: wipe.LevelClear, Drives: []wipe.DrivePlan{
		{Name: "B", Path: "/dev/sda", Identity: sataIdentity, Refusal: &wipe.Refusal{Code: "boot-medium", Reason: "started from it", Do: "nothing"}},
		{Name: "A", Path: "/dev/nvme0n1", Identity: nvmeIdentity, Geometry: drive.Geometry{Size: 500107862016, LogicalBlock: 512, PhysicalBlock: 4096},
			Ladder: []wipe.Step{{Technique: wipe.NVMeFormatUserData, Level: wipe.LevelClear, Standard: "IEEE 2883-2022"}, {Technique: wipe.OverwriteZero, Level: wipe.LevelClear, Standard: "NIST"}}},
	}}
}

func TestFacts(t *testing.T) {
	tool := certs.Tool{Name: "Handback", Version: "1", Image: "fc"}
	f := evidence.Facts(report(), planned(), tool)
	if want := (certs.Machine{Maker: "Dell Inc.", Model: "Latitude 5400", Serial: "5CG0123ABC", UUID: "4c4c4544-0043", Kind: "laptop",
		AssetTag: "DEP-0047123", BIOS: "Dell 1.23.0", SecureBoot: "on", Lockdown: "integrity", Hypervisor: "yes", Year: "2019, by its built-in screen (EDID)"}); f.Machine != want {
		t.Errorf("machine %+v", f.Machine)
	}
	if f.CPU != "i5-8365U, 4 cores" || f.Memory != "16 GiB DDR4" || f.TPM != "present" || f.TPMName != "Infineon 2.0" || f.EKHash != "2c26b46b" || f.Tool != tool {
		t.Errorf("facts %+v", f)
	}
	if !slices.Equal(f.Battery, []string{"BAT0: 87 % of design, 312 cycles", "BAT1: health unknown"}) ||
		!slices.Equal(f.NotKnown, []string{"the display gives no EDID", "/dev/sda: SMART: no answer"}) ||
		f.LookedForOthers != "yes" || !slices.Equal(f.Looked, []string{"PCI bus: 14 devices, 2 storage controllers among them", "drives: 2, which said who they are: 2"}) || len(f.NotHandled) != 1 || f.NotHandled[0] != (certs.Finding{Code: "raid-mode", What: "the controller is in RAID mode", Do: "switch it to AHCI"}) {
		t.Errorf("facts %+v", f)
	}
	want := []certs.Drive{
		{Name: "A", Bus: "nvme", Media: "SSD", Model: "970 EVO", Serial: "S4EVNX0M1234567", Firmware: "2B2QEXM7", WWN: "eui.0025385b01410c10", Namespace: 1,
			SizeBytes: 500107862016, LogicalBlock: 512, RawModel: "39", RawSerial: "53", RawFirmware: "32", Inner: true, Health: "good", Damaged: "no", Holds: "Windows, BitLocker"},
		{Name: "B", Bus: "sata", Media: "HDD", Model: "TOSHIBA", Serial: "Y9E4P001T", Firmware: "JU000U", WWN: "naa.5000039a", SizeBytes: 1000204886016,
			NativeBytes: 1000204886999, LogicalBlock: 4096, Boot: true, Damaged: "unknown"},
	}
	if !slices.Equal(f.Drives, want) {
		t.Errorf("drives %+v", f.Drives)
	}
	if want := []certs.Residue{{Item: "firmware password", State: "present", How: "read; nothing was changed", Evidence: "an administrator's password is set"},
		{Item: "vendor agent", State: "unknown", How: "read; nothing was changed", Evidence: "a table is there"}}; !slices.Equal(f.Residue, want) {
		t.Errorf("residue %+v", f.Residue)
	}
	if !slices.Contains(f.NotChecked, "eSIM profiles") || slices.ContainsFunc(f.NotChecked, func(s string) bool { return strings.Contains(s, "passwords of the firmware") }) {
		t.Errorf("not checked: %q", f.NotChecked)
	}
	// Every other record must name the drives as FACTS does.
	for i, d := range []wipe.DrivePlan{planned().Drives[1], planned().Drives[0]} {
		if ref := evidence.Ref(d.Name, d.Identity); ref != f.Drives[i].Ref() {
			t.Errorf("drive %s: reference %+v, facts %+v", d.Name, ref, f.Drives[i].Ref())
		}
	}
}

// What nobody could read is unknown on paper too, never 'no' and never 'none'.
func TestFactsUnknown(t *testing.T) {
	f := evidence.Facts(&inspect.Report{}, wipe.Plan{}, certs.Tool{})
	if f.Machine != (certs.Machine{SecureBoot: "unknown", Hypervisor: "unknown"}) || f.TPM != "unknown" || f.TPMName != "" || f.CPU != "" || f.Memory != "" || f.LookedForOthers != "unknown" {
		t.Errorf("facts of nothing: %+v", f)
	}
	if len(f.Residue) != 0 || !slices.ContainsFunc(f.NotChecked, func(s string) bool { return strings.Contains(s, "passwords of the firmware") }) {
		t.Errorf("nobody looked at the platform: residue %+v, not checked %q", f.Residue, f.NotChecked)
	}
	no := &inspect.Report{Unhandled: []inspect.Finding{}}
	no.TPM.Present, no.Firmware.SecureBoot, no.Machine.Hypervisor = inspect.Known(false, "t"), inspect.Known(false, "t"), inspect.Known(false, "t")
	if f := evidence.Facts(no, wipe.Plan{}, certs.Tool{}); f.TPM != "absent" || f.Machine.SecureBoot != "off" || f.Machine.Hypervisor != "no" || f.LookedForOthers != "yes" {
		t.Errorf("facts of 'no': %+v", f)
	}
}

func TestConsentAndRefusals(t *testing.T) {
	c := evidence.Consent(planned(), "d1", "op17", "tag scanned", certs.ScopeMachine, "cleared only")
	if c.PlanDigest != "d1" || c.Who != "op17" || c.How != "tag scanned" || c.Scope != "machine" || c.Want != certs.LevelClear || c.Accepted != "cleared only" || len(c.Drives) != 1 {
		t.Fatalf("consent %+v: nobody is asked about the stick", c)
	}
	if d := c.Drives[0]; d.Technique != "nvme-format-user-data" || d.Level != certs.LevelClear || d.Drive.Name != "A" {
		t.Errorf("the drive: %+v", d)
	}
	r := evidence.RefusedDrive(planned().Drives[0])
	if r.Code != "boot-medium" || r.Reason != "started from it" || r.Do != "nothing" || r.Drive.Serial != "Y9E4P001T" {
		t.Errorf("refused %+v", r)
	}
	if r := evidence.RefusedDrive(wipe.DrivePlan{}); r.Code == "" || r.Reason == "" || r.Do == "" {
		t.Errorf("a drive without a way: %+v", r)
	}
	if m := evidence.RefusedMachine(wipe.Refusal{Code: "c", Reason: "r", Do: "d"}); *m != (certs.Refused{Code: "c", Reason: "r", Do: "d"}) {
		t.Errorf("machine %+v", m)
	}
	s := evidence.Started(planned().Drives[1], planned().Drives[1].Ladder[1], "d2", true)
	if *s != (certs.Started{Drive: c.Drives[0].Drive, Technique: "overwrite-zero", Level: certs.LevelClear, PlanDigest: "d2", Resumed: true}) {
		t.Errorf("started %+v", s)
	}
}

func outcome() wipe.Outcome {
	d := planned().Drives[1]
	after := d.Identity
	after.Firmware = "NEW"
	return wipe.Outcome{Drive: d, Verdict: wipe.Sanitised, Level: wipe.LevelClear, Technique: wipe.OverwriteZero, Evidence: wipe.EvidenceMeasured,
		NotShown: "cells", What: "overwritten", Do: "nothing", After: after, GeometryAfter: drive.Geometry{Size: 500107862016, LogicalBlock: 4096, PhysicalBlock: 8192},
		Commands:     []wipe.CommandTrace{{Operation: "Format NVM", Frame: "80", Status: "0002", Error: "e", Duration: 3 * time.Second}},
		Verification: wipe.Verification{Method: "full read-back", BytesRead: 11, Compared: 12, Counted: 13, Survivors: 14, Unreadable: 15, Seed: "5e", Result: "failed"},
		BadRanges:    []wipe.Range{{First: 21, Count: 22, What: "write error"}}, BytesWritten: 31,
		Started: time.Date(2026, 11, 24, 9, 30, 0, 500, time.UTC), Finished: time.Date(2026, 11, 24, 9, 31, 0, 0, time.UTC), Elapsed: 61 * time.Second}
}

func TestFinished(t *testing.T) {
	was, is := inspect.Drive{ATA: &inspect.ATA{NativeMax: inspect.Known(int64(500107900000), "t"), DCOMax: inspect.Known(int64(500107900001), "t")}},
		inspect.Drive{SCSI: &inspect.SCSI{MaxBytes: inspect.Known(int64(500107900002), "t")}}
	was.Health.Realloc, was.Health.Pending = inspect.Known(int64(7), "t"), inspect.Known(int64(8), "t")
	is.Health.Realloc = inspect.Known(int64(9), "t")
	f := evidence.Finished(outcome(), was, is)
	if f.Verdict != certs.Sanitised || f.Level != certs.LevelClear || f.Technique != "overwrite-zero" || f.Standard != "NIST" || f.Evidence != certs.EvidenceMeasured ||
		f.NotShown != "cells" || f.What != "overwritten" || f.Do != "nothing" || f.BytesWritten != 31 || f.StartedAt != "2026-11-24T09:30:00Z" || f.FinishedAt != "2026-11-24T09:31:00Z" || f.ElapsedNS != 61e9 {
		t.Errorf("finished %+v", f)
	}
	if f.Verification != (certs.Verification{Method: "full read-back", BytesRead: 11, Compared: 12, Counted: 13, Survivors: 14, Unreadable: 15, Seed: "5e", Result: "failed"}) {
		t.Errorf("verification %+v", f.Verification)
	}
	if len(f.BadRanges) != 1 || f.BadRanges[0] != (certs.Range{First: 21, Count: 22, What: "write error"}) ||
		len(f.Commands) != 1 || f.Commands[0] != (certs.Command{Operation: "Format NVM", Frame: "80", Status: "0002", Error: "e", DurationNS: 3e9}) {
		t.Errorf("ranges %+v, commands %+v", f.BadRanges, f.Commands)
	}
	before := certs.State{Model: "970 EVO", Serial: "S4EVNX0M1234567", Firmware: "2B2QEXM7", WWN: "eui.0025385b01410c10", Namespace: 1, SizeBytes: 500107862016, LogicalBlock: 512, PhysicalBlock: 4096,
		NativeBytes: 500107900001, Remapped: 7, Pending: 8}
	after := before
	after.Firmware, after.LogicalBlock, after.PhysicalBlock = "NEW", 4096, 8192
	after.NativeBytes, after.Remapped, after.Pending = 500107900002, 9, -1
	if f.Before != before || f.After != after {
		t.Errorf("before %+v, after %+v", f.Before, f.After)
	}
}

// Whatever the engine says, the record never says better.
// What was tried besides, gone on with and sampled is on record; none of it makes the
// verdict better.
func TestFinishedOfALadder(t *testing.T) {
	o := wipe.Outcome{Verdict: wipe.Sanitised, Level: wipe.LevelPurge, Evidence: wipe.EvidenceCanaries, Technique: wipe.NVMeSanitizeCrypto, Code: "x",
		Restored: "restored", Resumed: "resumed", Verification: wipe.Verification{Canaries: 7, Extent: 1 << 20, Fraction: 0.0001, Confidence: 0.999, Result: "passed"},
		Attempts: []wipe.Attempt{{Technique: wipe.NVMeSanitizeBlock, Verdict: wipe.Failed, What: "no", Commands: []wipe.CommandTrace{{Operation: "Sanitize", Status: "0002"}}},
			{Technique: wipe.NVMeSanitizeOverwrite, Verdict: wipe.Sanitised}}}
	f := evidence.Finished(o, inspect.Drive{}, inspect.Drive{})
	v := f.Verification
	if f.Restored != "restored" || f.Resumed != "resumed" || f.Code != "" || v.Canaries != 7 || v.Extent != 1<<20 || v.Fraction != "0.0001" || v.Confidence != "0.999" {
		t.Errorf("%+v", f)
	}
	if len(f.Attempts) != 2 || f.Attempts[0].Verdict != certs.Failed || f.Attempts[0].Commands[0].Status != "0002" || f.Attempts[1].Verdict != certs.Unverified {
		t.Errorf("%+v", f.Attempts)
	}
	o.Verdict, o.Verification.Fraction, o.Verification.Confidence = wipe.Failed, math.NaN(), 2
	if f = evidence.Finished(o, inspect.Drive{}, inspect.Drive{}); f.Code != "x" || f.Verification.Fraction != "" || f.Verification.Confidence != "" {
		t.Errorf("%+v", f)
	}
}

func TestFinishedNeverBetter(t *testing.T) {
	for v, want := range map[wipe.Verdict]certs.Verdict{"": certs.Failed, "SANITISED": certs.Failed, "done": certs.Failed, wipe.Failed: certs.Failed,
		wipe.Interrupted: certs.Interrupted, wipe.Unverified: certs.Unverified, wipe.Refused: certs.RefusedVerdict} {
		o := outcome()
		o.Verdict = v
		if f := evidence.Finished(o, inspect.Drive{}, inspect.Drive{}); f.Verdict != want || f.Level != certs.LevelNone || f.Evidence != "" {
			t.Errorf("%q: %s, level %s, evidence %q", v, f.Verdict, f.Level, f.Evidence)
		}
	}
	d := certstest.Drive(0)
	for name, change := range map[string]func(*wipe.Outcome){
		"no level":        func(o *wipe.Outcome) { o.Level = 0 },
		"no such level":   func(o *wipe.Outcome) { o.Level = 9 },
		"no evidence":     func(o *wipe.Outcome) { o.Evidence = "proven" },
		"no result":       func(o *wipe.Outcome) { o.Verification.Result = "PASSED" },
		"huge survivors":  func(o *wipe.Outcome) { o.Verification.Survivors = 1 << 62 },
		"huge unreadable": func(o *wipe.Outcome) { o.Verification.Unreadable = -1 << 62 },
	} {
		o := outcome()
		o.Verification.Survivors, o.Verification.Unreadable, o.Verification.Result, o.BadRanges = 0, 0, "passed", nil
		change(&o)
		f := evidence.Finished(o, inspect.Drive{}, inspect.Drive{})
		f.Drive = d.Ref()
		s := certs.Summarise([]certs.Record{certstest.Intake(), certstest.Facts(d), certstest.Consent(certs.LevelClear, d), certstest.Started(d, certs.LevelClear),
			{Kind: certs.KindFinished, Finished: f}})
		if s.Verdict != certs.Unverified {
			t.Errorf("%s: the records add up to %s", name, s.Verdict)
		}
	}
}

// A drive that is bad all over still makes a record that can be stored, read
// again and put on paper, and that hides nothing.
func TestFinishedBounded(t *testing.T) {
	o := outcome()
	o.Verdict, o.BadRanges, o.Commands = wipe.Failed, nil, nil
	o.What = strings.Repeat("w", 1<<20)
	for i := range int64(200000) {
		o.BadRanges = append(o.BadRanges, wipe.Range{First: 10 * i, Count: 3, What: strings.Repeat("input/output error ", 100)})
		o.Commands = append(o.Commands, wipe.CommandTrace{Operation: "Format NVM", Frame: "80", Status: "0002"})
	}
	f := evidence.Finished(o, inspect.Drive{}, inspect.Drive{})
	blocks := int64(0)
	for _, r := range f.BadRanges {
		blocks += r.Count
	}
	if blocks != 600000 || len(f.Commands) > 300 {
		t.Errorf("%d blocks of 600000 are on record, %d commands", blocks, len(f.Commands))
	}
	dir := t.TempDir()
	s := newSigner(t)
	b := begin(t, newDir(t, dir), s)
	var drives []certs.Drive
	for i := range 20 {
		drives = append(drives, certstest.Drive(i))
	}
	records := []certs.Record{certstest.Facts(drives...), certstest.Consent(certs.LevelClear, drives...)}
	for _, d := range drives {
		end := *f
		end.Drive = d.Ref()
		records = append(records, certstest.Started(d, certs.LevelClear), certs.Record{Kind: certs.KindFinished, Finished: &end})
	}
	for _, r := range records {
		if err := b.AppendDurable(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Certify(ctx); err != nil {
		t.Fatal(err)
	}
	if v := certs.Summarise(onMedium(t, dir, s)[b.Visit()]).Verdict; v != certs.Failed {
		t.Errorf("verdict %s", v)
	}
}

func TestGraded(t *testing.T) {
	g := evidence.Graded(grade.Decision{Route: grade.Donate, Role: "Office", Function: "F4", Condition: "C3", Rule: "route.donate", Why: "w", Better: "b",
		Inputs: []grade.Seen{{Name: "n", Value: "v", Known: true}}, Hold: []string{"h"}, LevelNeeded: "purge", Policy: grade.Source{ID: "i", Version: "2", SHA256: "9f"}}, certs.Disposition{Status: certs.StatusEEE})
	if g.Route != "donate" || g.Role != "Office" || g.Function != "F4" || g.Condition != "C3" || g.Rule != "route.donate" || g.Why != "w" || g.Better != "b" ||
		len(g.Inputs) != 1 || g.Inputs[0] != (certs.Input{Name: "n", Value: "v", Known: true}) || !slices.Equal(g.Hold, []string{"h"}) || g.LevelNeeded != "purge" || g.Policy != (certs.Policy{ID: "i", Version: "2", SHA256: "9f"}) ||
		g.Disposition.Status != certs.StatusEEE {
		t.Errorf("graded %+v", g)
	}
}

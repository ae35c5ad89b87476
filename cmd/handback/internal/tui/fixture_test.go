package tui

import (
	"strings"
	"time"

	"handback.example/cmd/handback/internal/wire"
)

// base is a visit at bench 4, as the engine describes it.
func base(s wire.Stage) wire.View {
	return wire.View{
		Revision: 7, Stage: s, Class: "demonstration", Bench: "4", Visit: "S01-000412",
		Machine: "Dell Latitude 5400", Service: "7HQ2XY2",
		Clock: time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC),
		Intake: wire.Intake{
			Sources: []string{"locker", "post", "desk", "amnesty", "partner"}, SuggestedTag: "DEF-048213",
		},
	}
}

func tagged(s wire.Stage) wire.View {
	v := base(s)
	v.Tag = "DEF-048213"
	return v
}

func twoDrives() []wire.PlanRow {
	return []wire.PlanRow{
		{Name: "A", Drive: "Samsung PM981 512 GB", Serial: "S4GENX0M512345", Holds: "BitLocker, Windows",
			Health: "good", HealthMark: wire.MarkOK, How: "Purge  NVMe Format, user data; checked by samples and a read-back", Expect: 14 * time.Second,
			Detail: []string{"nvme-format-user-data: Purge by IEEE 2883, 2 s; taken: the best that the drive offers", "overwrite-zero: Clear, 12 min"}},
		{Name: "B", Drive: "WD Blue 1 TB", Serial: "WX41A7712345", Holds: "NTFS, Windows",
			Health: "worn", HealthMark: wire.MarkWarn, HealthWhy: []string{"304 reallocated sectors (SMART 5)", "8 pending sectors (SMART 197)"}, How: "Clear  overwrite, zeros; read back", Expect: 110 * time.Minute,
			Warnings: []string{"3 sectors were moved by the drive: they can't be reached"},
			Detail:   []string{"overwrite-zero: Clear, 1 h 50; taken: nothing better is offered"}},
	}
}

func checkView() wire.View {
	v := tagged(wire.StageCheck)
	v.Plan = wire.PlanView{Rows: twoDrives(), Ready: true, Mains: wire.MarkOK}
	v.Plan.Rows[0].Holds = "BitLocker (suspended: readable by anybody), Windows"
	v.Facts = []wire.Fact{
		{Part: wire.PartHidden, Name: "Other storage", Value: "none found, by PCI bus, SCSI bus, USB bus, SATA bus, namespaces of 1 NVMe controller, drives", Mark: wire.MarkOK},
		{Part: wire.PartLeft, Name: "TPM", Value: "2.0 STM, owned", Mark: wire.MarkWarn},
		{Part: wire.PartLeft, Name: "Secure Boot", Value: "on", Mark: wire.MarkOK},
		{Part: wire.PartLeft, Value: "boot entries of a former system: 2: Windows Boot Manager, ubuntu", Mark: wire.MarkWarn},
		{Part: wire.PartLeft, Value: "firmware password: an administrator's password is set", Mark: wire.MarkWarn},
		{Part: wire.PartMachine, Name: "Power lead", Value: "out", Do: "put the power lead in", Mark: wire.MarkWarn},
		{Part: wire.PartMachine, Name: "Serial number", Value: "PC131TBF", Mark: wire.MarkOK},
		{Part: wire.PartMachine, Name: "Kind", Value: "laptop", Mark: wire.MarkOK},
		{Part: wire.PartMachine, Name: "Processor", Value: "Intel(R) Core(TM) i5-8350U CPU @ 1.70GHz", Mark: wire.MarkOK},
		{Part: wire.PartMachine, Name: "Windows 11", Value: "processor supported, by Microsoft's lists of October 2025, by processor family", Mark: wire.MarkOK},
		{Part: wire.PartMachine, Name: "Memory", Value: "24 GB", Mark: wire.MarkOK},
		{Part: wire.PartMachine, Name: "Battery", Value: "unknown: the kernel does not give it", Mark: wire.MarkUnknown},
		{Part: wire.PartMachine, Name: "Display", Value: "AUO B140HAN03.2, 1920 x 1080, 14.0 in", Mark: wire.MarkOK},
		{Part: wire.PartMachine, Name: "Parts", Value: "Wi-Fi, Bluetooth, camera, fingerprint reader, touchpad", Mark: wire.MarkOK},
		{Part: wire.PartUnknown, Value: "kernel lockdown: the kernel does not give it", Mark: wire.MarkUnknown},
		{Part: wire.PartUnknown, Value: "fingerprints in the reader: a reader is fitted, and it may keep fingerprints: clear them in the firmware's set-up", Mark: wire.MarkUnknown},
		{Part: wire.PartUnknown, Value: "provisioning of Intel AMT: a management engine is fitted, and it was not asked", Mark: wire.MarkUnknown},
	}
	return v
}

// hiddenView is a machine that hides a drive, beside one that can't be erased.
func hiddenView() wire.View {
	v := checkView()
	v.Facts[0] = wire.Fact{Part: wire.PartHidden, Value: "the RAID controller at PCI 0000:00:17.0 (8086:282a) shows no drive", Mark: wire.MarkBad,
		Do: "switch storage from RAID to AHCI in the firmware's setup, then start again"}
	v.Plan.Rows = append(v.Plan.Rows, wire.PlanRow{Name: "C", Drive: "SanDisk Ultra 32 GB", Serial: "4C530001", Holds: "FAT32", Health: "unknown", HealthMark: wire.MarkUnknown,
		HealthWhy: []string{"this kind of drive has no health log that is read here"}, Refused: "it is write-protected. Slide its lock, then look again"})
	return v
}

func agreeView() wire.View {
	v := tagged(wire.StageAgree)
	v.Plan = wire.PlanView{
		Digest: "4f1c9a0277be01d2", Rows: twoDrives(), TPM: "Infineon 2.0, owned: cleared after the drives",
		Also: []string{"2 boot entries of a former system: removed", "1 asset tag in the firmware: removed"}, Ready: true, Mains: wire.MarkUnknown,
		Removals:        []string{"boot entries of a former system: 'Windows Boot Manager' (Boot0003)", "boot entries of a former system: 'ubuntu' (Boot0007)", "asset tag in the firmware: 'DEF-048213' (dell-wmi-sysman/Asset)"},
		NeedsAcceptance: "drive B is cleared, not purged.",
	}
	v.Plan.Rows = append(v.Plan.Rows, wire.PlanRow{Name: "C", Drive: "SanDisk Ultra 32 GB", Serial: "4C530001", Holds: "unknown",
		Refused: "it is write-protected. Slide its lock, then look again"})
	return v
}

func bench() []wire.Question {
	return []wire.Question{
		{ID: "keyboard", Ask: "Does every key of the keyboard work?", Choices: []string{"yes, all", "some do not", "not tested"}, Answer: 0},
		{ID: "screen", Ask: "Look at the screen. Is it whole, without cracks, lines or dark spots?", Choices: []string{"it is whole", "small marks", "cracked or lines", "not tested"}, Answer: -1},
		{ID: "case", Ask: "Is the case whole?", Choices: []string{"yes", "scratched", "broken", "not tested"}, Answer: -1},
	}
}

// keycaps of a row: 'Esc:4', with a '!' before those that were seen.
func keycaps(row string) (keys []wire.Keycap) {
	for _, f := range strings.Fields(row) {
		name, seen := strings.CutPrefix(f, "!")
		label, wide, _ := strings.Cut(name, ":")
		k := wire.Keycap{Label: label, Width: 3, Seen: seen}
		if wide != "" {
			k.Width = int(wide[0]-'0')*10 + int(wide[1]-'0')
		}
		keys = append(keys, k)
	}
	return keys
}

// tryView is a visit in which an exercise runs.
func tryView(x wire.Exercise) wire.View {
	v := eraseView()
	x.Question = "screen"
	v.Exercise = &x
	return v
}

func keyboardView() wire.View {
	x := wire.Exercise{Name: "Keyboard, UK with number pad", Device: "AT Translated Set 2 keyboard (i8042)", Done: 19, Of: 95, Ends: 10,
		Say: []string{"Press every key once. Fn does not count.", "To end here, hold Esc for 2 seconds, or press no new key."}}
	for _, r := range []string{"!Esc:04 !F1:04 !F2:04 F3:04 F4:04 F5:04 F6:04 F7:04 F8:04 F9:04 F10:04 F11:04 F12:04 Del:04",
		"!` !1 !2 !3 !4 5 6 7 8 9 0 - = Back:05", "!Tab:04 !Q !W !E R T Y U I O P [ ] Enter:06", "!Caps:05 !A S D F G H J K L ; ' #",
		"Shift:06 \\ Z X C V B N M , . / Shift:06", "!Ctrl:05 Win:04 Alt:04 !Space:13 AltGr:06 Ctrl:05 Lf Up Dn Rt"} {
		x.Keys = append(x.Keys, keycaps(r))
	}
	for _, r := range []string{"Nu / * -", "!7 !8 9 +", "4 5 6", "1 2 3 En", "0:07 ."} {
		x.Pad = append(x.Pad, keycaps(r))
	}
	return tryView(x)
}

func touchpadView() wire.View {
	return tryView(wire.Exercise{Name: "Touchpad", Device: "SynPS/2 Synaptics TouchPad (i8042)", Done: 4, Of: 9, Say: []string{"Move over all nine fields, then click."},
		Fields: []bool{true, true, false, true, false, false, true, false, false}, Buttons: keycaps("!left:12 right:12"), Next: "end here"})
}

func screenView() wire.View {
	return tryView(wire.Exercise{Name: "Screen", Done: 2, Of: 7, Next: "next picture",
		Say: []string{"Look at the machine's own display. It shows: white.", "Look for spots, lines and uneven light."}})
}

func portsView() wire.View {
	return tryView(wire.Exercise{Name: "USB ports", Done: 2, Next: "that was every port",
		Say: []string{"Put any USB thing into each free port in turn. Wait until the count goes up.", "Leave the Handback stick where it is."}})
}

// testable is a question that has an exercise, and what it showed.
func testable(evidence, advice string, proposed int) wire.View {
	v := eraseView()
	v.Questions[1] = wire.Question{ID: "keyboard-2", Ask: "Does every key write its letter?", Choices: []string{"Yes", "No", "Not tested"}, Answer: -1,
		Try: "press every key once", Kinds: []string{"UK", "UK with number pad", "US"}, Evidence: evidence, Advice: advice, Proposed: proposed}
	return v
}

func eraseView() wire.View {
	v := tagged(wire.StageErase)
	v.StickMayGo = true
	v.Drives = []wire.DriveProgress{
		{Name: "A", Drive: "Samsung PM981 512 GB", Serial: "S4GENX0M512345", State: "DONE", Mark: wire.MarkOK, Fraction: 1, Time: "Purge, checked, 14 s"},
		{Name: "B", Drive: "WD Blue 1 TB", Serial: "WX41A7712345", State: "ERASING", Mark: wire.MarkBusy, Fraction: 0.2655, Rate: "142 MB/s", Time: "29 min so far, 78 to 90 min to go", CanStop: true},
		{Name: "C", Drive: "SanDisk Ultra 32 GB", Serial: "4C530001", State: "FAILED", Mark: wire.MarkBad, Fraction: 0.5, Time: "after 3 min", Note: "3 blocks can't be written. Take the drive out at the end."},
	}
	v.Questions = bench()
	v.Tests = []wire.Test{{Name: "Memory", Mark: wire.MarkOK}, {Name: "Processor", Mark: wire.MarkBusy, Note: "40 %"},
		{Name: "Battery"}, {Name: "Drives", Mark: wire.MarkBusy, Note: "33 %"}}
	v.Log = []string{"14:02:11 A STARTED", "14:02:25 A FINISHED sanitised, Purge"}
	return v
}

func manyDrives(v wire.View, n int) wire.View {
	v.Drives, v.Plan.Rows = nil, nil
	states := []wire.DriveProgress{
		{State: "DONE", Mark: wire.MarkOK, Fraction: 1, Time: "Clear, read back"},
		{State: "ERASING", Mark: wire.MarkBusy, Fraction: 0.4, Rate: "180 MB/s", Time: "1 h 10 so far"},
		{State: "CHECKING", Mark: wire.MarkBusy, Fraction: 0.9, Rate: "190 MB/s", Time: "2 h so far"},
		{State: "WAITING"},
	}
	for i := range n {
		d := states[i%len(states)]
		if i == 20 {
			d = wire.DriveProgress{State: "FAILED", Mark: wire.MarkBad, Note: "12 blocks can't be written."}
		}
		d.Name, d.Drive, d.Serial = string(rune('A'+i)), "Seagate Exos 12 TB", "ZL20000"+itoa(10+i)
		v.Drives = append(v.Drives, d)
		v.Plan.Rows = append(v.Plan.Rows, wire.PlanRow{Name: d.Name, Drive: d.Drive, Serial: d.Serial, Holds: "no file system", Health: "good", HealthMark: wire.MarkOK,
			How: "Clear  overwrite, zeros; read back", Expect: 20 * time.Hour})
	}
	return v
}

// notPrinted: the visit is as good as before, and the page says what to do about it.
func notPrinted(v wire.View) wire.View {
	v.Result.Printed = `The printer "Bench-3" is out of paper: put paper in. Printed is only S01-000412-erasure.pdf. The papers are on the stick, and can be printed from there.`
	return v
}

func resultView(word string, pass bool) wire.View {
	v := tagged(wire.StageResult)
	r := &wire.Result{Pass: pass, Word: word, CanPowerOff: true, Stored: "on the stick", Record: "4f1c 9a02 77be"}
	switch word {
	case "PASS":
		r.Lines = []string{"2 of 2 drives sanitised (Purge)", "TPM cleared", "nothing unhandled"}
		r.Route, r.Grade = "REDEPLOY", "function F4   condition C4   battery 87 %"
		r.Why, r.Better = "all gates pass; fits Office; Windows 11 ready", "nothing above this route"
		r.Papers = []string{"S01-000412-erasure.pdf", "S01-000412-disposal.pdf"}
		r.Do = "Put the machine in bin R."
	case "FAIL":
		r.Lines = []string{"drive B  WD Blue 1 TB  WX41A7712345  bay 2: 3 blocks can't be written", "1 of 2 drives sanitised (Purge)", "TPM cleared"}
		r.Route, r.Why, r.Better = "HOLD", "a drive is not sanitised", "REMANUFACTURE: with drive B taken out and destroyed"
		r.Papers = []string{"S01-000412-erasure.pdf", "S01-000412-hold.pdf"}
		r.Do = "Take out drive B and put it in the red-striped crate. Record its seal."
	case "HOLD":
		r.Lines = []string{"2 of 2 drives sanitised (Clear)", "TPM not cleared: it asks at the next start"}
		r.Route, r.Why, r.Do = "HOLD", "the TPM clear is pending", "Switch on again with the stick in. Press F12 when asked."
		r.Stored, r.CanPowerOff = "waiting in memory: put the stick back", false
	case "NO DRIVE":
		r.Lines = []string{"no drive was found: nothing was erased"}
		r.Route, r.Why, r.Do = "HOLD", "a machine without a drive may hide one", "Ask your supervisor: was the drive taken out?"
	}
	v.Result = r
	return v
}

func stoppedView() wire.View {
	v := tagged(wire.StageStopped)
	v.Notice = &wire.Notice{Mark: wire.MarkBad, What: "This machine is under legal hold.", Do: "Nothing was erased. Seal it and give it to your supervisor."}
	return v
}

func stickGone(v wire.View) wire.View {
	v.Notice = &wire.Notice{Mark: wire.MarkBad, What: "The stick is gone.", Do: "Put the stick back. The records wait in memory meanwhile."}
	return v
}

// pages are all that a screen can show, by name.
func pages() map[string]wire.View {
	production := tagged(wire.StageIntake)
	production.Class = "production"
	production.Intake.Tag, production.Intake.Operator = "DEF-048213", "jb"
	production.Intake.Source, production.Intake.Classification, production.Intake.DIAL = "amnesty", "official", 2
	production.Intake.Stolen = true
	problem := base(wire.StageIntake)
	problem.Problem = "the asset tag is empty: scan the label, or press F2 for an intake number"
	confirm := base(wire.StageIntake)
	confirm.Intake.Confirm = "This machine carries tag DEF-048213, you scanned DEF-048214. Is DEF-048214 right?"
	early := base(wire.StageIntake)
	early.Machine, early.Service = "", ""
	early.Notice = &wire.Notice{Mark: wire.MarkBusy, What: "A drive does not answer yet: Samsung MZVLB512HBJQ-000L7 512 GB, serial S4ENNF0M741521, on NVMe slot at PCI 0000:03:00.0.",
		Do: "Fill in the intake meanwhile. The drive has up to 40 seconds. If it never answers, the machine is shown without its answers."}
	notReady := agreeView()
	notReady.Plan.Ready, notReady.Plan.NeedsAcceptance = false, ""
	notReady.Plan.Rows = notReady.Plan.Rows[2:]
	grading := eraseView()
	grading.Stage = wire.StageGrade
	grading.Tests = []wire.Test{{Name: "Memory", Mark: wire.MarkBad, Note: "FAILED"}, {Name: "Processor", Mark: wire.MarkUnknown, Note: "not tested"},
		{Name: "Battery", Mark: wire.MarkUnknown, Note: "not tested"}, {Name: "Drives", Note: "none"}}
	noDrive := checkView()
	noDrive.Plan.Rows = nil
	unknown := base("a-new-stage")
	unknown.Class = ""
	contradiction := resultView("PASS", false)
	noResult := tagged(wire.StageResult)
	wrong := base(wire.StageUnlock)
	wrong.Problem = "that is not the passphrase of this stick: wait 30 seconds, then try again, or ask your supervisor"
	return map[string]wire.View{
		"starting": base(wire.StageStarting), "unlock": base(wire.StageUnlock), "unlock-problem": wrong,
		"intake": base(wire.StageIntake), "intake-filled": production,
		"intake-problem": problem, "intake-confirm": confirm, "intake-stick-gone": stickGone(base(wire.StageIntake)), "intake-early": early,
		"check": checkView(), "check-no-drive": noDrive, "check-locked": lockedView(), "check-hidden": hiddenView(), "check-64": manyDrives(checkView(), 64),
		"agree": agreeView(), "agree-refused": notReady, "agree-24": manyDrives(agreeView(), 24),
		"erase": eraseView(), "erase-24": manyDrives(eraseView(), 24), "erase-stick-gone": stickGone(eraseView()),
		"try-keyboard": keyboardView(), "try-touchpad": touchpadView(), "try-screen": screenView(), "try-ports": portsView(),
		"erase-testable": testable("", "", 0), "erase-tested": testable("AT Translated Set 2 keyboard (i8042): 78 of 78 keys seen (UK)", "", 1),
		"erase-tested-part": testable("AT Translated Set 2 keyboard (i8042): 76 of 78 keys seen (UK); not seen: F11, right Ctrl",
			"Yes is right only if this machine has no such keys.", 0),
		"grade": grading, "papers": tagged(wire.StagePapers),
		"result-pass": resultView("PASS", true), "result-fail": resultView("FAIL", false),
		"result-hold": resultView("HOLD", false), "result-no-drive": resultView("NO DRIVE", false),
		"result-not-printed": notPrinted(resultView("PASS", true)), "result-contradiction": contradiction, "result-none": noResult, "result-stick-gone": stickGone(resultView("FAIL", false)),
		"stopped": stoppedView(), "poweroff": tagged(wire.StagePowerOff), "unknown-stage": unknown,
	}
}

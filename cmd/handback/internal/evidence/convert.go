package evidence

import (
	"fmt"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"handback.example/certs"
	"handback.example/grade"
	"handback.example/grade/policy"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/function"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

// Tool that makes the records. image is the SHA-256 of the booted image; empty
// where there is none.
func Tool(image string) certs.Tool {
	version := "unknown"
	if i, ok := debug.ReadBuildInfo(); ok && i.Main.Version != "" {
		version = i.Main.Version
	}
	return certs.Tool{Name: "Handback", Version: version, Image: image}
}

// Facts of a report. Its drives carry the letters that the plan gave them; one
// that the plan doesn't have goes by its device's name.
func Facts(r *inspect.Report, p wipe.Plan, tool certs.Tool) *certs.Facts {
	f := &certs.Facts{
		Machine: machine(r),
		CPU:     cpuLine(r.CPU),
		Memory:  memoryLine(r.Memory),
		TPM:     word(r.TPM.Present, "present", "absent"),
		TPMName: strings.TrimSpace(r.TPM.Maker.Value + " " + r.TPM.Version.Value),
		EKHash:  r.TPM.EKHash.Value,
		// An empty list says that nothing was found; none at all, that nobody looked.
		LookedForOthers: certs.Unknown,
		Looked:          slices.Clone(r.Looked),
		NotKnown:        slices.Clone(r.Missing),
		NotChecked:      notChecked(r),
		Notes:           slices.Clone(r.Notes),
		Tool:            tool,
	}
	if r.Unhandled != nil {
		f.LookedForOthers = certs.Yes
	}
	for _, b := range r.Battery {
		f.Battery = append(f.Battery, batteryLine(b))
	}
	for _, left := range r.Residue {
		f.Residue = append(f.Residue, residue(left))
	}
	for _, u := range r.Unhandled {
		f.NotHandled = append(f.NotHandled, certs.Finding{Code: u.Code, What: u.What, Do: u.Do})
	}
	for _, d := range r.Drives {
		f.Drives = append(f.Drives, foundDrive(letter(d, p), d))
		for _, problem := range d.Problems {
			f.NotKnown = append(f.NotKnown, d.Path+": "+problem)
		}
	}
	return f
}

// letter of a drive in the plan that was made from the same report.
func letter(d inspect.Drive, p wipe.Plan) string {
	for _, planned := range p.Drives {
		if planned.Path == d.Path {
			return planned.Name
		}
	}
	return path.Base(d.Path)
}

func machine(r *inspect.Report) certs.Machine {
	m := r.Machine
	return certs.Machine{Maker: m.Maker.Value, Model: m.Model.Value, Serial: m.Serial.Value, UUID: m.UUID.Value,
		Kind: m.Kind.Value, AssetTag: m.AssetTag.Value, BIOS: m.BIOS.Value,
		SecureBoot: word(r.Firmware.SecureBoot, certs.On, certs.Off), Lockdown: r.Firmware.Lockdown.Value,
		Hypervisor: word(m.Hypervisor, certs.Yes, certs.No), Year: year(m.Year)}
}

// year with what tells it: it may be that of a part.
func year(f inspect.Fact[int]) string {
	if !f.Known {
		return ""
	}
	return fmt.Sprintf("%d, by %s", f.Value, f.Source)
}

// word of a fact with two answers: what is not known is neither.
func word(f inspect.Fact[bool], yes, no string) string {
	switch {
	case !f.Known:
		return certs.Unknown
	case f.Value:
		return yes
	}
	return no
}

func cpuLine(c inspect.CPU) string {
	line := c.Model.Value
	if line != "" && c.Cores.Known {
		line += fmt.Sprintf(", %d cores", c.Cores.Value)
	}
	return line
}

func memoryLine(m inspect.Memory) string {
	if !m.Bytes.Known {
		return ""
	}
	line := fmt.Sprintf("%d MiB", m.Bytes.Value>>20)
	if m.Bytes.Value >= 1<<30 && m.Bytes.Value%(1<<30) == 0 {
		line = fmt.Sprintf("%d GiB", m.Bytes.Value>>30)
	}
	if len(m.Modules) > 0 && m.Modules[0].Kind != "" {
		line += " " + m.Modules[0].Kind
	}
	return line
}

func batteryLine(b inspect.Battery) string {
	line := b.Name + ": health unknown"
	if b.HealthPct.Known {
		line = fmt.Sprintf("%s: %d %% of design", b.Name, b.HealthPct.Value)
	}
	if b.Cycles.Known {
		line += fmt.Sprintf(", %d cycles", b.Cycles.Value)
	}
	return line
}

func foundDrive(name string, d inspect.Drive) certs.Drive {
	i := d.Identity
	ref := Ref(name, i)
	found := certs.Drive{Name: ref.Name, Bus: ref.Bus, Media: string(i.Media), Model: ref.Model, Serial: ref.Serial,
		Firmware: i.Firmware, WWN: ref.WWN, Namespace: ref.Namespace, SizeBytes: ref.SizeBytes,
		LogicalBlock: d.Geometry.LogicalBlock, RawModel: i.Raw.Model, RawSerial: i.Raw.Serial, RawFirmware: i.Raw.Firmware,
		Boot: d.Boot, Inner: i.Inner, Health: d.Health.Verdict.Value, Damaged: damaged(d.Health), Holds: strings.Join(d.Holds, ", ")}
	found.NativeBytes = nativeBytes(d)
	return found
}

// nativeBytes is the capacity that a drive has, as far as it says so; 0: it doesn't.
func nativeBytes(d inspect.Drive) (n int64) {
	var all []inspect.Fact[int64]
	if d.ATA != nil {
		all = append(all, d.ATA.NativeMax, d.ATA.DCOMax)
	}
	if d.SCSI != nil {
		all = append(all, d.SCSI.MaxBytes)
	}
	for _, f := range all {
		if f.Known {
			n = max(n, fit(f.Value))
		}
	}
	return n
}

// damaged by its own health log: a drive that says that it is failing counts as
// damaged, one that says nothing as neither.
func damaged(h inspect.Health) string {
	switch {
	case !h.Verdict.Known:
		return certs.Unknown
	case h.Verdict.Value == "failing":
		return certs.Yes
	case h.Verdict.Value == "good" || h.Verdict.Value == "worn":
		return certs.No
	}
	return certs.Unknown
}

// residue as inspection found it: it changes nothing, so nothing of it is cleared.
func residue(r inspect.Residue) certs.Residue {
	out := certs.Residue{Item: cut(r.Item), State: certs.ResidueUnknown, How: "read; nothing was changed", Evidence: cut(r.Evidence)}
	switch r.State {
	case inspect.ResidueAbsent:
		out.State = certs.ResidueAbsent
	case inspect.ResiduePresent:
		out.State = certs.ResiduePresent
	}
	return out
}

// notChecked is what nobody looked at. It is the same for every machine, and more
// where the platform was not looked at.
func notChecked(r *inspect.Report) []string {
	list := []string{"firmware settings that are not named here", "Wi-Fi networks and other credentials that firmware or a management engine keeps",
		"eSIM profiles", "locks that a maker's or an operating system's service keeps (Autopilot, MDM, activation)", "memory of embedded controllers, docks and batteries",
		"what a firmware's memory still holds of settings that were deleted"}
	if len(r.Residue) == 0 {
		list = append([]string{"boot entries, variables and passwords of the firmware"}, list...)
	}
	return list
}

// Ref of a drive, the same for every record that is about it.
func Ref(name string, d drive.Identity) certs.DriveRef {
	return certs.DriveRef{Name: name, Bus: string(d.Bus), Model: d.Model, Serial: d.Serial, WWN: d.WWN,
		Namespace: int64(d.Namespace), SizeBytes: fit(d.Size)}
}

// fit keeps a number within what a record may hold (RFC 7493, 2.2). It is cut to
// the nearest, never to nothing: a count of survivors stays one.
func fit(n int64) int64 {
	const most = 1<<53 - 1
	return max(-most, min(n, most))
}

// Level as records write it.
func Level(l wipe.Level) certs.Level {
	switch l {
	case wipe.LevelClear:
		return certs.LevelClear
	case wipe.LevelPurge:
		return certs.LevelPurge
	}
	return certs.LevelNone
}

// Consent to a plan as it was shown, by its digest.
func Consent(p wipe.Plan, digest, who, how, scope, accepted string) *certs.Consent {
	c := &certs.Consent{PlanDigest: digest, Who: who, How: how, Scope: scope, Want: Level(p.Want), Accepted: accepted}
	for _, d := range p.Drives {
		if d.Refusal != nil && d.Refusal.Code == plan.CodeBootMedium {
			continue // never a target: nobody was asked about it
		}
		agreed := certs.ConsentDrive{Drive: Ref(d.Name, d.Identity), Level: certs.LevelNone}
		if d.Refusal == nil && len(d.Ladder) > 0 {
			first := d.Ladder[0]
			agreed.Technique, agreed.Then, agreed.Level = string(first.Technique), string(first.Then), Level(first.Level)
		}
		c.Drives = append(c.Drives, agreed)
	}
	c.Leftovers = Leftovers(p.Removals)
	return c
}

// Started says what is about to be done to a drive.
func Started(d wipe.DrivePlan, s wipe.Step, digest string, resumed bool) *certs.Started {
	return &certs.Started{Drive: Ref(d.Name, d.Identity), Technique: string(s.Technique), Then: string(s.Then), Level: Level(s.Level),
		PlanDigest: digest, Resumed: resumed}
}

// RefusedDrive of a drive that the plan refuses.
func RefusedDrive(d wipe.DrivePlan) *certs.Refused {
	r := wipe.Refusal{Code: "no-way", Reason: fmt.Sprintf("drive %s (%s, serial %s) offers no technique", d.Name, d.Identity.Model, d.Identity.Serial),
		Do: "take the drive out and have it destroyed"}
	if d.Refusal != nil {
		r = *d.Refusal
	}
	return &certs.Refused{Drive: Ref(d.Name, d.Identity), Code: r.Code, Reason: r.Reason, Do: r.Do}
}

// RefusedMachine of a refusal that names no drive.
func RefusedMachine(r wipe.Refusal) *certs.Refused {
	return &certs.Refused{Code: r.Code, Reason: r.Reason, Do: r.Do}
}

// Answered is a question of the bench and a person's answer to it, and what an
// exercise showed; empty: there was none. An answer that says nothing about the
// machine leaves it not tested.
func Answered(q policy.Question, answer, who, showed string) *certs.Tested {
	t := &certs.Tested{Question: q.ID, Ask: q.Ask, Answer: answer, Who: who, Kind: certs.TestOperator, Result: certs.TestNotTested, Evidence: showed}
	switch q.Means(answer) {
	case policy.MeansPass:
		t.Result = certs.TestPass
	case policy.MeansFail:
		t.Result = certs.TestFail
	case policy.MeansAbsent:
		t.Result = certs.TestNotPresent
	}
	return t
}

// Measured is a test that the machine does by itself, or that nobody did.
func Measured(id, ask string, o function.Outcome) *certs.Tested {
	return &certs.Tested{Question: id, Ask: ask, Kind: certs.TestAutomatic, Result: o.Result.String(), Evidence: o.Evidence}
}

// Graded on a route, and what is meant to become of the machine on it.
func Graded(d grade.Decision, next certs.Disposition) *certs.Graded {
	g := &certs.Graded{Policy: certs.Policy{ID: d.Policy.ID, Version: d.Policy.Version, SHA256: d.Policy.SHA256},
		Route: string(d.Route), Role: d.Role, Function: d.Function, Condition: d.Condition, Rule: d.Rule, Why: d.Why,
		Better: d.Better, Hold: slices.Clone(d.Hold), LevelNeeded: d.LevelNeeded, Disposition: next}
	for _, in := range d.Inputs {
		g.Inputs = append(g.Inputs, certs.Input{Name: in.Name, Value: in.Value, Known: in.Known})
	}
	return g
}

// stamp leaves out a moment that was never set.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return certs.Stamp(t)
}

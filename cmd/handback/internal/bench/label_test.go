package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/wipe"
)

const (
	labelPSID  = "ABCDEFGHJKLMNPQRSTUVWXYZ01234567"
	modelSED   = modelNVMe + "[opal]\nmsid = 'M'\npsid = '" + labelPSID + "'\nsid = 'of its owner'\nactivated = true\nlocked = true\nlock_enabled = true\nsid_blocked = true\n"
	otherModel = `
[nvme]
serial = "NVME2"
model = "Another model"
firmware = "1"
[nvme.sanitize]
block = true
block_time = "100ms"
[[nvme.namespaces]]
id = 1
bytes = 4194304
attached = true
`
)

func row(t *testing.T, v wire.View, serial string) wire.PlanRow {
	t.Helper()
	i := slices.IndexFunc(v.Plan.Rows, func(r wire.PlanRow) bool { return r.Serial == serial })
	if i < 0 {
		t.Fatalf("no drive %s: %+v", serial, v.Plan.Rows)
	}
	return v.Plan.Rows[i]
}

// toCheck takes the machine in.
func (m *modelBed) toCheck(e *Engine) wire.View {
	m.t.Helper()
	toStage(m.t, e, wire.StageIntake)
	must(m.t, e, wire.Intent{Kind: wire.IntentIntake, Form: form("DEF-1")})
	return toStage(m.t, e, wire.StageCheck)
}

// A drive that its owner locked waits for the PSID on its label; with it the drive is
// opened and purged, and the records say how, but not by which PSID.
func TestPSIDFromTheLabel(t *testing.T) {
	m := newModelBed(t, fmt.Sprintf(modelSED, "100ms"))
	e, _, _ := m.start()
	v := m.toCheck(e)
	if r := row(t, v, "NVME1"); r.PSID != wire.PSIDWanted || !strings.Contains(r.Refused, "press P") || v.Plan.Ready {
		t.Fatalf("%+v", r)
	}
	refused(t, e, wire.Intent{Kind: wire.IntentPSID, Drive: "A", Text: labelPSID[:31]}, "31 characters")
	refused(t, e, wire.Intent{Kind: wire.IntentPSID, Drive: "Z", Text: labelPSID}, "no drive")
	must(t, e, wire.Intent{Kind: wire.IntentPSID, Drive: "a", Text: "PSID: " + labelPSID})
	v = e.View()
	if r := row(t, v, "NVME1"); r.PSID != wire.PSIDGiven || r.Refused != "" || !strings.Contains(r.How, "PSID") || !v.Plan.Ready {
		t.Fatalf("%+v", r)
	}
	must(t, e, wire.Intent{Kind: wire.IntentToAgree})
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: e.View().Plan.Digest})
	rs, s := m.result(e)
	if s.Verdict != certs.Sanitised || s.Level != certs.LevelPurge || m.left(0) != 0 {
		t.Errorf("%s, %s, %d traces left: %+v", s.Verdict, s.Level, m.left(0), s.Media[0].Finished)
	}
	if f := s.Media[0].Finished; f == nil || f.Technique != "opal-psid-revert" || f.Then != "nvme-sanitize-block" {
		t.Errorf("%+v", f)
	}
	if strings.Contains(fmt.Sprintf("%+v %v", rs, e.View().Log), labelPSID) {
		t.Error("the PSID is in the records or on the screen")
	}
}

// A PSID that was misread costs one try, changes nothing, and says what to do.
func TestPSIDMisread(t *testing.T) {
	m := newModelBed(t, fmt.Sprintf(modelSED, "100ms"))
	e, _, _ := m.start()
	m.toCheck(e)
	must(t, e, wire.Intent{Kind: wire.IntentPSID, Drive: "A", Text: strings.Replace(labelPSID, "0", "O", 1)})
	must(t, e, wire.Intent{Kind: wire.IntentToAgree})
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: e.View().Plan.Digest})
	_, s := m.result(e)
	if s.Verdict == certs.Sanitised || m.left(0) != m.whole() {
		t.Errorf("%s, %d traces left", s.Verdict, m.left(0))
	}
	if f := s.Media[0].Finished; f == nil || !strings.Contains(f.What, "read its label again") {
		t.Errorf("%+v", s.Media[0])
	}
}

// whole is how many markers a model of these tests holds at first.
func (m *modelBed) whole() int { return int(m.models[0].Model.Media()[0].Size()) / 32 }

// A drive that nothing opens is taken out: the machine goes on without it, and the
// records hold its serial, its seal and the reference of whoever destroys it.
func TestDriveTakenOut(t *testing.T) {
	m := newModelBed(t, fmt.Sprintf(modelSED, "100ms"), otherModel)
	e, _, _ := m.start()
	m.toCheck(e)
	take := func(serial, seal, ref string) wire.Intent {
		return wire.Intent{Kind: wire.IntentRemoved, Removal: &wire.Removal{Serial: serial, Seal: seal, Reference: ref}}
	}
	refused(t, e, take("NVME1", "SEAL-7", "CRATE-9"), "still in the machine (Model NVMe")
	refused(t, e, take("", "SEAL-7", "CRATE-9"), "serial number")
	refused(t, e, take("NVME1", " ", "CRATE-9"), "seal")
	refused(t, e, take("NVME1", "SEAL-7", ""), "destruction reference")
	m.host.Detach(m.paths[0])
	m.paths = m.paths[1:]
	must(t, e, take(" nvme1 ", "SEAL-7", "CRATE-9"))
	refused(t, e, take("NVME1", "SEAL-8", "CRATE-9"), "already")
	if v := e.View(); len(v.Plan.Rows) != 1 || v.Facts[0] != (wire.Fact{Name: "Taken out", Mark: wire.MarkWarn, Value: "drive with serial NVME1, seal SEAL-7, to be destroyed: CRATE-9"}) {
		t.Fatalf("%+v %+v", v.Plan.Rows, v.Facts[0])
	}
	must(t, e, wire.Intent{Kind: wire.IntentToAgree})
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: e.View().Plan.Digest})
	rs, s := m.result(e)
	if s.Verdict != certs.Sanitised || len(s.Media) != 1 || m.left(1) != 0 {
		t.Errorf("%s, %d media, %d traces left", s.Verdict, len(s.Media), m.left(1))
	}
	if len(s.Removed) != 1 {
		t.Fatalf("%v", kinds(rs))
	}
	if r := s.Removed[0]; r.Drive.Serial != "NVME1" || r.Drive.Model != "Model NVMe" || r.Seal != "SEAL-7" || r.Reference != "CRATE-9" || r.By != "op17" {
		t.Errorf("%+v", r)
	}
}

// A machine whose only drive was taken out before it was started has no media, and
// the record says where its drive is.
func TestDriveTakenOutBefore(t *testing.T) {
	m := newModelBed(t)
	e, _, _ := m.start()
	m.toCheck(e)
	must(t, e, wire.Intent{Kind: wire.IntentRemoved, Removal: &wire.Removal{Serial: "X-99", Seal: "SEAL-7", Reference: "CRATE-9"}})
	must(t, e, wire.Intent{Kind: wire.IntentToAgree})
	must(t, e, wire.Intent{Kind: wire.IntentFinish})
	v := toStage(t, e, wire.StageResult)
	s := certs.Summarise(m.records(v.Visit))
	if s.Verdict != certs.NoMedia || len(s.Removed) != 1 || s.Removed[0].Drive.Serial != "X-99" {
		t.Errorf("%s %+v", s.Verdict, s.Removed)
	}
}

// A drive that was there at an earlier look and is gone may still be in the machine:
// no certificate calls the machine erased until somebody says that it was taken out.
func TestDriveVanished(t *testing.T) {
	m := newModelBed(t, fmt.Sprintf(modelNVMe, "100ms"), otherModel)
	e, _, _ := m.start()
	m.toCheck(e)
	m.host.Detach(m.paths[0])
	m.paths = m.paths[1:]
	must(t, e, wire.Intent{Kind: wire.IntentRescan})
	gone := func() bool {
		return slices.ContainsFunc(e.plan.Refusals, func(r wipe.Refusal) bool {
			return r.Code == "vanished" && strings.Contains(r.Reason, "serial NVME1") && strings.Contains(r.Do, "press X")
		})
	}
	if !gone() {
		t.Fatalf("%+v", e.plan.Refusals)
	}
	must(t, e, wire.Intent{Kind: wire.IntentToAgree})
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: e.View().Plan.Digest})
	if _, s := m.result(e); s.Verdict == certs.Sanitised || m.left(1) != 0 || e.code != 3 {
		t.Errorf("%s, code %d, %d traces left on the other drive", s.Verdict, e.code, m.left(1))
	}
}

// The same drive, said to be taken out, stands in nobody's way.
func TestDriveVanishedThenRemoved(t *testing.T) {
	m := newModelBed(t, fmt.Sprintf(modelNVMe, "100ms"), otherModel)
	e, _, _ := m.start()
	m.toCheck(e)
	m.host.Detach(m.paths[0])
	m.paths = m.paths[1:]
	must(t, e, wire.Intent{Kind: wire.IntentRescan})
	must(t, e, wire.Intent{Kind: wire.IntentRemoved, Removal: &wire.Removal{Serial: "NVME1", Seal: "SEAL-7", Reference: "CRATE-9"}})
	if len(e.plan.Refusals) != 0 {
		t.Errorf("%+v", e.plan.Refusals)
	}
}

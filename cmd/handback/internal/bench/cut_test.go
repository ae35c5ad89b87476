package bench

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/verify"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/survey"
)

// modelBed is a machine whose drives are models, with a folder for a stick.
type modelBed struct {
	*bed
	host   *inproc.Host
	models []*profile.Drive
	paths  []string
}

func newModelBed(t *testing.T, profiles ...string) *modelBed {
	t.Helper()
	m := &modelBed{bed: newBed(t), host: inproc.NewHost(nil)}
	m.set.Wipe.Level = "purge"
	for i, text := range profiles {
		d, err := profile.Parse("drive.toml", "name = \"a drive\"\nsource = \"made up\"\n"+text, profile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		paths, err := d.Attach(m.host, fmt.Sprintf("/dev/d%d", i+1))
		if err != nil {
			t.Fatal(err)
		}
		for _, medium := range d.Model.Media() {
			if err := medium.Fill(0, medium.Size(), sim.Repeat([]byte(marker+"........"))); err != nil {
				t.Fatal(err)
			}
		}
		sim.SwitchOn(d.Model)
		m.models, m.paths = append(m.models, d), append(m.paths, paths...)
	}
	return m
}

// left counts the markers on a model's first medium.
func (m *modelBed) left(i int) int {
	m.t.Helper()
	medium := m.models[i].Model.Media()[0]
	b := make([]byte, medium.Size())
	if _, err := medium.ReadAt(b, 0); err != nil {
		m.t.Fatal(err)
	}
	return bytes.Count(b, []byte(marker))
}

func (m *modelBed) start() (*Engine, chan End, context.CancelFunc) {
	return m.startWith(nil)
}

// startWith is start with drives that are tested through this.
func (m *modelBed) startWith(tester drive.Tester) (*Engine, chan End, context.CancelFunc) {
	w := m.world()
	w.Opener, w.Paths, w.Tester = m.host, m.host.Paths, tester
	w.Survey = func(ctx context.Context, silent func(inspect.Drive)) (*inspect.Report, error) {
		r, err := m.survey(ctx, silent)
		if err == nil {
			r.Drives = survey.Ask(ctx, m.host, m.paths...)
		}
		return r, err
	}
	ctx, cancel := context.WithCancel(m.t.Context())
	e := New(w)
	end := make(chan End, 1)
	go func() { end <- e.Run(ctx) }()
	m.t.Cleanup(cancel)
	return e, end, cancel
}

// powerCut takes the power away from the machine and all in it: what the dying engine
// does after that reaches neither drive nor stick.
func (m *modelBed) powerCut(cut context.CancelFunc) {
	for _, d := range m.models {
		d.Model.Plug(false)
	}
	m.store.gone.Store(true)
	cut()
	time.Sleep(500 * time.Millisecond)
	m.store.gone.Store(false)
	// Of the machine as it was nothing is left that could reach a drive.
	for _, p := range m.paths {
		m.host.Detach(p)
	}
	m.host = inproc.NewHost(nil)
	for i, d := range m.models {
		if _, err := d.Attach(m.host, fmt.Sprintf("/dev/d%d", i+1)); err != nil {
			m.t.Fatal(err)
		}
		d.Model.Plug(true)
		sim.SwitchOn(d.Model)
	}
}

func (m *modelBed) agree(e *Engine) {
	m.t.Helper()
	until(m.t, "a step that needs a person", func() bool { s := e.View().Stage; return s == wire.StageIntake || s == wire.StageCheck })
	if e.View().Stage == wire.StageIntake {
		must(m.t, e, wire.Intent{Kind: wire.IntentIntake, Form: form("DEF-1")})
	}
	toStage(m.t, e, wire.StageCheck)
	must(m.t, e, wire.Intent{Kind: wire.IntentToAgree})
	v := toStage(m.t, e, wire.StageAgree)
	must(m.t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
}

func (m *modelBed) result(e *Engine) ([]certs.Record, certs.Summary) {
	m.t.Helper()
	toStage(m.t, e, wire.StageGrade)
	must(m.t, e, wire.Intent{Kind: wire.IntentFinish})
	v := toStage(m.t, e, wire.StageResult)
	rs := m.records(v.Visit)
	for name, r := range m.genuine(v.Result.Papers) {
		if r.Verdict != verify.Genuine {
			m.t.Errorf("%s: %s", name, r.Sentence)
		}
	}
	return rs, certs.Summarise(rs)
}

// commands of one opcode that a model was sent.
func (m *modelBed) commands(i int, is func(frame []byte) bool) (n int) {
	for _, e := range m.models[i].Model.Trace() {
		if is(e.Frame) {
			n++
		}
	}
	return n
}

func nvmeSanitize(frame []byte) bool { return len(frame) == 64 && frame[0] == 0x84 }

const (
	modelNVMe = `
[nvme]
serial = "NVME1"
model = "Model NVMe"
firmware = "1"
[nvme.sanitize]
block = true
block_time = "%s"
[[nvme.namespaces]]
id = 1
bytes = 4194304
attached = true
eui64 = "0102030405060708"
`
	modelATA = `
[ata]
serial = "SATA1"
model = "Model SATA"
firmware = "1"
native_sectors = 8192
rotation = 1
%s
[ata.security]
supported = true
erase_time = "%s"
[sat]
descriptor_sense = true
`
)

// The stick is taken out between STARTED and the erasing command: nothing is sent until
// it is back, the screen says what it waits for, and then the erasure goes on.
func TestErasureWaitsForTheStick(t *testing.T) {
	m := newModelBed(t, fmt.Sprintf(modelNVMe, "300ms"))
	var pulled atomic.Bool
	m.store.refuse.Store(func(f stick.File) error {
		if strings.HasPrefix(f.Name, settings.JournalDir) && bytes.Contains(f.Data, []byte(`"issue"`)) && !pulled.Swap(true) {
			m.store.gone.Store(true)
			return stick.ErrGone
		}
		return nil
	})
	e, end, _ := m.start()
	m.agree(e)
	until(t, "the notice", func() bool { n := e.View().Notice; return n != nil && strings.Contains(n.What, "waits for it") })
	time.Sleep(time.Second)
	if n := m.commands(0, nvmeSanitize); n != 0 || e.View().Stage != wire.StageErase {
		t.Fatalf("%d sanitize commands were sent without a record", n)
	}
	m.store.gone.Store(false)
	_, s := m.result(e)
	if s.Verdict != certs.Sanitised || s.Level != certs.LevelPurge || m.left(0) != 0 || m.commands(0, nvmeSanitize) != 1 {
		t.Errorf("%s, %s, %d traces left", s.Verdict, s.Level, m.left(0))
	}
	must(t, e, wire.Intent{Kind: wire.IntentNext})
	if <-end; e.code != 0 {
		t.Errorf("code %d", e.code)
	}
}

// Whoever stops while an erasure waits for the stick has a drive that was begun and is
// not erased, and the record says so.
func TestStopWhileTheStickIsGone(t *testing.T) {
	m := newModelBed(t, fmt.Sprintf(modelNVMe, "300ms"))
	m.store.refuse.Store(func(f stick.File) error {
		if strings.HasPrefix(f.Name, settings.JournalDir) && bytes.Contains(f.Data, []byte(`"issue"`)) {
			m.store.gone.Store(true)
			return stick.ErrGone
		}
		return nil
	})
	e, _, _ := m.start()
	m.agree(e)
	until(t, "the notice", func() bool { n := e.View().Notice; return n != nil && strings.Contains(n.What, "waits for it") })
	must(t, e, wire.Intent{Kind: wire.IntentStop})
	toStage(t, e, wire.StageGrade)
	m.whole()
	m.store.gone.Store(false)
	_, s := m.result(e)
	if s.Interrupted != 1 || s.Media[0].Finished.Code != "no-journal" || m.commands(0, nvmeSanitize) != 0 {
		t.Errorf("%+v", s.Media)
	}
}

// A sanitize goes on without the machine. The next start finds it at it, waits for its
// end, and sends none of its own.
func TestSanitizeAdoptedAfterAPowerCut(t *testing.T) {
	m := newModelBed(t, fmt.Sprintf(modelNVMe, "4s"))
	e, _, cut := m.start()
	m.agree(e)
	until(t, "the sanitize", func() bool { return m.commands(0, nvmeSanitize) == 1 })
	time.Sleep(500 * time.Millisecond)
	m.powerCut(cut)
	if m.left(0) == 0 {
		t.Fatal("the drive was erased before the cut")
	}
	e, _, _ = m.start()
	m.agree(e)
	rs, s := m.result(e)
	var ends []certs.Verdict
	var resumed, what string
	for _, r := range rs {
		if r.Finished != nil {
			ends, resumed, what = append(ends, r.Finished.Verdict), r.Finished.Resumed, r.Finished.What
		}
	}
	if s.Verdict != certs.Sanitised || s.Level != certs.LevelPurge || m.left(0) != 0 || m.commands(0, nvmeSanitize) != 1 {
		t.Errorf("%s, %s, %d traces left, %d commands", s.Verdict, s.Level, m.left(0), m.commands(0, nvmeSanitize))
	}
	if len(ends) != 2 || ends[0] != certs.Interrupted || ends[1] != certs.Sanitised || resumed == "" {
		t.Errorf("the records: %v, resumed %q: %s", ends, resumed, what)
	}
	if names, err := m.store.List(t.Context(), settings.JournalDir); err != nil || len(names) != 0 {
		t.Errorf("left in the journal: %v, %v", names, err)
	}
}

// A drive that a power cut left locked with our password is opened and erased by the
// next start.
func TestLockedDriveAfterAPowerCut(t *testing.T) {
	m := newModelBed(t, fmt.Sprintf(modelATA, "", "4s"))
	m.set.Wipe.Level, m.set.Wipe.Technique = "clear", "ata-security-erase"
	e, _, cut := m.start()
	m.agree(e)
	erase := func(frame []byte) bool { return ataCommand(frame) == 0xf4 }
	until(t, "the erase", func() bool { return bytes.Contains(traceText(m, 0), []byte("f3")) })
	time.Sleep(300 * time.Millisecond)
	m.powerCut(cut)
	e, _, _ = m.start()
	m.agree(e)
	_, s := m.result(e)
	if s.Verdict != certs.Sanitised || m.left(0) != 0 || m.commands(0, erase) == 0 {
		t.Errorf("%+v, %d traces left", s.Media, m.left(0))
	}
	sim.SwitchOn(m.models[0].Model)
	r := survey.Ask(t.Context(), m.host, m.paths...)
	if w := r[0].ATA.Security; !w.Known || w.Value&0x6 != 0 {
		t.Errorf("security is %04x after it all", w.Value)
	}
}

// ataCommand of a task file as the model's trace has it.
func ataCommand(frame []byte) byte {
	if len(frame) != 14 {
		return 0
	}
	return frame[12]
}

func traceText(m *modelBed, i int) []byte {
	var out []byte
	for _, e := range m.models[i].Model.Trace() {
		out = fmt.Appendf(out, "%02x\n", ataCommand(e.Frame))
	}
	return out
}

// A drive that gives back its hidden capacity only after a power cycle leaves the
// visit open: nothing is certified, and the next start goes on with it.
func TestNeedsPowerCycle(t *testing.T) {
	m := newModelBed(t, fmt.Sprintf(modelATA, "hpa = 2048", "100ms")+`
[[fault]]
opcode = 0x37
times = 1
abort = true
`)
	m.set.Wipe.Level = "clear"
	e, end, _ := m.start()
	m.agree(e)
	v := toStage(t, e, wire.StageStopped)
	if v.Notice == nil || !strings.Contains(v.Notice.Do, "switch it on") {
		t.Fatalf("the notice is %+v", v.Notice)
	}
	if n := m.left(0); n != 8192*512/32 {
		t.Errorf("%d markers left: something was erased", n)
	}
	must(t, e, wire.Intent{Kind: wire.IntentPowerOff})
	if <-end; e.code == 0 {
		t.Error("code 0")
	}
	rs := m.records("S01-000001")
	if k := rs[len(rs)-1].Kind; k == certs.KindCertified || k == certs.KindTPM {
		t.Errorf("the visit went on to %s", k)
	}
	sim.SwitchOn(m.models[0].Model)
	e, _, _ = m.start()
	m.agree(e)
	_, s := m.result(e)
	if s.Verdict != certs.Sanitised || m.left(0) != 0 || s.Media[0].Finished.Restored == "" || s.Media[0].Finished.After.SizeBytes != 8192*512 {
		t.Errorf("%+v, %d traces left", s.Media[0].Finished, m.left(0))
	}
}

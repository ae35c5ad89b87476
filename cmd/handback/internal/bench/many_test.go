package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	simata "handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/inspect/survey"
	"handback.example/wipe/plan"
)

// shelf is an engine that stands before a machine with so many drives of models.
func shelf(t *testing.T, b *bed, n int) *Engine {
	t.Helper()
	clock := sim.NewManual()
	host := inproc.NewHost(clock)
	var paths []string
	for i := range n {
		m, err := simata.New(simata.Config{Serial: fmt.Sprintf("SHELF-%02d", i), Model: "Model disk", Firmware: "1", Clock: clock, NativeSectors: 4096, Rotation: 7200})
		if err != nil {
			t.Fatal(err)
		}
		path := fmt.Sprintf("/dev/model%d", i)
		if err := host.AttachSCSI(path, drive.BusSATA, sat.New(m, sat.Config{DescriptorSense: true})); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	w := b.world()
	s, err := w.Station(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e := New(w)
	e.station, e.stage = s, wire.StageCheck
	e.report = &inspect.Report{Schema: inspect.Schema, Unhandled: []inspect.Finding{}, Drives: survey.Ask(t.Context(), host, paths...)}
	e.replan()
	return e
}

// From no drive to 64: every drive is on the page with a letter and a serial of its own,
// in the plan and in the record, and the page is one that a screen takes.
func TestManyDrives(t *testing.T) {
	b := newBed(t)
	for _, n := range []int{0, 1, 64} {
		e := shelf(t, b, n)
		v := e.View()
		letters, serials := map[string]bool{}, map[string]bool{}
		for _, r := range v.Plan.Rows {
			letters[r.Name], serials[r.Serial] = true, true
			if r.Refused != "" || r.How == "" {
				t.Errorf("%d drives: %+v", n, r)
			}
		}
		if len(v.Plan.Rows) != n || len(letters) != n || len(serials) != n || v.Plan.Ready != (n > 0) {
			t.Errorf("%d drives: the page has %d rows with %d letters and %d serials; ready: %t", n, len(v.Plan.Rows), len(letters), len(serials), v.Plan.Ready)
		}
		if b, err := json.Marshal(v); err != nil || len(b) > 1<<20 {
			t.Errorf("%d drives: the page has %d bytes, %v", n, len(b), err)
		}
		f := evidence.Facts(e.report, e.plan, certs.Tool{Name: "Handback"})
		if len(f.Drives) != n || plan.Digest(e.plan) != e.digest {
			t.Errorf("%d drives: %d in the record", n, len(f.Drives))
		}
		for _, d := range f.Drives {
			if !letters[d.Name] || !serials[d.Serial] {
				t.Errorf("the record's drive %s, serial %s, is none of the page", d.Name, d.Serial)
			}
		}
	}
}

// A drive that is waited for is on the screen meanwhile, and no longer: what stood there
// before comes back, and a word that comes too late changes nothing.
func TestSilentDrive(t *testing.T) {
	b := newBed(t)
	w := b.world()
	var late func(inspect.Drive)
	silent := inspect.Drive{Path: "/dev/nvme0n1", Identity: drive.Identity{Size: 512e9}, Where: "NVMe slot at PCI 0000:03:00.0"}
	during := make(chan *wire.Notice, 1)
	var e *Engine
	w.Survey = func(_ context.Context, say func(inspect.Drive)) (*inspect.Report, error) {
		late = say
		say(inspect.Drive{Path: "/dev/sda"})
		say(silent)
		during <- e.View().Notice
		return &inspect.Report{}, nil
	}
	e = New(w)
	before := &wire.Notice{Mark: wire.MarkBusy, What: "The machine has woken."}
	e.notice = before
	if _, err := e.takeReport(t.Context()); err != nil {
		t.Fatal(err)
	}
	const want = "A drive does not answer yet: /dev/nvme0n1, 512 GB, on NVMe slot at PCI 0000:03:00.0."
	if n := <-during; n == nil || n.What != want || n.Mark != wire.MarkBusy || n.Do == "" {
		t.Errorf("while it is waited for: %+v", n)
	}
	if late(silent); e.View().Notice == nil || e.View().Notice.What != before.What {
		t.Errorf("afterwards: %+v", e.View().Notice)
	}
}

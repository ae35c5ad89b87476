package platform_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/drive/sim/vhost"
	"handback.example/inspect/survey"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/journal"
	"handback.example/wipe/plan"
)

// noted is a journal that keeps nothing: the test looks at the drive itself.
type noted struct{}

func (noted) Started(context.Context, journal.Entry) error             { return nil }
func (noted) Mark(context.Context, drive.Identity, journal.Mark) error { return nil }

// A drive that the firmware froze is freed by one sleep, behind a real kernel in a
// machine that really sleeps: its power goes meanwhile, as a laptop's board would cut
// it. Before, it refuses to be erased; after it, it erases itself, and nothing is left.
func TestFrozenInGuest(t *testing.T) {
	const file = "../../testdata/drives/sata-ssd-frozen.toml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// Smaller and quicker than life: its blocks go through an emulated processor.
	small := strings.NewReplacer("native_sectors = 468862128", "native_sectors = 65536", `block_time = "90s"`, `block_time = "3s"`).Replace(string(text))
	p, err := profile.Parse(file, small, profile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	power, is := p.Model.(interface{ PowerCycle() })
	if !is {
		t.Fatalf("%T has no power", p.Model)
	}
	name := filepath.Join(t.TempDir(), "door")
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	s := &vhost.Server{Targets: []sim.SCSI{p.SCSI}, Log: func(line string) { t.Error(line) }}
	go func() { done <- s.Serve(ctx, l) }()
	g := guest.Boot(t, guest.Config{CanSuspend: true, OnSleep: power.PowerCycle, Drives: []vmtest.Drive{{Bus: vmtest.BusVhost, Target: name}}})
	d := g.WaitDrive("PHYF00FROZEN240A")

	before := asked(t, g, d.Path)
	if before.ATA.Security.Value&ata.SecurityFrozen == 0 || before.ATA.SanitizeState.Value != inspect.SanitizeFrozen {
		t.Fatalf("it is not frozen: %+v", before.ATA)
	}
	dp := planned(before)
	if dp.Refusal == nil || dp.Refusal.Code != plan.CodeFrozen {
		t.Fatalf("%+v", dp)
	}
	sleepCtx, awake := context.WithTimeout(t.Context(), 2*time.Minute)
	defer awake()
	if err := g.Suspend(sleepCtx, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if log := strings.Join(g.VM().Lines(), "\n"); strings.Count(log, "Linux version") != 1 {
		t.Errorf("the guest started anew:\n%s", g.VM().LogTail(20))
	}
	after := asked(t, g, d.Path)
	if after.ATA.Security.Value&ata.SecurityFrozen != 0 || after.ATA.SanitizeState.Value != inspect.SanitizeIdle {
		t.Fatalf("it is still frozen: %+v", after.ATA)
	}
	f := job.Start(t.Context(), wipe.Plan{Drives: []wipe.DrivePlan{planned(after)}}, job.Options{Opener: g.Opener(), Journal: noted{}})
	<-f.Done()
	o := f.Outcomes()[0]
	if o.Verdict != wipe.Sanitised || o.Level != wipe.LevelPurge || o.Technique != wipe.ATASanitizeBlock || o.Evidence != wipe.EvidenceCanaries {
		t.Errorf("%s %d by %s, %s: %s", o.Verdict, o.Level, o.Technique, o.Evidence, o.What)
	}
	m := p.Model.Media()[0]
	block := make([]byte, 512)
	for off := int64(0); off < m.Size(); off += 512 {
		if _, err := m.ReadAt(block, off); err != nil || !bytes.Equal(block, make([]byte, 512)) {
			t.Errorf("something stands at %d, %v", off, err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("the door ended with %v", err)
	}
}

// asked is what the drive says of itself.
func asked(t *testing.T, g *guest.Test, path string) inspect.Drive {
	t.Helper()
	d := survey.Ask(t.Context(), g.Opener(), path)[0]
	if d.ATA == nil || !d.ATA.Security.Known || !d.ATA.SanitizeState.Known {
		t.Fatalf("%+v", d)
	}
	return d
}

// planned for a drive that is to leave the house.
func planned(d inspect.Drive) wipe.DrivePlan {
	return plan.Make(&inspect.Report{Drives: []inspect.Drive{d}}, plan.Policy{Want: wipe.LevelPurge}).Drives[0]
}

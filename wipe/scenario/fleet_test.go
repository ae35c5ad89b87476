package scenario

import (
	"context"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest"
	"handback.example/inspect"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/survey"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/plan"
)

// A fleet of drives of which all but the last three are sound.
const (
	sound     = 21
	fleetSize = 8 << 20
)

// trouble of the others, in their order.
var trouble = []struct{ name, fault string }{
	{"hangs", one1("writes = true\nnth = 5", "hang = true")},
	// 64 KiB at a time, one after the other: 30 kB/s.
	{"30 kB/s", one1("writes = true", "delay = \"2180ms\"")},
	{"unplugged", one1("writes = true\nnth = 5", "unplug = true")},
}

// bay is one drive of the fleet.
type bay struct {
	serial string
	model  *profile.Drive
	path   string
}

// TestFleet erases 24 drives at once, all on one adapter of one machine: that one of
// them hangs, one is all but standing still and one is pulled out slows no other.
func TestFleet(t *testing.T) {
	bays := make([]*bay, sound+len(trouble))
	var targets []sim.SCSI
	for i := range bays {
		bays[i] = newBay(t, i)
		targets = append(targets, bays[i].model.SCSI)
	}
	g := guest.Boot(t, guest.Config{MemoryMiB: 768, Drives: []vmtest.Drive{serveVhost(t, targets...)}})
	for _, b := range bays {
		b.path = g.WaitDrive(b.serial).Path
	}
	slow := path.Join("/sys/block", path.Base(bays[sound+1].path))
	for file, value := range map[string]string{"device/queue_depth": "1", "queue/max_sectors_kb": "64"} {
		if err := g.WriteFile(t.Context(), path.Join(slow, file), []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	alone, outcomes := eraseFleet(t, g, bays[:sound])
	allSound(t, bays, outcomes)
	for _, b := range bays[:sound] {
		plant(t, b.model.Model.Media()[0])
	}
	together, outcomes := eraseFleet(t, g, bays)
	allSound(t, bays, outcomes)
	for i, o := range outcomes[sound:] {
		t.Logf("%s: %s after %s: %s", trouble[i].name, o.Verdict, o.Elapsed.Round(time.Second), o.What)
		if o.Verdict != wipe.Failed && o.Verdict != wipe.Interrupted && o.Verdict != wipe.Unverified || o.Do == "" {
			t.Errorf("the drive that is %s is called %s", trouble[i].name, o.Verdict)
		}
	}
	vmtest.Figure(t, "%d sound drives of %d MB were erased in %.1f s alone, in %.1f s beside one that hangs, one at 30 kB/s and one that was unplugged",
		sound, fleetSize>>20, alone.Seconds(), together.Seconds())
	// Machines that run tests are noisy: what is held here is that nobody waits for the
	// drives in trouble, which end a minute later.
	if together > 2*alone+10*time.Second {
		t.Errorf("the sound drives took %s, and %s alone", together, alone)
	}
}

func newBay(t *testing.T, i int) *bay {
	t.Helper()
	b := &bay{serial: fmt.Sprintf("FLEET%02d", i)}
	text := strings.Replace(media[0].text, "native_sectors = 8192", fmt.Sprintf("native_sectors = %d", fleetSize/512), 1)
	if i >= sound {
		text += trouble[i-sound].fault
	}
	var err error
	if b.model, err = profile.Parse(b.serial, text, profile.Options{Serial: b.serial}); err != nil {
		t.Fatal(err)
	}
	plant(t, b.model.Model.Media()[0])
	return b
}

// eraseFleet gives how long the sound drives took, from the first to the last of them.
func eraseFleet(t *testing.T, g *guest.Test, bays []*bay) (time.Duration, []wipe.Outcome) {
	t.Helper()
	var paths []string
	for _, b := range bays {
		paths = append(paths, b.path)
	}
	r := &inspect.Report{Drives: survey.Ask(t.Context(), g.Opener(), paths...), Unhandled: []inspect.Finding{}}
	p := plan.Make(r, plan.Policy{Want: wipe.LevelClear, Technique: wipe.OverwriteZero})
	fleet := job.Start(context.Background(), p, job.Options{Opener: g.Opener(), Journal: &diary{}, StallAfter: 10 * time.Second, GiveUpAfter: time.Minute,
		Accepted: func(wipe.DrivePlan) bool { return true }})
	select {
	case <-fleet.Done():
	case <-time.After(8 * time.Minute):
		t.Fatalf("the job does not end: %+v", fleet.Status())
	}
	outcomes := fleet.Outcomes()
	last := time.Duration(0)
	for i, o := range outcomes {
		if o.Drive.Identity.Serial != bays[i].serial {
			t.Fatalf("drive %d is %s", i, plan.Name(o.Drive.Identity))
		}
		if i < sound {
			last = max(last, o.Elapsed)
		}
	}
	return last, outcomes
}

func allSound(t *testing.T, bays []*bay, outcomes []wipe.Outcome) {
	t.Helper()
	for i, o := range outcomes[:sound] {
		if n := left(t, bays[i].model); o.Verdict != wipe.Sanitised || n > 0 {
			t.Errorf("%s: %s, %d bytes are left: %s", bays[i].serial, o.Verdict, n, o.What)
		}
	}
}

package main

import (
	"path/filepath"
	"testing"
	"time"

	"handback.example/cmd/internal/settings"
	"handback.example/image/vmtest"
	"handback.example/inspect/drive/sim"
)

// silentDrive answers its first IDENTIFY DEVICE only after the time of the models has
// gone on for so long.
const silentDrive = `
[ata]
serial = "SILENT-0001"
model = "Example disk that is slow to wake"
firmware = "1"
native_sectors = 65536
rotation = 5400
[sat]
descriptor_sense = true
[[fault]]
opcode = 0xec
times = 1
delay = "8s"
`

// A drive that does not answer holds nobody up: it is named, the intake is filled in
// meanwhile, and the visit goes on when it has answered.
func TestApplianceSilentDrive(t *testing.T) {
	t.Parallel()
	long(t)
	l := newLaptop(t, func(s *settings.Settings) { s.Unattended, s.Intake.Tag = false, "" })
	b := &modelBench{l: l, clock: sim.NewManual()}
	disk := b.model(silentDrive)
	line := l.newLine()
	vm := l.start(vmtest.Config{TPM: filepath.Join(l.dir, "tpm"), Screen: line, OnEvent: line.heard, Drives: []vmtest.Drive{b.vhost(disk)}})
	line.connect(vm)
	a := attended{laptop: l, vm: vm, display: l.newDisplay(vm), line: line}

	a.await(vm, "drive-silent")
	a.await(vm, "stage", "name=intake")
	a.both("A drive does not answer yet", "Fill in the intake meanwhile")
	a.display.shot("silent-intake")
	a.types("DEMO-0001\n")
	a.await(vm, "stage", "name=starting")
	a.both("The intake is kept. Wait.")
	a.display.shot("silent-kept")
	if e, ok := event(vm, "inspected"); ok {
		t.Errorf("the machine is known already: %v", e)
	}
	b.clock.Advance(10 * time.Second)
	a.await(vm, "inspected", "drives=2")
	a.await(vm, "intake", "tag=DEMO-0001")
	a.both("This is what the machine says", "SILENT-0001")
	a.display.shot("silent-check")
}

package ata_test

import (
	"context"
	"encoding/hex"
	"testing"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
)

const sectors = 4096 // 2 MiB

// rig is a drive on a clock of its own.
type rig struct {
	*testing.T
	*ata.Drive
	clock  *sim.Manual
	medium *sim.Medium
}

func build(t *testing.T, c ata.Config, faults ...sim.Fault) *rig {
	t.Helper()
	r := &rig{T: t, clock: sim.NewManual()}
	c.Clock, c.Script = r.clock, sim.NewScript(faults...)
	if c.NativeSectors == 0 {
		c.NativeSectors = sectors
	}
	if c.Serial == "" {
		c.Serial = "ATA0001"
	}
	d, err := ata.New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.Drive = d
	r.medium = d.Media()[0]
	return r
}

// send runs a command; no answer fails the test.
func (r *rig) send(t ata.TaskFile, out []byte) (ata.Registers, []byte) {
	r.Helper()
	regs, in, err := r.Execute(context.Background(), t, out)
	if err != nil {
		r.Fatalf("%02x: %v", t.Command, err)
	}
	return regs, in
}

// good runs a command that must succeed, bad one that must be aborted.
func (r *rig) good(t ata.TaskFile, out []byte) (ata.Registers, []byte) {
	r.Helper()
	regs, in := r.send(t, out)
	if regs.Status != 0x50 {
		r.Fatalf("command %02x, features %04x: status %02x, error %02x", t.Command, t.Features, regs.Status, regs.Error)
	}
	return regs, in
}

func (r *rig) bad(t ata.TaskFile, out []byte, bits byte) ata.Registers {
	r.Helper()
	regs, in := r.send(t, out)
	if regs.Status != 0x51 || regs.Error != bits || len(in) > 0 {
		r.Fatalf("command %02x, features %04x: status %02x, error %02x, want 51, %02x", t.Command, t.Features, regs.Status, regs.Error, bits)
	}
	return regs
}

// word of IDENTIFY DEVICE.
func (r *rig) word(n int) uint16 {
	r.Helper()
	_, b := r.good(identify, nil)
	return uint16(b[2*n]) | uint16(b[2*n+1])<<8
}

// plant leaves data at a sector of the medium; stands says whether it is there.
func (r *rig) plant(lba int64) {
	r.Helper()
	if _, err := r.medium.WriteAt([]byte("a person's data"), lba*512); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) stands(lba int64) bool {
	r.Helper()
	b := make([]byte, 15)
	if _, err := r.Media()[0].ReadAt(b, lba*512); err != nil {
		r.Fatal(err)
	}
	return string(b) == "a person's data"
}

func (r *rig) must(what string, lba int64, want bool) {
	r.Helper()
	if r.stands(lba) != want {
		r.Fatalf("%s: data at LBA %d there: %v, want %v", what, lba, !want, want)
	}
}

var identify = ata.TaskFile{Command: 0xec, Device: 0x40}

func read(lba uint64) ata.TaskFile {
	return ata.TaskFile{Command: 0x25, Device: 0x40, Extend: true, Count: 1, LBA: lba}
}

func write(lba uint64) ata.TaskFile {
	return ata.TaskFile{Command: 0x35, Device: 0x40, Extend: true, Count: 1, LBA: lba}
}

func TestFrame(t *testing.T) {
	f := ata.TaskFile{Command: 0xb4, Device: 0x40, Features: 0x1234, Count: 0x5678, LBA: 0x9abcdef01122, Extend: true}
	if got := hex.EncodeToString(f.Bytes()); got != "01123456789abcdef0112240b400" {
		t.Error(got)
	}
}

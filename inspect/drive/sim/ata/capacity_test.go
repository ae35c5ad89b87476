package ata_test

import (
	"testing"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
)

var (
	readNative    = ata.TaskFile{Command: 0xf8, Device: 0x40}
	readNativeExt = ata.TaskFile{Command: 0x27, Device: 0x40, Extend: true}
)

func setMaxExt(last uint64, keep uint16) ata.TaskFile {
	return ata.TaskFile{Command: 0x37, Device: 0x40, Extend: true, LBA: last, Count: keep}
}

func overlay(feature uint16) ata.TaskFile {
	return ata.TaskFile{Command: 0xb1, Device: 0x40, Features: feature}
}

// figures are the three sizes that a host compares: current, native, overlay's.
func (r *rig) figures(current, native, overlayMax uint64) {
	r.Helper()
	_, id := r.good(identify, nil)
	_, dco := r.good(overlay(0xc2), nil)
	regs, _ := r.good(readNativeExt, nil)
	u48 := func(b []byte) uint64 {
		return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32
	}
	if got := [3]uint64{u48(id[200:]), regs.LBA + 1, u48(dco[6:]) + 1}; got != [3]uint64{current, native, overlayMax} {
		r.Fatalf("sectors %d, want %d, %d, %d", got, current, native, overlayMax)
	}
}

// TestHiddenAreas: HPA and DCO are opened in the order that the standard asks for,
// and what lies in them is there until it is erased.
func TestHiddenAreas(t *testing.T) {
	r := build(t, ata.Config{NativeSectors: 4000, HPA: 100, DCO: 96, Security: ata.Security{Supported: true}})
	r.plant(3950)
	r.plant(4050)
	r.figures(3900, 4000, 4096)
	if regs := r.bad(read(3950), nil, 0x10); regs.LBA != 3950 {
		t.Errorf("LBA %d", regs.LBA)
	}
	r.bad(overlay(0xc0), nil, 0x04) // the HPA stands in the way
	r.bad(setMaxExt(3999, 1), nil, 0x04)
	r.good(readNativeExt, nil)
	r.good(identify, nil)
	r.bad(setMaxExt(3999, 1), nil, 0x04) // not directly after
	r.good(readNative, nil)
	r.bad(setMaxExt(3999, 1), nil, 0x04) // after the other form
	r.good(readNativeExt, nil)
	r.bad(setMaxExt(4000, 1), nil, 0x10)
	r.good(readNativeExt, nil)
	r.good(setMaxExt(3999, 1), nil)
	r.figures(4000, 4000, 4096)
	if _, b := r.good(read(3950), nil); string(b[:8]) != "a person" {
		t.Error("the HPA's data is readable now")
	}
	r.good(readNativeExt, nil)
	r.bad(setMaxExt(3899, 1), nil, 0x10) // a second non-volatile one
	r.good(readNativeExt, nil)
	r.good(setMaxExt(3899, 0), nil) // a volatile one may
	r.bad(overlay(0xc0), nil, 0x04)
	r.PowerCycle()
	r.figures(4000, 4000, 4096)
	r.good(overlay(0xc0), nil)
	r.figures(4096, 4096, 4096)
	r.PowerCycle()
	r.figures(4096, 4096, 4096)
	r.must("opened is not erased", 4050, true)

	r.good(setPassword, password(0, 0, "x"))
	if regs, err := r.erased(password(0, 0, "x"), 0); err != nil || regs.Status != 0x50 {
		t.Fatalf("%+v, %v", regs, err)
	}
	r.must("erased", 3950, false)
	r.must("erased", 4050, false)
}

// TestHPAKept: a normal erase covers what HPA hides, and not what DCO does.
func TestHPAKept(t *testing.T) {
	r := build(t, ata.Config{NativeSectors: 4000, HPA: 100, DCO: 96, Security: ata.Security{Supported: true}})
	for _, lba := range []int64{10, 3950, 4050} {
		r.plant(lba)
	}
	for lba := range uint64(3900) { // an overwrite of all that the host sees
		r.good(write(lba), make([]byte, 512))
	}
	r.must("overwritten", 10, false)
	r.must("the host never saw it", 3950, true)
	r.good(setPassword, password(0, 0, "x"))
	if _, err := r.erased(password(0, 0, "x"), 0); err != nil {
		t.Fatal(err)
	}
	r.must("ERASE UNIT reaches native max", 3950, false)
	r.must("and ends there", 4050, true)
}

func TestReadNative28(t *testing.T) {
	r := build(t, ata.Config{NativeSectors: 0x0a0b0c0d + 1})
	regs, _ := r.good(readNative, nil)
	if regs.LBA != 0x0b0c0d || regs.Device != 0x4a {
		t.Errorf("%06x, device %02x", regs.LBA, regs.Device)
	}
	r.good(ata.TaskFile{Command: 0xf9, Device: 0x41, LBA: 0x020304, Count: 1}, nil)
	if r.Capacity() != 0x01020305 {
		t.Errorf("%x sectors", r.Capacity())
	}
	r = build(t, ata.Config{NativeSectors: 1 << 29})
	if regs, _ := r.good(readNative, nil); regs.LBA != 0xffffff || regs.Device != 0x4f {
		t.Errorf("%06x, device %02x", regs.LBA, regs.Device)
	}
}

// TestSetMaxSecurity: lock, unlock and freeze of SET MAX.
func TestSetMaxSecurity(t *testing.T) {
	r := build(t, ata.Config{HPA: 10})
	sub := func(feature uint16) ata.TaskFile {
		return ata.TaskFile{Command: 0xf9, Device: 0x40, Features: feature, Count: 1}
	}
	r.good(sub(0x01), password(0, 0, "max"))
	r.good(sub(0x02), nil)
	r.good(readNativeExt, nil)
	r.bad(setMaxExt(sectors-1, 1), nil, 0x04)
	r.bad(sub(0x03), password(0, 0, "mix"), 0x04)
	r.good(sub(0x03), password(0, 0, "max"))
	r.good(readNativeExt, nil)
	r.good(setMaxExt(sectors-2, 1), nil)
	r.good(sub(0x04), nil)
	r.good(readNativeExt, nil)
	r.bad(setMaxExt(sectors-1, 0), nil, 0x04)
	r.bad(sub(0x03), password(0, 0, "max"), 0x04)
	r.PowerCycle()
	r.good(readNativeExt, nil)
	r.good(setMaxExt(sectors-1, 1), nil)
}

// TestOverlaySet hides sectors and a feature set; RESTORE brings them back.
func TestOverlaySet(t *testing.T) {
	r := build(t, ata.Config{Security: ata.Security{Supported: true}})
	_, b := r.good(overlay(0xc2), nil)
	if b[0] != 2 || b[14] != 0x8f || b[15] != 0x01 || b[510] != 0xa5 {
		t.Errorf("overlay % x ... % x", b[:18], b[510:])
	}
	set := func() []byte { return append([]byte(nil), b...) }
	o := set()
	o[6], o[7] = 0xe7, 0x03 // last: 999
	r.bad(overlay(0xc3), o, 0x04)
	o[14] &^= 0x08 // no security
	o[511] = 0
	var sum byte
	for _, c := range o {
		sum += c
	}
	o[511] = -sum
	r.good(overlay(0xc3), o)
	r.figures(1000, 1000, sectors)
	if w := r.word(82); w&2 != 0 || r.word(128) != 0 {
		t.Errorf("security is still claimed: %04x", w)
	}
	r.bad(setPassword, password(0, 0, "x"), 0x04)
	r.good(overlay(0xc1), nil)
	r.bad(overlay(0xc0), nil, 0x04)
	r.bad(overlay(0xc2), nil, 0x04)
	r.PowerCycle()
	r.good(overlay(0xc0), nil)
	r.figures(sectors, sectors, sectors)
	r.good(setPassword, password(0, 0, "x"))
}

// TestAccessibleMax: what ACS-4 has in place of HPA.
func TestAccessibleMax(t *testing.T) {
	r := build(t, ata.Config{HPA: 96, AMA: true})
	ama := func(feature uint16, last uint64) ata.TaskFile {
		return ata.TaskFile{Command: 0x78, Device: 0x40, Extend: true, Features: feature, LBA: last}
	}
	r.bad(readNativeExt, nil, 0x04)
	r.bad(overlay(0xc2), nil, 0x04)
	if w := r.word(119); w != 0x4100 || r.word(82)&0x400 != 0 || r.word(69)&8 == 0 || r.word(230) != 4000 {
		t.Errorf("word 119: %04x", w)
	}
	if regs, _ := r.good(ama(0, 0), nil); regs.LBA != sectors-1 {
		t.Errorf("native max %d", regs.LBA)
	}
	r.bad(ama(1, sectors), nil, 0x10)
	r.good(ama(1, sectors-1), nil)
	r.bad(ama(1, sectors-2), nil, 0x04) // once a power-up
	r.PowerCycle()
	if r.Capacity() != sectors {
		t.Errorf("%d sectors", r.Capacity())
	}
	r.good(ama(2, 0), nil)
	r.bad(ama(1, 100), nil, 0x04)
	r.bad(ama(3, 0), nil, 0x04)
}

// TestShrink: a drive that lies about its size, from the start or from a call on.
func TestShrink(t *testing.T) {
	r := build(t, ata.Config{ShrinkReported: 1000})
	r.plant(2000)
	r.figures(1000, 1000, 1000)
	r.bad(read(1000), nil, 0x10)
	op := byte(0xec)
	r = build(t, ata.Config{}, sim.Fault{When: sim.When{Opcode: &op, Nth: 2}, Do: sim.Action{Shrink: 500, Become: "IMPOSTOR"}})
	_, first := r.good(identify, nil)
	_, second := r.good(identify, nil)
	if string(first[20:28]) != "TA0A00 1" {
		t.Errorf("serial %q", first[20:40])
	}
	if string(second[20:28]) != "MIOPTSRO" || second[200] != 0xf4 || second[201] != 0x01 {
		t.Errorf("serial %q, sectors % x", second[20:40], second[200:204])
	}
}

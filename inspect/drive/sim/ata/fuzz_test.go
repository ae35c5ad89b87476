package ata_test

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
)

// FuzzExecute: any sequence of task files is answered, and never with more than
// was asked for. A frame is what TaskFile.Bytes gives; data for the drive follows
// the last one.
func FuzzExecute(f *testing.F) {
	seeds := []ata.TaskFile{identify, setPassword, unlock, erasePrepare, eraseUnit, freezeLock, disable, sanitizeStatus,
		sanitizeClear, cryptoScramble, blockErase, overwriteOnce, sanitizeFreeze, sanitizeAntiLock, readNative, readNativeExt,
		setMaxExt(100, 1), overlay(0xc2), overlay(0xc3), smart(0xd0, 0), smart(0xd4, 2), smart(0xd5, 6), read(5), write(5),
		{Command: 0x2f, Extend: true, Count: 1, LBA: 0x30}, {Command: 0x06, Extend: true, Features: 1, Count: 1},
		{Command: 0x78, Extend: true, Features: 1, LBA: 7}, {Command: 0x5c, Features: 1, Count: 1}, {Command: 0xef, Features: 2}}
	all := []byte{}
	for _, s := range seeds {
		f.Add(append(s.Bytes(), password(0, 0, "x")...))
		all = append(all, s.Bytes()...)
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, b []byte) {
		clock := sim.NewManual()
		c := purgeable
		c.NativeSectors, c.Clock, c.TCG = 128, clock, &cell{}
		c.Security = ata.Security{Supported: true, Enhanced: true}
		c.Trim, c.Bad = ata.Trim{Supported: true, Zeros: true}, []ata.Extent{{LBA: 9, Count: 3}}
		d, err := ata.New(c)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; len(b) >= ata.FrameSize && n < 64; n++ {
			tf := ata.TaskFile{Extend: b[0]&1 != 0, Features: binary.BigEndian.Uint16(b[1:]), Count: binary.BigEndian.Uint16(b[3:]),
				LBA: uint64(binary.BigEndian.Uint16(b[5:]))<<32 | uint64(binary.BigEndian.Uint32(b[7:])), Device: b[11], Command: b[12]}
			b = b[ata.FrameSize:]
			regs, in, err := d.Execute(context.Background(), tf, b)
			if err != nil || regs.Status != 0x50 && regs.Status != 0x51 || regs.Status == 0x51 && len(in) > 0 || len(in) > 1<<25 {
				t.Fatalf("% x: %+v, %d bytes, %v", tf.Bytes(), regs, len(in), err)
			}
			clock.Advance(time.Minute)
		}
		if id := d.Identity(); len(id) != 512 {
			t.Fatal("no IDENTIFY DEVICE any more")
		}
	})
}

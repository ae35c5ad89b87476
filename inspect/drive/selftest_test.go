package drive

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// beyond lists what SelfTest lets through and ReadOnly does not.
type beyond map[string]int

// send a frame through both: SelfTest never refuses what ReadOnly lets through.
func (b beyond) send(t *testing.T, p Protocol, name string, frame []byte) {
	t.Helper()
	passes := func(filter func(Transport) Transport, c Command) bool {
		next := &counted{}
		_, err := filter(next).Do(t.Context(), c)
		if (err == nil) != (next.n == 1) || err != nil && !errors.Is(err, ErrRefused) {
			t.Fatalf("% x: sent %d times, %v", c.Frame, next.n, err)
		}
		return err == nil
	}
	c := Command{Protocol: p, Frame: frame}
	reads, tests := passes(ReadOnly, c), passes(SelfTest, c)
	switch {
	case reads && !tests:
		t.Errorf("%s: % x is refused", name, frame)
	case tests && !reads:
		b[name]++
		c.Data = make([]byte, 512)
		for _, way := range []Direction{DirectionNone, DirectionIn, DirectionOut} {
			if c.Direction = way; passes(SelfTest, c) {
				t.Errorf("%s: % x with data passes", name, frame)
			}
		}
	}
}

func (b beyond) is(t *testing.T, want ...string) {
	t.Helper()
	for name := range b {
		if !slices.Contains(want, name) {
			t.Errorf("%s was let through (%d times)", name, b[name])
		}
	}
	for _, name := range want {
		if b[name] == 0 {
			t.Errorf("%s never passes", name)
		}
	}
}

// Every ATA command by every protocol, with every feature where data has none of them,
// and every subcommand of SMART EXECUTE OFF-LINE IMMEDIATE.
func TestSelfTestATA(t *testing.T) {
	b := beyond{}
	for _, p := range ataProtocols {
		for command := range 256 {
			features := 1
			if p.protocol == 3 || command == 0xb0 {
				features = 256
			}
			for feature := range features {
				for _, extend := range []bool{false, true} {
					for _, lba := range []uint64{0, 0xc24f01, 0xc24f7f} {
						for _, count := range []uint16{0, 1} {
							b.send(t, ProtocolSCSI, fmt.Sprintf("%02x/%02x %s extend %t count %d lba %06x", command, feature, p.name, extend, count, lba),
								cdb16(byte(command), p.protocol, p.flags, extend, uint16(feature), count, lba))
						}
					}
				}
			}
		}
	}
	b.is(t, "b0/d4 none extend false count 0 lba c24f01", "b0/d4 none extend false count 0 lba c24f7f")

	b = beyond{}
	for sub := range uint64(256) {
		for _, key := range []uint64{0xc24f00, 0xc34f00, 0x4fc200, 0, 0x01c24f00} {
			name := fmt.Sprintf("%06x", key|sub)
			b.send(t, ProtocolSCSI, name, cdb16(0xb0, 3, 0, false, 0xd4, 0, key|sub))
			b.send(t, ProtocolSCSI, name+" (12)", []byte{0xa1, 3 << 1, 0, 0xd4, 0, byte(sub), byte(key >> 8), byte(key >> 16), 0, 0xb0, 0, 0})
			f := make([]byte, 32)
			f[0], f[7], f[8], f[9], f[10] = 0x7f, 0x18, 0x1f, 0xf0, 3<<1
			f[17], f[18], f[19], f[21], f[25] = byte(key>>16), byte(key>>8), byte(sub), 0xd4, 0xb0
			b.send(t, ProtocolSCSI, name+" (32)", f)
		}
		b.send(t, ProtocolSCSI, fmt.Sprintf("high feature %02x", sub), cdb16(0xb0, 3, 0, false, 0xd4|uint16(sub)<<8, 0, 0xc24f01))
		b.send(t, ProtocolSCSI, fmt.Sprintf("high count %02x", sub), cdb16(0xb0, 3, 0, false, 0xd4, uint16(sub)<<8, 0xc24f01))
	}
	b.is(t, "c24f01", "c24f7f", "c24f01 (12)", "c24f7f (12)", "1c24f01 (12)", "1c24f7f (12)", "high feature 00", "high count 00")
}

// Every SCSI operation code with every byte 1, and every other byte of SEND DIAGNOSTIC.
func TestSelfTestSCSI(t *testing.T) {
	b := beyond{}
	for op := range 256 {
		for one := range 256 {
			f := make([]byte, lengths[op>>5])
			f[0], f[1] = byte(op), byte(one)
			b.send(t, ProtocolSCSI, fmt.Sprintf("%02x/%02x", op, one), f)
		}
	}
	for at := 2; at < 6; at++ {
		for v := 1; v < 256; v++ {
			f := []byte{0x1d, 0x20, 0, 0, 0, 0}
			f[at] = byte(v)
			b.send(t, ProtocolSCSI, fmt.Sprintf("byte %d", at), f)
		}
	}
	b.send(t, ProtocolSCSI, "seven bytes", []byte{0x1d, 0x20, 0, 0, 0, 0, 0})
	b.is(t, "1d/20", "1d/80")
}

// Every NVMe opcode with every low byte of CDW10, and every other byte of Device
// Self-test; the namespace is free.
func TestSelfTestNVMe(t *testing.T) {
	b := beyond{}
	for op := range 256 {
		for code := range 256 {
			b.send(t, ProtocolNVMe, fmt.Sprintf("%02x/%02x", op, code), sqe(byte(op), uint32(code), 0))
		}
	}
	b.is(t, "14/01", "14/0f")
	b = beyond{}
	for at := range 64 {
		for v := 1; v < 256; v++ {
			f := sqe(0x14, 1, 0)
			f[at] = byte(v)
			b.send(t, ProtocolNVMe, fmt.Sprintf("byte %d", at), f)
		}
	}
	b.is(t, "byte 0", "byte 4", "byte 5", "byte 6", "byte 7", "byte 40")
}

// No other command set has a self-test.
func TestSelfTestProtocols(t *testing.T) {
	b := beyond{}
	for p := range 256 {
		for _, f := range [][]byte{{0x1d, 0x20, 0, 0, 0, 0}, sqe(0x14, 1, 0), cdb16(0xb0, 3, 0, false, 0xd4, 0, 0xc24f01)} {
			if Protocol(p) != ProtocolSCSI && Protocol(p) != ProtocolNVMe {
				b.send(t, Protocol(p), fmt.Sprintf("protocol %d", p), f)
			}
		}
	}
	b.is(t)
}

package linux

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
)

// Sizes and offsets as a C compiler gives them for linux/mmc/ioctl.h.
func TestMMCStructs(t *testing.T) {
	var m mmcCommand
	var s mmcSequence
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"sizeof mmc_ioc_cmd", unsafe.Sizeof(m), 72},
		{"write_flag", unsafe.Offsetof(m.write), 0},
		{"is_acmd", unsafe.Offsetof(m.application), 4},
		{"opcode", unsafe.Offsetof(m.opcode), 8},
		{"arg", unsafe.Offsetof(m.arg), 12},
		{"response", unsafe.Offsetof(m.response), 16},
		{"flags", unsafe.Offsetof(m.flags), 32},
		{"blksz", unsafe.Offsetof(m.blockSize), 36},
		{"blocks", unsafe.Offsetof(m.blocks), 40},
		{"postsleep_min_us", unsafe.Offsetof(m.sleepMin), 44},
		{"postsleep_max_us", unsafe.Offsetof(m.sleepMax), 48},
		{"data_timeout_ns", unsafe.Offsetof(m.dataTimeout), 52},
		{"cmd_timeout_ms", unsafe.Offsetof(m.busyTimeout), 56},
		{"data_ptr", unsafe.Offsetof(m.data), 64},
		{"num_of_cmds", unsafe.Offsetof(s.count), 0},
		{"cmds", unsafe.Offsetof(s.commands), 8},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
}

// What leaves, beside what mmc-utils (Debian's 0+git20220624) gave the kernel for the
// same command, as a library before it wrote it down; but for the pointers, the time
// limits and, in 'status get', the bits that only SPI looks at.
func TestMMCCommandBytes(t *testing.T) {
	const zeros16 = "00000000000000000000000000000000"
	for _, c := range []struct {
		name, frame string
		data        int
		out         bool
		want        string
	}{
		{"mmc extcsd read", "08 01 0000 00000000 0200 0001", 512, false,
			"00000000 00000000 08000000 00000000" + zeros16 + "b5000000 00020000 01000000 00000000 00000000 00000000 00000000 00000000"},
		{"mmc status get", "0d 01 0000 00010000 0000 0000", 0, false,
			"00000000 00000000 0d000000 00000100" + zeros16 + "95000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
		{"mmc writeprotect user get", "1f 01 0000 00000000 0008 0001", 8, false,
			"00000000 00000000 1f000000 00000000" + zeros16 + "b5000000 08000000 01000000 00000000 00000000 00000000 00000000 00000000"},
		{"mmc sanitize", "06 02 0000 03a50101 0000 0000", 0, false,
			"01000000 00000000 06000000 0101a503" + zeros16 + "9d040000 00000000 00000000 00000000 00000000 00000000 2ca92901 00000000"},
		{"mmc erase secure-erase 0 0xffffff", "23 01 0000 00000000 0000 0000 24 01 0000 00ffffff 0000 0000 26 02 0000 80000000 0000 0000", 0, false,
			"01000000 00000000 23000000 00000000" + zeros16 + "95000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 0000000000000000" +
				"01000000 00000000 24000000 ffffff00" + zeros16 + "95000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 0000000000000000" +
				"01000000 00000000 26000000 00000080" + zeros16 + "9d040000 00000000 00000000 00000000 00000000 00000000 2ca92901 00000000"},
		{"write, every field different", "19 01 0000 1a2b3c4d 0200 0003", 1536, true,
			"01000000 00000000 19000000 4d3c2b1a" + zeros16 + "b5000000 00020000 03000000 00000000 00000000 00000000 00000000 00000000"},
	} {
		cmd := drive.Command{Protocol: drive.ProtocolMMC, Frame: unhex(t, c.frame), Timeout: 19507500 * time.Millisecond}
		if c.data > 0 {
			cmd.Direction, cmd.Data = drive.DirectionIn, make([]byte, c.data)
		}
		if c.out {
			cmd.Direction = drive.DirectionOut
		}
		x, err := newMMC(cmd)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := append(unhex(t, c.want), 0, 0, 0, 0, 0, 0, 0, 0)
		if got := unsafe.Slice((*byte)(unsafe.Pointer(&x.sequence.commands)), 255*72); !bytes.Equal(got[:len(want)], want) {
			t.Errorf("%s\nsent   %x\nwanted %x", c.name, got[:len(want)], want)
		}
		if x.sequence.count != uint64(len(want)/72) || len(x.data) != c.data {
			t.Errorf("%s: %d commands, %d bytes", c.name, x.sequence.count, len(x.data))
		}
	}
}

// The answers, and the data, of a sequence.
func TestMMCFinish(t *testing.T) {
	c := drive.Command{Protocol: drive.ProtocolMMC, Frame: unhex(t, "17 01 0000 00000001 0000 0000 12 01 0000 00000000 0200 0001"),
		Direction: drive.DirectionIn, Data: make([]byte, 512)}
	x, err := newMMC(c)
	if err != nil {
		t.Fatal(err)
	}
	x.sequence.commands[0].response[0], x.sequence.commands[1].response[0] = 0x900, 0x901
	copy(x.data, "ABCDEFGH")
	done, err := x.finish(c, time.Second)
	if err != nil || done.Result != 0x901 || done.Status != 0 || !bytes.Equal(done.Sense, unhex(t, "00000900 00000901")) ||
		string(c.Data[:8]) != "ABCDEFGH" || done.Duration != time.Second {
		t.Errorf("%+v, %v", done, err)
	}
	x.sequence.commands[1].response[0] = 0x80000900
	done, err = x.finish(c, 0)
	var refused *drive.StatusError
	if !errors.As(err, &refused) || done.Status != 2 || done.Result != 0x80000900 {
		t.Errorf("%+v, %v", done, err)
	}
}

// What the kernel's errors say of the card.
func TestMMCErrors(t *testing.T) {
	for errno, sent := range map[error]bool{unix.EPERM: false, unix.ENOTTY: false, unix.EOVERFLOW: false, unix.ETIMEDOUT: true,
		unix.EILSEQ: true, unix.EIO: true, unix.EINVAL: true, unix.ENODEV: true, unix.EINTR: true, errStuck: false,
		context.Canceled: false, os.ErrClosed: false, fmt.Errorf("%w for 1s", drive.ErrNoAnswer): true} {
		err := mmcError(errno)
		if errors.Is(err, drive.ErrNoAnswer) != sent || !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
	}
}

func TestMMCRefusesFrames(t *testing.T) {
	for name, c := range map[string]drive.Command{
		"SCSI":           {Protocol: drive.ProtocolSCSI, Frame: unhex(t, "0d0100000001000000000000")},
		"short":          {Protocol: drive.ProtocolMMC, Frame: unhex(t, "0d01000000010000000000")},
		"data, no way":   {Protocol: drive.ProtocolMMC, Frame: unhex(t, "080100000000000002000001"), Data: make([]byte, 512)},
		"a way, no data": {Protocol: drive.ProtocolMMC, Frame: unhex(t, "0d0100000001000000000000"), Direction: drive.DirectionIn},
		"no such way":    {Protocol: drive.ProtocolMMC, Frame: unhex(t, "080100000000000002000001"), Direction: 3, Data: make([]byte, 512)},
	} {
		if _, err := newMMC(c); err == nil {
			t.Errorf("%s: let through", name)
		}
	}
}

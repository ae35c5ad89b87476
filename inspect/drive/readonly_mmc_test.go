package drive

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// counted is a transport that sends nothing on, and counts.
type counted struct{ n int }

func (c *counted) Do(context.Context, Command) (Completion, error) {
	c.n++
	return Completion{}, nil
}

func mmcCommand(t *testing.T, frame string, data int) Command {
	t.Helper()
	f, err := hex.DecodeString(strings.ReplaceAll(frame, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	c := Command{Protocol: ProtocolMMC, Frame: f}
	if data > 0 {
		c.Direction, c.Data = DirectionIn, make([]byte, data)
	}
	return c
}

// The three commands that may pass, and each of them with one thing changed.
func TestReadOnlyMMC(t *testing.T) {
	for _, c := range []struct {
		frame string
		data  int
		pass  bool
	}{
		{"08 01 0000 00000000 0200 0001", 512, true},  // SEND_EXT_CSD
		{"0d 01 0000 00010000 0000 0000", 0, true},    // SEND_STATUS
		{"0d 01 0000 ffff0000 0000 0000", 0, true},    // of any card
		{"1f 01 0000 01020304 0008 0001", 8, true},    // SEND_WRITE_PROT_TYPE
		{"08 01 0000 00000001 0200 0001", 512, false}, // to an SD card: a voltage
		{"08 01 0000 00000000 0200 0002", 1024, false},
		{"08 01 0000 00000000 0100 0002", 512, false},
		{"08 01 0000 00000000 0200 0001", 256, false},
		{"08 01 0000 00000000 0000 0000", 0, false},
		{"08 02 0000 00000000 0200 0001", 512, false}, // busy behind it
		{"08 00 0000 00000000 0200 0001", 512, false},
		{"08 01 0100 00000000 0200 0001", 512, false},
		{"08 01 0001 00000000 0200 0001", 512, false},
		{"0d 01 0000 00010001 0000 0000", 0, false}, // HPI: breaks off what is under way
		{"0d 01 0000 00018000 0000 0000", 0, false}, // the queue's status
		{"0d 01 0000 00010000 0200 0001", 512, false},
		{"0d 02 0000 00010000 0000 0000", 0, false},
		{"1f 01 0000 01020304 0200 0001", 512, false},
		{"1f 02 0000 01020304 0008 0001", 8, false},
		{"1e 01 0000 01020304 0004 0001", 4, false}, // CMD30
		{"", 0, false},
		{"0d 01 0000 00010000 0000", 0, false},
		{"0d 01 0000 00010000 0000 0000 00", 0, false},
	} {
		expect(t, mmcCommand(t, c.frame, c.data), c.pass)
	}
	out := mmcCommand(t, "08 01 0000 00000000 0200 0001", 512)
	out.Direction = DirectionOut
	expect(t, out, false)
}

// No other command passes: not with any response, nor with a block to read, nor
// behind or before one that may.
func TestReadOnlyMMCOthers(t *testing.T) {
	status, ext := "0d 01 0000 00010000 0000 0000", "08 01 0000 00000000 0200 0001"
	for index := range 256 {
		if index == 8 || index == 13 || index == 31 {
			continue
		}
		n := hex.EncodeToString([]byte{byte(index)})
		for _, arg := range []string{"00000000", "00010000", "80000000", "03a50101", "ffffffff"} {
			for _, response := range []string{"00", "01", "02"} {
				plain := n + response + "0000" + arg + "0000 0000"
				expect(t, mmcCommand(t, plain, 0), false)
				expect(t, mmcCommand(t, n+response+"0000"+arg+"0200 0001", 512), false)
				expect(t, mmcCommand(t, plain+status, 0), false)
				expect(t, mmcCommand(t, plain+ext, 512), false)
				expect(t, mmcCommand(t, status+plain, 0), false)
			}
		}
	}
	// Two that may pass, as one: nothing that reads needs that.
	expect(t, mmcCommand(t, status+status, 0), false)
	expect(t, mmcCommand(t, status+ext, 512), false)
	// An erase sequence and a sanitize hidden in it.
	expect(t, mmcCommand(t, "23 01 0000 00000000 0000 0000 24 01 0000 00ffffff 0000 0000 26 02 0000 80000000 0000 0000", 0), false)
	expect(t, mmcCommand(t, status+"06 02 0000 03a50101 0000 0000"+ext, 512), false)
}

func expect(t *testing.T, c Command, pass bool) {
	t.Helper()
	next := &counted{}
	_, err := ReadOnly(next).Do(t.Context(), c)
	if pass && (err != nil || next.n != 1) {
		t.Errorf("% x: %v", c.Frame, err)
	}
	if !pass && (!errors.Is(err, ErrRefused) || next.n != 0) {
		t.Errorf("% x with %d bytes was let through: %v", c.Frame, len(c.Data), err)
	}
}

package drivetest

import (
	"encoding/binary"
	"testing"
	"time"

	"handback.example/inspect/drive"
)

// Frames of package mmc: index, response (1: R1, 2: R1b), two zeros, argument,
// length of a block, blocks. The address of the card is 0001h.
const (
	mmcStatus   = "0d 01 0000 00010000 0000 0000" // CMD13, SEND_STATUS
	mmcExtCSD   = "08 01 0000 00000000 0200 0001" // CMD8, SEND_EXT_CSD: a block of 512
	mmcSanitize = "06 02 0000 03a50100 0000 0000" // CMD6: write 01h to EXT_CSD[165]
	mmcUnknown  = "3f 01 0000 00000000 0000 0000" // CMD63 is the maker's
	// CMD35, CMD36, CMD38 of a card of 64 MiB, whose addresses count bytes.
	mmcErase = "23 01 0000 00000000 0000 0000" + "24 01 0000 03fffe00 0000 0000" + "26 02 0000 80000000 0000 0000"
)

var mmcCases = []Case{
	{Name: "SEND_EXT_CSD is its geometry", Kinds: []Kind{EMMC}, Run: mmcRegister},
	{Name: "SEND_STATUS: it waits for commands", Kinds: []Kind{EMMC}, Run: mmcReady},
	{Name: "a command that no card knows is not answered", Kinds: []Kind{EMMC}, Run: mmcSilent},
	{Name: "secure erase of all, then sanitize", Kinds: []Kind{EMMC}, Needs: []Need{Sanitize, Medium, Clock}, Run: mmcErased},
}

func mmcRegister(t *testing.T, r *Rig) {
	d := r.open(t)
	_, b, err := r.do(t, d, mmcExtCSD, 512)
	must(t, "SEND_EXT_CSD", err)
	if n := int64(binary.LittleEndian.Uint32(b[212:])) * 512; n != d.Geometry().Size {
		t.Errorf("SEC_COUNT says %d bytes, the geometry %d", n, d.Geometry().Size)
	}
}

func mmcReady(t *testing.T, r *Rig) {
	d := r.open(t)
	done, _, err := r.do(t, d, mmcStatus, 0)
	must(t, "SEND_STATUS", err)
	// CURRENT_STATE 4, 'tran', in bits 12:9; READY_FOR_DATA is bit 8.
	if done.Result != 0x0900 {
		t.Errorf("status %08x", done.Result)
	}
}

func mmcSilent(t *testing.T, r *Rig) {
	d := r.open(t)
	places := plant(t, d, 31)
	if _, _, err := r.do(t, d, mmcUnknown, 0); err == nil {
		t.Error("it was answered")
	}
	readBack(t, d, places, 31)
}

func mmcErased(t *testing.T, r *Rig) {
	d := r.open(t)
	size := d.Geometry().Size
	plant(t, d, 32)
	for _, frame := range []string{mmcErase, mmcSanitize} {
		c := r.command(frame, drive.DirectionNone, nil)
		c.Timeout = 24 * time.Hour
		must(t, frame, r.meanwhile(func() error {
			_, err := d.Do(t.Context(), c)
			return err
		}))
	}
	gone(t, r, size)
	readBack(t, d, plant(t, d, 33), 33)
}

package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/mmc"
)

// Commands of an eMMC (JESD84-B51 clause 6.10).
const (
	mmcSwitch         = 6
	mmcExtCSD         = 8
	mmcReadMultiple   = 18
	mmcSetBlockCount  = 23
	mmcEraseStart     = 35
	mmcEraseEnd       = 36
	mmcEraseNow       = 38
	mmcSectorSize     = 512
	mmcSwitchTimeout  = 10 * time.Second
	mmcBlocksMax      = 1024       // MMC_IOC_MAX_BYTES
	argErase          = 0x00000000 // clause 6.6.9, table 12
	argSecureErase    = 0x80000000 // clause 6.6.10
	argSanitize       = 0x03a50101 // write 1 to EXT_CSD[165], SANITIZE_START (clause 6.6.12)
	argPartitionWrite = 0x03b30001 // write to EXT_CSD[179], PARTITION_CONFIG; the value is in bits 15:8
	accessMask        = 0x07       // PARTITION_ACCESS, its bits 2:0 (clause 7.4.69)
	accessRPMB        = 3
)

// MMCArea is an area of an eMMC as EXT_CSD[179] numbers them: 0 the user's, 1 and 2
// for booting, 4 to 7 general-purpose. RPMB, 3, can't be erased.
type MMCArea struct {
	Number byte
	// Config is EXT_CSD[179] as it stands: its other bits say how the card boots.
	Config byte
}

// entry of a sequence (package inspect/drive/mmc).
func mmcEntry(f []byte, index byte, r mmc.Response, arg uint32, blocks uint16) []byte {
	f = append(f, index, byte(r), 0, 0)
	f = binary.BigEndian.AppendUint32(f, arg)
	size := uint16(0)
	if blocks > 0 {
		size = mmcSectorSize
	}
	f = binary.BigEndian.AppendUint16(f, size)
	return binary.BigEndian.AppendUint16(f, blocks)
}

// enter switches to the area, leave back to the user's. Whole bytes are written: Linux
// reads along, and takes the value that is sent for that of the register.
func (a MMCArea) enter(f []byte) []byte {
	if a.Number == 0 {
		return f
	}
	return mmcEntry(f, mmcSwitch, mmc.R1b, argPartitionWrite|uint32(a.Config&^accessMask|a.Number)<<8, 0)
}

func (a MMCArea) leave(f []byte) []byte {
	if a.Number == 0 {
		return f
	}
	return mmcEntry(f, mmcSwitch, mmc.R1b, argPartitionWrite|uint32(a.Config&^accessMask)<<8, 0)
}

func (a MMCArea) check() error {
	if a.Number > accessMask || a.Number == accessRPMB {
		return fmt.Errorf("area %d of an eMMC can't be erased", a.Number)
	}
	return nil
}

// other than the user's, which block devices read and which there is no leaving.
func (a MMCArea) other() error {
	if a.Number == 0 {
		return errors.New("the user's area is no other area")
	}
	return a.check()
}

// MMCErase erases from one address to another, both in groups that are erased whole:
// CMD35, CMD36, CMD38, between the switches to the area and back, as one sequence. With
// secure what stood there is removed from the flash, copies too; without it is unlinked
// and a sanitize removes it. Addresses count as the card does (mmc.ExtCSD.Address).
func MMCErase(a MMCArea, from, to uint32, secure bool, timeout time.Duration) (drive.Command, error) {
	if err := a.check(); err != nil {
		return drive.Command{}, err
	}
	if to < from || timeout <= 0 {
		return drive.Command{}, fmt.Errorf("an erase from %d to %d within %s", from, to, timeout)
	}
	arg := uint32(argErase)
	if secure {
		arg = argSecureErase
	}
	f := a.enter(nil)
	f = mmcEntry(f, mmcEraseStart, mmc.R1, from, 0)
	f = mmcEntry(f, mmcEraseEnd, mmc.R1, to, 0)
	f = mmcEntry(f, mmcEraseNow, mmc.R1b, arg, 0)
	return drive.Command{Protocol: drive.ProtocolMMC, Frame: a.leave(f), Timeout: timeout}, nil
}

// MMCSanitize removes from the flash what is unlinked, in all areas but RPMB.
func MMCSanitize(timeout time.Duration) drive.Command {
	return drive.Command{Protocol: drive.ProtocolMMC, Frame: mmcEntry(nil, mmcSwitch, mmc.R1b, argSanitize, 0), Timeout: timeout}
}

// MMCReadArea reads blocks of an area other than the user's. Only the last command of a
// sequence moves data, so the card stays in that area: MMCLeave goes after it.
func MMCReadArea(a MMCArea, address uint32, blocks uint16) (drive.Command, error) {
	if err := a.other(); err != nil {
		return drive.Command{}, err
	}
	if blocks == 0 || blocks > mmcBlocksMax {
		return drive.Command{}, fmt.Errorf("a read of %d blocks", blocks)
	}
	f := mmcEntry(a.enter(nil), mmcSetBlockCount, mmc.R1, uint32(blocks), 0)
	return mmcIn(mmcEntry(f, mmcReadMultiple, mmc.R1, address, blocks), int(blocks)*mmcSectorSize), nil
}

// MMCEnter switches to an area and asks for EXT_CSD, which says whether the card is
// there. MMCLeave goes after it.
func MMCEnter(a MMCArea) (drive.Command, error) {
	if err := a.other(); err != nil {
		return drive.Command{}, err
	}
	return mmcIn(mmcEntry(a.enter(nil), mmcExtCSD, mmc.R1, 0, 1), mmcSectorSize), nil
}

// MMCLeave switches back to the user's area.
func MMCLeave(a MMCArea) drive.Command {
	return drive.Command{Protocol: drive.ProtocolMMC, Frame: a.leave(nil), Timeout: mmcSwitchTimeout}
}

func mmcIn(f []byte, n int) drive.Command {
	return drive.Command{Protocol: drive.ProtocolMMC, Frame: f, Direction: drive.DirectionIn, Data: make([]byte, n), Timeout: mmcSwitchTimeout}
}

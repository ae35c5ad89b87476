package identify

import (
	"errors"
	"fmt"

	"handback.example/inspect/drive"
)

// CID reads who a card is from its CID register, 16 bytes: SD Physical Layer Specification clause 5.2, JESD84-B51 clause 7.2. The
// product's name has 5 characters on SD, 6 on MMC; its revision and the 32-bit
// serial number follow.
func CID(cid []byte, bus drive.Bus) (drive.Identity, error) {
	if len(cid) != 16 {
		return drive.Identity{}, fmt.Errorf("the card's CID has %d bytes", len(cid))
	}
	name, rest := cid[3:8], cid[8:]
	if bus == drive.BusMMC {
		name, rest = cid[3:9], cid[9:]
	} else if bus != drive.BusSD {
		return drive.Identity{}, errors.New("the card is neither SD nor MMC")
	}
	revision, serial := rest[:1], rest[1:5]
	id := drive.Identity{Media: drive.MediaFlash, Model: drive.Clean(name), Inner: true,
		Firmware: fmt.Sprintf("%d.%d", revision[0]>>4, revision[0]&0xf), Serial: fmt.Sprintf("0x%x", serial),
		Raw: drive.Raw{Model: drive.Hex(name), Serial: drive.Hex(serial), Firmware: drive.Hex(revision)}}
	if [4]byte(serial) == [4]byte{} {
		id.Serial = ""
	}
	return id, nil
}

package ata

import (
	"encoding/binary"
	"errors"
)

// Attribute is one of the thirty attributes of SMART READ DATA. Neither ACS nor
// anybody else standardises them; IDs below are those that nearly all makers use.
type Attribute struct {
	ID        byte
	Prefail   bool // flag bit 0: below its threshold it predicts failure
	Value     byte // normalised
	Worst     byte
	Threshold byte // 0: none
	Raw       uint64
}

// Attributes that Handback reads.
const (
	AttrReallocated   = 5
	AttrPowerOnHours  = 9
	AttrUncorrectable = 187 // reported uncorrectable errors
	AttrTimeout       = 188
	AttrAirflow       = 190 // temperature of the air, or of the drive
	AttrTemperature   = 194
	AttrPending       = 197
	AttrOffline       = 198 // offline uncorrectable
	AttrWritten       = 241 // total LBAs written
)

var errSMART = errors.New("no SMART data: length or checksum is wrong")

// ParseSMART reads the 512 bytes of SMART READ DATA and, where there are any,
// of READ THRESHOLDS. Both must add up to zero.
func ParseSMART(data, thresholds []byte) ([]Attribute, error) {
	if !sums(data) || thresholds != nil && !sums(thresholds) {
		return nil, errSMART
	}
	var all []Attribute
	for i := range 30 {
		e := data[2+12*i:][:12]
		if e[0] == 0 {
			continue
		}
		a := Attribute{ID: e[0], Prefail: e[1]&1 != 0, Value: e[3], Worst: e[4],
			Raw: uint64(binary.LittleEndian.Uint32(e[5:])) | uint64(binary.LittleEndian.Uint16(e[9:]))<<32}
		if thresholds != nil {
			a.Threshold = threshold(thresholds, a.ID)
		}
		all = append(all, a)
	}
	if len(all) == 0 {
		return nil, errSMART
	}
	return all, nil
}

func threshold(b []byte, id byte) byte {
	for i := range 30 {
		if e := b[2+12*i:][:12]; e[0] == id {
			return e[1]
		}
	}
	return 0
}

func sums(b []byte) bool {
	if len(b) != sector {
		return false
	}
	var sum byte
	for _, c := range b {
		sum += c
	}
	return sum == 0
}

// Below: the normalised value is at or under a threshold that means something
// (00h always passes, FFh always fails by design of a test).
func (a Attribute) Below() bool {
	return a.Threshold != 0 && a.Threshold != 0xff && a.Value <= a.Threshold
}

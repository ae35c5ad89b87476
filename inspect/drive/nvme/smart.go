package nvme

import (
	"fmt"
	"math"
)

// SMART is the SMART / Health Information log page (Base 2.0, figure 207).
type SMART struct {
	Critical     uint8 // critical warning bits: 0 spare, 1 temperature, 2 reliability, 3 read only, 4 backup
	Kelvin       uint16
	Spare        uint8 // percent
	SpareLimit   uint8
	Used         uint8 // percent of rated life, may exceed 100
	WrittenBytes float64
	PowerOnHours float64
	MediaErrors  float64
}

// ParseSMART reads 512 bytes of log page 02h. A page of zeros says nothing.
func ParseSMART(b []byte) (SMART, error) {
	if len(b) != 512 {
		return SMART{}, fmt.Errorf("no SMART log: %d bytes", len(b))
	}
	if nonZero(b) == "" {
		return SMART{}, fmt.Errorf("no SMART log: every byte is zero")
	}
	return SMART{Critical: b[0], Kelvin: le.Uint16(b[1:]), Spare: b[3], SpareLimit: b[4], Used: b[5],
		// Data Units Written counts thousands of 512 bytes.
		WrittenBytes: wide(b[48:]) * 512000, PowerOnHours: wide(b[128:]), MediaErrors: wide(b[160:])}, nil
}

// wide reads a 128-bit number as nearly as a float can.
func wide(b []byte) float64 {
	return float64(le.Uint64(b)) + float64(le.Uint64(b[8:]))*math.Exp2(64)
}

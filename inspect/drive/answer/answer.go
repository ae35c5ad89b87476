// Package answer judges what travels between a host and a drive, whatever carries
// it: may this command be sent as it stands, and was its answer a good one.
package answer

import (
	"fmt"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/mmc"
	"handback.example/inspect/drive/scsi"
)

// Lengths of a CDB (SPC-5 clause 4.2.5) and of the data of one command.
const (
	cdbMin, cdbMax = 6, 32
	dataMax        = 16 << 20
)

// Check refuses a command that a transport of that protocol would have to change
// before it is sent: what is judged must be what leaves.
func Check(c drive.Command, p drive.Protocol) error {
	switch {
	case c.Protocol != p:
		return fmt.Errorf("a command of protocol %d can't be sent to this drive", c.Protocol)
	case p == drive.ProtocolSCSI && (len(c.Frame) < cdbMin || len(c.Frame) > cdbMax):
		return fmt.Errorf("a SCSI command of %d bytes", len(c.Frame))
	case p == drive.ProtocolMMC:
		if _, err := mmc.Parse(c); err != nil {
			return err
		}
	case p == drive.ProtocolNVMe:
		if err := checkNVMe(c); err != nil {
			return err
		}
	}
	return checkData(c)
}

// checkNVMe: flags, identifier and pointers are the transport's.
func checkNVMe(c drive.Command) error {
	f := c.Frame
	if len(f) != 64 {
		return fmt.Errorf("an NVMe command of %d bytes", len(f))
	}
	for _, b := range [][]byte{f[1:4], f[16:40]} {
		for _, v := range b {
			if v != 0 {
				return fmt.Errorf("%s: an NVMe command with flags or pointers of its own", Operation(c))
			}
		}
	}
	// Bits 1:0 of the opcode say the way of the data (Base 2.0, figure 138), and
	// hosts go by them.
	if way := map[byte]drive.Direction{0: drive.DirectionNone, 1: drive.DirectionOut, 2: drive.DirectionIn}; len(c.Data) > 0 && way[f[0]&3] != c.Direction {
		return fmt.Errorf("%s: opcode %02xh doesn't go with data direction %d", Operation(c), f[0], c.Direction)
	}
	return nil
}

// checkData: data and its direction belong together.
func checkData(c drive.Command) error {
	switch {
	case c.Direction > drive.DirectionOut:
		return fmt.Errorf("a command with data direction %d", c.Direction)
	case (c.Direction == drive.DirectionNone) != (len(c.Data) == 0):
		return fmt.Errorf("a command with data direction %d and %d bytes of data", c.Direction, len(c.Data))
	case len(c.Data) > dataMax:
		return fmt.Errorf("a command with %d bytes of data", len(c.Data))
	}
	return nil
}

// Judge gives nil for a good answer, and a StatusError for every other.
func Judge(c drive.Command, done drive.Completion) error {
	if good(c, done) {
		return nil
	}
	return &drive.StatusError{Protocol: c.Protocol, Operation: Operation(c), Completion: done}
}

const (
	statusGood           = 0x00 // SAM-5 table 33
	statusCheckCondition = 0x02
)

// good: status GOOD, or sense data that tells of success: recovered, or registers
// of an ATA command that did not fail.
func good(c drive.Command, done drive.Completion) bool {
	if c.Protocol != drive.ProtocolSCSI {
		return done.Status == 0
	}
	switch done.Status {
	case statusGood:
		// Sense may come with GOOD; only deferred errors of earlier commands are bad.
		s, ok := scsi.ParseSense(done.Sense)
		return !ok || s.Good()
	case statusCheckCondition:
		s, ok := scsi.ParseSense(done.Sense)
		if !ok || !s.Good() {
			return false
		}
	default:
		return false
	}
	if isATA(c.Frame) {
		r, err := ata.ParseRegisters(done.Sense)
		return err != nil || !r.Failed()
	}
	return true
}

func isATA(cdb []byte) bool { return cdb[0] == 0x85 || cdb[0] == 0xa1 || cdb[0] == 0x7f }

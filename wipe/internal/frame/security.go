package frame

import (
	"encoding/binary"
	"fmt"
	"time"

	"handback.example/inspect/drive"
)

// SecurityBus is the way that a drive's security subsystem is spoken to.
type SecurityBus uint8

// The zero SecurityBus is none, and gets no frame.
const (
	SecurityATA  SecurityBus = iota + 1 // TRUSTED SEND and RECEIVE, in ATA PASS-THROUGH(16)
	SecuritySCSI                        // SECURITY PROTOCOL OUT and IN
	SecurityNVMe                        // Security Send and Security Receive
)

// securityMax is more than any transfer needs: what an SSC asks for at least is 2,048
// bytes, what is sent here is never more.
const securityMax = 64 << 10

const securityBlock = 512

// SecurityOut sends data to a security protocol: whatever changes something in a
// TPer goes this way. The data is whole 512-byte blocks, as ATA knows no others.
func SecurityOut(bus SecurityBus, protocol byte, specific uint16, data []byte, timeout time.Duration) (drive.Command, error) {
	c, err := security(bus, protocol, specific, data, timeout)
	c.Direction = drive.DirectionOut
	return c, err
}

// SecurityIn fetches n bytes from a security protocol: the answer in a session.
func SecurityIn(bus SecurityBus, protocol byte, specific uint16, n int, timeout time.Duration) (drive.Command, error) {
	if n < 0 || n > securityMax {
		return drive.Command{}, fmt.Errorf("%d bytes are no transfer to a security protocol", n)
	}
	c, err := security(bus, protocol, specific, make([]byte, n), timeout)
	c.Direction = drive.DirectionIn
	if err == nil {
		switch bus {
		case SecurityATA:
			c.Frame[1], c.Frame[2], c.Frame[14] = 0x08, 0x0e, 0x5c // PIO in, TRUSTED RECEIVE
		case SecuritySCSI:
			c.Frame[0] = 0xa2
		case SecurityNVMe:
			c.Frame[0] = 0x82
		}
	}
	return c, err
}

// security is the frame of the sending commands; the receiving ones differ in opcode
// and direction alone. ATA: ACS-4, TRUSTED SEND; SECURITY PROTOCOL in FEATURE, SP
// SPECIFIC in LBA 23:8, the number of blocks in COUNT 7:0 and LBA 7:0. SCSI: SPC-5,
// SECURITY PROTOCOL OUT; a length in bytes, INC_512 is 0. NVMe: Base 2.0, clauses
// 5.25 and 5.26; SECP in CDW10 31:24, SPSP in 23:8, the length in CDW11; no namespace.
func security(bus SecurityBus, protocol byte, specific uint16, data []byte, timeout time.Duration) (drive.Command, error) {
	n := len(data)
	if n == 0 || n > securityMax || n%securityBlock != 0 {
		return drive.Command{}, fmt.Errorf("%d bytes are no transfer to a security protocol", n)
	}
	c := drive.Command{Protocol: drive.ProtocolSCSI, Data: data, Timeout: timeout}
	switch bus {
	case SecurityATA:
		blocks := n / securityBlock
		c.Frame = []byte{0: 0x85, 1: 0x0a, 2: 0x06, 4: protocol, 6: byte(blocks), 8: byte(blocks >> 8),
			10: byte(specific), 12: byte(specific >> 8), 14: 0x5e, 15: 0}
	case SecuritySCSI:
		c.Frame = []byte{0: 0xb5, 1: protocol, 2: byte(specific >> 8), 3: byte(specific), 11: 0}
		binary.BigEndian.PutUint32(c.Frame[6:], uint32(n))
	case SecurityNVMe:
		c.Protocol, c.Frame = drive.ProtocolNVMe, make([]byte, 64)
		c.Frame[0] = 0x81
		binary.LittleEndian.PutUint32(c.Frame[40:], uint32(protocol)<<24|uint32(specific)<<8)
		binary.LittleEndian.PutUint32(c.Frame[44:], uint32(n))
	default:
		return drive.Command{}, fmt.Errorf("no way %d to a security protocol", bus)
	}
	return c, nil
}

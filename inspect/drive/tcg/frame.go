// Package tcg asks a drive for its TCG level 0 discovery, which changes nothing, and
// parses the answer: which Security Subsystem Class it has, whether locking is
// activated, whether it is locked. Sources: TCG Storage Architecture Core 2.01
// ('Core') clause 3.3.6, the SSC documents (Opal 2.01, Opalite 1.00, Pyrite 2.01,
// Ruby 1.00), Block SID Authentication 1.00.
//
// The package does no input or output. It opens no session: those who do stand
// under wipe.
package tcg

import (
	"encoding/binary"
	"time"

	"handback.example/inspect/drive"
)

// Protocol is the security protocol of the TCG, and ComIDDiscovery the one that
// answers with the level 0 discovery (Core clause 3.3.6).
const (
	Protocol       = 0x01
	ComIDDiscovery = 0x0001
)

// discoveryLength in bytes: as Linux asks (sed-opal), four blocks.
const discoveryLength = 2048

const timeout = 10 * time.Second

// DiscoveryATA frames TRUSTED RECEIVE (ACS-4; PIO, in ATA PASS-THROUGH(16)):
// security protocol in FEATURE, what is specific to it in LBA 23:8, the number of
// 512-byte blocks in COUNT 7:0 and LBA 7:0.
func DiscoveryATA() drive.Command {
	return in(drive.ProtocolSCSI, []byte{0: 0x85, 1: 0x08, 2: 0x0e, 4: Protocol, 6: discoveryLength / 512,
		10: ComIDDiscovery & 0xff, 12: ComIDDiscovery >> 8, 14: 0x5c, 15: 0})
}

// DiscoverySCSI frames SECURITY PROTOCOL IN (SPC-5); the length is in bytes, INC_512
// is 0, as Linux asks.
func DiscoverySCSI() drive.Command {
	cdb := []byte{0: 0xa2, 1: Protocol, 2: ComIDDiscovery >> 8, 3: ComIDDiscovery & 0xff, 11: 0}
	binary.BigEndian.PutUint32(cdb[6:], discoveryLength)
	return in(drive.ProtocolSCSI, cdb)
}

// DiscoveryNVMe frames Security Receive (Base 2.0, clause 5.25): SECP in CDW10 31:24,
// SPSP in 23:8, the length in CDW11; of the controller, so of no namespace.
func DiscoveryNVMe() drive.Command {
	f := make([]byte, 64)
	f[0] = 0x82
	binary.LittleEndian.PutUint32(f[40:], Protocol<<24|ComIDDiscovery<<8)
	binary.LittleEndian.PutUint32(f[44:], discoveryLength)
	return in(drive.ProtocolNVMe, f)
}

func in(p drive.Protocol, frame []byte) drive.Command {
	return drive.Command{Protocol: p, Frame: frame, Direction: drive.DirectionIn, Data: make([]byte, discoveryLength), Timeout: timeout}
}

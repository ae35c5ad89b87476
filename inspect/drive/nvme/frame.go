// Package nvme frames NVMe admin commands that destroy nothing and change
// nothing, and parses what they answer: Identify and Get Log Page of the NVM
// Express Base Specification 2.0 and the NVM Command Set Specification 1.0. The
// package does no input or output and never formats, sanitises or sets.
package nvme

import (
	"encoding/binary"
	"time"

	"handback.example/inspect/drive"
)

// AllNamespaces addresses a log page or command to the whole controller.
const AllNamespaces = 0xffffffff

const timeout = 10 * time.Second

// Values of CNS (Base 2.0, figure 273).
const (
	cnsNamespace   = 0x00
	cnsController  = 0x01
	cnsActive      = 0x02
	cnsDescriptors = 0x03
	cnsAllocated   = 0x10
	cnsControllers = 0x12
)

// IdentifyNamespace asks for the NVM command set's Identify Namespace data.
func IdentifyNamespace(nsid uint32) drive.Command { return identify(cnsNamespace, nsid) }

// IdentifyController asks for Identify Controller data.
func IdentifyController() drive.Command { return identify(cnsController, 0) }

// ActiveNamespaces asks for the active namespace IDs greater than after.
func ActiveNamespaces(after uint32) drive.Command { return identify(cnsActive, after) }

// NamespaceDescriptors asks for the Namespace Identification Descriptor list.
func NamespaceDescriptors(nsid uint32) drive.Command { return identify(cnsDescriptors, nsid) }

// AllocatedNamespaces asks for all namespace IDs of the subsystem greater than
// after, attached to this controller or not. Only controllers with namespace
// management (OACS bit 3) answer it.
func AllocatedNamespaces(after uint32) drive.Command { return identify(cnsAllocated, after) }

// AttachedControllers asks which controllers of the subsystem a namespace is
// attached to. Only controllers with namespace management answer it.
func AttachedControllers(nsid uint32) drive.Command { return identify(cnsControllers, nsid) }

// SMARTLog asks for the SMART / Health Information log page (02h) of the whole
// controller: 512 bytes.
func SMARTLog() drive.Command { return log(0x02, 512) }

// SanitizeLog asks for the Sanitize Status log page (81h): 512 bytes.
func SanitizeLog() drive.Command { return log(0x81, 512) }

// BootLog asks for the head of the Boot Partition log page (15h): 16 bytes, and
// nothing of what the boot partitions hold.
func BootLog() drive.Command { return log(0x15, 16) }

// log asks for the first n bytes of a log page of the whole controller.
func log(lid byte, n int) drive.Command {
	c := admin(0x02, AllNamespaces, n)
	// CDW10: NUMDL, the number of dwords less one, in 31:16; LID in 7:0.
	binary.LittleEndian.PutUint32(c.Frame[40:], uint32(n/4-1)<<16|uint32(lid))
	return c
}

func identify(cns byte, nsid uint32) drive.Command {
	c := admin(0x06, nsid, 4096)
	c.Frame[40] = cns
	return c
}

func admin(opcode byte, nsid uint32, n int) drive.Command {
	f := make([]byte, 64)
	f[0] = opcode
	binary.LittleEndian.PutUint32(f[4:], nsid)
	return drive.Command{Protocol: drive.ProtocolNVMe, Frame: f, Direction: drive.DirectionIn,
		Data: make([]byte, n), Timeout: timeout}
}

// CDW10 of an admin command: what its sub-function and options stand in.
func CDW10(c drive.Command) uint32 {
	if len(c.Frame) != 64 {
		return 0
	}
	return binary.LittleEndian.Uint32(c.Frame[40:])
}

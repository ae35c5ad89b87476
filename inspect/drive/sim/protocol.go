package sim

import "context"

// Model is what every model of a drive is, whatever it speaks.
type Model interface {
	// Name of the model for logs and tests: its serial, as a rule.
	Name() string
	// Media are all that a laboratory could read off the drive, hidden areas too.
	Media() []*Medium
	// PowerCycle takes the power away and gives it back; a command that is under way
	// is never answered.
	PowerCycle()
	// Reset is a reset of the bus or controller: the power stays.
	Reset()
	// Plug takes the drive out of its host and puts it back (with a power cycle).
	Plug(in bool)
	Plugged() bool
	// OnPlug tells a door of every change of Plugged. The function returns at once.
	OnPlug(func(in bool))
	// Trace is what was asked so far, the oldest first.
	Trace() []Entry
}

// Entry is one command in a model's trace, as it came over the wire: a task file
// as ata.TaskFile.Bytes lays it out, a CDB, a submission queue entry, an MMC
// command. Reads and writes of blocks are not kept.
type Entry struct {
	Frame  []byte
	Status uint16 // ATA: error<<8 | status; SCSI status; NVMe status field; MMC: 0 or 1
}

// SCSI is a model that takes CDBs: a SCSI drive, an ATA drive behind a SAT layer, a
// USB bridge.
type SCSI interface {
	Model
	// SCSI runs one command. An error means that no answer comes: the drive hangs,
	// was unplugged or lost its power.
	SCSI(ctx context.Context, r SCSIRequest) (SCSIReply, error)
}

// SCSIRequest is one command of an initiator.
type SCSIRequest struct {
	CDB []byte
	Out []byte // data to the drive
	In  int    // how many bytes the initiator takes at most
}

// SCSIReply is the drive's answer.
type SCSIReply struct {
	Status byte   // SAM-5 table 33
	Sense  []byte // in either format, or none
	In     []byte // data from the drive, In bytes at most
}

// NVMe is a model that takes submission queue entries.
type NVMe interface {
	Model
	// Admin and IO run one command of the admin queue and of an I/O queue. Pointers in
	// the entry are the door's matter. An error means that no completion comes.
	Admin(ctx context.Context, r NVMeRequest) (NVMeReply, error)
	IO(ctx context.Context, r NVMeRequest) (NVMeReply, error)
	// OnEvent tells a door of an asynchronous event (dword 0 of its completion).
	OnEvent(func(dword0 uint32))
}

// NVMeRequest is one submission queue entry with its data.
type NVMeRequest struct {
	SQE [64]byte
	Out []byte
	In  int
}

// NVMeReply is what a completion queue entry says.
type NVMeReply struct {
	Status uint16 // status field without the phase: DNR 14, More 13, SCT 10:8, SC 7:0
	Result uint32 // dword 0
	In     []byte
}

// MMC is a model of an eMMC or SD card that takes commands of its bus.
type MMC interface {
	Model
	// MMC runs one command; data goes one way.
	MMC(ctx context.Context, r MMCRequest) (MMCReply, error)
}

// MMCRequest is one command of the bus (JESD84-B51 clause 6.10).
type MMCRequest struct {
	Index byte
	Arg   uint32
	Out   []byte
	In    int
}

// MMCReply is the response of a card.
type MMCReply struct {
	Status uint32 // R1: the card's status register
	In     []byte
}

// TCG is the security subsystem of a drive (TCG Storage): what TRUSTED SEND and
// RECEIVE, SECURITY PROTOCOL IN and OUT and NVMe Security Send and Receive reach. A
// drive that has none has a nil TCG.
type TCG interface {
	// Send and Receive move one transfer of a security protocol; false: refused
	// (invalid parameter).
	Send(protocol byte, specific uint16, data []byte) bool
	Receive(protocol byte, specific uint16, n int) ([]byte, bool)
	// Locked says that the whole user area can't be read, or not be written, now.
	Locked() (read, write bool)
	// PowerCycle ends sessions and locks what locks at a reset.
	PowerCycle()
}

// SwitchOn is what a drive goes through when its machine is switched on: it gets
// power, and the machine's firmware looks at it (and may freeze its security, for
// which a model has a method Boot).
func SwitchOn(m Model) {
	if b, ok := m.(interface{ Boot() }); ok {
		b.Boot()
		return
	}
	m.PowerCycle()
}

package ata

import (
	"encoding/binary"

	"handback.example/inspect/drive/sim"
)

// TaskFile is one ATA command as a host writes it into the registers.
type TaskFile struct {
	Command, Device byte
	Features, Count uint16
	LBA             uint64 // 48 bits
	// Extend: the high bytes of features, count and LBA are sent too.
	Extend bool
}

// FrameSize is the length of a task file in a trace.
const FrameSize = 14

// Bytes lays a task file out for the trace: extend (0 or 1), features high and
// low, count high and low, LBA 47:0 with its highest byte first, device, command, 0.
func (t TaskFile) Bytes() []byte {
	var b [FrameSize]byte
	if t.Extend {
		b[0] = 1
	}
	binary.BigEndian.PutUint16(b[1:], t.Features)
	binary.BigEndian.PutUint16(b[3:], t.Count)
	binary.BigEndian.PutUint16(b[5:], uint16(t.LBA>>32))
	binary.BigEndian.PutUint32(b[7:], uint32(t.LBA))
	b[11], b[12] = t.Device, t.Command
	return b[:]
}

// seen is the task file as the drive sees it: without Extend there are no high
// bytes, and LBA 27:24 stand in the device register.
func (t TaskFile) seen() TaskFile {
	if t.Extend {
		t.LBA &= 1<<48 - 1
		return t
	}
	t.Features &= 0xff
	t.Count &= 0xff
	t.LBA = t.LBA&0xffffff | uint64(t.Device&0xf)<<24
	return t
}

// Registers are a drive's answer.
type Registers struct {
	Error, Status, Device byte
	Count                 uint16
	LBA                   uint64
	// Sense is no register: it is what the script says about the sense data in which
	// this answer travels on.
	Sense sim.SenseForm
}

// Bits of the status register and of the error register (ACS-4 clause 6).
const (
	statusError     = 0x01
	statusFault     = 0x20
	statusBusy      = 0x80 // in a trace: no answer came
	statusReady     = 0x50 // DRDY, and bit 4, which was 'seek complete'
	errorAbort      = 0x04
	errorIDNotFound = 0x10
	errorUncorrect  = 0x40
)

// Failed: the command ended in an error or a device fault.
func (r Registers) Failed() bool { return r.Status&(statusError|statusFault) != 0 }

// deviceLBA is the bit of the device register that says 'LBA'.
const deviceLBA = 0x40

// request is a command on its way through the model.
type request struct {
	TaskFile // as the drive sees it
	out      []byte
	action   sim.Action
}

// answer is what becomes of it.
type answer struct {
	regs Registers
	in   []byte
	unit *unitErase // the answer comes when this is over
}

func ok() answer { return answer{regs: Registers{Status: statusReady, Device: deviceLBA}} }

func data(b []byte) answer {
	a := ok()
	a.in = b
	return a
}

func failed(bits byte, lba uint64) answer {
	return answer{regs: Registers{Status: statusReady | statusError, Error: bits, Device: deviceLBA, LBA: lba}}
}

func aborted() answer { return failed(errorAbort, 0) }

// lba28 puts an address where a 28-bit command answers it: 27:24 into the device
// register.
func (a answer) lba28(lba uint64) answer {
	a.regs.LBA = lba & 0xffffff
	a.regs.Device = deviceLBA | byte(lba>>24)&0xf
	return a
}

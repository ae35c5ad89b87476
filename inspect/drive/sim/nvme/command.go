package nvme

import (
	"encoding/binary"
	"math"

	"handback.example/inspect/drive/sim"
)

var le = binary.LittleEndian

// Admin commands (Base 2.0, figure 138).
const (
	opGetLogPage       = 0x02
	opIdentify         = 0x06
	opAbort            = 0x08
	opSetFeatures      = 0x09
	opGetFeatures      = 0x0a
	opAsyncEvent       = 0x0c
	opNamespaceManage  = 0x0d
	opSelfTest         = 0x14
	opNamespaceAttach  = 0x15
	opKeepAlive        = 0x18
	opFormat           = 0x80
	opSecuritySend     = 0x81
	opSecurityReceive  = 0x82
	opSanitize         = 0x84
	opDeleteSubmission = 0x00
	opCreateSubmission = 0x01
	opDeleteCompletion = 0x04
	opCreateCompletion = 0x05
)

// I/O commands (Base 2.0, figure 390; NVM 1.0, figure 13).
const (
	opFlush              = 0x00
	opWrite              = 0x01
	opRead               = 0x02
	opWriteUncorrectable = 0x04
	opCompare            = 0x05
	opWriteZeroes        = 0x08
	opDSM                = 0x09
	opVerify             = 0x0c
)

// status is the status field of a completion without the phase: DNR 14, SCT 10:8,
// SC 7:0 (Base 2.0, figures 92 to 98). Errors that come again when the host tries
// again have Do Not Retry set.
type status uint16

const (
	success            status = 0x0000
	invalidOpcode      status = 0x4001
	invalidField       status = 0x4002
	internalError      status = 0x0006
	invalidNamespace   status = 0x400b
	sglLengthInvalid   status = 0x400f
	operationDenied    status = 0x4015
	sanitizeFailed     status = 0x001c
	sanitizeInProgress status = 0x001d
	writeProtected     status = 0x4020
	lbaOutOfRange      status = 0x4080
	formatInProgress   status = 0x0084

	asyncEventLimit     status = 0x4105
	invalidLogPage      status = 0x4109
	invalidFormat       status = 0x410a
	notSaveable         status = 0x410d
	notChangeable       status = 0x410e
	insufficientSpace   status = 0x4115
	noIdentifier        status = 0x4116
	alreadyAttached     status = 0x4118
	isPrivate           status = 0x4119
	notAttached         status = 0x411a
	thinNotSupported    status = 0x411b
	controllerListBad   status = 0x411c
	selfTestInProgress  status = 0x411d
	ioCommandSetInvalid status = 0x4129

	writeFault     status = 0x0280
	unrecovered    status = 0x0281
	compareFailure status = 0x4285
	accessDenied   status = 0x4286
)

// allNamespaces is the broadcast NSID.
const allNamespaces = 0xffffffff

// command is one submission queue entry (Base 2.0, figure 87) with its data.
type command struct {
	sqe   [64]byte
	io    bool
	out   []byte
	in    int
	fault sim.Action
	// what the TCG said when the command came
	readLocked, writeLocked bool
}

func newCommand(r sim.NVMeRequest, io bool) *command {
	return &command{sqe: r.SQE, io: io, out: r.Out, in: max(0, r.In)}
}

func (c *command) opcode() byte { return c.sqe[0] }
func (c *command) fused() bool  { return c.sqe[1]&3 != 0 }
func (c *command) cid() uint16  { return le.Uint16(c.sqe[2:]) }
func (c *command) nsid() uint32 { return le.Uint32(c.sqe[4:]) }

// dw gives Command Dword n, 10 to 15.
func (c *command) dw(n int) uint32 { return le.Uint32(c.sqe[4*n:]) }

// lba and blocks of the commands that have them (NVM 1.0, clause 3.2).
func (c *command) lba() uint64    { return uint64(c.dw(11))<<32 | uint64(c.dw(10)) }
func (c *command) blocks() uint64 { return uint64(c.dw(12)&0xffff) + 1 }

// call is the command as a script of faults sees it.
func (c *command) call() sim.Call {
	k := sim.Call{Opcode: c.opcode(), IO: c.io, Sub: c.dw(10)}
	if !c.io {
		action := c.dw(10) & 7
		k.Erases = c.opcode() == opFormat || c.opcode() == opSanitize && action >= actBlock && action <= actCrypto
		return k
	}
	switch c.opcode() {
	case opRead, opCompare, opVerify:
		k.Reads = true
	case opWrite, opWriteZeroes, opWriteUncorrectable:
		k.Writes = true
	default:
		return k
	}
	k.LBA, k.Blocks = c.lba(), c.blocks()
	if k.LBA > math.MaxUint64-k.Blocks {
		k.LBA, k.Blocks = 0, 0 // out of any range: refused below
	}
	return k
}

// reply is what a handler answers.
type reply struct {
	status status
	result uint32
	in     []byte
}

func refuse(s status) reply { return reply{status: s} }

// give answers with data, as much of it as the host takes.
func (c *command) give(p []byte) reply {
	return reply{in: p[:min(len(p), c.in)]}
}

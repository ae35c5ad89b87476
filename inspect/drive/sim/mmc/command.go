package mmc

import (
	"context"
	"encoding/binary"

	"handback.example/inspect/drive/sim"
)

// Bits of the card's status (clause 6.13, table 68).
const (
	bitOutOfRange     = 1 << 31
	bitMisaligned     = 1 << 30
	bitBlockLength    = 1 << 29
	bitEraseSequence  = 1 << 28
	bitEraseParam     = 1 << 27
	bitWPViolation    = 1 << 26
	bitIllegalCommand = 1 << 22
	bitECCFailed      = 1 << 21
	bitError          = 1 << 19
	bitWPEraseSkip    = 1 << 15
	bitEraseReset     = 1 << 13
	bitReadyForData   = 1 << 8
	bitSwitchError    = 1 << 7
	bitAppCommand     = 1 << 5

	bitErrors = 0xfdffa080
)

// request is a command with what the script makes of it.
type request struct {
	sim.MMCRequest
	sim.Action
}

// handler of a command: the states in which it is legal, and what it does. The error
// bits that it gives stand in the command's own R1.
type handler struct {
	states []state
	run    func(d *Drive, r request) (in []byte, bits uint32)
}

// inTransfer is where most commands are legal (clause 6.10, table 60).
var inTransfer = []state{stateTransfer}

// commands by index. Others are illegal.
var commands = map[byte]handler{
	3:  {[]state{stateIdentification}, (*Drive).setAddress},
	5:  {[]state{stateStandby, stateSleep}, (*Drive).sleepAwake},
	6:  {inTransfer, (*Drive).switchByte},
	8:  {inTransfer, func(d *Drive, _ request) ([]byte, uint32) { return d.extCSD(), 0 }},
	12: {[]state{stateData, stateReceive}, (*Drive).stop},
	13: {[]state{stateStandby, stateTransfer, stateData, stateReceive, stateProgramming, stateDisconnect}, (*Drive).sendStatus},
	16: {inTransfer, (*Drive).setBlockLength},
	17: {inTransfer, (*Drive).readBlocks},
	18: {inTransfer, (*Drive).readBlocks},
	23: {inTransfer, (*Drive).setBlockCount},
	24: {inTransfer, (*Drive).writeBlocks},
	25: {inTransfer, (*Drive).writeBlocks},
	28: {inTransfer, (*Drive).setProtection},
	29: {inTransfer, (*Drive).clearProtection},
	30: {inTransfer, (*Drive).sendProtection},
	31: {inTransfer, (*Drive).sendProtectionType},
	35: {inTransfer, (*Drive).eraseStart},
	36: {inTransfer, (*Drive).eraseEnd},
	38: {inTransfer, (*Drive).eraseNow},
	55: {[]state{stateStandby, stateTransfer}, func(d *Drive, _ request) ([]byte, uint32) { d.app = true; return nil, bitAppCommand }},
}

// MMC runs one command of the bus.
func (d *Drive) MMC(ctx context.Context, r sim.MMCRequest) (sim.MMCReply, error) {
	a, err := d.Begin(ctx, d.call(r))
	if err != nil {
		return sim.MMCReply{}, err
	}
	d.Mu.Lock()
	d.advance()
	d.change(a)
	reply, err := d.run(request{r, a})
	d.Mu.Unlock()
	if r.Index < 17 || r.Index > 25 || r.Index == 23 {
		d.Note(binary.BigEndian.AppendUint32([]byte{r.Index}, r.Arg), traced(reply, err))
	}
	return reply, err
}

func traced(r sim.MMCReply, err error) uint16 {
	if err != nil || r.Status&bitErrors != 0 {
		return 1
	}
	return 0
}

// call is the command as faults see it.
func (d *Drive) call(r sim.MMCRequest) sim.Call {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	c := sim.Call{Opcode: r.Index, Sub: r.Arg}
	at := uint64(r.Arg)
	if !d.bySector() {
		at /= sector
	}
	switch r.Index {
	case 17, 18:
		c.Reads, c.LBA, c.Blocks = true, at, uint64(max(r.In, 0)/sector)
	case 24, 25:
		c.Writes, c.LBA, c.Blocks = true, at, uint64(len(r.Out)/sector)
	case 38:
		c.Erases = true
		if s := d.erase; s.started && s.ended && s.end >= s.start {
			c.LBA, c.Blocks = s.start, s.end-s.start+1
		}
	case 6:
		c.Erases = r.Arg>>16&0xff == extSanitizeStart
	}
	return c
}

// change makes another drive of this one, as the script says.
func (d *Drive) change(a sim.Action) {
	if a.Become != "" {
		d.makeCID(a.Become)
	}
	if a.Shrink > 0 {
		d.shrunk = uint32(min(a.Shrink, uint64(binary.LittleEndian.Uint32(d.ext[extSectors:]))))
	}
}

// run decides whether a command is legal now, and makes its R1.
func (d *Drive) run(r request) (sim.MMCReply, error) {
	if d.state == stateInactive {
		return sim.MMCReply{}, ErrNoResponse
	}
	d.eraseBroken(r.Index)
	if in, status, known := d.identification(r); known {
		return sim.MMCReply{Status: status, In: cut(in, r.In)}, nil
	}
	app := d.app
	d.app = false
	h, ok := commands[r.Index]
	if !ok || app || !d.legalIn(h.states) || !d.addressed(r) || !d.inArea(r.Index) {
		return d.illegal()
	}
	if r.Index != 18 && r.Index != 25 && r.Index != 23 {
		d.count = 0 // CMD23 is for the very next command (clause 6.7.3)
	}
	was, before := d.state, d.pending
	d.pending = 0
	in, bits := []byte(nil), uint32(bitError)
	if !r.Abort {
		in, bits = h.run(d, r)
	}
	return sim.MMCReply{Status: d.r1(was, before|bits), In: cut(in, r.In)}, nil
}

// r1 of a command that came in a state (its own CURRENT_STATE).
func (d *Drive) r1(was state, bits uint32) uint32 {
	s := bits | uint32(was)<<9
	if was == stateTransfer || was == stateStandby {
		s |= bitReadyForData
	}
	return s
}

func (d *Drive) legalIn(states []state) bool {
	for _, s := range states {
		if s == d.state {
			return true
		}
	}
	return false
}

// addressed: commands with a relative address that is another's are not for us.
func (d *Drive) addressed(r request) bool {
	switch r.Index {
	case 5, 13, 55:
		return uint16(r.Arg>>16) == d.rca
	}
	return true
}

// inArea: in RPMB only its own frames are taken, which the model does not know
// (clause 6.6.22).
func (d *Drive) inArea(index byte) bool {
	return d.ext[extPartitionConfig]&7 != areaRPMB || index < 16 || index == 23
}

// illegal: no answer, and the next R1 tells (clause 6.13).
func (d *Drive) illegal() (sim.MMCReply, error) {
	d.pending |= bitIllegalCommand
	return sim.MMCReply{}, ErrNoResponse
}

func cut(b []byte, n int) []byte { return b[:max(0, min(n, len(b)))] }

// identification are the commands that bring a card from the bus to its address
// (clause 6.4): those whose answer is no R1, or none.
func (d *Drive) identification(r request) (in []byte, status uint32, known bool) {
	mine := uint16(r.Arg>>16) == d.rca
	switch {
	case r.Index == 0 && r.Arg == 0:
		d.start()
		return nil, 0, true
	case r.Index == 1 && (d.state == stateIdle || d.state == stateReady):
		d.state = stateReady
		return nil, d.ocr(), true // R3
	case r.Index == 2 && d.state == stateReady:
		d.state = stateIdentification
		return d.cid[:], 0, true // R2
	case r.Index == 9 && d.state == stateStandby && mine:
		return d.csd[:], 0, true
	case r.Index == 10 && d.state == stateStandby && mine:
		return d.cid[:], 0, true
	case r.Index == 15 && mine && d.state >= stateStandby:
		d.state = stateInactive
		return nil, 0, true
	case r.Index == 7:
		return d.selectCard(mine)
	}
	return nil, 0, false
}

// selectCard is CMD7: it selects this card, or another, which is not answered here.
func (d *Drive) selectCard(mine bool) (in []byte, status uint32, known bool) {
	was, bits := d.state, d.pending
	switch {
	case mine && d.state == stateStandby:
		d.state = stateTransfer
	case mine && d.state == stateDisconnect:
		d.state = stateProgramming
	case !mine && (d.state == stateTransfer || d.state == stateData):
		d.state = stateStandby
		return nil, 0, true
	case !mine && d.state == stateProgramming:
		d.state = stateDisconnect
		return nil, 0, true
	default:
		return nil, 0, false
	}
	d.pending = 0
	return nil, d.r1(was, bits), true
}

func (d *Drive) setAddress(r request) ([]byte, uint32) {
	if d.rca = uint16(r.Arg >> 16); d.rca == 0 {
		return nil, bitError
	}
	d.state = stateStandby
	return nil, 0
}

// sleepAwake is CMD5; bit 15 puts the card to sleep.
func (d *Drive) sleepAwake(r request) ([]byte, uint32) {
	if d.state = stateStandby; r.Arg&0x8000 != 0 {
		d.state = stateSleep
	}
	return nil, 0
}

// stop ends a transfer without a count.
func (d *Drive) stop(request) ([]byte, uint32) {
	d.state = stateTransfer
	return nil, 0
}

// sendStatus; bit 0 breaks off what is under way where the host has switched that on
// (HPI, clause 6.6.25).
func (d *Drive) sendStatus(r request) ([]byte, uint32) {
	if r.Arg&1 != 0 && d.state == stateProgramming && d.ext[extHPIFeatures]&1 != 0 && d.ext[extHPIManagement]&1 != 0 {
		d.busy, d.state = work{}, stateTransfer
	}
	return nil, 0
}

// SetUp does what a host does with a card that has power: it gives it an address and
// selects it (clause 6.4).
func (d *Drive) SetUp(ctx context.Context, rca uint16) error {
	address := uint32(rca) << 16
	for _, c := range []sim.MMCRequest{{Index: 0}, {Index: 1, Arg: 0x40ff8000}, {Index: 2, In: 16}, {Index: 3, Arg: address}, {Index: 7, Arg: address}} {
		if _, err := d.MMC(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

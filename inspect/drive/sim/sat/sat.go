package sat

import (
	"context"
	"encoding/binary"
	"sync"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
)

// Config is the character of the layer.
type Config struct {
	// Sense is the form of all sense data; as asked: what D_SENSE of the control mode
	// page says, but that the registers of a command that went well (CK_COND) come in
	// a descriptor in any case, as from libata.
	Sense sim.SenseForm
	// DescriptorSense is D_SENSE after a power-up.
	DescriptorSense bool
	// NoPassThrough: ATA PASS-THROUGH is refused as an unknown command.
	NoPassThrough bool
	// NoAttention: no unit attention after a reset or a power cycle.
	NoAttention bool
}

// SAT is an ATA drive that takes CDBs.
type SAT struct {
	*ata.Drive
	cfg Config

	mu          sync.Mutex
	descriptors bool // D_SENSE
	attention   bool // a reset that the initiator was not told of yet
	last        passed
}

// passed is the answer to the last pass-through command.
type passed struct {
	regs   ata.Registers
	extend bool
}

var _ sim.SCSI = (*SAT)(nil)

// New puts a layer over a drive.
func New(drive *ata.Drive, c Config) *SAT {
	s := &SAT{Drive: drive, cfg: c, descriptors: c.DescriptorSense}
	drive.OnPower(func(on bool) {
		if on {
			s.reset()
		}
	})
	return s
}

func (s *SAT) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.descriptors, s.attention = s.cfg.DescriptorSense, !s.cfg.NoAttention
}

// Reset of the bus: the initiator hears of it with its next command.
func (s *SAT) Reset() {
	s.Drive.Reset()
	s.reset()
}

// Status bytes (SAM-5 table 33).
const (
	statusGood  = 0x00
	statusCheck = 0x02
)

// Sense keys (SPC-5 table 48).
const (
	keyNone      = 0x0
	keyRecovered = 0x1
	keyNotReady  = 0x2
	keyMedium    = 0x3
	keyHardware  = 0x4
	keyIllegal   = 0x5
	keyAttention = 0x6
	keyAborted   = 0xb
)

// what went wrong: key, additional sense code and qualifier.
type what struct{ key, asc, ascq byte }

// Additional sense (SPC-5 annex F).
var (
	noSense        = what{keyNone, 0x00, 0x00}
	passInfo       = what{keyRecovered, 0x00, 0x1d} // ATA PASS-THROUGH INFORMATION AVAILABLE
	sanitizing     = what{keyNotReady, 0x04, 0x1b}
	sanitizeFailed = what{keyMedium, 0x31, 0x03}
	badOpcode      = what{keyIllegal, 0x20, 0x00}
	outOfRange     = what{keyIllegal, 0x21, 0x00}
	badField       = what{keyIllegal, 0x24, 0x00}
	badParameter   = what{keyIllegal, 0x26, 0x00}
	badLength      = what{keyIllegal, 0x1a, 0x00} // PARAMETER LIST LENGTH ERROR
	noSaving       = what{keyIllegal, 0x39, 0x00}
	wasReset       = what{keyAttention, 0x29, 0x00}
	notDone        = what{keyAborted, 0x00, 0x00}
)

// command is one CDB on its way.
type command struct {
	ctx context.Context
	sim.SCSIRequest
	cdb  []byte // as long as its group has it
	form sim.SenseForm
}

func (c *command) be16(at int) uint16 { return binary.BigEndian.Uint16(c.cdb[at:]) }
func (c *command) be32(at int) uint32 { return binary.BigEndian.Uint32(c.cdb[at:]) }
func (c *command) be64(at int) uint64 { return binary.BigEndian.Uint64(c.cdb[at:]) }

// handler runs a command. sub, where there is one, tells what the command is about
// (page or service action), and says that the layer answers it by itself.
type handler struct {
	run func(*SAT, *command) (sim.SCSIReply, error)
	sub func([]byte) uint32
	// attends: a unit attention does not keep it from running.
	attends bool
	// medium: it waits for the end of a sanitize.
	medium bool
}

var handlers map[byte]handler

func init() {
	none := func([]byte) uint32 { return 0 }
	second := func(b []byte) uint32 { return uint32(b[2]) }
	action := func(b []byte) uint32 { return uint32(b[1] & 0x1f) }
	handlers = map[byte]handler{
		0x00: {run: (*SAT).testUnitReady, sub: none, medium: true},
		0x03: {run: (*SAT).requestSense, sub: none, attends: true},
		0x12: {run: (*SAT).inquiry, sub: second, attends: true},
		0x15: {run: (*SAT).modeSelect}, 0x55: {run: (*SAT).modeSelect},
		0x1a: {run: (*SAT).modeSense, sub: second}, 0x5a: {run: (*SAT).modeSense, sub: second},
		0x1b: {run: (*SAT).startStop, medium: true},
		0x25: {run: (*SAT).readCapacity10, sub: none},
		0x9e: {run: (*SAT).serviceActionIn, sub: action},
		0x4d: {run: (*SAT).logSense, sub: second},
		0xa0: {run: (*SAT).reportLUNs, sub: none, attends: true},
		0xa3: {run: (*SAT).maintenanceIn, sub: action},

		0x08: {run: (*SAT).read, medium: true}, 0x28: {run: (*SAT).read, medium: true},
		0xa8: {run: (*SAT).read, medium: true}, 0x88: {run: (*SAT).read, medium: true},
		0x0a: {run: (*SAT).write, medium: true}, 0x2a: {run: (*SAT).write, medium: true},
		0xaa: {run: (*SAT).write, medium: true}, 0x8a: {run: (*SAT).write, medium: true},
		0x2f: {run: (*SAT).verify, medium: true}, 0xaf: {run: (*SAT).verify, medium: true}, 0x8f: {run: (*SAT).verify, medium: true},
		0x35: {run: (*SAT).synchronize, medium: true}, 0x91: {run: (*SAT).synchronize, medium: true},
		0x42: {run: (*SAT).unmap, medium: true},
		0x93: {run: (*SAT).writeSame, medium: true},
		0xa2: {run: (*SAT).securityIn}, 0xb5: {run: (*SAT).securityOut},

		0xa1: {run: (*SAT).passThrough}, 0x85: {run: (*SAT).passThrough}, 0x7f: {run: (*SAT).passThrough},
	}
}

// cdbSize by the group code of the opcode (SPC-5 clause 4.2.5.1).
var cdbSize = [8]int{6, 10, 10, 32, 16, 12, 0, 0}

// SCSI runs one command.
func (s *SAT) SCSI(ctx context.Context, r sim.SCSIRequest) (sim.SCSIReply, error) {
	c := &command{ctx: ctx, SCSIRequest: r}
	if len(r.CDB) == 0 {
		return s.refuse(c, badOpcode), nil
	}
	h, known := handlers[r.CDB[0]]
	size := cdbSize[r.CDB[0]>>5]
	switch {
	case !known, s.cfg.NoPassThrough && isPassThrough(r.CDB[0]):
		return s.unknown(c)
	case len(r.CDB) < size:
		return s.refuse(c, badField), nil
	}
	c.cdb = r.CDB[:size]
	if h.sub == nil {
		return s.checked(c, h)
	}
	a, err := s.Begin(ctx, sim.Call{Opcode: c.cdb[0], Sub: h.sub(c.cdb)})
	if err != nil {
		return sim.SCSIReply{}, err
	}
	c.form = a.Sense
	var reply sim.SCSIReply
	if a.Abort {
		reply = s.refuse(c, badField)
	} else {
		reply, err = s.checked(c, h)
	}
	s.Note(r.CDB, uint16(reply.Status))
	return reply, err
}

func isPassThrough(op byte) bool { return op == 0xa1 || op == 0x85 || op == 0x7f }

// unknown refuses a command that the layer does not have; it is counted.
func (s *SAT) unknown(c *command) (sim.SCSIReply, error) {
	a, err := s.Begin(c.ctx, sim.Call{Opcode: c.CDB[0]})
	if err != nil {
		return sim.SCSIReply{}, err
	}
	c.form = a.Sense
	reply := s.refuse(c, badOpcode)
	s.Note(c.CDB, uint16(reply.Status))
	return reply, nil
}

// checked runs a command where neither a reset nor a sanitize stands in its way.
func (s *SAT) checked(c *command, h handler) (sim.SCSIReply, error) {
	if !h.attends && s.attend() {
		return s.refuse(c, wasReset), nil
	}
	if h.medium {
		running, failed, progress := s.Sanitizing()
		switch {
		case running:
			return s.check(c, sense{what: sanitizing, progress: &progress}), nil
		case failed:
			return s.refuse(c, sanitizeFailed), nil
		}
	}
	reply, err := h.run(s, c)
	if len(reply.In) > c.In {
		reply.In = reply.In[:max(0, c.In)]
	}
	return reply, err
}

// attend takes a unit attention that waits.
func (s *SAT) attend() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	waits := s.attention
	s.attention = false
	return waits
}

func good(in []byte) (sim.SCSIReply, error) { return sim.SCSIReply{Status: statusGood, In: in}, nil }

// upTo cuts data at an allocation length.
func upTo(b []byte, n int) (sim.SCSIReply, error) { return good(b[:min(len(b), n)]) }

package ata

import "handback.example/inspect/drive/sim"

// command is what the model knows of one.
type command struct {
	run func(*Drive, *request) answer
	// locked: it runs while the drive is locked (ACS-4 table 'Security command
	// actions').
	locked bool
	// effect: it changes something and brings no data, so that it can pretend.
	effect bool
	wakes  bool // it needs the medium
}

// Command codes (ACS-4 annex B; ACS-3 for those of HPA and DCO).
const (
	cmdDataSet          = 0x06
	cmdReadNativeExt    = 0x27
	cmdReadLog          = 0x2f
	cmdSetMaxExt        = 0x37
	cmdReadLogDMA       = 0x47
	cmdReadFPDMA        = 0x60
	cmdWriteFPDMA       = 0x61
	cmdAMA              = 0x78
	cmdSMART            = 0xb0
	cmdDCO              = 0xb1
	cmdSanitize         = 0xb4
	cmdIdleImmediate    = 0xe1
	cmdIdentify         = 0xec
	cmdSetFeatures      = 0xef
	cmdSecuritySet      = 0xf1
	cmdSecurityUnlock   = 0xf2
	cmdErasePrepare     = 0xf3
	cmdEraseUnit        = 0xf4
	cmdSecurityFreeze   = 0xf5
	cmdSecurityDisable  = 0xf6
	cmdReadNative       = 0xf8
	cmdSetMax           = 0xf9
	cmdRequestSenseData = 0x0b
)

// commands by code. What is not here is aborted: NOP always is, so are IDENTIFY
// PACKET DEVICE by a drive that is no packet device, microcode and log writes.
var commands = map[byte]command{
	cmdIdentify:      {run: (*Drive).identifyDevice, locked: true},
	cmdDataSet:       {run: (*Drive).dataSet, effect: true, wakes: true},
	cmdReadNativeExt: {run: (*Drive).readNative, locked: true},
	cmdReadNative:    {run: (*Drive).readNative, locked: true},
	cmdSetMaxExt:     {run: (*Drive).setMaxExt, effect: true},
	cmdSetMax:        {run: (*Drive).setMax, effect: true},
	cmdAMA:           {run: (*Drive).accessibleMax, locked: true},
	cmdDCO:           {run: (*Drive).overlay},
	cmdReadLog:       {run: (*Drive).readLog, locked: true},
	cmdReadLogDMA:    {run: (*Drive).readLog, locked: true},
	cmdSMART:         {run: (*Drive).smartCommand, locked: true},
	cmdSanitize:      {run: (*Drive).sanitizeDevice},
	cmdSetFeatures:   {run: (*Drive).setFeatures, locked: true, effect: true},

	cmdSecuritySet:     {run: (*Drive).setPassword, effect: true},
	cmdSecurityUnlock:  {run: (*Drive).unlock, locked: true, effect: true},
	cmdErasePrepare:    {run: (*Drive).erasePrepare, locked: true},
	cmdEraseUnit:       {run: (*Drive).eraseUnit, locked: true},
	cmdSecurityFreeze:  {run: (*Drive).freezeLock, effect: true},
	cmdSecurityDisable: {run: (*Drive).disablePassword, effect: true},

	0x5c: {run: (*Drive).trustedReceive}, 0x5d: {run: (*Drive).trustedReceive},
	0x5e: {run: (*Drive).trustedSend, effect: true}, 0x5f: {run: (*Drive).trustedSend, effect: true},

	0x90:             {run: func(*Drive, *request) answer { return diagnostic() }, locked: true},
	0xc6:             {run: (*Drive).setMultiple, locked: true},
	0xe0:             {run: (*Drive).powerMode, locked: true}, // STANDBY IMMEDIATE
	cmdIdleImmediate: {run: (*Drive).powerMode, locked: true},
	0xe2:             {run: (*Drive).powerMode, locked: true}, // STANDBY
	0xe3:             {run: (*Drive).powerMode, locked: true}, // IDLE
	0xe5:             {run: (*Drive).checkPower, locked: true},
	0xe6:             {run: (*Drive).powerMode, locked: true}, // SLEEP
	0xe7:             {run: (*Drive).flush, wakes: true},      // FLUSH CACHE
	0xea:             {run: (*Drive).flush, wakes: true},      // FLUSH CACHE EXT
}

// transfers are the commands that move or verify blocks (ACS-4 clause 7; the
// MULTIPLE and the 'without retry' forms as ATA/ATAPI-7 has them).
var transfers = map[byte]transfer{
	0x20: {reads: true}, 0x21: {reads: true}, 0x24: {reads: true, ext: true}, // READ SECTOR(S)
	0xc4: {reads: true, multiple: true}, 0x29: {reads: true, ext: true, multiple: true},
	0xc8: {reads: true}, 0xc9: {reads: true}, 0x25: {reads: true, ext: true}, // READ DMA
	cmdReadFPDMA: {reads: true, ext: true, queued: true},
	0x40:         {reads: true, verify: true}, 0x41: {reads: true, verify: true}, 0x42: {reads: true, ext: true, verify: true},
	0x30: {writes: true}, 0x31: {writes: true}, 0x34: {writes: true, ext: true}, // WRITE SECTOR(S)
	0xc5: {writes: true, multiple: true}, 0x39: {writes: true, ext: true, multiple: true}, 0xce: {writes: true, ext: true, multiple: true},
	0xca: {writes: true}, 0xcb: {writes: true}, 0x35: {writes: true, ext: true}, 0x3d: {writes: true, ext: true}, // WRITE DMA
	cmdWriteFPDMA: {writes: true, ext: true, queued: true},
}

func init() {
	for code, t := range transfers {
		commands[code] = command{run: t.run, wakes: true}
	}
}

// call is the command as faults see it.
func (d *Drive) call(t TaskFile) sim.Call {
	c := sim.Call{Opcode: t.Command, Sub: uint32(t.Features)}
	if x, is := transfers[t.Command]; is {
		c.LBA, c.Blocks = t.LBA, x.blocks(t)
		c.Reads, c.Writes = x.reads, x.writes
		if x.queued {
			c.Sub = 0 // features are a number of blocks
		}
	}
	c.Erases = t.Command == cmdEraseUnit || t.Command == cmdSanitize &&
		(t.Features == sanitizeCrypto || t.Features == sanitizeBlock || t.Features == sanitizeOverwrite)
	return c
}

// allowedLocked: what runs while security is locked.
func (d *Drive) allowedLocked(c command, r *request) bool {
	switch r.Command {
	case cmdAMA:
		return r.Features == amaGetNative
	case cmdSanitize:
		return d.sanitizeWhileLocked(r)
	}
	return c.locked
}

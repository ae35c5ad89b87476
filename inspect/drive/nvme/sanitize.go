package nvme

import (
	"fmt"
	"time"
)

// SanitizeState is the status of the most recent sanitize, SSTAT 2:0 (Base 2.0,
// figure 268). 5 to 7 are of no use here: 5 waits for a verification of the media
// that only who asked for it can end (Base 2.1).
type SanitizeState uint8

const (
	SanitizeNever       SanitizeState = 0
	SanitizeDone        SanitizeState = 1
	SanitizeRunning     SanitizeState = 2
	SanitizeFailed      SanitizeState = 3
	SanitizeDeallocated SanitizeState = 4 // done, and the blocks are deallocated against the host's wish
)

// Succeeded: the most recent sanitize ended well.
func (s SanitizeState) Succeeded() bool { return s == SanitizeDone || s == SanitizeDeallocated }

// Sanitize Actions, bits 2:0 of the CDW10 that a sanitize was started with (Base 2.0,
// figure 336).
const (
	ActionBlock     = 2
	ActionOverwrite = 3
	ActionCrypto    = 4
)

// Sanitize is the Sanitize Status log page (Base 2.0, figure 268).
type Sanitize struct {
	Progress uint16 // of 65536, while it runs
	State    SanitizeState
	Passes   int // of overwriting, completed
	// Untouched: nothing was written since the most recent sanitize ended well, or
	// ever (Global Data Erased).
	Untouched bool
	CDW10     uint32 // of the Sanitize command that started it
	// How long an overwrite of 16 passes, a block erase and a crypto erase take; 0: the
	// drive does not say.
	Overwrite, Block, Crypto time.Duration
}

// ParseSanitize reads 512 bytes of log page 81h.
func ParseSanitize(b []byte) (Sanitize, error) {
	if len(b) != 512 {
		return Sanitize{}, fmt.Errorf("no sanitize status log: %d bytes", len(b))
	}
	sstat := le.Uint16(b[2:])
	return Sanitize{Progress: le.Uint16(b), State: SanitizeState(sstat & 7), Passes: int(sstat >> 3 & 0x1f), Untouched: sstat&(1<<8) != 0,
		CDW10: le.Uint32(b[4:]), Overwrite: estimate(b[8:]), Block: estimate(b[12:]), Crypto: estimate(b[16:])}, nil
}

// estimate in seconds; FFFFFFFFh: none.
func estimate(b []byte) time.Duration {
	s := le.Uint32(b)
	if s == 0xffffffff {
		return 0
	}
	return time.Duration(s) * time.Second
}

// Estimate of a sanitize with this CDW10; 0: the drive does not say.
func (s Sanitize) Estimate(cdw10 uint32) time.Duration {
	switch cdw10 & 7 {
	case ActionBlock:
		return s.Block
	case ActionCrypto:
		return s.Crypto
	case ActionOverwrite:
		passes := cdw10 >> 4 & 0xf
		if passes == 0 {
			passes = 16
		}
		return s.Overwrite / 16 * time.Duration(passes)
	}
	return 0
}

// ParseBootLog reads the 16 bytes of BootLog and gives the size of all boot
// partitions together: there are two, of one size, in units of 128 KiB (Base 2.0,
// clause 5.16.1.22; BPSZ of BPINFO, bits 14:0).
func ParseBootLog(b []byte) (int64, error) {
	if len(b) != 16 {
		return 0, fmt.Errorf("no boot partition log: %d bytes", len(b))
	}
	return 2 * int64(le.Uint32(b[4:])&0x7fff) << 17, nil
}

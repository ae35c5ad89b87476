package usb

import (
	"fmt"
	"unicode/utf16"

	"handback.example/inspect/drive/sim"
)

// Speed of the bus that a bridge is made for.
type Speed string

// Speeds. Empty is high.
const (
	SpeedHigh  Speed = "high"  // USB 2.0, 480 Mbit/s
	SpeedSuper Speed = "super" // USB 3.0, 5 Gbit/s
)

// PassThrough is what becomes of ATA PASS-THROUGH (12) and (16), SAT-4 clause 12.2.
type PassThrough string

// Kinds of pass-through. Empty is none.
const (
	// PassThroughNone refuses the opcode: ILLEGAL REQUEST, 20h/00h.
	PassThroughNone PassThrough = "none"
	// PassThroughSAT hands it on, and the answer back.
	PassThroughSAT PassThrough = "sat"
	// PassThroughHang never answers, until a reset or the power's end.
	PassThroughHang PassThrough = "hang"
	// PassThroughStall breaks the command off: the bulk pipe stalls and the status
	// is a phase error (BOT clause 6.6.2). In process it is ErrPhase.
	PassThroughStall PassThrough = "stall"
	// PassThroughDrop crashes the bridge: it leaves the bus unanswered and comes
	// back. The drive behind it keeps its power.
	PassThroughDrop PassThrough = "drop"
	// PassThroughLow hands on the low byte of every register only, as a bridge does
	// that knows 28-bit commands, and brings only those back.
	PassThroughLow PassThrough = "low"
	// PassThroughNoSense hands it on and loses the sense data: the registers, and
	// whether the drive aborted.
	PassThroughNoSense PassThrough = "no-sense"
)

// Identity is who the bridge says it is to INQUIRY.
type Identity string

// Identities. Empty is the drive's.
const (
	IdentityDrive  Identity = "drive"  // what the drive answers
	IdentityBridge Identity = "bridge" // the bridge's own, in its VPD pages 80h and 83h too
	IdentityNone   Identity = "none"   // the bridge's own, and no VPD pages
)

// Config of a bridge. Its zero value is a bridge of high speed that refuses
// pass-through and has no string descriptors.
type Config struct {
	VendorID, ProductID uint16
	Version             uint16 // bcdDevice
	// String descriptors; an empty one is not there (its index is 0). Many bridges
	// share one Serial.
	Manufacturer, Product, Serial string
	Speed                         Speed
	PassThrough                   PassThrough
	Identity                      Identity
	// Vendor, Model and Revision of its own INQUIRY: 8, 16 and 4 characters at most.
	Vendor, Model, Revision string
	// BlockSize of the logical blocks that it shows: a multiple of the drive's. 0: the
	// drive's.
	BlockSize int
	// Short is how many of its logical blocks, the last ones, it keeps for itself.
	Short uint64
	// Removable is what it says of its medium.
	Removable bool
	// Basic refuses all commands but those that a disk can't do without; pass-through
	// is a matter of its own.
	Basic bool
	// MaxTransfer is the most bytes that one command moves. 0: 16 MiB, which is also
	// the most that can be set.
	MaxTransfer int

	Clock  sim.Clock // nil: the computer's
	Script *sim.Script
}

// maxTransfer bounds what a command may make a bridge hold in memory.
const maxTransfer = 16 << 20

// stringMax is the most UTF-16 units in a string descriptor, whose length is one
// byte (USB 2.0 clause 9.6.7).
const stringMax = (255 - 2) / 2

func (c Config) check() error {
	switch c.Speed {
	case "", SpeedHigh, SpeedSuper:
	default:
		return fmt.Errorf("Speed %q: it is high or super", c.Speed)
	}
	switch c.PassThrough {
	case "", PassThroughNone, PassThroughSAT, PassThroughHang, PassThroughStall, PassThroughDrop, PassThroughLow, PassThroughNoSense:
	default:
		return fmt.Errorf("PassThrough %q: it is none, sat, hang, stall, drop, low or no-sense", c.PassThrough)
	}
	switch c.Identity {
	case "", IdentityDrive, IdentityBridge, IdentityNone:
	default:
		return fmt.Errorf("Identity %q: it is drive, bridge or none", c.Identity)
	}
	if n := c.BlockSize; n != 0 && (n < 512 || n > 1<<16 || n&(n-1) != 0) {
		return fmt.Errorf("BlockSize %d: it is a power of two from 512 to 65536", n)
	}
	if c.MaxTransfer < 0 || c.MaxTransfer > maxTransfer {
		return fmt.Errorf("MaxTransfer %d: it is %d at most", c.MaxTransfer, maxTransfer)
	}
	return c.checkTexts()
}

func (c Config) checkTexts() error {
	for _, t := range []struct {
		field, text string
		max         int
	}{{"Vendor", c.Vendor, 8}, {"Model", c.Model, 16}, {"Revision", c.Revision, 4}} {
		if len(t.text) > t.max {
			return fmt.Errorf("%s %q: INQUIRY has room for %d characters", t.field, t.text, t.max)
		}
		for _, r := range t.text {
			if r < 0x20 || r > 0x7e {
				return fmt.Errorf("%s %q: INQUIRY takes ASCII only", t.field, t.text)
			}
		}
	}
	for _, t := range []struct{ field, text string }{{"Manufacturer", c.Manufacturer}, {"Product", c.Product}, {"Serial", c.Serial}} {
		if n := len(utf16.Encode([]rune(t.text))); n > stringMax {
			return fmt.Errorf("%s of %d characters: a string descriptor has room for %d", t.field, n, stringMax)
		}
	}
	return nil
}

package tcg

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Discovery is the answer to level 0 discovery.
type Discovery struct {
	// SSC is the Security Subsystem Class, in words: 'Opal 2'; empty where the drive
	// names none that is known here. Of several, the one that can do most.
	SSC string
	// ComID is the first of those that its sessions go over; 0 where there is no SSC.
	ComID uint16
	// Reverts: the class has the Admin SP's method Revert (the Opal family).
	Reverts bool

	Locking    bool // there is a Locking feature descriptor
	Enabled    bool // locking is activated: the Locking SP is no longer inactive
	Locked     bool // some range is locked now
	Encrypts   bool // the medium is encrypted
	MBREnabled bool // a shadow MBR stands in for the start of the drive ...
	MBRDone    bool // ... unless this is set

	BlockSID   bool // there is a Block SID Authentication descriptor
	Owned      bool // of it: the owner's PIN is no longer the one of the factory
	SIDBlocked bool // of it: the owner can't authenticate until the power is cut
}

// Shadowed: the start of the drive reads as its shadow MBR, not as what is on it.
func (d Discovery) Shadowed() bool { return d.MBREnabled && !d.MBRDone }

// ErrNotDiscovery: what came is no level 0 discovery; what it says is unknown.
var ErrNotDiscovery = errors.New("no level 0 discovery")

// Codes of feature descriptors.
const (
	featureLocking  = 0x0002
	featureBlockSID = 0x0402
)

const (
	headerLength  = 48
	featureHeader = 4
	// sscLength: base ComID and number of ComIDs are the first four bytes of each SSC
	// descriptor.
	sscLength = 4
)

// class is an SSC by its feature code.
type class struct {
	code    uint16
	name    string
	reverts bool
}

// classes from the one that can do most.
var classes = []class{
	{0x0203, "Opal 2", true}, {0x0200, "Opal 1", true}, {0x0304, "Ruby", true}, {0x0301, "Opalite", true},
	{0x0303, "Pyrite 2", true}, {0x0302, "Pyrite 1", true}, {0x0100, "Enterprise", false},
}

// ParseDiscovery reads the answer, which may be followed by anything (a transfer is
// as long as its blocks). One that was cut short, or whose lengths don't fit, is
// refused: what is missing in it must not read as 'no'.
func ParseDiscovery(b []byte) (Discovery, error) {
	if len(b) < headerLength {
		return Discovery{}, fmt.Errorf("%w: %d bytes", ErrNotDiscovery, len(b))
	}
	n := uint64(binary.BigEndian.Uint32(b)) + 4
	switch {
	case n < headerLength:
		return Discovery{}, fmt.Errorf("%w: it says that it has %d bytes", ErrNotDiscovery, n)
	case n > uint64(len(b)):
		return Discovery{}, fmt.Errorf("%w: it has %d bytes, and %d came", ErrNotDiscovery, n, len(b))
	}
	var d Discovery
	rank := len(classes)
	for rest := b[headerLength:n]; len(rest) > 0; {
		if len(rest) < featureHeader || int(rest[3]) > len(rest)-featureHeader {
			return Discovery{}, fmt.Errorf("%w: a feature is cut off", ErrNotDiscovery)
		}
		code, body := binary.BigEndian.Uint16(rest), rest[featureHeader:][:rest[3]]
		rest = rest[featureHeader+len(body):]
		if err := d.feature(code, body, &rank); err != nil {
			return Discovery{}, err
		}
	}
	return d, nil
}

// feature of a code, its first four bytes left out. Those that are not known here
// say nothing.
func (d *Discovery) feature(code uint16, b []byte, rank *int) error {
	switch code {
	case featureLocking:
		if len(b) < 1 {
			return short(code)
		}
		d.Locking = true
		d.Enabled, d.Locked, d.Encrypts = b[0]&(1<<1) != 0, b[0]&(1<<2) != 0, b[0]&(1<<3) != 0
		d.MBREnabled, d.MBRDone = b[0]&(1<<4) != 0, b[0]&(1<<5) != 0
	case featureBlockSID:
		if len(b) < 1 {
			return short(code)
		}
		d.BlockSID, d.Owned, d.SIDBlocked = true, b[0]&1 != 0, b[0]&2 != 0
	}
	for i, c := range classes[:*rank] {
		if c.code != code {
			continue
		}
		if len(b) < sscLength {
			return short(code)
		}
		d.SSC, d.Reverts, d.ComID, *rank = c.name, c.reverts, binary.BigEndian.Uint16(b), i
	}
	return nil
}

func short(code uint16) error {
	return fmt.Errorf("%w: feature %04xh is too short", ErrNotDiscovery, code)
}

package ata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"handback.example/inspect/drive/sim"
)

// Config is the character of a drive. A field that is not given is that of a
// healthy disk without anything special.
type Config struct {
	Serial, Model, Firmware string // 20, 40 and 8 characters at most
	WWN                     uint64 // 0: none
	// NativeSectors is the number of logical sectors up to READ NATIVE MAX.
	NativeSectors               uint64
	LogicalBlock, PhysicalBlock int    // bytes; 0: 512
	Rotation                    int    // word 217: 0 not told, 1 not rotating, else per minute
	FormFactor                  int    // word 168
	Identify                    []byte // a captured IDENTIFY DEVICE: template, and source of what is not given here
	Words                       map[int]uint16
	BadChecksum                 bool // of IDENTIFY DEVICE
	HPA                         uint64
	DCO                         uint64
	AMA                         bool   // ACCESSIBLE MAX ADDRESS CONFIGURATION in place of HPA and DCO
	NoHPA, NoDCO                bool   // the drive lacks the feature set
	ShrinkReported              uint64 // the drive says that it has so few sectors; 0: no lie
	Security                    Security
	Sanitize                    Sanitize
	Trim                        Trim
	SMART                       SMART
	Bad                         []Extent // sectors that can't be read until they are written
	ErasedAs                    sim.Pattern
	CryptoErasedAs              *sim.Pattern // nil: noise of a new key at each time
	Claims                      map[Feature]bool
	TCG                         sim.TCG // nil: no Trusted Computing
	Clock                       sim.Clock
	Script                      *sim.Script
	Medium                      *sim.Medium
	WriteCacheOff, ReadAheadOff bool
}

// When a firmware freezes a drive.
const (
	FreezeNever  = "never"
	FreezeBoot   = "boot"   // at Boot, not after suspend or hot-plug
	FreezeAlways = "always" // whenever the drive gets power
)

// Security is the Security feature set (ACS-4 clause 4.18).
type Security struct {
	Supported, Enhanced bool
	Enabled             bool   // a user password is set: implied by UserPassword
	UserPassword        string // padded with zeros to 32 bytes
	MasterPassword      string
	Revision            uint16 // master password identifier, word 92; 0: FFFEh
	Maximum             bool   // level: maximum, not high
	// How long an erase takes, and what words 89 and 90 say (0: what is true).
	EraseTime, EnhancedTime time.Duration
	Word89, Word90          uint16
	Freeze                  string // FreezeNever and so on; empty: never
}

// Sanitize is the Sanitize Device feature set (ACS-4 clause 4.17).
type Sanitize struct {
	Crypto, Block, Overwrite, AntiFreeze bool
	CryptoTime, BlockTime, OverwriteTime time.Duration // of one pass
	Freeze                               string        // SANITIZE FREEZE LOCK by the firmware: FreezeNever and so on
	OverridesSecurity                    bool          // RESTRICTED SANITIZE OVERRIDES SECURITY
	ClaimsDone                           bool          // says 'completed without error' though nothing ever ran
}

func (s Sanitize) any() bool { return s.Crypto || s.Block || s.Overwrite }

// Trim is DATA SET MANAGEMENT's TRIM, and what trimmed sectors read as.
type Trim struct {
	Supported     bool
	Deterministic bool // word 69 bit 14
	Zeros         bool // word 69 bit 5; else the data stays
}

// Extent of logical sectors.
type Extent struct {
	LBA, Count uint64
	Dead       bool // a write fails too and heals nothing
}

// Feature is a name for what IDENTIFY DEVICE claims.
type Feature string

// Features that Config.Claims can lie about: true claims what the drive has not
// (its commands are aborted), false hides what it has.
const (
	FeatureSMART             Feature = "smart"
	FeatureSecurity          Feature = "security"
	FeatureSecurityEnhanced  Feature = "security-enhanced"
	FeatureHPA               Feature = "hpa"
	FeatureDCO               Feature = "dco"
	FeatureAMA               Feature = "ama"
	FeatureSanitize          Feature = "sanitize"
	FeatureSanitizeCrypto    Feature = "sanitize-crypto"
	FeatureSanitizeBlock     Feature = "sanitize-block"
	FeatureSanitizeOverwrite Feature = "sanitize-overwrite"
	FeatureAntiFreeze        Feature = "sanitize-antifreeze"
	FeatureOverridesSecurity Feature = "sanitize-overrides-security"
	FeatureTrim              Feature = "trim"
	FeatureTrusted           Feature = "trusted"
)

var features = map[Feature]bool{FeatureSMART: true, FeatureSecurity: true, FeatureSecurityEnhanced: true,
	FeatureHPA: true, FeatureDCO: true, FeatureAMA: true, FeatureSanitize: true, FeatureSanitizeCrypto: true,
	FeatureSanitizeBlock: true, FeatureSanitizeOverwrite: true, FeatureAntiFreeze: true,
	FeatureOverridesSecurity: true, FeatureTrim: true, FeatureTrusted: true}

// maxSectors is what 48 bits address.
const maxSectors = 1 << 48

// check gives the first field that makes no sense, by its name.
func (c *Config) check() error {
	for _, s := range []struct {
		name, value string
		max         int
	}{{"Serial", c.Serial, 20}, {"Model", c.Model, 40}, {"Firmware", c.Firmware, 8},
		{"Security.UserPassword", c.Security.UserPassword, passwordSize},
		{"Security.MasterPassword", c.Security.MasterPassword, passwordSize}} {
		if len(s.value) > s.max {
			return fmt.Errorf("%s: longer than %d characters", s.name, s.max)
		}
	}
	switch l := c.LogicalBlock; {
	case l < 512 || l > 64<<10 || l&(l-1) != 0:
		return fmt.Errorf("LogicalBlock: %d is no size of a sector", l)
	case c.PhysicalBlock < l || c.PhysicalBlock%l != 0 || c.PhysicalBlock/l > 1<<15 || c.PhysicalBlock&(c.PhysicalBlock-1) != 0:
		return fmt.Errorf("PhysicalBlock: %d is not logical blocks times a power of two", c.PhysicalBlock)
	case c.NativeSectors == 0 || c.NativeSectors > maxSectors:
		return fmt.Errorf("NativeSectors: %d", c.NativeSectors)
	case c.HPA >= c.NativeSectors:
		return errors.New("HPA: it hides all sectors")
	case c.DCO > maxSectors-c.NativeSectors || c.NativeSectors+c.DCO > uint64(1<<62)/uint64(l):
		return errors.New("DCO: more sectors than 48 bits address")
	case c.AMA && c.DCO > 0:
		return errors.New("DCO: a drive with AMA has no DCO")
	case c.NoHPA && c.HPA > 0 && !c.AMA:
		return errors.New("HPA: the drive has no HPA")
	case c.NoDCO && c.DCO > 0:
		return errors.New("DCO: the drive has no DCO")
	case c.Rotation < 0 || c.Rotation > 0xfffe:
		return fmt.Errorf("Rotation: %d", c.Rotation)
	case c.FormFactor < 0 || c.FormFactor > 15:
		return fmt.Errorf("FormFactor: %d", c.FormFactor)
	case c.Medium != nil && c.Medium.Size() != c.bytes():
		return fmt.Errorf("Medium: %d bytes, the drive has %d", c.Medium.Size(), c.bytes())
	case !c.Security.Supported && (c.Security.Enabled || c.Security.Enhanced || c.Security.UserPassword != ""):
		return errors.New("Security: set, and not supported")
	}
	for name, v := range map[string]string{"Security.Freeze": c.Security.Freeze, "Sanitize.Freeze": c.Sanitize.Freeze} {
		if !strings.Contains("|never|boot|always|", "|"+v+"|") && v != "" {
			return fmt.Errorf("%s: %q is none of never, boot, always", name, v)
		}
	}
	return c.checkLists()
}

func (c *Config) checkLists() error {
	for f := range c.Claims {
		if !features[f] {
			return fmt.Errorf("Claims: %q is no feature", f)
		}
	}
	for w := range c.Words {
		if w < 0 || w > 255 {
			return fmt.Errorf("Words: %d is no word of IDENTIFY DEVICE", w)
		}
	}
	sectors, n := c.NativeSectors+c.DCO, uint64(0)
	for i, e := range c.Bad {
		if e.Count == 0 || e.LBA >= sectors || e.Count > sectors-e.LBA {
			return fmt.Errorf("Bad[%d]: sectors %d to %d of a drive of %d", i, e.LBA, e.LBA+e.Count, sectors)
		}
		if n += e.Count; n > 1<<20 {
			return errors.New("Bad: more than a million sectors")
		}
	}
	if len(c.SMART.Attributes) > attributesMax {
		return fmt.Errorf("SMART.Attributes: %d, SMART data has room for %d", len(c.SMART.Attributes), attributesMax)
	}
	for name, d := range map[string]time.Duration{"Security.EraseTime": c.Security.EraseTime,
		"Security.EnhancedTime": c.Security.EnhancedTime, "Sanitize.CryptoTime": c.Sanitize.CryptoTime,
		"Sanitize.BlockTime": c.Sanitize.BlockTime, "Sanitize.OverwriteTime": c.Sanitize.OverwriteTime,
		"SMART.ShortTest": c.SMART.ShortTest, "SMART.ExtendedTest": c.SMART.ExtendedTest} {
		if d < 0 {
			return fmt.Errorf("%s: less than nothing", name)
		}
	}
	return nil
}

func (c *Config) bytes() int64 { return int64(c.NativeSectors+c.DCO) * int64(c.LogicalBlock) }

// defaults fills in what was not given.
func (c *Config) defaults() {
	pick(&c.LogicalBlock, 512)
	pick(&c.PhysicalBlock, c.LogicalBlock)
	pick(&c.Security.Revision, 0xfffe)
	pick(&c.Model, "MODEL ATA DISK")
	pick(&c.Firmware, "1.00")
	pick(&c.SMART.ShortTest, 2*time.Minute)
	pick(&c.SMART.ExtendedTest, time.Hour)
	if c.Security.UserPassword != "" {
		c.Security.Enabled = true
	}
	if c.AMA {
		c.NoHPA, c.NoDCO = true, true
	}
}

func pick[T comparable](have *T, more T) {
	var none T
	if *have == none {
		*have = more
	}
}

// fromCapture takes what was not given from captured IDENTIFY DEVICE data.
func (c *Config) fromCapture() error {
	if c.Identify == nil {
		return nil
	}
	if len(c.Identify) != identifySize {
		return fmt.Errorf("Identify: %d bytes, not %d", len(c.Identify), identifySize)
	}
	w := func(n int) uint16 { return binary.LittleEndian.Uint16(c.Identify[2*n:]) }
	pick(&c.Serial, ataText(c.Identify[20:40]))
	pick(&c.Firmware, ataText(c.Identify[46:54]))
	pick(&c.Model, ataText(c.Identify[54:94]))
	if w(87)>>8&0xc1 == 0x41 { // valid, and bit 8: there is a name
		pick(&c.WWN, uint64(w(108))<<48|uint64(w(109))<<32|uint64(w(110))<<16|uint64(w(111)))
	}
	sectors := binary.LittleEndian.Uint64(c.Identify[200:])
	if w(69)&(1<<3) != 0 {
		sectors = binary.LittleEndian.Uint64(c.Identify[460:])
	}
	if sectors == 0 {
		sectors = uint64(binary.LittleEndian.Uint32(c.Identify[120:]))
	}
	pick(&c.NativeSectors, sectors+c.HPA) // the capture shows what is accessible
	pick(&c.Rotation, int(w(217)))
	pick(&c.FormFactor, int(w(168)&0xf))
	if v := w(106); v>>14 == 1 {
		if n := int(w(117)) | int(w(118))<<16; v&(1<<12) != 0 {
			pick(&c.LogicalBlock, 2*n)
		}
		pick(&c.LogicalBlock, 512)
		if v&(1<<13) != 0 {
			pick(&c.PhysicalBlock, c.LogicalBlock<<(v&0xf))
		}
	}
	c.featuresFromCapture(w)
	return nil
}

func (c *Config) featuresFromCapture(w func(int) uint16) {
	on := func(b *bool, word, bit int) { *b = *b || w(word)>>bit&1 != 0 }
	on(&c.Security.Supported, 128, 0)
	on(&c.Security.Enhanced, 128, 5)
	c.Security.Enhanced = c.Security.Enhanced && c.Security.Supported
	if c.Security.Supported {
		pick(&c.Security.Word89, w(89))
		pick(&c.Security.Word90, w(90))
		pick(&c.Security.Revision, w(92))
	}
	if w(59)&(1<<12) != 0 {
		on(&c.Sanitize.Crypto, 59, 13)
		on(&c.Sanitize.Overwrite, 59, 14)
		on(&c.Sanitize.Block, 59, 15)
		on(&c.Sanitize.AntiFreeze, 59, 10)
	}
	on(&c.AMA, 119, 8)
	c.NoHPA = c.NoHPA || w(82)&(1<<10) == 0 && c.HPA == 0
	c.NoDCO = c.NoDCO || w(83)&(1<<11) == 0 && c.DCO == 0
	on(&c.Trim.Supported, 169, 0)
	on(&c.Trim.Deterministic, 69, 14)
	on(&c.Trim.Zeros, 69, 5)
	c.SMART.Off = c.SMART.Off || w(82)&1 == 0
}

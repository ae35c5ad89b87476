package ata

import (
	"encoding/binary"
	"fmt"
	"time"

	"handback.example/inspect/drive/sim"
)

// Config is the character of a drive. A field that is not given is that of a
// healthy disk without anything special.
type Config struct {
	Serial, Model, Firmware string // 20, 40 and 8 characters at most
	WWN                     uint64 // 0: none
	// NativeSectors is the number of logical sectors up to READ NATIVE MAX. HPA of
	// them are hidden (by SET ACCESSIBLE MAX ADDRESS where AMA is set); DCO sectors
	// more lie above, hidden by a device configuration overlay.
	NativeSectors, HPA, DCO uint64
	AMA                     bool // ACCESSIBLE MAX ADDRESS CONFIGURATION in place of HPA and DCO
	NoHPA, NoDCO            bool // the drive has not the feature set
	// ShrinkReported: so few sectors the drive says that it has; 0: no such lie.
	ShrinkReported              uint64
	LogicalBlock, PhysicalBlock int // bytes; 0: 512, and the same
	Rotation                    int // word 217: 0 not told, 1 not rotating, else per minute
	FormFactor                  int // word 168
	Security                    Security
	Sanitize                    Sanitize
	Trim                        Trim
	SMART                       SMART
	Bad                         []Extent // sectors that can't be read
	// ErasedAs is what a sector reads as after ERASE UNIT and block erase,
	// CryptoErasedAs after a crypto scramble (nil: noise, anew each time).
	ErasedAs                    sim.Pattern
	CryptoErasedAs              *sim.Pattern
	WriteCacheOff, ReadAheadOff bool // after a power-up
	// Identify is captured IDENTIFY DEVICE data: the template of what the model
	// answers, and the source of all that is not given here. Claims and Words lie.
	Identify    []byte
	Claims      map[Feature]bool
	Words       map[int]uint16 // the last word on a word, but for the checksum
	BadChecksum bool           // of IDENTIFY DEVICE

	TCG    sim.TCG     // nil: no Trusted Computing
	Clock  sim.Clock   // nil: the wall's
	Script *sim.Script // nil: nothing goes wrong
	Medium *sim.Medium // of NativeSectors and DCO; nil: in memory, zeros
}

// When a firmware freezes a drive.
const (
	FreezeNever  = "never"
	FreezeBoot   = "boot"   // at Boot, not after suspend or hot-plug
	FreezeAlways = "always" // whenever the drive gets power
)

// Security is the Security feature set of ACS-4.
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

// Sanitize is the Sanitize Device feature set of ACS-4.
type Sanitize struct {
	Crypto, Block, Overwrite, AntiFreeze bool
	CryptoTime, BlockTime, OverwriteTime time.Duration // of one pass
	Freeze                               string        // SANITIZE FREEZE LOCK by the firmware: FreezeNever and so on
	OverridesSecurity                    bool          // RESTRICTED SANITIZE OVERRIDES SECURITY
	ClaimsDone                           bool          // says 'completed without error' though nothing ever ran
}

func (s Sanitize) any() bool { return s.Crypto || s.Block || s.Overwrite }

// Trim is DATA SET MANAGEMENT's TRIM, and what trimmed sectors read as. The data stays
// on the medium in any case, until the sectors are written or erased: a flash
// translation layer forgets where it is, and no more.
type Trim struct {
	Supported     bool
	Deterministic bool // word 69 bit 14
	Zeros         bool // word 69 bit 5: they read as zeros; else as they were
}

// Extent of logical sectors.
type Extent struct {
	LBA, Count uint64
	// Dead: a write fails too and heals nothing. What stands there stays there, and an
	// erasure that writes ends in failure; only another key makes noise of it.
	Dead bool
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

// wrong is the error of a field.
func wrong(field, why string, a ...any) error {
	return fmt.Errorf("%s: %s", field, fmt.Sprintf(why, a...))
}

// check gives the first field that makes no sense, by its name.
func (c *Config) check() error {
	for _, f := range []func(*Config) error{(*Config).checkText, (*Config).checkBlocks, (*Config).checkHidden,
		(*Config).checkClaims, (*Config).checkTimes} {
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkText() error {
	for _, s := range []struct {
		name, value string
		max         int
	}{{"Serial", c.Serial, 20}, {"Model", c.Model, 40}, {"Firmware", c.Firmware, 8},
		{"Security.UserPassword", c.Security.UserPassword, passwordSize},
		{"Security.MasterPassword", c.Security.MasterPassword, passwordSize}} {
		if len(s.value) > s.max {
			return wrong(s.name, "longer than %d characters", s.max)
		}
	}
	for _, f := range []struct{ name, value string }{{"Security.Freeze", c.Security.Freeze}, {"Sanitize.Freeze", c.Sanitize.Freeze}} {
		switch f.value {
		case "", FreezeNever, FreezeBoot, FreezeAlways:
		default:
			return wrong(f.name, "%q is none of never, boot, always", f.value)
		}
	}
	return nil
}

func (c *Config) checkBlocks() error {
	l, p := c.LogicalBlock, c.PhysicalBlock
	switch {
	case l < 512 || l > 64<<10 || l&(l-1) != 0:
		return wrong("LogicalBlock", "%d is no size of a sector", l)
	case p < l || p/l > 1<<15 || p&(p-1) != 0:
		return wrong("PhysicalBlock", "%d is not logical blocks times a power of two", p)
	case c.NativeSectors == 0 || c.NativeSectors > maxSectors || c.NativeSectors > uint64(1<<62)/uint64(l):
		return wrong("NativeSectors", "%d", c.NativeSectors)
	case c.DCO > maxSectors-c.NativeSectors || c.NativeSectors+c.DCO > uint64(1<<62)/uint64(l):
		return wrong("DCO", "more sectors than 48 bits address")
	case c.Rotation < 0 || c.Rotation > 0xfffe:
		return wrong("Rotation", "%d", c.Rotation)
	case c.FormFactor < 0 || c.FormFactor > 15:
		return wrong("FormFactor", "%d", c.FormFactor)
	case c.Medium != nil && c.Medium.Size() != c.bytes():
		return wrong("Medium", "%d bytes, the drive has %d", c.Medium.Size(), c.bytes())
	}
	n, sectors := uint64(0), c.NativeSectors+c.DCO
	for i, e := range c.Bad {
		if e.Count == 0 || e.LBA >= sectors || e.Count > sectors-e.LBA {
			return wrong("Bad", "entry %d: %d sectors from %d on, of a drive of %d", i, e.Count, e.LBA, sectors)
		}
		if n += e.Count; n > badMax {
			return wrong("Bad", "more than %d sectors", badMax)
		}
	}
	return nil
}

// badMax is how many bad sectors a model keeps in mind.
const badMax = 1 << 16

func (c *Config) checkHidden() error {
	switch {
	case c.HPA >= c.NativeSectors:
		return wrong("HPA", "it hides all sectors")
	case c.AMA && c.DCO > 0:
		return wrong("DCO", "a drive with AMA has none")
	case c.NoHPA && c.HPA > 0 && !c.AMA:
		return wrong("HPA", "the drive has not the feature set")
	case c.NoDCO && c.DCO > 0:
		return wrong("DCO", "the drive has not the feature set")
	case !c.Security.Supported && (c.Security.Enabled || c.Security.Enhanced):
		return wrong("Security", "set, and not supported")
	}
	return nil
}

func (c *Config) checkClaims() error {
	for f := range c.Claims {
		if !features[f] {
			return wrong("Claims", "%q is no feature", f)
		}
	}
	for w := range c.Words {
		if w < 0 || w > 255 {
			return wrong("Words", "%d is no word of IDENTIFY DEVICE", w)
		}
	}
	if n := len(c.SMART.Attributes); n > attributesMax {
		return wrong("SMART.Attributes", "%d, there is room for %d", n, attributesMax)
	}
	return nil
}

func (c *Config) checkTimes() error {
	for _, t := range []struct {
		name string
		time time.Duration
	}{{"Security.EraseTime", c.Security.EraseTime}, {"Security.EnhancedTime", c.Security.EnhancedTime},
		{"Sanitize.CryptoTime", c.Sanitize.CryptoTime}, {"Sanitize.BlockTime", c.Sanitize.BlockTime},
		{"Sanitize.OverwriteTime", c.Sanitize.OverwriteTime}, {"SMART.ShortTest", c.SMART.ShortTest},
		{"SMART.ExtendedTest", c.SMART.ExtendedTest}} {
		if t.time < 0 || t.time > timeMax {
			return wrong(t.name, "%v", t.time)
		}
	}
	return nil
}

// timeMax: sixteen passes of it still fit a time.Duration.
const timeMax = 10 * 365 * 24 * time.Hour

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
		return wrong("Identify", "%d bytes, not %d", len(c.Identify), identifySize)
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

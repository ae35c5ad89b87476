package scsi

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"handback.example/inspect/drive/sim"
)

// Config is the character of a drive. Blocks must be given; what else is not is that
// of a healthy disk with no special ability.
type Config struct {
	Vendor, Product, Revision string // 8, 16 and 4 characters at most
	Serial                    string // 32 characters at most
	WWN                       uint64 // NAA name of the logical unit; 0: none
	// Blocks is the number of logical blocks of the whole drive. Visible is how many it
	// shows until MODE SELECT says otherwise; 0: all.
	Blocks, Visible uint64
	// Spare is how many bytes of the medium no block stands for: over-provisioning and
	// sectors for replacement. Only SANITIZE reaches them.
	Spare            int64
	LogicalBlock     int // bytes: 512 to 65536, a multiple of 4; 0: 512
	PhysicalExponent int // log2 of logical blocks in a physical one
	Rotation         int // VPD page B1h: 0 not told, 1 not rotating, else per minute
	FormFactor       int // VPD page B1h: 2 = 3.5 inches, 3 = 2.5
	Removable        bool
	Protected        bool // a switch against writing is on
	// DescriptorSense is the D_SENSE bit as delivered.
	DescriptorSense bool
	// UnitAttention: a drive says once that it was switched on or reset, as a real one
	// does. Without it its kernel is taken to have heard that already.
	UnitAttention bool
	WriteCacheOff bool
	Thin          Thin
	Sanitize      Sanitize
	Format        Format
	Health        Health
	Bad           []Extent
	// ErasedAs is what a block erase leaves, again and again from the medium's
	// start; empty: zeros. CryptoAs is that after a change of the key;
	// empty: noise of the new key.
	ErasedAs, CryptoAs []byte
	// Claims are lies of REPORT SUPPORTED OPERATION CODES by operation code and service
	// action in hex ("48/03", "42"): true claims what the drive refuses, false hides
	// what it does.
	Claims map[string]bool
	// NoReport: REPORT SUPPORTED OPERATION CODES itself is refused.
	NoReport bool
	TCG      sim.TCG
	Clock    sim.Clock
	Script   *sim.Script
	Medium   *sim.Medium
}

// Thin is logical block provisioning (SBC-4 clause 4.7).
type Thin struct {
	Unmap bool // UNMAP and WRITE SAME with UNMAP
	Zeros bool // LBPRZ: unmapped blocks read as zeros; else as they were. The medium keeps them
}

// Sanitize is the SANITIZE command (SBC-4 clauses 4.11 and 5.30).
type Sanitize struct {
	Overwrite, Block, Crypto             bool
	OverwriteTime, BlockTime, CryptoTime time.Duration // of one pass
	// WriteFirst: after a block or crypto erase a block can't be read until it is
	// written (03h/11h/15h).
	WriteFirst    bool
	HidesCapacity bool // READ CAPACITY is refused meanwhile
}

// Format is the FORMAT UNIT command (SBC-4 clause 5.3).
type Format struct {
	Supported bool
	Time      time.Duration
	// Quick: it makes its tables anew and leaves the blocks as they are, unless it is
	// given a pattern.
	Quick bool
}

// Extent of logical blocks that can't be read until they are written.
type Extent struct {
	LBA, Count uint64
	// Dead: nor be written. What stands there stays there, and an erasure that writes
	// ends in failure; only another key makes noise of it.
	Dead bool
}

// Health is what the log pages tell.
type Health struct {
	Temperature, Reference  int // degrees Celsius; 0: 31 and 60
	PowerOnHours            int
	Made                    string // year and week, 'YYYYWW'
	StartStops, LoadUnloads int
	Read, Write, Verify     Errors
	NonMedium               uint64
	Primary, Grown          []uint64 // defects, by block
	Failing                 bool     // predicts its failure (5Dh/10h)
	Worn                    int      // percentage used: log page 11h of a drive that doesn't rotate
	ShortTest, ExtendedTest time.Duration
}

// Errors are the counters of log pages 02h, 03h and 05h.
type Errors struct{ Corrected, Uncorrected, Bytes uint64 }

func (c *Config) defaults() {
	pick(&c.Vendor, "MODEL")
	pick(&c.Product, "SCSI DISK")
	pick(&c.Revision, "0001")
	pick(&c.LogicalBlock, 512)
	pick(&c.Visible, c.Blocks)
	pick(&c.Health.Temperature, 31)
	pick(&c.Health.Reference, 60)
	pick(&c.Health.Made, "202401")
	pick(&c.Health.ShortTest, 2*time.Minute)
	pick(&c.Health.ExtendedTest, 3*time.Hour)
}

// name for logs: the serial, as a rule.
func (c *Config) name() string {
	if c.Serial == "" {
		return c.Product
	}
	return c.Serial
}

func pick[T comparable](have *T, more T) {
	var none T
	if *have == none {
		*have = more
	}
}

func wrong(field, format string, a ...any) error {
	return fmt.Errorf("%s: %s", field, fmt.Sprintf(format, a...))
}

// check gives the first field that makes no sense, by its name.
func (c *Config) check() error {
	for _, s := range []struct {
		name, value string
		max         int
	}{{"Vendor", c.Vendor, 8}, {"Product", c.Product, 16}, {"Revision", c.Revision, 4}, {"Serial", c.Serial, 32}} {
		if len(s.value) > s.max {
			return fmt.Errorf("%s: longer than %d characters", s.name, s.max)
		}
		if strings.ContainsFunc(s.value, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
			return fmt.Errorf("%s: %q is not printable ASCII", s.name, s.value)
		}
	}
	switch l := c.LogicalBlock; {
	case l < 512 || l > 64<<10 || l%4 != 0:
		return wrong("LogicalBlock", "%d is no size of a block", l)
	case c.Blocks == 0 || c.Spare < 0 || c.Spare > 1<<61 || c.Blocks > uint64(1<<62)/uint64(l):
		return wrong("Blocks", "%d of %d bytes", c.Blocks, l)
	case c.Visible > c.Blocks:
		return wrong("Visible", "%d blocks of %d", c.Visible, c.Blocks)
	case c.PhysicalExponent < 0 || c.PhysicalExponent > 15:
		return wrong("PhysicalExponent", "%d", c.PhysicalExponent)
	case c.Rotation < 0 || c.Rotation > 0xfffe:
		return wrong("Rotation", "%d", c.Rotation)
	case c.FormFactor < 0 || c.FormFactor > 15:
		return wrong("FormFactor", "%d", c.FormFactor)
	case c.Medium != nil && c.Medium.Size() != c.bytes():
		return wrong("Medium", "%d bytes, the drive has %d", c.Medium.Size(), c.bytes())
	}
	if err := c.checkHealth(); err != nil {
		return err
	}
	return c.checkLists()
}

func (c *Config) bytes() int64 { return int64(c.Blocks)*int64(c.LogicalBlock) + c.Spare }

func (c *Config) checkHealth() error {
	h := c.Health
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"Sanitize.OverwriteTime", c.Sanitize.OverwriteTime}, {"Sanitize.BlockTime", c.Sanitize.BlockTime},
		{"Sanitize.CryptoTime", c.Sanitize.CryptoTime}, {"Format.Time", c.Format.Time},
		{"Health.ShortTest", h.ShortTest}, {"Health.ExtendedTest", h.ExtendedTest}} {
		if d.value < 0 || d.value > 10000*time.Hour {
			return fmt.Errorf("%s: %s", d.name, d.value)
		}
	}
	for _, n := range []struct {
		name       string
		value, max int
	}{{"Health.Temperature", h.Temperature, 254}, {"Health.Reference", h.Reference, 254}, {"Health.Worn", h.Worn, 255},
		{"Health.PowerOnHours", h.PowerOnHours, 1 << 24}, {"Health.StartStops", h.StartStops, 1 << 30},
		{"Health.LoadUnloads", h.LoadUnloads, 1 << 30}} {
		if n.value < 0 || n.value > n.max {
			return fmt.Errorf("%s: %d", n.name, n.value)
		}
	}
	if _, err := strconv.ParseUint(h.Made, 10, 32); err != nil || len(h.Made) != 6 {
		return fmt.Errorf("Health.Made: %q is not YYYYWW", h.Made)
	}
	return nil
}

// listMax bounds lists of blocks.
const listMax = 4096

func (c *Config) checkLists() error {
	if len(c.Bad) > listMax {
		return wrong("Bad", "more than %d extents", listMax)
	}
	for i, e := range c.Bad {
		if e.Count == 0 || e.LBA >= c.Blocks || e.Count > c.Blocks-e.LBA {
			return wrong(fmt.Sprintf("Bad[%d]", i), "blocks %d to %d of a drive of %d", e.LBA, e.LBA+e.Count, c.Blocks)
		}
	}
	for name, list := range map[string][]uint64{"Primary": c.Health.Primary, "Grown": c.Health.Grown} {
		if len(list) > listMax {
			return wrong("Health."+name, "more than %d defects", listMax)
		}
	}
	for k := range c.Claims {
		if _, _, err := parseClaim(k); err != nil {
			return wrong("Claims", "%q: %v", k, err)
		}
	}
	return nil
}

// parseClaim reads '42' or '48/03'; the action is -1 where there is none.
func parseClaim(s string) (code byte, action int, err error) {
	op, sa, two := strings.Cut(s, "/")
	n, err := strconv.ParseUint(op, 16, 8)
	if err != nil {
		return 0, 0, errors.New("no operation code in hex")
	}
	if !two {
		return byte(n), -1, nil
	}
	a, err := strconv.ParseUint(sa, 16, 16)
	if err != nil {
		return 0, 0, errors.New("no service action in hex")
	}
	return byte(n), int(a), nil
}

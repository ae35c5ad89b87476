package nvme

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"

	"handback.example/inspect/drive/sim"
)

// Config is the character of a subsystem. What is false, zero or empty the drive
// does not have, unless a field says otherwise.
type Config struct {
	Serial, Model, Firmware string // printable ASCII of 20, 40 and 8 characters at most
	// SubNQN is the subsystem's qualified name; empty: one made of the serial.
	SubNQN   string
	CtrlID   uint16 // of the controller; 0: 1
	VendorID uint16
	OUI      uint32 // IEEE OUI identifier, 24 bits
	Version  uint32 // VER of Identify; 0: 1.4.0 (00010400h)
	// MDTS limits a transfer to 2^MDTS pages of 4096 bytes; 0: 8, a mebibyte.
	MDTS int
	// KeepAlive is the granularity that KAS tells; 0: a second.
	KeepAlive time.Duration
	Queues    int // I/O queues at most; 0: 64

	Namespaces []Namespace
	// MaxNamespaces is NN; 0: the highest ID of Namespaces, or 32 where namespaces
	// can be managed.
	MaxNamespaces int
	LBAFormats    []LBAFormat // 16 at most; none: 512 and 4096 bytes
	Protection    bool        // LBA formats with 8 bytes of metadata take protection information
	// Unallocated is the capacity in bytes that belongs to no namespace; its medium
	// holds what was left there.
	Unallocated       int64
	UnallocatedMedium *sim.Medium // nil: sparse, of that size
	// NamespaceManagement creates, deletes, attaches and detaches namespaces.
	NamespaceManagement bool
	// OtherControllers are the IDs of controllers of the subsystem that others use.
	OtherControllers []uint16

	Format   Format
	Sanitize Sanitize
	Past     Past
	Boot     Boot
	RPMB     RPMB // reported, never spoken to
	SMART    SMART
	SelfTest SelfTest

	Compare, WriteUncorrectable, DSM, WriteZeroes, Verify, Timestamp bool
	VolatileCache                                                    bool
	// WriteProtection is the Namespace Write Protection feature (84h).
	WriteProtection bool
	// ErasedAs is what erased and deallocated blocks read as, again and again from
	// the medium's start; empty: zeros. CryptoAs is that after a change of the key;
	// empty: noise of the new key.
	ErasedAs, CryptoAs []byte

	// FirmwareSlots are the revisions in slots 1 to 7; none: Firmware in slot 1.
	FirmwareSlots []string
	// IdentifyController is a captured template of 4096 bytes: what it says of Format,
	// Sanitize and optional commands of the NVM command set the drive does, what else
	// it says are claims. The fields above replace it where they are set, and so does
	// all that a fabric's host needs.
	IdentifyController []byte
	// Claims are lies of Identify Controller and log 81h by the field's name in lower
	// case (oacs, oncs, fna, sanicap, ...; see Claimable): what is told, whatever the
	// drive does.
	Claims map[string]uint64

	TCG    sim.TCG // nil: none; calls nothing of the drive
	Clock  sim.Clock
	Script *sim.Script
}

// Namespace as it is when the drive is made.
type Namespace struct {
	ID uint32
	// Blocks or Bytes is its size.
	Blocks        uint64
	Bytes         int64
	LogicalBlock  int // bytes; 0: 512
	MetadataBytes int
	Extended      bool   // metadata follow the data of each block
	EUI64         []byte // 8 bytes or none
	NGUID, UUID   []byte // 16 bytes or none
	Attached      bool   // to this controller
	Shared        bool   // may be attached to several controllers
	AttachedTo    []uint16
	Medium        *sim.Medium // nil: sparse, of its size
}

// LBAFormat is one way to format a namespace.
type LBAFormat struct{ LogicalBlock, Metadata, Performance int }

// Format is the Format NVM command and FNA.
type Format struct {
	Supported     bool
	AllNamespaces bool // FNA bit 0: a format goes for all namespaces
	EraseAll      bool // bit 1: a secure erase goes for all namespaces
	Crypto        bool // bit 2: cryptographic erase is supported
	NoBroadcast   bool // bit 3: NSID FFFFFFFFh is not
	// Erases: a format without secure erase erases all the same. Most drives only
	// forget where the data are.
	Erases bool
	// Time of a format with SES 0, EraseTime with 1, CryptoTime with 2.
	Time, EraseTime, CryptoTime time.Duration
}

// Sanitize is SANICAP and the times of its operations.
type Sanitize struct {
	Crypto, Block, Overwrite bool
	Verify                   bool // Media Verification (Base 2.1)
	NDI                      bool // No-Deallocate Inhibited
	NODMMAS                  int  // No-Deallocate Modifies Media After Sanitize, 0 to 2
	NoExit                   bool // Exit Failure Mode is refused even after an unrestricted failure
	NoEstimates              bool // log 81h reports no times
	// OverwriteTime is that of one pass; ModifyTime is added where NODMMAS is 2 and
	// the host asks for no deallocation.
	CryptoTime, BlockTime, OverwriteTime, ModifyTime time.Duration
}

// Past is what became of the last sanitize before the drive came here.
type Past struct {
	// State: empty (never sanitized), completed, deallocated, failed, running.
	State    string
	CDW10    uint32  // of that Sanitize command
	CDW11    uint32  // its overwrite pattern
	Progress float64 // of one that runs, 0 to 1
	// Pristine: no user data were written since then, or ever (Global Data Erased).
	Pristine bool
}

// Boot are the two boot partitions, of the same size.
type Boot struct {
	Bytes  int64 // a multiple of 128 KiB, 0: none
	Active int   // 0 or 1
	Media  [2]*sim.Medium
}

// RPMB as RPMBS tells of it.
type RPMB struct {
	Units int
	Bytes int64 // of each, a multiple of 128 KiB
}

// SMART is what log 02h starts with.
type SMART struct {
	CriticalWarning                                      uint8
	Kelvin                                               uint16
	Spare, SpareThreshold, Used                          uint8
	UnitsRead, UnitsWritten, HostReads, HostWrites, Busy uint64
	PowerCycles, PowerOnHours, UnsafeShutdowns           uint64
	MediaErrors, ErrorLogEntries                         uint64
	WarningKelvin, CriticalKelvin                        uint16 // WCTEMP, CCTEMP of Identify
	WarningMinutes, CriticalMinutes                      uint32
	Sensors                                              []uint16
}

// SelfTest is the Device Self-test command.
type SelfTest struct {
	Supported       bool
	Short, Extended time.Duration
	FailsAt         int // the segment that fails; 0: none
}

const (
	pageSize = 4096
	bootUnit = 128 << 10
	maxIDs   = 1024 // namespaces at most: one list's worth
)

// check fills in what is left out and names the field that is wrong.
func (c *Config) check() error {
	if err := c.checkTexts(); err != nil {
		return err
	}
	if err := c.takeTemplate(); err != nil {
		return err
	}
	c.defaults()
	for _, f := range []func() error{c.checkNumbers, c.checkFormats, c.checkNamespaces, c.checkPast, c.checkBoot, c.checkClaims} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkTexts() error {
	for _, f := range []struct {
		name, text string
		most       int
	}{{"Serial", c.Serial, 20}, {"Model", c.Model, 40}, {"Firmware", c.Firmware, 8}, {"SubNQN", c.SubNQN, 223}} {
		if len(f.text) > f.most {
			return fmt.Errorf("field %s: %d characters, %d fit", f.name, len(f.text), f.most)
		}
		if strings.ContainsFunc(f.text, func(r rune) bool { return r < ' ' || r > '~' }) {
			return fmt.Errorf("field %s: only printable ASCII characters fit", f.name)
		}
	}
	if c.Serial == "" {
		return errors.New("field Serial: a drive needs one")
	}
	if len(c.FirmwareSlots) > 7 {
		return fmt.Errorf("field FirmwareSlots: %d slots, there are 7 at most", len(c.FirmwareSlots))
	}
	for _, s := range c.FirmwareSlots {
		if len(s) > 8 {
			return fmt.Errorf("field FirmwareSlots: %q has more than 8 characters", s)
		}
	}
	return nil
}

// takeTemplate makes the drive do what a capture says of Format and Sanitize.
func (c *Config) takeTemplate() error {
	t := c.IdentifyController
	if t == nil {
		return nil
	}
	if len(t) != 4096 {
		return fmt.Errorf("field IdentifyController: %d bytes, there must be 4096", len(t))
	}
	fna, sanicap := t[idFNA], le.Uint32(t[idSANICAP:])
	c.Format.Supported = c.Format.Supported || t[idOACS]&oacsFormat != 0
	c.Format.AllNamespaces = c.Format.AllNamespaces || fna&1 != 0
	c.Format.EraseAll = c.Format.EraseAll || fna&2 != 0
	c.Format.Crypto = c.Format.Crypto || fna&4 != 0
	c.Format.NoBroadcast = c.Format.NoBroadcast || fna&8 != 0
	s := &c.Sanitize
	s.Crypto, s.Block = s.Crypto || sanicap&1 != 0, s.Block || sanicap&2 != 0
	s.Overwrite, s.Verify = s.Overwrite || sanicap&4 != 0, s.Verify || sanicap&8 != 0
	s.NDI = s.NDI || sanicap>>29&1 != 0
	if s.NODMMAS == 0 {
		s.NODMMAS = int(sanicap >> 30)
	}
	oncs := le.Uint16(t[idONCS:])
	c.Compare, c.WriteUncorrectable = c.Compare || oncs&1 != 0, c.WriteUncorrectable || oncs&2 != 0
	c.DSM, c.WriteZeroes = c.DSM || oncs&4 != 0, c.WriteZeroes || oncs&8 != 0
	c.Timestamp, c.Verify = c.Timestamp || oncs>>6&1 != 0, c.Verify || oncs>>7&1 != 0
	c.VolatileCache = c.VolatileCache || t[525]&1 != 0
	c.WriteProtection = c.WriteProtection || t[531]&1 != 0
	if c.MDTS == 0 {
		c.MDTS = int(t[idMDTS])
	}
	if c.Version == 0 {
		c.Version = le.Uint32(t[idVER:])
	}
	return nil
}

func (c *Config) defaults() {
	put(&c.SubNQN, "nqn.2026-01.example.handback:nvme:"+c.Serial)
	put(&c.CtrlID, 1)
	put(&c.Version, 0x00010400)
	put(&c.MDTS, 8)
	put(&c.KeepAlive, time.Second)
	put(&c.Queues, 64)
	put(&c.SMART.Kelvin, 308)
	if len(c.FirmwareSlots) == 0 {
		c.FirmwareSlots = []string{c.Firmware}
	}
	if c.MaxNamespaces == 0 {
		for _, n := range c.Namespaces {
			c.MaxNamespaces = max(c.MaxNamespaces, int(min(n.ID, maxIDs+1)))
		}
		if c.NamespaceManagement {
			c.MaxNamespaces = max(c.MaxNamespaces, 32)
		}
		c.MaxNamespaces = max(c.MaxNamespaces, 1)
	}
	if len(c.LBAFormats) == 0 {
		c.LBAFormats = []LBAFormat{{LogicalBlock: 512}, {LogicalBlock: 4096}}
	}
}

func put[T comparable](have *T, otherwise T) {
	var none T
	if *have == none {
		*have = otherwise
	}
}

func (c *Config) checkNumbers() error {
	within := []struct {
		name      string
		v         int64
		low, high int64
	}{
		{"MDTS", int64(c.MDTS), 1, 12}, // 16 MiB: a host's data are held in memory
		{"Queues", int64(c.Queues), 1, 65535},
		{"MaxNamespaces", int64(c.MaxNamespaces), 1, maxIDs},
		{"Unallocated", c.Unallocated, 0, math.MaxInt64},
		{"KeepAlive", int64(c.KeepAlive), int64(100 * time.Millisecond), int64(6553 * time.Second)},
		{"OUI", int64(c.OUI), 0, 0xffffff},
		{"Sanitize.NODMMAS", int64(c.Sanitize.NODMMAS), 0, 2},
		{"SelfTest.FailsAt", int64(c.SelfTest.FailsAt), 0, 255},
		{"RPMB.Units", int64(c.RPMB.Units), 0, 7},
		{"SMART.Sensors", int64(len(c.SMART.Sensors)), 0, 8},
		{"CtrlID", int64(c.CtrlID), 1, 0xffef}, // Base 2.0, figure 275: FFF0h and more are reserved
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"Format.Time", c.Format.Time}, {"Format.EraseTime", c.Format.EraseTime}, {"Format.CryptoTime", c.Format.CryptoTime},
		{"Sanitize.CryptoTime", c.Sanitize.CryptoTime}, {"Sanitize.BlockTime", c.Sanitize.BlockTime},
		{"Sanitize.OverwriteTime", c.Sanitize.OverwriteTime}, {"Sanitize.ModifyTime", c.Sanitize.ModifyTime},
		{"SelfTest.Short", c.SelfTest.Short}, {"SelfTest.Extended", c.SelfTest.Extended}} {
		within = append(within, struct {
			name      string
			v         int64
			low, high int64
		}{d.name, int64(d.d), 0, int64(10000 * time.Hour)})
	}
	for _, f := range within {
		if f.v < f.low || f.v > f.high {
			return fmt.Errorf("field %s: %d is not from %d to %d", f.name, f.v, f.low, f.high)
		}
	}
	if slices.Contains(c.OtherControllers, c.CtrlID) {
		return fmt.Errorf("field OtherControllers: %d is this controller", c.CtrlID)
	}
	if m := c.UnallocatedMedium; m != nil && m.Size() != c.Unallocated {
		return fmt.Errorf("field UnallocatedMedium: %d bytes, Unallocated says %d", m.Size(), c.Unallocated)
	}
	return nil
}

func (c *Config) checkFormats() error {
	if len(c.LBAFormats) > 16 {
		return fmt.Errorf("field LBAFormats: %d, 16 fit", len(c.LBAFormats))
	}
	for i, f := range c.LBAFormats {
		if f.LogicalBlock < 512 || f.LogicalBlock > 65536 || bits.OnesCount(uint(f.LogicalBlock)) != 1 {
			return fmt.Errorf("field LBAFormats[%d].LogicalBlock: %d is no power of two from 512 to 65536", i, f.LogicalBlock)
		}
		if f.Metadata < 0 || f.Metadata > 4096 {
			return fmt.Errorf("field LBAFormats[%d].Metadata: %d is not from 0 to 4096", i, f.Metadata)
		}
		if f.Performance < 0 || f.Performance > 3 {
			return fmt.Errorf("field LBAFormats[%d].Performance: %d is not from 0 to 3", i, f.Performance)
		}
	}
	return nil
}

func (c *Config) checkNamespaces() error {
	seen := map[uint32]bool{}
	for i, n := range c.Namespaces {
		field := fmt.Sprintf("field Namespaces[%d]", i)
		switch {
		case n.ID == 0 || int64(n.ID) > int64(c.MaxNamespaces):
			return fmt.Errorf("%s.ID: %d is not from 1 to %d", field, n.ID, c.MaxNamespaces)
		case seen[n.ID]:
			return fmt.Errorf("%s.ID: there is another namespace %d", field, n.ID)
		case len(n.EUI64) != 0 && len(n.EUI64) != 8:
			return fmt.Errorf("%s.EUI64: %d bytes, there must be 8", field, len(n.EUI64))
		case len(n.NGUID) != 0 && len(n.NGUID) != 16:
			return fmt.Errorf("%s.NGUID: %d bytes, there must be 16", field, len(n.NGUID))
		case len(n.UUID) != 0 && len(n.UUID) != 16:
			return fmt.Errorf("%s.UUID: %d bytes, there must be 16", field, len(n.UUID))
		case n.Bytes < 0:
			return fmt.Errorf("%s.Bytes: %d", field, n.Bytes)
		case (n.Blocks == 0) == (n.Bytes == 0):
			return fmt.Errorf("%s.Blocks: either Blocks or Bytes says the size", field)
		}
		seen[n.ID] = true
		if err := c.checkGeometry(&c.Namespaces[i], field); err != nil {
			return err
		}
	}
	return nil
}

// checkGeometry finds the LBA format of a namespace and gives it a medium.
func (c *Config) checkGeometry(n *Namespace, field string) error {
	put(&n.LogicalBlock, 512)
	i := c.formatOf(*n)
	if i < 0 {
		return fmt.Errorf("%s.LogicalBlock: no LBAFormats has %d bytes with %d of metadata", field, n.LogicalBlock, n.MetadataBytes)
	}
	each := int64(n.LogicalBlock + n.MetadataBytes)
	if n.Blocks == 0 {
		n.Blocks = uint64(n.Bytes / int64(n.LogicalBlock))
	}
	if n.Blocks == 0 || n.Blocks > uint64(math.MaxInt64/each) {
		return fmt.Errorf("%s.Blocks: %d blocks of %d bytes", field, n.Blocks, each)
	}
	size := int64(n.Blocks) * each
	if n.Medium == nil {
		n.Medium = sim.NewMedium(size)
	}
	if n.Medium.Size() < size {
		return fmt.Errorf("%s.Medium: %d bytes, the namespace needs %d", field, n.Medium.Size(), size)
	}
	return nil
}

// formatOf is the index of a namespace's LBA format; -1: there is none.
func (c *Config) formatOf(n Namespace) int {
	return slices.IndexFunc(c.LBAFormats, func(f LBAFormat) bool {
		return f.LogicalBlock == n.LogicalBlock && f.Metadata == n.MetadataBytes
	})
}

func (c *Config) checkPast() error {
	switch c.Past.State {
	case "", "completed", "deallocated", "failed":
		return nil
	case "running":
		if c.Past.Progress < 0 || c.Past.Progress >= 1 {
			return fmt.Errorf("field Past.Progress: %g is not from 0 to 1", c.Past.Progress)
		}
		if a := c.Past.CDW10 & 7; a < actBlock || a > actCrypto {
			return fmt.Errorf("field Past.CDW10: action %d starts no sanitize", a)
		}
		return nil
	}
	return fmt.Errorf("field Past.State: %q is none of completed, deallocated, failed, running", c.Past.State)
}

func (c *Config) checkBoot() error {
	b := &c.Boot
	if b.Bytes%bootUnit != 0 || b.Bytes < 0 || b.Bytes/bootUnit > 0x7fff {
		return fmt.Errorf("field Boot.Bytes: %d is no multiple of 131072 that fits", b.Bytes)
	}
	if b.Active != 0 && b.Active != 1 {
		return fmt.Errorf("field Boot.Active: %d is neither 0 nor 1", b.Active)
	}
	if c.RPMB.Units > 0 && (c.RPMB.Bytes < bootUnit || c.RPMB.Bytes > 256*bootUnit || c.RPMB.Bytes%bootUnit != 0) {
		return fmt.Errorf("field RPMB.Bytes: %d is no multiple of 131072 up to 33554432", c.RPMB.Bytes)
	}
	for i := range b.Media {
		if b.Bytes == 0 {
			continue
		}
		if b.Media[i] == nil {
			b.Media[i] = sim.NewMedium(b.Bytes)
		}
		if b.Media[i].Size() != b.Bytes {
			return fmt.Errorf("field Boot.Media[%d]: %d bytes, Boot.Bytes says %d", i, b.Media[i].Size(), b.Bytes)
		}
	}
	return nil
}

func (c *Config) checkClaims() error {
	for name, v := range c.Claims {
		f, ok := claimable[name]
		if !ok {
			return fmt.Errorf("field Claims: nothing is called %q (%s)", name, strings.Join(Claimable(), ", "))
		}
		if f.bytes < 8 && v>>(8*f.bytes) != 0 {
			return fmt.Errorf("field Claims: %s has %d bytes, %#x does not fit", name, f.bytes, v)
		}
	}
	return nil
}

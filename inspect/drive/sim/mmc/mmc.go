// Package mmc is a model of an eMMC after JEDEC JESD84-B51 (eMMC 5.1): a card
// soldered into a tablet or a cheap laptop, by the commands of its bus.
//
// It keeps apart what a host can read and what is in the flash. ERASE, TRIM and
// DISCARD only unmap: the host reads erased memory (zeros or ones, EXT_CSD[181]),
// and the Medium has the data until a sanitize, a secure erase or a secure trim
// removes it (clauses 6.6.9 to 6.6.13). A sanitize removes what is unmapped and
// nothing else: data that is still mapped, or in groups that are write-protected,
// survives it. It ends with the power, is not taken up again, and leaves no trace of
// that (clause 6.6.12): the card reads as if it had never been asked.
//
// A command with R1b answers at once; the card is then in the programming state, and
// SEND_STATUS tells when it is over. A command that is illegal, or for another card,
// is not answered at all (ErrNoResponse), and the next R1 says so (clause 6.13).
//
// Not modelled: copies that wear levelling leaves behind when a block is written
// anew, what a host may still read of discarded blocks, the authenticated access of
// RPMB, passwords (CMD42), the command queue, packed commands, background
// operations, changes of the partitioning, firmware updates, bus widths and timing.
package mmc

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"handback.example/inspect/drive/sim"
)

// ErrNoResponse: the card does not answer, and lives.
var ErrNoResponse = errors.New("the card does not answer")

const sector = 512

// Config is the character of a card.
type Config struct {
	// Manufacturer, OEM, Product, Revision and Serial are fields of the CID (clause
	// 7.2): Product has 6 characters at most, Serial is a number of 32 bits, like
	// '0xdac7c038'.
	Manufacturer, OEM byte
	Product           string
	Revision          byte
	Serial            string
	Year, Month       int // of manufacture; 0: 2021, 6
	Firmware          string

	Sectors  uint32   // of the user area, 512 bytes each
	BootSize int64    // of each of two, bytes: a multiple of 128 KiB, or none
	RPMBSize int64    // likewise
	GPSizes  [4]int64 // of general-purpose areas, bytes: multiples of 8 MiB
	// Standard is the revision of EXT_CSD; 0: 8, eMMC 5.1.
	Standard byte
	// What EXT_CSD[231] says that CMD38 and CMD6 can do. Discard is part of every
	// card from revision 6 on.
	SecureErase, Trim, Sanitize bool
	ErasedOnes                  bool // erased memory reads as ones
	// How long the card is busy.
	EraseTime, SecureEraseTime, SanitizeTime time.Duration

	// BootProtection of the two boot areas and Protected groups of the user area:
	// 'power-on', 'permanent', for groups 'temporary' too.
	BootProtection [2]string
	Protected      []Group
	// WriteProtected is the whole card, by its CSD: 'temporary' or 'permanent'.
	WriteProtected string
	// LifeA, LifeB and PreEOL are EXT_CSD[268], [269] and [267]; 0: 1.
	LifeA, LifeB, PreEOL byte
	// ExtCSD is a capture of 512 bytes that all else of EXT_CSD comes from; of the
	// fields above only Sectors (where it is not 0), times and protection count then.
	ExtCSD []byte
	// CSD of 16 bytes; empty: that of a Samsung BJNB4R.
	CSD []byte

	Clock  sim.Clock
	Script *sim.Script
	Medium *sim.Medium // of the user area
}

// Group of sectors that are write-protected; the card protects whole groups.
type Group struct {
	Sector, Sectors uint32
	Kind            string
}

// Drive is the model.
type Drive struct {
	*sim.Base
	c      Config
	cid    [16]byte
	csd    [16]byte
	ext    [512]byte
	shrunk uint32 // reports so many sectors; 0: all

	areas [areaCount]*area
	state state
	rca   uint16
	// pending are error bits of the next R1 (clause 6.13).
	pending uint32
	count   uint32 // of CMD23, for the next command only
	app     bool   // CMD55 went before
	erase   selection
	marked  [areaCount]spans // by secure trim, step 1
	busy    work

	remaps []remap

	bootPower, bootPermanent [2]bool
	groups                   []protectedGroup
}

var _ sim.MMC = (*Drive)(nil)

// state of a card (table 68, bits 12:9).
type state byte

const (
	stateIdle state = iota
	stateReady
	stateIdentification
	stateStandby
	stateTransfer
	stateData
	stateReceive
	stateProgramming
	stateDisconnect
	stateBusTest
	stateSleep
	stateInactive // never told
)

// New gives a card that has power, and that no host has set up yet (see SetUp).
func New(c Config) (*Drive, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("mmc: %w", err)
	}
	c.defaults()
	d := &Drive{c: c}
	d.Base = sim.NewBase(c.Serial, c.Clock, c.Script)
	d.Power = d.power
	d.registers()
	if err := d.makeAreas(); err != nil {
		return nil, fmt.Errorf("mmc: %w", err)
	}
	d.protectAtFirst()
	return d, nil
}

func (c *Config) defaults() {
	if c.Year == 0 {
		c.Year, c.Month = 2021, 6
	}
	if c.Standard == 0 {
		c.Standard = 8
	}
	for _, b := range []*byte{&c.LifeA, &c.LifeB, &c.PreEOL} {
		if *b == 0 {
			*b = 1
		}
	}
}

func (c Config) check() error {
	switch {
	case c.ExtCSD != nil && len(c.ExtCSD) != 512:
		return fmt.Errorf("ExtCSD has %d bytes, not 512", len(c.ExtCSD))
	case len(c.CSD) != 0 && len(c.CSD) != 16:
		return fmt.Errorf("CSD has %d bytes, not 16", len(c.CSD))
	case c.Sectors == 0 && c.ExtCSD == nil:
		return errors.New("no Sectors")
	case !isNumber(c.Serial):
		return fmt.Errorf("the Serial %q is no number of 32 bits like 0x0123abcd", c.Serial)
	case len(c.Product) > 6:
		return fmt.Errorf("the Product has %d characters, 6 at most", len(c.Product))
	case len(c.Firmware) > 8:
		return fmt.Errorf("the Firmware has %d characters, 8 at most", len(c.Firmware))
	case c.Year != 0 && (c.Year < 1997 || c.Year > 2028 || c.Month < 1 || c.Month > 12):
		return fmt.Errorf("made in Year and Month %d and %d", c.Year, c.Month)
	case c.Standard != 0 && (c.Standard < 5 || c.Standard > 8):
		return fmt.Errorf("no Standard %d: revisions of EXT_CSD are 5 to 8 here", c.Standard)
	case c.Standard == 5 && c.Sanitize:
		return errors.New("a Sanitize came with Standard 6")
	case c.WriteProtected != "" && c.WriteProtected != kindTemporary && c.WriteProtected != kindPermanent:
		return fmt.Errorf("WriteProtected is %q", c.WriteProtected)
	}
	for name, t := range map[string]time.Duration{"EraseTime": c.EraseTime, "SecureEraseTime": c.SecureEraseTime, "SanitizeTime": c.SanitizeTime} {
		if t < 0 || t > 10000*time.Hour {
			return fmt.Errorf("%s is %s", name, t)
		}
	}
	for _, k := range c.BootProtection {
		if k != "" && k != kindPower && k != kindPermanent {
			return fmt.Errorf("BootProtection has %q", k)
		}
	}
	for _, g := range c.Protected {
		if g.Sectors == 0 || g.Kind != kindTemporary && g.Kind != kindPower && g.Kind != kindPermanent {
			return fmt.Errorf("a group of Protected is %+v", g)
		}
	}
	return c.checkSizes()
}

func isNumber(serial string) bool {
	_, err := strconv.ParseUint(serial, 0, 32)
	return err == nil
}

func (c Config) checkSizes() error {
	for name, n := range map[string]int64{"BootSize": c.BootSize, "RPMBSize": c.RPMBSize} {
		if n < 0 || n%unit128K != 0 || n > 255*unit128K {
			return fmt.Errorf("%s is %d, a multiple of 128 KiB up to 255 of them", name, n)
		}
	}
	for _, n := range c.GPSizes {
		if n < 0 || n%gpUnit != 0 || n/gpUnit >= 1<<24 {
			return fmt.Errorf("GPSizes has %d, a multiple of 8 MiB", n)
		}
	}
	return nil
}

// Media are the user area, the boot areas, the general-purpose areas and RPMB, those
// that there are, as they are in the flash now.
func (d *Drive) Media() []*sim.Medium {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.advance()
	var all []*sim.Medium
	for _, a := range d.areas {
		if a != nil {
			all = append(all, a.medium)
		}
	}
	return all
}

// Reset is the RST_n signal: what the card was doing ends, and it has to be set up
// anew (clause 6.15). What is protected until the power goes is free again.
func (d *Drive) Reset() {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.advance()
	d.restart()
}

// power: the card forgets what lasts for one power-on period.
func (d *Drive) power(on bool) {
	if !on {
		d.advance()
		d.busy = work{}
		return
	}
	d.comeBack(true)
	d.restart()
}

// restart after power or hardware reset: bytes and bits of EXT_CSD that are 'C_P'
// lose their value too (clause 7.4).
func (d *Drive) restart() {
	d.start()
	d.bootPower = [2]bool{}
	d.dropProtection(kindPower)
	d.ext[extUserWP] &^= userWPPower
	d.ext[extBootWP] &^= bootWPPower
	d.bootStatus()
}

// start is the state after any reset, CMD0 too: what was under way has ended, and
// bytes of EXT_CSD that are 'E_P' lose their value (clause 7.4).
func (d *Drive) start() {
	d.state, d.rca, d.pending, d.count, d.app = stateIdle, 0, 0, 0, false
	d.erase, d.busy, d.marked = selection{}, work{}, [areaCount]spans{}
	for _, at := range []int{extHPIManagement, extCacheControl, extHSTiming, extBusWidth, extEraseGroupDef, extPowerClass} {
		d.ext[at] = 0
	}
	d.ext[extPartitionConfig] &^= 7
}

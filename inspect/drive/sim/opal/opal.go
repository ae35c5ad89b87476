// Package opal is a model of the security subsystem of a self-encrypting drive: a
// TPer of TCG Storage Security Subsystem Class Opal 2.01, as the ATA, SCSI and
// NVMe models reach it by TRUSTED SEND and RECEIVE, SECURITY PROTOCOL OUT and IN,
// Security Send and Receive. It takes what Linux's sed-opal driver sends, and
// decodes it by itself.
//
// What it does follows the TCG Storage Architecture Core Specification 2.01
// ('Core') and Opal 2.01 ('Opal'). One clause of these decides over evidence of
// erasure and is easily missed: a Revert changes the media encryption key only
// where the Locking SP was activated (Opal clause 5.1.2.2). On a drive whose owner
// never set up locking, a PSID revert succeeds and every sector stays as it was;
// Config.ErasesInactive is the drive that does more than it must, and
// Config.RevertKeepsData the one that does less.
//
// Not modelled: locking ranges other than the global one, users, what a shadow MBR
// shows to reads (its flags are there), DataStore, single user mode, transactions,
// asynchronous communication, session time-outs, ComID management beyond the stack
// reset. Such calls get the error of an object or method that isn't there.
package opal

import (
	"errors"
	"fmt"
	"sync"

	"handback.example/inspect/drive/sim"
)

// pinMax is the longest PIN (Opal table C_PIN: the PIN column is a password of 32
// bytes).
const pinMax = 32

// Config is the character of a TPer. Text is ASCII.
type Config struct {
	// MSID is the PIN that everybody can read, PSID the one on the label; a drive
	// without a PSID authority has an empty one.
	MSID, PSID string
	// SID is the PIN of the owner; empty: nobody took ownership, it is MSID.
	SID string
	// Activated: the Locking SP is 'Manufactured', and Admin1 has this PIN (empty:
	// that of SID).
	Activated bool
	Admin1    string
	// LockEnabled: the global range locks at each power cycle. Locked: it is locked
	// now, reading and writing. Both need Activated.
	LockEnabled, Locked bool
	// ComID is the base ComID; 0: 07FEh.
	ComID uint16
	// TryLimit is after how many wrong PINs an authority is locked out until the next
	// power cycle; 0: 5.
	TryLimit int
	// NoBlockSID leaves the Block SID Authentication feature out. SIDBlocked: the
	// firmware has blocked SID before anything else ran, as on most laptops.
	NoBlockSID, SIDBlocked bool
	// BlockSize is the logical block, 0: 512 bytes. Alignment is that of ranges, in
	// logical blocks, 0: 8.
	BlockSize uint32
	Alignment uint64
	// ErasesInactive: a revert changes the key though locking was never activated.
	ErasesInactive bool
	// RevertKeepsData: nothing ever changes the key, whatever the drive answers
	// (sedutil, issue 291).
	RevertKeepsData bool
	// Rekey changes the media encryption key: from then on all of the user area
	// reads as noise. It is called without any lock of this package, by whoever
	// called Send. See Scramble, and SetRekey for a drive that is made later.
	Rekey func()
}

// TPer is the model. It may be used from several goroutines.
type TPer struct {
	mu    sync.Mutex
	c     Config
	rekey func()

	sid, admin1 string
	active      bool // the Locking SP is 'Manufactured'
	tries       map[uint64]int
	blocked     bool // SID may not authenticate
	clearEvents byte // of Block SID: what else unblocks
	global      lockingRange
	mbr         mbrControl
	session     *session
	lastTSN     uint32
	answer      []byte // of the TCG ComID, for the next Receive
	management  []byte // of protocol 02h
	keyChanges  int
	newKey      bool // to be done when mu is free
}

var _ sim.TCG = (*TPer)(nil)

// lockingRange is a row of the Locking table (Core clause 5.7.2.2).
type lockingRange struct {
	readEnabled, writeEnabled, readLocked, writeLocked bool
	onReset                                            []byte // types of reset that lock
}

// mbrControl is the row of the MBRControl table (Core clause 5.7.2.5).
type mbrControl struct {
	enabled, done bool
	onReset       []byte
}

// resetPower is the reset type 'Power Cycle' (Core table 32).
const resetPower = 0

// New gives a TPer that has power.
func New(c Config) (*TPer, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("opal: %w", err)
	}
	if c.SID == "" {
		c.SID = c.MSID
	}
	if c.ComID == 0 {
		c.ComID = 0x07fe
	}
	if c.TryLimit == 0 {
		c.TryLimit = 5
	}
	if c.BlockSize == 0 {
		c.BlockSize = 512
	}
	if c.Alignment == 0 {
		c.Alignment = 8
	}
	t := &TPer{c: c, rekey: c.Rekey, sid: c.SID, blocked: c.SIDBlocked, tries: map[uint64]int{}, lastTSN: 0x1000}
	t.lockingToFactory()
	if c.Activated {
		t.active, t.admin1 = true, c.Admin1
		if t.admin1 == "" {
			t.admin1 = c.SID
		}
		on := c.LockEnabled || c.Locked
		t.global.readEnabled, t.global.writeEnabled = on, on
		t.global.readLocked, t.global.writeLocked = c.Locked, c.Locked
	}
	return t, nil
}

func (c Config) check() error {
	for name, pin := range map[string]string{"MSID": c.MSID, "PSID": c.PSID, "SID": c.SID, "Admin1": c.Admin1} {
		if len(pin) > pinMax {
			return fmt.Errorf("%s has %d characters, %d at most", name, len(pin), pinMax)
		}
	}
	switch {
	case c.MSID == "":
		return errors.New("MSID is missing")
	case !c.Activated && c.Admin1 != "":
		return errors.New("Admin1 has a PIN only where Activated is set")
	case !c.Activated && (c.LockEnabled || c.Locked):
		return errors.New("LockEnabled and Locked need Activated")
	case c.ComID != 0 && c.ComID < 0x07fe:
		return fmt.Errorf("ComID is %04xh, a TPer's own begin at 07FEh", c.ComID)
	case c.TryLimit < 0:
		return fmt.Errorf("TryLimit is %d", c.TryLimit)
	case c.SIDBlocked && c.NoBlockSID:
		return errors.New("SIDBlocked needs the feature that NoBlockSID leaves out")
	}
	return nil
}

// lockingToFactory is the Locking SP as it left the factory: 'Manufactured-
// Inactive', nothing locks, and what would lock does so at a power cycle.
func (t *TPer) lockingToFactory() {
	t.active, t.admin1 = false, ""
	t.global = lockingRange{onReset: []byte{resetPower}}
	t.mbr = mbrControl{onReset: []byte{resetPower}}
	delete(t.tries, authorityAdmin1)
}

// SetRekey is Config.Rekey of a drive that is made after its TPer.
func (t *TPer) SetRekey(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rekey = f
}

// KeyChanges is how often the media encryption key was changed: what a drive did,
// whatever it answered.
func (t *TPer) KeyChanges() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.keyChanges
}

// Locked says that the user area can't be read, or not be written, now.
func (t *TPer) Locked() (read, write bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.global.locked(t.active)
}

func (r lockingRange) locked(active bool) (read, write bool) {
	return active && r.readEnabled && r.readLocked, active && r.writeEnabled && r.writeLocked
}

// PowerCycle ends the session, forgets wrong tries, unblocks SID and locks what is
// to be locked (Core clause 5.7.2.2.10: the lock columns are set whether or not
// they are enabled).
func (t *TPer) PowerCycle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.session, t.answer, t.management = nil, nil, nil
	clear(t.tries)
	t.blocked, t.clearEvents = t.c.SIDBlocked, 0
	t.reset(resetPower)
}

func (t *TPer) reset(kind byte) {
	for _, k := range t.global.onReset {
		if k == kind {
			t.global.readLocked, t.global.writeLocked = true, true
		}
	}
	for _, k := range t.mbr.onReset {
		if k == kind {
			t.mbr.done = false
		}
	}
}

// changeKey is the cryptographic erasure, done when the lock is free.
func (t *TPer) changeKey() {
	if !t.c.RevertKeepsData {
		t.newKey = true
		t.keyChanges++
	}
}

// Scramble gives a Rekey that makes media read as noise, another at each call.
func Scramble(seed string, media ...*sim.Medium) func() {
	var mu sync.Mutex
	n := 0
	return func() {
		mu.Lock()
		n++
		p := sim.Noise(fmt.Sprintf("%s key %d", seed, n))
		mu.Unlock()
		for _, m := range media {
			_ = m.Fill(0, m.Size(), p) // all of it is inside
		}
	}
}

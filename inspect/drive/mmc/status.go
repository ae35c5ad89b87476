package mmc

import (
	"fmt"
	"strings"
)

// Status is a card's status register, as R1 carries it (JESD84-B51 clause 6.13,
// table 68).
type Status uint32

// State of a card (bits 12:9).
type State byte

// States. Transfer is where a card waits for commands.
const (
	StateIdle State = iota
	StateReady
	StateIdentification
	StateStandby
	StateTransfer
	StateData
	StateReceive
	StateProgramming
	StateDisconnect
	StateBusTest
	StateSleep
)

var stateNames = [...]string{"idle", "ready", "identification", "standby", "transfer", "data", "receive",
	"programming", "disconnect", "bus test", "sleep"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", byte(s))
}

// Bits that are no errors: the card is locked by a password (CMD42), it is ready
// for data, something happened that EXT_CSD tells of.
const (
	cardIsLocked   Status = 1 << 25
	readyForData   Status = 1 << 8
	exceptionEvent Status = 1 << 6
)

// errors of table 68 by bit.
var errorNames = []struct {
	bit  uint
	name string
}{
	{31, "address out of range"}, {30, "address misaligned"}, {29, "block length error"}, {28, "erase sequence error"},
	{27, "erase parameter error"}, {26, "write protection violation"}, {24, "lock or unlock failed"}, {23, "CRC error"},
	{22, "illegal command"}, {21, "ECC failed"}, {20, "controller error"}, {19, "error"}, {18, "underrun"}, {17, "overrun"},
	{16, "CID or CSD overwrite"}, {15, "protected groups were not erased"}, {13, "erase sequence reset"}, {7, "switch error"},
}

// errorMask has all of them.
const errorMask Status = 0xfdffa080

// Errors are the bits that tell of an error, of this command or the one before.
func (s Status) Errors() uint32 { return uint32(s & errorMask) }

// State that the card was in when it took the command.
func (s Status) State() State { return State(s >> 9 & 0xf) }

// Locked: a password locks the card.
func (s Status) Locked() bool { return s&cardIsLocked != 0 }

// Ready: the card takes data and is not busy.
func (s Status) Ready() bool { return s&readyForData != 0 }

// Exception: EXT_CSD has an event to tell of.
func (s Status) Exception() bool { return s&exceptionEvent != 0 }

// Idle tells that nothing is under way in the card: it waits for a command, is
// ready, and has no error to tell of.
func (s Status) Idle() bool { return s.State() == StateTransfer && s.Ready() && s.Errors() == 0 }

func (s Status) String() string {
	words := []string{s.State().String()}
	if s.Locked() {
		words = append(words, "locked")
	}
	for _, e := range errorNames {
		if s>>e.bit&1 != 0 {
			words = append(words, e.name)
		}
	}
	return strings.Join(words, ", ")
}

// Package function tests a machine's parts on the bench: what the machine can find
// out by itself (memory, processor, drives, battery), and what a person looks at.
//
// A test changes nothing that stays: memory is the process's own, a drive is told to
// test itself and is only read. It decides nothing about the machine's way: it says
// what was found, and what that rests on. What was not tested to its end is 'not
// tested', never a pass.
package function

import (
	"fmt"
	"slices"
)

// Result of a test. The zero Result is 'not tested'.
type Result uint8

const (
	NotTested Result = iota
	Pass
	Fail
	NotPresent
)

// resultWords as records have them.
var resultWords = [...]string{NotTested: "not-tested", Pass: "pass", Fail: "fail", NotPresent: "not-present"}

// String is the word of a record. One that is none of ours was not tested.
func (r Result) String() string {
	if int(r) >= len(resultWords) {
		return resultWords[NotTested]
	}
	return resultWords[r]
}

// MarshalText writes the word.
func (r Result) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads one.
func (r *Result) UnmarshalText(b []byte) error {
	i := slices.Index(resultWords[:], string(b))
	if i < 0 {
		return fmt.Errorf("%q is no result of a test", b)
	}
	*r = Result(i)
	return nil
}

// IDs of the tests that a machine does by itself, as records have them.
const (
	IDMemory    = "memory"
	IDProcessor = "processor"
	IDBattery   = "battery-load"
	IDDrives    = "drive-self-test"
)

// Outcome of one test.
type Outcome struct {
	Result Result `json:"result"`
	// Evidence is what the result rests on, or why nothing was tested: for people,
	// without a capital or a full stop.
	Evidence string `json:"evidence"`
}

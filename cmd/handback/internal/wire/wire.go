// Package wire is the one protocol between the engine (root) and the screens
// (unprivileged): a screen pulls a View and sends an Intent. A screen decides
// nothing and knows nothing that is not in the View.
//
// On the socket every message is one JSON object on one line: the screen sends
// a Request, the engine answers with a Reply.
package wire

import "time"

// SocketPath of the engine in the booted image.
const SocketPath = "/run/handback.sock"

// Stage of the visit: the step of the rail on top of the screen.
type Stage string

const (
	StageStarting Stage = "starting" // finding drives, reading the stick
	StageUnlock   Stage = "unlock"   // the stick's key waits for its passphrase
	StageIntake   Stage = "intake"
	StageCheck    Stage = "check" // facts and plan, read only
	StageAgree    Stage = "agree"
	StageErase    Stage = "erase"
	StageGrade    Stage = "grade"  // TPM, bench questions that the grade needs
	StagePapers   Stage = "papers" // writing; short
	StageResult   Stage = "result"
	StageStopped  Stage = "stopped" // the visit ended before anything was erased: Notice says why and what to do
	StagePowerOff Stage = "poweroff"
)

// Mark is a state in one word; shape and place repeat it.
type Mark string

const (
	MarkNone    Mark = ""
	MarkOK      Mark = "ok"
	MarkWarn    Mark = "warn"
	MarkBad     Mark = "bad"
	MarkUnknown Mark = "unknown"
	MarkBusy    Mark = "busy"
)

// View is everything that a screen may show. All text is clean and in the
// words that people should read.
type View struct {
	Revision uint64    `json:"revision"` // grows with each change
	Stage    Stage     `json:"stage"`
	Class    string    `json:"class"` // 'demonstration', 'practice', 'production', 'not enrolled': a banner except in production
	Bench    string    `json:"bench"`
	Visit    string    `json:"visit"`   // 'S01-000412', empty before it is reserved
	Tag      string    `json:"tag"`     // empty before intake
	Machine  string    `json:"machine"` // 'Dell Latitude 5400'
	Service  string    `json:"service"` // its serial
	Clock    time.Time `json:"clock"`
	// Notice is for the whole screen, above all else: the stick is gone, the
	// power lead is out. Empty: none.
	Notice    *Notice         `json:"notice,omitempty"`
	Problem   string          `json:"problem,omitempty"` // why the last Intent was not taken, and what to do
	Intake    Intake          `json:"intake"`
	Facts     []Fact          `json:"facts,omitempty"`
	Plan      PlanView        `json:"plan"`
	Drives    []DriveProgress `json:"drives,omitempty"`
	Questions []Question      `json:"questions,omitempty"` // bench questions, answered while drives are erased
	Tests     []Test          `json:"tests,omitempty"`     // that the machine does by itself meanwhile
	// Exercise is what a person tries just now; nil: nothing.
	Exercise   *Exercise `json:"exercise,omitempty"`
	StickMayGo bool      `json:"stick_may_go"` // 'The stick may be pulled now'
	Result     *Result   `json:"result,omitempty"`
	Log        []string  `json:"log,omitempty"` // the last lines, for L
}

// Notice interrupts.
type Notice struct {
	Mark Mark   `json:"mark"`
	What string `json:"what"`
	Do   string `json:"do"`
}

// Intake is the form as the engine holds it, and its choices.
type Intake struct {
	Tag                         string   `json:"tag"`
	Operator                    string   `json:"operator"`
	Source                      string   `json:"source"` // one of Sources
	Sources                     []string `json:"sources"`
	Classification              string   `json:"classification"` // 'official' or 'above'
	DIAL                        int      `json:"dial"`           // 1..3, 0 not given
	Stolen, LegalHold, Disputed bool
	Seal                        string `json:"seal,omitempty"` // of the container that it came in; may be empty
	// SuggestedTag is what the machine itself carries; empty if unknown.
	SuggestedTag string `json:"suggested_tag"`
	// Confirm is a question that must be answered before intake is taken:
	// 'This machine carries tag X, you scanned Y. Which is right?'. Empty: none.
	Confirm string `json:"confirm,omitempty"`
}

// Fact is one row of the facts screen.
type Fact struct {
	Part  Part   `json:"part"`
	Name  string `json:"name"`  // empty: the value is a sentence of its own
	Value string `json:"value"` // 'unknown: the battery gives no design capacity'
	Do    string `json:"do,omitempty"`
	Mark  Mark   `json:"mark"`
}

// Part of the facts screen. What is in none of them stands with the machine.
type Part string

const (
	PartHidden  Part = "hidden"  // what stands in the way of saying 'every drive'
	PartLeft    Part = "left"    // locks, and what the last owner left
	PartMachine Part = "machine" // what it is made of
	PartUnknown Part = "unknown" // what could not be read
)

// PlanView is what consent shows.
type PlanView struct {
	Digest string    `json:"digest"` // what consent arms
	Rows   []PlanRow `json:"rows,omitempty"`
	TPM    string    `json:"tpm"` // 'Infineon 2.0, owned: cleared after the drives'
	Also   []string  `json:"also,omitempty"`
	// Removals from the machine itself, each by its name, for the details.
	Removals []string `json:"removals,omitempty"`
	// Ready: there is something to erase and nothing forbids it.
	Ready bool `json:"ready"`
	// NeedsAcceptance: a step is weaker than the level wanted; the sentence that
	// the person accepts by agreeing.
	NeedsAcceptance string `json:"needs_acceptance,omitempty"`
	Mains           Mark   `json:"mains"`
}

// PlanRow is one drive on the consent screen.
type PlanRow struct {
	Name     string        `json:"name"`  // 'A'
	Drive    string        `json:"drive"` // 'Samsung PM981 512 GB'
	Serial   string        `json:"serial"`
	Holds    string        `json:"holds"` // 'Windows, locked'
	How      string        `json:"how"`   // 'Clear  overwrite, zeros; read back'
	Expect   time.Duration `json:"expect_ns"`
	Refused  string        `json:"refused,omitempty"` // reason and what to do; then nothing is done to it
	Warnings []string      `json:"warnings,omitempty"`
	Detail   []string      `json:"detail,omitempty"` // the ladder with reasons, for D
	// Health as the drive says it, and why it is no better; what it would not answer.
	Health     string   `json:"health"` // 'good', 'worn', 'failing', 'unknown'
	HealthMark Mark     `json:"health_mark"`
	HealthWhy  []string `json:"health_why,omitempty"`
	Problems   []string `json:"problems,omitempty"`
	// Where it hangs on the machine; empty: not known.
	Where string `json:"where,omitempty"`
	// PSID: the one on the drive's label is of use: 'wanted', or 'given'. Empty: it is not.
	PSID string `json:"psid,omitempty"`
}

// DriveProgress is one drive while it is erased and after.
type DriveProgress struct {
	Name     string  `json:"name"`
	Drive    string  `json:"drive"`
	Serial   string  `json:"serial"`
	State    string  `json:"state"` // WAITING ERASING CHECKING DONE FAILED STOPPED UNVERIFIED REFUSED
	Mark     Mark    `json:"mark"`
	Fraction float64 `json:"fraction"` // 0..1; -1: the drive gives no progress
	Rate     string  `json:"rate"`     // '142 MB/s'
	Time     string  `json:"time"`     // '29 min so far, 78 to 90 min to go'
	Note     string  `json:"note,omitempty"`
	CanStop  bool    `json:"can_stop"`
}

// Question is one bench question (grade inputs): choices are numbered 1..n on
// the screen. 'not tested' is always a choice and never a pass.
type Question struct {
	ID      string   `json:"id"`
	Ask     string   `json:"ask"`
	Choices []string `json:"choices"`
	Answer  int      `json:"answer"` // index, -1: not answered yet
	// Try says what a person does in the exercise of this question: 'press every key
	// once'. Empty: it has none, and Ask is all.
	Try string `json:"try,omitempty"`
	// Kinds of the exercise, from which one is chosen beforehand: layouts of a keyboard.
	// The chosen one is At.
	Kinds []string `json:"kinds,omitempty"`
	At    int      `json:"at,omitempty"`
	// Evidence of an exercise that was done, or why there can't be one.
	Evidence string `json:"evidence,omitempty"`
	// Advice on answering after it.
	Advice string `json:"advice,omitempty"`
	// Proposed is the answer that the exercise leads to: its index plus one. 0: none.
	Proposed int `json:"proposed,omitempty"`
}

// Test is one that the machine does by itself.
type Test struct {
	Name string `json:"name"` // 'Memory'
	Mark Mark   `json:"mark"` // MarkNone: it waits, or there is nothing to test
	Note string `json:"note,omitempty"`
}

// Exercise is a test that a person does by hand. It proposes the answer of a question.
type Exercise struct {
	Question string `json:"question"` // its ID
	Name     string `json:"name"`     // 'Keyboard'
	Device   string `json:"device"`   // what is tested: 'AT keyboard (i8042)'; empty: plain
	// Say what to do now, in sentences.
	Say []string `json:"say"`
	// Done and Of: how far it is; Of is 0 where there is no end to count to.
	Done int `json:"done"`
	Of   int `json:"of"`
	// Ends in so many seconds by itself; 0: it doesn't.
	Ends int `json:"ends,omitempty"`
	// Keys of a keyboard, row by row, and of its number pad.
	Keys [][]Keycap `json:"keys,omitempty"`
	Pad  [][]Keycap `json:"pad,omitempty"`
	// Fields of a pad that were reached, nine of them, and its buttons.
	Fields  []bool   `json:"fields,omitempty"`
	Buttons []Keycap `json:"buttons,omitempty"`
	// Next is what Enter does: 'next picture'. Empty: keys belong to what is tested.
	Next string `json:"next,omitempty"`
}

// Keycap is a key or button, as it is drawn.
type Keycap struct {
	Label string `json:"label"`
	Width int    `json:"width"` // columns
	Seen  bool   `json:"seen"`
}

// Result fills the screen.
type Result struct {
	Pass   bool     `json:"pass"`
	Word   string   `json:"word"`  // PASS, FAIL, HOLD, NO DRIVE
	Lines  []string `json:"lines"` // '2 of 2 drives sanitised (Clear)', 'TPM cleared'
	Route  string   `json:"route"` // REDEPLOY, REMANUFACTURE, DONATE, RECYCLE, HOLD
	Why    string   `json:"why"`
	Better string   `json:"better"` // nearest better route and what it would take
	Grade  string   `json:"grade"`  // 'function F4   condition C4   battery 87 %'
	Papers []string `json:"papers"`
	Stored string   `json:"stored"` // 'on the stick', 'waiting in memory: put the stick back'
	// Printed says what came of printing; empty: nothing is to be printed.
	Printed string `json:"printed"`
	Record  string `json:"record"` // first hex digits of its SHA-256, spaced
	Do      string `json:"do"`     // 'Put the machine in bin R.'
	// CanPowerOff is false while records wait in memory.
	CanPowerOff bool `json:"can_power_off"`
}

// Kind of an Intent.
type Kind string

const (
	IntentUnlock   Kind = "unlock"   // Text: the passphrase of the stick's key
	IntentIntake   Kind = "intake"   // Form: take this intake
	IntentNoLabel  Kind = "no-label" // give an intake number
	IntentConfirm  Kind = "confirm"  // Yes: the answer to Intake.Confirm
	IntentToAgree  Kind = "to-agree" // from Check to Agree
	IntentBack     Kind = "back"     // one step back, before consent
	IntentConsent  Kind = "consent"  // Text: the scanned or typed tag; Digest: the plan that was shown
	IntentStop     Kind = "stop"     // stop what can be stopped
	IntentAnswer   Kind = "answer"   // Question and Choice
	IntentTry      Kind = "try"      // Question: begin its exercise, of the kind Choice
	IntentTryNext  Kind = "try-next" // the next step of the exercise
	IntentTryEnd   Kind = "try-end"  // end the exercise here
	IntentFinish   Kind = "finish"   // no more answers: grade with what is known
	IntentRescan   Kind = "rescan"   // look for drives and stick again
	IntentPSID     Kind = "psid"     // Drive and Text: what stands on its label
	IntentRemoved  Kind = "removed"  // Removal: a drive was taken out to be destroyed
	IntentNext     Kind = "next"     // next machine: power off
	IntentPowerOff Kind = "power-off"
)

// Intent is what a person wants. The engine takes it or says why not.
type Intent struct {
	Kind     Kind    `json:"kind"`
	Form     *Intake `json:"form,omitempty"`
	Text     string  `json:"text,omitempty"`
	Digest   string  `json:"digest,omitempty"`
	Yes      bool    `json:"yes,omitempty"`
	Question string  `json:"question,omitempty"`
	// Choice is the index of an answer; 0, the first one, is sent like any other.
	Choice int `json:"choice"`
	// Drive is a PlanRow's name: 'A'.
	Drive   string   `json:"drive,omitempty"`
	Removal *Removal `json:"removal,omitempty"`
}

// States of PlanRow.PSID.
const (
	PSIDWanted = "wanted"
	PSIDGiven  = "given"
)

// Removal of a drive: what its label says, the seal or bag that it is in, and the
// reference of whoever destroys it.
type Removal struct {
	Serial    string `json:"serial"`
	Seal      string `json:"seal"`
	Reference string `json:"reference"`
}

// Request is one line from a screen. Without an Intent it only pulls.
type Request struct {
	Intent *Intent `json:"intent,omitempty"`
	// Have is the Revision that the screen shows; the engine answers at once
	// either way.
	Have uint64 `json:"have"`
}

// Reply is one line from the engine.
type Reply struct {
	View View `json:"view"`
}

package tpm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/go-tpm/tpm2/transport"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// operationClear is PPI operation 5, 'Clear' (TCG PC Client PPI 1.30, table 2).
const operationClear = 5

// What the firmware says of an operation (PPI 1.30, function 8).
const (
	biosOnly        = 1
	blockedByBIOS   = 2
	userNotRequired = 4
)

// userAbort is the response to a request that the person at the screen declined
// (PPI 1.30, function 5).
const userAbort = 0xfffffff0

// askFirmware to clear the TPM at the next start.
func (d Device) askFirmware(now state, why string) Outcome {
	if err := d.request(); err != nil {
		return now.outcome(NotCleared, byFirmware, why+" The firmware does not clear it either: "+err.Error()+".", inSetup)
	}
	o := now.outcome(Pending, byFirmware, why+" The firmware was asked to clear the TPM at the next start.", d.how())
	o.Note = &Note{Operation: operationClear, Template: now.template, SRKBefore: now.srk.Value, EKHash: now.ek.Value, Boot: d.bootID()}
	return o
}

// request the clear, and see that the firmware took it.
func (d Device) request() error {
	if _, err := os.Stat(d.ppi("request")); err != nil {
		return errors.New("it has no physical presence interface")
	}
	switch d.permission() {
	case biosOnly, blockedByBIOS:
		return errors.New("it allows that only from its setup")
	}
	if err := write(d.ppi("request"), strconv.Itoa(operationClear)); err != nil {
		return fmt.Errorf("it declined the request (%w)", err)
	}
	// Unreadable is no harm: the next start judges by the keys.
	if text, err := d.text("request"); err == nil && leading(text) != operationClear {
		return fmt.Errorf("it did not keep the request, but says '%s'", drive.Clean([]byte(text)))
	}
	return nil
}

// how the person at the device goes on.
func (d Device) how() string {
	do := "Start the device again"
	if text, err := d.text("transition_action"); err == nil && leading(text) == 1 {
		do = "Switch the device off and on again"
	}
	if d.permission() != userNotRequired {
		do += " and confirm the clear on its screen, with the key that it names (often F12 or F10)"
	}
	return do + ". Leave the stick in."
}

// Resume judges a clear that the firmware was asked for, at a later start. The
// caller sees to it that the machine is the one of the note.
//
// The firmware's own response counts for nothing without the keys: it stays for
// years, and may be that of an older request.
func Resume(ctx context.Context, d Device, n Note) Outcome {
	o := d.with(ctx, func(ctx context.Context, dev transport.TPM) Outcome { return d.resume(ctx, dev, n) })
	if o.Result == NotPresent {
		o = Outcome{Result: Unknown, How: byFirmware, What: "The TPM that the firmware was asked to clear is no longer to be seen.",
			Do: "Turn the TPM on in the firmware setup of the device, then start a new visit."}
	}
	if o.SRKBefore == "" && o.SRKAfter == "" {
		o.SRKBefore = n.SRKBefore
	}
	return o
}

func (d Device) resume(ctx context.Context, dev transport.TPM, n Note) Outcome {
	now := read(ctx, dev)
	o := judge(n.state(), now, byFirmware)
	said, response := d.response()
	switch {
	case o.EKKept.Known && !o.EKKept.Value:
		return o // another TPM: it is not touched
	case n.Boot != "" && n.Boot == d.bootID():
		o.Result, o.Note = Pending, &n
		o.What, o.Do = "The firmware was asked to clear the TPM, and the device has not been started again since.", d.how()
	case o.Result == Cleared && !said.denies():
		return o
	case mayClear(now.tpm):
		// Nothing stands in the way any more, so the proof can be had here.
		return d.clearNow(ctx, dev, now)
	case o.Result == Cleared:
		o.Result, o.What = Unknown, "The TPM's storage key is new, but the firmware denies that it cleared it. "+response
		o.Do = "Start a new visit, so that the clear can be done again and proved."
	default:
		o.Result = NotCleared
		o.What, o.Do = unfulfilled(o, now, said, response)
	}
	return o
}

// unfulfilled request: why, and what to do about it.
func unfulfilled(o Outcome, now state, s said, response string) (what, do string) {
	switch {
	case s.operation == operationClear && s.code == userAbort:
		return "The TPM was not cleared: the clear was declined on the device's screen.",
			"Start a new visit, let it ask the firmware again, and confirm the clear on the device's screen."
	case o.SRKChanged.Known && !o.SRKChanged.Value:
		return "The firmware was asked to clear the TPM and did not: its storage key is still the same. " + response, inSetup
	case now.tpm.LockoutAuthSet.Known && now.tpm.LockoutAuthSet.Value:
		return "The firmware was asked to clear the TPM and did not: its lockout password is still set. " + response, inSetup
	}
	why := o.SRKChanged.Why
	if o.SRKChanged.Known {
		why = o.EKKept.Why
	}
	return "It could not be proved that the firmware cleared the TPM: " + why + ". " + response, inSetup
}

func mayClear(t inspect.TPM) bool {
	return t.LockoutAuthSet.Known && !t.LockoutAuthSet.Value && t.DisableClear.Known && !t.DisableClear.Value
}

// state that a note keeps.
func (n Note) state() state {
	known := func(v string) inspect.Fact[string] {
		if v == "" {
			return inspect.Unknown[string]("note", "the TPM had a password before it")
		}
		return inspect.Known(v, "note")
	}
	return state{srk: known(n.SRKBefore), ek: known(n.EKHash), template: n.Template}
}

// said is the firmware's response to its most recent request.
type said struct {
	operation, code int64 // operation 0: it says nothing
}

// denies: the firmware speaks of our request and does not say success.
func (s said) denies() bool { return s.operation == operationClear && s.code != 0 }

// response as the kernel gives it: '5 0: Success', '5 0xFFFFFFF0: User Abort',
// '0: No Recent Request'. And the same as a sentence.
func (d Device) response() (said, string) {
	text, err := d.text("response")
	if err != nil {
		return said{}, "The firmware does not say why."
	}
	s := parseResponse(text)
	if s.operation == 0 {
		return s, "The firmware knows of no request."
	}
	return s, "The firmware says '" + drive.Clean([]byte(text)) + "'."
}

func parseResponse(text string) said {
	before, _, _ := strings.Cut(text, ":")
	fields := strings.Fields(before)
	if len(fields) != 2 {
		return said{}
	}
	op, err1 := strconv.ParseInt(fields[0], 10, 64)
	code, err2 := strconv.ParseInt(fields[1], 0, 64)
	if err1 != nil || err2 != nil {
		return said{}
	}
	return said{op, code}
}

// permission of the firmware for the clear: a line '5 3: User required' of
// tcg_operations. -1 where it says nothing.
func (d Device) permission() int64 {
	text, err := d.text("tcg_operations")
	if err != nil {
		return -1
	}
	for line := range strings.Lines(text) {
		if s := parseResponse(line); s.operation == operationClear {
			return s.code
		}
	}
	return -1
}

// leading number of a text, -1 where there is none.
func leading(text string) int64 {
	digits := strings.TrimLeft(text, "0123456789")
	n, err := strconv.ParseInt(text[:len(text)-len(digits)], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (d Device) ppi(name string) string { return d.file("sys/class/tpm/tpm0/ppi/" + name) }

func (d Device) text(name string) (string, error) { return readText(d.ppi(name)) }

// bootID changes with each start; empty: not known.
func (d Device) bootID() string {
	id, err := readText(d.file("proc/sys/kernel/random/boot_id"))
	if err != nil {
		return ""
	}
	return drive.Clean([]byte(id))
}

func (d Device) file(name string) string {
	if d.Root == "" {
		return "/" + name
	}
	return filepath.Join(d.Root, name)
}

// readText of a file of the kernel, of which no line is long.
func readText(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, 16<<10)
	n, err := f.Read(b)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(b[:n])), nil
}

// write to a file of the kernel that is there; none is made.
func write(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return bare(err)
	}
	_, err = f.WriteString(text)
	return bare(errors.Join(err, f.Close()))
}

// bare error without the path, which tells people nothing.
func bare(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Package tpm clears a machine's TPM, after its drives, and proves it: a clear
// (TPM 2.0 Library, part 3, 24.6) replaces the seed of the storage hierarchy, so
// the name of the storage root key (SRK) must change, and keeps the endorsement
// key (EK), so it is still the same TPM.
//
// The TPM's own word for a clear counts for nothing without that proof. The
// lockout password is never guessed: one wrong try locks the right one out. Where
// it is set, as it is after Windows, or where clearing is disabled, the machine's
// firmware is asked through the physical presence interface (TCG PC Client PPI
// 1.30), and the next start finds out what became of it.
package tpm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"handback.example/inspect"
	facts "handback.example/inspect/tpm"
)

// Result of a clear. The zero value is not success.
type Result string

const (
	Cleared    Result = "cleared"
	NotCleared Result = "not-cleared"
	Pending    Result = "pending" // the firmware was asked; the next start tells
	NotPresent Result = "not-present"
	Unknown    Result = "unknown"
)

// Outcome is all that is known after a clear. Render it, decide nothing from it.
type Outcome struct {
	Result Result `json:"result"`
	// SRKChanged and EKKept are the proof: Result is Cleared only where both are
	// known and true.
	SRKChanged inspect.Fact[bool] `json:"srk_changed"`
	EKKept     inspect.Fact[bool] `json:"ek_kept"`
	SRKBefore  string             `json:"srk_before"` // the SRK's name, hex; empty: unknown
	SRKAfter   string             `json:"srk_after"`
	EKHash     string             `json:"ek_hash"` // SHA-256 of the EK's public area, hex
	How        string             `json:"how"`     // 'TPM2_Clear', 'physical presence interface'
	What       string             `json:"what"`    // what happened, for people
	Do         string             `json:"do"`      // what to do now
	// Note is set while Result is Pending: keep it for Resume, with the machine
	// that it belongs to.
	Note *Note `json:"note,omitempty"`
}

// Note is what the next start needs to judge a clear that the firmware was asked
// for.
type Note struct {
	Operation int    `json:"operation"`  // of the physical presence interface
	Template  string `json:"template"`   // of the keys; keys of two templates cannot be compared
	SRKBefore string `json:"srk_before"` // empty: unknown
	EKHash    string `json:"ek_hash"`    // empty: unknown
	Boot      string `json:"boot"`       // the kernel's boot ID: the same one means that no new start was made
}

// Device is the TPM to clear. Its zero value is the one of this machine.
type Device struct {
	// Root below which sys and proc stand; empty is the machine's own.
	Root string
	// Open a way to the TPM; nil is the kernel's device.
	Open func(context.Context) (transport.TPMCloser, error)
}

const (
	byCommand  = "TPM2_Clear"
	byFirmware = "physical presence interface"

	// limit of everything together. A TPM needs seconds for a clear, and the
	// oldest need a minute for an RSA key.
	limit = 4 * time.Minute

	inSetup = "Clear the TPM in the firmware setup of the device, then start a new visit."
)

// Clear the TPM, or ask the firmware to.
func Clear(ctx context.Context, d Device) Outcome {
	return d.with(ctx, func(ctx context.Context, dev transport.TPM) Outcome {
		now := read(ctx, dev)
		return d.clear(ctx, dev, now)
	})
}

// with opens the TPM for work and answers for all that stands in the way. It ends
// in time, whatever the TPM does.
func (d Device) with(ctx context.Context, work func(context.Context, transport.TPM) Outcome) (o Outcome) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// An answer that trips the library proves nothing.
	defer func() {
		if p := recover(); p != nil {
			o = Outcome{Result: Unknown, What: fmt.Sprintf("The TPM gave an answer that cannot be read: %v.", p), Do: inSetup}
		}
	}()
	present, version := facts.Presence(d.Root)
	switch {
	case !present.Known:
		return Outcome{Result: Unknown, What: "It could not be found out whether the device has a TPM: " + present.Why + ".",
			Do: "Look for a TPM in the firmware setup of the device. If it has one, turn it on there and start a new visit."}
	case !present.Value:
		return Outcome{Result: NotPresent, What: "No TPM was found in the device."}
	case version.Known && version.Value != "2.0":
		return Outcome{Result: NotCleared, What: "The device has a TPM " + version.Value + ". Only a TPM 2.0 can be cleared from here.", Do: inSetup}
	}
	dev, err := d.open(ctx)
	if err != nil {
		return Outcome{Result: NotCleared, What: "The TPM cannot be opened: " + err.Error() + ". Nothing was done with it.", Do: inSetup}
	}
	bound := facts.Bound(ctx, dev)
	defer bound.Close()
	return work(ctx, bound)
}

func (d Device) open(ctx context.Context) (transport.TPMCloser, error) {
	switch {
	case d.Open != nil:
		return d.Open(ctx)
	case d.Root != "":
		return nil, errors.New("these are the files of another machine")
	}
	return facts.Open(ctx)
}

// state of a TPM at one moment.
type state struct {
	tpm      inspect.TPM
	srk, ek  inspect.Fact[string]
	template string
}

func read(ctx context.Context, dev transport.TPM) state {
	s := state{tpm: facts.ReadFrom(ctx, dev)}
	s.read(ctx, dev)
	return s
}

// read both keys. They come from one kind of template or are not compared.
func (s *state) read(ctx context.Context, dev transport.TPM) {
	srk, ek := facts.SRK(ctx, dev), facts.EK(ctx, dev)
	s.srk, s.ek, s.template = srk.Value, ek.Value, srk.Template
	if s.template == "" {
		s.template = ek.Template
	}
}

// clear by the way that the TPM's attributes leave open.
func (d Device) clear(ctx context.Context, dev transport.TPM, now state) Outcome {
	t := now.tpm
	switch {
	case !t.LockoutAuthSet.Known || !t.DisableClear.Known:
		return now.outcome(NotCleared, "", "The TPM could not be asked whether it may be cleared ("+t.LockoutAuthSet.Why+"). Nothing was done with it.", inSetup)
	case t.LockoutAuthSet.Value:
		return d.askFirmware(now, "The TPM has a lockout password, which is never guessed.")
	case t.DisableClear.Value:
		return d.askFirmware(now, "The TPM does not let itself be cleared by command.")
	}
	return d.clearNow(ctx, dev, now)
}

// clearNow by the empty lockout password. A password on another hierarchy hides
// one of the keys that prove a clear; the clear takes that password away, so that
// a second one can be proved.
func (d Device) clearNow(ctx context.Context, dev transport.TPM, before state) Outcome {
	hidden := !before.srk.Known || !before.ek.Known
	o := d.clearOnce(ctx, dev, &before)
	if another := o.EKKept.Known && !o.EKKept.Value; hidden && !another && before.srk.Known && before.ek.Known {
		if o = d.clearOnce(ctx, dev, &before); o.Result == Cleared {
			o.What += " It was cleared twice, because a password hid its keys the first time."
		}
	}
	return o
}

// clearOnce clears and compares, and leaves in s what it found afterwards.
func (d Device) clearOnce(ctx context.Context, dev transport.TPM, s *state) Outcome {
	before := *s
	s.srk, s.ek = inspect.Fact[string]{}, inspect.Fact[string]{} // until they are read again
	_, err := tpm2.Clear{AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHLockout, Auth: tpm2.PasswordAuth(nil)}}.Execute(dev)
	if rc := tpm2.TPMRC(0); errors.As(err, &rc) {
		return d.askFirmware(before, "The TPM refused to be cleared by command ("+err.Error()+").")
	}
	if err != nil {
		return before.outcome(Unknown, byCommand, "The TPM was told to clear itself and gave no answer ("+err.Error()+"): whether it did is not known.",
			"Switch the device off and on again and start a new visit.")
	}
	s.read(ctx, dev)
	return judge(before, *s, byCommand)
}

// outcome before anything could be compared.
func (s state) outcome(r Result, how, what, do string) Outcome {
	const why = "there is nothing to compare with yet"
	return Outcome{Result: r, How: how, What: what, Do: do, SRKBefore: s.srk.Value, EKHash: s.ek.Value,
		SRKChanged: inspect.Unknown[bool]("SRK", why), EKKept: inspect.Unknown[bool]("EK", why)}
}

// judge a clear by the keys alone.
func judge(before, after state, how string) Outcome {
	o := Outcome{How: how, SRKBefore: before.srk.Value, SRKAfter: after.srk.Value, EKHash: after.ek.Value,
		SRKChanged: differ("SRK", before.srk, after.srk, before.template, after.template),
		EKKept:     not(differ("EK", before.ek, after.ek, before.template, after.template))}
	switch {
	case o.SRKChanged.Known && !o.SRKChanged.Value:
		o.Result, o.What, o.Do = NotCleared, "The TPM said that it was cleared, but its storage key is still the same.", inSetup
	case o.EKKept.Known && !o.EKKept.Value:
		o.Result, o.What = Unknown, "The TPM's endorsement key is another than before: this may be another TPM, so nothing is proved."
		o.Do = "See whether the main board was changed, then start a new visit."
	case o.SRKChanged.Known && o.EKKept.Known:
		o.Result, o.What = Cleared, "The TPM was cleared: its storage key is new, its endorsement key is the same."
	default:
		why := o.SRKChanged.Why
		if o.SRKChanged.Known {
			why = o.EKKept.Why
		}
		o.Result, o.What = Unknown, "The TPM said that it was cleared, but this could not be proved: "+why+"."
		o.Do = "Start a new visit, so that the clear can be done again and proved."
	}
	return o
}

// differ is known only where both keys are, and come from one template.
func differ(key string, before, after inspect.Fact[string], templateBefore, templateAfter string) inspect.Fact[bool] {
	switch {
	case !before.Known || before.Value == "":
		return inspect.Unknown[bool](key, "the "+key+" before it is not known"+reason(before.Why))
	case !after.Known || after.Value == "":
		return inspect.Unknown[bool](key, "the "+key+" after it is not known"+reason(after.Why))
	case templateBefore != templateAfter:
		return inspect.Unknown[bool](key, "the "+key+" was made from "+templateBefore+" before and from "+templateAfter+" after")
	}
	return inspect.Known(before.Value != after.Value, key+" before and after")
}

func reason(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

func not(f inspect.Fact[bool]) inspect.Fact[bool] {
	if f.Known {
		f.Value = !f.Value
	}
	return f
}

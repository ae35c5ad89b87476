package bench

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/tcg"
	"handback.example/wipe"
)

// labels is what a person read from drives' labels.
type labels struct {
	psid    map[string]string // by identity
	removed []certs.Removed   // taken out of the machine, not on record yet
	seen    []drive.Identity  // of this power-on: who is gone may be named whole
}

// labelled names a drive for as long as the engine runs.
func labelled(id drive.Identity) string {
	return fmt.Sprintf("%q %q %q", id.Model, id.Serial, id.WWN) // of all namespaces of a controller
}

// lockedByOwner: nobody reads or writes the drive as it is (Opal), and nobody but the
// one who reads its label can change that. What is not known counts against it.
func lockedByOwner(d inspect.Drive) bool {
	is := func(f inspect.Fact[bool]) bool { return f.Known && f.Value }
	no := func(f inspect.Fact[bool]) bool { return f.Known && !f.Value }
	o := d.Opal
	if o == nil || !is(o.Supported) || !is(o.Locked) && !is(o.Shadowed) {
		return false
	}
	opensItself := no(o.Owned) && no(o.SIDBlocked) // by the password that everybody can read
	return !opensItself
}

// wantsPSID says what the plan may not pass over: a drive that only its label opens.
func (e *Engine) wantsPSID(d inspect.Drive) *wipe.Refusal {
	if !lockedByOwner(d) || e.labels.psid[labelled(d.Identity)] != "" {
		return nil
	}
	r := &wipe.Refusal{Code: codePSID, Reason: driveName(d.Identity) + ", serial " + d.Identity.Serial + ", is locked by its last owner (Opal)",
		Do: "scan the PSID on its label: press P on the page of the machine. If its label has none, take it out to be destroyed, and press X"}
	if e.station.Settings.Unattended {
		r.Do = "start the machine with a person at it, who reads the PSID on the drive's label"
	}
	return r
}

const codePSID = "psid"

// psidOf a drive, as a person gave it.
func (e *Engine) psidOf(id drive.Identity) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.labels.psid[labelled(id)]
}

// psidState of a drive for the screen.
func (e *Engine) psidState(d inspect.Drive) string {
	switch {
	case !lockedByOwner(d):
		return ""
	case e.labels.psid[labelled(d.Identity)] != "":
		return wire.PSIDGiven
	}
	return wire.PSIDWanted
}

// takePSID of a drive from its label. Only its form is looked at: the drive itself is
// asked when it is erased, and has few tries.
func (e *Engine) takePSID(name, text string) error {
	i := slices.IndexFunc(e.plan.Drives, func(d wipe.DrivePlan) bool { return strings.EqualFold(d.Name, strings.TrimSpace(name)) })
	if i < 0 {
		return fmt.Errorf("there is no drive %q: the letters stand before the drives", cut(name))
	}
	id := e.plan.Drives[i].Identity
	at := slices.IndexFunc(e.report.Drives, func(d inspect.Drive) bool { return d.Path == e.plan.Drives[i].Path })
	if at < 0 || !lockedByOwner(e.report.Drives[at]) {
		return fmt.Errorf("drive %s needs no PSID", e.plan.Drives[i].Name)
	}
	psid, err := tcg.ParsePSID(text)
	if err != nil {
		return fmt.Errorf("%w: scan or type what stands behind 'PSID' on the label of drive %s (%s)", err, e.plan.Drives[i].Name, driveName(id))
	}
	e.update(func() {
		if e.labels.psid == nil {
			e.labels.psid = map[string]string{}
		}
		e.labels.psid[labelled(id)] = psid
	})
	e.say("psid", "the PSID of drive "+e.plan.Drives[i].Name+" was read from its label", "serial", id.Serial)
	e.replan()
	return nil
}

// remember who was in the machine.
func (l *labels) remember(r *inspect.Report) {
	for _, d := range r.Drives {
		if !d.Boot && !slices.ContainsFunc(l.seen, func(o drive.Identity) bool { return o.Same(d.Identity) }) {
			l.seen = append(l.seen, d.Identity)
		}
	}
}

// vanished are the drives inside the machine that an earlier look of this power-on
// found, that this one doesn't, and of which nobody has said that they were taken out
// or seen to the end of their erasure: they may be in there, unerased.
func (e *Engine) vanished() (all []wipe.Refusal) {
	for _, id := range e.labels.seen {
		outside := id.Bus == drive.BusUSB || id.Bus == drive.BusSD || id.Bus == drive.BusFabric || id.Bus == drive.BusLoop
		here := slices.ContainsFunc(e.report.Drives, func(d inspect.Drive) bool { return labelled(d.Identity) == labelled(id) })
		if outside || here || id.Serial == "" || e.isRemoved(certs.Removed{Drive: certs.DriveRef{Serial: id.Serial}}) ||
			e.book != nil && ended(e.book.Summary(), evidence.Ref("", id), false) {
			continue
		}
		all = append(all, wipe.Refusal{Code: "vanished", Reason: driveName(id) + ", serial " + id.Serial + ", was found when this machine was looked at before, and is gone",
			Do: "switch the machine off, see that the drive sits well, and start again; if it was taken out to be destroyed, press X"})
	}
	return all
}

// takeRemoved records that a drive was taken out to be destroyed. Before, it is looked
// whether it is out; the machine goes on without it.
func (e *Engine) takeRemoved(r wire.Removal) error {
	serial, seal, ref := strings.TrimSpace(r.Serial), strings.TrimSpace(r.Seal), strings.TrimSpace(r.Reference)
	switch {
	case serial == "":
		return errors.New("scan or type the serial number on the drive's label")
	case seal == "":
		return errors.New("put the drive into a bag, and scan or type the number of its seal")
	case ref == "":
		return errors.New("scan or type the destruction reference: your supervisor has it")
	}
	if err := e.lookAgain(e.ctx); err != nil {
		return err
	}
	same := func(id drive.Identity) bool { return strings.EqualFold(id.Serial, serial) }
	if i := slices.IndexFunc(e.report.Drives, func(d inspect.Drive) bool { return !d.Boot && same(d.Identity) }); i >= 0 {
		d := e.report.Drives[i]
		return fmt.Errorf("that drive is still in the machine (%s, serial %s%s): switch the machine off, take the drive out, start again and press X", driveName(d.Identity), d.Identity.Serial, at(d.Where))
	}
	ref1 := certs.DriveRef{Serial: serial}
	if i := slices.IndexFunc(e.labels.seen, same); i >= 0 {
		ref1 = evidence.Ref("", e.labels.seen[i])
	}
	rec := certs.Removed{Drive: ref1, Seal: seal, By: e.operator(), Why: "taken out of the machine to be destroyed", Reference: ref}
	if e.isRemoved(rec) {
		return fmt.Errorf("the drive with serial %s is down as taken out already", serial)
	}
	e.update(func() { e.labels.removed = append(e.labels.removed, rec) })
	e.say("removed", "the drive with serial "+serial+" was taken out, seal "+seal, "serial", serial, "seal", seal)
	if e.book != nil {
		e.record(e.removedRecords()...)
	}
	e.replan() // it no longer counts as vanished
	return nil
}

func at(where string) string {
	if where == "" {
		return ""
	}
	return ", " + where
}

func (e *Engine) operator() string { return or(e.intake.Operator, e.who) }

// taken out of the machine, on record or about to be.
func (e *Engine) taken() []certs.Removed {
	all := slices.Clone(e.labels.removed)
	if e.book != nil {
		all = append(e.book.Summary().Removed, all...)
	}
	return all
}

func (e *Engine) isRemoved(r certs.Removed) bool {
	return slices.ContainsFunc(e.taken(), func(o certs.Removed) bool { return strings.EqualFold(o.Drive.Serial, r.Drive.Serial) })
}

// removedRecords are what was taken out and is on no record yet.
func (e *Engine) removedRecords() (list []certs.Record) {
	for _, r := range e.labels.removed {
		list = append(list, certs.Record{Kind: certs.KindRemoved, Removed: &r})
	}
	e.update(func() { e.labels.removed = nil })
	return list
}

// removedFacts for the screen.
func (e *Engine) removedFacts() (rows []wire.Fact) {
	for _, r := range e.taken() {
		rows = append(rows, wire.Fact{Name: "Taken out", Mark: wire.MarkWarn,
			Value: fmt.Sprintf("drive with serial %s, seal %s, to be destroyed: %s", r.Drive.Serial, r.Seal, r.Reference)})
	}
	return rows
}

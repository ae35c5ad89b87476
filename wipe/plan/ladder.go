package plan

import (
	"slices"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// ladder lists what a drive is known to offer, strongest first (see the package's
// own words on the order), or only what the policy names.
func ladder(s subject, p Policy, known []quirk) []wipe.Step {
	steps := offered(s, p, known)
	slices.SortStableFunc(steps, func(a, b wipe.Step) int { return int(b.Level) - int(a.Level) })
	if p.Technique != "" {
		return slices.DeleteFunc(steps, func(st wipe.Step) bool { return st.Technique != p.Technique })
	}
	steps = slices.DeleteFunc(steps, func(st wipe.Step) bool { return onlyNamed(st.Technique) })
	if p.Want == wipe.LevelClear && s.reach.unattached == 0 && len(s.reach.siblings) == 0 {
		return quickFirst(steps)
	}
	return steps
}

// offered by the drive as it is now, by all that is known of its model.
func offered(s subject, p Policy, known []quirk) []wipe.Step {
	direct := lower(slices.Concat(ataSanitize(s), nvmeSanitize(s), scsiSanitize(s)), known)
	switch sanitizeState(s.Drive) {
	case inspect.SanitizeRunning:
		return adopt(direct)
	case inspect.SanitizeFailed:
		// Until a sanitize succeeds the drive gives nobody its blocks.
		return direct
	}
	if s.ATA.Locked() {
		return lower(ataSecurityErase(s), known)
	}
	direct = slices.Concat(direct, lower(slices.Concat(ataSecurityErase(s), nvmeFormat(s), scsiFormat(s), mmcErase(s)), known), overwrites(s, p))
	if opalLocked(s.Drive) {
		return opalReverts(s, direct)
	}
	return slices.Concat(direct, opalReverts(s, direct))
}

// adopt makes of what is offered the one step that there is while a sanitize runs:
// nothing can stop it, and the drive does nothing else. Its technique waits for what
// runs, and sanitizes the drive anew where that is not known to be its own.
func adopt(sanitize []wipe.Step) []wipe.Step {
	if len(sanitize) == 0 {
		return nil
	}
	only := sanitize[0]
	only.Reason = "a sanitize is running that was begun before, and can't be stopped: it is waited for, and counts where it is known to be ours; else " + only.Reason
	return []wipe.Step{only}
}

// onlyNamed: techniques that are done only where a policy names them.
func onlyNamed(t wipe.TechniqueID) bool {
	switch t {
	case wipe.OverwriteOne, wipe.OverwriteIS5Baseline, wipe.OverwriteIS5Enhanced, wipe.OverwriteRandom3:
		return true
	}
	return false
}

// worthIt is how much time must be won before a stronger technique stands back.
const worthIt = time.Minute

// quickFirst puts the quickest of the drive's own techniques first, where it is
// clearly quicker than the strongest and loses nothing that Clear asks for.
func quickFirst(steps []wipe.Step) []wipe.Step {
	if len(steps) == 0 || steps[0].Then != "" {
		return steps
	}
	best, longest := 0, min(steps[0].Expect/2, steps[0].Expect-worthIt)
	for i, st := range steps {
		if st.Expect <= longest && st.Expect < steps[best].Expect && st.Level == wipe.LevelClear && byItself(st) && !restsOnKey(st.Technique) {
			best = i
		}
	}
	quick := steps[best]
	return append([]wipe.Step{quick}, slices.Delete(slices.Clone(steps), best, best+1)...)
}

// byItself: the drive erases itself, and canaries show it. A revert needs a label.
func byItself(s wipe.Step) bool { return s.Verify == "" && s.Then == "" }

// restsOnKey: nothing is destroyed but a key.
func restsOnKey(t wipe.TechniqueID) bool {
	switch t {
	case wipe.ATASanitizeCrypto, wipe.NVMeSanitizeCrypto, wipe.SCSISanitizeCrypto, wipe.NVMeFormatCrypto:
		return true
	}
	return false
}

// sanitizeState of the drive by whatever command set it speaks; empty where it is
// not known.
func sanitizeState(d inspect.Drive) string {
	switch {
	case d.ATA != nil && d.ATA.SanitizeState.Known:
		return d.ATA.SanitizeState.Value
	case d.NVMe != nil && d.NVMe.SanitizeState.Known:
		return d.NVMe.SanitizeState.Value
	case d.SCSI != nil && d.SCSI.SanitizeState.Known:
		return d.SCSI.SanitizeState.Value
	}
	return ""
}

// answersSanitize: a sanitize may be begun, or has been. Where its state can't be
// read now it can't be read later either, and no success would be believed.
func answersSanitize(state inspect.Fact[string]) bool {
	switch state.Value {
	case inspect.SanitizeIdle, inspect.SanitizeRunning, inspect.SanitizeFailed:
		return state.Known
	}
	return false
}

// throughBridge: a bridge stands in between that doesn't show the drive behind it,
// so that a command of the drive may go anywhere.
func throughBridge(d inspect.Drive) bool {
	return (d.Identity.Bus == drive.BusUSB || d.Identity.Bus == drive.BusUnknown) && !d.Identity.Inner
}

// three puts the kinds of sanitize in their order for the medium.
func three(d inspect.Drive, block, crypto, overwrite []wipe.Step) []wipe.Step {
	if kind(d) == drive.MediaHDD {
		return slices.Concat(overwrite, crypto, block)
	}
	return slices.Concat(block, crypto, overwrite)
}

// step in a list, or none where it is not offered.
func step(offered bool, s wipe.Step) []wipe.Step {
	if !offered {
		return nil
	}
	return []wipe.Step{s}
}

// kind of medium as far as it is known: NVMe is solid state whatever else it says.
func kind(d inspect.Drive) drive.MediaType {
	switch {
	case d.Identity.Media != drive.MediaUnknown:
		return d.Identity.Media
	case d.Identity.Bus == drive.BusNVMe:
		return drive.MediaSSD
	case d.Identity.Bus == drive.BusLoop:
		return drive.MediaFile
	case d.Identity.Bus == drive.BusSD || d.Identity.Bus == drive.BusMMC:
		return drive.MediaFlash
	case d.Rotational.Known && d.Rotational.Value:
		return drive.MediaHDD
	}
	return drive.MediaUnknown
}

package plan

import (
	"fmt"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// CodeBootMedium marks the medium that this system was started from. It is never
// a target and never counts.
const CodeBootMedium = "boot-medium"

// CodeFrozen marks a drive that would reach the level wanted if its firmware had not
// frozen it: after a sleep it may be free.
const CodeFrozen = "frozen"

// refuse says why drive i of a report is not erased, or nil where nothing
// stands against it.
func refuse(r *inspect.Report, i int, p Policy) *wipe.Refusal {
	d := r.Drives[i]
	for _, rule := range []func(inspect.Drive) *wipe.Refusal{boot, inUse, noIdentity, special, strangeMedium, protected, locked, hidden} {
		if why := rule(d); why != nil {
			return why
		}
	}
	if why := twin(r, i); why != nil {
		return why
	}
	if p.Only != nil && !p.Only(d) {
		return &wipe.Refusal{Code: "not-chosen", Reason: Name(d.Identity) + " was not chosen", Do: "choose it, if it is to be erased"}
	}
	if p.Refuse != nil {
		return p.Refuse(d)
	}
	return nil
}

func boot(d inspect.Drive) *wipe.Refusal {
	if !d.Boot {
		return nil
	}
	return &wipe.Refusal{Code: CodeBootMedium, Reason: Name(d.Identity) + " is the medium that this system was started from",
		Do: "nothing: it is never erased"}
}

func inUse(d inspect.Drive) *wipe.Refusal {
	if len(d.InUse) == 0 {
		return nil
	}
	return &wipe.Refusal{Code: "mounted", Reason: fmt.Sprintf("%s is in use: %s", Name(d.Identity), strings.Join(d.InUse, "; ")),
		Do: "unmount it, or start this machine from the stick"}
}

func noIdentity(d inspect.Drive) *wipe.Refusal {
	if usable(d.Identity.Serial) || d.Identity.WWN != "" {
		return nil
	}
	reason := "the drive at " + d.Path + " tells neither a serial nor a world wide name"
	if len(d.Problems) > 0 {
		reason += " (" + strings.Join(d.Problems, "; ") + ")"
	}
	return &wipe.Refusal{Code: "no-identity", Reason: reason,
		Do: "connect it without a bridge or a card reader in between; if it still tells none, take it out and have it destroyed"}
}

// usable: a serial of zeros is what firmware puts where none was set.
func usable(serial string) bool { return strings.Trim(serial, "0 ") != "" }

// strangeMedium refuses what block by block cannot be reached, or not be told.
func strangeMedium(d inspect.Drive) *wipe.Refusal {
	g, name := d.Geometry, Name(d.Identity)
	switch {
	case g.Size <= 0:
		reason := name + " shows no capacity"
		if len(d.Problems) > 0 {
			reason += " (" + strings.Join(d.Problems, "; ") + ")"
		}
		return &wipe.Refusal{Code: "no-capacity", Reason: reason,
			Do: "check the connection and start again; if it stays so, take the drive out and have it destroyed"}
	case g.LogicalBlock != 512 && g.LogicalBlock != 4096:
		return &wipe.Refusal{Code: "sector-size", Reason: fmt.Sprintf("%s has blocks of %d bytes", name, g.LogicalBlock),
			Do: "reformat it to blocks of 512 or 4096 bytes (sg_format, nvme format), or have it destroyed"}
	case g.Size%int64(g.LogicalBlock) != 0:
		return &wipe.Refusal{Code: "partial-block", Reason: fmt.Sprintf("%s ends in the middle of a block: its %d bytes are no multiple of %d", name, g.Size, g.LogicalBlock),
			Do: "present it with blocks that fit, else its last bytes can't be reached"}
	case d.Identity.Size != 0 && d.Identity.Size != g.Size:
		return &wipe.Refusal{Code: "size-differs", Reason: fmt.Sprintf("%s says that it has %d bytes, and the system shows %d", name, d.Identity.Size, g.Size),
			Do: "connect it without a bridge in between: a part of it may be out of reach"}
	case d.NVMe != nil && d.NVMe.MetadataBytes.Known && d.NVMe.MetadataBytes.Value != 0:
		return &wipe.Refusal{Code: "metadata", Reason: fmt.Sprintf("%s keeps %d bytes of metadata with each block, which no overwrite is sure to reach", name, d.NVMe.MetadataBytes.Value),
			Do: "format it to an LBA format without metadata (nvme format), or have it destroyed"}
	}
	return nil
}

const doLocked = "unlock it with its password in the firmware setup, or return it to its owner, or have it destroyed"

// locked drives have one way: our own password, which an erasure that was cut short
// leaves behind. Where it can't even be tried there is none.
func locked(d inspect.Drive) *wipe.Refusal {
	reason := Name(d.Identity) + " is locked by an ATA password"
	switch {
	case !d.ATA.Locked():
		return nil
	case d.ATA.Security.Value&securityFrozen != 0:
		return &wipe.Refusal{Code: "locked", Reason: reason + ", and its firmware has frozen it so that none can be tried",
			Do: doFree + "; else " + doLocked}
	case d.ATA.Security.Value&securityExpired != 0:
		return &wipe.Refusal{Code: "locked", Reason: reason + ", and wrong ones have been tried too often",
			Do: "switch the machine off and on and look again; else " + doLocked}
	case len(ataSecurityErase(subject{Drive: d})) == 0:
		return &wipe.Refusal{Code: "locked", Reason: reason, Do: doLocked}
	}
	return nil
}

// special media need commands that are not here. Writing over what the system
// shows of them would reach a part, and claim the whole.
func special(d inspect.Drive) *wipe.Refusal {
	name := Name(d.Identity)
	switch {
	case d.Special == "ufs":
		return &wipe.Refusal{Code: "ufs", Reason: name + " is UFS memory: erasing it takes unmap and purge over all of its units, which this version does not do",
			Do: "erase it with the maker's tool (the firmware's own data wipe), or have the board's memory destroyed"}
	case d.Special == "pmem":
		return &wipe.Refusal{Code: "pmem", Reason: name + " is persistent memory, which is erased in the memory module itself",
			Do: "erase it in the firmware's setup or by 'ndctl sanitize-dimm', or have the modules destroyed"}
	case d.Special != "":
		return &wipe.Refusal{Code: "special", Reason: fmt.Sprintf("%s is a medium of a kind that is not erased here (%s)", name, d.Special),
			Do: "erase it with the maker's tool, or have it destroyed"}
	case d.Zoned.Known && d.Zoned.Value == "host-managed":
		return &wipe.Refusal{Code: "zoned", Reason: name + " is zoned: its zones take blocks in their order alone, which this version does not do",
			Do: "reset its zones and sanitize it elsewhere (blkzone reset; sg_sanitize or hdparm), or have it destroyed"}
	}
	return nil
}

// protected: what can't be written can't be erased, and some of it may be the
// owner's.
func protected(d inspect.Drive) *wipe.Refusal {
	if d.MMC == nil || !yes(d.MMC.Protected) {
		return nil
	}
	return &wipe.Refusal{Code: "write-protected", Reason: Name(d.Identity) + " is protected against writing, in whole or in part: what stands there would stay",
		Do: "switch the machine off and on and look again, for some protection ends with the power; if it stays, have the board's memory destroyed"}
}

// nothingOffered: no technique is left.
func nothingOffered(s subject, p Policy) *wipe.Refusal {
	name := Name(s.Identity)
	switch {
	case opalLocked(s.Drive):
		why := "no command that is known to reach it is offered"
		if s.reach.why != "" {
			why = s.reach.why
		}
		return &wipe.Refusal{Code: "locked", Reason: fmt.Sprintf("%s is locked by its owner (Opal), and %s", name, why),
			Do: "unlock it with its password, or return it to its owner, or have it destroyed"}
	case sanitizeState(s.Drive) == inspect.SanitizeFailed:
		return &wipe.Refusal{Code: "sanitize-failed", Reason: "a sanitize of " + name + " has failed before, and it offers no other that is known to reach only what may be erased",
			Do: "switch the machine off and on and look again; if it stays so, take the drive out and have it destroyed"}
	case sanitizeState(s.Drive) == inspect.SanitizeRunning:
		return &wipe.Refusal{Code: "sanitize-running", Reason: "a sanitize of " + name + " is running that was begun before, and what it reaches is not known",
			Do: "leave the machine on until it has ended, then look again"}
	}
	return &wipe.Refusal{Code: "technique", Reason: fmt.Sprintf("%s does not offer %s", name, p.Technique),
		Do: "choose another technique: 'handback plan' lists what the drive offers"}
}

// belowLevel: the drive can't be brought to the level wanted, or not as it is now.
func belowLevel(s subject, p Policy, best wipe.Level) *wipe.Refusal {
	name := Name(s.Identity)
	if sanitizeState(s.Drive) == inspect.SanitizeFrozen && freed(s, p) >= p.Want {
		return &wipe.Refusal{Code: CodeFrozen, Reason: fmt.Sprintf("the firmware has frozen the sanitize of %s, without which it reaches %s, and %s is wanted", name, word(best), word(p.Want)),
			Do: doFree + ", and look again; else take the drive out and have it destroyed"}
	}
	if s.ATA.Locked() {
		return &wipe.Refusal{Code: "locked", Reason: fmt.Sprintf("%s is locked by an ATA password; where it is the one that Handback sets itself the drive reaches %s, and %s is wanted", name, word(best), word(p.Want)),
			Do: fmt.Sprintf("ask for %s if that is enough; else %s", word(best), doLocked)}
	}
	reason := fmt.Sprintf("the best that can be done to %s here is %s, and %s is wanted", name, word(best), word(p.Want))
	if n := s.NVMe; n != nil && s.reach.why != "" && n.SANICAP.Known && n.SANICAP.Value&(sanicapBlock|sanicapCrypto|sanicapOverwrite) != 0 {
		reason += "; a sanitize would be more, but " + s.reach.why
	}
	return &wipe.Refusal{Code: "below-level", Reason: reason,
		Do: fmt.Sprintf("ask for %s if that is enough for where the drive goes; else take it out and have it destroyed", word(best))}
}

// freed is the level that a drive would reach if it were not frozen.
func freed(s subject, p Policy) wipe.Level {
	idle := inspect.Known(inspect.SanitizeIdle, "")
	if s.ATA != nil {
		a := *s.ATA
		a.SanitizeState, s.ATA = idle, &a
	}
	if s.SCSI != nil {
		c := *s.SCSI
		c.SanitizeState, s.SCSI = idle, &c
	}
	if steps := ladder(s, p, quirksOf(s.Drive)); len(steps) > 0 {
		return steps[0].Level
	}
	return wipe.LevelNone
}

// twin refuses a drive that another one answers like: a record could not tell
// which of the two it is about.
func twin(r *inspect.Report, i int) *wipe.Refusal {
	a := r.Drives[i]
	for j, b := range r.Drives {
		if j != i && clash(a.Identity, b.Identity) {
			return &wipe.Refusal{Code: "same-identity", Reason: fmt.Sprintf("%s and %s both answer as %s", a.Path, b.Path, Name(a.Identity)),
				Do: "take one of the two out and erase them one by one"}
		}
	}
	return nil
}

func clash(a, b drive.Identity) bool {
	if a.Namespace != b.Namespace {
		return false
	}
	return a.Serial != "" && a.Serial == b.Serial && a.Model == b.Model || a.WWN != "" && a.WWN == b.WWN
}

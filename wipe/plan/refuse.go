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

// ATA security status, IDENTIFY DEVICE word 128 (ACS-4 clause 9.11.8.5).
const (
	securityEnabled = 1 << 1
	securityLocked  = 1 << 2
)

// refuse says why drive i of a report is not erased, or nil where nothing
// stands against it.
func refuse(r *inspect.Report, i int) *wipe.Refusal {
	d := r.Drives[i]
	for _, rule := range []func(inspect.Drive) *wipe.Refusal{boot, inUse, noIdentity, strangeMedium, locked, hidden} {
		if why := rule(d); why != nil {
			return why
		}
	}
	return twin(r, i)
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

func locked(d inspect.Drive) *wipe.Refusal {
	if d.ATA == nil || !d.ATA.Security.Known || d.ATA.Security.Value&securityLocked == 0 {
		return nil
	}
	return &wipe.Refusal{Code: "locked", Reason: Name(d.Identity) + " is locked by an ATA password",
		Do: "unlock it with its password in the firmware setup, or return it to its owner, or have it destroyed"}
}

// hidden: what lies behind the end that the drive shows would survive.
func hidden(d inspect.Drive) *wipe.Refusal {
	if d.ATA == nil {
		return nil
	}
	how := ""
	switch native := d.ATA.NativeMax; {
	case native.Known && native.Value > d.Geometry.Size:
		how = fmt.Sprintf("%d bytes", native.Value-d.Geometry.Size)
	case d.ATA.Hidden.Known && d.ATA.Hidden.Value:
		how = "a part of its capacity"
	default:
		return nil
	}
	return &wipe.Refusal{Code: "hidden-area",
		Reason: fmt.Sprintf("%s hides %s behind its end (HPA or AMA): it would survive", Name(d.Identity), how),
		Do:     "restore its full capacity (hdparm -N) and start again, or have it destroyed"}
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

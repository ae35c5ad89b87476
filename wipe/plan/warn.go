package plan

import (
	"fmt"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// warnings are what a person should know and what stops nothing.
func warnings(s subject, steps []wipe.Step, known []quirk) []string {
	d := s.Drive
	var w []string
	for _, say := range []string{hides(d), passwordSet(d), securityIsFrozen(d), sanitizeIsFrozen(d), sanitizeHasFailed(d), whole(s, steps), psid(d, steps), failing(d), worn(d)} {
		if say != "" {
			w = append(w, say)
		}
	}
	for _, q := range known {
		w = append(w, q.warn+" ["+q.id+"]")
	}
	return append(w, d.Problems...)
}

// ways in words.
var ways = map[string]string{WayHPA: "host protected area", WayAMA: "accessible max address", WayDCO: "device configuration overlay"}

func hides(d inspect.Drive) string {
	r := restore(d)
	if r == nil {
		return ""
	}
	var by []string
	for _, w := range r.Ways {
		by = append(by, ways[w])
	}
	return fmt.Sprintf("it shows %d bytes and has %d (%s): its whole capacity is restored first, and what was hidden is erased too", r.From, r.To, strings.Join(by, ", "))
}

func passwordSet(d inspect.Drive) string {
	if d.ATA == nil || !d.ATA.Security.Known || d.ATA.Security.Value&securityEnabled == 0 {
		return ""
	}
	if d.ATA.Locked() {
		return "the drive is locked by an ATA password: only where Handback itself left it so can it be erased here; else " + doLocked
	}
	return "the drive has an ATA password set; it is open now; only ATA security erase takes the password away"
}

const doFree = "put the machine to sleep and wake it, or switch it off and on with the drive in another port"

func securityIsFrozen(d inspect.Drive) string {
	if d.ATA == nil || !d.ATA.Security.Known || d.ATA.Security.Value&securityFrozen == 0 || d.ATA.Security.Value&securitySupported == 0 {
		return ""
	}
	return "the firmware has frozen the drive's security, so ATA security erase is not to be had: " + doFree
}

func sanitizeIsFrozen(d inspect.Drive) string {
	if sanitizeState(d) != inspect.SanitizeFrozen {
		return ""
	}
	return "the firmware has frozen the drive's sanitize, so it is not to be had: " + doFree
}

func sanitizeHasFailed(d inspect.Drive) string {
	if sanitizeState(d) != inspect.SanitizeFailed {
		return ""
	}
	return "a sanitize of this drive has failed before: it gives nobody its blocks until one succeeds"
}

// whole says what else a command to the whole controller erases, or why there is
// none.
func whole(s subject, steps []wipe.Step) string {
	n := s.NVMe
	switch {
	case n == nil:
		return ""
	case !s.reach.whole && n.SANICAP.Known && n.SANICAP.Value&(sanicapBlock|sanicapCrypto|sanicapOverwrite) != 0:
		return "a sanitize is not to be had: " + s.reach.why
	case !reachesAll(steps) || len(s.reach.siblings) == 0 && s.reach.unattached == 0:
		return ""
	}
	var also []string
	for _, id := range s.reach.siblings {
		also = append(also, fmt.Sprintf("namespace %d", id))
	}
	switch s.reach.unattached {
	case 0:
	case 1:
		also = append(also, "1 namespace that is not attached")
	default:
		also = append(also, fmt.Sprintf("%d namespaces that are not attached", s.reach.unattached))
	}
	return "a sanitize erases the whole controller: " + strings.Join(also, ", ") + " too"
}

func psid(d inspect.Drive, steps []wipe.Step) string {
	switch {
	case !opalActive(d):
		return ""
	case len(steps) > 0 && steps[0].Then != "":
		return "the drive is locked by its owner (Opal): the PSID on its label opens it, and everything on it is lost by that"
	}
	return "the drive's locking is active (Opal): where it refuses to erase itself, the PSID on its label helps"
}

func failing(d inspect.Drive) string {
	if h := d.Health.Verdict; h.Known && h.Value == "failing" {
		return "the drive says of itself that it is failing: the erasure may fail"
	}
	return ""
}

// worn: sectors that a drive has given up may keep what stood there; a sanitize
// may succeed and leave them.
func worn(d inspect.Drive) string {
	lost := int64(0)
	for _, f := range []inspect.Fact[int64]{d.Health.Realloc, d.Health.Pending, d.Health.Uncorrectable} {
		if f.Known {
			lost += max(f.Value, 0)
		}
	}
	if lost == 0 || kind(d) == drive.MediaFile {
		return ""
	}
	if lost == 1 {
		return "the drive has given up or lost 1 sector: what stood there may stay, whatever erases the rest"
	}
	return fmt.Sprintf("the drive has given up or lost %d sectors: what stood there may stay, whatever erases the rest", lost)
}

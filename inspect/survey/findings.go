package survey

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/internal/sysblock"
)

// hidden is what was found out about media that no drive of the report shows.
type hidden struct {
	found   []inspect.Finding // what stands in the way of saying 'every drive of this machine'
	looked  []string          // where it was looked, for people: the evidence
	missing []string          // where it could not be looked
}

// look for hidden media at one place: at says where it looked. An error means that it
// could not be found out there, and names of what.
type look func([]subject) (found []inspect.Finding, at string, failed error)

// findings looks for hidden media. found is nil where that could not be done: a drive
// that the kernel lists and that could not be read (unlisted) is one that nothing shows.
func (s survey) findings(subjects []subject, unlisted error) hidden {
	h := hidden{found: []inspect.Finding{}}
	if unlisted != nil {
		h.missing = append(h.missing, unlisted.Error())
	}
	for _, look := range []look{s.controllers, s.scsiWithoutDriver, s.usbWithoutDrive, s.ataWithoutDisk, s.mmcHosts, nvmeFindings, halfFindings, s.areaFindings} {
		f, at, err := look(subjects)
		h.found = append(h.found, f...)
		switch {
		case err != nil:
			h.missing = append(h.missing, "hidden drives: "+err.Error())
		case at != "":
			h.looked = append(h.looked, at)
		}
	}
	if s.Doors.Opener != nil {
		h.found = append(h.found, silentFindings(subjects)...)
		h.looked = append(h.looked, fmt.Sprintf("drives: %d, which said who they are: %d", len(subjects), answered(subjects)))
	}
	h.found = append(h.found, bootFindings(subjects)...)
	if len(h.missing) > 0 && len(h.found) == 0 {
		h.found = nil
	}
	return h
}

// nvmeFindings: namespaces of a controller that are no block devices here.
func nvmeFindings(subjects []subject) (found []inspect.Finding, looked string, failed error) {
	seen := map[string]bool{}
	for _, d := range subjects {
		if d.NVMe == nil || seen[d.disk.Controller] {
			continue
		}
		seen[d.disk.Controller] = true
		if n := d.NVMe.Unattached; !n.Known {
			found = append(found, inspect.Finding{Code: "namespaces-unknown",
				What: fmt.Sprintf("whether %s has namespaces that no drive shows could not be read: %s", names(d), n.Why),
				Do:   "start again; if it stays so, take the drive out and have it erased with the maker's tool"})
		} else if n.Value > 0 {
			found = append(found, inspect.Finding{Code: "unattached-namespace",
				What: fmt.Sprintf("%s has namespaces that are not attached (%d): they may hold data and can't be reached as drives", names(d), n.Value),
				Do:   "attach them with the maker's tool and start again, or take the drive out"})
		}
		hidden := 0
		for _, id := range d.namespaces {
			if !slices.ContainsFunc(subjects, func(o subject) bool {
				return o.disk.Controller == d.disk.Controller && o.Identity.Namespace == id
			}) {
				hidden++
			}
		}
		if hidden > 0 {
			found = append(found, inspect.Finding{Code: "hidden-namespace",
				What: fmt.Sprintf("%s has active namespaces that the kernel does not show as drives (%d)", names(d), hidden),
				Do:   "take the drive out and have it erased with the maker's tool"})
		}
	}
	if len(seen) > 0 {
		looked = "namespaces of " + count(len(seen), "NVMe controller")
	}
	return found, looked, nil
}

// areaFindings: what an eMMC has beside its blocks is erased with them by the card's own
// erasure, and by nothing else.
func (s survey) areaFindings(subjects []subject) (found []inspect.Finding, looked string, failed error) {
	for _, d := range subjects {
		if m := d.MMC; m != nil && (m.Sanitize.Value || m.SecureErase.Value) && m.Protected.Known && !m.Protected.Value {
			continue
		}
		areas, err := s.tree.Areas(d.disk)
		if err != nil {
			failed = fmt.Errorf("whether %s has areas of its own beside the drive could not be read: %w", names(d), err)
		}
		if len(areas) == 0 {
			continue
		}
		found = append(found, inspect.Finding{Code: "mmc-areas",
			What: fmt.Sprintf("%s has areas of its own beside the drive (%s), and does not say that it can erase all of them itself", names(d), strings.Join(areas, ", ")),
			Do:   "keep the machine, or destroy the board's memory"})
	}
	return found, "", failed
}

// halves of Intel's drives with two on one card (Optane Memory H10 and H20): flash
// ('INTEL HBRPEKNX0202A'), and Optane memory that caches it ('INTEL HBRPEKNX0202AO').
// Each is a drive of its own on the bus, and a machine that can't split its lanes shows
// only one.
const halves = "HBRPEKN"

// halfFindings: a half of such a drive without the other.
func halfFindings(subjects []subject) (found []inspect.Finding, looked string, failed error) {
	other := func(d subject) string {
		for _, word := range strings.Fields(d.Identity.Model) {
			switch {
			case !strings.HasPrefix(word, halves):
			case strings.HasSuffix(word, "O"):
				return "flash"
			default:
				return "Optane"
			}
		}
		return ""
	}
	counts := map[string]int{}
	for _, d := range subjects {
		counts[other(d)]++
	}
	for _, d := range subjects {
		if missing := other(d); missing != "" && counts["flash"] != counts["Optane"] {
			found = append(found, inspect.Finding{Code: "optane-half",
				What: fmt.Sprintf("%s is one half of a drive with two, and its %s half is not seen beside it", names(d), missing),
				Do:   "switch Intel Rapid Storage and Optane off in the firmware's setup, then start again; if it stays so, take the drive out and destroy it"})
		}
	}
	return found, "", nil
}

// silentFindings: drives that would not be opened or say who they are.
func silentFindings(subjects []subject) []inspect.Finding {
	var found []inspect.Finding
	do := "start again; if it stays so, take the drive out and destroy it"
	if os.Geteuid() != 0 {
		do = "run this as root: only root may ask a drive"
	}
	for _, d := range subjects {
		if d.answered || d.disk.Kind == sysblock.KindLoop {
			continue
		}
		found = append(found, inspect.Finding{Code: "unread-drive",
			What: fmt.Sprintf("%s could not be read: %s", names(d), strings.Join(d.Problems, "; ")),
			Do:   do})
	}
	return found
}

// CodeTwoSticks is the finding that more than one medium is spared as the one that this
// system was started from.
const CodeTwoSticks = "two-sticks"

// bootFindings: the medium that this system was started from is spared. A second
// one that carries the same partitions would be spared too, and so would a drive
// inside the machine that somebody copied a stick to.
func bootFindings(subjects []subject) []inspect.Finding {
	var boot []string
	var found []inspect.Finding
	for _, d := range subjects {
		if !d.Boot || d.disk.Kind == sysblock.KindLoop {
			continue
		}
		boot = append(boot, names(d))
		switch d.disk.Bus {
		case drive.BusNVMe, drive.BusSATA, drive.BusSCSI, drive.BusMMC:
			found = append(found, inspect.Finding{Code: "boot-inside",
				What: names(d) + " is inside the machine and carries the partitions of a stick: it is not erased",
				Do:   "erase its partition table elsewhere, then start again from a stick"})
		}
	}
	if len(boot) > 1 {
		found = append(found, inspect.Finding{Code: CodeTwoSticks,
			What: "several media carry the partitions of a stick, and none of them is erased: " + strings.Join(boot, ", "),
			Do:   "leave only the stick that was started from, then start again"})
	}
	return found
}

func answered(subjects []subject) (n int) {
	for _, d := range subjects {
		if d.answered {
			n++
		}
	}
	return n
}

// count of things for people.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// names a drive for people: model, serial, path.
func names(d subject) string {
	return fmt.Sprintf("the drive %s, serial %s (%s)", or(d.Identity.Model, "of unknown model"), or(d.Identity.Serial, "unknown"), d.Path)
}

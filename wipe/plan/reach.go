package plan

import (
	"fmt"
	"slices"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// reach is what a command to the whole controller of a namespace does beside that
// namespace: a sanitize knows no namespaces (NVM Express Base 2.0, 5.24), nor does
// a revert of the Opal subsystem.
type reach struct {
	// whole: such a command reaches only what may be erased.
	whole bool
	// why not, for people.
	why string
	// others are the places of the other namespaces among the subjects, siblings
	// their numbers, in order.
	others   []int
	siblings []uint32
	// unattached namespaces, which no drive shows.
	unattached int
}

// relate finds out what commands to a whole controller reach.
func relate(subjects []subject) {
	for i := range subjects {
		s := &subjects[i]
		if s.NVMe == nil {
			s.reach.whole = s.Identity.Bus != drive.BusNVMe && s.Identity.Namespace == 0
			continue
		}
		for j, o := range subjects {
			if i != j && sameController(s.Drive, o.Drive) {
				s.reach.others = append(s.reach.others, j)
				s.reach.siblings = append(s.reach.siblings, o.Identity.Namespace)
			}
		}
		slices.Sort(s.reach.siblings)
		s.reach.siblings = slices.Compact(s.reach.siblings)
		n := s.NVMe
		switch {
		case !n.Namespaces.Known || !n.Unattached.Known:
			s.reach.why = "how many namespaces the controller has could not be read"
		case n.Namespaces.Value != len(s.reach.siblings)+1:
			s.reach.why = fmt.Sprintf("the controller has %d active namespaces, and %d are shown as drives", n.Namespaces.Value, len(s.reach.siblings)+1)
		case s.Identity.Namespace == 0 || slices.Contains(s.reach.siblings, 0):
			s.reach.why = "which namespaces of the controller are shown as drives is not known"
		default:
			s.reach.whole, s.reach.unattached = true, n.Unattached.Value
		}
	}
}

// sameController: two namespaces of one drive, by its own name, or by the kernel's
// where the drive gives none.
func sameController(a, b inspect.Drive) bool {
	if a.NVMe == nil || b.NVMe == nil {
		return a.Identity.Bus == b.Identity.Bus && a.Identity.Serial != "" && a.Identity.Serial == b.Identity.Serial &&
			a.Identity.Model == b.Identity.Model && (a.NVMe != nil || b.NVMe != nil)
	}
	return a.Identity.Serial != "" && a.Identity.Serial == b.Identity.Serial && a.Identity.Model == b.Identity.Model ||
		a.NVMe.Controller != "" && a.NVMe.Controller == b.NVMe.Controller
}

// confine takes commands to the whole controller from every namespace with a
// neighbour that may not be erased, and reports whether there was one.
func confine(subjects []subject, plans []wipe.DrivePlan) bool {
	changed := false
	for i := range subjects {
		s := &subjects[i]
		if !s.reach.whole {
			continue
		}
		for _, j := range s.reach.others {
			if plans[j].Refusal == nil && !plans[j].BelowWanted {
				continue
			}
			s.reach.whole, changed = false, true
			s.reach.why = fmt.Sprintf("it would erase namespace %d too (drive %s, %s), which may not be erased", subjects[j].Identity.Namespace, plans[j].Name, plans[j].Path)
			break
		}
	}
	return changed
}

// reachesAll: some step is a command to the whole controller.
func reachesAll(steps []wipe.Step) bool {
	return slices.ContainsFunc(steps, func(s wipe.Step) bool {
		switch s.Technique {
		case wipe.NVMeSanitizeBlock, wipe.NVMeSanitizeCrypto, wipe.NVMeSanitizeOverwrite, wipe.OpalRevert, wipe.OpalPSIDRevert:
			return true
		}
		return false
	})
}

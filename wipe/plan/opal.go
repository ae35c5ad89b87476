package plan

import (
	"slices"
	"time"

	"handback.example/inspect"
	"handback.example/wipe"
)

// expectRevert: seconds; a person scans the label meanwhile.
const expectRevert = 10 * time.Second

// opalActive: there is something that a revert undoes.
func opalActive(d inspect.Drive) bool {
	return d.Opal != nil && yes(d.Opal.Supported) && (yes(d.Opal.Activated) || opalLocked(d))
}

// opalLocked: some of its blocks are out of everybody's reach, or read as what is
// not on them.
func opalLocked(d inspect.Drive) bool {
	return d.Opal != nil && (yes(d.Opal.Locked) || yes(d.Opal.Shadowed))
}

// opalReverts give a drive back its factory state; then the best of what it offers
// erases it, and claims what the step claims. A revert reaches every namespace of
// a controller.
func opalReverts(s subject, direct []wipe.Step) []wipe.Step {
	if !opalActive(s.Drive) || !s.reach.whole && s.NVMe != nil || throughBridge(s.Drive) {
		return nil
	}
	direct = slices.DeleteFunc(slices.Clone(direct), func(st wipe.Step) bool { return onlyNamed(st.Technique) })
	if len(direct) == 0 {
		return nil
	}
	slices.SortStableFunc(direct, func(a, b wipe.Step) int { return int(b.Level) - int(a.Level) })
	then := direct[0]
	revert := func(t wipe.TechniqueID, reason string) wipe.Step {
		st := then
		st.Technique, st.Then, st.Expect = t, then.Technique, then.Expect+expectRevert
		st.Reason = reason + "; then " + then.Reason
		return st
	}
	owner := revert(wipe.OpalRevert, "the drive is given back its factory state, where its owner left the maker's own password")
	label := revert(wipe.OpalPSIDRevert, "the drive is given back its factory state by the PSID on its label, which a person scans")
	asked := s.Opal.SIDBlocked.Known && !s.Opal.SIDBlocked.Value && !yes(s.Opal.Owned)
	return slices.Concat(step(asked, owner), []wipe.Step{label})
}

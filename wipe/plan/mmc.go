package plan

import (
	"slices"

	"handback.example/wipe"
)

// mmcErase by the erase commands of an eMMC (JESD84-B51). What is protected
// against writing is not erased: not known to be free is not free.
func mmcErase(s subject) []wipe.Step {
	m := s.MMC
	if m == nil || !m.Protected.Known || m.Protected.Value {
		return nil
	}
	shortfall := ownWord + rpmbOf(m)
	sanitize := wipe.Step{Technique: wipe.MMCSanitize, Level: wipe.LevelClear, Standard: standardMMC, Reason: reasonMMC,
		Expect: expectCard + check(s.Drive), Shortfall: shortfall}
	secure := wipe.Step{Technique: wipe.MMCSecureErase, Level: wipe.LevelClear, Standard: standardMMCSecure, Reason: reasonMMCSecure,
		Expect: expectCard + check(s.Drive), Shortfall: shortfall}
	return slices.Concat(step(yes(m.Sanitize), sanitize), step(yes(m.SecureErase), secure))
}

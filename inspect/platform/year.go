package platform

import (
	"time"

	"handback.example/inspect"
)

// year of manufacture, as near as the machine tells. The firmware's date is of its
// newest version and says nothing.
func (s *survey) year() {
	y := &s.r.Machine.Year
	*y = inspect.Unknown[int]("machine", "nothing in it tells when it was made")
	for _, d := range s.r.Displays {
		if d.Internal && d.Problem == "" && plausibleYear(d.Year) {
			*y = inspect.Known(d.Year, "its built-in screen (EDID)")
			return
		}
	}
	for _, b := range s.r.Battery {
		if b.Year.Known {
			*y = inspect.Known(b.Year.Value, "its battery, which may have been replaced")
			return
		}
	}
}

// plausibleYear: before 2000 nothing of this was built, and a part from next year
// is a wrong clock at most.
func plausibleYear(n int) bool { return n >= 2000 && n <= max(time.Now().Year(), 2025)+1 }

package bench

import (
	"fmt"
	"strings"
	"time"

	"handback.example/inspect/drive"
)

// size in the units that are printed on drives (powers of ten).
func size(n int64) string {
	switch {
	case n >= 1e12:
		return trimZero(fmt.Sprintf("%.1f", float64(n)/1e12)) + " TB"
	case n >= 1e9:
		return fmt.Sprintf("%.0f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d bytes", n)
}

func trimZero(s string) string {
	if len(s) > 2 && s[len(s)-2:] == ".0" {
		return s[:len(s)-2]
	}
	return s
}

// span is a duration as people say it.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return "under 1 s"
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", int(d.Round(time.Second)/time.Second))
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute)/time.Minute))
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %02d", int(d/time.Hour), int(d%time.Hour/time.Minute))
}

// spanRange says how long is still to go, as a range; empty where unknown.
func spanRange(low, high time.Duration) string {
	if high <= 0 {
		return ""
	}
	l, h := span(low), span(high)
	if l == h {
		return "about " + h + " to go"
	}
	// '4 to 6 s', not '4 s to 6 s'.
	if n, unit, ok := strings.Cut(l, " "); ok && strings.HasSuffix(h, " "+unit) && !strings.Contains(unit, " ") {
		l = n
	}
	return l + " to " + h + " to go"
}

// rate in MB/s.
func rate(bytesPerS float64) string {
	if bytesPerS <= 0 {
		return ""
	}
	return fmt.Sprintf("%.0f MB/s", bytesPerS/1e6)
}

// driveName is what a person finds on the drive's label.
func driveName(i drive.Identity) string {
	m := i.Model
	if m == "" {
		m = "drive of unknown model"
	}
	return m + " " + size(i.Size)
}

// spaced groups hex digits so that two people can compare them aloud.
func spaced(hex string, groups int) string {
	s := ""
	for g := 0; g < groups && len(hex) >= 4; g++ {
		if g > 0 {
			s += " "
		}
		s, hex = s+hex[:4], hex[4:]
	}
	return s
}

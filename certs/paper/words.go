package paper

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"handback.example/certs"
)

// known says a value, or that nobody knows it.
func known(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// techniqueLine has the ID that records use, and the words for people.
func techniqueLine(id, then string) string {
	words := certs.TechniqueWords(id, then)
	if id == "" || words == id {
		return known(words)
	}
	if then != "" {
		id += " + " + then
	}
	return id + " (" + words + ")"
}

// given says a value that a person enters, or that it was not entered.
func given(s string) string {
	if s == "" {
		return "not given"
	}
	return s
}

// number with thousands apart.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// bytesOf a drive: exact, and as printed on its label (powers of ten). Integers
// only: see the package's doc.
func bytesOf(n int64) string {
	var unit int64
	var name string
	switch {
	case n >= 1e12:
		unit, name = 1e11, "TB"
	case n >= 1e9:
		unit, name = 1e9, "GB"
	case n >= 1e6:
		unit, name = 1e6, "MB"
	default:
		return number(n) + " bytes"
	}
	v := (n + unit/2) / unit
	if name == "TB" {
		return fmt.Sprintf("%s bytes (%d.%d TB)", number(n), v/10, v%10)
	}
	return fmt.Sprintf("%s bytes (%d %s)", number(n), v, name)
}

// shortBytes as printed on a drive's label.
func shortBytes(n int64) string {
	s := bytesOf(n)
	if i := strings.IndexByte(s, '('); i >= 0 {
		return strings.Trim(s[i:], "()")
	}
	return s
}

// count of things: '1 drive', '2 drives'.
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// date as people in the United Kingdom write it, with its zone.
func date(wall string) string {
	t, err := time.Parse(time.RFC3339, wall)
	if err != nil {
		return known(wall)
	}
	return t.UTC().Format("2 January 2006, 15:04:05") + " UTC"
}

// day of a moment to the minute, as it stands beside a person's name.
func day(wall string) string {
	t, err := time.Parse(time.RFC3339, wall)
	if err != nil {
		return known(wall)
	}
	return t.UTC().Format("2 January 2006, 15:04") + " UTC"
}

// second of a moment, for a table whose head names the zone.
func second(wall string) string {
	t, err := time.Parse(time.RFC3339, wall)
	if err != nil {
		return known(wall)
	}
	return t.UTC().Format("2 Jan 2006, 15:04:05")
}

// span of a monotonic duration.
func span(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Minute:
		return fmt.Sprintf("%d s", int64(d/time.Second))
	}
	return fmt.Sprintf("%d h %02d min", int64(d/time.Hour), int64(d/time.Minute)%60)
}

func levelWord(l certs.Level) string {
	switch l {
	case certs.LevelClear:
		return "Clear"
	case certs.LevelPurge:
		return "Purge"
	}
	return "none"
}

// verdictWord is what stands in the largest letters of an erasure certificate.
func verdictWord(f *facts) string {
	switch f.Verdict {
	case certs.Sanitised:
		return "SANITISED: " + strings.ToUpper(levelWord(f.Level))
	case certs.BelowLevel:
		return "SANITISED BELOW THE LEVEL WANTED"
	case certs.NoMedia:
		return "NO DRIVE FOUND: NOTHING SANITISED"
	case certs.Interrupted:
		return "NOT SANITISED: INTERRUPTED"
	case certs.Unverified:
		return "NOT SANITISED: UNVERIFIED"
	case certs.RefusedVerdict:
		return "NOT SANITISED: NOT EVERY DRIVE ERASED"
	}
	return "NOT SANITISED: FAILED"
}

// verdictSentence says the verdict as one would say it aloud.
func verdictSentence(f *facts) string {
	n := len(f.Media)
	good := f.Sanitised + f.BelowLevel
	const holding = " Treat the device as holding data."
	switch f.Verdict {
	case certs.Sanitised:
		if f.Named {
			return fmt.Sprintf("%s named for erasure, and %s was sanitised to %s. Other drives of this machine are not covered.", wasWere(n), itEach(n), levelWord(f.Level))
		}
		return fmt.Sprintf("%s found in this device, and %s was sanitised to %s.", wasWere(n), itEach(n), levelWord(f.Level))
	case certs.BelowLevel:
		every := "Every drive"
		if f.Named {
			every = "Every drive named for erasure"
		}
		return fmt.Sprintf("%s was sanitised, but %d of %d only below the level wanted (%s). The lowest level reached is %s.",
			every, f.BelowLevel, n, levelWord(f.Want), levelWord(f.Level))
	case certs.NoMedia:
		return "No drive was found in this device, so nothing was sanitised. If a drive was removed or hidden, it may still hold data."
	case certs.Interrupted:
		return oneOf(n-good, n) + " not sanitised: an erasure was interrupted or has no end on record." + holding
	case certs.Unverified:
		return oneOf(n-good, n) + " not shown to be sanitised: the result could not be verified." + holding
	case certs.RefusedVerdict:
		if n == good {
			return "Storage in this device could not be reached or was refused." + holding
		}
		return oneOf(n-good, n) + " not erased." + holding
	}
	return oneOf(n-good, n) + " not sanitised: the erasure failed." + holding
}

// oneOf the drives: '1 of 2 drives was', 'the only drive was'.
func oneOf(k, n int) string {
	switch {
	case n == 1:
		return "The only drive was"
	case k == 1:
		return fmt.Sprintf("1 of %d drives was", n)
	}
	return fmt.Sprintf("%d of %d drives were", k, n)
}

func itEach(n int) string {
	if n == 1 {
		return "it"
	}
	return "each"
}

func wasWere(n int) string {
	if n == 1 {
		return "1 drive was"
	}
	return strconv.Itoa(n) + " drives were"
}

// mediumWord is one drive's verdict in capitals.
func mediumWord(m certs.Medium) string {
	switch {
	case m.Verdict == certs.Sanitised && m.Below:
		return "SANITISED: " + strings.ToUpper(levelWord(m.Level)) + ", BELOW THE LEVEL WANTED"
	case m.Verdict == certs.Sanitised:
		return "SANITISED: " + strings.ToUpper(levelWord(m.Level))
	case m.Verdict == certs.Interrupted:
		return "INTERRUPTED"
	case m.Verdict == certs.Unverified:
		return "UNVERIFIED"
	case m.Verdict == certs.RefusedVerdict:
		return "NOT ERASED"
	}
	return "FAILED"
}

var tpmWords = map[string]string{
	certs.TPMCleared:    "cleared",
	certs.TPMNotCleared: "NOT CLEARED",
	certs.TPMPending:    "PENDING: to be confirmed at the next start",
	certs.TPMNotPresent: "this device has none",
	certs.TPMUnknown:    "UNKNOWN: nothing is on record",
}

var routeWords = map[string]string{
	certs.RouteRedeploy:      "REDEPLOY",
	certs.RouteRemanufacture: "REMANUFACTURE",
	certs.RouteDonate:        "DONATE",
	certs.RouteRecycle:       "RECYCLE",
	certs.RouteHold:          "HOLD",
}

func erasureTitle(f *facts) string {
	switch f.Verdict {
	case certs.Sanitised, certs.BelowLevel:
		return "Certificate of media sanitisation"
	case certs.NoMedia:
		return "Record of a device without a drive"
	}
	return "Record of a sanitisation that was not achieved"
}

// validationWords of NIST SP 800-88 Rev. 2, 4.5.2.
func validationWords(f *facts) string {
	v := f.Validated
	switch {
	case v == nil || v.Decision == certs.Awaiting:
		return "AWAITING: nobody has accepted or rejected this result yet."
	case v.Decision == certs.Accepted:
		return "ACCEPTED by " + v.By + because(v.Why) + "."
	}
	return "REJECTED by " + v.By + because(v.Why) + "."
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + strings.TrimSuffix(why, ".")
}

// grouped hex digits, which two people can compare aloud.
func grouped(hex string, groups int) string {
	var out []string
	for len(hex) >= 4 && len(out) < groups {
		out, hex = append(out, hex[:4]), hex[4:]
	}
	return strings.Join(out, " ")
}

// joined parts, but for those that are empty.
func joined(by string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), by)
}

// maxItems of a list on the page; the record has them all.
const maxItems = 60

func capped(items []string) []string {
	if n := len(items) - maxItems; n > 0 {
		return append(items[:maxItems:maxItems], fmt.Sprintf("and %d more in the record", n))
	}
	return items
}

// sentences of what is wrong and what to do about it.
func sentences(parts ...string) string {
	var out []string
	for _, s := range parts {
		if s != "" {
			out = append(out, sentence(s))
		}
	}
	return strings.Join(out, " ")
}

func sentence(s string) string {
	if strings.TrimSuffix(s, ".") == "" {
		return "No reason is on record."
	}
	r := []rune(strings.TrimSuffix(s, "."))
	r[0] = unicode.ToUpper(r[0])
	return string(r) + "."
}

func p(label, value string) Pair  { return Pair{label, value, Plain} }
func pc(label, value string) Pair { return Pair{label, value, Code} }

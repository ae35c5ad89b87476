// Package health judges a drive by what its own logs say of it: good, worn, failing,
// or unknown. It is pure; package survey asks the drive.
//
// Failing is the drive's own word, a threshold of its maker, or a self-test that
// failed. Worn is any sector that it gave up or may lose, an error that it could not
// correct, or rated endurance that is used up. Good needs the drive's own word and
// the counters that its kind of drive has to have; where one of them is missing the
// verdict is unknown, whatever else is fine. Heat tells of a place, not of a drive,
// and decides nothing.
//
// Which counters a disk is judged by: SMART 5, 187, 188, 197 and 198, as Backblaze
// does. Units of device statistics are those of ACS-4.
package health

import (
	"fmt"

	"handback.example/inspect"
)

// Verdicts that are known.
const (
	Good    = "good"
	Worn    = "worn"
	Failing = "failing"
)

// judge collects what speaks against a drive.
type judge struct {
	failing, worn, unknown []string
}

func (j *judge) fail(format string, a ...any) {
	j.failing = append(j.failing, fmt.Sprintf(format, a...))
}
func (j *judge) wear(format string, a ...any) { j.worn = append(j.worn, fmt.Sprintf(format, a...)) }
func (j *judge) doubt(why string)             { j.unknown = append(j.unknown, why) }

// verdict is the worst that is known. A drive that is worn and may be failing too is
// neither: unknown.
func (j *judge) verdict(h *inspect.Health, source string) {
	h.Reasons = append(append(append([]string{}, j.failing...), j.worn...), j.unknown...)
	switch {
	case len(j.failing) > 0:
		h.Verdict = inspect.Known(Failing, source)
	case len(j.unknown) > 0:
		h.Verdict = inspect.Unknown[string](source, j.unknown[0])
	case len(j.worn) > 0:
		h.Verdict = inspect.Known(Worn, source)
	default:
		h.Verdict = inspect.Known(Good, source)
	}
}

// count speaks against a drive if it is above zero.
func (j *judge) count(f inspect.Fact[int64], one, many string) {
	switch {
	case !f.Known || f.Value <= 0:
	case f.Value == 1:
		j.wear("1 %s (%s)", one, f.Source)
	default:
		j.wear("%d %s (%s)", f.Value, many, f.Source)
	}
}

// test is what the newest self-test that came to its end says; broken off ones say
// nothing. Results are the newest first.
type test interface {
	Passed() bool
	Failed() bool
}

func newest[T test](tests []T) (t T, ok bool) {
	for _, t := range tests {
		if t.Passed() || t.Failed() {
			return t, true
		}
	}
	return t, false
}

// selfTest of a drive whose log could be read.
func selfTest[T test](j *judge, tests []T, hours func(T) uint64, source string) inspect.Fact[string] {
	t, ok := newest(tests)
	switch {
	case !ok:
		return inspect.Unknown[string](source, "the drive has no self-test in its log that came to an end")
	case t.Failed():
		j.fail("its newest self-test failed, at %d hours (%s)", hours(t), source)
		return inspect.Known("failed", source)
	}
	return inspect.Known("passed", source)
}

// hoursMax is more than a century: a counter beyond it counts something else.
const hoursMax = 1 << 20

func hours(h float64, source string) inspect.Fact[int64] {
	if h < 0 || h > hoursMax {
		return inspect.Unknown[int64](source, "the count makes no sense")
	}
	return inspect.Known(int64(h), source)
}

func celsius(t int, source string) inspect.Fact[int] {
	if t < -40 || t > 150 || t == 0 {
		return inspect.Unknown[int](source, "the drive does not say")
	}
	return inspect.Known(t, source)
}

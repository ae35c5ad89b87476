package profile

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"handback.example/inspect/drive/sim"
)

// check a fault: one that could never happen, or do nothing, is a mistake that would
// make a drive more honest than its profile says.
func (f fault) check(path string) error {
	wrong := func(field, format string, a ...any) error {
		return &fieldError{join(path, field), fmt.Errorf(format, a...)}
	}
	for _, n := range []struct {
		field string
		value int64
	}{{"nth", int64(f.Nth)}, {"times", int64(f.Times)}, {"after", int64(f.After)}, {"delay", int64(f.Delay)}} {
		if n.value < 0 {
			return wrong(n.field, "it is less than 0")
		}
	}
	for field, v := range map[string]float64{"stick_at": f.StickAt, "fail_at": f.FailAt} {
		if v < 0 || v > 1 {
			return wrong(field, "%g is no part of an erasure, from 0 to 1", v)
		}
	}
	for i, k := range f.Keep {
		if k.Off < 0 || k.Len <= 0 || k.Len > math.MaxInt64-k.Off {
			return wrong(fmt.Sprintf("keep[%d]", i), "%d bytes from %d on", k.Len, k.Off)
		}
	}
	switch {
	case f.At != 0:
		return wrong("at", "that is the first block of lba")
	case f.LBA == nil && f.Blocks != 0:
		return wrong("blocks", "so many from which lba on?")
	case f.LBA != nil && f.Blocks > math.MaxUint64-*f.LBA:
		return wrong("blocks", "there are not so many from %d on", *f.LBA)
	case nothing(f.Action):
		return &fieldError{path, errors.New("nothing goes wrong: it says neither abort, medium, delay, hang, unplug, become, shrink, " +
			"pretend, keep, keep_all, stick_at, fail_at, reappear nor sense")}
	}
	return nil
}

func nothing(a sim.Action) bool { return reflect.ValueOf(a).IsZero() }

// checkKept: what a fault keeps lies on the drive's media, of so many bytes in all.
func (f *file) checkKept(size int64) error {
	for i, x := range f.Fault {
		for n, k := range x.Keep {
			if k.Off >= size {
				return &fieldError{fmt.Sprintf("fault[%d].keep[%d]", i, n), fmt.Errorf("byte %d is past the end of a drive of %d", k.Off, size)}
			}
		}
	}
	return nil
}

package stick

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// kind is a sort of trouble, with the sentences for people.
type kind struct{ what, do string }

func (k *kind) Error() string { return k.what + ": " + k.do }

// What can be wrong with the stick.
var (
	ErrGone      error = &kind{"the Handback stick is not in the machine", "put the stick back in"}
	ErrFull      error = &kind{"the Handback stick is full", "take the stick to the hub to collect its records, then put it back in"}
	ErrCorrupt   error = &kind{"the data partition of the Handback stick cannot be read", "nothing on it was changed; take the stick to the supervisor, and use another stick"}
	ErrReadOnly  error = &kind{"the Handback stick is write-protected", "slide its switch to 'unlocked' or use another stick"}
	ErrOther     error = &kind{"this is another Handback stick than the visit began with", "put the first stick back in"}
	ErrAmbiguous error = &kind{"more than one disk says that it is a Handback stick", "leave only your own stick in the machine; none of these disks will be erased"}
	ErrNoRoom    error = &kind{"the Handback stick has no room for its data partition", "use a stick of at least 1 GB"}
	ErrFaulty    error = &kind{"the Handback stick gives errors", "take the stick to the supervisor, and use another stick"}
)

var kinds = []error{ErrGone, ErrFull, ErrCorrupt, ErrReadOnly, ErrOther, ErrAmbiguous, ErrNoRoom, ErrFaulty, ErrNoReceipt}

// because adds the cause, for the log.
func because(kind error, format string, a ...any) error {
	return fmt.Errorf("%w (%w)", kind, fmt.Errorf(format, a...))
}

// Explain says an error of this package in two sentences for people: what
// happened, what to do now.
func Explain(err error) (what, do string) {
	for _, k := range kinds {
		if errors.Is(err, k) {
			k := k.(*kind)
			return k.what, k.do
		}
	}
	switch {
	case err == nil:
		return "", ""
	case errors.Is(err, context.DeadlineExceeded):
		return "the Handback stick does not answer", "pull the stick out and put it back in"
	case errors.Is(err, fs.ErrExist):
		return "a file of this name is already there", "nothing was replaced; tell the supervisor"
	}
	return "the records could not be stored: " + err.Error(), "tell the supervisor"
}

// classify gives a system call's error its kind. present tells whether the
// medium is still there, which decides what an input/output error means.
func classify(err error, present func() bool, readOnly bool) error {
	for _, k := range kinds {
		if errors.Is(err, k) {
			return err
		}
	}
	is := func(list ...error) bool {
		for _, e := range list {
			if errors.Is(err, e) {
				return true
			}
		}
		return false
	}
	switch {
	case err == nil, is(fs.ErrExist, fs.ErrNotExist, fs.ErrInvalid, context.Canceled, context.DeadlineExceeded):
		return err
	case is(syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG):
		return because(ErrFull, "%w", err)
	case !present():
		return because(ErrGone, "%w", err)
	case is(syscall.EROFS, syscall.EACCES, syscall.EPERM) && readOnly:
		return because(ErrReadOnly, "%w", err)
	case is(syscall.EROFS, syscall.EUCLEAN, syscall.EINVAL, syscall.ELOOP):
		// The medium can be written but the file system says no: it found damage.
		return because(ErrCorrupt, "%w", err)
	}
	return because(ErrFaulty, "%w", err)
}

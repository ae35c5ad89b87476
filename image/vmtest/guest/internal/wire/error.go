package wire

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/linux"
)

// Error is an error on its way: its text, and all that the other end may ask of
// it by errors.Is and errors.As.
type Error struct {
	Text   string
	Status *drive.StatusError
	InUse  *linux.InUseError
	Errno  unix.Errno // 0: none
	Kinds  uint32     // bits, by their place in kinds
	// Whole: the error is Status or InUse itself, not one that wraps it.
	Whole bool
}

// kinds are the errors without content. The order is that of Error.Kinds.
var kinds = []error{
	drive.ErrNoAnswer, drive.ErrRefused, context.Canceled, context.DeadlineExceeded,
	io.EOF, io.ErrUnexpectedEOF, fs.ErrClosed, errors.ErrUnsupported,
}

// Pack makes an error ready for its way; nil stays nil.
func Pack(err error) *Error {
	if err == nil {
		return nil
	}
	e := &Error{Text: err.Error()}
	for i, k := range kinds {
		if errors.Is(err, k) {
			e.Kinds |= 1 << i
		}
	}
	errors.As(err, &e.Errno)
	if errors.As(err, &e.Status) {
		e.Whole = error(e.Status) == err
	}
	if errors.As(err, &e.InUse) {
		e.Whole = e.Whole || error(e.InUse) == err
	}
	return e
}

// Unpack gives the error that Pack was given, as far as anybody may ask.
func (e *Error) Unpack() error {
	switch {
	case e == nil:
		return nil
	case e.Whole && e.Status != nil:
		return e.Status
	case e.Whole && e.InUse != nil:
		return e.InUse
	}
	// io.Reader's callers compare with ==.
	for i, k := range kinds {
		if e.Kinds&(1<<i) != 0 && e.Text == k.Error() {
			return k
		}
	}
	return &far{e}
}

// far is an error that happened at the other end.
type far struct{ e *Error }

func (f *far) Error() string { return f.e.Text }

func (f *far) Unwrap() []error {
	var all []error
	if f.e.Status != nil {
		all = append(all, f.e.Status)
	}
	if f.e.InUse != nil {
		all = append(all, f.e.InUse)
	}
	if f.e.Errno != 0 {
		all = append(all, f.e.Errno)
	}
	for i, k := range kinds {
		if f.e.Kinds&(1<<i) != 0 {
			all = append(all, k)
		}
	}
	return all
}

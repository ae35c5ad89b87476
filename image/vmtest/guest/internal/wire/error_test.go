package wire

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/linux"
)

// there sends an error the way that it takes in a reply.
func there(t *testing.T, err error) error {
	t.Helper()
	var b bytes.Buffer
	var got Done
	if e := gob.NewEncoder(&b).Encode(Done{Error: Pack(err)}); e != nil {
		t.Fatal(e)
	}
	if e := gob.NewDecoder(&b).Decode(&got); e != nil {
		t.Fatal(e)
	}
	return got.Error.Unpack()
}

func TestErrorKeepsItsKind(t *testing.T) {
	refused := &drive.StatusError{Protocol: drive.ProtocolSCSI, Operation: "SANITIZE",
		Completion: drive.Completion{Status: 2, Result: 7, Sense: []byte{0x72, 0x05, 0x20, 0x00}, Residual: 3, Duration: 9}}
	used := &linux.InUseError{Path: "/dev/sda", By: []string{"it is mounted on /mnt"}}
	path := &fs.PathError{Op: "open", Path: "/dev/sda", Err: unix.ENOENT}
	for _, c := range []struct {
		err  error
		is   []error
		isnt []error
	}{
		{refused, nil, []error{drive.ErrNoAnswer}},
		{fmt.Errorf("identify: %w", refused), nil, []error{io.EOF}},
		{used, []error{unix.EBUSY}, []error{unix.EIO}},
		{fmt.Errorf("erase: %w", used), []error{unix.EBUSY}, nil},
		{fmt.Errorf("SANITIZE: %w: %w", drive.ErrNoAnswer, context.Canceled), []error{drive.ErrNoAnswer, context.Canceled}, []error{context.DeadlineExceeded}},
		{fmt.Errorf("SANITIZE: %w", drive.ErrRefused), []error{drive.ErrRefused}, []error{drive.ErrNoAnswer}},
		{path, []error{unix.ENOENT, fs.ErrNotExist}, []error{fs.ErrClosed}},
		{fs.ErrClosed, []error{fs.ErrClosed}, []error{fs.ErrNotExist}},
		{errors.New("no kind"), nil, []error{io.EOF, unix.EIO, drive.ErrNoAnswer}},
	} {
		got := there(t, c.err)
		if got == nil || got.Error() != c.err.Error() {
			t.Errorf("%v came as %v", c.err, got)
			continue
		}
		for _, k := range c.is {
			if !errors.Is(got, k) {
				t.Errorf("%v is no longer %v", got, k)
			}
		}
		for _, k := range c.isnt {
			if errors.Is(got, k) {
				t.Errorf("%v has become %v", got, k)
			}
		}
		var s *drive.StatusError
		if want := errors.As(c.err, new(*drive.StatusError)); errors.As(got, &s) != want || want && !reflect.DeepEqual(s, refused) {
			t.Errorf("%v: status %+v", c.err, s)
		}
		var u *linux.InUseError
		if want := errors.As(c.err, new(*linux.InUseError)); errors.As(got, &u) != want || want && !reflect.DeepEqual(u, used) {
			t.Errorf("%v: use %+v", c.err, u)
		}
	}
	if err := there(t, nil); err != nil {
		t.Errorf("nil came as %v", err)
	}
	if err := there(t, io.EOF); err != io.EOF {
		t.Errorf("the end of a file came as %#v", err)
	}
	if err := there(t, refused); reflect.TypeOf(err) != reflect.TypeOf(refused) {
		t.Errorf("a status came wrapped as %T", err)
	}
}

package platform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"handback.example/inspect"
	"handback.example/wipe"
)

// Firmware whose files stand under Root.
type Firmware struct {
	Root string // empty: this machine's
	sys  system // nil: the kernel
}

// Removed is what became of one removal. The zero value is not gone.
type Removed struct {
	wipe.Removal
	Gone bool
	Why  string // it is not gone, for people
}

// Remove what the list names, and nothing that is not what it was when the list was
// made. It may be cut off anywhere and done again: what is no longer there is gone. A
// firmware that still has a thing when it is asked anew has kept it, whatever it
// answered before.
func (f Firmware) Remove(ctx context.Context, list []wipe.Removal) []Removed {
	if f.sys == nil {
		f.sys = kernel{}
	}
	all := make([]Removed, len(list))
	var variables []*Removed
	for i, r := range list {
		all[i].Removal = r
		switch r.Kind {
		case inspect.LeftBootEntry, inspect.LeftVariable:
			variables = append(variables, &all[i])
		case inspect.LeftAssetTag:
			f.clearTag(ctx, &all[i])
		default:
			all[i].Why = "what it is, is not known here"
		}
	}
	if len(variables) > 0 {
		f.removeVariables(ctx, variables)
	}
	return all
}

var (
	errChanged = errors.New("it is not what it was when the plan was shown: it is left alone")
	errStays   = errors.New("the firmware has kept it")
)

// pinned reads what is to be removed; an error says why it must stay. What is not
// there is fs.ErrNotExist.
func (f Firmware) pinned(name string, r *Removed) error {
	b, err := f.sys.read(name)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != r.SHA256 {
		return errChanged
	}
	return nil
}

// settings of the firmware, a folder for each driver.
const settings = "/sys/class/firmware-attributes"

// clearTag empties an asset tag and reads it again. An empty line is how an empty text
// is written to sysfs.
func (f Firmware) clearTag(ctx context.Context, r *Removed) {
	driver, setting, ok := strings.Cut(r.Name, "/")
	if !ok || !plainName(driver) || !plainName(setting) {
		r.Why = "that is no setting of a firmware"
		return
	}
	name := filepath.Join(f.Root, settings, driver, "attributes", setting, "current_value")
	err := ctx.Err()
	if err == nil {
		err = f.pinned(name, r)
	}
	if err == nil {
		err = f.sys.write(name, []byte("\n"))
	}
	if err != nil && !errors.Is(err, errChanged) {
		r.Why = because(err)
	}
	b, again := f.sys.read(name)
	switch {
	case again != nil:
		r.Why = because(again)
	case strings.TrimSpace(string(b)) == "":
		r.Gone, r.Why = true, ""
	case errors.Is(err, errChanged):
		r.Why = because(err)
	case r.Why == "":
		r.Why = because(errStays)
	}
}

func plainName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\x00")
}

// because puts an error into words for people, with what to do where that is known.
func because(err error) string {
	switch {
	case errors.Is(err, unix.ENOSPC):
		return "the firmware's memory for variables is full: reset the firmware to its defaults, then start again"
	case errors.Is(err, unix.EROFS):
		return "the firmware lets none of its variables be changed"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.EOPNOTSUPP):
		return "the firmware does not allow it: do it in its set-up"
	case errors.Is(err, unix.EBUSY):
		return "the firmware's variables are in use"
	case errors.Is(err, fs.ErrNotExist):
		return "the kernel does not give it"
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		return fmt.Sprintf("the firmware answered with an error (%v): do it in its set-up", errno)
	}
	return err.Error()
}

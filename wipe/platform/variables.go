package platform

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"handback.example/inspect"
)

const (
	efiVars        = "/sys/firmware/efi/efivars"
	globalVariable = "-8be4df61-93ca-11d2-aa0d-00e098032b8c" // EFI_GLOBAL_VARIABLE (UEFI 2.10, 3.3)
	securityDB     = "-d719b2cb-3d3a-4596-a3bc-dad00e67656f" // EFI_IMAGE_SECURITY_DATABASE (32.6)
)

// removeVariables of the firmware. efivarfs is open for writing only meanwhile, and
// mounted anew afterwards: it asks the firmware for its variables as it is mounted, so
// what it shows then is the firmware's word, not its own memory.
func (f Firmware) removeVariables(ctx context.Context, all []*Removed) {
	if err := f.mountVariables(false); err != nil {
		for _, r := range all {
			r.Why = because(err)
		}
		// A folder without variables would look like a firmware without any.
		_ = f.mountVariables(true)
		return
	}
	f.deleteAll(ctx, all)
	err := f.mountVariables(true)
	for _, r := range all {
		f.judge(r, err)
	}
}

func (f Firmware) mountVariables(readOnly bool) error {
	at := filepath.Join(f.Root, efiVars)
	if err := f.sys.unmount(at); err != nil {
		return err
	}
	return f.sys.mount(at, readOnly)
}

// judge by what the firmware says when it is asked anew.
func (f Firmware) judge(r *Removed, mounted error) {
	if mounted != nil {
		r.Why = "whether it is gone could not be read: " + because(mounted)
		return
	}
	if !removable(r) {
		return
	}
	switch _, err := f.sys.read(f.variable(r.Name)); {
	case errors.Is(err, fs.ErrNotExist):
		r.Gone, r.Why = true, ""
	case err != nil:
		r.Why = "whether it is gone could not be read: " + because(err)
	case r.Why == "":
		r.Why = because(errStays)
	}
}

func (f Firmware) variable(name string) string { return filepath.Join(f.Root, efiVars, name) }

// removable: what a plan can name. Whatever it says, no key of Secure Boot and none of
// the specification's own variables but a boot entry is touched.
func removable(r *Removed) bool {
	entry, global := strings.CutSuffix(r.Name, globalVariable)
	if _, ok := entryNumber(entry); global || r.Kind == inspect.LeftBootEntry {
		return global && ok && r.Kind == inspect.LeftBootEntry
	}
	return plainName(r.Name) && !strings.HasSuffix(r.Name, securityDB)
}

// entryNumber of a boot entry: 'Boot' and four capital hexadecimal digits.
func entryNumber(name string) (n uint16, ok bool) {
	digits, _ := strings.CutPrefix(name, "Boot")
	v, err := strconv.ParseUint(digits, 16, 16)
	return uint16(v), err == nil && name == fmt.Sprintf("Boot%04X", v)
}

// deleteAll deletes what is still what it was. BootNext and BootOrder go first: a
// power cut then leaves entries that nothing names, which firmware passes over (UEFI
// 2.10, 3.1.1) and the next start removes. The other way round it would leave an order
// with names of nothing, at which some firmware stops.
func (f Firmware) deleteAll(ctx context.Context, all []*Removed) {
	var entries []uint16
	var list []*Removed
	for _, r := range all {
		err := ctx.Err()
		if err == nil && !removable(r) {
			err = errors.New("that is none of a former system's variables")
		}
		if err == nil {
			err = f.pinned(f.variable(r.Name), r)
		}
		n, is := entryNumber(strings.TrimSuffix(r.Name, globalVariable))
		if err == nil && is && !f.isOther(n) {
			err = errors.New("it may be the entry that this start came from: it is left alone")
		}
		if err != nil {
			r.Why = because(err)
			continue
		}
		if is {
			entries = append(entries, n)
		}
		list = append(list, r)
	}
	mended := f.mendOrder(entries)
	for _, r := range list {
		err := ctx.Err()
		if r.Kind == inspect.LeftBootEntry && mended != nil {
			err = mended
		}
		if err == nil {
			err = f.remove(f.variable(r.Name))
		}
		if err != nil {
			r.Why = because(err)
		}
	}
}

// isOther: this start came from another boot entry. Where that can't be read, none is.
func (f Firmware) isOther(n uint16) bool {
	ids, err := f.numbers("BootCurrent")
	return err == nil && len(ids) == 1 && ids[0] != n
}

// attributes are the four bytes before a variable's content in efivarfs.
const attributes = 4

// numbers in a variable that lists boot entries.
func (f Firmware) numbers(name string) ([]uint16, error) {
	b, err := f.sys.read(f.variable(name + globalVariable))
	if err != nil {
		return nil, err
	}
	if len(b) < attributes || len(b)%2 != 0 {
		return nil, fmt.Errorf("%s is damaged: it is left alone", name)
	}
	var ids []uint16
	for b := b[attributes:]; len(b) > 0; b = b[2:] {
		ids = append(ids, binary.LittleEndian.Uint16(b))
	}
	return ids, nil
}

// mendOrder takes the entries out of BootNext and BootOrder.
func (f Firmware) mendOrder(entries []uint16) error {
	for _, name := range []string{"BootNext", "BootOrder"} {
		ids, err := f.numbers(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(ids, func(id uint16) bool { return slices.Contains(entries, id) }) {
			continue
		}
		keep := slices.DeleteFunc(slices.Clone(ids), func(id uint16) bool { return slices.Contains(entries, id) })
		if err := f.rewrite(f.variable(name+globalVariable), keep); err != nil {
			return fmt.Errorf("%s can't be mended: %w", name, err)
		}
	}
	return nil
}

// rewrite a list of entries under the attributes that it has, and read it again. A
// variable without content is one that is not there (UEFI 2.10, 8.2.3).
func (f Firmware) rewrite(name string, ids []uint16) error {
	if len(ids) == 0 {
		return f.remove(name)
	}
	was, err := f.sys.read(name)
	if err != nil {
		return err
	}
	b := bytes.Clone(was[:attributes])
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint16(b, id)
	}
	if err := f.unlock(name); err != nil {
		return err
	}
	if err := f.sys.write(name, b); err != nil {
		return err
	}
	is, err := f.sys.read(name)
	if err == nil && !bytes.Equal(is, b) {
		err = errStays
	}
	return err
}

// remove a variable, and see that it is not there.
func (f Firmware) remove(name string) error {
	if err := f.unlock(name); err != nil {
		return err
	}
	if err := f.sys.unlink(name); err != nil {
		return err
	}
	if _, err := f.sys.read(name); !errors.Is(err, fs.ErrNotExist) {
		return errStays
	}
	return nil
}

// unlock takes the flag away with which efivarfs guards variables against 'rm -rf'.
func (f Firmware) unlock(name string) error {
	locked, err := f.sys.immutable(name)
	if err != nil || !locked {
		return err
	}
	return f.sys.mutable(name)
}

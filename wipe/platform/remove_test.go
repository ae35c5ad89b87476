package platform

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"handback.example/inspect"
	"handback.example/wipe"
)

const (
	global   = "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	windows  = "Boot0003" + global
	ubuntu   = "Boot0007" + global
	uniqueID = "OfflineUniqueIDRandomSeed-eaec226f-c9a3-477a-a826-ddc716cdc0e3"
	tagFile  = "/sys/class/firmware-attributes/dell-wmi-sysman/attributes/Asset/current_value"
)

// laptop is a firmware with its variables, an efivarfs that shows what they were when
// it was mounted, and a setting for the asset tag.
type laptop struct {
	vars    map[string]string // the firmware's own memory
	shown   map[string]bool   // by efivarfs; nil: not mounted
	ro      bool
	locked  map[string]bool // immutable in efivarfs
	tag     string
	keeps   string // a variable that it says it changes or deletes, and keeps
	calls   int
	failAt  int  // the call that fails, from 1
	cut     bool // all after it fail, too: the power is gone
	err     error
	changes int // of the firmware's memory
}

// newLaptop has three boot entries of systems, one of the firmware, a variable of
// Windows, and keys. It was started from Boot0001.
func newLaptop() *laptop {
	l := &laptop{vars: map[string]string{
		"BootCurrent" + global: "\x06\x00\x00\x00\x01\x00",
		"BootNext" + global:    "\x07\x00\x00\x00\x07\x00",
		"BootOrder" + global:   "\x07\x00\x00\x00\x03\x00\x01\x00\x07\x00\x00\x00",
		"Boot0000" + global:    "\x07\x00\x00\x00UiApp",
		"Boot0001" + global:    "\x07\x00\x00\x00USB",
		windows:                "\x07\x00\x00\x00Windows Boot Manager",
		ubuntu:                 "\x07\x00\x00\x00ubuntu",
		uniqueID:               "\x07\x00\x00\x00seed of a machine",
		"PK" + global:          "\x27\x00\x00\x00key",
		"db-d719b2cb-3d3a-4596-a3bc-dad00e67656f": "\x27\x00\x00\x00keys",
	}, locked: map[string]bool{uniqueID: true, "PK" + global: true}, tag: "DEF-048213\n", err: unix.EIO}
	_ = l.mount(efiVars, true)
	l.calls = 0
	return l
}

// list of all that the plan would name.
func (l *laptop) list() []wipe.Removal {
	of := func(kind, name, content string) wipe.Removal {
		return wipe.Removal{Item: kind, Leftover: inspect.Leftover{Kind: kind, Name: name, What: name, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(content)))}}
	}
	return []wipe.Removal{of(inspect.LeftBootEntry, windows, l.vars[windows]), of(inspect.LeftBootEntry, ubuntu, l.vars[ubuntu]),
		of(inspect.LeftVariable, uniqueID, l.vars[uniqueID]), of(inspect.LeftAssetTag, "dell-wmi-sysman/Asset", l.tag)}
}

func (l *laptop) step() error {
	l.calls++
	if l.failAt > 0 && (l.calls == l.failAt || l.cut && l.calls > l.failAt) {
		return l.err
	}
	return nil
}

func (l *laptop) unmount(at string) error {
	if err := l.step(); err != nil {
		return err
	}
	if at != "/sys/firmware/efi/efivars" {
		return unix.EINVAL
	}
	l.shown = nil
	return nil
}

func (l *laptop) mount(at string, readOnly bool) error {
	if err := l.step(); err != nil {
		return err
	}
	if at != "/sys/firmware/efi/efivars" || l.shown != nil {
		return unix.EBUSY
	}
	l.shown, l.ro = map[string]bool{}, readOnly
	for name := range l.vars {
		l.shown[name] = true
	}
	return nil
}

func (l *laptop) find(name string) (string, error) {
	if err := l.step(); err != nil {
		return "", err
	}
	dir, base := path.Split(name)
	if dir != "/sys/firmware/efi/efivars/" || !l.shown[base] {
		return "", &fs.PathError{Op: "open", Path: name, Err: unix.ENOENT}
	}
	return base, nil
}

func (l *laptop) read(name string) ([]byte, error) {
	if name == tagFile {
		return []byte(l.tag), l.step()
	}
	base, err := l.find(name)
	if err != nil {
		return nil, err
	}
	return []byte(l.vars[base]), nil
}

func (l *laptop) write(name string, b []byte) error {
	if name == tagFile {
		if err := l.step(); err != nil {
			return err
		}
		l.tag = string(b)
		l.changes++
		return nil
	}
	base, err := l.find(name)
	switch {
	case err != nil:
		return err
	case l.ro:
		return unix.EROFS
	case l.locked[base] || strings.HasPrefix(base, "PK") || strings.HasPrefix(base, "db"):
		return unix.EPERM
	}
	if base != l.keeps {
		l.vars[base] = string(b)
	}
	l.changes++
	return nil
}

func (l *laptop) unlink(name string) error {
	base, err := l.find(name)
	switch {
	case err != nil:
		return err
	case l.ro:
		return unix.EROFS
	case l.locked[base]:
		return unix.EPERM
	}
	delete(l.shown, base)
	l.changes++
	if base != l.keeps {
		delete(l.vars, base)
	}
	return nil
}

func (l *laptop) immutable(name string) (bool, error) {
	base, err := l.find(name)
	return l.locked[base], err
}

func (l *laptop) mutable(name string) error {
	base, err := l.find(name)
	if err == nil && l.ro {
		return unix.EROFS
	}
	l.locked[base] = l.locked[base] && err != nil
	return err
}

// order that the firmware would go through.
func (l *laptop) order() (names []string) {
	b := []byte(l.vars["BootOrder"+global])
	for i := 4; i+1 < len(b); i += 2 {
		names = append(names, fmt.Sprintf("Boot%02X%02X", b[i+1], b[i]))
	}
	return names
}

// sound: whatever happened, the order names nothing that is not there, what belongs to
// the firmware is as it was, and what is said to be gone is not there.
func (l *laptop) sound(t *testing.T, all []Removed) {
	t.Helper()
	for _, name := range l.order() {
		if _, ok := l.vars[name+global]; !ok {
			t.Errorf("call %d: the order names %s, which is not there", l.failAt, name)
		}
	}
	was := newLaptop().vars
	for _, name := range []string{"BootCurrent" + global, "Boot0000" + global, "Boot0001" + global, "PK" + global, "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"} {
		if l.vars[name] != was[name] {
			t.Errorf("call %d: %s is %q", l.failAt, name, l.vars[name])
		}
	}
	for _, r := range all {
		_, there := l.vars[r.Name]
		if r.Kind == inspect.LeftAssetTag {
			there = strings.TrimSpace(l.tag) != ""
		}
		if r.Gone && there {
			t.Errorf("call %d: %s is said to be gone, and is there", l.failAt, r.Name)
		}
		if r.Gone == (r.Why != "") {
			t.Errorf("call %d: %+v", l.failAt, r)
		}
	}
}

func gone(all []Removed) int {
	return len(slices.DeleteFunc(slices.Clone(all), func(r Removed) bool { return !r.Gone }))
}

func TestRemove(t *testing.T) {
	l := newLaptop()
	all := Firmware{sys: l}.Remove(t.Context(), l.list())
	l.sound(t, all)
	if gone(all) != 4 || l.tag != "\n" || !l.ro {
		t.Errorf("%+v, tag %q, read-only %t", all, l.tag, l.ro)
	}
	want := map[string]string{"BootCurrent" + global: "\x06\x00\x00\x00\x01\x00", "BootOrder" + global: "\x07\x00\x00\x00\x01\x00\x00\x00",
		"Boot0000" + global: "\x07\x00\x00\x00UiApp", "Boot0001" + global: "\x07\x00\x00\x00USB", "PK" + global: "\x27\x00\x00\x00key",
		"db-d719b2cb-3d3a-4596-a3bc-dad00e67656f": "\x27\x00\x00\x00keys"}
	if !maps.Equal(l.vars, want) {
		t.Errorf("%q", l.vars)
	}
	if l.changes != 6 { // BootNext, BootOrder, two entries, a variable, the tag
		t.Errorf("the firmware's memory was changed %d times", l.changes)
	}
	// Again, as after a power cut: nothing is to be done.
	list := newLaptop().list()
	list[3].SHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte("\n")))
	if all := (Firmware{sys: l}).Remove(t.Context(), list[:3]); gone(all) != 3 || l.changes != 6 {
		t.Errorf("the second time: %+v, %d changes", all, l.changes)
	}
}

// Each call to the kernel fails in turn, alone or with all that follow, as when the
// power goes; the next start then removes what is left.
func TestRemoveWhenACallFails(t *testing.T) {
	for _, cut := range []bool{false, true} {
		whole := newLaptop()
		Firmware{sys: whole}.Remove(t.Context(), whole.list())
		if whole.calls < 20 {
			t.Fatalf("only %d calls", whole.calls)
		}
		for n := 1; n <= whole.calls; n++ {
			l := newLaptop()
			list := l.list()
			l.failAt, l.cut = n, cut
			all := Firmware{sys: l}.Remove(t.Context(), list)
			l.sound(t, all)
			l.failAt, l.shown = 0, nil // the next start
			_ = l.mount(efiVars, true)
			if again := (Firmware{sys: l}).Remove(t.Context(), list); gone(again) != 4 {
				t.Errorf("call %d, cut %t: after the next start %+v", n, cut, again)
			}
			l.sound(t, nil)
		}
	}
}

// efivarfs that can't be made writable is there again afterwards, to be read.
func TestRemoveNotWritable(t *testing.T) {
	l := newLaptop()
	l.failAt = 2 // unmount, then this
	all := Firmware{sys: l}.Remove(t.Context(), l.list()[:3])
	if gone(all) != 0 || l.changes != 0 || !l.shown["PK"+global] || !l.ro {
		t.Errorf("%+v, shown %v, read-only %t", all, l.shown, l.ro)
	}
}

// What a firmware can do to a removal.
func TestRemoveRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*laptop)
		list   func([]wipe.Removal) []wipe.Removal
		gone   int
		why    string // of the first that is not gone
	}{
		"the firmware keeps it":        {change: func(l *laptop) { l.keeps = windows }, gone: 3, why: "the firmware has kept it"},
		"the firmware keeps its order": {change: func(l *laptop) { l.keeps = "BootOrder" + global }, gone: 2, why: "BootOrder can't be mended: the firmware has kept it"},
		"it is another by now":         {change: func(l *laptop) { l.vars[windows] += "!" }, gone: 3, why: "not what it was"},
		"it became the current one":    {change: func(l *laptop) { l.vars["BootCurrent"+global] = "\x06\x00\x00\x00\x03\x00" }, gone: 3, why: "this start came from"},
		"the current one is not known": {change: func(l *laptop) { delete(l.vars, "BootCurrent"+global) }, gone: 2, why: "this start came from"},
		"the order is damaged":         {change: func(l *laptop) { l.vars["BootOrder"+global] += "x" }, gone: 2, why: "BootOrder is damaged"},
		"a key under another name": {list: func(list []wipe.Removal) []wipe.Removal {
			list[0] = wipe.Removal{Leftover: inspect.Leftover{Kind: inspect.LeftVariable, Name: "PK" + global, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte("\x27\x00\x00\x00key")))}}
			return list
		}, gone: 3, why: "none of a former system's"},
		"a list of keys": {list: func(list []wipe.Removal) []wipe.Removal {
			list[0] = wipe.Removal{Leftover: inspect.Leftover{Kind: inspect.LeftVariable, Name: "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f", SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte("\x27\x00\x00\x00keys")))}}
			return list
		}, gone: 3, why: "none of a former system's"},
		"a name that leads away": {list: func(list []wipe.Removal) []wipe.Removal {
			list[0].Kind, list[0].Name = inspect.LeftVariable, "../../../../etc/passwd"
			return list
		}, gone: 3, why: "none of a former system's"},
		"a setting that leads away": {list: func(list []wipe.Removal) []wipe.Removal {
			list[0].Kind, list[0].Name = inspect.LeftAssetTag, "dell-wmi-sysman/.."
			return list
		}, gone: 3, why: "no setting"},
		"of no kind": {list: func(list []wipe.Removal) []wipe.Removal { list[0].Kind = ""; return list }, gone: 3, why: "not known"},
	} {
		l := newLaptop()
		list := l.list()
		if c.change != nil {
			c.change(l)
		}
		if c.list != nil {
			list = c.list(list)
		}
		l.shown = nil
		_ = l.mount(efiVars, true)
		all := Firmware{sys: l}.Remove(t.Context(), list)
		first := slices.IndexFunc(all, func(r Removed) bool { return !r.Gone })
		if gone(all) != c.gone || first < 0 || !strings.Contains(all[first].Why, c.why) {
			t.Errorf("%s: %+v", name, all)
		}
		if !l.ro {
			t.Errorf("%s: efivarfs can still be written to", name)
		}
		for _, key := range []string{"PK" + global, "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"} {
			if _, ok := l.vars[key]; !ok {
				t.Errorf("%s: %s is gone", name, key)
			}
		}
	}
}

// Words that say what to do.
func TestBecause(t *testing.T) {
	for err, want := range map[error]string{unix.ENOSPC: "full", unix.EROFS: "lets none", unix.EPERM: "set-up", unix.EOPNOTSUPP: "set-up", unix.EBUSY: "in use",
		unix.EIO: "input/output error", fs.ErrNotExist: "does not give", context.Canceled: "canceled"} {
		if got := because(fmt.Errorf("deep: %w", err)); !strings.Contains(got, want) {
			t.Errorf("%v: %q, without %q", err, got, want)
		}
	}
}

func TestRemoveStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := newLaptop()
	if all := (Firmware{sys: l}).Remove(ctx, l.list()); gone(all) != 0 || l.changes != 0 || !l.ro {
		t.Errorf("stopped before it began: %+v", all)
	}
}

// An order of which nothing is left is deleted: it may not be empty.
func TestRemoveWholeOrder(t *testing.T) {
	l := newLaptop()
	l.vars["BootOrder"+global] = "\x07\x00\x00\x00\x03\x00\x07\x00"
	all := Firmware{sys: l}.Remove(t.Context(), l.list())
	if _, ok := l.vars["BootOrder"+global]; ok || gone(all) != 4 {
		t.Errorf("%+v, %q", all, l.vars)
	}
}

// The kernel's own calls, on plain files: all but the two that only efivarfs has.
func TestKernelCalls(t *testing.T) {
	name := path.Join(t.TempDir(), "file")
	var k kernel
	if err := k.write(name, []byte("x")); err == nil {
		t.Error("a file that is not there was made")
	}
	if _, err := k.read(name); err == nil {
		t.Error("a file that is not there was read")
	}
	if err := os.WriteFile(name, bytes.Repeat([]byte("a"), 10), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.write(name, []byte("bb")); err != nil {
		t.Fatal(err)
	}
	if b, err := k.read(name); err != nil || string(b) != "bbaaaaaaaa" {
		t.Errorf("%q, %v", b, err)
	}
	if err := os.WriteFile(name, make([]byte, maxContent+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := k.read(name); err == nil {
		t.Error("a file of any length is read")
	}
	if err := k.unlink(name); err != nil {
		t.Fatal(err)
	}
	if _, err := k.immutable(name); err == nil {
		t.Error("a file that is not there has flags")
	}
	if err := k.mutable(name); err == nil {
		t.Error("a file that is not there takes flags")
	}
}

// Whatever stands in the lists of boot entries, one that is gone is named by none of
// them, and nothing else of the lists is lost.
func FuzzBootOrder(f *testing.F) {
	for _, s := range []string{"\x07\x00\x00\x00\x03\x00\x01\x00\x07\x00\x00\x00", "\x07\x00\x00\x00\x03\x00", "\x07\x00\x00\x00", "\x07\x00\x00", "\x07\x00\x00\x00\x03", "", "\x07\x00\x00\x00\x03\x00\x03\x00\xff\xff"} {
		f.Add(s, "\x07\x00\x00\x00\x07\x00")
	}
	f.Fuzz(func(t *testing.T, order, next string) {
		l := newLaptop()
		list := l.list()[:2]
		l.vars["BootOrder"+global], l.vars["BootNext"+global] = order, next
		others := func() (n int) {
			for _, name := range l.order() {
				if name+global != windows && name+global != ubuntu {
					n++
				}
			}
			return n
		}
		before := others()
		all := Firmware{sys: l}.Remove(t.Context(), list)
		if others() != before {
			t.Errorf("%q became %q", order, l.vars["BootOrder"+global])
		}
		for _, r := range all {
			if r.Gone && slices.Contains(l.order(), strings.TrimSuffix(r.Name, global)) {
				t.Errorf("%s is gone, and %q names it", r.Name, l.vars["BootOrder"+global])
			}
		}
	})
}

package sysblock

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// part is one device that stands on a drive: the drive itself, a partition, a
// device-mapper or RAID device upon it.
type part struct {
	name  string   // the kernel's
	names []string // under which tables may know it
	dev   string
	on    string // for people: '', ' its partition sda1', …
}

// stackMax bounds what is walked in a tree that came from elsewhere.
const stackMax = 4096

// Use says who uses a drive, one sentence each; empty means that nobody does. It
// looks through partitions and everything that stands upon them. An error means
// that it can't be told: then the drive is not free.
func (t Tree) Use(d Disk) ([]string, error) {
	parts, use, err := t.stack(d)
	if err != nil {
		return nil, fmt.Errorf("who uses %s can't be told: %w", d.Path(), err)
	}
	for _, find := range []func([]part) ([]string, error){t.mounts, t.btrfs, t.swaps, t.loops} {
		found, err := find(parts)
		if err != nil {
			return nil, fmt.Errorf("who uses %s can't be told: %w", d.Path(), err)
		}
		use = append(use, found...)
	}
	below, err := t.backing(d)
	if err != nil {
		return nil, fmt.Errorf("who uses %s can't be told: %w", d.Path(), err)
	}
	use = append(use, below...)
	slices.Sort(use)
	return slices.Compact(use), nil
}

// stack walks from a drive to all that stands upon it.
func (t Tree) stack(d Disk) (parts []part, use []string, err error) {
	type step struct{ dir, on string }
	ahead, seen := []step{{d.Dir, ""}}, map[string]bool{}
	for len(ahead) > 0 {
		s := ahead[0]
		ahead = ahead[1:]
		if seen[s.dir] {
			continue
		}
		if seen[s.dir] = true; len(seen) > stackMax {
			return nil, nil, errors.New("too much stands upon it")
		}
		p, err := t.part(s.dir, s.on)
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, p)
		below, err := t.Partitions(s.dir)
		if err != nil {
			return nil, nil, err
		}
		for _, name := range below {
			ahead = append(ahead, step{filepath.Join(s.dir, name), " its partition " + name})
		}
		holders, err := t.listOrNone(filepath.Join(s.dir, "holders"))
		if err != nil {
			return nil, nil, err
		}
		for _, name := range holders {
			dir, err := t.Real(filepath.Join(s.dir, "holders", name))
			if err != nil {
				return nil, nil, err
			}
			on := " " + t.called(dir)
			use = append(use, fmt.Sprintf("%s stands on %s", on[1:], p.name))
			ahead = append(ahead, step{dir, on + ", which stands on it"})
		}
	}
	return parts, use, nil
}

func (t Tree) part(dir, on string) (part, error) {
	dev, err := t.Attr(dir, "dev")
	if err != nil {
		return part{}, err
	}
	p := part{name: filepath.Base(dir), dev: dev, on: on}
	p.names = []string{strings.ReplaceAll(p.name, "!", "/")}
	mapped, err := t.AttrOrNone(dir, "dm/name")
	if mapped != "" {
		p.names = append(p.names, "mapper/"+mapped)
	}
	return p, err
}

// called is a device's name for people: 'dm-0 (vg-root)'.
func (t Tree) called(dir string) string {
	name := filepath.Base(dir)
	if mapped, err := t.Attr(dir, "dm/name"); err == nil && mapped != "" {
		return fmt.Sprintf("%s (%s)", name, mapped)
	}
	return name
}

// find the part that a device number or a path of /dev names.
func (t Tree) find(parts []part, dev, path string) (part, bool) {
	for _, p := range parts {
		if dev != "" && p.dev == dev {
			return p, true
		}
		if name, ok := strings.CutPrefix(path, "/dev/"); ok && slices.Contains(p.names, name) {
			return p, true
		}
	}
	if !strings.HasPrefix(path, "/dev/") {
		return part{}, false
	}
	// A link such as /dev/disk/by-uuid/…: the node behind it tells.
	node, err := t.Device(path)
	if err != nil || !node.Block {
		return part{}, false
	}
	return t.find(parts, node.Number, "")
}

func (p part) it() string {
	if p.on == "" {
		return " it"
	}
	return p.on
}

// mounts of this process's name space: proc_pid_mountinfo(5). Fields 3 and 5 are
// the device number and the place; after the separator stand type and source. A
// file system over several devices (btrfs) has a number of its own, so its source
// is looked at too.
func (t Tree) mounts(parts []part) ([]string, error) {
	table, err := t.Bytes("/proc/self/mountinfo", tableMax)
	if err != nil {
		return nil, err
	}
	var use []string
	for line := range strings.Lines(string(table)) {
		before, after, ok := strings.Cut(line, " - ")
		f, s := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(s) < 2 {
			return nil, fmt.Errorf("a line of the table of mounts makes no sense: %.80q", line)
		}
		if p, ok := t.find(parts, f[2], unescape(s[1])); ok {
			use = append(use, fmt.Sprintf("%s is mounted from%s", show(unescape(f[4])), p.it()))
		}
	}
	return use, nil
}

// btrfs names every device of each of its mounted file systems in sysfs.
func (t Tree) btrfs(parts []part) ([]string, error) {
	systems, err := t.listOrNone("/sys/fs/btrfs")
	if err != nil {
		return nil, err
	}
	var use []string
	for _, fsid := range systems {
		devices, err := t.listOrNone(filepath.Join("/sys/fs/btrfs", fsid, "devices"))
		if err != nil {
			return nil, err
		}
		for _, name := range devices {
			if p, ok := t.find(parts, "", "/dev/"+name); ok {
				use = append(use, fmt.Sprintf("a mounted btrfs stands on%s", p.it()))
			}
		}
	}
	return use, nil
}

// swaps: proc(5). A kernel without swap has no such table.
func (t Tree) swaps(parts []part) ([]string, error) {
	table, err := t.Bytes("/proc/swaps", tableMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var use []string
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] == "Filename" {
			continue
		}
		if p, ok := t.find(parts, "", unescape(f[0])); ok {
			use = append(use, fmt.Sprintf("the system swaps to%s", p.it()))
		}
	}
	return use, nil
}

// loops whose backing file is the drive itself or a part of it: the kernel holds
// no claim for them.
func (t Tree) loops(parts []part) ([]string, error) {
	names, err := t.loopNames()
	if err != nil {
		return nil, err
	}
	var use []string
	for _, name := range names {
		file, err := t.Attr("/sys/block/"+name, "loop/backing_file")
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENXIO) || err == nil && file == "" {
			continue
		}
		if err != nil {
			return nil, err
		}
		if p, ok := t.find(parts, "", file); ok {
			use = append(use, fmt.Sprintf("%s stands on%s", name, p.it()))
		}
	}
	return use, nil
}

// loopNames of all loop devices, with a file behind them or none: the kernel calls no
// other device so.
func (t Tree) loopNames() ([]string, error) {
	names, err := t.listOrNone("/sys/block")
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, "loop") }), err
}

// backing of a loop device: whoever uses what it stands on would lose it too, and
// the kernel holds no claim for them.
func (t Tree) backing(d Disk) ([]string, error) {
	file, ok := t.BackingFile(d)
	if d.Kind != KindLoop || !ok {
		return nil, nil
	}
	own, err := t.Device(file)
	if err != nil {
		return nil, nil // a file that was removed has no other name
	}
	if own.Block {
		return []string{fmt.Sprintf("it is no file but the device %s under another name", show(file))}, nil
	}
	same := func(path string) bool {
		o, err := t.Device(path)
		return err == nil && o.Dev == own.Dev && o.Inode == own.Inode
	}
	return t.sharers(d, same)
}

// sharers of a backing file: other loop devices, and swap.
func (t Tree) sharers(d Disk, same func(path string) bool) ([]string, error) {
	names, err := t.loopNames()
	if err != nil {
		return nil, err
	}
	var use []string
	for _, name := range names {
		if name == filepath.Base(d.Dir) {
			continue
		}
		if file, err := t.Attr("/sys/block/"+name, "loop/backing_file"); err == nil && same(file) {
			use = append(use, name+" has the same backing file")
		}
	}
	table, err := t.Bytes("/proc/swaps", tableMax)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 1 && same(unescape(f[0])) {
			use = append(use, "the system swaps to its backing file")
		}
	}
	return use, nil
}

// unescape the octal sequences of proc's tables: blank, tab, newline, backslash.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace

// show a path that anybody may have named, on one line.
func show(path string) string {
	q := fmt.Sprintf("%.200q", path)
	if q[1:len(q)-1] == path && !strings.ContainsAny(path, ` "`) {
		return path
	}
	return q
}

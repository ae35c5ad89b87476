// Package modules chooses the kernel modules of the image: those of the set and
// all that they stand on, as the modules themselves say. It reads an unpacked
// kernel package and runs nothing of it.
//
// Interfaces: .modinfo of Linux 6.1 (include/linux/module.h), modprobe.d(5).
package modules

import (
	_ "embed"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"handback.example/image/modules/index"
)

//go:embed set.txt
var set string

// PackageFiles are those of the kernel's package to unpack: the kernel, and modules
// but for the large folders of what no bench needs (patterns of package packages).
var PackageFiles = []string{
	"boot/vmlinuz-*", "lib/modules/*/modules.builtin",
	"lib/modules/*/kernel", "-lib/modules/*/kernel/sound", "lib/modules/*/kernel/sound/core", "lib/modules/*/kernel/sound/hda", "lib/modules/*/kernel/sound/pci/hda", "lib/modules/*/kernel/sound/soundcore*",
	"-lib/modules/*/kernel/net", "-lib/modules/*/kernel/fs",
	"lib/modules/*/kernel/fs/*fat", "lib/modules/*/kernel/fs/nls", "lib/modules/*/kernel/fs/efivarfs",
	"-lib/modules/*/kernel/drivers/gpu", "-lib/modules/*/kernel/drivers/media",
	"-lib/modules/*/kernel/drivers/net", "lib/modules/*/kernel/drivers/net/ethernet/intel/e1000e",
	"-lib/modules/*/kernel/drivers/infiniband", "-lib/modules/*/kernel/drivers/staging", "-lib/modules/*/kernel/drivers/iio",
}

// File is one module: where it is on this computer and in the image.
type File struct{ From, To string }

// Closure is a set of modules that can be loaded without any other.
type Closure struct {
	Version  string // of the kernel
	Index    *index.Index
	Files    []File
	Firmware []string // that they may ask for; the image carries none
}

// Choose takes the image's modules out of a kernel's folder lib/modules/VERSION.
func Choose(dir string) (*Closure, error) { return ChooseSet(dir, set) }

// ChooseSet takes the modules of another set, written as set.txt is: what a test
// boots needs what the image must not have.
func ChooseSet(dir, set string) (*Closure, error) {
	t, err := readTree(dir)
	if err != nil {
		return nil, err
	}
	names, err := t.wanted(set)
	if err != nil {
		return nil, err
	}
	chosen := map[string]bool{}
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if err := t.add(n, chosen); err != nil {
			return nil, err
		}
	}
	return t.closure(chosen, names)
}

// tree is all that a kernel package brings.
type tree struct {
	dir, version string
	files        []string // below dir, sorted
	byName       map[string]int
	info         []Info
	builtin      map[string]bool // names, and files without kernel/ and .ko
	aliases      map[string][]string
}

func readTree(dir string) (*tree, error) {
	t := &tree{dir: dir, version: filepath.Base(dir), byName: map[string]int{}, builtin: map[string]bool{}, aliases: map[string][]string{}}
	b, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	for _, l := range strings.Fields(string(b)) {
		t.builtin[short(l)], t.builtin[nameOf(l)] = true, true
	}
	if err := fs.WalkDir(os.DirFS(dir), "kernel", func(name string, d fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".ko" {
			t.byName[nameOf(name)] = len(t.files)
			t.files = append(t.files, name)
		}
		return err
	}); err != nil {
		return nil, err
	}
	if err := t.readAll(); err != nil {
		return nil, err
	}
	for i, f := range t.files {
		if m, _, _ := strings.Cut(t.info[i].Magic, " "); m != t.version {
			return nil, fmt.Errorf("module %s was built for kernel %q, not for %s", f, m, t.version)
		}
		for _, a := range t.info[i].Aliases {
			a = index.Normal(a)
			t.aliases[a] = append(t.aliases[a], nameOf(f))
		}
	}
	return t, nil
}

// readAll reads all modules, a few side by side.
func (t *tree) readAll() error {
	t.info = make([]Info, len(t.files))
	bad := make([]error, len(t.files))
	work := make(chan int)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range work {
				t.info[i], bad[i] = readModule(filepath.Join(t.dir, t.files[i]))
			}
		})
	}
	for i := range t.files {
		work <- i
	}
	close(work)
	wg.Wait()
	for _, err := range bad {
		if err != nil {
			return err
		}
	}
	return nil
}

// short is 'drivers/scsi/sg' of 'kernel/drivers/scsi/sg.ko'.
func short(file string) string {
	return strings.TrimSuffix(strings.TrimPrefix(file, "kernel/"), ".ko")
}

func nameOf(file string) string { return index.Normal(path.Base(short(file))) }

// wanted are the names that the set asks for, and how. A pattern that nothing fits
// is an error: a kernel that moved a driver must not cost the image a drive in
// silence.
func (t *tree) wanted(set string) (map[string]how, error) {
	want := map[string]how{}
	for line := range strings.Lines(set) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		pattern, as := line, forDevices
		switch line[0] {
		case '-':
			pattern, as = line[1:], left
		case '!':
			pattern, as = line[1:], byName
		}
		found := t.fits(pattern, want, as)
		for b := range t.builtin {
			if ok, err := path.Match(pattern, b); err != nil {
				return nil, fmt.Errorf("the set of modules: %q: %w", pattern, err)
			} else if ok {
				found = true
			}
		}
		if !found {
			return nil, fmt.Errorf("kernel %s has no module %s: look for where it is now, and correct the set of modules", t.version, pattern)
		}
	}
	maps.DeleteFunc(want, func(_ string, as how) bool { return as == left })
	return want, nil
}

// how the set wants a module.
type how int

const (
	left       how = iota // not
	forDevices            // for the devices that it drives
	byName                // for who asks for it by its name, whatever devices there are
)

func (t *tree) fits(pattern string, want map[string]how, as how) (found bool) {
	for _, f := range t.files {
		if ok, err := path.Match(pattern, short(f)); err == nil && ok {
			want[nameOf(f)], found = as, true
		}
	}
	return found
}

// add puts a module and all that it stands on into the chosen ones. A soft
// dependency may be an alias (crct10dif: any of its implementations), built in,
// or not there.
func (t *tree) add(name string, chosen map[string]bool) error {
	if chosen[name] {
		return nil
	}
	i, ok := t.byName[name]
	if !ok {
		return fmt.Errorf("kernel %s has no module %s: its package was not unpacked whole", t.version, name)
	}
	chosen[name] = true
	m := &t.info[i]
	for _, d := range m.Needs {
		if err := t.add(index.Normal(d), chosen); err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
	}
	for _, list := range []*[]string{&m.Before, &m.After} {
		*list = t.resolve(*list)
		for _, d := range *list {
			if err := t.add(d, chosen); err != nil {
				return fmt.Errorf("module %s: %w", name, err)
			}
		}
	}
	return nil
}

func (t *tree) resolve(soft []string) []string {
	var names []string
	for _, s := range soft {
		s = index.Normal(s)
		if _, ok := t.byName[s]; ok {
			names = append(names, s)
			continue
		}
		names = append(names, t.aliases[s]...)
	}
	return names
}

// closure writes the chosen ones down, sorted by file. One that is wanted by name
// only has no aliases: no device asks for it.
func (t *tree) closure(chosen map[string]bool, wanted map[string]how) (*Closure, error) {
	root := path.Join("/lib/modules", t.version)
	c := &Closure{Version: t.version}
	var list []index.Module
	for i, f := range t.files {
		if !chosen[nameOf(f)] {
			continue
		}
		m := t.info[i]
		slices.Sort(m.Aliases)
		if wanted[nameOf(f)] == byName {
			m.Aliases = nil
		}
		list = append(list, index.Module{Name: nameOf(f), Path: f, Needs: m.Needs, Before: m.Before, After: m.After, Aliases: m.Aliases})
		c.Files = append(c.Files, File{filepath.Join(t.dir, f), path.Join(root, f)})
		c.Firmware = append(c.Firmware, m.Firmware...)
	}
	var err error
	c.Index, err = index.New(root, list)
	return c, err
}

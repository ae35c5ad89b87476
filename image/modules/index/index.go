// Package index is the list of kernel modules that the image carries: which
// devices each of them drives and what it stands on. The image builder writes it
// from the modules' own .modinfo; PID 1 reads it in place of what depmod makes.
//
// It is plain text, a line for each word of a module:
//
//	handback-modules 1 /lib/modules/6.1.0-56-amd64
//	nvme kernel/drivers/nvme/host/nvme.ko
//	+nvme_core
//	=pci:v*d*sv*sd*bc01sc08i02*
//
// '+' is a module that it needs, '<' and '>' one that is wanted before or after
// it but may be missing or fail (a soft dependency), '=' an alias. Names and
// aliases are written with '_' for '-', as the kernel takes both for the same
// (kmod, libkmod-util.c: alias_normalize).
//
// The package loads nothing and reads no device.
package index

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Module is one kernel module.
type Module struct {
	Name    string
	Path    string   // below Index.Root
	Needs   []string // without them it can't be loaded
	Before  []string // soft: wanted first
	After   []string // soft: wanted then
	Aliases []string // glob patterns of modaliases, and other names
}

// Index of all modules of an image.
type Index struct {
	Root    string // folder of the modules in the running system
	modules []Module
	byName  map[string]int
}

// Step is one module to load, in order.
type Step struct {
	Name, Path string
	// Optional: what was asked for works without it.
	Optional bool
}

// Bounds of an index: Debian's whole kernel has some 4,000 modules and 30,000 aliases.
const (
	sizeMax    = 16 << 20
	modulesMax = 1 << 14
	lineMax    = 4096
)

const magic = "handback-modules 1 "

var errFormat = errors.New("not a list of kernel modules")

// New makes an index. Every module that one needs must be there; soft ones that
// are not there are left out.
func New(root string, modules []Module) (*Index, error) {
	x := &Index{Root: root, byName: map[string]int{}}
	if !path.IsAbs(root) || path.Clean(root) != root || strings.ContainsAny(root, " \n") {
		return nil, fmt.Errorf("%w: its folder is %q", errFormat, root)
	}
	for _, m := range modules {
		m.Name = Normal(m.Name)
		if _, twice := x.byName[m.Name]; twice {
			return nil, fmt.Errorf("%w: module %s is there twice", errFormat, m.Name)
		}
		if !isName(m.Name) || !isPath(m.Path) || len(x.modules) == modulesMax {
			return nil, fmt.Errorf("%w: module %q at %q", errFormat, m.Name, m.Path)
		}
		x.byName[m.Name] = len(x.modules)
		x.modules = append(x.modules, m)
	}
	for i := range x.modules {
		if err := x.complete(&x.modules[i]); err != nil {
			return nil, err
		}
	}
	all := make([]string, len(x.modules))
	for i, m := range x.modules {
		all[i] = m.Name
	}
	if _, err := x.hard(all...); err != nil {
		return nil, err
	}
	return x, nil
}

// complete writes names in their normal form, drops soft dependencies that are
// not there and refuses a module whose needs are not.
func (x *Index) complete(m *Module) error {
	names := func(list []string, soft bool) ([]string, error) {
		var out []string
		for _, n := range list {
			n = Normal(n)
			_, ok := x.byName[n]
			switch {
			case ok && n != m.Name && !slices.Contains(out, n):
				out = append(out, n)
			case !ok && !soft:
				return nil, fmt.Errorf("%w: module %s needs %q, which is not there", errFormat, m.Name, n)
			}
		}
		return out, nil
	}
	var bad [3]error
	m.Needs, bad[0] = names(m.Needs, false)
	m.Before, bad[1] = names(m.Before, true)
	m.After, bad[2] = names(m.After, true)
	var aliases []string
	seen := map[string]bool{}
	for _, a := range m.Aliases {
		if a = Normal(a); a != "" && !strings.ContainsAny(a, "\n\r") && len(a) < lineMax-1 && !seen[a] {
			seen[a] = true
			aliases = append(aliases, a)
		}
	}
	m.Aliases = aliases
	return errors.Join(bad[:]...)
}

// hard gives modules and all that they need, that first. A circle is an error.
func (x *Index) hard(names ...string) ([]string, error) {
	const open, done = 1, 2
	state := map[string]int{}
	var order []string
	var visit func(string) error
	visit = func(n string) error {
		switch state[n] {
		case open:
			return fmt.Errorf("%w: module %s needs itself", errFormat, n)
		case done:
			return nil
		}
		state[n] = open
		for _, d := range x.modules[x.byName[n]].Needs {
			if err := visit(d); err != nil {
				return err
			}
		}
		state[n] = done
		order = append(order, n)
		return nil
	}
	for _, n := range names {
		if err := visit(n); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// Modules in the order of the index.
func (x *Index) Modules() []Module { return slices.Clone(x.modules) }

// Normal form of a module's name or an alias: '_' for '-', but not within [].
func Normal(s string) string {
	b := []byte(s)
	in := false
	for i, c := range b {
		switch c {
		case '[':
			in = true
		case ']':
			in = false
		case '-':
			if !in {
				b[i] = '_'
			}
		}
	}
	return string(b)
}

func isName(s string) bool {
	if s == "" || len(s) > 64 { // MODULE_NAME_LEN of linux/module.h
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func isPath(s string) bool {
	return s != "" && len(s) < lineMax/2 && !path.IsAbs(s) && path.Clean(s) == s && s != "." && s != ".." &&
		!strings.HasPrefix(s, "../") && !strings.ContainsAny(s, " \n\r\x00")
}

// Marshal writes the index as Parse reads it.
func (x *Index) Marshal() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s%s\n", magic, x.Root)
	for _, m := range x.modules {
		fmt.Fprintf(&b, "%s %s\n", m.Name, m.Path)
		for mark, list := range [...][]string{m.Needs, m.Before, m.After, m.Aliases} {
			for _, s := range list {
				fmt.Fprintf(&b, "%c%s\n", marks[mark], s)
			}
		}
	}
	return b.Bytes()
}

const marks = "+<>="

// Parse reads an index.
func Parse(b []byte) (*Index, error) {
	if len(b) > sizeMax {
		return nil, fmt.Errorf("%w: %d bytes are too many", errFormat, len(b))
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(make([]byte, lineMax), lineMax)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), magic) {
		return nil, fmt.Errorf("%w: its first line is not %q", errFormat, magic+"FOLDER")
	}
	root := strings.TrimPrefix(lines.Text(), magic)
	var modules []Module
	for n := 2; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" {
			return nil, fmt.Errorf("%w: line %d is empty", errFormat, n)
		}
		if mark := strings.IndexByte(marks, line[0]); mark >= 0 {
			if len(modules) == 0 || len(line) == 1 {
				return nil, fmt.Errorf("%w: line %d belongs to no module", errFormat, n)
			}
			m := &modules[len(modules)-1]
			list := [...]*[]string{&m.Needs, &m.Before, &m.After, &m.Aliases}[mark]
			*list = append(*list, line[1:])
			continue
		}
		name, file, ok := strings.Cut(line, " ")
		if !ok {
			return nil, fmt.Errorf("%w: line %d is neither a module nor a word of one", errFormat, n)
		}
		modules = append(modules, Module{Name: name, Path: file})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	return New(root, modules)
}

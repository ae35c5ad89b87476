package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"handback.example/image/initramfs"
	"handback.example/image/modules/index"
)

// loader loads kernel modules with what they need, one at a time.
type loader struct {
	index *index.Index
	mu    sync.Mutex
	done  map[string]bool
}

func newLoader() (*loader, error) {
	b, err := os.ReadFile(initramfs.ModulesIndex)
	if err != nil {
		return nil, err
	}
	x, err := index.Parse(b)
	if err != nil {
		return nil, err
	}
	return &loader{index: x, done: map[string]bool{}}, nil
}

// load one with all that it needs; params are its own. It knows the difference
// between a module that is there already and one that is there with what was
// asked.
func (l *loader) load(name, params string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	name = index.Normal(name)
	if l.done[name] && params != "" {
		return fmt.Errorf("module %s is there already, without %q", name, params)
	}
	steps, err := l.index.Order(name)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if l.done[s.Name] {
			continue
		}
		own := ""
		if s.Name == name {
			own = params
		}
		if err := loadFile(s.Path, own); err != nil && !s.Optional {
			return fmt.Errorf("module %s: %w", s.Name, err)
		}
		l.done[s.Name] = true
	}
	return nil
}

// unload one module, so that it can be loaded with other parameters.
func (l *loader) unload(name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	name = index.Normal(name)
	if err := unix.DeleteModule(name, unix.O_NONBLOCK); err != nil {
		return fmt.Errorf("unload module %s: %w", name, err)
	}
	delete(l.done, name)
	return nil
}

func loadFile(path, params string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), params, 0); err != nil && (!errors.Is(err, unix.EEXIST) || params != "") {
		return err
	}
	return nil
}

// listed are the modules of a list, a line each: a name, then its parameters.
func listed(file string) ([][2]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all [][2]string
	for line := range strings.Lines(string(b)) {
		name, params, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "" {
			all = append(all, [2]string{name, params})
		}
	}
	return all, nil
}

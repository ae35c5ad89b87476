package pid1

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// module is a file to load. What is Optional may fail: what was asked for works
// without it.
type module struct {
	Name, Path string
	Optional   bool
}

// moduleIndex tells which modules a device needs, and what they need.
type moduleIndex interface {
	match(modalias string) []string             // names of modules, none: no driver is shipped
	loadOrder(name string) ([]module, error)    // a module and what it stands on, that first
	resolve(aliasOrName string) (name []string) // what request_module() may ask for
}

// always are modules that no device asks for: SG_IO on every SCSI disk, the
// firmware's variables.
var always = []string{"sg", "efivarfs"}

// parameters of modules by their names. libata lets TRUSTED SEND and RECEIVE through
// only where it is told to: without them no SATA drive says whether it is locked by
// Opal, and none can be reverted. Sound is played by the plain driver, which knows no
// microphone of a signal processor and needs no firmware.
var parameters = map[string]string{"libata": "allow_tpm=1", "snd_intel_dspcfg": "dsp_driver=1"}

// parametersOf a module by its file.
func parametersOf(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return parameters[strings.ReplaceAll(name, "-", "_")]
}

// loader loads each module once, whoever asks for it first.
type loader struct {
	index moduleIndex
	load  func(path string) error
	there func(name string) bool // the kernel knows the module's symbols, or waits for them
	wait  time.Duration          // patience with one module
	mu    sync.Mutex
	late  bool // one has taken longer
	once  map[string]*loading
}

// A module is at work as soon as its init has run. After that finit_module(2) waits
// until every probe that was begun has ended, of whatever driver
// (async_synchronize_full in do_init_module, Linux kernel/module/main.c): a drive that
// hangs, or is busy with a sanitize of its own, would keep all other drivers out.
const (
	patience     = 15 * time.Second
	patienceLate = time.Second // once that has happened
	// With one whose file is still read and checked, on a slow machine: nothing can
	// stand on it yet.
	patienceAbsent = 4
)

type loading struct {
	name string
	left bool // somebody has waited for it in vain
	done chan struct{}
	err  error
}

func newLoader(x moduleIndex) *loader {
	return &loader{index: x, load: loadFile, there: inKernel, wait: patience, once: map[string]*loading{}}
}

// alias loads what drives a device.
func (l *loader) alias(modalias string) error {
	var bad []error
	for _, name := range l.index.match(modalias) {
		bad = append(bad, l.module(name))
	}
	return errors.Join(bad...)
}

// module loads one with all that it stands on.
func (l *loader) module(name string) error {
	order, err := l.index.loadOrder(name)
	if err != nil {
		return fmt.Errorf("module %s: %w", name, err)
	}
	var before []*loading
	for _, m := range order {
		x := l.start(m, before)
		if err := l.loaded(x); err != nil && !m.Optional {
			return err
		}
		before = append(before, x)
	}
	return nil
}

// start loading a module that stands on those before it.
func (l *loader) start(m module, before []*loading) *loading {
	l.mu.Lock()
	x, known := l.once[m.Name]
	if !known {
		x = &loading{name: m.Name, done: make(chan struct{})}
		l.once[m.Name] = x
	}
	l.mu.Unlock()
	if !known {
		go func() {
			early := slices.ContainsFunc(before, (*loading).going)
			x.err = l.load(m.Path)
			if early && (errors.Is(x.err, unix.ENOENT) || errors.Is(x.err, unix.EBUSY)) {
				// What it stands on takes longer than loaded waits: its symbols were not there, or
				// the kernel has lost its patience with them.
				for _, b := range before {
					<-b.done
				}
				x.err = l.load(m.Path)
			}
			if x.err != nil {
				x.err = fmt.Errorf("module %s: %w", m.Name, x.err)
			}
			close(x.done)
		}()
	}
	return x
}

// going on still.
func (x *loading) going() bool {
	select {
	case <-x.done:
		return false
	default:
		return true
	}
}

// loaded waits for a module, and goes on without its end where that takes too long.
func (l *loader) loaded(x *loading) error {
	for began := time.Now(); ; {
		select {
		case <-x.done:
			return x.err
		case <-time.After(min(l.wait, patienceLate) / 10):
		}
		if l.tooLong(time.Since(began), x) {
			return nil
		}
	}
}

func (l *loader) tooLong(waited time.Duration, x *loading) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := l.wait
	switch {
	case !x.left && !l.there(x.name):
		wait *= patienceAbsent
	case l.late:
		wait = min(wait, patienceLate)
	}
	if waited < wait {
		return false
	}
	l.late, x.left = true, true
	return true
}

func (l *loader) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.once)
}

// inKernel: the kernel has taken a module into its list, with its symbols. Whoever needs
// one of them before its init has run is made to wait (resolve_symbol_wait in Linux
// kernel/module/main.c); before, the symbol is unknown.
func inKernel(name string) bool {
	_, err := os.Stat(filepath.Join("/sys/module", name, "initstate"))
	return err == nil
}

// loadFile is finit_module(2). A module that is there already is well. (The
// kernel checks its signature under lockdown.)
func loadFile(path string) error { return loadWith(path, parametersOf(path)) }

// loadAside is loadFile without the wait for probes: the kernel waits for whoever it
// has called, and a process can't end while one of its threads waits in the kernel.
func loadAside(path string) error {
	return loadWith(path, strings.TrimSpace(parametersOf(path)+" async_probe"))
}

func loadWith(path, parameters string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), parameters, 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

// coldplug gives the modalias of every device that was there before we listened,
// each once.
func coldplug(root string) []string {
	seen := map[string]bool{}
	var list []string
	// A device that goes away during the walk tells so by an event.
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() != "modalias" {
			return nil
		}
		b, err := os.ReadFile(path)
		if a := strings.TrimSpace(string(b)); err == nil && a != "" && !seen[a] {
			seen[a] = true
			list = append(list, a)
		}
		return nil
	})
	return list
}

// loaders work side by side: a driver's probe waits for its hardware.
const loaders = 4

// loadAll loads what drives each of the devices.
func (l *loader) loadAll(aliases []string, log *journal) {
	work := make(chan string)
	var wg sync.WaitGroup
	for range loaders {
		wg.Go(func() {
			for a := range work {
				if err := l.alias(a); err != nil {
					log.printf("%s: %v", a, err)
				}
			}
		})
	}
	for _, a := range aliases {
		work <- a
	}
	close(work)
	wg.Wait()
}

// Load modules by their names, with all that they stand on: those that no device
// asks for, and that only some visits want.
func Load(names ...string) error {
	index, err := readIndex(modulesIndex)
	if err != nil {
		return err
	}
	l := newLoader(index)
	for _, name := range names {
		if err := l.module(name); err != nil {
			return err
		}
	}
	return nil
}

// Unload a module that Load loaded. What it stands on stays.
func Unload(name string) error {
	if err := unix.DeleteModule(name, unix.O_NONBLOCK); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("module %s stays: %w", name, err)
	}
	return nil
}

// Modprobe is this program called as /sbin/modprobe by the kernel's
// request_module(): 'modprobe -q -- NAME'. It returns an exit code.
func Modprobe(args []string) int {
	index, err := readIndex(modulesIndex)
	if err != nil {
		return 1
	}
	l := newLoader(index)
	l.load = loadAside
	code := 0
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			continue
		}
		names := index.resolve(a)
		if len(names) == 0 {
			code = 1
		}
		for _, name := range names {
			if err := l.module(name); err != nil {
				code = 1
			}
		}
	}
	return code
}

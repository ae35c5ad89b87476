package pid1

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParseUevent(t *testing.T) {
	for message, want := range map[string]uevent{
		"add@/devices/pci0000:00/0000:00:04.0\x00ACTION=add\x00DEVPATH=/devices/pci0000:00/0000:00:04.0\x00SUBSYSTEM=pci\x00PCI_ID=1B36:0010\x00MODALIAS=pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02\x00SEQNUM=1234\x00": {
			"add", "/devices/pci0000:00/0000:00:04.0", "pci", "pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02"},
		"remove@/devices/x\x00SUBSYSTEM=block\x00": {"remove", "/devices/x", "block", ""},
		"add@/devices/y\x00MODALIAS=a=b\x00":       {"add", "/devices/y", "", "a=b"},
	} {
		if got, ok := parseUevent([]byte(message)); !ok || got != want {
			t.Errorf("%q: %+v, want %+v", message, got, want)
		}
	}
	for _, message := range []string{"", "libudev\x00\xfe\xed\xca\xfe", "\x00\x00", "ACTION=add\x00"} {
		if u, ok := parseUevent([]byte(message)); ok {
			t.Errorf("%q was taken for %+v", message, u)
		}
	}
}

func FuzzParseUevent(f *testing.F) {
	f.Add([]byte("add@/devices/y\x00SUBSYSTEM=pci\x00MODALIAS=pci:v0\x00"))
	f.Add([]byte("libudev\x00\xfe\xed\xca\xfe"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if u, ok := parseUevent(b); ok && slices.Contains([]byte(u.action+u.path+u.modalias+u.subsystem), 0) {
			t.Errorf("a NUL in %+v", u)
		}
	})
}

func TestColdplug(t *testing.T) {
	root := t.TempDir()
	for path, alias := range map[string]string{
		"pci0000:00/0000:00:04.0/modalias":      "pci:v00001B36d00000010\n",
		"pci0000:00/0000:00:05.0/modalias":      "pci:v00001B36d00000010\n", // the same device twice
		"pci0000:00/0000:00:05.0/usb1/modalias": "usb:v1D6Bp0002\n",
		"platform/empty/modalias":               "\n",
		"platform/other/uevent":                 "MODALIAS=platform:x\n",
	} {
		file := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(alias), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := coldplug(root)
	slices.Sort(got)
	if want := []string{"pci:v00001B36d00000010", "usb:v1D6Bp0002"}; !slices.Equal(got, want) {
		t.Errorf("aliases %q, want %q", got, want)
	}
	if got := coldplug(filepath.Join(root, "none")); len(got) != 0 {
		t.Errorf("aliases of no tree: %q", got)
	}
}

// shelf is a list of modules: nvme stands on nvme_core and does without hwmon,
// sd_mod on scsi_mod.
type shelf struct{}

func (shelf) match(alias string) []string {
	return map[string][]string{"pci:nvme": {"nvme"}, "scsi:disk": {"sd_mod"}, "scsi:two": {"sd_mod", "sg"}, "bad": {"broken"}}[alias]
}

func (shelf) resolve(name string) []string { return []string{name} }

func (shelf) loadOrder(name string) ([]module, error) {
	order := map[string][]module{
		"nvme":   {{Name: "hwmon", Path: "/m/hwmon.ko", Optional: true}, {Name: "nvme_core", Path: "/m/nvme-core.ko"}, {Name: "nvme", Path: "/m/nvme.ko"}},
		"sd_mod": {{Name: "scsi_mod", Path: "/m/scsi_mod.ko"}, {Name: "sd_mod", Path: "/m/sd_mod.ko"}},
		"sg":     {{Name: "scsi_mod", Path: "/m/scsi_mod.ko"}, {Name: "sg", Path: "/m/sg.ko"}},
		"broken": {{Name: "broken", Path: "/m/broken.ko"}},
	}[name]
	if order == nil {
		return nil, errors.New("no such module")
	}
	return order, nil
}

// Each module is loaded once, after what it stands on, however many ask for it at
// once; who asks second waits until it is there.
func TestLoaderOnce(t *testing.T) {
	var mu sync.Mutex
	var loaded []string
	var early atomic.Int32
	ready := map[string]bool{}
	l := newLoader(shelf{})
	l.there = func(string) bool { return true }
	l.load = func(path string) error {
		mu.Lock()
		if path == "/m/sd_mod.ko" && !ready["/m/scsi_mod.ko"] || path == "/m/nvme.ko" && !ready["/m/nvme-core.ko"] {
			early.Add(1)
		}
		loaded = append(loaded, path)
		mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		mu.Lock()
		ready[path] = true
		mu.Unlock()
		if path == "/m/broken.ko" || path == "/m/hwmon.ko" {
			return errors.New("bad signature")
		}
		return nil
	}
	var p paper
	j := newJournal(&p)
	l.loadAll(slices.Repeat([]string{"pci:nvme", "scsi:disk", "scsi:two", "nothing drives this", "bad"}, 20), j)
	slices.Sort(loaded)
	want := []string{"/m/broken.ko", "/m/hwmon.ko", "/m/nvme-core.ko", "/m/nvme.ko", "/m/scsi_mod.ko", "/m/sd_mod.ko", "/m/sg.ko"}
	if !slices.Equal(loaded, want) || l.count() != 7 {
		t.Errorf("loaded %v, counted %d", loaded, l.count())
	}
	if n := early.Load(); n > 0 {
		t.Errorf("%d modules were loaded before what they stand on", n)
	}
	// A module that failed is not tried again, and everybody who asks is told.
	if err := l.alias("bad"); err == nil || len(loaded) != 7 {
		t.Errorf("the broken module again: %v", err)
	}
	if err := l.module("none"); err == nil {
		t.Error("a module that is not shipped was loaded")
	}
}

// A module whose loading does not end, because a drive hangs in some probe, keeps no
// other from being loaded.
func TestLoaderGoesOn(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	l := newLoader(shelf{})
	l.there = func(string) bool { return true }
	l.wait = 20 * time.Millisecond
	var mu sync.Mutex
	loaded := 0
	l.load = func(path string) error {
		if strings.Contains(path, "scsi") {
			<-release
		}
		mu.Lock()
		defer mu.Unlock()
		loaded++
		return nil
	}
	began := time.Now()
	l.loadAll(slices.Repeat([]string{"scsi:disk", "pci:nvme", "scsi:two"}, 5), &journal{})
	mu.Lock()
	defer mu.Unlock()
	if took := time.Since(began); took > 5*time.Second || loaded == 0 {
		t.Errorf("%d modules in %s", loaded, took)
	}
}

// A module that stands on one whose init takes longer than anybody waits is loaded
// when that is at work: finit_module(2) says ENOENT where a symbol is unknown, and EBUSY
// where the kernel itself has waited for it in vain. Who has waited does not wait as long
// again, whether the kernel knows the module below or not.
func TestLoaderSlowBelow(t *testing.T) {
	for errno, there := range map[unix.Errno]bool{unix.ENOENT: true, unix.EBUSY: false} {
		l := newLoader(shelf{})
		l.there = func(string) bool { return there }
		l.wait = 20 * time.Millisecond
		release, refused, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		var below atomic.Bool
		l.load = func(path string) error {
			switch {
			case path == "/m/scsi_mod.ko":
				<-release
				below.Store(true)
			case path == "/m/sd_mod.ko" && !below.Load():
				close(refused)
				return errno
			case path == "/m/sd_mod.ko":
				close(done)
			}
			return nil
		}
		_ = l.alias("scsi:disk") // it may be told of the first try
		<-refused
		if x := l.once["scsi_mod"]; l.tooLong(0, x) || !l.tooLong(l.wait, x) {
			t.Errorf("%v: a module that was left is waited for as long again", errno)
		}
		close(release)
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatalf("%v: the module was not tried again", errno)
		}
	}
}

// A module whose file is still read and checked is waited for, though another has hung:
// the kernel does not know its symbols yet, and would say so of all that stands on it.
func TestLoaderAbsentBelow(t *testing.T) {
	l := newLoader(shelf{})
	l.wait, l.late = 2*patienceLate, true
	var below atomic.Bool
	l.there = func(string) bool { return below.Load() }
	l.load = func(path string) error {
		switch {
		case path == "/m/scsi_mod.ko":
			time.Sleep(patienceLate + patienceLate/4)
			below.Store(true)
		case !below.Load():
			t.Errorf("%s was loaded before what it stands on", path)
		}
		return nil
	}
	if err := l.alias("scsi:disk"); err != nil {
		t.Error(err)
	}
}

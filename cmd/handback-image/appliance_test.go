package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"handback.example/cmd/internal/settings"
	"handback.example/image/vmtest"
)

// The tests of appliance_*_test.go boot the image that this package builds, in
// virtual machines, and judge what became of a machine by the files on this
// computer: drives, stick and TPM. What the appliance says of itself is compared
// with that, never believed instead.

// builtImage is built once for all of them.
var builtImage = sync.OnceValues(func() (image string, err error) {
	if err := beside(); err != nil {
		return "", err
	}
	if imageDir, err = os.MkdirTemp("", "handback-image-"); err != nil {
		return "", err
	}
	var said bytes.Buffer
	if err := build(context.Background(), buildOptions{out: imageDir, kinds: []string{"stick"}}, &said); err != nil {
		return "", fmt.Errorf("%w\n%s", err, said.String())
	}
	return filepath.Join(imageDir, imageFile), nil
})

var imageDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if imageDir != "" {
		_ = os.RemoveAll(imageDir) // a rest costs room only
	}
	os.Exit(code)
}

// places: as many machines as vmtest lets run at once, so that a scenario's time
// begins when its machine can.
var places = make(chan struct{}, 2)

// scenarioTime is many times what a scenario takes alone: machines are emulated, the
// computer may be busy with other tests, and those may hold a machine first.
const scenarioTime = 15 * time.Minute

// laptop is one virtual laptop with its stick, through all of its boots.
type laptop struct {
	t   *testing.T
	ctx context.Context
	// dir is what --out is to try: stick.img, tpm/, root.pem, certificates/, spool/.
	dir, stick string
	set        settings.Settings
	esp        string // hash of the stick's boot partition before the first boot
}

// newLaptop prepares a stick by the settings of a demonstration, as change has them.
func newLaptop(t *testing.T, change func(*settings.Settings)) *laptop {
	t.Helper()
	image, err := builtImage()
	if err != nil {
		t.Fatalf("the image is not built: %v", err)
	}
	places <- struct{}{}
	t.Cleanup(func() { <-places })
	l := &laptop{t: t, dir: t.TempDir(), set: settings.Demonstration()}
	l.stick = filepath.Join(l.dir, "stick.img")
	l.set.Unattended = true
	if change != nil {
		change(&l.set)
	}
	ctx, cancel := context.WithTimeout(t.Context(), scenarioTime)
	t.Cleanup(cancel)
	l.ctx = ctx
	// What settings name lies beside them. The list has the brand of the laptop's
	// processor, and not the processor.
	for name, b := range map[string][]byte{l.set.Papers.Logo: testLogo(t), l.set.Processors: []byte("# Test, 26 November 2026\nIntel Core i5-8250U\n")} {
		if name == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(l.dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := prepareStick(ctx, tryOptions{image: image, out: l.dir, settings: filepath.Join(l.dir, settings.File)}, l.set, l.stick, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := keepRoot(l.stick, l.dir); err != nil {
		t.Fatal(err)
	}
	l.esp = partitionHash(t, l.stick, settings.ESPGUID)
	return l
}

// start boots the laptop. What is not given comes from the laptop.
func (l *laptop) start(c vmtest.Config) *vmtest.VM {
	l.t.Helper()
	c.Stick = l.stick
	if c.AssetTag == "" {
		c.AssetTag = l.set.Intake.Tag
	}
	c.SerialLog = filepath.Join(l.dir, "serial.log")
	began := time.Now()
	vm, err := vmtest.Start(l.ctx, c)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if l.t.Failed() {
			l.t.Logf("its events, then the end of the serial log:\n%s\n%s", eventLines(vm.Lines()), vm.LogTail(30))
		}
		vm.Close()
		checkQuiet(l.t, strings.Join(vm.Lines(), "\n"))
		vmtest.Figure(l.t, "on for %.0f s; by its own uptime: %s", time.Since(began).Seconds(), milestones(vm.Events()))
	})
	return vm
}

// long is for make test-long: two machines at a time are what make test has thirty
// minutes for, and what this one shows, other tests show without a machine of its own.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("HANDBACK_LONG") == "" {
		t.Skip("make test-long boots this machine")
	}
}

// eventLines of a serial log: the kernel says much between them.
func eventLines(log []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(log), func(s string) bool { return !strings.Contains(s, "handback: event") }), "\n")
}

// checkQuiet: whatever was done to a machine, none of our processes died, no module
// was refused, and the console did what it was told.
func checkQuiet(t *testing.T, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		for _, never := range []string{"engine-died", "engine-gone", "screen-died", "socket-lost", "Kernel panic", "Unknown symbol",
			"required key not available", "console font:", "no Scroll Lock:", "lock the console:"} {
			if strings.Contains(line, never) {
				t.Errorf("the log says: %s", strings.TrimSpace(line))
			}
		}
	}
}

// milestones of a visit, each with the guest's uptime in seconds.
func milestones(events []vmtest.Event) string {
	var list []string
	for _, e := range events {
		switch e.Name {
		case "first-frame", "inspected", "started", "finished", "tpm", "result", "halted", "exit", "power-off", "reboot":
			list = append(list, strings.TrimSpace(e.Name+" "+e.Values["serial"])+" "+e.Values["uptime"])
		}
	}
	return strings.Join(list, ", ")
}

// off waits until the machine has switched itself off and gives its exit code.
func (l *laptop) off(vm *vmtest.VM) int {
	l.t.Helper()
	select {
	case <-vm.Done():
	case <-time.After(stepTime):
		l.t.Fatal("the machine does not switch itself off")
	}
	if err := vm.Wait(); err != nil {
		l.t.Fatalf("the machine did not end by itself: %v", err)
	}
	v := visit{code: -1}
	for _, e := range vm.Events() {
		v.hear(e)
	}
	return v.code
}

// stepTime is the most that one step of a visit takes; what hangs is told soon.
const stepTime = 5 * time.Minute

// await an event.
func (l *laptop) await(vm *vmtest.VM, name string, match ...string) vmtest.Event {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.ctx, stepTime)
	defer cancel()
	e, err := vm.WaitEvent(ctx, name, match...)
	if err != nil {
		l.t.Fatal(err)
	}
	return e
}

// event is the last of this name that came, if any.
func event(vm *vmtest.VM, name string, match ...string) (vmtest.Event, bool) {
	return told(vm.Events(), name, match...)
}

// told is the last of these events that has this name, if any.
func told(es []vmtest.Event, name string, match ...string) (vmtest.Event, bool) {
	for i := len(es) - 1; i >= 0; i-- {
		if es[i].Is(name, match...) {
			return es[i], true
		}
	}
	return vmtest.Event{}, false
}

// halted checks that the visit was ended before anything was erased, and why.
func (l *laptop) halted(vm *vmtest.VM, why string) {
	l.t.Helper()
	if code := l.off(vm); code != 3 {
		l.t.Errorf("exit %d, want 3", code)
	}
	if e, ok := event(vm, "halted"); !ok || !strings.Contains(e.Values["why"], why) {
		l.t.Errorf("it says %q, want %q", e.Values["why"], why)
	}
	if e, ok := event(vm, "started"); ok {
		l.t.Errorf("an erasure began: %v", e)
	}
}

// logFirstFrame tells when the appliance's first screen was drawn, by the guest's own
// clock. It has only part of a core for itself here.
func logFirstFrame(t *testing.T, events []vmtest.Event) {
	t.Helper()
	for _, e := range events {
		if s, err := strconv.ParseFloat(e.Values["uptime"], 64); e.Name == "first-frame" && err == nil && s > 0 {
			vmtest.Figure(t, "first frame on %s at %.1f s of the guest's uptime", e.Values["tty"], s)
			return
		}
	}
	t.Error("no first frame was told with its uptime")
}

// mark stands all over a planted drive.
const mark = "PRIVATE-DATA-OF-A-PERSON"

// planted is a drive's file, in every sector of which perSector marks stand.
type planted struct {
	path  string
	size  int64
	marks int
}

const perSector = 9

// plant makes a drive of so many MiB. No sector of it is like another.
func (l *laptop) plant(name string, mib int64) planted {
	l.t.Helper()
	p := planted{path: filepath.Join(l.dir, name+".img"), size: mib << 20}
	p.write(l.t, 0, p.size)
	return p
}

func (p *planted) write(t *testing.T, from, n int64) {
	t.Helper()
	b := make([]byte, 0, n)
	for int64(len(b)) < n {
		at := len(b)
		b = fmt.Appendf(b, "%s %-12s %012d ", mark, filepath.Base(p.path), from+int64(at))
		b = append(b, bytes.Repeat(b[at:], perSector-1)...)
		b = append(b, bytes.Repeat([]byte{'.'}, 512-len(b)%512)...)
	}
	f, err := os.OpenFile(p.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(b, from)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	before := p.marks
	if p.marks = p.left(t); p.marks != before+perSector*int(n/512) {
		t.Fatalf("%s is not planted: %d marks", p.path, p.marks)
	}
}

// left counts the marks that are left, in what is no hole of the file.
func (p *planted) left(t *testing.T) (n int) {
	t.Helper()
	f, err := os.Open(p.path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const seekData, seekHole = 3, 4 // lseek(2)
	buf := make([]byte, 1<<20)
	for hole := int64(0); ; {
		data, err := f.Seek(hole, seekData)
		if errors.Is(err, syscall.ENXIO) {
			return n
		}
		if err == nil {
			hole, err = f.Seek(data, seekHole)
		}
		for at := data; err == nil && at < hole; {
			got := 0
			got, err = f.ReadAt(buf[:min(int64(len(buf)), hole-at)], at)
			n += bytes.Count(buf[:got], []byte(mark))
			at += int64(got)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// gone checks that nothing is left of what was planted, and that the file is what
// it was in size.
func (p *planted) gone(t *testing.T) {
	t.Helper()
	if n := p.left(t); n != 0 {
		t.Errorf("%s: %d of %d marks are left", filepath.Base(p.path), n, p.marks)
	}
	if st, err := os.Stat(p.path); err != nil || st.Size() != p.size {
		t.Errorf("%s: %v; it had %d bytes", filepath.Base(p.path), err, p.size)
	}
}

// espUntouched checks that no visit wrote a byte to the stick's boot partition.
func (l *laptop) espUntouched() {
	l.t.Helper()
	if now := partitionHash(l.t, l.stick, settings.ESPGUID); now != l.esp {
		l.t.Errorf("the stick's boot partition has changed: %s is now %s", l.esp, now)
	}
}

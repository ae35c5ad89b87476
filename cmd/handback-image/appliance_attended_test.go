package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/cmd/internal/keylock"
	"handback.example/cmd/internal/settings"
	"handback.example/image/vmtest"
	"handback.example/inspect/drive/sim"
)

// attended is a visit with a person at the machine.
type attended struct {
	*laptop
	vm      *vmtest.VM
	display *display
	line    *line
}

// shiftWords is the passphrase of the attended visit's stick.
const shiftWords = "seven green bottles"

// laptopDisk is as large as an office laptop's, with marks at both of its ends. A disk
// is checked by fewer samples than a solid state drive, which take minutes of an
// emulated machine.
const (
	diskEnd    = 16 << 20
	laptopDisk = `
[ata]
serial = "OSCAR"
model = "Example disk of a laptop"
firmware = "1"
native_sectors = 500118192
rotation = 5400
[ata.sanitize]
crypto = true
crypto_time = "1s"
[ata.smart]
hours = 1200
attributes = [
  { id = 5, flags = 0x0033, value = 100, worst = 100, threshold = 36, raw = 0 },
  { id = 197, flags = 0x0012, value = 100, worst = 100, threshold = 0, raw = 0 },
]
[sat]
descriptor_sense = true
`
)

// A person's visit by keyboard, from a stick that has to be put right three times
// and is locked to the result. The same screens are on the display and on the serial
// line.
func TestApplianceAttended(t *testing.T) {
	t.Parallel()
	const mib = 48
	l := newLaptop(t, func(s *settings.Settings) {
		s.Unattended = false
		s.Intake.Tag = ""
	})
	slow := l.plant("november", mib)
	b := &modelBench{l: l, clock: sim.NewManual()}
	disk := b.empty(laptopDisk)
	medium := disk.Model.Media()[0]
	ends := [2]int64{0, medium.Size()>>20<<20 - diskEnd}
	for _, at := range ends {
		plantRange(t, medium, at, diskEnd)
	}
	second := filepath.Join(l.dir, "second.img")
	if err := copySparse(l.ctx, second, l.stick); err != nil {
		t.Fatal(err)
	}
	secondWas := fileHash(t, second)
	good, err := readESP(l.stick, espSettings, espRoot, espKey)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := keylock.Lock(good[espKey], shiftWords)
	if err != nil {
		t.Fatal(err)
	}
	l.change(map[string][]byte{espSettings: append([]byte("colour = 'red'\n"), good[espSettings]...), espKey: locked})
	line := l.newLine()
	vm := l.start(vmtest.Config{TPM: filepath.Join(l.dir, "tpm"), AssetTag: "DEMO-0001", SecureBoot: true, MemoryMiB: 8 << 10, Sound: filepath.Join(l.dir, "sound.wav"), Screen: line, OnEvent: line.heard, Drives: []vmtest.Drive{
		{Bus: vmtest.BusSATA, Target: slow.path, BytesPerSecond: 4 << 20}, b.vhost(disk), {Bus: vmtest.BusUSB, Target: second}}})
	line.connect(vm)
	a := attended{laptop: l, vm: vm, display: l.newDisplay(vm), line: line}

	a.stickPutRight(good)
	a.unlock()
	if fileHash(t, second) != secondWas {
		t.Error("the second stick has changed")
	}
	a.intake()
	a.agree()
	stop := b.flow()
	a.erase()
	stop()
	a.result()
	if code := l.off(vm); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	if n := vm.Reboots(); n != 0 {
		t.Errorf("the machine started again %d times", n)
	}
	heardTones(t, filepath.Join(l.dir, "sound.wav"))
	slow.gone(t)
	for _, at := range ends {
		if n := marksIn(t, medium, at, diskEnd); n != 0 {
			t.Errorf("%d marks are left from byte %d of OSCAR on", n, at)
		}
	}
	a.records()
}

// change writes files onto the stick's boot partition, as a supervisor would.
func (l *laptop) change(files map[string][]byte) {
	l.t.Helper()
	if err := seed(l.stick, files); err != nil {
		l.t.Fatal(err)
	}
	l.esp = partitionHash(l.t, l.stick, settings.ESPGUID)
}

func (a *attended) press(keys ...string) {
	a.t.Helper()
	if err := a.vm.SendKey(a.ctx, keys...); err != nil {
		a.t.Fatal(err)
	}
}

func (a *attended) types(text string) {
	a.t.Helper()
	if err := a.vm.Type(a.ctx, text); err != nil {
		a.t.Fatal(err)
	}
}

// both screens show these words. A page that has just come up takes no keys: they
// may have been meant for the one before.
func (a *attended) both(words ...string) {
	a.t.Helper()
	a.display.sees(words...)
	a.line.sees(words...)
	time.Sleep(time.Second)
}

// nothing of this name comes in a while.
func (a *attended) nothing(event string, match ...string) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.ctx, 1500*time.Millisecond)
	defer cancel()
	if e, err := a.vm.WaitEvent(ctx, event, match...); err == nil {
		a.t.Fatalf("that must not be: %v", e)
	}
}

// ways that lead out of other systems, or into their insides.
func (a *attended) noWayOut() {
	a.t.Helper()
	for _, k := range []string{"ctrl-alt-delete", "ctrl-c", "ctrl-z", "ctrl-d", "alt-f2", "ctrl-alt-f3", "alt-right",
		"alt-sysrq-b", "alt-sysrq-e", "alt-sysrq-o", "alt-sysrq-k", "ctrl-alt-backspace", "scroll_lock", "pause"} {
		a.press(k)
	}
}

// stickPutRight: two sticks in the machine, a setting that is not known, a root
// that is missing. Each is said with what to do, and nothing is taken for it.
func (a *attended) stickPutRight(good map[string][]byte) {
	a.t.Helper()
	stopped := func(why string) {
		a.t.Helper()
		e := a.await(a.vm, "halted")
		if !strings.Contains(e.Values["why"], why) {
			a.t.Errorf("it says %q, want %q", e.Values["why"], why)
		}
		a.both("Nothing was erased")
	}
	again := func(do func()) {
		a.t.Helper()
		if err := a.vm.Pull(a.ctx); err != nil {
			a.t.Fatal(err)
		}
		do()
		if err := a.vm.Return(a.ctx); err != nil {
			a.t.Fatal(err)
		}
		a.press("r")
	}
	stopped("More than one disk")
	a.display.shot("two-sticks")
	if err := a.vm.Unplug(a.ctx, 2); err != nil {
		a.t.Fatal(err)
	}
	a.press("r")
	stopped(`unknown setting "colour"`)
	again(func() {
		a.change(map[string][]byte{espSettings: good[espSettings]})
		tool(a.t, "mdel", "-i", a.stick+"@@1M", "::"+espRoot)
	})
	stopped("root.pem")
	again(func() { a.change(map[string][]byte{espRoot: good[espRoot]}) })
}

// unlock: the passphrase is asked for before anything else, and is on no screen.
func (a *attended) unlock() {
	a.t.Helper()
	a.await(a.vm, "stage", "name=unlock")
	a.both("This stick is locked")
	a.display.shot("unlock")
	a.types("eight green bottles\n")
	a.await(a.vm, "wrong-passphrase")
	a.display.sees("That is not the passphrase")
	a.types(shiftWords)
	a.display.sees(strings.Repeat("*", len(shiftWords)))
	a.types("\n")
	a.await(a.vm, "unlocked")
	a.await(a.vm, "stage", "name=intake")
	if e, ok := event(a.vm, "started"); ok {
		a.t.Errorf("an erasure began: %v", e)
	}
}

func (a *attended) intake() {
	a.t.Helper()
	a.both("DEMONSTRATION", "Scan the asset label", "EX14-000412")
	a.display.shot("first")
	a.noWayOut()
	a.press("ret")
	a.nothing("intake")
	a.types("DEMO-0001\n")
	a.await(a.vm, "intake", "tag=DEMO-0001")
	a.both("This is what the machine says", "NOVEMBER", "OSCAR")
	a.display.shot("check")
}

// agree: the gate opens to the machine's own label and to nothing else.
func (a *attended) agree() {
	a.t.Helper()
	a.press("ret")
	a.await(a.vm, "stage", "name=agree")
	a.both("There is no undo", "NOVEMBER", "OSCAR")
	a.display.shot("agree")
	a.press("ret", "ret", "spc", "ret")
	a.nothing("started")
	a.types("WRONG-0009\n")
	a.display.sees("WRONG-0009", "this machine is DEMO-0001")
	a.nothing("started")
	a.line.types("DEMO-0002\r")
	a.line.sees("DEMO-0002", "this machine is DEMO-0001")
	a.nothing("started")
	a.press("esc")
	a.await(a.vm, "stage", "name=check")
	a.both("This is what the machine says")
	a.press("ret")
	a.await(a.vm, "stage", "name=agree")
	a.both("There is no undo")
	a.types("DEMO-0001\n")
	a.await(a.vm, "started", "serial=NOVEMBER")
	a.await(a.vm, "started", "serial=OSCAR")
}

// erase: progress is shown; meanwhile the bench's questions are answered, and the parts
// that a person can try are tried.
func (a *attended) erase() {
	a.t.Helper()
	a.both("ERASING", "Questions: 0 of")
	a.display.shot("progress")
	a.noWayOut()
	a.press("esc") // Pause is F1 to a terminal: help is open
	a.pause(time.Second)
	a.questions()
	a.await(a.vm, "finished", "serial=NOVEMBER", "verdict=sanitised")
	a.await(a.vm, "finished", "serial=OSCAR", "verdict=sanitised")
}

// questions are answered with their first choice, after what a person can try was tried.
func (a *attended) questions() {
	a.t.Helper()
	tries := map[string]func(){"Is the picture even": a.tryScreen, "Does every key write": a.tryKeyboard, "Do the touchpad and its buttons": a.tryTouchpad,
		"hold and light up in each USB port": a.tryPorts, "Do the left and the right speaker": a.trySpeakers}
	over := func() bool {
		_, papers := event(a.vm, "stage", "name=papers")
		return papers || strings.Contains(a.line.text(), "all done")
	}
	for n := 0; a.asks(n, over); n++ {
		shown := a.display.text()
		for ask, try := range tries {
			if strings.Contains(shown, ask) {
				try()
				delete(tries, ask)
			}
		}
		// A second press would answer the next one.
		a.pressUntil("1", "the answer", func() bool { return over() || a.answered() > n })
	}
	for ask := range tries {
		a.t.Errorf("%q was not asked", ask)
	}
}

// asks waits for the question after n answers, on the display: the line's own page keeps
// to the question that was answered here. After the last answer there is none.
func (a *attended) asks(n int, over func() bool) bool {
	a.t.Helper()
	for range 300 {
		switch {
		case over():
			return false
		case strings.Contains(a.display.text(), fmt.Sprintf("Questions: %d of", n)):
			return true
		}
		a.pause(200 * time.Millisecond)
	}
	a.t.Fatalf("no question comes after %d answers:\n%s", n, a.display.text())
	return false
}

// answered questions, by the log: a screen may be late.
func (a *attended) answered() (n int) {
	for _, e := range a.vm.Events() {
		if e.Is("answered") {
			n++
		}
	}
	return n
}

func (a *attended) result() {
	a.t.Helper()
	e := a.await(a.vm, "result")
	a.t.Logf("result: %v", e)
	a.both("2 of 2 drives sanitised", "TPM cleared", "erasure.pdf")
	a.display.shot("result")
	if e.Values["word"] != "PASS" || e.Values["code"] != "0" {
		a.t.Errorf("the result is %v:\n%s", e, a.line.text())
	}
	time.Sleep(time.Second) // the result takes keys even later
	a.press("ret")
	a.await(a.vm, "exit")
}

func (a *attended) records() {
	a.t.Helper()
	v := a.takeOne()
	if s := v.summary; s.Verdict != certs.Sanitised || s.Sanitised != 2 || s.TPMResult != certs.TPMCleared || s.Intake.Tag != "DEMO-0001" ||
		s.Intake.Role != "technician" || s.Intake.Generated || s.Consent == nil || s.Consent.Who != "demo" {
		a.t.Errorf("the records say %s, %d sanitised, TPM %s, %+v, %+v", s.Verdict, s.Sanitised, s.TPMResult, s.Intake, s.Consent)
	}
	asked := 0
	for _, q := range v.summary.Tests {
		if q.Kind != certs.TestOperator {
			continue
		}
		if asked++; q.Answer == "not-tested" || q.Who != "demo" {
			a.t.Errorf("question %s was answered %q by %q", q.Question, q.Answer, q.Who)
		}
	}
	if asked < 5 {
		a.t.Errorf("%d questions were answered", asked)
	}
	a.triedOnRecord(v)
	a.measured(v)
	kinds := []string{"erasure", "disposal"}
	if v.summary.Route == certs.RouteHold {
		kinds[1] = "hold"
	}
	a.genuine(v, kinds...)
	if !slices.Contains(certs.Routes[:4], v.summary.Route) {
		a.t.Errorf("the route is %s: %v, %+v", v.summary.Route, v.summary.Graded.Hold, v.summary.Graded.Inputs)
	}
	a.freshTPM(v)
	a.espUntouched()
	fsckData(a.t, a.stick)
}

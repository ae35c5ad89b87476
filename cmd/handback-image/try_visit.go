package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"handback.example/cmd/internal/settings"
	"handback.example/image/vmtest"
)

// runVisit starts the machine and stays until it is off. Without a machine the
// visit is nil.
func runVisit(ctx context.Context, o tryOptions, set settings.Settings, stick string, stdin *os.File, stdout io.Writer) (*visit, error) {
	events := make(chan vmtest.Event, 4096)
	cfg := vmtest.Config{
		Stick: stick, Drives: o.drives, SecureBoot: o.secureBoot, AssetTag: set.Intake.Tag,
		SerialLog: filepath.Join(o.out, "serial.log"), MemoryMiB: guestMemory("/proc/meminfo"),
		OnEvent: func(e vmtest.Event) {
			select {
			case events <- e:
			default: // thousands unread: nothing that follows is waiting for one more
			}
		},
		Say: func(s string) { fmt.Fprintln(stdout, s) },
	}
	cfg.Variables = filepath.Join(o.out, variablesFile(o.secureBoot))
	if o.tpm {
		cfg.TPM = filepath.Join(o.out, "tpm")
	}
	var t *terminal
	if !o.headless {
		t = openTerminal(stdin, stdout)
	}
	interactive := t != nil
	cfg.PressF12 = !interactive
	switch {
	case interactive:
		cfg.Screen = t
	case !o.headless:
		fmt.Fprintln(stdout, "this is not a terminal: going on without a screen and without keys")
	}
	if !interactive && !set.Unattended {
		fmt.Fprintln(stdout, "nobody can answer the machine's questions: give --unattended to let it go the whole way by itself")
	}
	fmt.Fprintln(stdout, "starting the virtual laptop: its first screen takes about 20 s")
	vm, err := vmtest.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer vm.Close()
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	if interactive {
		if err := t.start(vm, leave); err != nil {
			return nil, err
		}
		defer t.close()
	}
	f := follower{vm: vm, visit: &visit{code: -1}, shot: filepath.Join(o.out, "screen.png"), terminal: t, out: stdout, began: time.Now()}
	return f.visit, f.follow(ctx, events)
}

// variablesFile holds what the laptop's firmware keeps. With Secure Boot and without
// are two laptops: the one has keys.
func variablesFile(secureBoot bool) string {
	if secureBoot {
		return "firmware-secure.fd"
	}
	return "firmware.fd"
}

// guestMemory of the virtual laptop in MiB: what an office laptop has, where this
// computer can spare that, so that a demonstration can end as one would.
func guestMemory(meminfo string) int {
	const office, least = 8 << 10, 1 << 10
	b, err := os.ReadFile(meminfo)
	if err != nil {
		return least
	}
	for line := range strings.Lines(string(b)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 && kib>>10 >= office+office/2 {
			return office
		}
	}
	return least
}

// follower stays with the machine: it hears events, takes pictures, and ends a
// machine in which nothing happens any more.
type follower struct {
	vm       *vmtest.VM
	visit    *visit
	shot     string
	terminal *terminal // nil: nobody is there
	out      io.Writer
	began    time.Time

	snapAt time.Time // when the next picture is due
	moved  int64     // bytes on the drives at the last look
	sign   time.Time // the last sign of life
}

// settle is what the screen needs to draw what an event tells of.
const settle = 700 * time.Millisecond

func (f *follower) follow(ctx context.Context, events <-chan vmtest.Event) error {
	f.sign = time.Now()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	look := time.NewTicker(10 * time.Second)
	defer look.Stop()
	for {
		select {
		case e := <-events:
			f.heard(ctx, e)
		case <-tick.C:
			if !f.snapAt.IsZero() && time.Now().After(f.snapAt) {
				f.snap(ctx)
			}
			if f.terminal != nil {
				f.terminal.waiting(time.Since(f.began))
			}
		case <-look.C:
			f.watch(ctx)
		case <-ctx.Done():
			f.visit.left = true
			f.vm.Close()
			f.drain(events)
			return nil
		case <-f.vm.Done():
			f.drain(events)
			return f.vm.Wait()
		}
	}
}

// drain hears what was told before the machine went off.
func (f *follower) drain(events <-chan vmtest.Event) {
	for {
		select {
		case e := <-events:
			f.tell(e)
		default:
			return
		}
	}
}

// tell takes an event into account and, where no screen is shown, says it.
func (f *follower) tell(e vmtest.Event) {
	f.visit.hear(e)
	f.sign = time.Now()
	if f.terminal == nil {
		fmt.Fprintf(f.out, "%4.0f s  %s\n", time.Since(f.began).Seconds(), e)
	}
}

func (f *follower) heard(ctx context.Context, e vmtest.Event) {
	f.tell(e)
	if f.terminal != nil {
		f.terminal.booted(e.Name)
	}
	switch {
	case e.Name == "exit":
		f.snap(ctx) // the machine may go off at once
	case f.visit.code >= 0:
		f.snapAt = time.Time{} // the result is being taken off the screen
	default:
		f.snapAt = time.Now().Add(settle)
	}
}

// snap takes a picture of the display. One that fails costs the picture only.
func (f *follower) snap(ctx context.Context) {
	f.snapAt = time.Time{}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_ = f.vm.Screendump(ctx, f.shot) // the earlier picture stays
}

// watch ends a machine whose kernel gave up or in which nothing happens.
func (f *follower) watch(ctx context.Context) {
	if f.vm.Panicked() {
		go f.vm.End(errors.New("the machine's kernel gave up (panic): look into serial.log"))
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if n, err := f.vm.DriveBytes(ctx); err == nil && n != f.moved {
		f.moved, f.sign = n, time.Now()
	}
	if f.terminal != nil && f.terminal.lastKey().After(f.sign) {
		f.sign = f.terminal.lastKey()
	}
	if time.Since(f.sign) > patience {
		go f.vm.End(fmt.Errorf("for %.0f minutes there was no event, no key and nothing read or written: the machine was ended; look into serial.log", patience.Minutes()))
	}
}

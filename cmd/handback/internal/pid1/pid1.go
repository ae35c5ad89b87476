package pid1

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// Main is PID 1 of the booted image. It doesn't return.
func Main() int {
	// PID 1 heeds no signal; a Go program that isn't told would die of them, and
	// the kernel with it. Notify, not Ignore: what it starts must not inherit that.
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE, unix.SIGUSR1, unix.SIGUSR2, unix.SIGPWR)
	var early []error
	for _, m := range mounts {
		early = append(early, m.do())
	}
	early = append(early, harden()...)
	log := newJournal(serialLog())
	log.event("pid1")
	for _, err := range early {
		if err != nil {
			log.printf("%v", err)
		}
	}
	go log.followKernel()
	a := &appliance{log: log, children: newNursery(), console: newConsole(log), pids: map[string]int{}}
	a.console.lock()
	if err := makeScreenRoot(); err != nil {
		log.printf("%v", err)
	}
	// The screens first: finding hardware takes its time.
	for _, t := range terminals {
		if present(t.name) {
			a.ended.Add(1)
			go a.runScreen(t.name, t.term)
		}
	}
	go a.hardware()
	code := a.runEngine()
	if code < 0 {
		a.engineGone()
	}
	a.down(code)
	return 1
}

// engineGone tells people when the engine can't be kept alive. What a drive does
// by itself goes on; nothing new is begun.
func (a *appliance) engineGone() {
	a.log.event("engine-gone")
	a.endScreens()
	a.console.say("HANDBACK HAS STOPPED WORKING ON THIS MACHINE.",
		"This machine is not finished. Do not call its drives erased.",
		"Hold the power button until it is off. Keep the machine and the stick together.",
		"Ask your supervisor.")
	wait()
}

// serialLog opens ttyS0 at 115200 baud. Without one the log goes nowhere.
func serialLog() io.Writer {
	f, err := os.OpenFile("/dev/ttyS0", os.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return io.Discard
	}
	if t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err == nil {
		t.Cflag = unix.B115200 | unix.CS8 | unix.CREAD | unix.CLOCAL
		t.Oflag = unix.OPOST | unix.ONLCR
		t.Lflag = 0 // what comes in is not echoed
		t.Ispeed, t.Ospeed = unix.B115200, unix.B115200
		_ = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, t)
	}
	// The boot loader left off in mid-line; an event stands at the start of one.
	_, _ = io.WriteString(f, "\n")
	return f
}

// hardware loads what the machine's devices need, now and when more come. However
// it ends, the engine is told that there is nothing more to wait for.
func (a *appliance) hardware() {
	defer func() {
		if err := os.WriteFile(HardwareReady, nil, 0o644); err != nil {
			a.log.printf("%v", err)
		}
	}()
	index, err := readIndex(modulesIndex)
	if err != nil {
		a.log.printf("%v", err)
		return
	}
	l := newLoader(index)
	// Listen before looking, so that nothing falls in between.
	events, err := openUevents()
	if err != nil {
		a.log.printf("%v", err)
	} else {
		go a.hotplug(events, l)
	}
	a.loadNow(l)
	for _, name := range always {
		if err := l.module(name); err != nil {
			a.log.printf("%v", err)
		}
	}
	if err := efivars.do(); err != nil {
		a.log.printf("%v", err)
	}
}

func (a *appliance) loadNow(l *loader) {
	aliases := coldplug("/sys/devices")
	l.loadAll(aliases, a.log)
	a.log.event("modules", "aliases", len(aliases), "modules", l.count())
}

// hotplug loads on the events of later devices, side by side with each other.
func (a *appliance) hotplug(events *ueventSocket, l *loader) {
	aliases := make(chan string, 4096)
	defer close(aliases)
	for range loaders {
		go func() {
			for alias := range aliases {
				if err := l.alias(alias); err != nil {
					a.log.printf("%s: %v", alias, err)
				}
			}
		}()
	}
	for {
		u, err := events.next()
		switch {
		case errors.Is(err, errLost):
			go a.loadNow(l)
			continue
		case err != nil:
			a.log.printf("%v", fmt.Errorf("device events: %w", err))
			return
		}
		if u.subsystem == "graphics" && u.action == "add" {
			// The driver tells of its frame buffer before the console stands on it.
			go func() { time.Sleep(300 * time.Millisecond); a.console.refresh() }()
		}
		if u.action == "add" && u.modalias != "" {
			aliases <- u.modalias
		}
	}
}

// Package platform is what is done to a machine besides its drives and its TPM. It
// puts it to sleep for a moment before the erasure, so that its drives lose their power.
//
// Most firmware freezes the security and sanitize features of SATA drives before
// anything is started from them (ACS-4, SECURITY FREEZE LOCK, SANITIZE FREEZE LOCK
// EXT); a drive forgets that when its power is cut, and sleep in memory (ACPI S3)
// cuts it while the machine goes on afterwards where it was. Some firmware freezes
// drives again on the way back: nothing is believed but the drives' own word
// afterwards.
//
// Afterwards it takes out what a former owner has left in the firmware: boot entries
// and variables of their systems, and an asset tag; exactly those that a plan names, as
// they were seen when it was made.
//
// It writes to /sys/class/rtc and /sys/power (Documentation/admin-guide/pm/
// sleep-states.rst, Documentation/ABI/testing/sysfs-class-rtc), to efivarfs
// (Documentation/filesystems/efivarfs.rst) and to firmware settings
// (Documentation/ABI/testing/sysfs-class-firmware-attributes), and to nothing else.
package platform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"handback.example/inspect"
)

// Machine whose files stand under Root.
type Machine struct {
	Root string // empty: this machine
	// Mains and Batteries as they were read last: a machine that is about to run empty
	// is not put to sleep.
	Mains     inspect.Fact[bool]
	Batteries []inspect.Battery
	// For is how long it sleeps, whole seconds; 0: long enough to fall asleep in, for an
	// alarm that goes off before wakes nothing.
	For time.Duration
}

// ErrCannot is wrapped by errors that say why this machine is not put to sleep:
// nothing was done.
var ErrCannot = errors.New("this machine can't be put to sleep")

// ErrAwake: it was told to sleep and did not.
var ErrAwake = errors.New("the machine did not fall asleep")

const (
	asleep = 8 * time.Second
	// batteryMin is the charge in percent below which it must hang on the mains.
	batteryMin = 15
)

const (
	powerState  = "/sys/power/state"
	memSleep    = "/sys/power/mem_sleep"
	wakeupCount = "/sys/power/wakeup_count"
	successes   = "/sys/power/suspend_stats/success"
	clocks      = "/sys/class/rtc"
)

// Suspend puts the machine to sleep in memory and returns when its clock has woken
// it. A nil error says that the kernel was down and up again: not that any drive is
// free.
func (m Machine) Suspend(ctx context.Context) error {
	if err := m.allowed(); err != nil {
		return err
	}
	alarm, err := m.clock()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	before, counted := m.count()
	if err := m.write(memSleep, "deep"); err != nil && m.has(memSleep) {
		return cannot("its kernel refuses the sleep that cuts the drives' power", err)
	}
	if err := m.wakeAfter(alarm, m.sleep()); err != nil {
		return err
	}
	if err := m.write(powerState, "mem"); err != nil {
		_ = m.write(alarm, "0")
		return fmt.Errorf("%w: %w", ErrAwake, err)
	}
	if after, ok := m.count(); counted && ok && after <= before {
		return fmt.Errorf("%w: its kernel counts no sleep", ErrAwake)
	}
	return nil
}

func cannot(why string, err error) error {
	if err == nil {
		return fmt.Errorf("%w: %s", ErrCannot, why)
	}
	return fmt.Errorf("%w: %s: %w", ErrCannot, why, err)
}

// allowed: the machine has the sleep that is meant, and power enough.
func (m Machine) allowed() error {
	states, err := m.read(powerState)
	switch {
	case err != nil:
		return cannot("its kernel offers no sleep", err)
	case !slices.Contains(strings.Fields(states), "mem"):
		return cannot("its kernel offers no sleep in memory", nil)
	}
	// Without the file there is only one kind. 's2idle' leaves the drives their power.
	if kinds, err := m.read(memSleep); err == nil && !slices.Contains(strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(kinds)), "deep") {
		return cannot("its firmware offers only a sleep that leaves the drives their power", nil)
	}
	if m.Mains.Known && m.Mains.Value || len(m.Batteries) == 0 {
		return nil
	}
	for _, b := range m.Batteries {
		if b.ChargePct.Known && b.ChargePct.Value >= batteryMin {
			return nil
		}
	}
	return cannot("its battery is nearly empty, or does not say how full it is: plug the power lead in", nil)
}

// clock that can wake the machine: its alarm's file.
func (m Machine) clock() (string, error) {
	names, err := os.ReadDir(filepath.Join(m.Root, clocks))
	if err != nil {
		return "", cannot("it has no clock that could wake it", err)
	}
	for _, n := range names {
		if alarm := filepath.Join(clocks, n.Name(), "wakealarm"); m.has(alarm) {
			return alarm, nil
		}
	}
	return "", cannot("its clock can't wake it", nil)
}

func (m Machine) sleep() time.Duration {
	if m.For <= 0 {
		return asleep
	}
	return max(m.For, time.Second)
}

// wakeAfter sets the alarm. Once the count of wake-ups is written, the kernel gives
// a sleep up that the alarm has overtaken: else it would sleep until somebody comes.
func (m Machine) wakeAfter(alarm string, d time.Duration) error {
	if m.has(wakeupCount) {
		n, err := m.read(wakeupCount)
		if err == nil {
			err = m.write(wakeupCount, n)
		}
		if err != nil {
			return cannot("something keeps it awake", err)
		}
	}
	// An alarm that is set refuses another.
	if err := m.write(alarm, "0"); err != nil {
		return cannot("its clock can't wake it", err)
	}
	if err := m.write(alarm, "+"+strconv.Itoa(int(d/time.Second))); err != nil {
		return cannot("its clock can't wake it", err)
	}
	if set, err := m.read(alarm); err != nil || set == "" {
		return cannot("its clock takes no alarm", err)
	}
	return nil
}

// count of the sleeps that succeeded since the start.
func (m Machine) count() (n int, ok bool) {
	s, err := m.read(successes)
	if err != nil {
		return 0, false
	}
	n, err = strconv.Atoi(s)
	return n, err == nil
}

func (m Machine) has(name string) bool {
	_, err := os.Stat(filepath.Join(m.Root, name))
	return err == nil
}

func (m Machine) read(name string) (string, error) {
	b, err := os.ReadFile(filepath.Join(m.Root, name))
	return strings.TrimSpace(string(b)), err
}

// write to a file that is there; sysfs takes a text in one piece.
func (m Machine) write(name, text string) error {
	f, err := os.OpenFile(filepath.Join(m.Root, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

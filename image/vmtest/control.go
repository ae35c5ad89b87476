package vmtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// WaitEvent waits for an event with this name and all of these 'key=value'
// pairs. One that came before counts, unless a WaitEvent has had it already: so
// two drives may be waited for in any order, and a second boot's events are told
// from the first's.
func (vm *VM) WaitEvent(ctx context.Context, name string, match ...string) (Event, error) {
	return vm.serial.waitEvent(ctx, name, match)
}

// WaitText waits until a line of the serial log holds text.
func (vm *VM) WaitText(ctx context.Context, text string) error {
	return vm.serial.waitText(ctx, text)
}

// Panicked tells whether the guest's kernel has given up.
func (vm *VM) Panicked() bool {
	vm.serial.mu.Lock()
	defer vm.serial.mu.Unlock()
	for _, l := range vm.serial.lines {
		if strings.Contains(l, "Kernel panic - not syncing") {
			return true
		}
	}
	return false
}

// Events that have come.
func (vm *VM) Events() []Event {
	vm.serial.mu.Lock()
	defer vm.serial.mu.Unlock()
	return slices.Clone(vm.serial.events)
}

// Lines of the serial log, whole ones.
func (vm *VM) Lines() []string {
	vm.serial.mu.Lock()
	defer vm.serial.mu.Unlock()
	return slices.Clone(vm.serial.lines)
}

// LogTail is the end of the serial log, cleaned for a terminal.
func (vm *VM) LogTail(lines int) string { return vm.serial.tail(lines) }

// LastEvent is when the newest event came, or when the machine was started.
func (vm *VM) LastEvent() time.Time {
	vm.serial.mu.Lock()
	defer vm.serial.mu.Unlock()
	return vm.serial.alive
}

// Reboots that the guest asked for.
func (vm *VM) Reboots() int {
	vm.mu.Lock()
	defer vm.mu.Unlock()
	return vm.reboots
}

// PID of QEMU, for tests that kill it.
func (vm *VM) PID() int { return vm.qemu.cmd.Process.Pid }

// Write is typed on the screen's serial line (ttyS1).
func (vm *VM) Write(p []byte) (int, error) { return vm.screen.Write(p) }

// SendKey presses keys on the laptop's keyboard, one after the other, in QEMU's
// names: 'ret', 'f12', 'ctrl-c'.
func (vm *VM) SendKey(ctx context.Context, keys ...string) error {
	type key struct {
		Type string `json:"type"`
		Data string `json:"data"`
	}
	for _, k := range keys {
		var chord []key
		for _, part := range strings.Split(k, "-") {
			chord = append(chord, key{"qcode", part})
		}
		const hold = 30 // ms
		if err := vm.mon.do(ctx, "send-key", map[string]any{"keys": chord, "hold-time": hold}, nil); err != nil {
			return err
		}
		// The keyboard controller holds 16 bytes: a person is no faster.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * hold * time.Millisecond):
		}
	}
	return nil
}

// Type types text on the laptop's keyboard (US layout).
func (vm *VM) Type(ctx context.Context, text string) error {
	for _, r := range text {
		k, ok := keyOf(r)
		if !ok {
			return fmt.Errorf("there is no key for %q", r)
		}
		if err := vm.SendKey(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// MovePointer moves the laptop's pointing device, in its own counts, and Click presses
// and lets go one of its buttons: 'left', 'right'.
func (vm *VM) MovePointer(ctx context.Context, dx, dy int) error {
	return vm.sendInput(ctx, inputEvent{"rel", map[string]any{"axis": "x", "value": dx}}, inputEvent{"rel", map[string]any{"axis": "y", "value": dy}})
}

func (vm *VM) Click(ctx context.Context, button string) error {
	for _, down := range []bool{true, false} {
		if err := vm.sendInput(ctx, inputEvent{"btn", map[string]any{"down": down, "button": button}}); err != nil {
			return err
		}
	}
	return nil
}

// inputEvent as QMP's input-send-event takes it.
type inputEvent struct {
	Type string         `json:"type"`
	Data map[string]any `json:"data"`
}

func (vm *VM) sendInput(ctx context.Context, events ...inputEvent) error {
	return vm.mon.do(ctx, "input-send-event", map[string]any{"events": events}, nil)
}

// keyOf is QEMU's name of the key for a character on a US keyboard
// (qapi/ui.json, QKeyCode).
func keyOf(r rune) (string, bool) {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		return string(r), true
	case r >= 'A' && r <= 'Z':
		return "shift-" + string(r-'A'+'a'), true
	}
	k, ok := map[rune]string{
		' ': "spc", '\n': "ret", '\t': "tab", '-': "minus", '_': "shift-minus", '=': "equal", '+': "shift-equal",
		'.': "dot", ',': "comma", '/': "slash", '?': "shift-slash", ';': "semicolon", ':': "shift-semicolon",
		'\'': "apostrophe", '"': "shift-apostrophe", '\\': "backslash", '*': "shift-8", '(': "shift-9", ')': "shift-0",
		'!': "shift-1", '@': "shift-2", '#': "shift-3", '%': "shift-5", '&': "shift-7",
	}[r]
	return k, ok
}

// Screendump writes what the laptop's display shows as a PNG, over what was
// there, and only when it is whole.
func (vm *VM) Screendump(ctx context.Context, path string) error {
	tmp, err := filepath.Abs(path + ".new")
	if err != nil {
		return err
	}
	defer removeAll(tmp)
	if err := vm.mon.do(ctx, "screendump", map[string]any{"filename": tmp, "format": "png"}, nil); err != nil {
		return err
	}
	b, err := os.ReadFile(tmp)
	if err != nil {
		return err
	}
	// PNG, clause 5.2: a file begins with these eight bytes; IEND is its last chunk.
	if !bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")) || !bytes.Contains(b[max(0, len(b)-12):], []byte("IEND")) {
		return fmt.Errorf("the display's picture is not whole: %d bytes", len(b))
	}
	return os.Rename(tmp, path)
}

// Pull takes the stick out, with no word to the guest before.
func (vm *VM) Pull(ctx context.Context) error { return vm.unplug(ctx, "the stick", stickID) }

// Unplug takes a drive on USB out, by its place among Config.Drives.
func (vm *VM) Unplug(ctx context.Context, drive int) error {
	return vm.unplug(ctx, "the drive", usbID(drive))
}

func (vm *VM) unplug(ctx context.Context, what, id string) error {
	gone := make(chan struct{})
	vm.mu.Lock()
	vm.deleting, vm.deleted = id, gone
	vm.mu.Unlock()
	if err := vm.mon.do(ctx, "device_del", map[string]string{"id": id}, nil); err != nil {
		return fmt.Errorf("pull %s: %w", what, err)
	}
	select {
	case <-gone:
		return nil
	case <-vm.done:
		return errGone
	case <-ctx.Done():
		return fmt.Errorf("pull %s: %w", what, ctx.Err())
	}
}

// Return puts the stick back.
func (vm *VM) Return(ctx context.Context) error {
	if err := vm.mon.do(ctx, "device_add", stickDevice(), nil); err != nil {
		return fmt.Errorf("put the stick back: %w", err)
	}
	return nil
}

// Insert puts another stick in, whose image is path.
func (vm *VM) Insert(ctx context.Context, path string) error {
	const id = "stick2"
	block, device := stickBlock(path, false), stickDevice()
	block["node-name"] = id
	device["id"], device["drive"], device["serial"] = id, id, "HANDBACK-STICK-2"
	delete(device, "port") // the first one has it
	delete(device, "bootindex")
	if err := vm.mon.do(ctx, "blockdev-add", block, nil); err != nil {
		return fmt.Errorf("open another stick: %w", err)
	}
	if err := vm.mon.do(ctx, "device_add", device, nil); err != nil {
		return fmt.Errorf("put another stick in: %w", err)
	}
	return nil
}

// PlugMouse puts a mouse into a free USB port, and UnplugMouse pulls it out.
func (vm *VM) PlugMouse(ctx context.Context) error {
	if err := vm.mon.do(ctx, "device_add", map[string]string{"driver": "usb-mouse", "bus": "xhci.0", "id": mouseID}, nil); err != nil {
		return fmt.Errorf("plug a mouse in: %w", err)
	}
	return nil
}

func (vm *VM) UnplugMouse(ctx context.Context) error { return vm.unplug(ctx, "the mouse", mouseID) }

const mouseID = "mouse"

// PowerButton presses the laptop's power button.
func (vm *VM) PowerButton(ctx context.Context) error {
	return vm.mon.do(ctx, "system_powerdown", nil, nil)
}

// DriveBytes is how much the guest has read and written on its drives and stick:
// it grows for as long as an overwrite goes on.
func (vm *VM) DriveBytes(ctx context.Context) (int64, error) {
	var stats []struct {
		Stats struct {
			Read    int64 `json:"rd_bytes"`
			Written int64 `json:"wr_bytes"`
		} `json:"stats"`
	}
	if err := vm.mon.do(ctx, "query-blockstats", nil, &stats); err != nil {
		return 0, err
	}
	var n int64
	for _, s := range stats {
		n += s.Stats.Read + s.Stats.Written
	}
	return n, nil
}

// asks tells whether the firmware waits for F12. It writes through a terminal
// driver, which may put escape sequences between the words.
func asks(b []byte) bool {
	return bytes.Contains(reEscape.ReplaceAll(b, nil), []byte(physicalPresence))
}

// pressF12 once for each question, from a goroutine of its own: the serial line
// must not wait for the monitor.
func (vm *VM) pressF12() {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		select {
		case <-vm.done:
		case <-time.After(500 * time.Millisecond): // it prints the question before it listens
			_ = vm.SendKey(ctx, "f12") // a machine that has ended needs no answer
		}
	}()
}

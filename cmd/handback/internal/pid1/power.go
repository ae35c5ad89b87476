package pid1

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// down ends the machine's work and switches it off, or starts it again.
func (a *appliance) down(code int) {
	what, cmd := "power-off", unix.LINUX_REBOOT_CMD_POWER_OFF
	if code == ExitReboot {
		what, cmd = "reboot", unix.LINUX_REBOOT_CMD_RESTART
	}
	a.endScreens()
	a.console.say("")
	unix.Sync()
	for _, at := range stickMounts() {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			a.log.printf("unmount %s: %v", at, err)
		}
	}
	unix.Sync()
	a.log.event(what)
	a.log.flush(2 * time.Second)
	time.Sleep(100 * time.Millisecond) // the serial line's own buffer
	if err := unix.Reboot(cmd); err != nil {
		a.log.printf("%s: %v", what, err)
	}
	a.console.say("Switch this machine off now.")
	wait()
}

// stickMounts are mounts of disks, which only an engine that was killed leaves.
func stickMounts() []string {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil
	}
	var list []string
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[0], "/dev/") {
			list = append(list, f[1])
		}
	}
	return list
}

// wait for ever: PID 1 must not end.
func wait() { select {} }

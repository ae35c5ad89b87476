package pid1

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// mount is one file system of the kernel's.
type mount struct {
	kind, at string
	flags    uintptr
	data     string
	optional bool
}

const plain = unix.MS_NOSUID | unix.MS_NOEXEC

var mounts = []mount{
	{"proc", "/proc", plain | unix.MS_NODEV, "hidepid=2", false},
	{"sysfs", "/sys", plain | unix.MS_NODEV, "", false},
	{"devtmpfs", "/dev", plain, "mode=0755", false},
	{"tmpfs", "/run", plain | unix.MS_NODEV, "mode=0755,size=64m", false},
	{"tmpfs", "/tmp", plain | unix.MS_NODEV, "mode=0700,size=256m", false},
	{"securityfs", "/sys/kernel/security", plain | unix.MS_NODEV, "", true}, // tells of lockdown
}

// efivars is for reading; package wipe/platform mounts it anew, writable, while it
// removes what a former owner left. Its driver may be a module, and a machine started
// by BIOS has none.
var efivars = mount{"efivarfs", "/sys/firmware/efi/efivars", plain | unix.MS_NODEV | unix.MS_RDONLY, "", true}

func (m mount) do() error {
	if err := os.MkdirAll(m.at, 0o755); err != nil && !m.optional {
		return fmt.Errorf("mount %s: %w", m.at, err)
	}
	err := unix.Mount(m.kind, m.at, m.kind, m.flags, m.data)
	if err == nil || errors.Is(err, unix.EBUSY) || m.optional {
		return nil
	}
	return fmt.Errorf("mount %s: %w", m.at, err)
}

// sysctls that shut what nobody at a bench needs.
var sysctls = []struct{ name, value string }{
	{"kernel/sysrq", "0"},
	{"kernel/ctrl-alt-del", "0"},
	{"kernel/kptr_restrict", "2"},
	{"kernel/dmesg_restrict", "1"},
	{"kernel/yama/ptrace_scope", "3"},
	{"kernel/unprivileged_bpf_disabled", "1"},
	{"user/max_user_namespaces", "0"},
	{"dev/tty/ldisc_autoload", "0"},
	{"fs/suid_dumpable", "0"},
}

// harden sets what the kernel has of sysctls, and takes Ctrl-Alt-Del from the
// keyboard (reboot(2)): the kernel then sends SIGINT, which PID 1 doesn't heed.
func harden() []error {
	var bad []error
	for _, s := range sysctls {
		err := os.WriteFile(filepath.Join("/proc/sys", s.name), []byte(s.value), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			bad = append(bad, fmt.Errorf("set %s: %w", s.name, err))
		}
	}
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF); err != nil {
		bad = append(bad, fmt.Errorf("take Ctrl-Alt-Del from the keyboard: %w", err))
	}
	return bad
}

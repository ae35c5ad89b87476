package pid1

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// screenRoot is all that a screen sees of the file system: this program and the
// engine's socket.
const screenRoot = "/screen"

// makeScreenRoot builds it, unwritable, in memory. It holds no device, no /proc
// and no /sys.
func makeScreenRoot() error {
	steps := []error{
		os.MkdirAll(screenRoot, 0o755),
		unix.Mount("tmpfs", screenRoot, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=64k"),
		os.Mkdir(filepath.Join(screenRoot, "run"), 0o755),
		os.WriteFile(filepath.Join(screenRoot, program), nil, 0o755),
		bind(program, filepath.Join(screenRoot, program), unix.MS_NOSUID|unix.MS_NODEV),
		bind("/run", filepath.Join(screenRoot, "run"), unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC),
		unix.Mount("", screenRoot, "", unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""),
	}
	if err := errors.Join(steps...); err != nil {
		return fmt.Errorf("root of the screens: %w", err)
	}
	return nil
}

// bind mounts read-only; the second call sets what a bind mount ignores at first
// (mount(2)). A socket can be used on a read-only mount.
func bind(from, to string, flags uintptr) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return unix.Mount("", to, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags, "")
}

// terminals on which a screen runs, and what they are called to programs. The
// serial line's other end is some user's terminal: 'xterm' says what all of them
// understand.
var terminals = []struct{ name, term string }{
	{TTYConsole, "linux"},
	{TTYSerial, "xterm"},
}

// present tells whether a terminal has hardware: the kernel shows serial lines
// that the machine hasn't got (type 0, PORT_UNKNOWN of linux/serial_core.h).
func present(tty string) bool {
	if _, err := os.Stat("/dev/" + tty); err != nil {
		return false
	}
	b, err := os.ReadFile(filepath.Join("/sys/class/tty", tty, "type"))
	return err != nil || strings.TrimSpace(string(b)) != "0"
}

// startScreen starts one screen: a session of its own on its terminal, no root
// but screenRoot, no network, no privileges and none to be had.
func startScreen(n *nursery, tty, term string, log *os.File) (int, <-chan unix.WaitStatus, error) {
	f, err := os.OpenFile("/dev/"+tty, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	attr := &os.ProcAttr{
		Dir:   "/",
		Env:   []string{"TERM=" + term, EnvTTY + "=" + tty, "LANG=C.UTF-8", "HOME=/", "PATH=/"},
		Files: []*os.File{f, f, log},
		Sys: &syscall.SysProcAttr{
			Chroot: screenRoot, Setsid: true, Setctty: true, Ctty: 0,
			Credential: &syscall.Credential{Uid: ScreenUID, Gid: ScreenGID, Groups: []uint32{}},
			Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWIPC,
		},
	}
	return n.start(func() (*os.Process, error) {
		p, err := startWithoutPrivileges(program, []string{"handback", ScreenCommand}, attr)
		if err == nil {
			limit(p.Pid)
		}
		return p, err
	})
}

// startWithoutPrivileges starts from a thread that has given up new privileges
// (prctl(2), PR_SET_NO_NEW_PRIVS is inherited): the thread ends with its
// goroutine, so that nothing else is started from it.
func startWithoutPrivileges(path string, args []string, attr *os.ProcAttr) (*os.Process, error) {
	type result struct {
		p   *os.Process
		err error
	}
	c := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // never unlocked
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			c <- result{nil, err}
			return
		}
		p, err := os.StartProcess(path, args, attr)
		c <- result{p, err}
	}()
	r := <-c
	return r.p, r.err
}

// limit what a screen can use up. One that is gone already needs none.
func limit(pid int) {
	for what, n := range map[int]uint64{unix.RLIMIT_NPROC: 64, unix.RLIMIT_NOFILE: 64, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0, unix.RLIMIT_MEMLOCK: 0} {
		_ = unix.Prlimit(pid, what, &unix.Rlimit{Cur: n, Max: n}, nil)
	}
	setOOM(pid, "500")
}

// setOOM: a screen is given up before the engine is (proc(5), oom_score_adj).
func setOOM(pid int, score string) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte(score), 0)
}

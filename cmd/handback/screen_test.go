package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/pid1"
	"handback.example/cmd/handback/internal/wire"
)

// starting is an engine that has nothing to show yet.
type starting struct{}

func (starting) View() wire.View      { return wire.View{Revision: 1, Stage: wire.StageStarting} }
func (starting) Do(wire.Intent) error { return nil }

// The screen as PID 1 starts it: unprivileged, in a root that holds the program and
// the engine's socket and nothing else, on a terminal of its own.
func TestScreenProcess(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can change the root directory")
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(root, "init"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l, err := wire.Listen(filepath.Join(root, wire.SocketPath), pid1.ScreenGID)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { defer close(served); _ = wire.Serve(ctx, l, starting{}) }()
	t.Cleanup(func() { cancel(); <-served })
	for _, tty := range []string{pid1.TTYConsole, pid1.TTYSerial} {
		t.Run(tty, func(t *testing.T) { screenOn(t, root, tty) })
	}
}

// log keeps what a process says on standard error.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func screenOn(t *testing.T, root, name string) {
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	go func() { _, _ = io.Copy(io.Discard, master) }()
	var errs log
	c := &exec.Cmd{Path: "/init", Args: []string{"handback", pid1.ScreenCommand}, Dir: "/", Stdin: tty, Stdout: tty, Stderr: &errs,
		Env: []string{"TERM=linux", pid1.EnvTTY + "=" + name, "LANG=C.UTF-8", "HOME=/", "PATH=/"},
		SysProcAttr: &syscall.SysProcAttr{Chroot: root, Setsid: true, Setctty: true, Ctty: 0,
			Credential: &syscall.Credential{Uid: pid1.ScreenUID, Gid: pid1.ScreenGID}}}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_ = tty.Close()
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	want := eventlog.Prefix + pid1.FirstFrameEvent + " tty=" + name + " uptime="
	for end := time.Now().Add(30 * time.Second); !strings.Contains(errs.String(), want); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			_ = c.Process.Kill()
			t.Fatalf("no first frame: %s", errs.String())
		}
	}
	// No key and no other signal ends it; PID 1 does.
	if _, err := io.WriteString(master, "\x03\x1c\x1a\x04q"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		t.Fatalf("a key ended the screen: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("told to end: %v: %s", err, errs.String())
		}
	case <-time.After(10 * time.Second):
		_ = c.Process.Kill()
		t.Error("the screen doesn't end")
	}
}

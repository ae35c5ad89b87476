package pid1

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// reaperEnv makes the test program a parent as PID 1 is one: a nursery waits for
// every child there is, so it needs a process of its own.
const reaperEnv = "HANDBACK_TEST_REAPER"

func TestMain(m *testing.M) {
	if os.Getenv(reaperEnv) != "" {
		if err := reaper(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestReaper(t *testing.T) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), reaperEnv+"=1")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := strings.TrimSpace(string(out)); got != "exit 0, exit 7, signal SIGKILL -1, no such program, no zombies" {
		t.Errorf("the reaper: %s", got)
	}
}

func reaper() error {
	// Orphans come to this process as they do to PID 1.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	n := newNursery()
	var ends []string
	for _, script := range []string{"(sleep 0.2; exit 3) & exit 0", "exit 7", "kill -9 $$"} {
		_, end, err := n.start(func() (*os.Process, error) {
			return os.StartProcess("/bin/sh", []string{"sh", "-c", script}, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
		})
		if err != nil {
			return err
		}
		select {
		case s := <-end:
			how, code := describeEnd(s)
			ends = append(ends, fmt.Sprint(how, " ", code))
		case <-time.After(20 * time.Second):
			return fmt.Errorf("the end of %q was not told", script)
		}
	}
	if _, _, err := n.start(func() (*os.Process, error) { return os.StartProcess("/no/such/program", nil, &os.ProcAttr{}) }); err == nil {
		return fmt.Errorf("a program that isn't there was started")
	}
	ends = append(ends, "no such program")
	for end := time.Now().Add(20 * time.Second); len(children()) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("not reaped: %v", children())
		}
	}
	fmt.Println(strings.Join(append(ends, "no zombies"), ", "))
	return nil
}

// children of this process, dead ones too (proc(5), stat: state and parent).
func children() (list []string) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	me := fmt.Sprint(os.Getpid())
	for _, s := range stats {
		b, err := os.ReadFile(s)
		if err != nil {
			continue
		}
		if f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]); len(f) > 1 && string(f[1]) == me {
			list = append(list, string(b))
		}
	}
	return list
}

// Statuses as wait(2) encodes them.
func TestDescribeEnd(t *testing.T) {
	for status, want := range map[unix.WaitStatus]string{0x0000: "exit 0", 0x0a00: "exit 10", 0x0b00: "exit 11", 0x0200: "exit 2",
		0x0009: "signal SIGKILL -1", 0x008b: "signal SIGSEGV -1", 0x000f: "signal SIGTERM -1"} {
		how, code := describeEnd(status)
		if got := fmt.Sprint(how, " ", code); got != want {
			t.Errorf("%04x: %s, want %s", uint32(status), got, want)
		}
	}
}

// atStart is what this process was before any of its threads gave up privileges:
// the first thread, which this file shows, may be the one.
var atStart, errAtStart = os.ReadFile("/proc/self/status")

// A screen can't get privileges; whoever starts it keeps what it has.
func TestStartWithoutPrivileges(t *testing.T) {
	if errAtStart != nil {
		t.Fatal(errAtStart)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := startWithoutPrivileges("/bin/grep", []string{"grep", "NoNewPrivs", "/proc/self/status"}, &os.ProcAttr{Files: []*os.File{nil, w, os.Stderr}})
	_ = w.Close()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := out.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(out.String()), " "); got != "NoNewPrivs: 1" {
		t.Errorf("the child says %q", got)
	}
	b, err := exec.Command("/bin/grep", "NoNewPrivs", "/proc/self/status").Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(strings.Fields(string(b)), " "); !strings.Contains(strings.Join(strings.Fields(string(atStart)), " "), want) {
		t.Errorf("another child of the same process says %q", want)
	}
}

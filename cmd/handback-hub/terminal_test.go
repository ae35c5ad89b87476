package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"handback.example/cmd/internal/keylock"
)

// typed runs a command at a terminal of the kernel, where a person types lines, each
// when the prompt for it stands there. It gives what the terminal shows.
func typed(t *testing.T, args []string, lines ...string) (code int, shown string) {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	screen := make(chan string)
	go func() {
		var all bytes.Buffer
		buf := make([]byte, 1024)
		for {
			n, err := master.Read(buf)
			all.Write(buf[:n])
			// A prompt ends with ': '; echo is off by then.
			if len(lines) > 0 && strings.HasSuffix(all.String(), ": ") {
				time.Sleep(50 * time.Millisecond)
				if _, err := io.WriteString(master, lines[0]+"\n"); err != nil {
					break
				}
				lines = lines[1:]
			}
			if err != nil {
				break
			}
		}
		screen <- all.String()
	}()
	var out bytes.Buffer
	code = run(args, &console{in: tty, out: &out, err: tty, now: time.Now})
	if err := tty.Close(); err != nil {
		t.Fatal(err)
	}
	return code, out.String() + <-screen
}

func TestPassphraseAtTerminal(t *testing.T) {
	const words = "quiet lamp on the hill"
	dir := filepath.Join(t.TempDir(), "hub")
	for _, c := range []struct {
		name  string
		args  []string
		lines []string
		code  int
		want  string
	}{
		{"two that differ", []string{"init", "--data", dir, "--name", "North", "--passphrase"}, []string{words, words + "s"}, exitNotDone, "the two differ: nothing was made"},
		{"one that is short", []string{"init", "--data", dir, "--name", "North", "--passphrase"}, []string{"abc"}, exitNotDone, "too short"},
		{"set", []string{"init", "--data", dir, "--name", "North", "--passphrase"}, []string{words, words}, exitDone, "hub \"North\""},
		{"wrong", []string{"enrol", "--data", dir, "--stick", "S01", "--out", dir + "-s"}, []string{"another lamp"}, exitNotDone, "that is not the passphrase"},
		{"right", []string{"enrol", "--data", dir, "--stick", "S01", "--out", dir + "-s"}, []string{words}, exitDone, "stick S01"},
	} {
		code, shown := typed(t, c.args, c.lines...)
		if code != c.code || !strings.Contains(shown, c.want) {
			t.Errorf("%s: exit %d, want %d; the terminal shows\n%s", c.name, code, c.code, shown)
		}
		if strings.Contains(shown, "lamp") {
			t.Errorf("%s: the terminal shows the passphrase:\n%s", c.name, shown)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, rootKey)); err != nil || !keylock.Locked(b) {
		t.Errorf("the root's key is not locked: %v", err)
	}
}

package serialtty

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

func TestTakeAnswers(t *testing.T) {
	for _, c := range []struct {
		in, keys, rest string
		columns, rows  int
	}{
		{"abc", "abc", "", 0, 0},
		{"a\x1b[24;80Rb", "ab", "", 80, 24},
		{"\x1b[24;80R\x1b[50;132R", "", "", 132, 50},
		{"x\x1b[24;8", "x", "\x1b[24;8", 0, 0},
		{"\x1b", "", "\x1b", 0, 0},
		{"\x1b[A\x1b[24;80R", "\x1b[A", "", 80, 24},
		{"\x1b[1;5R", "\x1b[1;5R", "", 0, 0},                   // Ctrl-F3
		{"\x1b[15~\x1bOP", "\x1b[15~\x1bOP", "", 0, 0},         // F5, F1
		{"\x1b[;80R\x1b[24;R", "\x1b[;80R\x1b[24;R", "", 0, 0}, // no numbers
		{"\x1b\x1b[30;90R", "\x1b", "", 90, 30},                // Escape, then an answer
		{"\x1b[9999;9999R", "", "", 0, 0},                      // no size that anybody has
		{"\x1b[123456;80R", "\x1b[123456;80R", "", 0, 0},
	} {
		keys, rest, columns, rows := takeAnswers([]byte(c.in))
		if string(keys) != c.keys || string(rest) != c.rest || columns != c.columns || rows != c.rows {
			t.Errorf("%q: keys %q, rest %q, %dx%d", c.in, keys, rest, columns, rows)
		}
	}
}

// terminal is a pty whose far end answers as a terminal of a size would.
func terminal(t *testing.T) (far, near *os.File) {
	t.Helper()
	far, near, err := pty.Open()
	if err != nil {
		t.Fatalf("no pseudo terminal: %v", err)
	}
	t.Cleanup(func() { _ = far.Close(); _ = near.Close() })
	return far, near
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(r, b); err != nil || string(b) != want {
		t.Fatalf("read %q, %v; want %q", b, err, want)
	}
}

func waitSize(t *testing.T, f *os.File, columns, rows uint16) {
	t.Helper()
	var s *unix.Winsize
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var err error
		if s, err = unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && s.Col == columns && s.Row == rows {
			return
		}
	}
	t.Fatalf("size is %+v, want %dx%d", s, columns, rows)
}

func TestKeepSize(t *testing.T) {
	far, near := terminal(t)
	in, err := KeepSize(context.Background(), near)
	if err != nil {
		t.Fatal(err)
	}
	waitSize(t, near, 80, 24)
	expect(t, far, "\x1b7\x1b[999;999H\x1b[6n\x1b8")
	for _, part := range []string{"k", "\x1b[43;1", "32Re"} { // an answer that the line cut in two
		if _, err := io.WriteString(far, part); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	expect(t, in, "ke")
	waitSize(t, near, 132, 43)
	start := time.Now()
	if _, err := io.WriteString(far, "\x1b"); err != nil {
		t.Fatal(err)
	}
	expect(t, in, "\x1b")
	if d := time.Since(start); d > time.Second {
		t.Errorf("Escape took %v", d)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if _, err := in.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after Close: %v", err)
	}
}

// FuzzTakeAnswers: no key is lost or made up, however the line cuts the bytes.
func FuzzTakeAnswers(f *testing.F) {
	f.Add([]byte("a\x1b[24;80Rb\x1b"), 3)
	f.Add([]byte("\x1b[1;5R\x1b[A"), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		whole, rest, _, _ := takeAnswers(b)
		whole = append(whole, rest...)
		cut = min(max(cut, 0), len(b))
		first, held, _, _ := takeAnswers(b[:cut])
		second, rest, _, _ := takeAnswers(append(append([]byte(nil), held...), b[cut:]...))
		if parts := append(append(first, second...), rest...); !bytes.Equal(parts, whole) {
			t.Errorf("cut at %d of %q: %q, as a whole %q", cut, b, parts, whole)
		}
	})
}

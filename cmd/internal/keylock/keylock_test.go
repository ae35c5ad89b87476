package keylock_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"

	"handback.example/cmd/internal/keylock"
)

const passphrase = "four words of a shift"

func locked(t testing.TB) []byte {
	t.Helper()
	b, err := keylock.Lock([]byte("a key"), passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpen(t *testing.T) {
	b := locked(t)
	if !keylock.Locked(b) || keylock.Locked([]byte("-----BEGIN PRIVATE KEY-----\n")) || bytes.Contains(b, []byte("a key")) {
		t.Fatalf("a locked key is\n%s", b)
	}
	if key, err := keylock.Open(b, passphrase); err != nil || string(key) != "a key" {
		t.Errorf("%q, %v", key, err)
	}
	for _, wrong := range []string{"", "Four words of a shift", passphrase + " "} {
		if key, err := keylock.Open(b, wrong); !errors.Is(err, keylock.ErrWrong) || key != nil {
			t.Errorf("%q opens it: %q, %v", wrong, key, err)
		}
	}
}

// What no passphrase opens must not send a person to try one after the other.
func TestDamaged(t *testing.T) {
	b := locked(t)
	// A file to an X25519 key, of the age format's own test vectors (C2SP CCTV, x25519).
	other := "-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBURWlGMHlweXIrYnB2Y3FY\n-----END AGE ENCRYPTED FILE-----\n"
	for name, in := range map[string][]byte{
		"nothing":            nil,
		"an open key":        []byte("-----BEGIN PRIVATE KEY-----\n"),
		"half of it":         b[:len(b)/2],
		"more behind":        append(b[:len(b):len(b)], "x"...),
		"for another's key":  []byte(other),
		"without its ending": b[:len(b)-4],
	} {
		if key, err := keylock.Open(in, passphrase); !errors.Is(err, keylock.ErrDamaged) || key != nil {
			t.Errorf("%s: %q, %v", name, key, err)
		}
	}
}

func TestCheck(t *testing.T) {
	for p, want := range map[string]string{
		passphrase:               "",
		"Rain-7, rain-8.":        "",
		"elevenchars":            "too short",
		"":                       "too short",
		strings.Repeat("a", 101): "too long",
		"pounds £ and dollars":   "lies elsewhere on other keyboards",
		"me@example of a mail":   "lies elsewhere",
		"ŵ is on a Welsh board":  "lies elsewhere",
		"a tab\tin the midst of": "lies elsewhere",
		" a space before it":     "begins or ends with a space",
	} {
		err := keylock.Check(p)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", p, err, want)
		}
		if err == nil {
			continue
		}
		if _, err := keylock.Lock([]byte("a key"), p); err == nil {
			t.Errorf("%q locks a key", p)
		}
	}
}

func TestReadFile(t *testing.T) {
	for in, want := range map[string]string{
		passphrase: passphrase, passphrase + "\n": passphrase, passphrase + "\r\n": passphrase,
		"": "", "\n": "", "two\nlines": "", passphrase + "\n\n": "",
	} {
		name := filepath.Join(t.TempDir(), "p")
		if err := os.WriteFile(name, []byte(in), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := keylock.ReadFile(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%q gives %q, %v", in, got, err)
		}
	}
	if _, err := keylock.ReadFile(filepath.Join(t.TempDir(), "gone")); err == nil {
		t.Error("a file that is not there gives a passphrase")
	}
}

// The age command opens what was locked here, and what it locks is opened here. It
// asks at a terminal.
func TestAgeAgrees(t *testing.T) {
	if _, err := exec.LookPath("age"); err != nil {
		t.Fatal("age is not installed: .ci/setup test installs it")
	}
	dir := t.TempDir()
	key, open, again := filepath.Join(dir, "stick.key"), filepath.Join(dir, "open"), filepath.Join(dir, "again")
	if err := os.WriteFile(key, locked(t), 0o600); err != nil {
		t.Fatal(err)
	}
	age(t, 1, "--decrypt", "--output", open, key)
	if b, err := os.ReadFile(open); err != nil || string(b) != "a key" {
		t.Errorf("age gives %q, %v", b, err)
	}
	age(t, 2, "--passphrase", "--armor", "--output", again, open)
	b, err := os.ReadFile(again)
	if err != nil || !keylock.Locked(b) {
		t.Fatalf("age locks it as %q, %v", b, err)
	}
	if b, err = keylock.Open(b, passphrase); err != nil || string(b) != "a key" {
		t.Errorf("what age has locked opens as %q, %v", b, err)
	}
}

// age runs, and somebody types the passphrase so many times.
func age(t *testing.T, times int, args ...string) {
	t.Helper()
	cmd := exec.Command("age", args...)
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	if _, err := tty.WriteString(strings.Repeat(passphrase+"\n", times)); err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(tty) // ends with an error of the kernel's when age does
	if err := cmd.Wait(); err != nil {
		t.Fatalf("age: %v\n%s", err, said)
	}
}

func FuzzOpen(f *testing.F) {
	b := locked(f)
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.Equal(in, b) {
			return
		}
		if key, err := keylock.Open(in, "another one than that"); err == nil || key != nil {
			t.Errorf("opened: %q", key)
		}
	})
}

// BenchmarkOpen is what one try costs: about a second is wanted on a slow bench.
func BenchmarkOpen(b *testing.B) {
	in := locked(b)
	for b.Loop() {
		if _, err := keylock.Open(in, passphrase); err != nil {
			b.Fatal(err)
		}
	}
}

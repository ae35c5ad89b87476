package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/exit"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

func stateAt(t *testing.T, path string) *stick.Dir {
	t.Helper()
	d, err := stick.NewDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The key is made once, whoever comes first, and nobody else can read it.
func TestDemonstrationSigner(t *testing.T) {
	dir := t.TempDir()
	names := make(chan string, 8)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := demonstrationSigner(context.Background(), stateAt(t, dir))
			if err != nil {
				t.Error(err)
				return
			}
			names <- s.Stick
		})
	}
	wg.Wait()
	close(names)
	first := <-names
	for n := range names {
		if n != first {
			t.Errorf("two keys in one state directory: %s and %s", first, n)
		}
	}
	file := filepath.Join(dir, demonstrationKey)
	i, err := os.Stat(file)
	if err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", i.Mode(), err)
	}
	if s, err := demonstrationSigner(context.Background(), stateAt(t, t.TempDir())); err != nil || s.Stick == first || s.Class != sign.Demonstrating {
		t.Errorf("another state directory: %v, %v", s.Stick, err)
	}
	// A key that is damaged is neither used nor replaced.
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{b[:len(b)-200], nil, []byte("words")} {
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := demonstrationSigner(context.Background(), stateAt(t, dir)); err == nil || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("a damaged key: %v", err)
		}
		if there, err := os.ReadFile(file); err != nil || !bytes.Equal(there, bad) {
			t.Errorf("it was replaced: %v", err)
		}
	}
}

// One key, many folders, at the same time: no number twice.
func TestNumbersOfManyFolders(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, err := demonstrationSigner(ctx, stateAt(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			st := numbered{Store: stateAt(t, filepath.Join(dir, fmt.Sprint("out", i))), state: stateAt(t, dir)}
			b, err := evidence.Begin(ctx, st, s, certs.Intake{Operator: "op"}, evidence.Now)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if seen[b.Visit()] {
				t.Errorf("%s twice", b.Visit())
			}
			seen[b.Visit()] = true
		})
	}
	wg.Wait()
	for n := range 6 {
		if name := fmt.Sprintf("%s-%06d", s.Stick, n+1); !seen[name] {
			t.Errorf("%s is missing among %v", name, seen)
		}
	}
}

// Stopped while it looks around: nothing was destroyed.
func TestWipeStoppedBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	o := wipeOptions{json: true, paths: []string{"/dev/loop-none"}, serials: []string{"X"}}
	res := runWipe(ctx, o, streams{&out, &errs})
	if err := res.print(o, streams{&out, &errs}); err != nil {
		t.Fatal(err)
	}
	if res.code != exit.Stopped || !strings.Contains(out.String(), `"verdict": "interrupted"`) || !strings.Contains(errs.String(), "before anything was erased") {
		t.Errorf("code %d: %s%s", res.code, out.String(), errs.String())
	}
}

// The command never counts better than the paper says.
func TestCounted(t *testing.T) {
	o := wipe.Outcome{Drive: wipe.DrivePlan{Identity: drive.Identity{Serial: "A1"}}, Verdict: wipe.Sanitised, Level: wipe.LevelClear}
	medium := func(serial string, v certs.Verdict, l certs.Level) certs.Summary {
		return certs.Summary{Media: []certs.Medium{{Drive: certs.Drive{Serial: serial}, Verdict: v, Level: l}}}
	}
	for name, c := range map[string]struct {
		s    certs.Summary
		want wipe.Verdict
	}{
		"the same":         {medium("A1", certs.Sanitised, certs.LevelClear), wipe.Sanitised},
		"denied":           {medium("A1", certs.Unverified, certs.LevelNone), wipe.Unverified},
		"another level":    {medium("A1", certs.Sanitised, certs.LevelPurge), wipe.Unverified},
		"another drive":    {medium("A2", certs.Sanitised, certs.LevelClear), wipe.Unverified},
		"nothing recorded": {certs.Summary{}, wipe.Unverified},
	} {
		if got := counted(o, c.s, wipe.LevelClear); got.Verdict != c.want {
			t.Errorf("%s: %s, want %s", name, got.Verdict, c.want)
		}
	}
	o.Verdict = wipe.Failed
	if got := counted(o, medium("A1", certs.Sanitised, certs.LevelClear), wipe.LevelClear); got.Verdict != wipe.Failed {
		t.Errorf("a failed drive counts as %s", got.Verdict)
	}
}

func TestRootIsNotReplaced(t *testing.T) {
	ctx, out := context.Background(), stateAt(t, t.TempDir())
	a, err := demonstrationSigner(ctx, stateAt(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := demonstrationSigner(ctx, stateAt(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := putRoot(ctx, out, a); err != nil {
			t.Fatal(err)
		}
	}
	if err := putRoot(ctx, out, b); err == nil {
		t.Error("another key's root was replaced")
	}
	if there, err := out.Read(ctx, "root.pem"); err != nil || !bytes.Equal(there, sign.CertPEM(a.Root)) {
		t.Errorf("root.pem: %v", err)
	}
	if _, err := out.Read(ctx, demonstrationKey); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the key lies beside the papers: %v", err)
	}
}

// On a terminal one line is written over; it never grows longer than the terminal.
func TestProgress(t *testing.T) {
	newProgress(io.Discard).draw([]wipe.Status{{Name: "A"}}) // no terminal: nothing to see
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 60}); err != nil {
		t.Fatal(err)
	}
	p := newProgress(tty)
	p.draw([]wipe.Status{{Name: "A", Phase: wipe.PhaseErasing, Done: 45, Total: 100, BytesPerS: 142e6, EtaLow: 90 * time.Second, EtaHigh: 2 * time.Minute}})
	p.draw([]wipe.Status{{Name: "A", Phase: wipe.PhaseVerifying, Done: 1, Total: 3, Share: 0.5}}) // a sample is counted by its places
	p.draw([]wipe.Status{{Name: "A", Phase: wipe.PhaseDone, Outcome: &wipe.Outcome{Verdict: wipe.Failed}}, {Name: "B", Phase: wipe.PhaseErasing, Stalled: true},
		{Name: "C", Phase: wipe.PhaseVerifying, Done: 1, Total: 3, BytesPerS: 99e6, EtaLow: time.Hour, EtaHigh: 2 * time.Hour}})
	p.end()
	_ = tty.Close()
	var got strings.Builder
	_, _ = io.Copy(&got, master) // EIO at the end: the other side is closed
	want := "\r\x1b[KA erasing 45 % 142 MB/s, 1m30s to 2m0s to go" +
		"\r\x1b[KA verifying 50 %" +
		"\r\x1b[KA failed | B erasing, stalled | C verifying 33 % 99 MB/s..." + "\r\x1b[K"
	if got.String() != want {
		t.Errorf("terminal shows %q\nwant            %q", got.String(), want)
	}
}

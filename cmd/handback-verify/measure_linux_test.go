package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
)

// high is the highest resident size of a process so far, in KiB (proc(5), VmHWM). What
// wait4 says would count this test's own, too.
func high(pid int) (kib int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0 // it has ended
	}
	_, after, _ := strings.Cut(string(b), "VmHWM:")
	_, _ = fmt.Sscan(after, &kib)
	return kib
}

// strangersVisit has as many records as a file takes.
func strangersVisit(t *testing.T, f *certs.Facts) []byte {
	t.Helper()
	stick, _ := certstest.Keys(sign.Demonstrating)
	v := certstest.New(stick, 412).Add(certstest.Intake())
	at := certs.At(certstest.Start, certs.SourceRTC, time.Minute)
	for size := 0; size < maxPaper-2<<20; {
		b, err := v.Chain.Append(certs.Record{Kind: certs.KindFacts, At: at, Facts: f})
		check(t, err)
		size += len(b)
	}
	return certs.JoinEnvelopes(v.Envelopes())
}

// The whole program stays under 64 MB, whatever it is given: many papers, a large
// file, a large file in an archive. What it takes for a paper is written to FIGURES.
func TestMemory(t *testing.T) {
	d := newDesk(t)
	program := filepath.Join(t.TempDir(), "handback-verify")
	build := exec.Command("go", "build", "-trimpath", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const copies = 300
	good, err := os.ReadFile(filepath.Join(d.dir, "good.pdf"))
	check(t, err)
	for i := range copies {
		d.write(fmt.Sprintf("many/%d.pdf", i), good)
	}
	d.write("large/zeros.json", append([]byte(`{"payloadType":`), make([]byte, maxPaper-100)...))
	d.write("large/zeros.pdf", append([]byte("%PDF-1.7\n"), make([]byte, maxPaper-100)...))
	d.write("large/zeros.html", append([]byte("<!DOCTYPE html>\n"), make([]byte, maxPaper-100)...))
	// A stranger's visits, as large as a file may be.
	for i, facts := range []*certs.Facts{{Notes: make([]string, 4096)}, {Drives: make([]certs.Drive, 2000)}} {
		b := strangersVisit(t, facts)
		for n := range 3 {
			d.write(fmt.Sprintf("strange/%d-%d.json", n, i), b)
		}
	}
	run := func(want int, args ...string) (cpu time.Duration, peak int) {
		t.Helper()
		c := exec.Command(program, append([]string{"--root", "root.pem"}, args...)...)
		c.Dir, c.Env = d.dir, append(os.Environ(), "GOMAXPROCS=16")
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		check(t, c.Start())
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		for {
			select {
			case <-ended: // its code is looked at below
				if got := c.ProcessState.ExitCode(); got != want {
					t.Fatalf("%v: exit %d, want %d\n%.2000s", args, got, want, out.String())
				}
				if peak == 0 {
					t.Fatalf("%v: it was over before it was looked at", args)
				}
				return c.ProcessState.UserTime() + c.ProcessState.SystemTime(), peak
			case <-time.After(2 * time.Millisecond):
				peak = max(peak, high(c.Process.Pid))
			}
		}
	}
	if _, peak := run(exitNotGenuine, "large", "huge.pdf", "bomb.zip", "many"); peak > 64<<10 {
		t.Errorf("with large files: %d KiB", peak)
	}
	if _, peak := run(exitNotGenuine, "strange"); peak > 64<<10 {
		t.Errorf("with a stranger's visits: %d KiB", peak)
	}
	// One file more than is judged, told in full.
	var lots bytes.Buffer
	z := zip.NewWriter(&lots)
	for i := range maxFiles + 1 {
		_, err := z.Create(fmt.Sprintf("%d.pdf", i))
		check(t, err)
	}
	check(t, z.Close())
	d.write("lots.zip", lots.Bytes())
	if _, peak := run(exitNotGenuine, "--json", "lots.zip"); peak > 64<<10 {
		t.Errorf("%d files: %d KiB", maxFiles, peak)
	}
	cpu, peak := run(exitGenuine, "many")
	if peak > 64<<10 {
		t.Errorf("%d papers: %d KiB", copies, peak)
	}
	if path := os.Getenv("FIGURES"); path != "" {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		check(t, err)
		defer f.Close()
		fmt.Fprintf(f, "handback-verify: %.1f ms of one processor for a paper, at most %d MB\n", float64(cpu.Microseconds())/copies/1000, peak>>10)
	}
}

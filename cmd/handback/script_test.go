package main

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
	"handback.example/certs/verify"
)

// marker is what a planted disk is full of; a trace of it is a false 'erased'.
const marker = "PRIVATE-DATA-OF-A-PERSON"

// exits CODE program args...: the program ends with exactly that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit %d, want %d", got, want)
	}
}

// object VERDICT: standard output is exactly one JSON object with that verdict.
func object(ts *testscript.TestScript, neg bool, args []string) {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	var o map[string]any
	ts.Check(dec.Decode(&o))
	if dec.More() {
		ts.Fatalf("more than one object on standard output")
	}
	if o["verdict"] != args[0] {
		ts.Fatalf("verdict %v, want %s", o["verdict"], args[0])
	}
}

// plant FILE MIB: a disk image full of markers, with a file system's first bytes.
func plant(ts *testscript.TestScript, neg bool, args []string) {
	mib, err := strconv.Atoi(args[1])
	ts.Check(err)
	b := bytes.Repeat([]byte(marker+" "), mib<<20/(len(marker)+1)+1)[:mib<<20]
	binary.LittleEndian.PutUint16(b[1024+56:], 0xef53)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// sparse FILE MIB: a file with nothing in it.
func sparse(ts *testscript.TestScript, neg bool, args []string) {
	mib, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), nil, 0o600))
	ts.Check(os.Truncate(ts.MkAbs(args[0]), mib<<20))
}

// clean FILE: no marker is left. '! clean FILE': all of them are.
func clean(ts *testscript.TestScript, neg bool, args []string) {
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	n, full := bytes.Count(b, []byte("PRIVATE-DATA")), len(b)/(len(marker)+1)
	if !neg && n > 0 {
		ts.Fatalf("%d traces are left", n)
	}
	if neg && n < full-10 {
		ts.Fatalf("only %d of %d traces are left: something was written", n, full)
	}
}

// loop VAR FILE [SECTOR]: a loop device on FILE, its path in $VAR; detached when
// the script ends.
func loop(ts *testscript.TestScript, neg bool, args []string) {
	set := []string{"-f", "--show"}
	if len(args) > 2 {
		set = append(set, "-b", args[2])
	}
	out, err := exec.Command("losetup", append(set, ts.MkAbs(args[1]))...).Output()
	ts.Check(err)
	dev := strings.TrimSpace(string(out))
	ts.Setenv(args[0], dev)
	ts.Defer(func() { _ = exec.Command("losetup", "-d", dev).Run() })
}

// mounted DEV DIR: an ext4 file system on DEV, mounted with a file in it.
func mounted(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(exec.Command("mke2fs", "-q", "-F", "-t", "ext4", args[0]).Run())
	ts.Check(exec.Command("mount", args[0], dir).Run())
	ts.Defer(func() { _ = exec.Command("umount", dir).Run() })
	ts.Check(os.WriteFile(filepath.Join(dir, "still-here"), []byte("yes\n"), 0o600))
}

// small FILE MIB ROOM: a sparse file of MIB on a file system with ROOM MIB only:
// writes past that fail with an error of the device.
func small(ts *testscript.TestScript, neg bool, args []string) {
	dir := filepath.Dir(ts.MkAbs(args[0]))
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(exec.Command("mount", "-t", "tmpfs", "-o", "size="+args[2]+"m", "tmpfs", dir).Run())
	ts.Defer(func() { _ = exec.Command("umount", dir).Run() })
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	mib, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(f.Truncate(mib << 20))
	ts.Check(f.Close())
}

// same KEY A B: two JSON files agree in a top-level key.
func same(ts *testscript.TestScript, neg bool, args []string) {
	var v [2]map[string]json.RawMessage
	for i, f := range args[1:] {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(f)), &v[i]))
	}
	if equal := bytes.Equal(v[0][args[0]], v[1][args[0]]) && len(v[0][args[0]]) > 0; equal == neg {
		ts.Fatalf("%s: %s and %s", args[0], v[0][args[0]], v[1][args[0]])
	}
}

// cut SIGNAL CODE FILE args...: the program is sent the signal once it has written
// to FILE, and ends with exactly that code (-1: by the signal).
func cut(ts *testscript.TestScript, neg bool, args []string) {
	sig := map[string]syscall.Signal{"INT": syscall.SIGINT, "KILL": syscall.SIGKILL, "HUP": syscall.SIGHUP}[args[0]]
	interfere(ts, args[1], args[2], args[3:], func(p *os.Process) error { return p.Signal(sig) })
}

// pulled CODE FILE DIR args...: what is mounted on DIR is taken away once the
// program has written to FILE; it ends with exactly that code.
func pulled(ts *testscript.TestScript, neg bool, args []string) {
	interfere(ts, args[0], args[1], args[3:], func(*os.Process) error { return exec.Command("umount", "-l", ts.MkAbs(args[2])).Run() })
}

func interfere(ts *testscript.TestScript, code, file string, args []string, how func(*os.Process) error) {
	want, err := strconv.Atoi(code)
	ts.Check(err)
	before := allocated(ts, file)
	c := exec.Command(args[0], args[1:]...)
	c.Dir, c.Env = ts.Getenv("WORK"), []string{"XDG_STATE_HOME=" + ts.Getenv("XDG_STATE_HOME"), "PATH=" + ts.Getenv("PATH")}
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	ts.Check(c.Start())
	for end := time.Now().Add(time.Minute); allocated(ts, file) < before+1<<20; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			_ = c.Process.Kill()
			ts.Fatalf("nothing was written\n%s%s", out.String(), errs.String())
		}
	}
	ts.Check(how(c.Process))
	_ = c.Wait() // its code is looked at below
	if got := c.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit %d, want %d\n%s%s", got, want, out.String(), errs.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs("out.json"), out.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("errors"), errs.Bytes(), 0o600))
}

// allocated bytes of a sparse file.
func allocated(ts *testscript.TestScript, file string) int64 {
	var s syscall.Stat_t
	ts.Check(syscall.Stat(ts.MkAbs(file), &s))
	return 512 * s.Blocks
}

// visits DIR FILE: the records under DIR verify with the demonstration key, and
// each visit's papers with DIR/root.pem. FILE gets a line for each visit: its
// kinds of record, and what they add up to.
func visits(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	key, err := os.ReadFile(filepath.Join(ts.Getenv("XDG_STATE_HOME"), "handback", demonstrationKey))
	ts.Check(err)
	signer, err := loadDemonstration(key)
	ts.Check(err)
	files, err := filepath.Glob(filepath.Join(dir, "spool", "*.json"))
	ts.Check(err)
	chains := map[string][][]byte{}
	for _, f := range files { // Glob sorts
		b, err := os.ReadFile(f)
		ts.Check(err)
		name := filepath.Base(f)[:strings.LastIndex(filepath.Base(f), "-")]
		chains[name] = append(chains[name], b)
	}
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(chains)) {
		records, by, err := sign.Verify(chains[name])
		ts.Check(err)
		ts.Check(certstest.CheckEnvelopes(chains[name]))
		if !by[0].Equal(signer.Cert) {
			ts.Fatalf("visit %s is signed by %s", name, by[0].Subject)
		}
		for _, r := range records {
			fmt.Fprintf(&lines, "%s ", r.Kind)
			if r.Kind == certs.KindCertified {
				papers(ts, dir, r.Certified.Papers)
			}
		}
		s := certs.Summarise(records)
		fmt.Fprintf(&lines, "= %s %s, previous %t, orphans %d\n", s.Verdict, s.Level, s.Intake.Previous != "", len(s.Orphans))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(lines.String()), 0o600))
}

func papers(ts *testscript.TestScript, dir string, named []certs.Paper) {
	b, err := os.ReadFile(filepath.Join(dir, "root.pem"))
	ts.Check(err)
	root, err := sign.ParseCert(b)
	ts.Check(err)
	if len(named) != 2 || strings.TrimSuffix(named[0].Name, ".pdf") != strings.TrimSuffix(named[1].Name, ".html") {
		ts.Fatalf("a wipe makes one paper in its two forms, not %v", named)
	}
	for _, p := range named {
		b, err = os.ReadFile(filepath.Join(dir, "certificates", p.Name))
		ts.Check(err)
		r := verify.File(b, []*x509.Certificate{root}, verify.Options{})
		if r.Verdict != verify.Genuine || r.Class != string(sign.Demonstrating) || r.SHA256 != p.SHA256 {
			ts.Fatalf("%s: %s", p.Name, r.Sentence)
		}
	}
}

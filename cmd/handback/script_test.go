package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
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

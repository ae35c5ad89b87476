package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
)

// hubAndVisit makes a hub and a stick's folder with one visit that is certified; its
// papers are made up.
func hubAndVisit(t *testing.T) (hub, visit string, c *console) {
	t.Helper()
	dir := t.TempDir()
	hub, visit = filepath.Join(dir, "hub"), filepath.Join(dir, "visit")
	c = &console{in: os.Stdin, out: &bytes.Buffer{}, err: &bytes.Buffer{}, now: func() time.Time { return certstest.Start.Add(3 * time.Hour) }}
	for _, args := range [][]string{{"init", "--data", hub, "--name", "North"}, {"enrol", "--data", hub, "--stick", "S07", "--out", filepath.Join(dir, "s07")}} {
		if code := run(args, c); code != 0 {
			t.Fatalf("%v: exit %d, %s", args, code, c.err)
		}
	}
	s, err := loadStick(filepath.Join(dir, "s07"))
	if err != nil {
		t.Fatal(err)
	}
	v := certstest.Sanitised(s, 1).Add(certstest.Certified("S07-000412-erasure.pdf", "S07-000412-disposal.pdf"))
	if err := os.MkdirAll(filepath.Join(visit, "spool"), 0o700); err != nil {
		t.Fatal(err)
	}
	w := &visitRecords{records: "spool", name: v.Chain.Visit()}
	for _, f := range w.files(nil, v.Envelopes(), 1) {
		writeFile(t, filepath.Join(visit, f.Name), f.Data)
	}
	return hub, visit, c
}

// visitRecords is visit, whose name a variable has here.
type visitRecords = visit

func writeFile(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// tree is every file below a folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, p))
		out[p] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A run is cut off after each of its files: the next run of the same command leaves
// just what one run leaves, and one of another command comes after it.
func TestCutOff(t *testing.T) {
	hub, dir, c := hubAndVisit(t)
	before := tree(t, dir)
	transfer := func(to, where string) {
		t.Helper()
		if code := run([]string{"transferred", "--data", hub, "--visit", where, "--by", "op9", "--to", to}, c); code != 0 {
			t.Fatalf("exit %d: %s", code, c.err)
		}
	}
	transfer("Somebody", dir)
	after := tree(t, dir)
	var added []kept
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, was := before[name]; !was {
			added = append(added, kept{name, []byte(after[name])})
		}
	}
	if len(added) < 3 {
		t.Fatalf("added: %d files", len(added))
	}
	for n := range len(added) + 1 {
		for _, to := range []string{"Somebody", "Somebody else"} {
			cut := filepath.Join(t.TempDir(), "cut")
			for name, b := range before {
				writeFile(t, filepath.Join(cut, name), []byte(b))
			}
			pending, err := json.Marshal(added)
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(cut, "spool", ".S07-000412-pending.json"), pending)
			for _, f := range added[:n] {
				writeFile(t, filepath.Join(cut, f.Name), f.Data)
			}
			transfer(to, cut)
			got := tree(t, cut)
			for name, b := range after {
				if got[name] != b {
					t.Errorf("cut after %d files, %s: %s is another one", n, to, name)
				}
			}
			if to == "Somebody" && len(got) != len(after) {
				t.Errorf("cut after %d files: %d files, want %d", n, len(got), len(after))
			}
			v, err := readVisit(cut, "")
			if err != nil {
				t.Fatal(err)
			}
			records, _, err := sign.Verify(v.envelopes)
			if want := map[string]int{"Somebody": 2, "Somebody else": 4}[to]; err != nil || len(records) != len(before)+want || records[len(records)-1].Kind != certs.KindCertified {
				t.Errorf("cut after %d files, %s: %d records, %v", n, to, len(records), err)
			}
		}
	}
}

// What is being added is read from a file: it can't name any other file than the
// visit's own, and can't replace one.
func TestPendingRefuses(t *testing.T) {
	for name, pending := range map[string]string{
		"not JSON":         "hello",
		"out of it":        `[{"name":"../S07-000412-x.pdf","data":"eA=="}]`,
		"absolute":         `[{"name":"/tmp/S07-000412-x.pdf","data":"eA=="}]`,
		"another's":        `[{"name":"spool/S08-000001-0001.json","data":"eA=="}]`,
		"settings":         `[{"name":"settings.toml","data":"eA=="}]`,
		"a record's place": `[{"name":"spool/S07-000412-0001.json","data":"eA=="}]`,
	} {
		hub, dir, c := hubAndVisit(t)
		writeFile(t, filepath.Join(dir, "spool", ".S07-000412-pending.json"), []byte(pending))
		before := tree(t, dir)
		if code := run([]string{"transferred", "--data", hub, "--visit", dir, "--by", "op9", "--to", "X"}, c); code != exitNotDone {
			t.Errorf("%s: exit %d", name, code)
		}
		if !maps.Equal(before, tree(t, dir)) {
			t.Errorf("%s: files were changed", name)
		}
	}
}

func FuzzPending(f *testing.F) {
	f.Add([]byte(`[{"name":"spool/S07-000412-0012.json","data":"eA=="}]`))
	f.Add([]byte(`[{"name":"certificates/S07-000412-disposal-2.pdf","data":""}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		v := &visit{name: "S07-000412", root: filepath.Join(dir, "visit"), records: "spool", papers: "certificates"}
		writeFile(t, v.pending(), b)
		if _, err := v.complete(); err != nil {
			return
		}
		for name := range tree(t, dir) {
			if base := filepath.Base(name); !strings.HasPrefix(name, "visit/") || !strings.HasPrefix(base, "S07-000412-") {
				t.Errorf("%q was written", name)
			}
		}
	})
}

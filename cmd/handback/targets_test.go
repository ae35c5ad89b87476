package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// No wrong, missing, doubled or spare serial ever lets a drive through.
func TestChooseTargets(t *testing.T) {
	dir := t.TempDir()
	report := func(serials ...string) (*inspect.Report, []string) {
		r, paths := &inspect.Report{}, []string{}
		for i, s := range serials {
			p := filepath.Join(dir, string(rune('a'+i)))
			if err := os.WriteFile(p, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			d := inspect.Drive{Path: p, Identity: drive.Identity{Serial: s, Bus: drive.BusNVMe}, Provenance: drive.ProvenanceKernel}
			if strings.HasPrefix(s, "LOOP") {
				d.Identity.Bus, d.Provenance = drive.BusLoop, drive.ProvenanceLoop
			}
			r.Drives, paths = append(r.Drives, d), append(paths, p)
		}
		return r, paths
	}
	for _, c := range []struct {
		name          string
		drives, given []string
		loop, want    bool
		says          string
	}{
		{name: "one", drives: []string{"A1"}, given: []string{"A1"}, want: true},
		{name: "two in any order", drives: []string{"A1", "B2"}, given: []string{"B2", "A1"}, want: true},
		{name: "wrong", drives: []string{"A1"}, given: []string{"A2"}, says: "another serial"},
		{name: "other case", drives: []string{"A1"}, given: []string{"a1"}, says: "another serial"},
		{name: "part", drives: []string{"A1"}, given: []string{"A"}, says: "another serial"},
		{name: "one of two is wrong", drives: []string{"A1", "B2"}, given: []string{"A1", "X"}, says: "another serial"},
		{name: "one serial for two", drives: []string{"A1", "B2"}, given: []string{"A1", "A1"}, says: "another serial"},
		{name: "the same serial twice", drives: []string{"A1", "A1"}, given: []string{"A1", "A1"}, says: "same serial"},
		{name: "spare serial", drives: []string{"A1"}, given: []string{"A1", "B2"}, says: "no drive named has the serial B2"},
		{name: "no serial", drives: []string{""}, given: []string{"A1"}, says: "tells no serial"},
		{name: "loop", drives: []string{"LOOP1"}, given: []string{"LOOP1"}, says: "--allow-loop"},
		{name: "loop allowed", drives: []string{"LOOP1"}, given: []string{"LOOP1"}, loop: true, want: true},
	} {
		r, paths := report(c.drives...)
		err := chooseTargets(r, paths, c.given, c.loop)
		if (err == nil) != c.want || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	r, paths := report("A1")
	if err := chooseTargets(r, append(paths, filepath.Join(dir, "none")), []string{"A1", "B2"}, true); err == nil {
		t.Error("a path that isn't there was let through")
	}
	// A link to a drive is that drive, once.
	link := filepath.Join(dir, "link")
	if err := os.Symlink(paths[0], link); err != nil {
		t.Fatal(err)
	}
	if err := chooseTargets(r, []string{link, paths[0]}, []string{"A1"}, false); err != nil || len(r.Drives) != 1 {
		t.Errorf("a link and its drive: %v, %d drives", err, len(r.Drives))
	}
}

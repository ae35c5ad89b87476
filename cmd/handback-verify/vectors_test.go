package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The program says of every published vector what the vector's own sentence says, and
// ends with the code that belongs to it.
func TestVectors(t *testing.T) {
	dir, vectors := t.TempDir(), filepath.Join("..", "..", "certs", "verify", "vectors")
	if out, err := exec.Command("python3", filepath.Join(vectors, "make.py"), dir).CombinedOutput(); err != nil {
		t.Fatalf("make.py: %v\n%s", err, out)
	}
	b, err := os.ReadFile(filepath.Join(vectors, "manifest.json"))
	check(t, err)
	var m struct {
		Vectors []struct {
			Name, Root, List, Verdict, Sentence string
			Practice                            bool
			Files                               []struct{ Name string }
		}
	}
	check(t, json.Unmarshal(b, &m))
	if len(m.Vectors) < 60 {
		t.Fatalf("only %d vectors", len(m.Vectors))
	}
	codes := map[string]int{"genuine": exitGenuine, "not-genuine": exitNotGenuine, "unchecked": exitUnchecked}
	for _, v := range m.Vectors {
		args := []string{"--root", filepath.Join(vectors, v.Root)}
		if v.List != "" {
			args = append(args, "--crl", filepath.Join(vectors, v.List))
		}
		if v.Practice {
			args = append(args, "--practice")
		}
		if len(v.Files) == 1 { // a file that is named is judged whatever it is
			args = append(args, filepath.Join(dir, v.Name, v.Files[0].Name))
		} else {
			args = append(args, filepath.Join(dir, v.Name))
		}
		got, code := runJSON(t, args...)
		if got.Verdict != v.Verdict || code != codes[v.Verdict] {
			t.Errorf("%s: %s, exit %d, want %s", v.Name, got.Verdict, code, v.Verdict)
		}
		// What several files contradict names them, and what a list says depends on the day.
		if len(got.Files) == 1 && v.List == "" && got.Files[0].Sentence != v.Sentence {
			t.Errorf("%s:\nhave %s\nwant %s", v.Name, got.Files[0].Sentence, v.Sentence)
		}
	}
}

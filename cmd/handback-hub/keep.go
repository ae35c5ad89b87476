package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"handback.example/certs"
	"handback.example/cmd/internal/bounded"
)

// kept is one file of what is added to a visit.
type kept struct {
	Name string `json:"name"` // relative to the visit's folder
	Data []byte `json:"data"`
}

// keep adds papers and envelopes to a visit: all of them or, after a power cut, none
// until complete has been there. No file that is there is replaced.
func (v *visit) keep(papers []kept, envelopes [][]byte, revision int) error {
	files := v.files(papers, envelopes, revision)
	for _, f := range files {
		if _, err := os.Lstat(v.path(f.Name)); err == nil {
			return fmt.Errorf("%s is there already and stays, and no record here knows of it: records are missing here, so look for them first; nothing was added", v.path(f.Name))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	b, err := json.Marshal(files)
	if err != nil {
		return err
	}
	if err := write(system{}, file{name: v.pending(), data: b, mode: 0o600}); err != nil {
		return err
	}
	_, err = v.complete()
	return err
}

// files in the order in which they are kept: a paper stands before the record that
// vouches for it.
func (v *visit) files(papers []kept, envelopes [][]byte, revision int) []kept {
	if v.array != "" {
		all := append(v.envelopes[:len(v.envelopes):len(v.envelopes)], envelopes...)
		return append(papers, kept{v.arrayName(revision), certs.JoinEnvelopes(all)})
	}
	for i, e := range envelopes {
		papers = append(papers, kept{filepath.Join(v.records, fmt.Sprintf("%s-%04d.json", v.name, len(v.envelopes)+i+1)), e})
	}
	return papers
}

// arrayRevision at the end of a record.json's name.
var arrayRevision = regexp.MustCompile(`-[0-9]+$`)

// arrayName of the next record.json: 'record-2.json'.
func (v *visit) arrayName(revision int) string {
	stem := strings.TrimSuffix(v.array, filepath.Ext(v.array))
	return fmt.Sprintf("%s-%d.json", arrayRevision.ReplaceAllString(stem, ""), revision)
}

func (v *visit) path(name string) string { return filepath.Join(v.root, name) }

// pending is the file that holds what is being added, until all of it is in its place.
func (v *visit) pending() string {
	return v.path(filepath.Join(v.records, "."+v.name+"-pending.json"))
}

// complete puts what a run has begun to add into its place, and gives the name of
// the last file; empty: nothing was begun. It may be cut off at any point, and done
// again.
func (v *visit) complete() (last string, err error) {
	b, err := bounded.ReadRegular(v.pending(), maxRead)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var files []kept
	if err := json.Unmarshal(b, &files); err != nil {
		return "", fmt.Errorf("%s: %w: it is none of this program's: move it away", v.pending(), err)
	}
	for _, f := range files {
		if err := v.place(f); err != nil {
			return "", err
		}
		last = f.Name
	}
	if err := os.Remove(v.pending()); err != nil {
		return "", err
	}
	return last, system{}.syncFolder(filepath.Dir(v.pending()))
}

// mayKeep tells a visit's record or paper from any other file.
func (v *visit) mayKeep(name string) bool {
	dir, base := filepath.Split(name)
	ours := strings.HasPrefix(base, v.name+"-") || v.array != "" && filepath.Ext(base) == ".json"
	return ours && (filepath.Clean(dir) == filepath.Clean(v.records) || filepath.Clean(dir) == filepath.Clean(v.papers))
}

// place a file, unless it is there with the same bytes.
func (v *visit) place(f kept) error {
	if !v.mayKeep(f.Name) {
		return fmt.Errorf("%s names %q, which is none of the visit's files: move it away", v.pending(), f.Name)
	}
	name := v.path(f.Name)
	if err := newFolder(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	err := write(system{}, file{name: name, data: f.Data, mode: 0o644})
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, err := bounded.ReadRegular(name, maxRead)
	if err == nil && !bytes.Equal(there, f.Data) {
		err = fmt.Errorf("%s is there already and stays: an earlier run was to write another one", name)
	}
	return err
}

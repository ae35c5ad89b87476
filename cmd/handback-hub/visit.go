package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"handback.example/certs"
	"handback.example/cmd/internal/bounded"
	"handback.example/cmd/internal/settings"
)

// Bounds of what is read: one record, a record.json or a paper, in MiB; a folder.
const (
	maxRead  = 32
	maxFiles = 100_000
)

// visit is the stored records of one visit, and where they lie.
type visit struct {
	name      string
	envelopes [][]byte
	root      string // folder that the names below are relative to
	records   string // folder of the records in it
	papers    string // folder of the papers in it
	resumed   bool   // what an earlier run had begun to add was added when this was read
	array     string // the file where all records are in one, as record.json; empty: they are a file each
}

// recordForm of a file: 'S01-000412-0007.json'.
var recordForm = regexp.MustCompile(`^([A-Z0-9]{1,12}-[0-9]{6,9})-([0-9]{4,6})\.json$`)

// readVisit reads a record.json, or a folder: a stick's, with spool/ and
// certificates/, or one with records in it. number chooses among several visits.
func readVisit(path, number string) (*visit, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return readArray(path, number)
	}
	v := &visit{root: path}
	if st, err := os.Stat(filepath.Join(path, settings.SpoolDir)); err == nil && st.IsDir() {
		v.records, v.papers = settings.SpoolDir, settings.CertificatesDir
	}
	dir := filepath.Join(path, v.records)
	visits, err := listVisits(dir)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(visits))
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("%s holds no records of a visit", dir)
	case number == "" && len(names) > 1:
		return nil, misused("%s holds %d visits, from %s to %s: name one by --number", dir, len(names), names[0], names[len(names)-1])
	case number == "":
		number = names[0]
	case visits[number] == nil:
		return nil, fmt.Errorf("%s holds no records of visit %s", dir, number)
	}
	v.name = number
	last, err := v.complete()
	if err != nil {
		return nil, err
	}
	if v.resumed = last != ""; v.resumed {
		if visits, err = listVisits(dir); err != nil {
			return nil, err
		}
	}
	for _, n := range slices.Sorted(slices.Values(visits[number])) {
		b, err := bounded.ReadRegular(filepath.Join(dir, n), maxRead)
		if err != nil {
			return nil, err
		}
		v.envelopes = append(v.envelopes, b)
	}
	return v, nil
}

// listVisits gives the names of each visit's records.
func listVisits(dir string) (map[string][]string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(files) > maxFiles {
		return nil, fmt.Errorf("%s holds more files than a stick can: name a folder with fewer", dir)
	}
	visits := map[string][]string{}
	for _, f := range files {
		if m := recordForm.FindStringSubmatch(f.Name()); m != nil {
			visits[m[1]] = append(visits[m[1]], f.Name())
		}
	}
	return visits, nil
}

func readArray(name, number string) (*visit, error) {
	b, err := bounded.ReadRegular(name, maxRead)
	if err != nil {
		return nil, err
	}
	v := &visit{root: filepath.Dir(name), array: filepath.Base(name)}
	if v.envelopes, err = certs.SplitEnvelopes(b); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	records, err := certs.Records(v.envelopes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%s holds no records of a visit", name)
	}
	if v.name = records[0].Visit; number != "" && number != v.name {
		return nil, fmt.Errorf("%s is of visit %s, not of %s", name, v.name, number)
	}
	last, err := v.complete()
	if err != nil || last == "" {
		return v, err
	}
	v, err = readArray(v.path(last), number)
	if err == nil {
		v.resumed = true
	}
	return v, err
}

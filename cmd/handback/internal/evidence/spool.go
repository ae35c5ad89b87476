package evidence

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/settings"
)

func visitName(stick string, number int) string { return fmt.Sprintf("%s-%06d", stick, number) }

func recordName(visit string, seq int) string {
	return fmt.Sprintf("%s/%s-%04d.json", settings.SpoolDir, visit, seq)
}

// Names of records and papers; a stick's name and a kind of paper hold no '-'.
var (
	recordForm = regexp.MustCompile(`^([A-Z0-9]{1,12})-([0-9]{6,9})-([0-9]{4,6})\.json$`)
	paperForm  = regexp.MustCompile(`^([A-Z0-9]{1,12})-([0-9]{6,9})-[a-z]+(?:-[0-9]+)?\.(?:pdf|html)$`)
)

// spool is which records of one stick a Store holds.
type spool struct {
	stick string
	seqs  map[int][]int // visit number to sequence numbers
	last  int           // highest number that was ever used, as far as the Store tells
}

// listSpool by names alone. Numbers of papers count too: the hub may have
// collected the records.
func listSpool(ctx context.Context, st stick.Store, name string) (spool, error) {
	s := spool{stick: name, seqs: map[int][]int{}}
	for _, dir := range []string{settings.SpoolDir, settings.CertificatesDir} {
		files, err := st.List(ctx, dir)
		if err != nil {
			return spool{}, err
		}
		for _, f := range files {
			s.note(f)
		}
	}
	return s, nil
}

func (s *spool) note(file string) {
	m := recordForm.FindStringSubmatch(file)
	if m == nil {
		m = paperForm.FindStringSubmatch(file)
	}
	if m == nil || m[1] != s.stick {
		return
	}
	n, err := strconv.Atoi(m[2])
	if err != nil {
		return
	}
	s.last = max(s.last, n)
	if len(m) < 4 {
		return
	}
	if seq, err := strconv.Atoi(m[3]); err == nil && recordName(visitName(s.stick, n), seq) == settings.SpoolDir+"/"+file {
		s.seqs[n] = append(s.seqs[n], seq)
	}
}

// newest visits first.
func (s *spool) newest() []int {
	n := slices.Sorted(maps.Keys(s.seqs))
	slices.Reverse(n)
	return n
}

// previous is the SHA-256 of the INTAKE of the newest visit that has one.
func (s *spool) previous(ctx context.Context, st stick.Store) (string, error) {
	for _, n := range s.newest() {
		if !slices.Contains(s.seqs[n], 1) {
			continue
		}
		b, err := st.Read(ctx, recordName(visitName(s.stick, n), 1))
		if err != nil {
			return "", err
		}
		return certs.HashEnvelope(b), nil
	}
	return "", nil
}

// ended tells from a visit's newest record whether the visit is over. Its
// signature is not looked at: a visit that is over is never gone on with.
func (s *spool) ended(ctx context.Context, st stick.Store, number int) (bool, error) {
	b, err := st.Read(ctx, recordName(visitName(s.stick, number), slices.Max(s.seqs[number])))
	if err != nil {
		return false, err
	}
	records, err := certs.Records([][]byte{b})
	if err != nil {
		return false, unverified(visitName(s.stick, number), err)
	}
	return slices.Contains([]certs.Kind{certs.KindCertified, certs.KindTransferred, certs.KindReceived, certs.KindCorrected}, records[0].Kind), nil
}

// envelopes of a visit in the order of their names.
func (s *spool) envelopes(ctx context.Context, st stick.Store, number int) ([][]byte, error) {
	return readVisit(ctx, st, visitName(s.stick, number), s.seqs[number])
}

func readVisit(ctx context.Context, st stick.Store, visit string, seqs []int) ([][]byte, error) {
	return st.ReadAll(ctx, recordNames(visit, seqs))
}

func recordNames(visit string, seqs []int) (names []string) {
	for _, seq := range slices.Sorted(slices.Values(seqs)) {
		names = append(names, recordName(visit, seq))
	}
	return names
}

// listAll gives the records of every stick that a Store holds, by visit.
func listAll(ctx context.Context, st stick.Store) (map[string][]int, error) {
	files, err := st.List(ctx, settings.SpoolDir)
	if err != nil {
		return nil, err
	}
	visits := map[string][]int{}
	for _, f := range files {
		m := recordForm.FindStringSubmatch(f)
		if m == nil {
			continue
		}
		number, err1 := strconv.Atoi(m[2])
		seq, err2 := strconv.Atoi(m[3])
		visit := visitName(m[1], number)
		if err1 == nil && err2 == nil && recordName(visit, seq) == settings.SpoolDir+"/"+f {
			visits[visit] = append(visits[visit], seq)
		}
	}
	return visits, nil
}

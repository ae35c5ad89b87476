package evidence

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/settings"
)

// CopiesDir is where the booted image keeps copies of what a visit has made: in
// memory, so that the end of the engine's program loses nothing while the stick is
// out. The end of the power does.
const CopiesDir = "/run/handback/spool"

// KeepCopies keeps a copy of the whole visit in st from now on. Where that fails
// nothing is worse than without: an error says so, and so does each later one of
// records that wait.
func (b *Book) KeepCopies(ctx context.Context, st stick.Store) error {
	b.mu.Lock()
	b.copies = &place{store: st}
	b.mu.Unlock()
	b.copyOut(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.copyErr
}

func (b *Book) copyOut(ctx context.Context) {
	b.copying.Lock()
	defer b.copying.Unlock()
	if b.copies == nil {
		return
	}
	err := b.fill(ctx, b.copies)
	b.mu.Lock()
	b.copyErr = err
	b.mu.Unlock()
}

// Recover takes what an engine that died has left in its copies to a stick: whole
// visits, in the order in which they were made, whichever stick they were begun on.
// What the stick has already is not written over. It gives the visits that it found.
//
// Records that root doesn't vouch for, and records that can't be verified, are an
// error: they stay in the copies, and keep no other visit there.
func Recover(ctx context.Context, copies, to stick.Store, root *x509.Certificate) (visits []string, err error) {
	s, err := listAll(ctx, copies)
	if err != nil {
		return nil, err
	}
	var bad []error
	for _, visit := range slices.Sorted(maps.Keys(s)) {
		visits = append(visits, visit)
		files, err := recovered(ctx, copies, to, root, visit, s[visit])
		if err == nil {
			_, err = put(ctx, to, files)
		}
		if err != nil {
			bad = append(bad, fmt.Errorf("visit %s: %w (%w)", visit, ErrWaiting, err))
		}
	}
	return visits, errors.Join(bad...)
}

// recovered are the files of a visit in the order in which Certify makes them.
func recovered(ctx context.Context, copies, to stick.Store, root *x509.Certificate, visit string, seqs []int) ([]stick.File, error) {
	envelopes, err := readVisit(ctx, copies, visit, seqs)
	if err != nil {
		return nil, err
	}
	records, err := verified(envelopes, root)
	if err != nil {
		return nil, err
	}
	var files []stick.File
	for i, e := range envelopes {
		files = append(files, recordFile(visit, i+1, e))
	}
	last := len(records) - 1
	if records[last].Certified == nil {
		return files, nil // papers that nobody vouches for are made again
	}
	papers, err := certifiedFiles(ctx, copies, to, visit, records[last].Certified)
	return append(append(files[:last:last], papers...), files[last]), err
}

// certifiedFiles are papers and labels, and what must go before them.
func certifiedFiles(ctx context.Context, copies, to stick.Store, visit string, c *certs.Certified) ([]stick.File, error) {
	var names []string
	for _, p := range c.Papers {
		names = append(names, p.Name)
	}
	there, err := listOf(ctx, to, settings.CertificatesDir, visit+"-")
	if err != nil {
		return nil, err
	}
	files := denied(there, names)
	for dir, begins := range map[string]string{settings.CertificatesDir: visit + "-", settings.LabelsDir: visit + "."} {
		made, err := listOf(ctx, copies, dir, begins)
		if err != nil {
			return nil, err
		}
		for _, n := range made {
			data, err := copies.Read(ctx, dir+"/"+n)
			if err != nil {
				return nil, err
			}
			files = append(files, stick.File{Name: dir + "/" + n, Data: data})
		}
	}
	return files, nil
}

func listOf(ctx context.Context, st stick.Store, dir, begins string) ([]string, error) {
	names, err := st.List(ctx, dir)
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, begins) }), err
}

// verified records of a visit that a stick under root has sealed.
func verified(envelopes [][]byte, root *x509.Certificate) ([]certs.Record, error) {
	records, by, err := sign.Verify(envelopes)
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339, records[0].At.Wall)
	if err != nil {
		return nil, err
	}
	if _, err := sign.CheckStick(root, by[0], at); err != nil {
		return nil, fmt.Errorf("they are not of a stick of this hub: %w", err)
	}
	return records, nil
}

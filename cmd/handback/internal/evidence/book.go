package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"handback.example/certs"
	"handback.example/certs/label"
	"handback.example/certs/paper"
	"handback.example/certs/papers"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/settings"
)

// ErrWaiting is wrapped by every error of a record that is sealed into the visit
// but not on the medium: it waits in memory, and Flush stores it.
var ErrWaiting = errors.New("the records are not stored yet: they wait in memory")

// ErrRefused is wrapped by every error of what is no record of the visit: it is lost.
var ErrRefused = errors.New("it is not recorded")

// Clock gives the time of a record.
type Clock func() certs.Time

// Now is this machine's own clock.
func Now() certs.Time { return certs.At(time.Now(), certs.SourceRTC, eventlog.Uptime()) }

// Book is one visit's records and papers on their way to a Store. Drive workers
// may use it side by side.
type Book struct {
	signer *sign.Signer
	now    Clock
	chain  *sign.Chain
	label  label.Size // empty: the visit gets no label
	papers []string   // on the medium when the visit was resumed

	// flushing lets one write at a time through, so that the order on the medium
	// is that of the files; it can be waited for with a context.
	flushing chan struct{}
	copying  sync.Mutex         // of the copies
	marking  sync.Mutex         // of the journal's files
	erasures map[string]erasure // as they were written, by drive

	mu        sync.Mutex        // chain and files grow together
	unsure    map[string]string // drives whose STARTED waits in memory, and its technique
	files     []stick.File      // all that the visit has, in the order in which it was made
	home      *place            // where the visit was begun
	others    []*place          // that took what waited while home was away
	copies    *place            // outlives this program, not the machine's power; nil: there is none
	copyErr   error
	made      []stick.File // the papers and the label, once they are made
	certified []string     // names of the papers, once CERTIFIED is sealed
	sealed    int          // envelopes before CERTIFIED
}

// place is a Store, and how many of the visit's files are certainly on it.
type place struct {
	store stick.Store
	done  int
}

// newBook of a chain whose records are all in the store.
func newBook(st stick.Store, s *sign.Signer, c *sign.Chain, now Clock) *Book {
	b := &Book{signer: s, now: now, chain: c, flushing: make(chan struct{}, 1), erasures: map[string]erasure{}, unsure: map[string]string{}, home: &place{store: st}}
	for i, e := range c.Envelopes() {
		b.files = append(b.files, recordFile(c.Visit(), i+1, e))
	}
	b.home.done = len(b.files)
	return b
}

func recordFile(visit string, seq int, envelope []byte) stick.File {
	return stick.File{Name: recordName(visit, seq), Data: envelope, New: true}
}

// WithLabel has Certify make a label of a size, too.
func (b *Book) WithLabel(size label.Size) { b.label = size }

// Visit number: 'S01-000412'.
func (b *Book) Visit() string { return b.chain.Visit() }

// Day of the visit: the UTC date of its INTAKE, '2026-11-25'.
func (b *Book) Day() string {
	day, _, _ := strings.Cut(b.chain.Records()[0].At.Wall, "T")
	return day
}

// Records so far, in order.
func (b *Book) Records() []certs.Record { return b.chain.Records() }

// Summary of the records so far.
func (b *Book) Summary() certs.Summary { return certs.Summarise(b.chain.Records()) }

// Papers that were on the medium already when the visit was resumed: it was cut
// while they were written. Certify replaces them.
func (b *Book) Papers() []string { return b.papers }

// Append seals records into the visit, in their order, and stores them in one turn. An
// error may be both ErrRefused, for those that it names, and ErrWaiting, for the others.
func (b *Book) Append(ctx context.Context, rs ...certs.Record) error {
	var refused []error
	for _, r := range rs {
		if err := b.seal(r); err != nil {
			refused = append(refused, err)
		}
	}
	if len(refused) > 0 && len(refused) == len(rs) {
		return errors.Join(refused...)
	}
	b.copyOut(ctx)
	return errors.Join(append(refused, b.Flush(ctx))...)
}

// AppendDurable returns nil only when the records, and every one before them, are on
// the medium: nothing may be destroyed on the word of a record that isn't. After
// an error they stay in the visit; what came of them must be appended too.
func (b *Book) AppendDurable(ctx context.Context, rs ...certs.Record) error {
	return b.Append(ctx, rs...)
}

func (b *Book) seal(r certs.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.certified != nil {
		return fmt.Errorf("%w: visit %s is certified, %s can't be added to it", ErrRefused, b.Visit(), r.Kind)
	}
	return b.sealLocked(r)
}

func (b *Book) sealLocked(r certs.Record) error {
	r.At = b.now()
	envelope, err := b.chain.Append(r)
	if err != nil {
		return fmt.Errorf("%w: %s of visit %s: %w", ErrRefused, r.Kind, b.Visit(), err)
	}
	b.files = append(b.files, recordFile(b.Visit(), len(b.chain.Envelopes()), envelope))
	return nil
}

// Pending is the number of files that wait in memory: they are on no stick.
func (b *Book) Pending() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	done := b.home.done
	for _, p := range b.others {
		done = max(done, p.done)
	}
	return len(b.files) - done
}

// Behind is the number of files that are not where the visit was begun, whether
// another stick has them or not.
func (b *Book) Behind() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.files) - b.home.done
}

// Flush stores what waits where the visit was begun, in the order in which it was
// made. nil: nothing waits any more of what was there when Flush was called.
func (b *Book) Flush(ctx context.Context) error {
	b.mu.Lock()
	home := b.home
	b.mu.Unlock()
	return b.flush(ctx, home)
}

// FlushTo stores the whole visit, under the names that it has, on another stick than
// it was begun on. The first one gets what it lacks when it is back (Flush).
func (b *Book) FlushTo(ctx context.Context, st stick.Store) error {
	b.mu.Lock()
	i := slices.IndexFunc(b.others, func(p *place) bool { return p.store == st })
	if i < 0 {
		i, b.others = len(b.others), append(b.others, &place{store: st})
	}
	p := b.others[i]
	b.mu.Unlock()
	return b.flush(ctx, p)
}

func (b *Book) flush(ctx context.Context, p *place) error {
	select {
	case b.flushing <- struct{}{}:
		defer func() { <-b.flushing }()
	case <-ctx.Done():
		return b.waiting(ctx.Err())
	}
	if err := b.fill(ctx, p); err != nil {
		return b.waiting(err)
	}
	return nil
}

// fill a place with what it lacks. One at a time for each place.
func (b *Book) fill(ctx context.Context, p *place) error {
	b.mu.Lock()
	files := b.files[p.done:len(b.files):len(b.files)]
	b.mu.Unlock()
	if len(files) == 0 {
		return nil
	}
	n, err := put(ctx, p.store, files)
	b.mu.Lock()
	p.done += n
	b.mu.Unlock()
	return err
}

func (b *Book) waiting(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.copyErr != nil {
		err = fmt.Errorf("%w; and this program's end would lose them: %w", err, b.copyErr)
	}
	return fmt.Errorf("visit %s: %w (%w)", b.Visit(), ErrWaiting, err)
}

// Divert takes the whole visit to another place, because the one that it was begun
// in can't be written any more. Nothing is written before the next Flush.
func (b *Book) Divert(to stick.Store) {
	b.flushing <- struct{}{}
	defer func() { <-b.flushing }()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.home = &place{store: to}
}

// RecordHash is the SHA-256 of record.json, in hex: of the envelopes from INTAKE
// to the last before CERTIFIED.
func (b *Book) RecordHash() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := sha256.Sum256(certs.JoinEnvelopes(b.toCertify()))
	return hex.EncodeToString(sum[:])
}

func (b *Book) toCertify() [][]byte {
	e := b.chain.Envelopes()
	if b.certified != nil {
		return e[:b.sealed]
	}
	return e
}

// Certify draws and signs the visit's papers from its records, stores them, and
// then CERTIFIED with their SHA-256. The names are those of files in the folder
// of certificates. An error that is ErrWaiting says that they are made and wait
// in memory; Certify may be called again and then only stores what waits.
func (b *Book) Certify(ctx context.Context) (names []string, err error) {
	if names, err = b.certify(); err != nil {
		return nil, err
	}
	b.copyOut(ctx)
	return names, b.Flush(ctx)
}

func (b *Book) certify() ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.certified != nil {
		return b.certified, nil
	}
	envelopes := b.chain.Envelopes()
	var made []stick.File
	var names []string
	var all []papers.File
	for _, kind := range b.kinds() {
		files, err := papers.Make(kind, envelopes, b.signer)
		if err != nil {
			return nil, fmt.Errorf("visit %s: %w", b.Visit(), err)
		}
		all = append(all, files...)
	}
	for _, f := range all {
		names = append(names, f.Name)
		made = append(made, stick.File{Name: settings.CertificatesDir + "/" + f.Name, Data: f.Data})
	}
	labels, err := b.labels(envelopes)
	if err != nil {
		return nil, err
	}
	made = append(made, labels...)
	before := len(b.files)
	if err := b.sealLocked(certs.Record{Kind: certs.KindCertified, Certified: papers.Certified(all)}); err != nil {
		return nil, err
	}
	// The papers stand before the record that vouches for them. One that an earlier
	// start wrote and that this visit's records deny goes first: it would be genuine.
	last := b.files[before]
	b.files = append(append(append(b.files[:before:before], denied(b.papers, names)...), made...), last)
	b.certified, b.made, b.sealed = names, made, len(envelopes)
	return names, nil
}

// labels of the visit, where it gets one.
func (b *Book) labels(envelopes [][]byte) ([]stick.File, error) {
	if b.label == "" {
		return nil, nil
	}
	l, err := label.Of(envelopes, b.signer.Class)
	if err != nil {
		return nil, fmt.Errorf("visit %s: %w", b.Visit(), err)
	}
	var files []stick.File
	for ending, draw := range map[string]func(label.Size) ([]byte, error){".pdf": l.PDF, ".zpl": l.ZPL} {
		data, err := draw(b.label)
		if err != nil {
			return nil, fmt.Errorf("visit %s: %w", b.Visit(), err)
		}
		files = append(files, stick.File{Name: settings.LabelsDir + "/" + b.Visit() + ending, Data: data})
	}
	slices.SortFunc(files, func(x, y stick.File) int { return strings.Compare(x.Name, y.Name) })
	return files, nil
}

// Made gives the papers and the label as they were written; nil before Certify.
func (b *Book) Made() []stick.File {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.made)
}

// denied are the papers on a medium, never certified, that are none of names.
func denied(there, names []string) (gone []stick.File) {
	for _, p := range there {
		if !slices.Contains(names, p) {
			gone = append(gone, stick.File{Name: settings.CertificatesDir + "/" + p, Remove: true})
		}
	}
	return gone
}

// kinds of paper that the records call for. A visit that was not graded has no
// route and gets the erasure certificate alone.
func (b *Book) kinds() []paper.Kind {
	switch certs.Summarise(b.chain.Records()).Route {
	case "":
		return []paper.Kind{paper.Erasure}
	case certs.RouteHold:
		return []paper.Kind{paper.Erasure, paper.Hold}
	}
	return []paper.Kind{paper.Erasure, paper.Disposal}
}

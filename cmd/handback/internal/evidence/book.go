package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"handback.example/certs"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/settings"
)

// ErrWaiting is wrapped by every error of a record that is sealed into the visit
// but not on the medium: it waits in memory, and Flush stores it. Any other error
// of Append says that there is no such record.
var ErrWaiting = errors.New("the records are not stored yet: they wait in memory")

// Clock gives the time of a record.
type Clock func() certs.Time

// Now is this machine's own clock.
func Now() certs.Time { return certs.At(time.Now(), certs.SourceRTC, eventlog.Uptime()) }

// Book is one visit's records and papers on their way to a Store. Drive workers
// may use it side by side.
type Book struct {
	store  stick.Store
	signer *sign.Signer
	now    Clock
	chain  *sign.Chain
	papers []string // on the medium when the visit was resumed

	// flushing lets one write at a time through, so that the order on the medium
	// is that of the queue; it can be waited for with a context.
	flushing chan struct{}
	marking  sync.Mutex         // of the journal's files
	erasures map[string]erasure // as they were written, by drive

	mu        sync.Mutex        // chain and queue grow together
	unsure    map[string]string // drives whose STARTED waits in memory, and its technique
	queue     []stick.File
	made      []stick.File // the papers, once they are made
	certified []string     // their names, once CERTIFIED is sealed
	sealed    int          // envelopes before CERTIFIED
}

func newBook(st stick.Store, s *sign.Signer, c *sign.Chain, now Clock) *Book {
	return &Book{store: st, signer: s, now: now, chain: c, flushing: make(chan struct{}, 1), erasures: map[string]erasure{}, unsure: map[string]string{}}
}

// Visit number: 'S01-000412'.
func (b *Book) Visit() string { return b.chain.Visit() }

// Records so far, in order.
func (b *Book) Records() []certs.Record { return b.chain.Records() }

// Summary of the records so far.
func (b *Book) Summary() certs.Summary { return certs.Summarise(b.chain.Records()) }

// Papers that were on the medium already when the visit was resumed: it was cut
// while they were written. Certify replaces them.
func (b *Book) Papers() []string { return b.papers }

// Append seals a record into the visit and stores it. An error that is
// ErrWaiting says that it is sealed and waits in memory.
func (b *Book) Append(ctx context.Context, r certs.Record) error {
	if err := b.seal(r); err != nil {
		return err
	}
	return b.Flush(ctx)
}

// AppendDurable returns nil only when the record, and every one before it, is on
// the medium: nothing may be destroyed on the word of a record that isn't. After
// an error the record stays in the visit; what came of it must be appended too.
func (b *Book) AppendDurable(ctx context.Context, r certs.Record) error {
	return b.Append(ctx, r)
}

func (b *Book) seal(r certs.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.certified != nil {
		return fmt.Errorf("visit %s is certified: nothing can be added to it", b.Visit())
	}
	return b.sealLocked(r)
}

func (b *Book) sealLocked(r certs.Record) error {
	r.At = b.now()
	envelope, err := b.chain.Append(r)
	if err != nil {
		return fmt.Errorf("visit %s: %s could not be recorded: %w", b.Visit(), r.Kind, err)
	}
	b.queue = append(b.queue, stick.File{Name: recordName(b.Visit(), len(b.chain.Envelopes())), Data: envelope, New: true})
	return nil
}

// Pending is the number of files that wait in memory.
func (b *Book) Pending() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue)
}

// Flush stores what waits, in the order in which it was made. nil: nothing waits
// any more of what was there when Flush was called.
func (b *Book) Flush(ctx context.Context) error {
	select {
	case b.flushing <- struct{}{}:
		defer func() { <-b.flushing }()
	case <-ctx.Done():
		return b.waiting(ctx.Err())
	}
	b.mu.Lock()
	store, files := b.store, b.queue[:len(b.queue):len(b.queue)]
	b.mu.Unlock()
	if len(files) == 0 {
		return nil
	}
	n, err := put(ctx, store, files)
	b.mu.Lock()
	b.queue = b.queue[n:]
	b.mu.Unlock()
	if err != nil {
		return b.waiting(err)
	}
	return nil
}

func (b *Book) waiting(err error) error {
	return fmt.Errorf("visit %s: %w (%w)", b.Visit(), ErrWaiting, err)
}

// Divert takes the whole visit to another place, because the one that it was begun
// in can't be written any more. Nothing is written before the next Flush.
func (b *Book) Divert(to stick.Store) {
	b.flushing <- struct{}{}
	defer func() { <-b.flushing }()
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []stick.File
	for i, e := range b.chain.Envelopes() {
		if b.certified != nil && i == b.sealed {
			all = append(all, b.made...)
		}
		all = append(all, stick.File{Name: recordName(b.Visit(), i+1), Data: e, New: true})
	}
	b.store, b.queue = to, all
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
	return names, b.Flush(ctx)
}

func (b *Book) certify() ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.certified != nil {
		return b.certified, nil
	}
	envelopes := b.chain.Envelopes()
	certified := &certs.Certified{}
	var papers []stick.File
	var names []string
	for _, kind := range b.kinds() {
		paper, err := pdf.Make(kind, pdf.Input{Envelopes: envelopes, Signer: b.signer})
		if err != nil {
			return nil, fmt.Errorf("visit %s: the %s paper could not be made: %w", b.Visit(), kind, err)
		}
		name, sum := pdf.Name(kind, b.Visit(), 1), sha256.Sum256(paper)
		names = append(names, name)
		papers = append(papers, stick.File{Name: settings.CertificatesDir + "/" + name, Data: paper})
		certified.Papers = append(certified.Papers, certs.Paper{Name: name, SHA256: hex.EncodeToString(sum[:])})
	}
	queued := len(b.queue)
	if err := b.sealLocked(certs.Record{Kind: certs.KindCertified, Certified: certified}); err != nil {
		return nil, err
	}
	// The papers stand before the record that vouches for them. One that an earlier
	// start wrote and that this visit's records deny goes first: it would be genuine.
	last := b.queue[queued]
	b.queue = append(append(append(b.queue[:queued:queued], b.denied(names)...), papers...), last)
	b.certified, b.made, b.sealed = names, papers, len(envelopes)
	return names, nil
}

// denied are the papers on the medium, never certified, that are none of names.
func (b *Book) denied(names []string) (gone []stick.File) {
	for _, p := range b.papers {
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

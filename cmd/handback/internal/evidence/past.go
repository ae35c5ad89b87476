package evidence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/journal"
)

// Past is what an earlier start left of a drive's erasure: in this visit, or in the
// newest other visit of this stick that never said how it ended. It takes a STARTED
// that the stick has sealed; the marks beside it only say how far it had come. nil:
// there is none. An error says what could not be read: then there is less of a past,
// never more.
func (b *Book) Past(ctx context.Context, id drive.Identity) (*journal.Past, error) {
	b.marking.Lock()
	defer b.marking.Unlock()
	key := keyOf(id)
	if started, open := lastStart(b.Records(), key); started != nil {
		if !open {
			return nil, nil
		}
		return b.pastOf(ctx, b.Visit(), key, id, started)
	}
	names, err := b.otherMarks(ctx, key)
	if err != nil {
		return nil, err
	}
	var unread error
	for _, visit := range names {
		records, err := b.otherRecords(ctx, visit)
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		started, open := lastStart(records, key)
		if started == nil || !open || slices.ContainsFunc(records, func(r certs.Record) bool { return r.Finished != nil && keyOfRef(r.Finished.Drive) == key }) {
			continue // what came of it is on record, and the drive may have been used since
		}
		p, err := b.pastOf(ctx, visit, key, id, started)
		return p, errors.Join(unread, err)
	}
	return nil, unread
}

// lastStart of a drive in a visit; open: no record says that it came to an end which
// leaves nothing to go on with.
func lastStart(records []certs.Record, key string) (started *certs.Started, open bool) {
	for _, r := range records {
		switch {
		case r.Started != nil && keyOfRef(r.Started.Drive) == key:
			started, open = r.Started, true
		case r.Finished != nil && keyOfRef(r.Finished.Drive) == key:
			open = r.Finished.Verdict != certs.Sanitised && r.Finished.Verdict != certs.RefusedVerdict
		}
	}
	return started, open
}

func (b *Book) pastOf(ctx context.Context, visit, key string, id drive.Identity, s *certs.Started) (*journal.Past, error) {
	p := &journal.Past{Entry: journal.Entry{Drive: wipe.DrivePlan{Name: s.Drive.Name, Identity: id}, Step: wipe.Step{Technique: wipe.TechniqueID(s.Technique), Then: wipe.TechniqueID(s.Then), Level: wipeLevel(s.Level)},
		PlanDigest: s.PlanDigest, Resumed: s.Resumed}}
	e, err := b.readMarks(ctx, visit, key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p, nil
	case err != nil:
		return p, err
	case string(e.Entry.Step.Technique) == s.Technique && string(e.Entry.Step.Then) == s.Then:
		p.Entry, p.Marks = e.Entry, e.Marks
	default:
		// The power went between the STARTED of another technique and its first mark.
		for _, m := range e.Marks {
			if lasting(m) {
				p.Marks = append(p.Marks, m)
			}
		}
	}
	b.erasures[key] = erasure{marksSchema, p.Entry, p.Marks}
	return p, nil
}

func wipeLevel(l certs.Level) wipe.Level {
	switch l {
	case certs.LevelClear:
		return wipe.LevelClear
	case certs.LevelPurge:
		return wipe.LevelPurge
	}
	return wipe.LevelNone
}

// otherMarks are the other visits of this stick that have marks of a drive, the
// newest first.
func (b *Book) otherMarks(ctx context.Context, key string) (visits []string, err error) {
	b.mu.Lock()
	store := b.home.store
	b.mu.Unlock()
	names, err := store.List(ctx, settings.JournalDir)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		visit, ours := strings.CutSuffix(n, "-"+key+".json")
		if ours && visit != b.Visit() && strings.HasPrefix(visit, b.signer.Stick+"-") {
			visits = append(visits, visit)
		}
	}
	slices.Sort(visits)
	slices.Reverse(visits)
	return visits[:min(len(visits), visitsSeen)], nil
}

// otherRecords of a visit, as this stick has sealed them.
func (b *Book) otherRecords(ctx context.Context, visit string) ([]certs.Record, error) {
	number, err := strconv.Atoi(strings.TrimPrefix(visit, b.signer.Stick+"-"))
	if err != nil || visitName(b.signer.Stick, number) != visit {
		return nil, fmt.Errorf("%s is no visit of this stick", visit)
	}
	b.mu.Lock()
	store := b.home.store
	b.mu.Unlock()
	s, err := listSpool(ctx, store, b.signer.Stick)
	if err != nil {
		return nil, err
	}
	envelopes, err := s.envelopes(ctx, store, number)
	if err != nil {
		return nil, err
	}
	chain, err := sign.Continue(b.signer, envelopes)
	if err != nil {
		return nil, unverified(visit, err)
	}
	return chain.Records(), nil
}

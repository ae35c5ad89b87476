package evidence

import (
	"context"
	"errors"

	"handback.example/certs"
	"handback.example/wipe/journal"
)

var _ journal.Journal = (*Book)(nil)

// Started makes a Book the journal of an erasure: nil only when STARTED is on the
// medium. Asked again after an error it stores the STARTED that waits.
func (b *Book) Started(ctx context.Context, e journal.Entry) error {
	key, technique := keyOf(e.Drive.Identity), string(e.Step.Technique+" "+e.Step.Then)
	b.mu.Lock()
	waits := b.unsure[key] == technique
	b.mu.Unlock()
	var err error
	if waits {
		err = b.Flush(ctx)
	} else {
		err = b.AppendDurable(ctx, certs.Record{Kind: certs.KindStarted, Started: Started(e.Drive, e.Step, e.PlanDigest, e.Resumed)})
	}
	b.mu.Lock()
	delete(b.unsure, key)
	if errors.Is(err, ErrWaiting) {
		b.unsure[key] = technique
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	return b.begin(ctx, e)
}

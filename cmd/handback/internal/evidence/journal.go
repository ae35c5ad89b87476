package evidence

import (
	"context"

	"handback.example/certs"
	"handback.example/wipe/journal"
)

var _ journal.Journal = (*Book)(nil)

// Started makes a Book the journal of an erasure: nil only when STARTED is on the
// medium.
func (b *Book) Started(ctx context.Context, e journal.Entry) error {
	return b.AppendDurable(ctx, certs.Record{Kind: certs.KindStarted, Started: Started(e.Drive, e.Step, e.PlanDigest, e.Resumed)})
}

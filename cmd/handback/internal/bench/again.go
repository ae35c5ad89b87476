package bench

import (
	"context"
	"time"

	"handback.example/cmd/handback/internal/evidence"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/survey"
	"handback.example/wipe"
)

// againTime is how long a drive may take to answer once more: its end must come on
// record, with what it counts or without.
const againTime = 3 * time.Second

// Again looks at a drive after its erasure, for what it counts then. The zero Drive:
// nothing was sent to it, or it did not answer, or another one did.
func Again(ctx context.Context, opener drive.Opener, o wipe.Outcome) inspect.Drive {
	if o.Verdict == wipe.Refused {
		return inspect.Drive{}
	}
	ctx, cancel := context.WithTimeout(ctx, againTime)
	defer cancel()
	got := make(chan []inspect.Drive, 1)
	go func() { got <- survey.Ask(ctx, opener, o.Drive.Path) }()
	select {
	case d := <-got:
		return evidence.Find(d, o.After)
	case <-ctx.Done():
		return inspect.Drive{}
	}
}

package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"handback.example/cmd/internal/settings"
	"handback.example/inspect/drive"
	"handback.example/wipe/journal"
)

// Marks of one drive's erasure are one file of the journal folder, written anew at
// each mark: it is there whole, with the mark or without it. They are not records:
// they serve the next start after a power cut, and prove nothing.

// marksMax bounds what is read back.
const marksMax = 1000

// markFile of a drive in a visit. A drive whose capacity is restored changes its
// size, so that is not part of its key.
func (b *Book) markFile(id drive.Identity) string {
	key := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d", id.Model, id.Serial, id.WWN, id.Namespace))
	return fmt.Sprintf("%s/%s-%x.json", settings.JournalDir, b.Visit(), key[:8])
}

// Mark keeps one step of a drive's erasure before it is taken. nil says that it is
// on the medium.
func (b *Book) Mark(ctx context.Context, id drive.Identity, m journal.Mark) error {
	b.marking.Lock()
	defer b.marking.Unlock()
	marks, err := b.marks(ctx, id)
	if err != nil {
		return err
	}
	// Of an overwrite only the newest offset is of use.
	if n := len(marks); n > 0 && m.Step == journal.StepOffset && marks[n-1].Step == journal.StepOffset {
		marks = marks[:n-1]
	}
	if len(marks) >= marksMax {
		return fmt.Errorf("the erasure of %s has %d steps already", id.Serial, len(marks))
	}
	text, err := json.Marshal(append(marks, m))
	if err != nil {
		return err
	}
	return b.store.Write(ctx, b.markFile(id), text)
}

// Marks of a drive's erasure in this visit, in their order; none: nothing was marked.
func (b *Book) Marks(ctx context.Context, id drive.Identity) ([]journal.Mark, error) {
	b.marking.Lock()
	defer b.marking.Unlock()
	return b.marks(ctx, id)
}

func (b *Book) marks(ctx context.Context, id drive.Identity) ([]journal.Mark, error) {
	text, err := b.store.Read(ctx, b.markFile(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var marks []journal.Mark
	if err := json.Unmarshal(text, &marks); err != nil || len(marks) > marksMax {
		return nil, fmt.Errorf("%s is damaged: %w", b.markFile(id), errors.Join(err, errDamaged))
	}
	return marks, nil
}

var errDamaged = errors.New("what was written down of the erasure can't be read")

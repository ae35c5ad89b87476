package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect/drive"
	"handback.example/wipe/journal"
)

// Marks of one drive's erasure are one file of the journal folder, written anew at
// each mark: it is there whole, with the mark or without it. They are not records:
// they serve the next start after a power cut, and prove nothing. A file that is
// damaged or lost costs what it would have told, and stops nothing.

const (
	marksSchema = "handback.journal/1"
	// marksMax bounds what is read back and what one erasure may say.
	marksMax = 1000
)

// erasure is what is written down of one drive.
type erasure struct {
	Schema string         `json:"schema"`
	Entry  journal.Entry  `json:"entry"` // without the ladder
	Marks  []journal.Mark `json:"marks"`
}

// driveKey is who a drive is, in the name of its file. A drive whose capacity is
// restored changes its size, so that is no part of it.
func driveKey(model, serial, wwn string, namespace int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d", model, serial, wwn, namespace))
	return fmt.Sprintf("%x", sum[:8])
}

func keyOf(id drive.Identity) string {
	return driveKey(id.Model, id.Serial, id.WWN, int64(id.Namespace))
}

func keyOfRef(r certs.DriveRef) string { return driveKey(r.Model, r.Serial, r.WWN, r.Namespace) }

func markFile(visit, key string) string {
	return fmt.Sprintf("%s/%s-%s.json", settings.JournalDir, visit, key)
}

// begin the erasure of a drive in its file, once its STARTED is durable. What an
// earlier start left stays as far as it still holds.
func (b *Book) begin(ctx context.Context, e journal.Entry) error {
	b.marking.Lock()
	defer b.marking.Unlock()
	key := keyOf(e.Drive.Identity)
	was, err := b.erasure(ctx, key)
	if errors.Is(err, errDamaged) {
		err = nil // it is replaced: nothing of it can be used
	}
	if err != nil {
		return err
	}
	marks := was.Marks
	if was.Entry.Step.Technique != e.Step.Technique || was.Entry.Step.Then != e.Step.Then {
		marks = slices.DeleteFunc(slices.Clone(marks), func(m journal.Mark) bool { return !lasting(m) })
	}
	e.Drive.Ladder, e.Drive.Warnings = nil, nil
	return b.write(ctx, key, erasure{marksSchema, e, marks})
}

// lasting is a mark of what holds of the drive whatever is done to it next.
func lasting(m journal.Mark) bool {
	return m.Step == journal.StepPassword || m.Step == journal.StepRestore
}

// progressed is a mark of how far one erasure got.
func progressed(m journal.Mark) bool {
	return m.Step == journal.StepOffset || m.Step == journal.StepErased
}

// Mark keeps one step of a drive's erasure before it is taken. nil says that it is
// on the medium.
func (b *Book) Mark(ctx context.Context, id drive.Identity, m journal.Mark) error {
	b.marking.Lock()
	defer b.marking.Unlock()
	key := keyOf(id)
	e, err := b.erasure(ctx, key)
	switch {
	case errors.Is(err, errDamaged):
		e = erasure{Schema: marksSchema}
	case err != nil:
		return err
	}
	if e.Marks = withMark(e.Marks, m); len(e.Marks) > marksMax {
		return fmt.Errorf("the erasure of %s has %d steps already", id.Serial, marksMax)
	}
	return b.write(ctx, key, e)
}

// withMark adds one. Of an overwrite only the newest offset is of use; an erasure
// that is begun otherwise than before has come nowhere yet.
func withMark(marks []journal.Mark, m journal.Mark) []journal.Mark {
	marks = slices.Clone(marks)
	n := len(marks)
	switch {
	case m.Step == journal.StepOffset && n > 0 && marks[n-1].Step == m.Step:
		marks = marks[:n-1]
	case m.Step == journal.StepIssue:
		p := journal.Past{Marks: marks}
		if last := p.Last(m.Step); last != nil && !maps.Equal(last.Data, m.Data) {
			marks = slices.DeleteFunc(marks, progressed)
		}
	}
	return append(marks, m)
}

// write a drive's file. What can't be written is not believed to be there.
func (b *Book) write(ctx context.Context, key string, e erasure) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	b.mu.Lock()
	store := b.home.store
	b.mu.Unlock()
	if err := store.Write(ctx, markFile(b.Visit(), key), text); err != nil {
		return err
	}
	b.erasures[key] = e
	return nil
}

// erasure of a drive in this visit as it is written down; empty: it is not.
func (b *Book) erasure(ctx context.Context, key string) (erasure, error) {
	if e, ok := b.erasures[key]; ok {
		return e, nil
	}
	e, err := b.readMarks(ctx, b.Visit(), key)
	if errors.Is(err, fs.ErrNotExist) {
		return erasure{Schema: marksSchema}, nil
	}
	return e, err
}

var errDamaged = errors.New("what was written down of an erasure that was cut off can't be read, so it is begun anew")

func (b *Book) readMarks(ctx context.Context, visit, key string) (e erasure, err error) {
	b.mu.Lock()
	store := b.home.store
	b.mu.Unlock()
	text, err := store.Read(ctx, markFile(visit, key))
	if err != nil {
		return erasure{}, err
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return erasure{}, fmt.Errorf("%s: %w (%w)", markFile(visit, key), errDamaged, err)
	}
	if e.Schema != marksSchema || len(e.Marks) > marksMax || e.Entry.Drive.Identity != (drive.Identity{}) && keyOf(e.Entry.Drive.Identity) != key {
		return erasure{}, fmt.Errorf("%s: %w", markFile(visit, key), errDamaged)
	}
	return e, nil
}

// Settle tidies up when a drive's FINISHED is recorded: of one that is sanitised, or
// to which nothing was sent, nothing need be known any more; of another, no longer how
// far it had come. It is no record, so what can't be done now is left.
func (b *Book) Settle(ctx context.Context, id drive.Identity, v certs.Verdict) error {
	b.marking.Lock()
	defer b.marking.Unlock()
	key := keyOf(id)
	if v != certs.Sanitised && v != certs.RefusedVerdict {
		e, err := b.erasure(ctx, key)
		if err != nil || !slices.ContainsFunc(e.Marks, progressed) {
			return err
		}
		e.Marks = slices.DeleteFunc(slices.Clone(e.Marks), progressed)
		return b.write(ctx, key, e)
	}
	delete(b.erasures, key)
	b.mu.Lock()
	store := b.home.store
	b.mu.Unlock()
	names, err := store.List(ctx, settings.JournalDir)
	if err != nil {
		return err
	}
	var gone []stick.File
	for _, n := range names {
		if strings.HasSuffix(n, "-"+key+".json") && strings.HasPrefix(n, b.signer.Stick+"-") {
			gone = append(gone, stick.File{Name: settings.JournalDir + "/" + n, Remove: true})
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return store.WriteAll(ctx, gone)
}

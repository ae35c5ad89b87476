package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/journal"
)

// past of a drive that is erased by a technique in a visit of its own.
type past struct {
	t    *testing.T
	path string
	seal *sign.Signer
	book *evidence.Book
	id   drive.Identity
}

func newPast(t *testing.T) *past {
	t.Helper()
	p := &past{t: t, path: t.TempDir(), seal: newSigner(t), id: drive.Identity{Bus: drive.BusSATA, Model: "Example SSD", Serial: "S-1", WWN: "naa.5000c500a1b2c3d4", Size: 1 << 20}}
	b, err := evidence.Begin(ctx, newDir(t, p.path), p.seal, intake(), evidence.Now)
	if err != nil {
		t.Fatal(err)
	}
	p.book = b
	return p
}

// resume is the next start, in the same visit.
func (p *past) resume() {
	p.t.Helper()
	b, err := evidence.Resume(ctx, newDir(p.t, p.path), p.seal, evidence.Now)
	if err != nil || b == nil {
		p.t.Fatal(b, err)
	}
	p.book = b
}

func entry(id drive.Identity, technique wipe.TechniqueID) journal.Entry {
	return journal.Entry{Drive: wipe.DrivePlan{Name: "A", Identity: id, Geometry: drive.Geometry{Size: id.Size, LogicalBlock: 512, PhysicalBlock: 512},
		Ladder: []wipe.Step{{Technique: technique, Level: wipe.LevelPurge}}}, Step: wipe.Step{Technique: technique, Level: wipe.LevelPurge}, PlanDigest: "0d"}
}

func (p *past) start(technique wipe.TechniqueID) {
	p.t.Helper()
	if err := p.book.Started(ctx, entry(p.id, technique)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) mark(step string, kv ...string) {
	p.t.Helper()
	m := journal.Mark{Step: step}
	if len(kv) > 0 {
		m.Data = map[string]string{kv[0]: kv[1]}
	}
	if err := p.book.Mark(ctx, p.id, m); err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) finish(v certs.Verdict) {
	p.t.Helper()
	f := &certs.Finished{Drive: evidence.Ref("A", p.id), Verdict: v, Level: certs.LevelNone}
	if err := p.book.Append(ctx, certs.Record{Kind: certs.KindFinished, Finished: f}); err != nil {
		p.t.Fatal(err)
	}
}

// cut is the next start of the machine.
func (p *past) cut(signer func() *evidence.Book) { p.book = signer() }

func steps2(p *journal.Past) string {
	if p == nil {
		return "none"
	}
	var s []string
	for _, m := range p.Marks {
		one := m.Step
		for _, v := range m.Data {
			one += "=" + v
		}
		s = append(s, one)
	}
	return string(p.Entry.Step.Technique) + ": " + strings.Join(s, " ")
}

func (p *past) want(want string) {
	p.t.Helper()
	is, err := p.book.Past(ctx, p.id)
	if got := steps2(is); got != want || err != nil {
		p.t.Errorf("the past is %q (%v), want %q", got, err, want)
	}
}

// What was marked is found by the next start, as far as it still holds.
func TestPast(t *testing.T) {
	p := newPast(t)
	p.want("none")
	p.start(wipe.ATASecurityErase)
	p.want("ata-security-erase: ")
	p.mark(journal.StepPassword)
	p.mark(journal.StepIssue, "frame", "f4")
	p.resume()
	p.want("ata-security-erase: password issue=f4")
	// The same technique goes on: its past stays.
	p.start(wipe.ATASecurityErase)
	p.want("ata-security-erase: password issue=f4")
	// Another one: only what holds of the drive.
	p.start(wipe.OverwriteZero)
	p.want("overwrite-zero: password")
	p.mark(journal.StepIssue, "key", "1")
	p.mark(journal.StepOffset, "offset", "4096")
	p.mark(journal.StepOffset, "offset", "8192")
	p.want("overwrite-zero: password issue=1 offset=8192")
	p.mark(journal.StepIssue, "key", "1")
	p.want("overwrite-zero: password issue=1 offset=8192 issue=1")
	// With another key nothing of what was written counts.
	p.mark(journal.StepIssue, "key", "2")
	p.want("overwrite-zero: password issue=1 issue=1 issue=2")
	// The record of the cut leaves the marks as they are.
	p.mark(journal.StepOffset, "offset", "512")
	p.finish(certs.Interrupted)
	p.want("overwrite-zero: password issue=1 issue=1 issue=2 offset=512")
	// A person's stop is tidied up: the drive may be used before the next start.
	if err := p.book.Settle(ctx, p.id, certs.Interrupted); err != nil {
		t.Error(err)
	}
	p.want("overwrite-zero: password issue=1 issue=1 issue=2")
	p.start(wipe.OverwriteZero)
	p.finish(certs.Sanitised)
	p.want("none")
	if err := p.book.Settle(ctx, p.id, certs.Sanitised); err != nil {
		t.Error(err)
	}
	if left, err := newDir(t, p.path).List(ctx, settings.JournalDir); err != nil || len(left) != 0 {
		t.Errorf("left in the journal: %v, %v", left, err)
	}
}

// The drive is found under another size, name and letter, but not under another serial.
func TestPastIsOfTheDrive(t *testing.T) {
	p := newPast(t)
	p.start(wipe.ATASanitizeBlock)
	p.mark(journal.StepRestore)
	p.id.Size *= 2
	p.id.Firmware = "2"
	p.want("ata-sanitize-block: restore")
	p.id.Serial = "S-2"
	p.want("none")
}

// Whatever stands in the file: it blocks nothing, and it makes no past that the signed
// records do not have.
func TestMarksDamaged(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "cut": `{"schema":"handback.journal/1","marks":[{"st`, "other": `{"schema":"x"}`, "list": `[]`, "null": `null`,
		"of another drive": `{"schema":"handback.journal/1","entry":{"drive":{"identity":{"serial":"S-9"}},"step":{"technique":"overwrite-zero"}},"marks":[{"step":"offset"}]}`,
		"too long":         `{"schema":"handback.journal/1","marks":[` + strings.Repeat(`{"step":"x"},`, 2000) + `{"step":"x"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPast(t)
			p.start(wipe.OverwriteZero)
			p.mark(journal.StepOffset, "offset", "8192")
			store := newDir(t, p.path)
			names, err := store.List(ctx, settings.JournalDir)
			if err != nil || len(names) != 1 {
				t.Fatal(names, err)
			}
			if err := store.Write(ctx, settings.JournalDir+"/"+names[0], []byte(text)); err != nil {
				t.Fatal(err)
			}
			p.resume()
			is, err := p.book.Past(ctx, p.id)
			if got := steps2(is); got != "overwrite-zero: " || err == nil {
				t.Errorf("the past is %q, error %v", got, err)
			}
			p.start(wipe.OverwriteZero)
			p.mark(journal.StepIssue)
			p.want("overwrite-zero: issue")
		})
	}
}

// Marks without a STARTED that the stick sealed are nobody's past.
func TestMarksWithoutARecord(t *testing.T) {
	p := newPast(t)
	p.start(wipe.OverwriteZero)
	p.mark(journal.StepOffset, "offset", "8192")
	store := newDir(t, p.path)
	if err := os.Remove(filepath.Join(p.path, settings.SpoolDir, "S01-000001-0002.json")); err != nil {
		t.Fatal(err)
	}
	b, err := evidence.Begin(ctx, store, newSigner(t), intake(), evidence.Now)
	if err != nil {
		t.Fatal(err)
	}
	if is, err := b.Past(ctx, p.id); is != nil || err == nil {
		t.Errorf("another stick's records make the past %q (%v)", steps2(is), err)
	}
}

// A visit that never said how it ended is the past of the next one of this stick; one
// that did is not, for the drive may have been used since.
func TestPastOfAnotherVisit(t *testing.T) {
	for _, ended := range []bool{false, true} {
		t.Run(fmt.Sprint(ended), func(t *testing.T) {
			store, signer := newDir(t, t.TempDir()), newSigner(t)
			begin := func() *evidence.Book {
				b, err := evidence.Begin(ctx, store, signer, intake(), evidence.Now)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			p := newPast(t)
			p.cut(begin)
			p.start(wipe.ATASecurityErase)
			p.mark(journal.StepPassword)
			if ended {
				p.finish(certs.Failed)
			}
			p.cut(begin)
			want := "ata-security-erase: password"
			if ended {
				want = "none"
			}
			p.want(want)
			p.start(wipe.ATASecurityErase)
			p.want("ata-security-erase: " + map[bool]string{false: "password"}[ended])
			p.finish(certs.Sanitised)
			if err := p.book.Settle(ctx, p.id, certs.Sanitised); err != nil {
				t.Error(err)
			}
			if left, err := store.List(ctx, settings.JournalDir); err != nil || len(left) != 0 {
				t.Errorf("left in the journal: %v, %v", left, err)
			}
		})
	}
}

// away is a stick that can be out.
type away struct {
	stick.Store
	out bool
}

func (a *away) WriteAll(ctx context.Context, f []stick.File) error {
	if a.out {
		return stick.ErrGone
	}
	return a.Store.WriteAll(ctx, f)
}

func (a *away) Write(ctx context.Context, name string, b []byte) error {
	return a.WriteAll(ctx, []stick.File{{Name: name, Data: b}})
}

// A step that could not be written is not there afterwards, and a STARTED that waited
// is stored, not made twice.
func TestStickGoneAndBack(t *testing.T) {
	store := &away{Store: newDir(t, t.TempDir())}
	b, err := evidence.Begin(ctx, store, newSigner(t), intake(), evidence.Now)
	if err != nil {
		t.Fatal(err)
	}
	p := newPast(t)
	p.book = b
	store.out = true
	for range 2 {
		if err := b.Started(ctx, entry(p.id, wipe.OverwriteZero)); !errors.Is(err, stick.ErrGone) {
			t.Errorf("started: %v", err)
		}
	}
	store.out = false
	p.start(wipe.OverwriteZero)
	store.out = true
	if err := b.Mark(ctx, p.id, journal.Mark{Step: journal.StepIssue}); !errors.Is(err, stick.ErrGone) {
		t.Errorf("mark: %v", err)
	}
	store.out = false
	p.want("overwrite-zero: ")
	p.mark(journal.StepErased)
	p.want("overwrite-zero: erased")
	if n := len(b.Records()); n != 2 {
		t.Errorf("%d records, want INTAKE and one STARTED", n)
	}
}

package bench

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"handback.example/certs/paper"
	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/ipp"
	"handback.example/cmd/internal/settings"
)

// printTime is how long printing may take before the person is told that it has not
// come to an end. The visit waits for it in no case.
const printTime = 5 * time.Minute

// beingPrinted is what the screen says until it is known.
const beingPrinted = "being printed"

// print sends papers and label to the printer that the settings name, one after the
// other, and comes back at once. What comes of it is shown, and changes nothing else.
func (e *Engine) print(book *evidence.Book) {
	p := e.station.Settings.Print
	docs := toPrint(book, p)
	if p.URI == "" || e.w.Print == nil || len(docs) == 0 {
		return
	}
	e.printed(beingPrinted)
	go func() {
		ctx, cancel := context.WithTimeout(e.ctx, printTime)
		defer cancel()
		var names []string
		for _, d := range docs {
			if err := e.w.Print(ctx, p.URI, d); err != nil {
				e.printed(notPrinted(names, err))
				eventlog.Event("not-printed", "paper", d.Name, "why", err)
				return
			}
			names = append(names, d.Name)
			eventlog.Event("printed", "paper", d.Name)
		}
		e.printed(strings.Join(names, ", "))
	}()
}

// printing goes on. It ends within printTime.
func (e *Engine) printing() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.prints == beingPrinted
}

func (e *Engine) printed(what string) { e.update(func() { e.prints = what }) }

// notPrinted for people: the papers are not lost.
func notPrinted(done []string, err error) string {
	what := err.Error()
	if errors.Is(err, context.DeadlineExceeded) {
		what = "the printer does not come to an end"
	}
	s := sentence(what) + ". "
	if len(done) > 0 {
		s += "Printed is only " + strings.Join(done, ", ") + ". "
	}
	return s + "The papers are on the stick, and can be printed from there."
}

// toPrint are the files that the settings want printed, in their order.
func toPrint(book *evidence.Book, p settings.Print) (docs []ipp.Document) {
	kinds := map[string][]paper.Kind{settings.PrintErasure: {paper.Erasure}, settings.PrintDisposal: {paper.Disposal, paper.Hold}}
	made := book.Made()
	for _, what := range p.What {
		for _, f := range made {
			base := path.Base(f.Name)
			ofKind := slices.ContainsFunc(kinds[what], func(k paper.Kind) bool { return strings.HasPrefix(base, book.Visit()+"-"+string(k)+".") })
			isLabel := what == settings.PrintLabel && path.Dir(f.Name) == settings.LabelsDir
			if path.Ext(base) != ".pdf" || !ofKind && !isLabel {
				continue
			}
			d := ipp.Document{Name: base, Data: f.Data, Copies: p.Copies, Media: ipp.A4}
			if isLabel {
				d.Name, d.Media = "label-"+base, ""
			}
			docs = append(docs, d)
		}
	}
	return docs
}

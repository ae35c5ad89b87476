package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"handback.example/certs"
	"handback.example/certs/label"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/handback/internal/wire"
)

// stickWait bounds one turn of writing: a stick that doesn't answer must not hold
// the visit up. What was not written waits in memory.
const stickWait = 30 * time.Second

// openBook reserves the visit's number and records intake and facts, durably.
func (e *Engine) openBook() error {
	if err := e.reserve(); err != nil {
		return err
	}
	e.record(append([]certs.Record{e.facts()}, e.removedRecords()...)...)
	return nil
}

// reserve the visit's number by its INTAKE, unless it has one.
func (e *Engine) reserve() error {
	if e.book != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(e.ctx, stickWait)
	defer cancel()
	b, err := evidence.Begin(ctx, e.station.Store, e.station.Signer, e.intake, e.now)
	if err != nil {
		what, do := stick.Explain(err)
		return fmt.Errorf("%s: %s: nothing was erased", what, do)
	}
	b.WithLabel(label.Size(e.station.Settings.Label.Size))
	e.keepCopies(ctx, b)
	e.update(func() { e.book = b })
	e.say("visit", "visit "+b.Visit(), "visit", b.Visit())
	return nil
}

func (e *Engine) facts() certs.Record {
	return certs.Record{Kind: certs.KindFacts, Facts: evidence.Facts(e.report, e.plan, evidence.Tool(e.station.Image))}
}

// record seals records into the visit, and stores them in one turn of the stick. Where
// it can't take them now they wait in memory, and the screen says so.
func (e *Engine) record(rs ...certs.Record) {
	if len(rs) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(e.ctx, stickWait)
	defer cancel()
	err := e.book.Append(ctx, rs...)
	if errors.Is(err, evidence.ErrRefused) {
		// What it would have said is missing, and what is missing never helps.
		e.say("record-refused", fmt.Sprintf("of %s, a record is missing: %v", kindsOf(rs), err), "kind", kindsOf(rs), "why", err)
	}
	if errors.Is(err, evidence.ErrWaiting) {
		e.update(func() { e.waits = true })
		e.say("record-waits", fmt.Sprintf("%s waits in memory: %v", kindsOf(rs), err), "kind", kindsOf(rs), "why", err)
	}
}

func kindsOf(rs []certs.Record) string {
	var kinds []string
	for _, r := range rs {
		if k := string(r.Kind); !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return strings.Join(kinds, ", ")
}

// watchTime is how often stick and power lead are looked at.
const watchTime = time.Second

// watch follows the stick and the power lead for as long as the engine runs.
func (e *Engine) watch(ctx context.Context) {
	tick := time.NewTicker(watchTime)
	defer tick.Stop()
	present := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			present = e.look(ctx, present)
		}
	}
}

// look at the stick once: what waits in memory is written when it is back.
func (e *Engine) look(ctx context.Context, was bool) bool {
	e.mu.Lock()
	store, book, stage, waits := e.station.Store, e.book, e.stage, e.waits
	e.mu.Unlock()
	if store == nil || stage == wire.StagePowerOff {
		return was
	}
	now := store.Present()
	switch {
	case was && !now:
		e.say("stick-gone", "the stick was taken out")
	case !was && now:
		e.say("stick-back", "the stick is back")
	}
	pending := 0
	if waits && book != nil {
		if now && book.Behind() > 0 {
			e.flush(ctx, store, book)
		}
		if pending = book.Pending(); pending > 0 {
			e.trySecond(ctx, book)
			pending = book.Pending()
		}
		e.update(func() { e.waits = book.Behind() > 0 })
	}
	e.stickNotice(store, now, pending)
	return now
}

// flush what waits to the stick that the visit was begun on.
func (e *Engine) flush(ctx context.Context, store stick.Store, book *evidence.Book) {
	ctx, cancel := context.WithTimeout(ctx, stickWait)
	defer cancel()
	if err := book.Flush(ctx); err != nil {
		return
	}
	e.say("flushed", "what waited in memory is on the stick")
	if book.Made() != nil {
		e.listDay(book, store)
	}
}

// stickNotice keeps what is to be said of the stick: it is needed, and not there.
func (e *Engine) stickNotice(of stick.Store, present bool, waits int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.station.Store != of {
		return // another was found meanwhile
	}
	n := e.secondNotice(waits)
	switch {
	case n != nil:
	case waits > 0 && present:
		n = &wire.Notice{Mark: wire.MarkBad, What: fmt.Sprintf("%d records can't be written to the stick and wait in memory.", waits),
			Do: "Do not switch off. Put another stick of this hub in: they go to it."}
	case waits > 0:
		n = &wire.Notice{Mark: wire.MarkBad, What: fmt.Sprintf("The stick is gone. %d records wait in memory.", waits), Do: "Put the stick back, or another stick of this hub in. Do not switch off."}
	case e.held.Load() > 0:
		n = &wire.Notice{Mark: wire.MarkBad, What: "The stick is gone, and an erasure waits for it: nothing is done without a record.", Do: "Put the stick back: it goes on by itself."}
	case !present && e.stage != wire.StageErase:
		n = &wire.Notice{Mark: wire.MarkWarn, What: "The stick is gone.", Do: "Put the stick back."}
	}
	if (n == nil) != (e.atStick == nil) || n != nil && *n != *e.atStick {
		e.atStick, e.revision = n, e.revision+1
	}
}

// stickMayGo: what must be on the stick is on it. Before the erasing command of every
// drive is written down there, a stick that is pulled would hold it up.
func (e *Engine) stickMayGo() bool {
	if e.book == nil || e.book.Pending() > 0 || e.fleet == nil {
		return false
	}
	for _, s := range e.fleet.Status() {
		if s.Outcome == nil && !e.begun[s.Name] {
			return false
		}
	}
	return true
}

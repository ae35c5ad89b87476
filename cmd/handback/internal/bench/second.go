package bench

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/settings"
)

// Second is another stick that records may go to while the first one is away.
type Second struct {
	Name  string // 'S02'
	Store stick.Store
}

// errNotOurs: the other stick may not take this one's records.
var errNotOurs = errors.New("that stick is not one of this hub's")

// findSecond opens the one other stick in the machine, if the hub of the first one
// has enrolled it. Until that is known nothing of it is written.
func findSecond(ctx context.Context, home stick.Store, root *x509.Certificate, own string, now time.Time) (Second, error) {
	s, ok := home.(*stick.Stick)
	if !ok {
		return Second{}, stick.ErrGone
	}
	disk, err := s.Another(ctx)
	if err != nil {
		return Second{}, err
	}
	esp, err := stick.ReadESP(ctx, disk)
	if err != nil {
		return Second{}, err
	}
	name, err := enrolled(esp.Keys, root, own, now)
	if err != nil {
		return Second{}, err
	}
	st, err := stick.Prepare(ctx, disk)
	return Second{name, st}, err
}

// enrolled gives the name of a stick whose certificate the root vouches for today.
func enrolled(keys map[string][]byte, root *x509.Certificate, own string, now time.Time) (string, error) {
	if len(keys[settings.StickPEM]) == 0 {
		return "", fmt.Errorf("%w: it is not enrolled", errNotOurs)
	}
	cert, err := sign.ParseCert(keys[settings.StickPEM])
	if err != nil {
		return "", fmt.Errorf("%w: its certificate can't be read: %w", errNotOurs, err)
	}
	if _, err := sign.CheckStick(root, cert, now); err != nil {
		return "", fmt.Errorf("%w: %w", errNotOurs, err)
	}
	name, err := sign.StickOf(cert)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", errNotOurs, err)
	case name == own:
		return "", fmt.Errorf("%w: it bears the name of the stick that is away, %s", errNotOurs, name)
	}
	return name, nil
}

// secondTime is how often another stick is looked for: it costs a look at every disk.
const secondTime = 3 * time.Second

// trySecond stores what waits on another stick. Called by watch alone.
func (e *Engine) trySecond(ctx context.Context, book *evidence.Book) {
	if e.w.Second == nil || e.w.Now().Sub(e.second.looked).Abs() < secondTime {
		return
	}
	e.second.looked = e.w.Now()
	ctx, cancel := context.WithTimeout(ctx, stickWait)
	defer cancel()
	s, err := e.w.Second(ctx, e.station)
	if err == nil && e.second.is.Store != nil && s.Name == e.second.is.Name {
		s = e.second.is // the same again, and what it has is known
	}
	if err == nil {
		err = book.FlushTo(ctx, s.Store)
	}
	if errors.Is(err, stick.ErrGone) {
		err = nil // there is none
	} else if err == nil {
		e.update(func() { e.second.is = s })
		e.say("on-second-stick", fmt.Sprintf("what waited in memory is on stick %s", s.Name), "stick", s.Name)
		e.listDay(book, s.Store)
	} else {
		e.say("no-second-stick", "another stick can't take the records: "+err.Error(), "why", err)
	}
	e.update(func() { e.second.err = err })
}

// secondNotice says what came of another stick, if there is one. Called with e.mu held.
func (e *Engine) secondNotice(waits int) *wire.Notice {
	own, is, err := e.station.Settings.Stick, e.second.is.Name, e.second.err
	switch {
	case waits > 0 && errors.Is(err, errNotOurs):
		why := strings.TrimPrefix(err.Error(), errNotOurs.Error()+": ")
		return &wire.Notice{Mark: wire.MarkBad, What: fmt.Sprintf("The stick that was put in is not one of this hub's (%s). %d records wait in memory.", why, waits),
			Do: "Do not switch off. Put in stick " + own + ", or another stick of this hub."}
	case waits == 0 && e.held.Load() == 0 && is != "" && e.book != nil && e.book.Behind() > 0:
		return &wire.Notice{Mark: wire.MarkWarn, What: fmt.Sprintf("The records of this machine are on stick %s, because stick %s is away.", is, own),
			Do: fmt.Sprintf("Put stick %s back before you switch off. If you can't, give both sticks to your supervisor together.", own)}
	}
	return nil
}

// countCopies of records that an engine that died has left: until they are on a stick
// the machine must stay on.
func (e *Engine) countCopies(ctx context.Context) {
	if e.w.Copies == nil {
		return
	}
	names, err := e.w.Copies.List(ctx, settings.SpoolDir)
	if err != nil {
		e.say("copies-unread", "what an earlier program has left in memory can't be read: "+err.Error(), "why", err)
	}
	e.update(func() { e.stranded = len(names) })
}

// recoverCopies stores them. An error says what must be done before anything else.
func (e *Engine) recoverCopies(ctx context.Context) error {
	if e.stranded == 0 || e.station.Store == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*stickWait)
	defer cancel()
	visits, err := evidence.Recover(ctx, e.w.Copies, e.station.Store, e.station.Signer.Root)
	if err != nil {
		return err
	}
	e.update(func() { e.stranded = 0 })
	for _, v := range visits {
		e.say("recovered", "the records of visit "+v+" were in memory and are on the stick", "visit", v)
	}
	return nil
}

// keepCopies of a visit in memory, from now on. Keys that nobody vouches for are new at
// each start of the engine: nothing of theirs can be gone on with.
func (e *Engine) keepCopies(ctx context.Context, book *evidence.Book) {
	if e.w.Copies == nil || e.station.Signer.Class == sign.Unenrolled {
		return
	}
	if err := book.KeepCopies(ctx, e.w.Copies); err != nil {
		e.say("no-copies", "no copy of the records can be kept in memory: "+err.Error(), "why", err)
	}
}

// listDay writes the list of the visit's day beside the papers. It is no record: what
// can't be done now is done with the next visit of the day.
func (e *Engine) listDay(book *evidence.Book, st stick.Store) {
	ctx, cancel := context.WithTimeout(e.ctx, stickWait)
	defer cancel()
	if err := evidence.WriteDay(ctx, st, e.station.Signer.Root, book.Day()); err != nil {
		e.say("no-list", "the day's list could not be written: "+err.Error(), "why", err)
	}
}

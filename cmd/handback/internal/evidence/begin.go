package evidence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/settings"
)

const (
	// room that a visit's records and papers may need, in bytes: a stick without it
	// is full before anything is erased, not after.
	room = 8 << 20
	// visitMost is how long a visit may take: the largest disks are overwritten and
	// read back for days.
	visitMost = 72 * time.Hour
	// numbersTried bounds how many numbers others may take from under us.
	numbersTried = 100
	// visitsSeen is how far back Resume looks. An older visit that was never
	// certified is the hub's to find.
	visitsSeen = 16
)

// Begin starts a visit: it reserves the stick's next number by writing INTAKE,
// which names the INTAKE of the visit before. A number that may be taken is
// skipped; after an error none is reserved, and the visit has not begun.
func Begin(ctx context.Context, st stick.Store, s *sign.Signer, in certs.Intake, now Clock) (*Book, error) {
	if err := checkClock(s, now); err != nil {
		return nil, err
	}
	if left := s.Cert.NotAfter.Sub(wall(now)); left < visitMost {
		return nil, notBegun(fmt.Errorf("the certificate of stick %s ends on %s, maybe before this visit does: what is signed later is worth nothing; have the stick enrolled again",
			s.Stick, s.Cert.NotAfter.UTC().Format("2 January 2006 15:04")))
	}
	if free, err := st.Free(); err != nil {
		return nil, notBegun(err)
	} else if free < room {
		return nil, notBegun(fmt.Errorf("%w (%d bytes are free)", stick.ErrFull, free))
	}
	taken := 0
	for range numbersTried {
		b, number, err := reserve(ctx, st, s, in, now, taken)
		if !errors.Is(err, fs.ErrExist) {
			return b, err
		}
		taken = number
	}
	return nil, notBegun(errors.New("every number that was tried is taken"))
}

func notBegun(err error) error {
	return fmt.Errorf("the visit could not be begun, and nothing was erased: %w", err)
}

// reserve tries the number after the highest one known.
func reserve(ctx context.Context, st stick.Store, s *sign.Signer, in certs.Intake, now Clock, taken int) (*Book, int, error) {
	spool, err := listSpool(ctx, st, s.Stick)
	if err != nil {
		return nil, 0, notBegun(err)
	}
	number := max(spool.last, taken) + 1
	if in.Previous, err = spool.previous(ctx, st); err != nil {
		return nil, 0, notBegun(err)
	}
	chain := sign.NewChain(s, visitName(s.Stick, number))
	envelope, err := chain.Append(certs.Record{Kind: certs.KindIntake, At: now(), Intake: &in})
	if err != nil {
		return nil, 0, notBegun(err)
	}
	if err := st.Create(ctx, recordName(chain.Visit(), 1), envelope); err != nil {
		return nil, number, notBegun(err)
	}
	return newBook(st, s, chain, now), number, nil
}

// Resume goes on with the newest visit that was never certified; nil, nil when
// there is none. A visit that has nothing but its INTAKE is left as it is:
// nothing was done in it, and it may be of another machine. Records that can't be
// verified are an error and stay where they are.
func Resume(ctx context.Context, st stick.Store, s *sign.Signer, now Clock) (*Book, error) {
	return ResumeWhere(ctx, st, s, now, func(certs.Summary) bool { return true })
}

// ResumeWhere is Resume for the newest such visit that suits: a stick goes from
// machine to machine, and a visit belongs to one.
func ResumeWhere(ctx context.Context, st stick.Store, s *sign.Signer, now Clock, suits func(certs.Summary) bool) (*Book, error) {
	spool, err := listSpool(ctx, st, s.Stick)
	if err != nil {
		return nil, err
	}
	visits := spool.newest()
	for _, n := range visits[:min(len(visits), visitsSeen)] {
		if over, err := spool.ended(ctx, st, n); err != nil {
			return nil, err
		} else if over || len(spool.seqs[n]) == 1 && spool.seqs[n][0] == 1 {
			continue
		}
		b, err := open(ctx, st, s, now, spool, n)
		if err != nil {
			return nil, err
		}
		if !suits(b.Summary()) {
			continue
		}
		if err := checkClock(s, now); err != nil {
			return nil, err
		}
		return b, nil
	}
	return nil, nil
}

func open(ctx context.Context, st stick.Store, s *sign.Signer, now Clock, spool spool, number int) (*Book, error) {
	name := visitName(s.Stick, number)
	envelopes, err := spool.envelopes(ctx, st, number)
	if err != nil {
		return nil, err
	}
	chain, err := sign.Continue(s, envelopes)
	if err != nil {
		return nil, unverified(name, err)
	}
	if chain.Visit() != name {
		return nil, unverified(name, fmt.Errorf("they are of visit %s", chain.Visit()))
	}
	b := newBook(st, s, chain, now)
	papers, err := st.List(ctx, settings.CertificatesDir)
	if err != nil {
		return nil, err
	}
	for _, p := range papers {
		if strings.HasPrefix(p, name+"-") {
			b.papers = append(b.papers, p)
		}
	}
	return b, nil
}

// ErrUnverified is wrapped where the records on the medium are not what this
// stick sealed, or not all of it.
var ErrUnverified = errors.New("its records can't be verified; they stay as they are: keep this stick for the supervisor")

func unverified(visit string, err error) error {
	return fmt.Errorf("visit %s is not gone on with: %w (%w)", visit, ErrUnverified, err)
}

// wall time of a clock that checkClock has found good.
func wall(now Clock) time.Time {
	t, err := time.Parse(time.RFC3339, now().Wall)
	if err != nil {
		return time.Unix(1<<40, 0) // later than any certificate
	}
	return t
}

// checkClock: what is signed outside the certificate's validity is worth nothing.
func checkClock(s *sign.Signer, now Clock) error {
	t, err := time.Parse(time.RFC3339, now().Wall)
	if err != nil {
		return err
	}
	return s.CheckClock(t)
}

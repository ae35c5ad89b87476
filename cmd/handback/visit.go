package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/bench"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/linux"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/journal"
	"handback.example/wipe/plan"
)

// storeWait bounds one turn of writing to the folder of records.
const storeWait = time.Minute

// visit is the record of one wipe.
type visit struct {
	out, state *stick.Dir
	signer     *sign.Signer
	book       *evidence.Book
	found      []inspect.Drive // as they were looked at before
	told       map[string]bool // drives whose FINISHED is recorded
	lost       []error         // of records that could not be made
}

// openVisit makes everything ready that must be durable before the first command
// that destroys: the key, the folder, the visit's number, what was found, and
// what is about to be done.
func openVisit(ctx context.Context, o wipeOptions, r *inspect.Report, p wipe.Plan) (*visit, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	v := &visit{told: map[string]bool{}, found: r.Drives}
	store, err := v.openFolders(ctx, o.out)
	if err != nil {
		return v, fmt.Errorf("records can't be kept, so nothing was erased: %w", err)
	}
	in := certs.Intake{Operator: operator()}
	if v.book, err = evidence.Begin(ctx, store, v.signer, in, evidence.Now); err != nil {
		return v, err
	}
	records := []certs.Record{
		{Kind: certs.KindFacts, Facts: evidence.Facts(r, p, evidence.Tool(""))},
		{Kind: certs.KindConsent, Consent: evidence.Consent(p, plan.Digest(p), in.Operator, "serials named on the command line", certs.ScopeNamed, "")},
	}
	for _, d := range p.Drives {
		if !hasWay(d) {
			records = append(records, certs.Record{Kind: certs.KindRefused, Refused: evidence.RefusedDrive(d)})
		}
	}
	if err := v.book.AppendDurable(ctx, records...); err != nil {
		return v, fmt.Errorf("records can't be kept, so nothing was erased: %w", err)
	}
	return v, nil
}

// openFolders opens the state directory, where the key and the numbers are, and
// the folder of this visit's records and papers.
func (v *visit) openFolders(ctx context.Context, out string) (stick.Store, error) {
	dir, err := stateDir()
	if err != nil {
		return nil, err
	}
	state, err := stick.NewDir(dir)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(state.Path(), 0o700); err != nil {
		return nil, err
	}
	if v.signer, err = demonstrationSigner(ctx, state); err != nil {
		return nil, err
	}
	v.state, v.out = state, state
	if out == "" || sameFolder(out, state.Path()) {
		return state, putRoot(ctx, state, v.signer)
	}
	if v.out, err = stick.NewDir(out); err != nil {
		return nil, err
	}
	return numbered{Store: v.out, state: state}, putRoot(ctx, v.out, v.signer)
}

func sameFolder(a, b string) bool {
	i, err := os.Stat(a)
	if err != nil {
		return false
	}
	j, err := os.Stat(b)
	return err == nil && os.SameFile(i, j)
}

// operator is who runs the program, as the system has it; behind sudo, who asked
// for it.
func operator() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return fmt.Sprintf("user %d", os.Getuid())
}

const followTime = 200 * time.Millisecond

// follow records the end of each drive as it comes: a power cut later must not
// take it.
func (v *visit) follow(fleet *job.Fleet, show *progress) {
	tick := time.NewTicker(followTime)
	defer tick.Stop()
	defer show.end()
	for {
		select {
		case <-fleet.Done():
			return
		case <-tick.C:
		}
		status := fleet.Status()
		show.draw(status)
		for _, st := range status {
			if st.Outcome != nil {
				v.finished(*st.Outcome)
			}
		}
	}
}

// finished records the end of one drive. What can't be stored now waits in memory;
// what could not even be recorded is told at the end.
func (v *visit) finished(o wipe.Outcome) {
	if v.told[o.Drive.Name] || o.Drive.Refusal != nil {
		return
	}
	v.told[o.Drive.Name] = true
	ctx, cancel := background()
	defer cancel()
	f := evidence.Finished(o, evidence.Find(v.found, o.Drive.Identity), bench.Again(ctx, linux.Opener{}, o))
	err := v.book.Append(ctx, certs.Record{Kind: certs.KindFinished, Finished: f})
	if err != nil && !errors.Is(err, evidence.ErrWaiting) {
		v.lost = append(v.lost, err)
	}
	// The journal is no record: what can't be tidied up now is left.
	_ = v.book.Settle(ctx, o.Drive.Identity, f.Verdict)
}

// past is what an earlier run left of a drive's erasure, as far as it can be read.
func (v *visit) past(w io.Writer) func(drive.Identity) *journal.Past {
	return func(id drive.Identity) *journal.Past {
		ctx, cancel := background()
		defer cancel()
		p, err := v.book.Past(ctx, id)
		if err != nil {
			fmt.Fprintf(w, "handback wipe: %s: %v\n", plan.Name(id), err)
		}
		return p
	}
}

// certify stores what waits and the papers, and gives their paths.
func (v *visit) certify() (papers []string, err error) {
	ctx, cancel := background()
	defer cancel()
	names, err := v.book.Certify(ctx)
	for _, n := range names {
		papers = append(papers, filepath.Join(v.out.Path(), settings.CertificatesDir, n))
	}
	return papers, err
}

// divert takes the visit to the state directory.
func (v *visit) divert() ([]string, error) {
	ctx, cancel := background()
	defer cancel()
	v.out = v.state
	v.book.Divert(v.state)
	if err := putRoot(ctx, v.state, v.signer); err != nil {
		return nil, err
	}
	return v.certify()
}

// background is for what must be done although the user has stopped the command.
func background() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), storeWait)
}

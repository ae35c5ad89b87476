package technique

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/scsi"
	"handback.example/wipe"
	"handback.example/wipe/internal/frame"
	client "handback.example/wipe/internal/tcg"
)

// revert the whole TPer. Where commands come back, the method may have reached the
// drive.
func (o *opal) revert(ctx context.Context) ([]wipe.CommandTrace, error) {
	ctx = context.WithoutCancel(ctx) // the answer must not be lost
	o.d.running()
	defer o.d.Meter.Quiet(client.RevertTime)()
	link := &securityLink{d: o.d, bus: o.bus}
	c := client.New(link, o.before.ComID)
	pin := o.pin
	if o.who == client.SID {
		var err error
		if pin, err = c.MSID(ctx); err != nil {
			return nil, fmt.Errorf("the drive does not give the password that it left its maker with: %w", err)
		}
	}
	asked, err := c.Revert(ctx, o.who, pin)
	commands := link.commands()
	var status client.Status
	var refused *drive.StatusError
	switch {
	case err == nil:
		return commands, nil
	case !asked:
		return nil, o.notAccepted(err)
	case errors.As(err, &status), errors.As(err, &refused):
		return commands, fmt.Errorf("the drive refuses to be reverted: %w", err)
	}
	// Nobody knows what became of it, but for the drive.
	if now, bad := o.discover(ctx); bad == nil && active(o.before) && !active(now) {
		return commands, nil
	}
	return commands, fmt.Errorf("%w: %w", ErrUnanswered, err)
}

// Refusals of a session.
var (
	// ErrPSIDRefused: the drive does not take the PSID that it was given.
	ErrPSIDRefused = errors.New("the drive does not accept this PSID: read its label again, letter by letter (O and 0, I and 1, B and 8)")
	// ErrTriesSpent: it takes none until its power is cut.
	ErrTriesSpent = errors.New("the drive was given too many wrong passwords and takes none now: switch the machine off and on, then try again")
)

func (o *opal) notAccepted(err error) error {
	switch {
	case errors.Is(err, client.StatusLockedOut):
		return fmt.Errorf("%w (%w)", ErrTriesSpent, err)
	case errors.Is(err, client.StatusNotAuthorized) && o.who == client.PSID:
		return fmt.Errorf("%w (%w)", ErrPSIDRefused, err)
	case errors.Is(err, client.StatusNotAuthorized):
		return fmt.Errorf("the owner's password is not the one that the drive left its maker with: only the PSID on its label helps (%w)", err)
	}
	return fmt.Errorf("the drive opens no session, and nothing was changed: %w", err)
}

// securityLink carries transfers to a drive's security protocols.
type securityLink struct {
	d      *Drive
	bus    frame.SecurityBus
	traces []wipe.CommandTrace // of the revert, and of the last answer after it
	answer wipe.CommandTrace
}

// securityTimeout of one transfer; what takes longer is asked for again.
const securityTimeout = 2 * time.Minute

// attentions is how often a drive may say that it was reset before it does what it
// is told.
const securityAttentions = 3

func (l *securityLink) do(ctx context.Context, c drive.Command) (done drive.Completion, err error) {
	for range securityAttentions {
		done, err = l.d.Target.Do(ctx, c)
		var status *drive.StatusError
		if c.Protocol != drive.ProtocolSCSI || !errors.As(err, &status) {
			break
		}
		if s, ok := scsi.ParseSense(status.Sense); !ok || s.Key != 0x6 {
			break
		}
	}
	return done, err
}

func (l *securityLink) Send(ctx context.Context, what string, protocol byte, specific uint16, p []byte) error {
	c, err := frame.SecurityOut(l.bus, protocol, specific, p, securityTimeout)
	if err != nil {
		return err
	}
	began := l.Now()
	done, err := l.do(ctx, c)
	if what == client.RevertMethod && !errors.Is(err, drive.ErrRefused) {
		l.traces = append(l.traces, trace(what, c, done, err, l.Now().Sub(began)))
	}
	return err
}

func (l *securityLink) Receive(ctx context.Context, protocol byte, specific uint16, n int) ([]byte, error) {
	c, err := frame.SecurityIn(l.bus, protocol, specific, n, securityTimeout)
	if err != nil {
		return nil, err
	}
	began := l.Now()
	done, err := l.do(ctx, c)
	if err != nil {
		return nil, err
	}
	b := c.Data[:len(c.Data)-min(max(done.Residual, 0), len(c.Data))]
	if len(l.traces) == 1 && l.answer.Frame == "" || len(l.traces) == 1 && len(bytes.TrimRight(b, "\x00")) > emptyAnswer {
		l.answer = wipe.CommandTrace{Operation: "answer to the revert (ComPacket)", Frame: hex.EncodeToString(c.Frame),
			Status: statusHex(done) + hex.EncodeToString(bytes.TrimRight(b[:min(len(b), answerKept)], "\x00")), Duration: l.Now().Sub(began)}
	}
	return b, nil
}

// Of an answer so much is kept; one that is no longer than a ComPacket's header says
// nothing.
const answerKept, emptyAnswer = 96, 20

// commands for the record: the revert and its answer; none where it was not sent.
func (l *securityLink) commands() []wipe.CommandTrace {
	if l.answer.Frame == "" {
		return l.traces
	}
	return append(l.traces, l.answer)
}

func (l *securityLink) Now() time.Time { return l.d.clock().Now() }

func (l *securityLink) Sleep(ctx context.Context, d time.Duration) error {
	l.d.Meter.Beat()
	return l.d.clock().Sleep(ctx, d)
}

// Package tcg is a small client of a drive's TPer: it opens a session to the Admin
// SP as the drive's owner or by the PSID on its label, and reverts the drive to its
// factory state. It does nothing else, and guesses no PIN: each wrong one costs one
// of few tries.
//
// A revert changes the key only where locking was activated, and nothing proves that
// it did: see Opal 2.01 clause 5.1.2.2, and sedutil's issue 291 of a drive that kept
// its data. So it erases nothing by itself: package technique has another technique
// follow it.
//
// Sources: TCG Storage Architecture Core 2.01 ('Core'), Opal SSC 2.01 ('Opal'), PSID
// feature set 1.00. Transfers are laid out as Linux's block/sed-opal.c does.
package tcg

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Link carries transfers to a security protocol of a drive.
type Link interface {
	// Send is told what the transfer is for, in words. An error other than a refusal
	// by the drive means that nobody knows whether the drive has it.
	Send(ctx context.Context, what string, protocol byte, specific uint16, p []byte) error
	Receive(ctx context.Context, protocol byte, specific uint16, n int) ([]byte, error)
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// Authority of the Admin SP.
type Authority uint64

// Authorities (Opal clause 4.2.1.7, PSID 1.00).
const (
	Anybody Authority = 0x0000000900000001
	SID     Authority = 0x0000000900000006 // the owner
	PSID    Authority = 0x000000090001ff01 // who can read the label
)

// UIDs (Core clause 6.3, Opal clause 6.3).
const (
	uidManager = 0x00000000000000ff
	uidAdminSP = 0x0000020500000001
	uidPINMSID = 0x0000000b00008402

	methodStartSession = 0x000000000000ff02
	methodSyncSession  = 0x000000000000ff03
	methodCloseSession = 0x000000000000ff06
	methodGet          = 0x0000000600000016
	methodRevert       = 0x0000000600000202
)

// Security protocols and requests (Core clauses 3.3.1 and 3.3.4.7).
const (
	protocolTCG        = 0x01
	protocolManagement = 0x02
	requestStackReset  = 0x00000002
)

// hostSession is our number of the one session, as Linux's.
const hostSession = 0x41

// columnPIN of the C_PIN table (Core clause 5.3.2.12).
const columnPIN = 3

// Status of a method (Core clause 5.1.5).
type Status byte

// Status codes that mean something to a person.
const (
	StatusSuccess       Status = 0x00
	StatusNotAuthorized Status = 0x01
	StatusSPBusy        Status = 0x03
	StatusNoSessions    Status = 0x07
	StatusLockedOut     Status = 0x12
)

var statusWords = map[Status]string{StatusSuccess: "success", StatusNotAuthorized: "not authorised", StatusSPBusy: "busy", 0x04: "SP failed",
	0x05: "SP disabled", 0x06: "SP frozen", StatusNoSessions: "no session is free", 0x0c: "invalid parameter", 0x0f: "TPer malfunction",
	0x10: "transaction failed", 0x11: "response overflow", StatusLockedOut: "authority locked out", 0x3f: "failed"}

func (s Status) Error() string {
	if w := statusWords[s]; w != "" {
		return fmt.Sprintf("%s (TCG status %02xh)", w, byte(s))
	}
	return fmt.Sprintf("TCG status %02xh", byte(s))
}

var (
	// ErrClosed: the drive ended the session.
	ErrClosed = errors.New("the drive ended the session")
	// ErrSilent: the drive took the transfer and answered nothing.
	ErrSilent = errors.New("the drive took the command and gave no answer")
)

// Times that are waited for an answer: a revert may erase flash first.
const (
	answerTime = time.Minute
	RevertTime = 30 * time.Minute
	pollFirst  = 20 * time.Millisecond
	pollLast   = time.Second
)

// Client of one TPer.
type Client struct {
	link  Link
	comID uint16
	reset bool // the stack was reset once
}

// session numbers of the TPer and of ours; both 0: the session manager.
type session struct{ tsn, hsn uint32 }

// New client of the TPer whose first ComID that is.
func New(l Link, comID uint16) *Client { return &Client{link: l, comID: comID} }

// MSID is the PIN that everybody can read: the owner's, where nobody has changed it.
func (c *Client) MSID(ctx context.Context) ([]byte, error) {
	s, err := c.start(ctx, Anybody, nil)
	if err != nil {
		return nil, err
	}
	defer c.end(ctx, s)
	block := payload{}.tokens(startList).named(3, payload{columnPIN}).named(4, payload{columnPIN}).tokens(endList)
	a, err := c.do(ctx, "Get of C_PIN_MSID", s, method(uidPINMSID, methodGet, block), answerTime)
	switch {
	case err != nil:
		return nil, err
	case len(a.results) != 1 || len(a.results[0].list) != 1:
		return nil, malformed("no MSID")
	}
	cell := a.results[0].list[0]
	if cell.kind != kindName || cell.list[0].number != columnPIN || cell.list[1].kind != kindBytes || len(cell.list[1].bytes) == 0 {
		return nil, malformed("no MSID")
	}
	return cell.list[1].bytes, nil
}

// Revert the whole TPer. asked is true from the moment that the method may have
// reached the drive: before, nothing was changed, but for one of the authority's
// tries where its PIN was wrong. A nil error means that the drive says it is done.
func (c *Client) Revert(ctx context.Context, who Authority, pin []byte) (asked bool, err error) {
	s, err := c.start(ctx, who, pin)
	if err != nil {
		return false, err
	}
	_, err = c.do(ctx, RevertMethod, s, method(uidAdminSP, methodRevert, nil), RevertTime)
	if err != nil {
		c.end(ctx, s) // a session that a revert ended well is gone by itself
	}
	return true, err
}

// RevertMethod is what Link.Send is told of the one transfer that changes the drive.
const RevertMethod = "Revert of the Admin SP"

// start a session to the Admin SP, for reading and writing. One that another host
// left open is ended by a reset of the ComID's stack, once.
func (c *Client) start(ctx context.Context, who Authority, pin []byte) (session, error) {
	for {
		s, err := c.startOnce(ctx, who, pin)
		var st Status
		busy := errors.As(err, &st) && (st == StatusNoSessions || st == StatusSPBusy)
		if !busy || c.reset {
			return s, err
		}
		c.reset = true
		if err := c.stackReset(ctx); err != nil {
			return s, fmt.Errorf("another session holds the drive, and it can't be ended: %w", err)
		}
	}
}

func (c *Client) startOnce(ctx context.Context, who Authority, pin []byte) (session, error) {
	params := payload{}.number(hostSession).uid(uidAdminSP).tokens(1)
	if who != Anybody {
		params = params.named(0, payload{}.bytes(pin)).named(3, payload{}.uid(uint64(who)))
	}
	a, err := c.do(ctx, "StartSession to the Admin SP", session{}, method(uidManager, methodStartSession, params), answerTime)
	if err != nil {
		return session{}, err
	}
	if a.manager != methodSyncSession || len(a.results) < 2 || a.results[0].number != hostSession ||
		a.results[1].kind != kindNumber || a.results[1].number == 0 || a.results[1].number > 0xffffffff {
		return session{}, malformed("no session")
	}
	return session{tsn: uint32(a.results[1].number), hsn: hostSession}, nil
}

// end a session. A drive that doesn't answer keeps it until its power goes.
func (c *Client) end(ctx context.Context, s session) {
	if c.link.Send(ctx, "end of session", protocolTCG, c.comID, comPacket(c.comID, s, payload{endOfSession})) == nil {
		_, _ = c.fetch(ctx, answerTime)
	}
}

// do sends a payload and gives the answer to it.
func (c *Client) do(ctx context.Context, what string, s session, p payload, limit time.Duration) (answer, error) {
	if err := c.link.Send(ctx, what, protocolTCG, c.comID, comPacket(c.comID, s, p)); err != nil {
		return answer{}, fmt.Errorf("%s: %w", what, err)
	}
	r, err := c.fetch(ctx, limit)
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", what, err)
	}
	a, err := parseAnswer(r.payload)
	switch {
	case err != nil:
	case a.manager == methodCloseSession:
		err = ErrClosed
	case s.tsn != r.tsn || s.hsn != r.hsn || (a.manager != 0) != (s.tsn == 0):
		err = malformed("it belongs to another session")
	case a.status != StatusSuccess:
		err = a.status
	default:
		return a, nil
	}
	return answer{}, fmt.Errorf("%s: %w", what, err)
}

// fetch asks until there is an answer. Where it isn't ready yet, the drive says that
// one byte is outstanding (Core clause 3.3.10.2.1).
func (c *Client) fetch(ctx context.Context, limit time.Duration) (received, error) {
	began, pause := c.link.Now(), pollFirst
	for {
		b, err := c.link.Receive(ctx, protocolTCG, c.comID, transfer)
		if err != nil {
			return received{}, err
		}
		r, err := parseComPacket(b, c.comID)
		switch {
		case err != nil || r.payload != nil:
			return r, err
		case r.least > transfer:
			return r, malformed("it is too long")
		case r.outstanding == 0 || c.link.Now().Sub(began) >= limit:
			return r, ErrSilent
		}
		if err := c.link.Sleep(ctx, pause); err != nil {
			return r, err
		}
		pause = min(2*pause, pollLast)
	}
}

// stackReset ends what goes on over the ComID: sessions, and answers that nobody
// fetched (Core clause 3.3.4.7.5). It changes nothing that is stored.
func (c *Client) stackReset(ctx context.Context) error {
	b := make([]byte, 512)
	binary.BigEndian.PutUint16(b, c.comID)
	binary.BigEndian.PutUint32(b[4:], requestStackReset)
	if err := c.link.Send(ctx, "stack reset", protocolManagement, c.comID, b); err != nil {
		return err
	}
	began := c.link.Now()
	for {
		r, err := c.link.Receive(ctx, protocolManagement, c.comID, 512)
		if err != nil {
			return err
		}
		if len(r) < 16 || binary.BigEndian.Uint16(r) != c.comID || binary.BigEndian.Uint32(r[4:]) != requestStackReset {
			return malformed("no answer to a stack reset")
		}
		// A length of 0 says that it is pending (Core table 18).
		if n := binary.BigEndian.Uint16(r[10:]); n >= 4 {
			if binary.BigEndian.Uint32(r[12:]) != 0 {
				return errors.New("the drive refused the stack reset")
			}
			return nil
		}
		if c.link.Now().Sub(began) >= answerTime {
			return ErrSilent
		}
		if err := c.link.Sleep(ctx, pollLast); err != nil {
			return err
		}
	}
}

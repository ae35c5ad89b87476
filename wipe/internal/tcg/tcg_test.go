package tcg

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive/sim/opal"
)

const (
	testMSID = "MSID-0123456789ABCDEFGHIJKL"      // 27 characters
	testPSID = "PSID0123456789ABCDEF0123456789AB" // 32
)

// Transfers of block/sed-opal.c (Linux 6.1), byte by byte as its cmd_start,
// add_token_* and cmd_finalize lay them out for ComID 07FEh and session 41h; zeros up
// to 2,048 follow. The ends of sessions are Core's: the kernel sends a status list
// behind the token.
const (
	sendStartAnybody = "0000000007fe000000000000000000000000004c 000000000000000000000000000000000000000000000034 000000000000000000000027" +
		"f8a800000000000000ffa8000000000000ff02f08141a8000002050000000101f1f9f0000000f100"
	sendGetMSID = "0000000007fe000000000000000000000000004c 000010010000004100000000000000000000000000000034 000000000000000000000025" +
		"f8a80000000b00008402a80000000600000016f0f0f20303f3f20403f3f1f1f9f0000000f1000000"
	sendEnd1001  = "0000000007fe0000000000000000000000000028 000010010000004100000000000000000000000000000010 000000000000000000000001 fa000000"
	sendEnd1002  = "0000000007fe0000000000000000000000000028 000010020000004100000000000000000000000000000010 000000000000000000000001 fa000000"
	sendStartSID = "0000000007fe0000000000000000000000000078 000000000000000000000000000000000000000000000060 000000000000000000000053" +
		"f8a800000000000000ffa8000000000000ff02f08141a8000002050000000101f200d01b4d5349442d303132333435363738394142434445464748494a4b4cf3f203a80000000900000006f3f1f9f0000000f100"
	sendStartPSID = "0000000007fe000000000000000000000000007c 000000000000000000000000000000000000000000000064 000000000000000000000058" +
		"f8a800000000000000ffa8000000000000ff02f08141a8000002050000000101f200d0205053494430313233343536373839414243444546303132333435363738394142f3f203a8000000090001ff01f3f1f9f0000000f1"
	sendRevert1001 = "0000000007fe0000000000000000000000000040 000010010000004100000000000000000000000000000028 00000000000000000000001b" +
		"f8a80000020500000001a80000000600000202f0f1f9f0000000f100"
	sendRevert1002 = "0000000007fe0000000000000000000000000040 000010020000004100000000000000000000000000000028 00000000000000000000001b" +
		"f8a80000020500000001a80000000600000202f0f1f9f0000000f100"
	// HANDLE_COMID_REQUEST, STACK_RESET (Core clause 3.3.4.7.5).
	sendReset = "07fe0000 00000002"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// link to a model; it keeps what was sent. Hooks spoil it.
type link struct {
	t       testing.TB
	x       *opal.TPer
	now     time.Time
	sent    [][]byte
	words   []string
	receive func(n int, b []byte) ([]byte, error) // of the nth receive; nil: as it is
	send    func(what string) error
	n       int
}

var errRefused = errors.New("refused")

func (l *link) Send(_ context.Context, what string, protocol byte, specific uint16, p []byte) error {
	l.sent, l.words = append(l.sent, bytes.Clone(p)), append(l.words, what)
	if len(p)%512 != 0 {
		l.t.Errorf("%s: %d bytes are no whole blocks", what, len(p))
	}
	if l.send != nil {
		if err := l.send(what); err != nil {
			return err
		}
	}
	if !l.x.Send(protocol, specific, p) {
		return errRefused
	}
	return nil
}

func (l *link) Receive(_ context.Context, protocol byte, specific uint16, n int) ([]byte, error) {
	l.n++
	b := make([]byte, n)
	a, ok := l.x.Receive(protocol, specific, n)
	if !ok {
		return nil, errRefused
	}
	copy(b, a)
	if l.receive != nil {
		return l.receive(l.n, b)
	}
	return b, nil
}

func (l *link) Now() time.Time { return l.now }

func (l *link) Sleep(ctx context.Context, d time.Duration) error {
	l.now = l.now.Add(d)
	return ctx.Err()
}

func newLink(t testing.TB, c opal.Config) *link {
	t.Helper()
	if c.MSID == "" {
		c.MSID = testMSID
	}
	c.PSID = testPSID
	x, err := opal.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &link{t: t, x: x}
}

// sentAre: these transfers and no others, each followed by zeros.
func (l *link) sentAre(want ...string) {
	l.t.Helper()
	for i, b := range l.sent {
		if i >= len(want) {
			l.t.Errorf("one too many: %x", bytes.TrimRight(b, "\x00"))
			continue
		}
		w := make([]byte, len(b))
		copy(w, unhex(l.t, want[i]))
		if !bytes.Equal(b, w) {
			l.t.Errorf("transfer %d:\n%x\n%s", i, bytes.TrimRight(b, "\x00"), want[i])
		}
	}
	if len(l.sent) < len(want) {
		l.t.Errorf("%d of %d transfers were sent", len(l.sent), len(want))
	}
}

func TestPSIDRevert(t *testing.T) {
	l := newLink(t, opal.Config{SID: "its owner", Activated: true, Locked: true, SIDBlocked: true})
	asked, err := New(l, 0x07fe).Revert(t.Context(), PSID, []byte(testPSID))
	if err != nil || !asked {
		t.Fatalf("asked %t, %v", asked, err)
	}
	l.sentAre(sendStartPSID, sendRevert1001)
	if r, w := l.x.Locked(); r || w || l.x.KeyChanges() != 1 {
		t.Errorf("locked %t %t, %d keys", r, w, l.x.KeyChanges())
	}
}

// The owner's PIN is the one that everybody can read.
func TestOwnerRevert(t *testing.T) {
	l := newLink(t, opal.Config{Activated: true})
	c := New(l, 0x07fe)
	msid, err := c.MSID(t.Context())
	if err != nil || string(msid) != testMSID {
		t.Fatalf("%q, %v", msid, err)
	}
	if asked, err := c.Revert(t.Context(), SID, msid); err != nil || !asked {
		t.Fatalf("asked %t, %v", asked, err)
	}
	l.sentAre(sendStartAnybody, sendGetMSID, sendEnd1001, sendStartSID, sendRevert1002)
	if l.x.KeyChanges() != 1 {
		t.Errorf("%d keys", l.x.KeyChanges())
	}
}

// A wrong PIN costs one try and nothing else; after the last one the right one is no
// help.
func TestWrongPIN(t *testing.T) {
	l := newLink(t, opal.Config{SID: "its owner", Activated: true, Locked: true, TryLimit: 2})
	c := New(l, 0x07fe)
	for n, want := range []Status{StatusNotAuthorized, StatusNotAuthorized, StatusLockedOut} {
		pin := []byte(strings.Repeat("X", 32))
		if n == 2 {
			pin = []byte(testPSID)
		}
		if asked, err := c.Revert(t.Context(), PSID, pin); asked || !errors.Is(err, want) {
			t.Errorf("try %d: asked %t, %v", n, asked, err)
		}
	}
	if len(l.sent) != 3 || l.x.KeyChanges() != 0 {
		t.Errorf("%d transfers for three tries, %d keys", len(l.sent), l.x.KeyChanges())
	}
	if r, _ := l.x.Locked(); !r {
		t.Error("it is unlocked")
	}
}

// A session that somebody left open is ended, once.
func TestSessionOfAnother(t *testing.T) {
	l := newLink(t, opal.Config{Activated: true})
	l.x.Send(1, 0x07fe, append(unhex(t, sendStartAnybody), make([]byte, 512)...))
	l.x.Receive(1, 0x07fe, 2048)
	if asked, err := New(l, 0x07fe).Revert(t.Context(), PSID, []byte(testPSID)); err != nil || !asked {
		t.Fatalf("asked %t, %v", asked, err)
	}
	l.sentAre(sendStartPSID, sendReset, sendStartPSID, sendRevert1002)

	l = newLink(t, opal.Config{Activated: true})
	l.send = func(what string) error {
		if what == "stack reset" {
			return errRefused
		}
		return nil
	}
	l.x.Send(1, 0x07fe, append(unhex(t, sendStartAnybody), make([]byte, 512)...))
	l.x.Receive(1, 0x07fe, 2048)
	if asked, err := New(l, 0x07fe).Revert(t.Context(), PSID, []byte(testPSID)); asked || !errors.Is(err, errRefused) {
		t.Errorf("asked %t, %v", asked, err)
	}
}

// Nothing that comes, or does not come, makes a success of a revert that is not known
// to have been done; and what was asked for is told.
func TestLostAnswers(t *testing.T) {
	pending := func(outstanding, least uint32) []byte {
		b := unhex(t, "0000000007fe0000 00000000 00000000 00000000")
		binary.BigEndian.PutUint32(b[8:], outstanding)
		binary.BigEndian.PutUint32(b[12:], least)
		return append(b, make([]byte, 2028)...)
	}
	done := append(unhex(t, "0000000007fe000000000000000000000000002c 000010010000004100000000000000000000000000000014 000000000000000000000008 f0f1f9f0000000f1"), make([]byte, 100)...)
	change := func(off int, v byte) []byte {
		b := bytes.Clone(done)
		b[off] = v
		return b
	}
	lost := errors.New("no answer")
	for name, c := range map[string]struct {
		at     int // the receive that is spoilt: 1 is of StartSession, 2 of Revert
		answer func() ([]byte, error)
		asked  bool
		want   error
	}{
		"start lost":              {1, func() ([]byte, error) { return nil, lost }, false, lost},
		"start silent":            {1, func() ([]byte, error) { return pending(0, 0), nil }, false, ErrSilent},
		"start pending for ever":  {1, func() ([]byte, error) { return pending(1, 0), nil }, false, ErrSilent},
		"start is an answer":      {1, func() ([]byte, error) { return done, nil }, false, ErrMalformed},
		"revert lost":             {2, func() ([]byte, error) { return nil, lost }, true, lost},
		"revert silent":           {2, func() ([]byte, error) { return pending(0, 0), nil }, true, ErrSilent},
		"revert pending for ever": {2, func() ([]byte, error) { return pending(1, 0), nil }, true, ErrSilent},
		"revert too long":         {2, func() ([]byte, error) { return pending(4096, 4096), nil }, true, ErrMalformed},
		"revert: nothing":         {2, func() ([]byte, error) { return nil, nil }, true, ErrMalformed},
		"revert: zeros":           {2, func() ([]byte, error) { return make([]byte, 2048), nil }, true, ErrMalformed},
		"revert: another ComID":   {2, func() ([]byte, error) { return change(5, 0xff), nil }, true, ErrMalformed},
		"revert: another session": {2, func() ([]byte, error) { return change(23, 0x02), nil }, true, ErrMalformed},
		"revert: another host's":  {2, func() ([]byte, error) { return change(27, 0x42), nil }, true, ErrMalformed},
		"revert: refused":         {2, func() ([]byte, error) { return change(60, 0x01), nil }, true, StatusNotAuthorized},
		"revert: failed":          {2, func() ([]byte, error) { return change(60, 0x3f), nil }, true, Status(0x3f)},
		"revert: no status":       {2, func() ([]byte, error) { return change(58, 0xf1), nil }, true, ErrMalformed},
		"revert: length":          {2, func() ([]byte, error) { return change(18, 0xff), nil }, true, ErrMalformed},
		"revert: packet length":   {2, func() ([]byte, error) { return change(43, 0xff), nil }, true, ErrMalformed},
		"revert: payload length":  {2, func() ([]byte, error) { return change(52, 0xff), nil }, true, ErrMalformed},
		"revert: end of session": {2, func() ([]byte, error) {
			return unhex(t, "0000000007fe0000000000000000000000000028 000010010000004100000000000000000000000000000010 000000000000000000000001 fa000000"), nil
		}, true, ErrClosed},
		"revert: session closed": {2, func() ([]byte, error) {
			return unhex(t, "0000000007fe0000000000000000000000000044 00000000000000000000000000000000000000000000002c 000000000000000000000020"+
				"f8a800000000000000ffa8000000000000ff06f08141821001f1f9f0000000f1"), nil
		}, true, ErrClosed},
	} {
		l := newLink(t, opal.Config{SID: "its owner", Activated: true, Locked: true})
		l.receive = func(n int, b []byte) ([]byte, error) {
			if n >= c.at {
				return c.answer()
			}
			return b, nil
		}
		asked, err := New(l, 0x07fe).Revert(t.Context(), PSID, []byte(testPSID))
		if asked != c.asked || !errors.Is(err, c.want) {
			t.Errorf("%s: asked %t, %v", name, asked, err)
		}
		if l.now.Sub(time.Time{}) > 2*RevertTime {
			t.Errorf("%s: it waited %s", name, l.now.Sub(time.Time{}))
		}
	}
}

// A drive that works on it for minutes is waited for.
func TestSlowRevert(t *testing.T) {
	l := newLink(t, opal.Config{Activated: true})
	var held []byte
	until := time.Time{}.Add(20 * time.Minute)
	l.receive = func(n int, b []byte) ([]byte, error) {
		switch {
		case n < 2:
			return b, nil
		case held == nil:
			held = bytes.Clone(b)
		}
		if l.now.Before(until) {
			return append(unhex(t, "0000000007fe0000 00000001 00000000 00000000"), make([]byte, 2028)...), nil
		}
		return held, nil
	}
	if asked, err := New(l, 0x07fe).Revert(t.Context(), PSID, []byte(testPSID)); err != nil || !asked {
		t.Errorf("asked %t, %v", asked, err)
	}
	if l.n > 3000 {
		t.Errorf("it asked %d times", l.n)
	}
}

func TestMSIDMalformed(t *testing.T) {
	for _, payload := range []string{"f0f1", "f0f0f1f1", "f0f0f20403f3f1f1", "f0f0f20300f3f1f1", "f0f0f203a0f3f1f1", "f003f1", "f0f0a203f1f1"} {
		p := unhex(t, payload+"f9f0000000f1")
		l := newLink(t, opal.Config{})
		l.receive = func(n int, b []byte) ([]byte, error) {
			if n == 2 {
				return comPacket(0x07fe, session{0x1001, 0x41}, p), nil
			}
			return b, nil
		}
		if msid, err := New(l, 0x07fe).MSID(t.Context()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %q (%v)", payload, msid, err)
		}
	}
}

func TestStatusWords(t *testing.T) {
	if s := StatusLockedOut.Error(); s != "authority locked out (TCG status 12h)" {
		t.Error(s)
	}
	if s := Status(0x77).Error(); s != "TCG status 77h" {
		t.Error(s)
	}
}

// Whatever a drive sends, it is read without harm, and only a status of success in
// the session that was asked for is a success.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"0000000007fe000000000000000000000000002c 000010010000004100000000000000000000000000000014 000000000000000000000008 f0f1f9f0000000f1",
		"0000000007fe0000000000000000000000000044 00000000000000000000000000000000000000000000002c 000000000000000000000020" +
			"f8a800000000000000ffa8000000000000ff03f08141821001f1f9f0000000f1",
		"0000000007fe0000000000000000000000000050 000010010000004100000000000000000000000000000038 00000000000000000000002a" +
			"f0f0f203d01b4d5349442d303132333435363738394142434445464748494a4b4cf3f1f1f9f0000000f10000",
		sendStartPSID,
	} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseComPacket(b, 0x07fe)
		if err != nil || r.payload == nil {
			return
		}
		a, err := parseAnswer(r.payload)
		if err == nil && len(r.payload) < 6 && (len(a.results) > 0 || a.status != 0) {
			t.Fatalf("%x is an answer: %+v", r.payload, a)
		}
	})
}

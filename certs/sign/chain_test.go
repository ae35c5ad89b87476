package sign_test

import (
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
)

// A visit goes on with the hub's key, whose certificate travels along.
func TestContinueByHub(t *testing.T) {
	stick, hub := certstest.Keys(sign.Production)
	records, by, err := sign.Verify(certstest.Closed(stick, hub).Envelopes())
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		want := stick
		if i > 0 && by[i-1].Equal(hub.Cert) || r.Kind == certs.KindCorrected {
			want = hub
		}
		if !by[i].Equal(want.Cert) || r.Stick != "S01" {
			t.Errorf("record %d, %s, of stick %s is signed by %q", r.Seq, r.Kind, r.Stick, by[i].Subject.CommonName)
		}
	}
	if n := len(records); records[n-1].Kind != certs.KindReceived || !by[n-1].Equal(hub.Cert) {
		t.Errorf("the last record is %s by %q", records[n-1].Kind, by[n-1].Subject.CommonName)
	}
}

// next seals a record to follow others with any key, as a forger would.
func next(t *testing.T, s *sign.Signer, before [][]byte, r certs.Record, carried bool) [][]byte {
	t.Helper()
	records, by, err := sign.Verify(before)
	if err != nil {
		t.Fatal(err)
	}
	r.Schema, r.Visit, r.Stick = certs.Schema, records[0].Visit, records[0].Stick
	r.Seq, r.Prev = len(before)+1, certs.HashEnvelope(before[len(before)-1])
	r.At = certs.At(certstest.Start.Add(time.Hour), certs.SourceRTC, time.Hour)
	r.Fill()
	last := by[len(by)-1]
	if carried {
		last = nil
	}
	b, err := sign.Seal(s, r, last)
	if err != nil {
		t.Fatal(err)
	}
	return append(append([][]byte(nil), before...), b)
}

// without takes the certificate out of an envelope.
func without(t *testing.T, envelope []byte) []byte {
	t.Helper()
	e, err := certs.ParseEnvelope(envelope)
	if err != nil {
		t.Fatal(err)
	}
	e.Signatures[0].Cert = ""
	b, err := e.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVerifyRefusesKeys(t *testing.T) {
	stick, hub := certstest.Keys(sign.Production)
	again, _ := certstest.Keys(sign.Production) // S01 too, of another key and root
	open := certstest.Sanitised(stick, 1).Envelopes()
	over := next(t, stick, open, certstest.Certified("S01-000412-erasure.pdf"), false)
	given := next(t, hub, over, certstest.Transferred(), false)
	wrong := certstest.Corrected()
	wrong.Corrected.Was = "DEP-0000000"
	for name, c := range map[string]struct {
		in   [][]byte
		want string
	}{
		"no certificate":               {append([][]byte{without(t, open[0])}, open[1:]...), "carries no certificate"},
		"the hub's left out":           {append(given[:len(given)-1:len(given)-1], without(t, given[len(given)-1])), "is not signed by"},
		"a certificate once more":      {next(t, stick, open, certstest.TPM(certs.TPMCleared), true), "once more"},
		"another key of the stick":     {next(t, again, open, certstest.TPM(certs.TPMCleared), false), "another key of stick S01"},
		"TRANSFERRED by the stick":     {next(t, stick, over, certstest.Transferred(), false), "is signed by a stick"},
		"RECEIVED by the stick":        {next(t, stick, over, certstest.Received(0), false), "is signed by a stick"},
		"CORRECTED by the stick":       {next(t, stick, open, certstest.Corrected(), false), "is signed by a stick"},
		"after CERTIFIED":              {next(t, stick, over, certstest.TPM(certs.TPMCleared), false), "after it had certified"},
		"CERTIFIED twice":              {next(t, stick, over, certstest.Certified("x.pdf"), false), "after it had certified"},
		"a verdict by the hub":         {next(t, hub, over, certstest.Finished(certstest.Drive(0), certs.LevelPurge), false), "is signed by a hub"},
		"a grade by the hub":           {next(t, hub, over, certstest.Graded(certs.RouteRecycle), false), "is signed by a hub"},
		"the hub too early":            {next(t, hub, open, certstest.Transferred(), false), "before the stick had certified"},
		"CERTIFIED by the hub":         {next(t, hub, open, certstest.Certified("x.pdf"), false), "before the stick had certified"},
		"the stick after the hub":      {next(t, stick, given, certstest.TPM(certs.TPMCleared), false), "after it had certified"},
		"corrected from what it isn't": {next(t, hub, over, wrong, false), "which it never was"},
	} {
		if _, _, err := sign.Verify(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
}

func TestContinueRefuses(t *testing.T) {
	stick, hub := certstest.Keys(sign.Production)
	other, _ := certstest.Keys(sign.Production)
	open := certstest.Sanitised(stick, 1).Envelopes()
	for name, c := range map[string]struct {
		by   *sign.Signer
		in   [][]byte
		want string
	}{
		"another stick":      {other, open, "not every record"},
		"hub, not certified": {hub, open, "must finish it first"},
		"stick, after hub":   {stick, certstest.Closed(stick, hub).Envelopes(), "not every record"},
	} {
		if _, err := sign.Continue(c.by, c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
	// A decision may be the hub's.
	over := next(t, stick, open, certstest.Certified("S01-000412-erasure.pdf"), false)
	if _, _, err := sign.Verify(next(t, hub, over, certstest.Validated(certs.Accepted, "sup02"), false)); err != nil {
		t.Errorf("a decision of the hub's: %v", err)
	}
	// The chain itself refuses what its key may not sign, and stays as it was.
	c, err := sign.Continue(hub, certstest.Closed(stick, hub).Envelopes())
	if err != nil {
		t.Fatal(err)
	}
	before := len(c.Envelopes())
	r := certstest.TPM(certs.TPMCleared)
	r.At = certs.At(certstest.Start, certs.SourceHub, 0)
	if _, err := c.Append(r); err == nil || len(c.Envelopes()) != before {
		t.Errorf("the hub's key signed %s: %v", r.Kind, err)
	}
}

// A record that nobody could read again is not sealed, and the visit goes on.
func TestAppendRefusesWhatIsTooLarge(t *testing.T) {
	stick, _ := certstest.Keys(sign.Production)
	v := certstest.Sanitised(stick, 1)
	before := len(v.Envelopes())
	for name, ranges := range map[string]int{"a list without an end": 4097, "more bytes than a record has": 4096} {
		r := certstest.FailedAt(certstest.Drive(0))
		r.At = certs.At(certstest.Start, certs.SourceRTC, 0)
		r.Finished.BadRanges = make([]certs.Range, ranges)
		for i := range r.Finished.BadRanges {
			r.Finished.BadRanges[i] = certs.Range{First: int64(i), Count: 1, What: strings.Repeat("write error, ", 50)}
		}
		if _, err := v.Chain.Append(r); err == nil || len(v.Envelopes()) != before {
			t.Errorf("%s was sealed", name)
		}
	}
	v.Add(certstest.TPM(certs.TPMCleared))
	if _, _, err := sign.Verify(v.Envelopes()); err != nil {
		t.Error(err)
	}
}

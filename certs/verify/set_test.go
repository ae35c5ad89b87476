package verify_test

import (
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"slices"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/sign"
	"handback.example/certs/verify"
)

// secondValue writes an envelope's signature in the other way that is good (SEC 1, 4.1.4):
// it takes no key.
func secondValue(t testing.TB, envelope []byte) []byte {
	return change(t, envelope, func(e *certs.Envelope) {
		der, err := base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
		check(t, err)
		var v struct{ R, S *big.Int }
		_, err = asn1.Unmarshal(der, &v)
		check(t, err)
		der, err = asn1.Marshal(struct{ R, S *big.Int }{v.R, v.S.Sub(elliptic.P256().Params().N, v.S)})
		check(t, err)
		e.Signatures[0].Sig = base64.StdEncoding.EncodeToString(der)
	})
}

// What anybody can put beside a genuine paper takes nothing from it, and nothing of it
// stands as a finding against the visit; nor does the visit of the same name of another
// hub's stick.
func TestFalseWitnesses(t *testing.T) {
	r := freshRing(t)
	good := certstest.Sanitised(r.stick.signer(t, r.root.cert), 1).Envelopes()
	real := r.stick.pdf(t, paper.Erasure, good)
	// The same visit as another holder of a key tells it, of another drive.
	another := func(h holder, more ...certs.Record) []byte {
		told := records(t, certstest.New(r.stick.signer(t, r.root.cert), 412).Add(certstest.Intake(), certstest.Facts(certstest.Drive(7))).Envelopes())
		told = append(told, more...)
		return certs.JoinEnvelopes(chain(t, told, func(int) holder { return h }))
	}
	replacing := certs.Record{Schema: certs.Schema, Kind: certs.KindCertified, Visit: "S01-000412", Stick: "S01", At: certs.Time{Wall: certs.Stamp(start), Source: certs.SourceRTC},
		Certified: &certs.Certified{Papers: []certs.Paper{{Name: "S01-000412-erasure.pdf", SHA256: certs.HashEnvelope(real)}}}}
	for _, c := range []struct {
		name string
		b    []byte
		want verify.Verdict
	}{
		{"not enrolled", another(r.unenrolled), verify.Unchecked},
		{"not enrolled, naming the paper", another(r.unenrolled, replacing), verify.Unchecked},
		{"second value", secondValue(t, good[0]), verify.Genuine},
		{"other hub", another(r.otherStick), verify.Genuine},
	} {
		trust, err := sign.NewTrust([]*x509.Certificate{r.root.cert, r.other.cert}, nil, start)
		check(t, err)
		checker := &verify.Checker{Trust: trust}
		results := []verify.Result{checker.File("a/record.json", c.b), checker.File("S01-000412-erasure.pdf", real)}
		findings := verify.Reconcile(results)
		if results[0].Verdict != c.want || results[1].Verdict != verify.Genuine || len(findings) > 0 {
			t.Errorf("%s: %s, %s, findings %v", c.name, results[0].Sentence, results[1].Sentence, findings)
		}
		if n := verify.Count(results).Visits; (n == 2) != (c.name != "second value") {
			t.Errorf("%s: %d visits", c.name, n)
		}
	}
}

// A visit of nothing but its INTAKE, whose signature somebody has written in the second
// way, is still the one that the next visit names.
func TestSecondValueBeforeNext(t *testing.T) {
	r := freshRing(t)
	s := r.stick.signer(t, r.root.cert)
	first := certstest.New(s, 412).Add(certstest.Intake()).Envelopes()[0]
	in := certstest.Intake()
	in.Intake.Previous = certs.HashEnvelope(first)
	next := certstest.New(s, 413).Add(in).Envelopes()[0]
	trust, err := sign.NewTrust([]*x509.Certificate{r.root.cert}, nil, start)
	check(t, err)
	c := &verify.Checker{Trust: trust}
	files := []verify.Result{c.File("a", secondValue(t, first)), c.File("b", first), c.File("c", next)}
	for range 2 {
		if f := verify.Reconcile(files); len(f) > 0 {
			t.Errorf("findings %v", f)
		}
		slices.Reverse(files)
	}
}

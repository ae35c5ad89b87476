package sign_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
)

// A stick whose key is locked is known, and signs nothing before it is unlocked.
func TestLocked(t *testing.T) {
	root, _, cert, key, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	_, _, otherCert, otherKey, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sign.LoadLocked(root, cert)
	if err != nil || s.Stick != "S01" || s.Class != sign.Demonstrating || s.Role != sign.RoleStick {
		t.Fatalf("%+v, %v", s, err)
	}
	digest := sha256.Sum256([]byte("a record"))
	if _, err := s.Sign(rand.Reader, digest[:], crypto.SHA256); !errors.Is(err, sign.ErrLocked) {
		t.Errorf("a locked key signs: %v", err)
	}
	c := sign.NewChain(s, "S01-000001")
	intake := certstest.Intake()
	intake.At = certs.At(certstest.Start, certs.SourceRTC, 0)
	if _, err := c.Append(intake); !errors.Is(err, sign.ErrLocked) || len(c.Envelopes()) != 0 {
		t.Errorf("a locked key makes records: %v", err)
	}
	if _, err := s.WithKey(otherKey); err == nil {
		t.Error("another stick's key unlocks it")
	}
	if _, err := sign.LoadLocked(root, otherCert); err == nil {
		t.Error("a certificate of another root is taken")
	}
	open, err := s.WithKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, by, err := sign.Verify(certstest.Sanitised(open, 1).Envelopes()); err != nil || !by[0].Equal(s.Cert) {
		t.Errorf("after that: %v", err)
	}
}

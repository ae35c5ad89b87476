package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"
)

// Signer is a stick or a hub that can sign: its certificate, the root over it, and
// a key that may live in a file or in a token.
type Signer struct {
	Root  *x509.Certificate
	Cert  *x509.Certificate
	Class Class
	Role  Role
	Stick string // 'S01'; empty for a hub
	key   crypto.Signer
}

// NewSigner puts a stick's key and certificates together and refuses what does
// not belong together. Validity is not judged here: see CheckClock.
func NewSigner(root, cert *x509.Certificate, key crypto.Signer) (*Signer, error) {
	if !sameKey(cert.PublicKey, key.Public()) {
		return nil, errors.New("the stick's key does not belong to its certificate: enrol the stick again")
	}
	s, err := keyless(root, cert)
	if err == nil {
		s.key = key
	}
	return s, err
}

// keyless is a Signer that lacks its key: it signs nothing.
func keyless(root, cert *x509.Certificate) (*Signer, error) {
	t, err := NewTrust([]*x509.Certificate{root}, nil, cert.NotBefore)
	if err != nil {
		return nil, err
	}
	j, err := t.Judge(cert, cert.NotBefore)
	if err != nil {
		return nil, err
	}
	s := &Signer{Root: root, Cert: cert, Class: j.Class, Role: j.Role}
	if j.Role == RoleStick {
		s.Stick = j.Name
	}
	return s, nil
}

func sameKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// StickOf is the name of the stick that a certificate was issued to.
func StickOf(cert *x509.Certificate) (string, error) {
	role, name, err := Holder(cert)
	if err == nil && role != RoleStick {
		err = fmt.Errorf("the certificate of %q names no stick", cert.Subject.CommonName)
	}
	if err != nil {
		return "", err
	}
	return name, nil
}

// CheckClock says whether a signature made now would be inside the certificate's
// validity. A bench whose clock is wrong must not mint certificates.
func (s *Signer) CheckClock(now time.Time) error {
	if now.Before(s.Cert.NotBefore) || now.After(s.Cert.NotAfter) {
		return fmt.Errorf("the clock says %s, but stick %s may sign from %s to %s only: set the clock, or have the stick enrolled again",
			now.UTC().Format(time.RFC3339), s.Stick, s.Cert.NotBefore.Format(time.RFC3339), s.Cert.NotAfter.Format(time.RFC3339))
	}
	return nil
}

// Public key of the stick.
func (s *Signer) Public() crypto.PublicKey { return s.Cert.PublicKey }

// Sign makes Signer a crypto.Signer.
func (s *Signer) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if s.key == nil {
		return nil, ErrLocked
	}
	return s.key.Sign(r, digest, opts)
}

// ErrLocked is what a Signer says that lacks its key.
var ErrLocked = errors.New("the stick's key is locked: unlock it with its passphrase first")

// WithKey gives the Signer that a locked one becomes.
func (s *Signer) WithKey(keyPEM []byte) (*Signer, error) {
	key, err := ParseKey(keyPEM)
	if err != nil {
		return nil, fmt.Errorf("stick.key: %w", err)
	}
	return NewSigner(s.Root, s.Cert, key)
}

// LoadStick reads what `handback-image build --settings` puts on a stick.
func LoadStick(rootPEM, stickPEM, keyPEM []byte) (*Signer, error) {
	s, err := LoadLocked(rootPEM, stickPEM)
	if err != nil {
		return nil, err
	}
	return s.WithKey(keyPEM)
}

// LoadLocked reads a stick whose key is under a passphrase: who it is, is known, and
// it signs nothing before WithKey.
func LoadLocked(rootPEM, stickPEM []byte) (*Signer, error) {
	root, err := ParseCert(rootPEM)
	if err != nil {
		return nil, fmt.Errorf("root.pem: %w", err)
	}
	cert, err := ParseCert(stickPEM)
	if err != nil {
		return nil, fmt.Errorf("stick.pem: %w", err)
	}
	s, err := keyless(root, cert)
	if err == nil && s.Role != RoleStick {
		return nil, fmt.Errorf("stick.pem: the certificate of %q is not a stick's", cert.Subject.CommonName)
	}
	return s, err
}

// NotEnrolled makes a signer for an image without keys. Its papers say NOT
// ENROLLED; no verifier calls them genuine.
func NotEnrolled(stick string) (*Signer, error) {
	const slack, visit = 24 * time.Hour, 7 * 24 * time.Hour // the longest visit takes days
	return fresh(Unenrolled, "Handback, not enrolled", stick, time.Now().Add(-slack), slack+visit)
}

// fresh root and stick, in memory only.
func fresh(class Class, name, stick string, from time.Time, validity time.Duration) (*Signer, error) {
	root, rootKey, err := NewRoot(class, name, from, validity)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert, err := Issue(root, rootKey, RoleStick, stick, key.Public(), from, validity)
	if err != nil {
		return nil, err
	}
	return NewSigner(root, cert, key)
}

// Times of a demonstration: a clock that is a day slow must not stop one.
const (
	demoSlack    = 48 * time.Hour
	demoValidity = 5 * 365 * 24 * time.Hour
)

// Demonstration makes a root and a stick of the demonstration class.
func Demonstration(stick string) (rootPEM, rootKeyPEM, stickPEM, stickKeyPEM []byte, err error) {
	root, key, err := NewRoot(Demonstrating, "Handback demonstration root", time.Now().Add(-demoSlack), demoValidity)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	if rootKeyPEM, err = KeyPEM(key); err != nil {
		return nil, nil, nil, nil, err
	}
	rootPEM = CertPEM(root)
	stickPEM, stickKeyPEM, err = Enrol(rootPEM, rootKeyPEM, stick)
	return rootPEM, rootKeyPEM, stickPEM, stickKeyPEM, err
}

// Enrol makes a key and a certificate for one more stick of an existing root.
// The certificate never outlives the root.
func Enrol(rootPEM, rootKeyPEM []byte, stick string) (stickPEM, stickKeyPEM []byte, err error) {
	root, err := ParseCert(rootPEM)
	if err != nil {
		return nil, nil, fmt.Errorf("root certificate: %w", err)
	}
	rootKey, err := ParseKey(rootKeyPEM)
	if err != nil {
		return nil, nil, fmt.Errorf("root key: %w", err)
	}
	if !sameKey(root.PublicKey, rootKey.Public()) {
		return nil, nil, errors.New("the root's key does not belong to its certificate")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	from := time.Now().Add(-demoSlack)
	if from.Before(root.NotBefore) {
		from = root.NotBefore
	}
	cert, err := Issue(root, rootKey, RoleStick, stick, key.Public(), from, root.NotAfter.Sub(from))
	if err != nil {
		return nil, nil, err
	}
	stickKeyPEM, err = KeyPEM(key)
	return CertPEM(cert), stickKeyPEM, err
}

// Package sign seals records and holds what trust rests on: a root (the hub's)
// that signs one X.509 certificate per stick, and the stick's P-256 key that
// signs records (DSSE over RFC 8785) and papers.
//
// The class of a key stands in its certificate's policies (RFC 5280, 4.2.1.4):
// production, demonstration, practice, or not enrolled. Nothing that is asked for
// at run time can change it.
//
// The package never draws, never judges what a record says, and reads no file.
package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Class of a key: what its signatures may be taken for. The zero Class is none.
type Class string

const (
	Production    Class = "production"
	Demonstrating Class = "demonstration"
	Practice      Class = "practice"
	// Unenrolled keys are made by an image that was built without any: they live
	// for one visit and prove nothing.
	Unenrolled Class = "not enrolled"
)

// policyArc is a UUID-based arc (ITU-T X.667: 2.25.<UUID as an integer>), so it
// needs no registration. Its children are the classes.
const policyArc = "2.25.243009771029140295830984101201957880411"

var classPolicies = []struct {
	class Class
	oid   string
}{
	{Production, policyArc + ".1"},
	{Demonstrating, policyArc + ".2"},
	{Practice, policyArc + ".3"},
	{Unenrolled, policyArc + ".4"},
}

func (c Class) policy() (x509.OID, error) {
	for _, p := range classPolicies {
		if p.class == c {
			return x509.ParseOID(p.oid)
		}
	}
	return x509.OID{}, fmt.Errorf("class %q is unknown", string(c))
}

// ClassOf reads the class from a certificate: exactly one of ours must be there.
func ClassOf(cert *x509.Certificate) (Class, error) {
	var found []Class
	for _, p := range classPolicies {
		oid, err := x509.ParseOID(p.oid)
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(cert.Policies, oid.Equal) {
			found = append(found, p.class)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("the certificate of %q is not one of Handback's: it names %d of its policies", cert.Subject.CommonName, len(found))
	}
	return found[0], nil
}

// NewRoot makes a root of one class. Its subject key identifier is the SHA-256 of
// its public key, so that every stick's certificate names the root in full.
func NewRoot(class Class, name string, from time.Time, validity time.Duration) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	policy, err := class.policy()
	if err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	id, err := KeyID(key.Public())
	if err != nil {
		return nil, nil, err
	}
	t, err := template(name, from, validity)
	if err != nil {
		return nil, nil, err
	}
	t.IsCA, t.MaxPathLenZero, t.BasicConstraintsValid = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	t.Policies = []x509.OID{policy}
	t.SubjectKeyId = id
	cert, err := create(t, t, key.Public(), key)
	return cert, key, err
}

// Role of a key under a root: what it may sign. The zero Role is none.
type Role string

const (
	RoleStick Role = "stick" // records from INTAKE to CERTIFIED, and the papers of a visit
	RoleHub   Role = "hub"   // what becomes of a device later, and the papers that follow
)

// rolePrefixes stand before the holder's name in a certificate's common name.
var rolePrefixes = map[Role]string{RoleStick: "Handback stick ", RoleHub: "Handback hub "}

// Holder is whom a certificate was issued to: 'S01' of role stick, or the name of
// a hub.
func Holder(cert *x509.Certificate) (Role, string, error) {
	for role, prefix := range rolePrefixes {
		if name, ok := strings.CutPrefix(cert.Subject.CommonName, prefix); ok && name != "" {
			return role, name, nil
		}
	}
	return "", "", fmt.Errorf("the certificate of %q names no stick and no hub", cert.Subject.CommonName)
}

// Issue signs the certificate of a stick's or a hub's key. The class is the root's.
func Issue(root *x509.Certificate, rootKey crypto.Signer, role Role, name string, pub crypto.PublicKey, from time.Time, validity time.Duration) (*x509.Certificate, error) {
	prefix, ok := rolePrefixes[role]
	if !ok || name == "" {
		return nil, fmt.Errorf("a certificate is for a stick or a hub that has a name, not for %q of role %q", name, role)
	}
	class, err := ClassOf(root)
	if err != nil {
		return nil, err
	}
	policy, err := class.policy()
	if err != nil {
		return nil, err
	}
	id, err := KeyID(pub)
	if err != nil {
		return nil, err
	}
	t, err := template(prefix+name, from, validity)
	if err != nil {
		return nil, err
	}
	t.BasicConstraintsValid = true
	t.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	t.Policies = []x509.OID{policy}
	t.SubjectKeyId = id
	return create(t, root, pub, rootKey)
}

func template(name string, from time.Time, validity time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    from.UTC().Truncate(time.Second),
		NotAfter:     from.Add(validity).UTC().Truncate(time.Second),
	}, nil
}

func create(t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// CheckStick says whether a certificate is good under a root at a claimed time, and
// gives its class. Revocation is not looked at: see Trust.
func CheckStick(root, cert *x509.Certificate, at time.Time) (Class, error) {
	t, err := NewTrust([]*x509.Certificate{root}, nil, at)
	if err != nil {
		return "", err
	}
	j, err := t.Judge(cert, at)
	return j.Class, err
}

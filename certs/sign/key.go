package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
)

// rsaBits of a token's key: as strong as P-256 (NIST SP 800-57 Part 1, table 2).
const rsaBits = 3072

// CheckKey says whether a key may sign: ECDSA on P-256, which is what is enrolled
// here, or RSA of 3072 bits, which tokens may bring.
func CheckKey(pub crypto.PublicKey) error {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return nil
		}
	case *rsa.PublicKey:
		if k.N.BitLen() == rsaBits {
			return nil
		}
	}
	return fmt.Errorf("its key is neither P-256 nor RSA-%d", rsaBits)
}

// VerifyDigest checks a signature over a SHA-256: ECDSA as DER, or RSA by PKCS #1
// v1.5.
func VerifyDigest(cert *x509.Certificate, digest, sig []byte) bool {
	if CheckKey(cert.PublicKey) != nil {
		return false
	}
	switch k := cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, digest, sig)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest, sig) == nil
	}
	return false
}

// KeyID is the SHA-256 of a public key's SubjectPublicKeyInfo.
func KeyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, err
	}
	h := sha256.Sum256(der)
	return h[:], nil
}

func keyIDHex(pub crypto.PublicKey) (string, error) {
	id, err := KeyID(pub)
	return hex.EncodeToString(id), err
}

package seal

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
)

// SignDetached makes the CMS signature (CAdES B-B, DER) of a paper that is not a
// PDF, over all of its content.
func SignDetached(cert *x509.Certificate, key crypto.Signer, content []byte) ([]byte, error) {
	digest := sha256.Sum256(content)
	return signCMS(cert, key, digest[:])
}

// OpenDetached checks such a signature and gives the certificate that it carries.
// Whether that certificate may be trusted is for the caller to say. Only the one
// form that SignDetached writes is accepted, without a byte behind it.
func OpenDetached(cms, content []byte) (*x509.Certificate, error) {
	digest := sha256.Sum256(content)
	cert, rest, err := openCMS(cms, digest[:])
	switch {
	case err != nil:
		return nil, err
	case len(rest) != 0:
		return nil, malformed("bytes stand behind it")
	}
	return cert, nil
}

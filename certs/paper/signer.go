package paper

import (
	"errors"
	"fmt"

	"handback.example/certs"
	"handback.example/certs/sign"
)

// CheckSigner says why a paper of these records can't be sealed by this key: they must
// be whole, and the key that of their last record.
func CheckSigner(envelopes [][]byte, signer *sign.Signer) error {
	if signer == nil {
		return errors.New("a paper needs a stick or a hub that signs it")
	}
	_, by, err := sign.Verify(envelopes)
	if err != nil {
		return fmt.Errorf("paper not made: %w", err)
	}
	if n := len(certs.JoinEnvelopes(envelopes)); n > certs.MaxVisit {
		return fmt.Errorf("paper not made: record.json would have %d bytes, and nobody reads more than %d", n, certs.MaxVisit)
	}
	if !by[len(by)-1].Equal(signer.Cert) {
		return fmt.Errorf("paper not made: its last record is not signed by %q", signer.Cert.Subject.CommonName)
	}
	return nil
}

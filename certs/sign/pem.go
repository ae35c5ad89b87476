package sign

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
)

// CertPEM writes a certificate.
func CertPEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// ParseCert reads the one certificate of a PEM file.
func ParseCert(b []byte) (*x509.Certificate, error) {
	der, err := onePEM(b, "CERTIFICATE", "certificate")
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return c, CheckKey(c.PublicKey)
}

// KeyPEM writes a key as PKCS #8.
func KeyPEM(k *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParseKey reads a PKCS #8 key. Keys in files are P-256; RSA keys live in tokens.
func ParseKey(b []byte) (*ecdsa.PrivateKey, error) {
	der, err := onePEM(b, "PRIVATE KEY", "private key")
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	key, ok := k.(*ecdsa.PrivateKey)
	if !ok || CheckKey(key.Public()) != nil {
		return nil, errors.New("not a P-256 key")
	}
	return key, nil
}

// onePEM gives the bytes of a file's only PEM block.
func onePEM(b []byte, kind, word string) ([]byte, error) {
	block, rest := pem.Decode(b)
	if block == nil || block.Type != kind {
		return nil, errors.New("no PEM " + word + " in it")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, errors.New("more than one PEM block in it")
	}
	return block.Bytes, nil
}

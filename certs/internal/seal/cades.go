package seal

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"sort"
)

// Object identifiers, each with its source.
var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}         // RFC 5652, 4
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}         // RFC 5652, 5.1
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}         // RFC 5652, 11.1
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}         // RFC 5652, 11.2
	oidSigningCertV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47} // RFC 5035, 3
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}     // RFC 5754, 2.2
	oidECDSASHA256   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}          // RFC 5758, 3.2
)

// The structures of RFC 5652, as far as a B-B signature uses them.
type contentInfo struct {
	ContentType asn1.ObjectIdentifier
	Content     signedData `asn1:"explicit,tag:0"`
}

type signedData struct {
	Version          int
	DigestAlgorithms []pkix.AlgorithmIdentifier `asn1:"set"`
	Encap            encapsulated
	Certificates     asn1.RawValue // [0] IMPLICIT SET OF
	SignerInfos      []signerInfo  `asn1:"set"`
}

type encapsulated struct{ ContentType asn1.ObjectIdentifier }

type signerInfo struct {
	Version            int
	SID                issuerAndSerial
	DigestAlgorithm    pkix.AlgorithmIdentifier
	SignedAttrs        asn1.RawValue // [0] IMPLICIT SET OF
	SignatureAlgorithm pkix.AlgorithmIdentifier
	Signature          []byte
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

// signingCertificateV2 of RFC 5035, 3: the hash algorithm is the default (SHA-256)
// and so is left out.
type signingCertificateV2 struct{ Certs []essCertIDv2 }

type essCertIDv2 struct{ CertHash []byte }

// signedAttributes as a DER SET OF: what is signed, with the universal tag.
// There is no signing-time: PAdES carries it in /M (EN 319 142-1, 6.3).
func signedAttributes(cert *x509.Certificate, digest []byte) ([]byte, error) {
	hash := sha256.Sum256(cert.Raw)
	values := []struct {
		oid   asn1.ObjectIdentifier
		value any
	}{
		{oidContentType, oidData},
		{oidMessageDigest, digest},
		{oidSigningCertV2, signingCertificateV2{[]essCertIDv2{{hash[:]}}}},
	}
	var attrs [][]byte
	for _, v := range values {
		der, err := asn1.Marshal(v.value)
		if err != nil {
			return nil, err
		}
		a, err := asn1.Marshal(attribute{v.oid, []asn1.RawValue{{FullBytes: der}}})
		if err != nil {
			return nil, err
		}
		attrs = append(attrs, a)
	}
	// DER orders the elements of a SET OF by their encodings (X.690, 11.6).
	sort.Slice(attrs, func(i, j int) bool { return bytes.Compare(attrs[i], attrs[j]) < 0 })
	return asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: bytes.Join(attrs, nil)})
}

// buildCMS writes the signature the one way that it is written.
func buildCMS(cert *x509.Certificate, digest, signature []byte) ([]byte, error) {
	set, err := signedAttributes(cert, digest)
	if err != nil {
		return nil, err
	}
	var attrs asn1.RawValue
	if _, err := asn1.Unmarshal(set, &attrs); err != nil {
		return nil, err
	}
	sha := pkix.AlgorithmIdentifier{Algorithm: oidSHA256}
	return asn1.Marshal(contentInfo{oidSignedData, signedData{
		Version:          1,
		DigestAlgorithms: []pkix.AlgorithmIdentifier{sha},
		Encap:            encapsulated{oidData},
		Certificates:     implicit0(cert.Raw),
		SignerInfos: []signerInfo{{
			Version:            1,
			SID:                issuerAndSerial{asn1.RawValue{FullBytes: cert.RawIssuer}, cert.SerialNumber},
			DigestAlgorithm:    sha,
			SignedAttrs:        implicit0(attrs.Bytes),
			SignatureAlgorithm: pkix.AlgorithmIdentifier{Algorithm: oidECDSASHA256},
			Signature:          signature,
		}},
	}})
}

func implicit0(b []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: b}
}

// signCMS makes a detached CAdES B-B signature over the digest of a file.
func signCMS(cert *x509.Certificate, key crypto.Signer, digest []byte) ([]byte, error) {
	set, err := signedAttributes(cert, digest)
	if err != nil {
		return nil, err
	}
	h := sha256.Sum256(set)
	sig, err := key.Sign(rand.Reader, h[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("the paper could not be signed: %w", err)
	}
	return buildCMS(cert, digest, sig)
}

// openCMS checks a signature with its zero padding against the digest of the file
// around it. It is accepted only if building it anew from its certificate, the
// digest and the signature value gives the same bytes: so nothing else, no second
// certificate and no unsigned attribute, can be in it.
func openCMS(room, digest []byte) (*x509.Certificate, error) {
	var c contentInfo
	padding, err := asn1.Unmarshal(room, &c)
	if err != nil || len(c.Content.SignerInfos) != 1 {
		return nil, ErrMalform
	}
	cert, err := x509.ParseCertificate(c.Content.Certificates.Bytes)
	if err != nil {
		return nil, ErrMalform
	}
	pub, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: its key is not P-256", ErrMalform)
	}
	if !bytes.Contains(c.Content.SignerInfos[0].SignedAttrs.Bytes, digest) {
		return nil, ErrChanged
	}
	sig := c.Content.SignerInfos[0].Signature
	again, err := buildCMS(cert, digest, sig)
	if err != nil {
		return nil, ErrMalform
	}
	if !bytes.Equal(room[:len(room)-len(padding)], again) || len(bytes.Trim(padding, "\x00")) != 0 {
		return nil, ErrMalform
	}
	set, err := signedAttributes(cert, digest)
	if err != nil {
		return nil, ErrMalform
	}
	if h := sha256.Sum256(set); !ecdsa.VerifyASN1(pub, h[:], sig) {
		return nil, ErrChanged
	}
	return cert, nil
}

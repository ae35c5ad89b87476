package seal

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
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
	oidRSASHA256     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}        // RFC 5754, 3.2
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
	algorithm, err := algorithmOf(cert)
	if err != nil {
		return nil, err
	}
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
			SignatureAlgorithm: algorithm,
			Signature:          signature,
		}},
	}})
}

func implicit0(b []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: b}
}

// algorithmOf a key: ECDSA on P-256, or RSA of 3,072 bits (PKCS #1 v1.5, a token's
// key), each with SHA-256. No other key seals a paper.
func algorithmOf(cert *x509.Certificate) (pkix.AlgorithmIdentifier, error) {
	switch pub := cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if pub.Curve == elliptic.P256() {
			return pkix.AlgorithmIdentifier{Algorithm: oidECDSASHA256}, nil
		}
	case *rsa.PublicKey:
		if pub.N.BitLen() == rsaBits {
			return pkix.AlgorithmIdentifier{Algorithm: oidRSASHA256, Parameters: asn1.NullRawValue}, nil
		}
	}
	return pkix.AlgorithmIdentifier{}, fmt.Errorf("the key of %q is neither P-256 nor RSA-%d", cert.Subject.CommonName, rsaBits)
}

const rsaBits = 3072

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
	if sig, err = oneOfTwins(cert, sig); err != nil {
		return nil, fmt.Errorf("the paper could not be signed: %w", err)
	}
	return buildCMS(cert, digest, sig)
}

// ecdsaValue is Ecdsa-Sig-Value of RFC 3279, 2.2.3.
type ecdsaValue struct{ R, S *big.Int }

// oneOfTwins gives the smaller of the two values that every ECDSA signature has:
// where (r, s) is good, (r, n-s) is too (SEC 1, 4.1.4), and a paper has one form.
func oneOfTwins(cert *x509.Certificate, sig []byte) ([]byte, error) {
	pub, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return sig, nil
	}
	var v ecdsaValue
	if rest, err := asn1.Unmarshal(sig, &v); err != nil || len(rest) != 0 {
		return nil, errors.New("the signature's value is not DER")
	}
	if twin := new(big.Int).Sub(pub.Params().N, v.S); twin.Cmp(v.S) < 0 {
		v.S = twin
	}
	return asn1.Marshal(v)
}

// checkValue checks the signature's value over the signed attributes.
func checkValue(cert *x509.Certificate, set, sig []byte) bool {
	h := sha256.Sum256(set)
	switch pub := cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(pub, h[:], sig)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, h[:], sig) == nil
	}
	return false
}

// openCMS checks a signature against the digest of what it seals, and gives its
// certificate and the bytes that stand behind it. It is accepted only if building
// it anew from its certificate, the digest and the signature value gives the same
// bytes: so nothing else, no second certificate and no unsigned attribute, can be
// in it.
func openCMS(b, digest []byte) (*x509.Certificate, []byte, error) {
	var c contentInfo
	rest, err := asn1.Unmarshal(b, &c)
	if err != nil {
		return nil, nil, malformed("it is not DER")
	}
	if n := len(c.Content.SignerInfos); n != 1 {
		return nil, nil, fmt.Errorf("the signature has %d signers, and ours have one", n)
	}
	if certificates(c.Content.Certificates.Bytes) > 1 {
		return nil, nil, ErrStuffed
	}
	cert, err := x509.ParseCertificate(c.Content.Certificates.Bytes)
	if err != nil {
		return nil, nil, malformed("its certificate can't be read")
	}
	if _, err := algorithmOf(cert); err != nil {
		return nil, nil, err
	}
	if !bytes.Contains(c.Content.SignerInfos[0].SignedAttrs.Bytes, digest) {
		return nil, nil, ErrChanged
	}
	sig := c.Content.SignerInfos[0].Signature
	again, err := buildCMS(cert, digest, sig)
	if err != nil || !bytes.Equal(b[:len(b)-len(rest)], again) {
		return nil, nil, malformed("something of it was added, left out or spelt otherwise")
	}
	if one, err := oneOfTwins(cert, sig); err != nil || !bytes.Equal(one, sig) {
		return nil, nil, malformed("of the two values that would do it has the larger")
	}
	set, err := signedAttributes(cert, digest)
	if err != nil {
		return nil, nil, malformed("its attributes can't be written")
	}
	if !checkValue(cert, set, sig) {
		return nil, nil, ErrChanged
	}
	return cert, rest, nil
}

// certificates counts the elements of the certificates' set.
func certificates(b []byte) int {
	n := 0
	for len(b) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(b, &v)
		if err != nil {
			return n
		}
		n, b = n+1, rest
	}
	return n
}

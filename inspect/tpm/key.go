package tpm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"handback.example/inspect"
)

// Key is what is known of a primary key that the TPM makes anew from one of its
// seeds each time, the same as long as the seed is the same.
type Key struct {
	// Template that it was made from. Only keys of one template can be compared.
	Template string
	Value    inspect.Fact[string] // hex
}

const createPrimary = "TPM2_CreatePrimary"

// SRK gives the name (part 1, 16) of the storage root key, made from the TCG's
// reference template. It stands for the storage seed, which TPM2_Clear replaces.
func SRK(ctx context.Context, dev transport.TPM) Key {
	return primary(Bound(ctx, dev), tpm2.TPMRHOwner, ownerAuthSet, "storage", tpm2.ECCSRKTemplate, tpm2.RSASRKTemplate,
		func(digest []byte) []byte { return append([]byte{0x00, 0x0b}, digest...) }) // 000b: TPM_ALG_SHA256
}

// EK gives the SHA-256 of the public area of the endorsement key, made from the
// TCG's reference template (EK Credential Profile, B.3.3 and B.3.4). It names the
// TPM, and TPM2_Clear keeps it.
func EK(ctx context.Context, dev transport.TPM) Key {
	return primary(Bound(ctx, dev), tpm2.TPMRHEndorsement, endorsementAuthSet, "endorsement", tpm2.ECCEKTemplate, tpm2.RSAEKTemplate,
		func(digest []byte) []byte { return digest })
}

// primary makes a key, flushes it, and gives what its public area adds up to.
// A hierarchy that has a password is left alone.
func primary(dev transport.TPM, hierarchy tpm2.TPMHandle, auth uint32, name string, ecc, rsa tpm2.TPMTPublic, form func([]byte) []byte) Key {
	fail := func(err error) Key {
		return Key{Value: inspect.Unknown[string](createPrimary, err.Error())}
	}
	permanent, err := property(dev, tpm2.TPMPTPermanent)
	if err != nil {
		return fail(err)
	}
	if permanent&auth != 0 {
		return fail(fmt.Errorf("the TPM's %s hierarchy has a password, and none is ever tried", name))
	}
	template, public := "ECC P-256", ecc
	if p256, err := hasP256(dev); err != nil {
		return fail(err)
	} else if !p256 {
		template, public = "RSA 2048", rsa
	}
	digest, err := create(dev, hierarchy, public)
	if err != nil {
		return fail(err)
	}
	return Key{Template: template, Value: inspect.Known(hex.EncodeToString(form(digest)), createPrimary+" "+template)}
}

// create gives the SHA-256 of the public area of a new primary key. The name that
// the TPM gives beside it must be the same.
func create(dev transport.TPM, hierarchy tpm2.TPMHandle, template tpm2.TPMTPublic) ([]byte, error) {
	rsp, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.AuthHandle{Handle: hierarchy, Auth: tpm2.PasswordAuth(nil)},
		InPublic:      tpm2.New2B(template),
	}.Execute(dev)
	if err != nil {
		return nil, err
	}
	// A flush that fails loses nothing that is to be known: the slot is free again
	// at the next start, or when the resource manager's descriptor is closed.
	_, _ = tpm2.FlushContext{FlushHandle: rsp.ObjectHandle}.Execute(dev)
	digest := sha256.Sum256(rsp.OutPublic.Bytes())
	if len(rsp.OutPublic.Bytes()) == 0 || !bytes.Equal(rsp.Name.Buffer, append([]byte{0x00, 0x0b}, digest[:]...)) {
		return nil, errors.New("the TPM's name for its key is not that of the key's public area")
	}
	return digest[:], nil
}

// hasP256 asks for the curves that the TPM knows. The first TPMs 2.0 did without
// some; the template must not hang on whether one command fails.
func hasP256(dev transport.TPM) (bool, error) {
	rsp, err := tpm2.GetCapability{Capability: tpm2.TPMCapECCCurves, Property: 0, PropertyCount: 64}.Execute(dev)
	if err != nil {
		return false, err
	}
	curves, err := rsp.CapabilityData.Data.ECCCurves()
	if err != nil {
		return false, err
	}
	return slices.Contains(curves.ECCCurves, tpm2.TPMECCNistP256), nil
}

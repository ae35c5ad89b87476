// Package keylocktest locks keys for tests that open many of them: as package keylock
// does, with a thousandth of the work.
package keylocktest

import (
	"bytes"
	"errors"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// Lock a key under a passphrase.
func Lock(t testing.TB, key []byte, passphrase string) []byte {
	t.Helper()
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	to.SetWorkFactor(7)
	var b bytes.Buffer
	text := armor.NewWriter(&b)
	w, err := age.Encrypt(text, to)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(key)
	if err := errors.Join(err, w.Close(), text.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Package keylock keeps a key under a passphrase while it lies on a disk or on a
// stick: an age file (age-encryption.org/v1) with one scrypt recipient, armored.
//
// It knows nothing of what the key is for, asks nobody for a passphrase and reads
// no file but the one that a passphrase is in.
package keylock

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// workFactor is log2 of scrypt's N (RFC 7914, 2), with r = 8. A try takes 128 MiB of
// memory and 0.4 s of processor time on the server that it was measured on
// (BenchmarkOpen, AMD EPYC); a laptop of the age that comes back is slower, and one
// more here would double both.
const workFactor = 17

// mostWork is what the age command takes by itself: a key that was locked anew with it
// opens too. More would hold up a bench.
const mostWork = 18

// shortest passphrase that is taken: whoever has the stick can try as many as they
// like.
const shortest = 12

// longest passphrase: the screen of a bench takes no more.
const longest = 100

// most bytes of a key, and of a passphrase's file.
const most = 1 << 20

var (
	// ErrWrong: the passphrase is not the one that the key was locked with.
	ErrWrong = errors.New("that is not the passphrase")
	// ErrDamaged: what was locked can't be opened with any passphrase.
	ErrDamaged = errors.New("the locked key is damaged, and no passphrase opens it")
)

// Check says whether a passphrase may be set. Its letters must be on the same keys
// of every bench's keyboard, whatever layout that has: a passphrase that can't be
// typed locks everybody out.
func Check(passphrase string) error {
	const signs = " -.,"
	odd := strings.IndexFunc(passphrase, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(signs, r)
	})
	switch {
	case odd >= 0:
		return errors.New("the passphrase holds a sign that lies elsewhere on other keyboards: use letters, digits, spaces, full stops, commas and hyphens")
	case len(passphrase) < shortest:
		return fmt.Errorf("the passphrase is too short: take at least %d letters, such as four or more words", shortest)
	case len(passphrase) > longest:
		return fmt.Errorf("the passphrase is too long: a bench takes %d letters", longest)
	case strings.TrimSpace(passphrase) != passphrase:
		return errors.New("the passphrase begins or ends with a space")
	}
	return nil
}

// Lock a key under a passphrase.
func Lock(key []byte, passphrase string) ([]byte, error) {
	if err := Check(passphrase); err != nil {
		return nil, err
	}
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(workFactor)
	var b bytes.Buffer
	text := armor.NewWriter(&b)
	w, err := age.Encrypt(text, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(key); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Close(), text.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Locked tells a locked key from one that lies open.
func Locked(b []byte) bool { return bytes.HasPrefix(b, []byte(armor.Header)) }

// Open a locked key. The error is ErrWrong or ErrDamaged.
func Open(b []byte, passphrase string) ([]byte, error) {
	who, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, ErrWrong // an empty one
	}
	who.SetMaxWorkFactor(mostWork)
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(b)), who)
	if no := new(age.NoIdentityMatchError); errors.As(err, &no) && slices.Equal(no.StanzaTypes, []string{"scrypt"}) {
		return nil, ErrWrong
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	key, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	return key, nil
}

// ReadFile reads a passphrase from the one line of a file.
func ReadFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("the passphrase: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return "", fmt.Errorf("the passphrase: %w", err)
	}
	line, rest, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" || rest != "" {
		return "", fmt.Errorf("%s: the passphrase must be the file's one line", name)
	}
	return line, nil
}

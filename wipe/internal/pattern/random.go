package pattern

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// Random is the key stream of AES-128 in counter mode, the counter being
// offset / 16 (NIST SP 800-38A, 6.5).
type Random struct {
	block cipher.Block
	keys  *roundKeys // nil where the processor has no VAES
	key   string
}

// NewRandom draws a fresh key.
func NewRandom() (Random, error) {
	var key [16]byte
	if _, err := rand.Read(key[:]); err != nil {
		return Random{}, fmt.Errorf("no random key: %w", err)
	}
	return withKey(key)
}

// ParseRandom makes the pattern of a key again, as Key gave it.
func ParseRandom(key string) (Random, error) {
	b, err := hex.DecodeString(key)
	if err != nil || len(b) != 16 {
		return Random{}, errors.New("not a key of a random pattern")
	}
	return withKey([16]byte(b))
}

func withKey(key [16]byte) (Random, error) {
	b, err := aes.NewCipher(key[:])
	return Random{b, expand(key), hex.EncodeToString(key[:])}, err
}

// Key in hex. It belongs in the journal of an erasure that runs, and nowhere else:
// with it the stream can be made again.
func (r Random) Key() string { return r.key }

// Maker of the stream.
func (r Random) Maker() Maker { return &stream{block: r.block, keys: r.keys} }

type stream struct {
	block cipher.Block
	keys  *roundKeys
	strip [strip]byte
}

// fill b with the stream from off on. What the processor's wide instructions leave,
// or all of it, is the standard library's, which takes two to three times as long.
func (s *stream) fill(b []byte, off int64) {
	if s.keys != nil {
		n := s.keys.fill(b, uint64(off)/16)
		b, off = b[n:], off+int64(n)
	}
	if len(b) == 0 {
		return
	}
	var counter [16]byte
	binary.BigEndian.PutUint64(counter[8:], uint64(off)/16)
	clear(b)
	cipher.NewCTR(s.block, counter[:]).XORKeyStream(b, b)
}

// Make writes the stream to scratch.
func (s *stream) Make(scratch []byte, off int64, n int) []byte {
	s.fill(scratch[:n], off)
	return scratch[:n]
}

// Same makes the stream again, strip by strip.
func (s *stream) Same(b []byte, off int64) bool {
	for len(b) > 0 {
		n := min(len(b), strip)
		s.fill(s.strip[:n], off)
		if !bytes.Equal(s.strip[:n], b[:n]) {
			return false
		}
		b, off = b[n:], off+int64(n)
	}
	return true
}

// Package pattern makes what an overwrite writes. A pattern is a function of the
// offset: any block can be made again from it, so the read-back needs no memory
// of what was written.
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

// strip is the part of a piece that is made or compared at once: it stays in the
// first level cache, with what it is compared to.
const strip = 16 << 10

var zeros, ones [strip]byte

func init() {
	for i := range ones {
		ones[i] = 0xff
	}
}

// Pattern of one drive's overwrite; every lane takes a Maker of its own.
type Pattern interface {
	Maker() Maker
}

// Maker makes content, for one lane. Offsets are multiples of 512.
type Maker interface {
	// Make gives the content of n bytes at off in scratch, which holds that many
	// at least. Nobody else writes to scratch between two calls with the same one.
	Make(scratch []byte, off int64, n int) []byte
	// Same reports whether b holds the content at off.
	Same(b []byte, off int64) bool
}

// Zero is all zeros.
type Zero struct{}

// Maker of zeros.
func (Zero) Maker() Maker { return &constant{strip: &zeros} }

// One is all ones: every byte FFh.
type One struct{}

// Maker of ones.
func (One) Maker() Maker { return &constant{strip: &ones} }

// constant fills its lane's scratch once. It is real memory on purpose: the
// kernel's page of zeros, which would back memory that was never written to, is
// slow to hand to O_DIRECT.
type constant struct {
	strip  *[strip]byte // of the byte that it is made of
	filled *byte
}

// Make gives the byte again and again.
func (c *constant) Make(scratch []byte, _ int64, n int) []byte {
	if c.filled != &scratch[0] {
		for b := scratch; len(b) > 0; b = b[copy(b, c.strip[:]):] {
		}
		c.filled = &scratch[0]
	}
	return scratch[:n]
}

// Same compares with it.
func (c *constant) Same(b []byte, _ int64) bool {
	for len(b) > strip {
		if !bytes.Equal(b[:strip], c.strip[:]) {
			return false
		}
		b = b[strip:]
	}
	return bytes.Equal(b, c.strip[:len(b)])
}

// Random is the key stream of AES-128 in counter mode, the counter being
// offset / 16 (NIST SP 800-38A, 6.5).
type Random struct {
	block cipher.Block
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
	return Random{b, hex.EncodeToString(key[:])}, err
}

// Key in hex. It belongs in the journal of an erasure that runs, and nowhere else:
// with it the stream can be made again.
func (r Random) Key() string { return r.key }

// Maker of the stream.
func (r Random) Maker() Maker { return &stream{block: r.block} }

type stream struct {
	block cipher.Block
	strip [strip]byte
}

func (s *stream) at(off int64) cipher.Stream {
	var counter [16]byte
	binary.BigEndian.PutUint64(counter[8:], uint64(off)/16)
	return cipher.NewCTR(s.block, counter[:])
}

// Make writes the stream to scratch.
func (s *stream) Make(scratch []byte, off int64, n int) []byte {
	ctr := s.at(off)
	for b := scratch[:n]; len(b) > 0; {
		k := min(len(b), strip)
		ctr.XORKeyStream(b[:k], zeros[:k])
		b = b[k:]
	}
	return scratch[:n]
}

// Same makes the stream again, strip by strip.
func (s *stream) Same(b []byte, off int64) bool {
	ctr := s.at(off)
	for len(b) > 0 {
		n := min(len(b), strip)
		ctr.XORKeyStream(s.strip[:n], zeros[:n])
		if !bytes.Equal(s.strip[:n], b[:n]) {
			return false
		}
		b = b[n:]
	}
	return true
}

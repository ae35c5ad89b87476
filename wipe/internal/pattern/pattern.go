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
	"fmt"
)

// strip is the part of a piece that is made or compared at once: it stays in the
// first level cache, with what it is compared to.
const strip = 16 << 10

var zeros [strip]byte

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
func (Zero) Maker() Maker { return &zeroMaker{} }

// zeroMaker clears its lane's scratch once. It is real memory on purpose: the
// kernel's page of zeros, which would back memory that was never written to, is
// slow to hand to O_DIRECT.
type zeroMaker struct{ cleared *byte }

// Make gives zeros.
func (z *zeroMaker) Make(scratch []byte, _ int64, n int) []byte {
	if z.cleared != &scratch[0] {
		clear(scratch)
		z.cleared = &scratch[0]
	}
	return scratch[:n]
}

// Same compares with zeros.
func (*zeroMaker) Same(b []byte, _ int64) bool {
	for len(b) > strip {
		if !bytes.Equal(b[:strip], zeros[:]) {
			return false
		}
		b = b[strip:]
	}
	return bytes.Equal(b, zeros[:len(b)])
}

// Random is the key stream of AES-128 in counter mode, the counter being
// offset / 16 (NIST SP 800-38A, 6.5).
type Random struct{ block cipher.Block }

// NewRandom draws a fresh key. The key is kept nowhere else: with it the stream
// could be told from real data, or made again.
func NewRandom() (Random, error) {
	var key [16]byte
	if _, err := rand.Read(key[:]); err != nil {
		return Random{}, fmt.Errorf("no random key: %w", err)
	}
	return withKey(key)
}

func withKey(key [16]byte) (Random, error) {
	b, err := aes.NewCipher(key[:])
	return Random{b}, err
}

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

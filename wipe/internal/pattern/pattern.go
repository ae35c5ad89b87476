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

	"handback.example/inspect/drive"
	"handback.example/wipe/internal/sweep"
)

// strip is the part of a piece that is compared at once: it stays in the first
// level cache, with what it is compared to.
const strip = 16 << 10

// zeros is never written to, so the kernel backs it by one page of zeros.
var zeros = drive.AlignedBuffer(sweep.Piece)

// Pattern of one drive's overwrite; every lane takes a Maker of its own.
type Pattern interface {
	Maker() Maker
}

// Maker makes content, for one lane. Offsets are multiples of 512.
type Maker interface {
	// Make gives the content of n bytes at off, aligned. It may use scratch, of n
	// bytes at least, which it may not keep.
	Make(scratch []byte, off int64, n int) []byte
	// Same reports whether b holds the content at off.
	Same(b []byte, off int64) bool
}

// Zero is all zeros.
type Zero struct{}

// Maker of zeros.
func (Zero) Maker() Maker { return Zero{} }

// Make gives zeros and needs no scratch.
func (Zero) Make(_ []byte, _ int64, n int) []byte { return zeros[:n] }

// Same compares with zeros.
func (Zero) Same(b []byte, _ int64) bool {
	for len(b) > strip {
		if !bytes.Equal(b[:strip], zeros[:strip]) {
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
	s.at(off).XORKeyStream(scratch[:n], zeros[:n])
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

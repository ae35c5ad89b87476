// Package pattern makes what an overwrite writes. A pattern is a function of the
// offset: any block can be made again from it, so the read-back needs no memory
// of what was written.
package pattern

import "bytes"

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

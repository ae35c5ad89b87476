package sim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
)

// Pattern is what a range of a medium reads as where nobody wrote it: by its
// offset on the medium, so that every byte of it can be had by itself. The zero
// Pattern reads as zeros.
type Pattern struct {
	repeat []byte // of length 1, 2, 4, ...: repeated from offset 0
	noise  cipher.Block
}

// Zeros is the pattern of a block that reads as zeros.
var Zeros = Pattern{}

// Repeat gives a pattern of p again and again, from offset 0 of the medium.
func Repeat(p []byte) Pattern {
	if len(p) == 0 {
		return Zeros
	}
	return Pattern{repeat: append([]byte(nil), p...)}
}

// Noise gives bytes that look random and are the same for the same seed: what a
// drive shows whose key was changed, and what stands for a person's data that
// nothing can compress.
func Noise(seed string) Pattern {
	key := sha256.Sum256([]byte(seed))
	b, err := aes.NewCipher(key[:16])
	if err != nil {
		panic(err) // 16 bytes are a key
	}
	return Pattern{noise: b}
}

// read fills p with what stands at off.
func (x Pattern) read(p []byte, off int64) {
	switch {
	case x.noise != nil:
		x.readNoise(p, off)
	case x.repeat != nil:
		at := int(off % int64(len(x.repeat)))
		n := copy(p, x.repeat[at:])
		for n += copy(p[n:], x.repeat[:at]); n < len(p); {
			n += copy(p[n:], p[:n]) // whole periods
		}
	default:
		clear(p)
	}
}

// readNoise: AES-CTR whose counter is the number of the 16-byte block.
func (x Pattern) readNoise(p []byte, off int64) {
	var iv [16]byte
	binary.BigEndian.PutUint64(iv[8:], uint64(off/16))
	s := cipher.NewCTR(x.noise, iv[:])
	if skip := off % 16; skip > 0 {
		var lost [16]byte
		s.XORKeyStream(lost[:skip], lost[:skip])
	}
	clear(p)
	s.XORKeyStream(p, p)
}

// same: two patterns read alike everywhere.
func (x Pattern) same(o Pattern) bool {
	return x.noise == o.noise && string(x.repeat) == string(o.repeat)
}

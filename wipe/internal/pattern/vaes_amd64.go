package pattern

import "golang.org/x/sys/cpu"

// roundKeys of AES-128 (FIPS 197, 5.2), for the processor's own instructions on 256
// bits: the standard library knows those on 128 bits only.
type roundKeys [11][16]byte

// vaes: the processor has them, and the system keeps the registers that they need.
var vaes = cpu.X86.HasAVX2 && cpu.X86.HasAES && hasVAES()

func hasVAES() bool

//go:noescape
func expandKey(keys *roundKeys)

//go:noescape
func keyStream(to *byte, n int, keys *roundKeys, counter uint64)

func expand(key [16]byte) *roundKeys {
	if !vaes {
		return nil
	}
	keys := &roundKeys{key}
	expandKey(keys)
	return keys
}

// wide is what keyStream makes at a time, in bytes.
const wide = 256

// fill b with the stream from a counter on, but for less than wide bytes at its end,
// and say how many were filled.
func (k *roundKeys) fill(b []byte, counter uint64) int {
	n := len(b) / wide * wide
	if n > 0 {
		keyStream(&b[0], n, k, counter)
	}
	return n
}

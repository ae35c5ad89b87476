package function

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"math/big"
)

// sum is work whose answer is known from elsewhere.
type sum struct {
	name  string
	right func() bool
}

// sums load what a processor computes with: the units for hashes and wide registers,
// whole numbers, floating point.
func sums() []sum {
	a := bytes.Repeat([]byte("a"), 1000)
	return []sum{
		{"SHA-256", func() bool { return sha256Million(a) }},
		{"SHA-512", func() bool { return sha512Million(a) }},
		// 2^1279 - 1 is prime (Robinson, 1952).
		{"Lucas-Lehmer", func() bool { return mersennePrime(1279) }},
		{"matrices", func() bool { return product(grids()) }},
	}
}

// A million times 'a', from NIST's examples for FIPS 180-2 (B.3 and C.3).
const (
	sha256OfMillion = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
	sha512OfMillion = "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"
)

func sha256Million(thousand []byte) bool {
	h := sha256.New()
	for range 1000 {
		h.Write(thousand)
	}
	return hex.EncodeToString(h.Sum(nil)) == sha256OfMillion
}

func sha512Million(thousand []byte) bool {
	h := sha512.New()
	for range 1000 {
		h.Write(thousand)
	}
	return hex.EncodeToString(h.Sum(nil)) == sha512OfMillion
}

// mersennePrime is the test of Lucas and Lehmer for 2^p - 1, p an odd prime.
func mersennePrime(p uint) bool {
	m := new(big.Int).Lsh(big.NewInt(1), p)
	m.Sub(m, big.NewInt(1))
	s, two := big.NewInt(4), big.NewInt(2)
	for range p - 2 {
		s.Mul(s, s).Sub(s, two).Mod(s, m)
	}
	return s.Sign() == 0
}

// side of the matrices: two of them fill a second cache.
const side = 96

type grid [side][side]float64

// grids are A(i,j) = i+j and B(i,j) = i-j.
func grids() (a, b *grid) {
	a, b = new(grid), new(grid)
	for i := range side {
		for j := range side {
			a[i][j], b[i][j] = float64(i+j), float64(i-j)
		}
	}
	return a, b
}

// product: the sum over k of (i+k)(k-j) is -nij + (i-j)(0+1+...) + (0+1+4+...), all whole
// numbers that a float64 holds exactly.
func product(a, b *grid) bool {
	const n = side
	const first, second = n * (n - 1) / 2, (n - 1) * n * (2*n - 1) / 6
	right := true
	for i := range n {
		for j := range n {
			var x float64
			for k := range n {
				x += a[i][k] * b[k][j]
			}
			right = right && x == float64(-n*i*j+(i-j)*first+second)
		}
	}
	return right
}

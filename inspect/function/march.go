package function

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
)

// cells are memory under test, by byte. A chunk at a time is written or read.
type cells interface {
	Len() int // bytes, a multiple of chunk
	Write(at int, p []byte)
	Read(at int, p []byte)
	// Address is the physical one of a byte, as the chips have it.
	Address(at int) (address uint64, known bool)
}

// chunk bytes stay in the processor's first cache beside what they are compared with.
const chunk = 4096

// pattern is what a word holds, by its place.
type pattern struct {
	name string
	fill func(p []byte, at int) // of the bytes from at on
	same bool                   // every chunk is alike
}

// patterns as Memtest86+ has them: each is marched through with its inverse.
//   - all bits alike: bits that stick, and such as don't change
//   - one bit of eight, each in its turn: a bit that goes with its neighbours
//   - the word's own address: lines of the address that stick or touch
//   - random: what none of the others thought of
func patterns(seed uint64) []pattern {
	list := []pattern{{"solid", solid(0), true}}
	for bit := range 8 {
		list = append(list, pattern{fmt.Sprintf("walking bit %d", bit), solid(0x0101010101010101 << bit), true})
	}
	return append(list, pattern{"own address", words(func(i uint64) uint64 { return i }), false},
		pattern{"random", words(func(i uint64) uint64 { return mix(seed + i) }), false})
}

func solid(w uint64) func([]byte, int) { return words(func(uint64) uint64 { return w }) }

func words(of func(i uint64) uint64) func([]byte, int) {
	return func(p []byte, at int) {
		for i := uint64(at) / 8; len(p) >= 8; p, i = p[8:], i+1 {
			binary.LittleEndian.PutUint64(p, of(i))
		}
	}
}

// mix is SplitMix64 (Steele, Lea, Flood 2014): any word is had by its place.
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// fault is a word that was not read as it was written.
type fault struct {
	pattern     string
	at          int // byte of the cells
	wrote, read uint64
}

// march goes through the cells with one pattern: March X of van de Goor's Testing
// Semiconductor Memories: write p upwards; upwards read p, write its inverse;
// downwards read that, write p; read p. It finds bits that stick or don't change,
// addresses that meet, and bits that turn others over. The processor's caches decide
// the order within a few lines; the whole is many times what they hold.
type march struct {
	m                 cells
	p                 pattern
	want, wrong, read [chunk]byte // the pattern, its inverse, what was read
	step              func(bytes int)
}

var ones = bytes.Repeat([]byte{0xff}, chunk)

func (s *march) run(ctx context.Context) (*fault, error) {
	s.p.fill(s.want[:], 0)
	subtle.XORBytes(s.wrong[:], s.want[:], ones)
	n := s.m.Len() / chunk
	for _, pass := range []struct{ down, check, inverse, write bool }{
		{write: true},
		{check: true, write: true, inverse: true},
		{check: true, write: true, inverse: false, down: true},
		{check: true},
	} {
		for i := range n {
			if i%64 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			at := i * chunk
			if pass.down {
				at = (n - 1 - i) * chunk
			}
			if !s.p.same {
				s.p.fill(s.want[:], at)
				subtle.XORBytes(s.wrong[:], s.want[:], ones)
			}
			next, now := s.want[:], s.want[:]
			switch {
			case pass.inverse:
				next = s.wrong[:]
			case pass.down:
				now = s.wrong[:]
			}
			if pass.check {
				if f := s.compare(at, now); f != nil {
					return f, nil
				}
			}
			if pass.write {
				s.m.Write(at, next)
			}
			s.step(chunk)
		}
	}
	return nil, nil
}

// marchSteps is how often run tells of each chunk.
const marchSteps = 4

func (s *march) compare(at int, want []byte) *fault {
	s.m.Read(at, s.read[:])
	if bytes.Equal(s.read[:], want) {
		return nil
	}
	for i := 0; i < chunk; i += 8 {
		w, r := binary.LittleEndian.Uint64(want[i:]), binary.LittleEndian.Uint64(s.read[i:])
		if w != r {
			return &fault{s.p.name, at + i, w, r}
		}
	}
	return nil
}

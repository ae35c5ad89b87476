package control

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"handback.example/inspect/drive"
)

// residues that are planted: the first block, the last one, and more at random.
const residues = 24

// place of a residue: one block.
type place struct {
	off   int64 // of the block
	block int
	// flip is the byte of the block of which one bit is turned, all else being as the
	// engine wrote it; negative: the whole block is a residue.
	flip int
}

// placesOf a drive, ascending, all different; half of them differ in a single bit.
func placesOf(g drive.Geometry, seed [32]byte) []place {
	rng := rand.New(rand.NewChaCha8(seed))
	blocks := g.Size / int64(g.LogicalBlock)
	at := []int64{0, blocks - 1}
	for int64(len(at)) < min(residues, blocks) {
		if n := rng.Int64N(blocks); !slices.Contains(at, n) {
			at = append(at, n)
		}
	}
	slices.Sort(at)
	at = slices.Compact(at)
	var all []place
	for i, n := range at {
		p := place{off: n * int64(g.LogicalBlock), block: g.LogicalBlock, flip: -1}
		if i%2 == 1 {
			p.flip = rng.IntN(g.LogicalBlock)
		}
		all = append(all, p)
	}
	return all
}

// spoil puts the residues into content that is about to be written at off. It changes
// nothing of b: what it gives back is b, or a copy.
func spoil(b []byte, off int64, places []place) []byte {
	out := b
	for _, p := range places {
		if p.off < off || p.off+int64(p.block) > off+int64(len(b)) {
			continue
		}
		if &out[0] == &b[0] {
			out = drive.AlignedBuffer(len(b))
			copy(out, b)
		}
		block := out[p.off-off:][:p.block]
		if p.flip >= 0 {
			block[p.flip] ^= 1
			continue
		}
		text := fmt.Appendf(nil, "Residue planted by a check of the bench, block at %d.\n", p.off)
		copy(block, bytes.Repeat(text, p.block/len(text)+1))
	}
	return out
}

// spoiler opens drives on which every write over a place leaves a residue there.
type spoiler struct {
	drive.Opener
	places []place
}

func (s spoiler) OpenTarget(path string) (drive.Target, error) {
	t, err := s.Opener.OpenTarget(path)
	if err != nil {
		return nil, err
	}
	return spoilt{t, s.places}, nil
}

type spoilt struct {
	drive.Target
	places []place
}

func (s spoilt) WriteAt(b []byte, off int64) (int, error) {
	return s.Target.WriteAt(spoil(b, off, s.places), off)
}

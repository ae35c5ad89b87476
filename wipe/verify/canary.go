package verify

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync/atomic"

	"handback.example/inspect/drive"
	"handback.example/wipe/internal/sweep"
)

// Key of a drive's canaries: whoever has it knows where they stand and what they
// hold. It is written down before they are, so that the next start can look for
// them, and it is told to nobody before the erasure has ended.
type Key [32]byte

// NewKey draws one.
func NewKey() (k Key, err error) {
	if _, err := rand.Read(k[:]); err != nil {
		return k, fmt.Errorf("no random key: %w", err)
	}
	return k, nil
}

// String keeps the key out of logs.
func (Key) String() string { return "(key of the canaries)" }

// GoString does too.
func (k Key) GoString() string { return k.String() }

// Hex is what a journal keeps.
func (k Key) Hex() string { return hex.EncodeToString(k[:]) }

// ParseKey reads what Hex wrote.
func ParseKey(s string) (k Key, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(k) {
		return k, errors.New("not a key of canaries")
	}
	return Key(b), nil
}

// chunk of a canary: where one stands, the canary survives.
const chunk = 32

// canaries are blocks that are written before an erasure, at places of their own:
// both ends, a grid whose phase is secret, random points. Each block holds
//
//	the key stream of AES-256 in counter mode, from 0, under HMAC-SHA256(drive key, LBA)
//
// with LBA of 64 bits, big endian, and drive key = HMAC-SHA256(key, "handback canary
// 1\n" ‖ serial). A firmware that answers a read with anything that it was not
// given can't make one, and no other drive's, block's or erasure's canary passes for
// it. One HMAC a block, and not one for each 32 bytes: 6,000 canaries are made three
// times over in a tenth of a second.
type canaries struct {
	drive   [sha256.Size]byte
	windows *Windows
	block   int
	stood   []atomic.Bool // by window: read back as it was written
	blocks  atomic.Int64  // of those
	why     string        // why not all stand; empty: they do
}

// plantingDensity: on 1 TB 6,176 windows of 4 KiB, 25 MB, and on a hard disk, which
// pays milliseconds for each, 1,568.
func plantingDensity(g drive.Geometry, media drive.MediaType) Density {
	d := Density{Ends: 64 << 10, Stride: 64 << 10, Most: 4096, Random: 2048}
	if media == drive.MediaHDD {
		d.Most, d.Random = 1024, 512
	}
	d.Random = min(d.Random, g.Size/window/16)
	return d
}

func newCanaries(g drive.Geometry, media drive.MediaType, serial string, key Key) *canaries {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("handback canary places 1\n"))
	places := [32]byte(mac.Sum(nil))
	c := &canaries{block: g.LogicalBlock, windows: windowsOf(g, plantingDensity(g, media), places)}
	mac.Reset()
	mac.Write([]byte("handback canary 1\n" + serial))
	mac.Sum(c.drive[:0])
	c.stood = make([]atomic.Bool, c.windows.Len())
	return c
}

// maker of content, for one lane.
type maker struct {
	mac   hash.Hash
	block int
	key   [sha256.Size]byte
	lba   [8]byte
	one   []byte // a block
}

func (c *canaries) maker() *maker {
	return &maker{mac: hmac.New(sha256.New, c.drive[:]), block: c.block, one: make([]byte, c.block)}
}

// content of the block at an offset of the drive, until the next call.
func (m *maker) content(off int64) []byte {
	binary.BigEndian.PutUint64(m.lba[:], uint64(off)/uint64(m.block))
	m.mac.Reset()
	m.mac.Write(m.lba[:])
	b, err := aes.NewCipher(m.mac.Sum(m.key[:0]))
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	clear(m.one)
	var counter [aes.BlockSize]byte
	cipher.NewCTR(b, counter[:]).XORKeyStream(m.one, m.one)
	return m.one
}

func (m *maker) fill(b []byte, off int64) {
	for o := 0; o < len(b); o += m.block {
		copy(b[o:], m.content(off+int64(o)))
	}
}

// same counts the blocks of b that are canaries wholly, and those that are in part.
func (m *maker) same(b []byte, off int64) (whole, some int64) {
	for ; len(b) > 0; b, off = b[m.block:], off+int64(m.block) {
		if uniform(b[:m.block]) {
			continue // erased: no canary is one repeated byte
		}
		n, want := 0, m.content(off)
		for o := 0; o < m.block; o += chunk {
			if bytes.Equal(b[o:o+chunk], want[o:o+chunk]) {
				n++
			}
		}
		if n > 0 {
			some++
		}
		if n == m.block/chunk {
			whole++
		}
	}
	return whole, some
}

// plant writes them, has the drive put them on the medium, and reads them back. A
// drive that does not take them is no error: why says so.
func (c *canaries) plant(ctx context.Context, r Reader, w drive.Writer) error {
	r.Meter.Look(2 * c.windows.Len())
	err := c.write(ctx, r, w)
	if err == nil {
		if err = w.Flush(context.WithoutCancel(ctx)); err != nil {
			err = fmt.Errorf("%w: flush: %w", errBlind, err)
		}
	}
	if err == nil {
		err = c.readBack(ctx, r)
	}
	stood := int64(0)
	for i := range c.stood {
		if c.stood[i].Load() {
			stood++
		}
	}
	switch {
	case errors.Is(err, errBlind):
		c.why, err = err.Error(), nil
	case err == nil && stood < c.windows.Len():
		c.why = fmt.Sprintf("%d of %d were not taken", c.windows.Len()-stood, c.windows.Len())
	}
	return err
}

func (c *canaries) write(ctx context.Context, r Reader, w drive.Writer) error {
	p, try := &patience{}, r.narrower(ctx)
	try.Bad, try.Block = &sweep.Bad{}, windowMax // that is nobody's failure, and not narrowed down
	return sweep.Run(ctx, sampleLanes, c.windows.Len(), func() (sweep.Work, func()) {
		buf, m := drive.AlignedBuffer(windowMax), c.maker()
		return func(i int64) error {
			defer r.Meter.Looked()
			off, n := c.windows.At(i)
			m.fill(buf[:n], off)
			began, ok := r.now(), false
			err := try.Try(off, n, func(off int64, n int) error {
				got, err := w.WriteAt(buf[:n], off)
				if err == nil && got != n {
					err = io.ErrShortWrite
				}
				ok = err == nil
				return err
			})
			if err == nil {
				err = p.after(ok, r.now().Sub(began))
			}
			return err
		}, func() {}
	})
}

func (c *canaries) readBack(ctx context.Context, r Reader) error {
	try := r.narrower(ctx)
	try.Bad, try.Block = &sweep.Bad{}, windowMax
	return c.walk(ctx, r, try, &patience{}, func(i int64, n int, whole, _ int64) {
		if whole == int64(n/c.block) {
			c.stood[i].Store(true)
			c.blocks.Add(whole)
		}
	})
}

// walk reads them and hands on how many blocks are canaries, wholly and in part.
func (c *canaries) walk(ctx context.Context, r Reader, try *sweep.Narrower, p *patience, see func(i int64, n int, whole, some int64)) error {
	makers := make(chan *maker, sampleLanes)
	for range sampleLanes {
		makers <- c.maker()
	}
	return walk(ctx, r, c.windows, try, p, func(i, at int64, b []byte) {
		m := <-makers
		off, _ := c.windows.At(i)
		whole, some := m.same(b, off+at)
		makers <- m
		see(i, len(b), whole, some)
	})
}

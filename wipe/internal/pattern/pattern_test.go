package pattern

import (
	"bytes"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"

	"handback.example/inspect/drive"
)

// Made by: head -c 32 /dev/zero | openssl enc -aes-128-ctr -nosalt -K 000102…0f
// with -iv at offset / 16.
func TestRandomStream(t *testing.T) {
	r, err := withKey([16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	if err != nil {
		t.Fatal(err)
	}
	for off, want := range map[int64]string{
		0:       "c6a13b37878f5b826f4f8162a1c8d8797346139595c0b41e497bbde365f42d0a",
		4096:    "1337d5314ce3de09efb09d44a44830f5173f9bb248922e0f0b1ef4a1bf3efa72",
		1 << 40: "a333de2dba5ba5d60178cc6a2f199766ff7851df0b2f894b22f053b0abb7ef7b",
	} {
		got := r.Maker().Make(make([]byte, 512), off, 512)
		if hex.EncodeToString(got[:32]) != want {
			t.Errorf("at %d: %x, want %s", off, got[:32], want)
		}
	}
}

// The processor's wide instructions and the standard library make the same stream, from
// any offset, of any length; what is beside it is not written to.
func TestBothStreamsAreTheSame(t *testing.T) {
	wide, err := NewRandom()
	if err != nil {
		t.Fatal(err)
	}
	if wide.keys == nil {
		t.Skip("this processor has no VAES: there is one stream only")
	}
	library := wide
	library.keys = nil
	rapid.Check(t, func(t *rapid.T) {
		off := rapid.Int64Range(0, 1<<54).Draw(t, "sector") * 512
		n := rapid.IntRange(0, 3*strip).Draw(t, "length")
		one, two := bytes.Repeat([]byte{0x5a}, n+64), bytes.Repeat([]byte{0x5a}, n+64)
		wide.Maker().Make(one, off, n)
		library.Maker().Make(two, off, n)
		if !bytes.Equal(one, two) {
			t.Fatalf("%d bytes at %d are not the same", n, off)
		}
		if !library.Maker().Same(one[:n], off) || !wide.Maker().Same(two[:n], off) {
			t.Fatal("one does not know the other's stream")
		}
	})
}

func TestMakeAndSameAgree(t *testing.T) {
	r, err := NewRandom()
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]Pattern{"zero": Zero{}, "one": One{}, "random": r} {
		for _, n := range []int{512, 4096, 16 << 10, 16<<10 + 512, 1 << 20} {
			m, scratch := p.Maker(), drive.AlignedBuffer(1<<20)
			b := bytes.Clone(m.Make(scratch, 1<<30, n))
			if !m.Same(b, 1<<30) {
				t.Errorf("%s: %d bytes are not the same", name, n)
			}
			// A block means the same wherever the piece that it came in began.
			if n > 512 && !m.Same(b[512:], 1<<30+512) {
				t.Errorf("%s: a part of %d bytes is not the same", name, n)
			}
			for _, at := range []int{0, n / 2, n - 1} {
				b[at] ^= 0x80
				if m.Same(b, 1<<30) {
					t.Errorf("%s: a flipped bit at %d of %d is not seen", name, at, n)
				}
				b[at] ^= 0x80
			}
			if name == "random" && m.Same(b, 1<<30+512) {
				t.Error("the stream is the same at another offset")
			}
		}
	}
}

// What was in a lane's scratch before is not written to a drive.
func TestZeroClearsItsScratch(t *testing.T) {
	m, scratch := Zero{}.Maker(), bytes.Repeat([]byte{0xaa}, 1<<20)
	for _, n := range []int{512, 1 << 20, 4096} {
		if b := m.Make(scratch, 0, n); len(b) != n || len(bytes.Trim(b, "\x00")) != 0 {
			t.Errorf("%d bytes are not zero", n)
		}
	}
	if b := (One{}).Maker().Make(scratch, 0, len(scratch)); len(bytes.Trim(b, "\xff")) != 0 {
		t.Error("not all ones")
	}
	other := bytes.Repeat([]byte{0xbb}, 4096)
	if b := m.Make(other, 0, 4096); len(bytes.Trim(b, "\x00")) != 0 {
		t.Error("another scratch is not cleared")
	}
}

// The journal's key makes the same stream again; what is no key is none.
func TestKeyMakesTheStreamAgain(t *testing.T) {
	r, err := NewRandom()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseRandom(r.Key())
	if err != nil {
		t.Fatal(err)
	}
	b := r.Maker().Make(make([]byte, 4096), 1<<33, 4096)
	if !again.Maker().Same(b, 1<<33) || len(r.Key()) != 32 {
		t.Errorf("key %q makes another stream", r.Key())
	}
	for _, bad := range []string{"", "00", r.Key() + "00", "zz" + r.Key()[2:]} {
		if _, err := ParseRandom(bad); err == nil {
			t.Errorf("%q is taken for a key", bad)
		}
	}
}

func BenchmarkZeroSame(b *testing.B) { benchSame(b, Zero{}) }

func BenchmarkRandomSame(b *testing.B) {
	r, err := NewRandom()
	if err != nil {
		b.Fatal(err)
	}
	benchSame(b, r)
}

func benchSame(b *testing.B, p Pattern) {
	m := p.Maker()
	buf := m.Make(drive.AlignedBuffer(4<<20), 0, 4<<20)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if !m.Same(buf, 0) {
			b.Fatal("not the same")
		}
	}
}

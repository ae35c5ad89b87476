package sim

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// A medium and a plain slice are written, filled, remembered and brought back alike:
// they must read alike, in memory and in a file.
func TestMediumIsASlice(t *testing.T) {
	const size = 5*chunk + 4096
	for _, kind := range []string{"memory", "file"} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			rapid.Check(t, func(t *rapid.T) {
				m := NewMedium(size)
				if kind == "file" {
					f, done, err := OpenMedium(filepath.Join(dir, "medium.img"), size)
					if err != nil {
						t.Fatal(err)
					}
					defer func() { _ = done() }()
					if err := f.Fill(0, size, Zeros); err != nil {
						t.Fatal(err)
					}
					m = f
				}
				checkMedium(t, m, kind == "memory")
			})
		})
	}
}

func checkMedium(t *rapid.T, m *Medium, remembers bool) {
	size := int(m.Size())
	want := make([]byte, size)
	var kept []byte
	var back func() error
	for range rapid.IntRange(1, 12).Draw(t, "steps") {
		off := rapid.IntRange(0, size-1).Draw(t, "off")
		n := rapid.IntRange(0, size-off).Draw(t, "n")
		switch rapid.IntRange(0, 5).Draw(t, "what") {
		case 0:
			n = min(n, 3000)
			p := bytes.Repeat([]byte{byte(off), byte(n), 7}, n/3+1)[:n]
			copy(want[off:], p)
			if _, err := m.WriteAt(p, int64(off)); err != nil {
				t.Fatal(err)
			}
		case 1, 2, 3:
			p := []Pattern{Zeros, Repeat([]byte{1, 2, 3, 4}), Noise("a"), Repeat([]byte{0xff})}[off%4]
			p.read(want[off:off+n], int64(off))
			if err := m.Fill(int64(off), int64(n), p); err != nil {
				t.Fatal(err)
			}
		case 4:
			if !remembers {
				continue
			}
			var err error
			if back, err = m.Snapshot(); err != nil {
				t.Fatal(err)
			}
			kept = append([]byte(nil), want...)
		case 5:
			if back == nil {
				continue
			}
			if err := back(); err != nil {
				t.Fatal(err)
			}
			copy(want, kept)
		}
		got := make([]byte, size)
		if _, err := m.ReadAt(got, 0); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			i := 0
			for got[i] == want[i] {
				i++
			}
			t.Fatalf("byte %d is %02x, want %02x", i, got[i], want[i])
		}
	}
}

func TestMediumEnds(t *testing.T) {
	m := NewMedium(4096)
	for _, r := range []Range{{-1, 1}, {4096, 1}, {0, 4097}, {1 << 62, 1 << 62}, {0, -1}} {
		if err := m.Fill(r.Off, r.Len, Zeros); err == nil {
			t.Errorf("%+v was filled", r)
		}
	}
	if _, err := m.WriteAt(make([]byte, 2), 4095); err == nil {
		t.Error("a write past the end")
	}
	if _, err := m.ReadAt(make([]byte, 2), 4095); err == nil {
		t.Error("a read past the end")
	}
}

// 2 TB that are erased, overwritten in patterns and written here and there hold in
// memory what was written, no more.
func TestMediumIsSparse(t *testing.T) {
	const size, step = int64(2000 << 30), int64(1 << 30)
	m := NewMedium(size)
	for i := range int64(100) {
		if _, err := m.WriteAt([]byte{1}, i*19*step); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []Pattern{Zeros, Noise("k"), Repeat([]byte{1, 2})} {
		for at := int64(0); at < size; at += step {
			if err := m.Fill(at, step, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	x := m.store.(*memory)
	if len(x.chunks) != 0 || len(x.ground) > 1 {
		t.Errorf("%d chunks, %d extents", len(x.chunks), len(x.ground))
	}
}

// The noise of a seed is AES-128-CTR by the first half of the seed's SHA-256:
// openssl enc -aes-128-ctr -K $(printf a | sha256sum | cut -c1-32) -iv 0 over zeros.
func TestNoise(t *testing.T) {
	const want = "20e145c8d15a9d003c99a697ee81bb6b5d974b5b10500d8f2e401d040a596212"
	m := NewMedium(64)
	if err := m.Fill(0, 64, Noise("a")); err != nil {
		t.Fatal(err)
	}
	for off := range int64(32) {
		got := make([]byte, 32-off)
		if _, err := m.ReadAt(got, off); err != nil || hex.EncodeToString(got) != want[2*off:] {
			t.Errorf("from %d: %x, %v", off, got, err)
		}
	}
}

// A file that is another drive's, or none, is not made a medium.
func TestOpenMediumRefuses(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "medium.img")
	if err := os.WriteFile(name, make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name string }{{name}, {dir}, {filepath.Join(dir, "none", "medium.img")}} {
		if _, _, err := OpenMedium(c.name, 4096); err == nil {
			t.Errorf("%s was taken", c.name)
		}
	}
}

// A pattern's byte depends on its offset alone, wherever a read begins and ends.
func TestRepeatAtAnyOffset(t *testing.T) {
	for period := 1; period < 9; period++ {
		want := []byte("abcdefgh")[:period]
		for off := range int64(20) {
			for n := range 40 {
				got := make([]byte, n)
				Repeat(want).read(got, off)
				for i, b := range got {
					if b != want[(int(off)+i)%period] {
						t.Fatalf("period %d, %d bytes at %d: %q", period, n, off, got)
					}
				}
			}
		}
	}
}

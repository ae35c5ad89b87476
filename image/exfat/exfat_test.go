package exfat_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"handback.example/image/exfat"
)

var errBounds = errors.New("outside of the medium")

// TestFormatChecked has another program judge volumes of every size.
func TestFormatChecked(t *testing.T) {
	fsck, err := exec.LookPath("fsck.exfat")
	if err != nil {
		t.Fatal("fsck.exfat is not installed: .ci/setup test installs it")
	}
	for _, c := range []struct {
		size   int64
		sector int
	}{
		{16 << 20, 512}, {16<<20 + 512, 512}, {64 << 20, 0}, {100<<20 - 512, 512}, {256 << 20, 512}, {256<<20 + 1<<20, 512},
		{2 << 30, 512}, {32 << 30, 512}, {33 << 30, 512}, {64 << 30, 512}, {64 << 20, 4096}, {8 << 30, 4096},
	} {
		t.Run(fmt.Sprintf("%d-%d", c.size, c.sector), func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "volume")
			f, err := os.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := f.Truncate(c.size); err != nil {
				t.Fatal(err)
			}
			if err := exfat.Format(f, c.size, exfat.Options{Label: "HANDBACK", VolumeID: 0x12345678, SectorSize: c.sector}); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(fsck, "-n", name).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("clean")) {
				t.Fatalf("fsck.exfat: %v\n%s", err, out)
			}
			v, err := exfat.Open(f, c.size)
			if err != nil || v.Label() != "HANDBACK" || v.VolumeID() != 0x12345678 {
				t.Errorf("own volume reads as %+v, %v", v, err)
			}
		})
	}
}

// TestReadsMkfs: a volume that another program made, its literal boot sector.
func TestReadsMkfs(t *testing.T) {
	mkfs, err := exec.LookPath("mkfs.exfat")
	if err != nil {
		t.Fatal("mkfs.exfat is not installed: .ci/setup test installs it")
	}
	name := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, 64<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs, "-L", "OTHER", name).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.exfat: %v\n%s", err, out)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v, err := exfat.Open(f, 64<<20)
	if err != nil || v.Label() != "OTHER" || v.Size() != 64<<20 {
		t.Fatalf("%+v, %v", v, err)
	}
	if l, err := v.ReadDir("."); err != nil || len(l) != 0 {
		t.Errorf("root directory: %v, %v", l, err)
	}
}

// TestRootEntries compares with what mkfs.exfat 1.2.0 wrote for the same label,
// volume of 64 MiB (its bitmap begins at cluster 2 as ours does).
func TestRootEntries(t *testing.T) {
	m := make(image, 64<<20)
	if err := exfat.Format(m, int64(len(m)), exfat.Options{Label: "HANDBACK"}); err != nil {
		t.Fatal(err)
	}
	w := writer{m: m, sector: 512, cluster: 4096, heap: int(le.Uint32(m[88:])) * 512}
	root := w.at(w.root())
	for i, want := range []string{
		"8308480041004e0044004200410043004b000000000000000000000000000000",
		"810000000000000000000000000000000000000002000000c007000000000000",
		"820000000dd319e600000000000000000000000003000000cc16000000000000",
	} {
		got := hex.EncodeToString(root[32*i : 32*i+32])
		if i == 1 { // the number of clusters is ours: compare all but the bitmap's length
			got, want = got[:48], want[:48]
		}
		if got != want {
			t.Errorf("entry %d is\n%s, want\n%s", i, got, want)
		}
	}
}

// ordered fails when the boot sector is written before a Sync.
type ordered struct {
	image
	dirty, boot bool
	syncs       int
}

func (o *ordered) WriteAt(p []byte, off int64) (int, error) {
	if off == 0 {
		if o.dirty {
			return 0, errors.New("boot sector before all else is on the medium")
		}
		o.boot = true
	}
	o.dirty = true
	return o.image.WriteAt(p, off)
}

func (o *ordered) Sync() error { o.dirty = false; o.syncs++; return nil }

func TestFormatOrder(t *testing.T) {
	o := &ordered{image: make(image, exfat.MinSize)}
	if err := exfat.Format(o, exfat.MinSize, exfat.Options{}); err != nil {
		t.Fatal(err)
	}
	if !o.boot || o.dirty || o.syncs != 2 {
		t.Errorf("boot %v, dirty %v, %d syncs", o.boot, o.dirty, o.syncs)
	}
}

func TestFormatRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		size int64
		opt  exfat.Options
	}{
		"too small":     {exfat.MinSize - 1, exfat.Options{}},
		"sector of 520": {16 << 20, exfat.Options{SectorSize: 520}},
		"long label":    {16 << 20, exfat.Options{Label: "TWELVE CHARS"}},
	} {
		if err := exfat.Format(make(image, 16<<20), c.size, c.opt); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>9)
	}
	return b
}

const longName = "S01-000412-erasure with a name that needs more than one entry – Größe 1 °.pdf"

// sample is a volume with every kind of thing in it.
func sample(t *testing.T) (*writer, map[string][]byte) {
	w := newWriter(t, exfat.MinSize, exfat.Options{Label: "HANDBACK", VolumeID: 7})
	files := map[string][]byte{
		"one":               []byte("1"),
		"empty":             {},
		longName:            pattern(5000),
		"chained":           pattern(512*5 + 3),
		"certificates/a":    pattern(1024),
		"certificates/b":    pattern(777),
		"spool/deep/record": pattern(2049),
		"tail":              append(pattern(600), make([]byte, 1000)...),
	}
	tail := w.store(bytes.Repeat([]byte{0xEE}, 1600), false)
	copy(w.at(tail), pattern(600))
	deleted := w.file("deleted", []byte("gone"), false)
	for i := 0; i < len(deleted); i += 32 {
		deleted[i] &^= 0x80
	}
	w.intoRoot(
		w.file("one", files["one"], false),
		deleted,
		w.file("empty", nil, false),
	)
	// The root's first cluster holds 16 entries: the rest goes to a second.
	var rest []byte
	for _, s := range [][]byte{
		w.file(longName, files[longName], true),
		w.file("chained", files["chained"], true),
		w.dir("certificates", false, w.file("a", files["certificates/a"], false), w.file("b", files["certificates/b"], true)),
		w.dir("spool", true, w.dir("deep", true, w.file("record", files["spool/deep/record"], true))),
		w.entry("tail", 0x20, false, tail, 1600, 600),
	} {
		rest = append(rest, s...)
	}
	root := w.at(w.root())[:w.cluster]
	for off := 0; off < w.cluster; off += 32 {
		if root[off] == 0 {
			root[off] = 0x05 // an unused entry, so that the directory goes on
		}
	}
	second := w.store(rest, true)
	le.PutUint32(w.m[w.fat+4*int(w.root()):], second)
	return w, files
}

func TestReader(t *testing.T) {
	w, files := sample(t)
	v, err := exfat.Open(w.m, int64(len(w.m)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, want := range files {
		names = append(names, name)
		got, err := fs.ReadFile(v, name)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(want))
		}
	}
	if err := fstest.TestFS(v, names...); err != nil {
		t.Error(err)
	}
	i, err := v.Stat("one")
	if want := time.Date(2026, 11, 25, 12, 14, 16, 500e6, time.UTC); err != nil || !i.ModTime().Equal(want) {
		t.Errorf("time is %v, %v", i.ModTime(), err)
	}
	if _, err := v.Open("deleted"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a deleted file: %v", err)
	}
	f, err := v.Open("chained")
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 700)
	if n, err := f.(io.ReaderAt).ReadAt(b, 1000); n != 700 || err != nil || !bytes.Equal(b, files["chained"][1000:1700]) {
		t.Errorf("ReadAt: %d, %v", n, err)
	}
}

// TestSampleChecked: the test's own writer makes what another program accepts,
// so that the reader is tested on real volumes.
func TestSampleChecked(t *testing.T) {
	fsck, err := exec.LookPath("fsck.exfat")
	if err != nil {
		t.Fatal("fsck.exfat is not installed: .ci/setup test installs it")
	}
	w, _ := sample(t)
	name := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(name, w.m, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(fsck, "-n", name).CombinedOutput(); err != nil {
		t.Errorf("fsck.exfat: %v\n%s", err, out)
	}
}

func TestOpenRefuses(t *testing.T) {
	blank := make(image, exfat.MinSize)
	if _, err := exfat.Open(blank, exfat.MinSize); !errors.Is(err, exfat.ErrNotExFAT) {
		t.Errorf("a blank medium: %v", err)
	}
	if _, err := exfat.Open(blank, 3); !errors.Is(err, exfat.ErrNotExFAT) {
		t.Errorf("three bytes: %v", err)
	}
	for name, spoil := range map[string]func(w *writer){
		"one bit of the boot code":    func(w *writer) { w.m[200] ^= 1 },
		"the checksum":                func(w *writer) { w.m[11*512+9] ^= 1 },
		"volume longer than medium":   func(w *writer) { le.PutUint64(w.m[72:], 1<<40); w.sealBoot() },
		"length that overflows":       func(w *writer) { le.PutUint64(w.m[72:], 1<<63+1); w.sealBoot() },
		"sector shift":                func(w *writer) { w.m[108] = 63; w.sealBoot() },
		"cluster shift":               func(w *writer) { w.m[109] = 255; w.sealBoot() },
		"clusters beyond the volume":  func(w *writer) { le.PutUint32(w.m[92:], 0xFFFFFFF0); w.sealBoot() },
		"root outside of the heap":    func(w *writer) { le.PutUint32(w.m[96:], 1); w.sealBoot() },
		"root chain that loops":       func(w *writer) { w.loopRoot() },
		"no bitmap":                   func(w *writer) { w.at(w.root())[32] = 0x05 },
		"bitmap outside of the heap":  func(w *writer) { le.PutUint32(w.at(w.root())[32+20:], 0) },
		"a directory in itself":       func(w *writer) { w.intoRoot(w.entry("self", 0x10, true, w.root(), 512, 512)) },
		"a directory entry set's bit": func(w *writer) { w.at(w.root())[96+40] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWriter(t, exfat.MinSize, exfat.Options{Label: "HANDBACK"})
			w.intoRoot(w.file("one", []byte("1"), false), w.file("two", []byte("2"), false))
			spoil(w)
			v, err := exfat.Open(w.m, int64(len(w.m)))
			if err == nil {
				var l []fs.DirEntry
				l, err = v.ReadDir(".")
				if len(l) == 0 || l[len(l)-1].Name() != "two" {
					t.Errorf("what is not damaged is not there: %v", l)
				}
			}
			if err == nil {
				_, err = v.ReadDir("self")
			}
			if !errors.Is(err, exfat.ErrDamaged) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// sealBoot corrects the boot checksum, as the specification's figure 1 does it.
func (w *writer) sealBoot() {
	var sum uint32
	for i, b := range w.m[:11*w.sector] {
		if i == 106 || i == 107 || i == 112 {
			continue
		}
		hi := uint32(0)
		if sum&1 != 0 {
			hi = 0x80000000
		}
		sum = hi + sum>>1 + uint32(b)
	}
	for i := 11 * w.sector; i < 12*w.sector; i += 4 {
		le.PutUint32(w.m[i:], sum)
	}
}

// loopRoot fills the root directory and links it to itself.
func (w *writer) loopRoot() {
	root := w.at(w.root())[:w.cluster]
	for off := 0; off < w.cluster; off += 32 {
		if root[off] == 0 {
			root[off] = 0x05
		}
	}
	le.PutUint32(w.m[w.fat+4*int(w.root()):], w.root())
}

// FuzzVolume changes up to eight places of a volume that holds everything, makes
// the checksums right again, and reads all that the reader then finds.
func FuzzVolume(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 72, 255, 0, 0, 92, 255, 0, 0, 96, 9})
	f.Add([]byte{1, 0, 20, 1, 2, 0, 0, 6})
	f.Add([]byte{3, 0, 24, 255, 3, 0, 8, 255})
	f.Fuzz(func(t *testing.T, patch []byte) {
		w, _ := sample(t)
		root := w.root() // the patch may change where it is said to be
		base := [4]int{0, w.fat, w.heap + (int(w.root())-2)*w.cluster, w.heap + (int(w.root())-1)*w.cluster}
		for i := 0; i+4 <= len(patch) && i < 32; i += 4 {
			w.m[base[patch[i]%4]+int(patch[i+1])<<8+int(patch[i+2])] = patch[i+3]
		}
		w.sealBoot()
		for c := root; c < root+80; c++ {
			for b := w.at(c)[:w.cluster]; len(b) >= 96; b = b[32:] {
				if n := 32 * (1 + int(b[1])); b[0] == 0x85 && n <= len(b) {
					seal(b[:n])
				}
			}
		}
		v, err := exfat.Open(w.m, int64(len(w.m)))
		if err != nil {
			return
		}
		var total int64
		_ = fs.WalkDir(v, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			if total++; total > 5000 {
				t.Error("a small volume has more than 5000 files")
				return fs.SkipAll
			}
			if i, err := d.Info(); err == nil && i.Size() > int64(len(w.m)) {
				t.Errorf("%q is larger than its medium: %d", name, i.Size())
			}
			if f, err := v.Open(name); err == nil {
				_, _ = io.Copy(io.Discard, io.LimitReader(f, 1<<20))
				_ = f.Close()
			}
			return nil
		})
	})
}

package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diskfs/go-diskfs"
	"github.com/diskfs/go-diskfs/partition/gpt"

	"handback.example/certs"
	"handback.example/certs/verify"
	"handback.example/cmd/internal/settings"
	"handback.example/image/exfat"
	"handback.example/image/vmtest"
)

// extent of a partition on a stick image, in bytes.
func extent(t *testing.T, stick, guid string) (start, size int64) {
	t.Helper()
	d, err := diskfs.Open(stick, diskfs.WithOpenMode(diskfs.ReadOnly))
	if err != nil {
		t.Fatal(err)
	}
	p, err := findPartition(d, guid)
	if err = errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	return p.GetStart(), p.GetSize()
}

// partitionHash is the SHA-256 of a partition's bytes.
func partitionHash(t *testing.T, stick, guid string) string {
	t.Helper()
	start, size := extent(t, stick, guid)
	f, err := os.Open(stick)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if n, err := io.Copy(h, io.NewSectionReader(f, start, size)); err != nil || n != size {
		t.Fatalf("%d of %d bytes: %v", n, size, err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// fsckData lets another program judge the stick's data partition.
func fsckData(t *testing.T, stick string) {
	t.Helper()
	start, size := extent(t, stick, settings.DataGUID)
	from, err := os.Open(stick)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	name := filepath.Join(t.TempDir(), "data.img")
	to, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if err := to.Truncate(size); err != nil {
		t.Fatal(err)
	}
	const chunk = 1 << 20
	b, zero := make([]byte, chunk), make([]byte, chunk)
	for at := int64(0); at < size; at += chunk {
		n, err := from.ReadAt(b[:min(chunk, size-at)], start+at)
		if err != nil {
			t.Fatal(err)
		}
		if string(b[:n]) == string(zero[:n]) {
			continue // stays a hole
		}
		if _, err := to.WriteAt(b[:n], at); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("/usr/sbin/fsck.exfat", "-n", name).CombinedOutput(); err != nil {
		t.Errorf("fsck.exfat (package exfatprogs): %v\n%s", err, out)
	}
}

// fileHash is the SHA-256 of a whole file.
func fileHash(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// addData gives a stick a data partition before its first boot, right behind the
// boot partition, with what fill makes of it.
func addData(t *testing.T, stick string, size int64, fill func(part *at)) {
	t.Helper()
	d, err := diskfs.Open(stick, diskfs.WithOpenMode(diskfs.ReadWrite))
	if err != nil {
		t.Fatal(err)
	}
	table, err := d.GetPartitionTable()
	if err != nil {
		t.Fatal(err)
	}
	g := table.(*gpt.Table)
	first := gptEntry(g, settings.ESPGUID).End + 1
	g.Partitions = append(g.Partitions, &gpt.Partition{Index: 2, Start: first, End: first + uint64(size)/512 - 1, Size: uint64(size),
		Type: gpt.Type(strings.ToUpper(settings.DataType)), Name: settings.DataLabel, GUID: settings.DataGUID})
	g.Resize(uint64(d.Size))
	if err := errors.Join(d.Partition(g), d.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(stick, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fill(&at{f, int64(first) * 512})
}

// formatted is a new volume.
func formatted(t *testing.T, part *at, size int64) {
	t.Helper()
	if err := exfat.Format(part, size, exfat.Options{Label: settings.DataLabel, VolumeID: 0x48414e44, PartitionOffset: part.off}); err != nil {
		t.Fatal(err)
	}
}

// full allocates every cluster of a volume in its bitmap (exFAT specification,
// clauses 3.1 and 7.1).
func full(t *testing.T, part *at) {
	t.Helper()
	boot := make([]byte, 512)
	read := func(b []byte, off int64) {
		t.Helper()
		if _, err := part.ReadAt(b, off); err != nil {
			t.Fatal(err)
		}
	}
	read(boot, 0)
	le := binary.LittleEndian
	sector, cluster := int64(1)<<boot[108], int64(1)<<(boot[108]+boot[109])
	where := func(first uint32) int64 { return int64(le.Uint32(boot[88:]))*sector + int64(first-2)*cluster }
	root := make([]byte, cluster)
	read(root, where(le.Uint32(boot[96:])))
	for e := root; len(e) >= 32 && e[0] != 0; e = e[32:] {
		if e[0] == 0x81 { // allocation bitmap
			ones := bytes.Repeat([]byte{0xff}, int(le.Uint64(e[24:])))
			if _, err := part.WriteAt(ones, where(le.Uint32(e[20:]))); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("the volume has no allocation bitmap")
}

// A stick that can't take records: nothing is erased, nothing of the stick is
// changed, and the appliance says what to do.
func TestApplianceUselessStick(t *testing.T) {
	t.Parallel()
	const mib, size = 16, 64 << 20
	for name, c := range map[string]struct {
		spoil    func(t *testing.T, l *laptop)
		readOnly bool
		says     string
	}{
		"write-protected": {readOnly: true, says: "write-protected"},
		"data partition damaged": {says: "cannot be read", spoil: func(t *testing.T, l *laptop) {
			addData(t, l.stick, size, func(part *at) {
				formatted(t, part, size)
				// The checksum of the boot region is wrong in both copies (clause 3.4).
				for _, at := range []int64{11 * 512, 23 * 512} {
					if _, err := part.WriteAt([]byte("something was written over it"), at); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := part.WriteAt([]byte("a record of an earlier visit"), size/2); err != nil {
					t.Fatal(err)
				}
			})
		}},
		"full": {says: "is full", spoil: func(t *testing.T, l *laptop) {
			addData(t, l.stick, size, func(part *at) {
				formatted(t, part, size)
				full(t, part)
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name != "full" {
				long(t)
			}
			l := newLaptop(t, nil)
			if c.spoil != nil {
				c.spoil(t, l)
			}
			drive := l.plant("juliett", mib)
			stick, planted := fileHash(t, l.stick), fileHash(t, drive.path)
			vm := l.start(vmtest.Config{StickReadOnly: c.readOnly, Drives: []vmtest.Drive{{Bus: vmtest.BusNVMe, Target: drive.path}}})
			l.halted(vm, c.says)
			if fileHash(t, drive.path) != planted {
				t.Error("the drive has changed")
			}
			if name != "full" && fileHash(t, l.stick) != stick {
				t.Error("the stick has changed")
			}
			l.espUntouched()
		})
	}
}

// Who is asked when there is nobody: a label that disagrees with the machine's.
func TestApplianceOtherTag(t *testing.T) {
	t.Parallel()
	const mib = 16
	l := newLaptop(t, nil)
	drive := l.plant("kilo", mib)
	planted := fileHash(t, drive.path)
	vm := l.start(vmtest.Config{AssetTag: "OTHER-0077", Drives: []vmtest.Drive{{Bus: vmtest.BusSATA, Target: drive.path}}})
	l.halted(vm, "OTHER-0077")
	if fileHash(t, drive.path) != planted {
		t.Error("the drive has changed")
	}
}

// A stick without keys inspects and plans. Its papers say that nothing vouches for
// them, to everybody.
func TestApplianceNotEnrolled(t *testing.T) {
	t.Parallel()
	const mib = 16
	l := newLaptop(t, nil)
	image, err := builtImage()
	if err != nil {
		t.Fatal(err)
	}
	text, err := l.set.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	root := l.root()
	if err := copySparse(l.ctx, l.stick, image); err != nil {
		t.Fatal(err)
	}
	if err := seed(l.stick, map[string][]byte{espSettings: text}); err != nil {
		t.Fatal(err)
	}
	drive := l.plant("lima", mib)
	planted := fileHash(t, drive.path)
	vm := l.start(vmtest.Config{Drives: []vmtest.Drive{{Bus: vmtest.BusNVMe, Target: drive.path}}})
	if code := l.off(vm); code != 3 {
		t.Errorf("exit %d, want 3", code)
	}
	if e, ok := event(vm, "started"); ok {
		t.Errorf("an erasure began: %v", e)
	}
	if fileHash(t, drive.path) != planted {
		t.Error("the drive has changed")
	}
	names, err := takePapers(l.stick, l.dir)
	if err != nil || len(names) == 0 {
		t.Fatalf("papers: %v, %v", names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, roots := range [][]*x509.Certificate{nil, {root}} {
			r := verify.File(b, roots, verify.Options{})
			if r.Verdict != verify.Unchecked || r.Sanitised != string(certs.RefusedVerdict) {
				t.Errorf("%s is %s and records %q: %s", filepath.Base(name), r.Verdict, r.Sanitised, r.Sentence)
			}
		}
		if page := tool(t, "pdftotext", name, "-"); !strings.Contains(page, "NOT ENROLLED") {
			t.Errorf("%s does not say NOT ENROLLED:\n%s", filepath.Base(name), page)
		}
	}
}

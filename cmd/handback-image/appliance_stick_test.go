package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/diskfs/go-diskfs"

	"handback.example/cmd/internal/settings"
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

package drivetest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"handback.example/inspect/drive"
)

// hexBytes of a literal; blanks part it for people.
func hexBytes(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err) // a literal of this package
	}
	return b
}

// senseKey of sense data in either format (SPC-5 clause 4.4), FFh where there is none.
func senseKey(s []byte) byte {
	switch {
	case len(s) >= 3 && s[0]&0x7e == 0x70:
		return s[2] & 0xf
	case len(s) >= 2 && s[0]&0x7e == 0x72:
		return s[1] & 0xf
	}
	return 0xff
}

// additional sense code and qualifier.
func additional(s []byte) (asc, ascq byte) {
	switch {
	case len(s) >= 14 && s[0]&0x7e == 0x70:
		return s[12], s[13]
	case len(s) >= 4 && s[0]&0x7e == 0x72:
		return s[2], s[3]
	}
	return 0, 0
}

// registers of an ATA command in sense data: the ATA Status Return descriptor
// (SAT-4 clause 12.2.2.7), or the fields of fixed format (12.2.2.8), which hold the
// low bytes only.
type registers struct {
	errors, status byte
	count          uint16
	lba            uint64
	whole          bool // the high bytes are there too
}

func readRegisters(s []byte) (registers, bool) {
	switch {
	case len(s) >= 22 && s[0]&0x7e == 0x72 && s[8] == 0x09 && s[9] == 0x0c:
		d := s[8:22]
		return registers{errors: d[3], status: d[13], count: binary.BigEndian.Uint16(d[4:]), whole: true,
			lba: uint64(d[7]) | uint64(d[9])<<8 | uint64(d[11])<<16 | uint64(d[6])<<24 | uint64(d[8])<<32 | uint64(d[10])<<40}, true
	case len(s) >= 14 && s[0]&0x7e == 0x70:
		return registers{errors: s[3], status: s[4], count: uint16(s[6]),
			lba: uint64(s[9]) | uint64(s[10])<<8 | uint64(s[11])<<16}, true
	}
	return registers{}, false
}

// private data: no two blocks of 16 bytes are alike, none is one repeated byte.
func private(n int, salt byte) []byte {
	b := drive.AlignedBuffer(n)
	for o := 0; o+16 <= n; o += 16 {
		copy(b[o:], "PRIVATE")
		b[o+7] = salt
		binary.BigEndian.PutUint64(b[o+8:], uint64(o)+1)
	}
	return b
}

// holds tells whether a medium still has data that private made, and where.
func holds(t *testing.T, m io.ReaderAt, size int64) (int64, bool) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for off := int64(0); off < size; off += int64(len(buf)) {
		b := buf[:min(int64(len(buf)), size-off)]
		if _, err := m.ReadAt(b, off); err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(b, []byte("PRIVATE")); i >= 0 {
			return off + int64(i), true
		}
	}
	return 0, false
}

// plant writes private data at the drive's start, middle and end through the
// drive, and flushes.
func plant(t *testing.T, d drive.Target, salt byte) []int64 {
	t.Helper()
	g := d.Geometry()
	n := int64(max(4096, g.LogicalBlock))
	places := []int64{0, g.Size / 2 / n * n, g.Size - n}
	for _, off := range places {
		if _, err := d.WriteAt(private(int(n), salt), off); err != nil {
			t.Fatalf("write %d bytes at %d: %v", n, off, err)
		}
	}
	must(t, "flush", d.Flush(t.Context()))
	return places
}

// readBack fails unless what plant wrote reads back.
func readBack(t *testing.T, d drive.Media, places []int64, salt byte) {
	t.Helper()
	want := private(max(4096, d.Geometry().LogicalBlock), salt)
	got := drive.AlignedBuffer(len(want))
	for _, off := range places {
		if _, err := d.ReadAt(got, off); err != nil {
			t.Fatalf("read at %d: %v", off, err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("what was written at %d reads back as % x…", off, got[:32])
		}
	}
}

// gone fails where private data still stands on the medium.
func gone(t *testing.T, r *Rig, size int64) {
	t.Helper()
	if r.Medium == nil {
		return
	}
	if at, yes := holds(t, r.Medium(), size); yes {
		t.Fatalf("private data still stands on the medium at byte %d", at)
	}
}

func ascii(b []byte) string {
	return fmt.Sprintf("%q", strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return -1
		}
		return r
	}, string(b))))
}

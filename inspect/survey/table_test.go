package survey

import (
	"bytes"
	"errors"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// image makes a file of that size and lets sfdisk write a table into it.
func image(t testing.TB, size int64, table string, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sfdisk", append(append([]string{"-q"}, args...), file)...)
	cmd.Stdin = strings.NewReader(table)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sfdisk: %v: %s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	windows = "label: gpt\n" +
		"start=40, size=8, type=c12a7328-f81f-11d2-ba4b-00a0c93ec93b, uuid=01234567-89ab-cdef-fedc-ba9876543210\n" +
		"start=48, size=16, type=e3c9e316-0b5c-4db8-817d-f92df00215ae, uuid=11111111-2222-3333-4444-555555555555\n" +
		"start=64, size=136, type=ebd0a0a2-b9e5-4433-87c0-68b6b72699c7, uuid=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\n"
	dos = "label: dos\nstart=8, size=8, type=7\nstart=16, size=96, type=5\nstart=24, size=8, type=83\nstart=40, size=16, type=82\n"
)

func TestReadTable(t *testing.T) {
	for _, c := range []struct {
		name   string
		image  []byte
		sector int
		want   []partition
	}{
		{"gpt", image(t, 1<<20, windows), 512, []partition{
			{"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "01234567-89ab-cdef-fedc-ba9876543210", 20480, 4096},
			{"e3c9e316-0b5c-4db8-817d-f92df00215ae", "11111111-2222-3333-4444-555555555555", 24576, 8192},
			{"ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", 32768, 69632}}},
		{"mbr with logical ones", image(t, 1<<20, dos), 512, []partition{
			{"", "", 4096, 4096}, {"", "", 12288, 4096}, {"", "", 20480, 8192}}},
		{"nothing", make([]byte, 1<<20), 512, nil},
		{"too small for a table", make([]byte, 512), 512, nil},
		{"a sector of no size", make([]byte, 1<<20), 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := readTable(bytes.NewReader(c.image), int64(len(c.image)), c.sector)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// One whole copy is enough; a table of which none is whole is told of, and so is
// a drive that can't be read.
func TestReadTableDamaged(t *testing.T) {
	whole := image(t, 1<<20, windows)
	header, entries, backup := 512, 1024, len(whole)-512
	for _, c := range []struct {
		name   string
		damage []int
		parts  int
		bad    bool
	}{
		{"primary header", []int{header + 40}, 3, false},
		{"primary entries", []int{entries + 60}, 3, false},
		{"primary signature", []int{header}, 3, false},
		{"backup header", []int{backup + 40}, 3, false},
		{"backup signature", []int{backup}, 3, false},
		{"both headers", []int{header + 40, backup + 40}, 0, true},
		{"both entries", []int{entries + 60, backup - 16384 + 60}, 0, true},
		{"both signatures", []int{header, backup}, 0, false},
		{"one damaged, the other gone", []int{header + 40, backup}, 0, true},
	} {
		b := slices.Clone(whole)
		for _, at := range c.damage {
			b[at] ^= 0xff
		}
		parts, err := readTable(bytes.NewReader(b), int64(len(b)), 512)
		if len(parts) != c.parts || errors.Is(err, errTable) != c.bad || (err != nil) != c.bad {
			t.Errorf("%s: %d partitions, %v", c.name, len(parts), err)
		}
	}
	if _, err := readTable(broken{bytes.NewReader(whole), 512}, int64(len(whole)), 512); !errors.Is(err, errBroken) {
		t.Errorf("a drive whose table can't be read: %v", err)
	}
}

// A GUID that stands in one copy only is found: whoever hides a drive behind it
// must be seen.
func TestReadTableCopiesThatDiffer(t *testing.T) {
	a := image(t, 1<<20, windows)
	b := image(t, 1<<20, strings.ReplaceAll(windows, "01234567-", "76543210-"))
	copy(a[len(a)-16384-512:], b[len(b)-16384-512:])
	parts, err := readTable(bytes.NewReader(a), 1<<20, 512)
	var guids []string
	for _, p := range parts {
		guids = append(guids, p.guid[:8])
	}
	slices.Sort(guids)
	if err != nil || !slices.Equal(slices.Compact(guids), []string{"01234567", "11111111", "76543210", "aaaaaaaa"}) {
		t.Errorf("%v, %v", guids, err)
	}
}

var errBroken = errors.New("medium error")

// broken is a drive with one sector that can't be read.
type broken struct {
	*bytes.Reader
	bad int64
}

func (b broken) ReadAt(p []byte, off int64) (int, error) {
	if off <= b.bad && b.bad < off+int64(len(p)) {
		return 0, errBroken
	}
	return b.Reader.ReadAt(p, off)
}

// seal makes the checksums of both headers, and of the entries that they name, right:
// what stands in them then is what a hostile disk says.
func seal(b []byte, sector int) {
	for _, lba := range []int{1, len(b)/max(sector, 1) - 1} {
		if sector < 512 || lba < 1 || (lba+1)*sector > len(b) {
			continue
		}
		h := b[lba*sector:][:sector]
		at, n := int64(le.Uint64(h[72:])), int64(le.Uint32(h[80:]))*int64(le.Uint32(h[84:]))
		if at > 0 && at < int64(len(b)/sector) && n <= int64(len(b))-at*int64(sector) {
			le.PutUint32(h[88:], crc32.ChecksumIEEE(b[at*int64(sector):][:n]))
		}
		clear(h[16:20])
		le.PutUint32(h[16:], crc32.ChecksumIEEE(h[:92]))
	}
}

// Headers whose checksums are right and whose figures would make a trusting reader
// panic, fill the memory or never end.
func TestReadTableHostile(t *testing.T) {
	for name, change := range map[string]func(h []byte){
		"entries of no size":         func(h []byte) { le.PutUint32(h[84:], 0) },
		"entries of one byte":        func(h []byte) { le.PutUint32(h[84:], 1) },
		"entries of 129 bytes":       func(h []byte) { le.PutUint32(h[84:], 129) },
		"four billion entries":       func(h []byte) { le.PutUint32(h[80:], 1<<32-1) },
		"entries of four gigabytes":  func(h []byte) { le.PutUint32(h[84:], 1<<32-128) },
		"entries before the table":   func(h []byte) { le.PutUint64(h[72:], 0) },
		"entries beyond the disk":    func(h []byte) { le.PutUint64(h[72:], 1<<63) },
		"entries at the disk's end":  func(h []byte) { le.PutUint64(h[72:], 1<<11-1) },
		"a header that is another's": func(h []byte) { le.PutUint64(h[24:], 7) },
		"a header of no size":        func(h []byte) { le.PutUint32(h[12:], 0) },
		"a header of four gigabytes": func(h []byte) { le.PutUint32(h[12:], 1<<32-1) },
		"another revision":           func(h []byte) { le.PutUint32(h[8:], 0x00020000) },
	} {
		b := image(t, 1<<20, windows)
		change(b[512:1024])
		change(b[len(b)-512:])
		seal(b, 512)
		if parts, err := readTable(bytes.NewReader(b), 1<<20, 512); !errors.Is(err, errTable) || len(parts) != 0 {
			t.Errorf("%s: %d partitions, %v", name, len(parts), err)
		}
	}
	// Partitions that are not on the disk are left out, and the others are found.
	b := image(t, 1<<20, windows)
	le.PutUint64(b[1024+32:], 0)         // begins in sector 0
	le.PutUint64(b[1024+128+40:], 1<<63) // ends nowhere
	seal(b, 512)
	copy(b[len(b)-512:], make([]byte, 512))
	if parts, err := readTable(bytes.NewReader(b), 1<<20, 512); err != nil || len(parts) != 1 || parts[0].guid != "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee" {
		t.Errorf("%+v, %v", parts, err)
	}
}

// A drive that says another thing when it is asked again shows no other header.
func TestReadTableOfALiar(t *testing.T) {
	b := image(t, 1<<20, windows)
	copy(b[len(b)-512:], make([]byte, 512))
	liar := &liar{b: b, honest: 1}
	if parts, err := readTable(liar, 1<<20, 512); err != nil || len(parts) != 3 {
		t.Errorf("%+v, %v", parts, err)
	}
}

// liar shows its header once, and then one whose entries have no size.
type liar struct {
	b      []byte
	honest int
}

func (l *liar) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, l.b[off:])
	if off <= 512 && off+int64(len(p)) > 512 {
		if l.honest == 0 {
			clear(p[512-off:][84:88])
		}
		l.honest--
	}
	return n, nil
}

func FuzzTable(f *testing.F) {
	small := "label: gpt\ntable-length: 4\nfirst-lba: 4\nstart=4, size=2, uuid=11111111-2222-3333-4444-555555555555\nstart=6, size=2\n"
	seeds := [][]byte{image(f, 8<<10, small), image(f, 64<<10, dos)[:16<<10], make([]byte, 4096)}
	if len(seeds[0]) != 8<<10 || !bytes.Contains(seeds[0], []byte("EFI PART")) {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		f.Add(s, uint16(512), false)
		f.Add(s, uint16(512), true)
		f.Add(s, uint16(4096), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, sector uint16, sealed bool) {
		if sealed {
			seal(b, int(sector))
		}
		parts, _ := readTable(bytes.NewReader(b), int64(len(b)), int(sector))
		if len(parts) > 2*gptEntriesMax+4*(ebrMax+1) {
			t.Fatalf("%d partitions", len(parts))
		}
		for _, p := range parts {
			if p.offset <= 0 || p.size <= 0 || p.offset > int64(len(b)) || p.size > int64(len(b))-p.offset {
				t.Fatalf("%+v is not on a drive of %d bytes", p, len(b))
			}
		}
		holds, _ := holdings(bytes.NewReader(b), int64(len(b)), parts)
		if !slices.IsSorted(holds) || len(holds) > len(signatures)+len(kinds)+16 {
			t.Fatalf("%q", holds)
		}
	})
}

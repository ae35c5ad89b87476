package survey

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// made lets a real tool make a file system in a file.
func made(t *testing.T, size int64, tool string, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "volume.img")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, append(args, file)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", tool, err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHoldsOfRealTools(t *testing.T) {
	for _, c := range []struct {
		tool string
		args []string
		want []string
		mib  int64
	}{
		{"mke2fs", []string{"-q", "-F", "-t", "ext4"}, []string{"ext4"}, 8},
		{"mke2fs", []string{"-q", "-F", "-t", "ext3"}, []string{"ext3"}, 8},
		{"mke2fs", []string{"-q", "-F", "-t", "ext2"}, []string{"ext2"}, 8},
		{"mkfs.vfat", []string{"-F", "32", "-s", "1"}, []string{"FAT32"}, 40},
		{"mkfs.vfat", []string{"-F", "16"}, []string{"FAT"}, 16},
		{"mkfs.vfat", []string{"-F", "12"}, []string{"FAT"}, 4},
		{"mkfs.exfat", nil, []string{"exFAT"}, 8},
		{"mkswap", []string{"-q"}, []string{"swap"}, 8},
	} {
		if _, err := exec.LookPath(c.tool); err != nil {
			t.Logf("%s is not installed: not tried", c.tool)
			continue
		}
		b := made(t, c.mib<<20, c.tool, c.args...)
		got, err := holdings(bytes.NewReader(b), int64(len(b)), nil)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s %v: %q, %v", c.tool, c.args, got, err)
		}
	}
}

// Signatures at their places, as each format's specification gives them, for what
// no tool here makes. The volume is 1 MiB and 4 KiB.
func TestHoldsBySignature(t *testing.T) {
	const size = 1<<20 + 4096
	for _, c := range []struct {
		at    int
		bytes string
		want  string
	}{
		{3, "NTFS    ", "NTFS"},
		{3, "-FVE-FS-", "BitLocker"},
		{424, "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01", "BitLocker"},
		{3, "ReFS\x00\x00\x00\x00", "ReFS"},
		{0, "LUKS\xba\xbe\x00\x02", "LUKS"},
		{0, "XFSB\x00\x00\x10\x00", "XFS"},
		{32, "NXSB", "APFS"},
		{1024, "H+\x00\x04", "HFS+"},
		{1024, "\x10\x20\xf5\xf2", "F2FS"},
		{65600, "_BHRfS_M", "btrfs"},
		{512, "LABELONE\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00LVM2 001", "LVM2"},
		{4096, "\xfc\x4e\x2b\xa9\x01\x00\x00\x00", "Linux RAID"},
		{0, "\xfc\x4e\x2b\xa9\x01\x00\x00\x00", "Linux RAID"},
		{1044480, "\xfc\x4e\x2b\xa9\x01\x00\x00\x00", "Linux RAID"}, // 1.0: 8 KiB before the end
		{983040, "\xfc\x4e\x2b\xa9\x00\x00\x00\x00", "Linux RAID"},  // 0.90: the last whole 64 KiB but one
		{1051648, "Intel Raid ISM Cfg Sig. 1.1.00", "Intel RAID"},   // the last sector but one
		{65526, "SWAPSPACE2", "swap"},
		{32769, "CD001", "ISO 9660"},
	} {
		b := make([]byte, size)
		copy(b[c.at:], c.bytes)
		if got, err := holdings(bytes.NewReader(b), size, nil); err != nil || !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s at %d: %q, %v", c.want, c.at, got, err)
		}
		// One byte off, it is nothing.
		b = make([]byte, size)
		copy(b[c.at+1:], c.bytes)
		if got, _ := holdings(bytes.NewReader(b), size, nil); slices.Contains(got, c.want) {
			t.Errorf("%s at %d: %q", c.want, c.at+1, got)
		}
	}
}

func TestHoldsWindows(t *testing.T) {
	b := image(t, 1<<20, windows)
	parts, err := readTable(bytes.NewReader(b), 1<<20, 512)
	if err != nil || len(parts) != 3 {
		t.Fatal(parts, err)
	}
	holds := func() []string {
		h, err := holdings(bytes.NewReader(b), 1<<20, parts)
		if err != nil {
			t.Error(err)
		}
		return h
	}
	if got := holds(); len(got) != 0 {
		t.Errorf("an empty table holds %q", got)
	}
	copy(b[parts[2].offset+3:], "-FVE-FS-")
	if got := holds(); !slices.Equal(got, []string{"BitLocker", "Windows"}) {
		t.Errorf("%q", got)
	}
	copy(b[parts[2].offset+3:], "NTFS    ")
	if got := holds(); !slices.Equal(got, []string{"NTFS", "Windows"}) {
		t.Errorf("%q", got)
	}
}

// What could not be read is told of, and the rest is given.
func TestHoldsUnreadable(t *testing.T) {
	b := image(t, 1<<20, windows)
	parts, err := readTable(bytes.NewReader(b), 1<<20, 512)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[parts[0].offset+3:], "EXFAT   ")
	got, err := holdings(broken{bytes.NewReader(b), parts[2].offset + 65536}, 1<<20, parts)
	if !errors.Is(err, errBroken) || !slices.Contains(got, "exFAT") {
		t.Errorf("%q, %v", got, err)
	}
	many := make([]partition, volumesMax+1)
	for i := range many {
		many[i] = partition{offset: 4096, size: 4096}
	}
	if _, err := holdings(bytes.NewReader(b), 1<<20, many); err == nil {
		t.Error("a table with too many partitions was read in silence")
	}
}

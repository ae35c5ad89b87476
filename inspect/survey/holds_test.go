package survey

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// made lets a real tool make a volume in a file.
func made(t *testing.T, size int64, input, tool string, args ...string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "volume.img"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "FILE", f.Name())
	}
	cmd := exec.Command(tool, args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", tool, err, out)
	}
	return f
}

// What the makers' own tools make, and what blkid of util-linux calls it.
func TestHoldsOfRealTools(t *testing.T) {
	luks := func(kind string) []string {
		args := []string{"-q", "luksFormat", "--type", kind, "--pbkdf-force-iterations", "1000", "FILE", "-"}
		if kind == "luks2" {
			args = append([]string{"--pbkdf", "pbkdf2"}, args...)
		}
		return args
	}
	for _, c := range []struct {
		tool  string
		args  []string
		want  []string
		blkid string
		mib   int64
	}{
		{"mke2fs", []string{"-q", "-F", "-t", "ext4", "FILE"}, []string{"ext4"}, "ext4", 8},
		{"mke2fs", []string{"-q", "-F", "-t", "ext3", "FILE"}, []string{"ext3"}, "ext3", 8},
		{"mke2fs", []string{"-q", "-F", "-t", "ext2", "FILE"}, []string{"ext2"}, "ext2", 8},
		{"mkfs.vfat", []string{"-F", "32", "-s", "1", "FILE"}, []string{"FAT32"}, "vfat", 40},
		{"mkfs.vfat", []string{"-F", "16", "FILE"}, []string{"FAT"}, "vfat", 16},
		{"mkfs.vfat", []string{"-F", "12", "FILE"}, []string{"FAT"}, "vfat", 4},
		{"mkfs.exfat", []string{"FILE"}, []string{"exFAT"}, "exfat", 8},
		{"mkfs.ntfs", []string{"-q", "-Q", "-F", "FILE"}, []string{"NTFS"}, "ntfs", 8},
		{"mkfs.btrfs", []string{"-q", "FILE"}, []string{"btrfs"}, "btrfs", 128},
		{"mkfs.xfs", []string{"-q", "FILE"}, []string{"XFS"}, "xfs", 512},
		{"mkfs.f2fs", []string{"-q", "FILE"}, []string{"F2FS"}, "f2fs", 64},
		{"mkswap", []string{"-q", "FILE"}, []string{"swap"}, "swap", 8},
		{"cryptsetup", luks("luks1"), []string{"LUKS1"}, "crypto_LUKS", 32},
		{"cryptsetup", luks("luks2"), []string{"LUKS2"}, "crypto_LUKS", 32},
	} {
		f := made(t, c.mib<<20, "password", c.tool, c.args...)
		got, err := holdings(f, c.mib<<20, nil)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s %v: %q, %v", c.tool, c.args, got, err)
		}
		if kind := tool(t, "", "blkid", "-p", "-o", "value", "-s", "TYPE", f.Name()); kind != c.blkid {
			t.Errorf("%s: blkid says %q", c.tool, kind)
		}
	}
	// The second header of LUKS2 tells of it where somebody wiped the first.
	f := made(t, 32<<20, "password", "cryptsetup", luks("luks2")...)
	if _, err := f.WriteAt(make([]byte, 4096), 0); err != nil {
		t.Fatal(err)
	}
	if got, err := holdings(f, 32<<20, nil); err != nil || !slices.Equal(got, []string{"LUKS2"}) {
		t.Errorf("LUKS2 without its first header: %q, %v", got, err)
	}
}

func TestHoldsLVM(t *testing.T) {
	dev := loop(t, "survey-lvm.img", 32<<20)
	tool(t, "", "pvcreate", "-q", "-y", "--config", `devices{scan_lvs=0 filter=["a|`+dev+`|","r|.*|"]}`, dev)
	f, err := os.Open(dev)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := holdings(f, 32<<20, nil); err != nil || !slices.Equal(got, []string{"LVM2"}) {
		t.Errorf("%q, %v", got, err)
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
		{3, "-FVE-FS-", "BitLocker (whether it is suspended can't be told)"},
		{424, "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01", "BitLocker (whether it is suspended can't be told)"},
		{3, "ReFS\x00\x00\x00\x00", "ReFS"},
		{0, "LUKS\xba\xbe\x00\x01", "LUKS1"},
		{0, "LUKS\xba\xbe\x00\x02", "LUKS2"},
		{32768, "SKUL\xba\xbe\x00\x02", "LUKS2"},
		{32768, "JFS1", "JFS"},
		{4120, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", "bcache"},
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
		{size - 512, "\xde\x11\xde\x11", "DDF RAID"},
		{size - 512, "$XIDE$", "LSI RAID"},
		{size - 1024, "NVIDIA  ", "NVIDIA RAID"},
		{size - 63*512, "Promise Technology, Inc.", "Promise RAID"},
		{size - 11*512 + 32, "\xf3\x16\x78\x5a", "HighPoint RAID"},
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

// A container of APFS tells by its keybag whether it has keys: nx_keylocker at 1296 has
// a start and a count of blocks. A pool of ZFS has a list in XDR form at 16 KiB.
func TestHoldsKeysAndPools(t *testing.T) {
	const size = 1 << 20
	b := make([]byte, size)
	copy(b[32:], "NXSB\x00\x10\x00\x00")
	if got, err := holdings(bytes.NewReader(b), size, nil); err != nil || !slices.Equal(got, []string{"APFS"}) {
		t.Errorf("%q, %v", got, err)
	}
	copy(b[1296:], "\x07\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00")
	if got, err := holdings(bytes.NewReader(b), size, nil); err != nil || !slices.Equal(got, []string{"APFS", "encryption keys (FileVault or the machine's chip)"}) {
		t.Errorf("%q, %v", got, err)
	}
	b = make([]byte, size)
	copy(b[16384:], "\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"+ // XDR, little-endian host; version, flags
		"\x00\x00\x00\x28\x00\x00\x00\x28\x00\x00\x00\x09pool_guid\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x01\x12\x34\x56\x78\x9a\xbc\xde\xf0"+
		"\x00\x00\x00\x28\x00\x00\x00\x28\x00\x00\x00\x09vdev_tree\x00\x00\x00\x00\x00\x00\x13")
	if got, err := holdings(bytes.NewReader(b), size, nil); err != nil || !slices.Equal(got, []string{"ZFS"}) {
		t.Errorf("%q, %v", got, err)
	}
}

// Partitions that tell by their type what a raw read of their start would not.
func TestHoldsByType(t *testing.T) {
	b := image(t, 1<<20, "label: gpt\nstart=40, size=8, type=5808C8AA-7E8F-42E0-85D2-E1E90434CFB3\n"+
		"start=48, size=8, type=E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D\nstart=56, size=8, type=53746F72-6167-11AA-AA11-00306543ECAC\n")
	parts, err := readTable(bytes.NewReader(b), 1<<20, 512)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := holdings(bytes.NewReader(b), 1<<20, parts); err != nil || !slices.Equal(got, []string{"CoreStorage (FileVault)", "Storage Spaces", "Windows dynamic disk"}) {
		t.Errorf("%q, %v", got, err)
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
	if got := holds(); !slices.Equal(got, []string{"BitLocker (whether it is suspended can't be told)", "Windows"}) {
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

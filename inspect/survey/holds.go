package survey

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// signature of what a volume holds: bytes at an offset from its start.
type signature struct {
	name  string
	off   int
	magic string
}

// headLength covers every signature at the start of a volume.
const headLength = 0x11000

// signatures, from each format's own specification or kernel documentation. A
// volume may carry more than one: what stood there before counts too.
var signatures = []signature{
	{"NTFS", 3, "NTFS    "},
	{"ReFS", 3, "ReFS\x00\x00\x00\x00"},
	{"exFAT", 3, "EXFAT   "},
	{"FAT32", 82, "FAT32   "},
	{"FAT", 54, "FAT16   "},
	{"FAT", 54, "FAT12   "},
	{"LUKS1", 0, "LUKS\xba\xbe\x00\x01"},
	{"LUKS2", 0, "LUKS\xba\xbe\x00\x02"},
	// The second header of LUKS2, at the smallest places that it may have.
	{"LUKS2", 0x4000, "SKUL\xba\xbe\x00\x02"},
	{"LUKS2", 0x8000, "SKUL\xba\xbe\x00\x02"},
	{"LUKS2", 0x10000, "SKUL\xba\xbe\x00\x02"},
	{"XFS", 0, "XFSB"},
	{"APFS", 32, "NXSB"},
	{"HFS+", 1024, "H+\x00\x04"},
	{"HFS+", 1024, "HX\x00\x05"},
	{"F2FS", 1024, "\x10\x20\xf5\xf2"},
	{"btrfs", 0x10040, "_BHRfS_M"},
	{"Linux RAID", 0, "\xfc\x4e\x2b\xa9\x01\x00\x00\x00"},    // metadata 1.1
	{"Linux RAID", 4096, "\xfc\x4e\x2b\xa9\x01\x00\x00\x00"}, // 1.2
	{"bcache", 0x1018, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"},
	{"JFS", 0x8000, "JFS1"},
	{"LVM2", 0x018, "LVM2 001"},
	{"LVM2", 0x218, "LVM2 001"},
	{"LVM2", 0x418, "LVM2 001"},
	{"LVM2", 0x618, "LVM2 001"},
	// The signature ends the first page: 4, 8, 16 or 64 KiB.
	{"swap", 0x0ff6, "SWAPSPACE2"},
	{"swap", 0x1ff6, "SWAPSPACE2"},
	{"swap", 0x3ff6, "SWAPSPACE2"},
	{"swap", 0xfff6, "SWAPSPACE2"},
	{"ISO 9660", 0x8001, "CD001"},
}

// volumesMax: a table names more only to keep us busy.
const volumesMax = 128

// Partition types of Windows (Microsoft's own list): reserved, and basic data.
const (
	typeReserved  = "e3c9e316-0b5c-4db8-817d-f92df00215ae"
	typeBasicData = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
)

// kinds of GUID partitions whose content tells less than their type does, from their
// makers' lists.
var kinds = map[string]string{
	"5808c8aa-7e8f-42e0-85d2-e1e90434cfb3": "Windows dynamic disk",
	"af9b60a0-1431-4f62-bc68-3311714a69ad": "Windows dynamic disk",
	"e75caf8f-f680-4cee-afa3-b001e56efc2d": "Storage Spaces",
	"d3bfe2de-3daf-11df-ba40-e3a556d89593": "Intel Rapid Start (memory of a sleeping machine)",
	"53746f72-6167-11aa-aa11-00306543ecac": "CoreStorage (FileVault)",
	"fe3a2a5d-4f32-41a7-b725-accc3285a309": "ChromeOS",
	"aa31e02a-400f-11db-9590-000c2911d1b8": "VMFS",
}

// holdings names what a drive and its partitions hold, sorted. What could not be
// read is in the error, and the rest is given.
func holdings(r io.ReaderAt, size int64, parts []partition) ([]string, error) {
	holds, err := volume(r, 0, size)
	failed := []error{err}
	if len(parts) > volumesMax {
		failed = append(failed, fmt.Errorf("it names %d partitions, of which the first %d were read", len(parts), volumesMax))
		parts = parts[:volumesMax]
	}
	reserved, data := false, false
	for _, p := range parts {
		found, err := volume(r, p.offset, p.size)
		failed = append(failed, err)
		holds = append(holds, found...)
		if name := kinds[p.kind]; name != "" {
			holds = append(holds, name)
		}
		reserved = reserved || p.kind == typeReserved
		data = data || p.kind == typeBasicData && slices.ContainsFunc(found, func(name string) bool { return name == "NTFS" || strings.HasPrefix(name, bitLocker) })
	}
	if reserved && data {
		holds = append(holds, "Windows")
	}
	slices.Sort(holds)
	return slices.Compact(holds), errors.Join(failed...)
}

// volume names what stands at the start and at the end of a range.
func volume(r io.ReaderAt, off, size int64) ([]string, error) {
	head, err := part(r, off, min(size, headLength))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, s := range signatures {
		if has(head, s.off, s.magic) {
			found = append(found, s.name)
		}
	}
	for _, look := range []func([]byte) string{extVersion, zfsLabel, apfsKeys} {
		if name := look(head); name != "" {
			found = append(found, name)
		}
	}
	state, bdeErr := bitLockerState(r, off, size, head)
	if state != "" {
		found = append(withoutDecoy(found), state)
	}
	tail, err := tails(r, off, size)
	return append(found, tail...), errors.Join(bdeErr, err)
}

// tails looks for what keeps its records at the end of a volume: Linux RAID with
// metadata 1.0 and 0.90 (md(4)); Intel's RAID (and its Optane caches) in its last but
// one sector; SNIA DDF 2.0, LSI, NVIDIA, Promise and HighPoint as dmraid's formats
// (lib/format/ataraid) have them.
func tails(r io.ReaderAt, off, size int64) ([]string, error) {
	const md = "\xfc\x4e\x2b\xa9"
	ends := []struct {
		name  string
		at    int64
		magic string
	}{
		{"Linux RAID", size/512/8*8*512 - 8192, md + "\x01\x00\x00\x00"},
		{"Linux RAID", size/65536*65536 - 65536, md + "\x00\x00\x00\x00"},
		{"Intel RAID", size - 1024, "Intel Raid ISM Cfg Sig. "},
		{"Intel RAID", size - 8192, "Intel Raid ISM Cfg Sig. "},
		{"DDF RAID", size - 512, "\xde\x11\xde\x11"},
		{"DDF RAID", size - 4096, "\xde\x11\xde\x11"},
		{"LSI RAID", size - 512, "$XIDE$"},
		{"NVIDIA RAID", size - 1024, "NVIDIA  "},
		{"Promise RAID", size - 63*512, "Promise Technology, Inc."},
		{"Promise RAID", size - 255*512, "Promise Technology, Inc."},
		{"HighPoint RAID", size - 11*512 + 32, "\xf3\x16\x78\x5a"},
	}
	start := max(0, (size-131072)/4096*4096)
	tail, err := part(r, off+start, size-start)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range ends {
		if e.at >= start && has(tail, int(e.at-start), e.magic) {
			found = append(found, e.name)
		}
	}
	return found, nil
}

// extVersion tells ext2, ext3 and ext4 apart by the features of the superblock at
// 1024: the kernel's documentation, ext4/globals, 'The Super Block'. The journal
// is in the compatible features, extents, 64 bits and flexible groups in the
// incompatible ones.
func extVersion(head []byte) string {
	if !has(head, 0x438, "\x53\xef") || len(head) < 0x468 {
		return ""
	}
	compatible, incompatible := le.Uint32(head[0x45c:]), le.Uint32(head[0x460:])
	switch {
	case incompatible&(0x40|0x80|0x200) != 0:
		return "ext4"
	case compatible&0x4 != 0:
		return "ext3"
	}
	return "ext2"
}

// zfsLabel knows a member of a ZFS pool by its label, which begins at 16 KiB with a list
// of names and values (OpenZFS, module/zfs/vdev_label.c).
func zfsLabel(head []byte) string {
	const from, to = 0x4000, 0x8000
	if len(head) >= to && bytes.Contains(head[from:to], []byte("pool_guid")) && bytes.Contains(head[from:to], []byte("vdev_tree")) {
		return "ZFS"
	}
	return ""
}

// apfsKeys tells whether an APFS container has keys of its own, as it has with
// FileVault and where the machine's chip encrypts (Apple File System Reference,
// nx_superblock_t: nx_keylocker, a start and a count of blocks).
func apfsKeys(head []byte) string {
	if has(head, 32, "NXSB") && len(head) >= 1312 && le.Uint64(head[1304:]) > 0 {
		return "encryption keys (FileVault or the machine's chip)"
	}
	return ""
}

func has(b []byte, off int, magic string) bool {
	return off >= 0 && off+len(magic) <= len(b) && string(b[off:off+len(magic)]) == magic
}

// part reads a range; one that ends early at the end of the drive is shorter.
func part(r io.ReaderAt, off, n int64) ([]byte, error) {
	b := make([]byte, max(n, 0))
	got, err := r.ReadAt(b, off)
	if got < len(b) && err != nil && err != io.EOF {
		return nil, err
	}
	return b[:got], nil
}

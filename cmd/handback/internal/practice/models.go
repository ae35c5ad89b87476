package practice

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/nvme"
)

// Models of captured drives: a profile (package profile) of what each of them offers, no
// larger than practice can do.

// How long a model takes where its drive does not say, and at most.
const short, long, longest = 5 * time.Second, 40 * time.Second, 2 * time.Minute

func takes(said inspect.Fact[time.Duration], otherwise time.Duration) time.Duration {
	if !said.Known {
		return otherwise
	}
	return min(max(said.Value, time.Second), longest)
}

// table of a profile, from names and values in turn.
func table(name string, fields ...any) string {
	var b strings.Builder
	if name != "" {
		fmt.Fprintf(&b, "%s\n", name)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		v := fields[i+1]
		switch x := v.(type) {
		case string:
			v = fmt.Sprintf("%q", printable(x))
		case time.Duration:
			v = fmt.Sprintf("%q", x)
		}
		fmt.Fprintf(&b, "%s = %v\n", fields[i], v)
	}
	return b.String()
}

// printable ASCII of a text: what a drive says of itself is any bytes.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}

func cut(s string, most int) string {
	s = printable(s)
	return s[:min(len(s), most)]
}

func head(d inspect.Drive) string {
	return table("", "name", cmp.Or(cut(d.Identity.Model, 60), "no name"), "source", "a capture", "contents", "noise")
}

// ways in which a drive sanitizes itself.
type ways struct{ crypto, block, overwrite bool }

func (w ways) table(name string) string {
	return table(name, "crypto", w.crypto, "block", w.block, "overwrite", w.overwrite)
}

func has[T uint8 | uint16 | uint32](f inspect.Fact[T], bit T) bool {
	return f.Known && f.Value&bit != 0
}

func yes(f inspect.Fact[bool]) bool { return f.Known && f.Value }

func practiceSize(d inspect.Drive, most int64) int64 {
	return max(min(d.Identity.Size, most), 1<<20) &^ (1<<12 - 1)
}

// rotation as a profile says it: 1 is none, 0 not told.
func rotation(d inspect.Drive) int {
	switch {
	case !d.Rotational.Known:
		return 0
	case d.Rotational.Value:
		return 7200
	}
	return 1
}

// naa is the drive's WWN as a number, where it is one of 64 bits; 0: none.
func naa(d inspect.Drive) uint64 {
	name, _ := strings.CutPrefix(d.Identity.WWN, "naa.")
	n, err := strconv.ParseUint(name, 16, 64)
	if err != nil {
		return 0
	}
	return n
}

func nvmeProfile(namespaces []inspect.Drive, most int64) string {
	d := namespaces[0]
	n := d.NVMe
	w := ways{has(n.SANICAP, nvme.SanicapCrypto), has(n.SANICAP, nvme.SanicapBlock), has(n.SANICAP, nvme.SanicapOverwrite)}
	unattached := n.Unattached.Known && n.Unattached.Value > 0
	s := table("[nvme]", "serial", cut(d.Identity.Serial, 20), "model", cut(d.Identity.Model, 40), "firmware", cut(d.Identity.Firmware, 8), "namespace_management", unattached)
	s += w.table("[nvme.sanitize]") + table("", "crypto_time", takes(n.CryptoTime, short), "block_time", takes(n.BlockTime, long), "overwrite_time", takes(n.OverwriteTime, long))
	s += table("[nvme.format]", "supported", yes(n.Format), "all_namespaces", has(n.FNA, nvme.FNAFormatsAll), "erase_all", has(n.FNA, nvme.FNAErasesAll),
		"crypto", has(n.FNA, nvme.FNACrypto), "erase_time", short, "crypto_time", short)
	s += table("[nvme.self_test]", "supported", true)
	last := uint32(0)
	for _, d := range namespaces {
		last = max(last, d.Identity.Namespace, 1)
		s += table("[[nvme.namespaces]]", "id", max(d.Identity.Namespace, 1), "bytes", practiceSize(d, most),
			"logical_block", max(d.Geometry.LogicalBlock, 512), "attached", true)
	}
	for i := range min(max(n.Unattached.Value, 0), 8) {
		s += table("[[nvme.namespaces]]", "id", int(last)+1+i, "bytes", 1<<20)
	}
	return s
}

func ataProfile(d inspect.Drive, most int64) string {
	a := d.ATA
	w := ways{has(a.Sanitize, ata.SanitizeCrypto), has(a.Sanitize, ata.SanitizeBlock), has(a.Sanitize, ata.SanitizeOverwrite)}
	block := int64(max(d.Geometry.LogicalBlock, 512))
	sectors := practiceSize(d, most) / block
	hpa, dco := int64(0), int64(0)
	if a.NativeMax.Known && a.NativeMax.Value > d.Identity.Size {
		hpa = sectors / 8
	}
	if a.DCOMax.Known && a.DCOMax.Value > max(a.NativeMax.Value, d.Identity.Size) {
		dco = sectors / 8
	}
	s := table("[ata]", "serial", cut(d.Identity.Serial, 20), "model", cut(d.Identity.Model, 40), "firmware", cut(d.Identity.Firmware, 8), "wwn", naa(d),
		"native_sectors", sectors, "hpa", hpa, "dco", dco, "logical_block", block, "physical_block", max(int64(d.Geometry.PhysicalBlock), block), "rotation", rotation(d))
	s += table("[ata.security]", "supported", has(a.Security, ata.SecuritySupported), "enhanced", has(a.Security, ata.SecurityEnhanced),
		"erase_time", takes(a.EraseTime, long), "enhanced_time", takes(a.EnhancedTime, long), "freeze", frozen(has(a.Security, ata.SecurityFrozen)))
	if has(a.Security, ata.SecurityEnabled) {
		s += table("", "user_password", "nobody knows it", "master_password", "nor this one", "maximum", true)
	}
	return s + w.table("[ata.sanitize]") + table("", "crypto_time", short, "block_time", long, "overwrite_time", long,
		"freeze", frozen(a.SanitizeState.Known && a.SanitizeState.Value == inspect.SanitizeFrozen))
}

// frozen by the firmware of the machine, at power-on.
func frozen(is bool) string {
	if is {
		return "boot"
	}
	return "never"
}

func scsiProfile(d inspect.Drive, most int64) string {
	c := d.SCSI
	w := ways{yes(c.SanitizeCrypto), yes(c.SanitizeBlock), yes(c.SanitizeOverwrite)}
	vendor, product, _ := strings.Cut(d.Identity.Model, " ")
	block := int64(max(d.Geometry.LogicalBlock, 512))
	s := table("[scsi]", "vendor", cut(vendor, 8), "product", cut(product, 16), "revision", cut(d.Identity.Firmware, 4), "serial", cut(d.Identity.Serial, 32), "wwn", naa(d),
		"blocks", practiceSize(d, most)/block, "logical_block", block, "rotation", rotation(d))
	return s + w.table("[scsi.sanitize]") + table("", "crypto_time", short, "block_time", long, "overwrite_time", long) + table("[scsi.format]", "supported", yes(c.FormatUnit), "time", long)
}

// areaSize of a boot or RPMB area, in steps of 128 KiB (JESD84-B51, EXT_CSD[226] and
// [168]) and no more than the 255 that a byte counts.
func areaSize(size int64) int64 {
	const step = 128 << 10
	return min(max(size/step, 0), 255) * step
}

func mmcProfile(d inspect.Drive, most int64) string {
	c := d.MMC
	serial := cut(d.Identity.Serial, 10)
	if _, err := strconv.ParseUint(serial, 0, 32); err != nil {
		serial = "0x00000000" // a card's is a number (JESD84-B51, clause 7.2.5)
	}
	return table("[mmc]", "product", cut(d.Identity.Model, 6), "serial", serial, "sectors", practiceSize(d, most)/512,
		"boot_size", areaSize(c.BootBytes.Value/2), "rpmb_size", areaSize(c.RPMBBytes.Value), "secure_erase", yes(c.SecureErase), "sanitize", yes(c.Sanitize), "trim", true,
		"erase_time", short, "secure_erase_time", long, "sanitize_time", long)
}

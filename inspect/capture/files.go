package capture

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

// concealer makes of what was read what may be given away.
type concealer struct {
	*names
	own []string // GUIDs of partitions that may stay: those of every stick
}

// file of a tree as it may be kept; kept is false where it is of no kind that is
// known to be harmless.
func (c concealer) file(name string, b []byte) (out []byte, kept bool) {
	b = bytes.Clone(b)
	base, dir := path.Base(name), path.Dir(name)
	switch {
	case name == firmwareTable:
		return c.smbios(b), true
	case name == "/sys/firmware/dmi/tables/smbios_entry_point":
		return b, true
	case dir == efiVars:
		return c.variable(base, b), true
	case strings.HasPrefix(name, firmwareSettings):
		return c.setting(path.Base(dir), base, b)
	case base == "edid":
		return c.edid(b), true
	case base == "uevent":
		return c.uevent(b), true
	case name == "/proc/cpuinfo":
		return withoutLines(b, "Serial"), true
	case name == "/proc/meminfo", name == "/sys/kernel/security/lockdown":
		return b, true
	case base == "mountinfo":
		return c.mounts(b), true
	case name == "/proc/swaps":
		return c.swaps(b), true
	case base == "cid":
		return c.cid(b), true
	case base == "backing_file":
		return []byte(c.path(string(b))), true
	case isName(base) && strings.HasSuffix(dir, firmwareTexts):
		return []byte(c.tag(string(b))), true
	case isName(base), base == "name" && path.Base(dir) == "dm":
		return []byte(c.text(string(b))), true
	case slices.Contains(kinds, base), base == "name" && strings.Contains(name, "/mmc_host/"), tame(base, b):
		return b, true
	}
	return nil, false
}

const (
	efiVars          = "/sys/firmware/efi/efivars"
	firmwareSettings = "/sys/class/firmware-attributes/"
	firmwareTable    = "/sys/firmware/dmi/tables/DMI"
	firmwareTexts    = "/dmi/id" // the end of the folder's name
)

// isName: the attribute names the thing, or the machine.
func isName(base string) bool {
	switch base {
	case "address", "wwid", "wwn", "uuid", "nguid", "eui", "subsysnqn", "hostnqn", "hostid", "unique_id", "vpd_pg80", "vpd_pg83":
		return true
	}
	return base == "serial" || strings.HasSuffix(base, "_serial") || strings.HasSuffix(base, "_uuid") || strings.HasPrefix(base, "serial_") || strings.HasSuffix(base, "asset_tag")
}

// kinds are attributes whose text says what a thing is, of the hundreds and thousands
// that were made of it.
var kinds = []string{"vendor", "model", "rev", "firmware_rev", "fwrev", "manufacturer", "model_name", "technology", "product", "proc_name",
	"bios_vendor", "bios_version", "bios_date", "bios_release", "board_name", "board_vendor", "board_version", "chassis_vendor", "chassis_version",
	"product_name", "product_family", "product_sku", "product_version", "sys_vendor", "modalias"}

// tame content says nothing of anybody: numbers, or one word of a few.
func tame(base string, b []byte) bool {
	return numbers.Match(b) || slices.Contains(chosen, base) && word.Match(b)
}

var (
	numbers = regexp.MustCompile(`^[0-9a-fA-Fx:.,\-+ \t\n*/\[\]()]{0,64}$`)
	word    = regexp.MustCompile(`^[A-Za-z][A-Za-z_\-\[\] ]{0,31}\n?$`)
)

// chosen are attributes whose word is one of a few, by the kernel's own list.
var chosen = []string{"type", "status", "state", "scope", "capacity_level", "health", "transport", "zoned", "removable", "class", "role", "subsystem"}

// setting of the firmware. A tag is a name; the rest is kept where it is a choice.
func (c concealer) setting(attribute, base string, b []byte) ([]byte, bool) {
	l := strings.ToLower(attribute)
	switch {
	case base != "current_value":
		return b, tame(base, b)
	case strings.Contains(l, "asset") || strings.Contains(l, "tag") || strings.Contains(l, "owner") || strings.Contains(l, "serial"):
		return []byte(c.text(string(b))), true
	}
	return b, choice.Match(b)
}

var choice = regexp.MustCompile(`^(?i:enabled?|disabled?|on|off|yes|no|(perm|permanent|permanently)[ _-]?disabled?|[0-9]{1,3})\s*$`)

// uevent keeps the lines that say of what kind a device is.
func (c concealer) uevent(b []byte) []byte {
	var out []byte
	for line := range bytes.Lines(b) {
		key, value, _ := strings.Cut(string(line), "=")
		if name := strings.TrimSuffix(value, "\n"); key == "INTERFACE" && !strings.Contains(name, "/") { // a network's, not the class of one on USB
			line = []byte(key + "=" + c.netName(name) + value[len(name):])
		}
		switch key {
		case "DEVNAME", "DEVTYPE", "MAJOR", "MINOR", "DRIVER", "DISKSEQ", "PARTN", "MODALIAS", "PCI_CLASS", "PCI_ID", "PCI_SUBSYS_ID", "PCI_SLOT_NAME", "PRODUCT", "TYPE", "INTERFACE":
			out = append(out, line...)
		}
	}
	return out
}

func withoutLines(b []byte, prefix string) []byte {
	var out []byte
	for line := range bytes.Lines(b) {
		if !bytes.HasPrefix(line, []byte(prefix)) {
			out = append(out, line...)
		}
	}
	return out
}

// cid of a card: its serial number stands in bytes 9 to 12 (SD Physical Layer
// Specification clause 5.2) or 10 to 13 (JESD84-B51 clause 7.2); all five are
// replaced, with the revision, which only SD has there, left alone.
func (c concealer) cid(b []byte) []byte {
	text := strings.TrimSpace(string(b))
	raw, ok := unhex(text)
	if !ok || len(raw) != 16 {
		return []byte(c.text(string(b)))
	}
	serial := raw[9:13]
	if raw[1] <= 2 && raw[2] == 0 { // the device type and the reserved bits of MMC: no letters of an OEM
		serial = raw[10:14]
	}
	c.number(serial)
	return hexText(raw, b)
}

// mounts keeps the numbers, the places and the sources of a table of mounts.
func (c concealer) mounts(b []byte) []byte {
	var out bytes.Buffer
	for line := range strings.Lines(string(b)) {
		before, after, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		f, s := strings.Fields(before), strings.Fields(after)
		if len(f) < 5 || len(s) < 2 {
			out.WriteString("withheld\n") // it makes no sense, and stays so
			continue
		}
		out.WriteString(strings.Join([]string{f[0], f[1], f[2], "/", c.path(f[4]), "rw", "-", s[0], c.source(s[1]), "rw"}, " ") + "\n")
	}
	return out.Bytes()
}

// source of a mount: a device, a kind of file system, or somebody's server.
func (c concealer) source(s string) string {
	if strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") {
		return c.path(s)
	}
	if plainSource.MatchString(s) {
		return s
	}
	return c.text(s)
}

// plainSource is what file systems without a device give for one.
var plainSource = regexp.MustCompile(`^(none|proc|sysfs|tmpfs|devtmpfs|udev|devpts|cgroup2?|securityfs|pstore|efivarfs|bpf|debugfs|tracefs|fusectl|configfs|mqueue|hugetlbfs|binfmt_misc|systemd-1|overlay|run|shm|ramfs|rootfs|autofs|dev|fuse)$`)

func (c concealer) swaps(b []byte) []byte {
	var out bytes.Buffer
	for line := range strings.Lines(string(b)) {
		name, rest, ok := strings.Cut(line, " ")
		if tab, more, has := strings.Cut(line, "\t"); has && len(tab) < len(name) {
			name, rest, ok = tab, more, true
		}
		if ok && strings.HasPrefix(name, "/") {
			out.WriteString(c.path(name) + " " + strings.TrimLeft(rest, " \t"))
		} else {
			out.WriteString(line)
		}
	}
	return out.Bytes()
}

// systemFolders have the same names everywhere.
var systemFolders = []string{"", "bin", "boot", "dev", "disk", "efi", "EFI", "etc", "firmware", "grub", "home", "lib", "media", "mnt", "opt", "proc", "root", "run", "sbin", "srv", "sys", "tmp", "user", "usr", "var",
	"by-id", "by-label", "by-partlabel", "by-partuuid", "by-path", "by-uuid", "mapper", "control", "lib64", "local", "log", "lock", "cache", "shm", "pts", "mqueue", "hugepages"}

// imageEndings say of what kind the image of a drive is. Any other may be a person's name.
var imageEndings = []string{".img", ".iso", ".raw", ".qcow2"}

// path of a file, of which what people name is replaced. What the kernel names stays:
// its devices, and all below /sys and /proc.
func (c concealer) path(p string) string {
	text := strings.TrimSuffix(p, "\n")
	end := p[len(text):]
	text, removed := strings.CutSuffix(text, " (deleted)")
	if removed {
		end = " (deleted)" + end
	}
	if ofKernel(text) || kernelDevice.MatchString(text) {
		return p
	}
	parts := strings.Split(text, "/")
	for i, part := range parts {
		if !slices.Contains(systemFolders, part) {
			// The ending of an image stays, since a loop device's serial is what stands before it.
			ext := path.Ext(part)
			if !slices.Contains(imageEndings, ext) || ext == part {
				ext = ""
			}
			parts[i] = c.text(strings.TrimSuffix(part, ext)) + ext
		}
	}
	return strings.Join(parts, "/") + end
}

var kernelDevice = regexp.MustCompile(`^/dev/((sd|hd|vd|xvd)[a-z]+[0-9]*|nvme[0-9]+(c[0-9]+)?(n[0-9]+(p[0-9]+)?)?|mmcblk[0-9]+(p[0-9]+|boot[0-9]|rpmb|gp[0-9])?|(loop|md|dm-|sr|fd|zram|ram|nbd|pmem)[0-9]+(p[0-9]+)?|root|null|zero)$`)

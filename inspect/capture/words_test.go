package capture_test

import (
	"strings"
	"testing"
)

// Somebody's folder may be called by a word of the kernel, of a maker or of a system,
// or by a number that a class has: the capture makes the same report.
func TestWords(t *testing.T) {
	for _, folder := range []string{"/boot/firmware", "/mnt/device", "/mnt/driver", "/mnt/efivars", "/mnt/removable", "/mnt/tables", "/mnt/0x0108", "/mnt/remapped", "/mnt/processor", "/mnt/nvme0n1",
		"/mnt/Battery", "/mnt/Windows", "/mnt/SanDisk"} {
		b := planted(t)
		b.file("proc/self/mountinfo", "22 27 0:21 / /proc rw - proc proc rw\n30 1 8:33 / "+folder+" rw shared:1 - vfat /dev/sdc1 rw\n")
		b.file("sys/firmware/acpi/tables/WPBT", "x")
		b.file("sys/firmware/acpi/tables/DSDT", "x")
		b.controller("0x010802", "nvme") // without a drive
		b.n++
		b.file(b.controller("0x010601", "ahci")+"/remapped_nvme", "1\n")
		r, _, archive, replace := takenBare(t, b.doors())
		same(t, r, archive, replace)
		is := replayed(t, archive)
		if len(r.Drives) == 0 || len(is.Drives) != len(r.Drives) || len(r.Unhandled) == 0 || len(is.Unhandled) != len(r.Unhandled) || len(is.Missing) != len(r.Missing) || !is.Firmware.UEFI.Value {
			t.Errorf("%s: %d drives and %d findings became %d and %d; missing %q", folder, len(r.Drives), len(r.Unhandled), len(is.Drives), len(is.Unhandled), is.Missing)
		}
		for i := range min(len(r.Residue), len(is.Residue)) {
			if r.Residue[i].State != is.Residue[i].State {
				t.Errorf("%s: %+v became %+v", folder, r.Residue[i], is.Residue[i])
			}
		}
		name := folder[strings.LastIndexByte(folder, '/')+1:]
		if has := unpacked(t, archive)["tree/proc/self/mountinfo"]; folder != "/boot/firmware" && strings.Contains(has, name) {
			t.Errorf("%s stands in %q", name, has)
		}
	}
}

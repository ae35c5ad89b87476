package capture_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/capture"
)

// keep a capture for testdata/captures, where CAPTURES names a folder.
func keep(t *testing.T, name string, archive []byte) {
	t.Helper()
	if dir := os.Getenv("CAPTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".tar.gz"), archive, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// table of a real machine, as 'dmidecode --dump-bin' writes it: the entry point, and
// the table from 20h on.
func (b *bed) table(name string) {
	b.t.Helper()
	raw, err := os.ReadFile(filepath.Join("../platform/testdata/smbios", name+".bin"))
	if err != nil || len(raw) < 0x20 {
		b.t.Fatal(len(raw), err)
	}
	entry := raw[:0x1f]
	if string(raw[:5]) == "_SM3_" {
		entry = raw[:0x18]
	}
	b.file("sys/firmware/dmi/tables/smbios_entry_point", string(entry))
	b.file("sys/firmware/dmi/tables/DMI", string(raw[0x20:]))
}

// Tables of real machines keep what says of what kind they are.
func TestTables(t *testing.T) {
	for _, name := range []string{"Lenovo-ThinkPad-T480", "Asus-UX307LA", "Gigabyte-GA-MA74GMT-S2", "Lenovo-ThinkPad-W510"} {
		b := newBed(t)
		b.table(name)
		r, archive, replace := taken(t, b.doors())
		same(t, r, archive, replace)
		is := replayed(t, archive)
		if r.Machine.Model != is.Machine.Model || !r.Machine.Model.Known || r.Machine.Kind != is.Machine.Kind || len(r.Memory.Modules) == 0 || !slices.Equal(r.Memory.Modules, is.Memory.Modules) {
			t.Errorf("%s: %+v, %+v", name, is.Machine, is.Memory)
		}
		if serial := r.Machine.Serial; serial.Known && serial == is.Machine.Serial {
			t.Errorf("%s: its serial number is in the capture: %s", name, serial.Value)
		}
		keep(t, "table-"+strings.ToLower(name), archive)
	}
}

// snapshots of ghw's own tests, by the names that they have here.
var snapshots = map[string]string{
	"linux-amd64-415ee03b8c4d1c4f07ae2e9d8b3d3d6d": "amd64-415ee03b", "linux-amd64-61797caf7c0b6bca1725ad7975ed4773": "amd64-61797caf", "linux-amd64-accel-nvidia": "amd64-nvidia",
	"linux-arm64-c288e0776090cd558ef793b2a4e61939": "arm64-c288e077", "linux-s390x-snapshot": "s390x",
}

// Snapshots of real machines, of which no drive can be asked.
func TestSnapshots(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/jaypipes/ghw").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name, short := range snapshots {
		t.Run(short, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			file := filepath.Join(strings.TrimSpace(string(out)), "testdata/snapshots", name+".tar.gz")
			if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", file, "-C", root).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			r, archive, replace := taken(t, capture.Folder(root))
			same(t, r, archive, replace)
			if !r.Memory.Bytes.Known || !r.CPU.Cores.Known {
				t.Errorf("%+v, %+v", r.Memory, r.CPU)
			}
			keep(t, "ghw-"+short, archive)
		})
	}
}

// A chip set in RAID mode hides an NVMe drive behind its SATA controller, which QEMU
// can't do: AHCI's attribute remapped_nvme says so.
func TestRemappedNVMe(t *testing.T) {
	b := newBed(t)
	b.table("Lenovo-ThinkPad-T480")
	b.drive("../../testdata/drives/sata-ssd-lies.toml")
	b.file("sys/devices/pci0000:00/0000:00:02.0/remapped_nvme", "1\n")
	b.file("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 142\nmodel name\t: Intel(R) Core(TM) i5-8350U CPU @ 1.70GHz\nstepping\t: 10\nflags\t\t: fpu vme de\n\n")
	r, archive, replace := taken(t, b.doors())
	same(t, r, archive, replace)
	keep(t, "remapped-nvme", archive)
	found := replayed(t, archive).Unhandled
	if !slices.ContainsFunc(found, func(f inspect.Finding) bool {
		return f.Code == "remapped-nvme" && strings.Contains(f.Do, "from RAID to AHCI")
	}) {
		t.Errorf("%+v", found)
	}
}

// Each capture of the library makes a report, and one that is taken of it makes the
// same, but for the names.
func TestLibrary(t *testing.T) {
	all := libraryFiles(t)
	if len(all) < 10 {
		t.Fatalf("%d captures", len(all))
	}
	for _, name := range all {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			c, err := capture.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if len(c.Manifest().Withheld) > 0 {
				t.Errorf("withheld: %q", c.Manifest().Withheld)
			}
			r, again, replace := taken(t, c.Doors())
			for _, m := range r.Missing {
				if strings.Contains(m, "not recorded") {
					t.Log(m) // inspection asks more than it did when this was taken
				}
			}
			same(t, r, again, replace)
			other, err := capture.Read(bytes.NewReader(again))
			if err != nil || len(other.Manifest().Withheld) > 0 {
				t.Errorf("withheld of the capture of a capture: %+v, %v", other.Manifest(), err)
			}
		})
	}
}

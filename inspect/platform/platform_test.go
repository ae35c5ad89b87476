package platform

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/inspect"
	"handback.example/inspect/internal/tree"
	"handback.example/inspect/mei"
)

// files of a tree by name; a name that ends in '/' is an empty folder.
type files map[string]string

func (f files) with(more files) files {
	all := files{}
	for _, part := range []files{f, more} {
		for name, text := range part {
			all[name] = text
		}
	}
	return all
}

func (f files) write(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range f {
		path := filepath.Join(root, name)
		if strings.HasSuffix(name, "/") {
			mkdir(t, path)
			continue
		}
		mkdir(t, filepath.Dir(path))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// at is a folder as a machine.
func at(root string) Machine { return Machine{Tree: tree.At(root)} }

func mkdir(t testing.TB, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func readFiles(t testing.TB, f files) *inspect.Report {
	t.Helper()
	r := &inspect.Report{}
	Read(context.Background(), at(f.write(t)), r)
	return r
}

// noted: something that could not be read is in the list for people.
func noted(r *inspect.Report, words string) bool {
	return slices.ContainsFunc(r.Missing, func(line string) bool { return strings.Contains(line, words) })
}

// snapshot of a real machine that ghw's module carries.
func snapshot(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/jaypipes/ghw").Output()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(strings.TrimSpace(string(out)), "testdata/snapshots", name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return root
		}
		if err != nil {
			t.Fatal(err)
		}
		unpack(t, root, h, r)
	}
}

func unpack(t *testing.T, root string, h *tar.Header, r io.Reader) {
	t.Helper()
	path := filepath.Join(root, h.Name)
	mkdir(t, filepath.Dir(path))
	switch h.Typeflag {
	case tar.TypeDir:
		mkdir(t, path)
	case tar.TypeSymlink:
		if err := os.Symlink(h.Linkname, path); err != nil {
			t.Fatal(err)
		}
	case tar.TypeReg:
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Cores and threads are what the makers publish.
func TestSnapshots(t *testing.T) {
	for name, want := range map[string]struct {
		cpu            string
		cores, threads int
		gpu            string
		network        int
	}{
		"linux-amd64-415ee03b8c4d1c4f07ae2e9d8b3d3d6d": {"12th Gen Intel(R) Core(TM) i7-1270P", 12, 16, "Intel graphics [8086:46a6]", 0},
		"linux-amd64-61797caf7c0b6bca1725ad7975ed4773": {"AMD Ryzen 5 1600 Six-Core Processor", 6, 12, "AMD graphics [1002:6758]", 4},
		"linux-amd64-8581cf3a529e5d8b97ea876eade2f60d": {"Intel(R) Xeon(R) CPU L5640 @ 2.27GHz", 6, 12, "Matrox graphics [102b:0532]", 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := &inspect.Report{}
			Read(t.Context(), at(snapshot(t, name)), r)
			if r.CPU.Model.Value != want.cpu || r.CPU.Cores.Value != want.cores || r.CPU.Threads.Value != want.threads {
				t.Errorf("%+v", r.CPU)
			}
			if len(r.GPU) != 1 || r.GPU[0] != want.gpu {
				t.Errorf("graphics %q", r.GPU)
			}
			if len(r.Network) != want.network {
				t.Errorf("network %+v", r.Network)
			}
			if !r.Memory.Bytes.Known || r.Memory.Bytes.Value < 1<<30 {
				t.Errorf("memory %+v", r.Memory.Bytes)
			}
			// The snapshots have no SMBIOS table: names are unknown, not empty.
			if r.Machine.Serial.Known || !noted(r, "serial number") {
				t.Errorf("serial %+v, missing %q", r.Machine.Serial, r.Missing)
			}
		})
	}
}

// A processor without flags (not x86) says nothing of a hypervisor.
func TestForeignProcessor(t *testing.T) {
	r := &inspect.Report{}
	Read(t.Context(), at(snapshot(t, "linux-arm64-c288e0776090cd558ef793b2a4e61939")), r)
	if r.Machine.Hypervisor.Known || !noted(r, "virtual") {
		t.Errorf("hypervisor %+v", r.Machine.Hypervisor)
	}
}

// A tree with nothing in it: everything is unknown, and says why.
func TestEmptyTree(t *testing.T) {
	r := readFiles(t, nil)
	m := r.Machine
	for _, f := range []inspect.Fact[string]{m.Maker, m.Model, m.Version, m.SKU, m.Serial, m.UUID, m.AssetTag, m.Kind, m.BIOS, r.CPU.Model, r.Firmware.Lockdown} {
		if f.Known || f.Why == "" {
			t.Errorf("%+v", f)
		}
	}
	for _, f := range []inspect.Fact[bool]{m.Hypervisor, r.Mains, r.Firmware.UEFI, r.Firmware.SecureBoot, r.Firmware.SetupMode} {
		if f.Known || f.Why == "" {
			t.Errorf("%+v", f)
		}
	}
	if r.CPU.Cores.Known || r.CPU.Threads.Known || r.Memory.Bytes.Known || len(r.Battery)+len(r.Displays)+len(r.GPU)+len(r.Network) > 0 {
		t.Errorf("%+v", r)
	}
	if len(r.Missing) < 8 {
		t.Errorf("missing: %q", r.Missing)
	}
}

func TestNoTree(t *testing.T) {
	r := &inspect.Report{}
	Read(t.Context(), at(filepath.Join(t.TempDir(), "nowhere")), r)
	if !noted(r, "processor") || !noted(r, "memory size") || r.Machine.Kind.Known {
		t.Errorf("%+v", r)
	}
}

// A pipe in a tree from elsewhere must not block, and a link must not lead out.
func TestHostileTree(t *testing.T) {
	root := files{"sys/class/dmi/id/product_name": "Laptop\n", "sys/class/power_supply/BAT0/type": "Battery\n"}.write(t)
	if err := unix.Mkfifo(filepath.Join(root, "sys/class/power_supply/BAT0/energy_full"), 0o644); err != nil {
		t.Fatal(err)
	}
	mkdir(t, filepath.Join(root, "sys/firmware/dmi/tables"))
	if err := os.Symlink("/etc/passwd", filepath.Join(root, "sys/firmware/dmi/tables/DMI")); err != nil {
		t.Fatal(err)
	}
	done := make(chan *inspect.Report)
	go func() {
		r := &inspect.Report{}
		Read(context.Background(), at(root), r)
		done <- r
	}()
	select {
	case r := <-done:
		if len(r.Battery) != 1 || r.Battery[0].FullWh.Known || !noted(r, "SMBIOS table") {
			t.Errorf("battery %+v, missing %q", r.Battery, r.Missing)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it hangs")
	}
}

var laptop = files{"sys/class/dmi/id/chassis_type": "10\n", "sys/class/dmi/id/sys_vendor": "LENOVO\n", "sys/class/dmi/id/product_name": "20L8S07A14\n",
	"proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu vme\n\n"}

// Without the table the kernel's own lines are taken.
func TestKernelNames(t *testing.T) {
	m := readFiles(t, laptop.with(files{"sys/class/dmi/id/product_serial": "Default string\n", "sys/class/dmi/id/product_uuid": "161674CC-2A1E-11B2-A85C-E121881D01B9\n",
		"sys/class/dmi/id/bios_vendor": "LENOVO\n", "sys/class/dmi/id/bios_version": "N22ET52W\n", "sys/class/dmi/id/bios_date": "01/16/2019\n"})).Machine
	if m.Maker.Value != "LENOVO" || m.Kind.Value != "laptop" || m.Serial.Known || m.UUID.Value != "161674cc-2a1e-11b2-a85c-e121881d01b9" ||
		m.BIOS.Value != "LENOVO N22ET52W 01/16/2019" || !m.Hypervisor.Known || m.Hypervisor.Value {
		t.Errorf("%+v", m)
	}
}

func TestKind(t *testing.T) {
	for code, want := range map[string]string{"3": "desktop", "9": "laptop", "10": "laptop", "13": "all-in-one", "30": "tablet", "31": "convertible",
		"32": "tablet", "11": "tablet", "35": "mini-pc", "36": "stick-pc", "23": "server", "138": "laptop", "1": "", "2": "", "12": "", "255": "", "x": ""} {
		r := readFiles(t, laptop.with(files{"sys/class/dmi/id/chassis_type": code + "\n"}))
		if k := r.Machine.Kind; k.Known != (want != "") || k.Value != want {
			t.Errorf("enclosure %s is %+v, want %q", code, k, want)
		}
	}
	// With a screen of its own it is a laptop, or without the battery a doubt.
	battery, panel := files{"sys/class/power_supply/BAT0/type": "Battery\n"}, files{"sys/class/drm/card0-eDP-1/status": "connected\n"}
	desktop := laptop.with(files{"sys/class/dmi/id/chassis_type": "3\n", "sys/class/dmi/id/sys_vendor": "Some Maker\n", "sys/class/dmi/id/product_name": "A1\n"})
	if k := readFiles(t, desktop.with(battery).with(panel)).Machine.Kind; k.Value != "laptop" {
		t.Errorf("with battery and panel: %+v", k)
	}
	if k := readFiles(t, desktop.with(panel)).Machine.Kind; k.Known || !strings.Contains(k.Why, "screen of its own") {
		t.Errorf("with a panel: %+v", k)
	}
	if k := readFiles(t, desktop).Machine.Kind; k.Value != "desktop" {
		t.Errorf("with neither: %+v", k)
	}
	// A 'desktop' with a battery is somebody's cheap laptop.
	r := readFiles(t, laptop.with(files{"sys/class/dmi/id/chassis_type": "3\n", "sys/class/power_supply/BAT0/type": "Battery\n"}))
	if r.Machine.Kind.Known || !strings.Contains(r.Machine.Kind.Why, "battery") || r.Mains.Known {
		t.Errorf("kind %+v, mains %+v", r.Machine.Kind, r.Mains)
	}
}

func TestHypervisor(t *testing.T) {
	for name, c := range map[string]struct {
		files        files
		known, value bool
	}{
		"CPUID":                        {files{"proc/cpuinfo": "flags\t: fpu hypervisor vme\n"}, true, true},
		"QEMU by name, CPUID hides it": {files{"sys/class/dmi/id/sys_vendor": "QEMU\n"}, true, true},
		"VMware by name":               {files{"sys/class/dmi/id/product_name": "VMware7,1\n"}, true, true},
		"Xen by sysfs":                 {files{"sys/hypervisor/type": "xen\n"}, true, true},
		"real":                         {files{}, true, false},
		"a word in a word":             {files{"sys/class/dmi/id/product_name": "Xenon Bahvana\n"}, true, false},
		"no cpuinfo":                   {files{"proc/cpuinfo": ""}, false, false},
	} {
		h := readFiles(t, laptop.with(c.files)).Machine.Hypervisor
		if h.Known != c.known || h.Value != c.value {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

const psy = "sys/class/power_supply/"

// As a ThinkPad T480s and a tablet that counts in charge show them.
func TestBattery(t *testing.T) {
	energy := files{psy + "BAT0/type": "Battery\n", psy + "BAT0/present": "1\n", psy + "BAT0/energy_full_design": "57020000\n", psy + "BAT0/energy_full": "49480000\n",
		psy + "BAT0/capacity": "83\n", psy + "BAT0/cycle_count": "211\n", psy + "BAT0/technology": "Li-poly\n", psy + "BAT0/manufacturer": "LGC\n",
		psy + "BAT0/model_name": "01AV479\n", psy + "BAT0/serial_number": "  723\n", psy + "BAT0/status": "Discharging\n", psy + "AC/type": "Mains\n", psy + "AC/online": "0\n"}
	r := readFiles(t, laptop.with(energy))
	if len(r.Battery) != 1 {
		t.Fatalf("%+v", r.Battery)
	}
	b := r.Battery[0]
	if b.Name != "BAT0" || b.DesignWh.Value != 57.02 || b.FullWh.Value != 49.48 || b.HealthPct.Value != 86 || b.ChargePct.Value != 83 || b.Cycles.Value != 211 {
		t.Errorf("%+v", b)
	}
	if b.Chemistry.Value != "Li-poly" || b.Maker.Value != "LGC" || b.Model.Value != "01AV479" || b.Serial.Value != "723" {
		t.Errorf("%+v", b)
	}
	if !r.Mains.Known || r.Mains.Value {
		t.Errorf("mains %+v", r.Mains)
	}
	charge := files{psy + "BAT1/type": "Battery\n", psy + "BAT1/charge_full_design": "5000000\n", psy + "BAT1/charge_full": "4000000\n",
		psy + "BAT1/voltage_min_design": "7600000\n", psy + "BAT1/cycle_count": "0\n", psy + "BAT1/capacity": "100\n"}
	b = readFiles(t, laptop.with(charge)).Battery[0]
	if b.DesignWh.Value != 38 || b.FullWh.Value != 30.4 || b.HealthPct.Value != 80 || b.Cycles.Known || b.Cycles.Why == "" {
		t.Errorf("%+v", b)
	}
}

func TestAbsurdBattery(t *testing.T) {
	for name, f := range map[string]files{
		"nothing":             {},
		"zeros":               {psy + "BAT0/energy_full_design": "0", psy + "BAT0/energy_full": "0"},
		"ACPI unknown":        {psy + "BAT0/energy_full_design": "65535000", psy + "BAT0/energy_full": "4294967295000"},
		"beyond sense":        {psy + "BAT0/energy_full_design": "900000000", psy + "BAT0/energy_full": "45000000"},
		"twice its design":    {psy + "BAT0/energy_full_design": "20000000", psy + "BAT0/energy_full": "45000000"},
		"no numbers":          {psy + "BAT0/energy_full_design": "fifty", psy + "BAT0/energy_full": "-3"},
		"charge, no voltage":  {psy + "BAT0/charge_full_design": "5000000", psy + "BAT0/charge_full": "4000000"},
		"no design":           {psy + "BAT0/energy_full": "45000000"},
		"number out of range": {psy + "BAT0/energy_full_design": "99999999999999999999999", psy + "BAT0/energy_full": "45000000"},
	} {
		f = f.with(files{psy + "BAT0/type": "Battery", psy + "BAT0/cycle_count": "65535", psy + "BAT0/capacity": "255", psy + "BAT0/serial_number": "0", psy + "BAT0/technology": "Unknown"})
		bs := readFiles(t, laptop.with(f)).Battery
		if len(bs) != 1 {
			t.Fatalf("%s: %+v", name, bs)
		}
		if b := bs[0]; b.HealthPct.Known || b.Cycles.Known || b.ChargePct.Known || b.HealthPct.Why == "" || b.Cycles.Why == "" || b.Serial.Known || b.Chemistry.Known {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

func TestMains(t *testing.T) {
	for name, c := range map[string]struct {
		files        files
		known, value bool
	}{
		"plugged in":          {files{psy + "AC/type": "Mains", psy + "AC/online": "1"}, true, true},
		"by USB-C":            {files{psy + "AC/type": "Mains", psy + "AC/online": "0", psy + "ucsi/type": "USB", psy + "ucsi/online": "1"}, true, true},
		"unplugged":           {files{psy + "AC/type": "Mains", psy + "AC/online": "0"}, true, false},
		"battery discharges":  {files{psy + "BAT0/type": "Battery", psy + "BAT0/status": "Discharging"}, true, false},
		"battery charges":     {files{psy + "BAT0/type": "Battery", psy + "BAT0/status": "Charging"}, true, true},
		"battery full":        {files{psy + "BAT0/type": "Battery", psy + "BAT0/status": "Full"}, false, false},
		"nothing is shown":    {files{psy: ""}, false, false},
		"a mouse's battery":   {files{psy + "hid/type": "Battery", psy + "hid/scope": "Device", psy + "hid/status": "Discharging"}, false, false},
		"desktop":             {files{"sys/class/dmi/id/chassis_type": "3", psy: ""}, true, true},
		"desktop, no class":   {files{"sys/class/dmi/id/chassis_type": "3"}, true, true},
		"kind is not known":   {files{"sys/class/dmi/id/chassis_type": "2", psy: ""}, false, false},
		"empty battery place": {files{psy + "BAT1/type": "Battery", psy + "BAT1/present": "0"}, false, false},
	} {
		r := readFiles(t, laptop.with(c.files))
		if r.Mains.Known != c.known || r.Mains.Value != c.value || !c.known && !noted(r, "mains power") {
			t.Errorf("%s: %+v, %q", name, r.Mains, r.Missing)
		}
	}
}

// EDIDs of real panels, with what Xorg and the panels' data sheets say of them.
const (
	edidLGD = "00ffffffffffff0030e451030000000000150103802213780aa9059f5e589c2619505400000001010101010101010101010101010101" +
		"3e1c56a1500016303020350058c2100000190000000000000000000000000000000000000000" + "00fe004c4720446973706c61790a2020000000fe004c503135365748342d5450413100f0"
	edidAUO = "00ffffffffffff0006afb9fe0000000000230104a51e137803c145a855489d240f505400000001010101010101010101010101010101" +
		"188640a0b008527030206500" + "2dbc100000180000000f0000000000000000000000000020000000fd00283c717122010a202020202020000000fc0042313430" + "51414e30382e48200a0179"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDisplays(t *testing.T) {
	const drm = "sys/class/drm/"
	r := readFiles(t, laptop.with(files{
		drm + "card0-eDP-1/status": "connected\n", drm + "card0-eDP-1/edid": string(unhex(t, edidLGD)),
		drm + "card0-DP-2/status": "connected\n", drm + "card0-DP-2/edid": string(unhex(t, edidAUO)) + strings.Repeat("\x00", 128),
		drm + "card0-DP-3/status": "disconnected\n", drm + "card0-DP-3/edid": "",
		drm + "card0-DP-4/status": "connected\n", drm + "card0-DP-4/edid": "",
		drm + "card0/dev": "226:0\n",
	}))
	want := []inspect.Display{{Connector: "DP-2", Maker: "AUO", Model: "B140QAN08.H", Width: 2880, Height: 1800, DiagonalMM: 355, Year: 2025}, // 14.0 in
		{Connector: "eDP-1", Maker: "LGD", Model: "LP156WH4-TPA1", Width: 1366, Height: 768, DiagonalMM: 395, Year: 2011, Internal: true}} // 15.6 in
	if !slices.Equal(r.Displays, want) || !noted(r, "display DP-4") {
		t.Errorf("%+v, missing %q", r.Displays, r.Missing)
	}
	if y := r.Machine.Year; y.Value != 2011 || !strings.Contains(y.Source, "screen") {
		t.Errorf("year %+v", y)
	}
	bad := unhex(t, edidLGD)
	bad[17]++ // the year
	r = readFiles(t, laptop.with(files{drm + "card0-eDP-1/status": "connected\n", drm + "card0-eDP-1/edid": string(bad)}))
	if len(r.Displays) != 1 || r.Displays[0].Problem == "" || !noted(r, "checksum") || r.Machine.Year.Known {
		t.Errorf("a damaged EDID: %+v, year %+v, missing %q", r.Displays, r.Machine.Year, r.Missing)
	}
	if r := readFiles(t, laptop); !noted(r, "built-in display") {
		t.Errorf("a laptop without a display: %q", r.Missing)
	}
}

func TestDamagedEDID(t *testing.T) {
	good := unhex(t, edidLGD)
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 1
		if d, err := parseEDID(bad); err == nil && d.Problem == "" {
			t.Errorf("byte %d changed, and nobody saw it", i)
		}
		if _, err := parseEDID(good[:i]); err == nil {
			t.Errorf("%d bytes are enough", i)
		}
	}
}

func FuzzEDID(f *testing.F) {
	f.Add(unhex(f, edidLGD))
	f.Add(unhex(f, edidAUO))
	f.Add([]byte("\x00\xff\xff\xff\xff\xff\xff\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := parseEDID(raw)
		if err != nil {
			return
		}
		if d.Width < 0 || d.Width > 4095 || d.Height < 0 || d.Height > 4095 || d.Model == "" ||
			strings.ContainsFunc(d.Model+d.Maker+d.Serial, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Fatalf("%+v", d)
		}
	})
}

func TestFirmware(t *testing.T) {
	const vars = "sys/firmware/efi/efivars/"
	const guid = "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	for name, c := range map[string]struct {
		files                       files
		uefi, secure, setup         string
		lockdown, missing, notNoted string
	}{
		"UEFI, Secure Boot on": {files{vars + "SecureBoot" + guid: "\x06\x00\x00\x00\x01", vars + "SetupMode" + guid: "\x06\x00\x00\x00\x00",
			"sys/kernel/security/lockdown": "none [integrity] confidentiality\n"}, "yes", "yes", "no", "integrity", "", "Secure Boot"},
		"UEFI, Secure Boot off, setup mode": {files{vars + "SecureBoot" + guid: "\x06\x00\x00\x00\x00", vars + "SetupMode" + guid: "\x06\x00\x00\x00\x01",
			"sys/kernel/security/lockdown": "[none] integrity confidentiality\n"}, "yes", "no", "yes", "none", "", "Secure Boot"},
		"UEFI, no variables": {files{"sys/firmware/efi/": ""}, "yes", "", "", "", "Secure Boot", ""},
		"a value of its own": {files{vars + "SecureBoot" + guid: "\x06\x00\x00\x00\x07"}, "yes", "", "", "", "Secure Boot", ""},
		"cut short":          {files{vars + "SecureBoot" + guid: "\x06\x00\x00\x00"}, "yes", "", "", "", "Secure Boot", ""},
		"old way":            {files{"sys/firmware/acpi/": ""}, "no", "no", "", "", "kernel lockdown", "Secure Boot"},
		"nothing":            {files{}, "", "", "", "", "UEFI", ""},
	} {
		r := readFiles(t, laptop.with(c.files))
		f := r.Firmware
		if say(f.UEFI) != c.uefi || say(f.SecureBoot) != c.secure || say(f.SetupMode) != c.setup || f.Lockdown.Value != c.lockdown {
			t.Errorf("%s: %+v", name, f)
		}
		if c.missing != "" && !noted(r, c.missing) || c.notNoted != "" && noted(r, c.notNoted) {
			t.Errorf("%s: missing %q", name, r.Missing)
		}
	}
}

func say(f inspect.Fact[bool]) string {
	switch {
	case !f.Known:
		return ""
	case f.Value:
		return "yes"
	}
	return "no"
}

func TestNetwork(t *testing.T) {
	const net, pci = "sys/class/net/", "sys/bus/pci/devices/"
	r := readFiles(t, laptop.with(files{
		net + "eth0/type": "1\n", net + "eth0/address": "8c:16:45:aa:bb:cc\n", net + "eth0/addr_assign_type": "0\n",
		net + "wlan0/type": "1\n", net + "wlan0/phy80211/index": "0\n", net + "wlan0/address": "00:00:00:00:00:00\n", net + "wlan0/addr_assign_type": "0\n",
		net + "wwan0/type": "65534\n", net + "wwan0/uevent": "DEVTYPE=wwan\n",
		net + "can0/type":          "280\n",
		net + "lo/type":            "772\n",
		pci + "0000:00:1f.6/class": "0x020000\n", pci + "0000:00:1f.6/driver/bind": "", // eth0, driven
		pci + "0000:3a:00.0/class": "0x028000\n", pci + "0000:3b:00.0/class": "0x020000\n", pci + "0000:3c:00.0/class": "0x010802\n",
	}))
	want := []inspect.NIC{{Name: "eth0", MAC: "8c:16:45:aa:bb:cc", Kind: "ethernet"}, {Name: "wlan0", Kind: "wifi"}, {Name: "wwan0", Kind: "wwan"},
		{Name: "pci 0000:3a:00.0", Kind: "wifi"}, {Name: "pci 0000:3b:00.0", Kind: "ethernet"}}
	if !slices.Equal(r.Network, want) {
		t.Errorf("%+v", r.Network)
	}
}

// This machine, whatever it is: nothing fails, nothing hangs, no text is raw.
func TestThisMachine(t *testing.T) {
	r := &inspect.Report{}
	start := time.Now()
	Read(t.Context(), Machine{Tree: tree.At(""), AMT: mei.Ask}, r)
	if took := time.Since(start); took > powerWait+5*time.Second {
		t.Errorf("it took %s", took)
	}
	if !r.CPU.Model.Known || r.CPU.Model.Value == "" || !r.Memory.Bytes.Known || r.Memory.Bytes.Value < 256<<20 {
		t.Errorf("cpu %+v, memory %+v", r.CPU, r.Memory.Bytes)
	}
}

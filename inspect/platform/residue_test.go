package platform

import (
	"archive/zip"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/mei"
)

// efivars of a real firmware (OVMF) with entries that somebody added, as u-root's
// module carries them.
func efivars(t testing.TB) files {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/u-root/u-root").Output()
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(out)), "pkg/uefivars/testdata/sys_fw_efivarfs.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	all := files{}
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[efiVars+path.Base(f.Name)] = string(b)
	}
	return all
}

func residueOf(t *testing.T, f files, item string, own ...string) inspect.Residue {
	t.Helper()
	report := &inspect.Report{}
	m := at(f.write(t))
	m.Own = own
	Read(t.Context(), m, report)
	for _, r := range report.Residue {
		if strings.HasPrefix(r.Item, item) {
			if r.Evidence == "" {
				t.Errorf("%+v says nothing", r)
			}
			return r
		}
	}
	t.Fatalf("%q was not looked for", item)
	return inspect.Residue{}
}

func TestResidue(t *testing.T) {
	table := machineOf(t, "Lenovo-ThinkPad-T480.bin")
	vars := files{efiVars + "SecureBoot" + globalVariable: "\x06\x00\x00\x00\x01"}
	acpi := files{"sys/firmware/acpi/tables/DSDT": "DSDT"}
	const absoluteLenovo = "sys/class/firmware-attributes/thinklmi/attributes/AbsolutePersistenceModuleActivation/current_value"
	const auth = "sys/class/firmware-attributes/thinklmi/authentication/Admin/"
	for name, c := range map[string]struct {
		files       files
		item, state string
	}{
		"nothing was read":      {laptop, "boot entries", inspect.ResidueUnknown},
		"started the old way":   {laptop.with(acpi), "boot entries", inspect.ResidueUnknown},
		"no entries":            {laptop.with(vars), "boot entries", inspect.ResidueAbsent},
		"Windows was here":      {laptop.with(vars).with(files{efiVars + "UnlockIDCopy-eaec226f-c9a3-477a-a826-ddc716cdc0e3": "x"}), "EFI variables of", inspect.ResiduePresent},
		"nobody knows what":     {laptop.with(vars).with(files{efiVars + "Kernel_SiStatus-77fa9abd-0359-4d32-bd60-28f4e78f784b": "x"}), "EFI variables of", inspect.ResidueUnknown},
		"a policy alone":        {laptop.with(vars).with(files{efiVars + "CurrentPolicy-77fa9abd-0359-4d32-bd60-28f4e78f784b": "x"}), "EFI variables of", inspect.ResidueAbsent},
		"Windows was not":       {laptop.with(vars), "EFI variables of", inspect.ResidueAbsent},
		"no asset tag":          {table, "asset tag", inspect.ResidueAbsent},
		"an asset tag":          {laptop.with(files{"sys/class/dmi/id/chassis_asset_tag": "DEF-048213\n"}), "asset tag", inspect.ResiduePresent},
		"no table":              {laptop, "asset tag", inspect.ResidueUnknown},
		"a program for Windows": {laptop.with(acpi).with(files{"sys/firmware/acpi/tables/WPBT": "WPBT"}), "program", inspect.ResiduePresent},
		"no program":            {laptop.with(acpi), "program", inspect.ResidueAbsent},
		"ACPI not read":         {laptop, "program", inspect.ResidueUnknown},
		"Absolute is on":        {laptop.with(files{absoluteLenovo: "Enable\n"}), "Absolute", inspect.ResidueUnknown},
		"Absolute is off":       {laptop.with(files{absoluteLenovo: "Disable\n"}), "Absolute", inspect.ResidueAbsent},
		"Absolute is off for ever": {laptop.with(files{"sys/class/firmware-attributes/dell-wmi-sysman/attributes/Absolute/current_value": "PermanentlyDisabled\n"}),
			"Absolute", inspect.ResidueAbsent},
		"no such setting":        {laptop.with(files{auth + "role": "bios-admin\n"}), "Absolute", inspect.ResidueUnknown},
		"no settings":            {laptop, "Absolute", inspect.ResidueUnknown},
		"a management engine":    {laptop.with(files{"sys/bus/pci/devices/0000:00:16.0/class": "0x078000", "sys/bus/pci/devices/0000:00:16.0/vendor": "0x8086"}), "provisioning", inspect.ResidueUnknown},
		"a modem":                {laptop.with(files{"sys/class/net/wwan0/type": "65534", "sys/class/net/wwan0/uevent": "DEVTYPE=wwan"}), "SIM", inspect.ResidueUnknown},
		"no modem":               {laptop.with(emptyBuses), "SIM", inspect.ResidueAbsent},
		"a fingerprint reader":   {laptop.with(emptyBuses).with(usbInterface("1-9", "06cb", "ff", "00", "00")), "fingerprints", inspect.ResidueUnknown},
		"no fingerprint reader":  {laptop.with(emptyBuses), "fingerprints", inspect.ResidueAbsent},
		"an administrator's":     {laptop.with(files{auth + "role": "bios-admin\n", auth + "is_enabled": "1\n"}), "firmware password", inspect.ResiduePresent},
		"nobody says":            {laptop, "firmware password", inspect.ResidueUnknown},
		"an unreadable password": {laptop.with(files{auth + "role": "bios-admin\n", auth + "is_enabled": "maybe\n"}), "firmware password", inspect.ResidueUnknown},
	} {
		if r := residueOf(t, c.files, c.item); r.State != c.state {
			t.Errorf("%s: %+v, want %s", name, r, c.state)
		}
	}
}

func TestProvisioning(t *testing.T) {
	for state, answers := range map[string][]struct {
		mode mei.Mode
		err  error
	}{
		inspect.ResidueAbsent:  {{mei.Unknown, mei.ErrNoAMT}, {mei.Unprovisioned, nil}},
		inspect.ResiduePresent: {{mei.ClientControl, nil}, {mei.AdminControl, nil}},
		inspect.ResidueUnknown: {{mei.Unknown, mei.ErrNoDevice}, {mei.Unknown, nil}, {mei.AdminControl, io.ErrUnexpectedEOF}, {mei.Mode(9), nil}},
	} {
		for _, a := range answers {
			if got, evidence := provisioning(a.mode, a.err); got != state || evidence == "" {
				t.Errorf("%+v: %s, %q, want %s", a, got, evidence, state)
			}
		}
	}
}

// SMBIOS type 24 (7.25) with each status in its place, as dmidecode prints them.
func TestFirmwarePasswords(t *testing.T) {
	for settings, want := range map[string][2]string{ // at 04h: power-on, administrator
		"\x00": {"no", "no"}, "\x40": {"yes", "no"}, "\x04": {"no", "yes"}, "\x44": {"yes", "yes"}, "\x88": {"", ""}, "\xcc": {"", ""}, "\x11": {"no", "no"},
	} {
		f := machineOf(t, "Lenovo-ThinkPad-T480.bin")
		f["sys/firmware/dmi/tables/DMI"] = "\x18\x05\x18\x00" + settings + "\x00\x00" + "\x7f\x04\xff\xfe\x00\x00"
		firmware := readFiles(t, f).Firmware
		if got := [2]string{say(firmware.PowerOnPassword), say(firmware.AdminPassword)}; got != want {
			t.Errorf("%x: %q, want %q", settings, got, want)
		}
	}
}

func FuzzLoadOption(f *testing.F) {
	seeds := 0
	for name, b := range efivars(f) {
		if isBootEntry(strings.TrimSuffix(path.Base(name), globalVariable)) {
			f.Add([]byte(b[4:]))
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := parseLoadOption(raw)
		if err == nil && (o.name == "" || strings.ContainsFunc(o.name, func(c rune) bool { return c < ' ' || c > '~' })) {
			t.Fatalf("%+v", o)
		}
	})
}

package modules

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"handback.example/image/modules/index"
	"handback.example/image/packages"
)

// kernelTree is the unpacked package of the lock, or of the candidate that took its
// place; it is downloaded once and kept.
func kernelTree(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	s := packages.Source{Cache: filepath.Join(cache, "handback", "packages"), Say: func(s string) { t.Log(s) }}
	d, err := s.Get(t.Context(), packages.Kernel)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := s.Unpack(t.Context(), d, PackageFiles...)
	if err != nil {
		t.Fatal(err)
	}
	m, err := filepath.Glob(filepath.Join(dir, "lib/modules/*"))
	if err != nil || len(m) != 1 {
		t.Fatalf("kernels: %q, %v", m, err)
	}
	return m[0]
}

// The image's modules, chosen from Debian's kernel.
func TestChoose(t *testing.T) {
	c, err := Choose(kernelTree(t))
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for i, f := range c.Files {
		st, err := os.Stat(f.From)
		if err != nil {
			t.Fatal(err)
		}
		size += st.Size()
		if want := "/lib/modules/" + c.Version + "/kernel/"; !strings.HasPrefix(f.To, want) || i > 0 && c.Files[i-1].To >= f.To {
			t.Errorf("%s is in the wrong place", f.To)
		}
		checkAllowed(t, strings.TrimPrefix(f.To, "/lib/modules/"+c.Version+"/kernel/"))
	}
	t.Logf("%d modules, %.1f MB, index %d kB", len(c.Files), float64(size)/1e6, len(c.Index.Marshal())/1000)
	checkDevices(t, c.Index)
	checkByName(t, c.Index)
	checkSenses(t, c.Index)
	checkSound(t, c.Index)
	for _, m := range c.Index.Modules() {
		steps, err := c.Index.Order(m.Name)
		if err != nil || len(steps) == 0 {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
	again, err := index.Parse(c.Index.Marshal())
	if err != nil || string(again.Marshal()) != string(c.Index.Marshal()) {
		t.Errorf("the index as PID 1 reads it: %v", err)
	}
}

// What sees, hears or sends in a laptop is driven by nothing that a device loads, whatever
// the settings say: no picture and no recording can be made, and no radio is on.
func checkSenses(t *testing.T, x *index.Index) {
	t.Helper()
	for what, alias := range map[string]string{
		"camera (USB video class)":       "usb:v0BDAp5520d5211dcEFdsc02dp01ic0Eisc01ip00in00",
		"image processor (Intel IPU6)":   "pci:v00008086d00009A19sv000017AAsd00005105bc04sc80i00",
		"sound (Intel HD Audio)":         "pci:v00008086d00009D71sv000017AAsd00002258bc04sc03i00",
		"headset (USB audio class)":      "usb:v046Dp0A44d0105dc00dsc00dp00ic01isc01ip00in00",
		"Wi-Fi (Intel 8265)":             "pci:v00008086d000024FDsv00008086sd00000010bc02sc80i00",
		"Wi-Fi (Qualcomm QCA6174)":       "pci:v0000168Cd0000003Esv00001A56sd0000143Abc02sc80i00",
		"Bluetooth (USB)":                "usb:v8087p0A2Bd0010dcE0dsc01dp01icE0isc01ip01in00",
		"mobile modem (Fibocom, USB)":    "usb:v2CB7p0007d0333dcEFdsc02dp01ic02isc0Eip00in00",
		"mobile modem (Quectel, PCI)":    "pci:v00001EACd00001001sv00001EACsd00001001bc0Dsc40i00",
		"fingerprint reader (no driver)": "usb:v06CBp009Ad0164dcFFdsc10dpFFicFFisc00ip00in00",
	} {
		if got := x.Match(alias); len(got) > 0 {
			t.Errorf("%s: %s loads %q", what, alias, got)
		}
	}
}

// No adapter and no drive on a network is driven by what the image brings, unless
// somebody asks for the driver by its name.
func checkByName(t *testing.T, x *index.Index) {
	t.Helper()
	for _, name := range []string{"e1000e", "nvme_tcp"} {
		steps, err := x.Order(name)
		if err != nil || steps[len(steps)-1].Name != name {
			t.Errorf("%s by its name: %v, %v", name, steps, err)
		}
	}
	network := map[string]bool{}
	for _, m := range x.Modules() {
		if strings.Contains(m.Path, "/net/") || strings.Contains(m.Name, "nvme_tcp") || strings.Contains(m.Name, "fabrics") {
			network[m.Name] = true
			if len(m.Aliases) > 0 {
				t.Errorf("%s is loaded for %q", m.Name, m.Aliases)
			}
		}
	}
	if len(network) != 3 {
		t.Errorf("modules for the network: %v, want e1000e, nvme_tcp, nvme_fabrics", network)
	}
	for _, m := range x.Modules() {
		steps, err := x.Order(m.Name)
		if err != nil {
			t.Error(err)
		}
		for _, s := range steps {
			if network[s.Name] && !network[m.Name] {
				t.Errorf("%s brings %s along", m.Name, s.Name)
			}
		}
	}
	for _, alias := range []string{
		"pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00", // 82574L, QEMU's e1000e
		"pci:v00008086d000015BEsv000017AAsd00002258bc02sc00i00", // I219-LM
	} {
		if got := x.Match(alias); len(got) > 0 {
			t.Errorf("%s loads %q", alias, got)
		}
	}
}

// No sound card is driven unless somebody asks for its driver by its name: a codec is
// looked for behind that driver alone.
func checkSound(t *testing.T, x *index.Index) {
	t.Helper()
	if steps, err := x.Order("snd_hda_intel"); err != nil || steps[len(steps)-1].Name != "snd_hda_intel" {
		t.Errorf("snd_hda_intel by its name: %v, %v", steps, err)
	}
	isSound := func(path string) bool { return strings.Contains(path, "/sound/") }
	for _, m := range x.Modules() {
		if !isSound(m.Path) {
			steps, err := x.Order(m.Name)
			if err != nil || slices.ContainsFunc(steps, func(s index.Step) bool { return isSound(s.Path) }) {
				t.Errorf("%s brings sound along: %v", m.Name, err)
			}
			continue
		}
		for _, a := range m.Aliases {
			if !strings.HasPrefix(a, "hdaudio:") && !strings.HasPrefix(a, "char_major_") && !strings.HasPrefix(a, "devname:") { // a codec's, and files that are not there
				t.Errorf("%s is loaded for %q", m.Name, a)
			}
		}
	}
	if got := x.Match("hdaudio:v10EC0257r00100001a01"); !slices.Contains(got, "snd_hda_codec_realtek") { // ALC257
		t.Errorf("a codec behind the driver loads %q", got)
	}
}

// Nothing may start on the machine's own drives, and nothing speaks to a network.
func checkAllowed(t *testing.T, file string) {
	t.Helper()
	if file == "drivers/net/ethernet/intel/e1000e/e1000e.ko" {
		return // by name only: checkByName
	}
	for _, bad := range []string{"net/", "drivers/net/", "drivers/md/", "drivers/gpu/", "drivers/media/", "drivers/bluetooth/", "sound/soc/", "sound/usb/", "sound/firewire/", "sound/drivers/", "drivers/target/", "drivers/block/loop"} {
		if strings.HasPrefix(file, bad) {
			t.Errorf("%s is in the image", file)
		}
	}
	if rest, ok := strings.CutPrefix(file, "fs/"); ok {
		dir, _, _ := strings.Cut(rest, "/")
		if !slices.Contains([]string{"fat", "exfat", "nls", "efivarfs"}, dir) {
			t.Errorf("%s is in the image", file)
		}
	}
}

// checkDevices asks the index for devices by modaliases as sysfs shows them; vendor
// and device are those of real ones.
func checkDevices(t *testing.T, x *index.Index) {
	t.Helper()
	for alias, want := range map[string]string{
		"pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i02": "nvme",     // Samsung PM981
		"pci:v00008086d00009A0Bsv00000000sd00000000bc01sc04i00": "vmd",      // Intel VMD, 11th generation
		"pci:v00008086d00009D03sv0000103Csd00008079bc01sc06i01": "ahci",     // Sunrise Point-LP
		"pci:v00008086d00001C00sv00001028sd00000494bc01sc01i8A": "ata_piix", // Cougar Point, IDE mode
		"pci:v00001000d000000AFsv00001028sd00001F46bc01sc07i00": "mpt3sas",  // SAS3408
		"pci:v00001000d0000005Dsv00001028sd00001F42bc01sc04i00": "megaraid_sas",
		"pci:v00001B21d00002142sv00001458sd00005007bc0Csc03i30": "xhci_pci",  // ASM2142
		"pci:v00008086d00001C26sv00001028sd00000494bc0Csc03i20": "ehci_pci",  // Cougar Point
		"pci:v00001022d00007807sv00001022sd00007807bc0Csc03i10": "ohci_pci",  // FCH
		"pci:v00008086d000027C8sv000017AAsd0000200Abc0Csc03i00": "uhci_hcd",  // NM10/ICH7
		"pci:v00008086d00005ACCsv00008086sd00007270bc08sc05i01": "sdhci_pci", // Apollo Lake eMMC
		"pci:v000010ECd0000522Asv000017AAsd00002258bcFFsc00i00": "rtsx_pci",  // RTS522A
		"pci:v00008086d00009D60sv000017AAsd00002258bc11sc80i00": "intel_lpss_pci",
		"pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00": "virtio_pci",
		"virtio:d00000002v00001AF4":                             "virtio_blk",
		"virtio:d00000008v00001AF4":                             "virtio_scsi",
		"usb:v0781p5583d0100dc00dsc00dp00ic08isc06ip50in00":     "usb_storage", // SanDisk Ultra Fit
		"usb:v174Cp55AAd0100dc00dsc00dp00ic08isc06ip62in00":     "uas",         // ASM1153E
		"usb:v046DpC31Cd6402dc00dsc00dp00ic03isc01ip01in00":     "usbhid",      // Logitech K120
		"hid:b0003g0001v0000046Dp0000C31C":                      "hid_generic",
		"hid:b0018g0004v000004F3p00003140":                      "hid_multitouch",
		"acpi:MSFT0001:PNP0C50:":                                "i2c_hid_acpi",
		"acpi:INT33BB:80860F14:":                                "sdhci_acpi",
		"acpi:ACPI0003:":                                        "ac",
		"acpi:PNP0C0A:":                                         "battery",
		"acpi:PNP0C0C:":                                         "button",
		"acpi:IFX0102:PNP0C31:":                                 "tpm_infineon",
		"pci:v00001022d0000144Bsv00000000sd00000000bc06sc00i00": "k10temp", // Renoir
		// Word and bit of CPUID features (cpufeatures.h): 14*32+0 is DTHERM, 14*32+6 PTS.
		"cpu:type:x86,ven0000fam0006mod008E:feature:,0000,0001,01C0,01C1,01C6,01C7": "coretemp", // Whiskey Lake
		"cpu:type:x86,ven0000fam0006mod009E:feature:,0000,0001,01C0,01C6":           "x86_pkg_temp_thermal",
		"mmc:block":   "mmc_block",
		"scsi:t-0x00": "sd_mod",
	} {
		if got := x.Match(alias); !slices.Contains(got, want) {
			t.Errorf("%s: %q, want %s", alias, got, want)
		}
	}
	for ask, want := range map[string]string{
		"fs-vfat": "vfat", "fs-exfat": "exfat", "nls_cp437": "nls_cp437", "nls_ascii": "nls_ascii", "sg": "sg", "efivarfs": "efivarfs", "crypto-crct10dif": "crct10dif_generic",
	} {
		if got := x.Resolve(ask); !slices.Contains(got, want) {
			t.Errorf("request for %s: %q, want %s", ask, got, want)
		}
	}
	for _, ask := range []string{"fs-ext4", "fs-ntfs3", "net-pf-17", "md-raid1", "pci:v00008086d000015BEsv00008086sd00000000bc02sc00i00"} {
		if got := x.Resolve(ask); len(got) != 0 {
			t.Errorf("request for %s loads %q", ask, got)
		}
	}
}

// A real .modinfo of Debian's kernel 6.1 (crc-t10dif.ko, uas.ko; shortened).
const (
	modinfoCRC = "softdep=pre: crct10dif\x00license=GPL\x00description=T10 DIF CRC calculation (library API)\x00depends=crct10dif_common\x00retpoline=Y\x00intree=Y\x00name=crc_t10dif\x00vermagic=6.1.0-56-amd64 SMP preempt mod_unload modversions \x00"
	modinfoUAS = "author=Hans de Goede\x00import_ns=USB_STORAGE\x00license=GPL\x00alias=usb:v*p*d*dc*dsc*dp*ic08isc06ip62in*\x00alias=usb:v*p*d*dc*dsc*dp*ic08isc06ip50in*\x00depends=usb-storage,scsi_mod,usbcore,scsi_common\x00name=uas\x00vermagic=6.1.0-56-amd64 SMP preempt mod_unload modversions \x00"
)

func TestParseModinfo(t *testing.T) {
	i := parseModinfo([]byte(modinfoCRC))
	if i.Name != "crc_t10dif" || strings.Join(i.Needs, " ") != "crct10dif_common" || strings.Join(i.Before, " ") != "crct10dif" || len(i.After)+len(i.Aliases) != 0 || !strings.HasPrefix(i.Magic, "6.1.0-56-amd64 ") {
		t.Errorf("crc-t10dif: %+v", i)
	}
	i = parseModinfo([]byte(modinfoUAS))
	if strings.Join(i.Needs, " ") != "usb-storage scsi_mod usbcore scsi_common" || len(i.Aliases) != 2 || i.Aliases[0] != "usb:v*p*d*dc*dsc*dp*ic08isc06ip62in*" {
		t.Errorf("uas: %+v", i)
	}
	i = parseModinfo([]byte("softdep=pre: a b post: c\x00softdep=post: d\x00softdep=e pre:\x00depends=\x00firmware=x/y.bin"))
	if strings.Join(i.Before, " ") != "a b" || strings.Join(i.After, " ") != "c d" || i.Needs != nil || len(i.Firmware) != 1 {
		t.Errorf("soft dependencies: %+v", i)
	}
}

func FuzzParseModinfo(f *testing.F) {
	f.Add([]byte(modinfoCRC))
	f.Add([]byte("softdep=pre: a post:\x00depends=,,\x00alias"))
	f.Fuzz(func(t *testing.T, b []byte) {
		i := parseModinfo(b)
		for _, n := range slices.Concat(i.Needs, i.Before, i.After) {
			if n == "" || strings.ContainsAny(n, "\x00") {
				t.Errorf("name %q", n)
			}
		}
	})
}

// fakeTree is a folder of a kernel whose files are no modules or lack something.
func fakeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "6.1")
	files["modules.builtin"] += "kernel/drivers/tty/serial/8250/8250.ko\n"
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestChooseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		set   string
		files map[string]string
		want  string
	}{
		"no such module":    {"drivers/nvme/host/nvme\n", map[string]string{"kernel/x": ""}, "has no module drivers/nvme/host/nvme"},
		"no such exception": {"-drivers/ata/pata_legacy\n", map[string]string{"kernel/x": ""}, "has no module drivers/ata/pata_legacy"},
		"bad pattern":       {"drivers/[\n", map[string]string{"kernel/x": ""}, "syntax error in pattern"},
		"not signed":        {"", map[string]string{"kernel/a.ko": "\x7fELF"}, "is not signed"},
		"not ELF":           {"", map[string]string{"kernel/a.ko": "text" + signed}, "a.ko"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ChooseSet(fakeTree(t, c.files), c.set); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
	if c, err := ChooseSet(fakeTree(t, map[string]string{"kernel/x": ""}), "drivers/tty/serial/8250/8250\n"); err != nil || len(c.Files) != 0 {
		t.Errorf("built in: %+v, %v", c, err)
	}
	if _, err := ChooseSet(t.TempDir(), ""); err == nil {
		t.Error("a folder that is no kernel's was taken")
	}
}

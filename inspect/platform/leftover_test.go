package platform

import (
	"crypto/sha256"
	"fmt"
	"path"
	"strings"
	"testing"

	"handback.example/inspect"
)

// Boot0007, 0008 and 0009 lead to files; 000A too, and BootCurrent names it. The
// firmware's own lead to devices.
func TestBootEntries(t *testing.T) {
	vars := efivars(t)
	r := residueOf(t, laptop.with(vars), "boot entries")
	if r.State != inspect.ResiduePresent || r.Evidence != "3: 'edge_boot', 'lshell', 'edge_boot'" {
		t.Errorf("%+v", r)
	}
	if got := removable(r); got != "boot-entry Boot0007-8be4df61-93ca-11d2-aa0d-00e098032b8c edge_boot, boot-entry Boot0008-8be4df61-93ca-11d2-aa0d-00e098032b8c lshell, boot-entry Boot0009-8be4df61-93ca-11d2-aa0d-00e098032b8c edge_boot" {
		t.Error(got)
	}
	for _, l := range r.Removable {
		if want := fmt.Sprintf("%x", sha256.Sum256([]byte(vars[efiVars+l.Name]))); l.SHA256 != want {
			t.Errorf("%s: %s, not %s", l.Name, l.SHA256, want)
		}
	}
	for name := range vars {
		for _, added := range []string{"Boot0007", "Boot0008", "Boot0009", "Boot000A"} {
			if strings.HasPrefix(path.Base(name), added) {
				delete(vars, name)
			}
		}
	}
	if r := residueOf(t, laptop.with(vars), "boot entries"); r.State != inspect.ResidueAbsent {
		t.Errorf("%+v", r)
	}
	vars[efiVars+"Boot0007"+globalVariable] = "\x07\x00\x00\x00\x01\x00\x00\x00\xff\xff"
	if r := residueOf(t, laptop.with(vars), "boot entries"); r.State != inspect.ResidueUnknown {
		t.Errorf("a damaged entry: %+v", r)
	}
}

// What leads to a file, and is not to be removed for all that.
func TestBootEntriesThatStay(t *testing.T) {
	const ours = "64636261-6665-6867-696a-6b6c6d6e6f70" // 'abcdefghijklmnop', as a GUID is written
	vars := efivars(t)
	menu := vars[efiVars+"Boot0008"+globalVariable]
	vars[efiVars+"Boot0008"+globalVariable] = menu[:5] + "\x01" + menu[6:] // its category
	if r := residueOf(t, laptop.with(vars), "boot entries"); r.Evidence != "2: 'edge_boot', 'edge_boot'" || len(r.Removable) != 2 {
		t.Errorf("a program of the firmware's menu: %+v", r)
	}
	if r := residueOf(t, laptop.with(vars), "tools of the firmware's boot menu"); r.State != inspect.ResiduePresent || !strings.HasPrefix(r.Evidence, "1: 'lshell': they stay") || len(r.Removable) != 0 {
		t.Errorf("a program of the firmware's menu: %+v", r)
	}
	vars[efiVars+"Boot0008"+globalVariable] = "\x07\x00\x00\x00" + loadOptionOf("stick")
	if r := residueOf(t, laptop.with(vars), "boot entries", ours); len(r.Removable) != 2 || strings.Contains(r.Evidence, "stick") {
		t.Errorf("our own medium: %+v", r)
	}
	if r := residueOf(t, laptop.with(vars), "boot entries", strings.Replace(ours, "70", "71", 1)); len(r.Removable) != 3 {
		t.Errorf("another medium: %+v", r)
	}
	delete(vars, efiVars+"BootCurrent"+globalVariable)
	if r := residueOf(t, laptop.with(vars), "boot entries"); r.State != inspect.ResiduePresent || len(r.Removable) != 0 {
		t.Errorf("it is not known which one is ours: %+v", r)
	}
}

// removable in words, in their order.
func removable(r inspect.Residue) string {
	var all []string
	for _, l := range r.Removable {
		all = append(all, l.Kind+" "+l.Name+" "+l.What)
	}
	return strings.Join(all, ", ")
}

// Of all variables of a machine those alone may be removed that a system is known to
// have written: no key, no setting, nothing that is not known.
func TestSystemVariables(t *testing.T) {
	vars := files{}
	for _, name := range []string{
		"OfflineUniqueIDEKPub-eaec226f-c9a3-477a-a826-ddc716cdc0e3", "UnlockIDCopy-eaec226f-c9a3-477a-a826-ddc716cdc0e3", "UnlockID-eaec226f-c9a3-477a-a826-ddc716cdc0e3",
		"Kernel_Lsa_Ppl_Config-77fa9abd-0359-4d32-bd60-28f4e78f784b", "WindowsBootChainSvn-77fa9abd-0359-4d32-bd60-28f4e78f784b", "CurrentPolicy-77fa9abd-0359-4d32-bd60-28f4e78f784b",
		"LoaderSystemToken-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", "LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", "LoaderSystemToken-8be4df61-93ca-11d2-aa0d-00e098032b8c",
		"dump-type0-1-1-1764124800-D-cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0", "current-network-36c28ab5-6566-4c50-9ebd-cbb920f83843",
		"dump-type0-\xed\xa0\x80-cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0", // a lone surrogate, as efivarfs writes it
		"PK-8be4df61-93ca-11d2-aa0d-00e098032b8c", "KEK-8be4df61-93ca-11d2-aa0d-00e098032b8c", "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f", "dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f",
		"Setup-ec87d643-eba4-4bb5-a1e5-3f3e36b20da9", "MokList-605dab50-e046-4300-abb6-3dd810dd8b23", "UnlockIDCopy",
	} {
		vars[efiVars+name] = "\x07\x00\x00\x00" + name
	}
	r := residueOf(t, laptop.with(vars), "EFI variables of")
	if r.State != inspect.ResiduePresent || r.Evidence != "3 of Windows, 3 of Linux, 1 of macOS; 1 more in Windows' name, and what they are is not known" {
		t.Errorf("%+v", r)
	}
	want := "variable Kernel_Lsa_Ppl_Config-77fa9abd-0359-4d32-bd60-28f4e78f784b Kernel_Lsa_Ppl_Config (Windows), " +
		"variable LoaderSystemToken-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f LoaderSystemToken (Linux), " +
		"variable OfflineUniqueIDEKPub-eaec226f-c9a3-477a-a826-ddc716cdc0e3 OfflineUniqueIDEKPub (Windows), " +
		"variable UnlockIDCopy-eaec226f-c9a3-477a-a826-ddc716cdc0e3 UnlockIDCopy (Windows), " +
		"variable current-network-36c28ab5-6566-4c50-9ebd-cbb920f83843 current-network (macOS), " +
		"variable dump-type0-1-1-1764124800-D-cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0 dump-type0-1-1-1764124800-D (Linux)"
	if got := removable(r); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// The firmware's own setting goes before its table, which follows at the next start.
func TestAssetTag(t *testing.T) {
	const dell, hp = "sys/class/firmware-attributes/dell-wmi-sysman/", "sys/class/firmware-attributes/hp-bioscfg/"
	setting := files{dell + "attributes/Asset/type": "string\n", dell + "attributes/Asset/current_value": "DEF-048213\n",
		"sys/class/dmi/id/chassis_asset_tag": "DEF-048213\n"}
	guard := files{dell + "authentication/Admin/role": "bios-admin\n", dell + "authentication/Admin/is_enabled": "1\n"}
	for name, c := range map[string]struct {
		files                      files
		state, evidence, removable string
	}{
		"a setting":    {setting, inspect.ResiduePresent, "'DEF-048213'", "asset-tag dell-wmi-sysman/Asset DEF-048213"},
		"an empty one": {setting.with(files{dell + "attributes/Asset/current_value": "\n"}), inspect.ResidueAbsent, "the setting 'dell-wmi-sysman/Asset' is empty", ""},
		"a password":   {setting.with(guard), inspect.ResiduePresent, "'DEF-048213', behind an administrator's password: clear it in the firmware's set-up", ""},
		"no text":      {setting.with(files{dell + "attributes/Asset/type": "enumeration\n"}), inspect.ResiduePresent, "'DEF-048213': clear it in the firmware's set-up", ""},
		"HP": {files{hp + "attributes/Asset Tracking Number/type": "string\n", hp + "attributes/Asset Tracking Number/current_value": "DEF-7"},
			inspect.ResiduePresent, "'DEF-7'", "asset-tag hp-bioscfg/Asset Tracking Number DEF-7"},
	} {
		r := residueOf(t, laptop.with(c.files), "asset tag")
		if got := removable(r); r.State != c.state || r.Evidence != c.evidence || got != c.removable {
			t.Errorf("%s: %+v, %q", name, r, got)
		}
	}
}

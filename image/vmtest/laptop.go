package vmtest

import (
	"os"
	"path/filepath"
)

// laptop is what the virtual machine says it is, by SMBIOS: a demonstration
// notebook. QEMU sets no chassis type, so that structure comes as bytes; without
// the file the chassis is QEMU's own ('Other'), which costs the demonstration
// nothing.
func laptop(assetTag, dir string) []string {
	a := []string{
		"-smbios", "type=1,manufacturer=Example Computers,product=Notebook 14,version=1,serial=EX14-000412,sku=EX14,family=Notebook,uuid=4c4c4544-0030-3431-8032-b4c04f303431",
		"-smbios", "type=2,manufacturer=Example Computers,product=EX14-MB,version=1,serial=EX14MB-000412",
	}
	chassis := filepath.Join(dir, "chassis.bin")
	if os.WriteFile(chassis, chassisTable(assetTag), 0o600) == nil {
		a = append(a, "-smbios", "file="+escape(chassis))
	}
	return a
}

// chassisTable is an SMBIOS type 3 structure (DSP0134 clause 7.4) with its strings.
func chassisTable(assetTag string) []byte {
	const (
		typeChassis = 3
		length      = 0x16 // through SKU Number, SMBIOS 2.7
		notebook    = 0x0A // Table 17: 0Ah Notebook
		safe        = 3    // Table 19
		noSecurity  = 3    // Table 20: 03h None
	)
	assetTag = clean(assetTag)
	tag := byte(0) // string number 0: there is none
	if assetTag != "" {
		tag = 3
	}
	b := []byte{
		typeChassis, length, 0x00, 0x03, // handle 0300h, to which QEMU's baseboard points
		1, notebook, 0, 2, tag,
		safe, safe, safe, noSecurity,
		0, 0, 0, 0, // OEM-defined
		0, 1, 0, 0, 0, // height unspecified, one power cord, no contained elements, no SKU
	}
	for _, s := range []string{"Example Computers", "EX14-000412", assetTag} {
		if s != "" {
			b = append(append(b, s...), 0)
		}
	}
	return append(b, 0)
}

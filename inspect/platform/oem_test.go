package platform

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Structures as QEMU 7.2 writes them for two '-smbios type=11,value=...', with one
// of another type between, one string that is not plain, and one more than the
// count says.
const oemTable = "\x01\x05\x00\x01\x01QEMU\x00\x00" +
	"\x0b\x05\x00\x0e\x03handback-test:nvme-tcp=10.0.2.2:4420\x00b\xffd\x00second\x00not counted\x00\x00" +
	"\x0b\x05\x01\x0e\x01third\x00\x00" +
	"\x7f\x04\x00\x7f\x00\x00"

func TestOEMStrings(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "sys/firmware/dmi/tables")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if all, err := OEMStrings(root); err == nil || all != nil {
		t.Errorf("without a table: %q, %v", all, err)
	}
	write := func(table string) {
		if err := os.WriteFile(filepath.Join(dir, "DMI"), []byte(table), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(oemTable)
	want := []string{"handback-test:nvme-tcp=10.0.2.2:4420", "second", "third"}
	if all, err := OEMStrings(root); err != nil || !slices.Equal(all, want) {
		t.Errorf("%q, %v", all, err)
	}
	write(oemTable[:len(oemTable)-12]) // in the last one's strings
	if all, err := OEMStrings(root); err == nil || !slices.Equal(all, want[:2]) {
		t.Errorf("of a damaged table: %q, %v", all, err)
	}
}

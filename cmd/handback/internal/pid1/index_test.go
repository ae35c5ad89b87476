package pid1

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const someModules = `handback-modules 1 /lib/modules/6.1
crct10dif_common kernel/crypto/crct10dif_common.ko
crct10dif_pclmul kernel/arch/x86/crypto/crct10dif-pclmul.ko
=crct10dif
crc_t10dif kernel/lib/crc-t10dif.ko
+crct10dif_common
<crct10dif_pclmul
nvme kernel/drivers/nvme/host/nvme.ko
+crc_t10dif
=pci:v*d*sv*sd*bc01sc08i02*
`

func someIndex(t *testing.T) moduleIndex {
	t.Helper()
	name := filepath.Join(t.TempDir(), "modules.index")
	if err := os.WriteFile(name, []byte(someModules), 0o600); err != nil {
		t.Fatal(err)
	}
	x, err := readIndex(name)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestReadIndex(t *testing.T) {
	x := someIndex(t)
	if got := x.match("pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02"); !reflect.DeepEqual(got, []string{"nvme"}) {
		t.Errorf("NVMe: %q", got)
	}
	if got := x.match("acpi:PNP0A08:"); len(got) != 0 {
		t.Errorf("a device without driver: %q", got)
	}
	if got := x.resolve("crct10dif"); !reflect.DeepEqual(got, []string{"crct10dif_pclmul"}) {
		t.Errorf("request: %q", got)
	}
	if _, err := x.loadOrder("ext4"); err == nil {
		t.Error("a module that is not there has an order")
	}
	dir := t.TempDir()
	if _, err := readIndex(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no index: %v", err)
	}
	bad := filepath.Join(dir, "bad")
	if err := os.WriteFile(bad, []byte("<html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if x, err := readIndex(bad); err == nil || x != nil || !strings.Contains(err.Error(), bad) {
		t.Errorf("no list of modules: %v, %v", x, err)
	}
}

// A faster way that this processor hasn't got stops nobody; what is needed does.
func TestOptionalModuleMayFail(t *testing.T) {
	var loaded []string
	fails := ""
	l := newLoader(someIndex(t))
	l.load = func(path string) error {
		if filepath.Base(path) == fails {
			return errors.New("no such device")
		}
		loaded = append(loaded, filepath.Base(path))
		return nil
	}
	fails = "crct10dif-pclmul.ko"
	if err := l.alias("pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02"); err != nil {
		t.Errorf("an optional module: %v", err)
	}
	if got := strings.Join(loaded, " "); got != "crct10dif_common.ko crc-t10dif.ko nvme.ko" {
		t.Errorf("loaded %s", got)
	}
	loaded, fails = nil, "crct10dif_common.ko"
	l = newLoader(someIndex(t))
	l.load = func(path string) error {
		if filepath.Base(path) == fails {
			return errors.New("exec format error")
		}
		loaded = append(loaded, filepath.Base(path))
		return nil
	}
	if err := l.module("nvme"); err == nil || !strings.Contains(err.Error(), "crct10dif_common: exec format error") {
		t.Errorf("what is needed fails: %v", err)
	}
	if got := strings.Join(loaded, " "); strings.Contains(got, "nvme.ko") {
		t.Errorf("loaded %s all the same", got)
	}
}

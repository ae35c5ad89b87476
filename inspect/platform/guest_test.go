package platform_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/image/vmtest/guest"
	"handback.example/inspect"
)

// A real kernel's /sys and /proc: what the virtual laptop's firmware was told to
// say arrives, buses without such parts say no, and dmidecode reads the same names.
func TestGuestMachine(t *testing.T) {
	program := filepath.Join(t.TempDir(), "handback")
	cmd := exec.Command("go", "build", "-o", program, "handback.example/cmd/handback")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	g := guest.Boot(t, guest.Config{Tools: []string{program, "dmidecode"}})
	out := g.Run("handback", "inspect", "--json")
	var r inspect.Report
	if err := json.Unmarshal([]byte(out.Stdout), &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m := r.Machine
	for keyword, f := range map[string]inspect.Fact[string]{"system-manufacturer": m.Maker, "system-product-name": m.Model, "system-serial-number": m.Serial,
		"system-uuid": m.UUID, "system-family": m.Family, "system-sku-number": m.SKU} {
		if want := strings.TrimSpace(g.Run("dmidecode", "-s", keyword).Stdout); f.Value != want || want == "" {
			t.Errorf("%s: %+v, and dmidecode reads %q", keyword, f, want)
		}
	}
	if m.Kind.Value != inspect.KindVirtual || m.Hypervisor.Source != "CPUID" && !strings.HasPrefix(m.Hypervisor.Source, "SMBIOS") {
		t.Errorf("kind %+v, hypervisor %+v", m.Kind, m.Hypervisor)
	}
	if !r.CPU.Windows11.Known || r.CPU.Cores.Value != 2 || len(r.Memory.Modules) == 0 || r.Memory.Modules[0].Form != "DIMM" {
		t.Errorf("processor %+v, memory %+v", r.CPU, r.Memory)
	}
	for name, f := range map[string]inspect.Fact[bool]{"camera": r.Devices.Camera, "Bluetooth": r.Devices.Bluetooth, "WWAN": r.Devices.WWAN,
		"fingerprint": r.Devices.Fingerprint, "smartcard": r.Devices.Smartcard} {
		if !f.Known || f.Value {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if len(r.Residue) < 9 {
		t.Errorf("residue %+v", r.Residue)
	}
}

package pid1

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Nothing that is mounted can give privileges or run a program, only /dev holds
// devices, and what lies inside of another mount comes after it.
func TestMounts(t *testing.T) {
	at := map[string]bool{}
	for _, m := range append(mounts, efivars) {
		if m.flags&unix.MS_NOSUID == 0 || m.flags&unix.MS_NOEXEC == 0 {
			t.Errorf("%s can give privileges or run programs", m.at)
		}
		if (m.flags&unix.MS_NODEV == 0) != (m.at == "/dev") {
			t.Errorf("%s: devices on it, or /dev without any", m.at)
		}
		if !filepath.IsAbs(m.at) || at[m.at] {
			t.Errorf("%s is relative or mounted twice", m.at)
		}
		if above := filepath.Dir(m.at); above != "/" && !at["/sys"] {
			t.Errorf("%s is mounted before what it lies in", m.at)
		}
		at[m.at] = true
	}
	for _, want := range []string{"/proc", "/sys", "/dev", "/run", "/tmp"} {
		if !at[want] {
			t.Errorf("%s is not mounted", want)
		}
	}
	if efivars.flags&unix.MS_RDONLY == 0 {
		t.Error("the firmware's variables can be written")
	}
}

// A misspelt sysctl would be passed over in silence at boot. The two that a kernel
// may be built without (CONFIG_MAGIC_SYSRQ, CONFIG_SECURITY_YAMA) are spelt as in
// Documentation/admin-guide/sysctl/kernel.rst and LSM/Yama.rst.
func TestSysctls(t *testing.T) {
	optional := map[string]bool{"kernel/sysrq": true, "kernel/yama/ptrace_scope": true}
	for _, s := range sysctls {
		_, err := os.Stat(filepath.Join("/proc/sys", s.name))
		if errors.Is(err, fs.ErrNotExist) && !optional[s.name] {
			t.Errorf("this kernel has no sysctl %s", s.name)
		}
		if s.value == "" {
			t.Errorf("%s is set to nothing", s.name)
		}
	}
	if len(sysctls) < 9 {
		t.Errorf("only %d sysctls are set", len(sysctls))
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	const ms = time.Millisecond
	for i, want := range []time.Duration{200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms, 5000 * ms} {
		if got := b.died(time.Second); got != want || b.deaths != i+1 {
			t.Errorf("death %d (counted %d): pause %v, want %v", i+1, b.deaths, got, want)
		}
	}
	// What has lived long starts from the beginning.
	if got := b.died(31 * time.Second); got != 200*ms || b.deaths != 1 {
		t.Errorf("after a long life: pause %v, deaths %d", got, b.deaths)
	}
}

// The one module with a parameter, by whatever its file is called.
func TestParametersOf(t *testing.T) {
	for path, want := range map[string]string{
		"/lib/modules/6.1.0/kernel/drivers/ata/libata.ko": "allow_tpm=1", "/lib/modules/libata.ko.xz": "allow_tpm=1",
		"/lib/modules/6.1.0/kernel/drivers/ata/libahci.ko": "", "": "",
	} {
		if got := parametersOf(path); got != want {
			t.Errorf("%q: %q", path, got)
		}
	}
}

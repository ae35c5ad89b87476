package vmtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// kvmProbe is how long firmware may take under KVM to reach its boot manager;
// where KVM works it takes 2 to 4 s.
const kvmProbe = 10 * time.Second

var (
	accelOnce sync.Once
	accelKVM  bool
)

// accelerator is KVM where a boot has proved that it works, else emulation. A
// /dev/kvm that opens proves nothing: nested virtual machines offer one that
// hangs the guest. What was found is kept until the computer is started again.
//
// The two processors of an emulated laptop take turns: side by side they take more of
// this computer's time, and where that is short Linux was seen to stand still while it
// loaded its modules (QEMU 7.2).
func accelerator(ctx context.Context) []string {
	accelOnce.Do(func() { accelKVM = kvmWorks(ctx) })
	if accelKVM {
		return []string{"-accel", "kvm", "-smp", "2"}
	}
	return []string{"-accel", "tcg,thread=single", "-smp", "2"}
}

func kvmWorks(ctx context.Context) bool {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	_ = f.Close() // nothing was written
	note := kvmNote()
	if b, err := os.ReadFile(note); err == nil {
		return string(b) == "works\n"
	}
	works := bootProbe(ctx, "kvm", kvmProbe) == nil
	if ctx.Err() != nil {
		return false // stopped, which says nothing about KVM
	}
	word := "does not work\n"
	if works {
		word = "works\n"
	}
	// Without the note the next command tries again, at the cost of seconds.
	if os.MkdirAll(filepath.Dir(note), 0o755) == nil {
		_ = os.WriteFile(note, []byte(word), 0o644)
	}
	return works
}

// kvmNote is a file named after this boot of the computer.
func kvmNote() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	cache, err2 := os.UserCacheDir()
	if err != nil || err2 != nil {
		return ""
	}
	return filepath.Join(cache, "handback", "kvm-"+strings.TrimSpace(string(boot)))
}

// bootProbe starts the firmware that the virtual laptops use, with nothing to
// boot, and waits until its boot manager writes to the serial line. SMM is on, as
// Secure Boot needs it and as it is the first to fail in a nested machine.
func bootProbe(ctx context.Context, accel string, limit time.Duration) error {
	dir, err := os.MkdirTemp("", "handback-probe-")
	if err != nil {
		return err
	}
	defer removeAll(dir)
	fw, err := copyFirmware(true, dir, "")
	if err != nil {
		return err
	}
	out := filepath.Join(dir, "serial")
	args := []string{"-nodefaults", "-no-user-config", "-display", "none", "-accel", accel, "-m", "256", "-serial", "file:" + out}
	p, err := start(qemu, append(args, fw.args()...)...)
	if err != nil {
		return err
	}
	defer p.end(0)
	end := time.After(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.done:
			return errors.New(p.fault())
		case <-end:
			return fmt.Errorf("the firmware's boot manager did not start under %s within %s", accel, limit)
		case <-tick.C:
		}
		if b, err := os.ReadFile(out); err == nil && bytes.Contains(b, []byte("BdsDxe")) {
			return nil
		}
	}
}

// firmware of one machine.
type firmware struct {
	code, vars string
	secure     bool
}

// copyFirmware gives a machine variables of its own, those of keep where it has some,
// else fresh ones: Debian's OVMF, with Microsoft's keys enrolled and Secure Boot on
// where secure is wanted.
func copyFirmware(secure bool, dir, keep string) (firmware, error) {
	code, vars := "OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"
	if secure {
		code, vars = "OVMF_CODE_4M.ms.fd", "OVMF_VARS_4M.ms.fd"
	}
	const folder = "/usr/share/OVMF"
	fw := firmware{code: filepath.Join(folder, code), vars: filepath.Join(dir, "vars.fd"), secure: secure}
	if _, err := os.Stat(fw.code); err != nil {
		return fw, fmt.Errorf("the virtual laptop's firmware is not installed: %w: apt-get install ovmf", err)
	}
	if keep != "" {
		fw.vars = keep
		if _, err := os.Stat(keep); !errors.Is(err, os.ErrNotExist) {
			return fw, err
		}
	}
	b, err := os.ReadFile(filepath.Join(folder, vars))
	if err != nil {
		return fw, fmt.Errorf("the virtual laptop's firmware is not installed: %w: apt-get install ovmf", err)
	}
	return fw, os.WriteFile(fw.vars, b, 0o600)
}

// args of QEMU for the firmware; with the machine's type, because Secure Boot
// needs SMM and flash that only SMM may write. The zero firmware is QEMU's own,
// SeaBIOS.
func (fw firmware) args(machine ...string) []string {
	m := "q35"
	if fw.secure {
		m += ",smm=on"
	}
	for _, o := range machine {
		m += "," + o
	}
	a := []string{"-machine", m}
	if fw.code == "" {
		return append(a, "-global", "e1000e.romfile=") // it would look for a network to boot from
	}
	if fw.secure {
		a = append(a, "-global", "driver=cfi.pflash01,property=secure,value=on")
	}
	return append(a,
		"-drive", "if=pflash,unit=0,format=raw,readonly=on,file="+escape(fw.code),
		"-drive", "if=pflash,unit=1,format=raw,file="+escape(fw.vars))
}

const (
	qemu  = "qemu-system-x86_64"
	swtpm = "swtpm"
)

// checkTools names what is not installed and what installs it.
func checkTools(tpm bool) error {
	need := map[string]string{qemu: "qemu-system-x86"}
	if tpm {
		need[swtpm] = "swtpm"
	}
	var bad []error
	for prog, pkg := range need {
		if _, err := exec.LookPath(prog); err != nil {
			bad = append(bad, fmt.Errorf("%s is not installed: apt-get install %s", prog, pkg))
		}
	}
	return errors.Join(bad...)
}

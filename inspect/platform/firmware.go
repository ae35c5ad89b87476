package platform

import (
	"fmt"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

const globalVariable = "-8be4df61-93ca-11d2-aa0d-00e098032b8c" // EFI_GLOBAL_VARIABLE (UEFI 2.10, 3.3)

func (s *survey) firmware() {
	f := &s.r.Firmware
	f.UEFI = s.uefi()
	switch {
	case !f.UEFI.Known:
		f.SecureBoot = inspect.Unknown[bool]("efivarfs", f.UEFI.Why)
		f.SetupMode = f.SecureBoot
		s.missing("UEFI and Secure Boot", f.UEFI.Why)
	case !f.UEFI.Value:
		// A machine started the old way has Secure Boot off as it stands.
		f.SecureBoot = inspect.Known(false, "not started by UEFI")
		f.SetupMode = inspect.Unknown[bool]("efivarfs", "the machine was not started by UEFI")
	default:
		f.SecureBoot, f.SetupMode = s.efiBool("SecureBoot"), s.efiBool("SetupMode")
		if !f.SecureBoot.Known {
			s.missing("Secure Boot", f.SecureBoot.Why)
		}
	}
	if f.Lockdown = s.lockdown(); !f.Lockdown.Known {
		s.missing("kernel lockdown", f.Lockdown.Why)
	}
	f.PowerOnPassword, f.AdminPassword = s.password("power-on", 6), s.password("bios-admin", 2)
}

// password of the firmware: as its own settings tell the kernel
// (Documentation/ABI/testing/sysfs-class-firmware-attributes), else by SMBIOS type 24
// (7.25), where each has two bits.
func (s *survey) password(role string, shift int) inspect.Fact[bool] {
	const dir, source = firmwareSettings, "firmware-attributes"
	makers, _ := s.Tree.List(dir)
	for _, maker := range makers {
		names, _ := s.Tree.List(dir + maker + "/authentication")
		for _, name := range names {
			of := dir + maker + "/authentication/" + name
			if is, err := s.Tree.Text(of + "/role"); err != nil || is != role {
				continue
			}
			switch set, err := s.Tree.Text(of + "/is_enabled"); {
			case err == nil && set == "1":
				return inspect.Known(true, source)
			case err == nil && set == "0":
				return inspect.Known(false, source)
			}
		}
	}
	t, ok := first(s.table, typeSecurity)
	switch state := t.byte(0x04) >> shift & 3; {
	case !ok || len(t.data) < 5:
		return inspect.Unknown[bool]("SMBIOS type 24", "the firmware does not say")
	case state <= 1: // disabled, enabled
		return inspect.Known(state == 1, "SMBIOS type 24")
	}
	return inspect.Unknown[bool]("SMBIOS type 24", "the firmware says that it does not know")
}

// uefi: the kernel has the folder only where UEFI started it. That it is not there
// counts only where its parent could be read.
func (s *survey) uefi() inspect.Fact[bool] {
	const source = "/sys/firmware/efi"
	names, err := s.Tree.List("sys/firmware")
	if err != nil || len(names) == 0 {
		return inspect.Unknown[bool](source, "/sys/firmware cannot be read")
	}
	has, err := s.Tree.Has("sys/firmware/efi")
	if err != nil {
		return inspect.Unknown[bool](source, err.Error())
	}
	return inspect.Known(has, source)
}

// efiBool: efivarfs gives four bytes of attributes and then the value, one byte of
// 0 or 1.
func (s *survey) efiBool(name string) inspect.Fact[bool] {
	source := "efivarfs " + name
	b, err := s.Tree.Bytes(efiVars+name+globalVariable, 64)
	switch {
	case err != nil:
		return inspect.Unknown[bool](source, because(err))
	case len(b) != 5 || b[4] > 1:
		return inspect.Unknown[bool](source, fmt.Sprintf("the firmware gives % x", b))
	}
	return inspect.Known(b[4] == 1, source)
}

// lockdown: the mode in use stands in brackets, 'none [integrity] confidentiality'.
func (s *survey) lockdown() inspect.Fact[string] {
	const source = "/sys/kernel/security/lockdown"
	text, err := s.Tree.Text("sys/kernel/security/lockdown")
	if err != nil {
		return inspect.Unknown[string](source, because(err))
	}
	for _, mode := range []string{"none", "integrity", "confidentiality"} {
		if strings.Contains(text, "["+mode+"]") {
			return inspect.Known(mode, source)
		}
	}
	return inspect.Unknown[string](source, "the kernel gives '"+drive.Clean([]byte(text))+"'")
}

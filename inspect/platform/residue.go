package platform

import (
	"errors"
	"slices"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/mei"
)

// residue lists what a former owner may have left in the platform: every item that
// was looked for, whatever was found. What can only be confirmed by hand stays
// unknown and says what to do.
func (s *survey) residue() {
	for _, look := range []func() inspect.Residue{s.bootEntries, s.menuTools, s.systemVariables, s.ownerKeys, s.assetTag, s.passwords, s.wpbt, s.absolute, s.managementEngine, s.modem, s.fingerprints} {
		s.r.Residue = append(s.r.Residue, look())
	}
}

func (s *survey) passwords() inspect.Residue {
	r := inspect.Residue{Item: "firmware password", State: inspect.ResidueUnknown}
	admin, start := s.r.Firmware.AdminPassword, s.r.Firmware.PowerOnPassword
	switch {
	case admin.Value:
		r.State, r.Evidence = inspect.ResiduePresent, "an administrator's password is set"
	case start.Value:
		r.State, r.Evidence = inspect.ResiduePresent, "a password at power-on is set"
	case admin.Known && start.Known:
		r.State, r.Evidence = inspect.ResidueAbsent, "none is set, as the firmware says"
	default:
		r.Evidence = "the firmware does not say whether one is set: open its set-up to see"
	}
	return r
}

// wpbt is the ACPI table by which firmware hands Windows a program at each start
// (Windows Platform Binary Table). Absolute uses it, and others do.
func (s *survey) wpbt() inspect.Residue {
	const dir = "sys/firmware/acpi/tables"
	r := inspect.Residue{Item: "program that the firmware hands to Windows (such as Absolute)", State: inspect.ResidueUnknown}
	names, err := s.Tree.List(dir)
	has, hasErr := s.Tree.Has(dir + "/WPBT")
	switch {
	case err != nil || hasErr != nil || len(names) == 0:
		r.Evidence = "the ACPI tables could not be read"
	case has:
		r.State, r.Evidence = inspect.ResiduePresent, "ACPI table WPBT: ask its maker whose program that is, and have the service released"
	default:
		r.State, r.Evidence = inspect.ResidueAbsent, "no ACPI table WPBT"
	}
	return r
}

// absoluteSettings are how Lenovo and Dell name the switch of Absolute's
// persistence. Where it is on, the service may be activated or not: it is
// delivered so.
var absoluteSettings = []string{"AbsolutePersistenceModuleActivation", "ComputraceModuleActivation", "Absolute", "Computrace"}

func (s *survey) absolute() inspect.Residue {
	const dir = firmwareSettings
	r := inspect.Residue{Item: "Absolute in the firmware's settings", State: inspect.ResidueUnknown}
	makers, err := s.Tree.List(dir)
	if err != nil || len(makers) == 0 {
		r.Evidence = "the kernel does not give the firmware's settings: look in its set-up"
		return r
	}
	r.Evidence = "the firmware has no such setting that is known here: look in its set-up"
	for _, maker := range makers {
		for _, name := range absoluteSettings {
			value, err := s.Tree.Text(dir + maker + "/attributes/" + name + "/current_value")
			if err != nil {
				continue
			}
			value = drive.Clean([]byte(value))
			r.Evidence = name + " is '" + value + "'"
			if l := strings.ToLower(value); strings.HasPrefix(l, "disable") || strings.HasPrefix(l, "permanent") {
				r.State = inspect.ResidueAbsent
			} else {
				r.Evidence += ": whether it was activated, the firmware's set-up says"
			}
			return r
		}
	}
	return r
}

// managementEngine: that an Intel machine has one shows on PCI; whether somebody
// provisioned its AMT, only it can say. A tree from elsewhere has nobody to ask.
func (s *survey) managementEngine() inspect.Residue {
	r := inspect.Residue{Item: "provisioning of Intel AMT", State: inspect.ResidueUnknown}
	var b buses
	if err := s.pci(&b); err != nil {
		r.Evidence = "PCI could not be read: " + because(err)
		return r
	}
	if !slices.ContainsFunc(b.parts, func(p part) bool { // simple communication controller, other
		return p.vendor == 0x8086 && p.class == 0x07 && p.sub == 0x80
	}) {
		r.Evidence = "no management engine is seen on PCI: it is not fitted, or the firmware hides it"
		return r
	}
	if s.AMT == nil {
		r.Evidence = "a management engine is fitted, and it was not asked"
		return r
	}
	r.State, r.Evidence = provisioning(s.AMT(s.ctx))
	return r
}

// provisioning puts AMT's answer into words.
func provisioning(mode mei.Mode, err error) (state, evidence string) {
	const undo = "unconfigure it in its set-up (MEBx)"
	switch {
	case errors.Is(err, mei.ErrNoAMT):
		return inspect.ResidueAbsent, "the management engine has no AMT"
	case err != nil:
		return inspect.ResidueUnknown, "a management engine is fitted, and it did not say (" + drive.Clean([]byte(err.Error())) + "): look in its set-up (MEBx)"
	case mode == mei.Unprovisioned:
		return inspect.ResidueAbsent, "AMT says that nobody controls it"
	case mode == mei.ClientControl:
		return inspect.ResiduePresent, "AMT says that it is in client control mode: " + undo
	case mode == mei.AdminControl:
		return inspect.ResiduePresent, "AMT says that it is in administrator control mode: " + undo
	}
	return inspect.ResidueUnknown, "AMT's answer says nothing: look in its set-up (MEBx)"
}

func (s *survey) modem() inspect.Residue {
	r := inspect.Residue{Item: "SIM card and eSIM profiles", State: inspect.ResidueUnknown}
	switch w := s.r.Devices.WWAN; {
	case w.Known && w.Value:
		r.Evidence = "a modem is fitted: take out its SIM card and have its eSIM profiles deleted"
	case w.Known:
		r.State, r.Evidence = inspect.ResidueAbsent, "no modem is fitted"
	default:
		r.Evidence = w.Why
	}
	return r
}

// fingerprints may be kept in the reader itself, where no erasure of drives reaches.
func (s *survey) fingerprints() inspect.Residue {
	r := inspect.Residue{Item: "fingerprints in the reader", State: inspect.ResidueUnknown}
	switch f := s.r.Devices.Fingerprint; {
	case f.Known && f.Value:
		r.Evidence = "a reader is fitted, and it may keep fingerprints: clear them in the firmware's set-up"
	case f.Known:
		r.State, r.Evidence = inspect.ResidueAbsent, "no reader is fitted"
	default:
		r.Evidence = f.Why
	}
	return r
}

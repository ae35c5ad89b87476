package platform

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/mei"
)

const efiVars = "sys/firmware/efi/efivars/"

// residue lists what a former owner may have left in the platform: every item that
// was looked for, whatever was found. What can only be confirmed by hand stays
// unknown and says what to do.
func (s *survey) residue() {
	for _, look := range []func() inspect.Residue{s.bootEntries, s.windowsVariables, s.ownerKeys, s.assetTag, s.passwords, s.wpbt, s.absolute, s.managementEngine, s.modem, s.fingerprints} {
		s.r.Residue = append(s.r.Residue, look())
	}
}

// efiNames of the variables, with the words for people where there are none.
func (s *survey) efiNames(item string) (names []string, r inspect.Residue) {
	r = inspect.Residue{Item: item, State: inspect.ResidueUnknown}
	if u := s.r.Firmware.UEFI; u.Known && !u.Value {
		r.Evidence = "the machine was not started by UEFI, so its variables can't be read: start it by UEFI to look"
		return nil, r
	}
	names, err := s.Tree.List(efiVars)
	switch {
	case err != nil:
		r.Evidence = "the EFI variables could not be read: " + because(err)
	case len(names) == 0:
		r.Evidence = "the EFI variables could not be read"
	}
	return names, r
}

// bootEntries that lead to a file on a drive: a system that was installed wrote
// them; the firmware's own lead to devices. The one that this system was started
// from is the stick's.
func (s *survey) bootEntries() inspect.Residue {
	names, r := s.efiNames("boot entries of a former system")
	if len(names) == 0 {
		return r
	}
	current := ""
	if b, err := s.Tree.Bytes(efiVars+"BootCurrent"+globalVariable, 64); err == nil && len(b) == 6 {
		current = fmt.Sprintf("Boot%04X", binary.LittleEndian.Uint16(b[4:]))
	}
	var found, unread []string
	for _, name := range names {
		entry, ok := strings.CutSuffix(name, globalVariable)
		if !ok || !isBootEntry(entry) || entry == current {
			continue
		}
		b, err := s.Tree.Bytes(efiVars+name, maxLoadOption)
		if err != nil || len(b) < 4 {
			unread = append(unread, entry)
			continue
		}
		o, err := parseLoadOption(b[4:]) // after efivarfs' four bytes of attributes
		switch {
		case err != nil:
			unread = append(unread, entry)
		case o.file:
			found = append(found, "'"+o.name+"'")
		}
	}
	switch {
	case len(found) > 0:
		r.State, r.Evidence = inspect.ResiduePresent, fmt.Sprintf("%d: %s", len(found), strings.Join(found[:min(len(found), 8)], ", "))
	case len(unread) > 0:
		r.Evidence = fmt.Sprintf("%d entries could not be read", len(unread))
	default:
		r.State, r.Evidence = inspect.ResidueAbsent, "no boot entry leads to a file on a drive"
	}
	return r
}

// isBootEntry: 'Boot' and four capital hexadecimal digits (UEFI 2.10, 3.3).
func isBootEntry(name string) bool {
	digits, ok := strings.CutPrefix(name, "Boot")
	return ok && len(digits) == 4 && strings.Trim(digits, "0123456789ABCDEF") == ""
}

// maxLoadOption is far above what firmware writes.
const maxLoadOption = 64 << 10

// loadOption is EFI_LOAD_OPTION (UEFI 2.10, 3.1.3).
type loadOption struct {
	name string // clean
	file bool   // its path names a file on a partition
}

var errLoadOption = errors.New("the boot entry is damaged")

func parseLoadOption(b []byte) (o loadOption, err error) {
	if len(b) < 8 {
		return o, errLoadOption
	}
	pathLength, b := int(binary.LittleEndian.Uint16(b[4:])), b[6:]
	var text []uint16
	for {
		if len(b) < 2 {
			return o, errLoadOption
		}
		c := binary.LittleEndian.Uint16(b)
		if b = b[2:]; c == 0 {
			break
		}
		text = append(text, c)
	}
	if pathLength > len(b) {
		return o, errLoadOption
	}
	if o.name = clean([]byte(string(utf16.Decode(text)))); o.name == "" {
		o.name = "without a name"
	}
	o.file, err = leadsToFile(b[:pathLength])
	return o, err
}

// leadsToFile walks a device path (UEFI 2.10, 10.3): media nodes (04h) of a hard
// drive's partition (01h) and of a file (04h).
func leadsToFile(b []byte) (bool, error) {
	var partition, file bool
	for len(b) > 0 {
		if len(b) < 4 {
			return false, errLoadOption
		}
		n := int(binary.LittleEndian.Uint16(b[2:]))
		if n < 4 || n > len(b) {
			return false, errLoadOption
		}
		partition = partition || b[0] == 0x04 && b[1] == 0x01
		file = file || b[0] == 0x04 && b[1] == 0x04
		if b[0] == 0x7f { // end of the path
			break
		}
		b = b[n:]
	}
	return partition && file, nil
}

// Namespaces of variables that systems write, by what they are.
const (
	windowsNamespace = "-77fa9abd-0359-4d32-bd60-28f4e78f784b"
	shimNamespace    = "-605dab50-e046-4300-abb6-3dd810dd8b23"
)

func (s *survey) windowsVariables() inspect.Residue {
	return s.variables("EFI variables of Windows", windowsNamespace, func(string) bool { return true })
}

// ownerKeys that somebody enrolled beside the firmware's (shim's MOK list).
func (s *survey) ownerKeys() inspect.Residue {
	return s.variables("keys that a former owner enrolled (MOK)", shimNamespace, func(name string) bool {
		return strings.HasPrefix(name, "MokList") && !strings.HasPrefix(name, "MokListTrusted")
	})
}

func (s *survey) variables(item, namespace string, counts func(name string) bool) inspect.Residue {
	names, r := s.efiNames(item)
	if len(names) == 0 {
		return r
	}
	n := 0
	for _, name := range names {
		if v, ok := strings.CutSuffix(name, namespace); ok && counts(v) {
			n++
		}
	}
	r.State, r.Evidence = inspect.ResidueAbsent, "no variable of this kind"
	if n > 0 {
		r.State, r.Evidence = inspect.ResiduePresent, fmt.Sprintf("%d variables", n)
	}
	return r
}

func (s *survey) assetTag() inspect.Residue {
	r := inspect.Residue{Item: "asset tag in the firmware", State: inspect.ResidueUnknown}
	switch tag := s.r.Machine.AssetTag; {
	case tag.Known:
		r.State, r.Evidence = inspect.ResiduePresent, "'"+tag.Value+"'"
	case len(s.table) > 0:
		r.State, r.Evidence = inspect.ResidueAbsent, tag.Why
	default:
		r.Evidence = "the firmware's table could not be read"
	}
	return r
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
	const dir = "sys/class/firmware-attributes/"
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

package certs

import (
	"errors"
	"fmt"
	"slices"
)

// What a fact with two answers may say. The empty string is unknown, too.
const (
	Yes     = "yes"
	No      = "no"
	On      = "on"
	Off     = "off"
	Unknown = "unknown"
)

// Facts are what inspection found before anything was changed. Text is clean
// (printable ASCII as the seam gives it); empty text is unknown.
type Facts struct {
	Machine Machine  `json:"machine"`
	CPU     string   `json:"cpu"`     // one line
	Memory  string   `json:"memory"`  // one line
	Battery []string `json:"battery"` // one line each
	TPM     string   `json:"tpm"`     // 'present', 'absent' or 'unknown'
	TPMName string   `json:"tpm_name"`
	EKHash  string   `json:"ek_hash"` // SHA-256 of the EK's public area, hex
	Drives  []Drive  `json:"drives"`
	// NotHandled are media or controllers in the way of saying 'every drive'.
	NotHandled []Finding `json:"not_handled"`
	// LookedForOthers is Yes where hidden media were looked for at all.
	LookedForOthers string `json:"looked_for_others"`
	// Looked is where, for people: what 'nothing else was found' rests on.
	Looked   []string `json:"looked,omitempty"`
	NotKnown []string `json:"not_known"` // what could not be read, for people
	// Residue is what the machine itself may keep of its users besides its drives.
	// NotChecked is what nobody looked at, for people.
	Residue    []Residue `json:"residue"`
	NotChecked []string  `json:"not_checked"`
	// Notes say what was done to the machine before it was looked at, for people.
	Notes []string `json:"notes,omitempty"`
	Tool  Tool     `json:"tool"`
}

func (f *Facts) validate() error {
	if err := oneOf("tpm", f.TPM, "", "present", "absent", Unknown); err != nil {
		return err
	}
	if err := oneOf("looked_for_others", f.LookedForOthers, "", Yes, No, Unknown); err != nil {
		return err
	}
	if err := oneOf("secure_boot", f.Machine.SecureBoot, "", On, Off, Unknown); err != nil {
		return err
	}
	for _, r := range f.Residue {
		if err := r.validate(); err != nil {
			return err
		}
	}
	for _, d := range f.Drives {
		if err := oneOf("damaged", d.Damaged, "", Yes, No, Unknown); err != nil {
			return err
		}
	}
	return oneOf("hypervisor", f.Machine.Hypervisor, "", Yes, No, Unknown)
}

// States of a residue. NIST SP 800-88 Rev. 2 has no clause on any of them: no
// conformance is claimed for it.
const (
	ResidueCleared    = "cleared"    // it was there, and is gone
	ResidueAbsent     = "absent"     // it was looked for, and is not there
	ResiduePresent    = "present"    // it is there
	ResidueUnknown    = "unknown"    // it was looked for, and nothing could be told
	ResidueUnresolved = "unresolved" // it is there, and somebody must deal with it
)

// Residue of its users in a machine: a firmware password, a management lock, a
// stored network. It never names a former user, and never repeats what is stored.
type Residue struct {
	Item     string `json:"item"`     // 'firmware password'
	State    string `json:"state"`    // ResidueCleared, ...
	How      string `json:"how"`      // how it was looked for or dealt with
	Evidence string `json:"evidence"` // what the state rests on
}

func (r Residue) sameItem(o Residue) bool { return r.Item == o.Item }

func (r Residue) validate() error {
	if r.Item == "" {
		return errors.New("a residue has no name")
	}
	return oneOf("state of "+r.Item, r.State, ResidueCleared, ResidueAbsent, ResiduePresent, ResidueUnknown, ResidueUnresolved)
}

// Platform is what became of what was agreed to be removed from the machine itself:
// each residue of it as it was when it was looked for again. It goes before what FACTS
// said of it earlier.
type Platform struct {
	Residue []Residue `json:"residue"`
}

func (p *Platform) validate() error {
	for _, r := range p.Residue {
		if err := r.validate(); err != nil {
			return err
		}
	}
	return nil
}

// Leftover is one thing that a former owner or a system of theirs left in the machine itself.
type Leftover struct {
	Item   string `json:"item"`   // the Residue that it is part of
	Kind   string `json:"kind"`   // 'boot-entry', 'variable', 'asset-tag'
	Name   string `json:"name"`   // as the kernel names it
	What   string `json:"what"`   // for people
	SHA256 string `json:"sha256"` // of what stood in it, hex: nothing else is removed in its place
}

// oneOf says that a field holds a word that it may not.
func oneOf(field, v string, may ...string) error {
	if !slices.Contains(may, v) {
		return fmt.Errorf("%s is %q: it must be one of %q", field, v, may)
	}
	return nil
}

// Machine as its SMBIOS names it.
type Machine struct {
	Maker      string `json:"maker"`
	Model      string `json:"model"`
	Serial     string `json:"serial"`
	UUID       string `json:"uuid"`
	Kind       string `json:"kind"` // laptop, desktop, ...
	AssetTag   string `json:"asset_tag"`
	BIOS       string `json:"bios"`
	SecureBoot string `json:"secure_boot"` // On, Off or Unknown
	Lockdown   string `json:"lockdown"`    // none, integrity, confidentiality
	Hypervisor string `json:"hypervisor"`  // Yes, No or Unknown
	// Year of manufacture and what tells it: '2019, by its built-in screen (EDID)'.
	Year string `json:"year,omitempty"`
}

// Tool that made the record, by its own word.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Image   string `json:"image"` // SHA-256 of the booted image, self-reported; empty: unknown
}

// Drive is one drive as it was found.
type Drive struct {
	Name         string `json:"name"`  // 'A'
	Bus          string `json:"bus"`   // nvme, sata, usb, ...
	Media        string `json:"media"` // HDD, SSD, flash, file
	Model        string `json:"model"`
	Serial       string `json:"serial"`
	Firmware     string `json:"firmware"`
	WWN          string `json:"wwn"`
	Namespace    int64  `json:"namespace"` // NVMe namespace, 0: none
	SizeBytes    int64  `json:"size_bytes"`
	NativeBytes  int64  `json:"native_bytes"` // native maximum, 0: unknown
	LogicalBlock int    `json:"logical_block"`
	RawModel     string `json:"raw_model"` // hex, as the device gave it
	RawSerial    string `json:"raw_serial"`
	RawFirmware  string `json:"raw_firmware"`
	Boot         bool   `json:"boot"`  // the medium that the appliance was started from: never a target
	Inner        bool   `json:"inner"` // the drive itself answered, not only a bridge before it
	Health       string `json:"health"`
	Damaged      string `json:"damaged"` // Yes, No or Unknown: 'operational or damaged' (NIST SP 800-88 Rev. 2, 4.6)
	Holds        string `json:"holds"`   // 'Windows', for the operator's check; never content
}

// Ref of the drive.
func (d Drive) Ref() DriveRef {
	return DriveRef{Name: d.Name, Bus: d.Bus, Model: d.Model, Serial: d.Serial, WWN: d.WWN,
		Namespace: d.Namespace, SizeBytes: d.SizeBytes}
}

// DriveRef names a drive in a record by all that binds it.
type DriveRef struct {
	Name      string `json:"name"`
	Bus       string `json:"bus"`
	Model     string `json:"model"`
	Serial    string `json:"serial"`
	WWN       string `json:"wwn"`
	Namespace int64  `json:"namespace"`
	SizeBytes int64  `json:"size_bytes"`
}

// Finding is something that a person must know or mend.
type Finding struct {
	Code string `json:"code"`
	What string `json:"what"`
	Do   string `json:"do"`
}

// Results of the TPM.
const (
	TPMCleared    = "cleared"
	TPMNotCleared = "not-cleared"
	TPMPending    = "pending"
	TPMNotPresent = "not-present"
	TPMUnknown    = "unknown"
)

// TPM is what became of the machine's TPM.
type TPM struct {
	Result string `json:"result"` // TPMCleared, ...
	// SRKChanged and EKKept are the evidence of a clear: Yes, No or Unknown.
	SRKChanged string `json:"srk_changed"`
	EKKept     string `json:"ek_kept"`
	SRKBefore  string `json:"srk_before"` // the SRK's name, hex
	SRKAfter   string `json:"srk_after"`
	EKHash     string `json:"ek_hash"`
	How        string `json:"how"` // 'TPM2_Clear', 'physical presence interface'
	What       string `json:"what"`
	Do         string `json:"do"`
}

func (t *TPM) validate() error {
	if err := oneOf("result", t.Result, TPMCleared, TPMNotCleared, TPMPending, TPMNotPresent, TPMUnknown); err != nil {
		return err
	}
	if err := oneOf("srk_changed", t.SRKChanged, "", Yes, No, Unknown); err != nil {
		return err
	}
	return oneOf("ek_kept", t.EKKept, "", Yes, No, Unknown)
}

// Package tpm learns facts about a machine's TPM and leaves it as it was. Keys
// that it makes to learn their names live in the TPM's memory and are flushed.
// It never offers a password: a wrong one counts against the right one, so where
// a hierarchy has a password, what stands behind it is unknown.
//
// Clauses are those of the TPM 2.0 Library, family 2.0, revision 1.59.
package tpm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/internal/tree"
)

const (
	sysfs   = "sysfs"
	library = "TPM2_GetCapability"
)

// Read the TPM of a machine: by its files, and by what ask says. Without ask there
// is nobody to ask.
func Read(ctx context.Context, files *tree.Tree, ask func(context.Context) inspect.TPM) inspect.TPM {
	present, version := presence(files)
	t := unknown(library, "there is no TPM to ask")
	if present.Known && present.Value {
		switch {
		case ask == nil:
			t = unknown(library, "the files of another machine tell no more")
		case version.Known && version.Value != "2.0":
			t = unknown(library, "a TPM "+version.Value+" is not asked for more")
		default:
			t = ask(ctx)
		}
	} else if !present.Known {
		t = unknown(library, present.Why)
	}
	t.Present, t.Version = present, version
	return t
}

// Ask the TPM of this machine.
func Ask(ctx context.Context) inspect.TPM {
	dev, err := Open(ctx)
	if err != nil {
		return unknown(library, "the TPM cannot be opened: "+err.Error())
	}
	defer dev.Close()
	return ReadFrom(ctx, dev)
}

func unknown(source, why string) inspect.TPM {
	text := inspect.Unknown[string](source, why)
	yes := inspect.Unknown[bool](source, why)
	return inspect.TPM{Maker: text, Firmware: text, EKHash: text,
		LockoutAuthSet: yes, DisableClear: yes, InLockout: yes, OwnerAuthSet: yes}
}

// Presence of a TPM by the files below root; an empty one is the machine itself.
func Presence(root string) (present inspect.Fact[bool], version inspect.Fact[string]) {
	return presence(tree.At(root))
}

// presence of a TPM by the kernel's word. That the kernel shows none is 'no' only
// where the kernel has TPM support and the firmware names none either.
func presence(t *tree.Tree) (present inspect.Fact[bool], version inspect.Fact[string]) {
	version = inspect.Unknown[string](sysfs, "no TPM was seen")
	names, err := t.List("sys/class/tpm")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return inspect.Unknown[bool](sysfs, "this kernel has no support for TPMs"), version
	case err != nil:
		return inspect.Unknown[bool](sysfs, err.Error()), version
	case len(names) == 0:
		return none(t), version
	}
	return inspect.Known(true, sysfs), readVersion(t, names[0])
}

// none: the kernel drives no TPM. If the firmware names one, there may be one
// that the kernel's driver could not bring up.
func none(t *tree.Tree) inspect.Fact[bool] {
	for _, table := range []string{"TPM2", "TCPA"} {
		if named, err := t.Has("sys/firmware/acpi/tables/" + table); named || err != nil {
			return inspect.Unknown[bool](sysfs, "the firmware names a TPM (ACPI table "+table+"), but the kernel could not start it")
		}
	}
	return inspect.Known(false, sysfs)
}

func readVersion(t *tree.Tree, name string) inspect.Fact[string] {
	major, err := t.Text("sys/class/tpm/" + name + "/tpm_version_major")
	switch {
	case err != nil:
		return inspect.Unknown[string](sysfs, "the kernel does not say which version the TPM has")
	case major == "2":
		return inspect.Known("2.0", sysfs)
	case major == "1":
		return inspect.Known("1.2", sysfs)
	}
	return inspect.Unknown[string](sysfs, fmt.Sprintf("the kernel gives the TPM's version as %q", drive.Clean([]byte(major))))
}

// Bits of TPMA_PERMANENT (part 2, 8.6).
const (
	ownerAuthSet       = 1 << 0
	endorsementAuthSet = 1 << 1
	lockoutAuthSet     = 1 << 2
	disableClear       = 1 << 8
	inLockout          = 1 << 9
)

// ReadFrom asks a TPM 2.0 by any way that reaches it.
func ReadFrom(ctx context.Context, dev transport.TPM) inspect.TPM {
	dev = Bound(ctx, dev)
	t := unknown(library, "the TPM did not say")
	t.Present = inspect.Known(true, library)
	// In failure mode a TPM still answers TPM2_GetCapability, with zeros for what
	// it does not know (part 1, 12.2): only one that works is believed.
	if _, err := (tpm2.ReadClock{}).Execute(dev); err != nil {
		return failed(t, err)
	}
	if maker, err := property(dev, tpm2.TPMPTManufacturer); err != nil {
		return failed(t, err)
	} else {
		t.Version = inspect.Known("2.0", library)
		t.Maker = makerName(maker)
	}
	t.Firmware = firmware(dev)
	if p, err := property(dev, tpm2.TPMPTPermanent); err != nil {
		t = failed(t, err)
	} else {
		bit := func(mask uint32) inspect.Fact[bool] { return inspect.Known(p&mask != 0, "TPM_PT_PERMANENT") }
		t.OwnerAuthSet, t.LockoutAuthSet = bit(ownerAuthSet), bit(lockoutAuthSet)
		t.DisableClear, t.InLockout = bit(disableClear), bit(inLockout)
	}
	t.EKHash = EK(ctx, dev).Value
	return t
}

// failed says why what is still unknown stays so.
func failed(t inspect.TPM, err error) inspect.TPM {
	why := "the TPM gave no answer: " + err.Error()
	for _, f := range []*inspect.Fact[bool]{&t.LockoutAuthSet, &t.DisableClear, &t.InLockout, &t.OwnerAuthSet} {
		f.Why = why
	}
	for _, f := range []*inspect.Fact[string]{&t.Version, &t.Maker, &t.Firmware, &t.EKHash} {
		if !f.Known {
			f.Source, f.Why = library, why
		}
	}
	return t
}

// property by TPM2_GetCapability (part 3, 30.2). A TPM that does not have the
// one that was asked for answers with the next, so the answer's tag is looked at.
func property(dev transport.TPM, p tpm2.TPMPT) (uint32, error) {
	rsp, err := tpm2.GetCapability{Capability: tpm2.TPMCapTPMProperties, Property: uint32(p), PropertyCount: 1}.Execute(dev)
	if err != nil {
		return 0, err
	}
	props, err := rsp.CapabilityData.Data.TPMProperties()
	if err != nil {
		return 0, err
	}
	if len(props.TPMProperty) == 0 || props.TPMProperty[0].Property != p {
		return 0, fmt.Errorf("it does not have property %#x", uint32(p))
	}
	return props.TPMProperty[0].Value, nil
}

// firmware as its four numbers: the makers' tools write them so.
func firmware(dev transport.TPM) inspect.Fact[string] {
	a, err := property(dev, tpm2.TPMPTFirmwareVersion1)
	if err != nil {
		return inspect.Unknown[string](library, err.Error())
	}
	b, err := property(dev, tpm2.TPMPTFirmwareVersion2)
	if err != nil {
		return inspect.Unknown[string](library, err.Error())
	}
	return inspect.Known(fmt.Sprintf("%d.%d.%d.%d", a>>16, a&0xffff, b>>16, b&0xffff), library)
}

// makers by their code in the TCG's vendor ID registry.
var makers = map[string]string{
	"AMD": "AMD", "ATML": "Atmel", "BRCM": "Broadcom", "CSCO": "Cisco", "GOOG": "Google", "HPE": "HPE", "HPI": "HP",
	"IBM": "IBM", "IFX": "Infineon", "INTC": "Intel", "LEN": "Lenovo", "MSFT": "Microsoft", "NSM": "National Semiconductor",
	"NTC": "Nuvoton", "NTZ": "Nationz", "QCOM": "Qualcomm", "SMSN": "Samsung", "SNS": "Sinosun",
	"STM": "STMicroelectronics", "TXN": "Texas Instruments", "WEC": "Winbond",
}

// makerName from the four characters of TPM_PT_MANUFACTURER (part 2, 6.13).
func makerName(code uint32) inspect.Fact[string] {
	raw := []byte{byte(code >> 24), byte(code >> 16), byte(code >> 8), byte(code)}
	c := strings.TrimSpace(drive.Clean(raw))
	if name, ok := makers[c]; ok {
		return inspect.Known(name, library)
	}
	if c == "" {
		return inspect.Unknown[string](library, fmt.Sprintf("the maker's code % x is no text", raw))
	}
	return inspect.Known(c, library)
}

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"handback.example/certs"
)

// The firmware's variables as its flash holds them, without anything of ours in between:
// edk2, MdePkg/Include/Pi/PiFirmwareVolume.h and
// MdeModulePkg/Include/Guid/VariableFormat.h.
const (
	volumeLength   = 48 // HeaderLength of the firmware volume
	storeHeader    = 28 // VARIABLE_STORE_HEADER
	variableHeader = 60 // AUTHENTICATED_VARIABLE_HEADER
	variableStart  = 0x55aa
	variableAdded  = 0x3f // VAR_HEADER_VALID_ONLY and VAR_ADDED: it is there
)

// flashed variable.
type flashed struct {
	name  string // 'Boot0003-8be4df61-93ca-11d2-aa0d-00e098032b8c', as Linux writes it
	value string
}

// firmwareStore gives the part of a flash image that holds variables, and where the
// first stands.
func firmwareStore(t *testing.T, b []byte) (store []byte) {
	t.Helper()
	at := int(binary.LittleEndian.Uint16(b[volumeLength:]))
	signature := []byte{0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43, 0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92} // gEfiAuthenticatedVariableGuid
	if !bytes.Equal(b[at:at+16], signature) {
		t.Fatalf("the flash holds % x where a store of variables begins", b[at:at+16])
	}
	size := int(binary.LittleEndian.Uint32(b[at+16:]))
	return b[at+storeHeader : at+size]
}

// walk the variables of a store, those that were deleted too; it gives where they end.
func walk(t *testing.T, store []byte, each func(state byte, v flashed)) (end int) {
	t.Helper()
	for end+variableHeader <= len(store) && binary.LittleEndian.Uint16(store[end:]) == variableStart {
		h := store[end:]
		nameSize, dataSize := int(binary.LittleEndian.Uint32(h[36:])), int(binary.LittleEndian.Uint32(h[40:]))
		g := h[44:60]
		var name []uint16
		for i := 0; i+2 < nameSize; i += 2 {
			name = append(name, binary.LittleEndian.Uint16(h[variableHeader+i:]))
		}
		each(h[2], flashed{fmt.Sprintf("%s-%08x-%04x-%04x-%x-%x", string(utf16.Decode(name)), binary.LittleEndian.Uint32(g), binary.LittleEndian.Uint16(g[4:]),
			binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:]), string(h[variableHeader+nameSize : variableHeader+nameSize+dataSize])})
		end += (variableHeader + nameSize + dataSize + 3) &^ 3
	}
	return end
}

// firmwareVariables that are there.
func firmwareVariables(t *testing.T, file string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	walk(t, firmwareStore(t, b), func(state byte, v flashed) {
		if state == variableAdded {
			all[v.name] = v.value
		}
	})
	return all
}

// plantVariables in a flash image, behind those that it has, as its firmware would have
// written them: non-volatile, for boot services and the running system.
func plantVariables(t *testing.T, file string, list ...flashed) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	store := firmwareStore(t, b)
	for _, v := range list {
		end := walk(t, store, func(byte, flashed) {})
		name := v.name[:len(v.name)-37]
		guid, err := hex.DecodeString(strings.ReplaceAll(v.name[len(v.name)-36:], "-", ""))
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(guid[:4])
		slices.Reverse(guid[4:6])
		slices.Reverse(guid[6:8])
		text := wide(name)
		h := make([]byte, variableHeader)
		binary.LittleEndian.PutUint16(h, variableStart)
		h[2] = variableAdded
		binary.LittleEndian.PutUint32(h[4:], 7)
		binary.LittleEndian.PutUint32(h[36:], uint32(len(text)))
		binary.LittleEndian.PutUint32(h[40:], uint32(len(v.value)))
		copy(h[44:], guid)
		copy(store[end:], append(append(h, text...), v.value...))
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// wide is a text as UEFI has it, with the zero at its end.
func wide(s string) (b []byte) {
	for _, c := range append(utf16.Encode([]rune(s)), 0) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return b
}

// bootEntry of a system on a GPT partition (UEFI 2.10, 3.1.3, 10.3.5.1 and 10.3.5.4).
// The partition's GUID is given in the order of its bytes.
func bootEntry(name, partition, file string) string {
	path := append([]byte("\x04\x01\x2a\x00"+"\x01\x00\x00\x00"+"\x00\x08\x00\x00\x00\x00\x00\x00"+"\x00\x00\x10\x00\x00\x00\x00\x00"+partition+"\x02\x02"+"\x04\x04"),
		binary.LittleEndian.AppendUint16(nil, uint16(4+len(wide(file))))...)
	path = append(append(path, wide(file)...), "\x7f\xff\x04\x00"...)
	return "\x01\x00\x00\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(path)))) + string(wide(name)) + string(path)
}

// leftovers of a former owner in the firmware of the laptop, beside what is not theirs.
type leftovers struct {
	l      *laptop
	file   string
	before map[string]string
}

const (
	entryOf   = "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	windowsID = "OfflineUniqueIDRandomSeed-eaec226f-c9a3-477a-a826-ddc716cdc0e3"
	systemd   = "LoaderSystemToken-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
)

// plantLeftovers in a firmware with Secure Boot, and things that must stay: the keys that
// it has, an entry that leads to our own stick, a program of the maker's menu, a setting.
// The order names none of theirs: OVMF deletes what its order names and QEMU's does not.
func (l *laptop) plantLeftovers() leftovers {
	l.t.Helper()
	p := leftovers{l: l, file: filepath.Join(l.dir, variablesFile(true))}
	b, err := os.ReadFile("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
	if err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(p.file, b, 0o600); err != nil {
		l.t.Fatal(err)
	}
	const theirs, ours = "abcdefghijklmnop", "DNAHABKC\x80\x00\x00\x00\x00\x00\x00\x02" // 48414e44-4241-434b-8000-000000000002
	menu := []byte(bootEntry("Diagnostics", theirs, `\EFI\maker\diags.efi`))
	menu[1] = 1 // LOAD_OPTION_CATEGORY_APP
	plantVariables(l.t, p.file,
		flashed{"Boot0A03" + entryOf, bootEntry("Windows Boot Manager", theirs, `\EFI\Microsoft\Boot\bootmgfw.efi`)},
		flashed{"Boot0A07" + entryOf, bootEntry("ubuntu", theirs, `\EFI\ubuntu\shimx64.efi`)},
		flashed{"Boot0A08" + entryOf, bootEntry("Handback", ours, `\EFI\BOOT\BOOTX64.EFI`)},
		flashed{"Boot0A09" + entryOf, string(menu)},
		flashed{"BootOrder" + entryOf, "\x08\x0a"},
		flashed{windowsID, "a seed that outlives the installation"},
		flashed{systemd, "thirty-two bytes of a random seed"},
		flashed{"Setup-ec87d643-eba4-4bb5-a1e5-3f3e36b20da9", "the maker's settings"})
	if p.before = firmwareVariables(l.t, p.file); p.before["PK"+entryOf] == "" || p.before[windowsID] == "" {
		l.t.Fatalf("the firmware has %q", slices.Sorted(maps.Keys(p.before)))
	}
	return p
}

// gone: what was theirs is not in the flash any more, and all else is as it was.
func (p leftovers) gone() {
	t := p.l.t
	t.Helper()
	after := firmwareVariables(t, p.file)
	for _, name := range []string{"Boot0A03" + entryOf, "Boot0A07" + entryOf, windowsID, systemd} {
		if _, there := after[name]; there {
			t.Errorf("%s is still in the firmware", name)
		}
	}
	for _, name := range []string{"PK" + entryOf, "KEK" + entryOf, "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f", "dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f",
		"Boot0A08" + entryOf, "Boot0A09" + entryOf, "Setup-ec87d643-eba4-4bb5-a1e5-3f3e36b20da9"} {
		if p.before[name] == "" || after[name] != p.before[name] {
			t.Errorf("%s was %d bytes and is %d, or others", name, len(p.before[name]), len(after[name]))
		}
	}
	order := after["BootOrder"+entryOf]
	if order == "" {
		t.Error("the firmware has no order of boot entries")
	}
	for i := 0; i+1 < len(order); i += 2 {
		if name := fmt.Sprintf("Boot%02X%02X%s", order[i+1], order[i], entryOf); after[name] == "" {
			t.Errorf("the order names %s, which is not there", name)
		}
	}
}

// told: the records say what was found and that it was cleared, as the paper does.
func (p leftovers) told(v taken) {
	t := p.l.t
	t.Helper()
	want := map[string]string{"boot entries of a former system": "'Windows Boot Manager', 'ubuntu'", "EFI variables of a former system": "'LoaderSystemToken (Linux)'"}
	for _, r := range v.summary.Residue {
		if words, is := want[r.Item]; is && r.State == certs.ResidueCleared && strings.Contains(r.Evidence, words) {
			delete(want, r.Item)
		}
	}
	if !slices.ContainsFunc(v.summary.Residue, func(r certs.Residue) bool {
		return r.State == certs.ResiduePresent && strings.HasPrefix(r.Evidence, "1: 'Diagnostics': they stay")
	}) {
		t.Errorf("the program of the menu is not told as present: %+v", v.summary.Residue)
	}
	if len(want) > 0 {
		t.Errorf("not told as cleared: %v, but %+v", want, v.summary.Residue)
	}
}

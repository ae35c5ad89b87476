package platform

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf16"

	"handback.example/inspect"
)

// hostile are strings that have drawn on screens: control sequences with one byte
// and with two, operating system commands, a device control string, direction
// marks, a second line that says what the first must not.
var hostile = map[string]string{
	"CSI":             "A\x1b[2J\x1b[1;1HB",
	"CSI, one byte":   "A\xc2\x9b2JB\x9b31mC",
	"OSC 52":          "A\x1b]52;c;aGFja2Vk\x07B",
	"DCS":             "A\x1bPq#0;2;0;0;0\x1b\\B",
	"BEL":             "A\x07\x07B",
	"right to left":   "A\u202egnp.exe\u202cB",
	"isolates":        "A\u2066B\u2069\u200f",
	"second line":     "A\nPASS: ERASED\r\nB",
	"form feed":       "A\x0c\x0b\x85B",
	"no UTF-8":        "A\xff\xfe\xc0\x80B",
	"zero width":      "A\u200b\ufeffB",
	"a long one":      "A" + strings.Repeat("x1", 4000),
	"delete":          "A\x7f\x7fB\x08\x08C",
	"a formula":       "=cmd|'/C calc'!A0",
	"tabs and blanks": "A\t\t B   \x00C",
}

// Every text that a machine can prepare, with each of them: what comes out is
// printable ASCII and of bounded length, whatever it is shown on.
func TestHostileTexts(t *testing.T) {
	for name, text := range hostile {
		file := strings.NewReplacer("\n", "", "\x00", "").Replace(text) // as much as a file of sysfs can hold on one line
		panel := unhex(t, edidLGD)
		copy(panel[113:126], file+strings.Repeat(" ", 13))
		panel[127] -= sum(panel[:128])
		r := readFiles(t, files{
			"sys/firmware/dmi/tables/smbios_entry_point": "",
			"sys/firmware/dmi/tables/DMI":                hostileTable(text),
			"proc/cpuinfo":                               "vendor_id : " + file + "\ncpu family : 6\nmodel : 142\nmodel name : " + file + "\nstepping : 10\nflags : fpu\n\n",
			psy + "BAT0/type":                            "Battery\n", psy + "BAT0/manufacturer": text, psy + "BAT0/model_name": text, psy + "BAT0/serial_number": text, psy + "BAT0/technology": text,
			"sys/class/drm/card0-eDP-1/status": "connected\n", "sys/class/drm/card0-eDP-1/edid": string(panel),
			"sys/kernel/security/lockdown":        text,
			efiVars + "Boot0001" + globalVariable: "\x07\x00\x00\x00" + loadOptionOf(text),
			"sys/class/net/eth0/type":             "1\n", "sys/class/net/eth0/address": file, "sys/class/net/eth0/uevent": text,
			"sys/bus/acpi/devices/PNP0C0D:00/modalias": text,
			"sys/class/dmi/id/chassis_asset_tag":       text,
		})
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var all any
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
		for _, s := range textsOf(all) {
			if strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) || len(s) > 600 {
				t.Errorf("%s: %q", name, s)
			}
		}
		if r.Machine.Serial.Known && len(r.Machine.Serial.Value) > 64 {
			t.Errorf("%s: serial %q", name, r.Machine.Serial.Value)
		}
		if len(r.Residue) == 0 || r.Residue[0].State != inspect.ResiduePresent {
			t.Errorf("%s: its boot entry was not read: %+v", name, r.Residue)
		}
	}
}

// hostileTable has the text in every string of types 0 to 3, 4, 8, 17, 22 and 39.
func hostileTable(text string) string {
	text = strings.ReplaceAll(text, "\x00", "") // ends a string
	of := func(kind byte, length int, offsets ...int) string {
		data := make([]byte, length)
		data[0], data[1] = kind, byte(length)
		for _, at := range offsets {
			data[at] = 1
		}
		if kind == typePort {
			data[0x07], data[0x08] = 0x12, 0x10
		}
		if kind == typeMemory {
			data[0x0d], data[0x12] = 0x20, 0x1a
		}
		if kind == typeSupply {
			data[0x0e] = 0x02
		}
		return string(data) + text + "\x00\x00"
	}
	return of(typeBIOS, 0x18, 0x04, 0x05, 0x08) + of(typeSystem, 0x1b, 0x04, 0x05, 0x06, 0x07, 0x19, 0x1a) + of(typeBoard, 0x0f, 0x04, 0x05) + of(typeCase, 0x15, 0x08) +
		of(typeCPU, 0x30, 0x07, 0x10) + of(typePort, 0x09, 0x04, 0x06) + of(typeMemory, 0x28, 0x10, 0x17, 0x1a) + of(typeBattery, 0x1a, 0x05, 0x07, 0x08, 0x14) + of(typeSupply, 0x16, 0x06, 0x07, 0x0a) + of(typeOnboard, 0x0b, 0x04) + "\x7f\x04\xff\xfe\x00\x00"
}

// loadOptionOf a system on a partition, with the text for its name.
func loadOptionOf(text string) string {
	const path = "\x04\x01\x2a\x00" + "\x01\x00\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00abcdefghijklmnop\x02\x02" + "\x04\x04\x06\x00\\\x00" + "\x7f\xff\x04\x00"
	b := []byte{1, 0, 0, 0, byte(len(path)), 0}
	for _, c := range utf16.Encode([]rune(strings.ReplaceAll(text, "\x00", ""))) {
		b = append(b, byte(c), byte(c>>8))
	}
	return string(append(b, 0, 0)) + path
}

// textsOf a JSON value, keys too.
func textsOf(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			all = append(all, textsOf(e)...)
		}
	case map[string]any:
		for key, e := range v {
			all = append(append(all, key), textsOf(e)...)
		}
	}
	return all
}

package capture

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"handback.example/inspect/drive"
)

func concealing(t testing.TB) concealer {
	t.Helper()
	n, err := newNames()
	if err != nil {
		t.Fatal(err)
	}
	return concealer{names: n}
}

// A substitute has the length and the shape of the name, is the same for the same name
// in whatever form, and another for another.
func TestNames(t *testing.T) {
	c := concealing(t)
	shape := func(s string) string {
		return strings.Map(func(r rune) rune {
			switch {
			case r >= '0' && r <= '9':
				return '0'
			case r >= 'A' && r <= 'F':
				return 'A'
			case r >= 'G' && r <= 'Z':
				return 'G'
			case r >= 'a' && r <= 'f':
				return 'a'
			case r >= 'g' && r <= 'z':
				return 'g'
			}
			return r
		}, s)
	}
	seen := map[string]string{}
	for _, name := range []string{"S676NX0R", "PF2ABC9Z", "00:e0:4c:68:0a:1b", "4c4c4544-0038-5a10-805a-c7c04f463733", "Alice's disk", "x1", "naa.5000c500a1b2c3d4"} {
		s := c.text(name)
		if s == name || shape(s) != shape(name) {
			t.Errorf("%q became %q", name, s)
		}
		if was := seen[s]; was != "" {
			t.Errorf("%q and %q are both %q", was, name, s)
		}
		seen[s] = name
		if again := c.text("  " + name + "\n"); again != "  "+s+"\n" {
			t.Errorf("%q became %q and %q", name, s, again)
		}
		if u := c.text(strings.ToUpper(name)); u != strings.ToUpper(s) {
			t.Errorf("%q became %q, in capitals %q", name, s, u)
		}
	}
	mac := c.text("00:e0:4c:68:0a:1b")
	if bare := c.text("00e04c680a1b"); bare != strings.ReplaceAll(mac, ":", "") {
		t.Errorf("%s and %s", mac, bare)
	}
	for _, stays := range []string{"", "  ", "0000000000", "XXXXXXXX", "To be filled by O.E.M.", "Default string", "03000200-0400-0500-0006-000700080009"} {
		if s := c.text(stays); s != stays {
			t.Errorf("%q names nothing, and became %q", stays, s)
		}
	}
}

// Checksums: IDENTIFY DEVICE data and a display's base block add up as they did.
func TestSums(t *testing.T) {
	c := concealing(t)
	id := make([]byte, 512)
	copy(id[20:], swapped("S676NX0R            "))
	id[510] = 0xa5
	id[511] = -sum(id)
	was := bytes.Clone(id)
	c.identify(id)
	if sum(id) != 0 || bytes.Equal(id[20:40], was[20:40]) {
		t.Errorf("% x", id[:40])
	}
	id[511]++ // one that was wrong isn't put right
	c.identify(id)
	if sum(id) == 0 {
		t.Error("a wrong checksum is right now")
	}
	for _, off := range []byte{0, 7} {
		e := make([]byte, 128)
		copy(e[12:], "\x11\x22\x33\x44")
		copy(e[54:], "\x00\x00\x00\xff\x00SERIAL12345\n ")
		e[127] = off - sum(e)
		out := c.edid(bytes.Clone(e))
		if sum(out) != off || bytes.Equal(out[12:16], e[12:16]) || bytes.Contains(out, []byte("SERIAL12345")) {
			t.Errorf("a sum of %d became %d", off, sum(out))
		}
	}
}

func TestTame(t *testing.T) {
	for text, want := range map[string]bool{"0x8086\n": true, "8:0\n": true, "": true, "Alice's laptop\n": false, "alice@example.org\n": false, "S676NX0R\n": false, "alice1\n": false,
		"alice\n": false, "Alice Examplewoman\n": false, strings.Repeat("1", 80): false} {
		if got := tame("anything", []byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	for text, want := range map[string]bool{"connected\n": true, "Not charging\n": true, "pcie": true, "alice1": false} {
		if got := tame("status", []byte(text)); got != want {
			t.Errorf("a status of %q: %v", text, got)
		}
	}
}

// FuzzConceal: what is concealed keeps its length, whatever it is.
func FuzzConceal(f *testing.F) {
	for _, name := range []string{"../platform/testdata/smbios/Lenovo-ThinkPad-T480.bin", "../platform/testdata/smbios/Asus-UX307LA.bin"} {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(0), b)
	}
	edid, _ := hex.DecodeString("00ffffffffffff0010ac2da1c4117a3f0a1e0104a5342078")
	f.Add(byte(1), append(edid, make([]byte, 128-len(edid))...))
	f.Add(byte(2), []byte("\x07\x00\x00\x00\x01\x00\x00\x00\x10\x00A\x00\x00\x00\x04\x04\x0c\x00\\\x00A\x00b\x00\x00\x00\x7f\xff\x04\x00rest"))
	f.Add(byte(3), []byte("\x00\x83\x00\x0c\x01\x03\x00\x08\x50\x00\xc5\x00\xa1\xb2\xc3\xd4"))
	f.Add(byte(4), bytes.Repeat([]byte("SERIAL__"), 512))
	f.Add(byte(5), []byte("\x01\x08\x00\x00\x00\x25\x38\x8b\x01\x40\xa6\xf1\x04\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		c := concealing(t)
		out := bytes.Clone(b)
		nvme := func(cns byte) *exchange {
			frame := make([]byte, 64)
			frame[0], frame[40] = 6, cns
			return &exchange{Protocol: drive.ProtocolNVMe, Frame: frame}
		}
		switch kind % 6 {
		case 0:
			out = c.smbios(out)
		case 1:
			out = c.edid(out)
		case 2:
			out = c.variable("Boot0001-8be4df61", out)
		case 3:
			c.answer(&exchange{Protocol: drive.ProtocolSCSI, Frame: hexBytes{0x12, 1, 0x83, 0, 0xfc, 0}}, out)
		case 4:
			c.answer(nvme(1), out)
		case 5:
			c.answer(nvme(3), out)
		}
		if len(out) != len(b) {
			t.Fatalf("%d bytes became %d", len(b), len(out))
		}
		if s := c.everywhere().Replace(string(b)); len(s) != len(b) {
			t.Fatalf("%d bytes became %d", len(b), len(s))
		}
	})
}

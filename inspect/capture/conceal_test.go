package capture

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/mmc"
	"handback.example/inspect/drive/scsi"
	"handback.example/inspect/drive/tcg"
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
	for range 300 { // one that was wrong isn't put right, not even by chance
		id[511]++
		wrong := sum(id)
		if concealing(t).identify(id); sum(id) != wrong {
			t.Fatalf("a sum of %d became %d", wrong, sum(id))
		}
		id[511] -= wrong
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

// Of a display's descriptors the known ones stay, the text of a number is replaced, and
// any other is blotted out; the block adds up as it did.
func TestDescriptors(t *testing.T) {
	for tag := range 256 {
		for _, reserved := range []byte{0, 1} {
			e := make([]byte, 128)
			copy(e[72:], []byte{0, 0, reserved, byte(tag), 0})
			copy(e[77:], "ALICE-77319\n ")
			copy(e[90:], "\x00\x00\x00\xfc\x00DELL P2419H\n ")
			copy(e[108:], "\x01\x1dALICE'S TIMING!!") // its clock is not 0: no descriptor
			e[127] = -sum(e)
			out := concealing(t).edid(bytes.Clone(e))
			if sum(out) != 0 || !bytes.Equal(out[54:76], e[54:76]) || !bytes.Equal(out[90:126], e[90:126]) {
				t.Errorf("%02xh: % x", tag, out)
			}
			known := reserved == 0 && (tag >= 0xf7 && tag <= 0xfd)
			if kept := bytes.Equal(out[76:90], e[76:90]); kept != known {
				t.Errorf("%02xh, %d: it is kept: %v", tag, reserved, kept)
			}
			if text := out[77:88]; reserved == 0 && tag >= 0xfe && (text[5] != '-' || text[0] == 0) {
				t.Errorf("%02xh: %q", tag, text)
			}
		}
	}
}

// The kernel's and udev's names of interfaces stay, and so do words like them in other
// folders. Any other is replaced, by the same in folders, links and files.
func TestInterfaces(t *testing.T) {
	c := concealing(t)
	for _, stays := range []string{"lo", "eth0", "eth1.4094", "wlan0", "wwan0", "usb0", "enp3s0", "enp0s31f6", "enP2p1s0", "eno1", "eno1np0", "ens5", "ens5f1d1", "enp6s0f0np0", "enp1s0f0v12", "enp0s20f0u2u4c2i1",
		"wlp2s0", "wlo1", "wwp0s20f0u2", "wwp0s20f0u2i12", "end0", "enX0", "em1", "p3p1", "br0", "docker0", "veth12", "tun0", "tap0", "bond0", "bonding_masters", "virbr0", "sit0", "ip6tnl0", "can0", "wg0", "ib0"} {
		if s := c.name("/sys/class/net/" + stays); s != "/sys/class/net/"+stays {
			t.Errorf("%s became %s", stays, s)
		}
	}
	for _, given := range []string{"wg-alicee-home", "lan-alice", "alice", "home0", "eth-alice", "eth0alice", "enp3s0-alice", "alice.100", "eth0.alice", "enxalice", "vethalice", "br-alice", "tun-alice", "eth4711077", "my", "LAN0",
		"enx00e04c680a1b-al"} {
		dir := c.name("/sys/devices/pci0000:00/0000:00:1f.6/net/" + given + "/uevent")
		s := strings.TrimSuffix(strings.TrimPrefix(dir, "/sys/devices/pci0000:00/0000:00:1f.6/net/"), "/uevent")
		if s == given || strings.Contains(s, "alice") || len(s) != len(given) || strings.Contains(s, "/") || kernelsShape.MatchString(s) {
			t.Errorf("%s became %s", given, dir)
		}
		for was, want := range map[string]string{
			"/sys/class/net/" + given + "/device":                                         "/sys/class/net/" + s + "/device",
			"/sys/../../devices/virtual/net/" + given:                                     "/sys/../../devices/virtual/net/" + s,
			"/sys/../../../../net/" + given:                                               "/sys/../../../../net/" + s,
			"/sys/module/" + given + "/net":                                               "/sys/module/" + given + "/net",
			"/sys/devices/pci0000:00/0000:00:1f.6/net/" + given + "/queues/rx-0/" + given: "/sys/devices/pci0000:00/0000:00:1f.6/net/" + s + "/queues/rx-0/" + given,
		} {
			if is := c.name(was); is != want && !macName.MatchString(given) {
				t.Errorf("%s became %s, not %s", was, is, want)
			}
		}
		for _, end := range []string{"", "\n", "\nIFINDEX=2\n"} {
			out, kept := c.file("/sys/class/net/"+given+"/uevent", []byte("DEVTYPE=wlan\nINTERFACE="+given+end))
			if want := "DEVTYPE=wlan\nINTERFACE=" + s + end[:min(len(end), 1)]; !kept || string(out) != want {
				t.Errorf("%q, not %q", out, want)
			}
		}
	}
	if s := c.name("/sys/../../ieee80211/phy0"); s != "/sys/../../ieee80211/phy0" {
		t.Error(s)
	}
	if s := c.name("/sys/../../ieee80211/alice-radio"); strings.Contains(s, "alice") {
		t.Error(s)
	}
	const usb = "DEVTYPE=usb_interface\nPRODUCT=bda/8153/3000\nINTERFACE=255/255/0\n"
	if out, _ := c.file("/sys/bus/usb/devices/1-3:1.0/uevent", []byte(usb)); string(out) != usb {
		t.Errorf("%q", out)
	}
	// No substitute is a name that stands beside it.
	for i := range 2000 {
		if s := concealing(t).netName("mx"); kernelsShape.MatchString(s) {
			t.Fatalf("%s, the %dth", s, i)
		}
	}
}

// A partition's node has its signature where the standard has it, or none; the stick's
// own stays.
func TestPartitionNode(t *testing.T) {
	guid := []byte{0x00, 0x33, 0x19, 0x5b, 0x78, 0xfc, 0xcd, 0x40, 0x80, 0x02, 0xe8, 0x6c, 0x45, 0x58, 0x0b, 0x47}
	for n := range 60 {
		data := append(append(bytes.Repeat([]byte{1}, 20), guid...), "\x02\x02ALICE ALICE ALICE ALICE"...)
		data = append(data, make([]byte, 60)...)[:n]
		c := concealing(t)
		is := bytes.Clone(data)
		c.pathNode(4, 1, is)
		want := make([]byte, n)
		if n == 38 {
			copy(want, data[:20])
			copy(want[20:], is[20:36])
			copy(want[36:], data[36:])
		}
		if !bytes.Equal(is, want) || n == 38 && bytes.Equal(is[20:36], guid) {
			t.Errorf("%d bytes: % x", n, is)
		}
		c.own = []string{"5b193300-fc78-40cd-8002-e86c45580b47"}
		is = bytes.Clone(data)
		c.pathNode(4, 1, is)
		if clear(want); n >= 38 {
			copy(want, data[:38])
		}
		if !bytes.Equal(is, want) {
			t.Errorf("the stick's own, %d bytes: % x", n, is)
		}
	}
}

// A maker's own in the answers of a drive is blotted out, and what inspection reads of
// them is as it was.
func TestMakersOwn(t *testing.T) {
	const secret = "HEAD3-B0BBY-61"
	card := make([]byte, 512)
	copy(card[192:], []byte{8})
	copy(card[212:], []byte{0, 0, 1, 0})
	copy(card[254:], "FIRMWARE")
	copy(card[267:], []byte{1, 2, 3})
	copy(card[270:], secret)
	copy(card[302-len(secret):], secret)
	feature := func(code uint16, body string) string {
		return string([]byte{byte(code >> 8), byte(code), 0x10, byte(len(body))}) + body
	}
	level0 := func(length int, features ...string) []byte {
		b := make([]byte, 48)
		copy(b[16:], secret)
		copy(b[48-len(secret):], secret)
		b = append(b, strings.Join(features, "")...)
		b[3] = byte(len(b) - 4 + length)
		b[7] = 1
		return append(append(b, secret...), make([]byte, 512)...)[:512]
	}
	locking, opal := feature(0x0002, "\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), feature(0x0203, "\x07\xfe\x00\x01"+strings.Repeat("\x00", 12))
	own := feature(0xc001, secret)
	for name, b := range map[string][]byte{"whole": level0(0, locking, own, opal), "cut off": level0(0, locking, own[:len(own)-1]), "too short": {3: 20, 20: 'x', 511: 0}, "too long": append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, level0(0, own)[8:]...),
		"shorter than its header": level0(-20), "no feature at its end": level0(2, locking)} {
		was, wasErr := tcg.ParseDiscovery(b)
		for _, ask := range []drive.Command{tcg.DiscoveryATA(), tcg.DiscoverySCSI(), tcg.DiscoveryNVMe(), {Protocol: drive.ProtocolSCSI, Frame: []byte{0: 0xa1, 3: 1, 9: 0x5d, 11: 0}}, {Protocol: drive.ProtocolSCSI, Frame: []byte{0: 0x7f, 21: 1, 25: 0x5c, 31: 0}}} {
			x := kept(t, &exchange{Protocol: ask.Protocol, Frame: ask.Frame, Length: 512, Data: b})
			is, isErr := tcg.ParseDiscovery(append(x.Data, make([]byte, 512-len(x.Data))...))
			if bytes.Contains(x.Data, []byte("B0BBY")) || is != was || fmt.Sprint(isErr) != fmt.Sprint(wasErr) {
				t.Errorf("%s: % x: %+v, %v; it was %+v, %v", name, x.Data, is, isErr, was, wasErr)
			}
		}
	}
	ask := mmc.SendExtCSD()
	x := kept(t, &exchange{Protocol: ask.Protocol, Frame: ask.Frame, Length: 512, Data: card, Sense: hexBytes("\x70" + secret + secret)})
	was, wasErr := mmc.ParseExtCSD(card)
	is, isErr := mmc.ParseExtCSD(append(x.Data, make([]byte, 512-len(x.Data))...))
	if bytes.Contains(x.Data, []byte("B0BBY")) || is != was || isErr != nil || wasErr != nil || is.LifeB != 3 {
		t.Errorf("% x: %+v, %v", x.Data, is, isErr)
	}
	if string(x.Sense) != "\x70"+secret+secret {
		t.Errorf("the states of a card: % x", x.Sense)
	}
}

// kept is an exchange as it is kept.
func kept(t *testing.T, x *exchange) *exchange {
	t.Helper()
	c := concealing(t)
	had := fmt.Sprintf("%+v", *x)
	d := replacedDrive(c.drive(&driveRecord{commands: []*exchange{x}}), c.everywhere().Replace)
	if has := fmt.Sprintf("%+v", *x); has != had {
		t.Errorf("what was recorded is another: %s, it was %s", has, had)
	}
	return d.commands[0]
}

// Sense data keeps what a standard has in it, as bytes, as the answer of a command and in
// the text of an error, without a maker's own and without names.
func TestSense(t *testing.T) {
	const secret = "HEAD3-B0BBY-61"
	registers := "\x09\x0c\x00\x04\x00\x01\x00\x02\x00\x03\x00\x04\x40\x51"
	descriptors := func(all string) string { return "\x72\x05\x21\x04\x00\x00\x00" + string(rune(len(all))) + all }
	for was, want := range map[string]string{
		"": "",
		"\x70\x00\x05\x00\x00\x00\x00\x0a\x01\x02\x03\x04\x21\x04\x11\xc0\x00\x05":          "\x70\x00\x05\x00\x00\x00\x00\x0a\x01\x02\x03\x04\x21\x04\x11\xc0\x00\x05",
		"\xf1\x00\x05\x00\x00\x00\x00\x18\x01\x02\x03\x04\x21\x04\x11\xc0\x00\x05" + secret: "\xf1\x00\x05\x00\x00\x00\x00\x18\x01\x02\x03\x04\x21\x04\x11\xc0\x00\x05" + strings.Repeat("\x00", len(secret)),
		descriptors(registers) + secret:              descriptors(registers) + strings.Repeat("\x00", len(secret)),
		descriptors("\x80\x0e" + secret + registers): descriptors("\x80\x0e" + strings.Repeat("\x00", len(secret)) + registers),
		descriptors(registers + "\x0e\x0e" + secret): descriptors(registers + "\x0e\x0e" + strings.Repeat("\x00", len(secret))),
		descriptors("\x03\x0e" + secret):             descriptors("\x03\x0e" + strings.Repeat("\x00", len(secret))), // of another length than its type has
		descriptors("\x81\x70" + secret):             descriptors("\x81\x70" + strings.Repeat("\x00", len(secret))), // cut off
		"\x7f" + secret:                              "\x7f" + strings.Repeat("\x00", len(secret)),
		secret:                                       secret[:1] + strings.Repeat("\x00", len(secret)-1),
		"\x72\x05":                                   "\x72\x05",
	} {
		x := kept(t, &exchange{Protocol: drive.ProtocolSCSI, Frame: []byte{0x12, 0, 0, 0, 36, 0}, Sense: hexBytes(was)})
		if string(x.Sense) != want {
			t.Errorf("% x became % x", was, x.Sense)
		}
		wasSense, wasOK := scsi.ParseSense([]byte(was))
		isSense, isOK := scsi.ParseSense(x.Sense)
		wasRegisters, wasErr := ata.ParseRegisters([]byte(was))
		isRegisters, isErr := ata.ParseRegisters(x.Sense)
		if wasSense != isSense || wasOK != isOK || wasRegisters != isRegisters || wasErr != isErr {
			t.Errorf("% x: %v, %+v became %v, %+v", was, wasSense, wasRegisters, isSense, isRegisters)
		}
		x = kept(t, &exchange{Protocol: drive.ProtocolSCSI, Frame: []byte{3, 0, 0, 0, 252, 0}, Length: len(was), Data: []byte(was)})
		if string(x.Data) != strings.TrimRight(want, "\x00") {
			t.Errorf("% x became % x", was, x.Data)
		}
		told := &driveRecord{Unopened: "it is stuck", Contents: &Contents{}, commands: []*exchange{x}}
		text := func(sense string) string {
			return "identify /dev/sda: " + (&drive.StatusError{Operation: "INQUIRY", Completion: drive.Completion{Status: 2, Sense: []byte(sense)}}).Error() + ": refused"
		}
		told.Unidentified, told.Contents.Problems = text(was), []string{text(was)}
		d := replacedDrive(concealing(t).drive(told), func(s string) string { return s })
		if d.Unopened != "it is stuck" || d.Unidentified != text(want) || d.Contents.Problems[0] != text(want) {
			t.Errorf("%+v, %+v", d, d.Contents)
		}
	}
	// Of an eMMC they are the states of the card, and no sense data.
	card := &driveRecord{Unidentified: "device status 0001, sense 00 00 09 00", commands: []*exchange{{Protocol: drive.ProtocolMMC}}}
	if d := replacedDrive(concealing(t).drive(card), func(s string) string { return s }); d.Unidentified != card.Unidentified {
		t.Error(d.Unidentified)
	}
	// A name where the standard has a number.
	c := concealing(t)
	serial := c.text("QX77B0B8")
	x := &exchange{Protocol: drive.ProtocolSCSI, Frame: []byte{0x12, 0, 0, 0, 36, 0}, Sense: hexBytes(descriptors("\x00\x0a\x80\x00QX77B0B8"))}
	d := replacedDrive(c.drive(&driveRecord{commands: []*exchange{x}}), c.everywhere().Replace)
	if want := descriptors("\x00\x0a\x80\x00" + serial); string(d.commands[0].Sense) != want {
		t.Errorf("% x", d.commands[0].Sense)
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
	f.Add(byte(6), []byte("\x00\x00\x00\x30\x00\x00\x00\x01"+strings.Repeat("\x00", 40)+"\xc0\x01\x10\x00"))
	f.Add(byte(7), []byte("\x72\x05\x21\x04\x00\x00\x00\x06\x80\x04ABCD"))
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		c := concealing(t)
		out := bytes.Clone(b)
		nvme := func(cns byte) *exchange {
			frame := make([]byte, 64)
			frame[0], frame[40] = 6, cns
			return &exchange{Protocol: drive.ProtocolNVMe, Frame: frame}
		}
		switch kind % 8 {
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
		case 6:
			discovery(out)
		case 7:
			sense(out)
		}
		if len(out) != len(b) {
			t.Fatalf("%d bytes became %d", len(b), len(out))
		}
		if s := c.everywhere().Replace(string(b)); len(s) != len(b) {
			t.Fatalf("%d bytes became %d", len(b), len(s))
		}
	})
}

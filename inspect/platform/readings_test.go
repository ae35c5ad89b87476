package platform

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"strings"
	"testing"

	"handback.example/inspect/drive"
)

// readings of the captures by other tools: dmidecode's text of the .bin, what
// go-smbios made of the .dmi.
func readings(t *testing.T) map[string][]byte {
	t.Helper()
	f, err := os.Open("testdata/smbios/readings.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if all[path.Base(h.Name)], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// fieldsRead are the fields that this package reads of each structure.
var fieldsRead = map[byte]struct{ texts, bytes []int }{
	typeBIOS:   {texts: []int{0x04, 0x05, 0x08}},
	typeSystem: {texts: []int{0x04, 0x05, 0x06, 0x07, 0x19, 0x1a}},
	typeBoard:  {texts: []int{0x04, 0x05}},
	typeCase:   {texts: []int{0x08}, bytes: []int{0x05}},
	typeCPU:    {texts: []int{0x07, 0x10}},
	typePort:   {texts: []int{0x04, 0x06}},
	typeSlot:   {texts: []int{0x04}, bytes: []int{0x07}},
	typeArray:  {bytes: []int{0x05, 0x06, 0x07, 0x08, 0x09, 0x0a}},
	typeMemory: {texts: []int{0x10, 0x11, 0x17, 0x1a}, bytes: []int{0x0c, 0x0d, 0x0e, 0x12, 0x15, 0x16}},
}

// What dmidecode printed of a table goes back to the bytes that stand in it. That
// holds the reader of texts, by which the real machines are judged, to real tables,
// and the decoder of tables to what another tool made of them.
func TestDmidecodeReadings(t *testing.T) {
	tables, structures := 0, 0
	for name, text := range readings(t) {
		base, ok := strings.CutSuffix(name, ".orig.txt")
		if !ok {
			continue
		}
		tables++
		_, raw := capture(t, base+".bin")
		live, err := parseTable(raw)
		if err != nil {
			t.Fatalf("%s: %v", base, err)
		}
		read, _ := dmiText(string(text))
		if len(read) == 0 {
			t.Fatalf("%s: no structure in the text", base)
		}
		for i, at := 0, 0; i < len(read); i++ {
			for at < len(live) && live[at].kind != read[i].kind { // the text leaves out what dmidecode hides
				at++
			}
			if at == len(live) {
				t.Fatalf("%s: structure %d of the text is not in the table", base, i)
			}
			sameFields(t, base, live[at], read[i])
			structures++
			at++
		}
	}
	if tables < 8 || structures < 300 {
		t.Fatalf("%d tables, %d structures", tables, structures)
	}
}

func sameFields(t *testing.T, name string, live, read structure) {
	t.Helper()
	if len(live.data) != len(read.data) {
		t.Errorf("%s: type %d has %d bytes, and the text says %d", name, live.kind, len(live.data), len(read.data))
	}
	f := fieldsRead[live.kind]
	for _, at := range f.texts {
		if a, b := drive.Clean(live.text(at)), drive.Clean(read.text(at)); a != b {
			t.Errorf("%s: type %d, %02xh: %q, and dmidecode read %q", name, live.kind, at, a, b)
		}
	}
	for _, at := range f.bytes {
		if a, b := live.byte(at), read.byte(at); a != b {
			t.Errorf("%s: type %d, %02xh: %02x, and dmidecode's words are %02x", name, live.kind, at, a, b)
		}
	}
}

// goSMBIOS is what go-smbios read of a table, as far as it is read here too.
type goSMBIOS struct {
	BIOSInformation   struct{ Vendor, Version, ReleaseDate string }
	SystemInformation struct {
		Manufacturer, ProductName, Version, SerialNumber, UUID, SKUNumber, Family string
	}
	BaseboardInformation struct{ Manufacturer, Product string }
	SystemEnclosure      struct{ AssetTagNumber string }
	MemoryDevices        []struct {
		Size, ExtendedSize, Speed, FormFactor, MemoryType    int
		DeviceLocator, BankLocator, Manufacturer, PartNumber string
	}
}

func TestGoSMBIOSReadings(t *testing.T) {
	tables := 0
	for name, text := range readings(t) {
		base, ok := strings.CutSuffix(name, ".json")
		if !ok {
			continue
		}
		tables++
		var want goSMBIOS
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		_, raw := capture(t, base+".dmi")
		live, err := parseTable(raw)
		if (err != nil) != (base == "HyperV") { // memory stands behind this table, and it has no entry point to tell its end
			t.Fatalf("%s: %v", base, err)
		}
		compareGoSMBIOS(t, base, live, want)
		if s := readFiles(t, machineOf(t, base+".dmi")).Machine.UUID; s.Known && s.Value != strings.ToLower(want.SystemInformation.UUID) {
			t.Errorf("%s: UUID %+v, and go-smbios read %s", base, s, want.SystemInformation.UUID)
		}
	}
	if tables < 6 {
		t.Fatalf("%d tables", tables)
	}
}

func compareGoSMBIOS(t *testing.T, name string, live []structure, want goSMBIOS) {
	t.Helper()
	bios, _ := first(live, typeBIOS)
	system, _ := first(live, typeSystem)
	board, _ := first(live, typeBoard)
	enclosure, _ := first(live, typeCase)
	for _, c := range []struct {
		got  []byte
		want string
	}{
		{bios.text(0x04), want.BIOSInformation.Vendor}, {bios.text(0x05), want.BIOSInformation.Version}, {bios.text(0x08), want.BIOSInformation.ReleaseDate},
		{system.text(0x04), want.SystemInformation.Manufacturer}, {system.text(0x05), want.SystemInformation.ProductName}, {system.text(0x06), want.SystemInformation.Version},
		{system.text(0x07), want.SystemInformation.SerialNumber}, {system.text(0x19), want.SystemInformation.SKUNumber}, {system.text(0x1a), want.SystemInformation.Family},
		{board.text(0x04), want.BaseboardInformation.Manufacturer}, {board.text(0x05), want.BaseboardInformation.Product}, {enclosure.text(0x08), want.SystemEnclosure.AssetTagNumber},
	} {
		if c.want == "" { // it leaves placeholders out, and in one reading the firmware
			continue
		}
		if !bytes.Equal(bytes.TrimSpace(c.got), []byte(strings.TrimSpace(c.want))) {
			t.Errorf("%s: %q, and go-smbios read %q", name, c.got, c.want)
		}
	}
	i := 0
	for _, s := range live {
		if s.kind != typeMemory {
			continue
		}
		if i == len(want.MemoryDevices) {
			t.Errorf("%s: more memory devices than the %d that go-smbios read", name, i)
			return
		}
		w := want.MemoryDevices[i]
		i++
		if string(s.text(0x10)) != w.DeviceLocator || drive.Clean(s.text(0x17)) != w.Manufacturer || drive.Clean(s.text(0x1a)) != w.PartNumber ||
			int(s.byte(0x0e)) != w.FormFactor || int(s.byte(0x12)) != w.MemoryType || int(s.word(0x15)) != w.Speed || int(s.word(0x0c)) != w.Size && w.Size != 0 {
			t.Errorf("%s: memory device %d: % x %q, and go-smbios read %+v", name, i, s.data, s.strings, w)
		}
	}
	if i != len(want.MemoryDevices) {
		t.Errorf("%s: %d memory devices, and go-smbios read %d", name, i, len(want.MemoryDevices))
	}
}

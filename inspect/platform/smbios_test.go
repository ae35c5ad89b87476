package platform

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"handback.example/inspect"
)

// capture gives entry point and table of a machine. Some captures are the table
// alone.
func capture(t testing.TB, name string) (entryPoint, table []byte) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata/smbios", name))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(raw, []byte("_SM")) {
		return nil, raw
	}
	return raw[:0x20], raw[0x20:]
}

// machineOf puts a capture where the kernel has it.
func machineOf(t testing.TB, name string) files {
	entryPoint, table := capture(t, name)
	return files{"sys/firmware/dmi/tables/smbios_entry_point": string(entryPoint), "sys/firmware/dmi/tables/DMI": string(table),
		"proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu vme\n\n"}
}

var slotted = inspect.Known(false, "SMBIOS type 17")

// Expected values: dmidecode 3.2 for .bin, go-smbios for .dmi.
func TestMachines(t *testing.T) {
	for name, want := range map[string]struct {
		maker, model, version, serial, uuid, kind, bios string
		virtual                                         bool
		modules                                         int
		memory                                          int64
		first                                           inspect.MemoryModule
	}{
		"Lenovo-ThinkPad-T480.bin": {"LENOVO", "20L8S07A14", "ThinkPad T480s", "PC131TBF", "161674cc-2a1e-11b2-a85c-e121881d01b9", "laptop",
			"LENOVO N22ET52W (1.29 ) 01/16/2019", false, 2, 24 << 30,
			inspect.MemoryModule{Slot: "ChannelA-DIMM0", Bytes: 8 << 30, Kind: "DDR4", Speed: 2400, Maker: "SK Hynix", Part: "HMAA51S6AMR6N-UH", Form: "SODIMM", Soldered: slotted}},
		"Lenovo-ThinkPad-W510.bin": {"LENOVO", "431924G", "ThinkPad W510", "R86W27P", "01f055ee-7b50-cb11-89b7-b3fc67fdc149", "laptop",
			"LENOVO 6NET84WW (1.45 ) 10/03/2012", false, 2, 8 << 30,
			inspect.MemoryModule{Slot: "DIMM 1", Bytes: 4 << 30, Kind: "DDR3", Speed: 1334, Maker: "Crucial", Part: "CT51264BF1339.C16F", Form: "SODIMM", Soldered: slotted}},
		"Asus-UX307LA.bin": {"ASUSTeK COMPUTER INC.", "UX305LA", "1.0", "FCN0CJ03468352B", "850f3e82-9f38-694a-8840-2f8b0cf5d3d0", "laptop",
			"American Megatrends Inc. UX305LA.206 08/03/2015", false, 2, 8 << 30,
			inspect.MemoryModule{Slot: "ChannelA-DIMM0", Bytes: 4 << 30, Kind: "LPDDR3", Speed: 1600, Maker: "Elpida", Form: "SODIMM", Soldered: inspect.Known(true, "SMBIOS type 17: LPDDR3")}},
		"GigaByte-X399.bin": {"Gigabyte Technology Co., Ltd.", "X399 AORUS XTREME", "", "", "032e02b4-0499-0533-a106-940700080009", "desktop",
			"American Megatrends Inc. F4 10/04/2018", false, 8, 128 << 30,
			inspect.MemoryModule{Slot: "DIMM 0", Bytes: 16 << 30, Kind: "DDR4", Speed: 2933, Maker: "Kingston", Part: "KHX2933C17D4/16G", Form: "DIMM", Soldered: slotted}},
		"VMWare.bin": {"VMware, Inc.", "VMware Virtual Platform", "", "VMware-56 4d e2 c3 c3 c0 e1 e2-46 22 55 4d c5 eb 6b a1",
			"c3e24d56-c0c3-e2e1-4622-554dc5eb6ba1", "virtual", "Phoenix Technologies LTD 6.00 05/19/2017", true, 1, 1 << 30,
			inspect.MemoryModule{Slot: "RAM slot #0", Bytes: 1 << 30, Form: "DIMM", Soldered: slotted}},
		// Its UUID stands in thousands of boards.
		"Beelink-EQ12.dmi": {"AZW", "EQ", "", "BN1004GH10075", "", "mini-pc", "American Megatrends International, LLC. N95V106 12/15/2023", false, 1, 16 << 30,
			inspect.MemoryModule{Slot: "Controller0-ChannelA-DIMM0", Bytes: 16 << 30, Kind: "DDR5", Speed: 5600, Maker: "Crucial Technology", Part: "CT16G56C46S5.M8G1", Form: "SODIMM", Soldered: slotted}},
	} {
		t.Run(name, func(t *testing.T) {
			r := readFiles(t, machineOf(t, name))
			m := r.Machine
			for _, c := range []struct {
				what, want string
				got        inspect.Fact[string]
			}{
				{"maker", want.maker, m.Maker}, {"model", want.model, m.Model}, {"version", want.version, m.Version}, {"serial", want.serial, m.Serial},
				{"UUID", want.uuid, m.UUID}, {"kind", want.kind, m.Kind}, {"BIOS", want.bios, m.BIOS}, {"asset tag", "", m.AssetTag},
			} {
				if c.got.Known != (c.want != "") || c.got.Value != c.want || !c.got.Known && c.got.Why == "" {
					t.Errorf("%s: %+v, want %q", c.what, c.got, c.want)
				}
			}
			if !m.Hypervisor.Known || m.Hypervisor.Value != want.virtual {
				t.Errorf("hypervisor: %+v", m.Hypervisor)
			}
			if len(r.Memory.Modules) != want.modules || !r.Memory.Bytes.Known || r.Memory.Bytes.Value != want.memory {
				t.Fatalf("memory %+v of %d modules", r.Memory.Bytes, len(r.Memory.Modules))
			}
			if r.Memory.Modules[0] != want.first {
				t.Errorf("module %+v, want %+v", r.Memory.Modules[0], want.first)
			}
			if len(r.Unhandled) > 0 {
				t.Errorf("unhandled: %+v", r.Unhandled)
			}
		})
	}
}

func TestEntryPoint(t *testing.T) {
	for name, want := range map[string]entry{
		"Lenovo-ThinkPad-T480.bin": {3, 0, 3061}, // 0bf5h
		"Lenovo-ThinkPad-W510.bin": {2, 6, 3123}, // 0c33h
	} {
		raw, _ := capture(t, name)
		got, err := parseEntry(raw)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
		for i := range raw[:24] { // every byte counts in the checksum
			bad := append([]byte(nil), raw...)
			bad[i] ^= 0x40
			if _, err := parseEntry(bad); err == nil {
				t.Errorf("%s: byte %d changed, and nobody saw it", name, i)
			}
		}
	}
}

// A table that is cut keeps what stands before the cut, and says so.
func TestDamagedTable(t *testing.T) {
	_, raw := capture(t, "Lenovo-ThinkPad-T480.bin")
	whole, err := parseTable(raw)
	if err != nil {
		t.Fatal(err)
	}
	for n := range raw {
		part, _ := parseTable(raw[:n])
		if len(part) > len(whole) {
			t.Fatalf("cut at %d: %d structures of %d", n, len(part), len(whole))
		}
		for i, s := range part {
			if !bytes.Equal(s.data, whole[i].data) || !slices.EqualFunc(s.strings, whole[i].strings, bytes.Equal) {
				t.Fatalf("cut at %d: structure %d is not whole", n, i)
			}
		}
	}
	f := machineOf(t, "Lenovo-ThinkPad-T480.bin")
	f["sys/firmware/dmi/tables/DMI"] = string(raw[:300])
	if r := readFiles(t, f); !noted(r, "damaged") || r.Machine.Serial.Known {
		t.Errorf("serial %+v, and people are told %q", r.Machine.Serial, r.Missing)
	}
}

// The bit that says 'virtual' (7.1.2.2), in a table of a real machine.
func TestVirtualBit(t *testing.T) {
	f := machineOf(t, "Lenovo-ThinkPad-T480.bin")
	raw := []byte(f["sys/firmware/dmi/tables/DMI"])
	bios := bytes.Index(raw, []byte{0x00, 0x18, 0x0b, 0x00}) // type 0, 24 bytes, handle 000Bh
	if bios < 0 {
		t.Fatal("no type 0")
	}
	raw[bios+0x13] |= 0x10
	f["sys/firmware/dmi/tables/DMI"] = string(raw)
	m := readFiles(t, f).Machine
	if m.Hypervisor.Known || !strings.Contains(m.Hypervisor.Why, "processor") || m.Kind.Value != "laptop" {
		t.Errorf("%+v, kind %+v", m.Hypervisor, m.Kind)
	}
	delete(f, "proc/cpuinfo")
	if h := readFiles(t, f).Machine.Hypervisor; !h.Known || !h.Value {
		t.Errorf("without the processor's word: %+v", h)
	}
}

// A string number that names no string, and text that would draw on a screen.
func TestHostileStrings(t *testing.T) {
	f := machineOf(t, "Lenovo-ThinkPad-T480.bin")
	f["sys/firmware/dmi/tables/DMI"] = "\x01\x1b\x01\x00\x01\x09\x02\x03" + strings.Repeat("\x42", 16) + "\x06\x00\x00" +
		"LEN\x1b[2JOVO\x00PASS: \nERASED\x00" + strings.Repeat("S1", 150) + "\x00\x00" + "\x7f\x04\xff\xfe\x00\x00"
	m := readFiles(t, f).Machine
	if m.Maker.Value != "LEN[2JOVO" || m.Model.Known || m.Version.Value != "PASS: ERASED" || len(m.Serial.Value) != 64 {
		t.Errorf("maker %+v, model %+v, version %+v, serial %+v", m.Maker, m.Model, m.Version, m.Serial)
	}
}

func TestPlaceholders(t *testing.T) {
	for _, text := range []string{"To Be Filled By O.E.M.", "To be filled by O.E.M.", "Default string", "None", "Not Specified", "0123456789", "  Not Applicable  ",
		"System Serial Number", "00000000", "XXXXXXX", "...", "--", "-", "INVALID", "n/a", "Chassis Serial Number", "ATN12345678901234567", "No Asset Information", "x.x", "",
		// As they stand in testdata/dmi and the collection that it is from.
		"Type1Family", "Type1 - TBD by OEM", "Type1ProductConfigId", "Type2 - Board Vendor Name1", "Type1Sku0", "Array1_PartNumber0", "A1_Manufacturer1", "ModulePartNumber01", "Mfg 0",
		"PartNum0", "PEGA Family", "Base Board Product Name", "OEM Default string000", "Default SKU", "SKU1", "System SKUNumber", "HuronRiver Platform", "Calpella_CRB", "SharkBay System",
		"Bay Trail-M System", "Cherry Trail CR", "Aptio CRB", "Intel_Mobile", "All Series", "00:00:00:00:00:00", "FFFFFFFF", "1111111", "Rev 1.xx", "MNOPQRSTUVWXYZ", "s/n"} {
		if f := named([]byte(text), "test"); f.Known || f.Why == "" {
			t.Errorf("%q is taken for %+v", text, f)
		}
	}
	for _, text := range []string{"PC131TBF", "1", "1.0", "A", "R86W27P", "Precision 7530", "0A", "10", "5CG9284XYZ", "1.1", "1.1.1", "11", "2.2", "0", "Skybay 500", "Type 82B1", "DIMM 0", "SODIMM1", "ChannelA-DIMM0", "Intel powered classmate PC",
		"Family 17", "SKU 5XM21"} {
		if f := named([]byte(text), "test"); !f.Known || f.Value != text {
			t.Errorf("%q is taken for a placeholder: %+v", text, f)
		}
	}
}

// UUIDs of many machines, and some that only look it: Supermicro's end in the MAC.
func TestSharedUUIDs(t *testing.T) {
	for _, text := range []string{"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "03000200-0400-0500-0006-000700080009", "12345678-1234-5678-90ab-cddeefaabbcc",
		"fefefefe-fefe-fefe-fefe-fefefefefefe", "00000000-0000-0000-0000-000000000001", "4c4c4544-0000-2010-8020-80c04f202020", "11111111-2222-3333-4444-555555555555",
		"", "4c4c4544", "zz020003-0004-0005-0006-000700080009", "161674cc2a1e11b2a85cc8e121881d01b9--"} {
		if f := uniqueUUID(text, "test"); f.Known || f.Why == "" {
			t.Errorf("%q is taken for %+v", text, f)
		}
	}
	for _, text := range []string{"161674cc-2a1e-11b2-a85c-e121881d01b9", "00000000-0000-0000-0000-ac1f6b1c2d3e", "4c4c4544-0035-4d10-8054-b9c04f333633"} {
		if f := uniqueUUID(text, "test"); !f.Known {
			t.Errorf("%q is taken for a placeholder", text)
		}
	}
}

// Memory that keeps its data: an NVDIMM-N, technology 04h at offset 28h.
func TestPersistentMemory(t *testing.T) {
	f := machineOf(t, "Lenovo-ThinkPad-T480.bin")
	device := "\x11\x5c\x11\x00\x10\x00\xfe\xff\x48\x00\x40\x00\x00\x40\x09\x00\x01\x00\x1a\x80\x20\x6a\x0a" // 16 GiB DDR4 2666 in 'P1'
	device += strings.Repeat("\x00", 0x28-len(device)) + "\x04"
	device += strings.Repeat("\x00", 0x5c-len(device)) + "P1\x00\x00"
	f["sys/firmware/dmi/tables/DMI"] = device + f["sys/firmware/dmi/tables/DMI"]
	f["sys/firmware/dmi/tables/smbios_entry_point"] = ""
	r := readFiles(t, f)
	if len(r.Unhandled) != 1 || r.Unhandled[0].Code != "persistent-memory" || !strings.Contains(r.Unhandled[0].What, "slot P1") || r.Unhandled[0].Do == "" {
		t.Errorf("%+v", r.Unhandled)
	}
	// Of a table that breaks off, what is left may be anything; ACPI knows.
	whole := f["sys/firmware/dmi/tables/DMI"]
	f["sys/firmware/dmi/tables/DMI"] = whole[0x5c+4:][:200] // without the module
	if r := readFiles(t, f); r.Unhandled != nil {
		t.Errorf("a table that breaks off: %+v", r.Unhandled)
	}
	f["sys/firmware/acpi/tables/DSDT"] = "DSDT"
	if r := readFiles(t, f); r.Unhandled == nil || len(r.Unhandled) != 0 {
		t.Errorf("ACPI knows of none: %+v", r.Unhandled)
	}
	f["sys/firmware/acpi/tables/NFIT"] = "NFIT"
	if r := readFiles(t, f); len(r.Unhandled) != 1 {
		t.Errorf("ACPI knows of some: %+v", r.Unhandled)
	}
	f["sys/firmware/dmi/tables/DMI"] = whole
	if r := readFiles(t, f); len(r.Unhandled) != 1 || !strings.Contains(r.Unhandled[0].What, "slot P1") {
		t.Errorf("%+v", r.Unhandled)
	}
}

// The sizes of 7.18.5 that have a meaning of their own.
func TestModuleSize(t *testing.T) {
	for name, c := range map[string]struct {
		size     string // at 0ch
		extended string // at 1ch
		bytes    int64
		known    bool
	}{
		"empty":        {"\x00\x00", "\x00\x00\x00\x00", 0, true},
		"unknown":      {"\xff\xff", "\x00\x00\x00\x00", 0, false},
		"in KiB":       {"\x00\x82", "\x00\x00\x00\x00", 512 << 10, true},
		"extended":     {"\xff\x7f", "\x00\x00\x01\x00", 64 << 30, true},
		"beyond sense": {"\xff\x7f", "\xff\xff\xff\x7f", 0, false},
	} {
		data := "\x11\x20\x11\x00" + strings.Repeat("\x00", 8) + c.size + strings.Repeat("\x00", 14) + c.extended
		m, known := module(structure{kind: typeMemory, data: []byte(data)})
		if known != c.known || known && m.Bytes != c.bytes {
			t.Errorf("%s: %+v, %v", name, m, known)
		}
	}
}

func TestFittedOrSeen(t *testing.T) {
	seen := func(gib int64) inspect.Fact[int64] { return inspect.Known(gib<<30, "kernel") }
	for name, c := range map[string]struct {
		fitted int64 // GiB
		err    error
		seen   inspect.Fact[int64]
		want   int64
	}{
		"graphics keep a part":      {8, nil, seen(6), 8},
		"counted in blocks":         {8, nil, inspect.Known(int64(8<<30+128<<20), "kernel"), 8},
		"more seen than listed":     {8, nil, seen(16), 16},
		"far less seen than listed": {64, nil, seen(8), 8},
		"a module of unknown size":  {8, errUnknownModule, seen(16), 16},
		"no list":                   {0, nil, seen(4), 4},
		"kernel says nothing":       {8, nil, inspect.Fact[int64]{}, 8},
	} {
		if got := fittedOrSeen(c.fitted<<30, c.err, c.seen); !got.Known || got.Value != c.want<<30 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func portTexts(ports []inspect.Port) (texts []string) {
	for _, p := range ports {
		texts = append(texts, p.Name, p.Kind)
	}
	return texts
}

// FuzzTable: whatever firmware leaves in memory, nothing panics, and no text comes
// out that could draw on a screen.
func FuzzTable(f *testing.F) {
	seeds := 0
	for _, name := range []string{"Lenovo-ThinkPad-T480.bin", "Asus-UX307LA.bin", "Beelink-EQ12.dmi"} {
		entryPoint, table := capture(f, name)
		f.Add(entryPoint, table)
		seeds++
	}
	f.Add([]byte("_SM3_"), []byte{0x01, 0xff, 0, 0})
	f.Add([]byte{}, []byte{0x11, 0x04, 0, 0, 0, 0, 0x7f, 0x04, 0, 0})
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, entryPoint, raw []byte) {
		e, err := parseEntry(entryPoint)
		if err == nil && (e.length < 0 || e.length > maxTable) {
			t.Fatalf("entry point of length %d", e.length)
		}
		all, _ := parseTable(raw)
		total := 0
		for _, s := range all {
			total += len(s.data)
		}
		if total > len(raw) {
			t.Fatalf("%d bytes of structures in %d", total, len(raw))
		}
		s := &survey{r: &inspect.Report{}, table: all, entry: entry{3, 0, len(raw)}}
		if len(all) == 0 {
			return
		}
		s.fromTable(&s.r.Machine)
		m := s.r.Machine
		for _, fact := range []inspect.Fact[string]{m.Maker, m.Model, m.Version, m.SKU, m.Family, m.Board, m.Serial, m.UUID, m.AssetTag, m.BIOS} {
			if fact.Known && (fact.Value == "" || strings.ContainsFunc(fact.Value, func(c rune) bool { return c < ' ' || c > '~' })) {
				t.Fatalf("%+v", fact)
			}
		}
		if k := s.kindOfText(); k.Known && (k.Value == "" || k.Source == "") || !k.Known && k.Why == "" {
			t.Fatalf("%+v", k)
		}
		s.ports()
		s.memoryArray(len(all))
		for _, text := range portTexts(s.r.Ports) {
			if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) {
				t.Fatalf("%q", text)
			}
		}
		for _, d := range all {
			if m, known := module(d); known && (m.Bytes < 0 || m.Bytes > maxModuleBytes) {
				t.Fatalf("%+v", m)
			}
		}
	})
}

// A table as long as the format allows any: it is read in bounds, and what is
// given is whole.
func TestEndlessTable(t *testing.T) {
	_, part := capture(t, "Lenovo-ThinkPad-T480.bin")
	system := part[bytes.Index(part, []byte{typeSystem, 0x1b}):]
	_, n, err := parseStructure(system)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{
		"2 MB of one structure":  bytes.Repeat(system[:n], (2<<20)/n),
		"2 MB of empty ones":     bytes.Repeat([]byte{126, 4, 0, 0, 0, 0}, (2<<20)/6),
		"2 MB of strings":        append([]byte{11, 5, 0, 0, 1}, bytes.Repeat([]byte("A"), 2<<20)...),
		"2 MB of short strings":  append(append([]byte{11, 5, 0, 0, 1}, bytes.Repeat([]byte("A\x00"), 1<<20)...), 0),
		"longer than any":        bytes.Repeat([]byte{126, 4, 0, 0, 0, 0}, maxTable/6+1),
		"2 MB of memory modules": bytes.Repeat(append(append([]byte{17, 92, 0, 0}, make([]byte, 88)...), 0, 0), (2<<20)/94),
	} {
		start := time.Now()
		r := readFiles(t, laptop.with(files{"sys/firmware/dmi/tables/DMI": string(raw)}))
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: it took %s", name, took)
		}
		if len(r.Memory.Modules) > maxStructures || len(r.Ports) > 64 {
			t.Errorf("%s: %d modules, %d ports", name, len(r.Memory.Modules), len(r.Ports))
		}
		if !strings.HasPrefix(name, "2 MB of short") && !noted(r, "SMBIOS table") {
			t.Errorf("%s: nobody is told, %q", name, r.Missing)
		}
	}
}

// The T480s by dmidecode: 'Maximum Capacity: 32 GB', 'Error Correction Type: None',
// two devices.
func TestMemoryArray(t *testing.T) {
	m := readFiles(t, machineOf(t, "Lenovo-ThinkPad-T480.bin")).Memory
	if m.Slots.Value != 2 || m.Max.Value != 32<<30 || !m.ECC.Known || m.ECC.Value {
		t.Errorf("%+v", m)
	}
	m = readFiles(t, machineOf(t, "SuperMicro-X9DBL.bin")).Memory
	if !m.ECC.Known || !m.ECC.Value || m.Slots.Value < 6 {
		t.Errorf("%+v", m)
	}
	if m := readFiles(t, laptop).Memory; m.Slots.Known || m.Max.Known || m.ECC.Known || m.Max.Why == "" {
		t.Errorf("without a table: %+v", m)
	}
}

// Makers' numbers and part numbers as they stand together in the collection that
// testdata/dmi is from: the part numbers are the makers' own.
func TestMemoryMakers(t *testing.T) {
	for number, want := range map[string]string{
		"859B": "Crucial", "80AD000080AD": "SK Hynix", "0x80CE": "Samsung", "029E": "Corsair", "04CD": "G.Skill", "830B": "Nanya", "030B04B3830B": "Nanya", "802C0000802C": "Micron",
		"0x02FE": "Elpida", "0443": "Ramaxel", "04CB": "A-DATA", "019800000000": "Kingston", "01987FB302FE": "Kingston", "0194": "Smart Modular", "8502": "Patriot",
		"CE00000000000000": "Samsung", "0xAD00000000000000": "SK Hynix", "7F98000000000000": "Kingston", "7F7F7F0B00000000": "Nanya",
		"Samsung": "Samsung", "1315": "1315", "": "", "7F7F": "7F7F", "CE": "CE", "859B859B859B859B859B": "859B859B859B859B859B",
	} {
		if got := memoryMaker(number); got != want {
			t.Errorf("%q is %q, want %q", number, got, want)
		}
	}
	for text, want := range map[string]string{"0x4D34373142353137335148302D594B3020": "M471B5173QH0-YK0", "0x484D54": "0x484D54", "M471B5173QH0-YK0": "M471B5173QH0-YK0",
		"0x1B5B324A1B5B": "[2J[", "0x000000000000": "0x000000000000", "0x48zz": "0x48zz"} {
		if got := partNumber(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

package profile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
)

const library = "../../../../testdata/drives"

func profiles(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(library, "*.toml"))
	if err != nil || len(all) < 15 {
		t.Fatalf("%d profiles in %s, %v", len(all), library, err)
	}
	return all
}

// Every profile of the library makes a model that comes with contents, says whose
// it is, and answers a host.
func TestLibrary(t *testing.T) {
	serials := map[string]string{}
	for _, name := range profiles(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			d, err := Load(name, Options{Clock: sim.NewManual()})
			if err != nil {
				t.Fatal(err)
			}
			if d.Source == "" || d.Name == "" {
				t.Errorf("%+v", d)
			}
			b := make([]byte, 4096)
			if _, err := d.Model.Media()[0].ReadAt(b, 1<<20); err != nil || bytes.Equal(b, make([]byte, 4096)) {
				t.Errorf("it comes empty: %v", err)
			}
			h := inproc.NewHost(sim.NewManual())
			paths, err := d.Attach(h, "/dev/x")
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range paths {
				dev, err := h.Open(p)
				if err != nil {
					t.Fatal(err)
				}
				id, err := dev.Identify(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				key := id.Serial + "/" + id.Model
				if other := serials[key]; other != "" && id.Serial != "" {
					t.Errorf("%s has the identity of %s", name, other)
				}
				serials[key] = name
				if id.Bus != d.Bus || id.Size == 0 || id.Model == "" {
					t.Errorf("%+v", id)
				}
			}
		})
	}
}

// What a profile is for is so: each of these is looked up on the model.
func TestCharacters(t *testing.T) {
	load := func(name string) (*Drive, *inproc.Host, string) {
		t.Helper()
		clock := sim.NewManual()
		d, err := Load(filepath.Join(library, name+".toml"), Options{Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		h := inproc.NewHost(clock)
		paths, err := d.Attach(h, "/dev/x")
		if err != nil {
			t.Fatal(err)
		}
		return d, h, paths[0]
	}
	size := func(h *inproc.Host, path string) int64 {
		t.Helper()
		dev, err := h.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		return dev.Geometry().Size
	}
	d, h, path := load("sata-hdd-hpa")
	if hidden := d.Model.Media()[0].Size() - size(h, path); hidden != 9765625*512 {
		t.Errorf("HPA: %d bytes are hidden, want 5 GB", hidden)
	}
	_, h, path = load("sata-hdd-pending")
	dev, err := h.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dev.ReadAt(drive.AlignedBuffer(4096), 1000000*512); err == nil {
		t.Error("pending: a bad sector was read")
	}
	_, h, path = load("sata-locked")
	if dev, err = h.Open(path); err != nil {
		t.Fatal(err)
	}
	if _, err := dev.ReadAt(drive.AlignedBuffer(4096), 0); err == nil {
		t.Error("locked: it gave its data")
	}
	if d, _, _ = load("nvme-two-namespaces"); len(d.Model.Media()) < 2 {
		t.Errorf("two namespaces: %d media", len(d.Model.Media()))
	}
	if d, _, _ = load("sata-sed"); d.Model.Media()[0].Size() == 0 {
		t.Error("SED: no medium")
	}
}

const good = `name = "A disk"
source = "made up for this test"

[ata]
serial = "A1"
native_sectors = 2048

[ata.security]
supported = true

[[fault]]
opcode = 0xec
abort = true

[[fault]]
delay = "5s"
keep = [{ off = 0, len = 512 }]
`

func TestBadProfiles(t *testing.T) {
	if _, err := Parse("good.toml", good, Options{}); err != nil {
		t.Fatal(err)
	}
	change := func(from, to string) string {
		s := strings.Replace(good, from, to, 1)
		if s == good {
			t.Fatalf("%q is not in the profile", from)
		}
		return s
	}
	for what, c := range map[string]struct {
		text, says string
	}{
		"not TOML":            {change(`serial = "A1"`, `serial = A1`), "bad.toml, line 5: "},
		"no such field":       {change(`serial = "A1"`, `serail = "A1"`), "bad.toml, line 5: ata.serail: there is no such field"},
		"no such table":       {change("[ata.security]", "[ata.safety]"), "bad.toml, line 8: ata.safety: there is no such field"},
		"no such kind":        {change("[ata]", "[floppy]"), "bad.toml, line 4: floppy: there is no such field"},
		"a number for text":   {change(`serial = "A1"`, `serial = 1`), "bad.toml, line 5: ata.serial: 1 is not a text in quotes"},
		"text for a number":   {change("2048", `"many"`), "bad.toml, line 6: ata.native_sectors: many is not a whole number"},
		"negative":            {change("2048", "-1"), "bad.toml, line 6: ata.native_sectors: -1 does not fit"},
		"too large":           {change("0xec", "256"), "bad.toml, line 12: fault[0].opcode: 256 does not fit"},
		"a model's own error": {change(`serial = "A1"`, `serial = "123456789012345678901"`), "bad.toml, line 5: ata.serial: "},
		"no time":             {change(`"5s"`, `"soon"`), "bad.toml, line 16: fault[1].delay: "},
		"in a list":           {change("len = 512", "len = \"x\""), "bad.toml, line 17: fault[1].keep[0].len: x is not a whole number"},
		"no name":             {change(`name = "A disk"`, ""), "name: a profile says what it is"},
		"no source":           {change("source", "contents"), ""},
		"two kinds":           {good + "[nvme]\nserial = \"N\"\n", "2 tables of"},
		"no kind":             {"name = \"x\"\nsource = \"y\"\n", "0 tables of"},
		"another bus":         {"bus = \"nvme\"\n" + good, "bad.toml, line 1: bus: \"nvme\": this drive hangs on sata"},
		"a bridge for NVMe":   {"name = \"x\"\nsource = \"y\"\n[nvme]\nserial = \"N\"\n[usb]\n", "line 5: usb: "},
		"a line's comment":    {change(`serial = "A1"`, "# serial = 0\nserial = 1 # = x"), "bad.toml, line 6: ata.serial: "},
		"a header's comment":  {change("[ata]\n", "[ata] # = serial\n") + "\n[ata.smart]\nhours = -1", "bad.toml, line 20: ata.smart.hours: "},
		"quoted keys":         {change("[ata]\nserial = \"A1\"", "[ \"ata\" ]\n'serial' = 1"), "bad.toml, line 5: ata.serial: "},
		"dotted keys":         {change("[ata.security]\nsupported = true", "[ata . security]\nsupported = 1"), "bad.toml, line 9: ata.security.supported: "},
		"dotted by itself":    {change("[ata]\nserial = \"A1\"\nnative_sectors = 2048\n", "ata . serial = 1\n"), "bad.toml, line 4: ata.serial: "},
		"an inline table":     {change("[ata.security]\nsupported = true", "[sat]\n[opal]\n") + "[usb]\nspeed = { fast = 1 }", "bad.toml, line 20: usb.speed: "},
		"a text of lines":     {change("source = \"made up for this test\"", "source = \"\"\"\n[ata]\nserial = 1\n\"\"\"") + "[ata.words]\n217 = 70000", "bad.toml, line 22: ata.words.217: 70000 does not fit"},
		"a list of lines":     {change("keep = [{ off = 0, len = 512 }]", "keep = [\n  { off = 0, len = 512 },\n  { off = 0, len = \"x\" },\n]"), "bad.toml, line 17: fault[1].keep[1].len: "},
		"beside a number":     {change("2048", "99999999999999999999"), "bad.toml, line 6: "},
		"negative delay":      {change(`"5s"`, `"-5s"`), "bad.toml, line 16: fault[1].delay: it is less than 0"},
		"negative nth":        {change("abort = true", "abort = true\nnth = -1"), "bad.toml, line 14: fault[0].nth: it is less than 0"},
		"negative times":      {change("abort = true", "abort = true\ntimes = -1"), "bad.toml, line 14: fault[0].times: it is less than 0"},
		"sticks beyond":       {change("abort = true", "stick_at = 1.5"), "bad.toml, line 13: fault[0].stick_at: 1.5 is no part of an erasure"},
		"fails before":        {change("abort = true", "fail_at = -0.5"), "bad.toml, line 13: fault[0].fail_at: -0.5 is no part of an erasure"},
		"keeps nothing":       {change("len = 512", "len = 0"), "bad.toml, line 17: fault[1].keep[0]: 0 bytes from 0 on"},
		"keeps before":        {change("off = 0", "off = -1"), "bad.toml, line 17: fault[1].keep[0]: 512 bytes from -1 on"},
		"keeps too much":      {change("off = 0, len = 512", "off = 1, len = 9223372036854775807"), "bad.toml, line 17: fault[1].keep[0]: "},
		"keeps beyond":        {change("off = 0", "off = 1048576"), "bad.toml, line 17: fault[1].keep[0]: byte 1048576 is past the end of a drive of 1048576"},
		"nothing goes wrong":  {change("abort = true\n", ""), "bad.toml, line 11: fault[0]: nothing goes wrong"},
		"blocks from nowhere": {change("abort = true", "abort = true\nblocks = 5"), "bad.toml, line 14: fault[0].blocks: so many from which lba on?"},
		"a bridge's error":    {good + "[usb]\nspeed = \"warp\"\n", "bad.toml, line 19: usb.speed: "},
		"a card's error":      {"name = \"x\"\nsource = \"y\"\n[mmc]\nsectors = 8\nserial = \"0x1\"\nboot_size = 5\n", "bad.toml, line 6: mmc.boot_size: "},
		"a card's time":       {"name = \"x\"\nsource = \"y\"\n[mmc]\nsectors = 8\nserial = \"0x1\"\nerase_time = \"-1h\"\n", "bad.toml, line 6: mmc.erase_time: "},
		"a card's serial":     {"name = \"x\"\nsource = \"y\"\n[mmc]\nsectors = 8\nserial = \"one\"\n", "bad.toml, line 5: mmc.serial: "},
		"a TPer's error":      {good + "[opal]\nmsid = \"m\"\npsid = \"" + strings.Repeat("p", 33) + "\"\n", "bad.toml, line 20: opal.psid: "},
		"endless":             {strings.Repeat("#", 2<<20), "are no profile"},
	} {
		_, err := Parse("bad.toml", c.text, Options{})
		var place *Error
		if !errors.As(err, &place) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", what, err, c.says)
		}
	}
}

// Not every file is a profile, and one that never ends is not read to its end.
func TestLoadsNoDevice(t *testing.T) {
	if _, err := Load("/dev/zero", Options{}); err == nil || !strings.Contains(err.Error(), "bytes are no profile") {
		t.Errorf("%v", err)
	}
}

// A drive whose media are files leaves what was done to it in them.
func TestMediaOfFiles(t *testing.T) {
	dir := t.TempDir()
	var names []string
	well, _, _ := strings.Cut(good, "[[fault]]")
	d, err := Parse("good.toml", well, Options{Clock: sim.NewManual(), Medium: func(n int, size int64) (*sim.Medium, error) {
		name := filepath.Join(dir, string(rune('0'+n)))
		m, done, err := sim.OpenMedium(name, size)
		if err == nil {
			t.Cleanup(func() { _ = done() })
			names = append(names, name)
		}
		return m, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	h := inproc.NewHost(nil)
	paths, err := d.Attach(h, "/dev/x")
	if err != nil {
		t.Fatal(err)
	}
	dev, err := h.OpenTarget(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	b := drive.AlignedBuffer(512)
	copy(b, "written through the drive")
	if _, err := dev.WriteAt(b, 512*7); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(names[0])
	if err != nil || len(got) != 2048*512 || !bytes.Equal(got[512*7:512*8], b) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{"NativeSectors": "native_sectors", "LBAFormats": "lba_formats", "EUI64": "eui64", "WWN": "wwn",
		"SubNQN": "sub_nqn", "CtrlID": "ctrl_id", "NODMMAS": "nodmmas", "PowerOnHours": "power_on_hours", "Word89": "word89", "SID": "sid"} {
		if got := snake(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func FuzzProfile(f *testing.F) {
	f.Add(good)
	for _, name := range profiles(f) {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		d, err := Parse("fuzz.toml", text, Options{Clock: sim.NewManual()})
		var place *Error
		switch {
		case err == nil && d.Model == nil:
			t.Error("neither a model nor an error")
		case err != nil && !errors.As(err, &place):
			t.Errorf("an error without a place: %v", err)
		case time.Since(start) > 10*time.Second:
			t.Error("it takes too long")
		}
	})
}

package settings_test

import (
	"strings"
	"testing"

	"handback.example/cmd/internal/settings"
)

func TestParse(t *testing.T) {
	s, err := settings.Parse([]byte(`
stick = "S07"
bench = "Bench 4"
processors = "windows-11.csv"
[wipe]
level = "clear"
serials = ["ALPHA", "BRAVO"]
[intake]
source = "desk"
[site]
workshop = true
keyboard = "de-pad"
`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Stick != "S07" || s.Bench != "Bench 4" || s.Processors != "windows-11.csv" || s.Wipe.Level != "clear" || s.Wipe.Fallback != "ask" || len(s.Wipe.Serials) != 2 ||
		!s.Site.Workshop || s.Site.Keyboard != "de-pad" {
		t.Errorf("settings are %+v", s)
	}
	if settings.Default().Site.Workshop || settings.Demonstration().Site.Workshop {
		t.Error("a rule of a place that nobody made")
	}
}

// What stands on papers comes from the settings, names only where they say so.
func TestPapers(t *testing.T) {
	text := `
organisation = "Hub Ltd"
[papers]
address = ["1 Example Street", "Casnewydd NP10 8XG"]
contact = "devices@example.gov.uk"
logo = "crest.png"
names = true
[[people]]
id = "op17"
name = "Siân Ŵyn"
title = "Technician"
[partner.recycle]
name = "Ailgylchu Gwent Cyf."
address = ["Uned 7"]
permit = "EPR/AB1234CD"
carrier = "CBDU123456"
sic = "38.32"
`
	s, err := settings.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if l := s.Letterhead("iVBO"); l.Organisation != "Hub Ltd" || len(l.Address) != 2 || l.Contact != "devices@example.gov.uk" || l.Logo != "iVBO" || s.Papers.Logo != "crest.png" {
		t.Errorf("letterhead is %+v", l)
	}
	if name, title := s.Named("OP17"); name != "Siân Ŵyn" || title != "Technician" {
		t.Errorf("op17 is %q, %q", name, title)
	}
	if name, _ := s.Named("op18"); name != "" {
		t.Errorf("op18 is %q", name)
	}
	if p := s.PartnerOf("recycle"); p.Name != "Ailgylchu Gwent Cyf." || p.Permit != "EPR/AB1234CD" || p.Carrier != "CBDU123456" || p.SIC != "38.32" || p.Address[0] != "Uned 7" {
		t.Errorf("partner is %+v", p)
	}
	if p := s.PartnerOf("donate"); p.Known() {
		t.Errorf("a partner out of nowhere: %+v", p)
	}
	s.Papers.Names, s.Papers.Organisation = false, "Department"
	if name, title := s.Named("op17"); name != "" || title != "" {
		t.Errorf("a name where none may stand: %q, %q", name, title)
	}
	if l := s.Letterhead(""); l.Organisation != "Department" {
		t.Errorf("letterhead is %+v", l)
	}
}

func TestParsePrinting(t *testing.T) {
	s, err := settings.Parse([]byte("[print]\nuri = 'ipp://bench3.example/ipp/print'\nwhat = ['label']\n[label]\nsize = '100x50'\n"))
	if err != nil || s.Print.URI != "ipp://bench3.example/ipp/print" || s.Print.Copies != 1 || len(s.Print.What) != 1 || s.Label.Size != "100x50" {
		t.Errorf("%+v %+v, %v", s.Print, s.Label, err)
	}
	if s, err = settings.Parse(nil); err != nil || s.Print.URI != "" || len(s.Print.What) != 2 || s.Label.Size != "62x29" {
		t.Errorf("by default %+v %+v, %v", s.Print, s.Label, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"unknown setting":  {"colour = 'red'", `unknown setting "colour"`},
		"unknown below":    {"[wipe]\nlevle = 'purge'", `unknown setting "wipe.levle"`},
		"no such level":    {"[wipe]\nlevel = 'gone'", "must be one of purge, clear"},
		"no such source":   {"[intake]\nsource = 'van'", "must be one of"},
		"above OFFICIAL":   {"[intake]\nclassification = 'secret'", "must be one of"},
		"no such keyboard": {"[site]\nkeyboard = 'fr'", "must be one of uk, uk-pad, us"},
		"DIAL":             {"[intake]\ndial = 4", "a DIAL rating is 1, 2 or 3"},
		"stick is a path":  {"stick = '../S01'", "capital letters or digits"},
		"printer by HTTP":  {"[print]\nuri = 'http://printer/'", "must be a printer's address"},
		"printer of none":  {"[print]\nuri = 'ipp:///x'", "must be a printer's address"},
		"no copies":        {"[print]\ncopies = 0", "print.copies is 0"},
		"prints money":     {"[print]\nwhat = ['money']", "must be one of erasure, disposal, label"},
		"label":            {"[label]\nsize = '1x1'", "label.size is"},
		"not TOML":         {"stick = ", "settings:"},
		"logo elsewhere":   {"[papers]\nlogo = '../../etc/crest.png'", "beside the settings"},
		"logo is a GIF":    {"[papers]\nlogo = 'crest.gif'", "name of a PNG"},
		"list elsewhere":   {"processors = '../list.csv'", "beside the settings"},
		"list in a book":   {"processors = 'list.xlsx'", "name of a .csv or .txt file"},
		"two lines":        {"[papers]\ncontact = 'a\tb'", "one line"},
		"endless address":  {"[papers]\naddress = ['1','2','3','4','5','6','7','8','9']", "it may have 8"},
		"one ID twice":     {"[[people]]\nid = 'op1'\n[[people]]\nid = 'OP1'", "stands there twice"},
		"nobody":           {"[[people]]\nname = 'X'", "is empty"},
		"no such route":    {"[partner.hold]\nname = 'X'", "the routes are"},
		"nameless partner": {"[partner.recycle]\npermit = 'X'", "has no name"},
		"unknown of one":   {"[partner.recycle]\nname = 'X'\nowner = 'Y'", "partner.recycle.owner"},
		"unattended alone": {"unattended = true", "an unattended visit needs"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := settings.Parse([]byte(c.in))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}

// A file without an end is refused before it fills the memory.
func TestReadFile(t *testing.T) {
	if _, err := settings.ReadFile("/dev/zero"); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("/dev/zero gives %v", err)
	}
	if b, err := settings.ReadFile("settings.go"); err != nil || !strings.HasPrefix(string(b), "// Package settings") {
		t.Errorf("an ordinary file gives %q, %v", b, err)
	}
}

func TestMarshalRoundTrip(t *testing.T) {
	want := settings.Demonstration()
	b, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := settings.Parse(b)
	if err != nil {
		t.Fatalf("own settings are refused: %v\n%s", err, b)
	}
	if got.Intake != want.Intake || got.Wipe.Level != want.Wipe.Level || got.Wipe.Serials[0] != "*" || got.Stick != "S01" {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func FuzzParse(f *testing.F) {
	b, err := settings.Demonstration().Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("[wipe]\nserials = ['*']"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := settings.Parse(b)
		if err != nil {
			return
		}
		out, err := s.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := settings.Parse(out); err != nil {
			t.Errorf("settings that were accepted are refused when written again: %v", err)
		}
	})
}

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
[wipe]
level = "clear"
serials = ["ALPHA", "BRAVO"]
[intake]
source = "desk"
`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Stick != "S07" || s.Bench != "Bench 4" || s.Wipe.Level != "clear" || s.Wipe.Fallback != "ask" || len(s.Wipe.Serials) != 2 {
		t.Errorf("settings are %+v", s)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"unknown setting":  {"colour = 'red'", `unknown setting "colour"`},
		"unknown below":    {"[wipe]\nlevle = 'purge'", `unknown setting "wipe.levle"`},
		"no such level":    {"[wipe]\nlevel = 'gone'", "must be one of purge, clear"},
		"no such source":   {"[intake]\nsource = 'van'", "must be one of"},
		"above OFFICIAL":   {"[intake]\nclassification = 'secret'", "must be one of"},
		"DIAL":             {"[intake]\ndial = 4", "a DIAL rating is 1, 2 or 3"},
		"stick is a path":  {"stick = '../S01'", "capital letters or digits"},
		"not TOML":         {"stick = ", "settings:"},
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

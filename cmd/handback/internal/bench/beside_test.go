package bench

import (
	"encoding/base64"
	"strings"
	"testing"

	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
)

// The list of the stick goes before the rule by family; one that can't be used is told,
// and the rule goes on.
func TestProcessors(t *testing.T) {
	on := map[string][]byte{"windows-11.csv": []byte("# Windows 11 24H2, 6 October 2025\nIntel\u00ae,Core\u2122,i5-8250U\n"), "bad.csv": []byte("PK\x03\x04")}
	for name, c := range map[string]struct {
		file, says string
		want       wire.Fact
	}{
		"none":    {"", "", wire.Fact{Value: "processor supported, by rule", Mark: wire.MarkOK}},
		"listed":  {"windows-11.csv", "", wire.Fact{Value: "processor not supported, by list of processors windows-11.csv: Windows 11 24H2, 6 October 2025", Mark: wire.MarkWarn}},
		"missing": {"other.csv", "other.csv, which is not on the stick", wire.Fact{Value: "processor supported, by rule", Mark: wire.MarkOK}},
		"no list": {"bad.csv", "bad.csv on the stick can't be used", wire.Fact{Value: "processor supported, by rule", Mark: wire.MarkOK}},
	} {
		e := &Engine{}
		e.station.Processors, e.station.NoProcessors = processors(on, c.file)
		r := &inspect.Report{CPU: inspect.CPU{Model: inspect.Known("Intel(R) Core(TM) i5-8265U CPU @ 1.60GHz", "test"), Windows11: inspect.Known(true, "rule")}}
		e.judge(r)
		c.want.Name = "Windows 11"
		if got := windows11Fact(r.CPU); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if said := strings.Join(r.Missing, "; "); (said == "") != (c.says == "") || !strings.Contains(said, c.says) {
			t.Errorf("%s: told is %q, want %q", name, said, c.says)
		}
	}
}

func TestLogo(t *testing.T) {
	// The header of a PNG of 60 x 20 pixels (PNG, third edition, 11.2.1).
	png := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x3c\x00\x00\x00\x14\x08\x00\x00\x00\x00")
	on := map[string][]byte{"crest.png": png, "bad.png": []byte("GIF89a")}
	if l, err := logo(on, "crest.png"); err != nil || l != base64.StdEncoding.EncodeToString(png) {
		t.Errorf("the logo is %q, %v", l, err)
	}
	if l, err := logo(on, ""); err != nil || l != "" {
		t.Errorf("without a logo there is %q, %v", l, err)
	}
	for name, want := range map[string]string{"other.png": "not on the stick", "bad.png": "not a PNG"} {
		if _, err := logo(on, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, want)
		}
	}
}

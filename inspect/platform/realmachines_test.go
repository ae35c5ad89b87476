package platform

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path"
	"strings"
	"testing"

	"handback.example/inspect"
)

// folders are the kinds that the collection's own probe gives.
var folders = map[string]string{"Notebook": inspect.KindLaptop, "Desktop": inspect.KindDesktop, "Convertible": inspect.KindConvertible, "Tablet": inspect.KindTablet,
	"All In One": inspect.KindAllInOne, "Mini Pc": inspect.KindMiniPC, "Server": inspect.KindServer, "Stick Pc": inspect.KindStickPC}

// truth of one machine: its kind, '-' where it can't be told or is none of ours,
// and why that is not what the collection says.
type truth struct{ kind, reason string }

func truths(t *testing.T) map[string]truth {
	t.Helper()
	raw, err := os.ReadFile("testdata/dmi/kinds.tsv")
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]truth{}
	for _, row := range rows[1:] {
		all[row[0]] = truth{row[2], row[4]}
	}
	return all
}

// realMachine is one text of the collection.
type realMachine struct{ path, text string }

// archive of texts, gzip or not: 'Notebook/Lenovo/…/<probe>'.
func archive(t *testing.T, name string) (all []realMachine) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var in io.Reader = bytes.NewReader(raw)
	if bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		if in, err = gzip.NewReader(in); err != nil {
			t.Fatal(err)
		}
	}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, realMachine{path.Clean(h.Name), string(text)})
	}
}

// surveyText takes a text the way of a live table.
func surveyText(text string) *survey {
	s := &survey{r: &inspect.Report{}}
	s.table, s.entry = dmiText(text)
	s.entry.length = len(text)
	s.fromTable(&s.r.Machine)
	_, _ = s.modules() // that a size is unknown is no matter here
	s.ports()
	return s
}

// kindOfText: virtual machines are told by their names here, for the texts hold
// no CPUID.
func (s *survey) kindOfText() inspect.Fact[string] {
	if name, _ := s.firmwareVirtual(); name != "" {
		return inspect.Known(inspect.KindVirtual, name)
	}
	source, code := s.enclosure()
	return judgeKind(s.identity(), source, code)
}

// misjudged machines of the collection, and why nothing in their firmware tells
// better. A machine that is misjudged and not here fails the test; so does one
// here that is right.
var misjudged = map[string]string{
	"453133067F0F": "Philco 10D: enclosure 'Desktop', no battery listed, a name of two figures and a letter; live, its battery and its screen tell",
	"461CCDD5D912": "Aquarius NS685U R11: enclosure 'Desktop', no battery listed; live, its battery and its screen tell",
	"D425CD20F652": "enclosure 'Desktop', and every name is a placeholder; live, its battery and its screen tell",
	"AC0E22D89DBA": "Itautec Infoway: enclosure 'Other', and its maker gave the name to desktops too; it is left unknown",
	"23654AFA3E88": "Kohaku: the firmware says 'Laptop', and the code name tells nothing of its hinge",
	"5678CB93815F": "ASRock Rack EPC621D8A: a server's board whose enclosure says 'Desktop', as in workstations",
	"5D0B500F48F1": "ASRock Rack X470D4U: a server's board without an enclosure type, in somebody's desktop",
	"775D6272E88F": "MODECOM Free PC: enclosure 'Desktop', and the name tells no size",
	"27AC8F350006": "enclosure 'Desktop', and every name is a placeholder",
	"013197DD7698": "Graviton: enclosure 'Desktop', and its maker gives desktops the same name; live, its screen makes it unknown",
	"35319D2D90F1": "Graviton: the same",
}

// Every machine of the collection through the same judgement as a live one. Their
// kinds were looked up by model name and stand in testdata/dmi/kinds.tsv; a
// machine that is not there counts by the collection's own folder, which nobody
// looked at. DMI_ARCHIVE=FILE takes another archive.
func TestRealMachines(t *testing.T) {
	name := os.Getenv("DMI_ARCHIVE")
	if name == "" {
		name = "testdata/dmi/machines.tar.gz"
	}
	known := truths(t)
	var all, others tally
	for _, m := range archive(t, name) {
		folder, _, _ := strings.Cut(m.path, "/")
		want, ok := known[path.Base(m.path)]
		score := &all
		if !ok {
			want.kind, score = folders[folder], &others
		}
		s := surveyText(m.text)
		cleanReport(t, m.path, s)
		if want.kind == "" || want.kind == "-" {
			continue
		}
		score.judged++
		if _, code := s.enclosure(); kinds[code] == want.kind {
			score.bare++
		}
		reason, expected := misjudged[path.Base(m.path)]
		switch got := s.kindOfText(); {
		case got.Known && got.Value == want.kind:
			if score.right++; expected {
				t.Errorf("%s is right now: %s", m.path, reason)
			}
			continue
		case !got.Known:
			score.unknown++
			t.Logf("%s: unknown (%s), is %s. %s", m.path, got.Why, want.kind, reason)
		default:
			t.Logf("%s: %s (%s), is %s. %s", m.path, got.Value, got.Source, want.kind, reason)
		}
		if ok && !expected {
			t.Errorf("%s is misjudged, and nobody knows why", m.path)
		}
	}
	if all.judged+others.judged == 0 {
		t.Fatal("the archive holds no machine whose kind is known")
	}
	all.check(t, "by a kind that was looked up", 97)
	others.check(t, "by their folder, which nobody looked at and which is plainly wrong for one or two of a hundred", 95)
}

// tally of machines whose kind was judged.
type tally struct{ judged, right, unknown, bare int }

func (c tally) check(t *testing.T, how string, least float64) {
	t.Helper()
	if c.judged == 0 {
		return
	}
	of := func(n int) float64 { return 100 * float64(n) / float64(c.judged) }
	t.Logf("%d machines judged %s: kind right for %d (%.1f %%), unknown for %d; the enclosure's type alone: %.1f %%", c.judged, how, c.right, of(c.right), c.unknown, of(c.bare))
	if of(c.right) < least {
		t.Errorf("the kind is right for %.1f %%, and %.0f %% are wanted", of(c.right), least)
	}
}

// cleanReport: no text that came out of a machine could draw on a screen, and no
// placeholder passes for a name.
func cleanReport(t *testing.T, name string, s *survey) {
	t.Helper()
	m := s.r.Machine
	for _, d := range s.r.Memory.Modules {
		for _, text := range []string{d.Slot, d.Kind, d.Maker, d.Part, d.Form} {
			if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) || text != "" && placeholder(text) {
				t.Errorf("%s: memory %+v", name, d)
			}
		}
	}
	texts := []inspect.Fact[string]{m.Maker, m.Model, m.Version, m.SKU, m.Family, m.Serial, m.AssetTag, m.Board, m.BIOS}
	for _, f := range texts {
		if strings.ContainsFunc(f.Value+f.Why+f.Source, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("%s: unclean %+v", name, f)
		}
		if f.Known && placeholder(f.Value) {
			t.Errorf("%s: %+v is a placeholder", name, f)
		}
	}
	for _, line := range s.r.Missing {
		if strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("%s: unclean %q", name, line)
		}
	}
}

package font

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"handback.example/image/packages"
)

// terminus is the file of the package in the lock; it is downloaded once and kept.
func terminus(t *testing.T) []byte {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	s := packages.Source{Cache: filepath.Join(cache, "handback", "packages"), Say: func(s string) { t.Log(s) }}
	d, err := s.Get(t.Context(), packages.Font)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := s.Unpack(t.Context(), d, TerminusFile)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, TerminusFile))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// read takes a font apart by the layout of psf(5), with offsets in plain numbers.
func read(t *testing.T, b []byte) map[rune]string {
	t.Helper()
	const header = "72b54a86" + "00000000" + "20000000" + "01000000" + "00010000" + "10000000" + "10000000" + "08000000"
	if got := hex.EncodeToString(b[:32]); got != header {
		t.Fatalf("header %s, want %s", got, header)
	}
	glyphs, table := b[32:32+4096], b[32+4096:]
	lists := bytes.Split(table, []byte{0xff})
	if len(lists) != 257 || len(lists[256]) != 0 {
		t.Fatalf("characters of %d glyphs", len(lists)-1)
	}
	all := map[rune]string{}
	for i, l := range lists[:256] {
		for _, r := range string(l) {
			if _, twice := all[r]; twice || r == utf8.RuneError {
				t.Errorf("%q stands twice or is none", r)
			}
			all[r] = hex.EncodeToString(glyphs[16*i : 16*i+16])
		}
		if i == 0x20 && string(l) != " \u00a0" {
			t.Errorf("glyph 0x20 is %q", l)
		}
	}
	return all
}

func TestBuild(t *testing.T) {
	b, err := Build(terminus(t))
	if err != nil {
		t.Fatal(err)
	}
	all := read(t, b)
	t.Logf("%d characters, %d bytes", len(all), len(b))
	for r, want := range map[rune]string{
		' ': "00000000000000000000000000000000",
		'A': "00003c424242427e4242424200000000", // as Terminus draws it
		'─': "00000000000000ff0000000000000000",
		'█': "ffffffffffffffffffffffffffffffff",
		'▌': "f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0",
		'▉': "fefefefefefefefefefefefefefefefe",
		'▏': "80808080808080808080808080808080",
		'▁': "0000000000000000000000000000ffff",
		'▄': "0000000000000000ffffffffffffffff",
		'▔': "ffff0000000000000000000000000000",
		'▕': "01010101010101010101010101010101",
		'▐': "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
		'▒': "aa55aa55aa55aa55aa55aa55aa55aa55",
		'▸': "0000000040707c7f7f7c704000000000", // drawn here; Terminus has an arrow
	} {
		if got := all[r]; got != want {
			t.Errorf("%q is %s, want %s", r, got, want)
		}
	}
	again, err := Build(terminus(t))
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("two builds differ (%v)", err)
	}
}

// Every character that a screen may draw has a glyph, and no two that must be told
// apart look the same.
func TestScreens(t *testing.T) {
	b, err := Build(terminus(t))
	if err != nil {
		t.Fatal(err)
	}
	all := read(t, b)
	screens := "../../cmd/handback/internal"
	used := map[rune]string{}
	for _, dir := range []string{"tui", "wire", "bench", "pid1"} {
		files, err := filepath.Glob(filepath.Join(screens, dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for _, f := range files {
			if !strings.HasSuffix(f, "_test.go") {
				literals(t, f, used)
			}
		}
	}
	golden, err := filepath.Glob(filepath.Join(screens, "tui/testdata/*.golden"))
	if err != nil || len(golden) == 0 {
		t.Fatalf("%d golden frames, %v", len(golden), err)
	}
	for _, f := range golden {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range string(text) {
			used[r] = f
		}
	}
	// What a text may hold: tui shows Latin-1 as it is.
	for r := rune(0xa1); r <= 0xff; r++ {
		if r != 0xad {
			used[r] = "Latin-1"
		}
	}
	marks := 0
	for r, where := range used {
		if r < ' ' || r == 0x7f {
			continue
		}
		if _, ok := all[r]; !ok {
			t.Errorf("%q (U+%04X) of %s has no glyph", r, r, where)
		}
		if r > 0xff {
			marks++
		}
	}
	if marks < 10 {
		t.Errorf("only %d characters beyond Latin-1 were found: the test looks in the wrong place", marks)
	}
	seen := map[string]rune{}
	for _, r := range "▸●○✓✗▲■□▪·…│█▌▔▁0O1lI" {
		if other, same := seen[all[r]]; same {
			t.Errorf("%q looks like %q", r, other)
		}
		seen[all[r]] = r
	}
}

// literals collects the characters of a file's strings; comments and what is only
// replaced (case labels) are not drawn, but do no harm.
func literals(t *testing.T, file string, used map[rune]string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		l, ok := n.(*ast.BasicLit)
		if !ok || l.Kind != token.STRING && l.Kind != token.CHAR {
			return true
		}
		s, err := strconv.Unquote(l.Value)
		if err != nil {
			t.Fatalf("%s: %s: %v", file, l.Value, err)
		}
		for _, r := range s {
			if r >= 0x20 && (r < 0x7f || r > 0xa0) && r != 0xad && r != utf8.RuneError { // bytes of a file format
				used[r] = file
			}
		}
		return true
	})
}

// psf1 is a font of 256 glyphs of 16 rows, of which the second is 'A' and 'B', and
// the third a sequence only (psf(5)).
func psf1() []byte {
	b := append([]byte{0x36, 0x04, 0x02, 0x10}, make([]byte, 4096)...)
	b[4+16], b[4+17], b[4+32] = 0x81, 0x42, 0xff
	table := "ffff" + "4100" + "4200" + "ffff" + "feff" + "6700" + "ffff" + strings.Repeat("ffff", 253)
	t, err := hex.DecodeString(table)
	if err != nil {
		panic(err)
	}
	return append(b, t...)
}

func TestParsePSF1(t *testing.T) {
	g, err := parsePSF1(psf1())
	if err != nil || len(g) != 2 || g['A'] != (glyph{0x81, 0x42}) || g['B'] != g['A'] {
		t.Errorf("glyphs %v, %v", g, err)
	}
	for name, b := range map[string][]byte{
		"empty": nil, "cut": psf1()[:4000], "no characters": append([]byte{0x36, 4, 0, 16}, make([]byte, 9000)...),
		"8 rows": append([]byte{0x36, 4, 2, 8}, make([]byte, 9000)...), "PSF2": append([]byte{0x72, 0xb5, 0x4a, 0x86}, make([]byte, 9000)...),
		"512 announced": append([]byte{0x36, 4, 3, 16}, make([]byte, 4096)...),
	} {
		if g, err := parsePSF1(b); err == nil {
			t.Errorf("%s: %d glyphs", name, len(g))
		}
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(psf1()); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	if _, err := Build(z.Bytes()); err == nil || !strings.Contains(err.Error(), "Terminus lacks ' '") {
		t.Errorf("a font without letters: %v", err)
	}
	if _, err := Build(psf1()); err == nil {
		t.Error("a file that is not gzip was taken")
	}
}

func TestParseDrawn(t *testing.T) {
	row := strings.Repeat("#......#\n", 16)
	g, err := parseDrawn("# a comment\n\nU+2713 ✓\n" + row)
	if err != nil || g['✓'][0] != 0x81 || g['✓'][15] != 0x81 {
		t.Errorf("%v, %v", g, err)
	}
	for name, text := range map[string]string{
		"15 rows": "U+2713 ✓\n" + row[:9*15], "narrow": "U+2713 ✓\n" + strings.Repeat("#.\n", 16), "wrong code": "U+2714 ✓\n" + row,
		"no character": "U+2713\n" + row, "two": "U+2713 ✓✓\n" + row, "twice": "U+2713 ✓\n" + row + "U+2713 ✓\n" + row,
	} {
		if g, err := parseDrawn(text); err == nil {
			t.Errorf("%s: %d glyphs", name, len(g))
		}
	}
}

func FuzzParsePSF1(f *testing.F) {
	f.Add(psf1())
	f.Add([]byte{0x36, 0x04, 0x03, 0x10})
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := parsePSF1(b)
		if err == nil && (len(b) < 4+4096 || len(g) > len(b)/2) {
			t.Errorf("%d glyphs of %d bytes", len(g), len(b))
		}
	})
}

func FuzzParseDrawn(f *testing.F) {
	f.Add(drawnText)
	f.Fuzz(func(t *testing.T, text string) {
		g, err := parseDrawn(text)
		if err == nil && len(g)*16*8 > len(text) {
			t.Errorf("%d glyphs of %d bytes", len(g), len(text))
		}
	})
}

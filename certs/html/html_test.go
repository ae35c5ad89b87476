package html_test

import (
	"bytes"
	"encoding/base64"
	"flag"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/html"
	"handback.example/certs/internal/seal"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

var update = flag.Bool("update", false, "write the golden twins anew")

func signer(t testing.TB) *sign.Signer {
	t.Helper()
	s, _ := certstest.Keys(sign.Demonstrating)
	return s
}

// form of a paper: each is drawn in the tests.
type form struct {
	name string
	kind paper.Kind
	v    *certstest.Visit
	by   *sign.Signer
}

func forms() []form {
	s, hub := certstest.Keys(sign.Demonstrating)
	one, failed, closed := certstest.Sanitised(s, 1), certstest.Failed(s), certstest.Closed(s, hub)
	return []form{
		{"sanitised", paper.Erasure, one, s}, {"failed", paper.Erasure, failed, s}, {"no-media", paper.Erasure, certstest.NoMedia(s), s},
		{"purged", paper.Erasure, certstest.Purged(s), s}, {"many", paper.Erasure, certstest.Sanitised(s, 24), s},
		{"corrected", paper.Erasure, closed, hub}, {"disposal", paper.Disposal, one, s}, {"closed", paper.Disposal, closed, hub}, {"hold", paper.Hold, failed, s},
	}
}

func make1(t testing.TB, k paper.Kind, v *certstest.Visit, s *sign.Signer) []byte {
	t.Helper()
	b, err := html.Make(k, v.Envelopes(), s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// variable parts of a page: keys and signatures are new in each run.
var variable = []*regexp.Regexp{
	regexp.MustCompile(`(href="data:application/json;base64,)[^"]*(")`),
	regexp.MustCompile(`(<path d=")M\d+ \d+h\d+v1[^"]*(")`),
	regexp.MustCompile(`(<p>Root key <span class="code">)[^<]*(</span>)`),
	regexp.MustCompile(`(SHA-256 (?:of record.json )?<span class="code">)[^<]*(</span>)`),
	regexp.MustCompile(`(the signed records \()[0-9]+( bytes\))`),
}

func TestGolden(t *testing.T) {
	for _, f := range forms() {
		if f.name == "many" {
			continue // 24 times the drive of 'sanitised'
		}
		got, err := html.Draw(f.kind, f.v.Envelopes(), f.by.Cert)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range variable {
			if !v.Match(got) {
				t.Fatalf("%s: nothing matches %s", f.name, v)
			}
			got = v.ReplaceAll(got, []byte("$1...$2"))
		}
		file := filepath.Join("testdata", f.name+".html")
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s differs from %s: look at it, then go test -run Golden -update", f.name, file)
		}
	}
}

// Each word on the pages of the PDF is in the twin.
func TestTwinSaysWhatThePDFSays(t *testing.T) {
	for _, f := range forms() {
		b, err := pdf.Make(f.kind, pdf.Input{Envelopes: f.v.Envelopes(), Signer: f.by})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "paper.pdf")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("pdftotext", file, "-").Output()
		if err != nil {
			t.Fatalf("pdftotext (.ci/setup test installs it): %v", err)
		}
		text := strings.ToLower(squeezed(visible(parse(t, make1(t, f.kind, f.v, f.by)))))
		text += "page,continued,of" // the running lines of a PDF's pages
		words := 0
		for _, w := range strings.Fields(strings.ToLower(string(out))) {
			if w = strings.Trim(w, "–-,:"); len(w) < 3 {
				continue
			}
			words++
			if !strings.Contains(text, w) {
				t.Errorf("%s: the PDF says %q, its twin does not", f.name, w)
			}
		}
		if words < 200 {
			t.Errorf("%s: the PDF has only %d words", f.name, words)
		}
	}
}

// hostile strings: markup, comments, attributes, control and direction signs.
const hostile = `</p></main><script>alert(1)</script><img src=x onerror=alert(2)>" onfocus="alert(3)" '--><!-- cms AAAA -->]]>&amp;&lt;{{.}}` +
	"\u202e\u2066\u200f\u05d0\u0627\u0301\u0301\u0301\U0001f600\u00ad\n\r\t\x00\x1b[31m"

// taint puts a string behind every text of a record that may hold it.
func taint(r *certs.Record, with string) (n int) {
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.String:
			was := v.String()
			v.SetString(was + with)
			probe := *r
			probe.Schema, probe.Visit, probe.Stick, probe.Seq, probe.Prev = certs.Schema, "S01-000001", "S01", 2, strings.Repeat("0", 64)
			if r.Kind == certs.KindIntake {
				probe.Seq, probe.Prev = 1, ""
			}
			probe.At = certs.At(certstest.Start, certs.SourceRTC, 0)
			if probe.Validate() != nil {
				v.SetString(was)
				return
			}
			n++
		}
	}
	for _, p := range []any{r.Intake, r.Facts, r.Consent, r.Started, r.Finished, r.TPM, r.Tested, r.Graded, r.Validated} {
		walk(reflect.ValueOf(p))
	}
	return n
}

// Nothing that a record holds can break out of its place: the tainted page has the
// same elements and attributes as the plain one, and no sign that moves other text.
func TestHostileStrings(t *testing.T) {
	s := signer(t)
	for _, k := range []paper.Kind{paper.Erasure, paper.Disposal} {
		plain, tainted := certstest.New(s, 412), certstest.New(s, 412)
		n := 0
		for i := range certstest.Sanitised(s, 2).Chain.Records() {
			// Each gets records of its own: they share what they point to.
			a, b := certstest.Sanitised(s, 2).Chain.Records()[i], certstest.Sanitised(s, 2).Chain.Records()[i]
			n += taint(&a, hostile)
			taint(&b, " x")
			tainted.Add(a)
			plain.Add(b)
		}
		if n < 100 {
			t.Fatalf("only %d texts could be tainted", n)
		}
		got := make1(t, k, tainted, s)
		a, b := outline(parse(t, make1(t, k, plain, s))), outline(parse(t, got))
		if a != b {
			t.Errorf("%s: hostile text changed the page's elements:\n%s\n%s", k, a, b)
		}
		if c := strings.Count(string(got), "<!--"); c != 1 {
			t.Errorf("%s: %d comments, want the signature alone", k, c)
		}
		if !strings.Contains(visible(parse(t, got)), `\u{202E}\u{2066}\u{200F}\u{05D0}\u{0627}\u{0301}`) {
			t.Errorf("%s: signs that move text do not stand as escapes", k)
		}
		for _, r := range string(got) {
			if r != '\n' && (r < ' ' || r == 0x7f || r == 0xad || r == '\u202e' || r == '\u2066' || r == '\u200f' || r == 'א' || r == '\u0301') {
				t.Fatalf("%s: the page holds U+%04X", k, r)
			}
		}
	}
}

// Foreign letters of left-to-right scripts are shown, Welsh ones above all.
func TestWelsh(t *testing.T) {
	s := signer(t)
	in := certstest.Intake()
	in.Intake.Organisation = "Llywodraeth Cymru: Tŷ Ŵyn, ŷ ŵ â ê î ô û ẁ ẃ ẅ – ‘€5’"
	b := make1(t, paper.Erasure, certstest.New(s, 7).Add(in, certstest.Facts()), s)
	if !strings.Contains(string(b), in.Intake.Organisation) {
		t.Error("Welsh letters do not stand as themselves")
	}
}

// A logo stands in the page with words for it; one that is no whole PNG leaves its place
// empty.
func TestLogo(t *testing.T) {
	var whole bytes.Buffer
	if err := png.Encode(&whole, image.NewGray(image.Rect(0, 0, 40, 20))); err != nil {
		t.Fatal(err)
	}
	s := signer(t)
	for logo, want := range map[string]int{whole.String(): 1, whole.String()[:40]: 0, "": 0} {
		in := certstest.Intake()
		in.Intake.Letterhead.Logo = base64.StdEncoding.EncodeToString([]byte(logo))
		all := elements(parse(t, make1(t, paper.Erasure, certstest.New(s, 7).Add(in, certstest.Facts()), s)))
		if n := count(all, "img"); n != want {
			t.Errorf("a logo of %d bytes: %d images, want %d", len(logo), n, want)
		}
		checkNames(t, all)
	}
}

// OpenSSL agrees with the signature, and a change of any byte is refused (every 37th is tried).
func TestSealed(t *testing.T) {
	s := signer(t)
	v := certstest.Sanitised(s, 1)
	b := make1(t, paper.Erasure, v, s)
	f, err := html.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if f.Kind != paper.Erasure || f.Layout != html.LayoutNumber || string(f.Record) != string(certs.JoinEnvelopes(v.Envelopes())) {
		t.Errorf("read back kind %s, layout %d, %d bytes of records", f.Kind, f.Layout, len(f.Record))
	}
	if cert, err := seal.OpenDetached(f.CMS, f.Page); err != nil || !cert.Equal(s.Cert) {
		t.Errorf("the seal does not open: %v", err)
	}
	again, err := html.Draw(f.Kind, v.Envelopes(), s.Cert)
	if err != nil || string(again) != string(f.Page) {
		t.Errorf("drawn again it is not the same: %v", err)
	}
	openssl(t, f, s)
	for i := 0; i < len(b); i += 37 {
		c := append([]byte(nil), b...)
		c[i] ^= 1
		if f, err := html.Read(c); err == nil {
			if _, err := seal.OpenDetached(f.CMS, f.Page); err == nil {
				t.Fatalf("byte %d (%q) may change", i, b[i])
			}
		}
	}
}

func openssl(t *testing.T, f html.File, s *sign.Signer) {
	t.Helper()
	dir := t.TempDir()
	for name, b := range map[string][]byte{"page": f.Page, "cms": f.CMS, "root.pem": sign.CertPEM(s.Root)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "cms", "-content", "page", "-CAfile", "root.pem", "-purpose", "any", "-out", "/dev/null")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("openssl: %v\n%s", err, out)
	}
}

func TestReadRefuses(t *testing.T) {
	s := signer(t)
	b := string(make1(t, paper.Hold, certstest.Failed(s), s))
	for name, c := range map[string]struct{ in, want string }{
		"nothing":            {"", "last line is no signature"},
		"another page":       {"<!DOCTYPE html>\n<p>hello</p>\n", "last line is no signature"},
		"bytes behind":       {b + "\n", "last line is no signature"},
		"spaces in the CMS":  {strings.Replace(b, "<!-- cms M", "<!-- cms  M", 1), "not written the one way"},
		"a huge CMS":         {b[:strings.LastIndex(b, "<!-- cms")] + "<!-- cms " + strings.Repeat("A", 1<<20) + " -->\n", "too long"},
		"no layout":          {strings.Replace(b, "handback-layout", "handback-Layout", 1), "none of our papers"},
		"no record.json":     {strings.Replace(b, "data:application/json", "data:application/JSON", 1), "no record.json"},
		"broken record.json": {strings.Replace(b, "json;base64,", "json;base64,=", 1), "not plain base64"},
	} {
		if _, err := html.Read([]byte(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	s := signer(f)
	f.Add(make1(f, paper.Erasure, certstest.NoMedia(s), s))
	f.Add([]byte("<!DOCTYPE html>\n<!-- cms AAAA -->\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := html.Read(b)
		if err == nil && (len(got.Page) >= len(b) || len(got.CMS) == 0 && !strings.Contains(string(b), "<!-- cms  -->")) {
			t.Errorf("read %d of %d bytes, a signature of %d", len(got.Page), len(b), len(got.CMS))
		}
	})
}

func BenchmarkMake(b *testing.B) {
	s := signer(b)
	v := certstest.Sanitised(s, 1)
	for b.Loop() {
		make1(b, paper.Erasure, v, s)
	}
}

// A practice paper is marked on the whole of it, and each class but production by its
// banner.
func TestClasses(t *testing.T) {
	for class, want := range map[sign.Class][]string{
		sign.Production: nil, sign.Demonstrating: {"DEMONSTRATION - "}, sign.Practice: {"PRACTICE - ", `<body class="practice">`},
	} {
		s, _ := certstest.Keys(class)
		b := string(make1(t, paper.Erasure, certstest.Sanitised(s, 1), s))
		for _, w := range want {
			if !strings.Contains(b, w) {
				t.Errorf("%s: nothing says %s", class, w)
			}
		}
		if has := strings.Contains(b, `<p class="banner">`); has != (class != sign.Production) {
			t.Errorf("%s: a banner stands there: %t", class, has)
		}
	}
}

package label

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
)

func signer(t *testing.T) *sign.Signer {
	t.Helper()
	root, _, cert, key, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sign.LoadStick(root, cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// visits are the ends that a visit can come to, and the word that belongs on the
// label of each.
func visits(s *sign.Signer) map[string][][]byte {
	d := certstest.Drive(0)
	whole := func(r ...certs.Record) [][]byte {
		return certstest.New(s, 412).Add(append([]certs.Record{certstest.Intake(), certstest.Facts(d), certstest.Consent(certs.LevelPurge, d), certstest.Started(d, certs.LevelPurge)}, r...)...).Envelopes()
	}
	failed := certstest.Finished(d, certs.LevelPurge)
	failed.Finished.Verdict, failed.Finished.Level = certs.Failed, certs.LevelNone
	return map[string][][]byte{
		"SANITISED":       whole(certstest.Finished(d, certs.LevelPurge), certstest.TPM(certs.TPMCleared), certstest.Graded(certs.RouteRedeploy)),
		"FAILED":          whole(failed, certstest.TPM(certs.TPMCleared), certstest.Graded(certs.RouteHold)),
		"INTERRUPTED":     whole(),
		"TPM NOT CLEARED": whole(certstest.Finished(d, certs.LevelPurge), certstest.TPM(certs.TPMNotCleared), certstest.Graded(certs.RouteHold)),
		"TPM UNKNOWN":     whole(certstest.Finished(d, certs.LevelPurge), certstest.Graded(certs.RouteHold)),
		"NO DRIVE":        certstest.New(s, 412).Add(certstest.Intake(), certstest.Facts()).Envelopes(),
		"NOT ERASED":      certstest.New(s, 412).Add(certstest.Intake(), certstest.Facts(d)).Envelopes(),
		"BELOW LEVEL":     whole(certstest.Finished(d, certs.LevelClear), certstest.TPM(certs.TPMCleared), certstest.Graded(certs.RouteHold)),
	}
}

func of(t *testing.T, envelopes [][]byte) Label {
	t.Helper()
	l, err := Of(envelopes, sign.Demonstrating)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWords(t *testing.T) {
	s := signer(t)
	for want, envelopes := range visits(s) {
		l := of(t, envelopes)
		if l.Word != want || l.Good != (want == "SANITISED") || (l.Level != "") != l.Good {
			t.Errorf("%q, good %v, level %q; want %q", l.Word, l.Good, l.Level, want)
		}
		if l.Banner != "DEMONSTRATION" || l.Tag != "DEP-0047123" || l.Visit != "S01-000412" || l.Device != "Dell Inc. Latitude 5400" || l.Serial != "5CG0123ABC" {
			t.Errorf("%+v", l)
		}
		if l.Hash != certs.HashEnvelope(certs.JoinEnvelopes(envelopes)) {
			t.Errorf("hash %s", l.Hash)
		}
	}
	if l, err := Of(visits(s)["SANITISED"], sign.Production); err != nil || l.Banner != "" || l.Route != "REDEPLOY" || l.Level != "Purge" {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := Of(nil, sign.Production); err == nil {
		t.Error("a label of no records")
	}
	if w := word(certs.Summary{}); w == "SANITISED" {
		t.Error("the zero summary is sanitised")
	}
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v (the package that has it is in .ci/packages)", name, err)
	}
	return string(out)
}

// The PDF is one page of the label's size, its text can be read, and another
// program's reader finds what the QR code holds on the picture of it.
func TestPDF(t *testing.T) {
	s := signer(t)
	for name, envelopes := range visits(s) {
		for size, want := range map[Size]string{Small: "175.75 x 82.2 pts", Large: "283.46 x 141.73 pts"} {
			l := of(t, envelopes)
			b, err := l.PDF(size)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := l.PDF(size); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%s %s: drawn twice, other bytes (%v)", name, size, err)
			}
			dir := t.TempDir()
			if keep := os.Getenv("HANDBACK_LOOK"); keep != "" {
				dir = keep
			}
			base := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+"-"+string(size))
			if err := os.WriteFile(base+".pdf", b, 0o600); err != nil {
				t.Fatal(err)
			}
			if info := tool(t, "pdfinfo", base+".pdf"); !strings.Contains(info, want) || !regexp.MustCompile(`Pages: +1\n`).MatchString(info) {
				t.Errorf("pdfinfo, want %s:\n%s", want, info)
			}
			text := tool(t, "pdftotext", "-layout", base+".pdf", "-")
			for _, w := range []string{l.Tag, l.Word, l.Route, l.Level, l.Device, l.Serial, l.Visit, l.Banner, l.Hash[:4] + " " + l.Hash[4:8]} {
				if !strings.Contains(text, w) {
					t.Errorf("%s %s lacks %q:\n%s", name, size, w, text)
				}
			}
			tool(t, "pdftoppm", "-r", "203", "-png", "-singlefile", base+".pdf", base)
			if got, want := strings.TrimSpace(tool(t, "zbarimg", "--raw", "-q", base+".png")), l.Visit+" "+l.Hash; got != want {
				t.Errorf("%s %s: the code says %q, want %q", name, size, got, want)
			}
		}
	}
	if _, err := (Label{}).PDF("1x1"); err == nil {
		t.Error("a label of no size")
	}
}

// command of ZPL: '^FO' and what follows it.
type command struct{ name, args string }

// decode reads ZPL as a printer does: '^' and '~' begin a command of two letters,
// wherever they stand; '_' and two hex digits are a byte, in a field that ^FH
// precedes. It gives the texts of the fields.
func decode(t *testing.T, b []byte) (fields []string, commands []command) {
	t.Helper()
	parts := regexp.MustCompile(`[\^~]`).Split(string(b), -1)
	hex := false
	for _, p := range parts[1:] {
		if len(p) < 2 {
			t.Fatalf("a command is cut off: %q", p)
		}
		c := command{p[:2], strings.TrimRight(p[2:], "\n")}
		commands = append(commands, c)
		switch c.name {
		case "FH":
			hex = c.args == "_"
		case "FD":
			text := c.args
			if hex {
				text = regexp.MustCompile(`_[0-9A-F]{2}`).ReplaceAllStringFunc(text, func(s string) string {
					var n byte
					if _, err := fmt.Sscanf(s, "_%02X", &n); err != nil {
						t.Fatal(err)
					}
					return string([]byte{n})
				})
			}
			fields = append(fields, text)
		case "FS":
			hex = false
		}
	}
	return fields, commands
}

var known = map[string]bool{"XA": true, "XZ": true, "CI": true, "PW": true, "LL": true, "LH": true, "FO": true, "GB": true, "FS": true, "A0": true, "FR": true, "FH": true, "FD": true, "BQ": true}

func checkZPL(t *testing.T, l Label, size Size) {
	t.Helper()
	b, err := l.ZPL(size)
	if err != nil {
		t.Fatal(err)
	}
	w, h, _ := size.millimetres()
	fields, commands := decode(t, b)
	for i, c := range commands {
		if !known[c.name] {
			t.Errorf("a text has become the command ^%s%s", c.name, c.args)
		}
		if first, last := i == 0, i == len(commands)-1; (c.name == "XA") != first || (c.name == "XZ") != last {
			t.Errorf("^%s is command %d of %d", c.name, i+1, len(commands))
		}
		var x, y int
		if c.name == "FO" {
			if n, err := fmt.Sscanf(c.args, "%d,%d", &x, &y); n != 2 || err != nil || x < 0 || y < 0 || x >= int(w*8) || y >= int(h*8) {
				t.Errorf("^FO%s lies beside the label", c.args)
			}
		}
	}
	for _, want := range []string{l.Word, clean(l.Tag), clean(l.Visit), "MA," + l.code()} {
		if want != "" && !strings.Contains(strings.Join(fields, "\n"), want) {
			t.Errorf("no field says %q: %q", want, fields)
		}
	}
	for _, c := range b {
		if c != '\n' && (c < ' ' || c > '~') {
			t.Fatalf("byte %#x", c)
		}
	}
}

func TestZPL(t *testing.T) {
	s := signer(t)
	for _, envelopes := range visits(s) {
		for _, size := range Sizes {
			checkZPL(t, of(t, envelopes), size)
		}
	}
	if _, err := (Label{}).ZPL("1x1"); err == nil {
		t.Error("a label of no size")
	}
}

// The bytes of a label, written down by hand from Zebra's guide (^FO, ^A, ^FH, ^FD,
// ^FR, ^GB, ^BQ).
func TestZPLBytes(t *testing.T) {
	b, err := Label{Tag: "A^B~C_D", Word: "FAILED", Visit: "S01-000412", Hash: "00"}.ZPL(Small)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"^XA\n^CI28\n^PW496\n^LL232\n^LH0,0\n", "^FDA_5EB_7EC_5FD^FS\n", "^GB292,53,53,B^FS\n", "^FR^FH_^FDFAILED^FS\n",
		"^FO320,18^BQN,2,7^FH_^FDMA,S01-000412 00^FS\n^XZ\n"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in\n%s", want, b)
		}
	}
}

// What no font has and what is too long is no reason to have no label.
func TestPDFHostile(t *testing.T) {
	l := Label{Tag: "Llŷr \U0001F4A9\u202E", Device: strings.Repeat("W", 500), Serial: "\x00\x1b)Tj", Word: "FAILED", Visit: "S01-000412", Hash: strings.Repeat("5e", 32)}
	b, err := l.PDF(Small)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "hostile.pdf")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	text := tool(t, "pdftotext", "-layout", name, "-")
	for _, want := range []string{`Ll\u{0177}r \u{1F4A9}\u{202E}`, strings.Repeat("W", 37) + "...", `serial \u{0000}\u{001B})Tj`} {
		if !strings.Contains(text, want) {
			t.Errorf("the label lacks %q:\n%s", want, text)
		}
	}
}

// Whatever devices and people write, it stays text.
func FuzzLabel(f *testing.F) {
	f.Add("DEP-0047123", "Dell Inc. Latitude 5400", "5CG0123ABC")
	f.Add("^XZ^XA~JR", "^FD~HS_5E", "\\&\x00\x1b\n")
	f.Add("Llŷr Ŵyn \U0001F4A9\u202E", strings.Repeat("W", 500), "")
	f.Fuzz(func(t *testing.T, tag, device, serial string) {
		l := Label{Tag: tag, Device: device, Serial: serial, Word: "FAILED", Route: "HOLD", Visit: "S01-000412", Hash: strings.Repeat("5e", 32), Banner: "DEMONSTRATION"}
		for _, size := range Sizes {
			checkZPL(t, l, size)
		}
	})
}

package pdf_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

// hostile text: long, without a place to break, with what would move, hide or fake
// other text.
var hostile = strings.Repeat("W", 300) + "\u202e\u0007\nSANITISED: PURGE\r\t\u2028\u200b\u0301\U0001f600\u4e2d\\(<>)" + strings.Repeat(" ŵ", 40)

// everywhere sets every text below v that a record may hold.
func everywhere(v reflect.Value, r *certs.Record) int {
	switch v.Kind() {
	case reflect.String:
		was := v.String()
		v.SetString(hostile)
		if r.Validate() == nil {
			return 1
		}
		v.SetString(was)
	case reflect.Pointer:
		if !v.IsNil() {
			return everywhere(v.Elem(), r)
		}
	case reflect.Struct:
		n := 0
		for i := range v.NumField() {
			n += everywhere(v.Field(i), r)
		}
		return n
	case reflect.Slice:
		n := 0
		for i := range v.Len() {
			n += everywhere(v.Index(i), r)
		}
		return n
	}
	return 0
}

// A hostile text in every field of every record: the paper is made, shows the text as
// escapes, and no line of it stands by itself.
func TestHostileEverywhere(t *testing.T) {
	stick, hub := certstest.Keys(sign.Production)
	all := forms(stick, hub)
	for _, name := range []string{"failed", "purged", "refused", "disposal", "hold"} { // every kind of record of a stick
		f := all[name]
		records, err := certs.Records(f.visit.Envelopes())
		if err != nil {
			t.Fatal(err)
		}
		v, n := certstest.New(stick, 700), 0
		for _, r := range records {
			if len(v.Envelopes()) > 0 && (r.Kind == certs.KindIntake || r.Kind == certs.KindTransferred || r.Kind == certs.KindReceived || r.Kind == certs.KindCorrected || r.Kind == certs.KindCertified) {
				continue // the hub's: their turn comes below
			}
			// Form and place in the chain are the chain's to set.
			payload := reflect.ValueOf(&r).Elem().FieldByName(strings.ToUpper(string(r.Kind[:1])) + strings.ToLower(string(r.Kind[1:])))
			if r.Kind == certs.KindTPM {
				payload = reflect.ValueOf(&r.TPM)
				payload = payload.Elem()
			}
			n += everywhere(payload, &r)
			r.Seq, r.Prev, r.Schema, r.Stick, r.Visit = 0, "", "", "", ""
			v.Add(r)
		}
		if n < 20 {
			t.Errorf("%s: only %d texts were set", name, n)
		}
		b, err := pdf.Make(f.kind, pdf.Input{Envelopes: v.Envelopes(), Signer: stick})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := read(t, b)
		if strings.ContainsAny(text, "\u202e\u0007\u200b\u2028") {
			t.Errorf("%s: a text that moves or hides others is drawn", name)
		}
		if !strings.Contains(strings.Join(strings.Fields(text), ""), `\u{202E}\u{0007}\u{000A}SANITISED`) {
			t.Errorf("%s: the text does not stand there as escapes", name)
		}
	}
}

// A record of more than any machine has is refused, not drawn until the memory is full.
func TestTooManyPages(t *testing.T) {
	stick, _ := certstest.Keys(sign.Production)
	f := certstest.Facts()
	for n := range 1500 {
		f.Facts.Drives = append(f.Facts.Drives, certs.Drive{Name: "A", Serial: strconv.Itoa(n)})
	}
	v := certstest.New(stick, 703).Add(certstest.Intake(), f)
	if _, err := pdf.Layout(paper.Erasure, v.Envelopes(), stick.Cert); err == nil || !strings.Contains(err.Error(), "more pages than") {
		t.Errorf("error is %v", err)
	}
}

// The same for what the hub records.
func TestHostileHub(t *testing.T) {
	stick, hub := certstest.Keys(sign.Production)
	d := certstest.Drive(0)
	v := certstest.New(stick, 701).Add(certstest.Intake(), certstest.Facts(d), certstest.Consent(certs.LevelClear, d), certstest.Started(d, certs.LevelClear),
		certstest.Finished(d, certs.LevelClear), certstest.TPM(certs.TPMCleared), certstest.Graded(certs.RouteRecycle), certstest.Certified("S01-000701-disposal.pdf")).Continue(hub)
	for _, r := range []certs.Record{certstest.Transferred(), certstest.Received(0)} {
		whole := r
		whole.Schema, whole.Visit, whole.Stick, whole.Seq, whole.Prev = certs.Schema, "S01-000701", "S01", 9, strings.Repeat("0", 64)
		whole.At = certs.At(certstest.Start, certs.SourceHub, 0)
		whole.Fill()
		if err := whole.Validate(); err != nil {
			t.Fatal(err)
		}
		if n := everywhere(reflect.ValueOf(&whole.Transferred), &whole) + everywhere(reflect.ValueOf(&whole.Received), &whole); n < 10 {
			t.Errorf("only %d texts were set in %s", n, r.Kind)
		}
		v.Add(certs.Record{Kind: whole.Kind, Transferred: whole.Transferred, Received: whole.Received})
	}
	b, err := pdf.Make(paper.Disposal, pdf.Input{Envelopes: v.Envelopes(), Signer: hub})
	if err != nil {
		t.Fatal(err)
	}
	if text := read(t, b); strings.ContainsAny(text, "\u202e\u0007\u200b\u2028") || !strings.Contains(text, `\u{202E}`) {
		t.Error("the text does not stand there as escapes")
	}
}

// A logo that can't be drawn holds no paper up, and one that can is in the file.
func TestLogos(t *testing.T) {
	stick, _ := certstest.Keys(sign.Production)
	var deep bytes.Buffer
	if err := png.Encode(&deep, image.NewNRGBA64(image.Rect(0, 0, 600, 20))); err != nil {
		t.Fatal(err)
	}
	good, err := base64.StdEncoding.DecodeString(logo())
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(good)
	broken[len(broken)/2] ^= 0xff
	for name, c := range map[string]struct {
		png   []byte
		drawn bool
	}{
		"none": {nil, false}, "good": {good, true}, "16 bits a sample": {deep.Bytes(), true},
		"header alone": {good[:40], false}, "a wrong sum": {broken, false},
	} {
		in := certstest.Intake()
		in.Intake.Letterhead.Logo = base64.StdEncoding.EncodeToString(c.png)
		v := certstest.New(stick, 702).Add(in)
		d, err := pdf.Layout(paper.Erasure, v.Envelopes(), stick.Cert)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		drawn := false
		for _, o := range d.Objects {
			drawn = drawn || strings.Contains(o.Dict, "/Subtype /Image")
		}
		if drawn != c.drawn {
			t.Errorf("%s: drawn is %v", name, drawn)
		}
	}
}

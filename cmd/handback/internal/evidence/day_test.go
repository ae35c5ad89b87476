package evidence_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/cmd/handback/internal/evidence"
)

// One line a visit, whichever stick it is of, as the records have it.
func TestDay(t *testing.T) {
	s1, s2 := twoSticks(t)
	dir := t.TempDir()
	st := newDir(t, dir)
	whole := begin(t, st, s1)
	goOn(t, whole, steps(), func([]certs.Record) {})
	guest := begin(t, st, s2)
	if err := guest.Append(ctx, certstest.Facts(certstest.Drive(0))); err != nil {
		t.Fatal(err)
	}
	listDay(t, st, s1, whole)
	list := dayList(t, dir, whole.Day())
	if len(list) != 2 {
		t.Fatalf("%d lines", len(list))
	}
	line := list[whole.Visit()]
	for column, want := range map[string]string{"Asset tag": "DEP-0047123", "Source": "locker", "Maker and model": "Dell Inc. Latitude 5400", "Serial number": "5CG0123ABC",
		"Drives": "1", "Drives sanitised": "1", "Verdict": "sanitised", "Level": "clear", "TPM": "cleared", "Route": "redeploy", "Validation": "awaiting",
		"State": "certified", "SHA-256 of record.json": whole.RecordHash(), "Papers": "S01-000001-erasure.pdf S01-000001-erasure.html S01-000001-disposal.pdf S01-000001-disposal.html"} {
		if line[column] != want {
			t.Errorf("%s: %q, want %q", column, line[column], want)
		}
	}
	records, err := certs.Records(stored(t, dir)[whole.Visit()])
	if err != nil {
		t.Fatal(err)
	}
	certified := records[8].Certified
	if sums := strings.Fields(line["SHA-256 of the papers"]); len(sums) != 4 || sums[0] != certified.Papers[0].SHA256 || sums[3] != certified.Papers[3].SHA256 {
		t.Errorf("papers %q", line["SHA-256 of the papers"])
	}
	if g := list[guest.Visit()]; g["State"] != "not finished" || g["Verdict"] != "refused" || g["Papers"] != "" {
		t.Errorf("the guest's line is %v", g)
	}
	if err := evidence.WriteDay(ctx, st, s1.Root, "2001-01-01"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "certificates", "2001-01-01.csv")); err == nil {
		t.Error("a list of a day without visits")
	}
}

// What can't be verified is named, and hides nothing else.
func TestDayNamesWhatIsWrong(t *testing.T) {
	s1, stranger := newSigner(t), newSigner(t)
	dir := t.TempDir()
	st := newDir(t, dir)
	good, changed := begin(t, st, s1), begin(t, st, s1)
	begin(t, newDir(t, filepath.Join(dir, "foreign")), stranger)
	for n, data := range files(t, filepath.Join(dir, "foreign")) {
		if err := st.Create(ctx, strings.Replace(n, "S01-000001", "S01-000009", 1), []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "spool", "S01-000007-0001.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "spool", changed.Visit()+"-0001.json")
	var e certs.Envelope
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	e.Signatures[0].Sig = strings.Repeat("A", 8) + e.Signatures[0].Sig[8:]
	if b, err = e.Bytes(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	listDay(t, st, s1, good)
	list := dayList(t, dir, good.Day())
	for visit, want := range map[string]string{good.Visit(): "not finished", changed.Visit(): "RECORDS CAN'T BE VERIFIED: ", "S01-000007": "RECORDS CAN'T BE VERIFIED: ", "S01-000009": "RECORDS CAN'T BE VERIFIED: "} {
		if line := list[visit]; !strings.HasPrefix(line["State"], want) || want != "not finished" && line["Verdict"] != "" {
			t.Errorf("%s: %v", visit, line)
		}
	}
}

// What a person or a device wrote is text to a spreadsheet, too.
func TestDayFormulas(t *testing.T) {
	s := newSigner(t)
	dir := t.TempDir()
	st := newDir(t, dir)
	in := intake()
	in.Tag = `=HYPERLINK("http://example.com","x")`
	b, err := evidence.Begin(ctx, st, s, in, clock())
	if err != nil {
		t.Fatal(err)
	}
	facts := certstest.Facts(certstest.Drive(0))
	facts.Facts.Machine.Maker, facts.Facts.Machine.Model, facts.Facts.Machine.Serial = `@SUM(A1)`, `"quoted", Ŵyn`, "-1\r\n+2"
	if err := b.Append(ctx, facts); err != nil {
		t.Fatal(err)
	}
	listDay(t, st, s, b)
	line := dayList(t, dir, b.Day())[b.Visit()]
	for column, want := range map[string]string{"Asset tag": `'=HYPERLINK("http://example.com","x")`, "Maker and model": `'@SUM(A1) "quoted", Ŵyn`, "Serial number": "'-1  +2"} {
		if line[column] != want {
			t.Errorf("%s: %q, want %q", column, line[column], want)
		}
	}
}

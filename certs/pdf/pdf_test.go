package pdf_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

func signer(t testing.TB) *sign.Signer {
	t.Helper()
	rootPEM, _, stick, key, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sign.LoadStick(rootPEM, stick, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// words of a paper as pdftotext reads them, all white space alike.
func words(t *testing.T, k paper.Kind, s *sign.Signer, v *certstest.Visit) string {
	t.Helper()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Fatal("pdftotext is not installed: .ci/setup test installs it")
	}
	b, err := pdf.Make(k, pdf.Input{Envelopes: v.Envelopes(), Signer: s})
	if err != nil {
		t.Fatal(err)
	}
	p := filepath.Join(t.TempDir(), "paper.pdf")
	if err := os.WriteFile(p, b, 0o600); err != nil {
		t.Fatal(err)
	}
	// Without -layout the columns are read one after the other, so that a value
	// of two lines stays in one piece.
	out, err := exec.Command("pdftotext", p, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// wants words on a paper, wherever its lines break.
func wants(t *testing.T, text string, want ...string) {
	t.Helper()
	tight := strings.ReplaceAll(text, " ", "")
	for _, w := range want {
		if !strings.Contains(tight, strings.ReplaceAll(w, " ", "")) {
			t.Errorf("the paper lacks %q", w)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestErasureSaysAll(t *testing.T) {
	s := signer(t)
	text := words(t, paper.Erasure, s, certstest.Sanitised(s, 2))
	wants(t, text, "Certificate of media sanitisation", "SANITISED: CLEAR", "2 drives were found in this device, and each was sanitised to Clear.",
		"Dell Inc.", "Latitude 5400", "5CG0123ABC", "4c4c4544-0043-4710-8030-b5c04f4e3733", "DEP-0047123",
		"S4EVNX0M1234500", "eui.0025385b01410c10", "500,107,862,016 bytes (500 GB)", "nvme-format-user-data", "device-claimed with canaries",
		"65,536 compared, 61,337 counted before, 0", "over-provisioned cells; replay protected memory (RPMB)",
		"Y9E4P001T", "naa.5000039a12b3c411", "1,000,204,886,016 bytes (1.0 TB)", "measured", "full read-back", "1 h 23 min by the monotonic clock",
		"(SRK) changed: yes", "(EK) kept: yes", "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
		"op17, technician", "Casnewydd / Newport", "locker", "OFFICIAL; DIAL 2", "24 November 2026, 09:30:00 UTC",
		"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
		"ACCEPTED by sup02, supervisor", "Sealed by stick S01. Operator as entered, not authenticated. Image hash self-reported.",
		"Secure Boot on: covers the kernel, not the initramfs.", "Tool independently evaluated: no.", "DEMONSTRATION", "S01-000412", "Page 1 of ")
	if strings.Contains(text, "NOT SANITISED") {
		t.Error("a good paper says NOT SANITISED")
	}
}

func TestFailurePapers(t *testing.T) {
	s := signer(t)
	failed := certstest.Failed(s)
	wants(t, words(t, paper.Erasure, s, failed), "Record of a sanitisation that was not achieved", "NOT SANITISED: FAILED", "1 of 2 drives was not sanitised",
		"FAILED", "9 blocks in 2 ranges: LBA 200000, 8 blocks (write error: input/output error); LBA 1953525160, 1 block", "9 unreadable",
		"TPM: PENDING: to be confirmed at the next start.", "AWAITING: nobody has accepted or rejected this result yet.", "Take the drive out")
	wants(t, words(t, paper.Hold, s, failed), "Notice of HOLD", "HOLD: DO NOT MOVE ON", "take out drive B and have it destroyed", "gate.data", "S01-000413-erasure.pdf")
	wants(t, words(t, paper.Erasure, s, certstest.NoMedia(s)), "NO DRIVE FOUND: NOTHING SANITISED", "Not shown: that no other storage is hidden in this device.", "this device has none")
	wants(t, words(t, paper.Disposal, s, certstest.Sanitised(s, 1)), "Certificate of disposal", "OPEN: the route is assigned", "ROUTE: REDEPLOY", "F4", "C4", "route.redeploy",
		"There is no better route.", "unknown: not tested", "Zero to landfill is claimed only for closed devices, as the receiver declared", "Do all keys work?")
	a := certstest.Drive(0)
	orphan := certstest.New(s, 500).Add(certstest.Intake(), certstest.Facts(a), certstest.Consent(certs.LevelClear, a), certstest.Started(a, certs.LevelClear))
	wants(t, words(t, paper.Erasure, s, orphan), "NOT SANITISED: INTERRUPTED", "The erasure was started and no record says how it ended.", "UNKNOWN: nothing is on record")
	early := certstest.New(s, 501).Add(certstest.Intake())
	wants(t, words(t, paper.Erasure, s, early), "NOT SANITISED: NOT EVERY DRIVE ERASED", "No facts about the machine are on record.")
}

// The whole way of a drive stands on its paper: what was tried besides, that it was cut
// off and gone on with, what was hidden, and what the sample would have found.
func TestPurgedPaper(t *testing.T) {
	s := signer(t)
	wants(t, words(t, paper.Erasure, s, certstest.Purged(s)), "SANITISED: PURGE", "nvme-sanitize-crypto", "device-claimed with canaries",
		"Tried besides", "nvme-sanitize-block", "failed: The drive refused it", "Gone on with", "as an earlier start had left it", "The drive hid 5000000000 of its 500107862016 bytes (HPA)",
		"1,024 blocks were written before, to be looked for", "a residue of 1,048,576 bytes (1 MB) in one piece is found for certain", "0.0001 of the whole with a confidence of 0.999")
}

func TestPapersThatAreNot(t *testing.T) {
	s := signer(t)
	for name, c := range map[string]struct {
		kind paper.Kind
		v    *certstest.Visit
		want string
	}{
		"disposal on HOLD":     {paper.Disposal, certstest.Failed(s), "on HOLD"},
		"disposal, not graded": {paper.Disposal, certstest.New(s, 1).Add(certstest.Intake()), "not graded"},
		"hold without HOLD":    {paper.Hold, certstest.Sanitised(s, 1), "not on HOLD"},
		"after CERTIFIED":      {paper.Erasure, certstest.Rare(s), "ends before CERTIFIED"},
		"no record":            {paper.Erasure, certstest.New(s, 1), "no records"},
	} {
		if _, err := pdf.Make(c.kind, pdf.Input{Envelopes: c.v.Envelopes(), Signer: s}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
}

// Names as hostile and as long as they come: escaped, broken over lines, never
// dropped, and never able to draw a line of their own.
func TestStrangeNames(t *testing.T) {
	s := signer(t)
	d := certstest.Drive(0)
	d.Serial = strings.Repeat("LONGSERIAL", 12)
	d.Model = `Model (\) <>&"'`
	in := certstest.Intake()
	in.Intake.Letterhead.Organisation = "Llywodraeth Cymru: Tŷ Ŵyn, Ŷ ŵ ŷ â ê î ô û ẁ ẃ ẅ"
	in.Intake.Letterhead.Contact = ""
	in.Intake.Letterhead.Address = []string{"A\u202eB\u0007C\nSANITISED: PURGE\U0001f600\u4e2d"}
	text := words(t, paper.Erasure, s, certstest.New(s, 600).Add(in, certstest.Facts(d), certstest.Consent(certs.LevelClear, d),
		certstest.Started(d, certs.LevelClear), certstest.FailedAt(d)))
	wants(t, text, "Tŷ Ŵyn, Ŷ ŵ ŷ â ê î ô û ẁ ẃ ẅ", `Model (\) <>&"'`, `A\u{202E}B\u{0007}C\u{000A}SANITISED: PURGE\u{1F600}\u{4E2D}`)
	if !strings.Contains(strings.ReplaceAll(text, " ", ""), d.Serial) {
		t.Error("a long serial is not whole")
	}
}

// The pages come out the same every time, also when many are drawn at once.
func TestLayoutIsDeterministic(t *testing.T) {
	s := signer(t)
	v := certstest.Sanitised(s, 3).Envelopes()
	first, err := pdf.Layout(paper.Erasure, v, s.Cert)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			d, err := pdf.Layout(paper.Erasure, v, s.Cert)
			if err != nil {
				t.Error(err)
				return
			}
			for i, o := range d.Objects {
				if o.Dict != first.Objects[i].Dict || string(o.Stream) != string(first.Objects[i].Stream) {
					t.Errorf("object %d differs", i+1)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkErasure(b *testing.B) {
	s := signer(b)
	v := certstest.Sanitised(s, 1).Envelopes()
	for b.Loop() {
		if _, err := pdf.Make(paper.Erasure, pdf.Input{Envelopes: v, Signer: s}); err != nil {
			b.Fatal(err)
		}
	}
}

package pdf_test

import (
	"os"
	"path/filepath"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

// form is one paper of one visit.
type form struct {
	kind  paper.Kind
	visit *certstest.Visit
	by    *sign.Signer
}

// forms of paper: every kind and every verdict, by the name of its golden text.
func forms(stick, hub *sign.Signer) map[string]form {
	drive := certstest.Drive
	begun := func(n int, drives ...certs.Drive) *certstest.Visit {
		v := certstest.New(stick, n).Add(certstest.Intake(), certstest.Facts(drives...), certstest.Consent(certs.LevelClear, drives...))
		for _, d := range drives {
			v.Add(certstest.Started(d, certs.LevelClear))
		}
		return v
	}
	unverified := certstest.Finished(drive(0), certs.LevelClear)
	unverified.Finished.Verification.Survivors = 3
	welsh := certstest.Intake()
	welsh.Intake.Letterhead = certs.Letterhead{Organisation: "Yr Adran Enghreifftiau: Tŷ Ŵyn", Address: []string{"Heol y Crwys, Ŷr Wyddgrug", "CH7 1AA"}, Contact: "dyfeisiau@enghraifft.llyw.cymru", Logo: logo()}
	welsh.Intake.Name, welsh.Intake.Title = "Siân Ŵyn-Llŷr", "technegydd, Łódź ağ"
	awaiting := certstest.Validated(certs.Awaiting, "")
	below := certstest.Consent(certs.LevelPurge, drive(1))
	below.Consent.Accepted = "Clear is enough for this drive: it stays in the department"
	mixed := begun(423, drive(0), drive(1), drive(2), drive(3)).Add(certstest.Finished(drive(0), certs.LevelClear), certstest.FailedAt(drive(1)), certstest.Cut(drive(2)), certstest.NotSent(drive(3)))
	wiped := certs.Record{Kind: certs.KindIntake, Intake: &certs.Intake{Operator: "root"}}
	two := certstest.Consent(certs.LevelClear, drive(0))
	two.Consent.Scope, two.Consent.Who, two.Consent.How = certs.ScopeNamed, "root", "serials named"
	named := certstest.New(stick, 425).Add(wiped, certstest.Facts(drive(0), drive(1)), two, certstest.Started(drive(0), certs.LevelClear), certstest.Finished(drive(0), certs.LevelClear))
	closed := certstest.Closed(stick, hub)
	recycle := begun(424, drive(1)).Add(certstest.Finished(drive(1), certs.LevelClear), certstest.TPM(certs.TPMCleared)).Add(certstest.Tests()...).Add(certstest.Graded(certs.RouteRecycle), awaiting)
	return map[string]form{
		"sanitised":   {paper.Erasure, certstest.Sanitised(stick, 1), stick},
		"many":        {paper.Erasure, certstest.Sanitised(stick, 24), stick},
		"purged":      {paper.Erasure, certstest.Purged(stick), stick},
		"failed":      {paper.Erasure, certstest.Failed(stick), stick},
		"interrupted": {paper.Erasure, begun(418, drive(0)).Add(awaiting), stick},
		"unverified":  {paper.Erasure, begun(419, drive(0)).Add(unverified, certstest.TPM(certs.TPMNotCleared), certstest.Validated(certs.Rejected, "sup02, supervisor")), stick},
		"refused":     {paper.Erasure, certstest.New(stick, 420).Add(certstest.Intake(), certstest.Facts(drive(0)), certs.Record{Kind: certs.KindRefused, Refused: &certs.Refused{Drive: drive(0).Ref(), Code: "frozen", Reason: "the drive is frozen", Do: "suspend the machine and wake it"}}, awaiting), stick},
		"no-media":    {paper.Erasure, certstest.NoMedia(stick), stick},
		"below-level": {paper.Erasure, certstest.New(stick, 421).Add(certstest.Intake(), certstest.Facts(drive(1)), below, certstest.Started(drive(1), certs.LevelClear), certstest.Finished(drive(1), certs.LevelClear), certstest.TPM(certs.TPMCleared), awaiting), stick},
		"mixed":       {paper.Erasure, mixed.Add(certstest.TPM(certs.TPMPending), awaiting), stick},
		"welsh":       {paper.Erasure, certstest.New(stick, 422).Add(welsh, certstest.Facts(drive(0)), certstest.Consent(certs.LevelClear, drive(0)), certstest.Started(drive(0), certs.LevelClear), certstest.Finished(drive(0), certs.LevelClear), certstest.TPM(certs.TPMCleared), certstest.Validated(certs.Accepted, "sup02, goruchwyliwr")), stick},
		"office":      {paper.Erasure, office(stick), stick},
		"donate":      {paper.Disposal, office(stick), stick},
		"named":       {paper.Erasure, named, stick},
		"replaced":    {paper.Erasure, closed, hub},
		"disposal":    {paper.Disposal, certstest.Sanitised(stick, 2), stick},
		"recycle":     {paper.Disposal, recycle, stick},
		"closed":      {paper.Disposal, closed, hub},
		"hold":        {paper.Hold, certstest.Failed(stick), stick},
	}
}

// TestLook writes every form of paper, for people to look at, where HANDBACK_LOOK names
// a folder: HANDBACK_LOOK=DIR go test ./certs/pdf -run Look, then pdftoppm -r 80 -png.
func TestLook(t *testing.T) {
	dir := os.Getenv("HANDBACK_LOOK")
	if dir == "" {
		t.Skip("HANDBACK_LOOK names no folder: pages are drawn into one for people to look at")
	}
	for _, class := range []sign.Class{sign.Production, sign.Demonstrating, sign.Practice} {
		stick, hub := certstest.Keys(class)
		for name, f := range forms(stick, hub) {
			if class != sign.Production && name != "sanitised" {
				continue
			}
			b, err := pdf.Make(f.kind, pdf.Input{Envelopes: f.visit.Envelopes(), Signer: f.by})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if class != sign.Production {
				name += "-" + string(class)
			}
			if err := os.WriteFile(filepath.Join(dir, name+".pdf"), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

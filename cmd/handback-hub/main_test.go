package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
	"handback.example/certs/verify"
	"handback.example/cmd/internal/settings"
)

// atTestTime is the command with the clock of NOW, which stands a while after the
// visits that certstest makes.
func atTestTime() {
	now, err := time.Parse(time.RFC3339, os.Getenv("NOW"))
	if err != nil {
		panic(err)
	}
	os.Exit(run(os.Args[1:], &console{os.Stdin, os.Stdout, os.Stderr, func() time.Time { return now }}))
}

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"handback-hub": atTestTime})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("NOW", certstest.Start.Add(3*time.Hour).Format(time.RFC3339))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "visit": makeVisit, "genuine": genuine, "chain": chain, "unlocks": unlocks,
		},
	})
}

// exits CODE program args...: the program ends with exactly that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit %d, want %d", got, want)
	}
}

func loadStick(dir string) (*sign.Signer, error) {
	var files [3][]byte
	for i, n := range []string{settings.RootPEM, settings.StickPEM, settings.StickKey} {
		b, err := os.ReadFile(filepath.Join(dir, settings.KeysDir, n))
		if err != nil {
			return nil, err
		}
		files[i] = b
	}
	return sign.LoadStick(files[0], files[1], files[2])
}

// visit DIR STICK NUMBER [hold | failed | open]: a stick's folder with the records and
// papers of one visit, made with the keys that an enrolment has put into STICK: on HOLD,
// with a drive that failed, or not certified.
func makeVisit(ts *testscript.TestScript, neg bool, args []string) {
	s, err := loadStick(ts.MkAbs(args[1]))
	ts.Check(err)
	number, err := strconv.Atoi(args[2])
	ts.Check(err)
	v, kinds := certstest.New(s, number), []paper.Kind{paper.Erasure, paper.Disposal}
	form := append(args, "")[3]
	model := certstest.Sanitised(s, 1)
	if form == "failed" {
		model = certstest.Failed(s)
	}
	for _, r := range model.Chain.Records() {
		if r.Graded != nil && (form == "hold" || form == "failed") {
			r.Graded.Route, kinds[1] = certs.RouteHold, paper.Hold
		}
		v.Add(r)
	}
	dir := ts.MkAbs(args[0])
	certified := &certs.Certified{}
	for _, k := range kinds {
		b, err := pdf.Make(k, pdf.Input{Envelopes: v.Envelopes(), Signer: s})
		ts.Check(err)
		sum := sha256.Sum256(b)
		name := k.Stem(v.Chain.Visit(), 1) + ".pdf"
		certified.Papers = append(certified.Papers, certs.Paper{Name: name, SHA256: hex.EncodeToString(sum[:])})
		ts.Check(os.MkdirAll(filepath.Join(dir, settings.CertificatesDir), 0o700))
		ts.Check(os.WriteFile(filepath.Join(dir, settings.CertificatesDir, name), b, 0o600))
	}
	if form != "open" {
		v.Add(certs.Record{Kind: certs.KindCertified, Certified: certified})
	}
	ts.Check(os.MkdirAll(filepath.Join(dir, settings.SpoolDir), 0o700))
	for i, e := range v.Envelopes() {
		ts.Check(os.WriteFile(filepath.Join(dir, settings.SpoolDir, fmt.Sprintf("%s-%04d.json", v.Chain.Visit(), i+1)), e, 0o600))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0])+".json", certs.JoinEnvelopes(v.Envelopes()), 0o600))
}

// genuine ROOT FILE...: the verifier calls each paper genuine.
func genuine(ts *testscript.TestScript, neg bool, args []string) {
	root, err := readCert(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, name := range args[1:] {
		b, err := os.ReadFile(ts.MkAbs(name))
		ts.Check(err)
		if r := verify.File(b, []*x509.Certificate{root}, verify.Options{}); r.Verdict != verify.Genuine {
			ts.Fatalf("%s: %s", name, r.Sentence)
		}
	}
}

// chain PATH KIND...: the records that the hub has signed are of these kinds, and every
// paper that its CERTIFIED names is there with its SHA-256.
func chain(ts *testscript.TestScript, neg bool, args []string) {
	v, err := readVisit(ts.MkAbs(args[0]), "")
	ts.Check(err)
	records, by, err := sign.Verify(v.envelopes)
	ts.Check(err)
	ts.Check(certstest.CheckEnvelopes(v.envelopes))
	var later []string
	for i, r := range records {
		role, _, err := sign.Holder(by[i])
		ts.Check(err)
		if role != sign.RoleHub {
			continue
		}
		later = append(later, string(r.Kind))
		if r.Certified == nil {
			continue
		}
		for _, p := range r.Certified.Papers {
			b, err := os.ReadFile(v.path(filepath.Join(v.papers, p.Name)))
			ts.Check(err)
			if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != p.SHA256 {
				ts.Fatalf("%s is not the paper that CERTIFIED names", p.Name)
			}
		}
	}
	if got, want := strings.Join(later, " "), strings.Join(args[1:], " "); got != want {
		ts.Fatalf("the hub's records are %q, want %q", got, want)
	}
}

// unlocks KEY FILE: the key is locked, and the passphrase in FILE opens it.
func unlocks(ts *testscript.TestScript, neg bool, args []string) {
	_, open := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(open)
	_, err := readKey(&console{in: os.Stdin, err: os.Stderr}, ts.MkAbs(args[0]), &passphrase{file: ts.MkAbs(args[1])})
	ts.Check(err)
	if b := ts.ReadFile(args[0]); strings.Contains(b, "PRIVATE KEY") {
		ts.Fatalf("%s lies open", args[0])
	}
}

package verify_test

import (
	"bytes"
	"crypto/x509"
	"strings"
	"testing"

	"handback.example/certs/sign"
	"handback.example/certs/verify"
)

// vector is one way to deceive, or a genuine file, and the verdict on it.
type vector struct {
	name string
	what string // was done, for people
	want string // part of the sentence
	// The reader's side: root, revocation list.
	root     holder
	list     *x509.RevocationList
	practice bool
	verdict  verify.Verdict // NotGenuine where it is empty
	// files are judged together; the vector is met by the worst of them. Most have
	// one.
	files []vectorFile
}

type vectorFile struct {
	name string // how it lies before the verifier
	b    []byte
	// spool: the file is one of a visit's records, judged together.
	spool bool
}

func one(name string, b []byte) []vectorFile { return []vectorFile{{name: name, b: b}} }

// judge a vector as handback-verify does.
func (v vector) judge(t testing.TB) (verify.Verdict, string) {
	t.Helper()
	var lists []*x509.RevocationList
	if v.list != nil {
		lists = append(lists, v.list)
	}
	// The reader's clock: a list is not old yet.
	trust, err := sign.NewTrust([]*x509.Certificate{v.root.cert}, lists, start.AddDate(0, 0, 30))
	check(t, err)
	c := &verify.Checker{Trust: trust, Lists: v.list != nil, Options: verify.Options{Practice: v.practice}}
	var results []verify.Result
	var spool [][]byte
	for _, f := range v.files {
		if f.spool {
			spool = append(spool, f.b)
			continue
		}
		results = append(results, c.File(f.name, f.b))
	}
	if spool != nil {
		results = append(results, c.Visit("spool", spool))
	}
	verify.Reconcile(results)
	worst := results[0]
	for _, r := range results {
		if r.Verdict == verify.NotGenuine || r.Verdict != verify.Genuine && worst.Verdict == verify.Genuine {
			worst = r
		}
	}
	return worst.Verdict, worst.Sentence
}

// Every way to deceive is refused with a sentence that names it.
func TestForgeries(t *testing.T) {
	all := forgeries(t, freshRing(t))
	seen := map[string]bool{}
	for _, v := range all {
		if seen[v.name] {
			t.Errorf("%s: two vectors of one name", v.name)
		}
		seen[v.name] = true
		verdict, sentence := v.judge(t)
		if verdict != verify.NotGenuine || !strings.HasPrefix(sentence, "Not genuine: ") || v.want == "" || !strings.Contains(sentence, v.want) {
			t.Errorf("%s: %s %q, want not-genuine with %q", v.name, verdict, sentence, v.want)
		}
		// Without a root, too, nothing that is broken passes for genuine.
		for _, f := range v.files {
			if r := (&verify.Checker{WhyNoTrust: "no root was given"}).File(f.name, f.b); r.Verdict == verify.Genuine {
				t.Errorf("%s: genuine without a root", v.name)
			}
		}
	}
	t.Logf("%d ways to deceive", len(all))
	if len(all) < 60 {
		t.Errorf("only %d ways were tried", len(all))
	}
}

// The forger's press is not itself at fault: unchanged, its files are genuine.
func TestPress(t *testing.T) {
	for _, v := range genuine(t, freshRing(t)) {
		if verdict, sentence := v.judge(t); verdict != v.verdict || !strings.Contains(sentence, v.want) {
			t.Errorf("%s: %s %q, want %s with %q", v.name, verdict, sentence, v.verdict, v.want)
		}
	}
}

// replace one text that stands once.
func replace(t testing.TB, b []byte, from, to string) []byte {
	t.Helper()
	if n := bytes.Count(b, []byte(from)); n != 1 {
		t.Fatalf("%q stands %d times", from, n)
	}
	return bytes.Replace(b, []byte(from), []byte(to), 1)
}

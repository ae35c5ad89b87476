package verify_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"handback.example/certs/html"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
	"handback.example/certs/verify"
)

var update = flag.Bool("update", false, "write certs/verify/vectors anew")

const vectorsDir = "vectors"

// manifest of the published vectors: see vectors/README.md.
type manifest struct {
	PDFLayout  int         `json:"pdf_layout"`
	HTMLLayout int         `json:"html_layout"`
	Vectors    []published `json:"vectors"`
}

type published struct {
	Name     string          `json:"name"`
	What     string          `json:"what"`
	Root     string          `json:"root"`
	List     string          `json:"list,omitempty"`
	Practice bool            `json:"practice,omitempty"`
	Verdict  verify.Verdict  `json:"verdict"`
	Sentence string          `json:"sentence"`
	Files    []publishedFile `json:"files"`
}

// publishedFile is a file of its own, or parts of another one and bytes between.
type publishedFile struct {
	Name  string   `json:"name"`
	File  string   `json:"file,omitempty"`
	Base  string   `json:"base,omitempty"`
	Parts []string `json:"parts,omitempty"` // 'offset+length' of the base, or '=base64'
}

// The published vectors are what they say. After a change of a layout or of a
// sentence: go test ./certs/verify -run TestVectors -update
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	m := readManifest(t)
	if m.PDFLayout != pdf.LayoutNumber || m.HTMLLayout != html.LayoutNumber {
		t.Fatalf("the vectors were drawn by layouts %d and %d, this program draws %d and %d: make them anew", m.PDFLayout, m.HTMLLayout, pdf.LayoutNumber, html.LayoutNumber)
	}
	refused := 0
	for _, p := range m.Vectors {
		v := vector{name: p.Name, root: holder{cert: certificate(t, p.Root)}, practice: p.Practice}
		if p.List != "" {
			v.list = revocations(t, p.List)
		}
		for _, f := range p.Files {
			v.files = append(v.files, vectorFile{f.Name, f.bytes(t), strings.HasPrefix(f.Name, "spool/")})
		}
		if verdict, sentence := v.judge(t); verdict != p.Verdict || sentence != p.Sentence {
			t.Errorf("%s:\nhave %s %s\nwant %s %s", p.Name, verdict, sentence, p.Verdict, p.Sentence)
		}
		if p.Verdict == verify.NotGenuine {
			refused++
		}
	}
	if refused < 60 || len(m.Vectors)-refused < 10 {
		t.Errorf("%d vectors are forged, and %d are not", refused, len(m.Vectors)-refused)
	}
}

// What the README tells readers to run gives the same files.
func TestVectorsByPython(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("python3", filepath.Join(vectorsDir, "make.py"), dir).CombinedOutput(); err != nil {
		t.Fatalf("make.py: %v\n%s", err, out)
	}
	for _, p := range readManifest(t).Vectors {
		for _, f := range p.Files {
			got, err := os.ReadFile(filepath.Join(dir, p.Name, f.Name))
			check(t, err)
			if !bytes.Equal(got, f.bytes(t)) {
				t.Errorf("%s: make.py gives another %s", p.Name, f.Name)
			}
		}
	}
}

func readManifest(t testing.TB) manifest {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(vectorsDir, "manifest.json"))
	check(t, err)
	var m manifest
	check(t, json.Unmarshal(b, &m))
	return m
}

func readVector(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(vectorsDir, name))
	check(t, err)
	return b
}

func certificate(t testing.TB, name string) *x509.Certificate {
	c, err := sign.ParseCert(readVector(t, name))
	check(t, err)
	return c
}

func revocations(t testing.TB, name string) *x509.RevocationList {
	l, err := sign.ParseList(readVector(t, name))
	check(t, err)
	return l
}

func (f publishedFile) bytes(t testing.TB) []byte {
	t.Helper()
	if f.File != "" {
		return readVector(t, f.File)
	}
	var base, out []byte
	if f.Base != "" {
		base = readVector(t, f.Base)
	}
	for _, p := range f.Parts {
		if text, ok := strings.CutPrefix(p, "="); ok {
			b, err := base64.StdEncoding.DecodeString(text)
			check(t, err)
			out = append(out, b...)
			continue
		}
		var from, n int
		_, err := fmt.Sscanf(p, "%d+%d", &from, &n)
		check(t, err)
		out = append(out, base[from:from+n]...)
	}
	return out
}

// writeVectors makes all of them by the keys that are published with them.
func writeVectors(t testing.TB) {
	r := newRing(t, func(name string) *ecdsa.PrivateKey { return publishedKey(t, name) })
	for _, dir := range []string{"genuine", "roots", "lists"} {
		check(t, os.RemoveAll(filepath.Join(vectorsDir, dir)))
	}
	put := func(name string, b []byte) string {
		path := filepath.Join(vectorsDir, name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.WriteFile(path, b, 0o644))
		return name
	}
	m := manifest{PDFLayout: pdf.LayoutNumber, HTMLLayout: html.LayoutNumber}
	var bases []*base
	for i, v := range append(genuine(t, r), forgeries(t, r)...) {
		verdict, sentence := v.judge(t)
		p := published{Name: v.name, What: v.what, Practice: v.practice, Verdict: verdict, Sentence: sentence,
			Root: put("roots/"+strings.ReplaceAll(v.root.cert.Subject.CommonName, "Handback ", "")+".pem", sign.CertPEM(v.root.cert))}
		if v.list != nil {
			p.List = put("lists/"+v.name+".pem", sign.ListPEM(v.list))
		}
		for k, f := range v.files {
			name := f.name
			if f.spool {
				name = fmt.Sprintf("spool/S01-000412-%04d.json", k+1)
			}
			if i < wholeVectors {
				file := put("genuine/"+v.name+filepath.Ext(name), f.b)
				p.Files = append(p.Files, publishedFile{Name: name, File: file})
				bases = append(bases, newBase(file, f.b))
				continue
			}
			p.Files = append(p.Files, shortest(bases, name, f.b))
		}
		m.Vectors = append(m.Vectors, p)
	}
	b, err := json.MarshalIndent(m, "", " ")
	check(t, err)
	put("manifest.json", append(b, '\n'))
}

// wholeVectors are kept as files: the first genuine ones. What follows is told as
// parts of them.
const wholeVectors = 9

func publishedKey(t testing.TB, name string) *ecdsa.PrivateKey {
	t.Helper()
	path := filepath.Join(vectorsDir, "keys", name+".pem")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = sign.KeyPEM(newKey(t))
		check(t, err)
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		err = os.WriteFile(path, b, 0o644)
	}
	check(t, err)
	k, err := sign.ParseKey(b)
	check(t, err)
	return k
}

// base of other files, with where each of its short pieces stands.
type base struct {
	file string
	b    []byte
	at   map[string]int
}

const piece = 24

func newBase(file string, b []byte) *base {
	x := &base{file, b, map[string]int{}}
	for i := len(b) - piece; i >= 0; i-- {
		x.at[string(b[i:i+piece])] = i
	}
	return x
}

// parts tells a file by what it shares with the base.
func (x *base) parts(b []byte) (parts []string, size int) {
	from := 0 // of what is not told yet
	literal := func(to int) {
		if to > from {
			parts = append(parts, "="+base64.StdEncoding.EncodeToString(b[from:to]))
		}
	}
	for i := 0; i+piece <= len(b); {
		at, ok := x.at[string(b[i:i+piece])]
		if !ok {
			i++
			continue
		}
		n := piece
		for i+n < len(b) && at+n < len(x.b) && b[i+n] == x.b[at+n] {
			n++
		}
		literal(i)
		parts = append(parts, strconv.Itoa(at)+"+"+strconv.Itoa(n))
		i += n
		from = i
	}
	literal(len(b))
	for _, p := range parts {
		size += len(p) + 8
	}
	return parts, size
}

// shortest way to tell a file.
func shortest(bases []*base, name string, b []byte) publishedFile {
	best, least := publishedFile{Name: name}, 0
	for _, x := range bases {
		if parts, size := x.parts(b); best.Base == "" || size < least {
			best, least = publishedFile{Name: name, Base: x.file, Parts: parts}, size
		}
	}
	return best
}

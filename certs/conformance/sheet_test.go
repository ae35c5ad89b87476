package conformance_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/conformance"
	"handback.example/certs/html"
	"handback.example/certs/paper"
	"handback.example/certs/schema"
	"handback.example/certs/sign"
)

var update = flag.Bool("update", false, "write CONFORMANCE.md and CONFORMANCE.pdf anew")

func lines() (out []conformance.Line) {
	for _, p := range conformance.Sheet {
		out = append(out, p.Lines...)
	}
	return out
}

// What is said to be met names what holds it; what is not met says why.
func TestEveryLineSaysWhere(t *testing.T) {
	for _, l := range lines() {
		name := l.Clause + ": " + l.Asks
		switch l.State {
		case conformance.Met:
			if len(l.Tests)+len(l.Says) == 0 {
				t.Errorf("%s: met, and nothing is named that shows it", name)
			}
		case conformance.Owner, conformance.NotClaimed:
			if len(l.Tests) > 0 || len(l.Says) > 0 {
				t.Errorf("%s: not met by the software, and yet shown", name)
			}
		default:
			t.Errorf("%s: state %q", name, l.State)
		}
		if l.Clause == "" || l.Asks == "" || l.How == "" || strings.Contains(l.Asks+l.How, "|") {
			t.Errorf("%s: not whole", name)
		}
	}
	if n := len(lines()); n < 40 {
		t.Errorf("only %d lines", n)
	}
}

// typed walks from a record's type along JSON names.
func typed(t reflect.Type, path []string) error {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if len(path) == 0 {
		return nil
	}
	if t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name == path[0] {
				return typed(t.Field(i).Type, path[1:])
			}
		}
	}
	return fmt.Errorf("%s has no %s", t.Name(), path[0])
}

type node struct {
	Ref        string          `json:"$ref"`
	Properties map[string]node `json:"properties"`
	Items      *node           `json:"items"`
	Defs       map[string]node `json:"$defs"`
}

// published walks the schema along JSON names.
func published(root, n node, path []string) error {
	for n.Ref != "" || n.Items != nil {
		if n.Items != nil {
			n = *n.Items
			continue
		}
		def, ok := root.Defs[strings.TrimPrefix(n.Ref, "#/$defs/")]
		if !ok {
			return fmt.Errorf("%s is not there", n.Ref)
		}
		n = def
	}
	if len(path) == 0 {
		return nil
	}
	next, ok := n.Properties[path[0]]
	if !ok {
		return fmt.Errorf("no property %s", path[0])
	}
	return published(root, next, path[1:])
}

func TestFieldsAreThere(t *testing.T) {
	var root node
	if err := json.Unmarshal(schema.Record, &root); err != nil {
		t.Fatal(err)
	}
	if published(root, root, []string{"facts", "drives", "no_such"}) == nil || typed(reflect.TypeFor[certs.Record](), []string{"facts", "no_such"}) == nil {
		t.Fatal("a field that is not there is found")
	}
	n := 0
	for _, l := range lines() {
		for _, f := range l.Fields {
			n++
			if err := typed(reflect.TypeFor[certs.Record](), strings.Split(f, ".")); err != nil {
				t.Errorf("%s, %s: field %s: %v", l.Clause, l.Asks, f, err)
			}
			if err := published(root, root, strings.Split(f, ".")); err != nil {
				t.Errorf("%s, %s: field %s in the schema: %v", l.Clause, l.Asks, f, err)
			}
		}
	}
	if n < 80 {
		t.Errorf("only %d fields are named", n)
	}
}

// functions of a package's tests.
func functions(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}

func TestTestsAreThere(t *testing.T) {
	n := 0
	for _, l := range lines() {
		for _, test := range l.Tests {
			n++
			dir, name, _ := strings.Cut(test, " ")
			if !strings.HasPrefix(name, "Test") || !slices.Contains(functions(t, dir), name) {
				t.Errorf("%s, %s: test %q is not there", l.Clause, l.Asks, test)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d tests are named", n)
	}
}

// What is met stands on a paper of a visit that has everything: the words are those of
// its records, whichever way a paper puts them.
func TestPapersSayIt(t *testing.T) {
	stick, hub := certstest.Keys(sign.Production)
	v := certstest.Closed(stick, hub)
	said := ""
	for _, k := range []paper.Kind{paper.Erasure, paper.Disposal} {
		b, err := html.Draw(k, v.Envelopes(), hub.Cert)
		if err != nil {
			t.Fatal(err)
		}
		said += strings.ToLower(string(b))
	}
	for _, l := range lines() {
		for _, s := range l.Says {
			if !strings.Contains(said, strings.ToLower(s)) {
				t.Errorf("%s, %s: no paper says %q", l.Clause, l.Asks, s)
			}
		}
	}
}

func TestMarkdown(t *testing.T) {
	const file = "../CONFORMANCE.md"
	if *update {
		if err := os.WriteFile(file, []byte(conformance.Markdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil || string(b) != conformance.Markdown() {
		t.Errorf("%s is not what the sheet gives (%v): go test ./certs/conformance -update", file, err)
	}
}

package stick

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// removers are what takes files away, empties them or puts others in their place.
var removers = []string{"Remove", "RemoveAll", "Rename", "Renameat", "Renameat2", "Unlink", "Unlinkat", "Rmdir", "Truncate", "Ftruncate"}

// removes are the places of the appliance's programs that do, and why no record is
// lost by it. A new one is looked at here before it is let in.
var removes = map[string]string{
	"handback/internal/stick/osvolume.go unix.Renameat":  "writeDurable: the temporary file takes the name; of a record only the same bytes (mayWrite)",
	"handback/internal/stick/osvolume.go unix.Renameat2": "writeDurable: the temporary file takes a name that is free",
	"handback/internal/stick/osvolume.go unix.Unlinkat":  "writeDurable: temporary files, and what mayWrite lets go",
	"handback/internal/evidence/book.go Remove:":         "a paper that was never certified, and that the visit's records deny",
	"handback/internal/evidence/marks.go Remove:":        "the journal of an erasure that has ended",
	"handback/practice.go os.RemoveAll":                  "the folder of a practice, which it has made new (MkdirTemp): nothing real is on record there",
	"handback/source.go os.Remove":                       "a capture that is not whole, which this command has made new (O_EXCL)",
	"handback/internal/wire/server.go os.Remove":         "the socket of an engine that died",
}

// TestNothingRemovesRecords looks through the sources of the appliance for whatever
// could take a record away: what isn't in the table fails, and what the table has and
// the sources haven't.
func TestNothingRemovesRecords(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	found := map[string]bool{}
	files := 0
	for _, dir := range []string{"handback", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files++
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			for _, r := range removing(file) {
				found[filepath.ToSlash(name)+" "+r] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 50 {
		t.Fatalf("only %d files were looked at", files)
	}
	for _, f := range slices.Sorted(maps.Keys(found)) {
		if removes[f] == "" {
			t.Errorf("%s: can it take away a record that has no receipt?", f)
		}
	}
	for f := range removes {
		if !found[f] {
			t.Errorf("%s is not there any more", f)
		}
	}
}

func removing(file *ast.File) (list []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if slices.Contains(removers, n.Sel.Name) && takesFiles(n.X) {
				list = append(list, types.ExprString(n))
			}
		case *ast.KeyValueExpr:
			if k, ok := n.Key.(*ast.Ident); ok && k.Name == "Remove" {
				list = append(list, "Remove:")
			}
		}
		return true
	})
	return list
}

// takesFiles: the kernel's calls, or an os.Root.
func takesFiles(x ast.Expr) bool {
	name := types.ExprString(x)
	return slices.Contains([]string{"os", "unix", "syscall"}, name) || strings.HasSuffix(name, "root")
}

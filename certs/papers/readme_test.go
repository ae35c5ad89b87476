package papers_test

import (
	"bytes"
	"cmp"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/papers"
	"handback.example/certs/sign"
)

var update = flag.Bool("update", false, "render the pages of certs/README.md anew")

func write(t *testing.T, dir string, kind paper.Kind, v *certstest.Visit, by *sign.Signer) []papers.File {
	t.Helper()
	files, err := papers.Make(kind, v.Envelopes(), by)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

var shell = regexp.MustCompile("(?s)```sh\n(.*?)```")

// Each command of the README runs, on papers of that name.
func TestReadmeCommands(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, bin := t.TempDir(), t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "handback-verify"), "handback.example/cmd/handback-verify")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s, _ := certstest.Keys(sign.Demonstrating)
	write(t, dir, paper.Erasure, certstest.Sanitised(s, 1), s)
	if err := os.WriteFile(filepath.Join(dir, "root.pem"), sign.CertPEM(s.Root), 0o600); err != nil {
		t.Fatal(err)
	}
	blocks := shell.FindAllSubmatch(readme, -1)
	if len(blocks) != 5 {
		t.Fatalf("the README has %d blocks of commands, want 5", len(blocks))
	}
	for _, b := range blocks {
		c := exec.Command("bash", "-e", "-o", "pipefail", "-c", string(b[1]))
		c.Dir, c.Env = dir, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s%v\n%s", b[1], err, out)
		}
	}
}

// Every picture of the README is there, and none is large.
func TestReadmePages(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		renderPages(t)
	}
	shown := regexp.MustCompile(`\]\((pages/[a-z]+-[0-9]\.png)\)`).FindAllSubmatch(readme, -1)
	if len(shown) < 8 {
		t.Errorf("the README shows %d pages, want two of each kind and of a failure", len(shown))
	}
	for _, m := range shown {
		b, err := os.ReadFile("../" + string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		if c, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || c.Width < 600 || len(b) > 150<<10 {
			t.Errorf("%s: %d pixels wide, %d bytes: %v", m[1], c.Width, len(b), err)
		}
	}
}

func renderPages(t *testing.T) {
	t.Helper()
	s, hub := certstest.Keys(sign.Demonstrating)
	for _, p := range []struct {
		name string
		kind paper.Kind
		v    *certstest.Visit
		by   *sign.Signer
	}{
		{"erasure", paper.Erasure, certstest.Sanitised(s, 1), s}, {"failed", paper.Erasure, certstest.Failed(s), s},
		{"disposal", paper.Disposal, certstest.Closed(s, hub), hub}, {"hold", paper.Hold, certstest.Failed(s), s},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, write(t, dir, p.kind, p.v, p.by)[0].Name)
		if out, err := exec.Command("pdftoppm", "-r", "96", "-l", "2", "-png", file, filepath.Join(dir, "page")).CombinedOutput(); err != nil {
			t.Fatalf("pdftoppm: %v\n%s", err, out)
		}
		pages, err := filepath.Glob(filepath.Join(dir, "page-*.png"))
		if err != nil || len(pages) != 2 {
			t.Fatalf("%s has %d pages: %v", p.name, len(pages), err)
		}
		for i, page := range pages {
			small(t, page, filepath.Join("../pages", p.name+"-"+string(rune('1'+i))+".png"))
		}
	}
}

// small copy of a picture: in its sixteen most frequent colours, far apart.
func small(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	src, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	dst := image.NewPaletted(src.Bounds(), palette(src))
	for y := range src.Bounds().Dy() {
		for x := range src.Bounds().Dx() {
			dst.Set(x, y, src.At(x, y))
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, dst); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func palette(src image.Image) (out color.Palette) {
	count := map[color.RGBA]int{}
	for y := range src.Bounds().Dy() {
		for x := range src.Bounds().Dx() {
			count[color.RGBAModel.Convert(src.At(x, y)).(color.RGBA)]++
		}
	}
	var all []color.RGBA
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	for _, c := range all {
		if len(out) == 16 {
			break
		}
		if !slices.ContainsFunc(out, func(o color.Color) bool { return near(o.(color.RGBA), c) }) {
			out = append(out, c)
		}
	}
	return out
}

func near(a, b color.RGBA) bool {
	d := func(x, y uint8) int { return max(int(x)-int(y), int(y)-int(x)) }
	return d(a.R, b.R)+d(a.G, b.G)+d(a.B, b.B) < 48
}

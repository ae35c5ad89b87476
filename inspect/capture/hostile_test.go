package capture_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/capture"
	"handback.example/inspect/survey"
)

// entry of an archive that somebody made by hand.
type entry struct {
	name, body, link string
	kind             byte
}

const manifest = `{"format":"handback.capture/1","program":"x","taken":"2026-01-02T03:04:05Z"}`

func tarOf(t testing.TB, all ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range all {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		h := &tar.Header{Name: e.name, Linkname: e.link, Typeflag: e.kind, Mode: 0o644, Size: int64(len(e.body))}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err == nil {
		_, err = z.Write(b)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What is no capture is refused with a word that says why.
func TestHostileArchives(t *testing.T) {
	good := entry{name: "capture.json", body: manifest}
	in := func(all ...entry) []byte { return zipped(t, tarOf(t, append([]entry{good}, all...)...)) }
	many := make([]entry, 60_001)
	for i := range many {
		many[i] = entry{name: fmt.Sprintf("tree/%d", i), kind: tar.TypeDir}
	}
	bomb := make([]entry, 17)
	for i := range bomb {
		bomb[i] = entry{name: fmt.Sprintf("tree/%d", i), body: strings.Repeat("\x00", 4<<20)}
	}
	whole := in(entry{name: "tree/sys/a", body: strings.Repeat("x", 5000)})
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"nothing":              {nil, "no tar.gz"},
		"a text":               {[]byte("Dear all, here is the capture"), "no tar.gz"},
		"cut short":            {whole[:len(whole)-20], "unexpected EOF"},
		"no manifest":          {zipped(t, tarOf(t, entry{name: "machine.json", body: "{}"})), "its format is"},
		"a later format":       {zipped(t, tarOf(t, entry{name: "capture.json", body: `{"format":"handback.capture/2"}`})), "use the version that wrote it"},
		"a way up":             {in(entry{name: "tree/../../../etc/cron.d/x", body: "x"}), "is called"},
		"a name from the root": {in(entry{name: "/etc/passwd", body: "x"}), "is called"},
		"something else":       {in(entry{name: "run-me.sh", body: "x"}), "none of a capture"},
		"a device":             {in(entry{name: "tree/dev/sda", kind: tar.TypeBlock}), "neither file"},
		"a hard link":          {in(entry{name: "tree/a", kind: tar.TypeLink, link: "/etc/shadow"}), "neither file"},
		"a manifest by a link": {in(entry{name: "machine.json", kind: tar.TypeSymlink, link: "/etc/shadow"}), "is no file"},
		"twice the same":       {in(entry{name: "tree/a", body: "1"}, entry{name: "tree/a", body: "2"}), "twice"},
		"a bomb":               {in(bomb...), "longer than 64 MB"},
		"many lines":           {in(entry{name: "tree.jsonl", body: strings.Repeat(" ", 13<<20)}), "longer than 12 MB"},
		"a large file":         {in(entry{name: "tree/sys/a", body: strings.Repeat("x", 5<<20)}), "longer than 4 MB"},
		"many entries":         {in(many...), "more than 60000 entries"},
		"endless lists":        {in(entry{name: "tree.jsonl", body: `{"name":"/sys","listed":true,"names":[` + strings.Repeat(`"a",`, 100_000) + `"b"]}`}), "more than 100000 names"},
		"no JSON":              {in(entry{name: "machine.json", body: "{"}), "machine.json"},
		"a name of no tree":    {in(entry{name: "tree.jsonl", body: `{"name":"../etc"}`}), "a name is"},
		"commands alone":       {in(entry{name: "drives/sda/commands.jsonl", body: ""}), "no drive.json"},
		"a drive of no size":   {in(entry{name: "drives/sda/drive.json", body: `{"path":"/dev/sda","geometry":{"size":-1}}`}), "makes no sense"},
		"more than was asked":  {in(entry{name: "drives/sda/commands.jsonl", body: `{"protocol":1,"frame":"00","length":1,"data":"0102"}`}), "makes no sense"},
		"hex that is none":     {in(entry{name: "drives/sda/commands.jsonl", body: `{"frame":"0g"}`}), "commands.jsonl"},
		"an endless command":   {in(entry{name: "drives/sda/commands.jsonl", body: `{"protocol":1,"frame":"00","length":9000000000}`}), "makes no sense"},
	} {
		start := time.Now()
		if read, err := capture.Read(bytes.NewReader(c.archive)); err == nil {
			t.Errorf("%s was read", name)
			_ = read.Close()
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
}

// A sparse file has no bytes in the archive and four million in memory: each of the
// ways in which GNU tar keeps one is refused.
func TestSparse(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int64{"capture.json": 0, "tree/hole": 4 << 20} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(manifest), 0o644); err != nil {
			t.Fatal(err)
		}
		if size > 0 {
			if err := os.Truncate(at, size); err != nil {
				t.Fatal(err)
			}
		}
	}
	for format, options := range map[string]string{"old GNU": "--format=gnu", "PAX 0.0": "--format=pax --sparse-version=0.0", "PAX 0.1": "--format=pax --sparse-version=0.1", "PAX 1.0": "--format=pax --sparse-version=1.0"} {
		args := append(strings.Fields(options), "--sparse", "--hole-detection=raw", "-C", dir, "-cf", "-", "capture.json", "tree/hole")
		out, err := exec.CommandContext(t.Context(), "tar", args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		if len(out) > 64<<10 {
			t.Fatalf("%s: %d bytes: the file is not sparse in it", format, len(out))
		}
		if _, err := capture.Read(bytes.NewReader(zipped(t, out))); err == nil || !strings.Contains(err.Error(), "is a sparse file") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// A folder of as many names as there may be is looked through once, not once for each.
func TestManyNames(t *testing.T) {
	var names []string
	for i := range 60_000 {
		names = append(names, fmt.Sprintf(`"%x"`, i))
	}
	c, err := capture.Read(bytes.NewReader(zipped(t, tarOf(t, entry{name: "capture.json", body: manifest}, entry{name: "tree/sys/", kind: tar.TypeDir}, entry{name: "tree/sys/block/", kind: tar.TypeDir},
		entry{name: "tree.jsonl", body: `{"name":"/sys/block","listed":true,"names":[` + strings.Join(names, ",") + "]}"}))))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	start := time.Now()
	take(t, c.Doors())
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

// A tree whose links lead out of it, around in it, or through one another: nothing of
// this machine is read, and nothing is written beside the folder that is laid out.
func TestHostileLinks(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	outside := filepath.Join(os.Getenv("TMPDIR"), "outside")
	if err := os.WriteFile(outside, []byte("SECRET-OUTSIDE\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := func(name, to string) entry { return entry{name: "tree" + name, link: to, kind: tar.TypeSymlink} }
	folder := func(name string) entry { return entry{name: "tree" + name + "/", kind: tar.TypeDir} }
	c, err := capture.Read(bytes.NewReader(zipped(t, tarOf(t, entry{name: "capture.json", body: manifest},
		folder("/sys"), folder("/sys/class"), folder("/sys/class/dmi"), folder("/sys/class/dmi/id"), folder("/a"), folder("/a/b"),
		link("/sys/class/dmi/id/product_name", "../../../../../outside"), link("/sys/class/dmi/id/product_serial", outside), link("/sys/class/net", "net"),
		link("/a/b/up", "/"), entry{name: "tree/a/b/up/written", body: "x"}, link("/a/b/up/outside2", "../a"), link("/proc", "../.."), entry{name: "tree/proc/written", body: "x"},
		link("/sys/loop", "loop"), entry{name: "tree/sys/class/dmi/id/sys_vendor", body: "Maker"}))))
	if err != nil {
		t.Fatal(err)
	}
	r, err := survey.Take(t.Context(), survey.Options{Doors: c.Doors()})
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(lines(t, r), "\n"); strings.Contains(text, "SECRET-OUTSIDE") {
		t.Error("a file outside was read")
	}
	at, err := c.Doors().Tree.Folder()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(at, "sys/class/dmi/id/sys_vendor")); string(b) != "Maker" {
		t.Errorf("%q, %v", b, err)
	}
	err = filepath.WalkDir(os.Getenv("TMPDIR"), func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := filepath.Base(path); base == "written" || base == "outside2" {
			t.Errorf("%s was written below a link", path)
		}
		if e.Type()&os.ModeSymlink != 0 {
			if real, err := filepath.EvalSymlinks(path); err == nil && real != at && !strings.HasPrefix(real, at+"/") {
				t.Errorf("%s leads to %s", path, real)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "handback-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What an archive has for people can't take their terminal over.
func TestHostileText(t *testing.T) {
	const evil = `\u001b]0;x\u0007\u202e<script>`
	list := `{"name":"/sys/block","listed":true,"names":["sda"]}{"name":"/sys/devices/sda","listed":true,"names":["dev","device","size"]}{"name":"/sys/devices/sda/device","listed":true}`
	drive := `{"path":"/dev/sda","geometry":{"size":512,"logical_block":512},"unidentified":"` + evil + `","contents":{"holds":["` + evil + `"],"problems":["` + evil + `"]}}`
	link := "../devices/sda"
	c, err := capture.Read(bytes.NewReader(zipped(t, tarOf(t, entry{name: "capture.json", body: strings.Replace(manifest, `"x"`, `"`+evil+`","opened":true`, 1)},
		entry{name: "tree/sys/", kind: tar.TypeDir}, entry{name: "tree/sys/block/", kind: tar.TypeDir}, entry{name: "tree/sys/block/sda", kind: tar.TypeSymlink, link: link},
		entry{name: "tree/sys/devices/", kind: tar.TypeDir}, entry{name: "tree/sys/devices/sda/", kind: tar.TypeDir}, entry{name: "tree/sys/devices/sda/dev", body: "8:0\n"}, entry{name: "tree/sys/devices/sda/size", body: "1\n"},
		entry{name: "tree/sys/devices/sda/device/", kind: tar.TypeDir}, entry{name: "tree.jsonl", body: list + `{"name":"/sys/bus","gone":{"text":"` + evil + `"}}`},
		entry{name: "tree/sys/class/", kind: tar.TypeDir}, entry{name: "tree/sys/class/tpm/", kind: tar.TypeDir},
		entry{name: "machine.json", body: `{"tpm":{"maker":{"known":true,"value":"` + evil + `"}},"amt":{"error":"` + evil + `"}}`}, entry{name: "drives/sda/drive.json", body: drive}))))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := take(t, c.Doors())
	if len(r.Drives) != 1 || len(r.Drives[0].Holds) != 1 || len(r.Drives[0].Problems) < 2 {
		t.Errorf("%+v", r.Drives)
	}
	for _, text := range append(lines(t, r), c.Manifest().String()) {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) || strings.Contains(text, `\u001b`) || strings.Contains(text, `\u202e`) {
			t.Errorf("%q", text)
		}
	}
}

// FuzzRead: whatever an archive says, it is read or refused, and what is read makes a
// report.
func FuzzRead(f *testing.F) {
	f.Add(tarOf(f, entry{name: "capture.json", body: manifest}, entry{name: "tree/sys/", kind: tar.TypeDir}, entry{name: "tree.jsonl", body: `{"name":"/sys/block","kind":"folder","listed":true,"names":["sda"]}`},
		entry{name: "drives/sda/drive.json", body: `{"path":"/dev/sda","geometry":{"size":1024,"logical_block":512,"physical_block":512},"contents":{"holds":["NTFS"]}}`},
		entry{name: "drives/sda/commands.jsonl", body: `{"operation":"INQUIRY","protocol":1,"frame":"120000002400","length":36,"status":0,"data":"0000060d5b000000"}`},
		entry{name: "machine.json", body: `{"amt":{"mode":1}}`}))
	for _, name := range libraryFiles(f) {
		file, err := os.Open(name)
		if err != nil {
			f.Fatal(err)
		}
		z, err := gzip.NewReader(file)
		if err != nil {
			f.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			f.Fatal(err)
		}
		_ = file.Close()
		if len(b) < 256<<10 { // a fuzzer gets nowhere with long ones
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := capture.Read(bytes.NewReader(zipped(t, b)))
		if err != nil {
			return
		}
		defer c.Close()
		r, err := survey.Take(t.Context(), survey.Options{Doors: c.Doors(), WithTPM: true})
		if err == nil && r.Taken != c.Manifest().Taken && !c.Manifest().Taken.IsZero() {
			t.Errorf("a report of %s of a capture of %s", r.Taken, c.Manifest().Taken)
		}
	})
}

// libraryFiles are the captures of testdata.
func libraryFiles(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob("../../testdata/captures/*.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/creack/pty"
	"github.com/diskfs/go-diskfs"
	"github.com/diskfs/go-diskfs/disk"
	"github.com/diskfs/go-diskfs/filesystem"
	"github.com/diskfs/go-diskfs/partition/gpt"

	"handback.example/certs/sign"
	"handback.example/cmd/internal/settings"
	"handback.example/image/exfat"
	"handback.example/image/vmtest"
)

// init stands in for `handback-image build` where TestBuiltStick starts this
// program as its own builder: the image is the argument list.
func init() {
	if os.Getenv("TRY_TEST_BUILDER") == "" || len(os.Args) != 6 || os.Args[1] != "build" {
		return
	}
	if os.Getenv("TRY_TEST_BUILDER") == "fails" {
		os.Exit(3)
	}
	if err := os.WriteFile(filepath.Join(os.Args[5], "handback.img"), []byte(strings.Join(os.Args[1:5], " ")), 0o600); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// espSize is far from the 64 MiB at which go-diskfs lays a FAT out wrongly.
const espSize = 40 << 20

// shellImage is a stick of our layout that boots OVMF's own shell in place of the
// appliance: script is its startup.nsh. It lets try be tested from end to end
// without building the appliance.
func shellImage(t *testing.T, script string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "handback.img")
	d, err := diskfs.Create(name, 128<<20, diskfs.SectorSizeDefault)
	if err != nil {
		t.Fatal(err)
	}
	const esp, data = 2048, 2048 + espSize/512
	if err := d.Partition(&gpt.Table{
		GUID: settings.DiskGUID, ProtectiveMBR: true, LogicalSectorSize: 512, PhysicalSectorSize: 512,
		Partitions: []*gpt.Partition{
			{Index: 1, Start: esp, End: data - 1, Size: espSize, Type: gpt.EFISystemPartition, Name: "ESP", GUID: settings.ESPGUID},
			{Index: 2, Start: data, End: data + 64<<20/512 - 1, Size: 64 << 20, Type: gpt.Type(strings.ToUpper(settings.DataType)), Name: "HANDBACK", GUID: settings.DataGUID},
		},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CreateFilesystem(disk.FilesystemSpec{Partition: 1, FSType: filesystem.TypeFat32, VolumeLabel: "ESP"}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	// By mtools: go-diskfs writes the '..' of a first-level folder with cluster 2,
	// where the FAT specification (section 6.5) has 0.
	if out, err := exec.Command("mmd", "-i", name+"@@1M", "::handback").CombinedOutput(); err != nil {
		t.Fatalf("mmd (package mtools): %v\n%s", err, out)
	}
	if err := seed(name, map[string][]byte{"startup.nsh": []byte(strings.ReplaceAll(script, "\n", "\r\n"))}); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := exfat.Format(&at{f, data * 512}, 64<<20, exfat.Options{Label: settings.DataLabel}); err != nil {
		t.Fatal(err)
	}
	return name
}

// at is a part of a file.
type at struct {
	f   *os.File
	off int64
}

func (a *at) WriteAt(p []byte, off int64) (int, error) { return a.f.WriteAt(p, a.off+off) }
func (a *at) ReadAt(p []byte, off int64) (int, error)  { return a.f.ReadAt(p, a.off+off) }

func TestTryWrongUse(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.toml")
	if err := os.WriteFile(bad, []byte("colour = 'red'"), 0o600); err != nil {
		t.Fatal(err)
	}
	untagged := filepath.Join(dir, "untagged.toml")
	if err := os.WriteFile(untagged, []byte("stick = 'S01'"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no out":             {[]string{"--headless"}, 2, "--out DIR is missing"},
		"no such flag":       {[]string{"--fast", "--out", out}, 2, "-fast"},
		"a word":             {[]string{"--out", out, "disk.img"}, 2, `"disk.img" is not understood`},
		"no such bus":        {[]string{"--out", out, "--drive", "ide:x.img"}, 2, `"ide" is no bus`},
		"unknown setting":    {[]string{"--out", out, "--settings", bad}, 2, `unknown setting "colour"`},
		"unattended, no tag": {[]string{"--out", out, "--settings", untagged, "--unattended"}, 2, "an unattended visit needs"},
		"no such settings":   {[]string{"--out", out, "--settings", filepath.Join(dir, "none")}, 3, "no such file"},
		"no such image":      {[]string{"--out", out, "--image", filepath.Join(dir, "none")}, 3, "no such file"},
		"no stick":           {[]string{"--out", out, "--image", bad}, 3, "is no stick image of ours"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := runTry(t.Context(), c.args, nil, &stdout, &stderr)
			if code != c.code || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("exit %d, %q; want %d and %q", code, stderr.String(), c.code, c.want)
			}
			if strings.Contains(stderr.String(), "--help' shows how it is used") != (c.code == 2 && !strings.Contains(name, "unattended") && name != "unknown setting") {
				t.Errorf("usage is shown in the wrong place: %q", stderr.String())
			}
		})
	}
	if _, err := os.Stat(filepath.Join(out, "stick.img")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a stick is left that is none: %v", err)
	}
	var stdout, stderr bytes.Buffer
	if code := runTry(t.Context(), []string{"-h"}, nil, &stdout, &stderr); code != 0 || !strings.HasPrefix(stdout.String(), "usage:") {
		t.Errorf("-h gives %d, %q", code, stdout.String())
	}
}

// The exit code is the visit's; success needs a paper in hand.
func TestOutcome(t *testing.T) {
	event := func(s string) vmtest.Event {
		e, ok := vmtest.ParseEvent("handback: event " + s)
		if !ok {
			t.Fatalf("%q is no event", s)
		}
		return e
	}
	fault := errors.New("fault")
	for name, c := range map[string]struct {
		events       []string
		left         bool
		run, take    error
		papers, code int
		mustSay      string
	}{
		"well":                       {events: []string{"pid1", "started drive=A", "exit code=0"}, papers: 2, code: 0},
		"no paper":                   {events: []string{"exit code=0"}, code: 3, mustSay: "no certificate"},
		"papers not read":            {events: []string{"exit code=0"}, papers: 1, take: fault, code: 3, mustSay: "not taken out"},
		"bad":                        {events: []string{"exit code=1"}, papers: 2, code: 1},
		"bad and no papers":          {events: []string{"exit code=1"}, take: fault, code: 1, mustSay: "fault"},
		"killed after the end":       {events: []string{"exit code=0"}, run: fault, papers: 2, code: 0},
		"killed":                     {events: []string{"started drive=A"}, run: fault, papers: 2, code: 3, mustSay: "fault"},
		"silent":                     {code: 3, mustSay: "no exit code"},
		"nonsense":                   {events: []string{"exit code=0x0"}, papers: 1, code: 3},
		"negative":                   {events: []string{"exit code=-1"}, papers: 1, code: 3},
		"started again":              {events: []string{"exit code=0", "pid1"}, papers: 2, code: 3},
		"second boot":                {events: []string{"exit code=3", "pid1", "exit code=0"}, papers: 2, code: 0},
		"left before":                {left: true, code: 130, mustSay: "before anything was destroyed"},
		"left while erasing":         {events: []string{"started drive=A"}, left: true, code: 1, mustSay: "not sanitised"},
		"left at the result":         {events: []string{"started drive=A", "exit code=0"}, left: true, papers: 2, code: 0},
		"left, an old run had begun": {left: true, papers: 2, code: 130, mustSay: "before anything"},
	} {
		t.Run(name, func(t *testing.T) {
			v := visit{code: -1, left: c.left}
			for _, e := range c.events {
				v.hear(event(e))
			}
			code, err := v.outcome(c.run, c.take, c.papers)
			if code != c.code {
				t.Errorf("exit %d, %v; want %d", code, err, c.code)
			}
			if code == 3 && err == nil && c.events == nil {
				t.Error("exit 3 without a word why")
			}
			if c.mustSay != "" && (err == nil || !strings.Contains(err.Error(), c.mustSay)) {
				t.Errorf("says %v, want %q", err, c.mustSay)
			}
		})
	}
}

// The spellings of Ctrl-]: ASCII GS; kitty's keyboard protocol; modifyOtherKeys.
func TestIsLeave(t *testing.T) {
	for in, want := range map[string]bool{
		"\x1d": true, "abc\x1dd": true, "\x1b[93;5u": true, "\x1b[93;5:1u": true, "\x1b[93;133u": true, "\x1b[93:125;5u": true, "\x1b[27;5;93~": true,
		"]": false, "\x03": false, "\x1b[93;5:3u": false, "\x1b[93;2u": false, "\x1b[93u": false, "\x1b[27;2;93~": false, "\x1b[24~": false,
	} {
		if isLeave([]byte(in)) != want {
			t.Errorf("%q: %v, want %v", in, !want, want)
		}
	}
}

func FuzzIsLeave(f *testing.F) {
	f.Add([]byte("\x1b[93;5u"))
	f.Add([]byte("\x1b[93;99999999999999999999u"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if isLeave(b) && !bytes.ContainsAny(b, "\x1d\x1b") {
			t.Errorf("%q leaves", b)
		}
	})
}

func TestPrepareStick(t *testing.T) {
	out := t.TempDir()
	stick := filepath.Join(out, "stick.img")
	o := tryOptions{image: shellImage(t, "exit\n"), out: out}
	set := settings.Demonstration()
	var said bytes.Buffer
	if err := prepareStick(t.Context(), o, set, stick, &said); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(stick)
	if err != nil || st.Size() != 512<<20 || st.Mode().Perm() != 0o600 {
		t.Fatalf("stick is %v, %v", st, err)
	}
	if used := st.Sys().(*syscall.Stat_t).Blocks * 512; used > 64<<20 {
		t.Errorf("the copy fills %d bytes: its holes are gone", used)
	}
	seeded, err := readESP(stick, espSettings, espRoot, espStick, espKey)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sign.LoadStick(seeded[espRoot], seeded[espStick], seeded[espKey])
	if err != nil || s.Class != sign.Demonstrating || s.Stick != "S01" {
		t.Errorf("the stick's key is %+v, %v", s, err)
	}
	if got, err := settings.Parse(seeded[espSettings]); err != nil || got.Intake.Tag != "DEMO-0001" {
		t.Errorf("settings are %+v, %v", got, err)
	}
	if err := keepRoot(stick, out); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(out, "root.pem")); err != nil || !bytes.Equal(b, seeded[espRoot]) {
		t.Errorf("root.pem: %v", err)
	}
	fsckESP(t, stick)

	// The same again changes no byte, and needs no image.
	before := espBytes(t, stick)
	o.image = "/nonexistent"
	if err := prepareStick(t.Context(), o, set, stick, &said); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, espBytes(t, stick)) {
		t.Error("the same settings were written again")
	}
	// Other settings, shorter ones too, are the stick's from then on; keys stay.
	for _, org := range []string{strings.Repeat("A long name of a department, ", 60), "X"} {
		set.Organisation = org
		if err := prepareStick(t.Context(), o, set, stick, &said); err != nil {
			t.Fatal(err)
		}
		now, err := readESP(stick, espSettings, espRoot, espKey)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := settings.Parse(now[espSettings]); err != nil || got.Organisation != org {
			t.Errorf("settings are %d bytes, %v", len(now[espSettings]), err)
		}
		if out, err := exec.Command("mtype", "-i", stick+"@@1M", "::"+espSettings).Output(); err != nil || !bytes.Equal(out, now[espSettings]) {
			t.Errorf("mtype (package mtools) reads other settings: %d bytes, %v", len(out), err)
		}
		if !bytes.Equal(now[espRoot], seeded[espRoot]) || !bytes.Equal(now[espKey], seeded[espKey]) {
			t.Error("keys changed with the settings")
		}
		fsckESP(t, stick)
	}
	// So is a logo that they name, which lies beside them.
	o.settings, set.Papers.Logo = filepath.Join(out, "settings.toml"), "crest.png"
	if err := os.WriteFile(filepath.Join(out, "crest.png"), testLogo(t), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := prepareStick(t.Context(), o, set, stick, &said); err != nil {
		t.Fatal(err)
	}
	if on, err := readESP(stick, "handback/crest.png"); err != nil || !bytes.Equal(on["handback/crest.png"], testLogo(t)) {
		t.Errorf("the logo on the stick: %v", err)
	}
	fsckESP(t, stick)
	set.Stick = "S02"
	var usage usageError
	if err := prepareStick(t.Context(), o, set, stick, &said); !errors.As(err, &usage) || !strings.Contains(err.Error(), `is stick "S01"`) {
		t.Errorf("another stick's settings: %v", err)
	}
	// Papers without their stick are not mixed with another's.
	if err := os.Remove(stick); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(out, "spool", "S01-000001"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := prepareStick(t.Context(), o, set, stick, &said); err == nil || !strings.Contains(err.Error(), "papers of an earlier stick") {
		t.Errorf("orphaned papers: %v", err)
	}
}

func espBytes(t *testing.T, stick string) []byte {
	t.Helper()
	f, err := os.Open(stick)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, espSize)
	if _, err := f.ReadAt(b, 2048*512); err != nil {
		t.Fatal(err)
	}
	return b
}

// fsckESP lets another program judge what was written.
func fsckESP(t *testing.T, stick string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "esp")
	if err := os.WriteFile(name, espBytes(t, stick), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("/usr/sbin/fsck.vfat", "-n", name).CombinedOutput(); err != nil {
		t.Errorf("fsck.vfat (package dosfstools): %v\n%s", err, out)
	}
}

func TestTakeFolder(t *testing.T) {
	from := fstest.MapFS{
		"certificates/S01-000001-erasure.pdf":      {Data: []byte("%PDF-1")},
		"certificates/.S01-000002-erasure.pdf.tmp": {Data: []byte("half")},
		"certificates/note.txt":                    {Data: []byte("n")},
		"spool/S01-000001/0001.json":               {Data: []byte("{}")},
	}
	out := t.TempDir()
	names, err := takeFolder(from, "certificates", out)
	if err != nil || len(names) != 1 || names[0] != filepath.Join(out, "certificates/S01-000001-erasure.pdf") {
		t.Errorf("took %v, %v", names, err)
	}
	if _, err := takeFolder(from, "spool", out); err != nil {
		t.Error(err)
	}
	if names, err := takeFolder(from, "labels", out); err != nil || names != nil {
		t.Errorf("a folder that is not there: %v, %v", names, err)
	}
	var got []string
	if err := fs.WalkDir(os.DirFS(out), ".", func(n string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			got = append(got, n)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if s := strings.Join(got, " "); s != "certificates/S01-000001-erasure.pdf certificates/note.txt spool/S01-000001/0001.json" {
		t.Errorf("out holds %s", s)
	}
}

func TestOneTryInAFolder(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockFolder(dir); err == nil || !strings.Contains(err.Error(), "in use by another try") {
		t.Errorf("a second try: %v", err)
	}
	unlock()
	if unlock, err = lockFolder(dir); err != nil {
		t.Fatal(err)
	}
	unlock()
}

// A whole try, headless: events, picture, log, and success that is not believed
// because the stick holds no paper. As the appliance does, the script leaves its last
// screen for a while (microseconds), so that a picture of it can be had.
func TestTryHeadless(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "alpha.img")
	if err := os.WriteFile(disk, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	image := shellImage(t, "@echo -off\necho handback: event pid1\necho handback: event started drive=ALPHA\necho handback: event exit code=0\nstall 5000000\nreset -s\n")
	var stdout, stderr bytes.Buffer
	code := runTry(t.Context(), []string{"--image", image, "--headless", "--unattended", "--tpm", "--drive", "nvme:" + disk, "--out", out}, nil, &stdout, &stderr)
	if code != 3 || !strings.Contains(stderr.String(), "the stick holds no certificate") {
		t.Errorf("exit %d, %q", code, stderr.String())
	}
	for _, want := range []string{"certificates will be in " + out, "about 20 s", `started drive="ALPHA"`} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
	for _, f := range []string{"stick.img", "root.pem", "serial.log", "screen.png", "tpm/tpm2-00.permall"} {
		if st, err := os.Stat(filepath.Join(out, f)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", f, err)
		}
	}
	leftovers, err := filepath.Glob(filepath.Join(out, "*.new"))
	if err != nil || len(leftovers) != 0 {
		t.Errorf("left over: %v, %v", leftovers, err)
	}
}

// The image is built once, kept for the next time, and built anew for other programs.
func TestBuiltStick(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	old := filepath.Join(cache, "handback", "try", "0123456789ab", "handback.img")
	if err := os.MkdirAll(filepath.Dir(old), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TRY_TEST_BUILDER", "fails")
	if _, err := builtStick(t.Context(), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "no stick image was built") {
		t.Errorf("a builder that fails: %v", err)
	}
	t.Setenv("TRY_TEST_BUILDER", "builds")
	var said bytes.Buffer
	image, err := builtStick(t.Context(), &said)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(image); err != nil || string(b) != "build --kind stick --out" {
		t.Errorf("the image is %q, %v", b, err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the image of older programs is still there: %v", err)
	}
	t.Setenv("TRY_TEST_BUILDER", "fails")
	said.Reset()
	if again, err := builtStick(t.Context(), &said); err != nil || again != image || said.Len() != 0 {
		t.Errorf("the second time: %s, %v, %q", again, err, said.String())
	}
}

// lockedBuffer is written by the terminal's reader and read by the test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}
func (l *lockedBuffer) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

// A try in a terminal: the screen comes through, keys go in, Ctrl-] leaves, the
// terminal is what it was, and no process is left.
func TestTryTerminal(t *testing.T) {
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer theirs.Close()
	before := stty(t, theirs)
	shown := &lockedBuffer{}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := ours.Read(buf)
			_, _ = shown.Write(buf[:n]) // never fails
			if err != nil {
				return
			}
		}
	}()
	// What is shown before PID 1 is known to run is the firmware's, and left out: the
	// question comes a while after that.
	image := shellImage(t, "@echo -off\necho handback: event pid1\nstall 3000000\npause\necho the key came\necho handback: event started drive=A\npause\n")
	ctx, cancel := context.WithTimeout(t.Context(), scenarioTime) // its turn may come late
	defer cancel()
	var stderr bytes.Buffer
	ended := make(chan int)
	go func() {
		ended <- runTry(ctx, []string{"--image", image, "--out", filepath.Join(t.TempDir(), "out")}, theirs, theirs, &stderr)
	}()
	await := func(what string) {
		t.Helper()
		for !strings.Contains(shown.String(), what) {
			if ctx.Err() != nil {
				t.Fatalf("no %q in\n%q", what, shown.String())
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	await("leave with Ctrl-]")
	await("s of about 20")
	await("any other key to continue")
	if stty(t, theirs) == before {
		t.Error("the terminal is not raw while the screen is shown")
	}
	if _, err := ours.Write([]byte("y")); err != nil {
		t.Fatal(err)
	}
	await("the key came")
	time.Sleep(time.Second)
	if _, err := ours.Write([]byte{0x1d}); err != nil {
		t.Fatal(err)
	}
	select {
	case code := <-ended:
		if code != 1 || !strings.Contains(stderr.String(), "left while drives were being erased") {
			t.Errorf("exit %d, %q", code, stderr.String())
		}
	case <-ctx.Done():
		t.Fatal("Ctrl-] does not leave")
	}
	await("\x1b[?25h")
	if after := stty(t, theirs); after != before {
		t.Errorf("the terminal was\n%s\nand is\n%s", before, after)
	}
	if m, err := filepath.Glob("/proc/self/task/*/children"); err == nil {
		for _, f := range m {
			if b, err := os.ReadFile(f); err == nil && len(bytes.TrimSpace(b)) > 0 {
				t.Errorf("processes are left: %s", b)
			}
		}
	}
}

func stty(t *testing.T, f *os.File) string {
	t.Helper()
	c := exec.Command("stty", "-a")
	c.Stdin = f
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

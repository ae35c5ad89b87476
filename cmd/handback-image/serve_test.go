package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest"
)

const driveLibrary = "../../testdata/drives"

func character(name string) string { return filepath.Join(driveLibrary, name+".toml") }

// served is a serve-drive that runs.
type served struct {
	t     *testing.T
	typed *io.PipeWriter
	mu    sync.Mutex
	said  bytes.Buffer
}

func (s *served) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.Write(p)
}

func (s *served) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// waits until it has said something.
func (s *served) waits(what string) {
	s.t.Helper()
	for range 500 {
		if strings.Contains(s.text(), what) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.t.Fatalf("serve-drive did not say %q, but:\n%s", what, s.text())
}

func (s *served) types(line string) {
	s.t.Helper()
	if _, err := io.WriteString(s.typed, line+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

// startServe runs serve-drive until the test ends; it must end well.
func startServe(t *testing.T, args ...string) *served {
	t.Helper()
	in, typed := io.Pipe()
	s := &served{t: t, typed: typed}
	ended := make(chan int, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- runServe(ctx, args, in, s, s) }()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("serve-drive %s ended with %d:\n%s", strings.Join(args, " "), code, s.text())
		}
		_ = typed.Close()
	})
	s.waits("serving at ")
	return s
}

func TestServeRefuses(t *testing.T) {
	dir := t.TempDir()
	bad, plain := filepath.Join(dir, "bad.toml"), filepath.Join(dir, "plain")
	if err := os.WriteFile(bad, []byte("name = \"x\"\nsource = \"y\"\n[ata]\nserail = \"A\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	short, err := os.MkdirTemp("", "serve-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	socket := filepath.Join(short, "s")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "no PROFILE is given"},
		{[]string{character("sata-hdd")}, 2, "give one of --vhost, --nvme-tcp and --usbredir"},
		{[]string{character("sata-hdd"), "--vhost", socket, "--usbredir", socket}, 2, "give one of"},
		{[]string{character("nvme-ssd"), character("nvme-stuck"), "--nvme-tcp", "127.0.0.1:0"}, 2, "several drives go by --vhost only"},
		{[]string{bad, "--vhost", socket}, 2, "bad.toml, line 4: ata.serail: there is no such field"},
		{[]string{filepath.Join(dir, "none.toml"), "--vhost", socket}, 3, "no such file"},
		{[]string{character("sata-hdd"), "--nvme-tcp", "127.0.0.1:0"}, 3, "is no NVMe drive: serve it by --vhost"},
		{[]string{character("sata-hdd"), "--usbredir", socket}, 3, "has no USB bridge"},
		{[]string{character("nvme-ssd"), "--vhost", socket}, 3, "takes no SCSI commands: serve it by --nvme-tcp"},
		{[]string{character("emmc-tablet"), "--vhost", socket}, 3, "takes no SCSI commands: there is no door to an eMMC"},
		{[]string{character("emmc-tablet"), "--nvme-tcp", "127.0.0.1:0"}, 3, "is no NVMe drive: there is no door to an eMMC"},
		{[]string{character("sata-hdd"), "--vhost", filepath.Join(dir, strings.Repeat("s", 100))}, 3, "the path of a socket has 107 bytes at most"},
		{[]string{"/dev/zero", "--vhost", socket}, 2, "/dev/zero: more than 1048576 bytes are no profile"},
		{[]string{character("sata-hdd"), "--vhost", plain}, 3, "is no socket"},
		{[]string{character("nvme-ssd"), "--nvme-tcp", "nowhere"}, 3, "missing port"},
		{[]string{"--shell"}, 2, "flag provided but not defined"},
	} {
		var out bytes.Buffer
		if code := runServe(t.Context(), c.args, strings.NewReader(""), &out, &out); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%q: exit %d, want %d with %q:\n%s", c.args, code, c.code, c.says, out.String())
		}
	}
}

// What is in the files of --media is what the drive comes with, and stays when it is
// served again; a file of another size is not touched.
func TestServeMedia(t *testing.T) {
	dir := t.TempDir()
	small, media := filepath.Join(dir, "small.toml"), filepath.Join(dir, "media")
	text := "name = \"x\"\nsource = \"y\"\ncontents = \"noise\"\n[nvme]\nserial = \"N\"\n[[nvme.namespaces]]\nid = 1\nbytes = 1048576\nattached = true\n"
	if err := os.WriteFile(small, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(media, "drive1-0.img")
	once := func(says string) {
		t.Run(says, func(t *testing.T) {
			s := startServe(t, small, "--nvme-tcp", "127.0.0.1:0", "--media", media)
			if new := strings.Contains(s.text(), file+" is new: write into it"); new != (says == "new") {
				t.Errorf("it said:\n%s", s.text())
			}
		})
	}
	once("new")
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, make([]byte, 1<<20)) {
		t.Fatalf("%d bytes, %v: want zeros", len(got), err)
	}
	copy(got[7000:], "a person's data")
	if err := os.WriteFile(file, got, 0o600); err != nil {
		t.Fatal(err)
	}
	once("again")
	if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, got) {
		t.Errorf("what stood in the file is gone, %v", err)
	}
	if err := os.WriteFile(file, got[:5000], 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code := runServe(t.Context(), []string{small, "--nvme-tcp", "127.0.0.1:0", "--media", media}, strings.NewReader(""), &out, &out)
	if code != 3 || !strings.Contains(out.String(), "drive1-0.img holds 5000 bytes, the medium has 1048576: name another file") {
		t.Errorf("a file of another size: exit %d\n%s", code, out.String())
	}
	if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, got[:5000]) {
		t.Errorf("the file of another size was touched, %v", err)
	}
}

// A person at the console takes a drive out, puts it back and asks what it was asked.
func TestServeConsole(t *testing.T) {
	s := startServe(t, "--nvme-tcp", "127.0.0.1:0", character("nvme-ssd"), "--serial", "S-1")
	_, address, _ := strings.Cut(s.text(), "serving at ")
	address = strings.TrimSpace(address)
	// ICReq of NVMe/TCP: type 0, 128 bytes; ICResp is type 1.
	ask := func() byte {
		t.Helper()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second)) // a read that never ends fails the test
		if _, err := c.Write(append([]byte{0, 0, 128, 0, 128, 0, 0, 0}, make([]byte, 120)...)); err != nil {
			return 0xff
		}
		b := make([]byte, 128)
		if _, err := io.ReadFull(c, b); err != nil {
			return 0xff
		}
		return b[0]
	}
	if got := ask(); got != 1 {
		t.Errorf("the door answers with PDU %02x", got)
	}
	for _, c := range []struct{ typed, says string }{
		{"format c:", `"format" is not understood`}, {"power 2", `there is no drive "2"`}, {"unplug 1", "S-1: unplug"},
		{"plug", "S-1: plug"}, {"power", "S-1: power"}, {"boot", "S-1: boot"}, {"reset", "S-1: reset"}, {"trace", ""}, {"", ""},
	} {
		s.types(c.typed)
		s.waits(c.says)
	}
	if got := ask(); got != 1 {
		t.Errorf("the door answers with PDU %02x after all that", got)
	}
}

// TestServeDrive serves drives of the library by the command through all three doors
// to one kernel, where programs of others find their characters; what they did is in
// the files of the media.
func TestServeDrive(t *testing.T) {
	dir, err := os.MkdirTemp("", "serve-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	v, u := filepath.Join(dir, "v"), filepath.Join(dir, "u")
	small := filepath.Join(dir, "small.toml")
	if err := os.WriteFile(small, []byte(`name = "A small SSD"
source = "made up for this test"
contents = "50524956415445"
[ata]
serial = "SMALL"
native_sectors = 131072
rotation = 1
[ata.sanitize]
block = true
[sat]
descriptor_sense = true
`), 0o600); err != nil {
		t.Fatal(err)
	}
	disks := startServe(t, character("sata-ssd-frozen"), character("sata-hdd-hpa"), character("sata-locked"), character("sas-hdd"), small,
		"--vhost", v)
	_ = startServe(t, character("usb-bridge"), "--usbredir", u)
	n := startServe(t, character("nvme-two-namespaces"), "--nvme-tcp", "127.0.0.1:0")
	_, address, _ := strings.Cut(n.text(), "serving at ")
	address = strings.TrimSpace(address)
	g := guest.Boot(t, guest.Config{Drives: []vmtest.Drive{{Bus: vmtest.BusVhost, Target: v}, {Bus: vmtest.BusUSBRedir, Target: u}},
		NVMeTCP: []string{address}})
	run := func(want string, args ...string) {
		t.Helper()
		r := g.Run(args...)
		if flat := strings.Join(strings.Fields(r.String()), " "); !strings.Contains(flat, want) {
			t.Errorf("%s: %q is not in it:\n%s", strings.Join(args, " "), want, r)
		}
	}
	run("not enabled not locked frozen", "hdparm", "-I", g.WaitDrive("PHYF00FROZEN240A").Path)
	run("967007543/976773168, HPA is enabled", "hdparm", "-N", g.WaitDrive("5VM0HPA5").Path)
	run("enabled locked not frozen", "hdparm", "-I", g.WaitDrive("PHYF00LOCKED240A").Path)
	run("Vendor: HITACHI Product: H109060SESUN600G", "smartctl", "-i", g.WaitDrive("001234SAS600").Path)
	run("Serial Number: PHYF00INCASE240A", "smartctl", "-i", "-d", "sat", g.WaitDrive("0123456789ABCDEF").Path)
	controller := "/dev/" + g.ConnectNVMe(address, "nqn.2026-01.example.handback:sim")
	run("[ 0]:0x1 [ 1]:0x2", "nvme", "list-ns", "--all", controller)
	run("exit code 0", "hdparm", "--yes-i-know-what-i-am-doing", "--sanitize-block-erase", g.WaitDrive("SMALL").Path)
	run("Last Sanitize Operation Completed Without Error", "hdparm", "--sanitize-status", g.WaitDrive("SMALL").Path)
	disks.types("trace 5")
	disks.waits("0100120000") // BLOCK ERASE EXT: extended, feature 0012h
}

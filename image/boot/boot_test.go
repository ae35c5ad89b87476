package boot

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var names = Names{
	DiskGUID: "48414e44-4241-434b-8000-000000000001", ESPGUID: "48414e44-4241-434b-8000-000000000002",
	Folder: "handback", Kernel: "vmlinuz", Initrd: "initrd.img",
}

// files with contents of odd lengths, each told from the others.
func files(t *testing.T) Files {
	t.Helper()
	dir := t.TempDir()
	one := func(name string, size int) string {
		b := bytes.Repeat([]byte(name+"\n"), size/(len(name)+1)+1)[:size]
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return Files{
		Shim: one("shim", 948_505), MokManager: one("mok", 1), GRUB: one("grub", 512),
		Kernel: one("kernel", 8_247_233), Initrd: one("initrd", 20_000_001),
		Seeds: map[string][]byte{"handback/settings.toml": []byte("stick = 'S01'\n"), "handback/keys/root.pem": []byte("root")},
	}
}

func write(t *testing.T, f Files) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "handback.img")
	if err := WriteStick(name, names, f); err != nil {
		t.Fatal(err)
	}
	return name
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin", "LC_ALL=C", "TZ=UTC")
	var bad bytes.Buffer
	c.Stderr = &bad
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, bad.String())
	}
	return out
}

// esp copies the boot partition out.
func esp(t *testing.T, image string) string {
	t.Helper()
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	name := filepath.Join(t.TempDir(), "esp")
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, io.NewSectionReader(f, 1<<20, 96<<20)); err != nil {
		t.Fatal(err)
	}
	return name
}

// The stick as sfdisk, fsck.vfat and mtools see it.
func TestWriteStick(t *testing.T) {
	f := files(t)
	image := write(t, f)
	checkTable(t, image)
	part := esp(t, image)
	run(t, "fsck.vfat", "-n", part)
	for to, from := range map[string]string{
		"EFI/BOOT/BOOTX64.EFI": f.Shim, "EFI/BOOT/mmx64.efi": f.MokManager, "EFI/BOOT/grubx64.efi": f.GRUB,
		"handback/vmlinuz": f.Kernel, "handback/initrd.img": f.Initrd,
	} {
		want, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if got := run(t, "mtype", "-i", part, "::"+to); sha256.Sum256(got) != sha256.Sum256(want) {
			t.Errorf("%s has %d bytes, want %d", to, len(got), len(want))
		}
	}
	for to, want := range map[string]string{"handback/settings.toml": "stick = 'S01'\n", "handback/keys/root.pem": "root"} {
		if got := string(run(t, "mtype", "-i", part, "::"+to)); got != want {
			t.Errorf("%s is %q", to, got)
		}
	}
	checkGRUB(t, string(run(t, "mtype", "-i", part, "::EFI/debian/grub.cfg")))
	if list := string(run(t, "mdir", "-/", "-b", "-i", part, "::")); strings.Count(list, "\n") != 8+5 {
		t.Errorf("the partition holds\n%s", list)
	}
}

func checkTable(t *testing.T, image string) {
	t.Helper()
	if out := string(run(t, "sfdisk", "--verify", image)); !strings.Contains(out, "No errors detected") {
		t.Errorf("sfdisk: %s", out)
	}
	var got struct {
		PartitionTable struct {
			Label, ID  string
			Partitions []struct {
				Start, Size      int
				Type, UUID, Name string
			}
		}
	}
	if err := json.Unmarshal(run(t, "sfdisk", "-J", image), &got); err != nil {
		t.Fatal(err)
	}
	pt := got.PartitionTable
	if pt.Label != "gpt" || pt.ID != "48414E44-4241-434B-8000-000000000001" || len(pt.Partitions) != 1 {
		t.Fatalf("table %+v", pt)
	}
	p := pt.Partitions[0]
	if p.Start != 2048 || p.Size != 196608 || p.UUID != "48414E44-4241-434B-8000-000000000002" ||
		p.Type != "C12A7328-F81F-11D2-BA4B-00A0C93EC93B" { // UEFI 2.10, table 5-7
		t.Errorf("partition %+v", p)
	}
}

// Nobody reaches a command line, and the kernel's is what the appliance expects.
func checkGRUB(t *testing.T, cfg string) {
	t.Helper()
	for _, want := range []string{
		"set superusers=\"nobody\"\nexport superusers\n", "set timeout=0\n", "set timeout_style=hidden\n",
		"linux  /handback/vmlinuz console=ttyS0,115200 console=tty1 loglevel=3 vt.global_cursor_default=0 consoleblank=0 module.sig_enforce=1 noresume\n",
		"module.sig_enforce=1 noresume nomodeset\n", "initrd /handback/initrd.img\n",
	} {
		if !strings.Contains(cfg, want) {
			t.Errorf("grub.cfg lacks %q", want)
		}
	}
	for _, never := range []string{"password", "@", "init=", "single", "rescue"} {
		for line := range strings.Lines(cfg) {
			if !strings.HasPrefix(line, "#") && strings.Contains(line, never) {
				t.Errorf("grub.cfg: %q in %q", never, line)
			}
		}
	}
	if e, u := strings.Count(cfg, "\nmenuentry "), strings.Count(cfg, "--unrestricted {"); e != 2 || u != 2 {
		t.Errorf("%d entries, %d of them for everybody", e, u)
	}
}

// The same files give the same bytes, whatever the clock and the environment say.
func TestReproducible(t *testing.T) {
	f := files(t)
	sum := func() [32]byte {
		b, err := os.ReadFile(write(t, f))
		if err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(b)
	}
	first := sum()
	t.Setenv("TZ", "Pacific/Auckland")
	t.Setenv("SOURCE_DATE_EPOCH", "nonsense")
	if sum() != first {
		t.Error("two images differ")
	}
	if os.Getenv("SOURCE_DATE_EPOCH") != "nonsense" {
		t.Error("the environment was left changed")
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	dated := sum()
	if dated == first || sum() != dated {
		t.Error("SOURCE_DATE_EPOCH is not what dates the image")
	}
}

func TestWriteStickRefuses(t *testing.T) {
	name := filepath.Join(t.TempDir(), "handback.img")
	f := files(t)
	f.Seeds["EFI/BOOT/BOOTX64.EFI"] = []byte("mine")
	if err := WriteStick(name, names, f); err == nil || !strings.Contains(err.Error(), "can't be replaced") {
		t.Errorf("a boot loader of the supervisor's: %v", err)
	}
	f = files(t)
	f.GRUB += ".gone"
	if err := WriteStick(name, names, f); err == nil {
		t.Error("no GRUB, and no word of it")
	}
	f = files(t)
	if err := os.Truncate(f.Initrd, 120<<20); err != nil {
		t.Fatal(err)
	}
	if err := WriteStick(name, names, f); err == nil {
		t.Error("an initramfs that doesn't fit, and no word of it")
	}
}

// A folder's '..' in the root is cluster 0 (FAT specification, 6.5), at any depth
// below it the parent's own.
func TestParents(t *testing.T) {
	image, err := os.ReadFile(esp(t, write(t, files(t))))
	if err != nil {
		t.Fatal(err)
	}
	v, err := openFAT(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	top, err := v.folders(v.root)
	if err != nil || len(top) != 2 {
		t.Fatalf("folders of the root: %v, %v", top, err)
	}
	for _, c := range top {
		e := image[v.offset(c)+32:][:32]
		if string(e[:11]) != "..         " || !bytes.Equal(e[20:22], []byte{0, 0}) || !bytes.Equal(e[26:28], []byte{0, 0}) {
			t.Errorf("'..' of cluster %d is % x", c, e)
		}
		below, err := v.folders(c)
		if err != nil || len(below) == 0 {
			t.Errorf("below: %v, %v", below, err)
		}
		for _, b := range below {
			if e := image[v.offset(b)+32:][:32]; e[26] != byte(c) || e[27] != byte(c>>8) {
				t.Errorf("'..' of cluster %d is % x, want %d", b, e, c)
			}
		}
	}
}

// memory is a volume that takes writes within its bounds.
type memory []byte

func (m memory) ReadAt(p []byte, off int64) (int, error) { return bytes.NewReader(m).ReadAt(p, off) }

func (m memory) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > int64(len(m)) {
		return 0, io.ErrShortWrite
	}
	return copy(m[off:], p), nil
}

// tiny is a FAT32 volume of 40 sectors with one folder, laid out by hand (FAT
// specification 3.1, 3.3, 6): one reserved sector, one table of one sector.
func tiny() []byte {
	b := make([]byte, 40*512)
	copy(b[11:], "\x00\x02\x01\x01\x00\x01")         // 512 bytes, 1 sector a cluster, 1 reserved, 1 table
	copy(b[32:], "\x28\x00\x00\x00\x01\x00\x00\x00") // 40 sectors, 1 sector of table
	copy(b[44:], "\x02\x00\x00\x00")                 // the root's cluster
	copy(b[510:], "\x55\xaa")
	copy(b[512:], "\xf8\xff\xff\x0f\xff\xff\xff\x0f\xff\xff\xff\x0f\xff\xff\xff\x0f")
	copy(b[1024:], "EFI        \x10")
	b[1024+26] = 3
	copy(b[1536:], ".          \x10")
	copy(b[1536+32:], "..         \x10")
	b[1536+26], b[1536+32+26] = 3, 2
	return b
}

func TestRepairTiny(t *testing.T) {
	m := memory(tiny())
	want := tiny()
	want[1536+32+26] = 0
	if err := repairParents(m, m); err != nil || !bytes.Equal(m, want) {
		t.Errorf("repaired: %v; only the '..' may change", err)
	}
}

func FuzzRepairParents(f *testing.F) {
	f.Add(tiny())
	loop := tiny()
	copy(loop[512+8:], "\x02\x00\x00\x00") // the root goes on in itself
	for i := range 16 {
		loop[1024+32*i] = 0xe5
	}
	f.Add(loop)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := memory(bytes.Clone(b))
		err := repairParents(m, m)
		changed := 0
		for i := range b {
			if m[i] != b[i] {
				changed++
			}
		}
		if err == nil && len(b) < 512 || changed > len(b)/8 {
			t.Errorf("%d bytes changed of %d, %v", changed, len(b), err)
		}
	})
}

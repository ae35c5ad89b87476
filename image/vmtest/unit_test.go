package vmtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseDrive(t *testing.T) {
	for in, want := range map[string]struct {
		bus            Bus
		target, serial string
	}{
		"nvme:/tmp/x/alpha.img": {BusNVMe, "/tmp/x/alpha.img", "ALPHA"},
		"sata:disk":             {BusSATA, "disk", "DISK"},
		"usb:two.parts.img":     {BusUSB, "two.parts.img", "TWO.PARTS"},
		"sata:.hidden":          {BusSATA, ".hidden", ".HIDDEN"},
		"nvme:out/a-name-longer-than-the-field.img":     {BusNVMe, "out/a-name-longer-than-the-field.img", "A-NAME-LONGER-THAN-T"},
		"sata:blkdebug:/tmp/f.conf:/tmp/charlie.img":    {BusSATA, "blkdebug:/tmp/f.conf:/tmp/charlie.img", "CHARLIE"},
		"nvme:blkdebug:f.conf:/tmp/with:colon/up.raw":   {BusNVMe, "blkdebug:f.conf:/tmp/with:colon/up.raw", "UP"},
		"sata:umlaut-ä.img":                             {BusSATA, "umlaut-ä.img", "UMLAUT-_"},
		"sd:card.img":                                   {BusSD, "card.img", ""},
		"vhost:/run/s":                                  {BusVhost, "/run/s", ""},
		"usbredir:/run/s":                               {BusUSBRedir, "/run/s", ""},
		"nvme-tcp:127.0.0.1:4420":                       {BusNVMeTCP, "127.0.0.1:4420", ""},
		"nvme-tcp:h:4420,nqn=nqn.2014-08.org.example:a": {BusNVMeTCP, "h:4420,nqn=nqn.2014-08.org.example:a", ""},
		"nvme-tcp:[::1]:4420":                           {BusNVMeTCP, "[::1]:4420", ""},
	} {
		d, err := ParseDrive(in)
		if err != nil || d.Bus != want.bus || d.Target != want.target || d.Serial() != want.serial {
			t.Errorf("%s: %+v, serial %q, %v; want %+v", in, d, d.Serial(), err, want)
		}
		if d.String() != in {
			t.Errorf("%s is written as %s", in, d)
		}
	}
	for in, want := range map[string]string{
		"": "write it as", "nvme": "write it as", "nvme:": "write it as", "ide:x.img": `"ide" is no bus`,
		"nvme-tcp:host": "HOST:PORT", "nvme-tcp:host:0": "from 1 to 65535", "nvme-tcp::1": "HOST:PORT", "nvme-tcp:h:1,": "nqn=NQN", "nvme-tcp:h:1,nqn=x": "nqn=NQN", "nvme-tcp:h:1,nqn=nqn.a,b": "nqn=NQN", "sata:a\nb": "line break",
	} {
		if _, err := ParseDrive(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want one with %q", in, err, want)
		}
	}
}

func FuzzParseDrive(f *testing.F) {
	for _, s := range []string{"nvme:a.img", "sata:blkdebug:f.conf:b.img", "nvme-tcp:h:1", "usbredir:/s", "sata:blkdebug:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDrive(s)
		if err != nil {
			return
		}
		if d.String() != s {
			t.Errorf("%q becomes %q", s, d)
		}
		for _, r := range d.Serial() {
			if r < 0x20 || r > 0x7e || len(d.Serial()) > 20 {
				t.Errorf("%q has the serial %q", s, d.Serial())
			}
		}
		driveArgs([]Drive{d})
	})
}

// A kernel that is started directly, and its port.
func TestDirectArgs(t *testing.T) {
	c := Config{MemoryMiB: 512, BIOS: true, Channel: "org.a,b", Kernel: "k", Initrd: "i", Append: "console=ttyS0",
		Drives: []Drive{{Bus: BusVhost, Target: "/s1"}}}
	args, err := c.args("/d", firmware{})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(args, " ")
	for _, want := range []string{
		"-machine q35,memory-backend=m0 -global e1000e.romfile= ", "-kernel k -initrd i -append console=ttyS0",
		"-chardev socket,id=channel,path=/d/channel -device virtio-serial-pci -device virtserialport,chardev=channel,name=org.a,,b",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nis not in\n%s", want, got)
		}
	}
	for _, no := range []string{"pflash", "smm"} {
		if strings.Contains(got, no) {
			t.Errorf("SeaBIOS has %s:\n%s", no, got)
		}
	}
	if _, err := Start(t.Context(), Config{BIOS: true, SecureBoot: true, lockDir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "Secure Boot") {
		t.Errorf("SeaBIOS with Secure Boot: %v", err)
	}
}

// The lines that QEMU is given, as its manual page writes them.
func TestDriveArgs(t *testing.T) {
	var drives []Drive
	for _, s := range []string{"nvme:a,1.img", "sata:b.img", "sata:blkdebug:f:c.img", "usb:d.img", "sd:e.img", "vhost:/s1", "usbredir:/s2", "nvme-tcp:localhost:4420", "nvme-tcp:127.0.0.1:4421,nqn=nqn.a:b"} {
		d, err := ParseDrive(s)
		if err != nil {
			t.Fatal(err)
		}
		drives = append(drives, d)
	}
	drives[1].BytesPerSecond = 1_000_000
	want := []string{
		"-drive if=none,id=d0,format=raw,werror=report,rerror=report,file=a,,1.img", "-device nvme,drive=d0,serial=A,,1",
		"-drive if=none,id=d1,format=raw,throttling.bps-total=1000000,file=b.img", "-device ide-hd,bus=ide.0,drive=d1,rotation_rate=1,serial=B,werror=report,rerror=report",
		"-drive if=none,id=d2,format=raw,file=blkdebug:f:c.img", "-device ide-hd,bus=ide.1,drive=d2,rotation_rate=1,serial=C,werror=report,rerror=report",
		"-drive if=none,id=d3,format=raw,file=d.img", "-device usb-storage,id=usb3,bus=xhci.0,port=2,drive=d3,serial=D,werror=report,rerror=report",
		"-drive if=none,id=d4,format=raw,werror=report,rerror=report,file=e.img", "-device sdhci-pci,id=sdhcid4", "-device sd-card,bus=pcie.0/sdhcid4/sd-bus,drive=d4",
		"-chardev socket,id=d5,path=/s1", "-device vhost-user-scsi-pci,num_queues=1,chardev=d5",
		"-chardev socket,id=d6,path=/s2", "-device usb-redir,bus=xhci.0,port=3,chardev=d6",
		"-smbios type=11,value=handback-test:nvme-tcp=10.0.2.2:4420",
		"-smbios type=11,value=handback-test:nvme-tcp=10.0.2.2:4421,,nqn=nqn.a:b",
		"-nic user,model=e1000e",
	}
	if got := strings.Join(driveArgs(drives), " "); got != strings.Join(want, " ") {
		t.Errorf("arguments are\n%s\nwant\n%s", got, strings.Join(want, " "))
	}
	if got := strings.Join(driveArgs(nil), " "); got != "-nic none -device e1000e" {
		t.Errorf("without drives: %s", got)
	}
}

func TestMachineArgs(t *testing.T) {
	c := Config{Stick: "/s/stick.img", SecureBoot: true, TPM: "/s/tpm", Sound: "/s/a,b.wav", Drives: []Drive{{Bus: BusVhost, Target: "/s1"}}, StickReadOnly: true}
	c.defaults()
	args, err := c.args(t.TempDir(), firmware{code: "/fw/code.fd", vars: "/fw/va,rs.fd", secure: true})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(args, " ")
	for _, want := range []string{
		"-m 1024 -object memory-backend-memfd,id=m0,size=1024M,share=on -machine q35,smm=on,memory-backend=m0",
		"-global driver=cfi.pflash01,property=secure,value=on",
		"-drive if=pflash,unit=0,format=raw,readonly=on,file=/fw/code.fd -drive if=pflash,unit=1,format=raw,file=/fw/va,,rs.fd",
		"-tpmdev emulator,id=tpm,chardev=tpm -device tpm-crb,tpmdev=tpm",
		`-blockdev {"driver":"raw","file":{"driver":"file","filename":"/s/stick.img"},"node-name":"stick","read-only":true}`,
		"-audiodev wav,id=sound,path=/s/a,,b.wav -device ich9-intel-hda -device hda-micro,audiodev=sound",
		`"bootindex":0`, `"serial":"HANDBACK-STICK"`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}

// DSP0134 clause 7.4, byte for byte.
func TestChassis(t *testing.T) {
	want := "\x03\x16\x00\x03\x01\x0a\x00\x02\x03\x03\x03\x03\x03\x00\x00\x00\x00\x00\x01\x00\x00\x00" +
		"Example Computers\x00EX14-000412\x00DEMO-0001\x00\x00"
	if got := chassisTable("DEMO-0001"); string(got) != want {
		t.Errorf("chassis is\n%q, want\n%q", got, want)
	}
	if got := chassisTable("\x00\n"); got[8] != 0 || !bytes.HasSuffix(got, []byte("EX14-000412\x00\x00")) {
		t.Errorf("without a tag the chassis is %q", got)
	}
}

func TestParseEvent(t *testing.T) {
	for in, want := range map[string]string{
		"handback: event pid1":                                         "pid1",
		"handback: event exit code=0\r":                                `exit code="0"`,
		"[   12.345678] handback: event stage stage=erase":             `stage stage="erase"`,
		"\x1b[2J\x1b[01;01Hhandback: event papers":                     "papers",
		`handback: event failed why="a \"bad\" block"`:                 `failed why="a \"bad\" block"`,
		"handback: event finished drive=":                              `finished drive=""`,
		"handback: event x  a=1":                                       `x a="1"`,
		"handback: event":                                              "",
		"handback: eventful":                                           "",
		"handback: event Exit code=0":                                  "",
		"handback: event exit code":                                    "",
		"handback: event exit code=0 0":                                "",
		"handback: event exit code=0 code=1":                           "",
		`handback: event exit code="0"1`:                               "",
		`handback: event exit code="0`:                                 "",
		"ata1.00: ATA-7: handback: event exit code=0, 1.0, max UDMA/":  "",
		"[    1.0] ata1.00: ATA-7: handback: event exit code=0":        "",
		" handback: event exit code=0":                                 "",
		"[    1.0] [    1.0] handback: event exit code=0":              "",
		"[    1.000000] scsi 0:0:0:0: Direct-Access handback: event x": "",
	} {
		e, ok := ParseEvent(in)
		if got := e.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%q gives %q, %v; want %q", in, got, ok, want)
		}
	}
	if e, _ := ParseEvent("[   12.345678] handback: event first-frame"); e.Uptime != 12.345678 {
		t.Errorf("uptime is %v", e.Uptime)
	}
	e, _ := ParseEvent("handback: event finished drive=ALPHA verdict=sanitised")
	if !e.Is("finished", "drive=ALPHA") || e.Is("finished", "drive=BRAVO") || e.Is("started", "drive=ALPHA") || e.Is("finished", "level=") {
		t.Errorf("%v does not match as it should", e)
	}
}

func FuzzSerial(f *testing.F) {
	f.Add([]byte("handback: event pid1\n[    1.5] handback: event exit code=0\n"), 7)
	f.Add([]byte("handback: event a b=\"c\\n\"\r\n\x1b[2Jhandback: event d\n"), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		// However the bytes come in, the events are the same.
		events := func(size int) (out []string) {
			s := newSerial(nil, func(e Event) { out = append(out, e.Name) })
			for rest := b; len(rest) > 0; {
				n := min(len(rest), size)
				_, _ = s.Write(rest[:n])
				rest = rest[n:]
			}
			return out
		}
		for l := range bytes.SplitSeq(b, []byte("\n")) {
			if len(l) >= lineMax {
				return // where it is cut depends on the pieces
			}
		}
		if cut < 1 {
			cut = 1
		}
		if a, c := strings.Join(events(len(b)+1), ","), strings.Join(events(cut), ","); a != c {
			t.Errorf("events are %q in one piece, %q in pieces of %d", a, c, cut)
		}
	})
}

func TestWaitEventTakesEachOnce(t *testing.T) {
	s := newSerial(nil, func(Event) {})
	_, _ = s.Write([]byte("handback: event finished drive=B\nhandback: event finished drive=A\nhandback: event finished drive=A\n"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, m := range []string{"drive=A", "drive=B", "drive=A"} {
		if e, err := s.waitEvent(ctx, "finished", []string{m}); err != nil || !e.Is("finished", m) {
			t.Errorf("%s: %v, %v", m, e, err)
		}
	}
	if _, err := s.waitEvent(ctx, "finished", []string{"drive=A"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third A: %v", err)
	}
	s.end()
	if _, err := s.waitEvent(t.Context(), "exit", nil); !errors.Is(err, errGone) {
		t.Errorf("after the end: %v", err)
	}
}

func TestTwoMachinesAtOnce(t *testing.T) {
	dir := t.TempDir()
	var said []string
	say := func(s string) { said = append(said, s) }
	a, err := takeSlot(t.Context(), dir, say)
	if err != nil {
		t.Fatal(err)
	}
	b, err := takeSlot(t.Context(), dir, say)
	if err != nil {
		t.Fatal(err)
	}
	defer b.free()
	if len(said) != 0 {
		t.Errorf("two machines waited: %q", said)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
	defer cancel()
	if _, err := takeSlot(ctx, dir, say); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third machine: %v", err)
	}
	if len(said) != 1 || !strings.Contains(said[0], "waiting for one to end") {
		t.Errorf("said %q", said)
	}
	time.AfterFunc(300*time.Millisecond, a.free)
	c, err := takeSlot(t.Context(), dir, say)
	if err != nil {
		t.Fatal(err)
	}
	c.free()
}

// A lock that is somebody's link elsewhere is refused.
func TestLockIsNoLink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "handback-vm-1.lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := takeSlot(t.Context(), dir, func(string) {}); err == nil {
		t.Error("the link was followed")
	}
}

// The probe that decides about KVM says yes to an accelerator that works and no,
// in time, to one that doesn't.
func TestBootProbe(t *testing.T) {
	if err := bootProbe(t.Context(), "tcg,thread=multi", 90*time.Second); err != nil {
		t.Error(err)
	}
	if err := bootProbe(t.Context(), "tcg", time.Millisecond); err == nil || !strings.Contains(err.Error(), "did not start") {
		t.Errorf("a boot in a millisecond: %v", err)
	}
	if err := bootProbe(t.Context(), "xen", time.Minute); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("an accelerator that is not there: %v", err)
	}
}

func TestAsks(t *testing.T) {
	if !asks([]byte("A configuration change\x1b[05;01HPress F12 to \x1b[0mclear the TPM\r\n")) || asks([]byte("Press F12 for a menu")) {
		t.Error("the firmware's question is not known")
	}
}

// A laptop keeps its firmware's variables where a file is named for them.
func TestVariablesAreKept(t *testing.T) {
	dir := t.TempDir()
	keep := filepath.Join(dir, "kept.fd")
	fw, err := copyFirmware(false, dir, keep)
	if err != nil || fw.vars != keep {
		t.Fatalf("%+v, %v", fw, err)
	}
	if err := os.WriteFile(keep, []byte("as the machine left them"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := copyFirmware(false, dir, keep); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(keep); err != nil || string(b) != "as the machine left them" {
		t.Errorf("%q, %v", b, err)
	}
	if fw, err := copyFirmware(false, dir, ""); err != nil || fw.vars == keep {
		t.Errorf("a machine without a file of its own has %+v, %v", fw, err)
	}
}

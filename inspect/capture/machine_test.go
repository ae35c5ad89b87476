package capture_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/capture"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/survey"
)

// bed is a machine whose files are planted and whose drives are models.
type bed struct {
	t    *testing.T
	root string
	host *inproc.Host
	tpm  inspect.TPM
	n    int // drives
}

func newBed(t *testing.T) *bed {
	b := &bed{t: t, root: t.TempDir(), host: inproc.NewHost(sim.NewManual())}
	b.file("proc/self/mountinfo", "22 27 0:21 / /proc rw - proc proc rw\n")
	for _, dir := range []string{"sys/block", "sys/bus/pci/devices", "sys/bus/scsi/devices", "sys/class/net"} {
		b.folder(dir)
	}
	return b
}

func (b *bed) folder(name string) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Join(b.root, name), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) file(name, text string) {
	b.t.Helper()
	b.folder(filepath.Dir(name))
	if err := os.WriteFile(filepath.Join(b.root, name), []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// link is relative, as sysfs has it.
func (b *bed) link(name, to string) {
	b.t.Helper()
	b.folder(filepath.Dir(name))
	rel, err := filepath.Rel(filepath.Dir(name), to)
	if err == nil {
		err = os.Symlink(rel, filepath.Join(b.root, name))
	}
	if err != nil && !os.IsExist(err) {
		b.t.Fatal(err)
	}
}

// controller on the PCI bus.
func (b *bed) controller(class, driver string) (dir string) {
	address := fmt.Sprintf("0000:00:%02x.0", b.n+1)
	dir = "sys/devices/pci0000:00/" + address
	b.file(dir+"/class", class+"\n")
	b.file(dir+"/vendor", "0x8086\n")
	b.file(dir+"/device", "0x282a\n")
	b.folder("sys/bus/pci/drivers/" + driver)
	b.link(dir+"/driver", "sys/bus/pci/drivers/"+driver)
	b.link("sys/bus/pci/devices/"+address, dir)
	return dir
}

// block device of a device.
func (b *bed) block(dir, device string, size int64) {
	name := filepath.Base(dir)
	b.file(dir+"/dev", fmt.Sprintf("8:%d\n", 16*b.n))
	b.file(dir+"/size", fmt.Sprintf("%d\n", size/512))
	b.file(dir+"/removable", "0\n")
	b.file(dir+"/queue/zoned", "none\n")
	b.link(dir+"/device", device)
	b.link("sys/block/"+name, dir)
}

// drive of a profile, hung where it would hang.
func (b *bed) drive(file string) {
	b.t.Helper()
	d, err := profile.Load(file, profile.Options{Clock: sim.NewManual()})
	if err != nil {
		b.t.Fatal(err)
	}
	b.n++
	size := d.Model.Media()[0].Size()
	switch d.Bus {
	case drive.BusNVMe:
		dir := fmt.Sprintf("%s/nvme/nvme%d", b.controller("0x010802", "nvme"), b.n)
		b.file(dir+"/transport", "pcie\n")
		b.file(dir+"/state", "live\n")
		b.folder("sys/class/nvme")
		b.link(dir+"/subsystem", "sys/class/nvme")
		for _, id := range d.Namespaces {
			b.block(fmt.Sprintf("%s/nvme%dn%d", dir, b.n, id), dir, size)
		}
		b.attach(d, fmt.Sprintf("/dev/nvme%d", b.n))
	case drive.BusMMC:
		dir := b.controller("0x080501", "sdhci-pci") + "/mmc_host/mmc0/mmc0:0001"
		b.file(dir+"/type", "MMC\n")
		b.file(dir+"/cid", "150100424a4e4234520fdac7c0391400\n")
		b.file(dir+"/csd", "d02701320f5903fff6dbffef8e404000\n")
		b.folder("sys/bus/mmc")
		b.link(dir+"/subsystem", "sys/bus/mmc")
		b.block(dir+"/block/mmcblk0", dir, size)
		b.attach(d, "/dev/mmcblk0")
	default:
		b.scsi(d, size)
	}
}

func (b *bed) attach(d *profile.Drive, path string) {
	b.t.Helper()
	if _, err := d.Attach(b.host, path); err != nil {
		b.t.Fatal(err)
	}
}

// scsi: what the kernel has as a SCSI disk, by which way it hangs.
func (b *bed) scsi(d *profile.Drive, size int64) {
	address := fmt.Sprintf("%d:0:0:0", b.n)
	below := fmt.Sprintf("host%d/target%d:0:0/%s", b.n, b.n, address)
	var dir string
	switch d.Bus {
	case drive.BusUSB:
		port := fmt.Sprintf("%s/usb1/1-%d", b.controller("0x0c0330", "xhci_hcd"), b.n)
		b.file(port+"/idVendor", "152d\n")
		b.file(port+"/serial", "0123456789ABCDEF\n")
		b.file(port+"/removable", "removable\n")
		b.folder("sys/bus/usb")
		b.link(port+"/subsystem", "sys/bus/usb")
		dir = fmt.Sprintf("%s/1-%d:1.0/%s", port, b.n, below)
	case drive.BusSATA:
		link := fmt.Sprintf("%s/ata%d", b.controller("0x010601", "ahci"), b.n)
		b.folder(fmt.Sprintf("%s/ata_port/ata%d", link, b.n))
		dir = link + "/" + below
	default:
		dir = b.controller("0x010700", "mpt3sas") + "/" + below
	}
	b.file(dir+"/type", "0\n")
	b.link(dir+"/subsystem", "sys/bus/scsi")
	b.link("sys/bus/scsi/devices/"+address, dir)
	name := fmt.Sprintf("sd%c", 'a'+b.n-1)
	b.block(dir+"/block/"+name, dir, size)
	b.attach(d, "/dev/"+name)
}

func (b *bed) doors() capture.Doors {
	d := capture.Folder(b.root)
	d.Opener = b.host
	d.TPM = func(context.Context) inspect.TPM { return b.tpm }
	return d
}

func take(t *testing.T, d capture.Doors) *inspect.Report {
	t.Helper()
	r, err := survey.Take(t.Context(), survey.Options{Doors: d, WithTPM: true, BootPartGUIDs: []string{ownGUID}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const ownGUID = "5b193300-fc78-40cd-8002-e86c45580b47"

// taken is a report, the capture beside it, and what was replaced in that.
func taken(t *testing.T, d capture.Doors) (r *inspect.Report, archive []byte, replace func(string) string) {
	t.Helper()
	r, _, archive, replace = takenBare(t, d)
	return r, archive, replace
}

// takenBare gives also the capture with all that names machine and people.
func takenBare(t *testing.T, d capture.Doors) (r *inspect.Report, bare, archive []byte, replace func(string) string) {
	t.Helper()
	rec := capture.NewRecorder()
	r = take(t, rec.Doors(d))
	var all bytes.Buffer
	if err := rec.WriteBare(&all); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	replace, err := rec.WriteNamed(&b, "test", []string{ownGUID})
	if err != nil {
		t.Fatal(err)
	}
	return r, all.Bytes(), b.Bytes(), replace
}

// replayed is the report of a capture.
func replayed(t *testing.T, archive []byte) *inspect.Report {
	t.Helper()
	c, err := capture.Read(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return take(t, c.Doors())
}

// lines of a report in JSON, without the moment.
func lines(t *testing.T, r *inspect.Report) []string {
	t.Helper()
	v := *r
	v.Taken = v.Taken.UTC().Truncate(1e9)
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(b), "\n")
}

// same: the report of the capture is the one that was taken, but for the names.
func same(t *testing.T, r *inspect.Report, archive []byte, replace func(string) string) {
	t.Helper()
	was, is := lines(t, r), lines(t, replayed(t, archive))
	if len(was) != len(is) {
		t.Errorf("the report has %d lines, that of the capture %d", len(was), len(is))
	}
	for i := range min(len(was), len(is)) {
		// A short name is replaced where it is known to stand, and has its shape; the sum
		// over bytes that were replaced is another.
		want := replace(was[i])
		if want != is[i] && (was[i] == is[i] || shape(want) != shape(is[i])) && !strings.Contains(want, `"sha256": "`) {
			t.Errorf("line %d: %s\nwas %s", i, is[i], was[i])
		}
	}
}

// shape of a text: what kind of character stands where.
func shape(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'f': // of hex
			return '0'
		case r >= 'g' && r <= 'z':
			return 'z'
		case r >= 'A' && r <= 'Z':
			return 'A'
		}
		return r
	}, s)
}

// TestModels: every model, in one machine.
func TestModels(t *testing.T) {
	b := newBed(t)
	all, err := filepath.Glob("../../testdata/drives/*.toml")
	if err != nil || len(all) < 10 {
		t.Fatal(all, err)
	}
	for _, file := range all {
		b.drive(file)
	}
	r, archive, replace := taken(t, b.doors())
	if len(r.Drives) < len(all) {
		t.Errorf("%d drives of %d profiles", len(r.Drives), len(all))
	}
	for _, d := range r.Drives {
		if d.Identity.Model == "" || d.Identity.Size == 0 {
			t.Errorf("%+v", d)
		}
	}
	same(t, r, archive, replace)
	keep(t, "models", archive)
}

package sysblock

import (
	"cmp"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"handback.example/inspect/drive"
	"handback.example/inspect/internal/tree"
)

// plant makes a tree from lines: 'file = text', 'link -> where', 'folder/'.
func plant(t *testing.T, lines string) Tree {
	t.Helper()
	root := t.TempDir()
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		name, text, isFile := strings.Cut(line, " = ")
		link, to, isLink := strings.Cut(line, " -> ")
		var err error
		switch {
		case line == "":
		case isFile:
			if err = os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err == nil {
				err = os.WriteFile(filepath.Join(root, name), []byte(strings.TrimSuffix(strings.ReplaceAll(text, `\n`, "\n"), "\n")+"\n"), 0o644)
			}
		case isLink:
			if err = os.MkdirAll(filepath.Join(root, filepath.Dir(link)), 0o755); err == nil {
				if strings.HasPrefix(to, "/sys/") { // sysfs itself links relatively
					to, err = filepath.Rel(filepath.Dir("/"+link), to)
				}
			}
			if err == nil {
				err = os.Symlink(to, filepath.Join(root, link))
			}
		default:
			err = os.MkdirAll(filepath.Join(root, line), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return Tree{tree.At(root)}
}

// block makes the lines of a block device: its folder, its numbers, its links.
func block(dir, dev, size string, more ...string) string {
	name := filepath.Base(dir)
	lines := []string{dir + "/dev = " + dev, dir + "/size = " + size, dir + "/removable = 0", dir + "/hidden = 0",
		"sys/block/" + name + " -> /" + dir, "sys/dev/block/" + dev + " -> /" + dir}
	for _, m := range more {
		lines = append(lines, dir+"/"+m)
	}
	return strings.Join(lines, "\n") + "\n"
}

const (
	pci    = "sys/devices/pci0000:00/0000:00:"
	nvme0  = pci + "01.0/nvme/nvme0"
	ata10  = pci + "1f.2/ata10/host9/target9:0:0/9:0:0:0"
	ata2   = pci + "1f.2/ata2/host1/target1:0:0/1:0:0:0"
	usb    = pci + "14.0/usb2/2-1"
	disk   = usb + "/2-1:1.0/host12/target12:0:0/12:0:0:0"
	iscsi  = "sys/devices/platform/host13/session1/target13:0:0/13:0:0:0"
	virtio = pci + "02.0/virtio1"
	subsys = "sys/devices/virtual/nvme-subsystem/nvme-subsys1"
	tcp    = "sys/devices/virtual/nvme-fabrics/ctl/nvme9"
	sd     = pci + "05.0/mmc_host/mmc0/mmc0:0001"
	emmc   = pci + "06.0/mmc_host/mmc1/mmc1:0001"
)

// machine has one drive of each kind, and much that is none.
var machine = block(nvme0+"/nvme0n1", "259:0", "2000409264", "device -> ../../nvme0", "diskseq = 11") +
	nvme0 + "/subsystem -> /sys/class/nvme\n" + nvme0 + "/transport = pcie\n" + nvme0 + "/state = live\n" + nvme0 + "/driver -> /sys/bus/pci/drivers/nvme\n" +
	nvme0 + "/dev = 240:0\n" + nvme0 + `/uevent = MAJOR=240\nMINOR=0\nDEVNAME=nvme0` + "\n" +
	block(ata10+"/block/sdb", "8:16", "16", "device -> ../../../9:0:0:0") + scsi(ata10, "0") + pci + "1f.2/ata10/ata_port/ata10/\n" +
	block(ata2+"/block/sda", "8:0", "500118192", "device -> ../../../1:0:0:0") + scsi(ata2, "0") + pci + "1f.2/ata2/ata_port/ata2/\n" +
	block(disk+"/block/sdc", "8:32", "8", "device -> ../../../12:0:0:0") + scsi(disk, "0") +
	usb + "/subsystem -> /sys/bus/usb\n" + usb + "/idVendor = 0951\n" + usb + "/2-1:1.0/subsystem -> /sys/bus/usb\n" +
	block(iscsi+"/block/sdd", "8:48", "8", "device -> ../../../13:0:0:0") + scsi(iscsi, "0") + "sys/devices/platform/host13/iscsi_host/host13/\n" +
	block(pci+"07.0/host14/target14:0:0/14:0:0:0/block/sde", "8:64", "8", "device -> ../../../14:0:0:0") + scsi(pci+"07.0/host14/target14:0:0/14:0:0:0", "0") +
	block(pci+"1f.2/ata3/host2/target2:0:0/2:0:0:0/block/sr0", "11:0", "8", "device -> ../../../2:0:0:0") + scsi(pci+"1f.2/ata3/host2/target2:0:0/2:0:0:0", "5") +
	block(pci+"14.0/usb2/2-2/2-2:1.0/host15/target15:0:0/15:0:0:0/block/sdf", "8:80", "0", "device -> ../../../15:0:0:0") +
	scsi(pci+"14.0/usb2/2-2/2-2:1.0/host15/target15:0:0/15:0:0:0", "0") +
	block(virtio+"/block/vda", "254:0", "8", "device -> ../../../virtio1") + virtio + "/subsystem -> /sys/bus/virtio\n" + virtio + "/driver -> /sys/bus/virtio/drivers/virtio_blk\n" +
	// Two paths to one namespace: the disk hangs on the subsystem, each path is hidden.
	block(subsys+"/nvme1n1", "259:4", "8", "device -> ../../nvme-subsys1") + subsys + "/subsystem -> /sys/class/nvme-subsystem\n" +
	subsys + "/nvme1 -> /" + pci + "03.0/nvme/nvme1\n" + subsys + "/nvme2 -> /" + pci + "04.0/nvme/nvme2\n" +
	pci + "03.0/nvme/nvme1/subsystem -> /sys/class/nvme\n" + pci + "03.0/nvme/nvme1/transport = pcie\n" + pci + "03.0/nvme/nvme1/state = dead\n" +
	pci + "04.0/nvme/nvme2/subsystem -> /sys/class/nvme\n" + pci + "04.0/nvme/nvme2/transport = pcie\n" + pci + "04.0/nvme/nvme2/state = live\n" +
	strings.Replace(block(pci+"03.0/nvme/nvme1/nvme1c1n1", "259:5", "8", "device -> ../../nvme1"), "hidden = 0", "hidden = 1", 1) +
	block(tcp+"/nvme9n1", "259:9", "8", "device -> ../../nvme9") + tcp + "/subsystem -> /sys/class/nvme\n" + tcp + "/transport = tcp\n" +
	block(sd+"/block/mmcblk0", "179:0", "8", "device -> ../../../mmc0:0001") + sd + "/subsystem -> /sys/bus/mmc\n" + sd + "/type = SD\n" +
	block(emmc+"/block/mmcblk1", "179:16", "8", "device -> ../../../mmc1:0001") + emmc + "/subsystem -> /sys/bus/mmc\n" + emmc + "/type = MMC\n" +
	block(emmc+"/block/mmcblk1/mmcblk1boot0", "179:24", "8", "device -> ../../mmcblk1", "subsystem -> /sys/class/block") +
	emmc + "/block/mmcblk1/mmcblk1p1/partition = 1\n" + emmc + "/block/mmcblk1/mmcblk1p1/dev = 179:17\n" + emmc + "/block/mmcblk1/subsystem -> /sys/class/block\n" +
	emmc + "/block/mmcblk1/mmcblk1p1/size = 2\n" +
	block("sys/devices/virtual/block/loop0", "7:0", "8", "loop/backing_file = /tmp/a b.img (deleted)") +
	block("sys/devices/virtual/block/loop1", "7:1", "0") +
	block("sys/devices/virtual/block/zram0", "253:0", "8") +
	block("sys/devices/virtual/block/ram0", "1:0", "8") +
	block("sys/devices/virtual/block/md127", "9:127", "8") +
	block("sys/devices/virtual/block/dm-0", "252:0", "8", "dm/name = vg-root") + `
sys/class/nvme/
sys/class/block/
sys/class/nvme-subsystem/
sys/bus/pci/drivers/nvme/
sys/bus/usb/
sys/bus/scsi/drivers/sd/
sys/bus/virtio/drivers/virtio_blk/
sys/bus/mmc/
`

func scsi(dir, kind string) string {
	return dir + "/type = " + kind + "\n" + dir + "/subsystem -> /sys/bus/scsi\n" + dir + "/driver -> /sys/bus/scsi/drivers/sd\n"
}

func TestDisks(t *testing.T) {
	// An empty card reader is removable and has no size.
	tree := plant(t, strings.Replace(machine, "/sdf/removable = 0", "/sdf/removable = 1", 1))
	disks, err := tree.Disks()
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		name      string
		kind      Kind
		bus       drive.Bus
		size      int64
		driver    string
		transport string
	}
	want := []row{
		{"nvme0n1", KindNVMe, drive.BusNVMe, 2000409264 * 512, "nvme", "pcie"},
		{"vda", KindVirtio, drive.BusVirtio, 4096, "virtio_blk", ""},
		{"nvme1n1", KindNVMe, drive.BusNVMe, 4096, "", "pcie"},
		{"mmcblk0", KindMMC, drive.BusSD, 4096, "", ""},
		{"mmcblk1", KindMMC, drive.BusMMC, 4096, "", ""},
		{"sde", KindSCSI, drive.BusSCSI, 4096, "sd", ""},
		{"sdc", KindSCSI, drive.BusUSB, 4096, "sd", ""},
		{"sda", KindSCSI, drive.BusSATA, 500118192 * 512, "sd", ""},
		{"sdb", KindSCSI, drive.BusSATA, 8192, "sd", ""},
		{"sdd", KindSCSI, drive.BusFabric, 4096, "sd", ""},
		{"loop0", KindLoop, drive.BusLoop, 4096, "", ""},
		{"nvme9n1", KindNVMe, drive.BusFabric, 4096, "", "tcp"},
	}
	var got []row
	for _, d := range disks {
		got = append(got, row{d.Name, d.Kind, d.Bus, d.Size, d.Driver, d.Transport})
		if again, err := tree.Lookup(d.Dev); err != nil || again != d {
			t.Errorf("%s by its number: %+v, %v", d.Name, again, err)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
	if disks[2].Controller != "/"+pci+"04.0/nvme/nvme2" {
		t.Errorf("of two paths, %s was taken", disks[2].Controller)
	}
	if disks[0].Seq != "11" || disks[6].USB != "/"+usb {
		t.Errorf("%+v, %+v", disks[0], disks[6])
	}
	if a, err := tree.Areas(disks[4]); !reflect.DeepEqual(a, []string{"mmcblk1boot0"}) || err != nil {
		t.Errorf("areas of an eMMC: %v", a)
	}
	if f, ok := tree.BackingFile(disks[10]); f != "/tmp/a b.img" || !ok {
		t.Errorf("backing file %q", f)
	}
	if path, dev, err := tree.Node(disks[0].Controller); path != "/dev/nvme0" || dev != "240:0" || err != nil {
		t.Errorf("controller's node %q %q %v", path, dev, err)
	}
}

// A drive that makes no sense hides no other, and is told of.
func TestDisksThatMakeNoSense(t *testing.T) {
	for _, bad := range []string{"-1", "", "1e3", "99999999999999999999", "0x10"} {
		tree := plant(t, block(ata2+"/block/sda", "8:0", "8", "device -> ../../../1:0:0:0")+scsi(ata2, "0")+
			block("sys/devices/virtual/block/nbd0", "43:0", bad)+"sys/bus/scsi/drivers/sd/\n")
		disks, err := tree.Disks()
		if len(disks) != 1 || err == nil || !strings.Contains(err.Error(), "nbd0") {
			t.Errorf("%q: %v, %v", bad, disks, err)
		}
	}
	if _, err := (Tree{tree.At(t.TempDir())}).Disks(); err == nil {
		t.Error("a tree without /sys/block has drives")
	}
}

func TestLookup(t *testing.T) {
	tree := plant(t, machine+block(ata2+"/block/sda/sda1", "8:1", "8", "partition = 1"))
	if _, err := tree.Lookup("8:1"); err != ErrPartition {
		t.Errorf("a partition: %v", err)
	}
	for _, dev := range []string{"252:0", "9:127", "11:0", "259:5", "7:1", "179:24", "99:99", "", "../../../etc"} {
		if d, err := tree.Lookup(dev); err == nil {
			t.Errorf("%s was found: %+v", dev, d)
		}
	}
}

// Nothing in a tree leads out of it, and nothing is read without end.
func TestTreeIsBounded(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	tree := plant(t, "sys/a/away -> "+secret+"\nsys/a/up -> ../../../../../../../../../../etc/passwd\nsys/a/size = 1\nsys/a/self -> self\nsys/a/dir/\nsys/a/long = "+strings.Repeat("x", 5000)+"\n")
	root, err := tree.Folder()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/sys/a/sparse", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(root+"/sys/a/sparse", 1<<40); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"away", "up", "self", "dir", "long", "sparse", "none", "../../../../../../../../etc/passwd"} {
		if v, err := tree.Attr("/sys/a", name); err == nil {
			t.Errorf("%s was read: %.20q", name, v)
		}
	}
	if v, err := tree.Attr("/sys/a", "size"); v != "1" || err != nil {
		t.Errorf("size: %q, %v", v, err)
	}
	if name, err := tree.Link("/sys/a", "up"); name != "" || err == nil {
		t.Errorf("a link that leads out has a name: %q", name)
	}
	for _, name := range []string{"../../../etc/passwd", "/etc/passwd", ""} {
		node := plant(t, "sys/n/dev = 1:1\nsys/n/uevent = DEVNAME="+name+"\n")
		if path, _, err := node.Node("/sys/n"); err == nil {
			t.Errorf("a node at %s", path)
		}
	}
}

// What can't be found out is not 'no': neither of an entry, nor of a disk.
func TestThatCannotBeTold(t *testing.T) {
	tree := plant(t, "sys/a/self -> /sys/a/self\nsys/a/dangling -> /sys/none\nsys/a/file = 1\nsys/a/dir/\nsys/a/link -> /sys/a/dir\n")
	for name, c := range map[string]struct{ has, gone, fails bool }{
		"file": {has: true}, "dir": {has: true}, "dangling": {has: true}, "self": {has: true}, "none": {gone: true}, "none/deep": {gone: true}, "self/x": {fails: true}, "file/x": {fails: true},
	} {
		if has, err := tree.Has("/sys/a", name); has != c.has || (err != nil) != c.fails {
			t.Errorf("has %s: %v, %v", name, has, err)
		}
		if gone := tree.Gone("/sys/a", name); gone != c.gone {
			t.Errorf("%s is gone: %v", name, gone)
		}
	}
	for name, c := range map[string]struct {
		to    string
		fails bool
	}{"link": {"dir", false}, "dangling": {"", false}, "none": {"", false}, "self": {"", true}} {
		if to, err := tree.Link("/sys/a", name); to != c.to || (err != nil) != c.fails {
			t.Errorf("link %s: %q, %v", name, to, err)
		}
	}
	for name, c := range map[string]struct {
		text  string
		fails bool
	}{"file": {"1", false}, "none": {"", false}, "dangling": {"", false}, "dir": {"", true}, "self": {"", true}} {
		if text, err := tree.AttrOrNone("/sys/a", name); text != c.text || (err != nil) != c.fails {
			t.Errorf("attribute %s: %q, %v", name, text, err)
		}
	}
}

// A disk of which something could not be read is told of: it is not one that is no drive,
// nor one that has no parts and that nobody uses.
func TestDisksThatCannotBeTold(t *testing.T) {
	const mounts = "proc/self/mountinfo = " + mountsHead + "\n"
	for name, more := range map[string]string{
		"":          "",
		"driver":    ata2 + "/driver -> driver\n",
		"subsystem": ata2 + "/subsystem -> subsystem\n",
		"USB":       filepath.Dir(ata2) + "/subsystem -> subsystem\n",
		"fabric":    filepath.Dir(ata2) + "/fc_host = 1\n",
	} {
		own := "sys/bus/scsi/drivers/sd/\n"
		for line := range strings.Lines(scsi(ata2, "0")) {
			if name == "" || !strings.HasPrefix(line, ata2+"/"+name+" ->") {
				own += line
			}
		}
		disks, err := plant(t, block(sda, "8:0", "8", "device -> ../../../1:0:0:0")+own+more).Disks()
		if name == "" && (len(disks) != 1 || err != nil) || name != "" && (len(disks) != 0 || err == nil || !strings.HasPrefix(err.Error(), "sda: ")) {
			t.Errorf("%q: %v, %v", name, disks, err)
		}
	}
	for name, c := range map[string]struct {
		more  string
		fails bool
	}{
		"all well":     {"", false},
		"a partition":  {sda + "/sda3 = no folder\n", true},
		"a name":       {sda + "/dm/name/\n", true},
		"a btrfs":      {"sys/fs/btrfs/1/devices = no folder\n", true},
		"its features": {"sys/fs/btrfs/features/\n", false},
	} {
		if use, err := use(t, "8:0", mounts+c.more); (err != nil) != c.fails {
			t.Errorf("who uses it, with %s that can't be read: %q, %v", name, use, err)
		}
	}
	for more, fails := range map[string]bool{"": false, "mmcblk1boot0 = no folder": true} {
		tree := plant(t, emmc+"/block/mmcblk1/size = 8\n"+emmc+"/block/mmcblk1/"+more+"\n")
		if areas, err := tree.Areas(Disk{Kind: KindMMC, Dir: "/" + emmc + "/block/mmcblk1"}); (err != nil) != fails || len(areas) > 0 {
			t.Errorf("areas, %q: %v, %v", more, areas, err)
		}
	}
	if _, err := plant(t, block(sda, "8:0", "8")+"sys/dev/block/8:9 -> 8:9\n").Lookup("8:9"); err == nil || err == ErrPartition || err == errNoDrive {
		t.Errorf("looked up: %v", err)
	}
}

// The order is one: every list of places has them from first to last.
func TestNatural(t *testing.T) {
	for _, list := range [][]string{
		{"/sys/a", "/sys/a/2", "/sys/a/10", "/sys/a/1f", "/sys/a/20", "/sys/a/ata", "/sys/a/ata1", "/sys/a/ata2", "/sys/a/ata10", "/sys/a/atb"},
		{"0000:00:02.0", "0000:00:1f.2", "0000:01:00.0", "10000:e0:06.0"},
		{"", "1:0:0:0", "9:0:0:0", "10:0:0:0", "a2b", "a2c", "a02b"},
	} {
		for i, a := range list {
			for j, b := range list {
				if got := natural(a, b); got != cmp.Compare(i, j) {
					t.Errorf("%q and %q: %d", a, b, got)
				}
			}
		}
	}
}

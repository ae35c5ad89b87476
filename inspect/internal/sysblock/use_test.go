package sysblock

import (
	"reflect"
	"strings"
	"testing"
)

const sda = ata2 + "/block/sda"

// sdaTree has a drive with two partitions, the second of which holds an encrypted
// volume with two logical ones upon it, one of them in a RAID.
var sdaTree = block(sda, "8:0", "800", "device -> ../../../1:0:0:0", "holders/") + scsi(ata2, "0") + "sys/bus/scsi/drivers/sd/\n" +
	block(sda+"/sda1", "8:1", "8", "partition = 1", "holders/") +
	block(sda+"/sda2", "8:2", "8", "partition = 2", "holders/dm-0 -> /sys/devices/virtual/block/dm-0") +
	block("sys/devices/virtual/block/dm-0", "252:0", "8", "dm/name = luks-1", "holders/dm-1 -> /sys/devices/virtual/block/dm-1",
		"holders/dm-2 -> /sys/devices/virtual/block/dm-2") +
	block("sys/devices/virtual/block/dm-1", "252:1", "8", "dm/name = vg-root", "holders/md0 -> /sys/devices/virtual/block/md0") +
	block("sys/devices/virtual/block/dm-2", "252:2", "8", "dm/name = vg-swap", "holders/") +
	block("sys/devices/virtual/block/md0", "9:0", "8", "holders/") +
	block(ata10+"/block/sdb", "8:16", "800", "device -> ../../../9:0:0:0", "holders/") + scsi(ata10, "0")

// The table of proc_pid_mountinfo(5).
const mountsHead = `22 27 0:21 / /proc rw,relatime - proc proc rw\n`

func use(t *testing.T, dev, lines string) ([]string, error) {
	t.Helper()
	tree := plant(t, sdaTree+lines)
	d, err := tree.Lookup(dev)
	if err != nil {
		t.Fatal(err)
	}
	return tree.Use(d)
}

func TestUse(t *testing.T) {
	stack := []string{"dm-0 (luks-1) stands on sda2", "dm-1 (vg-root) stands on dm-0", "dm-2 (vg-swap) stands on dm-0", "md0 stands on dm-1"}
	const quiet = "proc/self/mountinfo = " + mountsHead + "\n"
	for _, c := range []struct {
		name, lines string
		want        []string // beside the stack
	}{
		{"stack", quiet, nil},
		{"partition mounted", "proc/self/mountinfo = " + mountsHead + `35 27 8:1 / /boot rw shared:1 - vfat /dev/sda1 rw`, []string{"/boot is mounted from its partition sda1"}},
		{"the drive itself", "proc/self/mountinfo = " + mountsHead + `35 27 8:0 / /mnt rw - xfs /dev/sda rw`, []string{"/mnt is mounted from it"}},
		{"through the stack", "proc/self/mountinfo = " + mountsHead + `35 27 9:0 / / rw - ext4 /dev/root rw`, []string{"/ is mounted from md0, which stands on it"}},
		{"a bind mount in it", "proc/self/mountinfo = " + mountsHead + `35 27 8:1 /sub /a\040place rw - ext4 /dev/sda1 rw`, []string{`"/a place" is mounted from its partition sda1`}},
		{"btrfs by its source", "proc/self/mountinfo = " + mountsHead + `35 27 0:44 / /home rw - btrfs /dev/mapper/vg-root rw`, []string{"/home is mounted from dm-1 (vg-root), which stands on it"}},
		{"another one of a btrfs", quiet + "sys/fs/btrfs/features/x = 1\nsys/fs/btrfs/0e5b/devices/sda1 -> /" + sda + "/sda1\n", []string{"a mounted btrfs stands on its partition sda1"}},
		{"swap", quiet + `proc/swaps = Filename\t\t\tType\t\tSize\nPLACE` + "\n", []string{"the system swaps to its partition sda1"}},
		{"loop", quiet + block("sys/devices/virtual/block/loop3", "7:3", "8", "loop/backing_file = /dev/sda1"), []string{"loop3 stands on its partition sda1"}},
	} {
		c.lines = strings.ReplaceAll(strings.ReplaceAll(c.lines, `\t`, "\t"), "PLACE", "/dev/sda1 partition 1024 0 -2")
		got, err := use(t, "8:0", c.lines)
		want := map[string]bool{}
		for _, w := range append(c.want, stack...) {
			want[w] = true
		}
		have := map[string]bool{}
		for _, g := range got {
			have[g] = true
		}
		if err != nil || !reflect.DeepEqual(have, want) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
		// Its neighbour is free all the while.
		if got, err := use(t, "8:16", c.lines); err != nil || len(got) != 0 {
			t.Errorf("%s: the neighbour: %q, %v", c.name, got, err)
		}
	}
}

// What can't be told is an error, never 'nobody'.
func TestUseUnknown(t *testing.T) {
	for name, lines := range map[string]string{
		"no table of mounts":      "",
		"a line without its end":  `proc/self/mountinfo = 35 27 8:1 / /boot rw`,
		"a line of another kind":  `proc/self/mountinfo = hello\n`,
		"a loop among holders":    "proc/self/mountinfo = " + mountsHead + "\n" + sda + "/holders/lost -> /sys/devices/none\n",
		"a holder without number": "proc/self/mountinfo = " + mountsHead + "\nsys/devices/virtual/block/dm-9/size = 1\n" + sda + "/holders/dm-9 -> /sys/devices/virtual/block/dm-9\n",
		"a table without end":     "proc/self/mountinfo = " + strings.Repeat(mountsHead, 100000),
	} {
		if got, err := use(t, "8:0", lines); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Stacks that hold each other end.
func TestUseInCircles(t *testing.T) {
	got, err := use(t, "8:16", "proc/self/mountinfo = "+mountsHead+"\n"+ata10+"/block/sdb/holders/sdb -> /"+ata10+"/block/sdb\n")
	if err != nil || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
}

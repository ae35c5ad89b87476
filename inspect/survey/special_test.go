package survey

import (
	"testing"

	"handback.example/inspect/capture"
	"handback.example/inspect/drive"
)

// block makes a disk that hangs on a device of a bus.
func block(name, dev, device, bus string, more string) string {
	dir := "sys/devices/" + device + "/block/" + name
	return dir + "/dev = " + dev + "\n" + dir + "/size = 2048\n" + dir + "/removable = 0\n" + dir + "/device -> /sys/devices/" + device + "\n" +
		"sys/block/" + name + " -> /" + dir + "\nsys/bus/" + bus + "/\nsys/devices/" + device + "/subsystem -> /sys/bus/" + bus + "\n" + more
}

// Media that look like disks and aren't erased like disks are told by where they
// hang, before anybody opens them.
func TestSpecialMedia(t *testing.T) {
	scsi := func(host, proc, zoned string) string {
		device := "pci0000:00/" + host + "/target0/0:0:0:0"
		return block("sd"+host[4:], "8:"+host[4:], device, "scsi", "sys/devices/"+device+"/type = 0\n"+
			"sys/devices/pci0000:00/"+host+"/scsi_host/"+host+"/proc_name = "+proc+"\n"+
			"sys/devices/"+device+"/block/sd"+host[4:]+"/queue/zoned = "+zoned+"\n")
	}
	root := plant(t, quiet+scsi("host0", "ufshcd", "none")+scsi("host1", "ahci", "host-managed")+
		block("pmem2", "259:2", "LNXSYSTM:00/ndbus0/region0/namespace0.0", "nd", ""))
	r, err := Take(t.Context(), Options{Doors: capture.Folder(root)})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct{ special, zoned string }{"/dev/sd0": {"ufs", "none"}, "/dev/sd1": {"", "host-managed"}, "/dev/pmem2": {"pmem", ""}}
	for _, d := range r.Drives {
		w, ok := want[d.Path]
		if !ok || d.Special != w.special || d.Zoned.Value != w.zoned || d.Zoned.Known != (w.zoned != "") {
			t.Errorf("%s: special %q, zoned %+v", d.Path, d.Special, d.Zoned)
		}
		if d.Path == "/dev/pmem2" && d.Identity.Bus != drive.BusUnknown {
			t.Errorf("bus %q", d.Identity.Bus)
		}
		delete(want, d.Path)
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}

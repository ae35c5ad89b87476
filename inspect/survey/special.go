package survey

import (
	"path/filepath"

	"handback.example/inspect"
	"handback.example/inspect/internal/sysblock"
)

// zoned as the kernel sees it (Documentation/ABI/stable/sysfs-block, queue/zoned).
func (s survey) zoned(disk sysblock.Disk) inspect.Fact[string] {
	const source = "sysfs queue/zoned"
	v, err := s.tree.Attr(disk.Dir, "queue/zoned")
	if err != nil {
		return inspect.Unknown[string](source, err.Error())
	}
	return inspect.Known(v, source)
}

// special media hide behind common block devices: UFS memory is a SCSI disk of the
// host 'ufshcd' (drivers/ufs/core/ufshcd.c), persistent memory a device of the bus
// 'nd' (drivers/nvdimm/bus.c).
func (s survey) special(disk sysblock.Disk) string {
	if disk.Device == "" {
		return ""
	}
	if s.tree.Link(disk.Device, "subsystem") == "nd" {
		return "pmem"
	}
	for _, dir := range sysblock.Ancestors(disk.Device) {
		if s.tree.Is(dir, "scsi_host/"+filepath.Base(dir)+"/proc_name", "ufshcd") {
			return "ufs"
		}
	}
	return ""
}

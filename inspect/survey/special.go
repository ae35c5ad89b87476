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
// 'nd' (drivers/nvdimm/bus.c). A medium of which that can't be read is 'unknown': it is
// not taken for a common one.
func (s survey) special(disk sysblock.Disk) (kind string, err error) {
	if disk.Device == "" {
		return "", nil
	}
	subsystem, err := s.tree.Link(disk.Device, "subsystem")
	switch {
	case err != nil:
		return "unknown", err
	case subsystem == "nd":
		return "pmem", nil
	}
	for _, dir := range sysblock.Ancestors(disk.Device) {
		name, err := s.tree.AttrOrNone(dir, "scsi_host/"+filepath.Base(dir)+"/proc_name")
		switch {
		case err != nil:
			return "unknown", err
		case name == "ufshcd":
			return "ufs", nil
		}
	}
	return "", nil
}

package linux

import (
	"context"
	"errors"
	"fmt"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/nvme"
)

func (d *device) identifyNVMe(ctx context.Context, nsid uint32) (drive.Identity, error) {
	b, err := d.read(ctx, nvme.IdentifyController())
	if err != nil {
		return drive.Identity{}, err
	}
	c, err := nvme.ParseController(b)
	if err != nil {
		return drive.Identity{}, err
	}
	if b, err = d.read(ctx, nvme.IdentifyNamespace(nsid)); err != nil {
		return drive.Identity{}, err
	}
	n, err := nvme.ParseNamespace(b)
	if err != nil {
		return drive.Identity{}, fmt.Errorf("namespace %d: %w", nsid, err)
	}
	id := drive.Identity{Media: drive.MediaSSD, Model: c.Model, Serial: c.Serial, Firmware: c.Firmware,
		WWN: n.WWN(), Namespace: nsid, Inner: true, Raw: c.Raw}
	if id.WWN == "" {
		id.WWN, err = d.namespaceUUID(ctx, nsid)
	}
	return id, err
}

// namespace is the number of the namespace that this block device is, as the
// kernel knows it of the open descriptor.
func (d *device) namespace() (uint32, error) {
	var nsid int
	err := d.block.control(func(fd uintptr) (err error) {
		nsid, err = ioctl(fd, ioctlNVMeID, nil)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("ask for the namespace: %w", err)
	}
	if nsid <= 0 || int64(nsid) >= nvme.AllNamespaces {
		return 0, fmt.Errorf("namespace %d makes no sense", nsid)
	}
	return uint32(nsid), nil
}

// namespaceUUID: controllers before NVMe 1.3 refuse to be asked.
func (d *device) namespaceUUID(ctx context.Context, nsid uint32) (string, error) {
	b, err := d.read(ctx, nvme.NamespaceDescriptors(nsid))
	var refused *drive.StatusError
	if errors.As(err, &refused) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if uuid := nvme.ParseUUID(b); uuid != "" {
		return "uuid." + uuid, nil
	}
	return "", nil
}

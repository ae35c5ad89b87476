package identify

import (
	"context"
	"errors"
	"fmt"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/nvme"
)

// NVMe asks the controller and one of its namespaces. Bus and Size are the
// caller's.
func NVMe(ctx context.Context, t drive.Transport, nsid uint32) (drive.Identity, error) {
	d := asked{t: t}
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

// namespaceUUID: controllers before NVMe 1.3 refuse to be asked.
func (d asked) namespaceUUID(ctx context.Context, nsid uint32) (string, error) {
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

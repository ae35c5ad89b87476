package usb

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"handback.example/inspect/drive/sim"
)

// VPD pages (SPC-5 clause 7.7) that a bridge has of its own, or that hold nothing
// about the number and size of blocks.
const (
	vpdSupported = 0x00
	vpdSerial    = 0x80
	vpdIdentity  = 0x83
	vpdATA       = 0x89
	vpdBlock     = 0xb1
)

// inquiry (SPC-5 clause 6.6) as this bridge answers it.
func (b *Bridge) inquiry(ctx context.Context, r sim.SCSIRequest) (sim.SCSIReply, error) {
	if r.CDB[1]&1 != 0 {
		return b.vpd(ctx, r)
	}
	if r.CDB[2] != 0 {
		return refuse(keyIllegal, ascInvalidField), nil
	}
	reply, err := b.drive.SCSI(ctx, r)
	if err != nil || reply.Status != 0 || len(reply.In) < 2 {
		return reply, err
	}
	reply.In = slices.Clone(reply.In)
	reply.In[1] &^= 0x80 // RMB
	if b.cfg.Removable {
		reply.In[1] |= 0x80
	}
	if b.hides() {
		b.sign(reply.In)
	}
	return reply, nil
}

func (b *Bridge) hides() bool {
	return b.cfg.Identity == IdentityBridge || b.cfg.Identity == IdentityNone
}

// sign standard INQUIRY data, as far as they go: vendor at 8, product at 16,
// revision at 32, and nothing of the drive's behind (vendor specific at 36, version
// descriptors at 58).
func (b *Bridge) sign(in []byte) {
	own := fmt.Sprintf("%-8s%-16s%-4s", b.cfg.Vendor, b.cfg.Model, b.cfg.Revision)
	if len(in) > 8 {
		clear(in[8:])
		copy(in[8:], own)
	}
}

// vpd pages: the drive's, the bridge's, or none.
func (b *Bridge) vpd(ctx context.Context, r sim.SCSIRequest) (sim.SCSIReply, error) {
	if !b.hides() {
		return b.vpdOfDrive(ctx, r)
	}
	if b.cfg.Identity == IdentityNone {
		return refuse(keyIllegal, ascInvalidField), nil
	}
	var body []byte
	serial := b.Serial()
	switch page := r.CDB[2]; {
	case page == vpdSupported && serial == "":
		body = []byte{vpdSupported, vpdIdentity}
	case page == vpdSupported:
		body = []byte{vpdSupported, vpdSerial, vpdIdentity}
	case page == vpdSerial && serial != "":
		body = []byte(serial)
	case page == vpdIdentity:
		body = b.designator(serial)
	default:
		return refuse(keyIllegal, ascInvalidField), nil
	}
	in := append([]byte{0, r.CDB[2], 0, 0}, body...)
	binary.BigEndian.PutUint16(in[2:], uint16(len(body)))
	return sim.SCSIReply{In: in[:min(len(in), int(binary.BigEndian.Uint16(r.CDB[3:])))]}, nil
}

// designator of the logical unit by T10 vendor identification (SPC-5 clause
// 7.7.6.4): ASCII, eight characters of vendor and what the vendor makes of it.
func (b *Bridge) designator(serial string) []byte {
	id := fmt.Sprintf("%-8s%-16s%s", b.cfg.Vendor, b.cfg.Model, serial)
	id = id[:min(len(id), 255)]
	return append([]byte{0x02, 0x01, 0, byte(len(id))}, id...)
}

// vpdOfDrive leaves out the pages that speak of blocks where the bridge shows
// others.
func (b *Bridge) vpdOfDrive(ctx context.Context, r sim.SCSIRequest) (sim.SCSIReply, error) {
	if !b.fits() {
		switch r.CDB[2] {
		case vpdSerial, vpdIdentity, vpdATA, vpdBlock:
		case vpdSupported:
			in := []byte{0, vpdSupported, 0, 4, vpdSupported, vpdSerial, vpdIdentity, vpdBlock}
			return sim.SCSIReply{In: in[:min(len(in), int(binary.BigEndian.Uint16(r.CDB[3:])))]}, nil
		default:
			return refuse(keyIllegal, ascInvalidField), nil
		}
	}
	return b.drive.SCSI(ctx, r)
}

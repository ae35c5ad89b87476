package nvme

import (
	"encoding/binary"
	"slices"

	"handback.example/inspect/drive/sim"
)

// maxRemains is how many deleted namespaces leave something behind.
const maxRemains = 64

// manage creates and deletes namespaces (Base 2.0, clause 5.23).
func (d *Drive) manage(c *command) reply {
	switch {
	case !d.cfg.NamespaceManagement:
		return refuse(invalidOpcode)
	case c.dw(10)&15 == 0:
		return d.create(c)
	case c.dw(10)&15 == 1:
		return d.deleteNamespace(c.nsid())
	}
	return refuse(invalidField)
}

// create takes a namespace's size, format and sharing from the host's data, which
// has the layout of Identify Namespace.
func (d *Drive) create(c *command) reply {
	switch {
	case c.dw(11)>>24 != 0:
		return refuse(ioCommandSetInvalid)
	case len(c.out) < pageSize:
		return refuse(sglLengthInvalid)
	}
	size, capacity := le.Uint64(c.out[0:]), le.Uint64(c.out[8:])
	flbas := c.out[26]
	l := layout{format: int(flbas&15 | flbas>>1&0x30), extended: flbas>>4&1 != 0, dps: c.out[29] & 15}
	if l.format >= len(d.cfg.LBAFormats) || d.checkCreated(l) != success {
		return refuse(invalidFormat)
	}
	f := d.cfg.LBAFormats[l.format]
	switch {
	case size == 0:
		return refuse(invalidField)
	case size != capacity:
		return refuse(thinNotSupported)
	case size > uint64(d.spare)/uint64(f.LogicalBlock):
		return refuse(insufficientSpace)
	}
	id := d.freeID()
	if id == 0 {
		return refuse(noIdentifier)
	}
	bytes := int64(size) * int64(f.LogicalBlock)
	d.spare -= bytes
	d.namespaces = append(d.namespaces, &namespace{id: id, bytes: bytes, format: l.format, extended: l.extended, dps: l.dps,
		medium: sim.NewMedium(bytes + int64(size)*int64(f.Metadata)), shared: c.out[30]&1 != 0,
		nguid: d.madeNGUID(id)})
	d.sortNamespaces()
	return reply{result: id}
}

// checkCreated is checkLayout without what only a format needs.
func (d *Drive) checkCreated(l layout) status {
	meta, pi := d.cfg.LBAFormats[l.format].Metadata, l.dps&7
	if pi > 3 || pi != 0 && (!d.cfg.Protection || meta < 8) || l.extended && meta == 0 {
		return invalidFormat
	}
	return success
}

// madeNGUID differs for every namespace that this drive ever creates.
func (d *Drive) madeNGUID(id uint32) []byte {
	d.keys++
	n := make([]byte, 16)
	copy(n, d.cfg.Serial)
	binary.BigEndian.PutUint32(n[8:], uint32(d.keys))
	binary.BigEndian.PutUint32(n[12:], id)
	return n
}

func (d *Drive) freeID() uint32 {
	for id := uint32(1); id <= uint32(d.cfg.MaxNamespaces); id++ {
		if d.find(id) == nil {
			return id
		}
	}
	return 0
}

// deleteNamespace forgets one or all; what it held stays on the medium.
func (d *Drive) deleteNamespace(nsid uint32) reply {
	if nsid != allNamespaces && d.find(nsid) == nil {
		return refuse(invalidNamespace)
	}
	var gone []*namespace
	for _, n := range d.namespaces {
		if nsid == allNamespaces || n.id == nsid {
			gone = append(gone, n)
		}
	}
	for _, n := range gone {
		switch {
		case n.formatting != nil:
			return refuse(formatInProgress)
		case n.protect != protectNone:
			return refuse(writeProtected)
		}
	}
	for _, n := range gone {
		d.remains = append(d.remains, n.medium)
		if len(d.remains) > maxRemains {
			d.remains = d.remains[1:] // the drive has used its cells again
		}
		d.spare += n.bytes
		d.namespaces = slices.DeleteFunc(d.namespaces, func(o *namespace) bool { return o == n })
		if n.attached {
			d.change(n.id)
		}
	}
	return reply{}
}

// attach runs the Namespace Attachment command (Base 2.0, clause 5.22): 0 attaches
// to the controllers of a list, 1 detaches.
func (d *Drive) attach(c *command) reply {
	sel := c.dw(10) & 15
	switch {
	case !d.cfg.NamespaceManagement:
		return refuse(invalidOpcode)
	case sel > 1:
		return refuse(invalidField)
	case !d.valid(c.nsid()):
		return refuse(invalidNamespace)
	}
	n := d.find(c.nsid())
	ids, ok := parseControllerList(c.out)
	switch {
	case n == nil:
		return refuse(invalidField)
	case !ok || !d.known(ids):
		return refuse(controllerListBad)
	case n.formatting != nil:
		return refuse(formatInProgress)
	}
	if sel == 0 {
		return d.attachTo(n, ids)
	}
	return d.detachFrom(n, ids)
}

func (d *Drive) known(ids []uint16) bool {
	for _, id := range ids {
		if id != d.cfg.CtrlID && !slices.Contains(d.cfg.OtherControllers, id) {
			return false
		}
	}
	return true
}

func (n *namespace) isAt(d *Drive, id uint16) bool {
	if id == d.cfg.CtrlID {
		return n.attached
	}
	return slices.Contains(n.others, id)
}

func (d *Drive) attachTo(n *namespace, ids []uint16) reply {
	count := len(n.others)
	if n.attached {
		count++
	}
	for _, id := range ids {
		if n.isAt(d, id) {
			return refuse(alreadyAttached)
		}
	}
	if !n.shared && count+len(ids) > 1 {
		return refuse(isPrivate)
	}
	for _, id := range ids {
		if id != d.cfg.CtrlID {
			n.others = append(n.others, id)
			continue
		}
		n.attached = true
		d.change(n.id)
	}
	return reply{}
}

func (d *Drive) detachFrom(n *namespace, ids []uint16) reply {
	for _, id := range ids {
		if !n.isAt(d, id) {
			return refuse(notAttached)
		}
	}
	for _, id := range ids {
		if id != d.cfg.CtrlID {
			n.others = slices.DeleteFunc(n.others, func(o uint16) bool { return o == id })
			continue
		}
		n.attached = false
		d.change(n.id)
	}
	return reply{}
}

// controllerList of IDs from one on: their number, then them (Base 2.0, clause
// 4.4.1).
func controllerList(ids []uint16, from uint16) []byte {
	slices.Sort(ids)
	p, n := make([]byte, pageSize), 0
	for _, id := range ids {
		if id >= from && n < 2047 {
			n++
			le.PutUint16(p[2*n:], id)
		}
	}
	le.PutUint16(p, uint16(n))
	return p
}

// parseControllerList wants at least one ID, ascending.
func parseControllerList(p []byte) ([]uint16, bool) {
	if len(p) < 4 {
		return nil, false
	}
	n := int(le.Uint16(p))
	if n == 0 || n > 2047 || len(p) < 2+2*n {
		return nil, false
	}
	var ids []uint16
	for i := range n {
		id := le.Uint16(p[2+2*i:])
		if i > 0 && id <= ids[i-1] {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}

package nvme

import (
	"math/bits"
	"slices"
)

// Offsets in Identify Controller that more than one place needs.
const (
	idMDTS    = 77
	idVER     = 80
	idOACS    = 256
	idSANICAP = 328
	idONCS    = 520
	idFNA     = 524
)

// Bits of OACS (Base 2.0, figure 275).
const (
	oacsSecurity = 1 << 0
	oacsFormat   = 1 << 1
	oacsManage   = 1 << 3
	oacsSelfTest = 1 << 4
)

// identify answers by CNS (Base 2.0, figure 273).
func (d *Drive) identify(c *command) reply {
	nsid := c.nsid()
	switch c.sqe[40] {
	case 0x00:
		return d.identifyNamespace(c, nsid, func(n *namespace) bool { return n.attached })
	case 0x01:
		return c.give(d.controllerData())
	case 0x02:
		return d.list(c, func(n *namespace) bool { return n.attached })
	case 0x03:
		return d.descriptors(c, nsid)
	case 0x05, 0x06, 0x07:
		return d.identifyCommandSet(c, nsid)
	case 0x08:
		return d.independent(c, nsid)
	}
	if d.oacs()&oacsManage == 0 {
		return refuse(invalidField)
	}
	switch c.sqe[40] {
	case 0x10:
		return d.list(c, func(*namespace) bool { return true })
	case 0x11:
		return d.identifyNamespace(c, nsid, func(*namespace) bool { return true })
	case 0x12:
		return d.controllersOf(c, nsid)
	case 0x13:
		return c.give(controllerList(append([]uint16{d.cfg.CtrlID}, d.cfg.OtherControllers...), le.Uint16(c.sqe[42:])))
	}
	return refuse(invalidField)
}

// valid: an NSID that a namespace may have, whether there is one or not.
func (d *Drive) valid(nsid uint32) bool { return nsid >= 1 && nsid <= uint32(d.cfg.MaxNamespaces) }

// identifyNamespace is CNS 00h and 11h.
func (d *Drive) identifyNamespace(c *command, nsid uint32, there func(*namespace) bool) reply {
	if nsid == allNamespaces && d.oacs()&oacsManage != 0 {
		return c.give(d.commonNamespace())
	}
	if !d.valid(nsid) {
		return refuse(invalidNamespace)
	}
	n := d.find(nsid)
	if n == nil || !there(n) {
		return c.give(make([]byte, pageSize))
	}
	return c.give(d.namespaceData(n))
}

// commonNamespace is what all namespaces have in common (NSID FFFFFFFFh).
func (d *Drive) commonNamespace() []byte {
	p := make([]byte, pageSize)
	d.capabilities(p)
	return p
}

// capabilities fills in what Identify Namespace says of every namespace.
func (d *Drive) capabilities(p []byte) {
	p[25] = byte(len(d.cfg.LBAFormats) - 1) // NLBAF
	for i, f := range d.cfg.LBAFormats {
		at := p[128+4*i:]
		le.PutUint16(at, uint16(f.Metadata))
		at[2], at[3] = byte(bits.TrailingZeros(uint(f.LogicalBlock))), byte(f.Performance)
		if f.Metadata > 0 {
			p[27] = 3 // MC: in a buffer of its own, or behind each block
		}
		if f.Metadata >= 8 && d.cfg.Protection {
			p[28] = 0x1f // DPC: types 1 to 3, first or last
		}
	}
	p[32] = 1 << 7 // FPI: the progress of a format is told
	p[33] = d.deallocates()
}

// deallocates is DLFEAT: what deallocated blocks read as, and that Write Zeroes may
// deallocate.
func (d *Drive) deallocates() byte {
	v := byte(0) // bytes that have no name here
	switch {
	case all(d.cfg.ErasedAs, 0x00):
		v = 1
	case all(d.cfg.ErasedAs, 0xff):
		v = 2
	}
	if d.cfg.WriteZeroes {
		v |= 1 << 3
	}
	return v
}

func all(p []byte, is byte) bool {
	return !slices.ContainsFunc(p, func(b byte) bool { return b != is })
}

// namespaceData is Identify Namespace of the NVM command set (NVM 1.0, figure 97).
func (d *Drive) namespaceData(n *namespace) []byte {
	p := make([]byte, pageSize)
	d.capabilities(p)
	blocks := d.blocks(n)
	le.PutUint64(p[0:], blocks)
	le.PutUint64(p[8:], blocks)
	le.PutUint64(p[16:], blocks-n.unused(blocks))
	p[26] = byte(n.format)
	if n.extended {
		p[26] |= 1 << 4
	}
	p[29] = n.dps
	if n.shared {
		p[30] = 1
	}
	p[32] |= n.formatLeft()
	le.PutUint64(p[48:], uint64(n.bytes)) // NVMCAP
	if n.protect != protectNone {
		p[99] = 1
	}
	copy(p[104:120], n.nguid)
	copy(p[120:128], n.eui64)
	d.claim(p, inNamespace)
	return p
}

// unused are the blocks that are deallocated.
func (n *namespace) unused(blocks uint64) uint64 {
	sum := uint64(0)
	for _, h := range n.holes.In(0, blocks) {
		sum += h.To - h.From
	}
	return sum
}

// formatLeft is the percentage of a format that is still to do.
func (n *namespace) formatLeft() byte {
	if n.formatting == nil {
		return 0
	}
	return byte(100 - 100*n.formatting.progress())
}

// list is a Namespace List of IDs above the one in NSID (CNS 02h, 10h).
func (d *Drive) list(c *command, there func(*namespace) bool) reply {
	if c.nsid() >= 0xfffffffe {
		return refuse(invalidNamespace)
	}
	p, at := make([]byte, pageSize), 0
	for _, n := range d.namespaces {
		if n.id > c.nsid() && there(n) && at < pageSize {
			le.PutUint32(p[at:], n.id)
			at += 4
		}
	}
	return c.give(p)
}

// descriptors is the Namespace Identification Descriptor list (figure 277).
func (d *Drive) descriptors(c *command, nsid uint32) reply {
	n := d.find(nsid)
	if n == nil || !n.attached {
		return refuse(invalidNamespace)
	}
	var p []byte
	for _, t := range []struct {
		kind byte
		id   []byte
	}{{1, n.eui64}, {2, n.nguid}, {3, n.uuid}, {4, []byte{0}}} { // 4: the NVM command set
		if len(t.id) > 0 {
			p = append(append(p, t.kind, byte(len(t.id)), 0, 0), t.id...)
		}
	}
	return c.give(append(p, make([]byte, pageSize-len(p))...))
}

// identifyCommandSet is CNS 05h to 07h; the only command set is NVM (CSI 0).
func (d *Drive) identifyCommandSet(c *command, nsid uint32) reply {
	if c.dw(11)>>24 != 0 {
		return refuse(invalidField)
	}
	switch c.sqe[40] {
	case 0x05:
		if n := d.find(nsid); n == nil || !n.attached {
			return refuse(invalidNamespace)
		}
		return c.give(make([]byte, pageSize)) // 16-bit guards, no storage tag
	case 0x06:
		p := make([]byte, pageSize)
		if d.cfg.DSM {
			p[3] = 255 // DMRL: ranges at most
		}
		return c.give(p)
	}
	return d.list(c, func(n *namespace) bool { return n.attached })
}

// independent is Identify Namespace of no command set (CNS 08h, figure 280).
func (d *Drive) independent(c *command, nsid uint32) reply {
	if !d.valid(nsid) {
		return refuse(invalidNamespace)
	}
	p := make([]byte, pageSize)
	n := d.find(nsid)
	if n == nil || !n.attached {
		return c.give(p)
	}
	if n.shared {
		p[1] = 1
	}
	p[3] = 1<<7 | n.formatLeft()
	if n.protect != protectNone {
		p[8] = 1
	}
	if n.formatting == nil {
		p[14] = 1 // NSTAT: ready
	}
	return c.give(p)
}

// controllersOf is the list of controllers that a namespace is attached to.
func (d *Drive) controllersOf(c *command, nsid uint32) reply {
	n := d.find(nsid)
	if n == nil {
		return refuse(invalidField)
	}
	ids := append([]uint16(nil), n.others...)
	if n.attached {
		ids = append(ids, d.cfg.CtrlID)
	}
	return c.give(controllerList(ids, le.Uint16(c.sqe[42:])))
}

// oacs is what the controller tells of optional admin commands, lies too.
func (d *Drive) oacs() uint16 {
	if v, lies := d.cfg.Claims["oacs"]; lies {
		return uint16(v)
	}
	v := uint16(0)
	for _, o := range []struct {
		has bool
		bit uint16
	}{{d.cfg.TCG != nil, oacsSecurity}, {d.cfg.Format.Supported, oacsFormat},
		{d.cfg.NamespaceManagement, oacsManage}, {d.cfg.SelfTest.Supported, oacsSelfTest}} {
		if o.has {
			v |= o.bit
		}
	}
	return v
}

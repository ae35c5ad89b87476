package nvme

import (
	"bytes"

	"handback.example/inspect/drive/sim"
)

// block runs a command of the NVM command set (NVM 1.0, clause 3.2).
func (d *Drive) block(c *command) reply {
	if s := d.gate(c); s != success {
		return refuse(s)
	}
	d.Mu.Lock()
	defer d.Mu.Unlock()
	if c.opcode() == opFlush && c.nsid() == allNamespaces {
		return reply{}
	}
	work, ok := d.supported(c.opcode())
	if !ok {
		return refuse(invalidOpcode)
	}
	n, s := d.active(c.nsid())
	switch {
	case s != success:
		return refuse(s)
	case n.formatting != nil:
		return refuse(formatInProgress)
	case c.locked():
		return refuse(accessDenied)
	}
	return work(c, n)
}

// supported finds the handler of an I/O command that the drive has.
func (d *Drive) supported(op byte) (work func(*command, *namespace) reply, ok bool) {
	c := d.cfg
	switch op {
	case opFlush:
		return func(*command, *namespace) reply { return reply{} }, true
	case opRead:
		return d.read, true
	case opWrite:
		return d.write, true
	case opCompare:
		return d.compare, c.Compare
	case opVerify:
		return d.verify, c.Verify
	case opWriteUncorrectable:
		return d.spoil, c.WriteUncorrectable
	case opWriteZeroes:
		return d.writeZeroes, c.WriteZeroes
	case opDSM:
		return d.manageDataset, c.DSM
	}
	return nil, false
}

// locked: the TCG keeps the user area shut (TCG Storage Interface Interactions).
func (c *command) locked() bool {
	switch c.opcode() {
	case opRead, opCompare, opVerify:
		return c.readLocked
	case opFlush:
		return false
	}
	return c.writeLocked
}

// blocks of a namespace as told: what its bytes and its medium have room for in its
// format.
func (d *Drive) blocks(n *namespace) uint64 {
	f := d.cfg.LBAFormats[n.format]
	v := uint64(min(n.bytes/int64(f.LogicalBlock), n.medium.Size()/int64(f.LogicalBlock+f.Metadata)))
	if d.shrink != 0 {
		v = min(v, d.shrink)
	}
	return v
}

// extent is a range of blocks that a command names, checked.
type extent struct {
	lba, blocks uint64
	each        int64 // bytes of data
	meta        int64 // bytes of metadata that are kept with each
	unit        int   // bytes that are transferred with each
}

func (x extent) bytes() int { return int(x.blocks) * x.unit }

// extentOf checks a range of blocks and the faults that hit it.
func (d *Drive) extentOf(c *command, n *namespace, damage status) (extent, status) {
	f := d.cfg.LBAFormats[n.format]
	x := extent{lba: c.lba(), blocks: c.blocks(), each: int64(f.LogicalBlock), meta: int64(f.Metadata), unit: f.LogicalBlock}
	if n.extended {
		x.unit += f.Metadata
	}
	most := d.blocks(n)
	switch {
	case x.lba >= most || x.blocks > most-x.lba:
		return x, lbaOutOfRange
	case c.fault.Medium:
		d.counted.media++
		return x, damage
	case damage == unrecovered && len(n.bad.In(x.lba, x.lba+x.blocks)) > 0:
		d.counted.media++
		return x, damage
	}
	return x, success
}

// read is the Read command.
func (d *Drive) read(c *command, n *namespace) reply {
	x, s := d.readable(c, n)
	if s != success {
		return refuse(s)
	}
	if c.in < x.bytes() {
		return refuse(sglLengthInvalid)
	}
	p, ok := d.load(n, x)
	if !ok {
		d.counted.media++
		return refuse(unrecovered)
	}
	d.counted.reads++
	d.counted.read += x.blocks * uint64(x.each)
	return reply{in: p}
}

// readable checks the range of a command that reads, and that it is not too long.
func (d *Drive) readable(c *command, n *namespace) (extent, status) {
	x, s := d.extentOf(c, n, unrecovered)
	if s == success && x.bytes() > d.transfer() {
		return x, invalidField
	}
	return x, s
}

// load reads blocks as the host gets them: those that are deallocated as erased.
func (d *Drive) load(n *namespace, x extent) ([]byte, bool) {
	p := make([]byte, x.bytes())
	from := int64(x.lba) * x.each
	ok := true
	if x.unit == int(x.each) {
		ok = readAt(n.medium, p, from)
	} else {
		for i := range int64(x.blocks) {
			at := p[i*int64(x.unit):]
			ok = ok && readAt(n.medium, at[:x.each], from+i*x.each) &&
				readAt(n.medium, at[x.each:x.unit], d.metaAt(n, x.lba+uint64(i)))
		}
	}
	for _, h := range n.holes.In(x.lba, x.lba+x.blocks) {
		at := p[(h.From-x.lba)*uint64(x.unit) : (h.To-x.lba)*uint64(x.unit)]
		d.readErased(at, int64(h.From)*x.each)
	}
	return p, ok
}

func readAt(m *sim.Medium, p []byte, off int64) bool {
	_, err := m.ReadAt(p, off)
	return err == nil
}

// readErased is what a deallocated block reads as.
func (d *Drive) readErased(p []byte, off int64) {
	clear(p)
	if e := d.cfg.ErasedAs; len(e) > 0 {
		for i := range p {
			p[i] = e[(off+int64(i))%int64(len(e))]
		}
	}
}

// metaAt is where the metadata of a block lie: behind all data.
func (d *Drive) metaAt(n *namespace, lba uint64) int64 {
	f := d.cfg.LBAFormats[n.format]
	room := min(n.bytes/int64(f.LogicalBlock), n.medium.Size()/int64(f.LogicalBlock+f.Metadata))
	return room*int64(f.LogicalBlock) + int64(lba)*int64(f.Metadata)
}

// write is the Write command.
func (d *Drive) write(c *command, n *namespace) reply {
	x, s := d.writable(c, n)
	switch {
	case s != success:
		return refuse(s)
	case x.bytes() > d.transfer():
		return refuse(invalidField)
	case len(c.out) < x.bytes():
		return refuse(sglLengthInvalid)
	}
	if !d.store(n, x, c.out[:x.bytes()]) {
		return refuse(writeFault)
	}
	d.touched(n, x)
	d.counted.writes++
	d.counted.written += x.blocks * uint64(x.each)
	return reply{}
}

// writable checks the range of a command that writes, and protection.
func (d *Drive) writable(c *command, n *namespace) (extent, status) {
	if n.protect != protectNone {
		return extent{}, writeProtected
	}
	return d.extentOf(c, n, writeFault)
}

// touched: blocks hold user data again.
func (d *Drive) touched(n *namespace, x extent) {
	n.holes, n.bad = n.holes.Remove(x.lba, x.lba+x.blocks), n.bad.Remove(x.lba, x.lba+x.blocks)
	d.sanitize.written = true
}

func (d *Drive) store(n *namespace, x extent, p []byte) bool {
	from := int64(x.lba) * x.each
	if x.unit == int(x.each) {
		if _, err := n.medium.WriteAt(p, from); err != nil {
			return false
		}
		// Metadata in a buffer of its own don't reach the model: they become zeros.
		return x.meta == 0 || n.medium.Fill(d.metaAt(n, x.lba), int64(x.blocks)*x.meta, sim.Zeros) == nil
	}
	for i := range int64(x.blocks) {
		at := p[i*int64(x.unit):]
		if _, err := n.medium.WriteAt(at[:x.each], from+i*x.each); err != nil {
			return false
		}
		if _, err := n.medium.WriteAt(at[x.each:x.unit], d.metaAt(n, x.lba+uint64(i))); err != nil {
			return false
		}
	}
	return true
}

func (d *Drive) compare(c *command, n *namespace) reply {
	x, s := d.readable(c, n)
	if s != success {
		return refuse(s)
	}
	if len(c.out) < x.bytes() {
		return refuse(sglLengthInvalid)
	}
	p, ok := d.load(n, x)
	d.counted.reads++
	switch {
	case !ok:
		return refuse(unrecovered)
	case !bytes.Equal(p, c.out[:len(p)]):
		return refuse(compareFailure)
	}
	return reply{}
}

func (d *Drive) verify(c *command, n *namespace) reply {
	_, s := d.extentOf(c, n, unrecovered)
	return refuse(s)
}

// spoil is Write Uncorrectable: blocks that can't be read until they are written.
// What the medium has there stays.
func (d *Drive) spoil(c *command, n *namespace) reply {
	x, s := d.writable(c, n)
	if s != success {
		return refuse(s)
	}
	n.bad = n.bad.Add(x.lba, x.lba+x.blocks)
	return reply{}
}

// writeZeroes writes them, or with DEAC (bit 25) only deallocates.
func (d *Drive) writeZeroes(c *command, n *namespace) reply {
	x, s := d.writable(c, n)
	if s != success {
		return refuse(s)
	}
	if c.dw(12)>>25&1 != 0 && len(d.cfg.ErasedAs) == 0 {
		n.bad = n.bad.Remove(x.lba, x.lba+x.blocks)
		n.holes = n.holes.Add(x.lba, x.lba+x.blocks)
		return reply{}
	}
	if n.medium.Fill(int64(x.lba)*x.each, int64(x.blocks)*x.each, sim.Zeros) != nil ||
		n.medium.Fill(d.metaAt(n, x.lba), int64(x.blocks)*x.meta, sim.Zeros) != nil {
		return refuse(writeFault)
	}
	d.touched(n, x)
	return reply{}
}

// manageDataset is Dataset Management: deallocation forgets where data are and
// leaves them on the medium; the other attributes are hints.
func (d *Drive) manageDataset(c *command, n *namespace) reply {
	ranges := int(c.dw(10)&0xff) + 1
	switch {
	case len(c.out) < 16*ranges:
		return refuse(sglLengthInvalid)
	case n.protect != protectNone:
		return refuse(writeProtected)
	case c.fault.Medium:
		return refuse(writeFault)
	}
	most, holes := d.blocks(n), n.holes
	for i := range ranges {
		p := c.out[16*i:]
		lba, blocks := le.Uint64(p[8:]), uint64(le.Uint32(p[4:]))
		if lba > most || blocks > most-lba {
			return refuse(lbaOutOfRange)
		}
		holes = holes.Add(lba, lba+blocks)
	}
	if c.dw(11)>>2&1 != 0 { // AD: deallocate
		n.holes = holes
	}
	return reply{}
}

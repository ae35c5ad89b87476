package scsi

import (
	"bytes"
	"encoding/binary"
)

// Limits that VPD page B0h tells.
const (
	sameMax          = 1 << 22 // blocks of a WRITE SAME
	unmapBlocks      = 1 << 22
	unmapDescriptors = 256
)

// readCapacity10 is READ CAPACITY(10) (SBC-4 clause 5.19).
func readCapacity10(d *Drive, r *request) answer {
	if lba := binary.BigEndian.Uint32(r.CDB[2:]); lba != 0 {
		return refuse(badField(2)) // PMI is obsolete
	}
	b := make([]byte, 8)
	binary.BigEndian.PutUint32(b, uint32(min(d.capacity()-1, 0xffffffff)))
	binary.BigEndian.PutUint32(b[4:], uint32(d.block))
	return data(b)
}

// readCapacity16 is READ CAPACITY(16) (SBC-4 clause 5.20).
func readCapacity16(d *Drive, r *request) answer {
	if lba := binary.BigEndian.Uint64(r.CDB[2:]); lba != 0 {
		return refuse(badField(2))
	}
	b := make([]byte, 32)
	binary.BigEndian.PutUint64(b, d.capacity()-1)
	binary.BigEndian.PutUint32(b[8:], uint32(d.block))
	b[13] = byte(d.cfg.PhysicalExponent)
	if d.cfg.Thin.Unmap {
		b[14] |= 0x80 // LBPME
		if d.cfg.Thin.Zeros {
			b[14] |= 0x40 // LBPRZ
		}
	}
	return allocation(b, uint64(binary.BigEndian.Uint32(r.CDB[10:])))
}

// inRange refuses blocks that the drive does not show.
func (d *Drive) inRange(lba, blocks uint64) *sense {
	if c := d.capacity(); lba > c || blocks > c-lba {
		return code(keyIllegal, 0x21, 0x00)
	}
	return nil
}

// locked refuses what a security subsystem does not let through: data protect,
// access denied, no access rights.
func (d *Drive) locked(write bool) *sense {
	if d.cfg.TCG == nil {
		return nil
	}
	if r, w := d.cfg.TCG.Locked(); write && w || !write && r {
		return code(keyProtect, 0x20, 0x02)
	}
	return nil
}

// at is a block's offset on the medium.
func (d *Drive) at(lba uint64) int64 { return int64(lba) * int64(d.block) }

// good says how many blocks from lba on can be read or written, and what is wrong
// with the next one.
func (d *Drive) good(r *request, lba, blocks uint64, write bool) (uint64, *sense) {
	end, wrong := lba+blocks, (*sense)(nil)
	if e, at, ok := d.bad.first(lba, end, write); ok {
		end, wrong = at, code(keyMedium, e.asc, e.ascq).with(at)
		if write {
			wrong = code(keyMedium, 0x0c, 0x00).with(at)
		}
	}
	if f := r.action; f.Medium && f.At >= lba && f.At < end {
		end, wrong = f.At, code(keyMedium, 0x11, 0x00).with(f.At)
		if write {
			wrong = code(keyMedium, 0x0c, 0x00).with(f.At)
		}
	}
	return end - lba, wrong
}

// failed medium of the model itself: an internal target failure.
func failed(error) answer { return refuse(code(keyHardware, 0x44, 0x00)) }

// read is READ (SBC-4 clauses 5.15 to 5.18). What stands before a bad block comes
// with its error.
func read(d *Drive, r *request) answer {
	if s := d.inRange(r.lba, r.blocks); s != nil {
		return refuse(s)
	}
	if s := d.locked(false); s != nil {
		return refuse(s)
	}
	n, wrong := d.good(r, r.lba, r.blocks, false)
	// No more than the initiator takes, whatever the CDB says.
	p := make([]byte, min(n*uint64(d.block), uint64(max(0, r.In))))
	if err := d.load(p, r.lba); err != nil {
		return failed(err)
	}
	return answer{in: p, sense: wrong}
}

// load blocks as the initiator gets them: those that are unmapped as zeros.
func (d *Drive) load(p []byte, lba uint64) error {
	if _, err := d.medium.ReadAt(p, d.at(lba)); err != nil {
		return err
	}
	each, n := uint64(d.block), uint64(len(p))
	for _, s := range d.holes.In(lba, lba+(n+each-1)/each) {
		clear(p[(s.From-lba)*each : min(n, (s.To-lba)*each)])
	}
	return nil
}

// stored: blocks hold data again.
func (d *Drive) stored(lba, blocks uint64) {
	d.bad.heal(lba, lba+blocks)
	d.holes = d.holes.Remove(lba, lba+blocks)
}

// write is WRITE (SBC-4 clauses 5.41 to 5.44).
func write(d *Drive, r *request) answer {
	if s := d.inRange(r.lba, r.blocks); s != nil {
		return refuse(s)
	}
	if s := d.locked(true); s != nil {
		return refuse(s)
	}
	if uint64(len(r.Out))/uint64(d.block) < r.blocks {
		return refuse(code(keyAborted, 0x4b, 0x00)) // data phase error
	}
	n, wrong := d.good(r, r.lba, r.blocks, true)
	if _, err := d.medium.WriteAt(r.Out[:n*uint64(d.block)], d.at(r.lba)); err != nil {
		return failed(err)
	}
	d.stored(r.lba, n)
	return refuse(wrong)
}

// writeAndVerify is WRITE AND VERIFY (SBC-4 clauses 5.45 to 5.48): what was written
// can be read.
func writeAndVerify(d *Drive, r *request) answer {
	if r.CDB[1]>>1&3 == 2 {
		return refuse(badField(1))
	}
	return write(d, r)
}

// verify is VERIFY (SBC-4 clauses 5.35 to 5.38).
func verify(d *Drive, r *request) answer {
	if s := d.inRange(r.lba, r.blocks); s != nil {
		return refuse(s)
	}
	if s := d.locked(false); s != nil {
		return refuse(s)
	}
	n, wrong := d.good(r, r.lba, r.blocks, false)
	each := uint64(0) // how far the data for the next block lies behind
	switch r.CDB[1] >> 1 & 3 {
	case 0:
		return refuse(wrong)
	case 1:
		each = uint64(d.block)
	case 3: // one block is compared with all
	default:
		return refuse(badField(1))
	}
	if r.blocks > 0 && uint64(len(r.Out)) < each*(r.blocks-1)+uint64(d.block) {
		return refuse(code(keyAborted, 0x4b, 0x00))
	}
	p := make([]byte, d.block)
	for i := range n {
		if err := d.load(p, r.lba+i); err != nil {
			return failed(err)
		}
		want := r.Out[i*each:][:d.block]
		if at := differs(p, want); at >= 0 {
			return refuse(code(keyMiscompare, 0x1d, 0x00).with(i*each + uint64(at)))
		}
	}
	return refuse(wrong)
}

func differs(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

// prefetch says nothing of what fits (SBC-4 clause 5.11).
func prefetch(d *Drive, r *request) answer { return refuse(d.inRange(r.lba, r.blocks)) }

// synchronize: the medium has no cache before it.
func synchronize(d *Drive, r *request) answer {
	lba, n := span10(r.CDB)
	if r.op.code == 0x91 {
		lba, n = span16(r.CDB)
	}
	return refuse(d.inRange(lba, n))
}

// writeSame is WRITE SAME (SBC-4 clauses 5.49 and 5.50).
func writeSame(d *Drive, r *request) answer {
	flags := r.CDB[1]
	noData := r.op.code == 0x93 && flags&0x01 != 0 // NDOB
	switch {
	case r.blocks == 0:
		return refuse(badField(len(r.CDB) - 6)) // WSNZ
	case r.blocks > sameMax:
		return refuse(badField(len(r.CDB) - 6))
	case flags&0x18 != 0 && !d.cfg.Thin.Unmap: // ANCHOR, UNMAP
		return refuse(badField(1))
	case flags&0x18 == 0x10:
		return refuse(badField(1)) // ANCHOR alone
	case !noData && len(r.Out) < d.block:
		return refuse(code(keyAborted, 0x4b, 0x00))
	}
	if s := d.inRange(r.lba, r.blocks); s != nil {
		return refuse(s)
	}
	if s := d.locked(true); s != nil {
		return refuse(s)
	}
	n, wrong := d.good(r, r.lba, r.blocks, true)
	block := make([]byte, d.block)
	if !noData {
		copy(block, r.Out)
	}
	if flags&0x08 != 0 && d.cfg.Thin.Zeros && bytes.Count(block, []byte{0}) == len(block) {
		d.unmapped(r.lba, n)
		return refuse(wrong)
	}
	// A fill repeats from the medium's start, where a block begins.
	if err := d.medium.Fill(d.at(r.lba), int64(n)*int64(d.block), pattern(block)); err != nil {
		return failed(err)
	}
	d.stored(r.lba, n)
	return refuse(wrong)
}

// unmapped blocks read as zeros; what they held is where it was.
func (d *Drive) unmapped(lba, blocks uint64) {
	d.bad.heal(lba, lba+blocks)
	d.holes = d.holes.Add(lba, lba+blocks)
}

// unmap is UNMAP (SBC-4 clause 5.34).
func unmap(d *Drive, r *request) answer {
	n := int(binary.BigEndian.Uint16(r.CDB[7:]))
	switch {
	case n == 0:
		return answer{}
	case n < 8 || len(r.Out) < n:
		return refuse(code(keyIllegal, 0x1a, 0x00)) // parameter list length error
	}
	list := r.Out[8:n]
	size := int(binary.BigEndian.Uint16(r.Out[2:])) / 16 * 16
	list = list[:min(len(list)/16*16, size)]
	if len(list)/16 > unmapDescriptors {
		return refuse(badParameter(2))
	}
	if s := d.locked(true); s != nil {
		return refuse(s)
	}
	for b := list; len(b) > 0; b = b[16:] {
		lba, blocks := binary.BigEndian.Uint64(b), uint64(binary.BigEndian.Uint32(b[8:]))
		if s := d.inRange(lba, blocks); s != nil {
			return refuse(s)
		}
	}
	for b := list; len(b) > 0 && d.cfg.Thin.Zeros; b = b[16:] {
		lba, blocks := binary.BigEndian.Uint64(b), uint64(binary.BigEndian.Uint32(b[8:]))
		d.unmapped(lba, blocks)
	}
	return answer{}
}

package scsi

import (
	"encoding/binary"

	"handback.example/inspect/drive/sim"
)

// Formats of address descriptors (SBC-4 clause 6.2).
const (
	defectsShort    = 0 // block, 4 bytes
	defectsIndex    = 4 // bytes from index, 8 bytes
	defectsPhysical = 5 // physical sector, 8 bytes
	defectsLong     = 3 // block, 8 bytes
)

// defects are the descriptors of the lists that are asked for.
func (d *Drive) defects(flags byte) []byte {
	var list []uint64
	if flags&0x10 != 0 {
		list = append(list, d.cfg.Health.Primary...)
	}
	if flags&0x08 != 0 {
		list = append(list, d.grown...)
	}
	var b []byte
	for _, lba := range list {
		switch flags & 7 {
		case defectsShort:
			b = binary.BigEndian.AppendUint32(b, uint32(min(lba, 0xffffffff)))
		case defectsLong:
			b = binary.BigEndian.AppendUint64(b, lba)
		default: // a geometry of 4 heads of 256 sectors: it stands for no platter
			cylinder := uint32(min(lba>>10, 0xffffff))
			b = append(b, byte(cylinder>>16), byte(cylinder>>8), byte(cylinder), byte(lba>>8&3))
			sector := uint32(lba & 0xff)
			if flags&7 == defectsIndex {
				sector *= uint32(d.block)
			}
			b = binary.BigEndian.AppendUint32(b, sector)
		}
	}
	return b
}

func hasDefects(format byte) bool {
	switch format {
	case defectsShort, defectsLong, defectsIndex, defectsPhysical:
		return true
	}
	return false
}

// readDefects10 is READ DEFECT DATA(10) (SBC-4 clause 5.21). A format that the drive
// lacks is answered in the long one, as a recovered error.
func readDefects10(d *Drive, r *request) answer {
	flags, n := r.CDB[2], uint64(binary.BigEndian.Uint16(r.CDB[7:]))
	a := answer{}
	if !hasDefects(flags & 7) {
		flags = flags&^7 | defectsLong
		a.sense = code(keyRecovered, 0x1c, 0x00)
	}
	b := d.defects(flags)
	head := []byte{0, flags, 0, 0}
	binary.BigEndian.PutUint16(head[2:], uint16(min(len(b), 0xffff)))
	a.in = allocation(append(head, b...), n).in
	return a
}

// readDefects12 is READ DEFECT DATA(12) (SBC-4 clause 5.22).
func readDefects12(d *Drive, r *request) answer {
	flags, from := r.CDB[1], uint64(binary.BigEndian.Uint32(r.CDB[2:]))
	n := uint64(binary.BigEndian.Uint32(r.CDB[6:]))
	a := answer{}
	if !hasDefects(flags & 7) {
		flags = flags&^7 | defectsLong
		a.sense = code(keyRecovered, 0x1c, 0x00)
	}
	b := d.defects(flags)
	size := uint64(8)
	if flags&7 == defectsShort {
		size = 4
	}
	b = b[min(uint64(len(b)), from*size):]
	head := make([]byte, 8)
	head[1] = flags
	binary.BigEndian.PutUint32(head[4:], uint32(len(b)))
	a.in = allocation(append(head, b...), n).in
	return a
}

// reassignBlocks is REASSIGN BLOCKS (SBC-4 clause 5.24): other sectors stand for the
// blocks from now on, and read as zeros where the old ones could not be read.
func reassignBlocks(d *Drive, r *request) answer {
	size, at := 4, 4
	if r.CDB[1]&2 != 0 { // LONGLBA
		size = 8
	}
	if len(r.Out) < 4 {
		return refuse(code(keyIllegal, 0x1a, 0x00))
	}
	n := int(binary.BigEndian.Uint16(r.Out[2:]))
	if r.CDB[1]&1 != 0 { // LONGLIST
		n = int(min(binary.BigEndian.Uint32(r.Out), 1<<20))
	}
	if n%size != 0 || n > len(r.Out)-at {
		return refuse(code(keyIllegal, 0x1a, 0x00))
	}
	var list []uint64
	for b := r.Out[at : at+n]; len(b) > 0; b = b[size:] {
		lba := uint64(binary.BigEndian.Uint32(b))
		if size == 8 {
			lba = binary.BigEndian.Uint64(b)
		}
		if lba >= d.capacity() {
			return refuse(code(keyIllegal, 0x21, 0x00))
		}
		list = append(list, lba)
	}
	if s := d.writable(); s != nil {
		return refuse(s)
	}
	for _, lba := range list {
		if len(d.grown) >= listMax {
			return refuse(code(keyHardware, 0x32, 0x00)) // no defect spare location available
		}
		if _, _, bad := d.bad.first(lba, lba+1, false); bad {
			if err := d.medium.Fill(d.at(lba), int64(d.block), sim.Zeros); err != nil {
				return failed(err)
			}
			d.holes = d.holes.Remove(lba, lba+1)
		}
		d.bad.replace(lba)
		d.grown = append(d.grown, lba)
	}
	return answer{}
}

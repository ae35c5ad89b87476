package mmc

// transferMax is the longest transfer that the model takes at once, in sectors.
const transferMax = 65535

// sectorOf an address argument: cards of up to 2 GiB count bytes.
func (d *Drive) sectorOf(arg uint32) (at uint64, bits uint32) {
	if d.bySector() {
		return uint64(arg), 0
	}
	if arg%sector != 0 {
		return 0, bitMisaligned
	}
	return uint64(arg) / sector, 0
}

// setBlockLength: transfers are of 512 bytes (clause 6.6.6).
func (d *Drive) setBlockLength(r request) ([]byte, uint32) {
	if r.Arg != sector {
		return nil, bitBlockLength
	}
	return nil, 0
}

// setBlockCount: bits 15:0; packed commands (bit 30) are not taken.
func (d *Drive) setBlockCount(r request) ([]byte, uint32) {
	if r.Arg&(1<<30) != 0 || r.Arg&0xffff == 0 {
		return nil, bitError
	}
	d.count = r.Arg & 0xffff
	return nil, 0
}

// blocks of a transfer: one for CMD17 and CMD24, else what CMD23 said or, without
// it, what the host moves before CMD12.
func (d *Drive) blocks(r request, bytes int) (from, count uint64, bits uint32) {
	from, bits = d.sectorOf(r.Arg)
	_, _, size := d.current()
	counted := uint64(d.count)
	d.count = 0
	count = uint64(max(bytes, 0) / sector)
	single := r.Index == 17 || r.Index == 24
	switch {
	case bits != 0:
	case bytes%sector != 0, count == 0, single && count != 1, counted != 0 && count != counted, count > transferMax:
		bits = bitBlockLength
	case from >= size || count > size-from:
		bits = bitOutOfRange
	}
	if bits == 0 && !single && counted == 0 {
		d.state = stateData
		if r.Index == 25 {
			d.state = stateReceive
		}
	}
	return from, count, bits
}

func (d *Drive) readBlocks(r request) ([]byte, uint32) {
	from, count, bits := d.blocks(r, r.In)
	if bits != 0 {
		return nil, bits
	}
	a, _, _ := d.current()
	if r.Medium {
		// What came before the bad block is good; the next R1 tells.
		d.pending |= bitECCFailed
		count = min(count, max(r.At, from)-from)
		d.state = stateTransfer
	}
	b, err := d.read(a, from, count)
	if err != nil {
		d.pending |= bitECCFailed
	}
	return b, 0
}

func (d *Drive) writeBlocks(r request) ([]byte, uint32) {
	from, count, bits := d.blocks(r, len(r.Out))
	if bits != 0 {
		return nil, bits
	}
	a, number, _ := d.current()
	if d.protectedIn(number, from, from+count) {
		d.state = stateTransfer
		return nil, bitWPViolation
	}
	if r.Pretend {
		return nil, 0
	}
	out := r.Out
	if r.Medium {
		d.pending |= bitError
		out = out[:sector*min(count, max(r.At, from)-from)]
	}
	if err := d.write(a, from, out); err != nil {
		d.pending |= bitError
	}
	return nil, 0
}

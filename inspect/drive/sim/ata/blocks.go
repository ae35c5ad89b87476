package ata

import "encoding/binary"

// transfer is a command that moves or verifies blocks.
type transfer struct {
	reads, writes, verify bool
	ext                   bool // 48-bit: a count of 0 is 65536, not 256
	multiple              bool // needs SET MULTIPLE MODE
	queued                bool // FPDMA: the count stands in features
}

func (x transfer) blocks(t TaskFile) uint64 {
	n := uint64(t.Count)
	if x.queued {
		n = uint64(t.Features)
	}
	if !x.ext {
		n &= 0xff
	}
	switch {
	case n > 0:
		return n
	case x.ext:
		return 1 << 16
	}
	return 1 << 8
}

func (x transfer) run(d *Drive, r *request) answer {
	n := x.blocks(r.TaskFile)
	limit := d.visible(d.current)
	readLocked, writeLocked := d.tcgLocked()
	switch {
	case r.Device&deviceLBA == 0: // a cylinder, head and sector: not by ACS
		return aborted()
	case x.multiple && d.multiple == 0,
		x.reads && readLocked, x.writes && writeLocked:
		return aborted()
	case r.LBA >= limit || n > limit-r.LBA:
		return failed(errorIDNotFound, max(r.LBA, min(limit, r.LBA+n)))
	case x.writes:
		return d.writeBlocks(r, n)
	}
	return d.readBlocks(r, n, x.verify)
}

func (d *Drive) readBlocks(r *request, n uint64, verify bool) answer {
	if r.action.Medium {
		return failed(errorUncorrect, r.action.At)
	}
	if at, is := d.firstBad(r.LBA, n, false); is {
		return failed(errorUncorrect, at)
	}
	if verify {
		return ok()
	}
	b := make([]byte, n*uint64(d.cfg.LogicalBlock))
	if _, err := d.medium.ReadAt(b, int64(r.LBA)*int64(d.cfg.LogicalBlock)); err != nil {
		return failed(errorUncorrect, r.LBA)
	}
	for _, s := range d.trimmed.In(r.LBA, r.LBA+n) {
		clear(b[(s.From-r.LBA)*uint64(d.cfg.LogicalBlock) : (s.To-r.LBA)*uint64(d.cfg.LogicalBlock)])
	}
	d.read += n
	return data(b)
}

func (d *Drive) writeBlocks(r *request, n uint64) answer {
	size := n * uint64(d.cfg.LogicalBlock)
	if uint64(len(r.out)) < size {
		return aborted() // the host stopped sending
	}
	if r.action.Medium {
		return failed(errorIDNotFound, r.action.At)
	}
	at, dead := d.firstBad(r.LBA, n, true)
	if dead {
		n = at - r.LBA // what lies before it was written
	}
	if !r.action.Pretend {
		if err := d.put(r.LBA, n, r.out); err != nil {
			return failed(errorIDNotFound, r.LBA)
		}
	}
	if dead {
		return failed(errorIDNotFound, at)
	}
	return ok()
}

// put writes n sectors; those that were pending get a new place.
func (d *Drive) put(lba, n uint64, b []byte) error {
	l := uint64(d.cfg.LogicalBlock)
	if _, err := d.medium.WriteAt(b[:n*l], int64(lba*l)); err != nil {
		return err
	}
	d.heal(lba, n)
	d.trimmed = d.trimmed.Remove(lba, lba+n)
	d.written += n
	return nil
}

// firstBad sector of a range: one that can't be read, or (dead) not be written.
func (d *Drive) firstBad(lba, n uint64, dead bool) (uint64, bool) {
	first, found := uint64(0), false
	for at, isDead := range d.bad {
		if at >= lba && at-lba < n && (isDead || !dead) && (!found || at < first) {
			first, found = at, true
		}
	}
	return first, found
}

// heal the sectors of a range that a write heals.
func (d *Drive) heal(lba, n uint64) {
	for at, dead := range d.bad {
		if at >= lba && at-lba < n && !dead {
			delete(d.bad, at)
			d.healed++
		}
	}
}

func (d *Drive) flush(*request) answer { return ok() }

// dataSet is DATA SET MANAGEMENT (ACS-4): features bit 0 is TRIM; each
// range is eight bytes, LBA in 47:0 and a count in 63:48.
func (d *Drive) dataSet(r *request) answer {
	const trim = 0x01
	size := int(r.Count) * 512
	_, writeLocked := d.tcgLocked()
	if !d.cfg.Trim.Supported || r.Features&0xff != trim || r.Count == 0 || int(r.Count) > trimBlocks ||
		len(r.out) < size || writeLocked {
		return aborted()
	}
	limit := d.visible(d.current)
	var ranges [][2]uint64
	for at := 0; at < size; at += 8 {
		e := binary.LittleEndian.Uint64(r.out[at:])
		lba, n := e&(1<<48-1), e>>48
		if n == 0 {
			continue
		}
		if lba >= limit || n > limit-lba {
			return failed(errorIDNotFound, lba)
		}
		ranges = append(ranges, [2]uint64{lba, n})
	}
	if !d.cfg.Trim.Zeros {
		return ok() // a hint that this drive does not act on
	}
	for _, e := range ranges {
		d.trimmed = d.trimmed.Add(e[0], e[0]+e[1])
	}
	return ok()
}

// trimBlocks is word 105: how many 512-byte blocks of ranges one command takes.
const trimBlocks = 8

// tcgLocked: the Trusted Computing subsystem locks the user area.
func (d *Drive) tcgLocked() (read, write bool) {
	if d.cfg.TCG == nil {
		return false, false
	}
	return d.cfg.TCG.Locked()
}

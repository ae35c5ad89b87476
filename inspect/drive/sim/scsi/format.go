package scsi

import (
	"encoding/binary"
	"time"

	"handback.example/inspect/drive/sim"
)

// formatting is a FORMAT UNIT that runs, or one that did not end well.
type formatting struct {
	run     *sim.Erasure // nil: none runs
	corrupt bool
}

// stop is the power cut: the format is not resumed.
func (f *formatting) stop(now time.Time) {
	if f.run != nil {
		f.run.Stop(now)
		f.run, f.corrupt = nil, true
	}
}

func (d *Drive) settleFormat(now time.Time) {
	f := &d.format
	if f.run == nil {
		return
	}
	if err := f.run.Advance(now); err == nil && !f.run.Ended() {
		return
	}
	run := f.run
	f.run, f.corrupt = nil, run.Failed()
	if !f.corrupt {
		d.formatted(run)
	}
}

// formatted: the blocks have the length that was chosen, and all are there again
// that the medium has room for.
func (d *Drive) formatted(run *sim.Erasure) {
	d.fresh(run)
	if d.next == d.block {
		return
	}
	room := uint64(d.medium.Size()-d.cfg.Spare) / uint64(d.next)
	d.block, d.whole, d.visible = d.next, room, room
	d.bad, d.holes = nil, nil // they were counted in other blocks
	d.attend(0x2a, 0x09)
}

// formatOptions are what the parameter list says.
type formatOptions struct {
	immed   bool
	pattern []byte // initialization pattern; nil: the drive's own choice
}

// formatUnit is FORMAT UNIT (SBC-4 clause 5.3).
func formatUnit(d *Drive, r *request) answer {
	o, s := d.parseFormat(r)
	if s != nil {
		return refuse(s)
	}
	// Blocks that MODE SELECT has hidden are not formatted, unless their length changes.
	blocks := d.visible
	if d.next != d.block {
		blocks = d.whole
	}
	ranges := []sim.Range{{Len: int64(blocks) * int64(d.block)}}
	p := sim.Zeros
	if o.pattern != nil {
		block := make([]byte, d.next)
		for i := range block {
			block[i] = o.pattern[i%len(o.pattern)]
		}
		p = pattern(block)
	}
	e, err := d.erasure(r, ranges, p, d.cfg.Format.Time)
	if err != nil {
		return failed(err)
	}
	if d.cfg.Format.Quick && o.pattern == nil {
		e.Keep = []sim.Range{{Len: d.medium.Size()}}
	} else {
		d.unwritable(e)
	}
	d.format = formatting{run: e}
	d.tests.abort(d, 2)
	d.settleFormat(d.Clock.Now())
	return answer{wait: !o.immed}
}

// parseFormat reads FMTDATA, LONGLIST, CMPLST and the parameter list (SBC-4 clauses
// 5.3.1 and 5.3.2).
func (d *Drive) parseFormat(r *request) (o formatOptions, s *sense) {
	flags := r.CDB[1]
	if flags&0x10 == 0 { // no FMTDATA
		if flags&0x2f != 0 {
			return o, badField(1)
		}
		return o, nil
	}
	head := 4
	if flags&0x20 != 0 { // LONGLIST
		head = 8
	}
	if len(r.Out) < head {
		return o, code(keyIllegal, 0x1a, 0x00)
	}
	list := r.Out[:head]
	defects := int(binary.BigEndian.Uint16(list[2:]))
	if head == 8 {
		defects = int(binary.BigEndian.Uint32(list[4:]))
		if list[3] != 0 {
			return o, badParameter(3) // protection information
		}
	}
	options := list[1]
	switch {
	case list[0] != 0:
		return o, badParameter(0)
	case options&0x80 == 0 && options&0x7c != 0: // only with FOV
		return o, badParameter(1)
	case options&0x05 != 0: // obsolete, vendor specific
		return o, badParameter(1)
	case defects != 0: // this drive takes no defect list of others
		return o, badParameter(head - 2)
	}
	o.immed = options&0x02 != 0
	if options&0x08 == 0 { // IP
		return o, nil
	}
	o.pattern, s = d.parsePattern(r.Out[head:], head)
	return o, s
}

// parsePattern reads an initialization pattern descriptor (SBC-4 clause 5.3.2.3).
func (d *Drive) parsePattern(b []byte, at int) ([]byte, *sense) {
	if len(b) < 4 {
		return nil, code(keyIllegal, 0x1a, 0x00)
	}
	kind, n := b[1], int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case b[0]&0xdf != 0: // SI is taken
		return nil, badParameter(at)
	case kind == 0 && n == 0:
		return []byte{0}, nil // default pattern, written
	case kind != 1:
		return nil, badParameter(at + 1)
	case n == 0 || n > d.next || n > len(b)-4:
		return nil, badParameter(at + 2)
	}
	return append([]byte(nil), b[4:4+n]...), nil
}

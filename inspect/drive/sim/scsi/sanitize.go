package scsi

import (
	"encoding/binary"
	"strconv"
	"time"

	"handback.example/inspect/drive/sim"
)

// Bits of the second byte of SANITIZE (SBC-4 clause 5.30). ZNR is for zones.
const (
	sanitizeImmed = 0x80
	sanitizeAUSE  = 0x20 // a failure may be left by EXIT FAILURE MODE
)

// sanitizeState: idle until the first one, and after each that went well.
type sanitizeState int

const (
	sanitizeIdle sanitizeState = iota
	sanitizeRunning
	sanitizeFailed
)

// sanitizing is what survives a power cut.
type sanitizing struct {
	state        sanitizeState
	run          *sim.Erasure
	unrestricted bool // AUSE of the command that runs or failed
	writeFirst   bool // what it leaves can't be read until it is written
}

func (s Sanitize) any() bool { return s.Overwrite || s.Block || s.Crypto }

func (s *sanitizing) stop(now time.Time) {
	if s.state == sanitizeRunning {
		s.run.Stop(now)
	}
}

func (s *sanitizing) start(now time.Time) {
	if s.state == sanitizeRunning {
		s.run.Start(now)
	}
}

// settleSanitize says what has become of a run until now.
func (d *Drive) settleSanitize(now time.Time) {
	s := &d.sanitize
	if s.state != sanitizeRunning {
		return
	}
	err := s.run.Advance(now)
	switch {
	case err == nil && !s.run.Ended():
	case s.run.Failed():
		s.state = sanitizeFailed
	default:
		s.state = sanitizeIdle
		d.sanitized()
	}
}

// sanitized: the medium is formatted well, whatever it was (SBC-4 clause 4.11.4).
func (d *Drive) sanitized() {
	d.format.corrupt = false
	d.fresh(d.sanitize.run)
	if d.sanitize.writeFirst {
		d.bad.add(extent{from: 0, to: d.whole, asc: 0x11, ascq: 0x15}) // write after sanitize required
	}
}

// fresh: what an erasure wrote over can be read again, and reads as that.
func (d *Drive) fresh(e *sim.Erasure) {
	d.bad.heal(0, d.whole)
	if len(e.Keep) == 0 {
		d.holes = d.holes.Remove(0, uint64(e.Ranges[0].Len/int64(d.block)))
	}
}

// unwritable is what an erasure that writes can't reach: it stays, and the erasure
// has failed at its end, where the script says nothing else.
func (d *Drive) unwritable(e *sim.Erasure) {
	for _, b := range d.bad {
		if from, to := d.at(b.from), min(d.at(b.to), e.Ranges[0].Len); b.dead && from < to {
			e.Keep = append(e.Keep, sim.Range{Off: from, Len: to - from})
			pick(&e.FailAt, 1)
		}
	}
}

// sanitizing in progress: not ready, with progress.
func (d *Drive) sanitizing() *sense {
	return code(keyNotReady, 0x04, 0x1b).progress(d.sanitize.run.Progress())
}

// stateOfSanitize refuses what can't be done while one runs or has failed; nil:
// this can.
func (d *Drive) stateOfSanitize(r *request) *sense {
	allowed := r.op.code == opLogSense && r.CDB[2]&0x3f == logTemperature ||
		(r.op.code == 0x25 || r.op.code == 0x9e) && !d.cfg.Sanitize.HidesCapacity
	switch {
	case d.sanitize.state == sanitizeIdle, allowed:
		return nil
	case d.sanitize.state == sanitizeRunning:
		return d.sanitizing()
	case r.op.code == opSanitize:
		return nil
	}
	return code(keyMedium, 0x31, 0x03)
}

// sanitizeOverwrite takes a parameter list: INVERT, TEST, count; the pattern's
// length; the pattern.
func sanitizeOverwrite(d *Drive, r *request) answer {
	n := int(binary.BigEndian.Uint16(r.CDB[7:]))
	switch {
	case n < 5 || n > d.block+4:
		return refuse(badField(7))
	case len(r.Out) < n:
		return refuse(code(keyIllegal, 0x1a, 0x00))
	}
	list := r.Out[:n]
	passes, length := int(list[0]&0x1f), int(binary.BigEndian.Uint16(list[2:]))
	switch {
	case list[0]&0x60 != 0 || passes == 0: // TEST: vendor specific
		return refuse(badParameter(0))
	case length == 0 || length > d.block || length > n-4:
		return refuse(badParameter(2))
	}
	// INVERT begins with the inverse where the count is even: the last pass writes the
	// pattern itself. It begins anew in each block.
	block := make([]byte, d.block)
	for i := range block {
		block[i] = list[4+i%length]
	}
	return d.startSanitize(r, pattern(block), time.Duration(passes)*d.cfg.Sanitize.OverwriteTime, false)
}

// pattern of a block again and again.
func pattern(block []byte) sim.Pattern {
	for _, c := range block {
		if c != 0 {
			return sim.Repeat(block)
		}
	}
	return sim.Zeros
}

func sanitizeBlock(d *Drive, r *request) answer {
	if binary.BigEndian.Uint16(r.CDB[7:]) != 0 {
		return refuse(badField(7))
	}
	return d.startSanitize(r, sim.Repeat(d.cfg.ErasedAs), d.cfg.Sanitize.BlockTime, d.cfg.Sanitize.WriteFirst)
}

func sanitizeCrypto(d *Drive, r *request) answer {
	if binary.BigEndian.Uint16(r.CDB[7:]) != 0 {
		return refuse(badField(7))
	}
	d.keys++
	p := sim.Noise(d.serial + " key " + strconv.Itoa(d.keys))
	if len(d.cfg.CryptoAs) > 0 {
		p = sim.Repeat(d.cfg.CryptoAs)
	}
	return d.startSanitize(r, p, d.cfg.Sanitize.CryptoTime, d.cfg.Sanitize.WriteFirst)
}

// startSanitize begins a run over the whole medium, spare sectors too. After a
// failure in the restricted mode only another restricted one may begin.
func (d *Drive) startSanitize(r *request, p sim.Pattern, takes time.Duration, writeFirst bool) answer {
	unrestricted := r.CDB[1]&sanitizeAUSE != 0
	if d.sanitize.state == sanitizeFailed && !d.sanitize.unrestricted && unrestricted {
		return refuse(badField(1))
	}
	e, err := d.erasure(r, []sim.Range{{Len: d.medium.Size()}}, p, takes)
	if err != nil {
		return failed(err)
	}
	if r.CDB[1]&0x1f != 0x03 { // CRYPTOGRAPHIC ERASE writes nothing
		d.unwritable(e)
	}
	d.sanitize = sanitizing{state: sanitizeRunning, run: e, unrestricted: unrestricted, writeFirst: writeFirst}
	d.tests.abort(d, 2)
	d.settleSanitize(d.Clock.Now())
	return answer{wait: r.CDB[1]&sanitizeImmed == 0}
}

// erasure with what a script says about it, which runs from now on.
func (d *Drive) erasure(r *request, ranges []sim.Range, p sim.Pattern, takes time.Duration) (*sim.Erasure, error) {
	if err := d.Reappear(r.action, d.medium); err != nil {
		return nil, err
	}
	e := &sim.Erasure{Medium: d.medium, Ranges: ranges, Pattern: p, Takes: takes,
		Keep: r.action.Keep, StickAt: r.action.StickAt, FailAt: r.action.FailAt}
	if r.action.KeepAll {
		e.Keep = []sim.Range{{Len: d.medium.Size()}}
	}
	e.Start(d.Clock.Now())
	return e, nil
}

// sanitizeExit is EXIT FAILURE MODE (SBC-4 clause 5.30.6).
func sanitizeExit(d *Drive, r *request) answer {
	switch {
	case binary.BigEndian.Uint16(r.CDB[7:]) != 0:
		return refuse(badField(7))
	case d.sanitize.state != sanitizeFailed:
		return answer{}
	case !d.sanitize.unrestricted:
		return refuse(badField(1))
	}
	d.sanitize = sanitizing{}
	return answer{}
}

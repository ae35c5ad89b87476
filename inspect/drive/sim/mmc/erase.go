package mmc

import (
	"time"

	"handback.example/inspect/drive/sim"
)

// Arguments of ERASE (clause 6.6.9, table 12).
const (
	argErase       = 0x00000000
	argTrim        = 0x00000001
	argDiscard     = 0x00000003
	argSecureErase = 0x80000000
	argSecureTrim1 = 0x80000001
	argSecureTrim2 = 0x80008000
)

// selection is what CMD35 and CMD36 chose, in sectors; end belongs to it.
type selection struct {
	started, ended bool
	start, end     uint64
}

// work is what the card is busy with, until a time at least; purges run one after
// the other.
type work struct {
	until  time.Time
	purges []purgeRun
}

type purgeRun struct {
	*sim.Erasure
	begins  time.Time
	running bool
}

// remap is unmapped data that comes back, as the script says.
type remap struct {
	at    time.Time // zero: with the power
	area  *area
	parts spans
}

// eraseBroken: every command but SEND_STATUS between those of an erase sequence ends
// it, and the R1 of that command says so (clause 6.6.9).
func (d *Drive) eraseBroken(index byte) {
	if (d.erase.started || d.erase.ended) && index != 35 && index != 36 && index != 38 && index != 13 {
		d.erase = selection{}
		d.pending |= bitEraseReset
	}
}

func (d *Drive) eraseStart(r request) ([]byte, uint32) {
	d.erase = selection{}
	at, bits := d.eraseAddress(r)
	if bits == 0 {
		d.erase = selection{started: true, start: at}
	}
	return nil, bits
}

func (d *Drive) eraseEnd(r request) ([]byte, uint32) {
	if !d.erase.started || d.erase.ended {
		d.erase = selection{}
		return nil, bitEraseSequence
	}
	at, bits := d.eraseAddress(r)
	if bits != 0 {
		d.erase = selection{}
		return nil, bits
	}
	d.erase.end, d.erase.ended = at, true
	return nil, 0
}

func (d *Drive) eraseAddress(r request) (uint64, uint32) {
	at, bits := d.sectorOf(r.Arg)
	if _, _, size := d.current(); bits == 0 && at >= size {
		bits = bitOutOfRange
	}
	return at, bits
}

// eraseNow is CMD38. Erase and secure erase work on whole erase groups, from that of
// the first address to that of the last; the others on sectors.
func (d *Drive) eraseNow(r request) ([]byte, uint32) {
	s := d.erase
	d.erase = selection{}
	switch {
	case !s.started || !s.ended:
		return nil, bitEraseSequence
	case !d.canErase(r.Arg):
		return nil, bitError
	case s.end < s.start:
		d.pending |= bitEraseParam
		return nil, 0
	}
	a, number, size := d.current()
	from, to := s.start, s.end+1
	if r.Arg == argErase || r.Arg == argSecureErase {
		g := d.eraseGroup()
		from, to = from/g*g, min((to+g-1)/g*g, size)
	}
	parts := spans{{from, to}}
	for _, p := range d.protection(number, from, to) {
		parts = parts.without(p.from, p.to)
		d.pending |= bitWPEraseSkip
	}
	if r.Pretend {
		d.busyFor(d.c.EraseTime)
		return nil, 0
	}
	switch r.Arg {
	case argSecureErase:
		d.purge(r, map[int]spans{number: parts}, d.c.SecureEraseTime)
	case argSecureTrim1:
		for _, p := range parts {
			d.marked[number] = d.marked[number].with(p.from, p.to)
		}
		d.busyFor(d.c.EraseTime)
	case argSecureTrim2:
		// All that was marked, in this area; the addresses choose nothing.
		d.purge(r, map[int]spans{number: d.marked[number]}, d.c.SecureEraseTime)
		d.marked[number] = nil
	default:
		d.unmap(r, a, parts)
		d.busyFor(d.c.EraseTime)
	}
	return nil, 0
}

// canErase: what EXT_CSD[231] says; discard came with revision 6.
func (d *Drive) canErase(arg uint32) bool {
	secure, trim := d.ext[extSecFeature]&secSecure != 0, d.ext[extSecFeature]&secTrim != 0
	switch arg {
	case argErase:
		return true
	case argTrim:
		return trim
	case argDiscard:
		return d.ext[extRevision] >= 6
	case argSecureErase:
		return secure
	case argSecureTrim1, argSecureTrim2:
		return secure && trim
	}
	return false
}

// unmap parts of an area, but what the script keeps.
func (d *Drive) unmap(r request, a *area, parts spans) {
	if r.KeepAll {
		return
	}
	for _, k := range r.Keep {
		parts = parts.without(uint64(k.Off/sector), uint64((k.Off+k.Len+sector-1)/sector))
	}
	for _, p := range parts {
		a.unmapped = a.unmapped.with(p.from, p.to)
	}
	if r.Reappear != 0 {
		back := remap{area: a, parts: parts}
		if r.Reappear > 0 {
			back.at = d.Clock.Now().Add(r.Reappear)
		}
		d.remaps = append(d.remaps, back)
	}
}

// comeBack maps again what is due to reappear.
func (d *Drive) comeBack(power bool) {
	var left []remap
	for _, m := range d.remaps {
		if due := power && m.at.IsZero() || !m.at.IsZero() && !d.Clock.Now().Before(m.at); !due {
			left = append(left, m)
			continue
		}
		for _, p := range m.parts {
			m.area.unmapped = m.area.unmapped.without(p.from, p.to)
		}
	}
	d.remaps = left
}

// busyFor makes the card busy.
func (d *Drive) busyFor(t time.Duration) {
	if t <= 0 {
		return
	}
	d.busy, d.state = work{until: d.Clock.Now().Add(t)}, stateProgramming
}

// sanitize removes what is unmapped in every area but RPMB. A card that has no
// sanitize says SWITCH_ERROR.
func (d *Drive) sanitize(r request) {
	if d.ext[extSecFeature]&secSanitize == 0 || d.ext[extRevision] < 6 {
		d.pending |= bitSwitchError
		return
	}
	if r.Pretend {
		d.busyFor(d.c.SanitizeTime)
		return
	}
	parts := map[int]spans{}
	for i, a := range d.areas {
		if a != nil && i != areaRPMB {
			parts[i] = a.unmapped
		}
	}
	d.purge(r, parts, d.c.SanitizeTime)
}

// purge removes parts of areas from the flash, which takes some time in all. They
// read as erased at once; they stay unmapped.
func (d *Drive) purge(r request, parts map[int]spans, takes time.Duration) {
	total := uint64(0)
	for _, s := range parts {
		for _, p := range s {
			total += p.to - p.from
		}
	}
	w := work{until: d.Clock.Now().Add(takes)}
	at, done := d.Clock.Now(), uint64(0)
	for i := range areaCount {
		s := parts[i]
		if len(s) == 0 {
			continue
		}
		a := d.areas[i]
		e := &sim.Erasure{Medium: a.medium, Pattern: d.erasedPattern()}
		n := uint64(0)
		for _, p := range s {
			n += p.to - p.from
			e.Ranges = append(e.Ranges, sim.Range{Off: int64(p.from) * sector, Len: int64(p.to-p.from) * sector})
		}
		e.Takes = time.Duration(float64(takes) * float64(n) / float64(total))
		e.Keep = r.Keep
		if r.KeepAll {
			e.Keep = e.Ranges
		}
		e.StickAt, e.FailAt = local(r.StickAt, done, n, total), local(r.FailAt, done, n, total)
		if err := d.Reappear(r.Action, a.medium); err != nil {
			d.pending |= bitError
		}
		w.purges = append(w.purges, purgeRun{Erasure: e, begins: at})
		at, done = at.Add(e.Takes), done+n
		d.unmap(r, a, s)
	}
	d.busy, d.state = w, stateProgramming
	d.advance()
}

// local is a fraction of the whole as one of the part that it lies in; 0: it lies in
// another.
func local(f float64, before, n, total uint64) float64 {
	if f <= 0 {
		return 0
	}
	at := (f*float64(total) - float64(before)) / float64(n)
	if at <= 0 || at > 1 {
		return 0
	}
	return at
}

func (d *Drive) erasedPattern() sim.Pattern {
	if d.ext[extErasedContent] == 1 {
		return sim.Repeat([]byte{0xff})
	}
	return sim.Zeros
}

// advance does what should have been done by now, and ends what is over. The caller
// holds Mu.
func (d *Drive) advance() {
	d.comeBack(false)
	if d.state != stateProgramming && d.state != stateDisconnect {
		return
	}
	now := d.Clock.Now()
	for i := range d.busy.purges {
		p := &d.busy.purges[i]
		if now.Before(p.begins) {
			return
		}
		if !p.running {
			p.running = true
			p.Start(p.begins)
		}
		err := p.Advance(now)
		if err != nil || p.Failed() {
			d.ended(bitError)
			return
		}
		if !p.Ended() {
			return
		}
	}
	if !now.Before(d.busy.until) {
		d.ended(0)
	}
}

// ended: the card is ready again, and its next R1 has these bits.
func (d *Drive) ended(bits uint32) {
	d.pending |= bits
	d.busy = work{}
	if d.state == stateDisconnect {
		d.state = stateStandby
	} else {
		d.state = stateTransfer
	}
}

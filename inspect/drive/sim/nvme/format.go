package nvme

import (
	"context"
	"time"

	"handback.example/inspect/drive/sim"
)

// layout is what a Format NVM command asks for (Base 2.0, figure 189).
type layout struct {
	format   int
	extended bool
	dps      byte
	ses      uint32
}

func layoutOf(c *command) layout {
	dw := c.dw(10)
	return layout{format: int(dw&15 | dw>>12&3<<4), extended: dw>>4&1 != 0,
		dps: byte(dw>>5&7 | dw>>8&1<<3), ses: dw >> 9 & 7}
}

// formatNVM runs the Format NVM command (Base 2.0, clause 5.14), which ends when
// the namespaces are formatted.
func (d *Drive) formatNVM(ctx context.Context, c *command) (reply, error) {
	run, s := d.startFormat(c)
	if s != success {
		return refuse(s), nil
	}
	err := d.wait(ctx, func() (time.Duration, bool) { return run.left(), run.ended() || run.seen.IsZero() })
	if err != nil {
		return reply{}, err
	}
	d.Mu.Lock()
	defer d.Mu.Unlock()
	switch {
	case run.failed():
		return refuse(internalError), nil
	case run.cut != nil:
		return reply{}, run.cut
	case !run.ended():
		return refuse(sanitizeInProgress), nil // a sanitize has cut it off
	}
	return reply{}, nil
}

func (d *Drive) startFormat(c *command) (*run, status) {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	l := layoutOf(c)
	if s := d.checkLayout(l); s != success {
		return nil, s
	}
	of, s := d.formatScope(c.nsid(), l.ses)
	if s != success {
		return nil, s
	}
	for _, n := range of {
		if n.formatting != nil {
			return nil, formatInProgress
		}
	}
	if s := eraseForbidden(c, of); s != success {
		return nil, s
	}
	var media []*sim.Medium
	for _, n := range of {
		if err := d.Reappear(c.fault, n.medium); err != nil {
			return nil, internalError
		}
		media = append(media, n.medium)
	}
	d.abortSelfTest(testFormatted, nil)
	r := d.formatRun(media, l, c.fault)
	for _, n := range of {
		n.formatting, n.formattingEnd = r, func() { d.formatted(n, l) }
	}
	r.start(d.Clock.Now())
	return r, success
}

// checkLayout refuses what the drive can't be formatted to.
func (d *Drive) checkLayout(l layout) status {
	f := d.cfg.Format
	switch {
	case !f.Supported:
		return invalidOpcode
	case l.ses > 2, l.ses == 2 && !f.Crypto:
		return invalidField
	case l.format >= len(d.cfg.LBAFormats):
		return invalidFormat
	}
	meta := d.cfg.LBAFormats[l.format].Metadata
	pi := l.dps & 7
	if pi > 3 || pi != 0 && (!d.cfg.Protection || meta < 8) || l.extended && meta == 0 {
		return invalidFormat
	}
	return success
}

// formatScope are the namespaces that a format goes for (Base 2.0, figure 188): a
// secure erase looks at FNA bit 1, any other at bit 0. Where the bit is set all that
// exist are meant, attached or not; else the one that is named, or with FFFFFFFFh
// those that are attached to this controller.
func (d *Drive) formatScope(nsid, ses uint32) ([]*namespace, status) {
	all := d.cfg.Format.AllNamespaces
	if ses != 0 {
		all = d.cfg.Format.EraseAll
	}
	n := d.find(nsid)
	switch {
	case nsid == allNamespaces && d.cfg.Format.NoBroadcast:
		return nil, invalidField
	case nsid != allNamespaces && n == nil:
		return nil, invalidNamespace
	case nsid != allNamespaces && !all:
		return []*namespace{n}, success
	}
	var of []*namespace
	for _, n := range d.namespaces {
		if all || n.attached {
			of = append(of, n)
		}
	}
	if len(of) == 0 {
		return nil, invalidNamespace
	}
	return of, success
}

// formatRun erases, or where no secure erase is asked for takes its time only.
func (d *Drive) formatRun(media []*sim.Medium, l layout, a sim.Action) *run {
	f := d.cfg.Format
	pattern := func(int, int) sim.Pattern { return d.erased() }
	switch {
	case l.ses == 2:
		return newRun(media, 1, d.newKey(), f.CryptoTime, a)
	case l.ses == 1:
		return newRun(media, 1, pattern, f.EraseTime, a)
	case !f.Erases:
		a.KeepAll = true
	}
	return newRun(media, 1, pattern, f.Time, a)
}

// formatted is the good end: the namespace has its new layout, and where nothing was
// erased its blocks are deallocated.
func (d *Drive) formatted(n *namespace, l layout) {
	n.format, n.extended, n.dps = l.format, l.extended, l.dps
	n.bad, n.holes = nil, nil
	if l.ses == 0 && !d.cfg.Format.Erases {
		n.holes = n.holes.Add(0, d.blocks(n))
	}
	d.change(n.id)
}

// advanceFormats brings formats up to the present, and to their end. One that failed
// leaves the layout as it was.
func (d *Drive) advanceFormats(now time.Time) {
	for _, n := range d.namespaces {
		r := n.formatting
		if r == nil {
			continue
		}
		r.advance(now)
		if !r.ended() {
			continue
		}
		if !r.failed() {
			n.formattingEnd()
		}
		n.formatting, n.formattingEnd = nil, nil
	}
}

// cutFormats is a power cut (with its error), or a sanitize: they don't go on.
func (d *Drive) cutFormats(now time.Time, err error) {
	for _, n := range d.namespaces {
		if n.formatting != nil {
			n.formatting.stop(now)
			n.formatting.cut = err
			n.formatting, n.formattingEnd = nil, nil
		}
	}
}

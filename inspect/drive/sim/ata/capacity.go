package ata

import "encoding/binary"

// maxAddress is what SET MAX and ACCESSIBLE MAX ADDRESS remember until the power
// goes.
type maxAddress struct {
	used           bool // one non-volatile change a power-up
	frozen, locked bool
	password       [passwordSize]byte
	attempts       int // wrong ones
	dcoFrozen      bool
}

const max28 = 1<<28 - 1

// readNative is READ NATIVE MAX ADDRESS and its EXT form (ACS-3).
func (d *Drive) readNative(r *request) answer {
	if !d.has(FeatureHPA) {
		return aborted()
	}
	last := d.visible(d.native) - 1
	a := ok()
	if r.Command == cmdReadNative {
		return a.lba28(min(last, max28))
	}
	a.regs.LBA = last
	return a
}

// Subcommands of SET MAX (ACS-3).
const (
	setMaxAddress     = 0x00
	setMaxPassword    = 0x01
	setMaxLock        = 0x02
	setMaxUnlock      = 0x03
	setMaxFreeze      = 0x04
	setMaxAttemptsMax = 5
)

func (d *Drive) setMax(r *request) answer {
	m := &d.maxAddress
	if !d.has(FeatureHPA) || m.frozen {
		return aborted()
	}
	switch r.Features & 0xff {
	case setMaxAddress:
		return d.setMaxTo(r, cmdReadNative)
	case setMaxPassword:
		if m.locked || len(r.out) < 512 {
			return aborted()
		}
		copy(m.password[:], r.out[2:])
	case setMaxLock:
		m.locked = true
	case setMaxUnlock:
		if len(r.out) < 512 || m.attempts >= setMaxAttemptsMax {
			return aborted()
		}
		if string(r.out[2:2+passwordSize]) != string(m.password[:]) {
			m.attempts++
			return aborted()
		}
		m.locked = false
	case setMaxFreeze:
		m.frozen = true
	default:
		return aborted()
	}
	return ok()
}

func (d *Drive) setMaxExt(r *request) answer {
	if !d.has(FeatureHPA) || d.maxAddress.frozen {
		return aborted()
	}
	return d.setMaxTo(r, cmdReadNativeExt)
}

// setMaxTo sets the highest address. It must follow the native max command of its
// own form directly; count bit 0 makes it non-volatile, once a power-up.
func (d *Drive) setMaxTo(r *request, after byte) answer {
	m := &d.maxAddress
	keep := r.Count&1 != 0
	switch {
	case d.before != (done{after, true}), m.locked:
		return aborted()
	case r.LBA >= d.visible(d.native), keep && m.used:
		return failed(errorIDNotFound, r.LBA)
	}
	d.current = r.LBA + 1
	if keep {
		d.kept, m.used = d.current, true
	}
	return ok()
}

// ACCESSIBLE MAX ADDRESS CONFIGURATION (ACS-4).
const (
	amaGetNative = 0x0000
	amaSet       = 0x0001
	amaFreeze    = 0x0002
)

func (d *Drive) accessibleMax(r *request) answer {
	m := &d.maxAddress
	if !d.has(FeatureAMA) {
		return aborted()
	}
	switch r.Features {
	case amaGetNative:
		a := ok()
		a.regs.LBA = d.visible(d.native) - 1
		return a
	case amaSet:
		if m.frozen || m.used {
			return aborted()
		}
		if r.LBA >= d.visible(d.native) {
			return failed(errorIDNotFound, r.LBA)
		}
		if !r.action.Pretend {
			d.current = r.LBA + 1
			d.kept, m.used = d.current, true
		}
		return ok()
	case amaFreeze:
		m.frozen = true
		return ok()
	}
	return aborted()
}

// DEVICE CONFIGURATION OVERLAY (ACS-3).
const (
	dcoRestore  = 0xc0
	dcoFreeze   = 0xc1
	dcoIdentify = 0xc2
	dcoSet      = 0xc3
)

func (d *Drive) overlay(r *request) answer {
	m := &d.maxAddress
	if !d.has(FeatureDCO) || m.dcoFrozen {
		return aborted()
	}
	hidden := d.current < d.native // a protected area stands in the way
	switch r.Features & 0xff {
	case dcoIdentify:
		return data(d.overlayData())
	case dcoFreeze:
		m.dcoFrozen = true
		return ok()
	case dcoRestore:
		if hidden {
			return aborted()
		}
		if !r.action.Pretend {
			d.setNative(d.all)
			d.dcoFeatures = 0xffff
		}
		return ok()
	case dcoSet:
		if hidden || len(r.out) < 512 {
			return aborted()
		}
		return d.overlaySet(r.out[:512], r.action.Pretend)
	}
	return aborted()
}

func (d *Drive) setNative(sectors uint64) { d.native, d.kept, d.current = sectors, sectors, sectors }

// Bits of word 7 of the overlay: the feature sets that it can take away.
const (
	dcoSMART    = 1 << 0
	dcoSelfTest = 1 << 1
	dcoErrorLog = 1 << 2
	dcoSecurity = 1 << 3
	dcoHPA      = 1 << 7
	dcoExt      = 1 << 8
)

// overlayData is what DEVICE CONFIGURATION IDENTIFY answers: what the drive can do
// at most, and its true highest address in words 3 to 6.
func (d *Drive) overlayData() []byte {
	b := make([]byte, 512)
	w := func(n int, v uint16) { binary.LittleEndian.PutUint16(b[2*n:], v) }
	w(0, 0x0002) // revision
	w(1, 0x0007) // multiword DMA modes
	w(2, 0x007f) // Ultra DMA modes
	binary.LittleEndian.PutUint64(b[6:], d.visible(d.all)-1)
	v := uint16(dcoSMART | dcoSelfTest | dcoErrorLog | dcoExt)
	if d.cfg.Security.Supported {
		v |= dcoSecurity
	}
	if !d.cfg.NoHPA {
		v |= dcoHPA
	}
	w(7, v)
	w(8, 0x0001) // NCQ
	sumTo(b)
	return b
}

// overlaySet takes an overlay: a lower highest address, fewer feature sets.
func (d *Drive) overlaySet(b []byte, pretend bool) answer {
	w := func(n int) uint16 { return binary.LittleEndian.Uint16(b[2*n:]) }
	last := binary.LittleEndian.Uint64(b[6:])
	if w(0) != 0x0002 || !sums(b) || b[510] != 0xa5 || last >= d.all || d.security.enabled && w(7)&dcoSecurity == 0 {
		return aborted()
	}
	if !pretend {
		d.setNative(last + 1)
		d.dcoFeatures = w(7)
	}
	return ok()
}

// sumTo puts signature and checksum into the last word: all bytes add up to zero.
func sumTo(b []byte) {
	b[510], b[511] = 0xa5, 0
	b[511] = -sum(b)
}

func sum(b []byte) byte {
	var s byte
	for _, c := range b {
		s += c
	}
	return s
}

func sums(b []byte) bool { return sum(b) == 0 }

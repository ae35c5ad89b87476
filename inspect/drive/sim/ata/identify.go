package ata

import (
	"encoding/binary"
	"time"
)

const identifySize = 512

// has: the drive can do it, whatever it says.
func (d *Drive) has(f Feature) bool {
	c := &d.cfg
	switch f {
	case FeatureSMART:
		return !c.SMART.Off && d.dcoFeatures&dcoSMART != 0
	case FeatureSecurity:
		return c.Security.Supported && d.dcoFeatures&dcoSecurity != 0
	case FeatureSecurityEnhanced:
		return c.Security.Enhanced && d.dcoFeatures&dcoSecurity != 0
	case FeatureHPA:
		return !c.NoHPA && d.dcoFeatures&dcoHPA != 0
	case FeatureDCO:
		return !c.NoDCO
	case FeatureAMA:
		return c.AMA
	case FeatureSanitize:
		return c.Sanitize.any()
	case FeatureSanitizeCrypto:
		return c.Sanitize.Crypto
	case FeatureSanitizeBlock:
		return c.Sanitize.Block
	case FeatureSanitizeOverwrite:
		return c.Sanitize.Overwrite
	case FeatureAntiFreeze:
		return c.Sanitize.AntiFreeze && c.Sanitize.any()
	case FeatureOverridesSecurity:
		return c.Sanitize.OverridesSecurity && c.Sanitize.any()
	case FeatureTrim:
		return c.Trim.Supported
	case FeatureTrusted:
		return c.TCG != nil
	}
	return false
}

// says: what IDENTIFY DEVICE claims.
func (d *Drive) says(f Feature) bool {
	if claim, lie := d.cfg.Claims[f]; lie {
		return claim
	}
	return d.has(f)
}

func (d *Drive) identifyDevice(*request) answer { return data(d.identify()) }

// Identity is IDENTIFY DEVICE data as the drive would answer it now, for a layer
// above that shows it in another form. No command is counted.
func (d *Drive) Identity() []byte {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.advance()
	return d.identify()
}

// words of IDENTIFY DEVICE.
type words []byte

func (b words) get(n int) uint16    { return binary.LittleEndian.Uint16(b[2*n:]) }
func (b words) put(n int, v uint16) { binary.LittleEndian.PutUint16(b[2*n:], v) }

// bit sets or clears one.
func (b words) bit(n, bit int, on bool) {
	v := b.get(n) &^ (1 << bit)
	if on {
		v |= 1 << bit
	}
	b.put(n, v)
}

// text puts characters in, two swapped in each word, padded with spaces.
func (b words) text(from, to int, s string) {
	for i := range 2 * (to - from + 1) {
		c := byte(' ')
		if i < len(s) {
			c = s[i]
		}
		b[2*from+i^1] = c
	}
}

// ataText reads such characters.
func ataText(b []byte) string {
	s := make([]byte, len(b))
	for i := range s {
		s[i] = b[i^1]
	}
	from, to := 0, len(s)
	for from < to && (s[from] == ' ' || s[from] == 0) {
		from++
	}
	for to > from && (s[to-1] == ' ' || s[to-1] == 0) {
		to--
	}
	return string(s[from:to])
}

// identify builds IDENTIFY DEVICE data (ACS-4 clause 9.11; words of HPA and DCO by
// ACS-3).
func (d *Drive) identify() []byte {
	b := words(make([]byte, identifySize))
	if d.cfg.Identify != nil {
		copy(b, d.cfg.Identify)
	} else {
		d.ground(b)
	}
	b.text(10, 19, d.serial)
	b.text(23, 26, d.cfg.Firmware)
	b.text(27, 46, d.cfg.Model)
	d.wordsCapacity(b)
	d.wordsFeatures(b)
	d.wordsSecurity(b)
	d.wordsSanitize(b)
	for w, v := range d.cfg.Words {
		b.put(w, v)
	}
	if d.cfg.Identify == nil || b[510] == 0xa5 {
		sumTo(b)
	}
	if d.cfg.BadChecksum {
		b[511]++
	}
	return b
}

// ground is what a plain SATA disk says where the model has nothing to add.
func (d *Drive) ground(b words) {
	for n, v := range map[int]uint16{
		0: 0x0040, 1: 0x3fff, 2: 0xc837, 3: 16, 6: 63, // an ATA drive; CHS of old
		47: 0x8000 | multipleMax, 48: 0x4000, 49: 0x2f00, 50: 0x4000, // LBA, DMA, IORDY, timers
		53: 0x0007, 54: 0x3fff, 55: 16, 56: 63, 57: 0xfc10, 58: 0x00fb,
		63: 0x0007, 64: 0x0003, 65: 120, 66: 120, 67: 120, 68: 120, // multiword DMA 2, PIO 4
		75: 31, 76: 0x850e, 77: 0x0006, 78: 0x0040, 79: 0x0040, // NCQ, 6 Gb/s, settings preserved
		82: 0x4068, 83: 0x7400, 84: 0x4060, // power, cache, NOP; flush, 48-bit; FUA, logs
		85: 0x4068, 86: 0xb400, 87: 0x4060,
		88: 0x407f, // Ultra DMA 6
		93: 0, 119: 0x4000, 120: 0x4000,
		209: 0x4000, 222: 0x10ff, 223: 0,
	} {
		b.put(n, v)
	}
	if d.cfg.AMA {
		b.put(80, 0x0ff0) // ACS-4
		b.put(81, 0x005e)
	} else {
		b.put(80, 0x07f0) // ACS-3
		b.put(81, 0x006d)
	}
}

// wordsCapacity: what is accessible, in which blocks.
func (d *Drive) wordsCapacity(b words) {
	n := d.visible(d.current)
	binary.LittleEndian.PutUint32(b[120:], uint32(min(n, max28)))
	binary.LittleEndian.PutUint64(b[200:], n)
	if b.get(69)&(1<<3) != 0 || d.cfg.AMA {
		b.bit(69, 3, true) // words 230 to 233 too
		binary.LittleEndian.PutUint64(b[460:], n)
	}
	l, p := d.cfg.LogicalBlock, d.cfg.PhysicalBlock
	v := uint16(0x4000)
	if l != 512 {
		v |= 1 << 12
		binary.LittleEndian.PutUint32(b[234:], uint32(l/2))
	}
	for p > l {
		p /= 2
		v++
		v |= 1 << 13
	}
	b.put(106, v)
	b.put(168, uint16(d.cfg.FormFactor))
	b.put(217, uint16(d.cfg.Rotation))
	b.bit(84, 8, d.cfg.WWN != 0)
	b.bit(87, 8, d.cfg.WWN != 0)
	for i := range 4 {
		b.put(108+i, uint16(d.cfg.WWN>>(48-16*i)))
	}
}

// wordsFeatures: supported in words 82 to 84, enabled in 85 to 87, and others.
func (d *Drive) wordsFeatures(b words) {
	smart := d.says(FeatureSMART)
	b.bit(82, 0, smart)
	b.bit(85, 0, smart && d.smartEnabled())
	for _, w := range []int{84, 87} {
		b.bit(w, 0, smart) // error log
		b.bit(w, 1, smart) // self-test
	}
	b.bit(85, 5, d.writeCache)
	b.bit(85, 6, d.readAhead)
	hpa := d.says(FeatureHPA)
	b.bit(82, 10, hpa)
	b.bit(85, 10, hpa)
	b.bit(83, 8, hpa)                                                  // SET MAX security
	b.bit(86, 8, hpa && d.maxAddress.password != [passwordSize]byte{}) // is on
	b.bit(83, 11, d.says(FeatureDCO))
	b.bit(86, 11, d.says(FeatureDCO))
	b.bit(86, 15, true) // words 119 and 120 say something
	b.put(119, b.get(119)&0x3fff|0x4000)
	b.bit(119, 8, d.says(FeatureAMA))
	trim := d.says(FeatureTrim)
	b.bit(169, 0, trim)
	b.bit(69, 14, trim && d.cfg.Trim.Deterministic)
	b.bit(69, 5, trim && d.cfg.Trim.Zeros)
	b.put(105, 0)
	if trim {
		b.put(105, trimBlocks)
	}
	b.bit(48, 14, true)
	b.bit(48, 0, d.says(FeatureTrusted))
	b.put(59, b.get(59)&0xfe00|1<<8|uint16(d.multiple))
	b.bit(59, 8, d.multiple > 0)
}

// eraseWord codes how long an erase takes (words 89 and 90 of IDENTIFY
// DEVICE): in units of two minutes, 255 for more than 508; bit 15 marks the
// format of 15 bits.
func eraseWord(t time.Duration, given uint16) uint16 {
	if given != 0 {
		return given
	}
	units := (minutes(t) + 1) / 2
	if units < 255 {
		return uint16(max(units, 1))
	}
	return 0x8000 | uint16(min(units, 0x7fff))
}

func (d *Drive) wordsSecurity(b words) {
	supported, enhanced := d.says(FeatureSecurity), d.says(FeatureSecurityEnhanced)
	b.bit(82, 1, supported)
	b.bit(85, 1, supported && d.security.enabled)
	for _, w := range []int{89, 90, 92, 128} {
		b.put(w, 0)
	}
	if !supported {
		return
	}
	c := d.cfg.Security
	b.put(89, eraseWord(c.EraseTime, c.Word89))
	if enhanced {
		b.put(90, eraseWord(c.EnhancedTime, c.Word90))
	}
	b.put(92, d.security.revision)
	b.put(128, d.security.word128(true, enhanced))
}

// wordsSanitize is word 59 of IDENTIFY DEVICE.
func (d *Drive) wordsSanitize(b words) {
	b.put(59, b.get(59)&0x01ff)
	if !d.says(FeatureSanitize) {
		return
	}
	b.bit(59, 10, d.says(FeatureAntiFreeze))
	b.bit(59, 11, true) // commands of ACS-3 are allowed while it runs
	b.bit(59, 12, true)
	b.bit(59, 13, d.says(FeatureSanitizeCrypto))
	b.bit(59, 14, d.says(FeatureSanitizeOverwrite))
	b.bit(59, 15, d.says(FeatureSanitizeBlock))
}

// identifyLog is a page of the IDENTIFY DEVICE data log 30h (ACS-4).
func (d *Drive) identifyLog(n byte) []byte {
	if n == 1 {
		return d.identify()
	}
	b := logPage(n)
	put := func(at int, v uint64) { binary.LittleEndian.PutUint64(b[at:], v) }
	if n > 0 {
		b[7] = 0x80 // bit 63: the header says something
	}
	const valid = 1 << 63
	c := &d.cfg
	switch n {
	case 0: // list of pages
		b[8] = identifyLogLast + 1
		for p := range byte(identifyLogLast + 1) {
			b[9+p] = p
		}
	case 2: // capacity
		put(8, valid|d.visible(d.current))
		exponent := uint64(0)
		for p := c.PhysicalBlock; p > c.LogicalBlock; p /= 2 {
			exponent++
		}
		put(16, valid|3<<61|exponent<<16)
		put(24, valid|uint64(c.LogicalBlock/2))
	case 3: // supported capabilities
		put(24, valid|uint64(c.Rotation))
		put(32, valid|uint64(c.FormFactor))
		if c.WWN != 0 {
			put(48, c.WWN)
			put(56, valid)
		}
	case 4: // current settings
		put(8, valid)
	case 5: // strings, characters swapped as in IDENTIFY DEVICE
		id := d.identify()
		copy(b[8:28], id[20:40])
		copy(b[32:40], id[46:54])
		copy(b[48:88], id[54:94])
	case 6:
		d.securityPage(put)
	case 8: // Serial ATA
		put(8, valid)
	}
	return b
}

// securityPage is page 06h of that log.
func (d *Drive) securityPage(put func(int, uint64)) {
	const valid = 1 << 63
	bits := func(on ...bool) (v uint64) {
		for i, b := range on {
			if b {
				v |= 1 << i
			}
		}
		return v
	}
	id, s := words(d.identify()), &d.security
	if d.says(FeatureSecurity) {
		put(8, valid|uint64(id.get(92)))
		put(16, valid|bits(s.enabled, s.locked, s.frozen, s.attempts == 0, d.says(FeatureSecurityEnhanced), s.maximum && s.enabled, true))
		put(24, valid|uint64(id.get(90)))
		put(32, valid|uint64(id.get(89)))
	}
	put(40, valid|bits(d.says(FeatureTrusted)))
	put(48, valid|bits(false, d.says(FeatureSanitize), d.says(FeatureSanitizeCrypto), d.says(FeatureSanitizeOverwrite),
		d.says(FeatureSanitizeBlock), d.says(FeatureAntiFreeze), d.says(FeatureSanitize), d.says(FeatureOverridesSecurity)))
}

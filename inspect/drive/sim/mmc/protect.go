package mmc

import "encoding/binary"

// Kinds of write protection (clause 6.6.14).
const (
	kindTemporary = "temporary"
	kindPower     = "power-on"
	kindPermanent = "permanent"
)

// Bits of BOOT_WP, EXT_CSD[173] (clause 7.4.51), and of USER_WP, EXT_CSD[171].
const (
	bootWPOneArea       = 0x80 // the bits that choose an area count
	bootWPPowerOff      = 0x40
	bootWPPermanentOff  = 0x10
	bootWPPermanentArea = 0x08 // area 2
	bootWPPermanentOn   = 0x04
	bootWPPowerArea     = 0x02 // area 2
	bootWPPowerOn       = 0x01
	bootWPPower         = bootWPOneArea | bootWPPowerOff | bootWPPowerArea | bootWPPowerOn // gone with the power
	bootWPSticky        = bootWPPowerOff | bootWPPermanentOff | bootWPPermanentOn | bootWPPowerOn

	userWPPermanentOff = 0x10
	userWPPowerOff     = 0x08
	userWPPermanentOn  = 0x04
	userWPPowerOn      = 0x01
	userWPPower        = userWPPowerOff | userWPPowerOn
)

// protectedGroup is a range of sectors of the user area.
type protectedGroup struct {
	span
	kind string
}

// protectAtFirst is what the last owner left.
func (d *Drive) protectAtFirst() {
	for i, k := range d.c.BootProtection {
		d.bootPower[i], d.bootPermanent[i] = k == kindPower, k == kindPermanent
	}
	for _, g := range d.c.Protected {
		from, to := uint64(g.Sector), uint64(g.Sector)+uint64(g.Sectors)
		d.groups = append(d.groups, protectedGroup{span{from, to}, g.Kind})
	}
	d.bootStatus()
}

// protectBoot acts on what was written to BOOT_WP.
func (d *Drive) protectBoot(v byte) {
	for i := range 2 {
		if v&bootWPPermanentOn != 0 && (v&bootWPOneArea == 0 || (v&bootWPPermanentArea != 0) == (i == 1)) {
			d.bootPermanent[i] = true
		}
		if v&bootWPPowerOn != 0 && (v&bootWPOneArea == 0 || (v&bootWPPowerArea != 0) == (i == 1)) {
			d.bootPower[i] = true
		}
	}
	d.bootStatus()
}

// bootStatus keeps BOOT_WP_STATUS, EXT_CSD[174]: two bits for each area.
func (d *Drive) bootStatus() {
	d.ext[extBootWPStatus] = 0
	for i := range 2 {
		switch {
		case d.bootPermanent[i]:
			d.ext[extBootWPStatus] |= 2 << (2 * i)
		case d.bootPower[i]:
			d.ext[extBootWPStatus] |= 1 << (2 * i)
		}
	}
}

func (d *Drive) dropProtection(kind string) {
	var left []protectedGroup
	for _, g := range d.groups {
		if g.kind != kind {
			left = append(left, g)
		}
	}
	d.groups = left
}

// protection of sectors of an area: the parts of the range that can't be changed.
func (d *Drive) protection(number int, from, to uint64) spans {
	all := spans{{from, to}}
	switch {
	case d.csd[14]&0x30 != 0:
		return all
	case number == areaBoot1 || number == areaBoot2:
		if d.ext[extBootWPStatus]>>(2*(number-areaBoot1))&3 != 0 {
			return all
		}
		return nil
	case number != areaUser:
		return nil
	}
	var parts spans
	size := d.protectGroup()
	for _, g := range d.groups {
		first, last := g.from/size*size, (g.to+size-1)/size*size // whole groups
		if f, t := max(first, from), min(last, to); f < t {
			parts = parts.with(f, t)
		}
	}
	return parts
}

func (d *Drive) protectedIn(number int, from, to uint64) bool {
	return len(d.protection(number, from, to)) > 0
}

// group that an address of CMD28 to CMD31 lies in. Only the user area has groups here.
func (d *Drive) group(r request) (span, uint32) {
	at, bits := d.sectorOf(r.Arg)
	_, number, sectors := d.current()
	size := d.protectGroup()
	switch {
	case bits != 0:
		return span{}, bits
	case number != areaUser || at >= sectors:
		return span{}, bitOutOfRange
	}
	return span{at / size * size, at/size*size + size}, 0
}

// setProtection is SET_WRITE_PROT: the kind is what USER_WP says.
func (d *Drive) setProtection(r request) ([]byte, uint32) {
	g, bits := d.group(r)
	if bits != 0 {
		return nil, bits
	}
	kind, wp := kindTemporary, d.ext[extUserWP]
	switch {
	case wp&userWPPermanentOn != 0 && wp&userWPPermanentOff == 0:
		kind = kindPermanent
	case wp&userWPPowerOn != 0 && wp&userWPPowerOff == 0:
		kind = kindPower
	case wp&(userWPPermanentOn|userWPPowerOn) != 0:
		return nil, bitWPViolation // it is forbidden
	}
	if !r.Pretend && d.kindOf(g) == "" {
		d.groups = append(d.groups, protectedGroup{g, kind})
	}
	return nil, 0
}

// clearProtection is CLR_WRITE_PROT: only what is temporary goes.
func (d *Drive) clearProtection(r request) ([]byte, uint32) {
	g, bits := d.group(r)
	if bits != 0 {
		return nil, bits
	}
	if k := d.kindOf(g); k != "" && k != kindTemporary {
		return nil, bitWPViolation
	}
	var left []protectedGroup
	for _, p := range d.groups {
		if p.to > g.from && p.from < g.to {
			// What of it lies outside stays protected.
			if p.from < g.from {
				left = append(left, protectedGroup{span{p.from, g.from}, p.kind})
			}
			if p.to > g.to {
				left = append(left, protectedGroup{span{g.to, p.to}, p.kind})
			}
			continue
		}
		left = append(left, p)
	}
	d.groups = left
	return nil, 0
}

// kindOf a group's protection: the strongest.
func (d *Drive) kindOf(g span) string {
	found := ""
	for _, p := range d.groups {
		if p.to > g.from && p.from < g.to && (found == "" || rank(p.kind) > rank(found)) {
			found = p.kind
		}
	}
	return found
}

// rank is how CMD31 tells a kind.
func rank(kind string) uint64 {
	return map[string]uint64{kindTemporary: 1, kindPower: 2, kindPermanent: 3}[kind]
}

// sendProtection is SEND_WRITE_PROT: a bit for each of 32 groups, the first in bit 0.
func (d *Drive) sendProtection(r request) ([]byte, uint32) {
	kinds, bits := d.kinds(r)
	n := uint32(0)
	for i, k := range kinds {
		if k != 0 {
			n |= 1 << i
		}
	}
	return binary.BigEndian.AppendUint32(nil, n), bits
}

// sendProtectionType is SEND_WRITE_PROT_TYPE: two bits for each.
func (d *Drive) sendProtectionType(r request) ([]byte, uint32) {
	kinds, bits := d.kinds(r)
	n := uint64(0)
	for i, k := range kinds {
		n |= k << (2 * i)
	}
	return binary.BigEndian.AppendUint64(nil, n), bits
}

// kinds of 32 groups; those beyond the end are not protected.
func (d *Drive) kinds(r request) (kinds [32]uint64, bits uint32) {
	g, bits := d.group(r)
	if bits != 0 {
		return kinds, bits
	}
	size := g.to - g.from
	for i := range kinds {
		if from := g.from + uint64(i)*size; from < uint64(d.sectors()) {
			kinds[i] = rank(d.kindOf(span{from, from + size}))
		}
	}
	return kinds, 0
}

package scsi

import (
	"encoding/binary"
	"slices"
)

// Mode pages.
const (
	pageRecovery      = 0x01 // SBC-4 clause 6.5.10
	pageCaching       = 0x08 // SBC-4 clause 6.5.6
	pageControl       = 0x0a // SPC-5 clause 7.5.10
	pagePort          = 0x19 // SPL-4: protocol-specific port
	pagePower         = 0x1a // SPC-5 clause 7.5.18
	pageInformational = 0x1c // SBC-4 clause 6.5.8
	pageAll           = 0x3f
)

// modePage as it is now, as saved and as delivered; mask are the bits that MODE
// SELECT changes. Its first byte is its code.
type modePage struct {
	now, saved, made, mask []byte
}

// modes are the pages, in the order of their codes.
type modes []*modePage

func newModes(c *Config) modes {
	page := func(b []byte, mask map[int]byte) *modePage {
		m := &modePage{now: b, saved: slices.Clone(b), made: slices.Clone(b), mask: make([]byte, len(b))}
		m.mask[0], m.mask[1] = b[0], b[1]
		for i, v := range mask {
			m.mask[i] = v
		}
		return m
	}
	recovery := []byte{pageRecovery, 10, 0xc0, 0x0b, 0xff, 0, 0, 0, 0x05, 0, 0xff, 0xff}
	caching := make([]byte, 20)
	copy(caching, []byte{pageCaching, 18, 0x14, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x80, 0x20})
	if c.WriteCacheOff {
		caching[2] &^= 0x04
	}
	control := []byte{pageControl, 10, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0}
	if c.DescriptorSense {
		control[2] |= 0x04
	}
	binary.BigEndian.PutUint16(control[10:], uint16(min(c.Health.ExtendedTest.Seconds(), 0xffff)))
	power := make([]byte, 40)
	power[0], power[1] = pagePower, 38
	return modes{
		page(recovery, map[int]byte{2: 0xc0, 3: 0xff, 8: 0xff, 10: 0xff, 11: 0xff}),
		page(caching, map[int]byte{2: 0x05}), // WCE, RCD
		page(control, map[int]byte{2: 0x04, 3: 0xf0, 4: 0x08}),
		page([]byte{pagePort, 6, 0x06, 0, 0x07, 0xd0, 0, 0}, map[int]byte{4: 0xff, 5: 0xff}), // SAS
		page(power, map[int]byte{3: 0x0f}),
		page([]byte{pageInformational, 10, 0, 0x06, 0, 0, 0, 0, 0, 0, 0, 1}, map[int]byte{2: 0x0d, 3: 0x0f}),
	}
}

func (m modes) find(code byte) *modePage {
	for _, p := range m {
		if p.now[0] == code {
			return p
		}
	}
	return nil
}

// descriptorSense is D_SENSE of the control page.
func (m modes) descriptorSense() bool { return m.find(pageControl).now[2]&0x04 != 0 }

// softwareProtect is SWP of the control page.
func (m modes) softwareProtect() bool { return m.find(pageControl).now[4]&0x08 != 0 }

// tellsFailure: REQUEST SENSE may tell of a predicted failure: DEXCPT is off, MRIE 6.
func (m modes) tellsFailure() bool {
	p := m.find(pageInformational).now
	return p[2]&0x08 == 0 && p[3]&0x0f == 6
}

// powerOn brings the saved values back.
func (m modes) powerOn() {
	for _, p := range m {
		copy(p.now, p.saved)
	}
}

func modeSense6(d *Drive, r *request) answer {
	b, s := d.modeData(r.CDB[1]&0x08 != 0, false, r.CDB[2], r.CDB[3])
	if s != nil {
		return refuse(s)
	}
	head := []byte{0, 0, d.modeFlags(), byte(b.descriptor)}
	head[0] = byte(min(255, len(b.bytes)+3))
	return allocation(append(head, b.bytes...), uint64(r.CDB[4]))
}

func modeSense10(d *Drive, r *request) answer {
	long := r.CDB[1]&0x10 != 0
	b, s := d.modeData(r.CDB[1]&0x08 != 0, long, r.CDB[2], r.CDB[3])
	if s != nil {
		return refuse(s)
	}
	head := make([]byte, 8)
	binary.BigEndian.PutUint16(head, uint16(len(b.bytes)+6))
	head[3] = d.modeFlags()
	if long && b.descriptor > 0 {
		head[4] = 1 // LONGLBA
	}
	head[7] = byte(b.descriptor)
	return allocation(append(head, b.bytes...), uint64(binary.BigEndian.Uint16(r.CDB[7:])))
}

// modeFlags are WP and DPOFUA.
func (d *Drive) modeFlags() byte {
	if d.writable() != nil {
		return 0x90
	}
	return 0x10
}

// modeData is a block descriptor and pages.
type modeData struct {
	bytes      []byte
	descriptor int // bytes of it
}

func (d *Drive) modeData(noDescriptor, long bool, page, sub byte) (modeData, *sense) {
	var m modeData
	if !noDescriptor {
		m.bytes = d.blockDescriptor(long)
		m.descriptor = len(m.bytes)
	}
	control, which := page>>6, page&0x3f
	if sub != 0 && sub != 0xff {
		return m, badField(3)
	}
	found := false
	for _, p := range d.modes {
		if which != pageAll && which != p.now[0] {
			continue
		}
		found = true
		b := slices.Clone([][]byte{p.now, p.mask, p.made, p.saved}[control])
		b[0] |= 0x80 // PS: it can be saved
		m.bytes = append(m.bytes, b...)
	}
	if !found {
		return m, badField(2)
	}
	return m, nil
}

// blockDescriptor (SBC-4 clause 6.5.2): the length that the next FORMAT UNIT uses.
func (d *Drive) blockDescriptor(long bool) []byte {
	if long {
		b := make([]byte, 16)
		binary.BigEndian.PutUint64(b, d.capacity())
		binary.BigEndian.PutUint32(b[12:], uint32(d.next))
		return b
	}
	b := make([]byte, 8)
	binary.BigEndian.PutUint32(b, uint32(min(d.capacity(), 0xffffffff)))
	b[5], b[6], b[7] = byte(d.next>>16), byte(d.next>>8), byte(d.next)
	return b
}

func modeSelect6(d *Drive, r *request) answer {
	n := int(r.CDB[4])
	if n == 0 {
		return answer{}
	}
	if n < 4 || len(r.Out) < n {
		return refuse(code(keyIllegal, 0x1a, 0x00))
	}
	return refuse(d.selectModes(r, r.Out[4:n], int(r.Out[3]), false, 4))
}

func modeSelect10(d *Drive, r *request) answer {
	n := int(binary.BigEndian.Uint16(r.CDB[7:]))
	if n == 0 {
		return answer{}
	}
	if n < 8 || len(r.Out) < n {
		return refuse(code(keyIllegal, 0x1a, 0x00))
	}
	return refuse(d.selectModes(r, r.Out[8:n], int(binary.BigEndian.Uint16(r.Out[6:])), r.Out[4]&1 != 0, 8))
}

// selectModes checks all, then changes all (SPC-5 clause 6.13).
func (d *Drive) selectModes(r *request, b []byte, descriptor int, long bool, header int) *sense {
	if r.CDB[1]&0x10 == 0 && len(b) > descriptor {
		return badField(1) // PF: the pages are those of the standard
	}
	var change func()
	at := header
	if descriptor > 0 {
		if want := map[bool]int{false: 8, true: 16}[long]; descriptor != want || len(b) < want {
			return badParameter(header - 1)
		}
		var s *sense
		if change, s = d.selectBlocks(b[:descriptor], long); s != nil {
			return s
		}
		b, at = b[descriptor:], at+descriptor
	}
	selected := map[*modePage][]byte{}
	for len(b) > 0 {
		if len(b) < 2 {
			return code(keyIllegal, 0x1a, 0x00)
		}
		p := d.modes.find(b[0] & 0x3f)
		if p == nil || b[0]&0x40 != 0 {
			return badParameter(at)
		}
		if int(b[1])+2 != len(p.now) {
			return badParameter(at + 1)
		}
		if len(b) < len(p.now) {
			return code(keyIllegal, 0x1a, 0x00)
		}
		for i := 2; i < len(p.now); i++ {
			if (b[i]^p.now[i])&^p.mask[i] != 0 {
				return badParameter(at + i)
			}
		}
		selected[p] = b[:len(p.now)]
		at, b = at+len(p.now), b[len(p.now):]
	}
	if change != nil {
		change()
	}
	for p, b := range selected {
		copy(p.now[2:], b[2:])
		if r.CDB[1]&1 != 0 { // SP
			copy(p.saved, p.now)
		}
	}
	return nil
}

// selectBlocks takes a block descriptor: a length for the next format, or a number
// of blocks to show (SBC-4 clause 6.5.2).
func (d *Drive) selectBlocks(b []byte, long bool) (change func(), s *sense) {
	blocks, size := uint64(binary.BigEndian.Uint32(b)), int(b[5])<<16|int(b[6])<<8|int(b[7])
	most := uint64(0xffffffff)
	if long {
		blocks, size = binary.BigEndian.Uint64(b), int(binary.BigEndian.Uint32(b[12:]))
		most = 0xffffffffffffffff
	}
	if size == 0 {
		size = d.next // as it is
	}
	if size < 512 || size > 4224 || size%8 != 0 && size != d.block {
		return nil, badParameter(5)
	}
	if size != d.block {
		return func() { d.next = size }, nil // the count is for the format to find
	}
	switch {
	case blocks == 0:
		blocks = d.visible
	case blocks == most:
		blocks = d.whole
	case blocks > d.whole:
		return nil, badParameter(0)
	}
	return func() {
		if blocks != d.visible {
			d.attend(0x2a, 0x09) // capacity data has changed
		}
		d.visible, d.next = blocks, size
	}, nil
}

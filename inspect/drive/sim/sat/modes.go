package sat

import (
	"encoding/binary"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
)

// Mode pages (SPC-5, SBC-4).
const (
	pageRecovery = 0x01
	pageCaching  = 0x08
	pageControl  = 0x0a
	pageAll      = 0x3f
)

// modePages in the order in which 'all' gives them. control: 0 current, 1
// changeable, 2 default.
func (s *SAT) modePages(page, control byte) []byte {
	var b []byte
	if page == pageRecovery || page == pageAll {
		p := make([]byte, 12)
		p[0], p[1] = pageRecovery, 10
		if control != 1 {
			p[2] = 0x80 // AWRE
		}
		b = append(b, p...)
	}
	if page == pageCaching || page == pageAll {
		p := make([]byte, 20)
		p[0], p[1] = pageCaching, 18
		enabled := s.word(85)
		switch {
		case control == 1:
			p[2] = 0x04 // WCE
		case enabled&(1<<5) != 0:
			p[2] = 0x04
		}
		if control != 1 && enabled&(1<<6) == 0 {
			p[12] = 0x20 // DRA
		}
		b = append(b, p...)
	}
	if page == pageControl || page == pageAll {
		b = append(b, s.controlPage(control)...)
	}
	return b
}

func (s *SAT) controlPage(control byte) []byte {
	p := make([]byte, 12)
	p[0], p[1] = pageControl, 10
	if control == 1 {
		p[2] = 0x04 // D_SENSE
		return p
	}
	p[2] = 0x02 // GLTSD
	s.mu.Lock()
	defer s.mu.Unlock()
	if control == 0 && s.descriptors || control == 2 && s.cfg.DescriptorSense {
		p[2] |= 0x04
	}
	p[8], p[9], p[11] = 0xff, 0xff, 30
	return p
}

func (s *SAT) modeSense(c *command) (sim.SCSIReply, error) {
	control, page := c.cdb[2]>>6, c.cdb[2]&0x3f
	if control == 3 {
		return s.refuse(c, noSaving), nil
	}
	pages := s.modePages(page, control)
	if len(pages) == 0 || c.cdb[3] != 0 && c.cdb[3] != 0xff {
		return s.refuse(c, badField), nil
	}
	var blocks []byte
	if c.cdb[1]&0x08 == 0 { // DBD
		blocks = make([]byte, 8)
		binary.BigEndian.PutUint32(blocks[4:], uint32(s.LogicalBlock()))
	}
	const fua = 0x10
	if len(c.cdb) == 6 {
		b := append([]byte{0, 0, fua, byte(len(blocks))}, blocks...)
		b = append(b, pages...)
		b[0] = byte(len(b) - 1)
		return upTo(b, int(c.cdb[4]))
	}
	b := append([]byte{3: fua, 7: byte(len(blocks))}, blocks...)
	b = append(b, pages...)
	binary.BigEndian.PutUint16(b, uint16(len(b)-2))
	return upTo(b, int(c.be16(7)))
}

// modeSelect changes the write cache and D_SENSE; nothing else is changeable.
func (s *SAT) modeSelect(c *command) (sim.SCSIReply, error) {
	head, n := 4, int(c.cdb[4])
	if len(c.cdb) == 10 {
		head, n = 8, int(c.be16(7))
	}
	switch {
	case c.cdb[1]&0x11 != 0x10: // PF, and no saving
		return s.refuse(c, badField), nil
	case n == 0:
		return good(nil)
	case n < head || len(c.Out) < n:
		return s.refuse(c, badLength), nil
	}
	list := c.Out[:n]
	descriptors := int(list[3])
	if head == 8 {
		descriptors = int(binary.BigEndian.Uint16(list[6:]))
	}
	if descriptors != 0 && descriptors != 8 || len(list) < head+descriptors {
		return s.refuse(c, badParameter), nil
	}
	return s.selectPages(c, list[head+descriptors:])
}

func (s *SAT) selectPages(c *command, list []byte) (sim.SCSIReply, error) {
	for len(list) > 0 {
		if len(list) < 2 || len(list) < 2+int(list[1]) {
			return s.refuse(c, badLength), nil
		}
		p := list[:2+int(list[1])]
		list = list[len(p):]
		if !s.changes(p) {
			return s.refuse(c, badParameter), nil
		}
		switch p[0] {
		case pageControl:
			s.mu.Lock()
			s.descriptors = p[2]&0x04 != 0
			s.mu.Unlock()
		case pageCaching:
			feature := uint16(featureCacheOff)
			if p[2]&0x04 != 0 {
				feature = featureCacheOn
			}
			t := ata.TaskFile{Command: ataSetFeatures, Device: 0x40, Features: feature}
			if reply, err := s.run(c, t, nil); err != nil || reply.Status != statusGood {
				return reply, err
			}
		}
	}
	return good(nil)
}

// changes: a page changes only what can be changed.
func (s *SAT) changes(p []byte) bool {
	if p[0] != pageControl && p[0] != pageCaching {
		return false
	}
	now, mask := s.modePages(p[0], 0), s.modePages(p[0], 1)
	if len(now) != len(p) {
		return false
	}
	for i := 2; i < len(p); i++ {
		if (now[i]^p[i])&^mask[i] != 0 {
			return false
		}
	}
	return true
}

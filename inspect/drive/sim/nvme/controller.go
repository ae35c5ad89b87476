package nvme

import (
	"fmt"
	"time"
)

// controllerData is Identify Controller (Base 2.0, figure 275).
func (d *Drive) controllerData() []byte {
	p := make([]byte, pageSize)
	copy(p, d.cfg.IdentifyController)
	text(p[4:24], d.serial)
	text(p[24:64], d.cfg.Model)
	text(p[64:72], d.cfg.Firmware)
	d.controllerIdentity(p)
	d.controllerAdmin(p)
	d.controllerIO(p)
	d.controllerFabrics(p)
	d.claim(p, inController)
	return p
}

// text is padded with spaces; an empty one leaves a template's alone.
func text(p []byte, s string) {
	if s != "" || all(p, 0) {
		copy(p, fmt.Sprintf("%-*s", len(p), s))
	}
}

// put16 and put32 leave a template's value where there is none to say.
func put16(p []byte, v uint16) {
	if v != 0 {
		le.PutUint16(p, v)
	}
}

func put32(p []byte, v uint32) {
	if v != 0 {
		le.PutUint32(p, v)
	}
}

func (d *Drive) controllerIdentity(p []byte) {
	put16(p[0:], d.cfg.VendorID)
	put16(p[2:], d.cfg.VendorID)
	if o := d.cfg.OUI; o != 0 {
		p[73], p[74], p[75] = byte(o), byte(o>>8), byte(o>>16)
	}
	if len(d.cfg.OtherControllers) > 0 {
		p[76] |= 1 << 1 // CMIC: two or more controllers
	}
	p[idMDTS] = byte(d.cfg.MDTS)
	le.PutUint16(p[78:], d.cfg.CtrlID)
	le.PutUint32(p[idVER:], d.cfg.Version)
	le.PutUint32(p[92:], le.Uint32(p[92:])|1<<8) // OAES: namespace attribute notices
	p[96] |= 1                                   // CTRATT: host identifiers of 128 bits
	p[111] = 1                                   // CNTRLTYPE: I/O controller
}

func (d *Drive) controllerAdmin(p []byte) {
	le.PutUint16(p[idOACS:], le.Uint16(p[idOACS:])|d.oacs())
	p[258], p[259] = 3, 3                          // ACL, AERL: 4 each
	p[260] = byte(len(d.cfg.FirmwareSlots))<<1 | 1 // FRMW: slot 1 is read only
	p[261] |= 1<<1 | 1<<2                          // LPA: effects, offsets
	p[262] = maxErrors - 1                         // ELPE
	put16(p[266:], d.cfg.SMART.WarningKelvin)
	put16(p[268:], d.cfg.SMART.CriticalKelvin)
	if d.cfg.NamespaceManagement {
		le.PutUint64(p[280:], uint64(d.capacity()))
		le.PutUint64(p[296:], uint64(d.spare))
	}
	if r := d.cfg.RPMB; r.Units > 0 {
		le.PutUint32(p[312:], uint32(r.Units)|uint32(r.Bytes/bootUnit-1)<<16)
	}
	if t := d.cfg.SelfTest; t.Supported {
		put16(p[316:], uint16((t.Extended+time.Minute-1)/time.Minute))
		p[318] = 1 // DSTO: one at a time in the subsystem
	}
	le.PutUint16(p[320:], uint16(d.cfg.KeepAlive/(100*time.Millisecond)))
	put32(p[idSANICAP:], d.sanicap())
}

// capacity of the subsystem in bytes.
func (d *Drive) capacity() int64 {
	sum := d.spare
	for _, n := range d.namespaces {
		sum += n.bytes
	}
	return sum
}

func (d *Drive) sanicap() uint32 {
	s := d.cfg.Sanitize
	if !d.sanitizes() {
		return 0
	}
	return bit(s.Crypto, 0) | bit(s.Block, 1) | bit(s.Overwrite, 2) | bit(s.Verify, 3) |
		bit(s.NDI, 29) | uint32(s.NODMMAS)<<30
}

func bit(v bool, at int) uint32 {
	if v {
		return 1 << at
	}
	return 0
}

func (d *Drive) controllerIO(p []byte) {
	c := d.cfg
	le.PutUint32(p[516:], uint32(c.MaxNamespaces))
	oncs := bit(c.Compare, 0) | bit(c.WriteUncorrectable, 1) | bit(c.DSM, 2) | bit(c.WriteZeroes, 3) |
		bit(c.Timestamp, 6) | bit(c.Verify, 7)
	le.PutUint16(p[idONCS:], le.Uint16(p[idONCS:])|uint16(oncs))
	f := c.Format
	p[idFNA] = byte(bit(f.AllNamespaces, 0) | bit(f.EraseAll, 1) | bit(f.Crypto, 2) | bit(f.NoBroadcast, 3))
	// VWC: whether there is a cache; a Flush takes FFFFFFFFh (bits 2:1 are 11b).
	p[525] = byte(bit(c.VolatileCache, 0)) | 3<<1
	if c.WriteProtection {
		p[531] = 7 // NWPC
	}
	le.PutUint32(p[540:], uint32(c.MaxNamespaces)) // MNAN
}

// controllerFabrics is what a host of a fabric looks at (Base 2.0, clause 6.3).
func (d *Drive) controllerFabrics(p []byte) {
	p[512], p[513] = 0x66, 0x44     // SQES, CQES: 64 and 16 bytes
	le.PutUint16(p[514:], 128)      // MAXCMD
	le.PutUint32(p[536:], 1|1<<20)  // SGLS: supported, with offsets
	clear(p[768:1024])              // SUBNQN ends with a zero
	copy(p[768:1023], d.cfg.SubNQN) //
	le.PutUint32(p[1792:], 516)     // IOCCSZ: 64 + 8192 bytes
	le.PutUint32(p[1796:], 1)       // IORCSZ: 16 bytes
	le.PutUint16(p[1800:], 0)       // ICDOFF
	p[1802], p[1803] = 0, 1         // FCATT: dynamic controllers; MSDBD
	le.PutUint16(p[1804:], 0)       // OFCS
}

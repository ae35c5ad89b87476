package mmc

import (
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"slices"
	"strconv"
)

// Bytes of EXT_CSD that the model knows (clause 7.4, table 165).
const (
	extCacheFlush      = 32
	extCacheControl    = 33
	extPowerOffNotify  = 34
	extGPSizes         = 143
	extPartitioned     = 155
	extPartitioning    = 160
	extHPIManagement   = 161
	extBKOPSEnable     = 163
	extSanitizeStart   = 165
	extRPMBSize        = 168
	extUserWP          = 171
	extBootWP          = 173
	extBootWPStatus    = 174
	extEraseGroupDef   = 175
	extBootBusWidth    = 177
	extBootConfigProt  = 178
	extPartitionConfig = 179
	extErasedContent   = 181
	extBusWidth        = 183
	extHSTiming        = 185
	extPowerClass      = 187
	extRevision        = 192
	extStructure       = 194
	extCardType        = 196
	extSectors         = 212
	extWPGroupSize     = 221
	extEraseTimeout    = 223
	extEraseGroupSize  = 224
	extBootSize        = 226
	extSecTrimMult     = 229
	extSecEraseMult    = 230
	extSecFeature      = 231
	extTrimMult        = 232
	extSwitchTime      = 248
	extCacheSize       = 249
	extFirmware        = 254
	extPreEOL          = 267
	extLifeA           = 268
	extLifeB           = 269
	extHPIFeatures     = 503
)

// Bits of EXT_CSD[231] and of EXT_CSD[161] and [503].
const (
	secSecure   = 0x01
	secTrim     = 0x10
	secSanitize = 0x40
	hpiOn       = 0x01
)

const (
	unit128K = 128 << 10
	unit512K = 512 << 10
	// gpUnit: the model's own write protection group, 16 erase groups of 512 KiB.
	gpUnit = 16 * unit512K
)

// samsungCSD is the CSD of a BJNB4R of 32 GB, without its CRC.
const samsungCSD = "d02701320f5903fff6dbffef8e404000"

// registers makes CID, CSD and EXT_CSD.
func (d *Drive) registers() {
	c := d.c
	d.makeCID(c.Serial)
	csd, _ := hex.DecodeString(samsungCSD)
	if len(c.CSD) == 16 {
		csd = c.CSD
	}
	copy(d.csd[:], csd)
	switch c.WriteProtected {
	case kindPermanent:
		d.csd[14] |= 0x20 // bit 13
	case kindTemporary:
		d.csd[14] |= 0x10 // bit 12
	}
	d.csd[15] = crc7(d.csd[:15])<<1 | 1
	if c.ExtCSD != nil {
		copy(d.ext[:], c.ExtCSD)
	} else {
		d.makeExtCSD()
	}
	if c.Sectors != 0 {
		binary.LittleEndian.PutUint32(d.ext[extSectors:], c.Sectors)
	}
}

// makeCID: clause 7.2. Years are counted from 1997, or from 2013 where the card is of
// revision 5 or newer and the number would be less than 13 (clause 7.2.7).
func (d *Drive) makeCID(serial string) {
	c := d.c
	b := &d.cid
	*b = [16]byte{0: c.Manufacturer, 1: 1, 2: c.OEM} // CBX 1: a BGA package
	name := slices.Concat([]byte(c.Product), []byte("      "))
	copy(b[3:9], name)
	b[9] = c.Revision
	binary.BigEndian.PutUint32(b[10:], serialNumber(serial))
	year := c.Year - 1997
	if year > 15 {
		year = c.Year - 2013
	}
	b[14] = byte(c.Month)<<4 | byte(year)
	b[15] = crc7(b[:15])<<1 | 1
}

// serialNumber is what the CID has of a serial; one that is no number (a script's) has
// one made of it.
func serialNumber(serial string) uint32 {
	if n, err := strconv.ParseUint(serial, 0, 32); err == nil {
		return uint32(n)
	}
	h := fnv.New32a()
	h.Write([]byte(serial))
	return h.Sum32()
}

// crc7 of a register: x^7 + x^3 + 1 (clause 10.2).
func crc7(b []byte) byte {
	crc := byte(0)
	for _, v := range b {
		for i := 7; i >= 0; i-- {
			crc <<= 1
			if (v>>i^crc>>7)&1 != 0 {
				crc ^= 0x09
			}
		}
	}
	return crc & 0x7f
}

func (d *Drive) makeExtCSD() {
	c, x := d.c, &d.ext
	for at, v := range map[int]byte{extRevision: c.Standard, extStructure: 2, extCardType: 0x57, extWPGroupSize: 16, extEraseGroupSize: 1,
		extEraseTimeout: 1, extSecEraseMult: 27, extSecTrimMult: 17, extTrimMult: 2, extSwitchTime: 25, extPartitioning: 7,
		extBootSize: byte(c.BootSize / unit128K), extRPMBSize: byte(c.RPMBSize / unit128K), extHPIFeatures: hpiOn,
		extPreEOL: c.PreEOL, extLifeA: c.LifeA, extLifeB: c.LifeB, extCacheSize + 1: 4, 504: 1} {
		x[at] = v
	}
	copy(x[extFirmware:extFirmware+8], c.Firmware)
	for i, n := range c.GPSizes {
		m := uint32(n / gpUnit)
		x[extGPSizes+3*i], x[extGPSizes+3*i+1], x[extGPSizes+3*i+2] = byte(m), byte(m>>8), byte(m>>16)
		if m > 0 {
			x[extPartitioned] = 1
		}
	}
	for bit, set := range map[byte]bool{secSecure: c.SecureErase, secTrim: c.Trim, secSanitize: c.Sanitize} {
		if set {
			x[extSecFeature] |= bit
		}
	}
	if c.ErasedOnes {
		x[extErasedContent] = 1
	}
}

// sectors of the user area as the card reports them now.
func (d *Drive) sectors() uint32 {
	if d.shrunk != 0 {
		return d.shrunk
	}
	return binary.LittleEndian.Uint32(d.ext[extSectors:])
}

// bySector: cards of more than 2 GiB are addressed by sector, others by byte (clause
// 7.4.59 and 7.1).
func (d *Drive) bySector() bool { return binary.LittleEndian.Uint32(d.ext[extSectors:]) > 2<<30/sector }

// ocr: ready, 1.7 to 1.95 V and 2.7 to 3.6 V, and how it is addressed (clause 7.1).
func (d *Drive) ocr() uint32 {
	if d.bySector() {
		return 0xc0ff8080
	}
	return 0x80ff8080
}

// extCSD as SEND_EXT_CSD gives it.
func (d *Drive) extCSD() []byte {
	b := d.ext
	binary.LittleEndian.PutUint32(b[extSectors:], d.sectors())
	return b[:]
}

// bits of the CSD, high to low.
func (d *Drive) csdBits(high, low int) uint32 {
	n := uint32(0)
	for i := high; i >= low; i-- {
		n = n<<1 | uint32(d.csd[(127-i)/8]>>(i%8)&1)
	}
	return n
}

// eraseGroup and protectGroup in sectors, by EXT_CSD or by the CSD, as EXT_CSD[175]
// says (clauses 7.3.22 to 7.3.24, 7.4.50).
func (d *Drive) eraseGroup() uint64 {
	if d.ext[extEraseGroupDef]&1 != 0 && d.ext[extEraseGroupSize] != 0 {
		return uint64(d.ext[extEraseGroupSize]) * unit512K / sector
	}
	return uint64(d.csdBits(46, 42)+1) * uint64(d.csdBits(41, 37)+1)
}

func (d *Drive) protectGroup() uint64 {
	if d.ext[extEraseGroupDef]&1 != 0 && d.ext[extWPGroupSize] != 0 {
		return uint64(d.ext[extWPGroupSize]) * d.eraseGroup()
	}
	return uint64(d.csdBits(36, 32)+1) * d.eraseGroup()
}

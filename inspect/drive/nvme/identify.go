package nvme

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"

	"handback.example/inspect/drive"
)

var le = binary.LittleEndian

// ErrNotIdentify: what came is no Identify data.
var ErrNotIdentify = errors.New("no Identify data")

// Controller is Identify Controller data (Base 2.0, figure 275), as far as
// Handback uses it.
type Controller struct {
	Model, Serial, Firmware string // clean
	Raw                     drive.Raw
	OACS                    uint16
	SANICAP                 uint32
	FNA                     uint8
	NN                      uint32 // number of namespaces at most
	CMIC                    uint8
	RPMBS                   uint32
	WarningTemp             uint16 // kelvin, 0: not reported
}

// Optional Admin Command Support, bits of OACS.
const (
	oacsSecurity   = 1 << 0
	oacsFormat     = 1 << 1
	oacsManagement = 1 << 3
	oacsSelfTest   = 1 << 4
)

// Format NVM is supported.
func (c Controller) Format() bool { return c.OACS&oacsFormat != 0 }

// Security Send and Security Receive are supported.
func (c Controller) Security() bool { return c.OACS&oacsSecurity != 0 }

// Management of namespaces is supported: there may be some that are not attached.
func (c Controller) Management() bool { return c.OACS&oacsManagement != 0 }

// SelfTest: the Device Self-test command is supported, and with it its log.
func (c Controller) SelfTest() bool { return c.OACS&oacsSelfTest != 0 }

// SANICAP, Sanitize Capabilities: bits 2:0 say what a sanitize can do.
const (
	SanicapCrypto    = 1 << 0
	SanicapBlock     = 1 << 1
	SanicapOverwrite = 1 << 2
	SanicapAny       = SanicapCrypto | SanicapBlock | SanicapOverwrite
)

// FNA, Format NVM Attributes, byte 524.
const (
	FNAFormatsAll = 1 << 0 // a format goes for all namespaces
	FNAErasesAll  = 1 << 1 // a secure erase does
	FNACrypto     = 1 << 2 // cryptographic erase is supported
)

// Shared: the subsystem may have other controllers, and namespaces that are theirs
// alone (CMIC bit 1).
func (c Controller) Shared() bool { return c.CMIC&2 != 0 }

// RPMB units, and the bytes of each: replay protected memory that no erasure
// reaches.
func (c Controller) RPMB() (units int, bytes int64) {
	return int(c.RPMBS & 7), (int64(c.RPMBS>>16&0xff) + 1) << 17
}

// ParseController reads 4096 bytes of Identify Controller data.
func ParseController(b []byte) (Controller, error) {
	if len(b) != 4096 {
		return Controller{}, fmt.Errorf("%w: %d bytes", ErrNotIdentify, len(b))
	}
	serial, model, firmware := b[4:24], b[24:64], b[64:72]
	c := Controller{
		Serial: drive.Clean(serial), Model: drive.Clean(model), Firmware: drive.Clean(firmware),
		Raw:  drive.Raw{Serial: drive.Hex(serial), Model: drive.Hex(model), Firmware: drive.Hex(firmware)},
		CMIC: b[76], OACS: le.Uint16(b[256:]), WarningTemp: le.Uint16(b[266:]),
		SANICAP: le.Uint32(b[328:]), NN: le.Uint32(b[516:]), FNA: b[524],
		RPMBS: le.Uint32(b[312:]),
	}
	if c.Model == "" && c.Serial == "" {
		return Controller{}, fmt.Errorf("%w: neither model nor serial in it", ErrNotIdentify)
	}
	return c, nil
}

// Namespace is Identify Namespace data of the NVM command set (NVM 1.0, figure
// 97), as far as Handback uses it.
type Namespace struct {
	Blocks    uint64 // NSZE
	BlockSize int    // bytes, of the LBA format in use
	Metadata  int    // bytes with each block
	Format    uint8  // index of the LBA format in use
	NGUID     string // hex, empty where all zero
	EUI64     string
}

// ParseNamespace reads 4096 bytes of Identify Namespace data. An inactive
// namespace answers with zeros: that is an error here.
func ParseNamespace(b []byte) (Namespace, error) {
	if len(b) != 4096 {
		return Namespace{}, fmt.Errorf("%w: %d bytes", ErrNotIdentify, len(b))
	}
	// FLBAS: format index in 3:0 and, above 16 formats, 6:5.
	index := b[26]&0xf | b[26]>>1&0x30
	formats := int(b[25]) + 1 // NLBAF is zero-based
	if int(index) >= formats || formats > 64 {
		return Namespace{}, fmt.Errorf("%w: LBA format %d of %d", ErrNotIdentify, index, formats)
	}
	f := b[128+4*int(index):][:4]
	shift := f[2]
	if shift < 9 || shift > 16 {
		return Namespace{}, fmt.Errorf("%w: blocks of 2^%d bytes", ErrNotIdentify, shift)
	}
	n := Namespace{Blocks: le.Uint64(b), BlockSize: 1 << shift, Metadata: int(le.Uint16(f)), Format: index,
		NGUID: nonZero(b[104:120]), EUI64: nonZero(b[120:128])}
	if n.Blocks == 0 || n.Blocks > math.MaxInt64>>shift {
		return Namespace{}, fmt.Errorf("%w: %d blocks", ErrNotIdentify, n.Blocks)
	}
	return n, nil
}

// WWN as the kernel's wwid attribute writes it, the globally unique one first.
func (n Namespace) WWN() string {
	switch {
	case n.NGUID != "":
		return "nguid." + n.NGUID
	case n.EUI64 != "":
		return "eui." + n.EUI64
	}
	return ""
}

// Bytes of the namespace.
func (n Namespace) Bytes() int64 { return int64(n.Blocks) * int64(n.BlockSize) }

// ParseUUID finds the UUID (type 3) in a Namespace Identification Descriptor list
// (Base 2.0, figure 277); empty where there is none.
func ParseUUID(b []byte) string {
	for len(b) >= 4 {
		n := int(b[1])
		if b[0] == 0 || n == 0 || 4+n > len(b) {
			return ""
		}
		if b[0] == 3 && n == 16 {
			return nonZero(b[4:20])
		}
		b = b[4+n:]
	}
	return ""
}

// ParseNamespaceList reads a list of up to 1024 IDs, ascending, ended by zero
// (Base 2.0, clause 4.4.2).
func ParseNamespaceList(b []byte) ([]uint32, error) {
	if len(b) != 4096 {
		return nil, fmt.Errorf("%w: %d bytes", ErrNotIdentify, len(b))
	}
	var ids []uint32
	for i := 0; i < len(b); i += 4 {
		id := le.Uint32(b[i:])
		if id == 0 {
			break
		}
		if len(ids) > 0 && id <= ids[len(ids)-1] {
			return nil, fmt.Errorf("%w: namespace list is not ascending", ErrNotIdentify)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// ParseControllerList reads a list of up to 2047 controller IDs, ascending: their
// number, then them (Base 2.0, clause 4.4.1).
func ParseControllerList(b []byte) ([]uint16, error) {
	if len(b) != 4096 {
		return nil, fmt.Errorf("%w: %d bytes", ErrNotIdentify, len(b))
	}
	n := int(le.Uint16(b))
	if n > 2047 {
		return nil, fmt.Errorf("%w: %d controllers", ErrNotIdentify, n)
	}
	ids := make([]uint16, n)
	for i := range ids {
		ids[i] = le.Uint16(b[2+2*i:])
		if i > 0 && ids[i] <= ids[i-1] {
			return nil, fmt.Errorf("%w: controller list is not ascending", ErrNotIdentify)
		}
	}
	return ids, nil
}

func nonZero(b []byte) string {
	for _, c := range b {
		if c != 0 {
			return hex.EncodeToString(b)
		}
	}
	return ""
}

package nvmetcp

import (
	"encoding/binary"
	"fmt"
	"io"
)

var le = binary.LittleEndian

// Types of PDU (TCP, figure 16) that this door sends or takes.
const (
	pduICReq       = 0x00
	pduICResp      = 0x01
	pduH2CTerm     = 0x02
	pduC2HTerm     = 0x03
	pduCapsuleCmd  = 0x04
	pduCapsuleResp = 0x05
	pduH2CData     = 0x06
	pduC2HData     = 0x07
	pduR2T         = 0x09
)

// Bits of FLAGS in the common header (TCP, clause 3.6.1).
const (
	flagHeaderDigest = 1 << 0
	flagDataDigest   = 1 << 1
	flagLast         = 1 << 2
)

// Lengths of headers: HLEN of each type.
const (
	commonLen = 8
	icLen     = 128
	cmdLen    = commonLen + sqeLen
	dataLen   = 24
	sqeLen    = 64
	cqeLen    = 16
)

// Limits of this door.
const (
	inCapsuleMax = 8192      // data in a command capsule
	h2cMax       = 128 << 10 // MAXH2CDATA: data in one H2CData PDU
	transferMax  = 1 << 20   // data of one command; MDTS says so
	paddingMax   = 128       // PDO is a byte in multiples of 4; HLEN 24 needs no more
	termMax      = 24 + 128  // a termination PDU (TCP, clause 3.6.2.3)
)

// Fatal Error Status of a termination PDU (TCP, figure 26).
const (
	fesHeader      = 0x01 // Invalid PDU Header Field
	fesSequence    = 0x02 // PDU Sequence Error
	fesRange       = 0x04 // Data Transfer Out of Range
	fesLimit       = 0x05 // Data Transfer Limit Exceeded
	fesUnsupported = 0x06 // Unsupported Parameter
)

// fault is what a client did wrong: its connection ends with it.
type fault struct {
	fes    uint16
	at     uint32 // for an invalid field: its offset in the header
	reason string
	header []byte // of the PDU that was wrong
}

func (f *fault) Error() string { return f.reason }

func wrong(fes uint16, at uint32, format string, a ...any) *fault {
	return &fault{fes: fes, at: at, reason: fmt.Sprintf(format, a...)}
}

// pdu is one PDU as it came: its header, HLEN bytes of it, and its data.
type pdu struct {
	kind, flags byte
	head        []byte
	data        []byte
}

// hasPDO: in the others the field is reserved.
func (p pdu) hasPDO() bool { return p.kind == pduCapsuleCmd || p.kind == pduH2CData }

// readPDU takes one PDU. No length that the client gives is trusted: the types are
// few, and each has a bound.
func readPDU(r io.Reader) (pdu, error) {
	var common [commonLen]byte
	if _, err := io.ReadFull(r, common[:]); err != nil {
		return pdu{}, err
	}
	f := checkHeader(common[:])
	if f != nil {
		f.header = common[:]
		return pdu{}, f
	}
	head := make([]byte, common[2])
	copy(head, common[:])
	if _, err := io.ReadFull(r, head[commonLen:]); err != nil {
		return pdu{}, err
	}
	p := pdu{kind: common[0], flags: common[1], head: head}
	rest := make([]byte, int(le.Uint32(common[4:]))-len(head))
	if _, err := io.ReadFull(r, rest); err != nil {
		return pdu{}, err
	}
	if len(rest) > 0 && p.hasPDO() {
		rest = rest[int(common[3])-len(head):]
	}
	p.data = rest
	return p, nil
}

// checkHeader looks at the common header: PDU-type, FLAGS, HLEN, PDO, PLEN.
func checkHeader(h []byte) *fault {
	var hlen byte
	var most uint32 // data
	switch h[0] {
	case pduICReq:
		hlen = icLen
	case pduH2CTerm:
		hlen, most = dataLen, termMax-dataLen
	case pduCapsuleCmd:
		hlen, most = cmdLen, inCapsuleMax
	case pduH2CData:
		hlen, most = dataLen, h2cMax
	default:
		return wrong(fesHeader, 0, "a PDU of type %02x", h[0])
	}
	plen, pdo := le.Uint32(h[4:]), uint32(h[3])
	switch {
	case h[2] != hlen:
		return wrong(fesHeader, 2, "a header of %d bytes in a PDU of type %02x", h[2], h[0])
	case h[1]&(flagHeaderDigest|flagDataDigest) != 0:
		return wrong(fesHeader, 1, "a digest, which was not agreed on")
	case plen < uint32(hlen) || plen > uint32(hlen)+paddingMax+most:
		return wrong(fesHeader, 4, "a PDU of type %02x with %d bytes", h[0], plen)
	case h[0] == pduICReq && plen != icLen, h[0] == pduH2CTerm && plen > termMax:
		return wrong(fesHeader, 4, "a PDU of type %02x with %d bytes", h[0], plen)
	case h[0] == pduICReq || h[0] == pduH2CTerm:
		return nil // PDO is reserved
	case plen > uint32(hlen) && (pdo < uint32(hlen) || pdo > plen || pdo%4 != 0):
		return wrong(fesHeader, 3, "data at byte %d of a PDU of %d", pdo, plen)
	case plen > uint32(hlen) && plen-pdo > most:
		return wrong(fesLimit, 0, "%d bytes of data in a PDU", plen-pdo)
	}
	return nil
}

// common writes the common header.
func common(b []byte, kind, flags, hlen, pdo byte, plen int) {
	b[0], b[1], b[2], b[3] = kind, flags, hlen, pdo
	le.PutUint32(b[4:], uint32(plen))
}

// icResp answers an ICReq: PDU format version 0, no alignment, no digests.
func icResp() []byte {
	b := make([]byte, icLen)
	common(b, pduICResp, 0, icLen, 0, icLen)
	le.PutUint32(b[12:], h2cMax)
	return b
}

// termination tells the client why its connection ends.
func termination(f *fault) []byte {
	b := make([]byte, dataLen+len(f.header))
	common(b, pduC2HTerm, 0, dataLen, 0, len(b))
	le.PutUint16(b[8:], f.fes)
	le.PutUint32(b[10:], f.at)
	copy(b[dataLen:], f.header)
	return b
}

// r2t asks for the data of a command, all of it.
func r2t(cid, tag uint16, n int) []byte {
	b := make([]byte, dataLen)
	common(b, pduR2T, 0, dataLen, 0, dataLen)
	le.PutUint16(b[8:], cid)
	le.PutUint16(b[10:], tag)
	le.PutUint32(b[16:], uint32(n))
	return b
}

// c2hHeader goes before data of a command, padded to the host's alignment.
func c2hHeader(cid uint16, align, n int) []byte {
	pdo := (dataLen + align - 1) / align * align
	b := make([]byte, pdo)
	common(b, pduC2HData, flagLast, dataLen, byte(pdo), pdo+n)
	le.PutUint16(b[8:], cid)
	le.PutUint32(b[16:], uint32(n))
	return b
}

// capsuleResp is a completion queue entry in its capsule (Base, figure 90).
func capsuleResp(result uint64, head, qid, cid, status uint16) []byte {
	b := make([]byte, commonLen+cqeLen)
	common(b, pduCapsuleResp, 0, commonLen+cqeLen, 0, len(b))
	le.PutUint64(b[8:], result)
	le.PutUint16(b[16:], head)
	le.PutUint16(b[18:], qid)
	le.PutUint16(b[20:], cid)
	le.PutUint16(b[22:], status<<1)
	return b
}

package tcg

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Tokens of a data stream (Core clause 3.2.2.3).
const (
	startList    = 0xf0
	endList      = 0xf1
	startName    = 0xf2
	endName      = 0xf3
	call         = 0xf8
	endOfData    = 0xf9
	endOfSession = 0xfa
	empty        = 0xff
)

// Lengths of a ComPacket's, packet's and subpacket's header (Core clause 3.2.3), and
// of a transfer: 2,048 bytes is what an SSC takes at least, and what Linux sends.
const (
	comHeader, packetHeader, subHeader = 20, 24, 12
	headers                            = comHeader + packetHeader + subHeader
	transfer                           = 2048
)

// payload is built token by token, each atom in its shortest form.
type payload []byte

func (p payload) tokens(t ...byte) payload { return append(p, t...) }

func (p payload) uid(u uint64) payload {
	return append(append(p, 0xa8), binary.BigEndian.AppendUint64(nil, u)...)
}

func (p payload) bytes(b []byte) payload {
	if len(b) < 16 {
		p = append(p, 0xa0|byte(len(b)))
	} else {
		p = append(p, 0xd0|byte(len(b)>>8), byte(len(b)))
	}
	return append(p, b...)
}

// number below 256.
func (p payload) number(n byte) payload {
	if n < 0x40 {
		return append(p, n)
	}
	return append(p, 0x81, n)
}

// named value: the name is a number.
func (p payload) named(name byte, value payload) payload {
	return append(append(p.tokens(startName, name), value...), endName)
}

// method called on an object, with its parameters and the empty status list behind
// (Core clause 3.2.4.2).
func method(object, m uint64, params payload) payload {
	p := payload{}.tokens(call).uid(object).uid(m).tokens(startList)
	return append(p, params...).tokens(endList, endOfData, startList, 0, 0, 0, endList)
}

// comPacket of one packet with one subpacket, padded to four bytes and then to the
// whole of a transfer.
func comPacket(comID uint16, s session, p payload) []byte {
	b := make([]byte, transfer)
	padded := (len(p) + 3) &^ 3
	be := binary.BigEndian
	be.PutUint16(b[4:], comID)
	be.PutUint32(b[16:], uint32(packetHeader+subHeader+padded))
	be.PutUint32(b[comHeader:], s.tsn)
	be.PutUint32(b[comHeader+4:], s.hsn)
	be.PutUint32(b[comHeader+20:], uint32(subHeader+padded))
	be.PutUint32(b[comHeader+packetHeader+8:], uint32(len(p)))
	copy(b[headers:], p)
	return b
}

// ErrMalformed: what the drive sent is no answer.
var ErrMalformed = errors.New("the drive's answer makes no sense")

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }

// received is a ComPacket from the drive.
type received struct {
	outstanding, least uint32 // bytes that wait, and how many must be fetched at once
	tsn, hsn           uint32
	payload            []byte // of the first subpacket that holds data; nil: none
}

// parseComPacket reads what one receive fetched. Its lengths are the drive's.
func parseComPacket(b []byte, comID uint16) (r received, err error) {
	if len(b) < comHeader {
		return r, malformed("a ComPacket is cut off")
	}
	be := binary.BigEndian
	if got := be.Uint16(b[4:]); got != comID {
		return r, malformed(fmt.Sprintf("it is for ComID %04x", got))
	}
	r.outstanding, r.least = be.Uint32(b[8:]), be.Uint32(b[12:])
	n := be.Uint32(b[16:])
	if n == 0 {
		return r, nil
	}
	if n > uint32(len(b)-comHeader) || n < packetHeader {
		return r, malformed("a ComPacket's length")
	}
	b = b[comHeader : comHeader+int(n)]
	r.tsn, r.hsn = be.Uint32(b), be.Uint32(b[4:])
	n = be.Uint32(b[20:])
	if b = b[packetHeader:]; n > uint32(len(b)) {
		return r, malformed("a packet's length")
	}
	return r, r.subpackets(b[:n])
}

// subpackets: kind 0 holds data, others are about credits (Core clause 3.2.3.4).
func (r *received) subpackets(b []byte) error {
	for len(b) > 0 {
		if len(b) < subHeader {
			return malformed("a subpacket is cut off")
		}
		kind, n := binary.BigEndian.Uint16(b[6:]), binary.BigEndian.Uint32(b[8:])
		if b = b[subHeader:]; n > uint32(len(b)) {
			return malformed("a subpacket's length")
		}
		if kind == 0 && r.payload == nil {
			r.payload = b[:n:n]
		}
		b = b[min(len(b), (int(n)+3)&^3):]
	}
	return nil
}

// value is one element of a data stream.
type value struct {
	kind   kind
	number uint64
	bytes  []byte
	list   []value // of a list; of a named value the name and the value
}

type kind uint8

const (
	kindNumber kind = iota + 1
	kindBytes
	kindList
	kindName
)

// nesting is how deep an answer's lists may lie in each other.
const nesting = 16

// stream is read from its front.
type stream []byte

func (s *stream) skip() {
	for len(*s) > 0 && (*s)[0] == empty {
		*s = (*s)[1:]
	}
}

// next takes a control token, where it is the next one.
func (s *stream) next(token byte) bool {
	s.skip()
	if len(*s) == 0 || (*s)[0] != token {
		return false
	}
	*s = (*s)[1:]
	return true
}

func (s *stream) value(depth int) (value, error) {
	s.skip()
	switch {
	case depth > nesting:
		return value{}, malformed("lists lie too deep")
	case len(*s) == 0:
		return value{}, malformed("a data stream is cut off")
	case s.next(startList):
		return s.list(kindList, endList, depth)
	case s.next(startName):
		v, err := s.list(kindName, endName, depth)
		if err == nil && len(v.list) != 2 {
			err = malformed("a named value")
		}
		return v, err
	}
	return s.atom()
}

func (s *stream) list(k kind, end byte, depth int) (value, error) {
	v := value{kind: k}
	for !s.next(end) {
		e, err := s.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		v.list = append(v.list, e)
	}
	return v, nil
}

// atom of any size (Core clauses 3.2.2.3.1.1 to 4); signed and continued ones belong
// to no answer that is read here.
func (s *stream) atom() (value, error) {
	b := *s
	h, head, n := b[0], 1, 0
	var isBytes, odd bool
	switch {
	case h < 0x40:
		*s = b[1:]
		return value{kind: kindNumber, number: uint64(h)}, nil
	case h < 0x80:
		odd = true
	case h < 0xc0:
		n, isBytes, odd = int(h&0xf), h&0x20 != 0, h&0x10 != 0
	case h < 0xe0 && len(b) >= 2:
		head, n, isBytes, odd = 2, int(h&7)<<8|int(b[1]), h&0x10 != 0, h&0x08 != 0
	case h < 0xe4 && len(b) >= 4:
		head, n, isBytes, odd = 4, int(b[1])<<16|int(b[2])<<8|int(b[3]), h&0x02 != 0, h&0x01 != 0
	default:
		odd = true
	}
	if odd || n > len(b)-head || !isBytes && (n == 0 || n > 8) {
		return value{}, malformed(fmt.Sprintf("token %02x", h))
	}
	v := value{kind: kindBytes, bytes: b[head : head+n]}
	*s = b[head+n:]
	if isBytes {
		return v, nil
	}
	v = value{kind: kindNumber}
	for _, x := range b[head : head+n] {
		v.number = v.number<<8 | uint64(x)
	}
	return v, nil
}

func (v value) uid() uint64 {
	if v.kind != kindBytes || len(v.bytes) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(v.bytes)
}

// answer of a method, or a call of the session manager's.
type answer struct {
	manager uint64 // the method of the session manager; 0: an answer in a session
	results []value
	status  Status
}

// parseAnswer reads a payload. The end of the session is no answer to a method.
func parseAnswer(b []byte) (a answer, err error) {
	s := stream(b)
	if s.next(endOfSession) {
		return answer{}, ErrClosed
	}
	if s.next(call) {
		who, err := s.value(0)
		if err != nil {
			return a, err
		}
		m, err := s.value(0)
		if err != nil {
			return a, err
		}
		if a.manager = m.uid(); who.uid() != uidManager || a.manager == 0 {
			return a, malformed("a call that is not the session manager's")
		}
	}
	v, err := s.value(0)
	if err != nil {
		return a, err
	}
	if v.kind != kindList || !s.next(endOfData) {
		return a, malformed("no list of results")
	}
	a.results = v.list
	v, err = s.value(0)
	if err != nil {
		return a, err
	}
	if v.kind != kindList || len(v.list) == 0 || v.list[0].kind != kindNumber || v.list[0].number > 0xff {
		return a, malformed("no status")
	}
	a.status = Status(v.list[0].number)
	return a, nil
}

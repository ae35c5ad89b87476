package opal

import "errors"

// Tokens of a data stream (Core clause 3.2.2.3).
const (
	tokenStartList    = 0xf0
	tokenEndList      = 0xf1
	tokenStartName    = 0xf2
	tokenEndName      = 0xf3
	tokenCall         = 0xf8
	tokenEndOfData    = 0xf9
	tokenEndOfSession = 0xfa
	tokenEmpty        = 0xff
)

// nesting is how deep lists and names may lie in each other; methods of Opal need
// five.
const nesting = 16

var errStream = errors.New("malformed data stream")

type kind uint8

const (
	kindNumber kind = iota + 1
	kindBytes
	kindList
	kindName
)

// value is one element of a data stream: an unsigned integer, bytes, a list, or a
// named value (the name and what it stands for in list).
type value struct {
	kind   kind
	number uint64
	bytes  []byte
	list   []value
}

// named is the number by which a value is named.
func (v value) named() (name uint64, of value, ok bool) {
	if v.kind != kindName || v.list[0].kind != kindNumber {
		return 0, value{}, false
	}
	return v.list[0].number, v.list[1], true
}

// uid of an object or method: 8 bytes.
func (v value) uid() (uint64, bool) {
	if v.kind != kindBytes || len(v.bytes) != 8 {
		return 0, false
	}
	n := uint64(0)
	for _, b := range v.bytes {
		n = n<<8 | uint64(b)
	}
	return n, true
}

func (v value) boolean() (b, ok bool) {
	return v.number == 1, v.kind == kindNumber && v.number <= 1
}

// stream is read from front to back. Its bytes are the host's.
type stream []byte

// next takes one control token, if it is there.
func (s *stream) next(token byte) bool {
	s.skipEmpty()
	if len(*s) == 0 || (*s)[0] != token {
		return false
	}
	*s = (*s)[1:]
	return true
}

func (s *stream) skipEmpty() {
	for len(*s) > 0 && (*s)[0] == tokenEmpty {
		*s = (*s)[1:]
	}
}

func (s *stream) take(n int) ([]byte, error) {
	if n > len(*s) {
		return nil, errStream
	}
	b := (*s)[:n]
	*s = (*s)[n:]
	return b, nil
}

// value reads one value; depth counts what it lies in.
func (s *stream) value(depth int) (value, error) {
	s.skipEmpty()
	if depth > nesting || len(*s) == 0 {
		return value{}, errStream
	}
	switch b := (*s)[0]; {
	case b == tokenStartList:
		return s.list(depth)
	case b == tokenStartName:
		return s.name(depth)
	case b >= 0xe4:
		return value{}, errStream // reserved, or a control token that can't stand here
	default:
		return s.atom()
	}
}

func (s *stream) list(depth int) (value, error) {
	v := value{kind: kindList}
	*s = (*s)[1:]
	for !s.next(tokenEndList) {
		e, err := s.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		v.list = append(v.list, e)
	}
	return v, nil
}

func (s *stream) name(depth int) (value, error) {
	v := value{kind: kindName}
	*s = (*s)[1:]
	for range 2 {
		e, err := s.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		v.list = append(v.list, e)
	}
	if v.list[0].kind > kindBytes || !s.next(tokenEndName) {
		return value{}, errStream
	}
	return v, nil
}

// atom reads tiny, short, medium and long atoms (Core clauses 3.2.2.3.1.1 to 4). No
// method that is modelled takes signed or continued ones.
func (s *stream) atom() (value, error) {
	h := (*s)[0]
	head, n, isBytes, odd := 1, 0, false, false
	switch {
	case h < 0x40:
		*s = (*s)[1:]
		return value{kind: kindNumber, number: uint64(h)}, nil
	case h < 0x80:
		return value{}, errStream // a signed tiny atom
	case h < 0xc0:
		n, isBytes, odd = int(h&0x0f), h&0x20 != 0, h&0x10 != 0
	case h < 0xe0:
		if len(*s) < 2 {
			return value{}, errStream
		}
		head, n, isBytes, odd = 2, int(h&7)<<8|int((*s)[1]), h&0x10 != 0, h&0x08 != 0
	default:
		if len(*s) < 4 {
			return value{}, errStream
		}
		head, n, isBytes, odd = 4, int((*s)[1])<<16|int((*s)[2])<<8|int((*s)[3]), h&0x02 != 0, h&0x01 != 0
	}
	*s = (*s)[head:]
	b, err := s.take(n)
	if err != nil || odd {
		return value{}, errStream
	}
	if isBytes {
		return value{kind: kindBytes, bytes: b}, nil
	}
	return number(b)
}

func number(b []byte) (value, error) {
	if len(b) == 0 || len(b) > 8 {
		return value{}, errStream
	}
	v := value{kind: kindNumber}
	for _, x := range b {
		v.number = v.number<<8 | uint64(x)
	}
	return v, nil
}

// call of a method: who is called, which method, with what.
type call struct {
	invoking, method uint64
	params           []value
}

// parseCall reads a method call and the status list of zeros behind it (Core clause
// 3.2.4.2).
func parseCall(b []byte) (call, error) {
	s := stream(b)
	if !s.next(tokenCall) {
		return call{}, errStream
	}
	var c call
	for _, to := range []*uint64{&c.invoking, &c.method} {
		v, err := s.value(0)
		uid, ok := v.uid()
		if err != nil || !ok {
			return call{}, errStream
		}
		*to = uid
	}
	v, err := s.value(0)
	if err != nil || v.kind != kindList || !s.next(tokenEndOfData) {
		return call{}, errStream
	}
	c.params = v.list
	if v, err = s.value(0); err != nil || v.kind != kindList || len(v.list) != 3 {
		return call{}, errStream
	}
	for _, e := range v.list {
		if e.kind != kindNumber || e.number != 0 {
			return call{}, errStream // the host gives its call up
		}
	}
	if s.skipEmpty(); len(s) > 0 {
		return call{}, errStream // one method a packet
	}
	return c, nil
}

// Encoding, in the shortest form.

func putNumber(b []byte, n uint64) []byte {
	if n < 0x40 {
		return append(b, byte(n))
	}
	size := 0
	for m := n; m > 0; m >>= 8 {
		size++
	}
	b = append(b, 0x80|byte(size))
	for i := size - 1; i >= 0; i-- {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

func putBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// putBytes: what is sent never has more than 2,047 bytes.
func putBytes(b, v []byte) []byte {
	if len(v) < 16 {
		b = append(b, 0xa0|byte(len(v)))
	} else {
		b = append(b, 0xd0|byte(len(v)>>8), byte(len(v)))
	}
	return append(b, v...)
}

func putUID(b []byte, uid uint64) []byte {
	b = append(b, 0xa8)
	for i := 7; i >= 0; i-- {
		b = append(b, byte(uid>>(8*i)))
	}
	return b
}

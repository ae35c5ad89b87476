package vhost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// Requests of a front end (vhost-user, 'Front-end message types').
const (
	getFeatures         = 1
	setFeatures         = 2
	setOwner            = 3
	resetOwner          = 4
	setMemTable         = 5
	setVringNum         = 8
	setVringAddr        = 9
	setVringBase        = 10
	getVringBase        = 11
	setVringKick        = 12
	setVringCall        = 13
	setVringErr         = 14
	getProtocolFeatures = 15
	setProtocolFeatures = 16
	getQueueNum         = 17
	setVringEnable      = 18
)

const (
	headerSize = 12
	// maxPayload: a memory table of maxRegions is the longest that is taken.
	maxPayload = 8 + 32*maxRegions
	maxRegions = 32

	flagVersion   = 1 // bits 1:0
	flagReply     = 1 << 2
	flagNeedReply = 1 << 3
)

// message of a front end: little-endian u32 request, u32 flags, u32 size, payload.
type message struct {
	request, flags uint32
	payload        []byte
	fds            []int // the receiver closes what it does not keep
}

// parseHeader of a message; its payload of n bytes follows.
func parseHeader(b []byte) (m message, n int, err error) {
	m = message{request: binary.LittleEndian.Uint32(b), flags: binary.LittleEndian.Uint32(b[4:])}
	size := binary.LittleEndian.Uint32(b[8:])
	switch {
	case m.flags&3 != flagVersion:
		return m, 0, fmt.Errorf("message of version %d", m.flags&3)
	case m.flags&flagReply != 0:
		return m, 0, errors.New("a reply to nothing")
	case size > maxPayload:
		return m, 0, fmt.Errorf("message %d of %d bytes", m.request, size)
	}
	return m, int(size), nil
}

// readMessage takes one message with its descriptors, which come with its header.
// The error is io.EOF when the front end has left.
func readMessage(c *net.UnixConn) (message, error) {
	head, oob := make([]byte, headerSize), make([]byte, unix.CmsgSpace(4*maxRegions))
	n, oobn, flags, _, err := c.ReadMsgUnix(head, oob)
	fds, oobErr := descriptors(oob[:oobn])
	fail := func(err error) (message, error) {
		closeAll(fds)
		return message{}, err
	}
	switch {
	case err != nil:
		return fail(err)
	case n == 0:
		return fail(io.EOF)
	case oobErr != nil:
		return fail(oobErr)
	case flags&unix.MSG_CTRUNC != 0:
		return fail(errors.New("too many descriptors with a message"))
	}
	if err := fill(c, head[n:]); err != nil {
		return fail(err)
	}
	m, size, err := parseHeader(head)
	if err != nil {
		return fail(err)
	}
	m.payload, m.fds = make([]byte, size), fds
	if err := fill(c, m.payload); err != nil {
		return fail(err)
	}
	return m, nil
}

// fill p; an end within a message is an error.
func fill(c io.Reader, p []byte) error {
	_, err := io.ReadFull(c, p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func descriptors(oob []byte) ([]int, error) {
	all, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var fds []int
	for _, c := range all {
		if c.Header.Level != unix.SOL_SOCKET || c.Header.Type != unix.SCM_RIGHTS {
			continue
		}
		f, err := unix.ParseUnixRights(&c)
		if err != nil {
			closeAll(fds)
			return nil, err
		}
		fds = append(fds, f...)
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// reply to a message: its request, version 1, the reply flag.
func reply(request uint32, payload []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, request)
	b = binary.LittleEndian.AppendUint32(b, flagVersion|flagReply)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...)
}

func reply64(request uint32, v uint64) []byte {
	return reply(request, binary.LittleEndian.AppendUint64(nil, v))
}

func (m message) need(n int) error {
	if len(m.payload) < n {
		return fmt.Errorf("message %d of %d bytes: it has %d", m.request, len(m.payload), n)
	}
	return nil
}

// u64 payload.
func (m message) u64() (uint64, error) {
	if err := m.need(8); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(m.payload), nil
}

// state is a vring's index and a number.
func (m message) state() (index, num uint32, err error) {
	if err := m.need(8); err != nil {
		return 0, 0, err
	}
	return binary.LittleEndian.Uint32(m.payload), binary.LittleEndian.Uint32(m.payload[4:]), nil
}

// addresses of a vring in the front end's own address space.
type addresses struct{ desc, used, avail uint64 }

func (m message) addresses() (index uint32, a addresses, err error) {
	if err := m.need(40); err != nil {
		return 0, a, err
	}
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(m.payload[at:]) }
	return binary.LittleEndian.Uint32(m.payload), addresses{desc: u64(8), used: u64(16), avail: u64(24)}, nil
}

// place of a region of the guest's memory.
type place struct{ guest, size, user, offset uint64 }

// places of a memory table: u32 count, u32 of padding, 32 bytes each.
func (m message) places() ([]place, error) {
	if err := m.need(8); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(m.payload)
	if n > maxRegions {
		return nil, fmt.Errorf("memory table of %d regions", n)
	}
	if err := m.need(8 + 32*int(n)); err != nil {
		return nil, err
	}
	var all []place
	for b := m.payload[8 : 8+32*n]; len(b) > 0; b = b[32:] {
		u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
		all = append(all, place{guest: u64(0), size: u64(8), user: u64(16), offset: u64(24)})
	}
	return all, nil
}

// descriptor that comes with a u64 whose low byte is a vring's index and whose bit 8
// says that there is none.
func (m message) descriptor() (index uint32, fd int, err error) {
	v, err := m.u64()
	if err != nil {
		return 0, -1, err
	}
	index = uint32(v & 0xff)
	switch {
	case v&0x100 != 0:
		return index, -1, nil
	case len(m.fds) != 1:
		return index, -1, fmt.Errorf("message %d with %d descriptors: it has one", m.request, len(m.fds))
	}
	return index, m.fds[0], nil
}

package nvmetcp

import "net"

// Discovery log page (Base, figure 264): identifier and offsets.
const (
	logDiscovery = 0x70

	discHeaderLen = 1024
	discEntryLen  = 1024
)

// discover answers an admin command to the discovery controller (Base, clause
// 3.1.2.3): Identify Controller and the discovery log page are all that it has.
func (q *queue) discover(c *command) {
	switch {
	case c.opcode() == opIdentify && byte(c.cdw(10)) == cnsController:
		q.answer(c, 0, 0, q.controller.discoveryIdentify())
	case c.opcode() == opIdentify:
		q.answer(c, 0, statusField, nil)
	case c.opcode() == opGetLog:
		q.discoveryLog(c)
	default:
		q.answer(c, 0, statusOpcode, nil)
	}
}

func (c *controller) discoveryIdentify() []byte {
	b := make([]byte, idLen)
	for i := 4; i < 72; i++ {
		b[i] = ' ' // serial, model, firmware
	}
	copy(b[4:], "0")
	copy(b[24:], "Handback drive model")
	copy(b[64:], "1")
	b[idMDTS] = mdts
	le.PutUint32(b[idVER:], defaultVS)
	b[idCNTRLTYP] = 2
	b[idLPA] = 1 << 2 // extended data for Get Log Page: offsets
	c.transportFields(b)
	return b
}

// discoveryLog gives the part of the page that is asked for.
func (q *queue) discoveryLog(c *command) {
	if byte(c.cdw(10)) != logDiscovery {
		q.answer(c, 0, statusLogPage, nil)
		return
	}
	n := (uint64(c.cdw(10)>>16|c.cdw(11)<<16) + 1) * 4
	at := uint64(c.cdw(13))<<32 | uint64(c.cdw(12))
	page := q.server.discoveryPage(q.conn.LocalAddr())
	if at%4 != 0 || at > uint64(len(page)) {
		q.answer(c, 0, statusField, nil)
		return
	}
	// What lies behind the page reads as zeros.
	b := make([]byte, min(n, uint64(c.in)))
	copy(b, page[at:])
	q.answer(c, 0, 0, b)
}

// discoveryPage has one entry: the drive's subsystem, at this door.
func (s *server) discoveryPage(local net.Addr) []byte {
	b := make([]byte, discHeaderLen+discEntryLen)
	le.PutUint64(b[0:], 1) // generation
	le.PutUint64(b[8:], 1) // records
	e := b[discHeaderLen:]
	address := s.options.Advertise
	if address == "" {
		address = local.String()
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, ""
	}
	e[0] = 3 // TRTYPE: TCP
	e[1] = 1 // ADRFAM: IPv4
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		e[1] = 2
	}
	e[2] = 2                      // SUBTYPE: an NVM subsystem
	e[3] = 2                      // TREQ: no secure channel
	le.PutUint16(e[4:], 1)        // PORTID
	le.PutUint16(e[6:], anyID)    // CNTLID: dynamic
	le.PutUint16(e[8:], depthMax) // ASQSZ
	copy(e[32:64], port)          // TRSVCID
	copy(e[256:512], s.options.NQN)
	copy(e[512:768], host) // TRADDR
	return b               // TSAS 0: no TLS
}

package ata

// TRUSTED RECEIVE and TRUSTED SEND (ACS-4): features are the
// security protocol, LBA 23:8 what is specific to it; the number of 512-byte blocks
// stands in count 7:0 and, above that, in LBA 7:0.
func trustedBlocks(r *request) int { return int(r.Count&0xff) | int(r.LBA&0xff)<<8 }

func trustedSpecific(r *request) uint16 { return uint16(r.LBA >> 8) }

func (d *Drive) trustedReceive(r *request) answer {
	n := trustedBlocks(r) * 512
	if d.cfg.TCG == nil || n == 0 {
		return aborted()
	}
	protocol := byte(r.Features)
	b, good := d.cfg.TCG.Receive(protocol, trustedSpecific(r), n)
	if !good && protocol == 0 {
		b, good = protocolInformation(trustedSpecific(r))
	}
	if !good {
		return aborted()
	}
	in := make([]byte, n)
	copy(in, b)
	return data(in)
}

func (d *Drive) trustedSend(r *request) answer {
	n := trustedBlocks(r) * 512
	if d.cfg.TCG == nil || n == 0 || len(r.out) < n || !d.cfg.TCG.Send(byte(r.Features), trustedSpecific(r), r.out[:n]) {
		return aborted()
	}
	return ok()
}

// protocolInformation is security protocol 00h (SPC-5): the list of
// protocols, and the drive's certificate, of which there is none.
func protocolInformation(specific uint16) ([]byte, bool) {
	switch specific {
	case 0x0000:
		return []byte{6: 0, 7: 3, 8: 0x00, 9: 0x01, 10: 0x02}, true
	case 0x0001:
		return make([]byte, 4), true
	}
	return nil, false
}

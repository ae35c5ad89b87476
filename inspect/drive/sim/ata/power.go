package ata

// Power modes as CHECK POWER MODE answers them (ACS-4).
const (
	powerStandby = 0x00
	powerIdle    = 0x80
	powerActive  = 0xff // active or idle
)

func (d *Drive) checkPower(*request) answer {
	a := ok()
	a.regs.Count = uint16(d.mode)
	return a
}

// powerMode: STANDBY, IDLE and SLEEP. A drive that sleeps is woken by the reset
// that the host sends before its next command: here by that command.
func (d *Drive) powerMode(r *request) answer {
	switch r.Command {
	case 0xe1, 0xe3:
		d.mode = powerIdle
	default:
		d.mode = powerStandby
	}
	if d.cfg.Rotation == 1 && d.mode == powerIdle {
		d.mode = powerActive // an SSD knows no other idle
	}
	return ok()
}

// diagnostic is EXECUTE DEVICE DIAGNOSTIC: code 01h, 'passed', and the signature
// of an ATA drive (ACS-4).
func diagnostic() answer {
	a := ok()
	a.regs.Error, a.regs.Count, a.regs.LBA, a.regs.Device = 0x01, 1, 1, 0
	return a
}

// setMultiple is SET MULTIPLE MODE: sectors per block, a power of two up to what
// word 47 says.
func (d *Drive) setMultiple(r *request) answer {
	n := byte(r.Count)
	if n > multipleMax || n&(n-1) != 0 {
		return aborted()
	}
	d.multiple = n
	return ok()
}

const multipleMax = 16

// setFeatures is SET FEATURES (ACS-4), as far as clients go.
func (d *Drive) setFeatures(r *request) answer {
	switch r.Features & 0xff {
	case 0x02:
		d.writeCache = true
	case 0x82:
		d.writeCache = false
	case 0xaa:
		d.readAhead = true
	case 0x55:
		d.readAhead = false
	case 0x03, // transfer mode: there is no cable
		0x10, 0x90, // Serial ATA features
		0x66, 0xcc: // power-on defaults
	default:
		return aborted()
	}
	return ok()
}

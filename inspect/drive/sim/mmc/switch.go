package mmc

// Access modes of SWITCH (clause 6.6.1), bits 25:24.
const (
	accessCommandSet = iota
	accessSetBits
	accessClearBits
	accessWriteByte
)

// writable bytes of the modes segment that a host may set, and that do nothing else
// here.
var writable = map[int]bool{extCacheFlush: true, extCacheControl: true, extPowerOffNotify: true, extHPIManagement: true,
	extBKOPSEnable: true, extUserWP: true, extBootWP: true, extEraseGroupDef: true, extBootBusWidth: true, extBootConfigProt: true,
	extPartitionConfig: true, extBusWidth: true, extHSTiming: true, extPowerClass: true}

// switchByte is SWITCH. What is wrong with it stands in the next R1, as SWITCH_ERROR
// (clause 6.6.1).
func (d *Drive) switchByte(r request) ([]byte, uint32) {
	mode, index, value := r.Arg>>24&3, int(r.Arg>>16&0xff), byte(r.Arg>>8)
	if index == extSanitizeStart && mode != accessCommandSet {
		if value != 0 {
			d.sanitize(r)
		}
		return nil, 0
	}
	switch mode {
	case accessCommandSet:
		return nil, 0 // there is one command set
	case accessSetBits:
		value |= d.ext[index]
	case accessClearBits:
		value = d.ext[index] &^ value
	}
	if r.Arg>>26 != 0 || !writable[index] || !d.mayWrite(index, value) {
		d.pending |= bitSwitchError
		return nil, 0
	}
	if r.Pretend {
		return nil, 0
	}
	d.ext[index] = value
	switch index {
	case extCacheFlush:
		d.ext[index] = 0 // the model has no cache
	case extBootWP:
		d.protectBoot(value)
	}
	return nil, 0
}

// mayWrite: values that a byte does not take now.
func (d *Drive) mayWrite(index int, value byte) bool {
	old := d.ext[index]
	switch index {
	case extPartitionConfig:
		return d.areas[value&7] != nil
	case extBootWP:
		// Bits that forbid or protect stay until the power goes, or for ever; and what
		// is forbidden is not protected (clause 7.4.51).
		forbidden := value&bootWPPermanentOff != 0 && value&bootWPPermanentOn != 0 || value&bootWPPowerOff != 0 && value&bootWPPowerOn != 0
		return old&^value&bootWPSticky == 0 && !forbidden
	case extUserWP:
		return old&^value&(userWPPermanentOff|userWPPowerOff) == 0
	}
	return true
}

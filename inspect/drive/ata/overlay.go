package ata

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrNotOverlay: what came is no DEVICE CONFIGURATION IDENTIFY data.
var ErrNotOverlay = errors.New("no DEVICE CONFIGURATION IDENTIFY data")

// ParseOverlay gives the highest address that a drive can have, from the 512 bytes of
// DEVICE CONFIGURATION IDENTIFY (ACS-3 table 'DCO Identify data'): words 3 to 6. They
// must add up to zero where the last word has its signature.
func ParseOverlay(b []byte) (last uint64, err error) {
	switch {
	case len(b) != sector:
		return 0, fmt.Errorf("%w: %d bytes", ErrNotOverlay, len(b))
	case b[510] == 0xa5 && !sums(b):
		return 0, fmt.Errorf("%w: its checksum is wrong", ErrNotOverlay)
	}
	last = binary.LittleEndian.Uint64(b[6:])
	if revision := binary.LittleEndian.Uint16(b); revision == 0 || last == 0 || last >= 1<<48-1 {
		return 0, fmt.Errorf("%w: revision %d, last address %d", ErrNotOverlay, revision, last)
	}
	return last, nil
}

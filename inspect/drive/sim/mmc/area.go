package mmc

import (
	"fmt"

	"handback.example/inspect/drive/sim"
)

// Areas as EXT_CSD[179] numbers them in bits 2:0.
const (
	areaUser = iota
	areaBoot1
	areaBoot2
	areaRPMB
	areaGP1
	areaCount = areaGP1 + 4
)

// area is one address space of the card: its flash, and what of it is unmapped.
type area struct {
	medium   *sim.Medium
	unmapped spans // in sectors
}

// AreaName names an area by its number in PARTITION_CONFIG.
func AreaName(number int) string {
	names := [areaCount]string{"user", "boot1", "boot2", "RPMB", "GP1", "GP2", "GP3", "GP4"}
	return names[number&7]
}

// Area is the flash of one area by its name, nil where the card has none.
func (d *Drive) Area(name string) *sim.Medium {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.advance()
	for i, a := range d.areas {
		if a != nil && AreaName(i) == name {
			return a.medium
		}
	}
	return nil
}

func (d *Drive) makeAreas() error {
	user := d.c.Medium
	size := int64(d.sectors()) * sector
	if user == nil {
		user = sim.NewMedium(size)
	}
	if user.Size() < size {
		return fmt.Errorf("the Medium has %d bytes, the user area %d", user.Size(), size)
	}
	d.areas[areaUser] = &area{medium: user}
	sizes := map[int]int64{areaBoot1: int64(d.ext[extBootSize]) * unit128K, areaBoot2: int64(d.ext[extBootSize]) * unit128K,
		areaRPMB: int64(d.ext[extRPMBSize]) * unit128K}
	group := int64(d.ext[extWPGroupSize]) * int64(d.ext[extEraseGroupSize]) * unit512K
	for i := range 4 {
		m := d.ext[extGPSizes+3*i:]
		if d.ext[extPartitioned]&1 != 0 {
			sizes[areaGP1+i] = (int64(m[0]) | int64(m[1])<<8 | int64(m[2])<<16) * group
		}
	}
	for i, n := range sizes {
		if n > 0 {
			d.areas[i] = &area{medium: sim.NewMedium(n)}
		}
	}
	return nil
}

// current is the area that commands go to, its number and its sectors.
func (d *Drive) current() (*area, int, uint64) {
	n := int(d.ext[extPartitionConfig] & 7)
	a := d.areas[n]
	if n == areaUser {
		return a, n, uint64(d.sectors())
	}
	return a, n, uint64(a.medium.Size() / sector)
}

// read gives what a host reads: erased memory where nothing is mapped.
func (d *Drive) read(a *area, from, count uint64) ([]byte, error) {
	b := make([]byte, count*sector)
	if _, err := a.medium.ReadAt(b, int64(from)*sector); err != nil {
		return nil, err
	}
	erased := byte(0)
	if d.ext[extErasedContent] == 1 {
		erased = 0xff
	}
	for _, s := range a.unmapped.within(from, from+count) {
		for i := (s.from - from) * sector; i < (s.to-from)*sector; i++ {
			b[i] = erased
		}
	}
	return b, nil
}

func (d *Drive) write(a *area, from uint64, b []byte) error {
	if _, err := a.medium.WriteAt(b, int64(from)*sector); err != nil {
		return err
	}
	a.unmapped = a.unmapped.without(from, from+uint64(len(b)/sector))
	return nil
}

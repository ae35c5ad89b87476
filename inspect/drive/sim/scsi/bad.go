package scsi

import "slices"

// extent of blocks that can't be read.
type extent struct {
	from, to  uint64
	dead      bool // nor be written
	asc, ascq byte
}

// extents that do not overlap, sorted.
type extents []extent

// first bad block in a range; for a write only the dead count.
func (x extents) first(from, to uint64, write bool) (e extent, at uint64, ok bool) {
	for _, e := range x {
		if e.from >= to {
			break
		}
		if e.to > from && (e.dead || !write) {
			return e, max(from, e.from), true
		}
	}
	return extent{}, 0, false
}

// add an extent over those that are there; what is dead stays so.
func (x *extents) add(e extent) {
	x.heal(e.from, e.to)
	for at := e.from; at < e.to; {
		gap := e.to
		dead, from, ok := x.first(at, e.to, true)
		if ok {
			gap = from
		}
		if gap > at {
			n := e
			n.from, n.to = at, gap
			*x = append(*x, n)
			slices.SortFunc(*x, func(a, b extent) int {
				if a.from < b.from {
					return -1
				}
				return 1
			})
		}
		if !ok {
			return
		}
		at = dead.to
	}
}

// heal what was written.
func (x *extents) heal(from, to uint64) {
	var out extents
	for _, e := range *x {
		if e.dead || e.to <= from || e.from >= to {
			out = append(out, e)
			continue
		}
		if e.from < from {
			left := e
			left.to = from
			out = append(out, left)
		}
		if e.to > to {
			e.from = to
			out = append(out, e)
		}
	}
	*x = out
}

// replace a block by another sector, dead or not.
func (x *extents) replace(lba uint64) {
	var out extents
	for _, e := range *x {
		if lba < e.from || lba >= e.to {
			out = append(out, e)
			continue
		}
		if left := e; lba > e.from {
			left.to = lba
			out = append(out, left)
		}
		if e.from = lba + 1; e.from < e.to {
			out = append(out, e)
		}
	}
	*x = out
}

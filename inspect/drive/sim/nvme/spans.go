package nvme

import "slices"

// span of blocks, the last not in it.
type span struct{ from, to uint64 }

// spans are blocks of which something is true: sorted, apart from each other.
type spans []span

// add blocks; those that meet become one.
func (s spans) add(from, to uint64) spans {
	if from >= to {
		return s
	}
	i, _ := slices.BinarySearchFunc(s, from, func(e span, at uint64) int {
		if e.to < at {
			return -1
		}
		return 1
	})
	j := i
	for j < len(s) && s[j].from <= to {
		from, to = min(from, s[j].from), max(to, s[j].to)
		j++
	}
	return slices.Replace(s, i, j, span{from, to})
}

// remove blocks.
func (s spans) remove(from, to uint64) spans {
	var out spans
	for _, e := range s {
		if e.from < from {
			out = append(out, span{e.from, min(e.to, from)})
		}
		if e.to > to {
			out = append(out, span{max(e.from, to), e.to})
		}
	}
	return out
}

// in gives the parts that lie in a range.
func (s spans) in(from, to uint64) spans {
	var out spans
	for _, e := range s {
		if a, b := max(e.from, from), min(e.to, to); a < b {
			out = append(out, span{a, b})
		}
	}
	return out
}

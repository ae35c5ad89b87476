package mmc

import "slices"

// span of sectors, to not included.
type span struct{ from, to uint64 }

// spans are sorted, and none touches another.
type spans []span

// with adds a range.
func (s spans) with(from, to uint64) spans {
	if from >= to {
		return s
	}
	var out spans
	for _, x := range s {
		if x.to < from || x.from > to {
			out = append(out, x)
			continue
		}
		from, to = min(from, x.from), max(to, x.to)
	}
	i, _ := slices.BinarySearchFunc(out, from, func(x span, at uint64) int {
		if x.from < at {
			return -1
		}
		return 1
	})
	return slices.Insert(out, i, span{from, to})
}

// without takes a range away.
func (s spans) without(from, to uint64) spans {
	if len(s.within(from, to)) == 0 {
		return s
	}
	var out spans
	for _, x := range s {
		if x.from < min(x.to, from) {
			out = append(out, span{x.from, min(x.to, from)})
		}
		if x.to > max(x.from, to) {
			out = append(out, span{max(x.from, to), x.to})
		}
	}
	return out
}

// within gives the parts that lie in a range.
func (s spans) within(from, to uint64) spans {
	var out spans
	i, _ := slices.BinarySearchFunc(s, from, func(x span, at uint64) int {
		if x.to <= at {
			return -1
		}
		return 1
	})
	for ; i < len(s) && s[i].from < to; i++ {
		if f, t := max(s[i].from, from), min(s[i].to, to); f < t {
			out = append(out, span{f, t})
		}
	}
	return out
}

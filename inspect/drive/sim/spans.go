package sim

import "slices"

// Span of blocks, the last not in it.
type Span struct{ From, To uint64 }

// Spans are blocks of which something is true, that they are unmapped as a rule:
// sorted, apart from each other. Nil is none. No method changes what it is called
// on.
type Spans []Span

// Add blocks; those that meet become one.
func (s Spans) Add(from, to uint64) Spans {
	if from >= to {
		return s
	}
	i, _ := slices.BinarySearchFunc(s, from, func(e Span, at uint64) int {
		if e.To < at {
			return -1
		}
		return 1
	})
	j := i
	for j < len(s) && s[j].From <= to {
		from, to = min(from, s[j].From), max(to, s[j].To)
		j++
	}
	return slices.Concat(s[:i], Spans{{from, to}}, s[j:])
}

// Remove blocks.
func (s Spans) Remove(from, to uint64) Spans {
	if from >= to || len(s.In(from, to)) == 0 {
		return s
	}
	var out Spans
	for _, e := range s {
		if e.From < min(from, e.To) {
			out = append(out, Span{e.From, min(e.To, from)})
		}
		if e.To > max(to, e.From) {
			out = append(out, Span{max(e.From, to), e.To})
		}
	}
	return out
}

// In gives the parts that lie in a range.
func (s Spans) In(from, to uint64) Spans {
	i, _ := slices.BinarySearchFunc(s, from, func(e Span, at uint64) int {
		if e.To <= at {
			return -1
		}
		return 1
	})
	var out Spans
	for ; i < len(s) && s[i].From < to; i++ {
		if a, b := max(s[i].From, from), min(s[i].To, to); a < b {
			out = append(out, Span{a, b})
		}
	}
	return out
}

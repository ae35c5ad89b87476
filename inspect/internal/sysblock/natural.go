package sysblock

import (
	"cmp"
	"strings"
)

// natural compares names part by part, so that numbers in them count as numbers:
// 'ata2' comes before 'ata10'. Parts that are hexadecimal throughout, as in PCI
// addresses, are numbers as a whole.
func natural(a, b string) int {
	for a != "" && b != "" {
		na, nb := word(a), word(b)
		if c := compareWord(a[:na], b[:nb]); c != 0 {
			return c
		}
		a, b = a[na:], b[nb:]
	}
	return cmp.Compare(len(a), len(b))
}

// word is the length of the part that a name begins with; a separator is one.
func word(s string) int {
	switch i := strings.IndexAny(s, "/:.-"); i {
	case -1:
		return len(s)
	case 0:
		return 1
	default:
		return i
	}
}

func compareWord(a, b string) int {
	x, y := hexadecimal(a), hexadecimal(b)
	switch {
	case x && y:
		return cmp.Or(number(a, b), cmp.Compare(len(a), len(b)))
	case x:
		return -1
	case y:
		return 1
	}
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			if c := cmp.Or(number(a[:na], b[:nb]), cmp.Compare(na, nb)); c != 0 {
				return c
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// hexadecimal: it begins with a digit and has nothing else in it.
func hexadecimal(s string) bool {
	return digits(s) > 0 && strings.Trim(s, "0123456789abcdef") == ""
}

// number compares two numbers of one base by their value, however long they are.
func number(a, b string) int {
	x, y := strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
}

func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

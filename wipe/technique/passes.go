package technique

import (
	"fmt"

	"handback.example/wipe"
	"handback.example/wipe/internal/pattern"
)

// passesOf a technique, in their order; the last is read back.
//
// The profiles are those that nwipe knows by these names: HMG Infosec Standard 5,
// Baseline (one pass of zeros) and Enhanced (zeros, ones, random), and three random
// passes. NIST SP 800-88 Rev. 2 asks for one pass: more of them reach no more.
func passesOf(id wipe.TechniqueID) ([]pattern.Pattern, error) {
	zero, one := pattern.Pattern(pattern.Zero{}), pattern.Pattern(pattern.One{})
	switch id {
	case wipe.OverwriteZero, wipe.OverwriteIS5Baseline:
		return []pattern.Pattern{zero}, nil
	case wipe.OverwriteOne:
		return []pattern.Pattern{one}, nil
	case wipe.OverwriteRandom:
		return withRandom(1)
	case wipe.OverwriteIS5Enhanced:
		return withRandom(1, zero, one)
	case wipe.OverwriteRandom3:
		return withRandom(3)
	}
	return nil, fmt.Errorf("%q is no overwrite", id)
}

// withRandom adds n random passes, each of a key of its own.
func withRandom(n int, passes ...pattern.Pattern) ([]pattern.Pattern, error) {
	for range n {
		r, err := pattern.NewRandom()
		if err != nil {
			return nil, err
		}
		passes = append(passes, r)
	}
	return passes, nil
}

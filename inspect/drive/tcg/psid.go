package tcg

import (
	"errors"
	"fmt"
	"strings"
)

// psidLength is that of every PSID (TCG Storage Opal Feature Set: PSID 1.00).
const psidLength = 32

// ErrPSID: a text is no PSID by its form. Nothing is sent to a drive then: each wrong
// one costs one of few tries.
var ErrPSID = errors.New("that is no PSID")

// ParsePSID reads what a person typed, or a scanner sent, from a drive's label: 32
// letters and digits, in groups or not, with the word before them or not. It mends
// nothing else: what a person misread is told to the person.
func ParsePSID(text string) (string, error) {
	s := strings.NewReplacer(" ", "", "-", "", "\t", "", "\r", "", "\n", "").Replace(text)
	for _, before := range []string{"PSID:", "PSID="} {
		if len(s) == psidLength+len(before) {
			s = strings.TrimPrefix(s, before)
		}
	}
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return "", fmt.Errorf("%w: %q is neither a letter nor a digit", ErrPSID, c)
		}
	}
	if len(s) != psidLength {
		return "", fmt.Errorf("%w: it has %d characters, and a PSID has %d", ErrPSID, len(s), psidLength)
	}
	return s, nil
}

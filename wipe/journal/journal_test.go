package journal

import (
	"errors"
	"testing"
)

// A journal that was forgotten must refuse, not shrug.
func TestNoneRefuses(t *testing.T) {
	if err := (None{}).Started(t.Context(), Entry{}); !errors.Is(err, ErrNone) {
		t.Errorf("error %v", err)
	}
}

package settings

import (
	"fmt"
	"slices"
	"strings"
)

// Site is where the stick is used, and the rules of that place.
type Site struct {
	// Workshop: trainees work here. Nothing that can see, hear or send is opened, no sound
	// is played, since a microphone hangs on the same driver, and their tests read 'not
	// tested (site rule)'.
	Workshop bool `toml:"workshop"`
	// Keyboard that most machines here have, one of Keyboards; empty: the UK's.
	Keyboard string `toml:"keyboard"`
}

// Keyboards that a machine may have: the layouts of the bench's keyboard test, each
// without a number pad and with one.
var Keyboards = []string{"uk", "uk-pad", "us", "us-pad", "de", "de-pad"}

func (s Site) check() error {
	if s.Keyboard == "" || slices.Contains(Keyboards, s.Keyboard) {
		return nil
	}
	return fmt.Errorf("settings: site.keyboard is %q: it must be one of %s", s.Keyboard, strings.Join(Keyboards, ", "))
}

package function

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Ends of a keyboard test that nobody has to know a key for.
const (
	// KeyIdle without a key that was not seen before ends the test: one that bounces comes
	// again and again.
	KeyIdle = 10 * time.Second
	// EscHeld for so long ends it.
	EscHeld = 2 * time.Second
	// KeyCalm without any key ends it once every one was seen: who goes on pressing keys
	// must not answer a question with them.
	KeyCalm = 1500 * time.Millisecond
)

// KeyTest sees which keys of a keyboard work. It keeps the set of keys that were seen,
// and neither their order nor their times: what was typed can't be told from it.
type KeyTest struct {
	Layout Layout
	seen   map[uint16]bool // keys of the layout
	others map[uint16]bool // and keys beside it
	down   map[uint16]bool // held now
	fresh  time.Time       // when a key was last seen for the first time
	last   time.Time       // when any key was last pressed or let go
	esc    time.Time       // Esc is held since; zero: it is not
}

// NewKeyTest begins now.
func NewKeyTest(l Layout, now time.Time) *KeyTest {
	return &KeyTest{Layout: l, seen: map[uint16]bool{}, others: map[uint16]bool{}, down: map[uint16]bool{}, fresh: now, last: now}
}

// Take an event of the keyboard.
func (k *KeyTest) Take(e InputEvent, now time.Time) {
	if e.Type != evKey || e.Code >= btnMisc && e.Code < keyOK {
		return
	}
	switch e.Value {
	case 1:
		k.press(e.Code, now)
		k.last, k.down[e.Code] = now, true
		if e.Code == keyEsc {
			k.esc = now
		}
	case 0:
		k.last = now
		delete(k.down, e.Code)
		if e.Code == keyEsc {
			k.esc = time.Time{}
		}
	}
	// A repeat (2) is no press: a key that sticks must not hold the test open.
}

func (k *KeyTest) press(code uint16, now time.Time) {
	if k.seen[code] || k.others[code] {
		return
	}
	k.fresh = now
	for _, key := range k.Layout.keys() {
		if key.Code == code {
			k.seen[code] = true
			return
		}
	}
	k.others[code] = true
}

// Seen tells whether a key of the layout was seen.
func (k *KeyTest) Seen(key Key) bool { return k.seen[key.Code] }

// Count of the keys seen, and of all in the layout.
func (k *KeyTest) Count() (seen, all int) { return len(k.seen), len(k.Layout.keys()) }

// Over tells whether the test has ended: no key was seen for the first time for KeyIdle,
// or none was pressed for KeyCalm where every one was seen and let go, or Esc was held.
func (k *KeyTest) Over(now time.Time) bool {
	return k.Left(now) <= 0 || !k.esc.IsZero() && now.Sub(k.esc) >= EscHeld
}

// Left until the test ends by itself.
func (k *KeyTest) Left(now time.Time) time.Duration {
	left := k.fresh.Add(KeyIdle).Sub(now)
	if seen, all := k.Count(); seen == all && len(k.down) == 0 {
		left = min(left, k.last.Add(KeyCalm).Sub(now))
	}
	return left
}

// Missing keys of the layout, by their names.
func (k *KeyTest) Missing() (names []string) {
	for _, key := range k.Layout.keys() {
		if !k.seen[key.Code] {
			names = append(names, key.name())
		}
	}
	return names
}

// Stuck keys are still down at the end. Esc is none of them: it may be held to end the
// test (EscDown).
func (k *KeyTest) Stuck() (names []string) {
	for code := range k.down {
		if code != keyEsc {
			names = append(names, k.nameOf(code))
		}
	}
	slices.Sort(names)
	return names
}

func (k *KeyTest) nameOf(code uint16) string {
	for _, key := range k.Layout.keys() {
		if key.Code == code {
			return key.name()
		}
	}
	return fmt.Sprintf("key %d", code)
}

// EscDown: Esc is down. Whether a person holds it or it is stuck can't be told.
func (k *KeyTest) EscDown() bool { return k.down[keyEsc] }

// Whole: every key was seen, and let go.
func (k *KeyTest) Whole() bool {
	seen, all := k.Count()
	return all > 0 && seen == all && len(k.down) == 0
}

// Most keys were seen, three of four: of the others it can be asked whether they are
// there at all. With fewer nobody has tried the keyboard.
func (k *KeyTest) Most() bool {
	seen, all := k.Count()
	return all > 0 && 4*seen >= 3*all
}

// maxNamed keys are listed by name; of a keyboard of which more are missing, the number
// says enough.
const maxNamed = 12

// Evidence for the record: '82 of 84 keys seen; not seen: F11, right Ctrl'.
func (k *KeyTest) Evidence() string {
	seen, all := k.Count()
	s := fmt.Sprintf("%d of %d keys seen (%s)", seen, all, k.Layout.Name)
	if missing := k.Missing(); len(missing) > 0 && len(missing) <= maxNamed {
		s += "; not seen: " + strings.Join(missing, ", ")
	} else if len(missing) > maxNamed {
		s += fmt.Sprintf("; not seen: %s and %d more", strings.Join(missing[:maxNamed], ", "), len(missing)-maxNamed)
	}
	if stuck := k.Stuck(); len(stuck) > 0 {
		s += "; stuck: " + strings.Join(stuck, ", ")
	}
	if k.EscDown() {
		s += "; Esc was down at the end"
	}
	if n := len(k.others); n > 0 {
		s += fmt.Sprintf("; %d more keys beside these", n)
	}
	return s
}

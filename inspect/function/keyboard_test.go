package function

import (
	"bufio"
	"encoding/hex"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// header gives the codes of keys as Linux's own header has them.
func header(t *testing.T) map[string]uint16 {
	t.Helper()
	f, err := os.Open("/usr/include/linux/input-event-codes.h")
	if err != nil {
		t.Fatalf("%v: install linux-libc-dev (.ci/setup test)", err)
	}
	defer f.Close()
	codes := map[string]uint16{}
	line := regexp.MustCompile(`^#define\s+((?:KEY|BTN|EV|REL|ABS|INPUT_PROP|SYN)_\w+)\s+(0x[0-9a-fA-F]+|\d+)`)
	for s := bufio.NewScanner(f); s.Scan(); {
		if m := line.FindStringSubmatch(s.Text()); m != nil {
			n, err := strconv.ParseUint(m[2], 0, 16)
			if err != nil {
				t.Fatal(err)
			}
			codes[m[1]] = uint16(n)
		}
	}
	return codes
}

// names of the keys of each layout in the header, row by row as they stand on a
// keyboard of that kind.
var rowsOf = map[string][]string{
	"uk": {"ESC F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 DELETE", "GRAVE 1 2 3 4 5 6 7 8 9 0 MINUS EQUAL BACKSPACE",
		"TAB Q W E R T Y U I O P LEFTBRACE RIGHTBRACE ENTER", "CAPSLOCK A S D F G H J K L SEMICOLON APOSTROPHE BACKSLASH",
		"LEFTSHIFT 102ND Z X C V B N M COMMA DOT SLASH RIGHTSHIFT", "LEFTCTRL LEFTMETA LEFTALT SPACE RIGHTALT RIGHTCTRL LEFT UP DOWN RIGHT"},
	"us": {"ESC F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 DELETE", "GRAVE 1 2 3 4 5 6 7 8 9 0 MINUS EQUAL BACKSPACE",
		"TAB Q W E R T Y U I O P LEFTBRACE RIGHTBRACE BACKSLASH", "CAPSLOCK A S D F G H J K L SEMICOLON APOSTROPHE ENTER",
		"LEFTSHIFT Z X C V B N M COMMA DOT SLASH RIGHTSHIFT", "LEFTCTRL LEFTMETA LEFTALT SPACE RIGHTALT RIGHTCTRL LEFT UP DOWN RIGHT"},
}

const padOf = "NUMLOCK KPSLASH KPASTERISK KPMINUS KP7 KP8 KP9 KPPLUS KP4 KP5 KP6 KP1 KP2 KP3 KPENTER KP0 KPDOT"

// Every key is where Linux's header says. A German keyboard has the same places as a UK
// one, and other letters on them.
func TestLayoutsHaveTheKeysOfTheHeader(t *testing.T) {
	codes := header(t)
	rowsOf["de"] = rowsOf["uk"]
	for _, l := range Layouts() {
		id, pad := strings.CutSuffix(l.ID, "-pad")
		var want, got []uint16
		for _, name := range strings.Fields(strings.Join(rowsOf[id], " ")) {
			want = append(want, codes["KEY_"+name])
		}
		if pad {
			for _, name := range strings.Fields(padOf) {
				want = append(want, codes["KEY_"+name])
			}
		}
		names := map[string]bool{}
		for _, k := range l.keys() {
			got = append(got, k.Code)
			if names[k.name()] {
				t.Errorf("%s: two keys are called %q", l.ID, k.name())
			}
			names[k.name()] = true
			if n := len([]rune(k.Label)); k.Width <= n {
				t.Errorf("%s: %q has %d columns", l.ID, k.Label, k.Width)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: keys %v, want %v", l.ID, got, want)
		}
		if pad != (len(l.Pad) > 0) || pad && len(l.Pad) != len(l.Rows)-1 {
			t.Errorf("%s: a number pad of %d rows", l.ID, len(l.Pad))
		}
	}
	for name, code := range map[string]uint16{"EV_SYN": evSyn, "EV_KEY": evKey, "EV_REL": evRel, "EV_ABS": evAbs, "KEY_ESC": keyEsc, "KEY_Q": keyQ,
		"KEY_ENTER": keyEnter, "KEY_SPACE": keySpace, "KEY_OK": keyOK, "BTN_MISC": btnMisc, "BTN_LEFT": btnLeft, "BTN_RIGHT": btnRight, "BTN_TOUCH": btnTouch,
		"REL_X": relX, "REL_Y": relY, "ABS_MT_SLOT": absMTSlot, "ABS_MT_TRACKING_ID": absMTID, "ABS_MT_POSITION_X": absMTX, "ABS_MT_POSITION_Y": absMTY, "INPUT_PROP_DIRECT": propDirect, "INPUT_PROP_BUTTONPAD": propButtons} {
		if codes[name] != code {
			t.Errorf("%s is %#x, want %#x", name, code, codes[name])
		}
	}
	if letter := LayoutOf("de").Rows[2][6]; letter.Label != "Z" || letter.Code != codes["KEY_Y"] {
		t.Errorf("the German Z is %+v", letter)
	}
}

var start = time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)

// stroke presses a key and lets it go.
func stroke(k *KeyTest, code uint16, at time.Time) {
	k.Take(InputEvent{evKey, code, 1}, at)
	k.Take(InputEvent{evKey, code, 0}, at)
}

func TestKeyTest(t *testing.T) {
	all := func(l Layout, but ...string) *KeyTest {
		k := NewKeyTest(l, start)
		for _, key := range l.keys() {
			if !slices.Contains(but, key.name()) {
				stroke(k, key.Code, start)
			}
		}
		return k
	}
	whole := all(LayoutOf("uk"))
	if whole.Over(start.Add(KeyCalm-time.Millisecond)) || !whole.Over(start.Add(KeyCalm)) || !whole.Whole() || whole.Evidence() != "78 of 78 keys seen (UK)" {
		t.Errorf("whole: %v %v %q", whole.Over(start), whole.Whole(), whole.Evidence())
	}
	part := all(LayoutOf("us-pad"), "F11", "right Ctrl", "pad 7")
	stroke(part, 110, start) // Insert, which this layout does not ask for
	if part.Over(start.Add(KeyCalm)) || part.Whole() || part.Evidence() != "91 of 94 keys seen (US with number pad); not seen: F11, right Ctrl, pad 7; 1 more keys beside these" {
		t.Errorf("part: %v %v %q", part.Over(start), part.Whole(), part.Evidence())
	}
	stuck := all(LayoutOf("uk"), "A")
	stuck.Take(InputEvent{evKey, 30, 1}, start)
	for s := range 30 { // it repeats, and nobody presses anything
		stuck.Take(InputEvent{evKey, 30, 2}, start.Add(time.Duration(s)*time.Second))
	}
	if !stuck.Over(start.Add(KeyIdle)) || stuck.Whole() || !strings.HasSuffix(stuck.Evidence(), "78 of 78 keys seen (UK); stuck: A") {
		t.Errorf("stuck: %v %q", stuck.Whole(), stuck.Evidence())
	}
	none := NewKeyTest(LayoutOf("uk"), start)
	if none.Over(start.Add(KeyIdle-time.Millisecond)) || !none.Over(start.Add(KeyIdle)) || none.Whole() ||
		none.Evidence() != "0 of 78 keys seen (UK); not seen: Esc, F1, F2, F3, F4, F5, F6, F7, F8, F9, F10, F11 and 66 more" {
		t.Errorf("none: %q", none.Evidence())
	}
	if (&KeyTest{}).Whole() {
		t.Error("no keyboard at all is whole")
	}
	if (&KeyTest{}).Most() || none.Most() || !part.Most() {
		t.Error("most keys: of none, or not of 91 of 94")
	}
}

// Esc ends the test when it is held, and is a key like any other before.
func TestEscHeld(t *testing.T) {
	k := NewKeyTest(LayoutOf("uk"), start)
	stroke(k, keyEsc, start)
	if seen, _ := k.Count(); seen != 1 || k.Over(start.Add(EscHeld)) {
		t.Error("a short Esc ends the test")
	}
	k.Take(InputEvent{evKey, keyEsc, 1}, start)
	if k.Over(start.Add(EscHeld-time.Millisecond)) || !k.Over(start.Add(EscHeld)) || len(k.Stuck()) != 0 || !strings.HasSuffix(k.Evidence(), "; Esc was down at the end") {
		t.Errorf("Esc that is held: stuck %v, %s", k.Stuck(), k.Evidence())
	}
	k = NewKeyTest(LayoutOf("us"), start) // every key, and Esc, the last, stays down
	for _, key := range slices.Backward(k.Layout.keys()) {
		if k.Take(InputEvent{evKey, key.Code, 1}, start); key.Code != keyEsc {
			k.Take(InputEvent{evKey, key.Code, 0}, start)
		}
	}
	if !k.Over(start.Add(EscHeld)) || k.Whole() || k.Evidence() != "77 of 77 keys seen (US); Esc was down at the end" {
		t.Errorf("Esc that is stuck: whole %v, %s", k.Whole(), k.Evidence())
	}
}

// A key that bounces, every second for ever, does not hold the test open; nor where
// every key was seen.
func TestKeyThatBounces(t *testing.T) {
	for name, seen := range map[string][]Key{"alone": nil, "after all": LayoutOf("us").keys()} {
		k := NewKeyTest(LayoutOf("us"), start)
		for _, key := range seen {
			stroke(k, key.Code, start)
		}
		over := start
		for ; !k.Over(over) && over.Before(start.Add(time.Minute)); over = over.Add(time.Second) {
			stroke(k, 30, over)
		}
		if took := over.Sub(start); took != KeyIdle {
			t.Errorf("%s: over after %s, want %s", name, took, KeyIdle)
		}
	}
}

// A key is counted wherever in the order it comes, and the test keeps no order.
func TestKeyTestIgnoresButtons(t *testing.T) {
	k := NewKeyTest(LayoutOf("uk"), start)
	k.Take(InputEvent{evKey, btnLeft, 1}, start)
	k.Take(InputEvent{evRel, keyQ, 1}, start)
	if seen, _ := k.Count(); seen != 0 || len(k.others) != 0 {
		t.Errorf("%d keys, %d others", seen, len(k.others))
	}
}

// Bytes of an x86-64 evdev: linux/input.h, struct input_event. The Q of an AT keyboard
// is pressed: EV_MSC with its scan code, EV_KEY, EV_SYN.
const pressedQ = "c5a1656900000000e1a20b0000000000" + "0400" + "0400" + "10000000" +
	"c5a1656900000000e1a20b0000000000" + "0100" + "1000" + "01000000" +
	"c5a1656900000000e1a20b0000000000" + "0000" + "0000" + "00000000"

func TestParseInputEvents(t *testing.T) {
	b, err := hex.DecodeString(pressedQ)
	if err != nil {
		t.Fatal(err)
	}
	want := []InputEvent{{4, 4, 16}, {1, 16, 1}, {0, 0, 0}}
	if got := ParseInputEvents(b); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := ParseInputEvents(b[:47]); len(got) != 1 {
		t.Errorf("%d events of bytes of one and a part", len(got))
	}
	if got := ParseInputEvents([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\xf6\xff\xff\xff")); got[0] != (InputEvent{evRel, relX, -10}) {
		t.Errorf("a move to the left: %v", got)
	}
}

// What a device sends never breaks a test, and no test counts more than there is.
func FuzzInputEvents(f *testing.F) {
	b, err := hex.DecodeString(pressedQ)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\xf6\xff\xff\xff"))
	f.Add(slices.Concat(b, b)[:70])
	f.Fuzz(func(t *testing.T, b []byte) {
		events := ParseInputEvents(b)
		if len(events) != len(b)/inputEventSize {
			t.Fatalf("%d events of %d bytes", len(events), len(b))
		}
		k := NewKeyTest(LayoutOf("de-pad"), start)
		pad := NewPointerTest(InputDevice{axes: bitmap{1<<absMTX | 1<<absMTY}}, Axis{Min: -5, Max: 7}, Axis{})
		rel := NewPointerTest(InputDevice{}, Axis{}, Axis{})
		for i, e := range events {
			k.Take(e, start.Add(time.Duration(i)*time.Second))
			pad.Take(e)
			rel.Take(e)
		}
		if seen, all := k.Count(); seen > all || len(k.Missing()) != all-seen || k.Evidence() == "" {
			t.Errorf("%d of %d keys, %d missing", seen, all, len(k.Missing()))
		}
		if pad.Count() > Fields || rel.Count() > Fields || pad.Evidence() == "" {
			t.Errorf("%d and %d fields", pad.Count(), rel.Count())
		}
	})
}

package function

import (
	"slices"
	"strconv"
)

// Key of a keyboard, as it is drawn.
type Key struct {
	Code  uint16 // KEY_ of linux/input-event-codes.h: the place, not the letter
	Label string
	// Name in a sentence, where the label does not say which of two it is.
	Name string
	// Width in columns, at least one more than the label.
	Width int
}

// name of the key for people.
func (k Key) name() string {
	if k.Name != "" {
		return k.Name
	}
	return k.Label
}

// Layout is a kind of keyboard: the keys that nearly every machine with it has. What
// some have beside these is counted, and not asked for. Fn is no key: it tells nobody
// that it is pressed.
type Layout struct {
	ID, Name string
	Rows     [][]Key
	// Pad is the number pad, one row to each of Rows from the second on; none: nil.
	Pad [][]Key
}

// Layouts that there are, each without a number pad and with one. Welsh keyboards are
// UK ones.
func Layouts() (list []Layout) {
	for _, l := range []Layout{
		{ID: "uk", Name: "UK", Rows: iso("`1234567890-=", "QWERTYUIOP[]", "ASDFGHJKL;'#", `\ZXCVBNM,./`)},
		{ID: "us", Name: "US", Rows: ansi()},
		{ID: "de", Name: "German", Rows: iso("^1234567890ß´", "QWERTZUIOPÜ+", "ASDFGHJKLÖÄ#", "<YXCVBNM,.-")},
	} {
		list = append(list, l)
		l.ID, l.Name, l.Pad = l.ID+"-pad", l.Name+" with number pad", numberPad()
		list = append(list, l)
	}
	return list
}

// LayoutOf an ID. One that is not known is the UK's.
func LayoutOf(id string) Layout {
	all := Layouts()
	if i := slices.IndexFunc(all, func(l Layout) bool { return l.ID == id }); i >= 0 {
		return all[i]
	}
	return all[0]
}

// keys of the layout, in the order in which they are drawn.
func (l Layout) keys() (list []Key) {
	for _, row := range slices.Concat(l.Rows, l.Pad) {
		list = append(list, row...)
	}
	return list
}

// letters of a row: their codes follow each other.
func letters(first uint16, labels string) (row []Key) {
	for _, r := range labels {
		row = append(row, Key{Code: first, Label: string(r), Width: 3})
		first++
	}
	return row
}

func functionRow() []Key {
	row := []Key{{Code: keyEsc, Label: "Esc", Width: 4}}
	for n, code := range []uint16{59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 87, 88} {
		row = append(row, Key{Code: code, Label: "F" + strconv.Itoa(n+1), Width: 4})
	}
	return append(row, Key{Code: 111, Label: "Del", Width: 4})
}

func lastRow() []Key {
	return []Key{{Code: 29, Label: "Ctrl", Name: "left Ctrl", Width: 5}, {Code: 125, Label: "Win", Width: 4}, {Code: 56, Label: "Alt", Width: 4},
		{Code: keySpace, Label: "Space", Width: 13}, {Code: 100, Label: "AltGr", Width: 6}, {Code: 97, Label: "Ctrl", Name: "right Ctrl", Width: 5},
		{Code: 105, Label: "Lf", Name: "arrow left", Width: 3}, {Code: 103, Label: "Up", Name: "arrow up", Width: 3},
		{Code: 108, Label: "Dn", Name: "arrow down", Width: 3}, {Code: 106, Label: "Rt", Name: "arrow right", Width: 3}}
}

var (
	keyBackspace = Key{Code: 14, Label: "Back", Name: "Backspace", Width: 5}
	keyTab       = Key{Code: 15, Label: "Tab", Width: 4}
	keyCaps      = Key{Code: 58, Label: "Caps", Width: 5}
	keyReturn    = Key{Code: keyEnter, Label: "Enter", Width: 6}
	keyLeft      = Key{Code: 42, Label: "Shift", Name: "left Shift", Width: 6}
	keyRight     = Key{Code: 54, Label: "Shift", Name: "right Shift", Width: 6}
)

// row of a key, letters, and more keys.
func row(first Key, letters []Key, last ...Key) []Key {
	return slices.Concat([]Key{first}, letters, last)
}

// iso keyboards have a key beside the left Shift (102ND), and # or its like beside
// Enter (ISO/IEC 9995-2).
func iso(numbers, top, middle, bottom string) [][]Key {
	home := letters(30, middle)
	home[len(home)-1].Code = 43
	low := letters(43, bottom)
	low[0].Code = 86
	n := letters(1, numbers)
	n[0].Code = 41
	return [][]Key{functionRow(), append(n, keyBackspace), row(keyTab, letters(16, top), keyReturn), row(keyCaps, home),
		row(keyLeft, low, keyRight), lastRow()}
}

// ansi keyboards have the backslash above Enter, and no key beside the left Shift.
func ansi() [][]Key {
	n := letters(1, "`1234567890-=")
	n[0].Code = 41
	top := append(letters(16, "QWERTYUIOP[]"), Key{Code: 43, Label: `\`, Width: 3})
	return [][]Key{functionRow(), append(n, keyBackspace), row(keyTab, top), row(keyCaps, letters(30, "ASDFGHJKL;'"), keyReturn),
		row(keyLeft, letters(44, "ZXCVBNM,./"), keyRight), lastRow()}
}

func numberPad() [][]Key {
	pad := func(code uint16, label string) Key {
		return Key{Code: code, Label: label, Name: "pad " + label, Width: 3}
	}
	return [][]Key{
		{{Code: 69, Label: "Nu", Name: "Num Lock", Width: 3}, pad(98, "/"), pad(55, "*"), pad(74, "-")},
		{pad(71, "7"), pad(72, "8"), pad(73, "9"), pad(78, "+")},
		{pad(75, "4"), pad(76, "5"), pad(77, "6")},
		{pad(79, "1"), pad(80, "2"), pad(81, "3"), {Code: 96, Label: "En", Name: "pad Enter", Width: 3}},
		{{Code: 82, Label: "0", Name: "pad 0", Width: 7}, pad(83, ".")},
	}
}

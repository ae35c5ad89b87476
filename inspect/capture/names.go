package capture

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf16"

	"handback.example/inspect/platform"
)

// names replaces what names a machine or a person by something of the same length
// and shape: a digit by a digit, a letter from A to F by one of these, another letter
// by one from G to Z, in its case; all else stays. The same name gets the same
// substitute, whatever its case, and with or without the separators of a number in
// hex; so duplicates and matches still show.
type names struct {
	key  [32]byte
	subs map[string]string // canonical: capitals, separators of hex taken out
	used map[string]bool
	// forms in which names were met, and what they became.
	forms map[string]string
	ids   map[string]string // numbers, as bytes
	// tags are the names of the machine and its parts that the firmware's table has.
	tags map[string]bool
	// words of the kernel and of makers, in small letters: see isWord.
	words string
}

func newNames() (*names, error) {
	n := &names{subs: map[string]string{}, used: map[string]bool{}, forms: map[string]string{}, ids: map[string]string{}, tags: map[string]bool{}}
	_, err := rand.Read(n.key[:])
	return n, err
}

// text of a name. Blanks around it stay, and so does what names nothing: a
// placeholder, one character throughout.
func (n *names) text(s string) string {
	t := trim(s)
	if t == "" || platform.Placeholder(t) || strings.Trim(t, t[:1]) == "" {
		return s
	}
	n.forms[t] = n.substitute(t)
	return strings.Replace(s, t, n.forms[t], 1)
}

// substitute for a text, which is not looked for elsewhere.
func (n *names) substitute(t string) string {
	canonical := canonical(t)
	sub, at := n.sub(canonical, 0), 0
	var b strings.Builder
	for i := range len(t) {
		switch c := t[i]; {
		case isHexSeparator(c) && len(canonical) != len(t):
			b.WriteByte(c)
		case c >= 'a' && c <= 'z':
			b.WriteString(lower(sub[at : at+1]))
			at++
		default:
			b.WriteByte(sub[at])
			at++
		}
	}
	return b.String()
}

// tag of the machine or of a part, in the firmware's table.
func (n *names) tag(s string) string {
	n.tags[trim(s)] = true
	return n.text(s)
}

func trim(s string) string { return strings.Trim(s, " \t\r\n\x00") }

// bytes of a name, where they stand.
func (n *names) bytes(b []byte) { copy(b, n.text(string(b))) }

// id is a number as bytes, replaced where it stands. Its first byte stays: it says
// what kind of number it is.
func (n *names) id(b []byte) {
	if len(b) < 3 || bytes.Count(b, b[:1]) == len(b) {
		return
	}
	was := string(b)
	sub, err := hex.DecodeString(n.sub(upper(hex.EncodeToString(b)), 2))
	if err != nil || len(sub) != len(b) {
		panic("a number in hex has a substitute of another shape")
	}
	copy(b, sub)
	n.ids[was] = string(b)
}

// guid in the byte order of SMBIOS and UEFI: the first three fields are
// little-endian. One that many machines share names none.
func (n *names) guid(b []byte) {
	if platform.Placeholder(dashed(hex.EncodeToString(b))) {
		return
	}
	flipGUID(b)
	n.id(b)
	flipGUID(b)
}

func flipGUID(b []byte) {
	slices.Reverse(b[0:4])
	slices.Reverse(b[4:6])
	slices.Reverse(b[6:8])
}

// canonical form of a name.
func canonical(s string) string {
	s = upper(s)
	bare := make([]byte, 0, len(s))
	for i := range len(s) {
		if !isHexSeparator(s[i]) {
			bare = append(bare, s[i])
		}
	}
	if len(bare) >= 8 && len(bare)%2 == 0 && strings.Trim(string(bare), "0123456789ABCDEF") == "" {
		return string(bare)
	}
	return s
}

// upper and lower are for ASCII: a name in another script keeps its length.
func upper(s string) string { return mapped(s, 'a', 'z', 'A') }
func lower(s string) string { return mapped(s, 'A', 'Z', 'a') }

func mapped(s string, from, to, by byte) string {
	b := []byte(s)
	for i, c := range b {
		if c >= from && c <= to {
			b[i] = c - from + by
		}
	}
	return string(b)
}

func isHexSeparator(c byte) bool { return c == ':' || c == '-' || c == '.' || c == ' ' }

// sub of a canonical name, of which the first keep characters stay.
func (n *names) sub(name string, keep int) string {
	if s, ok := n.subs[name]; ok {
		return s
	}
	for try := uint32(0); ; try++ {
		s := []byte(name)
		stream := n.stream(name, try)
		for i := keep; i < len(s); i++ {
			s[i] = shaped(s[i], stream(i))
		}
		// A name that has nothing to replace stays; a short one may have nothing free. What
		// stays as it is, like the kernel's name of an interface, may stand beside it.
		if string(s) == name && try < 100 || (n.used[string(s)] || platform.Placeholder(string(s)) || isKernels(lower(string(s)))) && try < 1000 {
			continue
		}
		n.subs[name], n.used[string(s)] = string(s), true
		return string(s)
	}
}

// stream of bytes that the key makes of a name.
func (n *names) stream(name string, try uint32) func(i int) byte {
	var block []byte
	of := -1
	return func(i int) byte {
		if i/sha256.Size != of {
			of = i / sha256.Size
			mac := hmac.New(sha256.New, n.key[:])
			mac.Write([]byte(name))
			mac.Write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, try), uint32(of)))
			block = mac.Sum(nil)
		}
		return block[i%sha256.Size]
	}
}

// shaped is a character of the same kind. What is no ASCII becomes a letter.
func shaped(c, by byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return '0' + by%10
	case c >= 'A' && c <= 'F':
		return 'A' + by%6
	case c >= 'G' && c <= 'Z', c >= 0x80:
		return 'G' + by%20
	}
	return c
}

// Lengths from which on a name is looked for everywhere. A shorter one is replaced
// only where it is known to stand: it may be a part of anything.
const (
	minText   = 6
	minDigits = 8 // of digits alone
	minTag    = 5 // in the firmware's own texts
	minID     = 4 // different bytes
)

// isWord: a name that is also a word of the kernel or of a maker is replaced only where
// it is known to stand. Somebody's folder may be called 'device'.
func (n *names) isWord(name string) bool { return strings.Contains(n.words, lower(name)) }

// long names are no part of anything else.
func long(name string) bool {
	return len(name) >= minText && (len(name) >= minDigits || strings.Trim(name, "0123456789") != "")
}

// different bytes that there are in a number: of one with few, the bytes may stand
// anywhere and mean something else.
func different(b string) int {
	seen := map[byte]bool{}
	for i := range len(b) {
		seen[b[i]] = true
	}
	return len(seen)
}

// everywhere replaces the names that were met, in every form in which they may stand
// in a file or an answer: as text, in UTF-16, with the bytes of each word swapped as
// ATA has it, in hex; numbers also in the other byte order.
func (n *names) everywhere() *strings.Replacer { return n.replacer(long) }

// inFirmware replaces shorter names too: in the texts of the firmware, what is called
// by a serial number or a tag may have it in its name.
func (n *names) inFirmware() *strings.Replacer {
	return n.replacer(func(name string) bool {
		return long(name) || len(name) >= minTag && n.tags[name] && strings.ContainsAny(name, "0123456789")
	})
}

func (n *names) replacer(wanted func(name string) bool) *strings.Replacer {
	pairs := map[string]string{}
	put := func(from, to string) {
		if len(from) == len(to) && pairs[from] == "" && !n.isWord(from) {
			pairs[from] = to
		}
	}
	for from, to := range n.forms {
		if !wanted(from) || n.isWord(from) {
			continue
		}
		textForms(put, from, to)
		textForms(put, upper(from), upper(to))
		textForms(put, lower(from), lower(to))
		if c := canonical(from); c != upper(from) { // a number in hex, with separators
			idForms(put, c, n.subs[c])
		}
	}
	for from, to := range n.ids {
		if different(from) >= minID {
			idForms(put, hex.EncodeToString([]byte(from)), hex.EncodeToString([]byte(to)))
		}
	}
	var list []string
	for from := range pairs {
		list = append(list, from)
	}
	slices.SortFunc(list, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var args []string
	for _, from := range list {
		args = append(args, from, pairs[from])
	}
	return strings.NewReplacer(args...)
}

// textForms puts the forms of a text.
func textForms(put func(from, to string), from, to string) {
	put(from, to)
	put(wide(from), wide(to))
	put(swapped(padded(from)), swapped(padded(to)))
	h := func(s string) string { return hex.EncodeToString([]byte(s)) }
	for _, form := range []func(string) string{func(s string) string { return s }, func(s string) string { return swapped(padded(s)) }} {
		put(h(form(from)), h(form(to)))
		put(upper(h(form(from))), upper(h(form(to))))
	}
}

// idForms puts the forms of a number, given in hex.
func idForms(put func(from, to string), from, to string) {
	for _, form := range []func(string) string{lower, upper} {
		f, t := form(from), form(to)
		textForms(put, f, t)
		for _, sep := range []string{":", "-"} {
			textForms(put, separated(f, sep), separated(t, sep))
		}
		if len(f) == 32 { // in both byte orders of a GUID
			textForms(put, dashed(f), dashed(t))
			textForms(put, flipped(f), flipped(t))
		}
	}
	a, errA := hex.DecodeString(from)
	b, errB := hex.DecodeString(to)
	if errA != nil || errB != nil || different(string(a)) < minID {
		return
	}
	both := func(change func([]byte)) {
		x, y := slices.Clone(a), slices.Clone(b)
		change(x)
		change(y)
		put(string(x), string(y))
	}
	both(func([]byte) {})
	both(slices.Reverse[[]byte])
	both(func(x []byte) { copy(x, swapped(string(x))) })
	if len(a) == 16 {
		both(flipGUID)
	}
}

func wide(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

func padded(s string) string {
	if len(s)%2 == 1 {
		s += " "
	}
	return s
}

// swapped has the two bytes of each word in the other order.
func swapped(s string) string {
	b := []byte(s)
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return string(b)
}

func separated(h, sep string) string {
	var parts []string
	for i := 0; i+2 <= len(h); i += 2 {
		parts = append(parts, h[i:i+2])
	}
	return strings.Join(parts, sep)
}

// flipped is the text of a GUID whose bytes were taken in the other order.
func flipped(h string) string {
	swap := func(s string) string {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) != 16 {
			return s
		}
		flipGUID(b)
		return hex.EncodeToString(b)
	}
	if h == upper(h) {
		return upper(dashed(swap(h)))
	}
	return dashed(swap(h))
}

// dashed as a UUID is written (RFC 9562).
func dashed(h string) string {
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

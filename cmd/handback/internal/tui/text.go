package tui

import (
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"handback.example/cmd/handback/internal/wire"
)

const (
	// maxText and maxItems bound what one View can make a screen draw.
	maxText  = 2000
	maxItems = 512
)

// cleanView copies a View and cleans every text in it, so that nothing which
// comes from a device or a label can move the cursor, change a colour or draw a
// line. It goes by type, so a field that is added later is cleaned too.
func cleanView(v wire.View) wire.View {
	out := reflect.New(reflect.TypeOf(v)).Elem()
	copyClean(out, reflect.ValueOf(v))
	return out.Interface().(wire.View)
}

func copyClean(dst, src reflect.Value) {
	switch src.Kind() {
	case reflect.String:
		dst.SetString(clean(src.String()))
	case reflect.Slice:
		if src.IsNil() {
			return
		}
		n := min(src.Len(), maxItems)
		dst.Set(reflect.MakeSlice(src.Type(), n, n))
		for i := range n {
			copyClean(dst.Index(i), src.Index(i))
		}
	case reflect.Pointer:
		if src.IsNil() {
			return
		}
		dst.Set(reflect.New(src.Type().Elem()))
		copyClean(dst.Elem(), src.Elem())
	case reflect.Struct:
		dst.Set(src) // unexported fields too: time.Time
		for i := range src.NumField() {
			if src.Type().Field(i).IsExported() {
				copyClean(dst.Field(i), src.Field(i))
			}
		}
	default:
		dst.Set(src)
	}
}

// clean leaves printable ASCII, the letters of Latin-1 and the ellipsis: all of
// them one column wide and in the console's font. Anything else is shown as '?',
// so that nothing disappears in silence; boxes, bars and marks are the screen's
// own and never come from a text.
func clean(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > maxText {
			b.WriteRune('…')
			break
		}
		b.WriteRune(cleanRune(r))
	}
	return b.String()
}

func cleanRune(r rune) rune {
	switch {
	case r == '\t', r == '\n', r == '\r', r == 0xa0:
		return ' '
	case r >= 0x20 && r <= 0x7e, r == '…', r > 0xa0 && r <= 0xff && r != 0xad: // 0xad: soft hyphen, no width
		return r
	case r == '‘', r == '’':
		return '\''
	case r == '“', r == '”':
		return '"'
	case r == '–', r == '—', r == 0xad:
		return '-'
	}
	return '?'
}

// width in columns: every character that is drawn is one column wide.
func width(s string) int { return utf8.RuneCountInString(s) }

// cut to at most n columns; what is cut shows as an ellipsis.
func cut(s string, n int) string {
	if n <= 0 {
		return ""
	}
	if width(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// wrap into lines of at most n columns, at spaces where there are any. There is
// always one line.
func wrap(s string, n int) []string {
	n = max(n, 1)
	var lines []string
	var cur []rune
	for _, word := range strings.Fields(s) {
		w := []rune(word)
		if len(cur) > 0 && len(cur)+1+len(w) <= n {
			cur = append(append(cur, ' '), w...)
			continue
		}
		if len(cur) > 0 {
			lines = append(lines, string(cur))
		}
		for len(w) > n {
			lines, w = append(lines, string(w[:n])), w[n:]
		}
		cur = w
	}
	if len(cur) > 0 || len(lines) == 0 {
		lines = append(lines, string(cur))
	}
	return lines
}

// wrapMost is wrap with at most most lines, the last cut where there are more.
func wrapMost(s string, n, most int) []string {
	lines := wrap(s, n)
	if len(lines) > most && most > 0 {
		rest := strings.Join(lines[most-1:], " ")
		lines = append(lines[:most-1], cut(rest, n))
	}
	return lines
}

// sentence begins with a capital letter: the engine's errors don't.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(upper(r)) + s[n:]
}

// upper case where the console's font has it: µ would become a Greek letter.
func upper(r rune) rune {
	if up := unicode.ToUpper(r); up <= unicode.MaxLatin1 {
		return up
	}
	return r
}

package paper

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// oneLine makes every text below v stand on one line: a control character in a record
// is shown as an escape ('\u{000A}'), so that no text can draw a line of its own.
func oneLine(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(escapeControl(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			oneLine(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			oneLine(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			oneLine(v.Index(i))
		}
	}
}

func escapeControl(s string) string {
	if !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) {
			fmt.Fprintf(&b, `\u{%04X}`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

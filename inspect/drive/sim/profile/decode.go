package profile

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"handback.example/inspect/drive/sim"
)

// fieldError is a field of a profile that makes no sense, by its path in the file.
type fieldError struct {
	path string
	err  error
}

func (e *fieldError) Error() string { return e.path + ": " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// decode fills the struct that to points at from a TOML table. Fields of Go are
// named in the file with small letters and '_' between words. What the file has and
// the struct has not is an error, and so is a value that does not fit.
func decode(table map[string]any, to reflect.Value, path string) error {
	fields := fieldsOf(to.Type())
	for _, key := range sortedKeys(table) {
		at := join(path, key)
		i, ok := fields[key]
		if !ok {
			return &fieldError{at, fmt.Errorf("there is no such field: it is one of %s", strings.Join(sortedKeys(fields), ", "))}
		}
		if err := set(to.FieldByIndex(i), table[key], at); err != nil {
			return err
		}
	}
	return nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// given are the types of fields that a file can't hold: the caller gives them.
var given = []reflect.Type{
	reflect.TypeFor[sim.Clock](), reflect.TypeFor[*sim.Script](), reflect.TypeFor[*sim.Medium](), reflect.TypeFor[sim.TCG](),
}

// fieldsOf a struct by their names in a file; those of embedded structs are its own.
func fieldsOf(t reflect.Type) map[string][]int {
	fields := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		elem := f.Type
		if elem.Kind() == reflect.Array {
			elem = elem.Elem()
		}
		if f.Anonymous || !f.IsExported() || elem.Kind() == reflect.Func || slices.Contains(given, elem) {
			continue
		}
		fields[snake(f.Name)] = f.Index
	}
	return fields
}

// snake is a field's name in a file: NativeSectors is native_sectors, LBAFormats is
// lba_formats, EUI64 is eui64.
func snake(name string) string {
	var out strings.Builder
	r := []rune(name)
	for i, c := range r {
		up := unicode.IsUpper(c)
		before := i > 0 && (unicode.IsLower(r[i-1]) || unicode.IsDigit(r[i-1]))
		acronym := i > 0 && i+1 < len(r) && unicode.IsUpper(r[i-1]) && unicode.IsLower(r[i+1])
		if up && (before || acronym) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(c))
	}
	return out.String()
}

var (
	typeDuration = reflect.TypeFor[time.Duration]()
	typePattern  = reflect.TypeFor[sim.Pattern]()
	typeSense    = reflect.TypeFor[sim.SenseForm]()
)

// set gives one field its value.
func set(to reflect.Value, v any, path string) error {
	bad := func(want string) error { return &fieldError{path, fmt.Errorf("%v is not %s", v, want)} }
	switch to.Type() {
	case typeDuration:
		return setDuration(to, v, path)
	case typePattern:
		p, err := pattern(v)
		if err != nil {
			return &fieldError{path, err}
		}
		to.Set(reflect.ValueOf(p))
		return nil
	case typeSense:
		i := slices.Index([]string{"", "fixed", "descriptor", "missing"}, fmt.Sprint(v))
		if i < 0 {
			return bad("fixed, descriptor or missing")
		}
		to.SetInt(int64(i))
		return nil
	}
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		return set(to.Elem(), v, path)
	case reflect.String:
		s, ok := v.(string)
		if !ok {
			return bad("a text in quotes")
		}
		to.SetString(s)
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			return bad("true or false")
		}
		to.SetBool(b)
	case reflect.Float64:
		switch n := v.(type) {
		case float64:
			to.SetFloat(n)
		case int64:
			to.SetFloat(float64(n))
		default:
			return bad("a number")
		}
		if f := to.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return bad("a number")
		}
	case reflect.Struct:
		table, ok := v.(map[string]any)
		if !ok {
			return bad("a table")
		}
		return decode(table, to, path)
	case reflect.Slice, reflect.Array:
		return setList(to, v, path)
	case reflect.Map:
		return setMap(to, v, path)
	default:
		return setInt(to, v, path)
	}
	return nil
}

func setInt(to reflect.Value, v any, path string) error {
	n, ok := v.(int64)
	if !ok {
		return &fieldError{path, fmt.Errorf("%v is not a whole number", v)}
	}
	switch {
	case to.CanInt() && !to.OverflowInt(n):
		to.SetInt(n)
	case to.CanUint() && n >= 0 && !to.OverflowUint(uint64(n)):
		to.SetUint(uint64(n))
	default:
		return &fieldError{path, fmt.Errorf("%d does not fit", n)}
	}
	return nil
}

func setDuration(to reflect.Value, v any, path string) error {
	s, ok := v.(string)
	if !ok {
		return &fieldError{path, fmt.Errorf("%v is not a time in quotes, like \"90s\" or \"3h20m\"", v)}
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return &fieldError{path, fmt.Errorf("%q is not a time like \"90s\" or \"3h20m\"", s)}
	}
	to.SetInt(int64(d))
	return nil
}

// pattern of blocks that were erased: "zeros", "noise", or bytes in hex.
func pattern(v any) (sim.Pattern, error) {
	s, ok := v.(string)
	switch {
	case ok && s == "zeros":
		return sim.Zeros, nil
	case ok && strings.HasPrefix(s, "noise"):
		return sim.Noise(s), nil
	case ok:
		if b, err := hex.DecodeString(strings.ReplaceAll(s, " ", "")); err == nil && len(b) > 0 {
			return sim.Repeat(b), nil
		}
	}
	return sim.Pattern{}, fmt.Errorf("%v is not \"zeros\", \"noise\" or bytes in hex", v)
}

// setList: bytes are hex in quotes, other lists are lists.
func setList(to reflect.Value, v any, path string) error {
	if s, ok := v.(string); ok && to.Type().Elem().Kind() == reflect.Uint8 {
		b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
		if err != nil {
			return &fieldError{path, errors.New("it is not bytes in hex")}
		}
		if to.Kind() == reflect.Array {
			if to.Len() != len(b) {
				return &fieldError{path, fmt.Errorf("%d bytes, there must be %d", len(b), to.Len())}
			}
			reflect.Copy(to, reflect.ValueOf(b))
			return nil
		}
		to.SetBytes(b)
		return nil
	}
	list, ok := v.([]any)
	if tables, are := v.([]map[string]any); are {
		ok = true
		for _, t := range tables {
			list = append(list, t)
		}
	}
	if !ok {
		return &fieldError{path, fmt.Errorf("%v is not a list", v)}
	}
	if to.Kind() == reflect.Array && len(list) > to.Len() {
		return &fieldError{path, fmt.Errorf("%d values, there is room for %d", len(list), to.Len())}
	}
	if to.Kind() == reflect.Slice {
		to.Set(reflect.MakeSlice(to.Type(), len(list), len(list)))
	}
	for i, x := range list {
		if err := set(to.Index(i), x, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	return nil
}

// setMap: keys are names or numbers.
func setMap(to reflect.Value, v any, path string) error {
	table, ok := v.(map[string]any)
	if !ok {
		return &fieldError{path, fmt.Errorf("%v is not a table", v)}
	}
	to.Set(reflect.MakeMap(to.Type()))
	for _, name := range sortedKeys(table) {
		at := join(path, name)
		key, value := reflect.New(to.Type().Key()).Elem(), reflect.New(to.Type().Elem()).Elem()
		if key.Kind() == reflect.String {
			key.SetString(name)
		} else {
			var n int64
			if _, err := fmt.Sscanf(name, "%d", &n); err != nil || fmt.Sprint(n) != name {
				return &fieldError{at, fmt.Errorf("%q is not a number", name)}
			}
			if err := setInt(key, n, at); err != nil {
				return err
			}
		}
		if err := set(value, table[name], at); err != nil {
			return err
		}
		to.SetMapIndex(key, value)
	}
	return nil
}

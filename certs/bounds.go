package certs

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Bounds of a record: far above what a machine of many drives needs, and low enough
// that no reader can be made to run out of memory.
const (
	maxText     = 16384   // characters of one text
	maxList     = 4096    // entries of one list
	maxRecord   = 2 << 20 // bytes of one record
	maxEnvelope = 3 << 20 // bytes of one envelope: the record in base64, and what it needs
)

// MaxVisit is the most bytes of record.json that anybody reads, and that a paper is made
// of.
const MaxVisit = 4 << 20

// maxInteger is the largest integer that every JSON reader keeps exactly (RFC
// 7493, 2.2).
const maxInteger = 1<<53 - 1

// checkBounds walks a record for integers that JSON readers may round, for texts and
// lists without an end, and for lists that are null: an empty list says 'none', and
// there is one way to write it.
func checkBounds(v reflect.Value, mayMiss bool) error {
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		if n := v.Int(); n > maxInteger || n < -maxInteger {
			return fmt.Errorf("number %d is too large for a record", n)
		}
	case reflect.String:
		if n := utf8.RuneCountInString(v.String()); n > maxText {
			return fmt.Errorf("a text of %d characters is too long for a record", n)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return checkBounds(v.Elem(), false)
		}
	case reflect.Struct:
		for i, t := range fields(v) {
			if err := checkBounds(v.Field(i), strings.HasSuffix(t, ",omitempty")); err != nil {
				return err
			}
		}
	case reflect.Slice:
		return checkList(v, mayMiss)
	}
	return nil
}

// fields gives the number and the JSON tag of each field of a struct.
func fields(v reflect.Value) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		for i := range v.NumField() {
			if !yield(i, v.Type().Field(i).Tag.Get("json")) {
				return
			}
		}
	}
}

func checkList(v reflect.Value, mayMiss bool) error {
	switch n := v.Len(); {
	case v.IsNil() && !mayMiss:
		return errors.New("a list is missing")
	case n > maxList:
		return fmt.Errorf("a list of %d entries is too long for a record", n)
	}
	for i := range v.Len() {
		if err := checkBounds(v.Index(i), false); err != nil {
			return err
		}
	}
	return nil
}

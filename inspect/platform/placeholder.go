package platform

import (
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// placeholders are what makers leave in SMBIOS where they should have written
// something: a serial number of this kind names thousands of machines. Lower
// case, without dots and with single blanks (see bare).
var placeholders = map[string]bool{
	"": true, "none": true, "n/a": true, "na": true, "null": true, "nil": true, "empty": true, "[empty]": true, "unknown": true, "undefined": true,
	"to be filled by oem": true, "default string": true, "default_string": true, "default": true, "not specified": true, "not available": true,
	"not applicable": true, "not defined": true, "not provided": true, "not set": true, "not present": true, "oem": true, "oem string": true,
	"invalid": true, "test": true, "sample": true, "error": true, "fill by oem": true, "filled by oem": true, "o e m": true, "bad index": true, "<bad index>": true,
	"system manufacturer": true, "system product name": true, "system version": true, "system serial number": true, "system sku": true,
	"system sku#": true, "system skunumber": true, "sku number": true, "sku": true, "system name": true, "serial number": true, "type1productconfigid": true, "type1 - sku0": true,
	"base board serial number": true, "base board manufacturer": true, "base board product name": true, "base board version": true,
	"chassis manufacturer": true, "chassis manufacture": true, "chassis version": true, "chassis serial number": true, "chassis sku": true,
	"no asset tag": true, "no asset information": true, "no serial": true, "no serial number": true, "noserial": true, "asset tag": true,
	"no dimm": true, "not asset tag": true, "assettag": true, "asset": true, "xxxxx": true, "x.x": true, "ssn": true, "chassis asset tag": true,
	"12345678": true, "1234567": true, "123456": true, "12345": true, "1234": true,
	"03142563": true, "ssnumber": true, "oem define 1": true, "oem define 2": true, "oem_define1": true, "oem_define2": true, "oem_define3": true, "oem define 0": true,
	"manufacturer": true, "product name": true, "version": true, "abcd": true, "system": true, "insyde": true, "insydeh2o": true, "filled by user": true, "no enclosure": true,
	"to be filled": true, "tbd by oem": true, "tbd": true, "not settable": true, "<out of spec>": true, "out of spec": true, "chassis": true, "no module installed": true,
}

// placeholder reports whether clean text says nothing.
func placeholder(text string) bool {
	b := bare(text)
	// Counting up is a maker's default: 'ATN12345678901234567'.
	if placeholders[b] || strings.Contains(b, "123456789") {
		return true
	}
	// One character throughout: '0000000', 'XXXXXXXX', '--'. A version '1' or 'A'
	// stands.
	if len(b) == 1 {
		return (b[0] < '0' || b[0] > '9') && (b[0] < 'a' || b[0] > 'z')
	}
	return strings.Trim(b, b[:1]) == ""
}

// bare text for comparison: makers differ in case, dots and blanks.
func bare(text string) string {
	t := strings.ToLower(text)
	t = strings.ReplaceAll(t, ".", "")
	if t == "" && text != "" {
		return "." // dots alone
	}
	return strings.Join(strings.Fields(t), " ")
}

// named makes a fact of text that firmware gave: cleaned, and unknown where it is
// missing or says nothing.
func named(raw []byte, source string) inspect.Fact[string] {
	text := drive.Clean(raw)
	switch {
	case text == "":
		return inspect.Unknown[string](source, "the firmware leaves it empty")
	case placeholder(text):
		return inspect.Unknown[string](source, "the firmware gives a placeholder, '"+text+"'")
	}
	return inspect.Known(text, source)
}

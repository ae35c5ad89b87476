package platform

import (
	"regexp"
	"slices"
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
	"all series": true, "type1": true, "sernum": true, "sernum0": true, "eval": true, "sn": true, "serial": true, "s/n": true, "oem default": true, "nettopsku": true,
	"mnopqrstuvwxyz": true, "abcdefghijklm": true, "generic": true, "fffffff": true, "none specified": true, "unspecified": true, "notspecified": true, "not known": true,
}

// Placeholder reports whether what firmware gives as a name or a UUID names nothing:
// makers leave it in machines by the thousand.
func Placeholder(text string) bool {
	return placeholder(text) || slices.Contains(sharedUUIDs, strings.ToLower(text))
}

// placeholder reports whether clean text says nothing.
func placeholder(text string) bool {
	b := bare(text)
	// Counting up is a maker's default: 'ATN12345678901234567'.
	if placeholders[b] || strings.Contains(b, "123456789") || numbered.MatchString(b) || platforms.MatchString(b) {
		return true
	}
	// One character throughout: '0000000', 'XXXXXXXX', '--', '00-00-00'. A version
	// '1', 'A' or '1.1' stands.
	letters := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' {
			return c
		}
		return -1
	}, b)
	switch {
	case letters == "":
		return true
	case strings.Trim(letters, letters[:1]) != "":
		return false
	case letters[0] == '0' || letters[0] == 'x':
		return len(letters) > 1
	}
	return len(letters) >= 5
}

// numbered are the names of fields in place of what belongs into them, as the
// reference firmware has them: 'Type2 - Board Vendor Name1', 'Array1_PartNumber0'.
var numbered = regexp.MustCompile(`^(type ?[0-3] ?-? ?[a-z]|(a\d_|array\d_|module)?(manufacturer|mfg|part ?num(ber)?|ser(ial)? ?num(ber)?|asset ?tag ?(num)?)[ _]?\d*$|` +
	`(oem )?default (string|sku)\d*$|(system )?sku ?(number|#)?\d*$|base ?board product name$|(pega )?family$|rev 1xx$|xxx123x|oem[ _]?define[ _]?\d$)`)

// platforms are the makers' of processors names for their reference boards, left
// in machines that were built after them.
var platforms = regexp.MustCompile(`^(calpella|montevina|huron ?river|chief ?river|shark ?bay|bay ?trail(-m)?|sky ?bay|cherry ?trail|aptio|intel_mobile|kabini)([ _-]?(system|platform|crb|cr|fab|refresh))*$`)

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

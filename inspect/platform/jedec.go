package platform

import (
	"encoding/hex"
	"strings"
)

// jedecMakers by JEP106: how many continuation codes stand before the code, and
// the code with its parity bit. Firmware that does not know them gives the numbers
// in place of a name.
var jedecMakers = map[[2]byte]string{
	{0, 0xce}: "Samsung", {0, 0xad}: "SK Hynix", {0, 0x2c}: "Micron", {1, 0x98}: "Kingston", {1, 0x94}: "Smart Modular", {2, 0x9e}: "Corsair", {2, 0xfe}: "Elpida",
	{3, 0x0b}: "Nanya", {4, 0xcd}: "G.Skill", {4, 0xcb}: "A-DATA", {4, 0x43}: "Ramaxel", {5, 0x9b}: "Crucial", {5, 0x02}: "Patriot",
}

// memoryMaker puts a name in place of a number: the count of continuation codes
// (with its own parity bit) and the code, as SPD has them from DDR3 on, or the
// codes themselves before. What is no known number stays as it is.
func memoryMaker(text string) string {
	b, err := hex.DecodeString(strings.TrimPrefix(strings.ToLower(text), "0x"))
	if err != nil || len(b) < 2 || len(b) > 8 {
		return text
	}
	key := [2]byte{b[0] & 0x7f, b[1]}
	if n := len(b) - len(strings.TrimLeft(string(b), "\x7f")); n > 0 && n < len(b) {
		key = [2]byte{byte(n), b[n]}
	} else if strings.Trim(string(b[1:]), "\x00") == "" {
		key = [2]byte{0, b[0]}
	}
	if name := jedecMakers[key]; name != "" {
		return name
	}
	return text
}

// partNumber that some firmware gives as the hexadecimal digits of its letters.
func partNumber(text string) string {
	digits, ok := strings.CutPrefix(text, "0x")
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) < 6 {
		return text
	}
	if name := clean(b); name != "" {
		return name
	}
	return text
}

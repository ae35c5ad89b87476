package drive

import "encoding/hex"

// CleanMax is the longest text, in characters, that Clean lets through: longer
// than any field of IDENTIFY, Identify Controller or INQUIRY, short enough for
// one line of a screen, a label or a certificate.
const CleanMax = 64

// Clean is the one boundary where text that a device or its firmware gives
// becomes text that a screen, a PDF or a label may show: printable ASCII only,
// no blanks at its ends, runs of blanks folded to one, at most CleanMax
// characters. Everything else (control characters, escape sequences, Unicode
// direction marks, newlines) is dropped, byte by byte, so that nothing can be
// made up of what is left. Keep the raw bytes beside it (Hex).
func Clean(raw []byte) string {
	out := make([]byte, 0, min(len(raw), CleanMax))
	blank := false
	for _, c := range raw {
		switch {
		case c == ' ' || c == '\t' || c == 0:
			// NUL ends or pads text in many devices; between words it parts them.
			blank = len(out) > 0
			continue
		case c < 0x21 || c > 0x7e:
			continue
		}
		if blank {
			if len(out)+1 >= CleanMax {
				break
			}
			out = append(out, ' ')
			blank = false
		}
		if len(out) == CleanMax {
			break
		}
		out = append(out, c)
	}
	return string(out)
}

// Hex keeps a device's bytes as they came, for Raw. A field that is longer than
// any standard gives is cut: it is evidence of hostility, not of identity.
func Hex(raw []byte) string { return hex.EncodeToString(raw[:min(len(raw), 256)]) }

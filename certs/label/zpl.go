package label

import (
	"fmt"
	"strings"

	"handback.example/certs/internal/code"
)

// dots in a millimetre at 203 dots per inch.
const dots = 8

// charWide is how wide a character of the printer's scalable font 0 is at most, in
// parts of its height, capitals that are wide among them.
const charWide = 0.62

// ZPL of the label: ^XA to ^XZ, ASCII.
func (l Label) ZPL(size Size) ([]byte, error) {
	lines, place, err := l.layout(size)
	if err != nil {
		return nil, err
	}
	w, h, err := size.millimetres()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	// ^CI28: UTF-8; ^PW and ^LL: width and length in dots; ^LH: where 0,0 is.
	fmt.Fprintf(&b, "^XA\n^CI28\n^PW%.0f\n^LL%.0f\n^LH0,0\n", w*dots, h*dots)
	for _, t := range lines {
		writeLine(&b, t)
	}
	if err := l.writeCode(&b, place); err != nil {
		return nil, err
	}
	b.WriteString("^XZ\n")
	return []byte(b.String()), nil
}

// writeLine: ^FO places, ^A0 sets height and width of the font, ^GB draws the bar,
// ^FR prints in reverse over it.
func writeLine(b *strings.Builder, t line) {
	if t.text == "" {
		return
	}
	x, width := t.x, t.w
	height := t.h * dots
	reverse := ""
	if t.bar {
		fmt.Fprintf(b, "^FO%.0f,%.0f^GB%.0f,%.0f,%.0f,B^FS\n", t.x*dots, t.y*dots, t.w*dots, t.h*dots, t.h*dots)
		x, width, reverse = t.x+t.h/4, t.w-t.h/2, "^FR"
		height *= 0.85
	}
	height = min(height, width*dots/(charWide*float64(len(t.text))))
	y := t.y*dots + (t.h*dots-height)/2
	fmt.Fprintf(b, "^FO%.0f,%.0f^A0N,%.0f,%.0f%s^FH_^FD%s^FS\n", x*dots, y, height, height, reverse, escape(t.text))
}

// writeCode: ^BQ with model 2; ^FD begins with the error correction (M) and the
// kind of input (A: the printer chooses).
func (l Label) writeCode(b *strings.Builder, place [3]float64) error {
	qr, err := code.New(l.code())
	if err != nil {
		return fmt.Errorf("label: %w", err)
	}
	magnify := min(10, int(place[2]*dots)/qr.Side())
	_, err = fmt.Fprintf(b, "^FO%.0f,%.0f^BQN,2,%d^FH_^FDMA,%s^FS\n", place[0]*dots, place[1]*dots, magnify, escape(l.code()))
	return err
}

// escape writes everything that ZPL might take for its own as '_' and two hex
// digits (^FH): '^' and '~' begin commands, '_' is the escape itself.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' && c != ' ' || c >= 0x7f || c == '^' || c == '~' || c == '_' || c == '\\' {
			fmt.Fprintf(&b, "_%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

package code

import "testing"

// Version 1 has 21 modules, and a finder in three corners: a row of seven dark ones
// (ISO/IEC 18004, 6.3.3). The runs of a row do not touch.
func TestRuns(t *testing.T) {
	c, err := New("HANDBACK")
	if err != nil || c.Side() != 21 {
		t.Fatalf("%d modules, %v", c.Side(), err)
	}
	var rows [21][]Run
	for r := range c.Runs() {
		rows[r.Y] = append(rows[r.Y], r)
	}
	first, last := rows[0][0], rows[0][len(rows[0])-1]
	if first != (Run{0, 0, 7}) || last != (Run{14, 0, 7}) || rows[20][0] != (Run{0, 20, 7}) {
		t.Errorf("finders are %v, %v, %v", first, last, rows[20][0])
	}
	for y, row := range rows {
		end := -1
		for _, r := range row {
			if r.Y != y || r.X <= end || r.Length < 1 || r.X+r.Length > 21 {
				t.Errorf("row %d: %v after %d", y, r, end)
			}
			end = r.X + r.Length
		}
	}
	for range c.Runs() {
		break // one is enough
	}
	if _, err := New(string(make([]byte, 8000))); err == nil {
		t.Error("a text that no QR code holds")
	}
}

package main

import (
	"os"
	"testing"
)

// A terminal that was closed ends the practice; a key does not.
func TestTerminalGone(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	gone := 0
	in := &terminal{r, func() { gone++ }}
	b := make([]byte, 8)
	if _, err := w.WriteString("1"); err != nil {
		t.Fatal(err)
	}
	if n, err := in.Read(b); n != 1 || err != nil || gone != 0 {
		t.Errorf("a key: %d bytes, %v, gone %d times", n, err, gone)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Read(b); err == nil || gone != 1 {
		t.Errorf("a closed terminal: %v, gone %d times", err, gone)
	}
}

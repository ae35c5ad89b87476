package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/profile"
)

// console is what a person does to the drives that are served.
type console struct {
	drives []*profile.Drive
	out    io.Writer
	quit   func()
}

// run reads lines until there are no more; the drives are served on.
func (c console) run(in io.Reader) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := c.do(lines.Text()); err != nil {
			fmt.Fprintln(c.out, err)
		}
	}
}

// words that a person may type.
var words = []string{"power", "boot", "reset", "unplug", "plug", "trace", "quit"}

func (c console) do(line string) error {
	word, number, one := strings.Cut(strings.TrimSpace(line), " ")
	if word != "" && !slices.Contains(words, word) {
		return fmt.Errorf("%q is not understood: %s", word, strings.Join(words, ", "))
	}
	drives := c.drives
	if one {
		n, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil || n < 1 || n > len(drives) {
			return fmt.Errorf("there is no drive %q: they are 1 to %d", number, len(drives))
		}
		drives = drives[n-1 : n]
	}
	switch word {
	case "":
		return nil
	case "quit":
		c.quit()
		return nil
	}
	for _, d := range drives {
		c.one(word, d.Model)
	}
	return nil
}

func (c console) one(word string, m sim.Model) {
	switch word {
	case "power":
		if _, fabric := m.(sim.NVMe); fabric {
			m.Plug(false) // the door must let its client go
			m.Plug(true)
		} else {
			m.PowerCycle()
		}
	case "boot":
		sim.SwitchOn(m)
	case "reset":
		m.Reset()
	case "unplug":
		m.Plug(false)
	case "plug":
		m.Plug(true)
	case "trace":
		for _, e := range m.Trace() {
			fmt.Fprintf(c.out, "%s: %x -> %04x\n", m.Name(), e.Frame, e.Status)
		}
		return
	}
	fmt.Fprintf(c.out, "%s: %s\n", m.Name(), word)
}

package settings

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"handback.example/certs/label"
)

// Print says on which printer of the network papers are printed by themselves when
// a visit is over. The booted image has no network drivers yet: there the printer is
// told as not reached.
type Print struct {
	URI    string `toml:"uri"`    // 'ipp://bench3.example/ipp/print'; empty: nothing is printed
	Copies int    `toml:"copies"` // of each
	// What is printed: erasure, disposal (on HOLD its notice), label.
	What []string `toml:"what"`
}

// What a printer can be told to print.
const (
	PrintErasure  = "erasure"
	PrintDisposal = "disposal"
	PrintLabel    = "label"
)

const copiesMost = 10

// Label of a device, under labels/.
type Label struct {
	Size string `toml:"size"` // 62x29 or 100x50, in millimetres
}

func defaultPrint() Print { return Print{Copies: 1, What: []string{PrintErasure, PrintDisposal}} }

func defaultLabel() Label { return Label{Size: string(label.Small)} }

func (s Settings) checkPrinting() (bad []error) {
	if u, err := url.Parse(s.Print.URI); s.Print.URI != "" && (err != nil || u.Scheme != "ipp" && u.Scheme != "ipps" || u.Hostname() == "" || u.User != nil) {
		bad = append(bad, fmt.Errorf("settings: print.uri is %q: it must be a printer's address like ipp://printer.example/ipp/print", s.Print.URI))
	}
	if s.Print.Copies < 1 || s.Print.Copies > copiesMost {
		bad = append(bad, fmt.Errorf("settings: print.copies is %d: it must be 1 to %d", s.Print.Copies, copiesMost))
	}
	may := []string{PrintErasure, PrintDisposal, PrintLabel}
	for _, w := range s.Print.What {
		if !slices.Contains(may, w) {
			bad = append(bad, fmt.Errorf("settings: print.what names %q: it must be one of %s", w, strings.Join(may, ", ")))
		}
	}
	if !slices.Contains(label.Sizes, label.Size(s.Label.Size)) {
		bad = append(bad, fmt.Errorf("settings: label.size is %q: it must be one of %v", s.Label.Size, label.Sizes))
	}
	return bad
}

package platform

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"handback.example/inspect"
)

// ruleSource names where the rule comes from: Microsoft's lists of processors on
// which Windows 11 is supported (learn.microsoft.com, windows-hardware/design/minimum/supported,
// as of 6 October 2025), and the CPUID families that its own set-up refuses. The
// list of 24H2 leaves out some processors for new machines; those stay supported
// in service, so the rule goes by family.
const ruleSource = "Microsoft's lists of October 2025, by processor family"

// windows11 reports whether Microsoft supports Windows 11 on a processor. What is
// newer than the rule, or of another maker, is unknown.
func windows11(id cpuID, name string) inspect.Fact[bool] {
	switch id.vendor {
	case "GenuineIntel":
		return intelWindows11(id, name)
	case "AuthenticAMD":
		return amdWindows11(id, name)
	}
	return inspect.Unknown[bool](ruleSource, "the rule knows no processors of this maker")
}

// Kaby Lake and its successors share CPUID numbers; these names tell them apart.
var (
	amberLakeY = words(`\b(8[0-9]00Y|10[0-9]{3}Y|6500Y|4425Y)\b`) // model 142, stepping 9, but of the 8th generation
	kabyLakeG  = words(`\b8[0-9]{3}G\b`)                          // model 158, stepping 9, but of the 8th generation
	kabyLakeR3 = words(`\bi3-70[0-9]{2}U\b`)                      // of the 7th generation, whatever its stepping
	someDCH    = words(`\bi7-7820HQ\b`)
)

func intelWindows11(id cpuID, name string) inspect.Fact[bool] {
	older := inspect.Known(false, ruleSource)
	switch m, old := id.model, id.stepping <= 9; {
	case id.family < 6 || id.family == 15:
		return older
	case id.family != 6:
		return inspect.Unknown[bool](ruleSource, fmt.Sprintf("the processor (family %d) is newer than the rule", id.family))
	case m <= 95 && m != 85: // up to Skylake, Apollo Lake and Denverton; 85 is Skylake-X and later
		return older
	case kabyLakeR3.MatchString(name):
		return older
	case m == 158 && old && someDCH.MatchString(name):
		return inspect.Unknown[bool](ruleSource, "Microsoft supports it only in machines whose maker ships DCH drivers")
	case (m == 142 || m == 158) && old && name == "":
		return inspect.Unknown[bool](ruleSource, "the processor does not give its name, which would tell its generation")
	case m == 142 && old:
		return inspect.Known(amberLakeY.MatchString(name), ruleSource)
	case m == 158 && old:
		return inspect.Known(kabyLakeG.MatchString(name), ruleSource)
	}
	return inspect.Known(true, ruleSource)
}

// firstRyzen are of the first generation by name, though some carry the second's dies.
var firstRyzen = words(`\bRyzen (Threadripper|[357])( PRO)? 1\d{3}`)

func amdWindows11(id cpuID, name string) inspect.Fact[bool] {
	switch {
	case id.family <= 22:
		return inspect.Known(false, ruleSource)
	case id.family == 23: // Zen to Zen 2; 1 is Summit Ridge, 17 Raven Ridge
		return inspect.Known(id.model != 1 && id.model != 17 && !firstRyzen.MatchString(name), ruleSource)
	case id.family == 25, id.family == 26: // Zen 3 to Zen 5
		return inspect.Known(true, ruleSource)
	}
	return inspect.Unknown[bool](ruleSource, fmt.Sprintf("the processor (family %d) is newer than the rule", id.family))
}

// Processors is an imported list of the processors that Windows 11 supports. Its
// zero value is no list: then the rule stands.
type Processors struct {
	source string
	names  map[string]bool
	brands map[string]bool // of the names
}

// Limits of a list: Microsoft's have some 1,500 lines.
const (
	maxListLine = 256
	maxListed   = 20000
)

// ReadProcessors reads a list: one processor a line, as its maker names it
// ('Intel Core i5-8250U'), or Microsoft's columns 'Intel,Core,i5-8250U'. Empty
// lines and those that begin with '#' are left out; the first of these says which
// list it is and of what date. Name is that of the file, for people.
func ReadProcessors(name string, r io.Reader) (Processors, error) {
	p := Processors{source: "list of processors " + clean([]byte(name)), names: map[string]bool{}, brands: map[string]bool{}}
	headed := false
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxListLine), maxListLine)
	for lines.Scan() {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" {
			continue
		}
		if line[0] == '#' {
			if title := clean([]byte(strings.TrimLeft(line, "# "))); title != "" && !headed {
				p.source, headed = p.source+": "+title, true
			}
			continue
		}
		if name := plainName(line); strings.ContainsAny(name, "0123456789") {
			p.names[name], p.brands[brand(name)] = true, true
		}
		if len(p.names) > maxListed {
			return Processors{}, fmt.Errorf("the list of processors has more than %d lines", maxListed)
		}
	}
	if err := lines.Err(); err != nil {
		return Processors{}, fmt.Errorf("the list of processors cannot be read: %w", err)
	}
	if len(p.names) == 0 {
		return Processors{}, errors.New("the list of processors names none")
	}
	return p, nil
}

// Judge a processor by the list in place of the rule. A list speaks for the brands
// that it names: Microsoft's are one for each maker, and who is not on Intel's may be
// on AMD's. Of others, and of a processor without a name, it leaves the answer as it is.
func (p Processors) Judge(c *inspect.CPU) {
	if !c.Model.Known {
		return
	}
	name, _, _ := strings.Cut(c.Model.Value, "@")
	if plain := plainName(name); p.brands[brand(plain)] {
		c.Windows11 = inspect.Known(p.names[plain], p.source)
	}
}

// brand of a plain name: 'i5', 'ryzen', 'celeron'.
func brand(plain string) string {
	word, _, _ := strings.Cut(plain, " ")
	word, _, _ = strings.Cut(word, "-")
	return word
}

// marks are what lists and processors write differently around the same model.
var (
	marks   = words(`[®™,;"]|\((r|tm)\)|\b(w/|with) .*`)
	slip    = words(`\b(i[3579])\+`) // Microsoft's list has 'i5+8400'
	filling = words(`\b(intel|amd|core|cpu|processor|apu|gold|silver|bronze|platinum|\d+th gen|\w+-core|\d+-cores)\b`)
)

// plainName of a processor, for comparison.
func plainName(name string) string {
	name = slip.ReplaceAllString(marks.ReplaceAllString(strings.ToLower(name), " "), "$1-")
	return strings.Join(strings.Fields(filling.ReplaceAllString(name, " ")), " ")
}

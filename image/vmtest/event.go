package vmtest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Event is one line 'handback: event NAME key=value ...' of the appliance on ttyS0.
type Event struct {
	Name   string
	Values map[string]string
	// Uptime of the guest in seconds, where the line came through the kernel's
	// log ('[   12.345678] handback: ...'); 0: unknown.
	Uptime float64
}

// String is the event as the appliance wrote it, its keys in no order.
func (e Event) String() string {
	var b strings.Builder
	b.WriteString(e.Name)
	for k, v := range e.Values {
		fmt.Fprintf(&b, " %s=%q", k, v)
	}
	return b.String()
}

// Is tells whether this is the event name with all of these 'key=value' pairs.
func (e Event) Is(name string, match ...string) bool {
	if e.Name != name {
		return false
	}
	for _, m := range match {
		k, want, _ := strings.Cut(m, "=")
		if got, ok := e.Values[k]; !ok || got != want {
			return false
		}
	}
	return true
}

// An event stands at the start of its line, after the kernel's time stamp at
// most. Anywhere else it is text that a device gave (a drive may carry the model
// name 'handback: event exit code=0', and the kernel prints it): no event.
var (
	reEvent  = regexp.MustCompile(`^(?:\[ *([0-9]{1,9}\.[0-9]{1,9})\] )?handback: event ([a-z0-9-]+)((?: .*)?)$`)
	rePair   = regexp.MustCompile(`^ +([a-z0-9_-]+)=("(?:[^"\\]|\\.)*"|[^ "]*)`)
	reEscape = regexp.MustCompile(`\x1b(?:\[[0-9;?=<>]*[@-~]|[()][0-9A-B]|[=>78cM])`)
)

// ParseEvent reads one line of the serial log. A line that starts as an event and
// goes on as none is no event: nothing is guessed.
func ParseEvent(line string) (Event, bool) {
	line = strings.TrimRight(reEscape.ReplaceAllString(line, ""), "\r\n ")
	m := reEvent.FindStringSubmatch(line)
	if m == nil {
		return Event{}, false
	}
	e := Event{Name: m[2], Values: map[string]string{}}
	e.Uptime, _ = strconv.ParseFloat(m[1], 64) // the pattern lets digits through only; none is 0, unknown
	for rest := m[3]; strings.TrimSpace(rest) != ""; {
		p := rePair.FindStringSubmatch(rest)
		if p == nil {
			return Event{}, false
		}
		v := p[2]
		if strings.HasPrefix(v, `"`) {
			u, err := strconv.Unquote(v)
			if err != nil {
				return Event{}, false
			}
			v = u
		}
		if _, twice := e.Values[p[1]]; twice {
			return Event{}, false
		}
		e.Values[p[1]] = v
		rest = rest[len(p[0]):]
		if rest != "" && rest[0] != ' ' {
			return Event{}, false
		}
	}
	return e, true
}

// Package eventlog writes the lines of the serial log that programs read:
//
//	handback: event NAME key=value ...
//
// Every process of the appliance writes them to its standard error, which PID 1
// reads and puts on ttyS0 line by line. The package never writes to a terminal
// and never fails: a log that can't be written stops nothing.
package eventlog

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Prefix of every event.
const Prefix = "handback: event "

var (
	mu  sync.Mutex
	out io.Writer = os.Stderr
)

// SetOutput sends events elsewhere than to standard error.
func SetOutput(w io.Writer) {
	mu.Lock()
	defer mu.Unlock()
	out = w
}

// Event writes one event: a name of small letters, digits and '-', then keys and
// values in turn. The seconds since power-on are added as uptime.
func Event(name string, kv ...any) {
	line := Line(name, kv...)
	mu.Lock()
	defer mu.Unlock()
	_, _ = io.WriteString(out, line+"\n")
}

// Line is an event without its line end.
func Line(name string, kv ...any) string {
	var b strings.Builder
	b.WriteString(Prefix + word(name))
	seen := map[string]bool{}
	add := func(k string, v any) {
		if k = word(k); k != "" && !seen[k] { // a key stands once
			seen[k] = true
			b.WriteString(" " + k + "=" + value(v))
		}
	}
	for i := 0; i+1 < len(kv); i += 2 {
		add(fmt.Sprint(kv[i]), kv[i+1])
	}
	add("uptime", Uptime())
	return b.String()
}

// Uptime is the time since power-on, sleep included.
func Uptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

func word(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

// value stands bare where it is plain, else quoted as Go does: what a device
// said can't end the line or begin another key.
func value(v any) string {
	var s string
	switch v := v.(type) {
	case time.Duration:
		s = strconv.FormatFloat(v.Seconds(), 'f', 2, 64)
	case float64:
		s = strconv.FormatFloat(v, 'f', 2, 64)
	default:
		s = fmt.Sprint(v)
	}
	for _, r := range s {
		if r <= ' ' || r > '~' || r == '"' || r == '\\' || r == '=' {
			return strconv.QuoteToASCII(s)
		}
	}
	return s
}

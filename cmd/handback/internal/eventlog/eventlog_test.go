package eventlog_test

import (
	"bytes"
	"regexp"
	"testing"
	"time"
	"unicode/utf8"

	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/image/vmtest"
)

func TestLine(t *testing.T) {
	got := eventlog.Line("first-frame", "tty", "tty1", "uptime", 12340*time.Millisecond)
	if got != "handback: event first-frame tty=tty1 uptime=12.34" {
		t.Errorf("line is %q", got)
	}
	got = eventlog.Line("Drive Gone", "model", "A \"B\"\nhandback: event exit code=0", "n", 3, "n", 4, "uptime", 1.5)
	if got != `handback: event drivegone model="A \"B\"\nhandback: event exit code=0" n=3 uptime=1.50` {
		t.Errorf("line is %q", got)
	}
}

func TestEvent(t *testing.T) {
	var b bytes.Buffer
	eventlog.SetOutput(&b)
	eventlog.Event("pid1")
	if !regexp.MustCompile(`^handback: event pid1 uptime=[0-9]+\.[0-9][0-9]\n$`).MatchString(b.String()) {
		t.Errorf("event is %q", b.String())
	}
}

// FuzzLine: what is written is read back by who waits for it.
func FuzzLine(f *testing.F) {
	f.Add("sda", "Samsung SSD\u009b 980")
	f.Add("", "\x00 k=v \"")
	f.Fuzz(func(t *testing.T, a, b string) {
		line := eventlog.Line("x", "a", a, "b", b)
		e, ok := vmtest.ParseEvent(line)
		if !ok || e.Name != "x" {
			t.Fatalf("%q is not read as an event", line)
		}
		for k, want := range map[string]string{"a": a, "b": b} {
			if got := e.Values[k]; got != want && utf8.ValidString(want) {
				t.Errorf("%s is %q, want %q", k, got, want)
			}
		}
	})
}

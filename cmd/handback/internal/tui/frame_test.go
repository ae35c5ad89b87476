package tui

import (
	"context"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

var update = flag.Bool("update", false, "write the golden frames anew")

// still is a client that is never asked: the tests hand Views to the root.
type still struct{}

var errStill = errors.New("no engine here")

func (still) Pull(context.Context) (wire.View, error)              { return wire.View{}, errStill }
func (still) Send(context.Context, wire.Intent) (wire.View, error) { return wire.View{}, errStill }

// at is a root that shows v, long enough to take keys.
func at(v wire.View, w, h int) *root {
	m := newRoot(context.Background(), still{})
	now := time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC)
	m.now = func() time.Time { return now }
	m.w, m.h = w, h
	m.Update(pullMsg{view: v})
	now = now.Add(time.Hour)
	m.since = time.Time{}
	return m
}

func key1(s string) tea.KeyPressMsg {
	named := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown,
		"left": tea.KeyLeft, "right": tea.KeyRight, "f1": tea.KeyF1, "f2": tea.KeyF2, "f3": tea.KeyF3, "pgup": tea.KeyPgUp,
		"pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd, "backspace": tea.KeyBackspace}
	if c, ok := named[s]; ok {
		return tea.KeyPressMsg{Code: c}
	}
	if s == "shift+tab" {
		return tea.KeyPressMsg{Code: tea.KeyTab, Mod: tea.ModShift}
	}
	r, _ := utf8.DecodeRuneInString(s)
	return tea.KeyPressMsg{Code: r, Text: s}
}

// press keys as a person does: what the guard holds back comes through.
func press(m *root, keys ...string) {
	for _, k := range keys {
		m.Update(key1(k))
		if len(m.guard.held) > 0 {
			m.Update(guardMsg{m.guard.turn})
		}
	}
}

func TestGoldenFrames(t *testing.T) {
	frames := map[string]*root{}
	for name, v := range pages() {
		frames[name] = at(v, 80, 24)
	}
	with := func(name, page string, keys ...string) {
		frames[name] = at(pages()[page], 80, 24)
		press(frames[name], keys...)
	}
	with("unlock-typed", "unlock", strings.Split("secret", "")...)
	with("unlock-off", "unlock", "s", "esc")
	with("intake-help", "intake", "f1")
	with("check-help", "check", "?")
	frames["check-end"] = at(checkView(), 80, 24)
	frames["check-end"].draw() // it measures how far there is to scroll
	press(frames["check-end"], "end")
	with("check-psid", "check-locked", "p")
	with("check-taken-out", "check-locked", "x")
	with("agree-details", "agree", "f3")
	with("agree-typed", "agree", strings.Split("DEF-0482", "")...)
	with("erase-stop", "erase", "s")
	with("erase-log", "erase", "l")
	with("grade-finish", "grade", "f")
	with("hold-next", "result-hold", "enter")
	frames["waiting"] = newRoot(context.Background(), still{})
	gone := at(eraseView(), 80, 24)
	gone.since = gone.now().Add(-time.Minute)
	frames["engine-away"] = gone
	with("erase-testable-us", "erase-testable", "left")
	frames["large-try-keyboard"] = at(keyboardView(), 128, 48)
	frames["large-tested-part"] = at(pages()["erase-tested-part"], 128, 48)
	frames["large-check"] = at(hiddenView(), 128, 48)
	frames["large-agree"] = at(agreeView(), 128, 48)
	frames["large-pass"] = at(resultView("PASS", true), 128, 48)
	frames["large-fail"] = at(resultView("FAIL", false), 100, 30)
	for _, name := range slices.Sorted(maps.Keys(frames)) {
		t.Run(name, func(t *testing.T) { golden(t, name, frames[name].draw().plain()) })
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	// Line ends of spaces are cut: editors cut them too.
	lines := strings.Split(got, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	got = strings.Join(lines, "\n")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got\n%s\nwant\n%s", file, got, want)
	}
}

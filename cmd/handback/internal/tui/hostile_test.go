package tui

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"handback.example/cmd/handback/internal/wire"
)

var sizes = [][2]int{{80, 24}, {80, 25}, {100, 30}, {128, 48}, {200, 60}}

// spoil writes s into every text of a View.
func spoil(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() != reflect.TypeOf(wire.StageIntake) && v.CanSet() {
			v.SetString(s)
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i), s)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			spoil(v.Elem(), s)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				spoil(v.Field(i), s)
			}
		}
	}
}

var hostile = []string{
	strings.Repeat("x", 500),
	strings.Repeat("word ", 300),
	"\x1b[2J\x1b[1;1H\x1b[31mPASS\x1b]0;t\x07\u009b31m",
	"a\nb\r\nc\td\x00e",
	"█████ ─── ┌┐└┘ ✓ DONE ● \u202eolleh\u0301\u200b 日本語 🙂",
	"\xff\xfe\x80",
}

// frame checks what every frame must hold: the size, and none but the console
// font's characters.
func frame(t interface {
	Helper()
	Errorf(string, ...any)
}, name string, m *root) string {
	t.Helper()
	got := m.draw().plain()
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if len(lines) != m.h {
		t.Errorf("%s: %d lines on a screen of %d", name, len(lines), m.h)
	}
	for i, l := range lines {
		if utf8.RuneCountInString(l) != m.w {
			t.Errorf("%s: line %d has %d columns of %d: %q", name, i, utf8.RuneCountInString(l), m.w, l)
		}
		for _, r := range l {
			if !inFont(r) {
				t.Errorf("%s: line %d has %q, which the console's font has not: %q", name, i, r, l)
			}
		}
	}
	return got
}

func inFont(r rune) bool {
	return r >= 0x20 && r <= 0x7e || r > 0xa0 && r <= 0xff && r != 0xad || strings.ContainsRune("─│┌┐└┘├┤┬┴┼█▓▉▊▋▌▍▎▏▔✓✗●○▸·…", r)
}

func TestHostileTextNeverLeavesItsPlace(t *testing.T) {
	for name, v := range pages() {
		for i, s := range hostile {
			for _, size := range sizes {
				bad := cleanView(v) // a copy
				spoil(reflect.ValueOf(&bad).Elem(), s)
				m := at(bad, size[0], size[1])
				id := fmt.Sprintf("%s, text %d, %dx%d", name, i, size[0], size[1])
				got := frame(t, id, m)
				if strings.Contains(got, "✓ DONE") && i == 4 && name != "erase" && name != "erase-24" {
					t.Errorf("%s: a text drew a tick", id)
				}
			}
		}
	}
}

// What a person needs to act on is on the screen whatever else is there.
func TestNothingThatMattersIsPushedOut(t *testing.T) {
	long := strings.Repeat("a rather long sentence of an engine that talks a lot ", 12)
	for name, want := range map[string][]string{
		"agree": {"To agree, scan or type the asset label again: __", "… ", "more lines below", "? help"},
		"erase": {"Leave the power lead in. The stick may be pulled now.", "4 ○ not tested", "S stop"},
		"grade": {"4 ○ not tested"}, "intake": {"▸ Asset tag", "Press F2"},
		"result-pass": {"██ PASS ██", "▸ a rather"}, "result-fail": {"│  FAIL  │", "▸ a rather"},
		"result-hold": {"// HOLD //", "Do not switch off"}, "stopped": {"a rather long"},
		"check": {"more lines below", "Enter what will be destroyed"},
	} {
		v := pages()[name]
		v = cleanView(v)
		v.Notice = &wire.Notice{Mark: wire.MarkBad, What: long, Do: long}
		v.Problem = long
		v.Plan.TPM, v.Plan.Also, v.Plan.NeedsAcceptance = long, []string{long, long}, long
		for i := range v.Plan.Rows {
			v.Plan.Rows[i].Warnings = []string{long}
		}
		for i := range v.Drives {
			v.Drives[i].Note = long
		}
		for i := range v.Questions {
			v.Questions[i].Ask = long
		}
		if v.Result != nil {
			v.Result.Lines, v.Result.Why, v.Result.Do = []string{long, long}, long, long
		}
		got := frame(t, name, at(v, 80, 24))
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: %q is not on the screen:\n%s", name, w, got)
			}
		}
	}
}

func TestEveryPageAtEverySize(t *testing.T) {
	for name, v := range pages() {
		for _, size := range sizes {
			frame(t, name, at(v, size[0], size[1]))
		}
		for _, size := range [][2]int{{79, 24}, {80, 23}, {40, 10}, {1, 1}, {0, 0}} {
			m := at(v, size[0], size[1])
			got := strings.Join(strings.Fields(m.draw().plain()), " ")
			if size[0] >= 40 && !strings.Contains(got, "too small: 80x24 needed") {
				t.Errorf("%s at %v does not say that it is too small: %q", name, size, got)
			}
		}
	}
}

func TestCleanKeepsWhatIsPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"Dell Latitude 5400": "Dell Latitude 5400",
		"Müller £5 … ½":      "Müller £5 … ½",
		"it’s “so” – yes":    "it's \"so\" - yes",
		"\x1b[31mred":        "?[31mred",
		"a\tb\nc":            "a b c",
		"✓ DONE":             "? DONE",
		"\xff":               "?",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

var someKeys = []string{"enter", "esc", "tab", "shift+tab", "up", "down", "left", "right", "pgup", "pgdown", "home", "end",
	"f1", "f2", "f3", "backspace", " ", "?", "s", "S", "y", "n", "l", "f", "r", "1", "2", "9", "0", "é", "日", "\x00"}

// drawView makes Views that no engine would send.
func drawView(t *rapid.T) wire.View {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom(hostile), rapid.Just(""))
	texts := rapid.SliceOfN(text, 0, 5)
	mark := rapid.SampledFrom([]wire.Mark{"", wire.MarkOK, wire.MarkBad, wire.MarkBusy, "odd"})
	v := wire.View{
		Stage: rapid.SampledFrom([]wire.Stage{"", wire.StageStarting, wire.StageUnlock, wire.StageIntake, wire.StageCheck, wire.StageAgree, wire.StageErase,
			wire.StageGrade, wire.StagePapers, wire.StageResult, wire.StageStopped, wire.StagePowerOff, "odd"}).Draw(t, "stage"),
		Revision: rapid.Uint64().Draw(t, "revision"), Class: text.Draw(t, "class"), Tag: text.Draw(t, "tag"), Bench: text.Draw(t, "bench"),
		Problem: text.Draw(t, "problem"), Clock: time.Unix(rapid.Int64().Draw(t, "clock"), 0), Log: texts.Draw(t, "log"),
		StickMayGo: rapid.Bool().Draw(t, "stick"),
	}
	v.Intake = wire.Intake{Tag: text.Draw(t, "itag"), Sources: texts.Draw(t, "sources"), Source: text.Draw(t, "source"),
		DIAL: rapid.Int().Draw(t, "dial"), Confirm: rapid.OneOf(rapid.Just(""), text).Draw(t, "confirm")}
	v.Plan = wire.PlanView{Digest: text.Draw(t, "digest"), Ready: rapid.Bool().Draw(t, "ready"), Mains: mark.Draw(t, "mains"), Also: texts.Draw(t, "also")}
	for range rapid.IntRange(0, 30).Draw(t, "rows") {
		v.Plan.Rows = append(v.Plan.Rows, wire.PlanRow{Name: text.Draw(t, "n"), Drive: text.Draw(t, "d"), How: text.Draw(t, "h"),
			Expect: time.Duration(rapid.Int64().Draw(t, "e")), Refused: text.Draw(t, "r"), Detail: texts.Draw(t, "det")})
		v.Drives = append(v.Drives, wire.DriveProgress{Name: text.Draw(t, "n"), State: rapid.SampledFrom([]string{"", "ERASING", "DONE", "odd"}).Draw(t, "s"),
			Mark: mark.Draw(t, "m"), Fraction: rapid.Float64().Draw(t, "f"), Note: text.Draw(t, "note")})
	}
	for range rapid.IntRange(0, 4).Draw(t, "questions") {
		v.Questions = append(v.Questions, wire.Question{ID: text.Draw(t, "id"), Ask: text.Draw(t, "ask"), Choices: texts.Draw(t, "choices"), Answer: rapid.Int().Draw(t, "answer"),
			Try: text.Draw(t, "try"), Kinds: texts.Draw(t, "kinds"), At: rapid.Int().Draw(t, "kind"), Evidence: text.Draw(t, "evidence"), Advice: text.Draw(t, "advice"),
			Proposed: rapid.Int().Draw(t, "proposed")})
	}
	if rapid.IntRange(0, 3).Draw(t, "exercise") == 0 {
		caps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) wire.Keycap {
			return wire.Keycap{Label: text.Draw(t, "label"), Width: rapid.Int().Draw(t, "width"), Seen: rapid.Bool().Draw(t, "seen")}
		}), 0, 30)
		v.Exercise = &wire.Exercise{Question: text.Draw(t, "xq"), Name: text.Draw(t, "xname"), Device: text.Draw(t, "device"), Say: texts.Draw(t, "say"),
			Done: rapid.Int().Draw(t, "done"), Of: rapid.Int().Draw(t, "of"), Ends: rapid.Int().Draw(t, "ends"), Next: text.Draw(t, "next"),
			Keys: rapid.SliceOfN(caps, 0, 8).Draw(t, "caps"), Pad: rapid.SliceOfN(caps, 0, 8).Draw(t, "pad"),
			Fields: rapid.SliceOfN(rapid.Bool(), 0, 10).Draw(t, "fields"), Buttons: caps.Draw(t, "buttons")}
	}
	if rapid.Bool().Draw(t, "has result") {
		v.Result = &wire.Result{Pass: rapid.Bool().Draw(t, "pass"), Word: rapid.SampledFrom([]string{"", "PASS", "FAIL", "HOLD", "NO DRIVE", "é"}).Draw(t, "word"), Lines: texts.Draw(t, "lines")}
	}
	if rapid.Bool().Draw(t, "has notice") {
		v.Notice = &wire.Notice{Mark: mark.Draw(t, "nm"), What: text.Draw(t, "what"), Do: text.Draw(t, "do")}
	}
	return v
}

// No View and no keys make a page fail or draw outside its screen, and a verdict
// in solid letters needs a pass.
func TestNoViewAndNoKeysBreakAPage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom(sizes).Draw(t, "size")
		m := at(drawView(t), size[0], size[1])
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			press(m, rapid.SliceOfN(rapid.SampledFrom(someKeys), 0, 6).Draw(t, "keys")...)
			m.sending = false
			got := frame(t, "random", m)
			r := m.view.Result
			if m.stage == wire.StageResult && (r == nil || !r.Pass || r.Word != "PASS") && m.plainPage() && strings.Contains(got, "█") {
				t.Errorf("solid letters without a pass:\n%s", got)
			}
			if rapid.Bool().Draw(t, "another view") {
				m.Update(pullMsg{view: drawView(t)})
			}
		}
	})
}

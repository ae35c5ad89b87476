package tui

import (
	"fmt"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

// questions of the bench: one at a time, numbered answers.
type questions struct {
	list []wire.Question
	at   int
	open string // the question that is shown
	left bool   // it was answered here: go on to the next open one once the engine knows
	now  *wire.Exercise
	// tests of the machine by itself, which stand beside the questions.
	tests []wire.Test
	kind  map[string]int // of the exercises, where another one was chosen
}

// show keeps to the question on the screen, and goes on when it was answered.
func (q *questions) show(v *wire.View) {
	list := v.Questions
	q.list, q.now, q.tests = list, v.Exercise, v.Tests
	if q.now != nil {
		q.open, q.left = q.now.Question, false // its answer is wanted next
	}
	q.at = min(q.at, max(0, len(list)-1))
	for i, x := range list {
		if x.ID == q.open {
			q.at = i
		}
	}
	if len(list) == 0 {
		return
	}
	if q.open == "" || q.left && answered(list[q.at]) {
		q.toOpen()
		q.left = false
	}
	q.open = list[q.at].ID
}

// toOpen goes to the next question without an answer; there may be none.
func (q *questions) toOpen() {
	for i := range q.list {
		if n := (q.at + i) % len(q.list); !answered(q.list[n]) {
			q.at = n
			return
		}
	}
}

// to a question that a person chose.
func (q *questions) to(n int) {
	q.at = n % len(q.list)
	q.open, q.left = q.list[q.at].ID, false
}

func answered(x wire.Question) bool { return x.Answer >= 0 && x.Answer < len(x.Choices) }

func (q *questions) press(k tea.KeyPressMsg) (action, bool) {
	if len(q.list) == 0 {
		return action{}, false
	}
	now := q.list[q.at]
	s := k.String()
	switch {
	case key.Matches(k, keyTake) && now.Proposed > 0 && !answered(now):
		q.left = true
		return want(wire.Intent{Kind: wire.IntentAnswer, Question: now.ID, Choice: now.Proposed - 1}), true
	case key.Matches(k, keyTake) && now.Try != "":
		return want(wire.Intent{Kind: wire.IntentTry, Question: now.ID, Choice: q.kindOf(now)}), true
	case key.Matches(k, keyKind) && len(now.Kinds) > 1:
		step := 1
		if s == "left" {
			step = len(now.Kinds) - 1
		}
		if q.kind == nil {
			q.kind = map[string]int{}
		}
		q.kind[now.ID] = (q.kindOf(now) + step) % len(now.Kinds)
		return action{}, true
	case s == "tab":
		q.to(q.at + 1)
		return action{}, true
	case s == "shift+tab":
		q.to(q.at + len(q.list) - 1)
		return action{}, true
	case len(s) == 1 && s[0] >= '1' && s[0] <= '9' && int(s[0]-'1') < len(now.Choices):
		q.left = true
		return want(wire.Intent{Kind: wire.IntentAnswer, Question: now.ID, Choice: int(s[0] - '1')}), true
	}
	return action{}, false
}

func (q *questions) keys() []key.Binding {
	if len(q.list) == 0 {
		return nil
	}
	now := q.list[q.at]
	n := min(len(now.Choices), 9)
	ks := []key.Binding{}
	switch {
	case now.Proposed > 0 && !answered(now):
		ks = append(ks, bind("Enter", "take the answer", "enter"))
	case now.Try != "":
		ks = append(ks, bind("Enter", "test it", "enter"))
	}
	if n > 0 {
		ks = append(ks, bind(fmt.Sprintf("1-%d", n), "answer", "1"))
	}
	return append(ks, keyOther)
}

func (q *questions) count() (done, all int) {
	for _, x := range q.list {
		if answered(x) {
			done++
		}
	}
	return done, len(q.list)
}

// rows: how far the questions are, and the one that is asked.
func (q *questions) rows(w int, tight bool) []row {
	if len(q.list) == 0 {
		return testRows(q.tests, w)
	}
	done, all := q.count()
	head := newRow(2).add(strong, fmt.Sprintf("Questions: %d of %d answered   ", done, all))
	if all <= w-head.width-2 {
		for _, x := range q.list {
			if answered(x) {
				head.add(good, "●")
			} else {
				head.add(plain, "○")
			}
		}
	}
	if done == all {
		head.add(good, "  all done")
	}
	x := q.list[q.at]
	rows := []row{gap(), *head}
	if len(q.tests) > 0 {
		rows = append(rows, testRows(q.tests, w)[1:]...) // the gap between stands above
	} else {
		rows = append(rows, gap())
	}
	for i, l := range wrapMost(x.Ask, w-10, 3) {
		r := newRow(3)
		if i == 0 {
			r.add(info, "▸")
		}
		rows = append(rows, *r.to(5).add(strong, l))
	}
	return append(append(rows, q.choices(x, w, tight)...), q.trial(x, w)...)
}

// testRows are the tests that the machine does by itself, in a line or two.
func testRows(tests []wire.Test, w int) (rows []row) {
	if len(tests) == 0 {
		return nil
	}
	const indent = 13
	rows = []row{gap()}
	r := newRow(2).add(strong, "Machine:")
	for i, t := range tests {
		shape, st := mark(t.Mark)
		if t.Mark == wire.MarkNone {
			shape = "·"
		}
		s := strings.TrimSpace(t.Name + " " + t.Note)
		if r.width > indent && r.width+width(s)+5 > w {
			rows, r = append(rows, *r), newRow(2)
		}
		if r.to(indent); i > 0 && r.width > indent {
			r.add(plain, "  ")
		}
		r.add(st, shape).add(plain, " "+s)
	}
	return append(rows, *r)
}

// trial is what an exercise of the question has shown, or that there is one.
func (q *questions) trial(x wire.Question, w int) (rows []row) {
	if x.Evidence != "" {
		for i, l := range wrapMost(x.Evidence, w-13, 2) {
			r := newRow(5)
			if i == 0 {
				r.add(strong, "Test:")
			}
			rows = append(rows, *r.to(11).add(plain, l))
		}
		if x.Advice != "" {
			rows = append(rows, paragraph(warn, x.Advice, 11, w-1)...)
		}
	}
	if x.Try == "" {
		return rows
	}
	r := newRow(5).add(strong, "Enter").to(11)
	switch {
	case x.Proposed > 0 && x.Proposed <= len(x.Choices) && !answered(x):
		r.add(plain, cut(fmt.Sprintf("takes %d %s", x.Proposed, x.Choices[x.Proposed-1]), w-13))
	case x.Evidence != "":
		r.add(plain, "tests it again")
	default:
		r.add(plain, cut("tests it: "+x.Try, w-13))
	}
	if len(x.Kinds) > 1 {
		r.add(plain, "      ").add(strong, "Left Right").add(plain, " "+cut(x.Kinds[q.kindOf(x)], w-r.width-13))
	}
	return append(rows, *r)
}

// kindOf the exercise that Enter begins.
func (q *questions) kindOf(x wire.Question) int {
	n, chosen := q.kind[x.ID]
	if !chosen {
		n = x.At
	}
	return min(max(n, 0), max(0, len(x.Kinds)-1))
}

// choices side by side where they fit, else one below the other, or as many a
// line as fit where room is tight.
func (q *questions) choices(x wire.Question, w int, tight bool) []row {
	rows, one := []row{}, []row{}
	r := newRow(5)
	for i := range min(len(x.Choices), 9) {
		shape, st := "○", plain
		if i == x.Answer {
			shape, st = "●", good
		}
		s := cut(fmt.Sprintf("%d %s %s", i+1, shape, x.Choices[i]), w-7)
		one = append(one, *newRow(5).add(st, s))
		if r.width+width(s) > w-2 && r.width > 5 {
			rows, r = append(rows, *r), newRow(5)
		}
		r.add(st, s).add(plain, "    ")
	}
	if rows = append(rows, *r); tight || len(rows) == 1 {
		return rows
	}
	return one
}

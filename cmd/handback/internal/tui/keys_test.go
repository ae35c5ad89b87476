package tui

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

// person presses keys on a root and sees what reaches the engine.
type person struct {
	t    *testing.T
	m    *root
	now  time.Time
	sent []wire.Intent
	view wire.View // what the engine answers
}

func (p *person) Pull(context.Context) (wire.View, error) { return p.view, nil }
func (p *person) Send(_ context.Context, i wire.Intent) (wire.View, error) {
	p.sent = append(p.sent, i)
	return p.view, nil
}

func before(t *testing.T, v wire.View) *person {
	p := &person{t: t, m: at(v, 80, 24), now: time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC), view: v}
	p.m.client = p
	p.m.entered = p.now.Add(-time.Hour)
	p.m.now = func() time.Time { return p.now }
	p.m.draw()
	return p
}

// run a command and all that it leads to, but the next tick.
func (p *person) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	msg := cmd()
	if cmds := reflect.ValueOf(msg); cmds.Kind() == reflect.Slice {
		for i := range cmds.Len() {
			p.run(cmds.Index(i).Interface().(tea.Cmd))
		}
		return
	}
	_, next := p.m.Update(msg)
	p.run(next)
}

// press keys one after the other, each with the time that a person takes.
func (p *person) press(keys ...string) *person {
	for _, k := range keys {
		_, cmd := p.m.Update(key1(k))
		p.run(cmd)
		p.m.draw()
	}
	return p
}

func (p *person) types(s string) *person { return p.press(strings.Split(s, "")...) }

// scan types as a label scanner does: faster than any person, with Enter at the
// end.
func (p *person) scan(s string) *person {
	var last tea.Cmd
	for _, k := range append(strings.Split(s, ""), "enter") {
		_, cmd := p.m.Update(key1(k))
		if cmd != nil {
			last = cmd
		}
	}
	p.run(last)
	p.m.draw()
	return p
}

func (p *person) wants(want ...wire.Intent) *person {
	p.t.Helper()
	if len(want) != len(p.sent) || len(want) > 0 && !reflect.DeepEqual(p.sent, want) {
		p.t.Errorf("sent %+v, want %+v", p.sent, want)
		for _, i := range p.sent {
			p.t.Logf("form %+v", i.Form)
		}
	}
	p.sent = nil
	return p
}

func (p *person) sees(words ...string) *person {
	p.t.Helper()
	got := p.m.draw().plain()
	for _, w := range words {
		if !strings.Contains(got, w) {
			p.t.Errorf("%q is not on the screen:\n%s", w, got)
		}
	}
	return p
}

func TestIntakeByKeyboard(t *testing.T) {
	p := before(t, base(wire.StageIntake))
	p.types("n-1").press("enter").wants()            // the operator is missing
	p.types("jb").press("enter").wants()             // the source is
	p.press("right", "right", "enter").wants()       // post; the marking is
	p.press(" ", "enter").wants()                    // official; the DIAL rating is
	p.press("2", "down").sees("▸ Stop if", "(●) 2"). // a number picks
								press("right", " ").sees("[x] legal hold"). // the second box
								press("enter")
	p.wants(wire.Intent{Kind: wire.IntentIntake, Form: &wire.Intake{
		Tag: "n-1", Operator: "jb", Source: "post", Classification: "official", DIAL: 2, LegalHold: true}})
}

func TestNoLabelKeepsWhatWasTyped(t *testing.T) {
	p := before(t, base(wire.StageIntake))
	p.press("tab").types("jb")
	p.view.Intake.Tag, p.view.Intake.Operator = "S01-000412", "jb"
	p.press("f2").wants(wire.Intent{Kind: wire.IntentNoLabel, Form: &wire.Intake{Operator: "jb"}})
	p.sees("S01-000412____", "jb____")
}

func TestAScanGoesIntoTheTagWhereverTheFocusIs(t *testing.T) {
	v := base(wire.StageIntake)
	v.Intake.Operator, v.Intake.Source, v.Intake.Classification, v.Intake.DIAL = "jb", "desk", "official", 1
	p := before(t, v)
	p.press("tab", "tab").scan("N123-S 1")
	p.wants(wire.Intent{Kind: wire.IntentIntake, Form: &wire.Intake{
		Tag: "N123-S 1", Operator: "jb", Source: "desk", Classification: "official", DIAL: 1}})
}

// The seal's number may stay empty; with the focus on its field a scan is the seal's.
func TestSealByScanAndByHand(t *testing.T) {
	v := base(wire.StageIntake)
	v.Intake.Tag, v.Intake.Operator, v.Intake.Source, v.Intake.Classification, v.Intake.DIAL = "N-1", "jb", "desk", "official", 1
	want := wire.Intake{Tag: "N-1", Operator: "jb", Source: "desk", Classification: "official", DIAL: 1}
	before(t, v).press("enter").wants(wire.Intent{Kind: wire.IntentIntake, Form: &want})
	sealed := want
	sealed.Seal = "HUB-00417"
	p := before(t, v)
	p.press("shift+tab").sees("▸ Seal").scan("HUB-00417") // a scanner ends with Enter
	p.wants(wire.Intent{Kind: wire.IntentIntake, Form: &sealed})
	before(t, v).press("shift+tab").types("HUB-00417").sees("HUB-00417___").press("enter").wants(wire.Intent{Kind: wire.IntentIntake, Form: &sealed})
}

func TestQuestionOfTheEngineIsNoByDefault(t *testing.T) {
	v := pages()["intake-confirm"]
	yes, no := wire.Intent{Kind: wire.IntentConfirm, Yes: true}, wire.Intent{Kind: wire.IntentConfirm}
	before(t, v).press("enter").wants(no)
	before(t, v).press("esc").wants(no)
	before(t, v).press("y").wants()
	before(t, v).press("tab", "enter").wants(yes)
	before(t, v).press("left", "right", "enter").wants(no)
	before(t, v).scan("YYY-1").wants()
}

func TestOnlyTheLabelAgrees(t *testing.T) {
	v := agreeView()
	before(t, v).press("enter", "enter", "y", "backspace", "enter").wants()
	before(t, v).types("d?").wants().sees("Help")
	before(t, v).press("esc").wants(wire.Intent{Kind: wire.IntentBack})
	before(t, v).press("f3", "enter", "x", "enter").wants()
	p := before(t, v).types(" DEF-048213 ")
	p.view.Problem = "that is not this machine's label: scan DEF-048213"
	p.press("enter").wants(wire.Intent{Kind: wire.IntentConsent, Text: "DEF-048213", Digest: "4f1c9a0277be01d2"})
	p.sees("✗ That is not this machine's label", "again: ____")
}

func TestConsentNeedsThePlanThatIsShown(t *testing.T) {
	v := agreeView()
	p := before(t, v).types("DEF-048213")
	v.Plan.Digest, v.Revision = "another", 8
	p.m.Update(pullMsg{view: v})
	p.press("enter").wants()

	v.Plan.Ready = false
	before(t, v).types("DEF-048213").press("enter").wants()
}

func TestManyDrivesMustBeSeenBeforeConsent(t *testing.T) {
	p := before(t, manyDrives(agreeView(), 24)).types("DEF-048213").press("enter").wants()
	p.sees("There are more drives below")
	p.press("pgdown", "pgdown", "pgdown", "pgdown", "pgdown", "pgup").press("enter")
	p.wants(wire.Intent{Kind: wire.IntentConsent, Text: "DEF-048213", Digest: "4f1c9a0277be01d2"})
}

func TestStopAsksAndIsNoByDefault(t *testing.T) {
	v := eraseView()
	stop := wire.Intent{Kind: wire.IntentStop}
	before(t, v).press("s", "enter").wants()
	before(t, v).press("S", "y", "esc").wants()
	before(t, v).press("s", "tab", "enter").wants(stop)
	p := before(t, v).press("s", "tab").sees("Stop erasing?")
	p.now = p.now.Add(patience + time.Second)
	p.m.Update(tickMsg{})
	p.press("enter").wants()
}

func TestAStrayScanDoesNothing(t *testing.T) {
	before(t, eraseView()).scan("S1234").wants().sees("That was a scan")
	before(t, resultView("PASS", true)).scan("DEF-048214").wants().sees("That was a scan")
	before(t, checkView()).scan("RRR-1").wants()
	before(t, stoppedView()).scan("DEF-048214").wants()
	before(t, eraseView()).press("s").scan("YES-1").wants().sees("Stop erasing?")
}

func TestAnswersCarryQuestionAndChoice(t *testing.T) {
	v := eraseView()
	p := before(t, v).sees("Look at the screen") // the first open one
	v.Questions[1].Answer = 0
	p.view = v
	p.press("1").wants(wire.Intent{Kind: wire.IntentAnswer, Question: "screen", Choice: 0}).sees("Is the case whole?")
	p.press("9").wants()
	p.press("4").wants(wire.Intent{Kind: wire.IntentAnswer, Question: "case", Choice: 3})
	p.press("tab").sees("every key of the keyboard")
	p.press("2").wants(wire.Intent{Kind: wire.IntentAnswer, Question: "keyboard", Choice: 1})
}

// What the engine tells before it knows of an answer does not hold the next question back.
func TestTheNextQuestionComesOnceTheAnswerIsKnown(t *testing.T) {
	p := before(t, eraseView()).press("1").sees("Look at the screen")
	v := eraseView()
	v.Questions[1].Answer = 0
	v.Revision++
	p.m.Update(pullMsg{view: v})
	p.sees("Is the case whole?")
	// Who goes back to one that has an answer stays there.
	v.Revision++
	p.press("shift+tab").m.Update(pullMsg{view: v})
	p.sees("Look at the screen")
}

// Enter begins the exercise of the question, of the kind that was chosen, and takes the
// answer that it led to.
func TestExercises(t *testing.T) {
	try := func(kind int) wire.Intent {
		return wire.Intent{Kind: wire.IntentTry, Question: "keyboard-2", Choice: kind}
	}
	v := testable("", "", 0)
	before(t, v).press("enter").wants(try(0))
	before(t, v).press("right", "enter").wants(try(1))
	before(t, v).press("left", "enter").wants(try(2))
	before(t, testable("76 of 78 keys seen", "", 0)).press("enter").wants(try(0))
	before(t, testable("78 of 78 keys seen", "", 1)).press("enter").wants(wire.Intent{Kind: wire.IntentAnswer, Question: "keyboard-2", Choice: 0})
	before(t, testable("78 of 78 keys seen", "", 1)).press("3").wants(wire.Intent{Kind: wire.IntentAnswer, Question: "keyboard-2", Choice: 2})
	before(t, eraseView()).press("enter").wants() // a question without one
	before(t, v).scan("S1234\n").wants()
}

// While an exercise runs, keys are its own: no answer is given and nothing is stopped.
func TestKeysInAnExercise(t *testing.T) {
	end, next := wire.Intent{Kind: wire.IntentTryEnd}, wire.Intent{Kind: wire.IntentTryNext}
	before(t, keyboardView()).press("1", "s", "?", "enter", "tab").wants().sees("not the tested keyboard's", "Press every key once")
	before(t, screenView()).press("1", "s", "l").wants()
	before(t, screenView()).press("enter").wants(next)
	before(t, screenView()).press(" ").wants(next)
	before(t, screenView()).press("esc").wants(end)
	v := screenView()
	v.Stage = wire.StageGrade
	before(t, v).press("f", "enter").wants(next)
}

func TestGradeFinish(t *testing.T) {
	v := pages()["grade"]
	before(t, v).press("f", "enter").wants()
	before(t, v).press("F", "tab", "enter").wants(wire.Intent{Kind: wire.IntentFinish})
	v.Questions = nil
	before(t, v).press("f").wants(wire.Intent{Kind: wire.IntentFinish})
}

func TestNextMachineAsksWhileRecordsWait(t *testing.T) {
	next := wire.Intent{Kind: wire.IntentNext}
	before(t, resultView("PASS", true)).press("enter").wants(next)
	before(t, resultView("HOLD", false)).press("enter").sees("not safe yet").press("enter").wants()
	before(t, resultView("HOLD", false)).press("enter", "tab", "enter").wants(next)
}

// A key for the page before does nothing on the one that has just come up.
func TestKeysWaitForANewPage(t *testing.T) {
	p := before(t, pages()["papers"])
	v := resultView("PASS", true)
	v.Revision = 9
	p.m.Update(pullMsg{view: v})
	p.press("enter").wants()
	p.now = p.now.Add(2 * time.Second)
	p.press("enter").wants(wire.Intent{Kind: wire.IntentNext})
}

// A key that was meant for what is tested answers no question when the test has just
// ended.
func TestKeysWaitAfterAnExercise(t *testing.T) {
	p := before(t, keyboardView())
	v := testable("78 of 78 keys seen", "", 1)
	v.Revision = 9
	p.m.Update(pullMsg{view: v})
	p.press("1", "enter").wants().sees("The page has changed")
	p.now = p.now.Add(settleLong)
	p.press("1").wants(wire.Intent{Kind: wire.IntentAnswer, Question: "keyboard-2", Choice: 0})
}

// Keys of a keyboard that the test does not hold reach the screen. Esc, the first of all,
// does not end the test, and when it has ended the rest answer nothing. A key that
// bounces does not keep the answers from anybody.
func TestKeysOfAKeyboardThatIsNotHeld(t *testing.T) {
	p := before(t, keyboardView())
	later := func(d time.Duration, keys ...string) {
		for _, k := range keys {
			p.now = p.now.Add(d)
			p.press(k)
		}
	}
	later(300*time.Millisecond, "esc", "f1", "esc", "f2")
	p.wants()
	v := testable("0 of 78 keys seen", "", 0)
	v.Revision, p.view = 9, v
	p.m.Update(pullMsg{view: v})
	later(time.Second, strings.Fields("f3 f12 delete ` 1 2 3 4 5 6 7 8 9 0 - = backspace tab q s l enter z left")...)
	p.wants()
	later(200*time.Millisecond, "z", "z", "z", "z", "z", "z", "z")
	p.now = p.now.Add(100 * time.Millisecond)
	p.press("1").wants(wire.Intent{Kind: wire.IntentAnswer, Question: "keyboard-2", Choice: 0})
}

// At the other end of the serial line too Esc ends the test when it is held.
func TestEscHeldAtAnotherKeyboard(t *testing.T) {
	p := before(t, keyboardView()).press("esc").wants()
	for range 19 {
		p.now = p.now.Add(100 * time.Millisecond)
		p.press("esc")
	}
	p.wants()
	p.now = p.now.Add(100 * time.Millisecond)
	p.press("esc").wants(wire.Intent{Kind: wire.IntentTryEnd})
}

func TestOneIntentAtATime(t *testing.T) {
	p := before(t, checkView())
	_, first := p.m.Update(key1("enter"))
	_, second := p.m.Update(key1("enter"))
	if first == nil || second != nil {
		t.Error("a second Enter was taken while the first was under way")
	}
	p.now = p.now.Add(5 * time.Second)
	p.sees("The engine is still at what you asked for")
}

func TestAnOldAnswerDoesNotReplaceANewOne(t *testing.T) {
	p := before(t, checkView())
	p.view = agreeView()
	p.view.Revision = 20
	p.press("enter")
	old := checkView()
	p.m.Update(pullMsg{view: old})
	p.sees("To agree")
	// An engine that has started again counts from the beginning.
	p.m.Update(pullMsg{err: errStill})
	p.m.Update(pullMsg{view: old})
	p.sees("This is what the machine says")
}

func TestNothingIsSentWhileTheEngineIsAway(t *testing.T) {
	p := before(t, checkView())
	p.m.Update(pullMsg{err: errStill})
	p.now = p.now.Add(2 * time.Second)
	p.press("enter").wants().sees("Waiting for the engine")
	p.m.Update(pullMsg{view: checkView()})
	p.press("enter").wants(wire.Intent{Kind: wire.IntentToAgree})
}

func TestAFailedSendSaysSo(t *testing.T) {
	p := before(t, checkView())
	p.m.Update(sentMsg{err: errStill})
	p.sees("Nobody knows whether that was taken")
}

// A form that goes by itself while somebody types into it: what is typed on does nothing.
func TestTheFormGoesWhileSomebodyTypes(t *testing.T) {
	grade := tagged(wire.StageGrade)
	grade.Questions = bench()
	for name, to := range map[string]wire.View{"grade": grade, "stopped": stoppedView(), "check": checkView()} {
		t.Run(name, func(t *testing.T) {
			p := before(t, base(wire.StageIntake))
			p.types("DE")
			to.Revision = p.m.view.Revision + 1
			p.view = to
			p.m.pulled(pullMsg{view: to})
			for _, k := range []string{"F", "-", "1", "2", "1", "2", "enter"} {
				p.now = p.now.Add(250 * time.Millisecond)
				p.press(k)
			}
			p.wants()
			p.sees("The page has changed.")
			p.now = p.now.Add(settleLong + time.Millisecond)
			p.press("?")
			p.sees("Any key closes help")
		})
	}
}

// Nothing ends the screens: the keys that end or stop other programs do nothing.
func TestNoKeyLeaves(t *testing.T) {
	for _, msg := range []tea.Msg{tea.QuitMsg{}, tea.SuspendMsg{}, tea.InterruptMsg{}} {
		if kiosk(t.Context(), nil)(nil, msg) != nil {
			t.Errorf("%T comes through", msg)
		}
	}
	over, end := context.WithCancel(t.Context())
	end()
	if kiosk(over, nil)(nil, tea.QuitMsg{}) == nil {
		t.Error("the end of the process is not let through")
	}
	// In practice one key does, whatever letters the layout has.
	left := 0
	practice := kiosk(t.Context(), func() { left++ })
	for _, k := range []tea.KeyPressMsg{{Code: 'c', Mod: tea.ModCtrl}, {Code: 'с', BaseCode: 'c', Mod: tea.ModCtrl}} {
		if practice(nil, k) != nil {
			t.Errorf("%s comes through", k)
		}
	}
	if practice(nil, tea.KeyPressMsg{Code: 'c', Text: "c"}) == nil || left != 2 {
		t.Errorf("left %d times", left)
	}
	for name, v := range pages() {
		p := before(t, v)
		for _, c := range "cdqz\\" {
			_, cmd := p.m.Update(tea.KeyPressMsg{Code: c, Mod: tea.ModCtrl})
			p.run(cmd)
		}
		p.wants()
		if p.m.draw().plain() == "" {
			t.Error(name)
		}
	}
}

// lockedView has a drive that waits for its PSID, and one that can't be erased.
func lockedView() wire.View {
	v := checkView()
	v.Plan.Rows = []wire.PlanRow{
		{Name: "A", Drive: "Samsung PM981 512 GB", Serial: "S4GENX0M512345", Holds: "nothing known", PSID: wire.PSIDWanted, Where: "NVMe slot at PCI 0000:03:00.0",
			Refused: "Samsung PM981 512 GB, serial S4GENX0M512345, is locked by its last owner (Opal). Scan the PSID on its label: press P on the page of the machine"},
		{Name: "B", Drive: "WD Blue 1 TB", Serial: "WX41A7712345", Holds: "Windows", How: "Purge  sanitize"},
	}
	return v
}

// The PSID of a locked drive: its form takes a scan, stays open where the engine
// refuses it, and closes when it is taken.
func TestPSIDByScan(t *testing.T) {
	const psid = "ABCDEFGHJKLMNPQRSTUVWXYZ01234567"
	p := before(t, lockedView())
	p.press("p").sees("Scan the PSID on the label of drive A", "S4GENX0M512345.", "It hangs on NVMe slot at PCI 0000:03:00.0")
	p.press("enter").wants() // nothing typed, nothing sent
	p.view.Problem = "that is no PSID: it has 31 characters, and a PSID has 32"
	p.scan(psid[:31])
	p.wants(wire.Intent{Kind: wire.IntentPSID, Drive: "A", Text: psid[:31]}).sees("▸ PSID", psid[:31], "it has 31 characters")
	p.view.Problem = ""
	p.types(psid[31:]).press("enter").wants(wire.Intent{Kind: wire.IntentPSID, Drive: "A", Text: psid}).sees("This is what the machine says")

	p.press("p").types("x").press("esc").wants().sees("This is what the machine says")
	v := lockedView()
	v.Plan.Rows[1].PSID = wire.PSIDGiven
	p = before(t, v).sees("Its PSID is known")
	p.press("p").sees("Letter of the drive", "B WD Blue 1 TB, serial WX41A7712345").types("b").press("enter").types(psid).press("enter")
	p.wants(wire.Intent{Kind: wire.IntentPSID, Drive: "b", Text: psid})
	p = before(t, checkView())
	p.press("p").wants().sees("This is what the machine says") // no drive is locked
}

// A drive that was taken out: all three texts are needed.
func TestTakenOut(t *testing.T) {
	p := before(t, lockedView())
	p.press("x").sees("Which drive was taken out", "Still in the machine: Samsung PM981 512 GB, serial S4GENX0M512345.")
	p.scan("S4GENX0M512345").wants().sees("▸ Seal of the bag")
	p.scan("SEAL-7").wants().press("up").types("0").press("enter").wants().sees("▸ Destruction reference")
	p.types("crate 9").press("enter")
	p.wants(wire.Intent{Kind: wire.IntentRemoved, Removal: &wire.Removal{Serial: "S4GENX0M512345", Seal: "SEAL-70", Reference: "crate 9"}})
	p.sees("This is what the machine says")
	v := checkView()
	for i := range v.Plan.Rows {
		v.Plan.Rows[i].Refused = ""
	}
	before(t, v).press("x").wants().sees("This is what the machine says") // every drive can be erased
}

// A passphrase goes to the engine once, is on no screen, and is gone from the page.
func TestUnlock(t *testing.T) {
	p := before(t, base(wire.StageUnlock))
	p.press("enter")
	p.types("green bottles")
	if got := p.m.draw().plain(); strings.Contains(got, "green") || !strings.Contains(got, strings.Repeat("*", 13)) {
		t.Errorf("the screen is\n%s", got)
	}
	p.press("enter", "enter")
	if len(p.sent) != 1 || p.sent[0].Kind != wire.IntentUnlock || p.sent[0].Text != "green bottles" {
		t.Errorf("sent: %+v", p.sent)
	}
	if got := p.m.draw().plain(); strings.Contains(got, "**") {
		t.Errorf("what was sent is still there:\n%s", got)
	}
	p.press("esc", "enter", "esc", "esc")
	if len(p.sent) != 1 {
		t.Errorf("Enter or Escape switches off: %+v", p.sent[1:])
	}
	p.press("esc", "tab", "enter")
	if len(p.sent) != 2 || p.sent[1].Kind != wire.IntentPowerOff {
		t.Errorf("sent: %+v", p.sent)
	}
}

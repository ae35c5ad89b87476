package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

// page is one step of the visit.
type page interface {
	// show takes a new View of the page's stage.
	show(v *wire.View)
	// press takes a key or a paste.
	press(msg tea.Msg) action
	// scanned takes what a label scanner typed while no text field had the focus.
	scanned(text string) action
	// typing tells whether letters go into a text field.
	typing() bool
	// body for a given size.
	body(w, h int) body
	// keys that do something now, for the foot and for help.
	keys() []key.Binding
	// about says in short sentences what the page is for.
	about() []string
}

// action is what a page wants of the root.
type action struct {
	intent *wire.Intent
	ask    *dialog
	hint   string
	scroll int // lines
	toTop  bool
}

func want(i wire.Intent) action { return action{intent: &i} }

// quiet is a page's behaviour where it has none of its own.
type quiet struct{}

func (quiet) typing() bool        { return false }
func (quiet) keys() []key.Binding { return nil }
func (quiet) scanned(string) action {
	return action{hint: "That was a scan. It is not needed here: nothing was done."}
}

// bind makes a binding; letters work as small and as capital ones, so Caps Lock
// is no trap.
func bind(label, desc string, keys ...string) key.Binding {
	for _, k := range keys {
		if len(k) == 1 && k[0] >= 'a' && k[0] <= 'z' {
			keys = append(keys, string(k[0]-'a'+'A'))
		}
	}
	return key.NewBinding(key.WithKeys(keys...), key.WithHelp(label, desc))
}

var (
	keyHelp   = bind("?", "help", "?", "f1")
	keyScroll = bind("Up Down", "scroll", "up", "down", "pgup", "pgdown", "home", "end")
	keyPage   = bind("Up Down", "scroll", "up", "down", "pgup", "pgdown")
)

// scrollBy tells how far a key scrolls, 0: it doesn't.
func scrollBy(k tea.KeyPressMsg) int {
	switch k.String() {
	case "up":
		return -1
	case "down":
		return 1
	case "pgup":
		return -10
	case "pgdown":
		return 10
	case "home":
		return -maxItems * 10
	case "end":
		return maxItems * 10
	}
	return 0
}

// newPage for a stage.
func newPage(s wire.Stage) page {
	switch s {
	case wire.StageUnlock:
		return newUnlockPage()
	case wire.StageIntake:
		return newIntakePage()
	case wire.StageCheck:
		return &checkPage{}
	case wire.StageAgree:
		return newAgreePage()
	case wire.StageErase:
		return &erasePage{}
	case wire.StageGrade:
		return &gradePage{}
	case wire.StageResult:
		return &resultPage{}
	case wire.StageStopped:
		return &stoppedPage{}
	}
	return &waitPage{stage: s}
}

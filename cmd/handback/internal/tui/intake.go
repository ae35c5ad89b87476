package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

// Fields of the intake form, from top to bottom.
const (
	fieldTag = iota
	fieldOperator
	fieldSource
	fieldMarking
	fieldDIAL
	fieldStop
	fieldSeal
	fields
)

// option of a row of choices: the value for the engine and the word for people.
type option struct{ value, word string }

var markings = []option{{"official", "OFFICIAL or below"}, {"above", "Above OFFICIAL: stops here"}}

var sourceWords = map[string]string{
	"locker": "Locker", "post": "Post", "desk": "Desk", "amnesty": "Amnesty day", "partner": "Partner",
}

var (
	keyNext    = bind("Enter", "next", "enter")
	keyNoLabel = bind("F2", "no label", "f2", "ctrl+n")
	keyField   = bind("Tab", "next field", "tab", "down")
	keyFieldUp = bind("Shift-Tab", "field before", "shift+tab", "up")
	keyPick    = bind("Space", "pick", "space", "right", "left")
)

// intakePage is the form. It keeps what was typed here; a value that the engine
// changes (an intake number, what another screen typed) comes in over it.
type intakePage struct {
	v     *wire.View
	seen  wire.Intake // the engine's values that were taken over
	taken bool
	form  wire.Intake
	text  [3]textinput.Model // tag, operator, seal
	focus int
	box   int // the stop box with the focus
}

func newIntakePage() *intakePage {
	p := &intakePage{}
	for i := range p.text {
		p.text[i] = newInput()
	}
	p.text[0].Focus()
	return p
}

// newInput is a text field. Its clipboard is taken away: the machine has none.
func newInput() textinput.Model {
	t := textinput.New()
	t.Prompt = ""
	t.CharLimit = 64
	t.SetVirtualCursor(false)
	t.KeyMap.Paste = key.NewBinding(key.WithDisabled())
	return t
}

func (p *intakePage) show(v *wire.View) {
	p.v = v
	in := v.Intake
	merge := func(value *string, now, before string) {
		if !p.taken || now != before {
			*value = now
		}
	}
	for i, f := range []struct{ now, before string }{{in.Tag, p.seen.Tag}, {in.Operator, p.seen.Operator}, {in.Seal, p.seen.Seal}} {
		typed := p.text[i].Value()
		merge(&typed, f.now, f.before)
		setText(&p.text[i], typed)
	}
	merge(&p.form.Source, in.Source, p.seen.Source)
	merge(&p.form.Classification, in.Classification, p.seen.Classification)
	if !p.taken || in.DIAL != p.seen.DIAL {
		p.form.DIAL = in.DIAL
	}
	for i, now := range stops(&in) {
		if !p.taken || *now != *stops(&p.seen)[i] {
			*stops(&p.form)[i] = *now
		}
	}
	p.seen, p.taken = in, true
}

func setText(t *textinput.Model, s string) {
	if t.Value() != s {
		t.SetValue(s)
		t.CursorEnd()
	}
}

func stops(f *wire.Intake) []*bool { return []*bool{&f.Stolen, &f.LegalHold, &f.Disputed} }

var stopWords = []string{"stolen", "legal hold", "owner disputes"}

func (p *intakePage) typing() bool { return p.input(p.focus) != nil }

// input of a field that is typed; nil for a row of choices.
func (p *intakePage) input(field int) *textinput.Model {
	switch field {
	case fieldTag:
		return &p.text[0]
	case fieldOperator:
		return &p.text[1]
	case fieldSeal:
		return &p.text[2]
	}
	return nil
}

// filled gives the form as it is to be sent.
func (p *intakePage) filled() wire.Intake {
	f := p.form
	for i, s := range []*string{&f.Tag, &f.Operator, &f.Seal} {
		*s = strings.TrimSpace(p.text[i].Value())
	}
	f.Sources, f.SuggestedTag, f.Confirm = nil, "", ""
	return f
}

// missing is the first field after from that wants something, or -1. Stop boxes and
// seal may stay empty.
func (p *intakePage) missing(from int) int {
	f := p.filled()
	empty := [fields]bool{f.Tag == "", f.Operator == "", f.Source == "", f.Classification == "", f.DIAL == 0, false, false}
	for i := range fields {
		if n := (from + i) % fields; empty[n] {
			return n
		}
	}
	return -1
}

func (p *intakePage) setFocus(n int) {
	p.focus = (n + fields) % fields
	for i := range p.text {
		p.text[i].Blur()
	}
	if in := p.input(p.focus); in != nil {
		in.Focus()
		in.CursorEnd()
	}
}

func (p *intakePage) scanned(text string) action {
	p.text[0].SetValue(text)
	p.setFocus(fieldTag)
	return p.next()
}

// next sends the form when it is whole, else goes to what is missing.
func (p *intakePage) next() action {
	if n := p.missing(p.focus); n >= 0 {
		p.setFocus(n)
		return action{}
	}
	f := p.filled()
	return want(wire.Intent{Kind: wire.IntentIntake, Form: &f})
}

func (p *intakePage) press(msg tea.Msg) action {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return p.edit(msg)
	}
	switch {
	case key.Matches(k, keyNext):
		return p.next()
	case key.Matches(k, keyNoLabel):
		f := p.filled()
		return want(wire.Intent{Kind: wire.IntentNoLabel, Form: &f})
	case key.Matches(k, keyField):
		p.setFocus(p.focus + 1)
	case key.Matches(k, keyFieldUp):
		p.setFocus(p.focus - 1)
	case p.typing():
		return p.edit(msg)
	default:
		p.choose(k.String())
	}
	return action{}
}

func (p *intakePage) edit(msg tea.Msg) action {
	if in := p.input(p.focus); in != nil {
		*in, _ = in.Update(msg)
	}
	return action{}
}

// choose changes the row of choices that has the focus.
func (p *intakePage) choose(k string) {
	if p.focus == fieldStop {
		p.chooseStop(k)
		return
	}
	opts, now := p.options(p.focus)
	n := -1
	for i, o := range opts {
		if o.value == now {
			n = i
		}
	}
	switch {
	case len(opts) == 0:
		return
	case k == "right", k == "space":
		n = (n + 1) % len(opts)
	case k == "left":
		n = (max(n, 0) + len(opts) - 1) % len(opts)
	case len(k) == 1 && k[0] >= '1' && int(k[0]-'0') <= len(opts):
		n = int(k[0] - '1')
	default:
		return
	}
	switch p.focus {
	case fieldSource:
		p.form.Source = opts[n].value
	case fieldMarking:
		p.form.Classification = opts[n].value
	case fieldDIAL:
		p.form.DIAL = n + 1
	}
}

func (p *intakePage) chooseStop(k string) {
	boxes := stops(&p.form)
	switch {
	case k == "right":
		p.box = (p.box + 1) % len(boxes)
	case k == "left":
		p.box = (p.box + len(boxes) - 1) % len(boxes)
	case k == "space":
		*boxes[p.box] = !*boxes[p.box]
	case len(k) == 1 && k[0] >= '1' && int(k[0]-'0') <= len(boxes):
		p.box = int(k[0] - '1')
		*boxes[p.box] = !*boxes[p.box]
	}
}

func (p *intakePage) options(field int) (opts []option, now string) {
	switch field {
	case fieldSource:
		for _, s := range p.v.Intake.Sources {
			word := sourceWords[s]
			if word == "" {
				word = sentence(s)
			}
			opts = append(opts, option{s, word})
		}
		return opts, p.form.Source
	case fieldMarking:
		return markings, p.form.Classification
	}
	return []option{{"1", "1"}, {"2", "2"}, {"3", "3"}}, itoa(p.form.DIAL)
}

func (p *intakePage) keys() []key.Binding {
	ks := []key.Binding{keyNext, keyNoLabel, keyField}
	if !p.typing() {
		ks = append(ks, keyPick)
	}
	return append(ks, keyFieldUp)
}

func (p *intakePage) about() []string {
	return []string{
		"This page takes in one machine. Scan its asset label, or type it and press Enter.",
		"No label on it? F2 gives it an intake number: write that on a label.",
		"Tab goes from field to field. Space picks. Numbers pick, too.",
		"Tick a stop box if you know of it. Nothing is erased then.",
		"Did it come in a sealed bag or crate? Scan or type the seal's number.",
		"DIAL is the rating that your supervisor gave you: 1, 2 or 3.",
	}
}

const formColumn = 17

func (p *intakePage) body(w, h int) body {
	var b body
	ask := "Scan the asset label of this machine."
	switch {
	case p.text[0].Value() == "":
	case p.missing(fieldTag) >= 0:
		ask = "Fill in what is still open."
	default:
		ask = "Press Enter when all of this is right."
	}
	b.top = append(paragraph(strong, ask, 2, w), gap())
	for f := range fields {
		if f == fieldSource {
			b.middle = append(b.middle, gap())
		}
		b.middle = append(b.middle, p.field(f, w)...)
	}
	b.middle = append(b.middle, gap())
	if v := p.v; v.Machine != "" || v.Service != "" {
		says := "This machine says: " + orUnknown(v.Machine) + ", service tag " + orUnknown(v.Service) + "."
		if v.Intake.SuggestedTag != "" {
			says += " It carries the asset tag " + v.Intake.SuggestedTag + "."
		}
		for _, l := range wrapMost(says, w-4, 3) {
			b.middle = append(b.middle, *newRow(2).add(plain, l))
		}
	}
	b.bottom = []row{gap(), *newRow(2).add(plain, "No label?  Press F2 for an intake number.")}
	return b
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

var fieldNames = [fields]string{"Asset tag", "Operator", "Came from", "Marking", "DIAL", "Stop if", "Seal"}

func (p *intakePage) field(f, w int) []row {
	r := newRow(2)
	r.focus = f == p.focus
	name := plain
	if r.focus {
		r.add(info, "▸")
		name = strong
	}
	r.to(4).add(name, fieldNames[f]).to(formColumn)
	switch f {
	case fieldTag, fieldOperator:
		return []row{p.textField(r, f, min(40, w-formColumn-2))}
	case fieldSeal:
		sealed := p.textField(r, f, min(20, w-formColumn-2))
		return []row{*sealed.add(dim, cut("  if it came sealed", max(0, w-sealed.width)))}
	case fieldStop:
		return p.stopBoxes(r, w)
	}
	return p.radio(r, f, w)
}

// textField of n columns.
func (p *intakePage) textField(r *row, f, n int) row {
	drawInput(r, *p.input(f), n, r.focus)
	return *r
}

// drawInput draws a text field of n columns: its line shows where it is, its
// cursor where the next letter goes.
func drawInput(r *row, t textinput.Model, n int, focused bool) {
	value, pos := []rune(clean(t.Value())), t.Position()
	if t.EchoMode == textinput.EchoPassword {
		value = []rune(repeat('*', len(value)))
	}
	from := max(0, pos-n+1)
	value = value[min(from, len(value)):]
	if len(value) > n {
		value = value[:n]
	}
	start := r.width
	r.add(strong, string(value)).add(dim, repeat('_', n-len(value)))
	if focused {
		r.cursor = start + pos - from + 1
	}
}

func (p *intakePage) radio(r *row, f, w int) []row {
	opts, now := p.options(f)
	rows := []row{}
	picked := false
	for i, o := range opts {
		word := cut(o.word, w-formColumn-4)
		if i > 0 && r.width+4+width(word) > w {
			rows, r = append(rows, *r), newRow(formColumn)
		}
		on := o.value == now && now != ""
		if f == p.focus && (on || i == 0 && !picked) {
			for j := range rows {
				rows[j].cursor = 0
			}
			r.cursor = r.width + 2
		}
		if picked = picked || on; on {
			r.add(strong, "(●) "+word)
		} else {
			r.add(plain, "( ) "+word)
		}
		r.add(plain, "  ")
	}
	if len(opts) == 0 {
		r.add(warn, "no choices are known yet")
	}
	return append(rows, *r)
}

func (p *intakePage) stopBoxes(r *row, w int) []row {
	for i, on := range stops(&p.form) {
		if p.focus == fieldStop && p.box == i {
			r.cursor = r.width + 2
		}
		box, st := "[ ] ", plain
		if *on {
			box, st = "[x] ", bad
		}
		r.add(st, box+stopWords[i]).add(plain, "    ")
	}
	return []row{*r}
}

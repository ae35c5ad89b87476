package tui

import (
	"context"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

const (
	// every: how often the View is pulled.
	every = 250 * time.Millisecond
	// away: how long the engine may be silent before the screen says so.
	away = time.Second
	// settle: how long keys are left out after a page has come up, so that a key
	// that was meant for the page before does nothing on this one.
	settle = 500 * time.Millisecond
	// settleLong: so long where a key does much, or many were pressed just before.
	settleLong = 1500 * time.Millisecond
)

// Messages to the root.
type (
	pullMsg struct {
		view wire.View
		err  error
	}
	sentMsg struct {
		view wire.View
		err  error
	}
	tickMsg struct{}
)

// root holds what all pages share: the View, the connection, questions, help.
type root struct {
	ctx    context.Context
	client Client
	now    func() time.Time
	ready  func() // a View of the engine is about to be drawn

	w, h    int
	view    *wire.View // nil: the engine has not spoken yet
	since   time.Time  // no answer since, zero: it answers
	fresh   bool       // the engine may have started again: any revision is taken
	sending bool
	asked   time.Time // when what is being sent was sent
	sent    time.Time // when the last answer to an intent came

	page    page
	stage   wire.Stage
	entered time.Time
	scroll  int
	most    int
	problem string
	hint    string
	pressed time.Time       // when a key came last
	late    map[string]bool // keys left out since a page went from under a person's hands; nil: none did
	esc     heldKey         // Esc while a keyboard is tested
	ask     *dialog
	confirm *dialog // the engine's question
	help    bool
	guard   guard
}

func newRoot(ctx context.Context, c Client) *root {
	return &root{ctx: ctx, client: c, now: time.Now, w: minWidth, h: minHeight, ready: func() {}, since: time.Now()}
}

func (m *root) Init() tea.Cmd { return m.pull() }

func (m *root) pull() tea.Cmd {
	return func() tea.Msg {
		v, err := m.client.Pull(m.ctx)
		return pullMsg{v, err}
	}
}

func (m *root) send(i wire.Intent) tea.Cmd {
	if m.sending || m.gone() {
		return nil // one at a time: a second Enter must not be a second order
	}
	m.sending, m.hint, m.problem, m.asked = true, "", "", m.now()
	return func() tea.Msg {
		v, err := m.client.Send(m.ctx, i)
		return sentMsg{v, err}
	}
}

// gone tells whether the engine is away: then nothing is sent.
func (m *root) gone() bool { return !m.since.IsZero() && m.now().Sub(m.since) >= away }

func (m *root) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
	case pullMsg:
		m.pulled(msg)
		return m, tea.Tick(every, func(time.Time) tea.Msg { return tickMsg{} })
	case tickMsg:
		m.expire()
		return m, m.pull()
	case sentMsg:
		m.answered(msg)
	case guardMsg:
		return m, m.release(msg)
	case tea.KeyPressMsg:
		return m, m.key(msg)
	case tea.PasteMsg:
		if m.page != nil && m.ask == nil && m.confirm == nil && !m.help {
			return m, m.act(m.page.press(tea.PasteMsg{Content: clean(cut(msg.Content, maxText))}))
		}
	}
	return m, nil
}

func (m *root) pulled(msg pullMsg) {
	if msg.err != nil {
		if m.since.IsZero() {
			m.since = m.now()
		}
		m.fresh = true
		return
	}
	m.since = time.Time{}
	// An answer that was under way while an intent was taken is old.
	if !m.fresh && m.view != nil && msg.view.Revision < m.view.Revision && m.now().Sub(m.sent) < away {
		return
	}
	m.fresh = false
	m.show(msg.view)
}

func (m *root) answered(msg sentMsg) {
	m.sending, m.sent = false, m.now()
	if msg.err != nil {
		m.problem = "Nobody knows whether that was taken: look at the screen, then press the key again."
		return
	}
	problem := msg.view.Problem
	msg.view.Problem = "" // the next Pull does not repeat it, and it stays till the next try
	m.show(msg.view)
	m.problem = clean(problem)
	if p, waits := m.page.(interface{ taken() }); waits && problem == "" {
		p.taken()
	}
}

func (m *root) show(v wire.View) {
	c := cleanView(v)
	if m.page == nil || c.Stage != m.stage {
		if m.page != nil && m.page.typing() && !m.ours() && m.now().Sub(m.pressed) < settleLong {
			m.late = map[string]bool{} // what is typed on was meant for the page before
		}
		m.problem = ""
		m.stage, m.page, m.entered = c.Stage, newPage(c.Stage), m.now()
		m.scroll, m.hint, m.ask, m.help = 0, "", nil, false
	}
	if m.view != nil && m.view.Exercise != nil && c.Exercise == nil {
		m.entered, m.hint = m.now(), "" // keys may still be meant for what was tested
		if m.view.Exercise.Next == "" {
			m.late = map[string]bool{}
		}
	}
	if c.Problem != "" || m.view != nil && m.view.Problem != "" {
		m.problem = c.Problem
	}
	m.view = &c
	m.page.show(m.view)
	m.engineAsks(c.Intake.Confirm)
}

// ours: what was sent from here is being taken, or was just now.
func (m *root) ours() bool { return m.sending || m.now().Sub(m.sent) < away }

// engineAsks shows the engine's question about the intake.
func (m *root) engineAsks(q string) {
	switch {
	case q == "" || m.stage != wire.StageIntake:
		m.confirm = nil
	case m.confirm == nil || m.confirm.ask != q:
		no := wire.Intent{Kind: wire.IntentConfirm}
		m.confirm = &dialog{ask: q, no: "No, go back", yes: "Yes, it is right",
			onYes: wire.Intent{Kind: wire.IntentConfirm, Yes: true}, onNo: &no}
	}
}

func (m *root) expire() {
	if m.ask != nil && !m.ask.until.IsZero() && m.now().After(m.ask.until) {
		m.ask = nil
	}
}

func (m *root) key(k tea.KeyPressMsg) tea.Cmd {
	m.pressed = m.now()
	typing := m.page != nil && m.page.typing() && m.ask == nil && m.confirm == nil && !m.help
	if !typing {
		if held, cmd := m.guard.take(k); held {
			return cmd
		}
	}
	return m.deliver(k)
}

// release hands on what the guard held.
func (m *root) release(g guardMsg) tea.Cmd {
	keys, scan := m.guard.done(g)
	var cmds []tea.Cmd
	for _, k := range keys {
		cmds = append(cmds, m.deliver(k))
	}
	if scan != "" && m.page != nil && !m.help {
		if m.ask != nil || m.confirm != nil {
			m.hint = "That was a scan. The question is still open."
		} else {
			cmds = append(cmds, m.act(m.page.scanned(cut(clean(scan), 64))))
		}
	}
	return tea.Sequence(cmds...)
}

func (m *root) deliver(k tea.KeyPressMsg) tea.Cmd {
	if m.page == nil || m.small() {
		return nil
	}
	if m.help {
		if d := scrollBy(k); d != 0 {
			m.scrollTo(m.scroll + d)
		} else {
			m.help, m.scroll = false, 0
		}
		return nil
	}
	if m.testsKeys() {
		return m.stray(k)
	}
	if key.Matches(k, keyHelp) && m.ask == nil && m.confirm == nil {
		m.help, m.scroll = true, 0
		return nil
	}
	if m.settling() {
		m.leaveOut(k)
		return nil
	}
	m.entered, m.late = time.Time{}, nil // who has pressed a key here has seen the page
	for _, d := range []**dialog{&m.ask, &m.confirm} {
		if *d == nil {
			continue
		}
		i, over := (*d).press(k)
		if over && d == &m.ask {
			m.ask = nil
		}
		if i != nil {
			return m.send(*i)
		}
		return nil
	}
	return m.act(m.page.press(k))
}

// settling: the page has just come up. Text fields take keys at once: a scan
// must not lose its first letters.
func (m *root) settling() bool {
	wait := settle
	if m.stage == wire.StageResult || m.late != nil {
		wait = settleLong
	}
	return !m.page.typing() && m.now().Sub(m.entered) < wait
}

// leaveOut a key while the page settles. Who still presses the keys of a keyboard's test,
// or of a form that has gone, is waited for; one key alone, which may bounce, holds nobody
// up.
func (m *root) leaveOut(k tea.KeyPressMsg) {
	if m.late == nil {
		return
	}
	m.hint = "The page has changed. Press nothing for a moment, then go on."
	if !m.late[k.String()] {
		m.late[k.String()], m.entered = true, m.now()
	}
}

func (m *root) act(a action) tea.Cmd {
	if a.toTop {
		m.scroll = 0
		m.most = maxItems * 10
	}
	if a.scroll != 0 {
		m.scrollTo(m.scroll + a.scroll)
	}
	m.hint = a.hint
	if a.ask != nil {
		m.ask = a.ask
		m.ask.until = m.now().Add(patience)
	}
	if a.intent != nil {
		return m.send(*a.intent)
	}
	return nil
}

func (m *root) scrollTo(n int) { m.scroll = min(max(n, 0), m.most) }

func (m *root) small() bool { return m.w < minWidth || m.h < minHeight }

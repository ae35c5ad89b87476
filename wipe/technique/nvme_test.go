package technique_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/nvme"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/journal"
)

// Sizes of the namespaces: small, for each is read many times.
const (
	first  = 2 << 20
	second = 1 << 20
)

// subsystem is an NVMe drive of a laptop: one namespace, Format and all kinds of
// Sanitize, boot partitions.
func subsystem() nvme.Config {
	return nvme.Config{Serial: "NV1", Model: "Handback Model", Firmware: "1.0", DSM: true,
		Format: nvme.Format{Supported: true, Crypto: true, EraseTime: 4 * time.Second, CryptoTime: time.Second},
		Sanitize: nvme.Sanitize{Crypto: true, Block: true, Overwrite: true,
			CryptoTime: 2 * time.Second, BlockTime: 70 * time.Second, OverwriteTime: 40 * time.Minute},
		Namespaces: []nvme.Namespace{{ID: 1, Bytes: first, Attached: true, EUI64: []byte{1, 2, 3, 4, 5, 6, 7, 8}}}}
}

// withSecond adds a second namespace.
func withSecond(c nvme.Config, attached bool) nvme.Config {
	c.Namespaces = append(c.Namespaces, nvme.Namespace{ID: 2, Bytes: second, Attached: attached, EUI64: []byte{1, 2, 3, 4, 5, 6, 7, 9}})
	c.NamespaceManagement = true
	return c
}

// lab is a subsystem in a computer, with a person's data on every medium of it.
type lab struct {
	t     *testing.T
	model *nvme.Drive
	wire  *tapped // what the host speaks to
	clock *sim.Manual
	hangs bool // a fault keeps answers back: the host's time-outs are by the drive's clock
	host  *inproc.Host
	nsids []uint32
	// hidden namespaces that the plan knows of.
	hidden int

	mu      sync.Mutex
	entries map[uint32]journal.Entry
	marks   map[uint32][]journal.Mark
	onMark  func(nsid uint32, n int, m journal.Mark) error
	past    map[uint32]*journal.Past
}

func blankLab(t *testing.T) *lab {
	return &lab{t: t, clock: sim.NewManual(), entries: map[uint32]journal.Entry{}, marks: map[uint32][]journal.Mark{}, past: map[uint32]*journal.Past{}}
}

func newLab(t *testing.T, c nvme.Config, faults ...sim.Fault) *lab {
	t.Helper()
	l := blankLab(t)
	c.Clock, c.Script = l.clock, sim.NewScript(faults...)
	m, err := nvme.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var attached []uint32
	for _, n := range c.Namespaces {
		if n.Attached {
			attached = append(attached, n.ID)
		}
	}
	l.hidden = len(c.Namespaces) - len(attached)
	l.put(m, attached)
	for _, f := range faults {
		if f.Do.Hang || f.Do.Delay > 0 {
			l.impatient()
		}
	}
	return l
}

// put a drive into the computer, with a person's data on it.
func (l *lab) put(m *nvme.Drive, attached []uint32) {
	l.t.Helper()
	l.model, l.wire, l.nsids = m, &tapped{Drive: m}, attached
	// The host's own clock stands still, so that nothing is given up because a worker
	// moved the drive's.
	l.attach(sim.NewManual())
	for i, m := range m.Media() {
		if err := m.Fill(0, m.Size(), sim.Noise(owner(i))); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *lab) attach(timeouts *sim.Manual) {
	l.t.Helper()
	l.host = inproc.NewHost(timeouts)
	for _, n := range l.nsids {
		if err := l.host.AttachNVMe(l.path(n), l.wire, n); err != nil {
			l.t.Fatal(err)
		}
	}
}

// impatient: what is not answered in time is given up.
func (l *lab) impatient() {
	l.hangs = true
	l.attach(l.clock)
}

func owner(medium int) string { return fmt.Sprintf("a person's data, medium %d", medium) }

func (l *lab) path(nsid uint32) string { return fmt.Sprintf("/dev/nvme0n%d", nsid) }

// left are the media on which something of the person's data stands: blocks of 512
// bytes that are as they were.
func (l *lab) left() []int {
	l.t.Helper()
	var out []int
	for i, m := range l.model.Media() {
		was := sim.NewMedium(m.Size())
		if err := was.Fill(0, m.Size(), sim.Noise(owner(i))); err != nil {
			l.t.Fatal(err)
		}
		a, b := make([]byte, m.Size()), make([]byte, m.Size())
		if _, err := m.ReadAt(a, 0); err != nil {
			l.t.Fatal(err)
		}
		if _, err := was.ReadAt(b, 0); err != nil {
			l.t.Fatal(err)
		}
		for o := 0; o < len(a); o += 512 {
			if bytes.Equal(a[o:o+512], b[o:o+512]) {
				out = append(out, i)
				break
			}
		}
	}
	return out
}

// tapped is a drive on a wire: what erases is noted, and answers may get lost on their
// way, as at a reset of the controller or a loss of its link.
type tapped struct {
	*nvme.Drive
	mu    sync.Mutex
	sent  []string
	loses func(sqe [64]byte, n int) bool // after so many commands; with mu held
	n     int
	// says what erasing commands are answered before they reach the drive, one after
	// the other; 0: they reach it.
	says []uint16
}

func (w *tapped) Admin(ctx context.Context, r sim.NVMeRequest) (sim.NVMeReply, error) {
	if s := w.word(r.SQE[0]); s != 0 {
		return sim.NVMeReply{Status: s}, nil
	}
	a, err := w.Drive.Admin(ctx, r)
	w.mu.Lock()
	w.n++
	if (r.SQE[0] == 0x80 || r.SQE[0] == 0x84) && !errors.Is(err, sim.ErrGone) {
		w.sent = append(w.sent, fmt.Sprintf("%x %x %x", r.SQE[:1], r.SQE[4:8], r.SQE[40:48]))
	}
	lost := w.loses != nil && w.loses(r.SQE, w.n)
	w.mu.Unlock()
	if lost {
		w.Reset()
		return sim.NVMeReply{}, sim.ErrGone
	}
	return a, err
}

func (w *tapped) word(op byte) uint16 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if op != 0x80 && op != 0x84 || len(w.says) == 0 {
		return 0
	}
	s := w.says[0]
	w.says = w.says[1:]
	return s
}

// sent are the Format and Sanitize commands that reached the drive: opcode, NSID,
// CDW10 and CDW11.
func (l *lab) sent() []string {
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	return slices.Clone(l.wire.sent)
}

func (l *lab) Started(_ context.Context, e journal.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[e.Drive.Identity.Namespace] = e
	return nil
}

func (l *lab) Mark(_ context.Context, id drive.Identity, m journal.Mark) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := id.Namespace
	if l.onMark != nil {
		if err := l.onMark(n, len(l.marks[n])+1, m); err != nil {
			return err
		}
	}
	l.marks[n] = append(l.marks[n], m)
	return nil
}

// restart is the next start of the machine: what was marked is what is known.
func (l *lab) restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n, e := range l.entries {
		l.past[n] = &journal.Past{Entry: e, Marks: l.marks[n]}
	}
	l.entries, l.marks, l.onMark = map[uint32]journal.Entry{}, map[uint32][]journal.Mark{}, nil
}

// rush is a technique's clock: whoever sleeps moves the model's.
type rush struct{ *sim.Manual }

func (r rush) Sleep(ctx context.Context, d time.Duration) error {
	r.Advance(d)
	return ctx.Err()
}

// plan for the namespaces that are attached, by techniques in their order.
func (l *lab) plan(techniques ...wipe.TechniqueID) wipe.Plan {
	l.t.Helper()
	p := wipe.Plan{Want: wipe.LevelClear}
	for _, n := range l.nsids {
		d, err := l.host.Open(l.path(n))
		if err != nil {
			l.t.Fatal(err)
		}
		id, err := d.Identify(l.t.Context())
		if err != nil {
			l.t.Fatal(err)
		}
		dp := wipe.DrivePlan{Name: "A", Path: l.path(n), Identity: id, Geometry: d.Geometry(), Unattached: l.hidden,
			Siblings: slices.DeleteFunc(slices.Clone(l.nsids), func(o uint32) bool { return o == n })}
		for _, t := range techniques {
			level := wipe.LevelClear
			if strings.HasPrefix(string(t), "nvme-sanitize") {
				level = wipe.LevelPurge
			}
			dp.Ladder = append(dp.Ladder, wipe.Step{Technique: t, Level: level, Standard: "test", Shortfall: "boot partitions"})
		}
		p.Drives = append(p.Drives, dp)
	}
	return p
}

// run a plan to its end.
func (l *lab) run(p wipe.Plan, change ...func(*job.Options)) []wipe.Outcome {
	l.t.Helper()
	ctx, cancel := context.WithCancel(l.t.Context())
	defer cancel()
	switch {
	case l.hangs:
		go l.clock.Flow(ctx, 100*time.Millisecond)
	case strings.Contains(fmt.Sprint(p.Drives), "nvme-format"): // it takes the drive's time
		go l.clock.Flow(ctx, 2*time.Millisecond)
	}
	o := job.Options{Opener: l.host, Journal: l, Clock: rush{l.clock},
		Past: func(id drive.Identity) *journal.Past { l.mu.Lock(); defer l.mu.Unlock(); return l.past[id.Namespace] }}
	for _, c := range change {
		c(&o)
	}
	f := job.Start(ctx, p, o)
	select {
	case <-f.Done():
	case <-time.After(time.Minute):
		l.t.Fatalf("no end: %+v", f.Status())
	}
	return f.Outcomes()
}

func (l *lab) erase(techniques ...wipe.TechniqueID) wipe.Outcome {
	l.t.Helper()
	return l.run(l.plan(techniques...))[0]
}

// honest: no namespace's medium has data left where a drive is called sanitised.
func (l *lab) honest(all ...wipe.Outcome) {
	l.t.Helper()
	left := l.left()
	for _, o := range all {
		if o.Verdict == wipe.Sanitised && len(left) > 0 {
			l.t.Errorf("namespace %d is sanitised, and media %v hold data: %s", o.Drive.Identity.Namespace, left, o.What)
		}
		if o.Verdict != wipe.Sanitised && o.Level != wipe.LevelNone {
			l.t.Errorf("level %d of a drive that is %s", o.Level, o.Verdict)
		}
	}
}

func expectOutcome(t *testing.T, o wipe.Outcome, v wipe.Verdict, says string) {
	t.Helper()
	if o.Verdict != v || !strings.Contains(o.What, says) {
		t.Errorf("%s %q: %s (wanted %s, %q)\n%+v\n%+v", o.Verdict, o.Code, o.What, v, says, o.Commands, o.Attempts)
	}
}

// What each technique puts on the wire, as nvme-cli does: opcode, NSID, CDW10, CDW11.
var wire = map[wipe.TechniqueID]string{
	wipe.NVMeSanitizeBlock:     "84 00000000 0200000000000000",
	wipe.NVMeSanitizeCrypto:    "84 00000000 0400000000000000",
	wipe.NVMeSanitizeOverwrite: "84 00000000 1300000000000000",
	wipe.NVMeFormatUserData:    "80 01000000 0002000000000000",
	wipe.NVMeFormatCrypto:      "80 01000000 0004000000000000",
}

// takes is how long each of them takes the drive.
var takes = map[wipe.TechniqueID]time.Duration{wipe.NVMeSanitizeBlock: 70 * time.Second, wipe.NVMeSanitizeCrypto: 2 * time.Second,
	wipe.NVMeSanitizeOverwrite: 40 * time.Minute, wipe.NVMeFormatUserData: 4 * time.Second, wipe.NVMeFormatCrypto: time.Second}

var sanitizes = []wipe.TechniqueID{wipe.NVMeSanitizeBlock, wipe.NVMeSanitizeCrypto, wipe.NVMeSanitizeOverwrite}

func TestNVMeErases(t *testing.T) {
	for id, frame := range wire {
		t.Run(string(id), func(t *testing.T) {
			l := newLab(t, subsystem())
			o := l.erase(id)
			expectOutcome(t, o, wipe.Sanitised, "none of")
			l.honest(o)
			if got := l.sent(); !slices.Equal(got, []string{frame}) {
				t.Errorf("sent %q", got)
			}
			if o.Evidence != wipe.EvidenceCanaries || o.Verification.Canaries == 0 || o.NotShown != "boot partitions" || o.Technique != id || o.Resumed != "" {
				t.Errorf("%+v", o)
			}
			c := o.Commands[0]
			if len(c.Frame) != 128 || c.Frame[:2] != frame[:2] || c.Status != "0000" || c.Error != "" {
				t.Errorf("%+v", c)
			}
			// The drive's own last word: log 81h, SPROG FFFFh, done and nothing written since.
			if id != wipe.NVMeFormatUserData && id != wipe.NVMeFormatCrypto &&
				(len(o.Commands) != 2 || !strings.HasPrefix(o.Commands[1].Status, "0000ffff") || o.Commands[1].Status[12:] != frame[12:20]) {
				t.Errorf("%+v", o.Commands)
			}
		})
	}
}

// erases selects the erasing commands.
var erases = sim.When{Erases: true}

// Whatever goes wrong, by any technique: the verdict, and never a success with data
// left.
func TestNVMeFaults(t *testing.T) {
	for name, c := range map[string]struct {
		when sim.When
		do   sim.Action
		want []wipe.Verdict
		says string
	}{
		"refused":                   {erases, sim.Action{Abort: true}, []wipe.Verdict{wipe.Failed}, "was not erased"},
		"success and nothing done":  {erases, sim.Action{Pretend: true}, []wipe.Verdict{wipe.Failed, wipe.Unverified}, ""},
		"erases nothing":            {erases, sim.Action{KeepAll: true}, []wipe.Verdict{wipe.Failed}, "still stand there"},
		"keeps a part":              {erases, sim.Action{Keep: []sim.Range{{Off: first / 2, Len: first / 8}}}, []wipe.Verdict{wipe.Failed}, "still stand there"},
		"keeps its first block":     {erases, sim.Action{Keep: []sim.Range{{Len: 4096}}}, []wipe.Verdict{wipe.Failed}, "still stand there"},
		"keeps its last block":      {erases, sim.Action{Keep: []sim.Range{{Off: first - 4096, Len: 4096}}}, []wipe.Verdict{wipe.Failed}, "still stand there"},
		"fails half-way":            {erases, sim.Action{FailAt: 0.5}, []wipe.Verdict{wipe.Failed}, "was not erased"},
		"answer that never comes":   {erases, sim.Action{Hang: true}, []wipe.Verdict{wipe.Unverified}, "answer was lost"},
		"unplugged":                 {erases, sim.Action{Unplug: true}, []wipe.Verdict{wipe.Unverified}, "answer was lost"},
		"another serial":            {erases, sim.Action{Become: "NV2"}, []wipe.Verdict{wipe.Failed}, "NV2"},
		"shrinks":                   {erases, sim.Action{Shrink: first / 512 / 2}, []wipe.Verdict{wipe.Failed}, ""},
		"what was there comes back": {erases, sim.Action{Reappear: -1}, []wipe.Verdict{wipe.Failed}, "still stand there"},
		"slow to answer":            {erases, sim.Action{Delay: 90 * time.Second}, []wipe.Verdict{wipe.Sanitised}, "none of"},
		"can't be written":          {sim.When{Writes: true}, sim.Action{Abort: true}, []wipe.Verdict{wipe.Sanitised}, "it took none"},
		"a bad block afterwards":    {sim.When{Reads: true, LBA: new(uint64), Nth: 2}, sim.Action{Medium: true}, []wipe.Verdict{wipe.Failed, wipe.Sanitised}, ""},
	} {
		for id := range wire {
			t.Run(name+", "+string(id), func(t *testing.T) {
				t.Parallel()
				do := c.do
				if do.Reappear < 0 {
					do.Reappear = takes[id] // when it has ended
				}
				l := newLab(t, subsystem(), sim.Fault{When: c.when, Do: do})
				o := l.erase(id)
				if !slices.Contains(c.want, o.Verdict) {
					t.Errorf("wanted one of %v", c.want)
				}
				expectOutcome(t, o, o.Verdict, c.says)
				l.honest(o)
			})
		}
	}
}

// A sanitize stays at 655 of 65536 for ever: the stall is found, and it is no success,
// now and at the next start, which waits for the same one.
func TestNVMeStuck(t *testing.T) {
	for _, id := range sanitizes {
		l := newLab(t, subsystem(), sim.Fault{When: erases, Do: sim.Action{StickAt: 0.009999}})
		o := l.erase(id, wipe.NVMeSanitizeOverwrite, wipe.OverwriteZero)
		expectOutcome(t, o, wipe.Unverified, "may still be at it")
		l.honest(o)
		l.restart()
		l.model.PowerCycle()
		o = l.erase(id, wipe.OverwriteZero)
		expectOutcome(t, o, wipe.Unverified, "may still be at it")
		if got := l.sent(); !slices.Equal(got, []string{wire[id]}) || o.Resumed == "" {
			t.Errorf("%q, %s", got, o.Resumed)
		}
		l.honest(o)
	}
	// A format that stays is given up when its time is over.
	l := newLab(t, subsystem(), sim.Fault{When: erases, Do: sim.Action{StickAt: 0.5}})
	l.impatient()
	o := l.erase(wipe.NVMeFormatUserData)
	expectOutcome(t, o, wipe.Unverified, "answer was lost")
	l.honest(o)
}

// What the drive says in Identify and in log 81h, and is not so.
func TestNVMeClaims(t *testing.T) {
	for name, c := range map[string]struct {
		claims map[string]uint64
		id     wipe.TechniqueID
		want   wipe.Verdict
		says   string
	}{
		"SANICAP without what it has":     {map[string]uint64{"sanicap": 2}, wipe.NVMeSanitizeCrypto, wipe.Refused, "SANICAP 00000002h"},
		"log: always done":                {map[string]uint64{"sstat": 0x101}, wipe.NVMeSanitizeBlock, wipe.Failed, ""},
		"log: never":                      {map[string]uint64{"sstat": 0}, wipe.NVMeSanitizeBlock, wipe.Unverified, "tells of another (SSTAT 0"},
		"log: failed":                     {map[string]uint64{"sstat": 3}, wipe.NVMeSanitizeBlock, wipe.Failed, "SSTAT 3"},
		"log: a status that is none":      {map[string]uint64{"sstat": 6}, wipe.NVMeSanitizeBlock, wipe.Refused, "SSTAT 6"},
		"log: always running":             {map[string]uint64{"sstat": 2}, wipe.NVMeSanitizeBlock, wipe.Refused, "not begun here"},
		"log: another command":            {map[string]uint64{"scdw10": 0x0a}, wipe.NVMeSanitizeBlock, wipe.Unverified, "CDW10 0000000ah"},
		"log: no progress":                {map[string]uint64{"sprog": 0}, wipe.NVMeSanitizeBlock, wipe.Sanitised, "none of"},
		"log: no progress for hours":      {map[string]uint64{"sprog": 655, "eto": 0xffffffff}, wipe.NVMeSanitizeOverwrite, wipe.Unverified, "may still be at it"},
		"log: estimates of a century":     {map[string]uint64{"etbe": 0xfffffffe}, wipe.NVMeSanitizeBlock, wipe.Sanitised, "none of"},
		"log: no estimates":               {map[string]uint64{"etbe": 0xffffffff}, wipe.NVMeSanitizeBlock, wipe.Sanitised, "none of"},
		"log: estimates of nothing":       {map[string]uint64{"etbe": 0}, wipe.NVMeSanitizeBlock, wipe.Sanitised, "none of"},
		"no Format by OACS":               {map[string]uint64{"oacs": 0}, wipe.NVMeFormatUserData, wipe.Refused, "does not support Format"},
		"no crypto by FNA":                {map[string]uint64{"fna": 0}, wipe.NVMeFormatCrypto, wipe.Refused, "no cryptographic erase"},
		"FNA: all, and it is the only":    {map[string]uint64{"fna": 7}, wipe.NVMeFormatCrypto, wipe.Sanitised, "none of"},
		"other controllers, many may be":  {map[string]uint64{"cmic": 2, "nn": 32}, wipe.NVMeSanitizeBlock, wipe.Refused, "other controllers"},
		"other controllers, one may be":   {map[string]uint64{"cmic": 2}, wipe.NVMeSanitizeBlock, wipe.Sanitised, "none of"},
		"Format under a failed sanitize":  {map[string]uint64{"sstat": 3}, wipe.NVMeFormatUserData, wipe.Refused, "nothing but another one"},
		"Format under a running sanitize": {map[string]uint64{"sstat": 2}, wipe.NVMeFormatUserData, wipe.Refused, "not begun here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subsystem()
			s.Claims = c.claims
			l := newLab(t, s)
			o := l.erase(c.id)
			expectOutcome(t, o, c.want, c.says)
			l.honest(o)
			if c.want == wipe.Refused && len(l.sent()) > 0 {
				t.Errorf("sent %q", l.sent())
			}
		})
	}
}

// A drive that was sanitized before, in any way, is sanitized again; one that failed
// only by what is no weaker, where it has that.
func TestNVMePast(t *testing.T) {
	for name, c := range map[string]struct {
		past nvme.Past
		has  func(s *nvme.Sanitize)
		id   wipe.TechniqueID
		want wipe.Verdict
		says string
	}{
		"the same, completed":       {nvme.Past{State: "completed", CDW10: 2}, nil, wipe.NVMeSanitizeBlock, wipe.Sanitised, "none of"},
		"the same, nothing written": {nvme.Past{State: "completed", CDW10: 2, Pristine: true}, nil, wipe.NVMeSanitizeBlock, wipe.Sanitised, "none of"},
		"deallocated":               {nvme.Past{State: "deallocated", CDW10: 0x202}, nil, wipe.NVMeSanitizeBlock, wipe.Sanitised, "none of"},
		"failed, the same again":    {nvme.Past{State: "failed", CDW10: 2}, nil, wipe.NVMeSanitizeBlock, wipe.Sanitised, "its word is all there is"},
		"failed, by a stronger":     {nvme.Past{State: "failed", CDW10: 4}, nil, wipe.NVMeSanitizeOverwrite, wipe.Sanitised, "its word is all there is"},
		"failed, by a weaker":       {nvme.Past{State: "failed", CDW10: 2}, nil, wipe.NVMeSanitizeCrypto, wipe.Refused, "this one is weaker"},
		"failed, and no other is there": {nvme.Past{State: "failed", CDW10: 0x13}, func(s *nvme.Sanitize) { s.Block, s.Overwrite = false, false },
			wipe.NVMeSanitizeCrypto, wipe.Sanitised, "its word is all there is"},
		"failed without restriction":  {nvme.Past{State: "failed", CDW10: 0x0a}, nil, wipe.NVMeSanitizeBlock, wipe.Sanitised, "its word is all there is"},
		"somebody else's runs":        {nvme.Past{State: "running", CDW10: 0x0a, Progress: 0.3}, nil, wipe.NVMeSanitizeBlock, wipe.Sanitised, "none of"},
		"the same runs, nobody's":     {nvme.Past{State: "running", CDW10: 2, Progress: 0.3}, nil, wipe.NVMeSanitizeBlock, wipe.Sanitised, "none of"},
		"an overwrite runs, 16 times": {nvme.Past{State: "running", CDW10: 3, Progress: 0.01}, nil, wipe.NVMeSanitizeCrypto, wipe.Sanitised, "none of"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subsystem()
			s.Past = c.past
			if c.has != nil {
				c.has(&s.Sanitize)
			}
			l := newLab(t, s)
			o := l.erase(c.id)
			expectOutcome(t, o, c.want, c.says)
			l.honest(o)
			if got := l.sent(); c.want == wipe.Sanitised && !slices.Equal(got, []string{wire[c.id]}) {
				t.Errorf("sent %q", got)
			}
			if strings.Contains(c.says, "its word") && o.Evidence != wipe.EvidenceDeviceClaims {
				t.Errorf("%s", o.Evidence)
			}
		})
	}
}

// The ladder is climbed where the drive says that it failed, up to what is no weaker.
func TestNVMeClimbs(t *testing.T) {
	crypto := uint32(4)
	fails := sim.Fault{When: sim.When{Opcode: &opSanitize, Sub: &crypto}, Do: sim.Action{FailAt: 0.5}}
	l := newLab(t, subsystem(), fails)
	o := l.erase(wipe.NVMeSanitizeCrypto, wipe.NVMeSanitizeBlock, wipe.NVMeFormatUserData)
	expectOutcome(t, o, wipe.Sanitised, "")
	l.honest(o)
	if o.Technique != wipe.NVMeSanitizeBlock || o.Level != wipe.LevelPurge || len(o.Attempts) != 1 || o.Attempts[0].Verdict != wipe.Failed {
		t.Errorf("%+v", o)
	}
	// A block erase that fails is not made good by a change of the key.
	block := uint32(2)
	l = newLab(t, subsystem(), sim.Fault{When: sim.When{Opcode: &opSanitize, Sub: &block}, Do: sim.Action{FailAt: 0.5}})
	o = l.erase(wipe.NVMeSanitizeBlock, wipe.NVMeSanitizeCrypto)
	expectOutcome(t, o, wipe.Failed, "SSTAT 3")
	l.honest(o)
	if o.Technique != wipe.NVMeSanitizeBlock || len(o.Attempts) != 1 || o.Attempts[0].Verdict != wipe.Refused {
		t.Errorf("%+v", o)
	}
}

var opSanitize = byte(0x84)

// An answer that is lost after the drive took the command is found in log 81h.
func TestNVMeLostAnswers(t *testing.T) {
	isLog := func(sqe [64]byte) bool { return sqe[0] == 0x02 && sqe[40] == 0x81 }
	for name, c := range map[string]struct {
		loses func(sqe [64]byte, n int) bool // once the command was sent
		want  wipe.Verdict
	}{
		"of the command":             {func(sqe [64]byte, _ int) bool { return sqe[0] == 0x84 }, wipe.Sanitised},
		"of the log, now and then":   {func(sqe [64]byte, n int) bool { return isLog(sqe) && n%3 != 0 }, wipe.Sanitised},
		"of the log, for ever":       {func(sqe [64]byte, _ int) bool { return isLog(sqe) }, wipe.Unverified},
		"of command and log, a time": {func(sqe [64]byte, n int) bool { return sqe[0] == 0x84 || isLog(sqe) && n%5 != 0 }, wipe.Sanitised},
	} {
		t.Run(name, func(t *testing.T) {
			for _, id := range sanitizes {
				l := newLab(t, subsystem())
				sent := false
				l.wire.loses = func(sqe [64]byte, n int) bool {
					sent = sent || sqe[0] == 0x84
					return sent && c.loses(sqe, n)
				}
				o := l.erase(id)
				expectOutcome(t, o, c.want, "")
				l.honest(o)
				if got := l.sent(); !slices.Equal(got, []string{wire[id]}) {
					t.Errorf("sent %q", got)
				}
			}
		})
	}
}

// Two namespaces of one controller, both up for erasure: one sanitize for both, and
// what nobody has goes too.
func TestNVMeTwoNamespaces(t *testing.T) {
	for _, id := range sanitizes {
		t.Run(string(id), func(t *testing.T) {
			t.Parallel()
			s := withSecond(subsystem(), true)
			s.Namespaces = append(s.Namespaces, nvme.Namespace{ID: 5, Bytes: second})
			s.Unallocated = second
			l := newLab(t, s)
			all := l.run(l.plan(id))
			for _, o := range all {
				expectOutcome(t, o, wipe.Sanitised, "none of")
				if o.Evidence != wipe.EvidenceCanaries || len(o.Commands) != 2 || o.Commands[0].Status != "0000" {
					t.Errorf("%+v", o)
				}
			}
			l.honest(all...)
			if got := l.sent(); !slices.Equal(got, []string{wire[id]}) {
				t.Errorf("sent %q", got)
			}
		})
	}
	// Format goes for each by itself, or in turn for all where FNA says so.
	for fna, f := range []nvme.Format{{}, {AllNamespaces: true}, {EraseAll: true}, {AllNamespaces: true, EraseAll: true}} {
		t.Run(fmt.Sprintf("format, FNA %d", fna), func(t *testing.T) {
			t.Parallel()
			s := withSecond(subsystem(), true)
			f.Supported, f.EraseTime = true, 4*time.Second
			s.Format = f
			l := newLab(t, s)
			all := l.run(l.plan(wipe.NVMeFormatUserData))
			for _, o := range all {
				expectOutcome(t, o, wipe.Sanitised, "none of")
			}
			l.honest(all...)
			if got := l.sent(); len(got) != 2 || got[0] == got[1] {
				t.Errorf("sent %q", got)
			}
		})
	}
}

// Where one of the two can't come along, nothing is sent for both.
func TestNVMeSiblings(t *testing.T) {
	for name, c := range map[string]struct {
		make   func() nvme.Config
		plan   func(l *lab, p *wipe.Plan)
		faults []sim.Fault
		want   []wipe.Verdict
		says   []string
		sent   int
	}{
		"the other is held by somebody": {plan: func(l *lab, p *wipe.Plan) {
			if _, err := l.host.OpenTarget(l.path(2)); err != nil {
				t.Fatal(err)
			}
		}, want: []wipe.Verdict{wipe.Refused, wipe.Refused}, says: []string{"does not come along", "can't be opened"}},
		"the other is refused by the plan": {plan: func(_ *lab, p *wipe.Plan) {
			p.Drives[1].Refusal, p.Drives[1].Ladder = &wipe.Refusal{Code: "mounted", Reason: "it is mounted"}, nil
		}, want: []wipe.Verdict{wipe.Refused, wipe.Refused}, says: []string{"does not come along", "mounted"}},
		"the other is not in the plan": {plan: func(_ *lab, p *wipe.Plan) { p.Drives = p.Drives[:1] },
			want: []wipe.Verdict{wipe.Refused}, says: []string{"does not come along"}},
		"the plan knows of no other": {plan: func(_ *lab, p *wipe.Plan) { p.Drives = p.Drives[:1]; p.Drives[0].Siblings = nil },
			want: []wipe.Verdict{wipe.Refused}, says: []string{"reach namespace 2"}},
		"the plan knows of one that is gone": {make: subsystem, plan: func(_ *lab, p *wipe.Plan) { p.Drives[0].Siblings = []uint32{2} },
			want: []wipe.Verdict{wipe.Refused}, says: []string{"does not list namespace 2"}},
		"there are more that nobody has than planned": {make: func() nvme.Config { return withSecond(subsystem(), false) },
			plan: func(_ *lab, p *wipe.Plan) { p.Drives[0].Unattached = 0 }, want: []wipe.Verdict{wipe.Refused}, says: []string{"attached to nobody"}},
		"the other has another technique": {plan: func(_ *lab, p *wipe.Plan) { p.Drives[1].Ladder[0].Technique = wipe.OverwriteZero },
			want: []wipe.Verdict{wipe.Refused, wipe.Sanitised}, says: []string{"does not come along", "Every block"}},
		"another controller has one": {make: func() nvme.Config {
			s := withSecond(subsystem(), false)
			s.OtherControllers, s.Namespaces[1].Shared, s.Namespaces[1].AttachedTo = []uint16{9}, true, []uint16{9}
			return s
		}, want: []wipe.Verdict{wipe.Refused}, says: []string{"which controller 9 has"}},
		"it keeps the other's data": {faults: []sim.Fault{{When: erases, Do: sim.Action{Keep: []sim.Range{{Off: first, Len: second}}}}},
			want: []wipe.Verdict{wipe.Sanitised, wipe.Failed}, says: []string{"none of", "still stand there"}, sent: 1},
		"it fails": {faults: []sim.Fault{{When: erases, Do: sim.Action{FailAt: 0.5}}},
			want: []wipe.Verdict{wipe.Failed, wipe.Failed}, says: []string{"SSTAT 3", "SSTAT 3"}, sent: 1},
		"it refuses": {faults: []sim.Fault{{When: erases, Do: sim.Action{Abort: true}}},
			want: []wipe.Verdict{wipe.Failed, wipe.Failed}, says: []string{"status 0002", "by namespace 1 for all"}, sent: 1},
		"it never answers": {faults: []sim.Fault{{When: erases, Do: sim.Action{Hang: true}}},
			want: []wipe.Verdict{wipe.Unverified, wipe.Unverified}, says: []string{"answer was lost", "answer was lost"}, sent: 1},
		"it is stuck": {faults: []sim.Fault{{When: erases, Do: sim.Action{StickAt: 0.009999}}},
			want: []wipe.Verdict{wipe.Unverified, wipe.Unverified}, says: []string{"may still be at it", "may still be at it"}, sent: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := withSecond(subsystem(), true)
			if c.make != nil {
				s = c.make()
			}
			l := newLab(t, s, c.faults...)
			p := l.plan(wipe.NVMeSanitizeBlock)
			if c.plan != nil {
				c.plan(l, &p)
			}
			all := l.run(p)
			for i, o := range all {
				expectOutcome(t, o, c.want[i], c.says[i])
			}
			if len(l.sent()) != c.sent {
				t.Errorf("sent %q", l.sent())
			}
			left := l.left()
			for i, o := range all {
				if o.Verdict == wipe.Sanitised && slices.Contains(left, i) {
					t.Errorf("drive %d holds data", i)
				}
			}
		})
	}
}

// The journal stands before everything: at whichever mark it fails, of whichever
// namespace, nothing is sent without that mark.
func TestNVMeJournalFails(t *testing.T) {
	for nth := 1; nth <= 2; nth++ {
		for nsid := uint32(1); nsid <= 2; nsid++ {
			l := newLab(t, withSecond(subsystem(), true))
			l.onMark = func(of uint32, n int, _ journal.Mark) error {
				if of == nsid && n == nth {
					return errNoStick
				}
				return nil
			}
			all := l.run(l.plan(wipe.NVMeSanitizeBlock))
			for _, o := range all {
				if o.Verdict == wipe.Sanitised {
					t.Errorf("mark %d of namespace %d: %s", nth, nsid, o.What)
				}
			}
			l.honest(all...)
			if got := l.sent(); len(got) > 0 {
				t.Errorf("mark %d of namespace %d: sent %q", nth, nsid, got)
			}
		}
	}
}

var errNoStick = errors.New("the stick is gone")

// The power goes at every mark and at every moment of the wait. The next start has
// the drive sanitised, or says why not.
func TestNVMePowerCuts(t *testing.T) {
	for id := range wire {
		for _, two := range []bool{false, true} {
			if two && strings.HasPrefix(string(id), "nvme-format") {
				continue
			}
			for at := range 8 {
				t.Run(fmt.Sprintf("%s, two %v, cut %d", id, two, at), func(t *testing.T) {
					t.Parallel()
					s := subsystem()
					if two {
						s = withSecond(s, true)
					}
					cutOnce(t, newLab(t, s), id, at)
				})
			}
		}
	}
}

// cutOnce takes the power before (0, 2) or after (1, 3) the canaries' and the command's
// marks, and after a part of the wait (4 to 7).
func cutOnce(t *testing.T, l *lab, id wipe.TechniqueID, at int) {
	var off sync.Once
	cut := func() { off.Do(func() { l.model.Plug(false) }) }
	l.onMark = func(nsid uint32, n int, m journal.Mark) error {
		steps := []string{journal.StepCanaries, journal.StepIssue}
		switch {
		case !l.model.Plugged():
			return errNoStick
		case at < 4 && m.Step == steps[at/2] && at%2 == 0:
			cut()
			return errNoStick
		case at < 4 && m.Step == steps[at/2]:
			cut()
		}
		return nil
	}
	p := l.plan(id)
	all := l.run(p, func(o *job.Options) {
		if at >= 4 {
			o.Clock = cutting{rush{l.clock}, l.clock.Now().Add(takes[id] * time.Duration(at-3) / 4), cut}
		}
		o.GiveUpAfter = 30 * time.Second
	})
	cutShort := !l.model.Plugged()
	for _, o := range all {
		if cutShort && o.Verdict == wipe.Sanitised {
			t.Errorf("sanitised over a power cut: %s", o.What)
		}
	}
	if !cutShort {
		l.honest(all...)
		return
	}
	l.restart()
	l.model.Plug(true)
	all = l.run(p)
	for _, o := range all {
		expectOutcome(t, o, wipe.Sanitised, "")
		if o.Level != p.Drives[0].Ladder[0].Level {
			t.Errorf("level %d", o.Level)
		}
	}
	l.honest(all...)
	if at >= 4 && strings.HasPrefix(string(id), "nvme-sanitize") {
		for _, o := range all {
			if o.Resumed == "" || o.Evidence != wipe.EvidenceCanaries || len(o.Commands) != 2 || !strings.HasPrefix(o.Commands[0].Frame, "84") {
				t.Errorf("not gone on with: %+v", o)
			}
		}
		if len(l.sent()) != 1 {
			t.Errorf("sent %q", l.sent())
		}
	}
}

// cutting is a clock at a moment of which the power goes.
type cutting struct {
	rush
	when time.Time
	cut  func()
}

func (c cutting) Sleep(ctx context.Context, d time.Duration) error {
	err := c.rush.Sleep(ctx, d)
	if !c.Now().Before(c.when) {
		c.cut()
	}
	return err
}

// Sanitize In Progress (1Dh) is waited for, once; Sanitize Failed (1Ch) and all other
// refusals are the drive's own word.
func TestNVMeSanitizeStatus(t *testing.T) {
	for name, c := range map[string]struct {
		says []uint16
		want wipe.Verdict
		text string
	}{
		"in progress, then taken": {[]uint16{0x1d}, wipe.Sanitised, "none of"},
		"in progress, for ever":   {[]uint16{0x1d, 0x1d}, wipe.Failed, "status 001d"},
		"failed":                  {[]uint16{0x1c}, wipe.Failed, "status 001c"},
		"invalid field, no retry": {[]uint16{0x4002}, wipe.Failed, "status 0002"},
		"vendor's own":            {[]uint16{0x7c0}, wipe.Failed, "status 07c0"},
		"aborted by power loss":   {[]uint16{0x05}, wipe.Failed, "status 0005"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, subsystem())
			l.wire.says = c.says
			o := l.erase(wipe.NVMeSanitizeBlock)
			expectOutcome(t, o, c.want, c.text)
			l.honest(o)
			if n := len(o.Commands); c.want == wipe.Failed && n != len(c.says) {
				t.Errorf("%d commands on record", n)
			}
		})
	}
}

// A log that reads as it did before proves nothing: canaries do, or nobody.
func TestNVMeSanitizeUnseen(t *testing.T) {
	s := subsystem()
	s.Claims = map[string]uint64{"sstat": 0x101, "scdw10": 2}
	done := nvme.Past{State: "completed", CDW10: 2}
	for name, c := range map[string]struct {
		past   nvme.Past
		faults []sim.Fault
		want   wipe.Verdict
		says   string
	}{
		"nothing done, and no canaries": {nvme.Past{}, []sim.Fault{{When: sim.When{Writes: true}, Do: sim.Action{Abort: true}}, {When: erases, Do: sim.Action{Pretend: true}}},
			wipe.Failed, "still stand there"},
		"nothing done, nothing to see": {done, []sim.Fault{{When: sim.When{Reads: true}, Do: sim.Action{Abort: true}}, {When: erases, Do: sim.Action{Pretend: true}}},
			wipe.Unverified, ""},
		"nothing done, canaries": {nvme.Past{}, []sim.Fault{{When: erases, Do: sim.Action{Pretend: true}}}, wipe.Failed, "still stand there"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s
			s.Past = c.past
			l := newLab(t, s, c.faults...)
			o := l.erase(wipe.NVMeSanitizeBlock)
			if o.Verdict == wipe.Sanitised || !strings.Contains(o.What, c.says) {
				t.Errorf("%s: %s", o.Verdict, o.What)
			}
			l.honest(o)
		})
	}
}

// The command was marked and never sent, and the drive has such a sanitize behind it
// from long ago: that one is not taken for ours.
func TestNVMeNoFalseAdoption(t *testing.T) {
	for name, c := range map[string]struct {
		pristine bool
		faults   []sim.Fault
	}{
		"with canaries":    {false, nil},
		"nothing written":  {true, nil},
		"takes no canary":  {true, []sim.Fault{{When: sim.When{Writes: true}, Do: sim.Action{Abort: true}}}},
		"takes no canary ": {false, []sim.Fault{{When: sim.When{Writes: true}, Do: sim.Action{Abort: true}}}},
	} {
		for _, id := range sanitizes {
			t.Run(name+", "+string(id), func(t *testing.T) {
				s := subsystem()
				cdw10 := map[wipe.TechniqueID]uint32{wipe.NVMeSanitizeBlock: 2, wipe.NVMeSanitizeCrypto: 4, wipe.NVMeSanitizeOverwrite: 0x13}[id]
				s.Past = nvme.Past{State: "completed", CDW10: cdw10, Pristine: c.pristine}
				l := newLab(t, s, c.faults...)
				l.onMark = func(_ uint32, _ int, m journal.Mark) error {
					if m.Step == journal.StepIssue {
						l.model.Plug(false)
					}
					return nil
				}
				p := l.plan(id)
				if o := l.run(p)[0]; o.Verdict == wipe.Sanitised || len(l.sent()) > 0 {
					t.Fatalf("%+v, sent %q", o, l.sent())
				}
				l.restart()
				l.model.Plug(true)
				o := l.run(p)[0]
				expectOutcome(t, o, wipe.Sanitised, "")
				l.honest(o)
				if got := l.sent(); !slices.Equal(got, []string{wire[id]}) || o.Resumed != "" {
					t.Errorf("sent %q, %s", got, o.Resumed)
				}
			})
		}
	}
}

package evidence_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/image/vmtest"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/journal"
	"handback.example/wipe/plan"
)

// A power cut at every write to the stick, and at every moment at which a drive is at
// its own erasure: for each technique a whole visit is run on a model, with the
// journal and the records of the appliance. Then the power comes back, the visit goes
// on, and what became of the drive is read off its medium.

// memory is a stick whose power, and that of the drive with it, fails at one write.
type memory struct {
	mu    sync.Mutex
	files map[string][]byte
	write int // so many were asked for
	// at this write it fails: the file is there all the same where stored is true.
	at     int
	stored bool
	fail   func() // what else happens then
	out    bool
}

func (m *memory) WriteAll(_ context.Context, files []stick.File) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range files {
		if m.out {
			return stick.ErrGone
		}
		m.write++
		cut := m.write == m.at
		if cut {
			m.out = true
			if m.fail != nil {
				m.fail()
			}
		}
		if _, taken := m.files[f.Name]; taken && f.New {
			return fs.ErrExist
		}
		switch {
		case cut && !m.stored:
		case f.Remove:
			delete(m.files, f.Name)
		default:
			m.files[f.Name] = slices.Clone(f.Data)
		}
		if cut {
			return stick.ErrGone
		}
	}
	return nil
}

func (m *memory) Write(ctx context.Context, name string, b []byte) error {
	return m.WriteAll(ctx, []stick.File{{Name: name, Data: b}})
}

func (m *memory) Create(ctx context.Context, name string, b []byte) error {
	return m.WriteAll(ctx, []stick.File{{Name: name, Data: b, New: true}})
}

func (m *memory) Read(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.out {
		return nil, stick.ErrGone
	}
	b, ok := m.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(b), nil
}

func (m *memory) List(_ context.Context, dir string) (names []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.out {
		return nil, stick.ErrGone
	}
	for _, n := range slices.Sorted(maps.Keys(m.files)) {
		if rest, ok := strings.CutPrefix(n, dir+"/"); ok {
			names = append(names, rest)
		}
	}
	return names, nil
}

func (m *memory) Present() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.out
}

func (m *memory) Free() (int64, error) { return 1 << 30, nil }

// stride is the engine's clock: to wait is to move the time. At one of its waits the
// power may fail.
type stride struct {
	*sim.Manual
	mu   sync.Mutex
	nth  int
	at   int
	fail func()
}

func (s *stride) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.nth++; s.nth == s.at {
		s.fail()
	}
	s.mu.Unlock()
	s.Advance(d)
	return nil
}

// rig is one machine with one drive and a stick.
type rig struct {
	t     *testing.T
	clock *sim.Manual
	host  *inproc.Host
	drive *profile.Drive
	path  string
	stick *memory
	seal  *sign.Signer
	step  wipe.Step
}

var private = []byte("PRIVATE:a person's data, to be read by nobody after this\n......\n")

func newRig(t *testing.T, seal *sign.Signer, c cutCase) *rig {
	t.Helper()
	r := &rig{t: t, clock: sim.NewManual(), path: "/dev/d1", stick: &memory{files: map[string][]byte{}}, seal: seal, step: c.step}
	r.host = inproc.NewHost(r.clock)
	d, err := profile.Parse(string(c.step.Technique), "name = \"a drive\"\nsource = \"made up\"\n"+c.text, profile.Options{Clock: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	paths, err := d.Attach(r.host, r.path)
	if err != nil {
		t.Fatal(err)
	}
	r.drive, r.path = d, paths[0]
	for _, m := range d.Model.Media() {
		if err := m.Fill(0, m.Size(), sim.Repeat(private)); err != nil {
			t.Fatal(err)
		}
	}
	sim.SwitchOn(d.Model)
	flow, stop := context.WithCancel(context.Background())
	flowing := make(chan struct{})
	go func() { defer close(flowing); r.clock.Flow(flow, time.Millisecond) }()
	t.Cleanup(func() { stop(); <-flowing })
	return r
}

// left counts the blocks of a person that are on the drive's first medium, which is
// what its host sees of it.
func (r *rig) left() (n int) {
	r.t.Helper()
	m := r.drive.Model.Media()[0]
	b := make([]byte, m.Size())
	if _, err := m.ReadAt(b, 0); err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(b); i += 512 {
		if bytes.Contains(b[i:i+512], []byte("PRIVATE")) {
			n++
		}
	}
	return n
}

// plan for the drive as it answers now.
func (r *rig) plan() (wipe.Plan, error) {
	d, err := r.host.Open(r.path)
	if err != nil {
		return wipe.Plan{}, err
	}
	defer func() { _ = d.Close() }()
	id, err := d.Identify(ctx)
	if err != nil {
		return wipe.Plan{}, err
	}
	var restore *wipe.Restore
	if whole := r.drive.Model.Media()[0].Size(); id.Size < whole {
		restore = &wipe.Restore{From: id.Size, To: whole, Ways: []string{"hpa"}}
	}
	return wipe.Plan{Schema: plan.Schema, Want: r.step.Level, Drives: []wipe.DrivePlan{{Name: "A", Path: r.path, Identity: id, Geometry: d.Geometry(), Ladder: []wipe.Step{r.step}, Restore: restore}}}, nil
}

// start is one start of the appliance, as far as one drive is concerned: the visit is
// begun or gone on with, the drive erased, its end recorded.
func (r *rig) start(c *stride) (o wipe.Outcome, past string) {
	r.t.Helper()
	p, err := r.plan()
	if err != nil {
		r.t.Fatal(err)
	}
	book := r.book(p)
	if book == nil {
		return wipe.Outcome{Verdict: wipe.Refused, What: "no stick"}, "none"
	}
	opts := job.Options{Opener: r.host, Journal: book, Clock: c, Find: job.Finder(r.host, r.host.Paths), GiveUpAfter: 20 * time.Second,
		PSID: func(drive.Identity) string { return psid }}
	opts.Past = func(id drive.Identity) *journal.Past {
		is, err := book.Past(ctx, id)
		if err != nil {
			r.t.Errorf("the past can't be read: %v", err)
		}
		past = steps2(is)
		return is
	}
	f := job.Start(ctx, p, opts)
	select {
	case <-f.Done():
	case <-time.After(time.Minute):
		r.t.Fatalf("the job does not end: %+v", f.Status())
	}
	o = f.Outcomes()[0]
	fin := evidence.Finished(o, inspect.Drive{}, inspect.Drive{})
	// A stick that fails keeps both from being there: the next start must do without.
	_ = book.Append(ctx, certs.Record{Kind: certs.KindFinished, Finished: fin})
	_ = book.Settle(ctx, p.Drives[0].Identity, fin.Verdict)
	return o, past
}

// book of the visit; nil: the stick is out. An erasure that was cut off is recorded so.
func (r *rig) book(p wipe.Plan) *evidence.Book {
	r.t.Helper()
	b, err := evidence.Resume(ctx, r.stick, r.seal, evidence.Now)
	if err != nil {
		r.t.Fatalf("the records can't be gone on with: %v", err)
	}
	if b != nil {
		for _, ref := range b.Summary().Orphans {
			cut := &certs.Finished{Drive: ref, Verdict: certs.Interrupted, Level: certs.LevelNone, What: "The machine lost power.", Verification: certs.Verification{Result: certs.NotDone}}
			if err := b.Append(ctx, certs.Record{Kind: certs.KindFinished, Finished: cut}); err != nil {
				r.t.Fatal(err)
			}
		}
		// The plan of this start may be another one: it is agreed to anew.
		if err := b.AppendDurable(ctx, agreed(p)); err != nil {
			r.t.Fatal(err)
		}
		return b
	}
	if b, err = evidence.Begin(ctx, r.stick, r.seal, intake(), evidence.Now); err != nil {
		return nil
	}
	d := certs.Drive{Name: "A", Model: p.Drives[0].Identity.Model, Serial: p.Drives[0].Identity.Serial, WWN: p.Drives[0].Identity.WWN,
		Bus: string(p.Drives[0].Identity.Bus), Namespace: int64(p.Drives[0].Identity.Namespace), SizeBytes: p.Drives[0].Identity.Size, LogicalBlock: p.Drives[0].Geometry.LogicalBlock}
	for _, rec := range []certs.Record{{Kind: certs.KindFacts, Facts: &certs.Facts{Drives: []certs.Drive{d}, LookedForOthers: certs.Yes}},
		agreed(p)} {
		if err := b.AppendDurable(ctx, rec); err != nil {
			return nil
		}
	}
	return b
}

// agreed to a plan.
func agreed(p wipe.Plan) certs.Record {
	return certs.Record{Kind: certs.KindConsent, Consent: evidence.Consent(p, plan.Digest(p), "test", "test", certs.ScopeNamed, "")}
}

// cutCase is a technique and the drive that it is tried on.
type cutCase struct {
	step wipe.Step
	text string
}

const (
	ataText = `
[ata]
serial = "CUT1"
model = "Cut ATA"
firmware = "1"
native_sectors = 8192
rotation = 1
[ata.security]
supported = true
enhanced = true
erase_time = "2s"
enhanced_time = "2s"
[ata.sanitize]
crypto = true
block = true
overwrite = true
crypto_time = "2s"
block_time = "2s"
overwrite_time = "2s"
[sat]
descriptor_sense = true
`
	nvmeText = `
[nvme]
serial = "CUT1"
model = "Cut NVMe"
firmware = "1"
[nvme.format]
supported = true
crypto = true
erase_time = "2s"
crypto_time = "2s"
[nvme.sanitize]
crypto = true
block = true
overwrite = true
crypto_time = "2s"
block_time = "2s"
overwrite_time = "2s"
[[nvme.namespaces]]
id = 1
bytes = 4194304
attached = true
eui64 = "0102030405060708"
`
	scsiText = `
[scsi]
vendor = "CUT"
product = "SAS"
serial = "CUT1"
wwn = 0x5000cca0251f3b60
blocks = 8192
rotation = 10000
[scsi.sanitize]
overwrite = true
block = true
crypto = true
overwrite_time = "2s"
block_time = "2s"
crypto_time = "2s"
[scsi.format]
supported = true
time = "2s"
`
)

const mmcText = `
[mmc]
manufacturer = 0x15
product = "CUTMMC"
serial = "0xc5f7a1b2"
sectors = 8192
secure_erase = true
trim = true
sanitize = true
erase_time = "1s"
secure_erase_time = "2s"
sanitize_time = "2s"
`

const (
	psid     = "ABCDEFGHJKLMNPQRSTUVWXYZ01234567"
	opalText = `
[opal]
msid = "MSIDMSIDMSIDMSIDMSIDMSIDMSIDMSID"
psid = "` + psid + `"
activated = true
`
	opalOwned = `sid = "its former owner set this"
lock_enabled = true
locked = true
`
)

// cutCases are all techniques of the contract.
func cutCases() (all []cutCase) {
	add := func(text string, level wipe.Level, ids ...wipe.TechniqueID) {
		for _, id := range ids {
			all = append(all, cutCase{wipe.Step{Technique: id, Level: level, Verify: wipe.VerifyFull}, text})
		}
	}
	add(ataText, wipe.LevelClear, wipe.OverwriteZero, wipe.OverwriteRandom, wipe.OverwriteIS5Enhanced, wipe.ATASecurityErase, wipe.ATASecurityEraseEnhanced)
	add(ataText, wipe.LevelPurge, wipe.ATASanitizeBlock, wipe.ATASanitizeCrypto, wipe.ATASanitizeOverwrite)
	add(nvmeText, wipe.LevelPurge, wipe.NVMeSanitizeBlock, wipe.NVMeSanitizeCrypto, wipe.NVMeSanitizeOverwrite)
	add(nvmeText, wipe.LevelClear, wipe.NVMeFormatUserData, wipe.NVMeFormatCrypto)
	add(scsiText, wipe.LevelPurge, wipe.SCSISanitizeBlock, wipe.SCSISanitizeCrypto, wipe.SCSISanitizeOverwrite)
	add(scsiText, wipe.LevelClear, wipe.SCSIFormatUnit)
	add(mmcText, wipe.LevelClear, wipe.MMCSanitize, wipe.MMCSecureErase)
	opal := func(text string, id, then wipe.TechniqueID) {
		all = append(all, cutCase{wipe.Step{Technique: id, Then: then, Level: wipe.LevelClear, Verify: wipe.VerifyFull}, text})
	}
	opal(ataText+opalText, wipe.OpalRevert, wipe.OverwriteZero)
	opal(ataText+opalText+opalOwned, wipe.OpalPSIDRevert, wipe.ATASanitizeCrypto)
	opal(nvmeText+opalText+opalOwned, wipe.OpalPSIDRevert, wipe.NVMeSanitizeBlock)
	hidden := strings.Replace(ataText, "native_sectors = 8192", "native_sectors = 8192\nhpa = 2048", 1)
	add(hidden, wipe.LevelClear, wipe.OverwriteRandom)
	add(hidden, wipe.LevelPurge, wipe.ATASanitizeBlock)
	return all
}

func (c cutCase) name() string {
	n := string(c.step.Technique)
	if c.step.Then != "" {
		n += "+" + string(c.step.Then)
	}
	if strings.Contains(c.text, "hpa =") {
		n += ", a part is hidden"
	}
	return n
}

// cut is where the power goes.
type cut struct {
	write  int  // at this write to the stick; 0: at none
	stored bool // which is there all the same
	drive  bool // the drive's power goes with it; else only the stick's
	wait   int  // at this wait for the drive; 0: at none
}

func (c cut) String() string {
	if c.wait > 0 {
		return fmt.Sprintf("power cut at wait %d", c.wait)
	}
	what := map[bool]string{true: "power cut", false: "stick gone"}[c.drive]
	when := map[bool]string{true: "after", false: "before"}[c.stored]
	return fmt.Sprintf("%s %s write %d", what, when, c.write)
}

// cuts of a technique whose undisturbed run writes and waits so often.
func cuts(writes, waits int) (all []cut) {
	for w := 4; w <= writes; w++ { // before it INTAKE, FACTS and CONSENT: nothing is begun
		for _, stored := range []bool{false, true} {
			for _, drive := range []bool{false, true} {
				all = append(all, cut{write: w, stored: stored, drive: drive})
			}
		}
	}
	for w := 1; w <= waits; w = w*3 + 1 {
		all = append(all, cut{wait: w})
	}
	return all
}

func TestPowerCuts(t *testing.T) {
	seal := newSigner(t)
	var mu sync.Mutex
	points, resumed := 0, 0
	t.Run("techniques", func(t *testing.T) {
		for _, c := range cutCases() {
			t.Run(c.name(), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, seal, c)
				clock := &stride{Manual: r.clock}
				o, _ := r.start(clock)
				if o.Verdict != wipe.Sanitised || r.left() > 0 {
					t.Fatalf("undisturbed: %s, %d blocks left: %s", o.Verdict, r.left(), o.What)
				}
				all := chosen(cuts(r.stick.write, clock.nth))
				for _, at := range all {
					t.Run(at.String(), func(t *testing.T) {
						if runCut(t, seal, c, at).Resumed != "" {
							mu.Lock()
							defer mu.Unlock()
							resumed++
						}
					})
				}
				mu.Lock()
				points += len(all)
				mu.Unlock()
			})
		}
	})
	vmtest.Figure(t, "%d power cuts in process, %d erasures adopted or resumed after them", points, resumed)
	if points < 60 || resumed < 10 {
		t.Errorf("%d power cuts, %d adopted or resumed: want 60 and 10 at least", points, resumed)
	}
}

// every is how many cuts there are to one that is tried, from another one on at each
// run; the environment variable HANDBACK_CUTS ('make test-long') has all tried.
const every = 5

func chosen(all []cut) []cut {
	if os.Getenv("HANDBACK_CUTS") != "" {
		return all
	}
	var some []cut
	for i := rand.IntN(every); i < len(all); i += every {
		some = append(some, all[i])
	}
	return some
}

// runCut cuts the power once, and has the next start end what was begun.
func runCut(t *testing.T, seal *sign.Signer, c cutCase, at cut) wipe.Outcome {
	r := newRig(t, seal, c)
	clock := &stride{Manual: r.clock, at: at.wait, fail: func() {
		r.drive.Model.Plug(false)
		r.stick.mu.Lock()
		defer r.stick.mu.Unlock()
		r.stick.out = true
	}}
	r.stick.at, r.stick.stored = at.write, at.stored
	if at.drive {
		r.stick.fail = func() { r.drive.Model.Plug(false) }
	}
	first, _ := r.start(clock)
	if first.Verdict == wipe.Sanitised && r.left() > 0 {
		t.Fatalf("called sanitised before the cut, and %d blocks are left: %s", r.left(), first.What)
	}
	if r.stick.Present() {
		// How often an offset is marked is a matter of time: this run was over before.
		if first.Verdict != wipe.Sanitised {
			t.Fatalf("the power was not cut, and it ended so: %s, %s", first.Verdict, first.What)
		}
		return first
	}
	begun := r.started()
	// The power is back.
	r.stick.out, r.stick.at = false, 0
	if r.drive.Model.Plugged() {
		r.drive.Model.Plug(false)
	}
	r.drive.Model.Plug(true)
	sim.SwitchOn(r.drive.Model)
	if r.done() {
		// Its end is on the stick: the next start leaves it alone.
		if n := r.left(); n > 0 || first.Verdict != wipe.Sanitised {
			t.Errorf("the records call it sanitised, the engine %s, and %d blocks are left", first.Verdict, n)
		}
		r.open()
		return first
	}
	o, past := r.start(&stride{Manual: r.clock})
	if begun && past == "none" && first.Verdict != wipe.Sanitised {
		t.Errorf("STARTED is on the stick, and the next start knows of no past")
	}
	n := r.left()
	if o.Verdict != wipe.Sanitised || n > 0 {
		t.Errorf("after the next start (past %q): %s, %d blocks are left: %s (%s); before the cut: %s", past, o.Verdict, n, o.What, o.Code, first.What)
	}
	r.open()
	r.onRecord(o, begun)
	return o
}

func (r *rig) started() bool {
	r.stick.mu.Lock()
	defer r.stick.mu.Unlock()
	for name, b := range r.stick.files {
		if !strings.HasPrefix(name, "spool/") {
			continue
		}
		rs, err := certs.Records([][]byte{b})
		if err == nil && rs[0].Started != nil {
			return true
		}
	}
	return false
}

// done: the records say that the drive is sanitised.
func (r *rig) done() bool {
	r.t.Helper()
	book, err := evidence.Resume(ctx, r.stick, r.seal, evidence.Now)
	if err != nil {
		r.t.Fatal(err)
	}
	return book != nil && book.Summary().Sanitised == 1
}

// open: whatever happened, the drive is not left locked: after one more power cycle
// it can be read.
func (r *rig) open() {
	r.t.Helper()
	sim.SwitchOn(r.drive.Model)
	d, err := r.host.Open(r.path)
	if err != nil {
		r.t.Errorf("the drive can't be opened after it all: %v", err)
		return
	}
	defer func() { _ = d.Close() }()
	b := drive.AlignedBuffer(4096)
	if _, err := d.ReadAt(b, 0); err != nil {
		r.t.Errorf("the drive is left locked: %v", err)
	}
}

// onRecord: the records are whole, and say what happened.
func (r *rig) onRecord(o wipe.Outcome, begun bool) {
	r.t.Helper()
	book, err := evidence.Resume(ctx, r.stick, r.seal, evidence.Now)
	if err != nil || book == nil {
		r.t.Fatalf("the records: %v", err)
	}
	s := book.Summary()
	if len(s.Orphans) != 0 || len(s.Media) != 1 || string(s.Media[0].Verdict) != string(o.Verdict) {
		r.t.Errorf("the records say %+v, the engine %s", s.Media, o.Verdict)
	}
	starts, resumed, ends := 0, 0, []certs.Verdict{}
	for _, rec := range book.Records() {
		switch {
		case rec.Started != nil:
			starts++
			if rec.Started.Resumed {
				resumed++
			}
		case rec.Finished != nil:
			ends = append(ends, rec.Finished.Verdict)
		}
	}
	want := []certs.Verdict{certs.Sanitised}
	if begun {
		want = []certs.Verdict{certs.Interrupted, certs.Sanitised}
	}
	if o.Verdict == wipe.Sanitised && (len(ends) > len(want)+1 || ends[len(ends)-1] != certs.Sanitised || begun && starts != 2) {
		r.t.Errorf("%d STARTED (%d resumed), ends %v", starts, resumed, ends)
	}
}

package technique_test

import (
	"bytes"
	"context"
	"encoding/hex"
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

const nvmeMiB = 1 << 20

// subsystem is an NVMe drive of a laptop: one namespace, Format and all kinds of
// Sanitize, boot partitions.
func subsystem() nvme.Config {
	return nvme.Config{Serial: "NV1", Model: "Handback Model", Firmware: "1.0", DSM: true,
		Format: nvme.Format{Supported: true, Crypto: true, EraseTime: 4 * time.Second, CryptoTime: time.Second},
		Sanitize: nvme.Sanitize{Crypto: true, Block: true, Overwrite: true,
			CryptoTime: 2 * time.Second, BlockTime: 70 * time.Second, OverwriteTime: 40 * time.Minute},
		Namespaces: []nvme.Namespace{{ID: 1, Bytes: 8 * nvmeMiB, Attached: true, EUI64: []byte{1, 2, 3, 4, 5, 6, 7, 8}}}}
}

// withSecond adds a second namespace.
func withSecond(c nvme.Config, attached bool) nvme.Config {
	c.Namespaces = append(c.Namespaces, nvme.Namespace{ID: 2, Bytes: 4 * nvmeMiB, Attached: attached, EUI64: []byte{1, 2, 3, 4, 5, 6, 7, 9}})
	c.NamespaceManagement = true
	return c
}

// lab is a subsystem in a computer, with a person's data on every medium of it.
type lab struct {
	t     *testing.T
	model *nvme.Drive
	clock *sim.Manual
	host  *inproc.Host
	nsids []uint32
	other map[uint32]wipe.DrivePlan // what the plan says beside its ladder

	mu      sync.Mutex
	entries map[uint32]journal.Entry
	marks   map[uint32][]journal.Mark
	onMark  func(nsid uint32, n int, m journal.Mark) error
	past    map[uint32]*journal.Past
}

func newLab(t *testing.T, c nvme.Config, faults ...sim.Fault) *lab {
	t.Helper()
	l := &lab{t: t, clock: sim.NewManual(), entries: map[uint32]journal.Entry{}, marks: map[uint32][]journal.Mark{}, past: map[uint32]*journal.Past{}}
	c.Clock, c.Script = l.clock, sim.NewScript(faults...)
	m, err := nvme.New(c)
	if err != nil {
		t.Fatal(err)
	}
	l.model, l.host = m, inproc.NewHost(l.clock)
	for _, n := range c.Namespaces {
		if n.Attached {
			l.nsids = append(l.nsids, n.ID)
			if err := l.host.AttachNVMe(l.path(n.ID), m, n.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, m := range m.Media() {
		if err := m.Fill(0, m.Size(), sim.Noise(owner(i))); err != nil {
			t.Fatal(err)
		}
	}
	return l
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

// sent are the frames of Format and Sanitize that the drive was sent.
func (l *lab) sent() []string {
	var out []string
	for _, e := range l.model.Trace() {
		if e.Frame[0] == 0x80 || e.Frame[0] == 0x84 {
			out = append(out, hex.EncodeToString(e.Frame[:1])+" "+hex.EncodeToString(e.Frame[4:8])+" "+hex.EncodeToString(e.Frame[40:48]))
		}
	}
	return out
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
		dp := wipe.DrivePlan{Name: "A", Path: l.path(n), Identity: id, Geometry: d.Geometry(),
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
	go l.clock.Flow(ctx, time.Millisecond)
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


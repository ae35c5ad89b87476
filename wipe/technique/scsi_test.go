package technique_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/drive/sim/scsi"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/journal"
)

// rig is one model with a person's data on it, in a computer of its own, and the
// journal of its visits.
type rig struct {
	t     *testing.T
	model sim.Model
	host  *inproc.Host
	clock *sim.Manual
	media []*sim.Medium
	// notes of the visit that runs, and of all before it.
	mu    sync.Mutex
	past  *journal.Past
	entry journal.Entry
	marks []journal.Mark
	// cut takes the power from the drive and ends the visit, before or after that mark
	// is written down (counted from 1), or at that sleep; 0: never.
	cutBefore, cutAfter, cutSleep int
	sleeps                        int
	naps                          *naps // of an eMMC's host
	dead                          bool
	atSleep                       func(n int) // happens at each sleep
}

const (
	rigPath = "/dev/x"
	secret  = "a person's data"
)

func newRig(t *testing.T, m sim.Model, clock *sim.Manual, attach func(*inproc.Host) error) *rig {
	t.Helper()
	r := &rig{t: t, model: m, clock: clock, host: inproc.NewHost(clock), media: m.Media()}
	if err := attach(r.host); err != nil {
		t.Fatal(err)
	}
	r.plant()
	return r
}

// plant a person's data everywhere, hidden areas too.
func (r *rig) plant() {
	for i, m := range r.media {
		if err := m.Fill(0, m.Size(), sim.Noise(fmt.Sprint(secret, i))); err != nil {
			r.t.Fatal(err)
		}
	}
}

// left counts what of the planted data still stands on a medium, between two places.
func (r *rig) left(medium int, from, to int64) int64 {
	r.t.Helper()
	r.model.Media() // brings them up to the present
	m, n := r.media[medium], int64(0)
	want := sim.NewMedium(m.Size())
	if err := want.Fill(0, m.Size(), sim.Noise(fmt.Sprint(secret, medium))); err != nil {
		r.t.Fatal(err)
	}
	is, was := make([]byte, 1<<20), make([]byte, 1<<20)
	for at := from; at < to; at += int64(len(is)) {
		part := min(int64(len(is)), to-at)
		if _, err := m.ReadAt(is[:part], at); err != nil {
			r.t.Fatal(err)
		}
		if _, err := want.ReadAt(was[:part], at); err != nil {
			r.t.Fatal(err)
		}
		for o := int64(0); o < part; o += 512 {
			if bytes.Equal(is[o:o+512], was[o:o+512]) {
				n += 512
			}
		}
	}
	return n
}

// clean: nothing of the planted data stands anywhere.
func (r *rig) clean() bool {
	r.t.Helper()
	for i, m := range r.media {
		if r.left(i, 0, m.Size()) != 0 {
			return false
		}
	}
	return true
}

// Started and Mark make rig a journal.
func (r *rig) Started(_ context.Context, e journal.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entry = e
	return nil
}

func (r *rig) Mark(_ context.Context, _ drive.Identity, m journal.Mark) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.marks) + 1
	if r.dead || n == r.cutBefore {
		r.off()
		return errors.New("the power is gone")
	}
	r.marks = append(r.marks, m)
	if n == r.cutAfter {
		r.off()
	}
	return nil
}

// off is the power cut: nothing is answered from here on.
func (r *rig) off() {
	if !r.dead {
		r.dead = true
		r.model.Plug(false)
	}
}

// on is the next start of the computer.
func (r *rig) on() {
	r.dead = false
	r.cutBefore, r.cutAfter, r.cutSleep, r.sleeps = 0, 0, 0, 0
	r.past = &journal.Past{Entry: r.entry, Marks: r.marks}
	if r.entry.Drive.Path == "" {
		r.past = nil
	}
	r.marks, r.entry = nil, journal.Entry{}
	r.model.Plug(true)
}

// hurry is a technique's clock over the models' own: who sleeps moves it.
type hurry struct{ *rig }

func (h hurry) Now() time.Time { return h.clock.Now() }

func (h hurry) Sleep(ctx context.Context, d time.Duration) error {
	h.mu.Lock()
	h.sleeps++
	if h.sleeps == h.cutSleep {
		h.off()
	}
	n := h.sleeps
	h.mu.Unlock()
	if h.atSleep != nil {
		h.atSleep(n)
	}
	h.clock.Advance(d)
	return ctx.Err()
}

var levels = map[wipe.TechniqueID]wipe.Level{wipe.SCSIFormatUnit: wipe.LevelClear, wipe.MMCSecureErase: wipe.LevelClear}

// visit erases the drive by techniques, one after the other where one does not do it.
func (r *rig) visit(ids ...wipe.TechniqueID) wipe.Outcome {
	r.t.Helper()
	d, err := r.host.Open(rigPath)
	if err != nil {
		r.t.Fatal(err)
	}
	id, err := d.Identify(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	p := wipe.DrivePlan{Name: "A", Path: rigPath, Identity: id, Geometry: d.Geometry()}
	for _, t := range ids {
		level := wipe.LevelPurge
		if l, ok := levels[t]; ok {
			level = l
		}
		p.Ladder = append(p.Ladder, wipe.Step{Technique: t, Level: level, Shortfall: "what the rig says"})
	}
	f := job.Start(r.t.Context(), wipe.Plan{Drives: []wipe.DrivePlan{p}}, job.Options{Opener: r.host, Journal: r, Clock: hurry{r},
		Past: func(drive.Identity) *journal.Past { return r.past }})
	select {
	case <-f.Done():
	case <-time.After(time.Minute):
		r.t.Fatalf("the visit does not end: %+v", f.Status())
	}
	return f.Outcomes()[0]
}

// expect a verdict; data may be left only where it is not Sanitised.
func (r *rig) expect(o wipe.Outcome, v wipe.Verdict, says string) {
	r.t.Helper()
	if o.Verdict != v || !strings.Contains(o.What, says) {
		r.t.Errorf("%s: %s (%s), want %s with %q\n%+v", o.Verdict, o.What, o.Code, v, says, o.Commands)
	}
	if o.Verdict == wipe.Sanitised && !r.clean() {
		r.t.Errorf("sanitised, and data is left: %+v", o)
	}
	if o.Verdict != wipe.Sanitised && o.Level != wipe.LevelNone {
		r.t.Errorf("level %d of a drive that is %s", o.Level, o.Verdict)
	}
}

const mib = 1 << 20

func ptr[T any](v T) *T { return &v }

// sasConfig is a small disk that has it all.
func sasConfig() scsi.Config {
	return scsi.Config{Vendor: "MAKER", Product: "DISK", Serial: "SAS1", WWN: 0x5000c500a1b2c3d4, Blocks: 4 * mib / 512, Rotation: 10000,
		UnitAttention: true, Spare: 256 << 10,
		Sanitize: scsi.Sanitize{Overwrite: true, Block: true, Crypto: true, OverwriteTime: 30 * time.Second, BlockTime: 20 * time.Second, CryptoTime: time.Second},
		Format:   scsi.Format{Supported: true, Time: 20 * time.Second}}
}

func sas(t *testing.T, c scsi.Config) *rig {
	t.Helper()
	c.Clock = sim.NewManual()
	m, err := scsi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return newRig(t, m, c.Clock.(*sim.Manual), func(h *inproc.Host) error { return h.AttachSCSI(rigPath, drive.BusSCSI, m) })
}

var scsiSanitizes = []wipe.TechniqueID{wipe.SCSISanitizeBlock, wipe.SCSISanitizeCrypto, wipe.SCSISanitizeOverwrite}

// frames of each technique's erasing command with its parameters, as sg3_utils sends
// them.
var scsiFrames = map[wipe.TechniqueID]string{
	wipe.SCSISanitizeBlock:     "48820000000000000000",
	wipe.SCSISanitizeCrypto:    "48830000000000000000",
	wipe.SCSISanitizeOverwrite: "48810000000000000800" + "0100000400000000",
	wipe.SCSIFormatUnit:        "041800000000" + "008a000020000000",
}

func TestSCSISanitize(t *testing.T) {
	for _, id := range scsiSanitizes {
		t.Run(string(id), func(t *testing.T) {
			r := sas(t, sasConfig())
			o := r.visit(id)
			r.expect(o, wipe.Sanitised, "reported success")
			if o.Level != wipe.LevelPurge || o.Evidence != wipe.EvidenceCanaries || o.NotShown != "what the rig says" {
				t.Errorf("%+v", o)
			}
			if len(o.Commands) != 1 || o.Commands[0].Frame != scsiFrames[id] || !strings.HasPrefix(o.Commands[0].Status, "0000"+"70") || o.Commands[0].Duration < time.Second {
				t.Errorf("%+v", o.Commands)
			}
			if got := r.traced(0x48); len(got) != 1 || !strings.HasPrefix(scsiFrames[id], got[0]) {
				t.Errorf("the drive was sent %v", got)
			}
		})
	}
}

// traced are the commands of an operation code that the drive was sent, in hex.
func (r *rig) traced(code byte) []string {
	var all []string
	for _, e := range r.model.Trace() {
		if e.Frame[0] == code {
			all = append(all, fmt.Sprintf("%x", e.Frame))
		}
	}
	return all
}

// A disk of the library, 600 GB with its hidden half, from its profile.
func TestSCSIProfile(t *testing.T) {
	clock := sim.NewManual()
	p, err := profile.Load("../../testdata/drives/sas-hdd.toml", profile.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, model: p.Model, clock: clock, host: inproc.NewHost(clock), media: p.Model.Media()}
	if _, err := p.Attach(r.host, rigPath); err != nil {
		t.Fatal(err)
	}
	o := r.visit(wipe.SCSISanitizeOverwrite)
	if o.Verdict != wipe.Sanitised || o.Level != wipe.LevelPurge || o.Verification.Canaries == 0 {
		t.Fatalf("%+v", o)
	}
	b := make([]byte, mib)
	for _, at := range []int64{0, 300e9, r.media[0].Size() - mib} {
		if _, err := r.media[0].ReadAt(b, at); err != nil || !bytes.Equal(b, make([]byte, mib)) {
			t.Errorf("%d is not zero, %v", at, err)
		}
	}
}

// The power goes before and after every step that is written down, and at moments of
// the drive's own work: after the next start nothing is left, and the record says how.
func TestSCSIPowerCuts(t *testing.T) {
	for _, id := range append(scsiSanitizes, wipe.SCSIFormatUnit) {
		for name, cut := range map[string]func(r *rig){
			"before the 1st mark": func(r *rig) { r.cutBefore = 1 }, "after the 1st mark": func(r *rig) { r.cutAfter = 1 },
			"before the 2nd mark": func(r *rig) { r.cutBefore = 2 }, "after the 2nd mark": func(r *rig) { r.cutAfter = 2 },
			"before the 3rd mark": func(r *rig) { r.cutBefore = 3 }, "after the 3rd mark": func(r *rig) { r.cutAfter = 3 },
			"as soon as it runs": func(r *rig) { r.cutSleep = 1 }, "while it runs": func(r *rig) { r.cutSleep = 40 },
		} {
			t.Run(string(id)+"/"+name, func(t *testing.T) {
				t.Parallel()
				c := sasConfig()
				c.Sanitize.CryptoTime, c.Spare = 20*time.Second, 0
				r := sas(t, c)
				cut(r)
				o := r.visit(id)
				if !r.dead && o.Verdict == wipe.Sanitised {
					r.expect(o, wipe.Sanitised, "") // it has fewer marks
					return
				}
				if o.Verdict == wipe.Sanitised {
					// The last mark is of an erasure that has ended: but nobody read the drive.
					t.Fatalf("sanitised without power: %+v", o)
				}
				r.on()
				issued := r.past.Last(journal.StepIssue) != nil
				o = r.visit(id)
				r.expect(o, wipe.Sanitised, "")
				if running := r.cutSleep > 0; running && !issued || running && o.Resumed == "" {
					t.Errorf("issued %v, resumed %q", issued, o.Resumed)
				}
				if len(o.Commands) == 0 || !strings.HasPrefix(scsiFrames[id], o.Commands[len(o.Commands)-1].Frame[:12]) {
					t.Errorf("%+v", o.Commands)
				}
			})
		}
	}
}

// What goes wrong with each of the techniques, and what must come of it.
func TestSCSIFaults(t *testing.T) {
	type wrong struct {
		fault sim.Fault
		want  wipe.Verdict
		says  string
	}
	erases := sim.When{Erases: true}
	all := map[string]wrong{
		"lies":                             {sim.Fault{When: erases, Do: sim.Action{Pretend: true}}, wipe.Failed, "still stand there"},
		"erases nothing in its time":       {sim.Fault{When: erases, Do: sim.Action{KeepAll: true}}, wipe.Failed, "still stand there"},
		"leaves a megabyte":                {sim.Fault{When: erases, Do: sim.Action{Keep: []sim.Range{{Off: 2*mib + 512, Len: mib}}}}, wipe.Failed, "still stand there"},
		"brings it back":                   {sim.Fault{When: erases, Do: sim.Action{Reappear: 12 * time.Second}}, wipe.Failed, "still stand there"},
		"refuses":                          {sim.Fault{When: erases, Do: sim.Action{Abort: true}}, wipe.Failed, "device status 0002"},
		"fails half way":                   {sim.Fault{When: erases, Do: sim.Action{FailAt: 0.5}}, wipe.Failed, "device status 0002"},
		"sticks half way":                  {sim.Fault{When: erases, Do: sim.Action{StickAt: 0.5}}, wipe.Unverified, "does not get on"},
		"becomes another":                  {sim.Fault{When: erases, Do: sim.Action{Become: "SAS2"}}, wipe.Failed, "SAS2"},
		"shrinks":                          {sim.Fault{When: erases, Do: sim.Action{Shrink: 1000}}, wipe.Failed, ""},
		"is pulled out":                    {sim.Fault{When: erases, Do: sim.Action{Unplug: true}}, wipe.Unverified, "answer was lost"},
		"is pulled out while it is at it":  {sim.Fault{When: sim.When{Opcode: ptr(byte(3)), Nth: 8}, Do: sim.Action{Unplug: true}}, wipe.Unverified, "answer was lost"},
		"is silent for a while":            {sim.Fault{When: sim.When{Opcode: ptr(byte(3)), Nth: 8, Times: 5}, Do: sim.Action{Abort: true}}, wipe.Sanitised, ""},
		"does not tell its state any more": {sim.Fault{When: sim.When{Opcode: ptr(byte(3)), Nth: 8}, Do: sim.Action{Abort: true}}, wipe.Unverified, "answer was lost"},
		"its refusal is lost":              {sim.Fault{When: erases, Do: sim.Action{Abort: true, Sense: sim.SenseMissing}}, wipe.Unverified, "answer was lost"},
	}
	for _, id := range append(scsiSanitizes, wipe.SCSIFormatUnit) {
		for name, w := range all {
			t.Run(string(id)+"/"+name, func(t *testing.T) {
				t.Parallel()
				c := sasConfig()
				c.Spare, c.Script = 0, sim.NewScript(w.fault)
				c.Sanitize.CryptoTime = 20 * time.Second
				r := sas(t, c)
				o := r.visit(id)
				r.expect(o, w.want, w.says)
			})
		}
	}
}

// tell the drive a command of somebody else, its last owner or a program.
func (r *rig) tell(cdb, out string) {
	r.t.Helper()
	d, err := r.host.OpenTarget(rigPath)
	if err != nil {
		r.t.Fatal(err)
	}
	defer d.Close()
	c := drive.Command{Protocol: drive.ProtocolSCSI, Frame: raw(r.t, cdb), Data: raw(r.t, out), Timeout: time.Minute}
	if len(c.Data) > 0 {
		c.Direction = drive.DirectionOut
	}
	if _, err := d.Do(r.t.Context(), c); err != nil {
		r.t.Fatal(err)
	}
}

func raw(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A sanitize or a format that nobody here began is waited for, and counts for nothing.
func TestSCSIAnothersErasure(t *testing.T) {
	for name, begun := range map[string][2]string{"sanitize": {"48830000000000000000", ""}, "format": {"041800000000", "00020000"}} {
		for _, id := range []wipe.TechniqueID{wipe.SCSISanitizeBlock, wipe.SCSIFormatUnit} {
			t.Run(name+"/"+string(id), func(t *testing.T) {
				c := sasConfig()
				c.Spare = 0
				// It erases nothing.
				c.Script = sim.NewScript(sim.Fault{When: sim.When{Erases: true, Times: 1}, Do: sim.Action{KeepAll: true}})
				c.Sanitize.CryptoTime = 20 * time.Second
				r := sas(t, c)
				r.tell(begun[0], begun[1])
				o := r.visit(id)
				r.expect(o, wipe.Sanitised, "")
				if !strings.Contains(o.Resumed, "nothing here had begun") || len(r.traced(0x48))+len(r.traced(0x04)) < 2 {
					t.Errorf("resumed %q: %v", o.Resumed, o.Commands)
				}
			})
		}
	}
}

// What failed before, or was cut off, can't even be read: it is erased all the same.
func TestSCSIAfterAFailure(t *testing.T) {
	for name, begun := range map[string]struct {
		cdb, list string
		do        sim.Action
		by        []wipe.TechniqueID
	}{
		"a sanitize failed": {"48820000000000000000", "", sim.Action{FailAt: 0.25}, scsiSanitizes},
		"a format failed":   {"041800000000", "00020000", sim.Action{FailAt: 0.25}, append(scsiSanitizes, wipe.SCSIFormatUnit)},
	} {
		for _, id := range begun.by {
			t.Run(name+"/"+string(id), func(t *testing.T) {
				c := sasConfig()
				c.Spare = 0
				c.Script = sim.NewScript(sim.Fault{When: sim.When{Erases: true, Times: 1}, Do: begun.do})
				r := sas(t, c)
				if _, err := r.host.Open(rigPath); err != nil { // its size is known to the host from then on
					t.Fatal(err)
				}
				r.tell(begun.cdb, begun.list)
				r.clock.Advance(2 * time.Hour)
				o := r.visit(id)
				r.expect(o, wipe.Sanitised, "word is all there is")
				if o.Evidence != wipe.EvidenceDeviceClaims {
					t.Errorf("%+v", o.Verification)
				}
			})
		}
	}
}

// FORMAT UNIT reaches the blocks that MODE SELECT has hidden, and leaves the drive as
// big as it was; a sanitize reaches them anyway.
func TestSCSIHiddenBlocks(t *testing.T) {
	for _, id := range append(scsiSanitizes, wipe.SCSIFormatUnit) {
		c := sasConfig()
		c.Spare, c.Visible = 0, c.Blocks/2
		r := sas(t, c)
		o := r.visit(id)
		r.expect(o, wipe.Sanitised, "")
		if o.After.Size != 2*mib || id == wipe.SCSIFormatUnit && len(o.Commands) != 3 {
			t.Errorf("%s: %d bytes, %+v", id, o.After.Size, o.Commands)
		}
	}
}

// Where the format of a drive that hides blocks fails, nothing else is tried that would
// not reach them; it hides them as before.
func TestSCSIHiddenBlocksAfterAFailure(t *testing.T) {
	for name, do := range map[string]sim.Action{"refused": {Abort: true}, "failed": {FailAt: 0.5}} {
		c := sasConfig()
		c.Spare, c.Visible = 0, c.Blocks/2
		c.Script = sim.NewScript(sim.Fault{When: sim.When{Erases: true}, Do: do})
		r := sas(t, c)
		o := r.visit(wipe.SCSIFormatUnit, wipe.SCSISanitizeBlock, wipe.OverwriteZero)
		r.expect(o, wipe.Failed, "hides blocks behind its end (4096 blocks)")
		if o.Technique != wipe.SCSIFormatUnit || len(o.Attempts) != 0 || o.After.Size != 2*mib {
			t.Errorf("%s: %s after %+v, %d bytes", name, o.Technique, o.Attempts, o.After.Size)
		}
	}
	// Nor where nobody knows how many blocks are shown.
	c := sasConfig()
	c.Script = sim.NewScript(sim.Fault{When: sim.When{Opcode: ptr(byte(0x55))}, Do: sim.Action{Unplug: true}})
	r := sas(t, c)
	o := r.visit(wipe.SCSIFormatUnit, wipe.OverwriteZero)
	if o.Verdict == wipe.Sanitised || o.Verdict == wipe.Refused || o.Technique != wipe.SCSIFormatUnit {
		t.Errorf("%s by %s: %s", o.Verdict, o.Technique, o.What)
	}
}

// What a format does not reach is left, and the record names it.
func TestSCSIFormatLeavesTheSpare(t *testing.T) {
	c := sasConfig()
	r := sas(t, c)
	o := r.visit(wipe.SCSIFormatUnit)
	size := r.media[0].Size()
	if o.Verdict != wipe.Sanitised || o.Level != wipe.LevelClear || o.NotShown == "" {
		t.Fatalf("%+v", o)
	}
	if r.left(0, 0, size-c.Spare) != 0 || r.left(0, size-c.Spare, size) != c.Spare {
		t.Errorf("%d of the blocks are left, %d of the rest", r.left(0, 0, size-c.Spare), r.left(0, size-c.Spare, size))
	}
}

// A drive that makes no more than its tables anew is asked for a pattern; one that does
// not know that is found out.
func TestSCSIQuickFormat(t *testing.T) {
	c := sasConfig()
	c.Spare, c.Format.Quick = 0, true
	r := sas(t, c)
	r.expect(r.visit(wipe.SCSIFormatUnit), wipe.Sanitised, "")

	c.Script = sim.NewScript(sim.Fault{When: sim.When{Opcode: ptr(byte(4)), Times: 1}, Do: sim.Action{Abort: true}})
	r = sas(t, c)
	o := r.visit(wipe.SCSIFormatUnit)
	r.expect(o, wipe.Failed, "still stand there")
	if n := len(o.Commands); n != 3 || o.Commands[2].Frame != "041800000000"+"00020000" {
		t.Errorf("%+v", o.Commands)
	}

	c.Format.Quick = false
	c.Script = sim.NewScript(sim.Fault{When: sim.When{Opcode: ptr(byte(4)), Times: 1}, Do: sim.Action{Abort: true}})
	r = sas(t, c)
	r.expect(r.visit(wipe.SCSIFormatUnit), wipe.Sanitised, "")
}

// After some sanitizes no block can be read until it is written: the drive is written
// full, and nothing is made of what can't be found then.
func TestSCSIWriteFirst(t *testing.T) {
	for _, id := range []wipe.TechniqueID{wipe.SCSISanitizeBlock, wipe.SCSISanitizeCrypto} {
		c := sasConfig()
		c.Sanitize.WriteFirst = true
		r := sas(t, c)
		o := r.visit(id)
		r.expect(o, wipe.Sanitised, "")
		if o.Evidence != wipe.EvidenceDeviceClaims || o.BytesWritten != 4*mib || o.Verification.Canaries != 0 {
			t.Errorf("%+v", o)
		}
		// And a liar is no better off.
		c.Script = sim.NewScript(sim.Fault{When: sim.When{Erases: true}, Do: sim.Action{KeepAll: true}}, sim.Fault{When: sim.When{Writes: true, Nth: 100}, Do: sim.Action{Pretend: true}})
		r = sas(t, c)
		r.expect(r.visit(id), wipe.Failed, "")
	}
}

// Blocks that can't be written are left by what writes, and the drive says so.
func TestSCSIDeadBlocks(t *testing.T) {
	for _, id := range []wipe.TechniqueID{wipe.SCSISanitizeBlock, wipe.SCSISanitizeOverwrite, wipe.SCSIFormatUnit} {
		c := sasConfig()
		c.Spare = 0
		c.Bad = []scsi.Extent{{LBA: 3000, Count: 2, Dead: true}}
		r := sas(t, c)
		r.expect(r.visit(id), wipe.Failed, "")
	}
}

// A drive that refuses is refused; one that does not say what it has, too.
func TestSCSINotPrepared(t *testing.T) {
	for name, change := range map[string]func(*scsi.Config){
		"has no sanitize": func(c *scsi.Config) { c.Sanitize, c.Format = scsi.Sanitize{}, scsi.Format{} },
		"hides that it does": func(c *scsi.Config) {
			c.Claims = map[string]bool{"48/01": false, "48/02": false, "48/03": false, "04": false}
		},
		"does not say": func(c *scsi.Config) { c.NoReport = true },
	} {
		for _, id := range append(scsiSanitizes, wipe.SCSIFormatUnit) {
			c := sasConfig()
			change(&c)
			r := sas(t, c)
			o := r.visit(id)
			r.expect(o, wipe.Refused, "")
			if n := r.left(0, 0, r.media[0].Size()); n != r.media[0].Size() || len(r.traced(0x48))+len(r.traced(0x04)) != 0 {
				t.Errorf("%s: %d bytes are left", name, n)
			}
		}
	}
	// A write protection is found by the command.
	for _, id := range append(scsiSanitizes, wipe.SCSIFormatUnit) {
		c := sasConfig()
		c.Protected = true
		r := sas(t, c)
		r.expect(r.visit(id), wipe.Failed, "07 00 00 00 00 0a")
	}
}

// A claim that is a lie is refused by the drive, and the next technique has its turn.
func TestSCSINextTechnique(t *testing.T) {
	c := sasConfig()
	c.Sanitize = scsi.Sanitize{Overwrite: true, OverwriteTime: time.Minute}
	c.Claims = map[string]bool{"48/02": true}
	r := sas(t, c)
	o := r.visit(wipe.SCSISanitizeCrypto, wipe.SCSISanitizeBlock, wipe.SCSISanitizeOverwrite)
	r.expect(o, wipe.Sanitised, "")
	if o.Technique != wipe.SCSISanitizeOverwrite || len(o.Attempts) != 2 || o.Attempts[0].Verdict != wipe.Refused || o.Attempts[1].Verdict != wipe.Failed {
		t.Errorf("%s after %+v", o.Technique, o.Attempts)
	}
}

// A reset in the middle changes nothing of a sanitize, nor of what its end proves. A
// power cut that only the drive had ends a format: it is begun anew, once.
func TestSCSIResetWhileRunning(t *testing.T) {
	for _, id := range append(scsiSanitizes, wipe.SCSIFormatUnit) {
		for name, do := range map[string]func(sim.Model){"reset": sim.Model.Reset, "power": sim.Model.PowerCycle} {
			t.Run(string(id)+"/"+name, func(t *testing.T) {
				c := sasConfig()
				c.Spare, c.Sanitize.CryptoTime = 0, 20*time.Second
				r := sas(t, c)
				r.atSleep = func(n int) {
					if n == 40 {
						do(r.model)
					}
				}
				o := r.visit(id)
				r.expect(o, wipe.Sanitised, "")
				again := id == wipe.SCSIFormatUnit && name == "power"
				if n := len(o.Commands); (n > 2) != again {
					t.Errorf("%+v", o.Commands)
				}
			})
		}
	}
	// And one that loses its power again and again is not waited for for ever.
	c := sasConfig()
	c.Spare = 0
	r := sas(t, c)
	r.atSleep = func(n int) {
		if n%50 == 0 {
			r.model.PowerCycle()
		}
	}
	r.expect(r.visit(wipe.SCSIFormatUnit), wipe.Failed, "")
}

// A drive that tells of a reset and is found idle after it may have gone on to its end,
// or have forgotten all: it is told again, and believed no more when it comes again.
func TestSCSIResetAndIdle(t *testing.T) {
	for _, id := range append(scsiSanitizes, wipe.SCSIFormatUnit) {
		for resets, want := range map[int]wipe.Verdict{1: wipe.Sanitised, 2: wipe.Unverified} {
			c := sasConfig()
			c.Spare, c.Sanitize.CryptoTime = 0, 20*time.Second
			r := sas(t, c)
			r.atSleep = func(n int) {
				if n%50 == 0 && n/50 <= resets {
					r.clock.Advance(time.Hour)
					r.model.Reset()
				}
			}
			o := r.visit(id)
			r.expect(o, want, "")
			if n := len(r.traced(0x48)) + len(r.traced(0x04)); n != 2 {
				t.Errorf("%s, %d resets: told %d times", id, resets, n)
			}
		}
	}
}

// An adapter that drops sense data, or gives it in the other format, whatever was asked
// for: progress is read in either, and no success is made of what is missing.
func TestSCSISenseForms(t *testing.T) {
	for _, id := range append(scsiSanitizes, wipe.SCSIFormatUnit) {
		for name, form := range map[string]sim.SenseForm{"fixed": sim.SenseFixed, "descriptor": sim.SenseDescriptor, "missing": sim.SenseMissing} {
			t.Run(string(id)+"/"+name, func(t *testing.T) {
				c := sasConfig()
				c.Spare, c.UnitAttention, c.Sanitize.CryptoTime = 0, false, 20*time.Second
				c.Script = sim.NewScript(sim.Fault{Do: sim.Action{Sense: form}})
				r := sas(t, c)
				r.expect(r.visit(id), wipe.Sanitised, "")
				c.Script = sim.NewScript(sim.Fault{When: sim.When{Erases: true}, Do: sim.Action{FailAt: 0.5}}, sim.Fault{Do: sim.Action{Sense: form}})
				r = sas(t, c)
				r.expect(r.visit(id), wipe.Failed, "")
			})
		}
	}
}

// A command that is never answered is given up, and its answer is lost.
func TestSCSIHangs(t *testing.T) {
	for _, opcode := range []byte{0x48, 0x03} {
		c := sasConfig()
		c.Script = sim.NewScript(sim.Fault{When: sim.When{Opcode: ptr(opcode), Nth: map[byte]int{0x48: 1, 0x03: 8}[opcode]}, Do: sim.Action{Hang: true}})
		r := sas(t, c)
		ctx, stop := context.WithCancel(t.Context())
		flowing := make(chan struct{})
		go func() { defer close(flowing); r.clock.Flow(ctx, 20*time.Millisecond) }()
		r.expect(r.visit(wipe.SCSISanitizeBlock), wipe.Unverified, "")
		stop()
		<-flowing
	}
}

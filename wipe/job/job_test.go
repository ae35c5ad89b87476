package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

const mib = 1 << 20

var clearPolicy = plan.Policy{Want: wipe.LevelClear}

func forced(t wipe.TechniqueID) plan.Policy {
	return plan.Policy{Want: wipe.LevelClear, Technique: t}
}

// run a plan for one disk to its end.
func run(t *testing.T, d *disk, p plan.Policy, change func(*Options)) wipe.Outcome {
	t.Helper()
	b := benchOf(d)
	return runPlan(t, b, b.plan(p, d), change)[0]
}

func runPlan(t *testing.T, b bench, p wipe.Plan, change func(*Options)) []wipe.Outcome {
	t.Helper()
	o := Options{Opener: b, Journal: &diary{bench: b}}
	if change != nil {
		change(&o)
	}
	f := Start(context.Background(), p, o)
	select {
	case <-f.Done():
	case <-time.After(2 * time.Minute):
		t.Fatalf("the job does not end: %+v", f.Status())
	}
	outs := f.Outcomes()
	if len(outs) != len(p.Drives) {
		t.Fatalf("%d outcomes for %d drives", len(outs), len(p.Drives))
	}
	for i, s := range f.Status() {
		if s.Phase != wipe.PhaseDone || s.Outcome == nil || s.Outcome.Verdict != outs[i].Verdict || s.CanStop {
			t.Errorf("status after the end: %+v", s)
		}
	}
	for _, o := range outs {
		if why := contradiction(o); why != "" {
			t.Errorf("%s: %+v", why, o)
		}
	}
	return outs
}

// contradiction holds an outcome to what a record and a paper will hold it to.
func contradiction(o wipe.Outcome) string {
	v := o.Verification
	switch {
	case o.Verdict == "":
		return "no verdict"
	case o.What == "" || o.Verdict != wipe.Sanitised && o.Do == "":
		return "a person is not told what happened or what to do"
	case o.Verdict != wipe.Sanitised && (o.Level != wipe.LevelNone || o.Evidence != ""):
		return "a level or evidence without success"
	case o.Verdict == wipe.Refused && (o.Code == "" || o.BytesWritten != 0 || len(o.Commands) != 0):
		return "a refusal without code, or after something was sent"
	case !slices.Contains([]string{"passed", "failed", "not done"}, v.Result):
		return "verification result " + v.Result
	case o.Verdict != wipe.Sanitised:
		return ""
	case o.Level < wipe.LevelClear, v.Survivors != 0, v.Unreadable != 0, len(o.BadRanges) != 0, o.BadBlocks != 0:
		return "sanitised, and its own figures deny it"
	case o.Evidence == wipe.EvidenceDeviceClaims && v.Result != "failed":
		return ""
	case v.Result != "passed", o.Evidence == "", o.Evidence == wipe.EvidenceSampled && o.Level > wipe.LevelClear:
		return "sanitised without evidence"
	}
	return ""
}

func want(t *testing.T, o wipe.Outcome, v wipe.Verdict, says ...string) {
	t.Helper()
	if o.Verdict != v {
		t.Errorf("verdict %s (%s), want %s", o.Verdict, o.What, v)
	}
	for _, s := range says {
		if !strings.Contains(o.What+" "+o.Do, s) {
			t.Errorf("%q and %q do not say %q", o.What, o.Do, s)
		}
	}
}

func TestOverwrite(t *testing.T) {
	for _, block := range []int{512, 4096} {
		for _, size := range []int64{4096, 4 * mib, 8*mib + 3*4096, 9*mib + 7*4096} {
			for _, id := range []wipe.TechniqueID{wipe.OverwriteZero, wipe.OverwriteRandom} {
				t.Run(fmt.Sprint(id, block, size), func(t *testing.T) {
					d := newDisk(t, "S1", size, block)
					o := run(t, d, forced(id), nil)
					want(t, o, wipe.Sanitised, "read back")
					if bytes.Contains(d.data, []byte("PRIVATE")) {
						t.Error("a trace is left")
					}
					if zero := len(bytes.Trim(d.data, "\x00")) == 0; zero != (id == wipe.OverwriteZero) {
						t.Errorf("all zeros: %t", zero)
					}
					v := o.Verification
					if o.Evidence != wipe.EvidenceMeasured || o.Level != wipe.LevelClear || o.BytesWritten != size || v.BytesRead != size || v.Compared != size/int64(block) {
						t.Errorf("outcome %+v", o)
					}
					if got := strings.Join(d.log, " "); got != "journal write flush" {
						t.Errorf("order of things: %s", got)
					}
				})
			}
		}
	}
}

func TestTailOf512(t *testing.T) {
	d := newDisk(t, "S1", 4*mib+3*512, 512)
	want(t, run(t, d, forced(wipe.OverwriteRandom), nil), wipe.Sanitised)
	if bytes.Contains(d.data, []byte("PRIVATE")) {
		t.Error("a trace is left at the end")
	}
}

func TestRandomIsFresh(t *testing.T) {
	a, b := newDisk(t, "A", mib, 512), newDisk(t, "B", mib, 512)
	run(t, a, forced(wipe.OverwriteRandom), nil)
	run(t, b, forced(wipe.OverwriteRandom), nil)
	if bytes.Equal(a.data[:4096], b.data[:4096]) {
		t.Error("two drives got the same stream")
	}
}

func TestSampledIsClearAtMost(t *testing.T) {
	d := newDisk(t, "S1", 200*mib, 512)
	o := run(t, d, plan.Policy{Want: wipe.LevelClear, Technique: wipe.OverwriteRandom, Verify: wipe.VerifySample}, nil)
	want(t, o, wipe.Sanitised)
	if o.Evidence != wipe.EvidenceSampled || o.Level != wipe.LevelClear || !strings.Contains(o.NotShown, "not in the sample") || len(o.Verification.Seed) != 64 {
		t.Errorf("%+v", o)
	}
	if o.Verification.BytesRead >= d.geo.Size || o.Verification.BytesRead < 128*mib {
		t.Errorf("%d bytes read", o.Verification.BytesRead)
	}
}

// Each fault of an overwrite, and what must be said of it.
func TestOverwriteFaults(t *testing.T) {
	at := func(lba int64) func(int64, int) error {
		return func(off int64, n int) error {
			if off <= lba*512 && lba*512 < off+int64(n) {
				return errMedium
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		fault func(d *disk)
		want  wipe.Verdict
		says  string
		more  func(t *testing.T, d *disk, o wipe.Outcome)
	}{
		"write error at one block": {func(d *disk) { d.onWrite = at(12345) }, wipe.Failed, "block 12345", func(t *testing.T, d *disk, o wipe.Outcome) {
			if want := []wipe.Range{{First: 12345, Count: 1, What: "write error: input/output error"}}; !slices.Equal(o.BadRanges, want) || o.BadBlocks != 1 {
				t.Errorf("bad ranges %v", o.BadRanges)
			}
			if n := bytes.Count(d.data, []byte("PRIVATE")); n != 512/16 {
				t.Errorf("%d marks left, want those of one block", n)
			}
			if o.BytesWritten != d.geo.Size-512 || o.Verification.Survivors != 1 {
				t.Errorf("written %d, survivors %d", o.BytesWritten, o.Verification.Survivors)
			}
		}},
		"read error at one block": {func(d *disk) { d.onRead = at(777) }, wipe.Failed, "block 777", func(t *testing.T, d *disk, o wipe.Outcome) {
			if o.Verification.Unreadable != 1 || o.Verification.Result != "failed" || len(o.BadRanges) != 1 {
				t.Errorf("%+v", o)
			}
		}},
		"smaller than it says": {func(d *disk) {
			d.onWrite = func(off int64, n int) error {
				if off+int64(n) > 7*mib {
					return syscall.ENOSPC
				}
				return nil
			}
		}, wipe.Failed, "block 14336", func(t *testing.T, d *disk, o wipe.Outcome) {
			if o.BadRanges[0].First != 14336 || o.BadRanges[0].Count != 3*mib/512 {
				t.Errorf("bad ranges %v", o.BadRanges)
			}
		}},
		"a write that is claimed and dropped": {func(d *disk) { d.drop = func(off int64) bool { return off == 5*512 } }, wipe.Failed, "1 blocks read back as something else",
			func(t *testing.T, d *disk, o wipe.Outcome) {
				if o.Verification.Survivors != 1 {
					t.Errorf("survivors %d", o.Verification.Survivors)
				}
			}},
		"all writes dropped": {func(d *disk) { d.drop = func(int64) bool { return true } }, wipe.Failed, "20480 blocks read back as something else", nil},
		"one flipped bit": {func(d *disk) {
			d.flush = func() error { d.data[6*mib+77] ^= 0x10; return nil }
		}, wipe.Failed, "1 blocks read back as something else", nil},
		"flush fails": {func(d *disk) { d.flush = func() error { return errMedium } }, wipe.Failed, "was not erased: flush", nil},
		"gone in mid-wipe": {func(d *disk) {
			d.onWrite = func(off int64, n int) error {
				if off >= 4*mib {
					return syscall.ENODEV
				}
				return nil
			}
		}, wipe.Failed, "no longer answers", nil},
		"gone, and says input/output error": {func(d *disk) {
			var dead atomic.Bool
			d.onWrite = func(off int64, n int) error {
				if off >= 4*mib {
					dead.Store(true)
				}
				if dead.Load() {
					return errMedium
				}
				return nil
			}
			d.identify = func() (drive.Identity, error) {
				if dead.Load() {
					return drive.Identity{}, errMedium
				}
				return d.id, nil
			}
		}, wipe.Failed, "no longer answers", nil},
		"another drive answers afterwards": {func(d *disk) {
			d.flush = func() error { d.id.Serial = "OTHER"; return nil }
		}, wipe.Failed, "OTHER", nil},
		"it has shrunk": {func(d *disk) {
			d.flush = func() error { d.id.Size -= 4096; return nil }
		}, wipe.Failed, "10485760 bytes before and has 10481664 after", nil},
		"it no longer says who it is": {func(d *disk) {
			d.flush = func() error {
				d.identify = func() (drive.Identity, error) { return drive.Identity{}, errMedium }
				return nil
			}
		}, wipe.Unverified, "no longer says who it is", nil},
		"the write panics": {func(d *disk) { d.onWrite = func(int64, int) error { panic("boom") } }, wipe.Failed, "boom", nil},
		"the flush panics": {func(d *disk) { d.flush = func() error { panic("boom") } }, wipe.Failed, "error in this program", nil},
		"the read panics":  {func(d *disk) { d.onRead = func(int64, int) error { panic("boom") } }, wipe.Unverified, "boom", nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t, "S1", 10*mib, 512)
			b := benchOf(d)
			p := b.plan(forced(wipe.OverwriteZero), d)
			c.fault(d)
			o := runPlan(t, b, p, nil)[0]
			want(t, o, c.want, c.says)
			if c.more != nil {
				c.more(t, d, o)
			}
		})
	}
}

// Nothing destructive reaches a drive that is refused, whatever refuses it.
func TestRefusals(t *testing.T) {
	stick := errors.New("the stick is gone")
	for name, c := range map[string]struct {
		fault  func(d *disk)
		policy plan.Policy
		change func(*Options)
		code   string
	}{
		"no journal":            {nil, clearPolicy, func(o *Options) { o.Journal = nil }, "no-journal"},
		"the journal fails":     {nil, clearPolicy, func(o *Options) { o.Journal.(*diary).err = syscall.ENOSPC }, "no-journal"},
		"no opener":             {nil, clearPolicy, func(o *Options) { o.Opener = nil }, "program-error"},
		"another digest":        {nil, clearPolicy, func(o *Options) { o.Digest = "00" }, "digest"},
		"may not start":         {nil, clearPolicy, func(o *Options) { o.MayStart = func() error { return stick } }, "may-not-start"},
		"the plan refuses":      {nil, plan.Policy{Want: wipe.LevelPurge}, nil, "below-level"},
		"nobody accepted":       {nil, plan.Policy{Want: wipe.LevelPurge, Fallback: plan.FallbackAsk}, nil, "below-level"},
		"not accepted":          {nil, plan.Policy{Want: wipe.LevelPurge, Fallback: plan.FallbackAsk}, func(o *Options) { o.Accepted = func(wipe.DrivePlan) bool { return false } }, "below-level"},
		"in use":                {func(d *disk) { d.onOpen = func(int) error { return syscall.EBUSY } }, clearPolicy, nil, "not-opened"},
		"another drive":         {func(d *disk) { d.id.Serial = "S2" }, clearPolicy, nil, "other-drive"},
		"another size":          {func(d *disk) { d.geo.Size += 4096 }, clearPolicy, nil, "other-size"},
		"another block":         {func(d *disk) { d.geo.LogicalBlock = 4096 }, clearPolicy, nil, "other-size"},
		"says not who it is":    {func(d *disk) { d.identify = func() (drive.Identity, error) { return drive.Identity{}, errMedium } }, clearPolicy, nil, "no-identity"},
		"panics when asked":     {func(d *disk) { d.identify = func() (drive.Identity, error) { panic("boom") } }, clearPolicy, nil, "program-error"},
		"the journal panics":    {nil, clearPolicy, func(o *Options) { o.Journal.(*diary).onStart = func() { panic("boom") } }, "program-error"},
		"unknown technique":     {nil, clearPolicy, nil, "not-prepared"},
		"a format gone missing": {func(d *disk) { d.namespaces = nil }, forced(wipe.NVMeFormatUserData), nil, "not-prepared"},
		"a second namespace":    {func(d *disk) { d.fna, d.namespaces = 2, []uint32{1, 2} }, forced(wipe.NVMeFormatUserData), nil, "not-prepared"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t, "S1", mib, 512)
			if c.policy.Technique == wipe.NVMeFormatUserData {
				d = newNVMe(t, "S1", mib)
			}
			before := bytes.Clone(d.data)
			b := benchOf(d)
			p := b.plan(c.policy, d)
			if name == "unknown technique" {
				p.Drives[0].Ladder = []wipe.Step{{Technique: "overwrite-with-hope", Level: wipe.LevelClear}}
			}
			if c.fault != nil {
				c.fault(d)
			}
			o := runPlan(t, b, p, c.change)[0]
			want(t, o, wipe.Refused)
			if o.Code != c.code {
				t.Errorf("code %q (%s), want %q", o.Code, o.What, c.code)
			}
			if !bytes.Equal(before, d.data) || slices.Contains(d.log, "write") || slices.Contains(d.log, "format") {
				t.Error("a refused drive was written to")
			}
			if d.held {
				t.Error("a refused drive is still held")
			}
		})
	}
}

func TestAcceptedBelowWanted(t *testing.T) {
	d := newDisk(t, "S1", mib, 512)
	o := run(t, d, plan.Policy{Want: wipe.LevelPurge, Fallback: plan.FallbackAsk}, func(o *Options) {
		o.Accepted = func(dp wipe.DrivePlan) bool { return dp.Identity.Serial == "S1" }
	})
	want(t, o, wipe.Sanitised)
	if o.Level != wipe.LevelClear {
		t.Errorf("level %d", o.Level)
	}
}

// What is written down is what is done, before it is done.
func TestJournalEntry(t *testing.T) {
	d := newDisk(t, "S1", mib, 512)
	b := benchOf(d)
	p := b.plan(clearPolicy, d)
	j := &diary{bench: b}
	runPlan(t, b, p, func(o *Options) { o.Journal, o.Resumed, o.Digest = j, true, plan.Digest(p) })
	if len(j.entries) != 1 {
		t.Fatalf("%d entries", len(j.entries))
	}
	e := j.entries[0]
	if e.PlanDigest != plan.Digest(p) || !e.Resumed || e.Step.Technique != wipe.OverwriteZero || !e.Drive.Identity.Same(d.id) || d.log[0] != "journal" {
		t.Errorf("%+v, log %v", e, d.log)
	}
}

func TestStop(t *testing.T) {
	for name, c := range map[string]struct {
		hook func(d *disk, j *diary, stop func())
		want wipe.Verdict
		code string
	}{
		"before anything":  {func(d *disk, _ *diary, stop func()) { d.onOpen = func(int) error { stop(); return nil } }, wipe.Refused, "stopped"},
		"in the journal":   {func(_ *disk, j *diary, stop func()) { j.onStart = stop }, wipe.Refused, "stopped"},
		"in mid-overwrite": {func(d *disk, _ *diary, stop func()) { d.after = stop }, wipe.Interrupted, ""},
		"in the read-back": {func(d *disk, _ *diary, stop func()) { d.onRead = func(int64, int) error { stop(); return nil } }, wipe.Interrupted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t, "S1", 64*mib, 512)
			b := benchOf(d)
			p := b.plan(clearPolicy, d)
			ctx, cancel := context.WithCancel(context.Background())
			j := &diary{bench: b}
			c.hook(d, j, cancel)
			f := Start(ctx, p, Options{Opener: b, Journal: j})
			<-f.Done()
			o := f.Outcomes()[0]
			want(t, o, c.want, "again")
			if why := contradiction(o); why != "" || o.Code != c.code {
				t.Errorf("%s, code %s", why, o.Code)
			}
			if left := bytes.Contains(d.data, []byte("PRIVATE")); left == (name == "in the read-back") {
				t.Errorf("data left: %t", left)
			}
		})
	}
}

// A drive that hangs is given up; its neighbour ends well; and if the call comes
// back after all, nothing more is written.
func TestHangIsGivenUp(t *testing.T) {
	a, h := newDisk(t, "A", 16*mib, 512), newDisk(t, "H", 64*mib, 512)
	release, hung := make(chan struct{}), make(chan struct{}, 2)
	var writes sync.WaitGroup
	h.onWrite = func(off int64, n int) error {
		writes.Add(1)
		defer writes.Done()
		hung <- struct{}{}
		<-release
		return nil
	}
	b := benchOf(a, h)
	p := b.plan(clearPolicy, a, h)
	f := Start(context.Background(), p, Options{Opener: b, Journal: &diary{bench: b}, StallAfter: 100 * time.Millisecond, GiveUpAfter: 2 * time.Second})
	<-hung
	stalled := false
	for !stalled {
		select {
		case <-f.Done():
			t.Fatal("never shown as stalled")
		case <-time.After(10 * time.Millisecond):
			s := f.Status()[1]
			stalled = s.Stalled && s.Note != ""
		}
	}
	<-f.Done()
	outs := f.Outcomes()
	want(t, outs[0], wipe.Sanitised)
	want(t, outs[1], wipe.Failed, "gave no answer for 2s while it was erased", "destroyed")
	close(release)
	writes.Wait()
	time.Sleep(50 * time.Millisecond)
	if len(hung) > 1 {
		t.Error("more was written after the drive was given up")
	}
	if got := f.Outcomes()[1].Verdict; got != wipe.Failed {
		t.Errorf("the verdict has changed to %s", got)
	}
}

// A drive that hangs before anything was sent never gets anything sent.
func TestHangBefore(t *testing.T) {
	d := newDisk(t, "S1", mib, 512)
	b := benchOf(d)
	p := b.plan(clearPolicy, d)
	before := bytes.Clone(d.data)
	release := make(chan struct{})
	j := &diary{bench: b, onStart: func() { <-release }}
	f := Start(context.Background(), p, Options{Opener: b, Journal: j, GiveUpAfter: time.Second})
	<-f.Done()
	o := f.Outcomes()[0]
	want(t, o, wipe.Refused, "STARTED")
	close(release)
	held := func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.held }
	for i := 0; held() && i < 1000; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	if held() || !bytes.Equal(before, d.data) {
		t.Errorf("held %t, unchanged %t", held(), bytes.Equal(before, d.data))
	}
}

func TestManyDrivesAtOnce(t *testing.T) {
	var disks []*disk
	for i := range 12 {
		disks = append(disks, newDisk(t, fmt.Sprintf("D%02d", i), 9*mib, 512))
	}
	disks[3].onWrite = func(int64, int) error { return syscall.ENXIO }
	disks[5].identify = func() (drive.Identity, error) { panic("boom") }
	b := benchOf(disks...)
	for i, o := range runPlan(t, b, b.plan(clearPolicy, disks...), nil) {
		switch i {
		case 3:
			want(t, o, wipe.Failed)
		case 5:
			want(t, o, wipe.Refused)
		default:
			want(t, o, wipe.Sanitised)
		}
	}
}

func TestEmptyPlan(t *testing.T) {
	f := Start(context.Background(), wipe.Plan{}, Options{})
	<-f.Done()
	if len(f.Outcomes()) != 0 || len(f.Status()) != 0 {
		t.Error("outcomes of nothing")
	}
}

func TestOutcomesBeforeDone(t *testing.T) {
	d := newDisk(t, "S1", mib, 512)
	release := make(chan struct{})
	d.flush = func() error { <-release; return nil }
	b := benchOf(d)
	f := Start(context.Background(), b.plan(clearPolicy, d), Options{Opener: b, Journal: &diary{bench: b}})
	if f.Outcomes() != nil {
		t.Error("outcomes before the end")
	}
	close(release)
	<-f.Done()
}

package bench

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/function"
	"handback.example/wipe"
)

// The tests that the machine does by itself, from consent on and beside the erasure.
// They take what the erasure leaves over, and end with the visit at the latest: a test
// that had no time is 'not tested', and holds nobody up.

// How much is tested. A virtual machine's processor and memory are its host's: to load
// those longer would show nothing of it.
const (
	memoryMost, virtualMemory = 4 << 30, 16 << 20 // bytes
	memoryTime                = time.Minute       // after it no more is begun
	loadTime, virtualLoad     = time.Minute, 3 * time.Second
	testsEnd                  = 8 * time.Second // to end what runs, a drive's own test too
)

// selfTests of this visit. Their states are the engine's, under its mutex.
type selfTests struct {
	list   []*selfTest
	ctx    context.Context    // of all that run
	cancel context.CancelFunc // nil: they were never begun
	run    sync.WaitGroup
	drives map[string]function.Outcome   // by the drive's name
	erased map[string]function.DriveTest // those that were erased well; of follow alone
	// Drives whose end an earlier start recorded, as they are found now. Their names, which
	// hold a serial, are none of this start's letters.
	earlier map[string]inspect.Drive
}

// selfTest is one of them.
type selfTest struct {
	id        string
	name, ask string
	begun     bool
	outcome   *function.Outcome // nil: it has not ended
	done      float64
}

func newSelfTests() selfTests {
	return selfTests{drives: map[string]function.Outcome{}, erased: map[string]function.DriveTest{}, earlier: map[string]inspect.Drive{}, list: []*selfTest{
		{id: function.IDMemory, name: "Memory", ask: "Does the memory keep what is written to it?"},
		{id: function.IDProcessor, name: "Processor", ask: "Does the processor compute right under load?"},
		{id: function.IDBattery, name: "Battery", ask: "Does the battery carry the machine under load?"},
		{id: function.IDDrives, name: "Drives", ask: "Do the drives pass their own self-test, after the erasure?"},
	}}
}

func (s *selfTests) of(id string) *selfTest {
	i := slices.IndexFunc(s.list, func(t *selfTest) bool { return t.id == id })
	return s.list[i]
}

// startTests begins what needs no drive. Tests of an earlier start of this visit are on
// record and stand.
func (e *Engine) startTests() {
	ctx, cancel := context.WithCancel(e.ctx)
	e.update(func() { e.tests.ctx, e.tests.cancel = ctx, cancel })
	e.findEarlier()
	if e.w.Test == nil {
		return
	}
	memory := function.MemoryTest{Fitted: e.report.Memory.Bytes.Value, Bytes: memoryMost, Time: memoryTime}
	load := function.ProcessorTest{Time: loadTime}
	if h := e.report.Machine.Hypervisor; h.Known && h.Value {
		memory.Bytes, load.Time = virtualMemory, virtualLoad
	}
	e.tests.run.Go(func() {
		e.test(ctx, function.IDMemory, func(tell func(float64)) function.Outcome {
			return e.w.Test(ctx, function.Job{Memory: &memory}, tell)
		})
		loaded, over := context.WithCancel(ctx)
		e.tests.run.Go(func() {
			e.test(ctx, function.IDBattery, func(func(float64)) function.Outcome {
				return e.w.Battery(loaded, e.report.Machine.Kind.Value)
			})
		})
		e.test(ctx, function.IDProcessor, func(tell func(float64)) function.Outcome {
			return e.w.Test(ctx, function.Job{Processor: &load}, tell)
		})
		over()
	})
}

// findEarlier counts the drives that an earlier start of this visit ended with. What it
// had tested is lost, and this start does not erase them: they are not tested.
func (e *Engine) findEarlier() {
	for _, m := range e.book.Summary().Media {
		ref := m.Drive.Ref()
		now := slices.ContainsFunc(erasable(e.plan), func(d wipe.DrivePlan) bool { return sameDrive(evidence.Ref(d.Name, d.Identity), ref) })
		if m.Finished == nil || now {
			continue
		}
		o := function.Outcome{Evidence: "its erasure did not succeed"}
		if m.Verdict == certs.Sanitised {
			o.Evidence = startedAgain
		}
		var found inspect.Drive
		for _, d := range e.report.Drives {
			if m.Verdict == certs.Sanitised && sameDrive(evidence.Ref(ref.Name, d.Identity), ref) {
				found = d
			}
		}
		name := fmt.Sprintf("%s (serial %s)", ref.Name, or(ref.Serial, "unknown"))
		e.update(func() { e.tests.drives[name], e.tests.earlier[name] = o, found })
	}
}

// test runs one, unless the visit has ended or has it on record.
func (e *Engine) test(ctx context.Context, id string, run func(tell func(float64)) function.Outcome) {
	if ctx.Err() != nil || e.onRecord(id) {
		return
	}
	t := e.tests.of(id)
	e.update(func() { t.begun = true })
	o := run(func(done float64) { e.update(func() { t.done = min(max(done, t.done), 1) }) })
	e.update(func() { t.outcome = &o })
	e.say("test", fmt.Sprintf("test %s: %s: %s", t.name, o.Result, o.Evidence), "id", id, "result", o.Result)
}

func (e *Engine) onRecord(id string) bool {
	return slices.ContainsFunc(e.book.Summary().Tests, func(t certs.Tested) bool { return t.Question == id })
}

// testDrive has a drive that was erased test itself, while others are still erased. The
// namespaces of one NVMe drive are tested as one, after the last of them.
func (e *Engine) testDrive(o wipe.Outcome, as inspect.Drive) {
	name := o.Drive.Name
	if o.Verdict != wipe.Sanitised {
		e.tested(name, function.Outcome{Evidence: "its erasure did not succeed"})
	} else {
		e.tests.erased[name] = function.DriveTest{Opener: e.w.Tester, Drive: as, Identity: o.After}
	}
	if e.w.Tester == nil || e.onRecord(function.IDDrives) {
		return
	}
	var ready []string
	for _, n := range e.oneDrive(name, as) {
		if !e.told[n] {
			return
		}
		if _, erased := e.tests.erased[n]; erased {
			ready = append(ready, n)
		}
	}
	if len(ready) == 0 {
		return
	}
	test := e.tests.erased[ready[0]]
	for n, d := range e.tests.earlier {
		if oneController(d, as) {
			ready = append(ready, n)
		}
	}
	e.tests.run.Go(func() {
		out := test.Run(e.tests.ctx)
		for _, n := range ready {
			e.tested(n, out)
		}
	})
}

// oneDrive names what this start erases of the same NVMe drive; of others the drive alone.
func (e *Engine) oneDrive(name string, as inspect.Drive) (names []string) {
	for _, d := range erasable(e.plan) {
		if d.Name == name || oneController(evidence.Find(e.report.Drives, d.Identity), as) {
			names = append(names, d.Name)
		}
	}
	return names
}

// oneController tells that both are namespaces of one NVMe drive.
func oneController(a, b inspect.Drive) bool {
	return a.NVMe != nil && b.NVMe != nil && a.NVMe.Controller == b.NVMe.Controller && a.NVMe.Controller != ""
}

// tested keeps what one drive's test came to. The whole has ended once each drive's has.
func (e *Engine) tested(name string, o function.Outcome) {
	e.say("test", fmt.Sprintf("test of drive %s: %s: %s", name, o.Result, o.Evidence), "id", function.IDDrives, "drive", name, "result", o.Result)
	e.update(func() {
		e.tests.drives[name] = o
		t, n := e.tests.of(function.IDDrives), len(erasable(e.plan))+len(e.tests.earlier)
		t.begun, t.done = true, float64(len(e.tests.drives))/float64(max(n, 1))
		if len(e.tests.drives) >= n {
			all := allDrives(e.tests.drives)
			t.outcome = &all
		}
	})
}

// mostDrives are named in one result.
const mostDrives = 12

// allDrives makes one result of every drive's: the worst of them, and first what is
// said of the worst.
func allDrives(each map[string]function.Outcome) function.Outcome {
	worst := []function.Result{function.Fail, function.NotTested, function.Pass, function.NotPresent}
	rank := func(name string) int { return slices.Index(worst, each[name].Result) }
	names := slices.SortedFunc(maps.Keys(each), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	if len(names) == 0 {
		return function.Outcome{Evidence: "no drive was erased"}
	}
	all := function.Outcome{Result: each[names[0]].Result}
	var parts []string
	for _, n := range names[:min(len(names), mostDrives)] {
		parts = append(parts, "drive "+n+": "+each[n].Evidence)
	}
	if more := len(names) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more drives, none of them worse", more))
	}
	all.Evidence = strings.Join(parts, "; ")
	return all
}

// endTests ends what still runs.
func (e *Engine) endTests() {
	e.mu.Lock()
	cancel := e.tests.cancel
	e.mu.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	ended := make(chan struct{})
	go func() { e.tests.run.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(testsEnd):
		e.say("tests-hang", "a test does not end: it is left behind")
	}
}

const startedAgain = "the machine was started again before it was tested"

// selfTestRecords are the tests of this machine, each once. What has not ended was not
// tested.
func (e *Engine) selfTestRecords() (list []certs.Record) {
	for _, t := range e.tests.list {
		if e.onRecord(t.id) {
			continue
		}
		e.mu.Lock()
		o := e.unended(t)
		if t.outcome != nil {
			o = *t.outcome
		}
		e.mu.Unlock()
		list = append(list, certs.Record{Kind: certs.KindTested, Tested: evidence.Measured(t.id, t.ask, o)})
	}
	return list
}

// unended is what a test comes to that has no outcome. The caller holds the mutex.
func (e *Engine) unended(t *selfTest) (o function.Outcome) {
	switch {
	case e.tests.cancel == nil && e.resumed:
		o.Evidence = startedAgain
	case e.tests.cancel == nil:
		o.Evidence = "nothing was erased: tests run beside an erasure"
	case len(e.tests.drives) > 0 && t.id == function.IDDrives:
		all := allDrives(e.tests.drives)
		o.Evidence = all.Evidence + "; the visit ended before the other drives were tested"
		if all.Result == function.Fail {
			o.Result = function.Fail // whatever the others would have come to
		}
	case t.begun:
		o.Evidence = "the visit ended before the test did"
	default:
		o.Evidence = "the visit ended before the test began"
	}
	return o
}

// measured are the tests on record, for the grade.
func measured(s certs.Summary) map[string]function.Outcome {
	out := map[string]function.Outcome{}
	for _, t := range s.Tests {
		var o function.Outcome
		if t.Kind == certs.TestAutomatic && o.Result.UnmarshalText([]byte(t.Result)) == nil {
			o.Evidence = t.Evidence
			out[t.Question] = o
		}
	}
	return out
}

// testViews for the screens. The caller holds the mutex.
func (e *Engine) testViews() (list []wire.Test) {
	for _, t := range e.tests.list {
		v := wire.Test{Name: t.name}
		switch o := t.outcome; {
		case o != nil:
			v.Mark = map[function.Result]wire.Mark{function.Pass: wire.MarkOK, function.Fail: wire.MarkBad, function.NotTested: wire.MarkUnknown}[o.Result]
			v.Note = map[function.Result]string{function.NotTested: "not tested", function.NotPresent: "none", function.Fail: "FAILED"}[o.Result]
		case t.begun:
			if v.Mark = wire.MarkBusy; t.done > 0 {
				v.Note = fmt.Sprintf("%.0f %%", 100*t.done)
			}
		}
		list = append(list, v)
	}
	return list
}

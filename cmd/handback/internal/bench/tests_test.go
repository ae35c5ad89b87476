package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/drive/linux"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/nvme"
	"handback.example/inspect/function"
	"handback.example/inspect/survey"
	"handback.example/wipe"
	"handback.example/wipe/tpm"
)

// startTesting is start with tests of this kind.
func (b *bed) startTesting(test func(context.Context, function.Job, func(float64)) function.Outcome) (*Engine, chan End) {
	w := b.world()
	w.Battery = function.Battery
	w.Test, w.Tester = test, linux.Opener{}
	e := New(w)
	end := make(chan End, 1)
	go func() { end <- e.Run(b.t.Context()) }()
	return e, end
}

// toGrade goes on from the gate until the drives are done.
func (b *bed) toGrade(e *Engine) {
	b.t.Helper()
	v := b.toAgree(e)
	must(b.t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	toStage(b.t, e, wire.StageGrade)
}

// automatic are the tests of the machine by itself, by their IDs.
func automatic(t *testing.T, rs []certs.Record) map[string]certs.Tested {
	t.Helper()
	out := map[string]certs.Tested{}
	for _, r := range rs {
		if r.Tested == nil || r.Tested.Kind != certs.TestAutomatic {
			continue
		}
		if _, twice := out[r.Tested.Question]; twice {
			t.Errorf("%s is recorded twice", r.Tested.Question)
		}
		out[r.Tested.Question] = *r.Tested
	}
	return out
}

func tests(v wire.View) (s string) {
	for _, t := range v.Tests {
		s += fmt.Sprintf("%s=%s ", t.Name, t.Mark)
	}
	return s
}

// What the machine finds out by itself is on the screen, on record and in the grade.
func TestSelfTests(t *testing.T) {
	b := newBed(t, "alpha", "bravo")
	e, _ := b.startTesting(func(_ context.Context, j function.Job, tell func(float64)) function.Outcome {
		tell(0.5)
		switch {
		case j.Memory != nil && j.Memory.Bytes == virtualMemory:
			return function.Outcome{Result: function.Pass, Evidence: "64 MB"}
		case j.Processor != nil && j.Processor.Time == virtualLoad:
			return function.Outcome{Result: function.Fail, Evidence: "core 1 computed a wrong answer"}
		}
		return function.Outcome{}
	})
	b.toGrade(e)
	until(t, "the tests to end", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return !slices.ContainsFunc(e.tests.list, func(s *selfTest) bool { return s.outcome == nil })
	})
	if got := tests(e.View()); !strings.HasPrefix(got, "Memory=ok Processor=bad ") {
		t.Errorf("the screen has %s", got)
	}
	must(t, e, wire.Intent{Kind: wire.IntentFinish})
	v := toStage(t, e, wire.StageResult)
	rs := b.records(v.Visit)
	got := automatic(t, rs)
	if m, p := got[function.IDMemory], got[function.IDProcessor]; m.Result != certs.TestPass || m.Evidence != "64 MB" || p.Result != certs.TestFail {
		t.Errorf("memory %+v, processor %+v", m, p)
	}
	d := got[function.IDDrives]
	if d.Result != certs.TestNotPresent || !strings.HasPrefix(d.Evidence, "drive A: a drive of this kind has no self-test; reads ") || !strings.Contains(d.Evidence, "; drive B: ") {
		t.Errorf("drives %+v", d)
	}
	if bt, had := got[function.IDBattery]; !had || bt.Result == certs.TestPass {
		t.Errorf("battery %+v", bt)
	}
	g := certs.Summarise(rs).Graded
	for _, in := range g.Inputs {
		if want, named := map[string]string{"memory": "tested: 64 MB", "processor": "test FAILED: core 1 computed a wrong answer"}[in.Name]; named && !strings.HasSuffix(in.Value, want) {
			t.Errorf("the grade saw %s: %s", in.Name, in.Value)
		}
	}
	if g.Function != "below F3" && g.Function != "not tested" {
		t.Errorf("function %s", g.Function)
	}
}

// Nobody waits for a test: what has not ended with the visit was not tested, and what
// comes after a restart is not tested twice.
func TestSelfTestsCut(t *testing.T) {
	b := newBed(t, "alpha")
	b.set.Unattended = true
	var begun atomic.Int32
	hold := func(ctx context.Context, _ function.Job, _ func(float64)) function.Outcome {
		begun.Add(1)
		<-ctx.Done()
		return function.Outcome{Evidence: "the test was stopped; before that 0 MB were tested"}
	}
	b.tpm = func() tpm.Outcome {
		return tpm.Outcome{Result: tpm.Pending, How: "physical presence interface", Note: &tpm.Note{Operation: 5, SRKBefore: "000b01"}}
	}
	b.resume = func(tpm.Note) tpm.Outcome { return tpm.Outcome{Result: tpm.Cleared} }
	for boot, want := range []End{EndReboot, EndPowerOff} {
		e, end := b.startTesting(hold)
		if how := <-end; how != want {
			t.Fatalf("boot %d ends with %v", boot, how)
		}
		got := automatic(t, b.records(e.View().Visit))
		for _, id := range []string{function.IDMemory, function.IDProcessor} {
			if x, had := got[id]; !had || x.Result != certs.TestNotTested || x.Evidence == "" {
				t.Errorf("boot %d: %s: %+v", boot, id, x)
			}
		}
	}
	if n := begun.Load(); n > 1 {
		t.Errorf("%d tests were begun", n)
	}
}

// A drive that the start before the power cut erased was not tested, or nobody knows what
// came of it: the drives as a whole have not passed.
func TestDriveTestLostToAPowerCut(t *testing.T) {
	const tests = "[nvme.self_test]\nsupported = true\n"
	second := strings.NewReplacer("NVME1", "NVME2", "0102030405060708", "0102030405060709").Replace(fmt.Sprintf(modelNVMe, "3s"))
	m := newModelBed(t, fmt.Sprintf(modelNVMe, "100ms")+tests, second+tests)
	e, _, cut := m.startWith(m.host)
	m.agree(e)
	visit := e.View().Visit
	until(t, "one drive's end on the stick", func() bool { return certs.Summarise(m.records(visit)).Sanitised == 1 })
	m.powerCut(cut)
	e, _, _ = m.startWith(m.host)
	m.agree(e)
	toStage(t, e, wire.StageGrade)
	until(t, "the tests' end", func() bool { v := e.View().Tests; return v[len(v)-1].Mark == wire.MarkUnknown })
	rs, s := m.result(e)
	d := automatic(t, rs)[function.IDDrives]
	if s.Sanitised != 2 || d.Result != certs.TestNotTested ||
		!strings.HasPrefix(d.Evidence, "drive A (serial NVME1): "+startedAgain+"; drive B: short self-test passed after ") {
		t.Errorf("%d drives sanitised; %+v", s.Sanitised, d)
	}
}

func TestAllDrives(t *testing.T) {
	passed, failed := function.Outcome{Result: function.Pass, Evidence: "passed"}, function.Outcome{Result: function.Fail, Evidence: "failed"}
	none, cut := function.Outcome{Result: function.NotPresent, Evidence: "has none"}, function.Outcome{Evidence: "cut"}
	many := map[string]function.Outcome{"AA": failed}
	for c := 'A'; c <= 'Z'; c++ {
		many[string(c)] = passed
	}
	for name, c := range map[string]struct {
		each map[string]function.Outcome
		want function.Outcome
	}{
		"none":              {nil, function.Outcome{Evidence: "no drive was erased"}},
		"good":              {map[string]function.Outcome{"A": passed, "B": none}, function.Outcome{Result: function.Pass, Evidence: "drive A: passed; drive B: has none"}},
		"one was cut":       {map[string]function.Outcome{"A": passed, "B": cut}, function.Outcome{Evidence: "drive B: cut; drive A: passed"}},
		"one failed":        {map[string]function.Outcome{"A": cut, "B": passed, "C": failed}, function.Outcome{Result: function.Fail, Evidence: "drive C: failed; drive A: cut; drive B: passed"}},
		"none has any test": {map[string]function.Outcome{"A": none}, function.Outcome{Result: function.NotPresent, Evidence: "drive A: has none"}},
	} {
		if got := allDrives(c.each); got != c.want {
			t.Errorf("%s: %v: %s", name, got.Result, got.Evidence)
		}
	}
	// The visit ends before the last drive's test does: a failure stays one.
	for o, want := range map[function.Outcome]function.Result{passed: function.NotTested, failed: function.Fail} {
		e := New(World{})
		e.tests.cancel = func() {}
		e.tests.drives["A"] = o
		if got := e.unended(e.tests.of(function.IDDrives)); got.Result != want || !strings.HasPrefix(got.Evidence, "drive A: "+o.Evidence+"; the visit ended") {
			t.Errorf("%v: %s", got.Result, got.Evidence)
		}
	}
	if got := allDrives(many); got.Result != function.Fail || !strings.HasPrefix(got.Evidence, "drive AA: failed; drive A: passed; ") || !strings.HasSuffix(got.Evidence, "drive K: passed; and 15 more drives, none of them worse") {
		t.Errorf("%v: %s", got.Result, got.Evidence)
	}
}

// jobVariable makes this test's own program a process that tests.
const jobVariable = "HANDBACK_BENCH_TEST_JOB"

// A test runs in a process of its own, at the lowest priority, and whatever becomes of
// that process is said.
func TestProcesses(t *testing.T) {
	job, err := json.Marshal(function.Job{Memory: &function.MemoryTest{Fitted: 1 << 30, Bytes: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	real := exec.CommandContext(t.Context(), os.Args[0])
	real.Env = append(os.Environ(), jobVariable+"="+string(job))
	last := -1.0
	if o := runTest(t.Context(), real, func(d float64) { last = d; isIdle(t, real.Process.Pid) }); o.Result != function.Pass || !strings.HasPrefix(o.Evidence, "1 MB of 1.0 GB written and read back") || last != 1 {
		t.Errorf("%v: %s, at %v", o.Result, o.Evidence, last)
	}
	for script, want := range map[string]string{
		`kill -SEGV $$`:      "the test ended by itself without a result: signal: segmentation fault",
		`echo '{"done":'`:    "the test ended by itself without a result: it said nothing",
		`yes '{"done":0.5}'`: "the test ended by itself without a result: ",
		`echo '{"outcome":{"result":"perfect"}}'; exit 3`: "the test ended by itself without a result: exit status 3",
		`/nonexistent`: "the test ended by itself without a result: exit status 127",
	} {
		if o := runTest(t.Context(), exec.CommandContext(t.Context(), "sh", "-c", script), func(float64) {}); o.Result != function.NotTested || !strings.HasPrefix(o.Evidence, want) {
			t.Errorf("%s: %v: %s", script, o.Result, o.Evidence)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, stop)
	began := time.Now()
	if o := runTest(ctx, exec.CommandContext(ctx, "sh", "-c", "exec sleep 60"), func(float64) {}); o.Result != function.NotTested || o.Evidence != "the visit ended before the test did" {
		t.Errorf("%v: %s", o.Result, o.Evidence)
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("it was waited for %s", d)
	}
}

// isIdle: every thread of a process runs when nobody else wants the processor.
func isIdle(t *testing.T, pid int) {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil || len(tasks) == 0 {
		t.Errorf("threads of process %d: %v", pid, err)
	}
	for _, task := range tasks {
		id, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		a, err := unix.SchedGetAttr(id, 0)
		if errors.Is(err, unix.ESRCH) {
			continue // it has just ended
		}
		if err != nil || a.Policy != unix.SCHED_IDLE {
			t.Errorf("thread %d of the test: %+v, %v", id, a, err)
		}
	}
}

// Namespaces of one NVMe drive are tested once, after the last of them, and with them the
// one that an earlier start erased; one that was not erased well is not tested at all.
func TestNamespacesAreOneDrive(t *testing.T) {
	host := inproc.NewHost(nil)
	d, err := nvme.New(nvme.Config{Serial: "SERIAL2", Model: "Model NVMe", Firmware: "FW 1.00", SelfTest: nvme.SelfTest{Supported: true},
		Namespaces: []nvme.Namespace{{ID: 1, Bytes: 1 << 20, Attached: true}, {ID: 2, Bytes: 1 << 20, Attached: true}, {ID: 3, Bytes: 1 << 20, Attached: true}}})
	if err != nil {
		t.Fatal(err)
	}
	e := New(World{Tester: host, Now: time.Now})
	b := newBed(t)
	e.report = &inspect.Report{}
	if e.book, err = evidence.Begin(t.Context(), b.store, b.signer, certs.Intake{Operator: "op"}, evidence.Now); err != nil {
		t.Fatal(err)
	}
	e.tests.ctx = t.Context()
	const early, other = "Z (serial SERIAL2)", "Y (serial SERIAL9)"
	for name, controller := range map[string]string{early: "/dev/nvme0", other: "/dev/nvme1"} {
		e.tests.earlier[name] = inspect.Drive{NVMe: &inspect.NVMe{Controller: controller}}
		e.tests.drives[name] = function.Outcome{Evidence: startedAgain}
	}
	var all []wipe.Outcome
	for n := range uint32(3) {
		path := fmt.Sprintf("/dev/nvme0n%d", n+1)
		if err := host.AttachNVMe(path, d, n+1); err != nil {
			t.Fatal(err)
		}
		x := survey.Ask(t.Context(), host, path)[0]
		x.NVMe.Controller = "/dev/nvme0"
		e.report.Drives = append(e.report.Drives, x)
		p := wipe.DrivePlan{Name: string(rune('A' + n)), Path: path, Identity: x.Identity, Ladder: []wipe.Step{{}}}
		e.plan.Drives = append(e.plan.Drives, p)
		all = append(all, wipe.Outcome{Drive: p, Verdict: wipe.Sanitised, After: x.Identity})
	}
	all[1].Verdict = wipe.Failed
	for i, o := range all {
		e.told[o.Drive.Name] = true
		e.testDrive(o, e.report.Drives[i])
		e.tests.run.Wait()
		if o := e.tests.of(function.IDDrives).outcome; (o != nil) != (i == 2) {
			t.Fatalf("after drive %d the outcome is %v", i, o)
		}
	}
	got := e.tests.drives
	if got["A"].Result != function.Pass || got["A"] != got["C"] || got["B"] != (function.Outcome{Evidence: "its erasure did not succeed"}) ||
		got[early] != got["A"] || got[other] != (function.Outcome{Evidence: startedAgain}) {
		t.Errorf("%+v", got)
	}
}

package nvme

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
)

// nvme sanitize --sanact=N (with the options named).
const (
	sanitizeHead    = "84000000 00000000"
	exitFailure     = "01000000"
	blockErase      = "02000000"
	blockEraseAUSE  = "0a000000"
	cryptoErase     = "04000000"
	overwriteThrice = "33010000 0df0a5a5" // --owpass=3 --oipbp --ovrpat=0xa5a5f00d
)

func TestSanitizeErasesAllButBootPartitions(t *testing.T) {
	c := pair()
	c.Unallocated = mib
	c.Boot = Boot{Bytes: 128 << 10, Active: 1}
	r := start(t, c)
	media := r.Media()
	if len(media) != 5 {
		t.Fatalf("%d media, want two namespaces, the rest and two boot partitions", len(media))
	}
	for _, m := range media {
		r.owner(m, "owner")
	}
	r.logIs("ffff" + "0000" + "00000000") // never, data written
	r.adminIs(0, sanitizeHead, blockErase, 0)
	r.logIs("0000" + "0200" + "02000000")
	r.clock.Advance(50 * time.Second)
	r.logIs("0080" + "0200" + "02000000")
	for i, m := range r.Media()[:3] {
		p := contents(t, m)
		if !all(p[:m.Size()/2], 0) || !bytes.Equal(p[m.Size()/2:], owned(t, m.Size(), "owner")[m.Size()/2:]) {
			t.Errorf("medium %d: at half time not exactly half of it is erased", i)
		}
	}
	r.clock.Advance(50 * time.Second)
	r.logIs("ffff" + "0101" + "02000000")
	for i, m := range r.Media()[:3] {
		if !r.reads(m, 0) {
			t.Errorf("medium %d is not erased", i)
		}
	}
	for i, m := range r.Media()[3:] {
		if !r.holds(m, "owner") {
			t.Errorf("boot partition %d is not as it was", i)
		}
	}
}

func TestSanitizeGoesOnAfterPowerCycleAndReset(t *testing.T) {
	r := start(t, laptop())
	m := r.NamespaceMedium(1)
	r.owner(m, "owner")
	r.adminIs(0, sanitizeHead, blockErase, 0)
	r.clock.Advance(25 * time.Second)
	r.Plug(false)
	r.clock.Advance(time.Hour) // without power nothing happens
	r.Media()
	if p := contents(t, m); !all(p[:mib/4], 0) || !bytes.Equal(p[mib/4:], owned(t, mib, "owner")[mib/4:]) {
		t.Fatal("with the power off it went on, or lost what it had done")
	}
	r.Plug(true)
	r.Reset()
	r.logIs("0040" + "0200" + "02000000")
	r.adminIs(0x1d, "80000000 01000000", "00020000", 0)
	r.clock.Advance(75 * time.Second)
	r.logIs("ffff" + "0101" + "02000000")
	if !r.reads(m, 0) {
		t.Fatal("not erased")
	}
}

func TestOverwritePassesAndTheirPatterns(t *testing.T) {
	r := start(t, laptop())
	m := r.NamespaceMedium(1)
	r.owner(m, "owner")
	r.adminIs(0, sanitizeHead, overwriteThrice, 0)
	r.clock.Advance(40 * time.Second) // the first of three passes
	r.logIs("5555" + "0a00" + "33010000")
	if !r.reads(m, 0x0d, 0xf0, 0xa5, 0xa5) {
		t.Fatalf("pass 1 of 3 left % x", contents(t, m)[:4])
	}
	r.clock.Advance(40 * time.Second)
	r.logIs("aaaa" + "1200" + "33010000")
	if !r.reads(m, 0xf2, 0x0f, 0x5a, 0x5a) {
		t.Fatalf("pass 2 of 3, inverted, left % x", contents(t, m)[:4])
	}
	r.clock.Advance(40 * time.Second)
	r.logIs("ffff" + "1901" + "33010000") // 3 passes, global data erased
	if !r.reads(m, 0x0d, 0xf0, 0xa5, 0xa5) {
		t.Fatalf("pass 3 of 3 left % x", contents(t, m)[:4])
	}
}

func TestOverwriteCountZeroIsSixteen(t *testing.T) {
	r := start(t, laptop())
	r.adminIs(0, sanitizeHead, "03000000 11223344", 0)
	r.clock.Advance(16*40*time.Second - time.Second)
	if log := r.sanitizeLog(); log[4:8] != "7a00" { // 15 passes, running
		t.Fatalf("log %s", log)
	}
	r.clock.Advance(time.Second)
	r.logIs("ffff" + "8101" + "03000000")
	if !r.reads(r.NamespaceMedium(1), 0x11, 0x22, 0x33, 0x44) {
		t.Fatal("not overwritten")
	}
}

func TestCryptoEraseGivesNoiseOfANewKey(t *testing.T) {
	r := start(t, laptop())
	m := r.NamespaceMedium(1)
	r.owner(m, "owner")
	var seen [2][]byte
	for i := range seen {
		r.adminIs(0, sanitizeHead, cryptoErase, 0)
		r.clock.Advance(2 * time.Second)
		r.logIs("ffff" + "0101" + "04000000")
		seen[i] = contents(t, m)
	}
	if n := r.survives(m, "owner"); n > mib/128 { // 1 in 256 is chance
		t.Errorf("%d bytes survive", n)
	}
	if bytes.Equal(seen[0], seen[1]) || all(seen[0], 0) {
		t.Error("each key should give noise of its own")
	}
}

func TestWhatRunsDuringASanitize(t *testing.T) {
	r := start(t, laptop())
	r.owner(r.NamespaceMedium(1), "owner")
	r.adminIs(0, sanitizeHead, blockErase, 0)
	for _, c := range []struct {
		name, head, dwords string
		want               uint16
	}{
		{"Identify controller", "06000000 00000000", "01000000", 0},
		{"Identify namespace", "06000000 01000000", "00000000", 0},
		{"log 01h", "02000000 ffffffff", "01000f00", 0},
		{"log 02h", "02000000 ffffffff", "02007f00", 0},
		{"log 03h", "02000000 ffffffff", "03007f00", 0x1d},
		{"log 04h", "02000000 ffffffff", "0400ff03", 0},
		{"log 05h", "02000000 ffffffff", "0500ff03", 0x1d},
		{"log 81h", "02000000 ffffffff", "81007f00", 0},
		{"Set Features, number of queues", "09000000 00000000", "07000000 03000300", 0},
		{"Get Features, number of queues", "0a000000 00000000", "07000000", 0},
		{"Keep Alive", "18000000 00000000", "", 0},
		{"Abort", "08000000 00000000", "00000100", 0},
		{"Format", "80000000 01000000", "00020000", 0x1d},
		{"Sanitize", sanitizeHead, cryptoErase, 0x1d},
		{"exit failure mode", sanitizeHead, exitFailure, 0x1d},
		{"Firmware Commit", "10000000 00000000", "", 0x1d},
		{"Security Receive", "82000000 00000000", "00000001 00020000", 0x1d},
		{"Namespace Management", "0d000000 00000000", "", 0x1d},
		{"Device Self-test", "14000000 ffffffff", "01000000", 0x1d},
	} {
		if a := r.admin(c.head, c.dwords, 4096); a.Status != c.want {
			t.Errorf("%s: status %#x, want %#x", c.name, a.Status, c.want)
		}
	}
	for name, c := range map[string]struct {
		head string
		want uint16
	}{"Read": {"02000000 01000000", 0x1d}, "Write": {"01000000 01000000", 0x1d}, "Flush": {"00000000 01000000", 0},
		"Dataset Management": {"09000000 01000000", 0x1d}, "Write Zeroes": {"08000000 01000000", 0x1d}} {
		if a := r.io(c.head, "", 512, make([]byte, 512)...); a.Status != c.want {
			t.Errorf("%s: status %#x, want %#x", name, a.Status, c.want)
		}
	}
	if !r.holds(r.NamespaceMedium(1), "owner") {
		t.Error("a refused command changed the medium")
	}
}

func TestRestrictedFailureIsLeftOnlyByAnotherSanitize(t *testing.T) {
	r := start(t, laptop(), sim.Fault{When: sim.When{Erases: true, Times: 1}, Do: sim.Action{FailAt: 0.25}})
	m := r.NamespaceMedium(1)
	r.owner(m, "owner")
	r.adminIs(0, sanitizeHead, blockErase, 0)
	r.clock.Advance(time.Hour)
	r.logIs("ffff" + "0300" + "02000000")
	if p := contents(t, m); !all(p[:mib/4], 0) || !bytes.Equal(p[mib/4:], owned(t, mib, "owner")[mib/4:]) {
		t.Error("a quarter should be erased, the rest should not")
	}
	r.PowerCycle() // it stays failed
	r.adminIs(0x1c, sanitizeHead, exitFailure, 0)
	r.adminIs(0x1c, sanitizeHead, blockEraseAUSE, 0)
	r.adminIs(0x1c, "80000000 01000000", "00020000", 0)
	r.ioIs(0x1c, "02000000 01000000", "", 512)
	r.logIs("ffff" + "0300" + "02000000")
	r.adminIs(0, sanitizeHead, cryptoErase, 0)
	r.clock.Advance(2 * time.Second)
	r.logIs("ffff" + "0101" + "04000000")
	r.ioIs(0, "02000000 01000000", "", 512)
}

func TestUnrestrictedFailureCanBeExited(t *testing.T) {
	r := start(t, laptop(), sim.Fault{When: sim.When{Erases: true, Times: 1}, Do: sim.Action{FailAt: 0.25}})
	r.owner(r.NamespaceMedium(1), "owner")
	r.adminIs(0, sanitizeHead, blockEraseAUSE, 0)
	r.clock.Advance(time.Hour)
	r.logIs("ffff" + "0300" + "0a000000")
	r.ioIs(0x1c, "02000000 01000000", "", 512)
	r.adminIs(0, sanitizeHead, exitFailure, 0)
	r.logIs("ffff" + "0300" + "0a000000") // the most recent one failed all the same
	a := r.ioIs(0, "02000000 01000000", "ff070000", 512)
	if !bytes.Equal(a.In, owned(t, mib, "owner")[mib-512:]) {
		t.Error("the last block should be as its owner left it")
	}
}

func TestExitFailureModeRefusedByCharacter(t *testing.T) {
	c := laptop()
	c.Sanitize.NoExit = true
	c.Past = Past{State: "failed", CDW10: 0x0000000a}
	r := start(t, c)
	r.adminIs(0x1c, sanitizeHead, exitFailure, 0)
}

func TestSanitizeThatNeverWas(t *testing.T) {
	r := start(t, laptop())
	r.adminIs(0, sanitizeHead, exitFailure, 0) // nothing failed: success, and nothing else
	r.logIs("ffff" + "0000" + "00000000")
	c := laptop()
	c.Past.Pristine = true
	r = start(t, c)
	r.logIs("ffff" + "0001" + "00000000")
	r.adminIs(0, sanitizeHead, blockErase, 0)
	r.logIs("0000" + "0200" + "02000000") // while it runs nothing is said to be erased
	r.clock.Advance(100 * time.Second)
	r.logIs("ffff" + "0101" + "02000000")
	r = start(t, c)
	r.ioIs(0, "01000000 01000000", "", 0, make([]byte, 512)...)
	r.logIs("ffff" + "0000" + "00000000")
}

func TestSanitizeFoundRunning(t *testing.T) {
	c := laptop()
	c.Past = Past{State: "running", CDW10: 0x02, Progress: 0.5}
	r := start(t, c)
	r.logIs("0080" + "0200" + "02000000")
	r.clock.Advance(50 * time.Second)
	r.logIs("ffff" + "0101" + "02000000")
}

func TestPastStates(t *testing.T) {
	for state, want := range map[string]string{
		"completed": "ffff190133010000", "deallocated": "ffff1c0133010000", "failed": "ffff030133010000"} {
		c := laptop()
		c.Past = Past{State: state, CDW10: 0x00000133, Pristine: true}
		r := start(t, c)
		if got := r.sanitizeLog(); got != want {
			t.Errorf("%s: %s", state, got)
		}
	}
}

func TestSanitizeRefusals(t *testing.T) {
	c := laptop()
	c.Sanitize = Sanitize{Block: true, NDI: true}
	r := start(t, c)
	r.owner(r.NamespaceMedium(1), "owner")
	for name, dw := range map[string]string{"reserved 0": "00000000", "reserved 6": "06000000", "reserved 7": "07000000",
		"no crypto": cryptoErase, "no overwrite": overwriteThrice, "exit verification": "05000000",
		"no deallocation inhibited": "02020000", "no verification": "02040000"} {
		if a := r.admin(sanitizeHead, dw, 0); a.Status != 0x4002 {
			t.Errorf("%s: status %#x", name, a.Status)
		}
	}
	r.logIs("ffff" + "0000" + "00000000")
	if !r.holds(r.NamespaceMedium(1), "owner") {
		t.Error("a refused sanitize erased")
	}
	c.Sanitize = Sanitize{}
	r = start(t, c)
	r.adminIs(0x4001, sanitizeHead, blockErase, 0)
	r.adminIs(0x4109, "02000000 ffffffff", "81007f00", 512)
}

func TestUnexpectedDeallocation(t *testing.T) {
	c := laptop()
	c.Sanitize = Sanitize{Block: true, NDI: true}
	r := start(t, c)
	var events []uint32
	r.OnEvent(func(e uint32) { events = append(events, e) })
	r.adminIs(0, "09000000 00000000", "17000000 01000000", 0) // No-Deallocate Response Mode
	r.adminIs(0, sanitizeHead, "02020000", 0)
	r.logIs("ffff" + "0401" + "02020000")
	if len(events) != 1 || events[0] != 0x00810206 {
		t.Errorf("events %#x", events)
	}
}

func TestMediaVerification(t *testing.T) {
	c := laptop()
	c.Sanitize = Sanitize{Block: true, Verify: true}
	r := start(t, c)
	var events []uint32
	r.OnEvent(func(e uint32) { events = append(events, e) })
	r.owner(r.NamespaceMedium(1), "owner")
	r.adminIs(0, sanitizeHead, "02040000", 0)
	r.logIs("ffff" + "0201" + "02040000")
	if a := r.ioIs(0, "02000000 01000000", "", 512); !all(a.In, 0) {
		t.Error("what waits for verification is erased and can be read")
	}
	r.ioIs(0x1d, "01000000 01000000", "", 0, make([]byte, 512)...)
	r.adminIs(0x4002, sanitizeHead, blockErase, 0)
	r.adminIs(0, sanitizeHead, "05000000", 0)
	r.logIs("ffff" + "0101" + "02040000")
	if len(events) != 2 || events[0] != 0x00810306 || events[1] != 0x00810106 {
		t.Errorf("events %#x", events)
	}
}

func TestResetCancelsMediaVerification(t *testing.T) {
	c := laptop()
	c.Sanitize = Sanitize{Block: true, Verify: true}
	r := start(t, c)
	r.adminIs(0, sanitizeHead, "02040000", 0)
	r.Reset()
	r.logIs("ffff" + "0103" + "02040000")
}

// Some drives stand at this number for hours.
func TestSanitizeSticksAt655(t *testing.T) {
	for name, stick := range map[string]float64{"exactly": 655. / 65536, "a hundredth": 0.01} {
		r := start(t, laptop(), sim.Fault{When: sim.When{Opcode: ptr(byte(0x84))}, Do: sim.Action{StickAt: stick}})
		m := r.NamespaceMedium(1)
		r.owner(m, "owner")
		r.adminIs(0, sanitizeHead, overwriteThrice, 0)
		for range 3 {
			r.clock.Advance(24 * time.Hour)
			if got := r.sanitizeLog(); got != "8f02"+"0200"+"33010000" {
				t.Fatalf("%s: log %s", name, got)
			}
		}
		if n := r.survives(m, "owner"); n < mib*9/10 {
			t.Errorf("%s: only %d bytes survive", name, n)
		}
	}
}

func TestSanitizeThatLies(t *testing.T) {
	lie := func(a sim.Action) *rig {
		r := start(t, pair(), sim.Fault{When: sim.When{Erases: true}, Do: a})
		r.owner(r.NamespaceMedium(1), "owner")
		r.owner(r.NamespaceMedium(2), "other")
		r.adminIs(0, sanitizeHead, blockErase, 0)
		r.clock.Advance(100 * time.Second)
		return r
	}
	r := lie(sim.Action{Pretend: true})
	r.logIs("ffff" + "0000" + "00000000") // the log knows of nothing
	if !r.holds(r.NamespaceMedium(1), "owner") {
		t.Error("pretended, and erased")
	}
	r = lie(sim.Action{KeepAll: true})
	r.logIs("ffff" + "0101" + "02000000")
	if !r.holds(r.NamespaceMedium(1), "owner") || !r.holds(r.NamespaceMedium(2), "other") {
		t.Error("all should be kept")
	}
	// What is kept is counted through the media: here the second one's first half.
	r = lie(sim.Action{Keep: []sim.Range{{Off: mib, Len: mib / 2}}})
	r.logIs("ffff" + "0101" + "02000000")
	if !r.reads(r.NamespaceMedium(1), 0) {
		t.Error("namespace 1 should be erased")
	}
	p := contents(t, r.NamespaceMedium(2))
	if !bytes.Equal(p[:mib/2], owned(t, mib, "other")[:mib/2]) || !all(p[mib/2:], 0) {
		t.Error("half of namespace 2 should be left")
	}
}

func TestDataThatReappear(t *testing.T) {
	r := start(t, laptop(), sim.Fault{When: sim.When{Erases: true}, Do: sim.Action{Reappear: time.Hour}})
	m := r.NamespaceMedium(1)
	r.owner(m, "owner")
	r.adminIs(0, sanitizeHead, cryptoErase, 0)
	r.clock.Advance(2 * time.Second)
	r.logIs("ffff" + "0101" + "04000000")
	if n := r.survives(m, "owner"); n > mib/128 {
		t.Errorf("%d bytes survive", n)
	}
	r.clock.Advance(time.Hour)
	r.logIs("ffff" + "0101" + "04000000")
	if !r.holds(m, "owner") {
		t.Error("the data should be back")
	}
}

func TestEstimatesOfSanitize(t *testing.T) {
	r := start(t, laptop())
	a := r.adminIs(0, "02000000 ffffffff", "81007f00", 512)
	want := unhex(t, "80020000 64000000 02000000 ffffffff ffffffff ffffffff ffffffff 00") // 16 passes of 40 s, 100 s, 2 s
	if !bytes.Equal(a.In[8:37], want) {
		t.Errorf("estimates % x", a.In[8:37])
	}
	c := laptop()
	c.Sanitize.NODMMAS, c.Sanitize.ModifyTime = 2, 10*time.Second
	c.Sanitize.Overwrite = false
	r = start(t, c)
	a = r.adminIs(0, "02000000 ffffffff", "81007f00", 512)
	want = unhex(t, "ffffffff 64000000 02000000 ffffffff 6e000000 0c000000 ffffffff 00")
	if !bytes.Equal(a.In[8:37], want) {
		t.Errorf("estimates % x", a.In[8:37])
	}
	r.adminIs(0, sanitizeHead, "02020000", 0)
	r.clock.Advance(105 * time.Second)
	if got := r.sanitizeLog(); got[4:8] != "0200" {
		t.Errorf("log %s: the media are still modified", got)
	}
}

func TestSanitizeEventComesOnceUntilItsLogIsRead(t *testing.T) {
	r := start(t, laptop())
	var events []uint32
	r.OnEvent(func(e uint32) { events = append(events, e) })
	finish := func() {
		r.adminIs(0, sanitizeHead, cryptoErase, 0)
		r.clock.Advance(2 * time.Second)
		r.adminIs(0, "18000000 00000000", "", 0)
	}
	finish()
	r.adminIs(0, "02000000 ffffffff", "81807f00", 512) // Retain Asynchronous Event
	if len(events) != 1 || events[0] != 0x00810106 {
		t.Fatalf("events %#x", events)
	}
	finish()
	if len(events) != 2 {
		t.Errorf("a new sanitize clears the old event: %#x", events)
	}
}

func TestNoAnswerComesWithoutPower(t *testing.T) {
	r := start(t, laptop())
	r.Plug(false)
	_, err := r.Admin(context.Background(), sim.NVMeRequest{SQE: sqe(t, sanitizeHead, blockErase)})
	if !errors.Is(err, sim.ErrGone) {
		t.Errorf("err %v", err)
	}
	r.Plug(true)
	r.logIs("ffff" + "0000" + "00000000")
}

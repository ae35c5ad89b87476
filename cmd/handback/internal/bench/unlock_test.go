package bench

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/keylock/keylocktest"
	"handback.example/cmd/internal/settings"
)

const shiftWords = "seven green bottles"

// lockedStation is a bed whose stick's key is under a passphrase, and that stick.
func lockedStation(t *testing.T, change func(s *Station)) (*bed, func(context.Context) (Station, error)) {
	b := newBed(t, "alpha")
	root, _, cert, key, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	locked := keylocktest.Lock(t, key, shiftWords)
	if b.signer, err = sign.LoadLocked(root, cert); err != nil {
		t.Fatal(err)
	}
	keys := map[string][]byte{settings.RootPEM: root, settings.StickPEM: cert, settings.StickKey: locked}
	return b, func(context.Context) (s Station, err error) {
		s = Station{Settings: b.set, Store: b.store, Image: strings.Repeat("ab", 32)}
		if s.Signer, s.Locked, err = signer(keys, "S01"); err == nil {
			change(&s)
		}
		return s, err
	}
}

// lockedBed runs an engine on such a stick. uptime is its clock.
func lockedBed(t *testing.T, change func(s *Station)) (b *bed, e *Engine, end chan End, uptime *atomic.Int64) {
	b, station := lockedStation(t, change)
	w := b.world()
	uptime = &atomic.Int64{}
	w.Uptime = func() time.Duration { return time.Duration(uptime.Load()) }
	w.Station = station
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	e, end = New(w), make(chan End, 1)
	go func() { end <- e.Run(ctx) }()
	return b, e, end, uptime
}

func unlockWith(text string) wire.Intent { return wire.Intent{Kind: wire.IntentUnlock, Text: text} }

// A locked stick asks before anything else; wrong passphrases cost more and more
// time; the right one lets the visit begin, and its papers are signed.
func TestUnlock(t *testing.T) {
	b, e, _, uptime := lockedBed(t, func(*Station) {})
	v := toStage(t, e, wire.StageUnlock)
	if v.Class != string(sign.Demonstrating) {
		t.Errorf("the class of a locked stick is %q", v.Class)
	}
	// Nothing else can be done.
	for _, i := range []wire.Intent{{Kind: wire.IntentIntake, Form: form("DEF-1")}, {Kind: wire.IntentToAgree}, {Kind: wire.IntentRescan},
		{Kind: wire.IntentConsent, Text: "DEF-1"}, {Kind: wire.IntentFinish}} {
		refused(t, e, i, errLater.Error())
	}
	refused(t, e, unlockWith("Seven green bottles"), "that is not the passphrase of this stick: type it again")
	refused(t, e, unlockWith("eight green bottles"), "type it again")
	refused(t, e, unlockWith("nine green bottles"), "wait 30 seconds")
	uptime.Add(int64(29500 * time.Millisecond))
	refused(t, e, unlockWith(shiftWords), "too many wrong tries: wait 1 second")
	uptime.Add(int64(time.Second))
	refused(t, e, unlockWith("ten green bottles"), "wait 60 seconds")
	uptime.Add(int64(time.Minute))
	if v := e.View(); v.Stage != wire.StageUnlock || v.Visit != "" || !b.untouched() {
		t.Fatalf("a locked stick is at %q, visit %q", v.Stage, v.Visit)
	}
	for _, l := range e.View().Log {
		if strings.Contains(l, "bottles") {
			t.Errorf("the log tells a passphrase: %s", l)
		}
	}
	must(t, e, unlockWith(shiftWords))
	v = b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "questions", func() bool { return len(e.View().Questions) > 0 })
	answerAll(t, e)
	v = toStage(t, e, wire.StageResult)
	b.genuine(v.Result.Papers)
	if rs := b.records(v.Visit); rs[len(rs)-1].Kind != certs.KindCertified {
		t.Errorf("the records are %v", kinds(rs))
	}
	refused(t, e, unlockWith(shiftWords), errLater.Error())
}

// Nobody is asked for the passphrase of a stick for real machines in one that is none.
func TestNoUnlockInAVirtualMachine(t *testing.T) {
	_, e, _, _ := lockedBed(t, func(s *Station) { c := *s.Signer; c.Class = sign.Production; s.Signer = &c })
	until(t, "a page", func() bool { s := e.View().Stage; return s == wire.StageUnlock || s == wire.StageStopped })
	if v := e.View(); v.Stage != wire.StageStopped || !strings.Contains(v.Notice.What, "This is a virtual machine") {
		t.Errorf("at %s: %+v", v.Stage, v.Notice)
	}
}

// The pause grows and has an end.
func TestPause(t *testing.T) {
	for wrong, want := range map[int]time.Duration{0: 0, 2: 0, 3: 30 * time.Second, 4: time.Minute, 5: 2 * time.Minute, 7: 8 * time.Minute, 8: 15 * time.Minute, 1000: 15 * time.Minute} {
		if got := pause(wrong); got != want {
			t.Errorf("after %d wrong tries: %v, want %v", wrong, got, want)
		}
	}
}

func TestUnlockEnds(t *testing.T) {
	t.Run("without a person", func(t *testing.T) {
		b, e, end, _ := lockedBed(t, func(s *Station) { s.Settings.Unattended = true })
		if how := <-end; how != EndPowerOff || e.code != 3 {
			t.Errorf("the end is %v with code %d", how, e.code)
		}
		if n := e.View().Notice; n == nil || !strings.Contains(n.What, "nobody can type its passphrase") || !b.untouched() {
			t.Errorf("the notice is %+v", n)
		}
	})
	t.Run("a damaged key", func(t *testing.T) {
		b, e, _, _ := lockedBed(t, func(s *Station) { s.Locked = s.Locked[:len(s.Locked)/2] })
		toStage(t, e, wire.StageUnlock)
		must(t, e, unlockWith(shiftWords))
		v := toStage(t, e, wire.StageStopped)
		if v.Notice == nil || !strings.Contains(v.Notice.What, "damaged") || !strings.HasPrefix(v.Notice.Do, "Nothing was erased") || !b.untouched() {
			t.Errorf("the notice is %+v", v.Notice)
		}
	})
	t.Run("another stick's key", func(t *testing.T) {
		_, _, _, key, err := sign.Demonstration("S02")
		if err != nil {
			t.Fatal(err)
		}
		other := keylocktest.Lock(t, key, shiftWords)
		_, e, _, _ := lockedBed(t, func(s *Station) { s.Locked = other })
		toStage(t, e, wire.StageUnlock)
		must(t, e, unlockWith(shiftWords))
		if v := toStage(t, e, wire.StageStopped); v.Notice == nil || !strings.Contains(v.Notice.What, "does not belong to its certificate") {
			t.Errorf("the notice is %+v", v.Notice)
		}
	})
	t.Run("switched off", func(t *testing.T) {
		_, e, end, _ := lockedBed(t, func(*Station) {})
		toStage(t, e, wire.StageUnlock)
		must(t, e, wire.Intent{Kind: wire.IntentPowerOff})
		if how := <-end; how != EndPowerOff || e.code != 130 {
			t.Errorf("the end is %v with code %d", how, e.code)
		}
	})
}

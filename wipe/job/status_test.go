package job

import (
	"context"
	"testing"
	"time"

	"handback.example/wipe"
)

func TestSpeedAndEta(t *testing.T) {
	var s speed
	if now, mean := s.rates(); now != 0 || mean != 0 {
		t.Errorf("rates of nothing: %g, %g", now, mean)
	}
	for i := range 40 { // ten seconds before anything moves
		s.note(time.Duration(i)*watchEvery, 0)
	}
	for i := range 400 { // then 100 MB/s for 50 s, 50 MB/s for 50 s
		at := 10*time.Second + time.Duration(i+1)*watchEvery
		done := int64(25e6) * int64(i+1)
		if i >= 200 {
			done = 25e6*200 + 12.5e6*int64(i-199)
		}
		s.note(at, done)
	}
	now, mean := s.rates()
	if now < 49e6 || now > 51e6 || mean < 74e6 || mean > 76e6 {
		t.Errorf("now %g, mean %g", now, mean)
	}
	low, high := eta(7.5e9, now, mean)
	if low < 85*time.Second || low > 95*time.Second || high < 190*time.Second || high > 200*time.Second {
		t.Errorf("%s to %s for what takes 100 to 150 s", low, high)
	}
	if low, high := eta(1e9, 0, mean); low != 0 || high != 0 {
		t.Errorf("%s to %s from a drive that stands still", low, high)
	}
	if _, high := eta(1<<62, 1, 1); high != maxEta {
		t.Errorf("an estimate of %s", high)
	}
}

// What whoever draws it may rely on while a drive is at work.
func TestStatusWhileRunning(t *testing.T) {
	d := newDisk(t, "S1", 64*mib, 512)
	hold, reached := make(chan struct{}), make(chan struct{}, 1)
	d.flush = func() error { reached <- struct{}{}; <-hold; return nil }
	b := benchOf(d)
	f := Start(context.Background(), b.plan(clearPolicy, d), Options{Opener: b, Journal: &diary{bench: b}})
	<-reached
	s := f.Status()[0]
	if s.Name != "A" || s.Phase != wipe.PhaseErasing || s.Done != 64*mib || s.Total != 128*mib || !s.CanStop || s.Stalled || s.Outcome != nil {
		t.Errorf("%+v", s)
	}
	close(hold)
	<-f.Done()
	s = f.Status()[0]
	if s.Done != s.Total || s.Outcome == nil || s.Outcome.Verdict != wipe.Sanitised {
		t.Errorf("%+v", s)
	}
}

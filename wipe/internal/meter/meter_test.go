package meter

import (
	"testing"
	"time"

	"handback.example/wipe"
)

func TestMeter(t *testing.T) {
	m := New()
	if m.Phase() != wipe.PhaseWaiting || m.Total() != 0 || !m.CanStop() {
		t.Errorf("a new meter: %s, %d", m.Phase(), m.Total())
	}
	m.Expect(100)
	m.Enter(wipe.PhaseErasing, false)
	m.Add(40)
	m.Add(2)
	if m.Phase() != wipe.PhaseErasing || m.Done() != 42 || m.Total() != 100 || m.CanStop() {
		t.Errorf("%s, %d of %d", m.Phase(), m.Done(), m.Total())
	}
}

// A command that was announced may be silent for as long as was said, and no longer.
func TestSilence(t *testing.T) {
	m := New()
	time.Sleep(30 * time.Millisecond)
	if s := m.Silence(); s < 30*time.Millisecond {
		t.Errorf("silent for %s after 30 ms", s)
	}
	over := m.Quiet(20 * time.Millisecond)
	if m.Silence() != 0 {
		t.Error("an announced silence counts at once")
	}
	time.Sleep(50 * time.Millisecond)
	if s := m.Silence(); s < 30*time.Millisecond || s >= m.Elapsed() {
		t.Errorf("silent for %s", s)
	}
	over()
	time.Sleep(20 * time.Millisecond)
	if s := m.Silence(); s < 20*time.Millisecond {
		t.Errorf("silent for %s: the announcement was not taken back", s)
	}
}

// A sample is counted by its places, each phase for itself.
func TestShare(t *testing.T) {
	m := New()
	m.Looked()
	if m.Share() != 0 {
		t.Errorf("without a sample: %v", m.Share())
	}
	m.Look(4)
	for _, want := range []float64{0.25, 0.5, 0.75, 1, 1} { // one that is looked at twice counts no more than all
		if m.Looked(); m.Share() != want {
			t.Errorf("%v, want %v", m.Share(), want)
		}
	}
	if m.Enter(wipe.PhaseErasing, false); m.Share() != 0 {
		t.Errorf("the next phase begins at %v", m.Share())
	}
}

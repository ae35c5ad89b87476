package function

import (
	"context"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// Clock by which a drive's own test is waited for.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// wall is the computer's own.
type wall struct{}

func (wall) Now() time.Time { return time.Now() }
func (wall) Sleep(ctx context.Context, d time.Duration) error {
	if !pause(ctx, d) {
		return ctx.Err()
	}
	return nil
}

// DriveTest is the test of one drive.
type DriveTest struct {
	Opener drive.Tester
	// Drive as it was inspected; Identity as it must answer now.
	Drive    inspect.Drive
	Identity drive.Identity
	Clock    Clock // nil: the computer's own
}

// Run measures how fast the drive reads, and has it test itself by its own short
// self-test, which is ended when ctx is. A test that runs already is somebody else's and
// is let alone.
func (t DriveTest) Run(ctx context.Context) Outcome {
	if t.Clock == nil {
		t.Clock = wall{}
	}
	d, err := t.Opener.OpenTest(t.Drive.Path)
	if err != nil {
		return Outcome{NotTested, "it could not be opened: " + err.Error()}
	}
	defer d.Close()
	id, err := d.Identify(ctx)
	switch {
	case err != nil:
		return Outcome{NotTested, "it does not say who it is: " + err.Error()}
	case !id.Same(t.Identity):
		return Outcome{NotTested, "another drive answers in its place"}
	}
	speed, err := readSpeed(ctx, d, t.Drive.Rotational.Value)
	switch {
	case ctx.Err() != nil:
		return Outcome{NotTested, "the visit ended first"}
	case err != nil:
		return Outcome{Fail, err.Error()}
	}
	o := t.self(ctx, d)
	o.Evidence += "; " + speed
	return o
}

// self-test of the drive's own command set.
func (t DriveTest) self(ctx context.Context, d drive.Device) Outcome {
	switch {
	case t.Drive.NVMe != nil:
		return t.short(ctx, d, nvmeTest)
	case t.Drive.ATA != nil:
		return t.short(ctx, d, ataTest)
	case t.Drive.SCSI != nil:
		return t.short(ctx, d, scsiTest)
	}
	return Outcome{NotPresent, "a drive of this kind has no self-test"}
}

// Waits for a drive's own test.
const (
	pollTime  = 2 * time.Second
	abortTime = 5 * time.Second
	// late is how much longer than it says a drive may take: some count only idle time.
	late = 5 * time.Minute
	// quiet is how long a drive may show nothing of a test: not that it runs, nor how it
	// ended.
	quiet = 10 * time.Second
)

// short starts the test and follows it.
func (t DriveTest) short(ctx context.Context, d drive.Transport, s selfTest) Outcome {
	before, err := s.look(ctx, d)
	switch {
	case err != nil:
		return Outcome{NotTested, "it does not tell of self-tests: " + err.Error()}
	case !before.supports:
		return Outcome{NotPresent, "the drive has no self-test"}
	case before.runs:
		return Outcome{NotTested, "a self-test that was begun by somebody else runs in it"}
	}
	began, ran := t.Clock.Now(), false
	shown := began
	if _, err := d.Do(ctx, s.start()); err != nil {
		return Outcome{NotTested, "it did not begin its self-test: " + err.Error()}
	}
	limit := 3*before.expect + late
	for {
		if err := t.Clock.Sleep(ctx, pollTime); err != nil {
			return ended(ctx, d, s, "the visit ended first")
		}
		p, err := s.look(ctx, d)
		took := t.Clock.Now().Sub(began).Round(time.Second)
		switch {
		case errors.Is(err, context.Canceled):
			return ended(ctx, d, s, "the visit ended first")
		case err != nil:
			return ended(ctx, d, s, "it did not answer during its self-test: "+err.Error())
		case p.runs && took > limit:
			return ended(ctx, d, s, fmt.Sprintf("its self-test did not end in %s", took))
		case p.runs:
			shown, ran = t.Clock.Now(), true
			continue
		}
		if e := p.ours(before, ran); e != nil {
			return e.outcome(took)
		}
		switch still := t.Clock.Now().Sub(shown) >= quiet; {
		case still && ran:
			return Outcome{NotTested, "its self-test ran, but the drive shows no result of it"}
		case still:
			return Outcome{NotTested, "the drive took the order to test itself, but shows no test of ours"}
		}
	}
}

func (e ending) outcome(took time.Duration) Outcome {
	switch e.result {
	case Pass:
		return Outcome{Pass, fmt.Sprintf("short self-test passed after %s", took)}
	case Fail:
		return Outcome{Fail, fmt.Sprintf("short self-test failed after %s: %s", took, e.what)}
	}
	return Outcome{NotTested, "its self-test was broken off"}
}

// ended aborts a test that must not go on: the next who asks the drive would find it.
func ended(ctx context.Context, d drive.Transport, s selfTest, why string) Outcome {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancel()
	if _, err := d.Do(ctx, s.abort()); err != nil {
		why += "; it did not take the order to end it: " + err.Error()
	}
	return Outcome{NotTested, why}
}

// Samples of the reading speed: so many, spread over the drive.
const (
	samples     = 16
	sampleBytes = 4 << 20
)

// readSpeed by a few long reads past every cache, spread over the whole drive. One that
// does not rotate may answer for blocks that were erased without reading anything.
func readSpeed(ctx context.Context, m drive.Media, rotates bool) (string, error) {
	size := m.Geometry().Size
	n := min(sampleBytes, size/samples) &^ 4095
	if n <= 0 {
		return "too small to measure how fast it reads", nil
	}
	p := drive.AlignedBuffer(int(n))
	var spent time.Duration
	for i := range int64(samples) {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		at := size / samples * i &^ 4095
		began := time.Now()
		if _, err := m.ReadAt(p, at); err != nil {
			return "", fmt.Errorf("%d bytes at byte %d can't be read: %w", n, at, err)
		}
		spent += time.Since(began)
	}
	speed := fmt.Sprintf("reads %.0f MB/s", float64(n*samples)/1e6/max(spent.Seconds(), 1e-6))
	if !rotates {
		speed += " of erased blocks, which can be faster than data"
	}
	return speed, nil
}

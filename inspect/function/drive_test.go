package function

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	driveata "handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/nvme"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/inspect/drive/sim/scsi"
	"handback.example/inspect/survey"
)

const mib = 1 << 20

// rig is one model of a drive, and a clock that goes as fast as the test waits.
type rig struct {
	host  *inproc.Host
	clock *leaping
	test  DriveTest
}

// leaping moves the drive's clock by what is slept.
type leaping struct {
	*sim.Manual
	after func(slept time.Duration) // called after each sleep
	slept time.Duration
}

func (l *leaping) Sleep(ctx context.Context, d time.Duration) error {
	l.Advance(d)
	l.slept += d
	if l.after != nil {
		l.after(l.slept)
	}
	return ctx.Err()
}

func newRig(t *testing.T, attach func(h *inproc.Host, c sim.Clock) error) *rig {
	t.Helper()
	manual := sim.NewManual()
	r := &rig{host: inproc.NewHost(nil), clock: &leaping{Manual: manual}}
	if err := attach(r.host, manual); err != nil {
		t.Fatal(err)
	}
	found := survey.Ask(t.Context(), r.host, "/dev/model")
	if len(found) != 1 {
		t.Fatalf("%d drives", len(found))
	}
	r.test = DriveTest{Opener: r.host, Drive: found[0], Identity: found[0].Identity, Clock: r.clock}
	return r
}

func ataModel(change func(*ata.Config)) func(*inproc.Host, sim.Clock) error {
	return func(h *inproc.Host, clock sim.Clock) error {
		c := ata.Config{Serial: "SERIAL1", Model: "Model ATA", Firmware: "FW 1.00", WWN: 0x5000c500a1b2c3d4, Clock: clock,
			NativeSectors: 8 * mib / 512, LogicalBlock: 512, PhysicalBlock: 4096, Rotation: 7200}
		if change != nil {
			change(&c)
		}
		d, err := ata.New(c)
		if err != nil {
			return err
		}
		return h.AttachSCSI("/dev/model", drive.BusSATA, sat.New(d, sat.Config{}))
	}
}

func nvmeModel(test nvme.SelfTest) func(*inproc.Host, sim.Clock) error {
	return func(h *inproc.Host, clock sim.Clock) error {
		d, err := nvme.New(nvme.Config{Serial: "SERIAL2", Model: "Model NVMe", Firmware: "FW 1.00", Clock: clock, SelfTest: test,
			Namespaces: []nvme.Namespace{{ID: 1, Bytes: 8 * mib, Attached: true, EUI64: []byte{1, 2, 3, 4, 5, 6, 7, 8}}}})
		if err != nil {
			return err
		}
		return h.AttachNVMe("/dev/model", d, 1)
	}
}

func scsiModel(health scsi.Health) func(*inproc.Host, sim.Clock) error {
	return func(h *inproc.Host, clock sim.Clock) error {
		d, err := scsi.New(scsi.Config{Vendor: "MODEL", Product: "SAS DISK", Revision: "FW10", Serial: "SERIAL3", WWN: 0x5000cca0251f3b60,
			Blocks: 8 * mib / 512, Rotation: 10000, Health: health, Clock: clock})
		if err != nil {
			return err
		}
		return h.AttachSCSI("/dev/model", drive.BusSCSI, d)
	}
}

// Each kind of drive tests itself, and what it finds is what is said of it.
func TestDrives(t *testing.T) {
	for name, c := range map[string]struct {
		attach func(*inproc.Host, sim.Clock) error
		want   Result
		says   string
	}{
		"ATA passes":        {ataModel(nil), Pass, "short self-test passed after 2m0s; reads "},
		"NVMe passes":       {nvmeModel(nvme.SelfTest{Supported: true, Short: 2 * time.Minute}), Pass, "short self-test passed after 2m0s; reads "},
		"SCSI passes":       {scsiModel(scsi.Health{}), Pass, "short self-test passed after 2m0s; reads "},
		"NVMe fails":        {nvmeModel(nvme.SelfTest{Supported: true, Short: 2 * time.Minute, FailsAt: 3}), Fail, "short self-test failed after 2m0s: its log says result 7; reads "},
		"NVMe without one":  {nvmeModel(nvme.SelfTest{}), NotPresent, "the drive has no self-test; reads "},
		"ATA without SMART": {ataModel(func(c *ata.Config) { c.SMART.Off = true }), NotTested, "it does not tell of self-tests: "},
		"NVMe never ends":   {nvmeModel(nvme.SelfTest{Supported: true, Short: 24 * time.Hour}), NotTested, "its self-test did not end in 11m2s; reads "},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.attach)
			if o := r.test.Run(t.Context()); o.Result != c.want || !strings.HasPrefix(o.Evidence, c.says) {
				t.Errorf("%v: %s", o.Result, o.Evidence)
			}
		})
	}
}

// The visit's end ends the test in the drive, too.
func TestDriveStopped(t *testing.T) {
	for name, attach := range map[string]func(*inproc.Host, sim.Clock) error{"ATA": ataModel(nil), "NVMe": nvmeModel(nvme.SelfTest{Supported: true, Short: 2 * time.Minute}), "SCSI": scsiModel(scsi.Health{})} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, attach)
			ctx, stop := context.WithCancel(t.Context())
			r.clock.after = func(slept time.Duration) {
				if slept == 10*time.Second {
					stop()
				}
			}
			if o := r.test.Run(ctx); o.Result != NotTested || !strings.HasPrefix(o.Evidence, "the visit ended first; reads ") {
				t.Errorf("%v: %s", o.Result, o.Evidence)
			}
			r.clock.after = nil
			if o := r.test.Run(t.Context()); o.Result != Pass {
				t.Errorf("after it: %v: %s", o.Result, o.Evidence)
			}
		})
	}
}

// intercepted drives have some commands answered before they reach the model.
type intercepted struct {
	drive.Tester
	do func(d drive.Device, c drive.Command) (handled bool, err error)
}

type interceptedDevice struct {
	drive.Device
	of intercepted
}

func (i intercepted) OpenTest(path string) (drive.Device, error) {
	d, err := i.Tester.OpenTest(path)
	return interceptedDevice{d, i}, err
}

func (d interceptedDevice) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	if handled, err := d.of.do(d.Device, c); handled {
		return drive.Completion{}, err
	}
	return d.Device.Do(ctx, c)
}

// sameFrame tells which command it is.
func sameFrame(c, as drive.Command) bool { return bytes.Equal(c.Frame, as.Frame) }

// kind of drive that tests itself, and where the order to do so says which test is meant.
type kind struct {
	attach          func(*inproc.Host, sim.Clock) error
	test            selfTest
	code            int
	short, extended byte
}

// kinds of drives whose tests take so long.
func kinds(takes time.Duration) map[string]kind {
	return map[string]kind{
		"ATA":  {ataModel(func(c *ata.Config) { c.SMART.ShortTest, c.SMART.ExtendedTest = takes, takes }), ataTest, 8, 1, 2},
		"NVMe": {nvmeModel(nvme.SelfTest{Supported: true, Short: takes, Extended: takes}), nvmeTest, 40, 1, 2},
		"SCSI": {scsiModel(scsi.Health{ShortTest: takes, ExtendedTest: takes}), scsiTest, 1, 1 << 5, 2 << 5},
	}
}

// A drive that takes the order and does nothing was not tested, whatever an earlier test
// came to, and though the status of an ATA drive that never tested itself is that of one
// that passed. A test that ends between two looks counts by the log.
func TestDriveDeaf(t *testing.T) {
	for name, k := range kinds(time.Second) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, k.attach)
			hears := r.test.Opener
			r.test.Opener = intercepted{hears, func(_ drive.Device, c drive.Command) (bool, error) { return sameFrame(c, k.test.start()), nil }}
			deaf := func(when string) {
				t.Helper()
				if o := r.test.Run(t.Context()); o.Result != NotTested || !strings.HasPrefix(o.Evidence, "the drive took the order to test itself, but shows no test of ours; reads ") {
					t.Errorf("%s: %v: %s", when, o.Result, o.Evidence)
				}
			}
			deaf("never tested")
			hearing := DriveTest{Opener: hears, Drive: r.test.Drive, Identity: r.test.Identity, Clock: r.clock}
			if o := hearing.Run(t.Context()); o.Result != Pass || !strings.HasPrefix(o.Evidence, "short self-test passed after 2s") {
				t.Errorf("a short one: %v: %s", o.Result, o.Evidence)
			}
			deaf("after a good one")
		})
	}
}

// An extended test that ended meanwhile is not ours.
func TestDriveExtended(t *testing.T) {
	for takes, says := range map[time.Duration]string{
		time.Second: "the drive took the order to test itself, but shows no test of ours; reads ",
		time.Minute: "its self-test ran, but the drive shows no result of it; reads ",
	} {
		for name, k := range kinds(takes) {
			t.Run(name+" of "+takes.String(), func(t *testing.T) {
				r := newRig(t, k.attach)
				other, err := r.host.OpenTarget("/dev/model")
				if err != nil {
					t.Fatal(err)
				}
				defer other.Close()
				r.test.Opener = intercepted{r.host, func(_ drive.Device, c drive.Command) (bool, error) {
					if !sameFrame(c, k.test.start()) {
						return false, nil
					}
					c.Frame[k.code] ^= k.short ^ k.extended
					_, err := other.Do(t.Context(), c)
					return true, err
				}}
				if o := r.test.Run(t.Context()); o.Result != NotTested || !strings.HasPrefix(o.Evidence, says) {
					t.Errorf("%v: %s", o.Result, o.Evidence)
				}
			})
		}
	}
}

// Many a USB bridge hands on no logs: a test that was seen to run has its status all the
// same, and one that was not has none.
func TestDriveWithoutLog(t *testing.T) {
	for takes, want := range map[time.Duration]Result{time.Second: NotTested, time.Minute: Pass} {
		r := newRig(t, ataModel(func(c *ata.Config) { c.SMART.ShortTest = takes }))
		r.test.Opener = intercepted{r.host, func(_ drive.Device, c drive.Command) (bool, error) {
			return sameFrame(c, driveata.SelfTestLog()), &drive.StatusError{}
		}}
		if o := r.test.Run(t.Context()); o.Result != want {
			t.Errorf("a test of %s: %v: %s", takes, o.Result, o.Evidence)
		}
	}
}

// A test of somebody else's is not touched, and its end is not taken for ours.
func TestDriveBusy(t *testing.T) {
	r := newRig(t, nvmeModel(nvme.SelfTest{Supported: true, Short: 2 * time.Minute}))
	d, err := r.host.OpenTest("/dev/model")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Do(t.Context(), nvmeTest.start()); err != nil {
		t.Fatal(err)
	}
	if o := r.test.Run(t.Context()); o.Result != NotTested || !strings.HasPrefix(o.Evidence, "a self-test that was begun by somebody else runs in it") {
		t.Errorf("%v: %s", o.Result, o.Evidence)
	}
	if p, err := lookNVMe(t.Context(), d); err != nil || !p.runs {
		t.Errorf("it was ended: %+v, %v", p, err)
	}
}

func TestDriveOther(t *testing.T) {
	r := newRig(t, scsiModel(scsi.Health{}))
	r.test.Identity.Serial = "SERIAL4"
	if o := r.test.Run(t.Context()); o != (Outcome{NotTested, "another drive answers in its place"}) {
		t.Errorf("%v: %s", o.Result, o.Evidence)
	}
	r.test.Drive.Path = "/dev/none"
	if o := r.test.Run(t.Context()); o.Result != NotTested || !strings.HasPrefix(o.Evidence, "it could not be opened: ") {
		t.Errorf("%v: %s", o.Result, o.Evidence)
	}
	// A drive that takes no commands of these is measured all the same.
	card := DriveTest{Drive: inspect.Drive{}}
	if o := card.self(t.Context(), nil); o != (Outcome{NotPresent, "a drive of this kind has no self-test"}) {
		t.Errorf("%v: %s", o.Result, o.Evidence)
	}
}

// broken is a medium that can't be read from some byte on.
type broken struct {
	drive.Media
	from int64
}

func (b broken) Geometry() drive.Geometry {
	return drive.Geometry{Size: 64 * mib, LogicalBlock: 512, PhysicalBlock: 512}
}

func (b broken) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > b.from {
		return 0, errors.New("an error of the medium")
	}
	return len(p), nil
}

func TestReadSpeed(t *testing.T) {
	for rotates, says := range map[bool]string{true: " MB/s", false: " MB/s of erased blocks, which can be faster than data"} {
		if s, err := readSpeed(t.Context(), broken{from: 1 << 40}, rotates); err != nil || !strings.HasSuffix(s, says) {
			t.Errorf("rotates %t: %q, %v", rotates, s, err)
		}
	}
	if s, err := readSpeed(t.Context(), broken{from: 48 * mib}, true); err == nil || !strings.Contains(err.Error(), "at byte 50331648 can't be read") {
		t.Errorf("%q, %v", s, err)
	}
}

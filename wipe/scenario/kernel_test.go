package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest"
	"handback.example/inspect"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/nvmetcp"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/drive/sim/usbredir"
	"handback.example/inspect/drive/sim/vhost"
	"handback.example/inspect/survey"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/plan"
)

// kernelCase is one cell of the matrix, behind a real kernel: a medium of the matrix,
// or one of QEMU's own drives.
type kernelCase struct {
	medium    string
	technique wipe.TechniqueID
	fault     string
	want      wipe.Verdict
	// or is another verdict that is as good: it depends on when the kernel gives up.
	or wipe.Verdict
}

const (
	ssd, hdd, nvmeDrive, sas = "SATA SSD", "SATA disk", "NVMe", "SAS disk"
	usbPasses, usbRefuses    = "USB case that passes through", "USB case that refuses"
	// QEMU's own, by their bus.
	qemuNVMe, qemuSATA, qemuSCSI, qemuUSB, qemuSD = "QEMU nvme", "QEMU sata", "QEMU scsi", "QEMU usb", "QEMU sd"
)

var kernelCases = []kernelCase{
	{ssd, wipe.OverwriteZero, "none", wipe.Sanitised, ""},
	{ssd, wipe.OverwriteRandom, "none", wipe.Sanitised, ""},
	{ssd, wipe.OverwriteIS5Enhanced, "none", wipe.Sanitised, ""},
	{ssd, wipe.OverwriteZero, "says done, did nothing", wipe.Failed, ""},
	{ssd, wipe.OverwriteRandom, "drops one write", wipe.Failed, ""},
	{ssd, wipe.OverwriteZero, "can't be written in the middle", wipe.Failed, ""},
	{ssd, wipe.OverwriteZero, "can't be read in the middle", wipe.Failed, ""},
	{ssd, wipe.OverwriteZero, "is pulled out", wipe.Failed, ""},
	{ssd, wipe.OverwriteRandom, "comes back as another", wipe.Failed, ""},
	{ssd, wipe.OverwriteZero, "never answers", wipe.Failed, ""},
	{ssd, wipe.ATASanitizeBlock, "none", wipe.Sanitised, ""},
	{ssd, wipe.ATASanitizeBlock, "refuses", wipe.Failed, ""},
	{ssd, wipe.ATASanitizeBlock, "takes long to answer", wipe.Sanitised, ""},
	{ssd, wipe.ATASanitizeBlock, "says done, did nothing", wipe.Unverified, wipe.Failed},
	{ssd, wipe.ATASanitizeBlock, "takes its time, erases nothing", wipe.Failed, ""},
	{ssd, wipe.ATASanitizeBlock, "leaves a megabyte", wipe.Failed, ""},
	{ssd, wipe.ATASanitizeBlock, "stays at a third for ever", wipe.Unverified, ""},
	{ssd, wipe.ATASanitizeBlock, "fails half-way", wipe.Failed, ""},
	{ssd, wipe.ATASanitizeBlock, "is pulled out", wipe.Failed, wipe.Unverified},
	{ssd, wipe.ATASanitizeBlock, "comes back smaller", wipe.Failed, ""},
	{ssd, wipe.ATASanitizeBlock, "loses all sense data", wipe.Refused, wipe.Unverified},
	{ssd, wipe.ATASanitizeBlock, "never answers", wipe.Unverified, wipe.Failed},
	{ssd, wipe.ATASanitizeCrypto, "none", wipe.Sanitised, ""},
	{ssd, wipe.ATASanitizeCrypto, "takes its time, erases nothing", wipe.Failed, ""},
	{ssd, wipe.ATASanitizeOverwrite, "none", wipe.Sanitised, ""},
	{ssd, wipe.ATASecurityErase, "none", wipe.Sanitised, ""},
	{ssd, wipe.ATASecurityErase, "says done, did nothing", wipe.Failed, wipe.Unverified},
	{ssd, wipe.ATASecurityEraseEnhanced, "none", wipe.Sanitised, ""},
	{ssd, wipe.ATASecurityEraseEnhanced, "leaves a megabyte", wipe.Failed, ""},
	{hdd, wipe.ATASanitizeOverwrite, "none", wipe.Sanitised, ""},
	{hdd, wipe.ATASanitizeOverwrite, "takes its time, erases nothing", wipe.Failed, ""},
	{sas, wipe.OverwriteZero, "none", wipe.Sanitised, ""},
	{sas, wipe.OverwriteRandom, "can't be written in the middle", wipe.Failed, ""},
	{sas, wipe.SCSISanitizeBlock, "none", wipe.Sanitised, ""},
	{sas, wipe.SCSISanitizeBlock, "says done, did nothing", wipe.Failed, wipe.Unverified},
	{sas, wipe.SCSISanitizeBlock, "leaves a megabyte", wipe.Failed, ""},
	{sas, wipe.SCSISanitizeBlock, "fails half-way", wipe.Failed, ""},
	{sas, wipe.SCSISanitizeCrypto, "none", wipe.Sanitised, ""},
	{sas, wipe.SCSISanitizeOverwrite, "none", wipe.Sanitised, ""},
	{sas, wipe.SCSISanitizeOverwrite, "takes its time, erases nothing", wipe.Failed, ""},
	{sas, wipe.SCSIFormatUnit, "none", wipe.Sanitised, ""},
	{sas, wipe.SCSIFormatUnit, "takes its time, erases nothing", wipe.Failed, ""},
	{nvmeDrive, wipe.OverwriteZero, "none", wipe.Sanitised, ""},
	{nvmeDrive, wipe.OverwriteRandom, "drops one write", wipe.Failed, ""},
	{nvmeDrive, wipe.NVMeSanitizeBlock, "none", wipe.Sanitised, ""},
	{nvmeDrive, wipe.NVMeSanitizeBlock, "says done, did nothing", wipe.Failed, wipe.Unverified},
	{nvmeDrive, wipe.NVMeSanitizeBlock, "leaves a megabyte", wipe.Failed, ""},
	{nvmeDrive, wipe.NVMeSanitizeBlock, "stays at a third for ever", wipe.Unverified, ""},
	{nvmeDrive, wipe.NVMeSanitizeCrypto, "none", wipe.Sanitised, ""},
	{nvmeDrive, wipe.NVMeSanitizeCrypto, "takes its time, erases nothing", wipe.Failed, ""},
	{nvmeDrive, wipe.NVMeSanitizeOverwrite, "none", wipe.Sanitised, ""},
	{nvmeDrive, wipe.NVMeFormatUserData, "none", wipe.Sanitised, ""},
	{nvmeDrive, wipe.NVMeFormatUserData, "says done, did nothing", wipe.Failed, ""},
	{nvmeDrive, wipe.NVMeFormatCrypto, "none", wipe.Sanitised, ""},
	{nvmeDrive, wipe.NVMeFormatCrypto, "leaves a megabyte", wipe.Failed, ""},
	{usbPasses, wipe.ATASanitizeBlock, "none", wipe.Sanitised, ""},
	{usbPasses, wipe.ATASanitizeBlock, "leaves a megabyte", wipe.Failed, ""},
	{usbRefuses, wipe.OverwriteZero, "none", wipe.Sanitised, ""},
	{qemuNVMe, wipe.OverwriteZero, "none", wipe.Sanitised, ""},
	{qemuNVMe, wipe.NVMeFormatUserData, "none", wipe.Sanitised, ""},
	{qemuNVMe, wipe.OverwriteRandom, "can't be written in the middle", wipe.Failed, ""},
	{qemuSATA, wipe.OverwriteRandom, "none", wipe.Sanitised, ""},
	{qemuSATA, wipe.OverwriteZero, "can't be written in the middle", wipe.Failed, ""},
	{qemuSCSI, wipe.OverwriteZero, "none", wipe.Sanitised, ""},
	{qemuSCSI, wipe.OverwriteZero, "can't be written in the middle", wipe.Failed, ""},
	{qemuUSB, wipe.OverwriteRandom, "none", wipe.Sanitised, ""},
	{qemuSD, wipe.OverwriteZero, "none", wipe.Sanitised, ""},
}

// kernelDrive is the drive of one case: a model with a clock of its own, or a file.
type kernelDrive struct {
	kernelCase
	serial  string
	model   *profile.Drive
	clock   *sim.Manual
	file    string
	outcome wipe.Outcome
	err     error // of the test, not of the drive
}

func (k *kernelDrive) String() string {
	return fmt.Sprintf("%s/%s/%s", k.medium, k.technique, k.fault)
}

// hangs is kept away from the others' adapter: what its kernel does about it is not
// what these cases are about.
func (k *kernelDrive) hangs() bool { return k.fault == "never answers" }

// TestBehindKernel goes the whole way of a drive on what a real kernel's drivers make
// of it, many drives in one machine, and judges from the media on this side.
func TestBehindKernel(t *testing.T) {
	var drives []*kernelDrive
	for i, c := range kernelCases {
		k := &kernelDrive{kernelCase: c, serial: fmt.Sprintf("KERNEL%02d", i), clock: sim.NewManual()}
		if !k.hangs() { // a clock that flows ends what hangs
			flow(t, k.clock)
		}
		if strings.HasPrefix(c.medium, "QEMU ") {
			k.file = privateFile(t, k.serial)
		} else {
			k.model = kernelModel(t, k, i)
		}
		drives = append(drives, k)
	}
	g := kernelGuest(t, drives)
	lanes := make(chan struct{}, 6) // so many bulk transfers share one channel
	var wg sync.WaitGroup
	for _, k := range drives {
		wg.Go(func() {
			if !k.hangs() {
				lanes <- struct{}{}
				defer func() { <-lanes }()
			}
			began := time.Now()
			k.outcome, k.err = k.erase(t.Context(), g)
			t.Logf("%-70s %-11s %5.1f s", k, k.outcome.Verdict, time.Since(began).Seconds())
		})
	}
	wg.Wait()
	n := 0
	for _, k := range drives {
		if t.Run(k.String(), k.judge) {
			n++
		}
	}
	vmtest.Figure(t, "%d scenarios behind a real kernel", n)
	if n < 40 {
		t.Errorf("%d scenarios, want 40 at least", n)
	}
}

// flow moves a clock where a model's own command waits for it.
func flow(t *testing.T, clock *sim.Manual) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); clock.Flow(ctx, 20*time.Millisecond) }()
	t.Cleanup(func() { stop(); <-ended })
}

// kernelModel is the matrix's drive with its fault. What kernels hold to be the same
// drive when two say it is made its own.
func kernelModel(t *testing.T, k *kernelDrive, n int) *profile.Drive {
	t.Helper()
	m := slices.IndexFunc(media, func(m medium) bool { return m.name == k.medium })
	faults := firmwareFaults
	if overwrites(k.technique) {
		faults = overwriteFaults
	}
	f := slices.IndexFunc(faults, func(f fault) bool { return f.name == k.fault })
	if m < 0 || f < 0 {
		t.Fatalf("%s is not in the matrix", k)
	}
	// Each question to a drive takes real time here: its erasure is short, or says how
	// long it takes, so that it is asked less.
	short := `"20s"`
	if strings.HasPrefix(k.fault, "stays at") {
		short = `"20m"`
	}
	text := strings.NewReplacer("0102030405060708", fmt.Sprintf("01020304050607%02x", n), "0x5000cca0251f3b60", fmt.Sprintf("0x5000cca0251f3b%02x", n),
		`serial = "CASE"`, fmt.Sprintf("serial = %q", k.serial), `"30m"`, short, `"3m"`, short).Replace(media[m].text)
	d, err := profile.Parse(k.String(), text+faults[f].text, profile.Options{Clock: k.clock, Serial: k.serial})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range d.Model.Media() {
		plant(t, m)
	}
	return d
}

// privateFile is a disk image full of a person's data.
func privateFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".img")
	if err := os.WriteFile(path, bytes.Repeat(private, 4<<20/len(private)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// kernelGuest hangs all drives on one machine: the SCSI ones on one adapter, but for
// those that hang.
func kernelGuest(t *testing.T, drives []*kernelDrive) *guest.Test {
	t.Helper()
	c := guest.Config{MemoryMiB: 768}
	var many []sim.SCSI
	doors := map[*kernelDrive]string{}
	for _, k := range drives {
		switch {
		case k.file != "":
			c.Drives = append(c.Drives, qemuDrive(t, k))
		case k.model.NVMe != nil:
			doors[k] = serveNVMe(t, k.model.NVMe)
			c.NVMeTCP = append(c.NVMeTCP, doors[k])
		case k.model.USB != nil:
			c.Drives = append(c.Drives, serveUSB(t, k.model))
		case k.hangs():
			c.Drives = append(c.Drives, serveVhost(t, k.model.SCSI))
		default:
			many = append(many, k.model.SCSI)
		}
	}
	c.Drives = append(c.Drives, serveVhost(t, many...))
	g := guest.Boot(t, c)
	for _, k := range drives {
		if address, ok := doors[k]; ok {
			g.ConnectNVMe(address, k.model.NVMe.(interface{ SubNQN() string }).SubNQN())
		}
	}
	return g
}

func qemuDrive(t *testing.T, k *kernelDrive) vmtest.Drive {
	t.Helper()
	d := vmtest.Drive{Bus: vmtest.Bus(strings.TrimPrefix(k.medium, "QEMU ")), Target: k.file}
	if k.fault == "none" {
		return d
	}
	// As docs/devel/blkdebug.txt of QEMU has it: each write that touches the sector fails.
	conf := filepath.Join(t.TempDir(), "faults.conf")
	if err := os.WriteFile(conf, []byte("[inject-error]\nevent = \"pwritev\"\niotype = \"write\"\nerrno = \"5\"\nsector = \"4000\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Target = "blkdebug:" + conf + ":" + k.file
	return d
}

// erase is the whole way: facts, plan, job.
func (k *kernelDrive) erase(ctx context.Context, g *guest.Test) (wipe.Outcome, error) {
	path, err := k.find(ctx, g)
	if err != nil {
		return wipe.Outcome{}, err
	}
	r := &inspect.Report{Drives: survey.Ask(ctx, g.Opener(), path), Unhandled: []inspect.Finding{}}
	p := plan.Make(r, plan.Policy{Want: wipe.LevelClear, Technique: k.technique})
	if len(p.Drives) != 1 || !strings.EqualFold(p.Drives[0].Identity.Serial, k.serial) && k.medium != qemuSD {
		return wipe.Outcome{}, fmt.Errorf("it is planned as %+v", p.Drives)
	}
	return runJob(p, job.Options{Opener: g.Opener(), Journal: &diary{}, Clock: kernelClock{k.clock}, StallAfter: 20 * time.Second, GiveUpAfter: time.Minute})
}

func (k *kernelDrive) find(ctx context.Context, g *guest.Test) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	which := k.serial
	if k.medium == qemuSD {
		which = "/dev/mmcblk?" // it has no serial that could be given
	}
	d, err := g.FindDrive(ctx, which)
	return d.Path, err
}

// runJob waits for a job of one drive.
func runJob(p wipe.Plan, o job.Options) (wipe.Outcome, error) {
	o.Accepted = func(wipe.DrivePlan) bool { return true }
	fleet := job.Start(context.Background(), p, o)
	select {
	case <-fleet.Done():
		return fleet.Outcomes()[0], nil
	case <-time.After(8 * time.Minute):
		return wipe.Outcome{}, fmt.Errorf("the job does not end: %+v", fleet.Status())
	}
}

// kernelClock is the engine's clock: to wait is to move the models' time, and to give
// the kernel a little of the real one.
type kernelClock struct{ *sim.Manual }

func (c kernelClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(min(d, 20*time.Millisecond))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	c.Advance(d)
	return nil
}

// judge from the medium.
func (k *kernelDrive) judge(t *testing.T) {
	if k.err != nil {
		t.Fatal(k.err)
	}
	o := k.outcome
	n := k.left(t)
	switch {
	case o.Verdict == wipe.Sanitised && n > 0:
		t.Fatalf("called sanitised, and %d bytes of private data are left: %s", n, o.What)
	case o.Verdict == "" || o.What == "":
		t.Fatalf("no word about it: %+v", o)
	case o.Verdict != wipe.Sanitised && (o.Level != wipe.LevelNone || o.Do == ""):
		t.Fatalf("%s at level %s, with nothing to do: %q", o.Verdict, levelWord(o.Level), o.Do)
	case o.Verdict != k.want && (k.or == "" || o.Verdict != k.or):
		t.Errorf("%s, want %s %s, by %s: %s (%s)", o.Verdict, k.want, k.or, o.Technique, o.What, o.Code)
	case o.Technique != k.technique && o.Verdict != wipe.Refused:
		t.Errorf("it was erased by %s", o.Technique)
	}
}

func (k *kernelDrive) left(t *testing.T) int64 {
	t.Helper()
	if k.model != nil {
		return left(t, k.model)
	}
	b, err := os.ReadFile(k.file)
	if err != nil {
		t.Fatal(err)
	}
	return 512 * int64(countBlocks(b))
}

// countBlocks with private data in them.
func countBlocks(b []byte) int {
	n := 0
	for block := range slices.Chunk(b, 512) {
		if bytes.Contains(block, []byte("PRIVATE")) {
			n++
		}
	}
	return n
}

// serve a door until the test ends; its error fails the test.
func serve(t *testing.T, door func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- door(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func serveVhost(t *testing.T, targets ...sim.SCSI) vmtest.Drive {
	t.Helper()
	l, name := socket(t)
	s := &vhost.Server{Targets: targets}
	serve(t, func(ctx context.Context) error { return s.Serve(ctx, l) })
	return vmtest.Drive{Bus: vmtest.BusVhost, Target: name}
}

func serveUSB(t *testing.T, d *profile.Drive) vmtest.Drive {
	t.Helper()
	l, name := socket(t)
	serve(t, func(ctx context.Context) error { return usbredir.Serve(ctx, l, d.USB, usbredir.Options{}) })
	return vmtest.Drive{Bus: vmtest.BusUSBRedir, Target: name}
}

func serveNVMe(t *testing.T, m sim.NVMe) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, func(ctx context.Context) error { return nvmetcp.Serve(ctx, l, m, nvmetcp.Options{}) })
	return l.Addr().String()
}

// socket has a path short enough for the kernel (107 bytes, unix(7)).
func socket(t *testing.T) (net.Listener, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "door-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	name := filepath.Join(dir, "s")
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	return l, name
}

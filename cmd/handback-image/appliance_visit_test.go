package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/cmd/internal/settings"
	"handback.example/image/vmtest"
)

// From power-on to signed certificates, by the command that people use: Secure
// Boot, a TPM that had an owner, an NVMe and a SATA drive full of data.
func TestApplianceWholeVisit(t *testing.T) {
	t.Parallel()
	const mib = 96
	l := newLaptop(t, nil)
	nvme, sata := l.plant("alpha", mib), l.plant("bravo", mib)
	before := l.plantTPM(nil)
	left := l.plantLeftovers()
	image, err := builtImage()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var stdout, stderr bytes.Buffer
	code := runTry(l.ctx, []string{"--image", image, "--headless", "--unattended", "--secure-boot", "--tpm",
		"--drive", "nvme:" + nvme.path, "--drive", "sata:" + sata.path, "--out", l.dir}, nil, &stdout, &stderr)
	t.Logf("the whole visit took %.0f s", time.Since(began).Seconds())
	if code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, stdout.String(), stderr.String())
	}
	nvme.gone(t)
	sata.gone(t)
	l.tpmCleared(before)
	left.gone()
	l.espUntouched()
	fsckData(t, l.stick)
	log, events := logged(t, filepath.Join(l.dir, "serial.log"))
	t.Logf("seconds of its own uptime: %s", milestones(events))
	checkQuiet(t, log)
	logFirstFrame(t, events)

	v := l.takeOne()
	if s := v.summary; s.Verdict != certs.Sanitised || s.Sanitised != 2 || s.Level != certs.LevelClear || s.TPMResult != certs.TPMCleared || s.Validation != certs.Awaiting {
		t.Errorf("the records say %s, %d drives, %s, TPM %s, validation %s", s.Verdict, s.Sanitised, s.Level, s.TPMResult, s.Validation)
	}
	l.genuine(v, "erasure", "hold") // nobody answered the bench's questions
	l.foreign(v)
	for name, b := range v.papers {
		l.forged(name, b)
	}
	page := l.text(v, "erasure")
	left.told(v)
	for _, want := range []string{"ALPHA", "BRAVO", l.set.Intake.Tag, v.records[0].Visit, "'Windows Boot Manager'"} {
		if !strings.Contains(page, want) {
			t.Errorf("the certificate does not say %q:\n%s", want, page)
		}
	}
	l.bootedFacts(v, before)
	shot := filepath.Join(l.dir, "screen.png")
	checkDrawn(t, shot)
	if text := readFont(t).read(t, shot); !strings.Contains(text, "2 of 2 drives sanitised") || !strings.Contains(text, "TPM cleared") {
		t.Errorf("screen.png does not show the result:\n%s", text)
	}
}

// bootedFacts: what the appliance says of the machine's boot and TPM is what this
// computer knows of them.
func (l *laptop) bootedFacts(v taken, tpm owned) {
	l.t.Helper()
	kernel := fromESP(l.t, l.stick, path.Join(settings.ESPFolder, settings.KernelFile))
	initrd := fromESP(l.t, l.stick, path.Join(settings.ESPFolder, settings.InitrdFile))
	sum := sha256.Sum256(initrd)
	f := v.summary.Facts
	if f.Tool.Image != hex.EncodeToString(sum[:]) {
		l.t.Errorf("the image is said to be %q and is %x", f.Tool.Image, sum)
	}
	const most = 40e6
	if n := len(kernel) + len(initrd); n > most {
		l.t.Errorf("kernel and initramfs are %d bytes, more than %.0f", n, most)
	} else {
		l.t.Logf("kernel %.1f MB, initramfs %.1f MB", float64(len(kernel))/1e6, float64(len(initrd))/1e6)
	}
	if f.Machine.SecureBoot != certs.On || f.Machine.Lockdown != "integrity" || f.Machine.Hypervisor != certs.Yes {
		l.t.Errorf("Secure Boot %q, lockdown %q, hypervisor %q", f.Machine.SecureBoot, f.Machine.Lockdown, f.Machine.Hypervisor)
	}
	if f.Machine.Serial != "EX14-000412" || f.Machine.AssetTag != l.set.Intake.Tag {
		l.t.Errorf("the machine is %q, tag %q", f.Machine.Serial, f.Machine.AssetTag)
	}
	if ek := "000b" + v.summary.TPM.EKHash; ek != tpm.ek {
		l.t.Errorf("the record names endorsement key %s, tpm2-tools %s", ek, tpm.ek)
	}
}

// logged are the lines of a serial log, and the events among them.
func logged(t *testing.T, name string) (log string, events []vmtest.Event) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if e, ok := vmtest.ParseEvent(line); ok {
			events = append(events, e)
		}
	}
	return string(b), events
}

// Bad drives beside a good one: one that can't be written in one place, one that
// is gone in mid-wipe. The visit says so, on paper too, and the good one ends well.
func TestApplianceBadDrives(t *testing.T) {
	t.Parallel()
	const mib, sector = 48, 70000
	l := newLaptop(t, nil)
	errs, good, gone := l.plant("charlie", mib), l.plant("delta", mib), l.plant("echo", mib)
	faults := filepath.Join(l.dir, "faults.conf")
	if err := os.WriteFile(faults, fmt.Appendf(nil, "[inject-error]\nevent = \"write_aio\"\nerrno = \"5\"\nsector = \"%d\"\niotype = \"write\"\nonce = \"off\"\n", sector), 0o600); err != nil {
		t.Fatal(err)
	}
	vm := l.start(vmtest.Config{Drives: []vmtest.Drive{
		{Bus: vmtest.BusSATA, Target: "blkdebug:" + faults + ":" + errs.path},
		{Bus: vmtest.BusNVMe, Target: good.path},
		{Bus: vmtest.BusUSB, Target: gone.path, BytesPerSecond: 3 << 20},
	}})
	l.await(vm, "started", "serial=ECHO")
	l.halfway(gone)
	if err := vm.Unplug(l.ctx, 2); err != nil {
		t.Fatal(err)
	}
	if code := l.off(vm); code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
	good.gone(t)
	if n := errs.left(t); n != perSector {
		t.Errorf("%d marks are left on the drive with one bad sector, which holds %d", n, perSector)
	}
	if gone.left(t) == 0 {
		t.Error("the drive that vanished has no mark left: it did not vanish in mid-wipe")
	}
	v := l.takeOne()
	l.genuine(v, "erasure", "hold")
	if v.summary.Verdict != certs.Failed || v.summary.Sanitised != 1 || v.summary.TPMResult != certs.TPMNotPresent {
		t.Errorf("the records say %s, %d sanitised, TPM %s", v.summary.Verdict, v.summary.Sanitised, v.summary.TPMResult)
	}
	if m := v.medium(t, "DELTA"); m.Verdict != certs.Sanitised {
		t.Errorf("the good drive is %s", m.Verdict)
	}
	bad := v.medium(t, "CHARLIE")
	if bad.Verdict != certs.Failed || bad.Finished == nil || len(bad.Finished.BadRanges) != 1 ||
		bad.Finished.BadRanges[0].First != sector || bad.Finished.BadRanges[0].Count != 1 {
		t.Errorf("the drive with a bad sector is %s: %+v", bad.Verdict, bad.Finished)
	}
	if m := v.medium(t, "ECHO"); m.Verdict == certs.Sanitised || m.Finished == nil || m.Finished.Do == "" {
		t.Errorf("the drive that vanished is %s: %+v", m.Verdict, m.Finished)
	}
	page := strings.ToLower(l.text(v, "erasure"))
	for _, want := range []string{"not sanitised", "charlie", "echo", "delta", "failed"} {
		if !strings.Contains(page, want) {
			t.Errorf("the certificate does not say %q:\n%s", want, page)
		}
	}
}

// halfway waits until an erasure has taken some of a drive, and checks that it has
// not taken all.
func (l *laptop) halfway(p planted) {
	l.t.Helper()
	for {
		left := p.left(l.t)
		switch {
		case left == 0:
			l.t.Fatalf("%s: all of it was erased before anything could be done", filepath.Base(p.path))
		case left < p.marks*9/10:
			return
		}
		select {
		case <-l.ctx.Done():
			l.t.Fatalf("%s: its erasure does not get on", filepath.Base(p.path))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// A machine without a drive: nothing was erased, and nothing says that it was. Its
// papers stand under the letterhead of the settings, and its processor is judged by their
// list.
func TestApplianceNoDrive(t *testing.T) {
	t.Parallel()
	l := newLaptop(t, func(s *settings.Settings) {
		s.Papers = settings.Papers{Organisation: "Adran Enghreifftiol", Address: []string{"1 Stryd Enghraifft"}, Logo: "crest.png", Names: true}
		s.People = []settings.Person{{ID: "demo", Name: "Siân Ŵyn", Title: "Technegydd"}}
		s.Processors = "windows-11.csv"
	})
	vm := l.start(vmtest.Config{})
	if code := l.off(vm); code != 3 {
		t.Errorf("exit %d, want 3", code)
	}
	v := l.takeOne()
	l.genuine(v, "erasure", "hold")
	if s := v.summary; s.Verdict != certs.NoMedia || s.Level != certs.LevelNone || s.Route != certs.RouteHold {
		t.Errorf("the records say %s, level %s, route %s", s.Verdict, s.Level, s.Route)
	}
	in := v.summary.Intake
	if logo, err := in.Letterhead.LogoBytes(); err != nil || !bytes.Equal(logo, testLogo(t)) || in.Letterhead.Organisation != "Adran Enghreifftiol" || in.Name != "Siân Ŵyn" || in.Title != "Technegydd" {
		t.Errorf("the intake's letterhead is %+v (%v), its operator %q, %q", in.Letterhead, err, in.Name, in.Title)
	}
	const byList = "not eligible: processor, by list of processors windows-11.csv: Test, 26 November 2026"
	if seen := v.summary.Graded.Inputs; !slices.ContainsFunc(seen, func(i certs.Input) bool { return i.Name == "Windows 11" && i.Value == byList }) {
		t.Errorf("the list of processors was not used: %+v", seen)
	}
	for _, kind := range []string{"erasure", "hold"} {
		if page := strings.ToLower(l.text(v, kind)); !strings.Contains(page, "no drive") && !strings.Contains(page, "no media") {
			t.Errorf("the %s paper does not say that there was no drive:\n%s", kind, page)
		}
	}
	l.espUntouched()
}

package job

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"syscall"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// Format NVM of namespace 1, LBA format 0, user data erase: what
// 'nvme format /dev/nvme0 -n 1 --ses=1 --lbaf=0' puts on the wire (opcode 80h,
// NSID 1, CDW10 00000200h).
const formatFrame = "80000000010000000000000000000000000000000000000000000000000000000000000000000000000200000000000000000000000000000000000000000000"

func TestFormat(t *testing.T) {
	for name, erase := range map[string]func(d *disk) error{
		"to zeros": func(d *disk) error { clear(d.data); return nil },
		"to ones":  func(d *disk) error { copy(d.data, bytes.Repeat([]byte{0xff}, len(d.data))); return nil },
		"to noise": func(d *disk) error { _, err := rand.Read(d.data); return err },
	} {
		t.Run(name, func(t *testing.T) {
			d := newNVMe(t, "N1", 32*mib)
			d.format = erase
			o := run(t, d, forced(wipe.NVMeFormatUserData), nil)
			want(t, o, wipe.Sanitised, "reported success")
			v := o.Verification
			if o.Evidence != wipe.EvidenceCanaries || v.Canaries < 1000 || o.Level != wipe.LevelClear || v.Result != "passed" || v.Counted < 16384 || v.Counted > v.Compared {
				t.Errorf("%+v", o)
			}
			if len(o.Commands) != 1 || o.Commands[0].Frame != formatFrame || o.Commands[0].Status != "0000" || hex.EncodeToString(d.frames[0]) != formatFrame {
				t.Errorf("commands %+v, sent %x", o.Commands, d.frames)
			}
			// What is about to be destroyed is written down, then the canaries are written,
			// put on the medium, and then it is told to erase itself.
			if !slices.Equal(d.log, []string{"journal", "write", "flush", "format"}) || d.open != 2 {
				t.Errorf("order %v, opened %d times", d.log, d.open)
			}
		})
	}
}

// A drive that held nothing is given something to lose; one that takes no canaries
// either has its own word alone.
func TestFormatOfBlankDrive(t *testing.T) {
	for name, c := range map[string]struct {
		readOnly bool
		evidence wipe.EvidenceGrade
		result   string
		says     string
	}{
		"takes canaries": {false, wipe.EvidenceCanaries, "passed", "is left"},
		"is read only":   {true, wipe.EvidenceDeviceClaims, "not done", "its word is all there is"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newNVMe(t, "N1", 16*mib)
			copy(d.data, bytes.Repeat([]byte{0xff}, len(d.data)))
			if c.readOnly {
				d.onWrite = func(int64, int) error { return errMedium }
			}
			o := run(t, d, forced(wipe.NVMeFormatUserData), nil)
			want(t, o, wipe.Sanitised, c.says)
			if v := o.Verification; o.Evidence != c.evidence || v.Result != c.result || v.Counted != v.Canaries || (v.Canaries == 0) != c.readOnly {
				t.Errorf("%+v", o)
			}
		})
	}
}

// A blank drive that claims success and did nothing still has our canaries.
func TestFormatOfBlankDriveThatLies(t *testing.T) {
	d := newNVMe(t, "N1", 16*mib)
	clear(d.data)
	d.format = func(*disk) error { return nil }
	want(t, run(t, d, forced(wipe.NVMeFormatUserData), nil), wipe.Failed, "still stand there")
}

func TestFormatFaults(t *testing.T) {
	lie := func(d *disk) error { return nil }
	for name, c := range map[string]struct {
		fault func(d *disk)
		want  wipe.Verdict
		says  string
	}{
		"success without erasing": {func(d *disk) { d.format = lie }, wipe.Failed, "still stand there"},
		"the last megabyte is left": {func(d *disk) {
			d.format = func(d *disk) error { clear(d.data[:len(d.data)-mib]); return nil }
		}, wipe.Failed, "still stand there"},
		"a tenth in the middle is left": {func(d *disk) {
			d.format = func(d *disk) error {
				clear(d.data[:14*mib])
				clear(d.data[18*mib:])
				return nil
			}
		}, wipe.Failed, "still stand there"},
		"refused by the drive": {func(d *disk) {
			d.format = func(*disk) error {
				return &drive.StatusError{Protocol: drive.ProtocolNVMe, Operation: "Format NVM", Completion: drive.Completion{Status: 0x010a}}
			}
		}, wipe.Failed, "status 010a"},
		"its answer is lost": {func(d *disk) {
			d.format = func(d *disk) error { clear(d.data); return syscall.EINTR }
		}, wipe.Unverified, "answer was lost"},
		"it has shrunk": {func(d *disk) {
			d.format = func(d *disk) error { clear(d.data); d.id.Size -= 4096; d.geo.Size -= 4096; return nil }
		}, wipe.Failed, "no longer answers as itself"},
		"its blocks have changed": {func(d *disk) {
			d.format = func(d *disk) error { clear(d.data); d.geo.LogicalBlock = 4096; return nil }
		}, wipe.Failed, "blocks of 4096"},
		"another drive answers": {func(d *disk) {
			d.format = func(d *disk) error { clear(d.data); d.id.Serial = "N2"; return nil }
		}, wipe.Failed, "N2"},
		"it never comes back": {func(d *disk) {
			d.onOpen = func(nth int) error {
				if nth > 1 {
					return syscall.ENODEV
				}
				return nil
			}
		}, wipe.Unverified, "no such device"},
		"it can't be read back": {func(d *disk) {
			d.format = func(d *disk) error {
				d.onRead = func(off int64, n int) error {
					if off <= 8*mib && 8*mib < off+int64(n)+64<<10 {
						return errMedium
					}
					return nil
				}
				return nil
			}
		}, wipe.Failed, "could not be written or read"},
		"the command panics": {func(d *disk) { d.format = func(*disk) error { panic("boom") } }, wipe.Failed, "boom"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newNVMe(t, "N1", 32*mib)
			b := benchOf(d)
			p := b.plan(forced(wipe.NVMeFormatUserData), d)
			c.fault(d)
			o := runPlan(t, b, p, func(o *Options) { o.GiveUpAfter = 3 * time.Second })[0]
			want(t, o, c.want, c.says)
			if len(d.frames) != 1 {
				t.Errorf("%d formats sent", len(d.frames))
			}
		})
	}
}

// After Format the kernel may take the namespace away for a moment.
func TestFormatWaitsForTheDrive(t *testing.T) {
	d := newNVMe(t, "N1", 8*mib)
	d.onOpen = func(nth int) error {
		if nth == 2 || nth == 3 {
			return syscall.ENXIO
		}
		return nil
	}
	want(t, run(t, d, forced(wipe.NVMeFormatUserData), nil), wipe.Sanitised)
	if d.open != 4 {
		t.Errorf("opened %d times", d.open)
	}
}

// A stop while the drive formats itself changes nothing: it runs to its end, and
// so does the read-back.
func TestFormatCannotBeStopped(t *testing.T) {
	d := newNVMe(t, "N1", 8*mib)
	b := benchOf(d)
	var f *Fleet
	running, proceed := make(chan struct{}), make(chan struct{})
	d.format = func(d *disk) error { close(running); <-proceed; clear(d.data); return nil }
	f = Start(context.Background(), b.plan(forced(wipe.NVMeFormatUserData), d), Options{Opener: b, Journal: &diary{bench: b}})
	<-running
	if s := f.Status()[0]; s.CanStop || s.Phase != wipe.PhaseErasing || s.Total != 0 {
		t.Errorf("%+v", s)
	}
	f.Stop()
	close(proceed)
	<-f.Done()
	want(t, f.Outcomes()[0], wipe.Sanitised)
}

func TestFormatStoppedWhileSampling(t *testing.T) {
	d := newNVMe(t, "N1", 8*mib)
	b := benchOf(d)
	ctx, cancel := context.WithCancel(context.Background())
	d.onRead = func(int64, int) error { cancel(); return nil }
	f := Start(ctx, b.plan(forced(wipe.NVMeFormatUserData), d), Options{Opener: b, Journal: &diary{bench: b}})
	<-f.Done()
	o := f.Outcomes()[0]
	want(t, o, wipe.Refused)
	if o.Code != "stopped" || len(d.frames) != 0 {
		t.Errorf("%+v", o)
	}
}

// What can't be read before the erasure counts for nothing, and harms nothing.
func TestFormatWithUnreadableSamples(t *testing.T) {
	d := newNVMe(t, "N1", 8*mib)
	bad := true
	d.onRead = func(off int64, n int) error {
		if bad && off < mib {
			return errMedium
		}
		return nil
	}
	d.format = func(d *disk) error { bad = false; clear(d.data); return nil }
	o := run(t, d, forced(wipe.NVMeFormatUserData), nil)
	want(t, o, wipe.Sanitised)
	if o.Verification.Counted > 7*mib/512 || o.BadBlocks != 0 {
		t.Errorf("%+v", o.Verification)
	}
}

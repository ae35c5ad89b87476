// Package drivetest is one suite of cases that every transport to a drive must
// pass: models in process, the same models behind a real kernel, and the drives
// that QEMU makes. It holds them to the words of package drive (what an error
// means, what reaches the drive) and to what the standards say of commands that
// every drive of a kind knows.
//
// Its frames are literal bytes, written down from the standards: a mistake in a
// builder of Handback's shows here. What a command did is looked up on the medium
// wherever the rig can show it.
package drivetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"handback.example/inspect/drive"
)

// Kind of commands that a drive takes.
type Kind string

// Kinds. A SATA drive takes those of SCSI too: a SAT layer stands before it.
const (
	SATA Kind = "SATA"
	SCSI Kind = "SCSI"
	NVMe Kind = "NVMe"
	Card Kind = "card" // SD: no commands through here
	EMMC Kind = "eMMC"
)

// Need is what a case needs of a rig beyond its kind.
type Need string

// Needs.
const (
	Medium       Need = "medium"        // the host can look at the medium
	Power        Need = "power"         // the host can take the drive's power away
	Clock        Need = "clock"         // the host moves the drive's clock
	Registers    Need = "registers"     // the adapter gives ATA registers back
	SMART        Need = "smart"         // the drive has SMART
	Security     Need = "security"      // ATA security
	HPA          Need = "hpa"           // READ NATIVE MAX ADDRESS EXT
	SetMax       Need = "set-max"       // SET MAX ADDRESS EXT
	Sanitize     Need = "sanitize"      // the kind's sanitize, block erase
	Format       Need = "format"        // NVMe Format NVM
	LogSanitize  Need = "log-sanitize"  // NVMe log page 81h
	SerialPage   Need = "serial-page"   // VPD page 80h
	RefusesWrong Need = "refuses-wrong" // unknown commands are refused, not dropped
)

// Rig is one drive and the hands that a test has on it. Everything on the drive
// is lost.
type Rig struct {
	Name   string
	Kind   Kind
	Has    []Need
	Opener drive.Opener
	Path   string
	// Want is who the drive must say it is; its empty fields are not looked at.
	Want drive.Identity
	// Medium of the drive as the host sees it; nil without Medium.
	Medium func() io.ReaderAt
	// PowerCycle takes the power away and gives it back, and returns when the drive
	// can be opened again at Path; nil without Power.
	PowerCycle func(t *testing.T)
	// Advance moves the drive's clock; nil without Clock.
	Advance func(time.Duration)
	// Timeout of one command; 0: 10 s.
	Timeout time.Duration
}

// Case of the suite.
type Case struct {
	Name  string
	Kinds []Kind // none: all
	Needs []Need
	Run   func(t *testing.T, r *Rig)
}

// Count of a run: cases that ran, and those that were left out for want of what
// they need.
type Count struct{ Ran, LeftOut int }

// Run holds a rig to every case that it has what is needed for. Each case opens
// the drive anew and leaves it unlocked and usable.
func Run(t *testing.T, r Rig) Count {
	t.Helper()
	if r.Timeout == 0 {
		r.Timeout = 10 * time.Second
	}
	var n Count
	for _, c := range Cases() {
		if len(c.Kinds) > 0 && !slices.Contains(c.Kinds, r.Kind) {
			continue
		}
		if slices.ContainsFunc(c.Needs, func(x Need) bool { return !slices.Contains(r.Has, x) }) {
			n.LeftOut++
			continue
		}
		n.Ran++
		t.Run(c.Name, func(t *testing.T) { c.Run(t, &r) })
	}
	if n.Ran == 0 {
		t.Errorf("%s: no case ran", r.Name)
	}
	return n
}

// Cases are all of the suite.
func Cases() []Case {
	return slices.Concat(commonCases, scsiCases, ataCases, ataEraseCases, nvmeCases, mmcCases)
}

// String of a count, for the line that a test run prints.
func (n Count) String() string { return fmt.Sprintf("%d cases, %d left out", n.Ran, n.LeftOut) }

// open the drive to be erased, closed with the test.
func (r *Rig) open(t *testing.T) drive.Target {
	t.Helper()
	d, err := r.Opener.OpenTarget(r.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // closed by the case already, or not
	return d
}

// command of a literal frame.
func (r *Rig) command(frame string, way drive.Direction, data []byte) drive.Command {
	p := drive.ProtocolSCSI
	switch r.Kind {
	case NVMe:
		p = drive.ProtocolNVMe
	case EMMC, Card:
		p = drive.ProtocolMMC
	}
	return drive.Command{Protocol: p, Frame: hexBytes(frame), Direction: way, Data: data, Timeout: r.Timeout}
}

// do sends a literal frame; n bytes are read.
func (r *Rig) do(t *testing.T, d drive.Transport, frame string, n int) (drive.Completion, []byte, error) {
	t.Helper()
	way, data := drive.DirectionNone, []byte(nil)
	if n > 0 {
		way, data = drive.DirectionIn, make([]byte, n)
	}
	done, err := r.attend(t.Context(), d, r.command(frame, way, data))
	return done, data, err
}

// send a literal frame with data to the drive.
func (r *Rig) send(t *testing.T, d drive.Transport, frame string, data []byte) (drive.Completion, error) {
	t.Helper()
	return r.attend(t.Context(), d, r.command(frame, drive.DirectionOut, data))
}

// attend sends a command, and once more where the drive tells that it was reset
// before (unit attention).
func (r *Rig) attend(ctx context.Context, d drive.Transport, c drive.Command) (drive.Completion, error) {
	for n := 0; ; n++ {
		done, err := d.Do(ctx, c)
		var refused *drive.StatusError
		if n < 3 && (r.Kind == SATA || r.Kind == SCSI) && errors.As(err, &refused) && senseKey(refused.Sense) == 0x6 {
			continue
		}
		return done, err
	}
}

// meanwhile runs something that waits for the drive, whose clock runs meanwhile.
func (r *Rig) meanwhile(f func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- f() }()
	for {
		select {
		case err := <-ended:
			return err
		case <-time.After(5 * time.Millisecond):
			if r.Advance != nil {
				r.Advance(time.Minute)
			}
		}
	}
}

// must fails the test where a command failed.
func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// isRefused fails the test unless the drive itself answered no.
func isRefused(t *testing.T, what string, err error) {
	t.Helper()
	_ = refused(t, what, err)
}

// refused is isRefused, and gives the answer.
func refused(t *testing.T, what string, err error) *drive.StatusError {
	t.Helper()
	var s *drive.StatusError
	if !errors.As(err, &s) {
		t.Fatalf("%s: %v, want the drive's own refusal", what, err)
	}
	return s
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"handback.example/cmd/internal/settings"
	"handback.example/image/vmtest"
)

// Exit codes of try beside the visit's own.
const (
	tryUsage   = 2
	tryNotDone = 3
	tryStopped = 130
)

const tryUsageText = `usage: handback-image try [--image FILE] [--headless] [--unattended] [--settings FILE] [--secure-boot] [--tpm]
           [--drive nvme:PATH | sata:PATH | usb:PATH | sd:PATH | vhost:SOCKET | nvme-tcp:HOST:PORT | usbredir:SOCKET]... --out DIR

Boots a stick image in a virtual laptop. What the drives hold is erased. When the
machine powers off, DIR holds certificates/, labels/, spool/, root.pem, serial.log and
screen.png. DIR/stick.img, DIR/tpm and the firmware's variables are kept: the next try
with the same DIR goes on with them.

Without --image a stick image is built and kept for the next time. Without
--settings the asset tag is DEMO-0001 and everything is erased at level Clear.
--unattended goes the whole way by itself; --headless shows no screen here.
--secure-boot turns Secure Boot on, --tpm adds a TPM.
`

// tryOptions is the command line of try.
type tryOptions struct {
	image, settings, out string
	headless, unattended bool
	secureBoot, tpm      bool
	drives               []vmtest.Drive
}

func parseTry(args []string) (tryOptions, error) {
	var o tryOptions
	f := flag.NewFlagSet("try", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.image, "image", "", "")
	f.StringVar(&o.settings, "settings", "", "")
	f.StringVar(&o.out, "out", "", "")
	f.BoolVar(&o.headless, "headless", false, "")
	f.BoolVar(&o.unattended, "unattended", false, "")
	f.BoolVar(&o.secureBoot, "secure-boot", false, "")
	f.BoolVar(&o.tpm, "tpm", false, "")
	f.Func("drive", "", func(s string) error {
		d, err := vmtest.ParseDrive(s)
		o.drives = append(o.drives, d)
		return err
	})
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("%q is not understood: drives are given by --drive", f.Arg(0))
	case o.out == "":
		return o, errors.New("--out DIR is missing: it says where the papers land")
	}
	return o, nil
}

// usageError is wrong use: exit 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// runTry boots a stick image in a virtual laptop and gives the visit's exit code.
func runTry(ctx context.Context, args []string, stdin *os.File, stdout, stderr io.Writer) int {
	o, err := parseTry(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, tryUsageText)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "handback-image try: %v\n'handback-image try --help' shows how it is used\n", err)
		return tryUsage
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	code, err := try(ctx, o, stdin, stdout)
	if err != nil {
		fmt.Fprintf(stderr, "handback-image try: %v\n", err)
	}
	return code
}

// try prepares the stick, runs the machine and takes the papers out. The code is
// the exit code whether or not there is an error to tell.
func try(ctx context.Context, o tryOptions, stdin *os.File, stdout io.Writer) (int, error) {
	notDone := func(err error) (int, error) {
		var usage usageError
		switch {
		case errors.As(err, &usage):
			return tryUsage, err
		case ctx.Err() != nil:
			return tryStopped, errors.New("stopped before anything was destroyed")
		}
		return tryNotDone, err
	}
	set, err := trySettings(o)
	if err != nil {
		return notDone(err)
	}
	if err := vmtest.CheckDrives(o.drives); err != nil {
		return notDone(err)
	}
	unlock, err := lockFolder(o.out)
	if err != nil {
		return notDone(err)
	}
	defer unlock()
	stick := filepath.Join(o.out, "stick.img")
	if err := prepareStick(ctx, o, set, stick, stdout); err != nil {
		return notDone(err)
	}
	if err := keepRoot(stick, o.out); err != nil {
		return notDone(err)
	}
	fmt.Fprintf(stdout, "certificates will be in %s, what the machine says in %s\n",
		filepath.Join(o.out, settings.CertificatesDir), filepath.Join(o.out, "serial.log"))
	v, runErr := runVisit(ctx, o, set, stick, stdin, stdout)
	if v == nil {
		return notDone(runErr)
	}
	// Whatever became of the machine, what is on the stick is taken out.
	papers, err := takePapers(stick, o.out)
	if v.left && !v.started && errors.Is(err, errNoPartition) {
		err = nil // left before the first boot could make it: there are no papers
	}
	for _, p := range papers {
		fmt.Fprintln(stdout, p)
	}
	return v.outcome(runErr, err, len(papers))
}

// trySettings are the given settings or those of the demonstration.
func trySettings(o tryOptions) (settings.Settings, error) {
	s := settings.Demonstration()
	if o.settings != "" {
		b, err := settings.ReadFile(o.settings)
		if err != nil {
			return s, fmt.Errorf("settings: %w", err)
		}
		if s, err = settings.Parse(b); err != nil {
			return s, usageError{fmt.Errorf("%s: %w", o.settings, err)}
		}
	}
	s.Unattended = s.Unattended || o.unattended
	// Once more as a whole: --unattended asks more of them.
	b, err := s.Marshal()
	if err != nil {
		return s, err
	}
	if _, err := settings.Parse(b); err != nil {
		return s, usageError{err}
	}
	return s, nil
}

// lockFolder makes the folder and keeps a second try out of it: two machines on
// one stick would write over each other's records.
func lockFolder(dir string) (func(), error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s is in use by another try: wait for it, or give another --out", dir)
	}
	return func() { _ = f.Close() }, nil
}

// visit is what was heard of one visit.
type visit struct {
	started bool // a drive's erasure began in this run
	left    bool // the person left, or a signal came
	code    int  // that the appliance gave; -1: none
}

// hear takes one event. A new start takes the earlier code back: the visit goes on.
func (v *visit) hear(e vmtest.Event) {
	switch e.Name {
	case "pid1":
		v.code = -1
	case "started":
		v.started = true
	case "exit":
		v.code = exitCode(e.Values["code"])
	}
}

// exitCode of an exit event; -1 for what is none.
func exitCode(s string) int {
	var n int
	if _, err := fmt.Sscanf(s, "%d", &n); err != nil || n < 0 || n > 255 || fmt.Sprint(n) != s {
		return -1
	}
	return n
}

// outcome is try's exit code: the visit's, where there is one. Success is
// believed only with at least one paper in hand.
func (v *visit) outcome(runErr, takeErr error, papers int) (int, error) {
	switch {
	case v.code > 0:
		return v.code, takeErr
	case v.code == 0 && takeErr != nil:
		return tryNotDone, fmt.Errorf("the visit ended well, but its papers were not taken out: %w", takeErr)
	case v.code == 0 && papers == 0:
		return tryNotDone, errors.New("the visit says that it ended well, but the stick holds no certificate: it counts for nothing")
	case v.code == 0:
		return 0, nil
	case v.left && v.started:
		return 1, errors.Join(errors.New("left while drives were being erased: they are not sanitised; try again with the same --out to go on"), takeErr)
	case v.left:
		return tryStopped, errors.Join(errors.New("stopped before anything was destroyed"), takeErr)
	case runErr != nil:
		return tryNotDone, errors.Join(runErr, takeErr)
	}
	return tryNotDone, errors.Join(errors.New("the machine powered off and gave no exit code: look into serial.log"), takeErr)
}

// patience is how long a visit may show nothing: no event, no key, no byte read
// or written on any drive.
const patience = 30 * time.Minute

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/nvmetcp"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/drive/sim/usbredir"
	"handback.example/inspect/drive/sim/vhost"
)

const serveUsageText = `usage: handback-image serve-drive PROFILE... (--vhost SOCKET | --nvme-tcp HOST:PORT | --usbredir SOCKET)
           [--media DIR] [--serial SERIAL]

Serves models of drives, each from a profile (testdata/drives has a library), to a
real kernel: as vhost-user-scsi or usbredir to QEMU, as NVMe over TCP to any Linux.
'handback-image try --drive' takes the same words. Only --vhost takes several.

--media DIR keeps what is on a drive in sparse files of DIR, to be looked at meanwhile;
what stands in them already is what the drive comes with, in place of the profile's
contents. --serial gives a drive another serial, that of several has a number added.

What is typed here is done to the drives: power (off and on), boot (with their
machine), reset, unplug, plug, trace (what they were asked), quit; with a number, to
one of them: 'power 2'.
`

// serveOptions is the command line of serve-drive.
type serveOptions struct {
	profiles               []string
	vhost, nvmeTCP, usb    string
	media, serial, address string
}

func parseServe(args []string) (serveOptions, error) {
	var o serveOptions
	f := flag.NewFlagSet("serve-drive", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.vhost, "vhost", "", "")
	f.StringVar(&o.nvmeTCP, "nvme-tcp", "", "")
	f.StringVar(&o.usb, "usbredir", "", "")
	f.StringVar(&o.media, "media", "", "")
	f.StringVar(&o.serial, "serial", "", "")
	// Flags may stand before and behind the profiles.
	for len(args) > 0 {
		if err := f.Parse(args); err != nil {
			return o, err
		}
		if args = f.Args(); len(args) > 0 {
			o.profiles, args = append(o.profiles, args[0]), args[1:]
		}
	}
	doors := 0
	for _, d := range []string{o.vhost, o.nvmeTCP, o.usb} {
		if d != "" {
			doors, o.address = doors+1, d
		}
	}
	switch {
	case len(o.profiles) == 0:
		return o, errors.New("no PROFILE is given: it says what the drive is like")
	case doors != 1:
		return o, errors.New("give one of --vhost, --nvme-tcp and --usbredir: it says how the drive is reached")
	case len(o.profiles) > 1 && o.vhost == "":
		return o, errors.New("several drives go by --vhost only")
	}
	return o, nil
}

// runServe serves models until it is stopped.
func runServe(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parseServe(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, serveUsageText)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "handback-image serve-drive: %v\n'handback-image serve-drive --help' shows how it is used\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err = serve(ctx, stop, o, stdin, stdout)
	var bad *profile.Error
	if err != nil {
		fmt.Fprintf(stderr, "handback-image serve-drive: %v\n", err)
	}
	switch {
	case err == nil:
		return 0
	case errors.As(err, &bad):
		return exitUsage
	}
	return exitNotDone
}

// serve makes the models and opens the door to them.
func serve(ctx context.Context, stop func(), o serveOptions, stdin io.Reader, stdout io.Writer) error {
	m, err := loadModels(o)
	defer m.close()
	if err != nil {
		return err
	}
	door, network, err := m.door(o)
	if err != nil {
		return err
	}
	l, err := listen(network, o.address)
	if err != nil {
		return err
	}
	for i, d := range m.drives {
		fmt.Fprintf(stdout, "%d: %s (%s)\n", i+1, d.Name, d.Model.Name())
	}
	for _, name := range m.empty {
		fmt.Fprintf(stdout, "%s is new: write into it what the drive is to hold; it is all zeros\n", name)
	}
	fmt.Fprintf(stdout, "serving at %s\n", l.Addr())
	go console{m.drives, stdout, stop}.run(stdin)
	return door(ctx, l)
}

// socketMax is what Linux takes as the path of a socket (unix(7)).
const socketMax = 107

// listen at an address. A socket that nobody answers at any more, of a program that
// was killed, gives way.
func listen(network, address string) (net.Listener, error) {
	if network == "unix" && len(address) > socketMax {
		return nil, fmt.Errorf("%s: the path of a socket has %d bytes at most", address, socketMax)
	}
	l, err := net.Listen(network, address)
	if !errors.Is(err, syscall.EADDRINUSE) || network != "unix" {
		return l, err
	}
	if c, err := net.Dial(network, address); err == nil {
		_ = c.Close()
		return nil, fmt.Errorf("%s: another program serves there", address)
	}
	if st, err := os.Lstat(address); err != nil || st.Mode()&os.ModeSocket == 0 {
		return nil, fmt.Errorf("%s is there and is no socket", address)
	}
	if err := os.Remove(address); err != nil {
		return nil, err
	}
	return net.Listen(network, address)
}

// models are the drives that are served, and the files of their media.
type models struct {
	drives []*profile.Drive
	closes []func() error
	empty  []string // files that were not there before
}

func (m *models) close() {
	for _, f := range m.closes {
		_ = f() // each write was made already
	}
}

func loadModels(o serveOptions) (*models, error) {
	m := &models{}
	if o.media != "" {
		if err := os.MkdirAll(o.media, 0o755); err != nil {
			return m, err
		}
	}
	for i, name := range o.profiles {
		p := profile.Options{Serial: o.serial}
		if o.serial != "" && len(o.profiles) > 1 {
			p.Serial = fmt.Sprintf("%s%d", o.serial, i+1)
		}
		if o.media != "" {
			p.Medium = func(n int, size int64) (*sim.Medium, error) {
				name := filepath.Join(o.media, fmt.Sprintf("drive%d-%d.img", i+1, n))
				if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) {
					m.empty = append(m.empty, name)
				}
				medium, done, err := sim.OpenMedium(name, size)
				if err == nil {
					m.closes = append(m.closes, done)
				}
				return medium, err
			}
		}
		d, err := profile.Load(name, p)
		if err != nil {
			return m, err
		}
		m.drives = append(m.drives, d)
	}
	return m, nil
}

// door to the models, and the network that it listens on.
func (m *models) door(o serveOptions) (func(context.Context, net.Listener) error, string, error) {
	d := m.drives[0]
	say := func(s string) { fmt.Fprintln(os.Stderr, s) }
	switch {
	case o.nvmeTCP != "":
		if d.NVMe == nil {
			return nil, "", fmt.Errorf("%s is no NVMe drive: %s", o.profiles[0], reached(d))
		}
		return func(ctx context.Context, l net.Listener) error {
			return nvmetcp.Serve(ctx, l, d.NVMe, nvmetcp.Options{Log: say})
		}, "tcp", nil
	case o.usb != "":
		if d.USB == nil {
			return nil, "", fmt.Errorf("%s has no USB bridge (table usb): %s", o.profiles[0], reached(d))
		}
		return func(ctx context.Context, l net.Listener) error {
			return usbredir.Serve(ctx, l, d.USB, usbredir.Options{PowerCycleOnConnect: true, Log: say})
		}, "unix", nil
	}
	s := vhost.Server{PowerCycleOnConnect: true, Log: say}
	for i, d := range m.drives {
		if d.SCSI == nil {
			return nil, "", fmt.Errorf("%s takes no SCSI commands: %s", o.profiles[i], reached(d))
		}
		s.Targets = append(s.Targets, d.SCSI)
	}
	return s.Serve, "unix", nil
}

// reached says how a kernel comes to a drive.
func reached(d *profile.Drive) string {
	switch {
	case d.NVMe != nil:
		return "serve it by --nvme-tcp"
	case d.SCSI != nil:
		return "serve it by --vhost"
	}
	return "there is no door to an eMMC, it is for Go tests (package inproc)"
}

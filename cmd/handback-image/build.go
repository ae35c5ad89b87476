package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// Exit codes of build; try has its own beside the visit's.
const (
	exitUsage   = 2
	exitNotDone = 3
	exitStopped = 130
)

const buildUsageText = `usage: handback-image build --out DIR [--kind stick] [--settings FILE] [--release]

Builds DIR/handback.img, to be written to a USB stick as it is, from the program
handback and Debian's signed kernel and boot loaders, which apt-get downloads once.

--settings FILE puts the settings onto the stick. Where a folder keys/ with root.pem,
stick.pem and stick.key lies beside FILE, the keys go onto the stick too: then the
image is a secret. Without keys it inspects and plans only: its papers say NOT
ENROLLED. --release takes nothing but what is pinned, and no program that was
changed since it was committed.
`

// kinds of image. Only the first can be built so far.
var kinds = []string{"stick", "iso", "netboot", "uki"}

// buildOptions is the command line of build.
type buildOptions struct {
	out, settings string
	kinds         []string
	release       bool
}

func parseBuild(args []string) (buildOptions, error) {
	var o buildOptions
	f := flag.NewFlagSet("build", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.out, "out", "", "")
	f.StringVar(&o.settings, "settings", "", "")
	f.BoolVar(&o.release, "release", false, "")
	kind := f.String("kind", "stick", "")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.kinds = strings.Split(*kind, ",")
	for _, k := range o.kinds {
		switch {
		case !slices.Contains(kinds, k):
			return o, fmt.Errorf("--kind: %q is none of %s", k, strings.Join(kinds, ", "))
		case k != "stick":
			return o, fmt.Errorf("--kind %s is not part of this version: build a stick, which boots by USB on UEFI", k)
		}
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("%q is not understood", f.Arg(0))
	case o.out == "":
		return o, errors.New("--out DIR is missing: it says where the image lands")
	}
	return o, nil
}

// runBuild builds what is asked for and gives the exit code.
func runBuild(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseBuild(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, buildUsageText)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "handback-image build: %v\n'handback-image build --help' shows how it is used\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err = build(ctx, o, stdout)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "handback-image build: stopped: no image was built")
		return exitStopped
	}
	fmt.Fprintf(stderr, "handback-image build: %v\n", err)
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitNotDone
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"handback.example/cmd/handback/internal/exit"
	"handback.example/inspect"
	"handback.example/inspect/drive/linux"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/plan"
)

// techniques of the contract of the commands.
var techniques = []wipe.TechniqueID{
	"overwrite-zero", "overwrite-one", "overwrite-random",
	"ata-sanitize-block", "ata-sanitize-crypto", "ata-sanitize-overwrite", "ata-security-erase", "ata-security-erase-enhanced",
	"nvme-sanitize-block", "nvme-sanitize-crypto", "nvme-sanitize-overwrite", "nvme-format-user-data", "nvme-format-crypto",
	"scsi-sanitize-block", "scsi-sanitize-crypto", "scsi-sanitize-overwrite", "scsi-format-unit",
	"mmc-sanitize", "mmc-secure-erase", "opal-revert", "opal-psid-revert",
	"overwrite-is5-baseline", "overwrite-is5-enhanced", "overwrite-random-3",
}

// wipeOptions are what the command line asks for.
type wipeOptions struct {
	json, allowLoop bool
	policy          plan.Policy
	out             string
	serials, paths  []string
}

func wipeCommand(args []string, s streams) int {
	o, code, ok := parseWipe(args, s)
	if !ok {
		return code
	}
	// A reader of our output that goes away must not end an erasure.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := interruptible()
	defer stop()
	res := runWipe(ctx, o, s)
	if err := res.print(o, s); err != nil && res.code == exit.OK {
		return notDone(s, "wipe", err)
	}
	return res.code
}

func parseWipe(args []string, s streams) (o wipeOptions, code int, ok bool) {
	fs := flag.NewFlagSet("wipe", flag.ContinueOnError)
	fs.BoolVar(&o.json, "json", false, "print one JSON object")
	level := levelOption()
	fs.Var(level, "level", "the `LEVEL` wanted: purge (the default) or clear; a drive that offers less is refused")
	technique := fs.String("technique", "", "erase by this technique (`ID`) or not at all")
	verify := &oneOf{value: string(wipe.VerifyFull), may: []string{string(wipe.VerifyFull), string(wipe.VerifySample)}}
	fs.Var(verify, "verify", "read an overwrite back in `full` (the default), or a sample of it")
	fs.StringVar(&o.out, "out", "", "keep records and papers in `DIR` (default: handback/ in your state directory)")
	fs.BoolVar(&o.allowLoop, "allow-loop", false, "loop devices may be erased, and with them their backing files")
	var serials texts
	fs.Var(&serials, "erase-serial", "the `SERIAL` of a drive to be ERASED; once for each drive")
	o.paths, code, ok = parse(fs, s, args, "[options] --erase-serial SERIAL [--erase-serial SERIAL ...] DRIVE...")
	if !ok {
		return o, code, false
	}
	o.serials = serials
	o.policy = plan.Policy{Want: levelOf(level.value), Technique: wipe.TechniqueID(*technique), Verify: wipe.VerifyMode(verify.value)}
	if err := o.check(); err != nil {
		return o, wrongUse(s, "wipe", "%s", err), false
	}
	return o, exit.OK, true
}

func (o wipeOptions) check() error {
	switch t := o.policy.Technique; {
	case len(o.paths) == 0:
		return errors.New("name the drives to erase, like /dev/sda: 'handback inspect' lists them")
	case len(o.serials) == 0:
		return errors.New("give the serial of each drive by --erase-serial: a drive is erased only where its path and its serial agree")
	case t == "" || slices.Contains(techniques, t):
		return nil
	default:
		return fmt.Errorf("there is no technique %q: there are %s", t, listTechniques(techniques))
	}
}

func listTechniques(ids []wipe.TechniqueID) string {
	var words []string
	for _, id := range ids {
		words = append(words, string(id))
	}
	return strings.Join(words, ", ")
}

// runWipe goes the whole way and never panics half-way: until the fleet starts,
// every error means that nothing was destroyed.
func runWipe(ctx context.Context, o wipeOptions, s streams) result {
	p, r, err := planWipe(ctx, o)
	switch {
	case ctx.Err() != nil:
		return stoppedBefore()
	case err != nil:
		return refused(err)
	case !slices.ContainsFunc(p.Drives, hasWay):
		return allRefused(p)
	}
	v, err := openVisit(ctx, o, r, p)
	switch {
	case ctx.Err() != nil:
		return v.stopped()
	case err != nil:
		return v.notBegun(err)
	}
	fleet := job.Start(context.Background(), p, job.Options{Opener: linux.Opener{}, Journal: v.book, Digest: plan.Digest(p),
		Past: v.past(s.Err), Find: job.Finder(linux.Opener{}, linux.Paths)})
	stop := context.AfterFunc(ctx, func() {
		fmt.Fprintln(s.Err, "\nhandback wipe: stopping; what is begun is not erased")
		fleet.Stop()
	})
	defer stop()
	v.follow(fleet, newProgress(s.Err))
	return v.finish(p, fleet.Outcomes(), ctx.Err() != nil)
}

func hasWay(d wipe.DrivePlan) bool { return d.Refusal == nil && len(d.Ladder) > 0 && !d.BelowWanted }

// planWipe looks at the whole machine, and plans for the drives named.
func planWipe(ctx context.Context, o wipeOptions) (wipe.Plan, *inspect.Report, error) {
	if os.Geteuid() != 0 {
		return wipe.Plan{}, nil, errors.New("erasing needs root: run it with sudo; nothing was erased")
	}
	r, err := source{}.take(ctx)
	if err != nil {
		return wipe.Plan{}, nil, err
	}
	all := *r
	if err := chooseTargets(r, o.paths, o.serials, o.allowLoop); err != nil {
		return wipe.Plan{}, nil, err
	}
	return planNamed(&all, r, o.policy), r, nil
}

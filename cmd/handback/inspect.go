package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"handback.example/cmd/handback/internal/exit"
	"handback.example/inspect"
	"handback.example/inspect/platform"
)

func inspectCommand(args []string, s streams) int {
	fs := flag.NewFlagSet("inspect", flag.ContinueOnError)
	asJSON := fs.Bool("json", false, "print one JSON object")
	var src source
	fs.StringVar(&src.chroot, "chroot", "", "read /sys and /proc below `DIR`, as of another machine; no device is opened")
	fs.StringVar(&src.capture, "capture", "", "write what was read to `FILE`, without the names of machine and people")
	fs.StringVar(&src.from, "from", "", "read the capture in `FILE` in place of this machine")
	list := fs.String("processors", "", "judge Windows 11 by the list of processors in `FILE`, not by the rule by family")
	operands, code, ok := parse(fs, s, args, "[--json] [--chroot DIR] [--capture FILE | --from FILE] [--processors FILE]")
	switch {
	case !ok:
		return code
	case len(operands) > 0:
		return wrongUse(s, "inspect", "it takes no drive (%q): it shows all", operands[0])
	case src.from != "" && (src.chroot != "" || src.capture != ""):
		return wrongUse(s, "inspect", "a capture is read alone: give --from without --chroot and --capture")
	}
	processors, err := readProcessors(*list)
	if err != nil {
		return notDone(s, "inspect", err)
	}
	ctx, stop := interruptible()
	defer stop()
	src.withTPM, src.told = true, s.Err
	r, err := src.take(ctx)
	if err != nil {
		return notDone(s, "inspect", err)
	}
	processors.Judge(&r.CPU)
	if *asJSON {
		err = printJSON(s.Out, struct {
			Verdict string `json:"verdict"`
			*inspect.Report
		}{completeness(r), r})
	} else {
		err = printReport(s.Out, r)
	}
	if err != nil {
		return notDone(s, "inspect", err)
	}
	return exit.OK
}

// readProcessors reads a list; without a name there is none.
func readProcessors(name string) (platform.Processors, error) {
	if name == "" {
		return platform.Processors{}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return platform.Processors{}, err
	}
	defer f.Close()
	return platform.ReadProcessors(filepath.Base(name), f)
}

// interruptible ends with Ctrl-C, or when the terminal goes.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
}

// completeness: a report with anything missing is incomplete, and a drive that
// would not answer is something missing.
func completeness(r *inspect.Report) string {
	if len(r.Missing) > 0 || len(r.Unhandled) > 0 {
		return "incomplete"
	}
	for _, d := range r.Drives {
		if len(d.Problems) > 0 {
			return "incomplete"
		}
	}
	return "complete"
}

func printReport(w io.Writer, r *inspect.Report) error {
	var b strings.Builder
	t := newTable(&b)
	machineRows(t, r)
	t.end()
	driveTable(&b, r.Drives)
	for _, d := range r.Drives {
		notes := d.Problems
		if d.Boot {
			notes = append([]string{"this system was started from it: it is never erased"}, notes...)
		}
		notes = append(notes, d.InUse...)
		for _, why := range d.Health.Reasons {
			notes = append(notes, "health: "+why)
		}
		section(&b, d.Path, notes)
	}
	var unhandled []string
	for _, u := range r.Unhandled {
		unhandled = append(unhandled, u.What+": "+u.Do)
	}
	section(&b, "Stands in the way", unhandled)
	section(&b, "Looked for hidden drives", r.Looked)
	section(&b, "Left in the machine apart from its drives", residueLines(r.Residue))
	section(&b, "Could not be read", r.Missing)
	fmt.Fprintf(&b, "\nThe report is %s.\n", completeness(r))
	_, err := io.WriteString(w, b.String())
	return err
}

func tpmWords(t inspect.TPM) string {
	switch {
	case !t.Present.Known:
		return words(t.Present)
	case !t.Present.Value:
		return "none"
	}
	return words(t.Maker) + " " + words(t.Version) + ", lockout password set: " + words(t.LockoutAuthSet)
}

func driveTable(b *strings.Builder, drives []inspect.Drive) {
	if len(drives) == 0 {
		fmt.Fprint(b, "\nNo drive was found.\n")
		return
	}
	fmt.Fprintln(b)
	t := newTable(b)
	t.row("DRIVE", "MODEL", "SERIAL", "SIZE", "BUS", "HEALTH", "HOLDS")
	for _, d := range drives {
		t.row(d.Path, or(d.Identity.Model, "unknown"), or(d.Identity.Serial, "unknown"), size(d.Identity.Size, 1e9, "GB"),
			or(string(d.Identity.Bus), "unknown"), words(d.Health.Verdict), or(strings.Join(d.Holds, ", "), "nothing known"))
	}
	t.end()
}

// words of a fact, for people: what is not known says so.
func words[T any](f inspect.Fact[T]) string {
	if !f.Known {
		return "unknown"
	}
	switch v := any(f.Value).(type) {
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	case string:
		return or(v, "(empty)")
	}
	return fmt.Sprint(f.Value)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func size(bytes int64, unit float64, name string) string {
	if bytes <= 0 {
		return "unknown"
	}
	if v := float64(bytes) / unit; v < 10 {
		return fmt.Sprintf("%.2f %s", v, name)
	}
	return fmt.Sprintf("%.0f %s", float64(bytes)/unit, name)
}

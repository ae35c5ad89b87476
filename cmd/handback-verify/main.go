// Command handback-verify is the auditor's checker. It says of each paper, and of each
// visit's records, in a sentence, whether it is genuine; then what only all of them
// together show. It needs no network, no PDF reader and no word of ours: only the
// hub's root certificate.
//
// It never changes a file and links no device code.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"

	"handback.example/certs/verify"
)

// Exit codes (DESIGN.md, Commands).
const (
	exitGenuine    = 0
	exitNotGenuine = 1 // or, with --require, not what was required
	exitUsage      = 2
	exitUnchecked  = 3 // a file or the root could not be read, or no root was given
)

const usage = `usage: handback-verify [--root PEM] [--crl FILE] [--practice] [--require sanitised] [--json | --csv] FILE|DIR|ZIP...

Says of each paper (PDF or HTML) and of each visit's records whether it is genuine, and
what they show together. In folders and ZIPs only *.pdf, *.html and records are judged.

  --root PEM            the hub's root certificate; without it nothing is called genuine
  --crl FILE            the hub's revocation list
  --practice            accept papers of the practice class
  --require sanitised   a file that records anything else counts as failing: a drive, a
                        TPM that was not cleared, a result that was rejected
  --json                one JSON object on standard output
  --csv                 one line a file on standard output, the summary on standard error

Exit codes: 0 all genuine, 1 one is not, 2 wrong use, 3 one could not be checked.
`

// memory that the collector of garbage aims at; the rest of 64 MB is the program.
const memory = 40 << 20

// processors at most: what hostile files take side by side adds up.
const processors = 2

func main() {
	debug.SetMemoryLimit(memory)
	runtime.GOMAXPROCS(min(processors, runtime.GOMAXPROCS(0)))
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// list of values of an option that may be given several times.
type list []string

func (l *list) String() string     { return fmt.Sprint(*l) }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

type options struct {
	json, csv   bool
	roots, crls list
	require     string
	practice    bool
	log         string
}

func run(args []string, out, errs io.Writer) int {
	o, names, err := parse(args)
	if err == nil {
		err = o.check(names)
	}
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(out, usage)
		return exitGenuine
	}
	if err != nil {
		fmt.Fprintf(errs, "handback-verify: %s\n", show(err.Error()))
		return exitUsage
	}
	c := &verify.Checker{Options: verify.Options{Practice: o.practice, RequireSanitised: o.require != ""}}
	if err := o.trust(c); err != nil {
		// The files are judged all the same: a broken one is worth knowing.
		fmt.Fprintf(errs, "handback-verify: %s\n", show(err.Error()))
	}
	r := judge(c, names)
	if err := r.write(o, out, errs); err != nil {
		fmt.Fprintf(errs, "handback-verify: the result could not be written: %v\n", err)
		return max(r.code(), exitUnchecked)
	}
	return r.code()
}

// parse takes options before, between and after the files; behind '--' all are files.
func parse(args []string) (options, []string, error) {
	var o options
	fs := flag.NewFlagSet("handback-verify", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.BoolVar(&o.json, "json", false, "")
	fs.BoolVar(&o.csv, "csv", false, "")
	fs.Var(&o.roots, "root", "")
	fs.Var(&o.crls, "crl", "")
	fs.StringVar(&o.require, "require", "", "")
	fs.BoolVar(&o.practice, "practice", false, "")
	fs.StringVar(&o.log, "log", "", "")
	var names, rest []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, rest = args[:i], args[i+1:]
	}
	for {
		if err := fs.Parse(args); err != nil {
			return o, nil, err
		}
		if fs.NArg() == 0 {
			return o, append(names, rest...), nil
		}
		names, args = append(names, fs.Arg(0)), fs.Args()[1:]
	}
}

func (o options) check(names []string) error {
	switch {
	case o.require != "" && o.require != "sanitised":
		return fmt.Errorf("--require knows 'sanitised' only, not %q", o.require)
	case o.log != "":
		return errors.New("this version checks no evidence log: leave --log out, and ask the hub whether the paper is in it")
	case o.json && o.csv:
		return errors.New("choose one of --json and --csv")
	case len(o.crls) > 0 && len(o.roots) == 0:
		return errors.New("--crl needs --root: a revocation list is worth what the root's signature on it is")
	case len(names) == 0:
		return errors.New("no file is named; see handback-verify --help")
	}
	return nil
}

// Command handback-verify is the auditor's checker. It says of each paper, in a
// sentence, whether it is genuine. It needs no network, no PDF reader and no word
// of ours: only the hub's root certificate.
//
// It never changes a file and links no device code.
package main

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"handback.example/certs/sign"
	"handback.example/certs/verify"
)

// Exit codes (DESIGN.md, Commands).
const (
	exitGenuine    = 0
	exitNotGenuine = 1 // or, with --require, not what was required
	exitUsage      = 2
	exitUnchecked  = 3 // a file or the root could not be read, or no root was given
)

const usage = `usage: handback-verify [--json] [--root PEM] [--practice] [--require sanitised] FILE|DIR|ZIP...

Says of each paper whether it is genuine. In folders and ZIPs only *.pdf is judged.
Exit codes: 0 all genuine, 1 one is not, 2 wrong use, 3 one could not be checked.
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type options struct {
	json     bool
	root     string
	require  string
	practice bool
	// Asked for, and not offered by this program yet: see notOffered.
	log, crl string
	csv      bool
}

func run(args []string, out, errs io.Writer) int {
	o, names, err := parse(args, errs)
	if err == nil {
		err = o.check(names)
	}
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(out, usage)
		return exitGenuine
	}
	if err != nil {
		fmt.Fprintf(errs, "handback-verify: %v\n", err)
		return exitUsage
	}
	var roots []*x509.Certificate
	if o.root != "" {
		root, err := readRoot(o.root)
		if err != nil {
			// The files are judged all the same: a broken one is worth knowing.
			fmt.Fprintf(errs, "handback-verify: the root could not be read: %v\n", err)
		} else {
			roots = append(roots, root)
		}
	}
	c := checker{roots: roots, options: verify.Options{Practice: o.practice, RequireSanitised: o.require != ""}}
	for _, n := range names {
		c.name(n)
	}
	if o.json {
		return c.printJSON(out, errs)
	}
	c.print(out)
	return c.code()
}

// parse takes options before, between and after the files.
func parse(args []string, errs io.Writer) (options, []string, error) {
	var o options
	fs := flag.NewFlagSet("handback-verify", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.BoolVar(&o.json, "json", false, "")
	fs.StringVar(&o.root, "root", "", "")
	fs.StringVar(&o.require, "require", "", "")
	fs.BoolVar(&o.practice, "practice", false, "")
	fs.StringVar(&o.log, "log", "", "")
	fs.StringVar(&o.crl, "crl", "", "")
	fs.BoolVar(&o.csv, "csv", false, "")
	var names []string
	for {
		if err := fs.Parse(args); err != nil {
			return o, nil, err
		}
		if fs.NArg() == 0 {
			return o, names, nil
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
	case o.crl != "":
		return errors.New("this version reads no revocation list: leave --crl out, and ask the hub whether the stick was revoked")
	case o.csv:
		return errors.New("this version writes no CSV: use --json")
	case len(names) == 0:
		return errors.New("no file is named; see handback-verify --help")
	}
	return nil
}

func readRoot(path string) (*x509.Certificate, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRoot))
	if err != nil {
		return nil, err
	}
	c, err := sign.ParseCert(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// print one sentence per file.
func (c *checker) print(out io.Writer) {
	for _, r := range c.results {
		fmt.Fprintf(out, "%s: %s\n", r.File, r.Sentence)
	}
	for _, l := range c.listed {
		fmt.Fprintf(out, "%s: not judged: not a PDF.\n", l)
	}
}

// printJSON writes one object.
func (c *checker) printJSON(out, errs io.Writer) int {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	err := e.Encode(struct {
		Verdict   verify.Verdict  `json:"verdict"`
		Files     []verify.Result `json:"files"`
		NotJudged []string        `json:"not_judged,omitempty"`
	}{c.worst(), c.results, c.listed})
	if err != nil {
		fmt.Fprintf(errs, "handback-verify: the result could not be written: %v\n", err)
		return exitUnchecked
	}
	return c.code()
}

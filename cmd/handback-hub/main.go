// Command handback-hub keeps the hub's keys and says what became of devices after
// their visit. All of it works on files in one folder; the root's key need not be
// on a computer that has a network.
//
// Messages to people start small and end without a full stop.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

// Exit codes (DESIGN.md, Commands).
const (
	exitDone    = 0
	exitUsage   = 2
	exitNotDone = 3
)

const usageText = `usage: handback-hub COMMAND --data DIR ...

  init    make the hub's root, its own key, and an empty revocation list
  enrol   make the keys of a stick
  revoke  take a stick's keys back
  rekey   make a new key for the hub itself, and take the old one back
  crl     make the revocation list anew, before it is due
  list    show the sticks and what became of their keys

  validated    record who accepts or rejects the result
  transferred  record to whom a device was given
  received     record that it arrived, and what becomes of it
  corrected    record that something was entered wrongly

'handback-hub COMMAND --help' says more. Exit codes: 0 done, 2 wrong use, 3 could not be done.
`

// later commands are known, and not part of this version.
var later = map[string]string{"serve": "the hub's service", "import": "the register of what was handed in", "report": "reports"}

// command reads its flags from f, and then does its work.
type command struct {
	usage string
	setup func(f *flag.FlagSet) func(c *console) error
}

var commands = map[string]command{
	"init": {initUsage, setupInit}, "enrol": {enrolUsage, setupEnrol}, "revoke": {revokeUsage, setupRevoke},
	"rekey": {rekeyUsage, setupRekey}, "crl": {crlUsage, setupCRL}, "list": {listUsage, setupList},
	"validated": {validatedUsage, setupValidated}, "transferred": {transferredUsage, setupTransferred}, "received": {receivedUsage, setupReceived}, "corrected": {correctedUsage, setupCorrected},
}

// console is whom a command talks to.
type console struct {
	in       *os.File
	out, err io.Writer
	now      func() time.Time
}

func main() {
	os.Exit(run(os.Args[1:], &console{os.Stdin, os.Stdout, os.Stderr, time.Now}))
}

// usageError is wrong use: exit 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func misused(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

func run(args []string, c *console) int {
	if len(args) == 0 {
		fmt.Fprint(c.err, usageText)
		return exitUsage
	}
	name, args := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		fmt.Fprint(c.out, usageText)
		return exitDone
	}
	cmd, ok := commands[name]
	switch what, known := later[name]; {
	case known:
		fmt.Fprintf(c.err, "handback-hub: %s, %s, is not part of this version: it works on files by the commands that 'handback-hub --help' shows\n", name, what)
		return exitUsage
	case !ok:
		fmt.Fprintf(c.err, "handback-hub: there is no command %q\n\n%s", name, usageText)
		return exitUsage
	}
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	do := cmd.setup(f)
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(c.out, cmd.usage)
		return exitDone
	case err != nil:
		err = usageError{err}
	case f.NArg() > 0:
		err = misused("%q is not understood", f.Arg(0))
	default:
		err = do(c)
	}
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(c.err, "handback-hub %s: %v\n", name, err)
	if errors.As(err, &usageError{}) {
		fmt.Fprintf(c.err, "'handback-hub %s --help' shows how it is used\n", name)
		return exitUsage
	}
	return exitNotDone
}

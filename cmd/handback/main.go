// Command handback is the appliance: in the booted image it is PID 1, the
// engine and the screen; on any Linux machine it inspects, plans, erases named
// drives and grades. It decides nothing itself: package wipe gives verdicts,
// package grade routes, package exit the exit codes.
//
// Messages to people start small and end without a full stop; what goes to
// standard output under --json is one object and nothing else.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"handback.example/cmd/handback/internal/bench"
	"handback.example/cmd/handback/internal/exit"
	"handback.example/cmd/handback/internal/pid1"
)

func main() { os.Exit(run(os.Args, os.Stdout, os.Stderr)) }

// streams of one command. Out is for results, Err for people.
type streams struct{ Out, Err io.Writer }

// command is one word after 'handback'.
type command struct {
	name, args, short string
	run               func(args []string, s streams) int
}

// commands that people and scripts use, in the order of the help text.
var commands = []command{
	{"inspect", "[--json] [--chroot DIR] [--capture FILE | --from FILE]", "facts about this machine and its drives; changes nothing", inspectCommand},
	{"plan", "[--json] [--level purge|clear] [--from FILE] [--all | DRIVE...]", "what would be done to the drives; changes nothing", planCommand},
	{"wipe", "[--json] [--level purge|clear] [--technique ID] [--verify full|sample] [--out DIR] [--allow-loop]\n" +
		"            --erase-serial SERIAL [--erase-serial SERIAL ...] DRIVE...", "ERASES the drives named, for good", wipeCommand},
	{"control", "[--json] [--out DIR] [--allow-loop] --erase-serial SERIAL DRIVE", "checks the bench on a drive, which it ERASES: a residue planted on it must be found", controlCommand},
	{"grade", "[--json] [--policy FILE] REPORT.json", "the route of a machine, by a report of inspect", gradeCommand},
	{"print", "--uri ADDRESS [--copies MANY] FILE...", "papers and labels on a printer of the network that takes PDF (IPP Everywhere)", printCommand},
	{"visit", "--unattended --settings FILE --out DIR", "the whole way without a person; only in the booted image", onlyInImage("visit")},
	{"practice", "[--machine NUMBER | --from FILE] [--out DIR]", "the screens and the engine on simulated machines; nothing real is erased", practiceCommand},
}

// internalCommands are what PID 1 and the engine start as processes of their own.
var internalCommands = map[string]func(args []string) int{
	bench.TestCommand:  bench.TestProcess,
	pid1.EngineCommand: func([]string) int { return bench.Main() },
	pid1.ScreenCommand: screenProcess,
}

func run(args []string, out, errw io.Writer) int {
	s := streams{out, errw}
	if len(args) == 0 {
		return usage(errw, exit.Usage)
	}
	switch {
	case filepath.Base(args[0]) == "modprobe":
		return pid1.Modprobe(args[1:]) // so the kernel calls it
	case os.Getpid() == 1:
		return pid1.Main()
	case len(args) == 1:
		return onlyInImage("the bench screen")(nil, s)
	}
	switch args[1] {
	case "help", "-h", "-help", "--help":
		return usage(out, exit.OK)
	}
	for _, c := range commands {
		if c.name == args[1] {
			return c.run(args[2:], s)
		}
	}
	if f := internalCommands[args[1]]; f != nil {
		return f(args[2:])
	}
	fmt.Fprintf(errw, "handback: there is no command %q\n\n", args[1])
	return usage(errw, exit.Usage)
}

func usage(w io.Writer, code int) int {
	fmt.Fprint(w, "usage: handback COMMAND\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  %s\n            %s\n", strings.TrimSpace(fmt.Sprintf("%-9s %s", c.name, c.args)), c.short)
	}
	fmt.Fprint(w, "\n'handback COMMAND --help' says more. Exit codes: 0 done and well, 1 a drive's verdict is bad,\n"+
		"2 wrong use, 3 refused or could not be done, 130 stopped before anything was destroyed.\n")
	return code
}

// onlyInImage ends what needs the appliance around it: outside, no drive may be
// erased without being named.
func onlyInImage(what string) func([]string, streams) int {
	return func(_ []string, s streams) int {
		fmt.Fprintf(s.Err, "handback: %s runs only in the booted image: start the machine from a Handback stick, or try it in a virtual machine with 'handback-image try'. 'handback help' lists what runs here\n", what)
		return exit.NotDone
	}
}

package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"time"

	"handback.example/cmd/handback/internal/exit"
	"handback.example/cmd/handback/internal/ipp"
	"handback.example/cmd/internal/bounded"
)

// printTime is how long one file may take to come out.
const printTime = 5 * time.Minute

// printMost is the longest file that is read, in MiB; papers have some hundred KB.
const printMost = 64

// printOptions are what the command line asks for.
type printOptions struct {
	uri    string
	copies int
	files  []string
}

// printCommand prints papers and labels on a printer of the network.
func printCommand(args []string, s streams) int {
	var o printOptions
	fs := flag.NewFlagSet("print", flag.ContinueOnError)
	fs.StringVar(&o.uri, "uri", "", "the printer's `ADDRESS`, like ipp://printer.example/ipp/print")
	fs.IntVar(&o.copies, "copies", 1, "so `MANY` of each")
	files, code, ok := parse(fs, s, args, "--uri ADDRESS [--copies MANY] FILE...")
	o.files = files
	switch {
	case !ok:
		return code
	case o.uri == "":
		return wrongUse(s, "print", "say by --uri on which printer")
	case len(o.files) == 0:
		return wrongUse(s, "print", "name the papers to print, like certificates/S01-000412-erasure.pdf")
	case o.copies < 1:
		return wrongUse(s, "print", "%d copies can't be printed", o.copies)
	}
	if err := ipp.Check(o.uri); err != nil {
		return wrongUse(s, "print", "%s", err)
	}
	ctx, stop := interruptible()
	defer stop()
	return printFiles(ctx, o, s)
}

// printFiles prints what can be printed, and says of each.
func printFiles(ctx context.Context, o printOptions, s streams) int {
	code := exit.OK
	for _, name := range o.files {
		data, err := bounded.ReadRegular(name, printMost)
		if err == nil {
			err = printOne(ctx, o, name, data)
		}
		if err != nil {
			fmt.Fprintf(s.Err, "handback print: %s: %s\n", name, err)
			code = exit.NotDone
			continue
		}
		fmt.Fprintf(s.Out, "printed %s\n", name)
	}
	return code
}

func printOne(ctx context.Context, o printOptions, name string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, printTime)
	defer cancel()
	return ipp.Print(ctx, o.uri, ipp.Document{Name: filepath.Base(name), Data: data, Copies: o.copies})
}

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"handback.example/cmd/handback/internal/exit"
)

// parse reads options and operands in any order. When it returns false the
// command ends with the code: 0 after --help, 2 on wrong use.
func parse(fs *flag.FlagSet, s streams, args []string, line string) (operands []string, code int, ok bool) {
	fs.Usage = func() {}
	fs.SetOutput(io.Discard)
	for {
		if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
			help(fs, s.Out, line)
			return nil, exit.OK, false
		} else if err != nil {
			return nil, wrongUse(s, fs.Name(), "%s", err), false
		}
		rest := fs.Args()
		if len(rest) == 0 {
			return operands, exit.OK, true
		}
		// After '--' everything is an operand.
		if used := len(args) - len(rest); used > 0 && args[used-1] == "--" {
			return append(operands, rest...), exit.OK, true
		}
		operands, args = append(operands, rest[0]), rest[1:]
	}
}

func help(fs *flag.FlagSet, w io.Writer, line string) {
	fmt.Fprintf(w, "usage: handback %s %s\n\n", fs.Name(), line)
	fs.VisitAll(func(f *flag.Flag) {
		name, what := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  --%-28s %s\n", strings.TrimSpace(f.Name+" "+name), what)
	})
}

func wrongUse(s streams, name, format string, a ...any) int {
	fmt.Fprintf(s.Err, "handback %s: %s\n", name, fmt.Sprintf(format, a...))
	fmt.Fprintf(s.Err, "'handback %s --help' shows how it is used\n", name)
	return exit.Usage
}

// notDone says why the command could not be done.
func notDone(s streams, name string, err error) int {
	fmt.Fprintf(s.Err, "handback %s: %s\n", name, err)
	return exit.NotDone
}

// texts is an option that may be given several times.
type texts []string

func (t *texts) String() string { return strings.Join(*t, ",") }

func (t *texts) Set(v string) error {
	if v == "" {
		return errors.New("it is empty")
	}
	*t = append(*t, v)
	return nil
}

// oneOf is an option with fixed values.
type oneOf struct {
	value string
	may   []string
}

func (o *oneOf) String() string { return o.value }

func (o *oneOf) Set(v string) error {
	for _, m := range o.may {
		if v == m {
			o.value = v
			return nil
		}
	}
	return fmt.Errorf("it must be one of %s", strings.Join(o.may, ", "))
}

// printJSON writes the one object of --json.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

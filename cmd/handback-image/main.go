// Command handback-image builds the image that a machine boots from, and tries it
// in a virtual laptop. It needs no root, and touches no disk of this computer.
//
// Messages to people start small and end without a full stop.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

const usageText = `usage: handback-image COMMAND

  build         build the image of a stick
  try           boot an image in a virtual laptop
  serve-drive   serve a model of a drive to a real kernel

'handback-image COMMAND --help' says more. Exit codes: 0 done and well, 1 a drive's
verdict is bad, 2 wrong use, 3 could not be done, 130 stopped before anything was destroyed.
`

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdin *os.File, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usageText)
		return exitUsage
	}
	switch args[0] {
	case "build":
		return runBuild(ctx, args[1:], stdout, stderr)
	case "try":
		return runTry(ctx, args[1:], stdin, stdout, stderr)
	case "serve-drive":
		return runServe(ctx, args[1:], stdin, stdout, stderr)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usageText)
		return 0
	}
	fmt.Fprintf(stderr, "handback-image: there is no command %q\n\n%s", args[0], usageText)
	return exitUsage
}

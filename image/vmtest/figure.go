package vmtest

import (
	"fmt"
	"os"
)

// Test is what Figure needs of a testing.TB.
type Test interface {
	Helper()
	Name() string
	Logf(format string, a ...any)
	Error(a ...any)
}

// Figure that a test measured: logged, and put into the file that the environment
// variable FIGURES names, for the test runner is silent about what went well.
func Figure(t Test, format string, a ...any) {
	t.Helper()
	t.Logf(format, a...)
	name := os.Getenv("FIGURES")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "%s: %s\n", t.Name(), fmt.Sprintf(format, a...)); err != nil {
		t.Error(err)
	}
}

// Package bounded reads files of others: never more than a bound, and, where nobody
// meant a pipe, nothing that could make a reader wait for ever.
package bounded

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// MiB is what bounds are counted in.
const MiB = 1 << 20

// ReadFile reads a file, or what comes out of a pipe, of at most so many MiB.
func ReadFile(name string, most int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return readAll(f, most)
}

// ReadRegular is ReadFile of a regular file.
func ReadRegular(name string, most int) ([]byte, error) {
	f, err := Open(name)
	if err != nil {
		return nil, err
	}
	return readAll(f, most)
}

// Open a regular file.
func Open(name string) (*os.File, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, &os.PathError{Op: "open", Path: name, Err: errors.New("it is not a regular file")}
	}
	return os.Open(name)
}

func readAll(f *os.File, most int) ([]byte, error) {
	defer f.Close()
	bound := int64(most) * MiB
	b, err := io.ReadAll(io.LimitReader(f, bound+1))
	if err == nil && int64(len(b)) > bound {
		return nil, fmt.Errorf("%s is larger than %d MiB: it is none of ours", f.Name(), most)
	}
	return b, err
}

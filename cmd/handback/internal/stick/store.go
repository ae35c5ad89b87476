package stick

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
)

// File is one file to be written.
type File struct {
	Name string // relative, with '/': 'spool/S01-000412.json'
	Data []byte
	// New: fail with fs.ErrExist where the name is taken; otherwise replace it.
	New bool
	// Remove: take the file away, if it is there. Data is empty.
	Remove bool
}

// Store keeps files durably. When a method that writes returns nil, what it
// wrote survives a power cut. When it returns an error it is not known whether
// the last file is there; a file that is there is whole, old or new.
//
// Errors are fs.ErrExist, fs.ErrNotExist, fs.ErrInvalid (a name), those of ctx,
// or one of ErrGone, ErrFull, ErrCorrupt, ErrReadOnly, ErrOther, ErrAmbiguous,
// ErrFaulty, ErrNoReceipt; Explain says any of them to people.
type Store interface {
	// Write makes the file or replaces it as a whole.
	Write(ctx context.Context, name string, b []byte) error
	// Create fails with fs.ErrExist where the name is taken.
	Create(ctx context.Context, name string, b []byte) error
	// WriteAll writes in the order given, at the cost of one mount: a file is
	// begun when the one before it is on the medium. It ends at the first error.
	WriteAll(ctx context.Context, files []File) error
	// Read gives a whole file of at most MaxFile bytes.
	Read(ctx context.Context, name string) ([]byte, error)
	// ReadAll reads files in the order given, at the cost of one mount. It ends at the
	// first error, and gives what it has read before.
	ReadAll(ctx context.Context, names []string) ([][]byte, error)
	// List gives the names of the files in a folder, sorted. A folder that isn't
	// there is empty.
	List(ctx context.Context, dir string) ([]string, error)
	// Present tells whether the place is there now. It is cheap.
	Present() bool
	// Free gives the bytes that can still be written.
	Free() (int64, error)
}

// MaxFile is the longest file that Read takes, in bytes.
const MaxFile = 64 << 20

// nameMax keeps the temporary file's name within exFAT's 255 characters.
const nameMax = 200

// checkName takes relative names of plain characters only: they come from tags
// and stick names, which people typed.
func checkName(op, name string) error {
	bad := func(why string) error {
		return &fs.PathError{Op: op, Path: name, Err: fmt.Errorf("%w: %s", fs.ErrInvalid, why)}
	}
	if !fs.ValidPath(name) || name == "." {
		return bad("a relative name is needed")
	}
	for _, part := range strings.Split(name, "/") {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") || len(part) > nameMax {
			return bad("a part begins or ends with a dot, ends with a space, or is too long")
		}
		for _, r := range part {
			// What exFAT (clause 7.7.3) or a shell would take for something else.
			if r < 0x20 || r > 0x7e || strings.ContainsRune(`"*/:<>?\|`, r) {
				return bad("a character is not allowed")
			}
		}
	}
	return nil
}

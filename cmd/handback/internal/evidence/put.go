package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"handback.example/cmd/handback/internal/stick"
)

// put stores files in order and gives the number of those that are certainly on
// the medium.
func put(ctx context.Context, st stick.Store, files []stick.File) (int, error) {
	err := st.WriteAll(ctx, files)
	switch {
	case err == nil:
		return len(files), nil
	case !errors.Is(err, fs.ErrExist):
		return 0, err
	}
	// An attempt before this one got further than it could say.
	for i, f := range files {
		if err := putOne(ctx, st, f); err != nil {
			return i, err
		}
	}
	return len(files), nil
}

func putOne(ctx context.Context, st stick.Store, f stick.File) error {
	if !f.New {
		return st.WriteAll(ctx, []stick.File{f})
	}
	err := st.Create(ctx, f.Name, f.Data)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, err := st.Read(ctx, f.Name)
	if err != nil {
		return err
	}
	if !bytes.Equal(there, f.Data) {
		return fmt.Errorf("%w: another record stands in %s, and nothing was replaced: keep this machine on, and tell the supervisor", fs.ErrExist, f.Name)
	}
	// It is there, but nobody ever said that it would outlive a power cut: the same
	// bytes take their own place.
	return st.Write(ctx, f.Name, f.Data)
}

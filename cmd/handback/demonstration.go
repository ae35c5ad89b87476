package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/settings"
)

// demonstrationKey holds root, stick certificate and key in one file: whoever
// makes it first has made all three.
const demonstrationKey = settings.KeysDir + "/demonstration.pem"

// demonstrationSigner gives the key that papers are signed with outside the
// appliance. It is made once and lives in the state directory, readable by its
// owner only.
func demonstrationSigner(ctx context.Context, state *stick.Dir) (*sign.Signer, error) {
	b, err := state.Read(ctx, demonstrationKey)
	if errors.Is(err, fs.ErrNotExist) {
		if b, err = makeDemonstration(); err != nil {
			return nil, err
		}
		if err = state.Create(ctx, demonstrationKey, b); errors.Is(err, fs.ErrExist) {
			// Another handback was faster: its key counts.
			b, err = state.Read(ctx, demonstrationKey)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the demonstration key in %s: %w", state.Path(), err)
	}
	s, err := loadDemonstration(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: move it away, and a new key is made", filepath.Join(state.Path(), demonstrationKey), err)
	}
	return s, nil
}

// makeDemonstration makes a root and a stick under it. The root's own key is not
// kept: nothing else is ever signed with it.
func makeDemonstration() ([]byte, error) {
	// No two state directories have a stick of the same name.
	root, _, cert, key, err := sign.Demonstration("DEMO" + rand.Text()[:6])
	return bytes.Join([][]byte{root, cert, key}, nil), err
}

func loadDemonstration(b []byte) (*sign.Signer, error) {
	var parts [][]byte
	for rest := b; len(parts) < 3; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("it is not a demonstration key")
		}
		parts = append(parts, pem.EncodeToMemory(block))
	}
	s, err := sign.LoadStick(parts[0], parts[1], parts[2])
	if err == nil && s.Class != sign.Demonstrating {
		err = fmt.Errorf("its class is %s, not %s", s.Class, sign.Demonstrating)
	}
	return s, err
}

// putRoot writes the root beside the papers, so that they can be checked. Another
// root that stands there vouches for papers that are there already.
func putRoot(ctx context.Context, out *stick.Dir, s *sign.Signer) error {
	root := sign.CertPEM(s.Root)
	there, err := out.Read(ctx, settings.RootPEM)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return out.Write(ctx, settings.RootPEM, root)
	case err != nil:
		return err
	case !bytes.Equal(there, root):
		return fmt.Errorf("%s is the root of another key, which papers there may need: name another folder by --out", filepath.Join(out.Path(), settings.RootPEM))
	}
	return nil
}

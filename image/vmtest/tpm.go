package vmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// startTPM starts swtpm on the state in folder state, made where it is not
// there, with its control socket in dir. It ends with QEMU's connection.
func startTPM(ctx context.Context, state, dir string) (*process, error) {
	abs, err := filepath.Abs(state)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, err
	}
	// swtpm's options end at a comma and cannot escape one: it gets a link.
	link := filepath.Join(dir, "tpm")
	if err := os.Symlink(abs, link); err != nil {
		return nil, err
	}
	sock := filepath.Join(dir, "tpm.sock")
	p, err := start(swtpm, "socket", "--tpm2", "--terminate", "--tpmstate", "dir="+link, "--ctrl", "type=unixio,path="+sock)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for {
		if _, err := os.Stat(sock); err == nil {
			return p, nil
		}
		select {
		case <-p.done:
			return nil, fmt.Errorf("the virtual TPM does not start: %s", p.fault())
		case <-ctx.Done():
			err = ctx.Err()
		case <-limit:
			err = errors.New("the virtual TPM does not answer")
		case <-tick.C:
			continue
		}
		p.end(0)
		return nil, err
	}
}

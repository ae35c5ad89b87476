package tpm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
)

// devices that reach the TPM, the better first: behind the kernel's resource
// manager nothing of ours can stay in the TPM's few slots, and nobody else's
// keys are in the way.
var devices = []string{"/dev/tpmrm0", "/dev/tpm0"}

// Open the machine's TPM. A command that has no answer when ctx ends gives an
// error, and so does every one after it.
func Open(ctx context.Context) (transport.TPMCloser, error) {
	var errs []error
	for _, path := range devices {
		dev, err := linuxtpm.Open(path)
		if err == nil {
			return Bound(ctx, dev), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return nil, fmt.Errorf("there is no %s", devices[0])
	}
	return nil, errors.Join(errs...)
}

// bound gives up on a TPM that does not answer in time.
type bound struct {
	ctx context.Context
	dev transport.TPM
	mu  sync.Mutex // one command at a time
	bad error
	// hung is closed when the command that had no answer in time ends after all.
	hung chan struct{}
}

// Bound ends every wait for an answer with ctx. The command may still be carried
// out: what it did is unknown.
func Bound(ctx context.Context, dev transport.TPM) transport.TPMCloser {
	if b, ok := dev.(*bound); ok && b.ctx == ctx {
		return b
	}
	return &bound{ctx: ctx, dev: dev}
}

func (b *bound) Send(command []byte) (answer []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bad != nil {
		return nil, b.bad
	}
	if err := b.ctx.Err(); err != nil {
		return nil, err
	}
	type result struct {
		answer []byte
		err    error
	}
	done := make(chan result, 1) // room for one: the sender never waits for us
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a, err := b.dev.Send(command)
		done <- result{a, err}
	}()
	select {
	case r := <-done:
		return r.answer, r.err
	case <-b.ctx.Done():
		b.bad, b.hung = fmt.Errorf("the TPM did not answer in time: %w", b.ctx.Err()), ended
		return nil, b.bad
	}
}

// Close does not wait for a command that hangs: the device is closed when, and if,
// it ends.
func (b *bound) Close() error {
	c, ok := b.dev.(io.Closer)
	if !ok {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bad != nil {
		go func() {
			<-b.hung
			_ = c.Close() // nobody is left to hear of it
		}()
		return b.bad
	}
	return c.Close()
}

// Package tpmtest runs a real TPM 2.0 in software (swtpm) for tests.
package tpmtest

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"
)

// TPM is one swtpm, that ends with the test.
type TPM struct {
	t    testing.TB
	sock string
	cmd  *exec.Cmd
	done chan struct{}
}

// Start a new TPM whose TPM2_Startup was done, as a machine's firmware does it.
func Start(t testing.TB) *TPM { return start(t, "startup-clear") }

// StartDead gives a TPM that nobody has started: it answers every command with
// TPM_RC_INITIALIZE.
func StartDead(t testing.TB) *TPM { return start(t, "not-need-init") }

func start(t testing.TB, flags string) *TPM {
	t.Helper()
	path, err := exec.LookPath("swtpm")
	if err != nil {
		t.Fatal("swtpm is not installed: 'make test' installs it")
	}
	dir, err := os.MkdirTemp("", "tpm") // short: the name of a socket has 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	d := &TPM{t: t, sock: filepath.Join(dir, "s"), done: make(chan struct{})}
	var said bytes.Buffer
	d.cmd = exec.Command(path, "socket", "--tpm2", "--tpmstate", "dir="+dir, "--server", "type=unixio,path="+d.sock,
		"--ctrl", "type=unixio,path="+filepath.Join(dir, "c"), "--flags", "not-need-init,"+flags)
	d.cmd.Stderr, d.cmd.Stdout = &said, &said
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait() // it is killed
		close(d.done)
	}()
	t.Cleanup(func() {
		d.Kill()
		_ = os.RemoveAll(dir)
	})
	d.awaitSocket(&said)
	return d
}

func (d *TPM) awaitSocket(said *bytes.Buffer) {
	d.t.Helper()
	limit := time.After(20 * time.Second)
	for {
		// The name is there a moment before it takes a connection.
		if c, err := net.Dial("unix", d.sock); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-d.done:
			d.t.Fatalf("swtpm does not start: %s", said)
		case <-limit:
			d.t.Fatal("swtpm made no socket in time")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Open a way to it.
func (d *TPM) Open(context.Context) (transport.TPMCloser, error) { return linuxudstpm.Open(d.sock) }

// Transport is Open for a test that expects it to work.
func (d *TPM) Transport() transport.TPMCloser {
	d.t.Helper()
	dev, err := d.Open(context.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	return dev // it connects for each command: there is nothing to close
}

// Kill ends it, as a TPM that falls off its bus.
func (d *TPM) Kill() {
	_ = d.cmd.Process.Kill() // it may have ended
	<-d.done
}

// Stop leaves it there without answers, until it is killed.
func (d *TPM) Stop() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		d.t.Fatal(err)
	}
}

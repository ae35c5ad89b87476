package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/image/vmtest"
)

// hostTPM lets tpm2-tools at the TPM whose state lies in a folder, made where it
// is not there, while no machine uses it.
type hostTPM struct {
	t    *testing.T
	port int
	dir  string // for the tools' own files
}

// withTPM starts the TPM as after power-on, and shuts it down as a machine would.
func withTPM(t *testing.T, state string, do func(hostTPM)) {
	t.Helper()
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	h := hostTPM{t: t, dir: t.TempDir()}
	end := h.power(state)
	defer end()
	do(h)
	h.run("tpm2_shutdown", "--clear")
}

// power starts swtpm on two ports, one after the other as tpm2-tools want them.
// Somebody else may take them in between: then others are tried.
func (h *hostTPM) power(state string) (end func()) {
	h.t.Helper()
	var why error
	for range 20 {
		port, ok := twoPorts()
		if !ok {
			continue
		}
		c := exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+state, "--server", fmt.Sprintf("type=tcp,port=%d", port),
			"--ctrl", fmt.Sprintf("type=tcp,port=%d", port+1), "--flags", "startup-clear,not-need-init")
		var said bytes.Buffer
		c.Stdout, c.Stderr = &said, &said
		if err := c.Start(); err != nil {
			h.t.Fatalf("swtpm (package swtpm): %v", err)
		}
		gone := make(chan error, 1)
		go func() { gone <- c.Wait() }()
		end = func() {
			_ = c.Process.Kill() // fails only where it has ended
			<-gone
		}
		h.port = port
		for try := time.Now(); time.Since(try) < 10*time.Second; time.Sleep(50 * time.Millisecond) {
			select {
			case err := <-gone:
				why = fmt.Errorf("swtpm: %w: %s", err, said.String())
				gone <- err
			default:
				if _, err := h.try("tpm2_getcap", "properties-variable"); err != nil {
					why = err
					continue
				}
				return end
			}
			break
		}
		end()
	}
	h.t.Fatalf("the TPM does not start: %v", why)
	return nil
}

// twoPorts that are free, one after the other.
func twoPorts() (int, bool) {
	a, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, false
	}
	defer a.Close()
	port := a.Addr().(*net.TCPAddr).Port
	b, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port+1))
	if err != nil {
		return 0, false
	}
	return port, b.Close() == nil
}

func (h hostTPM) try(name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), fmt.Sprintf("TPM2TOOLS_TCTI=swtpm:host=127.0.0.1,port=%d", h.port))
	out, err := c.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s (package tpm2-tools): %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out), err
}

func (h hostTPM) run(name string, args ...string) string {
	h.t.Helper()
	out, err := h.try(name, args...)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// name of a key, in hex, that is made anew from its seed.
func (h hostTPM) name(create string, args ...string) string {
	h.t.Helper()
	key, name := filepath.Join(h.dir, "key"), filepath.Join(h.dir, "name")
	h.run(create, append(args, "-Q", "-c", key)...)
	h.run("tpm2_readpublic", "-Q", "-c", key, "-n", name)
	h.run("tpm2_flushcontext", "-Q", "-t")
	b, err := os.ReadFile(name)
	if err != nil || len(b) == 0 {
		h.t.Fatalf("the key has no name: %v", err)
	}
	return hex.EncodeToString(b)
}

// owned is what a TPM is known by.
type owned struct {
	srk, ek string // names of keys: 000b (SHA-256), then the hash of the public area
	index   bool   // the planted NV index is there
	lockout bool   // the lockout has a password
}

// plantedIndex is where a former owner kept something.
const plantedIndex = "0x1500016"

func (h hostTPM) look() owned {
	h.t.Helper()
	return owned{
		srk:     h.name("tpm2_createprimary", "-C", "o", "-G", "ecc"),
		ek:      h.name("tpm2_createek", "-G", "ecc", "-u", filepath.Join(h.dir, "ek.pub")),
		index:   strings.Contains(strings.ToLower(h.run("tpm2_getcap", "handles-nv-index")), plantedIndex),
		lockout: strings.Contains(strings.Join(strings.Fields(h.run("tpm2_getcap", "properties-variable")), ""), "lockoutAuthSet:1"),
	}
}

// plantTPM makes a TPM that somebody owned.
func (l *laptop) plantTPM(more func(hostTPM)) (before owned) {
	l.t.Helper()
	withTPM(l.t, filepath.Join(l.dir, "tpm"), func(h hostTPM) {
		h.run("tpm2_nvdefine", "-Q", "-C", "o", "-s", "32", "-a", "ownerread|ownerwrite", plantedIndex)
		if more != nil {
			more(h)
		}
		before = h.look()
	})
	if !before.index {
		l.t.Fatal("nothing is planted in the TPM")
	}
	return before
}

// tpmCleared checks on the TPM itself that it was cleared and is the same TPM.
func (l *laptop) tpmCleared(before owned) {
	l.t.Helper()
	var after owned
	withTPM(l.t, filepath.Join(l.dir, "tpm"), func(h hostTPM) { after = h.look() })
	switch {
	case after.index:
		l.t.Error("the TPM still holds what was planted in it")
	case after.srk == before.srk:
		l.t.Error("the TPM has its old storage key: it was not cleared")
	case after.ek != before.ek:
		l.t.Error("the TPM's endorsement key is another")
	case after.lockout:
		l.t.Error("the TPM's lockout still has a password")
	}
}

// A TPM whose lockout has a password, as Windows leaves it: the machine starts
// again by itself, its firmware clears the TPM at the press of a key, and the next
// start proves and records it.
func TestApplianceOwnedTPM(t *testing.T) {
	long(t)
	t.Parallel()
	const mib = 16
	l := newLaptop(t, nil)
	before := l.plantTPM(func(h hostTPM) { h.run("tpm2_changeauth", "-Q", "-c", "lockout", "a password of an earlier owner") })
	if !before.lockout {
		t.Fatal("the TPM's lockout has no password")
	}
	drive := l.plant("mike", mib)
	vm := l.start(vmtest.Config{TPM: filepath.Join(l.dir, "tpm"), PressF12: true, Drives: []vmtest.Drive{{Bus: vmtest.BusNVMe, Target: drive.path}}})
	l.await(vm, "tpm", "result=pending")
	l.await(vm, "reboot")
	l.await(vm, "picked-up")
	if code := l.off(vm); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	t.Logf("the machine started again %d times", vm.Reboots())
	boots := 0
	for _, e := range vm.Events() {
		if e.Name == "pid1" {
			boots++
		}
	}
	if boots != 2 {
		t.Errorf("the appliance was booted %d times, want 2", boots)
	}
	drive.gone(t)
	l.tpmCleared(before)
	v := l.takeOne()
	var results []string
	for _, r := range v.records {
		if r.TPM != nil {
			results = append(results, r.TPM.Result)
		}
	}
	if !slices.Equal(results, []string{certs.TPMPending, certs.TPMCleared}) || v.summary.TPM.SRKChanged != certs.Yes || v.summary.TPM.EKKept != certs.Yes {
		t.Errorf("the records of the TPM are %v, the last %+v", results, v.summary.TPM)
	}
	if n := len(v.ends("MIKE")); n != 1 {
		t.Errorf("the drive ended %d times", n)
	}
	l.genuine(v, "erasure", "hold")
	l.espUntouched()
}

package guest_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/nvme"
	"handback.example/inspect/drive/sim/nvmetcp"
)

// hangs is the command that the model never answers: Device Self-test (Base 2.0
// clause 5.9).
const hangs = 0x14

// model is an NVMe/TCP target on this computer that hangs on one command.
func model(t *testing.T) (address string, m *nvme.Drive) {
	t.Helper()
	op := byte(hangs)
	m, err := nvme.New(nvme.Config{Serial: "ECHO", Model: "Example", Firmware: "1", Clock: sim.NewManual(),
		Namespaces: []nvme.Namespace{{ID: 1, Bytes: 16 << 20, Attached: true}},
		Script:     sim.NewScript(sim.Fault{When: sim.When{Opcode: &op}, Do: sim.Action{Hang: true}})})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- nvmetcp.Serve(ctx, l, m, nvmetcp.Options{}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), m
}

// A guest that sleeps, drives by network, calls that are given up, and a kernel
// that panics while a drive owes an answer.
func TestGuestEnds(t *testing.T) {
	address, m := model(t)
	// The end that is meant is no reason to show its log.
	g, err := guest.Start(t.Context(), guest.Config{CanSuspend: true, NVMeTCP: []string{address},
		Drives: []vmtest.Drive{disk(t, vmtest.BusSATA, "bravo")}, Say: func(s string) { t.Log(s) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	t.Run("suspend", func(t *testing.T) {
		bravo, err := g.FindDrive(ctx, "BRAVO")
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Suspend(ctx, 5*time.Second); err != nil {
			t.Fatal(err)
		}
		if log := strings.Join(g.VM().Lines(), "\n"); !strings.Contains(log, "Entering standby power mode") || strings.Count(log, "Linux version") != 1 {
			t.Errorf("the guest did not sleep and wake up:\n%s", g.VM().LogTail(20))
		}
		d, err := g.Opener().OpenTarget(bravo.Path)
		if err != nil {
			t.Fatal(err)
		}
		if id, err := d.Identify(ctx); err != nil || id.Serial != "BRAVO" {
			t.Errorf("a drive after its sleep: %+v, %v", id, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	controller, err := g.Connect(ctx, address, m.SubNQN(), "ctrl_loss_tmo=600")
	if err != nil {
		t.Fatal(err)
	}
	echo, err := g.NVMeNamespace(ctx, controller, 1)
	if err != nil || echo.Serial != "ECHO" {
		t.Fatalf("%+v, %v", echo, err)
	}
	d, err := g.Opener().OpenTarget(echo.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("given up", func(t *testing.T) { testGivenUp(t, d) })
	t.Run("panic", func(t *testing.T) { testPanic(t, g, d) })
}

func selfTest(ctx context.Context, d drive.Target) error {
	sqe := make([]byte, 64)
	sqe[0], sqe[4], sqe[40] = hangs, 1, 1
	_, err := d.Do(ctx, drive.Command{Protocol: drive.ProtocolNVMe, Frame: sqe, Timeout: 10 * time.Minute})
	return err
}

func testGivenUp(t *testing.T, d drive.Target) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	start := time.Now()
	err := selfTest(ctx, d)
	if !errors.Is(err, drive.ErrNoAnswer) || !errors.Is(err, context.Canceled) || errors.Is(err, guest.ErrGone) {
		t.Errorf("a command that was given up: %v", err)
	}
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("it took %s: the guest did not hear of it", took)
	}
	if id, err := d.Identify(t.Context()); err != nil || id.Serial != "ECHO" {
		t.Errorf("the drive after it: %+v, %v", id, err)
	}
}

func testPanic(t *testing.T, g *guest.Guest, d drive.Target) {
	answer := make(chan error, 1)
	go func() { answer <- selfTest(t.Context(), d) }()
	select {
	case err := <-answer:
		t.Fatalf("the command that hangs: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := g.WriteFile(ctx, "/proc/sysrq-trigger", []byte("c")); !errors.Is(err, guest.ErrGone) {
		t.Errorf("the kernel was told to panic: %v", err)
	}
	select {
	case err := <-answer:
		if !errors.Is(err, drive.ErrNoAnswer) || !errors.Is(err, guest.ErrGone) || !strings.Contains(err.Error(), "sysrq triggered crash") {
			t.Errorf("the machine went away meanwhile: %v", err)
		}
	case <-ctx.Done():
		t.Error("nobody said that the machine is gone")
	}
	<-g.VM().Done()
	if err := g.VM().Wait(); err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("the machine ended by %v", err)
	}
	if size := d.Geometry().Size; size != 16<<20 {
		t.Errorf("a drive of a machine that is gone has %d bytes", size)
	}
}

func TestMissingTool(t *testing.T) {
	if _, err := guest.Start(t.Context(), guest.Config{Tools: []string{"no-such-tool"}}); err == nil || !strings.Contains(err.Error(), "no-such-tool is not installed") {
		t.Errorf("%v", err)
	}
}

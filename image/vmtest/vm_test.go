package vmtest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/diskfs/go-diskfs"
	"github.com/diskfs/go-diskfs/disk"
	"github.com/diskfs/go-diskfs/filesystem"

	"handback.example/image/vmtest"
)

// shellStick is a FAT32 stick without a boot loader: OVMF starts its own shell,
// which runs startup.nsh. So the harness is tested against a machine that boots,
// writes events, starts again and powers off, and needs no kernel for it.
func shellStick(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shell.img")
	d, err := diskfs.Create(path, 40<<20, diskfs.SectorSizeDefault)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	fs, err := d.CreateFilesystem(disk.FilesystemSpec{Partition: 0, FSType: filesystem.TypeFat32, VolumeLabel: "SHELL"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := fs.OpenFile("/startup.nsh", os.O_CREATE|os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(strings.ReplaceAll(script, "\n", "\r\n"))); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func raw(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 8<<20); err != nil {
		t.Fatal(err)
	}
	return path
}

// buffer is a bytes.Buffer for two goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) { b.mu.Lock(); defer b.mu.Unlock(); return b.b.Write(p) }
func (b *buffer) String() string              { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }

// turn is how long others may hold both of the machines that run at once.
const turn = 10 * time.Minute

// One machine with a drive on every bus, a TPM and a stick, started twice by
// itself: many checks in one boot.
func TestMachine(t *testing.T) {
	faults := filepath.Join(t.TempDir(), "faults.conf")
	if err := os.WriteFile(faults, []byte("[inject-error]\nevent = \"write_aio\"\nerrno = \"5\"\nsector = \"200\"\niotype = \"write\"\nonce = \"off\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var drives []vmtest.Drive
	for _, s := range []string{
		"nvme:" + raw(t, "alpha.img"), "sata:" + raw(t, "bravo, the second.img"), "usb:" + raw(t, "charlie.img"), "sd:" + raw(t, "delta.img"),
		"sata:blkdebug:" + faults + ":" + raw(t, "echo.img"), "sd:" + raw(t, "foxtrot.img"), "nvme-tcp:127.0.0.1:4420",
	} {
		d, err := vmtest.ParseDrive(s)
		if err != nil {
			t.Fatal(err)
		}
		drives = append(drives, d)
	}
	// A variable of the shell, kept in the firmware's flash, tells the second
	// boot from the first.
	stick := shellStick(t, `@echo -off
if "%second%" == "yes" then
  echo handback: event exit code=3
  reset -s
endif
echo handback: event pid1
smbiosview -t 3
smbiosview -t 11
echo end of tables
pause
set second yes
reset
`)
	out := t.TempDir()
	log, screen := filepath.Join(out, "serial.log"), &buffer{}
	state := filepath.Join(out, "tpm, state")
	var heard []string
	vm, err := vmtest.Start(t.Context(), vmtest.Config{ // waits for its turn as long as it takes
		Stick: stick, Drives: drives, TPM: state, AssetTag: "DEMO-0001", SerialLog: log, Screen: screen,
		OnEvent: func(e vmtest.Event) { heard = append(heard, e.String()) },
		Say:     func(s string) { t.Log(s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	if _, err := vm.WaitEvent(ctx, "pid1"); err != nil {
		t.Fatal(err)
	}
	if err := vm.WaitText(ctx, "end of tables"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Join(vm.Lines(), "\n")
	for _, want := range []string{"DEMO-0001", "Notebook", "EX14-000412", "handback-test:nvme-tcp=10.0.2.2:4420"} {
		if !strings.Contains(lines, want) {
			t.Errorf("the firmware's tables hold no %q", want)
		}
	}
	shot := filepath.Join(out, "screen.png")
	if err := vm.Screendump(ctx, shot); err != nil {
		t.Error(err)
	} else {
		checkPicture(t, shot)
	}
	if n, err := vm.DriveBytes(ctx); err != nil || n < 4096 {
		t.Errorf("the firmware has read %d bytes of the stick (%v)", n, err)
	}
	if err := vm.Pull(ctx); err != nil {
		t.Error(err)
	}
	if err := vm.Pull(ctx); err == nil {
		t.Error("a stick that is gone was pulled again")
	}
	if err := vm.Return(ctx); err != nil {
		t.Error(err)
	}
	// 'pause' waits for a key other than q, from the laptop's keyboard.
	if err := vm.Type(ctx, "y"); err != nil {
		t.Error(err)
	}
	e, err := vm.WaitEvent(ctx, "exit", "code=3")
	if err != nil {
		t.Fatal(err)
	}
	if e.Values["code"] != "3" {
		t.Errorf("event is %v", e)
	}
	if err := vm.Wait(); err != nil {
		t.Errorf("a machine that powered itself off: %v", err)
	}
	if vm.Reboots() != 1 {
		t.Errorf("%d reboots, want 1", vm.Reboots())
	}
	if got := strings.Join(heard, "; "); got != `pid1; exit code="3"` {
		t.Errorf("events heard: %s", got)
	}
	if b, err := os.ReadFile(log); err != nil || !bytes.Contains(b, []byte("handback: event exit code=3")) {
		t.Errorf("serial.log lacks the last event (%v, %d bytes)", err, len(b))
	}
	if screen.String() == "" {
		t.Error("nothing came on the screen's serial line, where this firmware writes too")
	}
	if m, err := filepath.Glob(filepath.Join(state, "tpm2-00.permall")); err != nil || len(m) != 1 {
		t.Errorf("the TPM left no state: %v, %v", m, err)
	}
	if _, err := vm.WaitEvent(ctx, "poweroff"); err == nil || !strings.Contains(err.Error(), "has ended before event poweroff") {
		t.Errorf("waiting for what never comes: %v", err)
	}
}

func checkPicture(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	colours := map[[3]uint32]bool{}
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := img.At(x, y).RGBA()
			colours[[3]uint32{r, g, bl}] = true
		}
	}
	if b.Dx() < 640 || b.Dy() < 400 || len(colours) < 2 {
		t.Errorf("the picture is %dx%d with %d colours", b.Dx(), b.Dy(), len(colours))
	}
}

// A machine that is killed, cancelled or closed says so and leaves no process.
func TestEnds(t *testing.T) {
	for name, end := range map[string]func(vm *vmtest.VM, cancel func()){
		"killed":    func(vm *vmtest.VM, _ func()) { vm.Kill() },
		"cancelled": func(_ *vmtest.VM, cancel func()) { cancel() },
		"closed":    func(vm *vmtest.VM, _ func()) { vm.Close() },
		"shot": func(vm *vmtest.VM, _ func()) {
			if err := syscall.Kill(vm.PID(), syscall.SIGKILL); err != nil {
				panic(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), turn+2*time.Minute)
			defer cancel()
			vm, err := vmtest.Start(ctx, vmtest.Config{SecureBoot: true, TPM: filepath.Join(t.TempDir(), "tpm")})
			if err != nil {
				t.Fatal(err)
			}
			pids := children(t)
			if len(pids) != 2 {
				t.Errorf("processes are %v, want QEMU and swtpm", pids)
			}
			end(vm, cancel)
			if err := vm.Wait(); !errors.Is(err, vmtest.ErrKilled) {
				t.Errorf("Wait gives %v", err)
			}
			for _, p := range pids {
				if syscall.Kill(p, 0) == nil {
					t.Errorf("process %d still runs", p)
				}
			}
		})
	}
}

// children of this process.
func children(t *testing.T) []int {
	t.Helper()
	m, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range m {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended
		}
		for _, w := range strings.Fields(string(b)) {
			n, err := strconv.Atoi(w)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, n)
		}
	}
	return pids
}

// The machine dies with the program that started it, however that dies.
func TestDiesWithParent(t *testing.T) {
	if os.Getenv("VMTEST_PARENT") != "" {
		vm, err := vmtest.Start(context.Background(), vmtest.Config{TPM: filepath.Join(t.TempDir(), "tpm")})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range children(t) {
			fmt.Printf("child %d\n", p)
		}
		fmt.Println("ready")
		_ = vm.Wait() // killed before it returns
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestDiesWithParent$")
	// What is killed tidies nothing up: its folders go where the test removes them.
	tmp, err := os.MkdirTemp("", "vmtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	cmd.Env = append(os.Environ(), "VMTEST_PARENT=1", "TMPDIR="+tmp)
	out := &buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the machine to start", func() bool { return strings.Contains(out.String(), "ready") })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // 'signal: killed'
	n := 0
	for _, l := range strings.Split(out.String(), "\n") {
		pid, err := strconv.Atoi(strings.TrimPrefix(l, "child "))
		if !strings.HasPrefix(l, "child ") || err != nil {
			continue
		}
		n++
		eventually(t, 5*time.Second, "process "+l+" to die", func() bool {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || strings.Contains(string(b), ") Z ")
		})
	}
	if n != 2 {
		t.Errorf("%d children, want QEMU and swtpm:\n%s", n, out)
	}
}

func eventually(t *testing.T, limit time.Duration, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s for %s", limit, what)
		}
	}
}

// A machine that starts again and again is ended.
func TestRebootsAreCapped(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), turn+3*time.Minute)
	defer cancel()
	vm, err := vmtest.Start(ctx, vmtest.Config{Stick: shellStick(t, "reset\n"), MaxReboots: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	if err := vm.Wait(); !errors.Is(err, vmtest.ErrKilled) || !strings.Contains(err.Error(), "started again 2 times") {
		t.Errorf("Wait gives %v", err)
	}
}

func TestStartRefuses(t *testing.T) {
	odd := raw(t, "odd.img")
	if err := os.Truncate(odd, 3<<20); err != nil {
		t.Fatal(err)
	}
	a, b := raw(t, "same.img"), raw(t, "same.raw")
	for name, c := range map[string]struct {
		drives []vmtest.Drive
		want   string
	}{
		"no such file": {[]vmtest.Drive{{Bus: "nvme", Target: "/nonexistent.img"}}, "make the file first"},
		"device":       {[]vmtest.Drive{{Bus: "sata", Target: "/dev/null"}}, "not a regular file"},
		"twice":        {[]vmtest.Drive{{Bus: "nvme", Target: a}, {Bus: "sata", Target: b}}, "would both have the serial SAME"},
		"SD card":      {[]vmtest.Drive{{Bus: "sd", Target: odd}}, "power of two"},
		"no socket":    {[]vmtest.Drive{{Bus: "vhost", Target: a}}, "is not a socket"},
		"QEMU's word":  {[]vmtest.Drive{{Bus: "sata", Target: "blkdebug:" + odd + ":" + a}}, "does not start"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := vmtest.Start(t.Context(), vmtest.Config{Drives: c.drives}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
	if pids := children(t); len(pids) != 0 {
		t.Errorf("processes are left: %v", pids)
	}
}

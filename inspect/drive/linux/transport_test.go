package linux

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/answer"
)

// Sizes and offsets as a C compiler gives them for scsi/sg.h and
// linux/nvme_ioctl.h on a 64-bit machine.
func TestStructs(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the numbers are those of 64-bit machines")
	}
	var sg sgHeader
	var nv nvmeCommand
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"sizeof sg_io_hdr", unsafe.Sizeof(sg), 88},
		{"interface_id", unsafe.Offsetof(sg.interfaceID), 0},
		{"dxfer_direction", unsafe.Offsetof(sg.direction), 4},
		{"cmd_len", unsafe.Offsetof(sg.cmdLen), 8},
		{"mx_sb_len", unsafe.Offsetof(sg.senseMax), 9},
		{"iovec_count", unsafe.Offsetof(sg.iovecCount), 10},
		{"dxfer_len", unsafe.Offsetof(sg.dataLen), 12},
		{"dxferp", unsafe.Offsetof(sg.data), 16},
		{"cmdp", unsafe.Offsetof(sg.cmd), 24},
		{"sbp", unsafe.Offsetof(sg.sense), 32},
		{"timeout", unsafe.Offsetof(sg.timeout), 40},
		{"flags", unsafe.Offsetof(sg.flags), 44},
		{"pack_id", unsafe.Offsetof(sg.packID), 48},
		{"usr_ptr", unsafe.Offsetof(sg.user), 56},
		{"status", unsafe.Offsetof(sg.status), 64},
		{"masked_status", unsafe.Offsetof(sg.maskedStatus), 65},
		{"msg_status", unsafe.Offsetof(sg.messageStatus), 66},
		{"sb_len_wr", unsafe.Offsetof(sg.senseLen), 67},
		{"host_status", unsafe.Offsetof(sg.hostStatus), 68},
		{"driver_status", unsafe.Offsetof(sg.driverStatus), 70},
		{"resid", unsafe.Offsetof(sg.residual), 72},
		{"duration", unsafe.Offsetof(sg.duration), 76},
		{"info", unsafe.Offsetof(sg.additionalInfo), 80},
		{"sizeof nvme_passthru_cmd", unsafe.Sizeof(nv), 72},
		{"opcode", unsafe.Offsetof(nv.opcode), 0},
		{"flags", unsafe.Offsetof(nv.flags), 1},
		{"rsvd1", unsafe.Offsetof(nv.reserved), 2},
		{"nsid", unsafe.Offsetof(nv.nsid), 4},
		{"cdw2", unsafe.Offsetof(nv.cdw2), 8},
		{"cdw3", unsafe.Offsetof(nv.cdw3), 12},
		{"metadata", unsafe.Offsetof(nv.metadata), 16},
		{"addr", unsafe.Offsetof(nv.addr), 24},
		{"metadata_len", unsafe.Offsetof(nv.metadataLen), 32},
		{"data_len", unsafe.Offsetof(nv.dataLen), 36},
		{"cdw10", unsafe.Offsetof(nv.cdw), 40},
		{"timeout_ms", unsafe.Offsetof(nv.timeout), 64},
		{"result", unsafe.Offsetof(nv.result), 68},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
}

// The command that leaves is the frame, field by field: every field of the frame
// has a value of its own, and the bytes below are those of struct nvme_passthru_cmd.
func TestNVMeCommandBytes(t *testing.T) {
	frame := unhex(t, "80000000 d1c2b3a4 18273645 54637281"+"0000000000000000 0000000000000000 0000000000000000"+
		"1a2b3c4d 5e6f7081 92a3b4c5 d6e7f809 0b1c2d3e 4f5a6b7c")
	x, err := newNVMe(drive.Command{Protocol: drive.ProtocolNVMe, Frame: frame, Timeout: 600 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	want := unhex(t, "80 00 0000 d1c2b3a4 18273645 54637281"+"0000000000000000 0000000000000000 00000000 00000000"+
		"1a2b3c4d 5e6f7081 92a3b4c5 d6e7f809 0b1c2d3e 4f5a6b7c c0270900 00000000")
	if got := unsafe.Slice((*byte)(unsafe.Pointer(&x.command)), 72); !bytes.Equal(got, want) {
		t.Errorf("sent   %x\nwanted %x", got, want)
	}
}

func TestNVMeRefusesFrames(t *testing.T) {
	frame := func(change func([]byte)) []byte {
		f := make([]byte, 64)
		f[0] = 0x06
		change(f)
		return f
	}
	for name, c := range map[string]drive.Command{
		"short":          {Protocol: drive.ProtocolNVMe, Frame: make([]byte, 63)},
		"long":           {Protocol: drive.ProtocolNVMe, Frame: make([]byte, 65)},
		"SCSI":           {Protocol: drive.ProtocolSCSI, Frame: make([]byte, 64)},
		"none":           {Frame: make([]byte, 64)},
		"flags":          {Protocol: drive.ProtocolNVMe, Frame: frame(func(f []byte) { f[1] = 1 })},
		"identifier":     {Protocol: drive.ProtocolNVMe, Frame: frame(func(f []byte) { f[3] = 1 })},
		"pointer":        {Protocol: drive.ProtocolNVMe, Frame: frame(func(f []byte) { f[24] = 1 })},
		"data, no way":   {Protocol: drive.ProtocolNVMe, Frame: frame(func([]byte) {}), Data: make([]byte, 8)},
		"a way, no data": {Protocol: drive.ProtocolNVMe, Frame: frame(func([]byte) {}), Direction: drive.DirectionIn},
		"the other way":  {Protocol: drive.ProtocolNVMe, Frame: frame(func([]byte) {}), Direction: drive.DirectionOut, Data: make([]byte, 8)},
		"no such way":    {Protocol: drive.ProtocolNVMe, Frame: frame(func([]byte) {}), Direction: 3, Data: make([]byte, 8)},
		"17 MiB":         {Protocol: drive.ProtocolNVMe, Frame: frame(func([]byte) {}), Direction: drive.DirectionIn, Data: make([]byte, 17<<20)},
	} {
		if _, err := newNVMe(c); err == nil {
			t.Errorf("%s: let through", name)
		}
	}
}

func TestNVMeStatus(t *testing.T) {
	c := drive.Command{Protocol: drive.ProtocolNVMe, Frame: append([]byte{0x80}, make([]byte, 63)...)}
	for _, k := range []struct {
		kernel  int
		status  uint16
		good    bool
		answers bool
	}{
		{0x0000, 0, true, true},
		{0x4002, 0x002, false, true},  // Invalid Field in Command, Do Not Retry
		{0x410a, 0x10a, false, true},  // Invalid Format, Do Not Retry
		{0x2281, 0x281, false, true},  // media error, More
		{0x0370, 0x370, false, false}, // made by the kernel: Host Pathing Error
		{0x4371, 0x371, false, false}, // Command Aborted By Host
	} {
		done, err := (&nvmeCall{status: k.kernel}).finish(c, time.Second)
		var status *drive.StatusError
		if done.Status != k.status || (err == nil) != k.good || !k.good && errors.As(err, &status) != k.answers ||
			!k.answers && !errors.Is(err, drive.ErrNoAnswer) {
			t.Errorf("%04x: %+v, %v", k.kernel, done, err)
		}
		if k.answers && !k.good && (status.Operation != "Format NVM" || status.Status != k.status) {
			t.Errorf("%04x: %+v", k.kernel, status)
		}
	}
}

// Sense data as libata and real drives gave it.
const (
	// Fixed format, recovered 00/1D: registers of SMART RETURN STATUS, 'good'.
	senseRegisters = "70000100 5040010a 00004fc2 001d00000000"
	// The same with status 51h, error 04h.
	senseFixedAborted = "70000104 5140010a 00004fc2 001d00000000"
	// Descriptor format, ATA Status Return: status 50h.
	senseDescriptor = "7201001d0000000e 090c 0100 0000 00af 6004 00c7 4050"
	// The same with status 51h, error 04h: the drive aborted the command.
	senseAborted = "7201001d0000000e 090c 0104 0000 00af 6004 00c7 4051"
	// Illegal request, invalid command operation code 20/00.
	senseIllegal = "7000050000000000 0a00000000 200000000000"
	// Medium error, deferred (71h).
	senseDeferred = "7100030000000000 0a00000000 110000000000"
	senseReset    = "7000060000000000 0a00000000 290000000000"
)

func TestSCSIStatus(t *testing.T) {
	plain, pass := []byte{0x12, 0, 0, 0, 36, 0}, append([]byte{0x85}, make([]byte, 15)...)
	for _, k := range []struct {
		name          string
		cdb           []byte
		status        uint8
		host, driver  uint16
		sense         string
		good, answers bool
	}{
		{"good", plain, 0, 0, 0, "", true, true},
		{"good, driver says that sense is there", plain, 0, 0, 8, "", true, true},
		{"good with a deferred error", plain, 0, 0, 8, senseDeferred, false, true},
		{"registers", pass, 2, 0, 8, senseRegisters, true, true},
		{"registers of a failure, fixed", pass, 2, 0, 8, senseFixedAborted, false, true},
		{"registers, descriptor", pass, 2, 0, 8, senseDescriptor, true, true},
		{"registers of a failure", pass, 2, 0, 8, senseAborted, false, true},
		{"illegal request", plain, 2, 0, 8, senseIllegal, false, true},
		{"reset", plain, 2, 0, 8, senseReset, false, true},
		{"check condition without sense", plain, 2, 0, 0, "", false, true},
		{"busy", plain, 8, 0, 0, "", false, true},
		{"reservation conflict", plain, 0x18, 0, 0, "", false, true},
		{"no connection", plain, 0, 1, 0, "", false, false},
		{"timed out", plain, 0, 3, 6, "", false, false},
		{"driver error", plain, 0, 0, 4, "", false, false},
	} {
		sense := unhex(t, k.sense)
		x := newSG(drive.Command{Frame: k.cdb})
		x.header.status, x.header.hostStatus, x.header.driverStatus = k.status, k.host, k.driver
		x.header.senseLen = uint8(copy(x.sense, sense))
		done, err := x.finish(drive.Command{Protocol: drive.ProtocolSCSI, Frame: k.cdb}, time.Second)
		var status *drive.StatusError
		if (err == nil) != k.good || !k.good && errors.As(err, &status) != k.answers || !k.answers && !errors.Is(err, drive.ErrNoAnswer) {
			t.Errorf("%s: %+v, %v", k.name, done, err)
		}
		if !bytes.Equal(done.Sense, sense) || done.Status != uint16(k.status) {
			t.Errorf("%s: %+v", k.name, done)
		}
	}
}

// Lengths that a driver reports are not believed.
func TestSCSIHostileLengths(t *testing.T) {
	for _, residual := range []int32{-5, 0, 7, 512, 513, 1<<31 - 1, -1 << 31} {
		c := drive.Command{Protocol: drive.ProtocolSCSI, Frame: make([]byte, 6), Direction: drive.DirectionIn, Data: make([]byte, 512)}
		x := newSG(c)
		x.header.residual, x.header.senseLen = residual, 255
		done, _ := x.finish(c, 0)
		if done.Residual < 0 || done.Residual > 512 || len(done.Sense) > 252 {
			t.Errorf("%d: %+v", residual, done)
		}
	}
	for _, n := range []int{0, 5, 33} {
		if err := answer.Check(drive.Command{Protocol: drive.ProtocolSCSI, Frame: make([]byte, n)}, drive.ProtocolSCSI); err == nil {
			t.Errorf("a command of %d bytes was let through", n)
		}
	}
}

// The caller's data is copied both ways: the kernel never has the caller's memory.
func TestSGOwnsItsMemory(t *testing.T) {
	data := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	cdb := []byte{0x12, 0, 0, 0, 8, 0}
	out := newSG(drive.Command{Frame: cdb, Direction: drive.DirectionOut, Data: data})
	in := drive.Command{Frame: cdb, Direction: drive.DirectionIn, Data: data}
	x := newSG(in)
	cdb[0] = 0
	if out.header.direction != -2 || !bytes.Equal(out.data, data) || out.cdb[0] != 0x12 || out.header.dataLen != 8 || out.header.interfaceID != 83 {
		t.Errorf("out: %+v", out)
	}
	if x.header.direction != -3 || !bytes.Equal(x.data, make([]byte, 8)) || !drive.Aligned(x.data) {
		t.Errorf("in: %+v", x)
	}
	copy(x.data, "ABCDEFGH")
	if _, err := x.finish(in, 0); err != nil || string(data) != "ABCDEFGH" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestTimeouts(t *testing.T) {
	for _, c := range []struct {
		in   time.Duration
		want uint32
	}{{0, 60000}, {-1, 60000}, {1, 1}, {time.Second + 1, 1001}, {24 * time.Hour, 86400000}, {1 << 62, 1<<31 - 1}} {
		ms, ours := timeouts(c.in)
		if ms != c.want || ours <= time.Duration(ms)*time.Millisecond {
			t.Errorf("%s: %d ms, %s", c.in, ms, ours)
		}
	}
}

// A call that the kernel never ends keeps neither its caller nor Close, and its
// descriptor stays its own until it does end.
func TestCallThatNeverReturns(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	// As openNode makes them: in blocking mode.
	fd, err := unix.FcntlInt(r.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	p := newPort(os.NewFile(uintptr(fd), "pipe"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	type end struct {
		n   int
		err error
	}
	ended := make(chan end, inFlight)
	read := func(fd uintptr) error {
		b := make([]byte, 1)
		n, err := unix.Read(int(fd), b)
		ended <- end{n, err}
		return err
	}
	for range inFlight {
		if err := p.call(ctx, time.Minute, read); !errors.Is(err, drive.ErrNoAnswer) && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
	}
	if err := p.call(t.Context(), 50*time.Millisecond, read); !errors.Is(err, errStuck) {
		t.Errorf("a fifth call was sent: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- p.file.Close() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Close waits for the drive")
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Errorf("the descriptor was closed under the call: %v", err)
	}
	if _, err := w.Write([]byte("abcd")); err != nil {
		t.Fatal(err)
	}
	for range inFlight {
		if e := <-ended; e.n != 1 || e.err != nil {
			t.Errorf("%+v", e)
		}
	}
	if err := p.call(t.Context(), time.Second, read); err == nil || errors.Is(err, drive.ErrNoAnswer) || len(ended) > 0 {
		t.Errorf("a call after Close: %v", err)
	}
}

func TestCallTimesOutByItself(t *testing.T) {
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, free := newPort(f), make(chan struct{})
	if err := p.call(t.Context(), 20*time.Millisecond, func(uintptr) error { <-free; return nil }); !errors.Is(err, drive.ErrNoAnswer) {
		t.Errorf("%v", err)
	}
	close(free)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sent := false
	if err := p.call(ctx, time.Minute, func(uintptr) error { sent = true; return nil }); !errors.Is(err, context.Canceled) || sent {
		t.Errorf("sent %t after it was stopped: %v", sent, err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

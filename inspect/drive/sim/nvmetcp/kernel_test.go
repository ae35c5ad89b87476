package nvmetcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/image/vmtest/guest"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/nvme"
	"handback.example/inspect/drive/sim/nvmetcp"
)

const secret = "PRIVATE-DATA-OF-A-PERSON"

// plant a block of marks at the start, in the middle and at the end of a medium.
func plant(t *testing.T, m *sim.Medium) {
	t.Helper()
	for _, at := range []int64{0, m.Size() / 2, m.Size() - 4096} {
		if _, err := m.WriteAt(bytes.Repeat([]byte(secret+"........"), 128), at); err != nil {
			t.Fatal(err)
		}
	}
}

func left(t *testing.T, m *sim.Medium) (n int) {
	t.Helper()
	b := make([]byte, m.Size())
	if _, err := m.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte(secret))
}

// figures of nvme-cli's JSON.
func figures(t *testing.T, r guest.Result) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(r.Stdout), &m); err != nil || r.Code != 0 {
		t.Fatalf("%v: %s", err, r)
	}
	return m
}

// open the door to a model until the test ends.
func open(t *testing.T, model sim.NVMe) (address, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, port, err = net.SplitHostPort(l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- nvmetcp.Serve(ctx, l, model, nvmetcp.Options{Advertise: "10.0.2.2:" + port, Log: func(s string) { t.Log(s) }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), port
}

// host is a guest with a model as its NVMe drive.
type host struct {
	*guest.Test
	dev, port string // /dev/nvme0
	clock     *sim.Manual
	model     *nvme.Drive
	medium    *sim.Medium
}

// nvme-cli and Linux's driver on a model: what they say of it, and what its medium
// says of what they did. One machine for all.
func TestForeignHost(t *testing.T) {
	const size = 16 << 20
	h := host{clock: sim.NewManual(), medium: sim.NewMedium(size)}
	var err error
	if h.model, err = nvme.New(nvme.Config{Serial: "FOREIGN-1", Model: "Example NVMe behind TCP", Firmware: "7.31", CtrlID: 0x1a2b,
		Namespaces: []nvme.Namespace{{ID: 1, Bytes: size, Attached: true, Medium: h.medium}},
		Format:     nvme.Format{Supported: true}, Sanitize: nvme.Sanitize{Block: true, BlockTime: 100 * time.Second},
		SMART: nvme.SMART{Kelvin: 316, Used: 37, PowerCycles: 4711}, Clock: h.clock}); err != nil {
		t.Fatal(err)
	}
	var address string
	address, h.port = open(t, h.model)
	h.Test = guest.Boot(t, guest.Config{NVMeTCP: []string{address}})
	h.dev = "/dev/" + h.ConnectNVMe(address, h.model.SubNQN(), "nr_io_queues=2", "ctrl_loss_tmo=120")
	h.WaitDrive(h.dev + "n1")
	for _, s := range []struct {
		name string
		run  func(*testing.T)
	}{{"discover", h.discover}, {"id-ctrl", h.identify}, {"smart-log", h.smart}, {"sanitize", h.sanitize}, {"format", h.format},
		{"data", h.data}, {"reset", h.reset}, {"unplug", h.unplug}, {"disconnect", h.disconnect}} {
		t.Run(s.name, s.run)
	}
}

func (h host) discover(t *testing.T) {
	r := h.Run("nvme", "discover", "-t", "tcp", "-a", "10.0.2.2", "-s", h.port)
	for _, want := range []string{"trtype:  tcp", "adrfam:  ipv4", "subtype: nvme subsystem", "trsvcid: " + h.port,
		"subnqn:  " + h.model.SubNQN(), "traddr:  10.0.2.2"} {
		if !strings.Contains(r.Stdout, want) {
			t.Errorf("nvme discover does not say %q: %s", want, r)
		}
	}
}

func (h host) identify(t *testing.T) {
	id := figures(t, h.Run("nvme", "id-ctrl", "-o", "json", h.dev))
	for name, want := range map[string]string{"sn": "FOREIGN-1", "mn": "Example NVMe behind TCP", "fr": "7.31", "cntlid": "6699", "subnqn": h.model.SubNQN(),
		"ioccsz": "516", "iorcsz": "1", "icdoff": "0", "msdbd": "1", "maxcmd": "128", "mdts": "8"} {
		if got := strings.TrimSpace(fmt.Sprint(id[name])); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func (h host) smart(t *testing.T) {
	s := figures(t, h.Run("nvme", "smart-log", "-o", "json", h.dev))
	for name, want := range map[string]string{"temperature": "316", "percent_used": "37", "power_cycles": "4711"} {
		if got := fmt.Sprint(s[name]); got != want { // numbers of 128 bits are text
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func (h host) sanitize(t *testing.T) {
	plant(t, h.medium)
	if r := h.Run("nvme", "sanitize", "--sanact=2", h.dev); r.Code != 0 {
		t.Fatal(r)
	}
	h.clock.Advance(25 * time.Second)
	h.sanitizing(t, "16384", "(2) Sanitize in Progress.") // 25 % of 65536
	if r := h.Run("nvme", "format", "--force", "-s", "1", h.dev+"n1"); r.Code == 0 || !strings.Contains(strings.ToLower(r.Stderr+r.Stdout), "sanitize") {
		t.Errorf("a format during a sanitize: %s", r)
	}
	if left(t, h.medium) == 0 {
		t.Error("nothing is left after a quarter")
	}
	h.clock.Advance(75 * time.Second)
	h.sanitizing(t, "65535", "(1) Most Recent Sanitize Command Completed Successfully.")
	if n := left(t, h.medium); n > 0 {
		t.Errorf("%d marks are left", n)
	}
}

// sanitizing is what nvme-cli has to say of log page 81h.
func (h host) sanitizing(t *testing.T, progress, state string) {
	t.Helper()
	r := h.Run("nvme", "sanitize-log", "-o", "json", h.dev)
	m := figures(t, r)
	if inner, ok := m[filepath.Base(h.dev)].(map[string]any); ok {
		m = inner
	}
	status, _ := m["sstat"].(map[string]any)
	if fmt.Sprintf("%v %v %v", m["sprog"], m["time_block_erase"], status["status"]) != progress+" 100 "+state {
		t.Errorf("nvme sanitize-log says %s", r)
	}
}

func (h host) format(t *testing.T) {
	plant(t, h.medium)
	if r := h.Run("nvme", "format", "--force", "-s", "1", h.dev+"n1"); r.Code != 0 {
		t.Error(r)
	}
	h.model.Media() // what should have been erased by now is
	if n := left(t, h.medium); n > 0 {
		t.Errorf("%d marks are left", n)
	}
}

// data in writes that are larger than a capsule and than one H2CData PDU, and back.
func (h host) data(t *testing.T) {
	for _, args := range [][]string{
		{"if=/dev/urandom", "of=/tmp/a", "count=4"},
		{"if=/tmp/a", "of=" + h.dev + "n1", "oflag=direct", "seek=3"},
		{"if=" + h.dev + "n1", "of=/tmp/b", "iflag=direct", "skip=3", "count=4"},
	} {
		if r := h.Run(append([]string{"dd", "bs=1M"}, args...)...); r.Code != 0 {
			t.Fatal(r)
		}
	}
	a, errA := h.ReadFile(t.Context(), "/tmp/a")
	b, errB := h.ReadFile(t.Context(), "/tmp/b")
	on := make([]byte, 4<<20)
	_, err := h.medium.ReadAt(on, 3<<20)
	if err = errors.Join(err, errA, errB); err != nil || len(a) != len(on) || !bytes.Equal(a, b) || !bytes.Equal(a, on) {
		t.Errorf("what was written is not what is there (%v)", err)
	}
}

func (h host) reset(t *testing.T) {
	if r := h.Run("nvme", "reset", h.dev); r.Code != 0 {
		t.Error(r)
	}
	h.answers(t)
}

// answers waits until the drive is there again.
func (h host) answers(t *testing.T) {
	t.Helper()
	var r guest.Result
	for range 100 {
		if r = h.Run("nvme", "id-ctrl", "-o", "json", h.dev); r.Code == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("the controller does not come back: %s", r)
}

func (h host) unplug(t *testing.T) {
	h.model.Plug(false)
	if r := h.Run("nvme", "id-ctrl", "-o", "json", h.dev); r.Code == 0 {
		t.Errorf("a drive that was pulled out answers: %s", r)
	}
	h.model.Plug(true)
	h.answers(t)
}

func (h host) disconnect(t *testing.T) {
	if err := h.Disconnect(t.Context(), filepath.Base(h.dev)); err != nil {
		t.Error(err)
	}
	if m, err := h.Glob(t.Context(), h.dev+"*"); err != nil || len(m) > 0 {
		t.Errorf("%v is left (%v)", m, err)
	}
}

package survey_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest"
	"handback.example/inspect"
	"handback.example/inspect/capture"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/nvme"
	"handback.example/inspect/drive/sim"
	simata "handback.example/inspect/drive/sim/ata"
	simnvme "handback.example/inspect/drive/sim/nvme"
	"handback.example/inspect/drive/sim/nvmetcp"
	"handback.example/inspect/drive/sim/sat"
	simscsi "handback.example/inspect/drive/sim/scsi"
	"handback.example/inspect/drive/sim/vhost"
	"handback.example/inspect/survey"
)

// models of one bed: a disk with a hidden area and a bad past, an SSD, a SAS disk that
// gave up blocks, and an NVMe drive.
type models struct {
	clock    *sim.Manual
	disk     *simata.Drive
	ssd      *simata.Drive
	sas      *simscsi.Drive
	flash    *simnvme.Drive
	adapter  *simata.Drive // hides a part of itself behind an adapter that cuts registers
	vhost    vmtest.Drive
	nvmeAddr string
}

func newModels(t *testing.T) models {
	t.Helper()
	m := models{clock: sim.NewManual()}
	var err error
	must := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	m.disk, err = simata.New(simata.Config{Serial: "HEALTH-HDD", Model: "Model disk", Firmware: "1", Clock: m.clock, NativeSectors: 131072, HPA: 4096, Rotation: 7200,
		SMART: simata.SMART{Hours: 44670, ShortTest: 2 * time.Minute, Attributes: []simata.Attribute{
			{ID: 1, Flags: 0x000f, Value: 118, Worst: 99, Threshold: 6, Raw: 168165566}, {ID: 5, Flags: 0x0033, Value: 98, Worst: 97, Threshold: 36, Raw: 304},
			{ID: 9, Flags: 0x0032, Value: 50, Worst: 11}, {ID: 187, Flags: 0x0032, Value: 96, Worst: 95, Raw: 4}, {ID: 188, Flags: 0x0032, Value: 100, Worst: 99, Raw: 2},
			{ID: 194, Flags: 0x0022, Value: 32, Worst: 42, Raw: 81604378656}, {ID: 197, Flags: 0x0012, Value: 99, Worst: 98, Raw: 8}, {ID: 198, Flags: 0x0010, Value: 97, Worst: 96, Raw: 3}}}})
	must()
	m.ssd, err = simata.New(simata.Config{Serial: "HEALTH-SSD", Model: "Model SSD", Firmware: "1", Clock: m.clock, NativeSectors: 131072, Rotation: 1, SMART: simata.SMART{Used: 37, Hours: 123}})
	must()
	m.adapter, err = simata.New(simata.Config{Serial: "BEHIND-ADAPTER", Model: "Model disk", Firmware: "1", Clock: m.clock, NativeSectors: 1 << 25, HPA: 4096,
		Words: map[int]uint16{83: 0x7400, 86: 0xb400}}) // its address has more than 24 bits; no DCO
	must()
	m.sas, err = simscsi.New(simscsi.Config{Vendor: "MODEL", Product: "SAS DISK", Serial: "HEALTH-SAS", Blocks: 131072, Rotation: 10000, Clock: m.clock,
		Health: simscsi.Health{Temperature: 34, PowerOnHours: 43549, Grown: []uint64{7, 99, 1000}, Read: simscsi.Errors{Corrected: 300, Uncorrected: 2, Bytes: 176987332000},
			Write: simscsi.Errors{Bytes: 86472611000}, Verify: simscsi.Errors{Uncorrected: 5}}})
	must()
	m.flash, err = simnvme.New(simnvme.Config{Serial: "HEALTH-NVME", Model: "Model NVMe", Firmware: "1", Clock: m.clock,
		Namespaces: []simnvme.Namespace{{ID: 1, Bytes: 64 << 20, Attached: true}}, SelfTest: simnvme.SelfTest{Supported: true, Short: time.Minute},
		SMART: simnvme.SMART{Kelvin: 310, Spare: 97, SpareThreshold: 10, Used: 16, UnitsWritten: 3861802, PowerOnHours: 10423, MediaErrors: 7}})
	must()
	m.serve(t)
	return m
}

// serve the models at doors that close with the test.
func (m *models) serve(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "door-") // a socket's path has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	door := func(network, address string, serve func(net.Listener) error) {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		m.nvmeAddr = l.Addr().String()
		ended := make(chan error, 1)
		go func() { ended <- serve(l) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	s := &vhost.Server{Targets: []sim.SCSI{sat.New(m.disk, sat.Config{DescriptorSense: true}), sat.New(m.ssd, sat.Config{DescriptorSense: true}), m.sas,
		sat.New(m.adapter, sat.Config{Sense: sim.SenseFixed})}}
	m.vhost = vmtest.Drive{Bus: vmtest.BusVhost, Target: filepath.Join(dir, "s")}
	door("unix", m.vhost.Target, func(l net.Listener) error { return s.Serve(ctx, l) })
	door("tcp", "127.0.0.1:0", func(l net.Listener) error { return nvmetcp.Serve(ctx, l, m.flash, nvmetcp.Options{}) })
}

// file is what QEMU makes a drive of.
func file(t *testing.T, bus vmtest.Bus, name string) vmtest.Drive {
	t.Helper()
	d := vmtest.Drive{Bus: bus, Target: filepath.Join(t.TempDir(), name+".img")}
	if err := os.WriteFile(d.Target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.Target, 64<<20); err != nil {
		t.Fatal(err)
	}
	return d
}

// handback builds the program itself: what a person would run on such a machine.
func handback(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "handback")
	cmd := exec.Command("go", "build", "-o", name, "handback.example/cmd/handback")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return name
}

// A real kernel, smartctl beside our decoders on the same pages, and all that a machine
// can hide: a RAID controller, an unattached namespace, hidden areas, a card that was
// left in its reader, a drive that the kernel lost.
func TestGuestDrives(t *testing.T) {
	m, program := newModels(t), handback(t)
	drives := []vmtest.Drive{m.vhost, file(t, vmtest.BusNVMeDetached, "split"), file(t, vmtest.BusRAID, "volume"), file(t, vmtest.BusSD, "card"),
		file(t, vmtest.BusSATA, "sata"), file(t, vmtest.BusSATA, "lost"), file(t, vmtest.BusSCSI, "scsi")}
	g := guest.Boot(t, guest.Config{Drives: drives, NVMeTCP: []string{m.nvmeAddr}, Tools: []string{program}})
	w := world{g, m, filepath.Base(program)}
	for _, which := range []string{"HEALTH-HDD", "HEALTH-SSD", "HEALTH-SAS", "BEHIND-ADAPTER", "SPLIT", "SATA", "LOST", "SCSI", "/dev/mmcblk?"} {
		g.WaitDrive(which)
	}
	t.Run("hidden", w.hidden)
	t.Run("capture", w.capture)
	t.Run("lost", w.lost)
	t.Run("smartctl on ATA", func(t *testing.T) { w.ata(t, m.disk, "HEALTH-HDD"); w.ata(t, m.ssd, "HEALTH-SSD") })
	t.Run("smartctl on SCSI", w.scsi)
	t.Run("smartctl on NVMe", w.nvme)
}

// world is a guest with the models and the program itself in it.
type world struct {
	g       *guest.Test
	m       models
	program string
}

// plan is what 'handback plan --json' prints: what stands in the way of the whole
// machine, and of each drive.
type plan struct {
	Verdict string
	Plan    struct {
		Refusals []refusal
		Drives   []planned
	}
}

type planned struct {
	Path    string
	Refusal *refusal
	Restore *struct{ From, To int64 }
}

func (p plan) of(d guest.Drive) planned {
	for _, e := range p.Plan.Drives {
		if e.Path == d.Path {
			return e
		}
	}
	return planned{}
}

// plan of the whole machine, which is refused.
func (w world) plan(t *testing.T, level string) (p plan) {
	t.Helper()
	if w.decode(t, &p, w.program, "plan", "--json", "--level", level); p.Verdict != "refused" {
		t.Errorf("the plan for %s is %s", level, p.Verdict)
	}
	return p
}

type refusal struct{ Code, Reason, Do string }

func (r *refusal) is(want refusal) bool {
	return r != nil && r.Code == want.Code && strings.Contains(r.Reason, want.Reason) && strings.Contains(r.Do, want.Do)
}

// decode what a program in the guest prints; smartctl's exit code tells of old errors.
func (w world) decode(t *testing.T, to any, args ...string) {
	t.Helper()
	out := w.g.Run(args...)
	if err := json.Unmarshal([]byte(out.Stdout), to); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// hidden: each thing is found, and the plan for the whole machine is refused with what
// to do about it.
func (w world) hidden(t *testing.T) {
	start := time.Now()
	var r inspect.Report
	w.decode(t, &r, w.program, "inspect", "--json")
	vmtest.Figure(t, "handback inspect, %d drives, in an emulated machine: %.2f s", len(r.Drives), time.Since(start).Seconds())
	for _, d := range r.Drives {
		if strings.Contains(strings.Join(d.Problems, "; "), "did not answer") {
			t.Errorf("%s: %q", d.Path, d.Problems)
		}
	}
	p := w.plan(t, "purge")
	for _, want := range []refusal{
		{"raid-mode", "RAID controller at PCI 0000:00:", "HBA, JBOD or AHCI"},
		{"unattached-namespace", "serial SPLIT", "attach them with the maker's tool"},
	} {
		if !slices.ContainsFunc(p.Plan.Refusals, func(r refusal) bool { return r.is(want) }) {
			t.Errorf("%+v is not in %+v", want, p.Plan.Refusals)
		}
	}
	if d := p.of(w.g.WaitDrive("/dev/mmcblk?")); !d.Refusal.is(refusal{"below-level", "Clear, and Purge is wanted", "take it out"}) {
		t.Errorf("the card: %+v", d.Refusal)
	}
	if d := p.of(w.g.WaitDrive("BEHIND-ADAPTER")); !d.Refusal.is(refusal{"hidden-area", "how much does not come through the adapter", "connect it to a SATA port"}) {
		t.Errorf("a hidden area of unknown size: %+v", d.Refusal)
	}
	// A hidden area whose size is known is opened before the drive is erased.
	p = w.plan(t, "clear")
	if d := p.of(w.g.WaitDrive("HEALTH-HDD")); d.Restore == nil || d.Restore.From != 126976*512 || d.Restore.To != 131072*512 {
		t.Errorf("a hidden area: %+v", d.Restore)
	}
}

// capture: what the program kept of this machine makes the same report, but for the
// names, and has none of these. CAPTURES=DIR keeps it, as testdata/captures does.
func (w world) capture(t *testing.T) {
	const at = "/tmp/machine.tar.gz"
	live := w.g.Run(w.program, "inspect", "--json", "--capture", at).Stdout
	b, err := w.g.ReadFile(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("CAPTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "qemu-drives.tar.gz"), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := capture.Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if len(c.Manifest().Withheld) > 0 {
		t.Errorf("withheld: %q", c.Manifest().Withheld)
	}
	r, err := survey.Take(t.Context(), survey.Options{Doors: c.Doors(), WithTPM: true, IncludeLoop: true})
	if err != nil {
		t.Fatal(err)
	}
	var was inspect.Report
	if err := json.Unmarshal([]byte(live), &was); err != nil {
		t.Fatal(err)
	}
	was.Taken, r.Taken = time.Time{}, time.Time{}
	is, named := lines(t, r), 0
	for i, line := range lines(t, &was) {
		switch {
		case i >= len(is) || shape(line) != shape(is[i]):
			t.Fatalf("line %d of the report was %s", i, line)
		case line != is[i]:
			named++
		}
	}
	for i, d := range was.Drives {
		if serial := d.Identity.Serial; serial == r.Drives[i].Identity.Serial {
			t.Errorf("%s is called %s in the capture, too", d.Path, serial)
		}
	}
	if named < len(was.Drives) {
		t.Errorf("%d lines of the report have other names, of %d drives", named, len(was.Drives))
	}
}

func lines(t *testing.T, r *inspect.Report) []string {
	t.Helper()
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(b), "\n")
}

// shape of a text: what kind of character stands where.
func shape(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'f': // of hex
			return '0'
		case r >= 'g' && r <= 'z':
			return 'z'
		case r >= 'A' && r <= 'Z':
			return 'A'
		}
		return r
	}, s)
}

// lost: a drive that was there when the machine started and is none now.
func (w world) lost(t *testing.T) {
	if err := w.g.WriteFile(t.Context(), "/sys/block/"+filepath.Base(w.g.WaitDrive("LOST").Path)+"/device/delete", []byte("1")); err != nil {
		t.Fatal(err)
	}
	var r inspect.Report
	w.decode(t, &r, w.program, "inspect", "--json")
	if !slices.ContainsFunc(r.Unhandled, func(f inspect.Finding) bool {
		return f.Code == "lost-drive" && strings.Contains(f.What, "SATA link 2") && strings.Contains(f.Do, "switch the machine off")
	}) || slices.ContainsFunc(r.Unhandled, func(f inspect.Finding) bool { return strings.Contains(f.What, "SATA link 1") }) {
		t.Errorf("%+v", r.Unhandled)
	}
}

// health is what the survey makes of a drive of the guest.
func (w world) health(t *testing.T, path string) inspect.Health {
	t.Helper()
	d := survey.Ask(t.Context(), w.g.Opener(), path)[0]
	if len(d.Health.Reasons) == 0 && d.Health.Verdict.Value != "good" {
		t.Errorf("%s: %+v, %q", path, d.Health, d.Problems)
	}
	return d.Health
}

// page that a frame of ours gets from a drive of the guest.
func (w world) page(t *testing.T, path string, c drive.Command) []byte {
	t.Helper()
	d, err := w.g.Opener().Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	done, err := d.Do(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return c.Data[:len(c.Data)-done.Residual]
}

// equal fails unless what we read is what another program read.
func equal[T comparable](t *testing.T, what string, got inspect.Fact[T], want T) {
	t.Helper()
	if !got.Known || got.Value != want {
		t.Errorf("%s: %+v, smartctl says %v", what, got, want)
	}
}

// ata: attributes, thresholds, device statistics and the self-test log.
func (w world) ata(t *testing.T, m *simata.Drive, serial string) {
	path := w.g.WaitDrive(serial).Path
	w.g.Run("smartctl", "-t", "short", path)
	w.m.clock.Advance(5 * time.Minute)
	var s struct {
		Attributes struct {
			Table []struct {
				ID                   byte
				Value, Worst, Thresh byte
				Flags                struct{ Value int }
				Raw                  struct{ Value uint64 }
			}
		} `json:"ata_smart_attributes"`
		Statistics struct {
			Pages []struct {
				Number byte
				Table  []struct {
					Offset int
					Value  int64
				}
			}
		} `json:"ata_device_statistics"`
		SelfTests struct {
			Extended struct {
				Table []struct {
					Type, Status struct{ Value byte }
					Hours        uint16 `json:"lifetime_hours"`
				}
			}
		} `json:"ata_smart_self_test_log"`
		Hours       struct{ Hours int64 } `json:"power_on_time"`
		Temperature struct{ Current int }
	}
	before := len(m.Trace())
	w.g.Run("smartctl", "-l", "selftest", path) // -x reads the extended one alone
	w.decode(t, &s, "smartctl", "--json", "-x", path)
	theirs := map[string]bool{}
	for _, e := range m.Trace()[before:] {
		theirs[hex.EncodeToString(e.Frame)] = true
	}
	for _, c := range []drive.Command{ata.SMARTReturnStatus(), ata.SMARTReadData(), ata.SelfTestLog(), ata.DeviceStatistics(0), ata.DeviceStatistics(1), ata.DeviceStatistics(5)} {
		if f := taskFile(c.Frame); !theirs[f] {
			t.Errorf("smartctl asks in another way than by %s", f)
		}
	}
	got, err := ata.ParseSMART(w.page(t, path, ata.SMARTReadData()), w.page(t, path, ata.SMARTReadThresholds()))
	var want []ata.Attribute
	for _, a := range s.Attributes.Table {
		want = append(want, ata.Attribute{ID: a.ID, Prefail: a.Flags.Value&1 != 0, Value: a.Value, Worst: a.Worst, Threshold: a.Thresh, Raw: a.Raw.Value})
	}
	if err != nil || len(want) < 8 || !slices.Equal(got, want) {
		t.Errorf("%s: %+v, %v, smartctl says %+v", serial, got, err, want)
	}
	tests, err := ata.ParseSelfTests(w.page(t, path, ata.SelfTestLog()))
	var wantTests []ata.SelfTest
	for _, x := range s.SelfTests.Extended.Table {
		wantTests = append(wantTests, ata.SelfTest{Kind: x.Type.Value, Status: x.Status.Value >> 4, Hours: x.Hours})
	}
	if err != nil || len(wantTests) == 0 || !slices.Equal(tests, wantTests) {
		t.Errorf("%s: self-tests %+v, %v, smartctl says %+v", serial, tests, err, wantTests)
	}
	h, statistics := w.health(t, path), map[[2]int]int64{}
	for _, p := range s.Statistics.Pages {
		for _, x := range p.Table {
			statistics[[2]int{int(p.Number), x.Offset}] = x.Value
		}
	}
	equal(t, "hours", h.PowerOnH, s.Hours.Hours)
	equal(t, "hours by statistics", h.PowerOnH, statistics[[2]int{1, 16}])
	equal(t, "temperature", h.TempC, s.Temperature.Current)
	equal(t, "written", h.WrittenB, float64(statistics[[2]int{1, 24}]*512))
	equal(t, "self-test", h.SelfTest, "passed")
	if used, ok := statistics[[2]int{7, 8}]; ok {
		equal(t, "endurance", h.UsedPct, int(used))
		equal(t, "verdict", h.Verdict, "good")
	} else {
		equal(t, "reallocated", h.Realloc, statistics[[2]int{3, 32}])
		equal(t, "pending", h.Pending, statistics[[2]int{3, 56}])
		equal(t, "reported", h.Reported, statistics[[2]int{4, 8}])
		equal(t, "verdict", h.Verdict, "worn")
	}
}

// taskFile of ATA PASS-THROUGH(16) as the models' traces have it: whether it has 48
// bits, features, count, LBA, device, command.
func taskFile(cdb []byte) string {
	f := []byte{cdb[1] & 1, cdb[3], cdb[4], cdb[5], cdb[6], cdb[11], cdb[9], cdb[7], cdb[12], cdb[10], cdb[8], cdb[13], cdb[14], cdb[15]}
	return hex.EncodeToString(f)
}

// scsi: error counters, defects, temperature, hours.
func (w world) scsi(t *testing.T) {
	path := w.g.WaitDrive("HEALTH-SAS").Path
	var s struct {
		Grown    int64 `json:"scsi_grown_defect_list"`
		Counters map[string]struct {
			Gigabytes   string `json:"gigabytes_processed"`
			Uncorrected int64  `json:"total_uncorrected_errors"`
		} `json:"scsi_error_counter_log"`
		Hours       struct{ Hours int64 } `json:"power_on_time"`
		Temperature struct{ Current int }
	}
	w.decode(t, &s, "smartctl", "--json", "-x", path)
	h := w.health(t, path)
	equal(t, "grown defects", h.Realloc, s.Grown)
	equal(t, "errors", h.Reported, s.Counters["read"].Uncorrected+s.Counters["write"].Uncorrected+s.Counters["verify"].Uncorrected)
	equal(t, "hours", h.PowerOnH, s.Hours.Hours)
	equal(t, "temperature", h.TempC, s.Temperature.Current)
	equal(t, "verdict", h.Verdict, "worn")
	if got := fmt.Sprintf("%.3f", h.WrittenB.Value/1e9); got != s.Counters["write"].Gigabytes || s.Grown != 3 {
		t.Errorf("%s GB written, smartctl says %+v", got, s)
	}
}

// nvme: the health log by smartctl, the self-test log by nvme-cli, which knows it longer.
func (w world) nvme(t *testing.T) {
	controller := w.g.ConnectNVMe(w.m.nvmeAddr, w.m.flash.SubNQN(), "ctrl_loss_tmo=60")
	path := "/dev/" + controller + "n1"
	w.g.WaitDrive(path)
	w.g.Run("nvme", "device-self-test", path, "-s", "1")
	w.m.clock.Advance(5 * time.Minute)
	var s struct {
		Log struct {
			Critical    uint8  `json:"critical_warning"`
			Temperature int    `json:"temperature"`
			Spare       int    `json:"available_spare"`
			Used        int    `json:"percentage_used"`
			Written     uint64 `json:"data_units_written"`
			Hours       int64  `json:"power_on_hours"`
			MediaErrors int64  `json:"media_errors"`
		} `json:"nvme_smart_health_information_log"`
	}
	w.decode(t, &s, "smartctl", "--json", "-a", "/dev/"+controller)
	h := w.health(t, path)
	equal(t, "critical warning", h.Critical, s.Log.Critical)
	equal(t, "temperature", h.TempC, s.Log.Temperature)
	equal(t, "spare", h.SparePct, s.Log.Spare)
	equal(t, "used", h.UsedPct, s.Log.Used)
	equal(t, "written", h.WrittenB, float64(s.Log.Written)*512000)
	equal(t, "hours", h.PowerOnH, s.Log.Hours)
	equal(t, "media errors", h.Reported, s.Log.MediaErrors)
	equal(t, "self-test", h.SelfTest, "passed")
	if s.Log.MediaErrors != 7 {
		t.Errorf("%+v", s)
	}
	var tests struct {
		Reports []struct {
			Result byte   `json:"Self test result"`
			Code   byte   `json:"Self test code"`
			Hours  uint64 `json:"Power on hours"`
		} `json:"List of Valid Reports"`
	}
	w.decode(t, &tests, "nvme", "self-test-log", "/dev/"+controller, "-o", "json")
	got, err := nvme.ParseSelfTests(w.page(t, path, nvme.SelfTestLog()))
	if err != nil || len(got) != 1 || len(tests.Reports) == 0 || got[0] != (nvme.SelfTest{Kind: tests.Reports[0].Code, Result: tests.Reports[0].Result, Hours: tests.Reports[0].Hours}) {
		t.Errorf("self-tests %+v, %v, nvme-cli says %+v", got, err, tests)
	}
}

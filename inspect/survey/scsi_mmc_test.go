package survey

import (
	"strings"
	"testing"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/mmc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/drive/sim/scsi"
	"handback.example/inspect/internal/sysblock"
	"handback.example/inspect/internal/tree"
)

// model hangs a drive on a host and asks it.
func model(t *testing.T, clock sim.Clock, attach func(*inproc.Host) error) inspect.Drive {
	t.Helper()
	h := inproc.NewHost(clock)
	if err := attach(h); err != nil {
		t.Fatal(err)
	}
	return Ask(t.Context(), h, "/dev/x")[0]
}

func askSCSI(t *testing.T, c scsi.Config, before func(*scsi.Drive)) inspect.Drive {
	t.Helper()
	c.Serial, c.Blocks, c.Clock, c.UnitAttention = "S1", 8192, sim.NewManual(), true
	m, err := scsi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	h := inproc.NewHost(c.Clock)
	if err := h.AttachSCSI("/dev/x", drive.BusSCSI, m); err != nil {
		t.Fatal(err)
	}
	if before != nil {
		Ask(t.Context(), h, "/dev/x") // its size is known to the host from then on
		before(m)
	}
	return Ask(t.Context(), h, "/dev/x")[0]
}

// tell a drive a command that its last owner sent.
func tell(t *testing.T, m *scsi.Drive, cdb, out string) {
	t.Helper()
	for range 3 { // the first is answered by a unit attention
		a, err := m.SCSI(t.Context(), sim.SCSIRequest{CDB: bytesOf(t, cdb), Out: bytesOf(t, out)})
		if err != nil {
			t.Fatal(err)
		}
		if a.Status == 0 {
			return
		}
	}
	t.Fatalf("the drive does not take %s", cdb)
}

func TestSCSIFacts(t *testing.T) {
	const rsoc, rs = "REPORT SUPPORTED OPERATION CODES", "REQUEST SENSE"
	yes, no := inspect.Known(true, rsoc), inspect.Known(false, rsoc)
	idle := inspect.Known(inspect.SanitizeIdle, rs)
	all := scsi.Config{Sanitize: scsi.Sanitize{Block: true, Overwrite: true, Crypto: true, BlockTime: time.Hour}, Format: scsi.Format{Supported: true, Time: time.Hour}}
	fails := all
	fails.Script = sim.NewScript(sim.Fault{When: sim.When{Erases: true}, Do: sim.Action{FailAt: 0.1}})
	fails.Sanitize.BlockTime = 0
	for _, c := range []struct {
		name                             string
		config                           scsi.Config
		before                           func(*scsi.Drive)
		block, crypto, overwrite, format inspect.Fact[bool]
		state                            inspect.Fact[string]
		problem                          string
	}{
		{"has nothing", scsi.Config{}, nil, no, no, no, no, idle, ""},
		{"has all", all, nil, yes, yes, yes, yes, idle, ""},
		{"has one", scsi.Config{Sanitize: scsi.Sanitize{Crypto: true}}, nil, no, yes, no, no, idle, ""},
		{"sanitizes", all, func(m *scsi.Drive) { tell(t, m, "48820000000000000000", "") }, yes, yes, yes, yes, inspect.Known(inspect.SanitizeRunning, rs), ""},
		{"failed to", fails, func(m *scsi.Drive) { tell(t, m, "48820000000000000000", "") }, yes, yes, yes, yes, inspect.Known(inspect.SanitizeFailed, rs), ""},
		{"formats", all, func(m *scsi.Drive) { tell(t, m, "041800000000", "00020000") }, yes, yes, yes, yes, idle, "being formatted"},
		{"was cut off", all, func(m *scsi.Drive) { tell(t, m, "041800000000", "00020000"); m.PowerCycle() }, yes, yes, yes, yes, idle, "cut off"},
		{"is stopped", all, func(m *scsi.Drive) { tell(t, m, "1b0000000000", "") }, yes, yes, yes, yes,
			inspect.Unknown[string](rs, "the drive is not ready: not ready (2/04/02)"), "not ready"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := askSCSI(t, c.config, c.before)
			f := d.SCSI
			if f == nil {
				t.Fatalf("no facts: %v", d.Problems)
			}
			if f.SanitizeBlock != c.block || f.SanitizeCrypto != c.crypto || f.SanitizeOverwrite != c.overwrite || f.FormatUnit != c.format || f.SanitizeState != c.state {
				t.Errorf("%+v", f)
			}
			if f.MaxBytes.Known || f.MaxBytes.Why == "" {
				t.Errorf("%+v", f.MaxBytes)
			}
			if got := strings.Join(d.Problems, "; "); !strings.Contains(got, c.problem) {
				t.Errorf("%q", got)
			}
		})
	}
	// What it does not report is unknown, never no.
	d := askSCSI(t, scsi.Config{NoReport: true, Sanitize: scsi.Sanitize{Block: true}}, nil)
	if d.SCSI == nil || d.SCSI.SanitizeBlock.Known || d.SCSI.SanitizeBlock.Why == "" || d.SCSI.FormatUnit.Known {
		t.Errorf("%+v", d.SCSI)
	}
	if d.SCSI.Protected != inspect.Known(false, "READ CAPACITY(16)") {
		t.Errorf("%+v", d.SCSI.Protected)
	}
}

// A SATA drive behind a SAS adapter has the facts of ATA, and none of SCSI.
func TestATABehindSCSI(t *testing.T) {
	p, err := profile.Load("../../testdata/drives/sata-hdd.toml", profile.Options{Clock: sim.NewManual()})
	if err != nil {
		t.Fatal(err)
	}
	d := model(t, nil, func(h *inproc.Host) error { return h.AttachSCSI("/dev/x", drive.BusSCSI, p.SCSI) })
	if d.SCSI != nil || d.ATA == nil || d.Identity.Bus != drive.BusSATA {
		t.Errorf("bus %s, SCSI %+v, ATA %+v", d.Identity.Bus, d.SCSI, d.ATA)
	}
}

func askMMC(t *testing.T, c mmc.Config) inspect.Drive {
	t.Helper()
	c.Serial, c.Product, c.Sectors, c.Clock = "0x1a2b3c4d", "TINY", 8*40960, sim.NewManual()
	m, err := mmc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return model(t, c.Clock, func(h *inproc.Host) error { return h.AttachMMC("/dev/x", drive.BusMMC, m) })
}

func TestMMCFacts(t *testing.T) {
	d := askMMC(t, mmc.Config{SecureErase: true, Sanitize: true, BootSize: 1 << 20, RPMBSize: 128 << 10, GPSizes: [4]int64{8 << 20, 0, 16 << 20, 0}, LifeA: 3, LifeB: 5, PreEOL: 2})
	want := inspect.MMC{SecureErase: inspect.Known(true, "EXT_CSD[231]"), Sanitize: inspect.Known(true, "EXT_CSD[231]"),
		BootBytes: inspect.Known[int64](2<<20, "EXT_CSD[226]"), RPMBBytes: inspect.Known[int64](128<<10, "EXT_CSD[168]"),
		GPBytes: inspect.Known[int64](24<<20, "EXT_CSD[143]"), Protected: inspect.Known(false, "SEND_WRITE_PROT_TYPE"),
		GroupBytes: inspect.Known[int64](512<<10, "EXT_CSD[224]")}
	if d.MMC == nil || *d.MMC != want {
		t.Errorf("%+v, %v", d.MMC, d.Problems)
	}
	if d.Health.Verdict != inspect.Known("worn", "EXT_CSD[267]") || d.Health.UsedPct != inspect.Known(50, "EXT_CSD[268]") {
		t.Errorf("%+v", d.Health)
	}
	d = askMMC(t, mmc.Config{})
	if d.MMC == nil || d.MMC.Sanitize.Value || d.MMC.SecureErase.Value || d.MMC.GPBytes.Value != 0 || !d.MMC.GPBytes.Known {
		t.Errorf("%+v", d.MMC)
	}
}

// Protection is found wherever it is: in the first group, in the last, in a boot area.
func TestMMCProtection(t *testing.T) {
	for name, c := range map[string]struct {
		config  mmc.Config
		problem string
	}{
		"first group": {mmc.Config{Protected: []mmc.Group{{Sector: 0, Sectors: 1, Kind: "temporary"}}}, "temporary"},
		"group 33":    {mmc.Config{Protected: []mmc.Group{{Sector: 32 * 16384 / 2, Sectors: 1, Kind: "power-on"}}}, "until the power goes"},
		"last group":  {mmc.Config{Protected: []mmc.Group{{Sector: 8*40960 - 1, Sectors: 1, Kind: "permanent"}}}, "permanent"},
		"boot area":   {mmc.Config{BootSize: 128 << 10, BootProtection: [2]string{"", "power-on"}}, "boot area 2"},
	} {
		d := askMMC(t, c.config)
		if d.MMC == nil || !d.MMC.Protected.Known || !d.MMC.Protected.Value || !strings.Contains(strings.Join(d.Problems, "; "), c.problem) {
			t.Errorf("%s: %+v, %v", name, d.MMC, d.Problems)
		}
	}
	// A boot area that is not there is not protected.
	if d := askMMC(t, mmc.Config{BootProtection: [2]string{"permanent", ""}}); d.MMC == nil || d.MMC.Protected != inspect.Known(false, "SEND_WRITE_PROT_TYPE") {
		t.Errorf("%+v, %v", d.MMC, d.Problems)
	}
}

// The kernel keeps the CSD, which tells of the whole card's protection.
func TestCardProtectedByCSD(t *testing.T) {
	for csd, want := range map[string]struct{ protected, fails bool }{
		"d02701320f5903fff6dbffef8e404000": {false, false},
		"d02701320f5903fff6dbffef8e405000": {true, false}, // bit 12
		"d02701320f5903fff6dbffef8e406000": {true, false}, // bit 13
		"d02701320f5903fff6dbffef8e40":     {false, true},
		"none":                             {false, true},
		"":                                 {false, true},
	} {
		root := plant(t, "sys/devices/mmc0/csd = "+csd+"\n")
		s := survey{}
		s.tree = sysblock.Tree{Tree: tree.At(root)}
		got, err := s.cardProtected("/sys/devices/mmc0")
		if got != want.protected || (err != nil) != want.fails {
			t.Errorf("%q: %v, %v", csd, got, err)
		}
	}
}

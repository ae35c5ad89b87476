package nvme

import (
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
)

func TestConfigErrorsNameTheField(t *testing.T) {
	for want, spoil := range map[string]func(*Config){
		"field Serial":                         func(c *Config) { c.Serial = "" },
		"field Model":                          func(c *Config) { c.Model = strings.Repeat("x", 41) },
		"field Firmware":                       func(c *Config) { c.Firmware = "fünf" },
		"field SubNQN":                         func(c *Config) { c.SubNQN = strings.Repeat("n", 224) },
		"field MDTS":                           func(c *Config) { c.MDTS = 20 },
		"field Queues":                         func(c *Config) { c.Queues = -1 },
		"field KeepAlive":                      func(c *Config) { c.KeepAlive = time.Millisecond },
		"field OUI":                            func(c *Config) { c.OUI = 1 << 24 },
		"field CtrlID":                         func(c *Config) { c.CtrlID = 0xfff0 },
		"field OtherControllers":               func(c *Config) { c.OtherControllers = []uint16{1} },
		"field MaxNamespaces":                  func(c *Config) { c.MaxNamespaces = 5000 },
		"field Unallocated:":                   func(c *Config) { c.Unallocated = -1 },
		"field UnallocatedMedium":              func(c *Config) { c.UnallocatedMedium = sim.NewMedium(5) },
		"field LBAFormats:":                    func(c *Config) { c.LBAFormats = make([]LBAFormat, 17) },
		"field LBAFormats[0].LogicalBlock":     func(c *Config) { c.LBAFormats = []LBAFormat{{LogicalBlock: 520}} },
		"field LBAFormats[0].Metadata":         func(c *Config) { c.LBAFormats = []LBAFormat{{LogicalBlock: 512, Metadata: -8}} },
		"field LBAFormats[0].Performance":      func(c *Config) { c.LBAFormats = []LBAFormat{{LogicalBlock: 512, Performance: 4}} },
		"field Namespaces[0].ID":               func(c *Config) { c.Namespaces[0].ID = 0 },
		"field Namespaces[1].ID":               func(c *Config) { c.Namespaces = append(c.Namespaces, c.Namespaces[0]) },
		"field Namespaces[0].EUI64":            func(c *Config) { c.Namespaces[0].EUI64 = []byte{1} },
		"field Namespaces[0].NGUID":            func(c *Config) { c.Namespaces[0].NGUID = []byte{1} },
		"field Namespaces[0].UUID":             func(c *Config) { c.Namespaces[0].UUID = []byte{1} },
		"field Namespaces[0].Bytes":            func(c *Config) { c.Namespaces[0].Bytes = -1 },
		"field Namespaces[0].Blocks: either":   func(c *Config) { c.Namespaces[0].Blocks = 8 },
		"field Namespaces[0].Blocks: 36028797": func(c *Config) { c.Namespaces[0].Bytes, c.Namespaces[0].Blocks = 0, 1<<55 },
		"field Namespaces[0].LogicalBlock":     func(c *Config) { c.Namespaces[0].LogicalBlock = 1024 },
		"field Namespaces[0].Medium":           func(c *Config) { c.Namespaces[0].Medium = sim.NewMedium(512) },
		"field Sanitize.NODMMAS":               func(c *Config) { c.Sanitize.NODMMAS = 3 },
		"field Sanitize.BlockTime":             func(c *Config) { c.Sanitize.BlockTime = -1 },
		"field Format.EraseTime":               func(c *Config) { c.Format.EraseTime = 1 << 62 },
		"field Past.State":                     func(c *Config) { c.Past.State = "unknown" },
		"field Past.Progress":                  func(c *Config) { c.Past = Past{State: "running", CDW10: 2, Progress: 1} },
		"field Past.CDW10":                     func(c *Config) { c.Past = Past{State: "running", CDW10: 1} },
		"field Boot.Bytes":                     func(c *Config) { c.Boot.Bytes = 1000 },
		"field Boot.Active":                    func(c *Config) { c.Boot.Active = 2 },
		"field Boot.Media[1]":                  func(c *Config) { c.Boot.Bytes, c.Boot.Media[1] = 128<<10, sim.NewMedium(5) },
		"field RPMB.Bytes":                     func(c *Config) { c.RPMB.Units = 1 },
		"field RPMB.Units":                     func(c *Config) { c.RPMB.Units = 8 },
		"field SMART.Sensors":                  func(c *Config) { c.SMART.Sensors = make([]uint16, 9) },
		"field SelfTest.FailsAt":               func(c *Config) { c.SelfTest.FailsAt = 256 },
		"field FirmwareSlots":                  func(c *Config) { c.FirmwareSlots = make([]string, 8) },
		"field IdentifyController":             func(c *Config) { c.IdentifyController = make([]byte, 512) },
		"field Claims: nothing":                func(c *Config) { c.Claims = map[string]uint64{"sanitize": 1} },
		"field Claims: fna":                    func(c *Config) { c.Claims = map[string]uint64{"fna": 0x100} },
	} {
		c := laptop()
		spoil(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}

// A drive of 2 TB costs nothing until it is written.
func TestLargeDrive(t *testing.T) {
	c := laptop()
	c.Namespaces[0].Bytes = 2 << 40
	r := start(t, c)
	m := r.NamespaceMedium(1)
	if err := m.Fill(0, m.Size(), sim.Noise("owner")); err != nil {
		t.Fatal(err)
	}
	r.ioIs(0, "01000000 01000000", "ffffffff 00000000", 0, make([]byte, 512)...) // the last block
	r.ioIs(0x4080, "01000000 01000000", "00000000 01000000", 0, make([]byte, 512)...)
	r.adminIs(0, sanitizeHead, blockErase, 0)
	r.clock.Advance(99 * time.Second)
	p := make([]byte, 512)
	if _, err := r.Media()[0].ReadAt(p, m.Size()-512*4096); err != nil || all(p, 0) {
		t.Errorf("err %v, or erased before its time", err)
	}
	r.clock.Advance(time.Second)
	if _, err := r.Media()[0].ReadAt(p, m.Size()-512*4096); err != nil || !all(p, 0) {
		t.Errorf("err %v, or not erased", err)
	}
}

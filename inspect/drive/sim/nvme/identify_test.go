package nvme

import (
	"bytes"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
)

// at checks bytes of a page, by their offset in the specification's figures.
func at(t *testing.T, what string, page []byte, off int, want string) {
	t.Helper()
	w := unhex(t, want)
	if !bytes.Equal(page[off:off+len(w)], w) {
		t.Errorf("%s, byte %d: % x, want % x", what, off, page[off:off+len(w)], w)
	}
}

// everything has a value of its own in every field that can have one.
func everything() Config {
	c := laptop()
	c.Serial, c.Model, c.Firmware, c.SubNQN = "S73JNE0T123456", "Handback Model 1TB", "5B2QGXA7", "nqn.2026-01.example:s73"
	c.CtrlID, c.VendorID, c.OUI, c.MDTS, c.KeepAlive = 5, 0x144d, 0x002538, 9, 2*time.Second
	c.OtherControllers = []uint16{3, 9}
	c.NamespaceManagement, c.MaxNamespaces, c.Unallocated = true, 16, 4*mib
	c.Timestamp, c.VolatileCache, c.WriteProtection = true, true, true
	c.TCG = &tpm{}
	c.Format.EraseAll = true
	c.Sanitize.Verify, c.Sanitize.NDI, c.Sanitize.NODMMAS = true, true, 2
	c.RPMB = RPMB{Units: 2, Bytes: 4 << 20}
	c.Boot = Boot{Bytes: 256 << 10, Active: 1}
	c.SelfTest = SelfTest{Supported: true, Short: 2 * time.Minute, Extended: 35 * time.Minute}
	c.SMART = SMART{CriticalWarning: 4, Kelvin: 311, Spare: 98, SpareThreshold: 10, Used: 3,
		UnitsRead: 0x1001, UnitsWritten: 0x1002, HostReads: 0x1003, HostWrites: 0x1004, Busy: 0x1005,
		PowerCycles: 0x1006, PowerOnHours: 0x1007, UnsafeShutdowns: 0x1008, MediaErrors: 0x1009, ErrorLogEntries: 0x100a,
		WarningKelvin: 355, CriticalKelvin: 358, WarningMinutes: 0x100b, CriticalMinutes: 0x100c, Sensors: []uint16{311, 317}}
	n := &c.Namespaces[0]
	n.NGUID = []byte{16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}
	n.UUID = []byte{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf}
	n.Shared, n.AttachedTo = true, []uint16{9}
	c.Namespaces = append(c.Namespaces, Namespace{ID: 7, Bytes: 2 * mib, LogicalBlock: 4096})
	return c
}

func TestIdentifyController(t *testing.T) {
	r := start(t, everything())
	p := r.adminIs(0, "06000000 00000000", "01000000", 4096).In
	if len(p) != 4096 {
		t.Fatalf("%d bytes", len(p))
	}
	for _, f := range []struct {
		name string
		off  int
		want string
	}{
		{"VID, SSVID", 0, "4d14 4d14"},
		{"SN", 4, "5337334a4e45305431323334 3536202020202020"},
		{"MN", 24, "48616e646261636b204d6f64656c203154422020"},
		{"FR", 64, "3542325147584137"},
		{"IEEE", 73, "382500"},
		{"CMIC", 76, "02"}, {"MDTS", 77, "09"}, {"CNTLID", 78, "0500"}, {"VER", 80, "00040100"},
		{"OAES", 92, "00010000"}, {"CTRATT", 96, "01000000"}, {"CNTRLTYPE", 111, "01"},
		{"OACS: security, format, namespaces, self-test", 256, "1b00"},
		{"FRMW: one slot, read only", 260, "03"}, {"LPA", 261, "06"}, {"ELPE", 262, "3f"},
		{"WCTEMP, CCTEMP", 266, "6301 6601"},
		{"TNVMCAP: 7 MiB", 280, "00007000 00000000 00000000 00000000"},
		{"UNVMCAP: 4 MiB", 296, "00004000 00000000"},
		{"RPMBS: 2 units of 32 times 128 KiB", 312, "02001f00"},
		{"EDSTT: 35 minutes", 316, "2300"}, {"DSTO", 318, "01"},
		{"KAS: 20 times 100 ms", 320, "1400"},
		{"SANICAP: all, verification, NDI, NODMMAS 2", 328, "0f0000a0"},
		{"SQES, CQES, MAXCMD", 512, "66 44 8000"},
		{"NN", 516, "10000000"}, {"ONCS", 520, "cf00"}, {"FNA: erases all, crypto", 524, "06"},
		{"VWC", 525, "07"}, {"NWPC", 531, "07"}, {"SGLS", 536, "01001000"}, {"MNAN", 540, "10000000"},
		{"SUBNQN", 768, "6e716e2e323032362d30312e6578616d706c653a733733 00"},
		{"IOCCSZ, IORCSZ, ICDOFF, FCATT, MSDBD", 1792, "04020000 01000000 0000 00 01"},
	} {
		at(t, f.name, p, f.off, f.want)
	}
}

func TestIdentifyNamespace(t *testing.T) {
	r := start(t, everything())
	p := r.adminIs(0, "06000000 01000000", "00000000", 4096).In
	at(t, "NSZE, NCAP, NUSE", p, 0, "0008000000000000 0008000000000000 0008000000000000")
	at(t, "NLBAF, FLBAS", p, 25, "01 00")
	at(t, "NMIC", p, 30, "01")
	at(t, "FPI, DLFEAT", p, 32, "80 09")
	at(t, "NVMCAP", p, 48, "00001000 00000000")
	at(t, "NGUID", p, 104, "100f0e0d0c0b0a090807060504030201")
	at(t, "EUI64", p, 120, "0102030405060708")
	at(t, "LBAF", p, 128, "00000900 00000c00 00000000")
	// CNS 11h gives the one that is not attached, CNS 00h zeros for it.
	p = r.adminIs(0, "06000000 07000000", "11000000", 4096).In
	at(t, "NSZE", p, 0, "0002000000000000")
	at(t, "FLBAS", p, 26, "01")
	if p = r.adminIs(0, "06000000 07000000", "00000000", 4096).In; !all(p, 0) {
		t.Error("a namespace that is not attached is zeros")
	}
	p = r.adminIs(0, "06000000 ffffffff", "00000000", 4096).In
	at(t, "common NLBAF", p, 25, "01")
	at(t, "common NSZE", p, 0, "0000000000000000")
	r.adminIs(0x400b, "06000000 00000000", "00000000", 4096)
	r.adminIs(0x400b, "06000000 11000000", "00000000", 4096) // 17 of 16
}

func TestIdentifyLists(t *testing.T) {
	r := start(t, everything())
	for _, c := range []struct{ name, head, dw, want string }{
		{"active", "06000000 00000000", "02000000", "01000000 00000000"},
		{"active, NVM command set", "06000000 00000000", "07000000", "01000000 00000000"},
		{"allocated", "06000000 00000000", "10000000", "01000000 07000000 00000000"},
		{"allocated after 1", "06000000 01000000", "10000000", "07000000 00000000"},
		{"controllers of 1", "06000000 01000000", "12000000", "0200 0500 0900 0000"},
		{"controllers of 1 from 6", "06000000 01000000", "12000600", "0100 0900 0000"},
		{"controllers of 7", "06000000 07000000", "12000000", "0000 0000"},
		{"controllers", "06000000 00000000", "13000000", "0300 0300 0500 0900 0000"},
		{"descriptors", "06000000 01000000", "03000000", `01080000 0102030405060708
			02100000 100f0e0d0c0b0a090807060504030201 03100000 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf 04010000 00 00000000`},
		{"independent of command sets", "06000000 01000000", "08000000", "00010080 00000000 00000000 00000100"},
		{"NVM controller", "06000000 00000000", "06000000", "000000ff"},
		{"NVM namespace", "06000000 01000000", "05000000", "00000000"},
	} {
		p := r.adminIs(0, c.head, c.dw, 4096).In
		if len(p) != 4096 {
			t.Errorf("%s: %d bytes", c.name, len(p))
		}
		at(t, c.name, p, 0, c.want)
	}
	for head, dw := range map[string]string{"06000000 feffffff": "02000000", "06000000 ffffffff": "10000000",
		"06000000 07000000": "03000000", "06000000 02000000": "05000000"} {
		r.adminIs(0x400b, head, dw, 4096)
	}
	for _, dw := range []string{"04000000", "14000000", "15000000", "1c000000", "ff000000", "06000000 00000002"} {
		r.adminIs(0x4002, "06000000 00000000", dw, 4096)
	}
}

func TestListsOfAllocatedNeedNamespaceManagement(t *testing.T) {
	r := start(t, pair())
	for _, dw := range []string{"10000000", "11000000", "12000000", "13000000"} {
		r.adminIs(0x4002, "06000000 01000000", dw, 4096)
	}
	// Claimed but absent, as QEMU does it: the lists are there, the commands are not.
	c := pair()
	c.Claims = map[string]uint64{"oacs": 0x000a}
	r = start(t, c)
	at(t, "allocated", r.adminIs(0, "06000000 00000000", "10000000", 4096).In, 0, "01000000 02000000 00000000")
	r.adminIs(0x4001, "0d000000 00000000", "", 0, make([]byte, 4096)...)
	r.adminIs(0x4001, "15000000 02000000", "", 0, make([]byte, 4096)...)
}

func TestIdentifyTakesAsMuchAsTheHost(t *testing.T) {
	r := start(t, laptop())
	if p := r.adminIs(0, "06000000 00000000", "01000000", 100).In; len(p) != 100 {
		t.Errorf("%d bytes", len(p))
	}
	if p := r.adminIs(0, "06000000 00000000", "01000000", -5).In; len(p) != 0 {
		t.Errorf("%d bytes", len(p))
	}
}

func TestClaims(t *testing.T) {
	c := laptop()
	c.Sanitize = Sanitize{Block: true}
	c.Claims = map[string]uint64{"sanicap": 0x00000007, "nsze": 0x0000000001234567, "etbe": 0xffffffff, "sstat": 0x0101, "nn": 77}
	r := start(t, c)
	p := r.adminIs(0, "06000000 00000000", "01000000", 4096).In
	at(t, "SANICAP", p, 328, "07000000")
	at(t, "NN", p, 516, "4d000000")
	at(t, "NSZE", r.adminIs(0, "06000000 01000000", "00000000", 4096).In, 0, "6745230100000000")
	r.adminIs(0x4002, sanitizeHead, cryptoErase, 0)
	p = r.adminIs(0, "02000000 ffffffff", "81007f00", 512).In
	at(t, "log 81h", p, 0, "ffff 0101 00000000 ffffffff ffffffff")
	if len(Claimable()) != len(claimable) {
		t.Error("names")
	}
}

func TestTemplate(t *testing.T) {
	p := start(t, everything()).adminIs(0, "06000000 00000000", "01000000", 4096).In
	copy(p[3072:], "vendor specific")
	p[257] |= 2 // Get LBA Status: nothing that the model does
	c := Config{Serial: "OTHER", Namespaces: laptop().Namespaces, IdentifyController: p}
	r := start(t, c)
	q := r.adminIs(0, "06000000 00000000", "01000000", 4096).In
	at(t, "SN", q, 4, "4f5448455220")
	at(t, "MN", q, 24, "48616e646261636b204d6f64656c203154422020")
	at(t, "OACS", q, 256, "1b02")
	at(t, "WCTEMP", q, 266, "6301")
	at(t, "SANICAP", q, 328, "0f0000a0")
	at(t, "ONCS", q, 520, "cf00")
	at(t, "FNA", q, 524, "06")
	at(t, "NN", q, 516, "01000000")
	at(t, "vendor", q, 3072, "76656e646f72")
	r.adminIs(0x4001, "86000000 01000000", "", 4096)
	r.owner(r.NamespaceMedium(1), "owner")
	r.adminIs(0, sanitizeHead, cryptoErase, 0) // what it says of sanitize, it does
	if r.logIs("ffff" + "0101" + "04000000"); r.survives(r.NamespaceMedium(1), "owner") > mib/128 {
		t.Error("not erased")
	}
}

// tpm is a TCG that says what it was told to say.
type tpm struct {
	read, write bool
	sent        []byte
	cycles      int
}

func (x *tpm) Send(protocol byte, specific uint16, data []byte) bool {
	x.sent = append([]byte{protocol, byte(specific >> 8), byte(specific)}, data...)
	return protocol == 1
}

func (x *tpm) Receive(protocol byte, specific uint16, n int) ([]byte, bool) {
	if protocol != 1 {
		return nil, false
	}
	return []byte{protocol, byte(specific >> 8), byte(specific), byte(n)}, true
}

func (x *tpm) Locked() (read, write bool) { return x.read, x.write }
func (x *tpm) PowerCycle()                { x.cycles++ }

var _ sim.TCG = (*tpm)(nil)

func TestSecuritySendAndReceive(t *testing.T) {
	x := &tpm{}
	c := laptop()
	c.TCG = x
	r := start(t, c)
	// nvme security-send --secp=1 --spsp=0x7fe: protocol 01h, ComID 07FEh.
	r.adminIs(0, "81000000 00000000", "00fe0701 03000000", 0, 0xaa, 0xbb, 0xcc, 0xdd)
	if !bytes.Equal(x.sent, []byte{1, 0x07, 0xfe, 0xaa, 0xbb, 0xcc}) {
		t.Errorf("sent % x", x.sent)
	}
	a := r.adminIs(0, "82000000 00000000", "00fe0701 10000000", 16)
	if !bytes.Equal(a.In, unhex(t, "0107fe10 000000000000000000000000")) {
		t.Errorf("received % x", a.In)
	}
	a = r.adminIs(0, "82000000 00000000", "00000000 0c000000", 12) // the list of protocols
	if !bytes.Equal(a.In, unhex(t, "000000000000 0003 00 01 02 00")) {
		t.Errorf("protocols % x", a.In)
	}
	r.adminIs(0x4002, "82000000 00000000", "00000002 0c000000", 12)
	r.adminIs(0x4002, "81000000 00000000", "00000002 00000000", 0)
	r.adminIs(0x400f, "81000000 00000000", "00000001 05000000", 0, 1, 2, 3, 4)
	r.adminIs(0x4002, "82000000 00000000", "00000001 ffffffff", 1<<31)
	r.PowerCycle()
	if x.cycles != 1 {
		t.Errorf("%d power cycles", x.cycles)
	}
	r = start(t, laptop())
	r.adminIs(0x4001, "82000000 00000000", "00000000 0c000000", 12)
}

func TestLockedByTheTCG(t *testing.T) {
	x := &tpm{read: true, write: true}
	c := laptop()
	c.TCG = x
	r := start(t, c)
	r.owner(r.NamespaceMedium(1), "owner")
	r.ioIs(0x4286, "02000000 01000000", "", 512)
	r.ioIs(0x4286, "01000000 01000000", "", 0, make([]byte, 512)...)
	r.ioIs(0x4286, "08000000 01000000", "", 0)
	r.ioIs(0, "00000000 01000000", "", 0)
	r.adminIs(0x4015, sanitizeHead, cryptoErase, 0)
	r.adminIs(0x4015, formatOne, sesCrypto, 0)
	if !r.holds(r.NamespaceMedium(1), "owner") {
		t.Error("locked, and changed")
	}
	x.read, x.write = false, false
	r.ioIs(0, "02000000 01000000", "", 512)
}

func TestRekey(t *testing.T) {
	c := pair()
	c.Boot = Boot{Bytes: 128 << 10}
	r := start(t, c)
	for _, m := range r.Media() {
		r.owner(m, "owner")
	}
	r.Rekey()
	for i, m := range r.Media() {
		n := r.survives(m, "owner")
		if user := i < 2; user && n > mib/128 || !user && n != 128<<10 {
			t.Errorf("medium %d: %d bytes survive", i, n)
		}
	}
	r.logIs("ffff" + "0000" + "00000000")
}

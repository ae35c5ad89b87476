package ata_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
)

// rich is a drive that has nearly everything, every figure another.
func rich() ata.Config {
	return ata.Config{
		Serial: "S1-2345678", Model: "MODEL SSD 870", Firmware: "FW01.02", WWN: 0x5001122334455667,
		NativeSectors: 0x10203040, HPA: 0x40, DCO: 0x100, PhysicalBlock: 4096, Rotation: 1, FormFactor: 3,
		Security: ata.Security{Supported: true, Enhanced: true, UserPassword: "user", MasterPassword: "master",
			Revision: 0x1234, Maximum: true, EraseTime: 12 * time.Minute, EnhancedTime: 600 * time.Minute},
		Sanitize: ata.Sanitize{Crypto: true, Block: true, Overwrite: true, AntiFreeze: true, OverridesSecurity: true},
		Trim:     ata.Trim{Supported: true, Deterministic: true, Zeros: true},
	}
}

// TestIdentify: literal words as ACS-3 and ACS-4 lay them out; hdparm 9.65 --Istdin
// reads the same out of this data (model, serial, sectors, locked, level maximum,
// 12min and 600min, every sanitize method).
func TestIdentify(t *testing.T) {
	r := build(t, rich())
	_, b := r.good(identify, nil)
	for n, want := range map[int]uint16{
		0: 0x0040, 49: 0x2f00, 53: 0x0007,
		10: 0x5331, 11: 0x2d32, 14: 0x3738, 15: 0x2020, // 'S1', '-2', '78', spaces
		23: 0x4657, 26: 0x3220, 27: 0x4d4f, 33: 0x3020, 34: 0x2020,
		59: 0xfc00, 60: 0xffff, 61: 0x0fff, // all of sanitize; capped at 28 bits
		69: 0x4020, 80: 0x07f0, 82: 0x446b, 83: 0x7d00, 84: 0x4163, 85: 0x446b, 86: 0xbc00, 87: 0x4163,
		89: 0x0006, 90: 0x812c, 92: 0x1234,
		100: 0x3000, 101: 0x1020, 102: 0, 103: 0,
		105: 8, 106: 0x6003, 108: 0x5001, 109: 0x1223, 110: 0x3445, 111: 0x5667, 119: 0x4000,
		128: 0x0127, 168: 3, 169: 1, 217: 1, 222: 0x10ff,
	} {
		if got := uint16(b[2*n]) | uint16(b[2*n+1])<<8; got != want {
			t.Errorf("word %d: %04x, want %04x", n, got, want)
		}
	}
	var sum byte
	for _, c := range b {
		sum += c
	}
	if b[510] != 0xa5 || sum != 0 {
		t.Errorf("signature %02x, sum %02x", b[510], sum)
	}
}

// TestIdentifyLies: claims without the feature, and the feature without the claim.
func TestIdentifyLies(t *testing.T) {
	c := ata.Config{Claims: map[ata.Feature]bool{ata.FeatureSanitize: true, ata.FeatureSanitizeBlock: true, ata.FeatureSecurity: true},
		Words: map[int]uint16{217: 7200}}
	r := build(t, c)
	if w := r.word(59); w != 0x9800 {
		t.Errorf("word 59: %04x", w)
	}
	if w := r.word(128); w != 0x0001 {
		t.Errorf("word 128: %04x", w)
	}
	if w := r.word(217); w != 7200 {
		t.Errorf("word 217: %d", w)
	}
	r.bad(ata.TaskFile{Command: 0xb4, Extend: true, Features: 0x0012, LBA: 0x426b4572}, nil, 0x04)
	r.bad(ata.TaskFile{Command: 0xf5, Device: 0x40}, nil, 0x04)

	// One that hides what it has.
	c = ata.Config{Sanitize: ata.Sanitize{Block: true}, Claims: map[ata.Feature]bool{ata.FeatureSanitize: false}}
	r = build(t, c)
	if w := r.word(59); w != 0 {
		t.Errorf("word 59: %04x", w)
	}
	r.good(ata.TaskFile{Command: 0xb4, Extend: true, Features: 0x0012, LBA: 0x426b4572}, nil)
}

// TestCapture: a captured IDENTIFY DEVICE is the template, and what the config does
// not say comes from it.
func TestCapture(t *testing.T) {
	from := build(t, rich())
	_, capture := from.good(identify, nil)
	capture[2*129] = 0x5a // the maker's own
	c := ata.Config{Identify: capture, Serial: "OTHER"}
	d, err := ata.New(c)
	if err != nil {
		t.Fatal(err)
	}
	b := d.Identity()
	if got := hex.EncodeToString(b[20:26]); got != "544f4548"+"2052" {
		t.Errorf("serial %s", got)
	}
	if b[2*129] != 0x5a || d.Capacity() != 0x10203000 {
		t.Errorf("%x, %x sectors", b[2*129], d.Capacity())
	}
	for _, n := range []int{59, 82, 83, 89, 90, 92, 106, 111, 169, 217} {
		if b[2*n] != capture[2*n] || b[2*n+1] != capture[2*n+1] {
			t.Errorf("word %d: % x, captured % x", n, b[2*n:2*n+2], capture[2*n:2*n+2])
		}
	}
	// Its security state is the model's own: no password is set.
	if b[256] != 0x21 || b[257] != 0 {
		t.Errorf("word 128: % x", b[256:258])
	}
}

// TestIdentifyLog: pages of log 30h as openSeaChest and libata read them.
func TestIdentifyLog(t *testing.T) {
	r := build(t, rich())
	page := func(n uint64) []byte {
		_, b := r.good(ata.TaskFile{Command: 0x2f, Extend: true, Count: 1, LBA: 0x30 | n<<8}, nil)
		return b
	}
	for _, c := range []struct {
		page     uint64
		at, to   int
		want     string
		whatItIs string
	}{
		{0, 0, 18, "010000000000000009000102030405060708", "list"},
		{2, 0, 24, "0100020000000080" + "0030201000000080" + "00000300000000e0", "capacity"},
		{3, 24, 40, "0100000000000080" + "0300000000000080", "rotation, form"},
		{6, 8, 40, "3412000000000080" + "7300000000000080" + "2c81000000000080" + "0600000000000080", "security"},
		{6, 48, 56, "fe00000000000080", "sanitize, and that it overrides security"},
	} {
		if got := hex.EncodeToString(page(c.page)[c.at:c.to]); got != c.want {
			t.Errorf("%s: %s, want %s", c.whatItIs, got, c.want)
		}
	}
	if string(page(1)) != string(r.Identity()) {
		t.Error("page 1 is no copy of IDENTIFY DEVICE")
	}
	_, dir := r.good(ata.TaskFile{Command: 0x47, Extend: true, Count: 1}, nil)
	if dir[0] != 1 || dir[2*0x30] != 9 || dir[2*4] != 8 {
		t.Errorf("directory % x", dir[:0x62])
	}
	r.bad(ata.TaskFile{Command: 0x2f, Extend: true, Count: 1, LBA: 0x11}, nil, 0x04)
	r.bad(ata.TaskFile{Command: 0x2f, Extend: true, Count: 10, LBA: 0x30}, nil, 0x04)
}

func TestConfigErrors(t *testing.T) {
	for name, c := range map[string]ata.Config{
		"NativeSectors: ":          {},
		"Serial: ":                 {NativeSectors: 1, Serial: "123456789012345678901"},
		"LogicalBlock: ":           {NativeSectors: 1, LogicalBlock: 520},
		"PhysicalBlock: ":          {NativeSectors: 1, PhysicalBlock: 1536},
		"HPA: ":                    {NativeSectors: 10, HPA: 10},
		"DCO: ":                    {NativeSectors: 10, DCO: 1, AMA: true},
		"Security: ":               {NativeSectors: 10, Security: ata.Security{UserPassword: "x"}},
		"Security.Freeze: ":        {NativeSectors: 10, Security: ata.Security{Freeze: "sometimes"}},
		"Sanitize.OverwriteTime: ": {NativeSectors: 10, Sanitize: ata.Sanitize{OverwriteTime: -1}},
		"Bad: ":                    {NativeSectors: 10, Bad: []ata.Extent{{LBA: 9, Count: 2}}},
		"Claims: ":                 {NativeSectors: 10, Claims: map[ata.Feature]bool{"nonsense": true}},
		"Identify: ":               {NativeSectors: 10, Identify: make([]byte, 511)},
		"Medium: ":                 {NativeSectors: 10, Medium: sim.NewMedium(1)},
	} {
		if d, err := ata.New(c); err == nil || d != nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

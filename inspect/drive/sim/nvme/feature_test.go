package nvme

import (
	"bytes"
	"testing"
)

func TestFeatures(t *testing.T) {
	c := everything()
	c.Queues = 8
	r := start(t, c)
	// nvme set-feature --feature-id=N --value=V, then get-feature.
	for _, f := range []struct{ name, fid, value string }{
		{"arbitration", "01000000", "03020100"}, {"power management", "02000000", "01000000"},
		{"error recovery", "05000000", "0a000000"}, {"volatile write cache", "06000000", "00000000"},
		{"asynchronous events", "0b000000", "ff010000"}, {"keep alive timer", "0f000000", "c0d40100"},
		{"sanitize config", "17000000", "01000000"},
	} {
		r.adminIs(0, "09000000 00000000", f.fid+f.value, 0)
		a := r.adminIs(0, "0a000000 00000000", f.fid, 0)
		if want := le.Uint32(unhex(t, f.value)); a.Result != want {
			t.Errorf("%s: %#x, want %#x", f.name, a.Result, want)
		}
	}
	if a := r.adminIs(0, "09000000 00000000", "07000000 03000f00", 0); a.Result != 0x00070003 {
		t.Errorf("queues: %#x", a.Result) // four asked for of one kind, 16 of the other: 8 there are
	}
	r.adminIs(0x4002, "09000000 00000000", "07000000 ffff0000", 0)
	r.PowerCycle()
	if a := r.adminIs(0, "0a000000 00000000", "0b000000", 0); a.Result != 0 {
		t.Errorf("after a power cycle: %#x", a.Result)
	}
}

func TestFeaturesWithData(t *testing.T) {
	r := start(t, everything())
	id := unhex(t, "00112233445566778899aabbccddeeff")
	r.adminIs(0, "09000000 00000000", "81000000 01000000", 0, id...)
	if a := r.adminIs(0, "0a000000 00000000", "81000000 01000000", 16); !bytes.Equal(a.In, id) {
		t.Errorf("host identifier % x", a.In)
	}
	if a := r.adminIs(0, "0a000000 00000000", "81000000 00000000", 16); !bytes.Equal(a.In, id[:8]) {
		t.Errorf("host identifier of 64 bits % x", a.In)
	}
	r.adminIs(0, "09000000 00000000", "0e000000", 0, unhex(t, "010203040506 0000")...)
	if a := r.adminIs(0, "0a000000 00000000", "0e000000", 8); !bytes.Equal(a.In, unhex(t, "010203040506 02 00")) {
		t.Errorf("timestamp % x", a.In)
	}
	r.adminIs(0x400f, "09000000 00000000", "0e000000", 0, 1, 2, 3)
	r.adminIs(0x400f, "09000000 00000000", "16000000", 0)
}

func TestFeaturesRefused(t *testing.T) {
	r := start(t, laptop())
	for name, dw := range map[string]string{"autonomous power state": "0c000000", "host memory buffer": "0d000000",
		"no cache": "06000000", "no timestamp": "0e000000", "no write protection": "84000000", "reserved": "00000000"} {
		for _, head := range []string{"09000000 01000000", "0a000000 01000000"} {
			if a := r.admin(head, dw, 4096, make([]byte, 512)...); a.Status != 0x4002 {
				t.Errorf("%s: status %#x", name, a.Status)
			}
		}
	}
	r.adminIs(0x410d, "09000000 00000000", "01000080 00000000", 0) // Save
	r.adminIs(0x4002, "0a000000 00000000", "01010000", 0)          // the default value
}

func TestCommandsThatAreNotThere(t *testing.T) {
	r := start(t, laptop())
	for _, op := range []string{"00", "01", "04", "05", "10", "11", "19", "1a", "1c", "1d", "1e", "20", "24", "7c", "7f", "86", "c0", "ff"} {
		r.adminIs(0x4001, op+"000000 00000000", "", 4096, make([]byte, 64)...)
	}
	r.adminIs(0x4105, "0c000000 00000000", "", 0)
	r.adminIs(0x4002, "06030000 00000000", "01000000", 4096) // fused
	if a := r.adminIs(0, "08000000 00000000", "00000100", 0); a.Result != 1 {
		t.Errorf("abort: %d", a.Result)
	}
}

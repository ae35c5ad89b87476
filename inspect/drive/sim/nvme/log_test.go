package nvme

import (
	"bytes"
	"testing"
	"time"
)

func TestSMARTLog(t *testing.T) {
	r := start(t, everything())
	r.clock.Advance(3 * time.Hour)
	r.ioIs(0, "02000000 01000000", "00000000 00000000 01000000", 1024)
	r.ioIs(0, "01000000 01000000", "", 0, make([]byte, 512)...)
	r.adminIs(0x4002, "06000000 00000000", "ff000000", 4096)
	r.PowerCycle()
	p := r.adminIs(0, "02000000 ffffffff", "02007f00", 512).In
	at(t, "critical warning, temperature, spare, threshold, used", p, 0, "04 3701 62 0a 03 00")
	at(t, "units and commands", p, 32, `0210000000000000 0000000000000000 0310000000000000 0000000000000000
		0410000000000000 0000000000000000 0510000000000000 0000000000000000 0510000000000000 0000000000000000`)
	at(t, "power cycles, hours, unsafe shutdowns", p, 112, `0710000000000000 0000000000000000 0a10000000000000 0000000000000000
		0910000000000000 0000000000000000`)
	at(t, "media errors, log entries", p, 160, "0910000000000000 0000000000000000 0b10000000000000 0000000000000000")
	at(t, "minutes, sensors", p, 192, "0b100000 0c100000 3701 3d01 0000")
	r.Shutdown()
	r.PowerCycle()
	p = r.adminIs(0, "02000000 00000000", "02007f00", 512).In
	at(t, "after a shutdown", p, 112, "0810000000000000 0000000000000000 0a10000000000000 0000000000000000 0910000000000000")
	r.adminIs(0x4002, "02000000 01000000", "02007f00", 512) // not by namespace
}

func TestErrorLog(t *testing.T) {
	r := start(t, laptop())
	r.ioIs(0x4080, "02007856 01000000", "21436587 00000000", 512)
	r.adminIs(0x4002, "0600cdab 03000000", "ff000000", 4096)
	p := r.adminIs(0, "02000000 ffffffff", "01001f00", 128).In
	at(t, "the newest", p, 0, "0200000000000000 0000 cdab 0480 ffff 0000000000000000 03000000")
	at(t, "the one before", p, 64, "0100000000000000 0100 7856 0081 ffff 2143658700000000 01000000")
	for range 100 {
		r.admin("06000000 00000000", "ff000000", 0)
	}
	p = r.adminIs(0, "02000000 ffffffff", "0100ff03", 4096).In
	at(t, "the oldest of 64", p, 63*64, "2700000000000000")
}

func TestOtherLogs(t *testing.T) {
	c := everything()
	c.FirmwareSlots = []string{"5B2QGXA7", "4B2Q"}
	r := start(t, c)
	p := r.adminIs(0, "02000000 ffffffff", "03007f00", 512).In
	at(t, "firmware slots", p, 0, "01 00000000000000 3542325147584137 3442325120202020 0000")
	p = r.adminIs(0, "02000000 ffffffff", "0500ff03", 4096).In
	at(t, "effects of Format", p, 0x80*4, "07000200")
	at(t, "effects of Sanitize", p, 0x84*4, "03000200")
	at(t, "effects of Namespace Attachment", p, 0x15*4, "09000000")
	at(t, "effects of Write", p, 1024+4, "03000000")
	at(t, "effects of what is not supported", p, 0x7c*4, "00000000")
	p = r.adminIs(0, "02000000 ffffffff", "0000ff00", 1024).In
	at(t, "supported: 00h to 07h", p, 0, "01000000 01000000 01000000 01000000 01000000 01000000 01000000 00000000")
	at(t, "supported: 15h", p, 0x15*4, "01000000")
	at(t, "supported: 81h", p, 0x81*4, "01000000")
	for _, dw := range []string{"07007f00", "0d007f00", "80007f00", "c0007f00"} {
		r.adminIs(0x4109, "02000000 ffffffff", dw, 512)
	}
}

func TestLogOffsetsAndLengths(t *testing.T) {
	r := start(t, everything())
	whole := r.adminIs(0, "02000000 ffffffff", "03007f00", 512).In
	// NUMD of 2 dwords, offset 8.
	if a := r.adminIs(0, "02000000 ffffffff", "03000100 00000000 08000000 00000000", 512); !bytes.Equal(a.In, whole[8:16]) {
		t.Errorf("part % x", a.In)
	}
	// Behind the page there are zeros.
	if a := r.adminIs(0, "02000000 ffffffff", "0300ff00 00000000 00010000", 1024); len(a.In) != 1024 || !all(a.In[256:], 0) {
		t.Errorf("%d bytes", len(a.In))
	}
	// NUMDU counts, and the host's buffer limits.
	if a := r.adminIs(0, "02000000 ffffffff", "0300ffff 01000000", 100); len(a.In) != 100 {
		t.Errorf("%d bytes", len(a.In))
	}
	for name, dw := range map[string]string{
		"more than MDTS": "0300ffff ffff0000", "behind the page": "03000100 00000000 04020000",
		"far behind": "03000100 00000000 fcffffff ffffffff", "odd": "03000100 00000000 02000000",
		"an index": "03000100 00000000 00000000 00000000 00008000"} {
		if a := r.admin("02000000 ffffffff", dw, 1<<30); a.Status != 0x4002 {
			t.Errorf("%s: status %#x", name, a.Status)
		}
	}
}

func TestBootPartitionLog(t *testing.T) {
	r := start(t, everything())
	boot := r.Media()[len(r.Media())-2:]
	r.owner(boot[0], "first")
	r.owner(boot[1], "second")
	p := r.adminIs(0, "02000000 00000000", "1500ff00", 1024).In
	at(t, "header of 0: 2 units, 1 is active", p, 0, "00000000 02000080 00000000 00000000")
	if !bytes.Equal(p[16:], owned(t, 256<<10, "first")[:1008]) {
		t.Error("contents of 0")
	}
	// LSP 1 is the other one; offset 0x20010 is byte 0x20000 of it.
	p = r.adminIs(0, "02000000 00000000", "1501ff00 00000000 10000200", 1024).In
	if !bytes.Equal(p, owned(t, 256<<10, "second")[0x20000:0x20400]) {
		t.Error("contents of 1")
	}
	p = r.adminIs(0, "02000000 00000000", "1501ff00 00000000 00000400", 1024).In // the end
	if !bytes.Equal(p[:16], owned(t, 256<<10, "second")[256<<10-16:]) || !all(p[16:], 0) {
		t.Error("the end of 1")
	}
	r.adminIs(0x4002, "02000000 00000000", "1501ff00 00000000 14000400", 1024)
	r = start(t, laptop())
	r.adminIs(0x4109, "02000000 00000000", "1500ff00", 1024)
}

func TestSelfTest(t *testing.T) {
	r := start(t, everything())
	r.adminIs(0, "14000000 ffffffff", "02000000", 0)
	r.adminIs(0x411d, "14000000 ffffffff", "01000000", 0)
	r.clock.Advance(7 * time.Minute)
	log := func() []byte { return r.adminIs(0, "02000000 ffffffff", "06008c00", 564).In }
	at(t, "a fifth", log(), 0, "02 14 0000 0f")
	r.PowerCycle()
	r.Reset()
	r.clock.Advance(28 * time.Minute)
	at(t, "passed", log(), 0, "00 00 0000 20 00 01 00 0710000000000000 ffffffff")
	r.adminIs(0, "14000000 01000000", "01000000", 0)
	r.Reset()
	at(t, "a short one ends with a reset", log(), 0, "00 00 0000 12 00 01 00 0710000000000000 01000000")
	r.adminIs(0, "14000000 01000000", "01000000", 0)
	r.adminIs(0, "14000000 01000000", "0f000000", 0)
	at(t, "aborted", log(), 4, "11")
	r.adminIs(0, "14000000 01000000", "01000000", 0)
	r.adminIs(0, formatOne, sesUserData, 0)
	at(t, "aborted by a format", log(), 4, "14")
	r.adminIs(0, "14000000 01000000", "01000000", 0)
	r.adminIs(0, sanitizeHead, cryptoErase, 0)
	r.clock.Advance(time.Minute)
	at(t, "aborted by a sanitize", log(), 4, "19")
	at(t, "no more than these", log(), 4+28*5, "0f")
	r.adminIs(0x4002, "14000000 01000000", "03000000", 0)
	r.adminIs(0x400b, "14000000 20000000", "01000000", 0)
	r.adminIs(0x4002, "14000000 07000000", "01000000", 0) // not attached
	c := laptop()
	c.SelfTest = SelfTest{Supported: true, FailsAt: 6}
	r = start(t, c)
	r.adminIs(0, "14000000 00000000", "01000000", 0)
	at(t, "failed in segment 6", log(), 0, "00 00 0000 17 06 01 00")
	r = start(t, laptop())
	r.adminIs(0x4001, "14000000 00000000", "01000000", 0)
}

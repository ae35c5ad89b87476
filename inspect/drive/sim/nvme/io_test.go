package nvme

import (
	"bytes"
	"testing"

	"handback.example/inspect/drive/sim"
)

func TestReadAndWrite(t *testing.T) {
	r := start(t, laptop())
	data := make([]byte, 1024)
	copy(data, "first")
	copy(data[512:], "second")
	// nvme write --start-block=0x102 --block-count=1
	r.ioIs(0, "01000000 01000000", "02010000 00000000 01000000", 0, data...)
	if p := contents(t, r.NamespaceMedium(1)); !bytes.Equal(p[0x102*512:0x104*512], data) {
		t.Errorf("on the medium: % x", p[0x102*512:][:8])
	}
	a := r.ioIs(0, "02000000 01000000", "03010000 00000000 00000000", 512)
	if !bytes.Equal(a.In, data[512:]) {
		t.Errorf("read % x", a.In[:8])
	}
}

func TestLBARange(t *testing.T) {
	r := start(t, laptop()) // 2048 blocks
	for dw, want := range map[string]uint16{
		"ff070000 00000000 00000000": 0,
		"ff070000 00000000 01000000": 0x4080, // two blocks from the last
		"00080000 00000000 00000000": 0x4080,
		"ffffffff ffffffff ffff0000": 0x4080, // past the end of numbers
		"00000000 01000000 00000000": 0x4080,
	} {
		if a := r.io("02000000 01000000", dw, 65536); a.Status != want {
			t.Errorf("%s: status %#x, want %#x", dw, a.Status, want)
		}
	}
}

func TestNamespaceOfIO(t *testing.T) {
	r := start(t, pair())
	for head, want := range map[string]uint16{
		"02000000 01000000": 0, "02000000 00000000": 0x400b, "02000000 03000000": 0x400b, "02000000 ffffffff": 0x400b,
		"02000000 02000000": 0x4002, // not attached
		"02010000 01000000": 0x4002, // fused
		"55000000 01000000": 0x4001, "00000000 ffffffff": 0,
	} {
		if a := r.io(head, "", 512); a.Status != want {
			t.Errorf("%s: status %#x, want %#x", head, a.Status, want)
		}
	}
}

func TestTransferLengths(t *testing.T) {
	c := laptop()
	c.MDTS = 1 // 8192 bytes
	r := start(t, c)
	r.ioIs(0x400f, "02000000 01000000", "00000000 00000000 01000000", 1023)
	r.ioIs(0x400f, "01000000 01000000", "00000000 00000000 01000000", 0, make([]byte, 1023)...)
	r.ioIs(0, "02000000 01000000", "00000000 00000000 0f000000", 8192)
	r.ioIs(0x4002, "02000000 01000000", "00000000 00000000 10000000", 16384)
	r.ioIs(0x4002, "01000000 01000000", "00000000 00000000 10000000", 0, make([]byte, 8704)...)
}

func TestDeallocatedBlocksReadAsErasedAndStayOnTheMedium(t *testing.T) {
	c := laptop()
	c.ErasedAs = []byte{0x33, 0xcc, 0x55, 0xaa}
	r := start(t, c)
	m := r.NamespaceMedium(1)
	r.owner(m, "owner")
	// nvme dsm --ad --slbs=2,9 --blocks=3,1: attributes, length, start.
	out := unhex(t, "00000000 03000000 0200000000000000 00000000 01000000 0900000000000000")
	r.ioIs(0, "09000000 01000000", "01000000 04000000", 0, out...)
	if !r.holds(m, "owner") {
		t.Fatal("a deallocation forgets only")
	}
	a := r.ioIs(0, "02000000 01000000", "00000000 00000000 0f000000", 8192)
	was := owned(t, mib, "owner")
	for b := range 16 {
		got := a.In[512*b : 512*b+512]
		gone := b >= 2 && b <= 4 || b == 9
		if gone != bytes.Equal(got, bytes.Repeat(c.ErasedAs, 128)) || gone == bytes.Equal(got, was[512*b:512*b+512]) {
			t.Errorf("block %d: % x", b, got[:4])
		}
	}
	// Written again, a block is what was written.
	r.ioIs(0, "01000000 01000000", "03000000", 0, was[:512]...)
	if a := r.ioIs(0, "02000000 01000000", "03000000", 512); !bytes.Equal(a.In, was[:512]) {
		t.Error("not what was written")
	}
	if p := r.adminIs(0, "06000000 01000000", "00000000", 4096).In; !bytes.Equal(p[16:24], unhex(t, "fd07000000000000")) { // 2045
		t.Errorf("NUSE % x", p[16:24])
	}
	// Without AD nothing changes; a range past the end is refused whole.
	r.ioIs(0, "09000000 01000000", "00000000 00000000", 0, unhex(t, "00000000 08000000 0000000000000000")...)
	r.ioIs(0x4080, "09000000 01000000", "00000000 04000000", 0, unhex(t, "00000000 02000000 ff07000000000000")...)
	r.ioIs(0x400f, "09000000 01000000", "01000000 04000000", 0, out[:31]...)
}

func TestWriteZeroes(t *testing.T) {
	r := start(t, laptop())
	m := r.NamespaceMedium(1)
	r.owner(m, "owner")
	r.ioIs(0, "08000000 01000000", "01000000 00000000 01000000", 0)
	if p := contents(t, m); !all(p[512:1536], 0) || all(p[:512], 0) || all(p[1536:2048], 0) {
		t.Error("blocks 1 and 2 should be zeros on the medium, no others")
	}
	r.ioIs(0, "08000000 01000000", "08000000 00000000 00000002", 0) // --deac
	if p := contents(t, m); all(p[4096:4608], 0) {
		t.Error("deallocated only: the medium keeps it")
	}
	if a := r.ioIs(0, "02000000 01000000", "08000000", 512); !all(a.In, 0) {
		t.Error("a deallocated block reads as zeros")
	}
}

func TestCompareAndVerify(t *testing.T) {
	r := start(t, laptop())
	r.owner(r.NamespaceMedium(1), "owner")
	was := owned(t, mib, "owner")
	r.ioIs(0, "05000000 01000000", "07000000", 0, was[7*512:8*512]...)
	r.ioIs(0x4285, "05000000 01000000", "07000000", 0, was[:512]...)
	r.ioIs(0, "0c000000 01000000", "00000000 00000000 ff070000", 0)
	r.ioIs(0x4080, "0c000000 01000000", "01000000 00000000 ff070000", 0)
}

func TestUncorrectableBlocks(t *testing.T) {
	r := start(t, laptop())
	r.owner(r.NamespaceMedium(1), "owner")
	r.ioIs(0, "04000000 01000000", "05000000 00000000 01000000", 0) // nvme write-uncor
	r.ioIs(0x0281, "02000000 01000000", "04000000 00000000 01000000", 1024)
	r.ioIs(0x0281, "0c000000 01000000", "06000000", 0)
	r.ioIs(0, "02000000 01000000", "04000000", 512)
	if !r.holds(r.NamespaceMedium(1), "owner") {
		t.Error("the medium keeps what can't be read")
	}
	r.ioIs(0, "01000000 01000000", "05000000", 0, make([]byte, 512)...)
	r.ioIs(0, "02000000 01000000", "05000000", 512)
	r.ioIs(0x0281, "02000000 01000000", "06000000", 512)
	if p := r.adminIs(0, "02000000 ffffffff", "02007f00", 512).In; p[160] != 3 {
		t.Errorf("media errors %d", p[160])
	}
}

func TestMediaFaults(t *testing.T) {
	r := start(t, laptop(),
		sim.Fault{When: sim.When{Reads: true, LBA: ptr(uint64(0x10)), Blocks: 2}, Do: sim.Action{Medium: true}},
		sim.Fault{When: sim.When{Writes: true, LBA: ptr(uint64(0x20))}, Do: sim.Action{Medium: true}})
	r.ioIs(0x0281, "02000000 01000000", "0f000000 00000000 01000000", 1024)
	r.ioIs(0x0281, "02000000 01000000", "11000000", 512)
	r.ioIs(0, "02000000 01000000", "12000000", 512)
	r.ioIs(0, "02000000 01000000", "20000000", 512)
	r.ioIs(0x0280, "01000000 01000000", "20000000", 0, make([]byte, 512)...)
	r.ioIs(0x0280, "08000000 01000000", "20000000", 0)
}

func TestFaultsOfIdentityAndSize(t *testing.T) {
	r := start(t, laptop(), sim.Fault{When: sim.When{Opcode: ptr(byte(0x06)), Nth: 3}, Do: sim.Action{Become: "S2", Shrink: 100}},
		sim.Fault{When: sim.When{Opcode: ptr(byte(0x18))}, Do: sim.Action{Abort: true}})
	serial := func() string { return string(r.adminIs(0, "06000000 00000000", "01000000", 4096).In[4:7]) }
	if a, b, c := serial(), serial(), serial(); a != "S1 " || b != "S1 " || c != "S2 " {
		t.Errorf("serials %q %q %q", a, b, c)
	}
	if p := r.adminIs(0, "06000000 01000000", "00000000", 4096).In; p[0] != 100 || p[1] != 0 {
		t.Errorf("NSZE % x", p[:8])
	}
	r.ioIs(0x4080, "02000000 01000000", "64000000", 512)
	r.adminIs(0x4002, "18000000 00000000", "", 0)
}

func TestMetadataBehindEachBlock(t *testing.T) {
	c := laptop()
	c.LBAFormats = []LBAFormat{{LogicalBlock: 512, Metadata: 8}}
	c.Namespaces[0] = Namespace{ID: 1, Blocks: 16, MetadataBytes: 8, Extended: true, Attached: true}
	r := start(t, c)
	out := make([]byte, 1040)
	copy(out, "data of 3")
	copy(out[512:], "meta3...")
	copy(out[520:], "data of 4")
	copy(out[1032:], "meta4...")
	r.ioIs(0x400f, "01000000 01000000", "03000000 00000000 01000000", 0, out[:1024]...)
	r.ioIs(0, "01000000 01000000", "03000000 00000000 01000000", 0, out...)
	if a := r.ioIs(0, "02000000 01000000", "03000000 00000000 01000000", 1040); !bytes.Equal(a.In, out) {
		t.Error("not what was written")
	}
	p := contents(t, r.NamespaceMedium(1))
	if len(p) != 16*520 || string(p[4*512:4*512+9]) != "data of 4" || string(p[16*512+4*8:16*512+5*8]) != "meta4..." {
		t.Error("data lie by LBA, metadata behind them")
	}
	r.adminIs(0, sanitizeHead, blockErase, 0)
	r.clock.Advance(100e9)
	if r.Media(); !r.reads(r.NamespaceMedium(1), 0) {
		t.Error("metadata are erased too")
	}
}

func TestWriteProtection(t *testing.T) {
	c := laptop()
	c.WriteProtection = true
	r := start(t, c)
	m := r.NamespaceMedium(1)
	r.owner(m, "owner")
	r.adminIs(0, "09000000 01000000", "84000000 02000000", 0) // until power cycle
	if a := r.adminIs(0, "0a000000 01000000", "84000000", 0); a.Result != 2 {
		t.Errorf("state %d", a.Result)
	}
	if p := r.adminIs(0, "06000000 01000000", "00000000", 4096).In; p[99] != 1 {
		t.Errorf("NSATTR %x", p[99])
	}
	r.adminIs(0x410e, "09000000 01000000", "84000000 00000000", 0)
	r.ioIs(0x4020, "01000000 01000000", "", 0, make([]byte, 512)...)
	r.ioIs(0x4020, "08000000 01000000", "", 0)
	r.ioIs(0x4020, "09000000 01000000", "00000000 04000000", 0, make([]byte, 16)...)
	r.adminIs(0x4020, sanitizeHead, blockErase, 0)
	r.adminIs(0x4020, formatOne, sesUserData, 0)
	if !r.holds(m, "owner") {
		t.Error("protected, and erased")
	}
	r.PowerCycle()
	r.ioIs(0, "01000000 01000000", "", 0, make([]byte, 512)...)
}

func TestTraceKeepsWhatIsNoPlainAccess(t *testing.T) {
	r := start(t, laptop())
	r.ioIs(0, "02000000 01000000", "", 512)
	r.ioIs(0, "01000000 01000000", "", 0, make([]byte, 512)...)
	r.ioIs(0, "08000000 01000000", "", 0)
	r.adminIs(0x4002, sanitizeHead, "00000000", 0)
	tr := r.Trace()
	if len(tr) != 2 || tr[0].Frame[0] != 0x08 || tr[0].Status != 0 || tr[1].Frame[0] != 0x84 || tr[1].Status != 0x4002 || len(tr[1].Frame) != 64 {
		t.Errorf("%d entries", len(tr))
	}
}

// A Dataset Management that deallocates nothing, or is refused, leaves what reads as
// data as it was, beside blocks that were deallocated before.
func TestHintsDeallocateNothing(t *testing.T) {
	r := start(t, laptop())
	r.owner(r.NamespaceMedium(1), "owner")
	r.ioIs(0, "09000000 01000000", "00000000 04000000", 0, unhex(t, "00000000 0a000000 0000000000000000")...) // AD, blocks 0 to 9
	r.ioIs(0, "09000000 01000000", "00000000 02000000", 0, unhex(t, "00000000 0a000000 0a00000000000000")...) // IDW only, 10 to 19
	r.ioIs(0x4080, "09000000 01000000", "01000000 04000000", 0,
		unhex(t, "00000000 0a000000 0a00000000000000 00000000 01000000 ffffff0000000000")...) // the second is past the end
	if a := r.ioIs(0, "02000000 01000000", "0a000000 00000000 00000000", 512); all(a.In, 0) {
		t.Error("block 10 reads as deallocated")
	}
	if a := r.ioIs(0, "02000000 01000000", "09000000 00000000 00000000", 512); !all(a.In, 0) {
		t.Error("block 9 does not read as deallocated")
	}
}

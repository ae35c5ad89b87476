package nvme

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
)

// nvme format --namespace-id=N --ses=S.
const (
	formatOne    = "80000000 01000000"
	formatTwo    = "80000000 02000000"
	formatAll    = "80000000 ffffffff"
	sesNone      = "00000000"
	sesUserData  = "00020000"
	sesCrypto    = "00040000"
	ses3         = "00060000"
	lbaf1Erase   = "01020000" // --lbaf=1
	protectType1 = "20020000" // --pi=1
)

// two namespaces that are attached, and one that is not.
func three() Config {
	c := pair()
	c.Namespaces[1].Attached = true
	c.Namespaces = append(c.Namespaces, Namespace{ID: 3, Bytes: mib})
	return c
}

func TestFormatScope(t *testing.T) {
	for _, c := range []struct {
		name     string
		fna      Format
		head, dw string
		status   uint16
		erased   []uint32
	}{
		{"one, user data", Format{}, formatOne, sesUserData, 0, []uint32{1}},
		{"one, crypto", Format{Crypto: true}, formatOne, sesCrypto, 0, []uint32{1}},
		{"one that is not attached", Format{}, "80000000 03000000", sesUserData, 0, []uint32{3}},
		{"all: those that are attached", Format{}, formatAll, sesUserData, 0, []uint32{1, 2}},
		{"one, FNA erases all", Format{EraseAll: true}, formatOne, sesUserData, 0, []uint32{1, 2, 3}},
		{"one, FNA formats all but erases one", Format{AllNamespaces: true}, formatOne, sesUserData, 0, []uint32{1}},
		{"no secure erase, FNA erases all", Format{EraseAll: true, Erases: true}, formatOne, sesNone, 0, []uint32{1}},
		{"no secure erase, FNA formats all", Format{AllNamespaces: true, Erases: true}, formatOne, sesNone, 0, []uint32{1, 2, 3}},
		{"no secure erase forgets only", Format{}, formatOne, sesNone, 0, nil},
		{"no broadcast", Format{NoBroadcast: true}, formatAll, sesUserData, 0x4002, nil},
		{"crypto not supported", Format{}, formatOne, sesCrypto, 0x4002, nil},
		{"reserved SES", Format{Crypto: true}, formatOne, ses3, 0x4002, nil},
		{"no such namespace", Format{}, "80000000 04000000", sesUserData, 0x400b, nil},
		{"namespace 0", Format{}, "80000000 00000000", sesUserData, 0x400b, nil},
		{"no such LBA format", Format{}, formatOne, "02020000", 0x410a, nil},
		{"LBA format above 15", Format{}, formatOne, "00120000", 0x410a, nil},
		{"protection without metadata", Format{}, formatOne, protectType1, 0x410a, nil},
		{"metadata that are not there", Format{}, formatOne, "10020000", 0x410a, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := three()
			c.fna.Supported = true
			conf.Format = c.fna
			r := start(t, conf)
			for id := range uint32(3) {
				r.owner(r.NamespaceMedium(id+1), "owner")
			}
			r.adminIs(c.status, c.head, c.dw, 0)
			for id := range uint32(3) {
				m, erased := r.NamespaceMedium(id+1), false
				for _, e := range c.erased {
					erased = erased || e == id+1
				}
				switch n := r.survives(m, "owner"); {
				case erased && n > mib/128:
					t.Errorf("namespace %d: %d bytes survive", id+1, n)
				case !erased && n != mib:
					t.Errorf("namespace %d: erased, though not meant", id+1)
				}
			}
		})
	}
}

func TestNamespaceThatIsNotAttached(t *testing.T) {
	r := start(t, pair())
	r.owner(r.NamespaceMedium(1), "owner")
	r.owner(r.NamespaceMedium(2), "hidden")
	r.adminIs(0, formatAll, sesUserData, 0)
	if !r.reads(r.NamespaceMedium(1), 0) || !r.holds(r.NamespaceMedium(2), "hidden") {
		t.Fatal("a format of all goes for what is attached")
	}
	r.adminIs(0, sanitizeHead, cryptoErase, 0)
	r.clock.Advance(2 * time.Second)
	if n := r.survives(r.NamespaceMedium(2), "hidden"); n > mib/128 {
		t.Errorf("a sanitize leaves nothing: %d bytes survive", n)
	}
}

func TestCryptoFormatChangesTheKey(t *testing.T) {
	r := start(t, laptop())
	m := r.NamespaceMedium(1)
	r.owner(m, "owner")
	r.adminIs(0, formatOne, sesCrypto, 0)
	first := contents(t, m)
	r.adminIs(0, formatOne, sesCrypto, 0)
	if bytes.Equal(first, contents(t, m)) || all(first, 0) {
		t.Error("each key gives noise of its own")
	}
	r.adminIs(0, formatOne, sesUserData, 0)
	if !r.reads(m, 0) {
		t.Error("not erased")
	}
}

func TestFormatWithoutSecureEraseForgetsOnly(t *testing.T) {
	r := start(t, laptop())
	m := r.NamespaceMedium(1)
	r.owner(m, "owner")
	r.adminIs(0, formatOne, sesNone, 0)
	if a := r.ioIs(0, "02000000 01000000", "00010000 00000000 07000000", 4096); !all(a.In, 0) {
		t.Error("the host reads zeros")
	}
	if !r.holds(m, "owner") {
		t.Error("the medium still has it all")
	}
	if a := r.adminIs(0, "06000000 01000000", "00000000", 4096); !all(a.In[16:24], 0) {
		t.Errorf("NUSE % x", a.In[16:24])
	}
}

func TestFormatToAnotherBlockSize(t *testing.T) {
	c := laptop()
	c.Protection = true
	c.LBAFormats = []LBAFormat{{LogicalBlock: 512}, {LogicalBlock: 4096}, {LogicalBlock: 512, Metadata: 8}}
	r := start(t, c)
	var events []uint32
	r.OnEvent(func(e uint32) { events = append(events, e) })
	r.adminIs(0, "09000000 00000000", "0b000000 00010000", 0) // namespace attribute notices
	identify := func() []byte { return r.adminIs(0, "06000000 01000000", "00000000", 4096).In }
	if p := identify(); !bytes.Equal(p[:8], unhex(t, "0008000000000000")) || p[26] != 0 { // 2048 blocks
		t.Errorf("before: NSZE % x FLBAS %x", p[:8], p[26])
	}
	r.owner(r.NamespaceMedium(1), "owner")
	r.adminIs(0, formatOne, lbaf1Erase, 0)
	if p := identify(); !bytes.Equal(p[:8], unhex(t, "0001000000000000")) || p[26] != 1 { // 256
		t.Errorf("4096: NSZE % x FLBAS %x", p[:8], p[26])
	}
	if len(events) != 1 || events[0] != 0x00040002 {
		t.Errorf("events %#x", events)
	}
	if p := r.adminIs(0, "02000000 ffffffff", "0400ff03", 4096).In; !bytes.Equal(p[:8], unhex(t, "0100000000000000")) {
		t.Errorf("changed namespaces % x", p[:8])
	}
	r.ioIs(0x4080, "02000000 01000000", "00010000", 4096)
	a := r.ioIs(0, "02000000 01000000", "ff000000", 4096)
	if len(a.In) != 4096 {
		t.Errorf("a block has %d bytes", len(a.In))
	}
	// Metadata need room: 1048576 / 520 blocks; type 1 in the last bytes, behind each block.
	r.adminIs(0, formatOne, "32020000", 0)
	p := identify()
	if !bytes.Equal(p[:8], unhex(t, "e007000000000000")) || p[26] != 0x12 || p[29] != 1 {
		t.Errorf("with metadata: NSZE % x FLBAS %x DPS %x", p[:8], p[26], p[29])
	}
	if !bytes.Equal(p[128:140], unhex(t, "00000900 00000c00 08000900")) || p[27] != 3 || p[28] != 0x1f {
		t.Errorf("formats % x MC %x DPC %x", p[128:140], p[27], p[28])
	}
}

func TestFormatTakesItsTime(t *testing.T) {
	c := pair()
	c.Format.EraseTime = 10 * time.Second
	c.Namespaces[1].Attached = true
	r := start(t, c)
	r.owner(r.NamespaceMedium(1), "owner")
	answer := make(chan uint16, 1)
	go func() {
		a, err := r.Admin(context.Background(), sim.NVMeRequest{SQE: sqe(t, formatOne, sesUserData)})
		if err != nil {
			a.Status = 0xffff
		}
		answer <- a.Status
	}()
	until(t, func() bool { return r.io("02000000 01000000", "", 512).Status == 0x84 })
	r.clock.Advance(5 * time.Second)
	if p := contents(t, r.Media()[0]); !all(p[:mib/2], 0) || all(p[mib/2:], 0) {
		t.Error("at half time half of it is erased")
	}
	if p := r.adminIs(0, "06000000 01000000", "00000000", 4096).In; p[32] != 0x80|50 {
		t.Errorf("FPI %#x", p[32])
	}
	r.adminIs(0x84, formatOne, sesUserData, 0)
	r.ioIs(0, "02000000 02000000", "", 512) // the other goes on working
	select {
	case s := <-answer:
		t.Fatalf("answered too early: %#x", s)
	default:
	}
	until(t, func() bool {
		r.clock.Advance(5 * time.Second)
		select {
		case s := <-answer:
			answer <- s
			return true
		default:
			return false
		}
	})
	if s := <-answer; s != 0 || !r.reads(r.NamespaceMedium(1), 0) {
		t.Errorf("status %#x", s)
	}
}

// until waits for another goroutine.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for range 5000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("it never came to that")
}

func TestFormatDoesNotGoOnAfterAPowerCut(t *testing.T) {
	c := laptop()
	c.Format.EraseTime = 10 * time.Second
	r := start(t, c)
	m := r.NamespaceMedium(1)
	r.owner(m, "owner")
	gone := make(chan error, 1)
	go func() {
		_, err := r.Admin(context.Background(), sim.NVMeRequest{SQE: sqe(t, formatOne, lbaf1Erase)})
		gone <- err
	}()
	until(t, func() bool { return r.io("02000000 01000000", "", 512).Status == 0x84 })
	r.clock.Advance(5 * time.Second)
	r.PowerCycle()
	if err := <-gone; !errors.Is(err, sim.ErrGone) {
		t.Errorf("err %v", err)
	}
	r.clock.Advance(time.Hour)
	if p := contents(t, r.Media()[0]); !all(p[:mib/2], 0) || !bytes.Equal(p[mib/2:], owned(t, mib, "owner")[mib/2:]) {
		t.Error("half of it is erased, and half is not")
	}
	r.ioIs(0, "02000000 01000000", "ff070000", 512) // the format is the old one
}

func TestFormatThatFails(t *testing.T) {
	r := start(t, laptop(), sim.Fault{When: sim.When{Opcode: ptr(byte(0x80))}, Do: sim.Action{FailAt: 0.5}})
	m := r.NamespaceMedium(1)
	r.owner(m, "owner")
	r.adminIs(0x06, formatOne, lbaf1Erase, 0)
	if p := contents(t, m); !all(p[:mib/2], 0) || !bytes.Equal(p[mib/2:], owned(t, mib, "owner")[mib/2:]) {
		t.Error("it failed half way")
	}
	r.ioIs(0, "02000000 01000000", "ff070000", 512)
}

func TestFormatThatLies(t *testing.T) {
	for name, a := range map[string]sim.Action{"pretends": {Pretend: true}, "keeps": {KeepAll: true}} {
		r := start(t, laptop(), sim.Fault{When: sim.When{Erases: true}, Do: a})
		r.owner(r.NamespaceMedium(1), "owner")
		r.adminIs(0, formatOne, sesCrypto, 0)
		if !r.holds(r.NamespaceMedium(1), "owner") {
			t.Errorf("%s: erased all the same", name)
		}
	}
}

func TestFormatNotSupported(t *testing.T) {
	c := laptop()
	c.Format = Format{}
	c.Claims = map[string]uint64{"oacs": 0x0002, "fna": 0x04}
	r := start(t, c)
	if p := r.adminIs(0, "06000000 00000000", "01000000", 4096).In; p[256] != 2 || p[524] != 4 {
		t.Errorf("OACS %x FNA %x", p[256], p[524])
	}
	r.owner(r.NamespaceMedium(1), "owner")
	r.adminIs(0x4001, formatOne, sesCrypto, 0)
	if !r.holds(r.NamespaceMedium(1), "owner") {
		t.Error("refused, and erased")
	}
}

// A host that gives up does not end a format.
func TestFormatOutlivesItsHost(t *testing.T) {
	c := laptop()
	c.Format.EraseTime = 10 * time.Second
	r := start(t, c)
	r.owner(r.NamespaceMedium(1), "owner")
	ctx, giveUp := context.WithCancel(context.Background())
	giveUp()
	if _, err := r.Admin(ctx, sim.NVMeRequest{SQE: sqe(t, formatOne, lbaf1Erase)}); !errors.Is(err, context.Canceled) {
		t.Fatalf("err %v", err)
	}
	r.ioIs(0x84, "02000000 01000000", "", 512)
	r.clock.Advance(10 * time.Second)
	r.ioIs(0, "02000000 01000000", "ff000000", 4096)
	if !r.reads(r.NamespaceMedium(1), 0) {
		t.Error("not erased")
	}
}

func TestFormatThatSticks(t *testing.T) {
	r := start(t, laptop(), sim.Fault{When: sim.When{Opcode: ptr(byte(0x80))}, Do: sim.Action{StickAt: 0.5}})
	r.owner(r.NamespaceMedium(1), "owner")
	ctx, giveUp := context.WithCancel(context.Background())
	go func() {
		until(t, func() bool { return r.io("02000000 01000000", "", 512).Status == 0x84 })
		r.clock.Advance(24 * time.Hour)
		giveUp()
	}()
	if _, err := r.Admin(ctx, sim.NVMeRequest{SQE: sqe(t, formatOne, sesUserData)}); !errors.Is(err, context.Canceled) {
		t.Fatalf("err %v", err)
	}
	if n := r.survives(r.NamespaceMedium(1), "owner"); n < mib/2 || n > mib*3/4 {
		t.Errorf("%d bytes survive", n)
	}
	// A sanitize is stronger: it starts all the same.
	r.adminIs(0, sanitizeHead, cryptoErase, 0)
	r.clock.Advance(2 * time.Second)
	r.logIs("ffff" + "0101" + "04000000")
}

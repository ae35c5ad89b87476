package nvme

import (
	"bytes"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
)

// managed is a subsystem with room for namespaces.
func managed() Config {
	c := laptop()
	c.NamespaceManagement, c.MaxNamespaces, c.Unallocated, c.OtherControllers = true, 3, 2*mib, []uint16{2}
	return c
}

// created is the data of a create: NSZE, NCAP, FLBAS, NMIC.
func created(t *testing.T, nsze, ncap string, flbas, nmic byte) []byte {
	t.Helper()
	p := make([]byte, 4096)
	copy(p, unhex(t, nsze+ncap))
	p[26], p[30] = flbas, nmic
	return p
}

const (
	createNS   = "0d000000 00000000"
	attachTwo  = "15000000 02000000"
	sectors2k  = "0008000000000000"
	sectors1k  = "0004000000000000"
	sectors256 = "0001000000000000"
)

func controllers(t *testing.T, s string) []byte {
	t.Helper()
	p := make([]byte, 4096)
	copy(p, unhex(t, s))
	return p
}

func TestNamespaceLife(t *testing.T) {
	r := start(t, managed())
	r.adminIs(0, "09000000 00000000", "0b000000 00010000", 0)
	var events []uint32
	r.OnEvent(func(e uint32) { events = append(events, e) })
	// nvme create-ns --nsze=0x100 --ncap=0x100 --flbas=1: 1 MiB in blocks of 4096.
	if a := r.adminIs(0, createNS, "00000000", 0, created(t, sectors256, sectors256, 1, 0)...); a.Result != 2 {
		t.Fatalf("namespace %d", a.Result)
	}
	r.ioIs(0x4002, "01000000 02000000", "", 0, make([]byte, 4096)...) // not attached yet
	// nvme attach-ns --namespace-id=2 --controllers=1
	r.adminIs(0, attachTwo, "00000000", 0, controllers(t, "0100 0100")...)
	if len(events) != 1 || events[0] != 0x00040002 {
		t.Errorf("events %#x", events)
	}
	data := owned(t, 4096, "owner")
	r.ioIs(0, "01000000 02000000", "ff000000", 0, data...)
	r.ioIs(0x4080, "01000000 02000000", "00010000", 0, data...)
	m := r.NamespaceMedium(2)
	// nvme detach-ns, nvme delete-ns
	r.adminIs(0, attachTwo, "01000000", 0, controllers(t, "0100 0100")...)
	r.adminIs(0, "0d000000 02000000", "01000000", 0)
	if r.NamespaceMedium(2) != nil {
		t.Error("deleted, and there")
	}
	if p := contents(t, m); !bytes.Equal(p[255*4096:], data) {
		t.Error("what a deleted namespace held stays")
	}
	media := r.Media()
	if len(media) != 3 || media[2] != m {
		t.Errorf("%d media", len(media))
	}
	r.adminIs(0, formatAll, sesCrypto, 0)
	if p := contents(t, m); !bytes.Equal(p[255*4096:], data) {
		t.Error("no format reaches it")
	}
	r.adminIs(0, sanitizeHead, blockErase, 0)
	r.clock.Advance(100 * time.Second)
	if r.Media(); !r.reads(m, 0) {
		t.Error("a sanitize reaches it")
	}
}

func TestUnallocatedCapacity(t *testing.T) {
	r := start(t, managed())
	free := r.Media()[1]
	if free.Size() != 2*mib {
		t.Fatalf("%d bytes", free.Size())
	}
	r.owner(free, "before")
	capacity := func() []byte { return r.adminIs(0, "06000000 00000000", "01000000", 4096).In[296:304] }
	r.adminIs(0, createNS, "", 0, created(t, sectors2k, sectors2k, 0, 0)...)
	if !bytes.Equal(capacity(), unhex(t, "0000100000000000")) {
		t.Errorf("UNVMCAP % x", capacity())
	}
	r.adminIs(0, "0d000000 ffffffff", "01000000", 0) // all of them
	if !bytes.Equal(capacity(), unhex(t, "0000300000000000")) {
		t.Errorf("UNVMCAP % x", capacity())
	}
	if p := r.adminIs(0, "06000000 00000000", "10000000", 4096).In; !all(p, 0) {
		t.Error("no namespaces are left")
	}
	if !r.holds(free, "before") {
		t.Error("nothing has touched it")
	}
	r.adminIs(0, sanitizeHead, blockErase, 0)
	r.clock.Advance(100 * time.Second)
	if r.Media(); !r.reads(free, 0) {
		t.Error("a sanitize reaches it")
	}
}

func TestManagementRefusals(t *testing.T) {
	r := start(t, managed())
	for _, c := range []struct {
		name, head, dw string
		out            []byte
		want           uint16
	}{
		{"reserved selection", createNS, "02000000", nil, 0x4002},
		{"short data", createNS, "", make([]byte, 384), 0x400f},
		{"another command set", createNS, "00000000 00000002", created(t, sectors1k, sectors1k, 0, 0), 0x4129},
		{"no size", createNS, "", created(t, "0000000000000000", "0000000000000000", 0, 0), 0x4002},
		{"thin", createNS, "", created(t, sectors2k, sectors1k, 0, 0), 0x411b},
		{"too large", createNS, "", created(t, "0120000000000000", "0120000000000000", 0, 0), 0x4115},
		{"absurdly large", createNS, "", created(t, "ffffffffffffffff", "ffffffffffffffff", 0, 0), 0x4115},
		{"no such format", createNS, "", created(t, sectors1k, sectors1k, 2, 0), 0x410a},
		{"metadata that are not there", createNS, "", created(t, sectors1k, sectors1k, 0x10, 0), 0x410a},
		{"delete nothing", "0d000000 02000000", "01000000", nil, 0x400b},
		{"attach nothing", attachTwo, "", controllers(t, "0100 0100"), 0x4002},
		{"attach what can't be", "15000000 04000000", "", controllers(t, "0100 0100"), 0x400b},
		{"attach again", "15000000 01000000", "", controllers(t, "0100 0100"), 0x4118},
		{"attach a private one twice", "15000000 01000000", "", controllers(t, "0100 0200"), 0x4119},
		{"detach from where it is not", "15000000 01000000", "01000000", controllers(t, "0100 0200"), 0x411a},
		{"no such controller", "15000000 01000000", "01000000", controllers(t, "0100 0700"), 0x411c},
		{"no controllers", "15000000 01000000", "01000000", controllers(t, "0000"), 0x411c},
		{"not ascending", "15000000 01000000", "01000000", controllers(t, "0200 0200 0100"), 0x411c},
		{"more than fit", "15000000 01000000", "01000000", controllers(t, "ffff 0100"), 0x411c},
		{"no list", "15000000 01000000", "01000000", nil, 0x411c},
		{"neither attach nor detach", "15000000 01000000", "02000000", controllers(t, "0100 0100"), 0x4002},
	} {
		if a := r.admin(c.head, c.dw, 0, c.out...); a.Status != c.want {
			t.Errorf("%s: status %#x, want %#x", c.name, a.Status, c.want)
		}
	}
	for range 2 {
		r.adminIs(0, createNS, "", 0, created(t, sectors1k, sectors1k, 0, 1)...)
	}
	r.adminIs(0x4116, createNS, "", 0, created(t, sectors1k, sectors1k, 0, 0)...) // three there may be
	r.adminIs(0, attachTwo, "", 0, controllers(t, "0200 0100 0200")...)           // shared
	at(t, "controllers of 2", r.adminIs(0, "06000000 02000000", "12000000", 4096).In, 0, "0200 0100 0200")
	r.adminIs(0, attachTwo, "01000000", 0, controllers(t, "0100 0200")...)
	at(t, "controllers of 2", r.adminIs(0, "06000000 02000000", "12000000", 4096).In, 0, "0100 0100 0000")
}

func TestMediaOrder(t *testing.T) {
	first, second, rest, boot0, boot1 := sim.NewMedium(mib), sim.NewMedium(2*mib), sim.NewMedium(3*mib), sim.NewMedium(128<<10), sim.NewMedium(128<<10)
	c := managed()
	c.Namespaces = []Namespace{{ID: 3, Bytes: 2 * mib, Medium: second}, {ID: 1, Bytes: mib, Medium: first, Attached: true}}
	c.Unallocated, c.UnallocatedMedium = 3*mib, rest
	c.Boot = Boot{Bytes: 128 << 10, Media: [2]*sim.Medium{boot0, boot1}}
	r := start(t, c)
	for i, want := range []*sim.Medium{first, second, rest, boot0, boot1} {
		if r.Media()[i] != want {
			t.Errorf("medium %d is not in its place", i)
		}
	}
	if r.NamespaceMedium(3) != second || r.NamespaceMedium(2) != nil {
		t.Error("media by namespace")
	}
}

func TestSubsystemWithoutNamespaces(t *testing.T) {
	c := laptop()
	c.Namespaces = nil
	r := start(t, c)
	r.adminIs(0x400b, formatAll, sesUserData, 0)
	r.adminIs(0, sanitizeHead, overwriteThrice, 0)
	r.clock.Advance(time.Hour)
	r.logIs("ffff" + "1901" + "33010000")
}

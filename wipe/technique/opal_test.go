package technique_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/nvme"
	"handback.example/inspect/drive/sim/opal"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/inspect/drive/sim/scsi"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/journal"
)

const (
	vaultMSID = "MSID-0123456789ABCDEFGHIJKL"
	vaultPSID = "PSID0123456789ABCDEF0123456789AB"
	vaultSize = 4 << 20
	vaultData = "a person's data"
)

// ownerLocked is a drive as it comes from a laptop of a department: owned, activated,
// locked, and its owner's authority blocked by the firmware.
var ownerLocked = opal.Config{SID: "its owner", Activated: true, Locked: true, LockEnabled: true, SIDBlocked: true}

// vault is a self-encrypting drive with a person's data, in a computer, and the
// journal of its visits.
type vault struct {
	t     *testing.T
	tper  *opal.TPer
	model sim.Model
	clock *sim.Manual
	host  *inproc.Host

	mu     sync.Mutex
	entry  journal.Entry
	marks  []journal.Mark
	past   *journal.Past
	onMark func(m journal.Mark) error
}

const vaultPath = "/dev/vault"

func newVault(t *testing.T, bus drive.Bus, c opal.Config, faults ...sim.Fault) *vault {
	t.Helper()
	c.MSID, c.PSID = vaultMSID, vaultPSID
	x, err := opal.New(c)
	if err != nil {
		t.Fatal(err)
	}
	v := &vault{t: t, tper: x, clock: sim.NewManual()}
	v.host = inproc.NewHost(v.clock)
	script := sim.NewScript(faults...)
	switch bus {
	case drive.BusSATA:
		m, err := ata.New(ata.Config{Clock: v.clock, Script: script, TCG: x, Serial: "SED1", Model: "SED", NativeSectors: vaultSize / 512, Rotation: 1, NoDCO: true, NoHPA: true,
			Security: ata.Security{Supported: true, Enhanced: true, EraseTime: time.Minute, EnhancedTime: time.Minute}, Sanitize: ata.Sanitize{Block: true, BlockTime: time.Minute}})
		if err != nil {
			t.Fatal(err)
		}
		s := sat.New(m, sat.Config{})
		v.model, err = s, v.host.AttachSCSI(vaultPath, bus, s)
		if err != nil {
			t.Fatal(err)
		}
	case drive.BusSCSI:
		m, err := scsi.New(scsi.Config{Clock: v.clock, Script: script, TCG: x, Vendor: "SED", Product: "SED", Serial: "SED1", Blocks: vaultSize / 512, Rotation: 1,
			UnitAttention: true, Sanitize: scsi.Sanitize{Block: true, BlockTime: time.Minute}})
		if err != nil {
			t.Fatal(err)
		}
		v.model, err = m, v.host.AttachSCSI(vaultPath, bus, m)
		if err != nil {
			t.Fatal(err)
		}
	default:
		m, err := nvme.New(nvme.Config{Clock: v.clock, Script: script, TCG: x, Serial: "SED1", Model: "SED",
			Sanitize: nvme.Sanitize{Block: true, Crypto: true, BlockTime: time.Minute, CryptoTime: time.Second}, Namespaces: []nvme.Namespace{{ID: 1, Bytes: vaultSize, Attached: true}}})
		if err != nil {
			t.Fatal(err)
		}
		v.model, err = m, v.host.AttachNVMe(vaultPath, m, 1)
		if err != nil {
			t.Fatal(err)
		}
	}
	x.SetRekey(opal.Scramble("vault", v.model.Media()...))
	for _, m := range v.model.Media() {
		if err := m.Fill(0, m.Size(), sim.Noise(vaultData)); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// left are the bytes of the person's data that still stand on the medium.
func (v *vault) left() (n int64) {
	v.t.Helper()
	for _, m := range v.model.Media() {
		was := sim.NewMedium(m.Size())
		if err := was.Fill(0, m.Size(), sim.Noise(vaultData)); err != nil {
			v.t.Fatal(err)
		}
		a, b := make([]byte, m.Size()), make([]byte, m.Size())
		if _, err := m.ReadAt(a, 0); err != nil {
			v.t.Fatal(err)
		}
		if _, err := was.ReadAt(b, 0); err != nil {
			v.t.Fatal(err)
		}
		for o := 0; o < len(a); o += 512 {
			if bytes.Equal(a[o:o+512], b[o:o+512]) {
				n += 512
			}
		}
	}
	return n
}

func (v *vault) Started(_ context.Context, e journal.Entry) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.entry = e
	return nil
}

func (v *vault) Mark(_ context.Context, _ drive.Identity, m journal.Mark) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.onMark != nil {
		if err := v.onMark(m); err != nil {
			return err
		}
	}
	v.marks = append(v.marks, m)
	return nil
}

func (v *vault) names() (all []string) {
	for _, m := range v.marks {
		all = append(all, m.Step)
	}
	return all
}

// again is the next start of the computer, after its power was cut.
func (v *vault) again() {
	v.past = &journal.Past{Entry: v.entry, Marks: v.marks}
	v.marks, v.entry, v.onMark = nil, journal.Entry{}, nil
	v.model.Plug(true)
}

func (v *vault) Now() time.Time { return v.clock.Now() }

func (v *vault) Sleep(ctx context.Context, d time.Duration) error {
	v.clock.Advance(d)
	return ctx.Err()
}

// visit erases by a revert and what follows; psid as a person typed it.
func (v *vault) visit(id, then wipe.TechniqueID, psid string) wipe.Outcome {
	v.t.Helper()
	dev, err := v.host.Open(vaultPath)
	if err != nil {
		v.t.Fatal(err)
	}
	who, err := dev.Identify(v.t.Context())
	if err != nil {
		v.t.Fatal(err)
	}
	level := wipe.LevelPurge
	if strings.HasPrefix(string(then), "overwrite") {
		level = wipe.LevelClear
	}
	p := wipe.DrivePlan{Name: "A", Path: vaultPath, Identity: who, Geometry: dev.Geometry(),
		Ladder: []wipe.Step{{Technique: id, Then: then, Level: level, Verify: wipe.VerifyFull, Shortfall: "what the vault says"}}}
	if then == wipe.ATASecurityEraseEnhanced { // answers when it has ended
		ctx, over := context.WithCancel(v.t.Context())
		defer over()
		go v.clock.Flow(ctx, 20*time.Millisecond)
	}
	f := job.Start(v.t.Context(), wipe.Plan{Drives: []wipe.DrivePlan{p}}, job.Options{Opener: v.host, Journal: v, Clock: v,
		Past: func(drive.Identity) *journal.Past { return v.past }, PSID: func(drive.Identity) string { return psid }})
	select {
	case <-f.Done():
	case <-time.After(time.Minute):
		v.t.Fatalf("the visit does not end: %+v", f.Status())
	}
	o := f.Outcomes()[0]
	if o.Verdict == wipe.Sanitised && v.left() > 0 {
		v.t.Errorf("sanitised, and %d bytes are left: %+v", v.left(), o)
	}
	for _, c := range o.Commands {
		if strings.Contains(c.Frame+c.Status+c.Operation+c.Error, fmt.Sprintf("%x", vaultPSID)) {
			v.t.Errorf("the PSID is in the record: %+v", c)
		}
	}
	for _, m := range v.marks {
		if strings.Contains(fmt.Sprint(m), vaultPSID) {
			v.t.Errorf("the PSID is in the journal: %+v", m)
		}
	}
	return o
}

// follow is what may follow a revert, by bus.
var follow = []struct {
	bus  drive.Bus
	then wipe.TechniqueID
}{
	{drive.BusSATA, wipe.OverwriteZero}, {drive.BusSATA, wipe.ATASanitizeBlock}, {drive.BusSATA, wipe.ATASecurityEraseEnhanced},
	{drive.BusSCSI, wipe.SCSISanitizeBlock}, {drive.BusNVMe, wipe.NVMeSanitizeBlock}, {drive.BusNVMe, wipe.OverwriteRandom},
}

// A drive that its owner locked: opened by the PSID, erased by what follows, proved by
// canaries that were written after the revert.
func TestOpalPSIDRevert(t *testing.T) {
	for _, f := range follow {
		bus, then := f.bus, f.then
		t.Run(string(then)+" on "+string(bus), func(t *testing.T) {
			v := newVault(t, bus, ownerLocked)
			o := v.visit(wipe.OpalPSIDRevert, then, " PSID-0123-4567-89AB-CDEF-0123-4567-89AB\n")
			want := wipe.EvidenceCanaries
			if strings.HasPrefix(string(then), "overwrite") {
				want = wipe.EvidenceMeasured
			}
			if o.Verdict != wipe.Sanitised || o.Evidence != want || o.Technique != wipe.OpalPSIDRevert {
				t.Fatalf("%s %s (%s): %s\n%+v", o.Verdict, o.Evidence, o.Technique, o.What, o.Commands)
			}
			if v.tper.KeyChanges() == 0 {
				t.Error("it was not reverted")
			}
			if r, w := v.tper.Locked(); r || w {
				t.Error("it is still locked")
			}
			if len(o.Commands) < 2 || o.Commands[0].Operation != "Revert of the Admin SP" || !strings.HasSuffix(o.Commands[1].Status, "f0f1f9f0000000f1") {
				t.Errorf("%+v", o.Commands)
			}
			if got := v.names(); !slices.Equal(got[:2], []string{"revert", "reverted"}) {
				t.Errorf("marks %v", got)
			}
		})
	}
}

// Nobody took ownership, but locking was activated: MSID opens it. Where somebody did,
// or the firmware blocks it, or there is nothing to revert, nothing is sent.
func TestOpalRevert(t *testing.T) {
	for name, c := range map[string]struct {
		config opal.Config
		want   wipe.Verdict
		says   string
	}{
		"the maker's password":       {opal.Config{Activated: true, Admin1: "x"}, wipe.Sanitised, ""},
		"owned":                      {opal.Config{SID: "its owner", Activated: true, Locked: true}, wipe.Refused, "somebody has taken ownership"},
		"owned, and does not say so": {opal.Config{SID: "its owner", Activated: true, Locked: true, NoBlockSID: true}, wipe.Refused, "only the PSID on its label helps"},
		"blocked":                    {opal.Config{Activated: true, SIDBlocked: true}, wipe.Refused, "Block SID"},
		"never activated":            {opal.Config{}, wipe.Refused, "nothing to revert"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVault(t, drive.BusNVMe, c.config)
			o := v.visit(wipe.OpalRevert, wipe.NVMeSanitizeBlock, "")
			if o.Verdict != c.want || !strings.Contains(o.What, c.says) {
				t.Errorf("%s: %s", o.Verdict, o.What)
			}
			if o.Verdict == wipe.Refused && (v.left() != vaultSize || v.tper.KeyChanges() != 0 || len(o.Commands) != 0) {
				t.Errorf("refused, and %d bytes are left: %+v", v.left(), o.Commands)
			}
		})
	}
}

// A PSID that is missing, misread or misspelt: clear words, and never a second try of
// one that the drive refused.
func TestOpalWrongPSID(t *testing.T) {
	for psid, says := range map[string]string{
		"":                                 "nobody has given it",
		"PSID0123456789ABCDEF0123456789A":  "31 characters",
		"PSID0123456789ABCDEF0123456789AÖ": "neither a letter nor a digit",
		"PSID0123456789ABCDEFO123456789AB": "read its label again",
	} {
		v := newVault(t, drive.BusSATA, ownerLocked)
		o := v.visit(wipe.OpalPSIDRevert, wipe.OverwriteZero, psid)
		if o.Verdict != wipe.Refused || !strings.Contains(o.What, says) || v.tper.KeyChanges() != 0 || v.left() != vaultSize {
			t.Errorf("%q: %s: %s", psid, o.Verdict, o.What)
		}
		sent := 0
		for _, e := range v.model.Trace() {
			if len(e.Frame) == ata.FrameSize && e.Frame[12] == 0x5e { // TRUSTED SEND
				sent++
			}
		}
		if want := map[bool]int{true: 1, false: 0}[len(psid) == 32 && !strings.Contains(psid, "Ö")]; sent != want {
			t.Errorf("%q: %d transfers were sent, want %d", psid, sent, want)
		}
	}
	v := newVault(t, drive.BusSATA, ownerLocked)
	for range 5 {
		v.visit(wipe.OpalPSIDRevert, wipe.OverwriteZero, strings.Repeat("X", 32))
	}
	if o := v.visit(wipe.OpalPSIDRevert, wipe.OverwriteZero, vaultPSID); o.Verdict != wipe.Refused || !strings.Contains(o.What, "switch the machine off and on") {
		t.Errorf("%s: %s", o.Verdict, o.What)
	}
}

// A drive that says that it reverted and kept its data and its key (sedutil, issue 291):
// what follows erases it, or its lie is seen.
func TestOpalLies(t *testing.T) {
	keeps := ownerLocked
	keeps.RevertKeepsData = true
	for _, f := range follow {
		v := newVault(t, f.bus, keeps)
		if o := v.visit(wipe.OpalPSIDRevert, f.then, vaultPSID); o.Verdict != wipe.Sanitised || v.left() != 0 {
			t.Errorf("%s: %s with %d bytes left: %s", f.then, o.Verdict, v.left(), o.What)
		}
	}
	v := newVault(t, drive.BusNVMe, keeps, sim.Fault{When: sim.When{Erases: true}, Do: sim.Action{KeepAll: true}})
	if o := v.visit(wipe.OpalPSIDRevert, wipe.NVMeSanitizeBlock, vaultPSID); o.Verdict == wipe.Sanitised {
		t.Errorf("a drive that lies twice is sanitised: %s", o.What)
	}
}

// The power goes at each step that is written down, before and after it. The next
// start ends it, with the PSID as long as it is needed and without from then on.
func TestOpalPowerCuts(t *testing.T) {
	for _, f := range follow {
		if f.then == wipe.ATASecurityEraseEnhanced {
			continue // its own power cuts are tested beside it
		}
		t.Run(string(f.then)+" on "+string(f.bus), func(t *testing.T) { t.Parallel(); opalPowerCuts(t, f.bus, f.then) })
	}
}

func opalPowerCuts(t *testing.T, bus drive.Bus, then wipe.TechniqueID) {
	cut := errors.New("the power is gone")
	for n := range 8 {
		for _, after := range []bool{false, true} {
			v := newVault(t, bus, ownerLocked)
			seen := 0
			v.onMark = func(m journal.Mark) error {
				if seen++; seen <= n {
					return nil
				}
				if seen == n+1 && after {
					v.marks = append(v.marks, m)
				}
				v.model.Plug(false)
				return cut
			}
			o := v.visit(wipe.OpalPSIDRevert, then, vaultPSID)
			if seen <= n {
				continue // it has fewer marks
			}
			if o.Verdict == wipe.Sanitised {
				t.Fatalf("%s, mark %d: sanitised without power", bus, n+1)
			}
			v.again()
			psid := vaultPSID
			if v.past.Last("reverted") != nil {
				psid = ""
			}
			if o = v.visit(wipe.OpalPSIDRevert, then, psid); o.Verdict != wipe.Sanitised {
				t.Errorf("%s, mark %d (%v), after it %t: %s: %s", bus, n+1, v.past.Marks, after, o.Verdict, o.What)
			}
			if psid == "" && !strings.Contains(o.Resumed, "factory state") {
				t.Errorf("%s, mark %d: resumed %q", bus, n+1, o.Resumed)
			}
		}
	}
}

// Answers that are lost on the way: the revert's own is made up for by what the drive
// says of itself, and by nothing else.
func TestOpalLostAnswers(t *testing.T) {
	send := func(n int) sim.When { code := byte(0x81); return sim.When{Opcode: &code, Nth: n, Times: 1} }
	receive := func(n int) sim.When { code := byte(0x82); return sim.When{Opcode: &code, Nth: n, Times: 1} }
	for name, c := range map[string]struct {
		fault sim.Fault
		want  []wipe.Verdict
	}{
		"the discovery is refused":    {sim.Fault{When: receive(1), Do: sim.Action{Abort: true}}, []wipe.Verdict{wipe.Refused}},
		"no session's answer":         {sim.Fault{When: receive(2), Do: sim.Action{Hang: true}}, []wipe.Verdict{wipe.Refused}},
		"the revert's answer is lost": {sim.Fault{When: receive(3), Do: sim.Action{Hang: true}}, []wipe.Verdict{wipe.Sanitised}},
		"the revert is refused":       {sim.Fault{When: send(2), Do: sim.Action{Abort: true}}, []wipe.Verdict{wipe.Failed}},
		"the revert hangs":            {sim.Fault{When: send(2), Do: sim.Action{Hang: true}}, []wipe.Verdict{wipe.Unverified, wipe.Failed}},
		"nothing is said after it":    {sim.Fault{When: receive(4), Do: sim.Action{Abort: true}}, []wipe.Verdict{wipe.Failed, wipe.Unverified}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVault(t, drive.BusNVMe, ownerLocked, c.fault)
			go v.clock.Flow(t.Context(), 5*time.Millisecond)
			o := v.visit(wipe.OpalPSIDRevert, wipe.NVMeSanitizeBlock, vaultPSID)
			if !slices.Contains(c.want, o.Verdict) {
				t.Errorf("%s: %s\n%+v", o.Verdict, o.What, o.Commands)
			}
		})
	}
}

// A revert alone is no erasure, and nothing of its kind follows it.
func TestOpalAlone(t *testing.T) {
	for _, then := range []wipe.TechniqueID{"", wipe.OpalRevert, wipe.OpalPSIDRevert, "none"} {
		v := newVault(t, drive.BusNVMe, ownerLocked)
		if o := v.visit(wipe.OpalPSIDRevert, then, vaultPSID); o.Verdict != wipe.Refused || v.tper.KeyChanges() != 0 {
			t.Errorf("%q: %s: %s", then, o.Verdict, o.What)
		}
	}
}

// A revert reaches every namespace of the controller: it is sent once, when all of
// them have come along, and never where one is not to be erased.
func TestOpalNamespaces(t *testing.T) {
	for _, planned := range []bool{true, false} {
		c := ownerLocked
		c.MSID, c.PSID = vaultMSID, vaultPSID
		x, err := opal.New(c)
		if err != nil {
			t.Fatal(err)
		}
		v := &vault{t: t, tper: x, clock: sim.NewManual()}
		m, err := nvme.New(nvme.Config{Clock: v.clock, TCG: x, Serial: "SED1", Model: "SED", Sanitize: nvme.Sanitize{Block: true, BlockTime: time.Minute},
			Namespaces: []nvme.Namespace{{ID: 1, Bytes: vaultSize, Attached: true}, {ID: 2, Bytes: vaultSize, Attached: true}}})
		if err != nil {
			t.Fatal(err)
		}
		v.model, v.host = m, inproc.NewHost(v.clock)
		x.SetRekey(opal.Scramble("vault", m.Media()...))
		var p wipe.Plan
		for n := uint32(1); n <= 2; n++ {
			path := fmt.Sprint(vaultPath, n)
			if err := v.host.AttachNVMe(path, m, n); err != nil {
				t.Fatal(err)
			}
			if err := m.Media()[n-1].Fill(0, vaultSize, sim.Noise(vaultData)); err != nil {
				t.Fatal(err)
			}
			dev, err := v.host.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			id, err := dev.Identify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			d := wipe.DrivePlan{Name: fmt.Sprint(n), Path: path, Identity: id, Geometry: dev.Geometry(), Siblings: []uint32{3 - n},
				Ladder: []wipe.Step{{Technique: wipe.OpalPSIDRevert, Then: wipe.NVMeSanitizeBlock, Level: wipe.LevelPurge, Shortfall: "x"}}}
			if planned {
				p.Drives = append(p.Drives, d)
			} else if n == 1 {
				d.Siblings = nil
				p.Drives = append(p.Drives, d)
			}
		}
		f := job.Start(t.Context(), p, job.Options{Opener: v.host, Journal: v, Clock: v, PSID: func(drive.Identity) string { return vaultPSID }})
		<-f.Done()
		sent := 0
		for _, e := range m.Trace() {
			if e.Frame[0] == 0x81 {
				sent++
			}
		}
		for _, o := range f.Outcomes() {
			if (o.Verdict == wipe.Sanitised) != planned || o.Verdict == wipe.Sanitised && len(o.Commands) < 3 {
				t.Errorf("planned %t: namespace %s: %s: %s", planned, o.Drive.Name, o.Verdict, o.What)
			}
		}
		if planned && (sent != 2 || v.left() != 0 || x.KeyChanges() != 1) || !planned && (sent != 0 || v.left() != 2*vaultSize) {
			t.Errorf("planned %t: %d transfers, %d bytes are left, %d keys", planned, sent, v.left(), x.KeyChanges())
		}
	}
}

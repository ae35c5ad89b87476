package technique_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/mmc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/wipe"
	"handback.example/wipe/journal"
)

// brisk is a host's clock that makes nobody wait for a busy card: its short sleeps are
// a second at least. Time-outs are long ones, and come only when somebody moves the clock.
type brisk struct {
	*sim.Manual
	*naps
}

// naps counts the short sleeps.
type naps struct {
	n   atomic.Int64
	cut func(n int64) // is called at each
}

func (b brisk) Sleep(ctx context.Context, d time.Duration) error {
	if d > 5*time.Second {
		return b.Manual.Sleep(ctx, d)
	}
	if n := b.n.Add(1); b.cut != nil {
		b.cut(n)
	}
	b.Advance(max(d, time.Second))
	return ctx.Err()
}

// emmcConfig is a small card.
func emmcConfig() mmc.Config {
	return mmc.Config{Manufacturer: 0x15, Product: "TINY", Serial: "0x1a2b3c4d", Sectors: 4 * mib / 512, BootSize: 128 << 10, RPMBSize: 128 << 10,
		SecureErase: true, Trim: true, Sanitize: true,
		EraseTime: 2 * time.Second, SecureEraseTime: 10 * time.Second, SanitizeTime: 30 * time.Second}
}

func emmc(t *testing.T, c mmc.Config) *rig {
	t.Helper()
	clock, n := sim.NewManual(), &naps{}
	c.Clock = brisk{clock, n}
	m, err := mmc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, model: m, clock: clock, naps: n, host: inproc.NewHost(brisk{clock, n})}
	// RPMB takes no command that is known here, and is named as not shown.
	for _, area := range []string{"user", "boot1", "boot2", "GP1", "GP2", "GP3", "GP4"} {
		if a := m.Area(area); a != nil {
			r.media = append(r.media, a)
		}
	}
	if err := r.host.AttachMMC(rigPath, drive.BusMMC, m); err != nil {
		t.Fatal(err)
	}
	r.plant()
	return r
}

var mmcErasures = []wipe.TechniqueID{wipe.MMCSanitize, wipe.MMCSecureErase}

func TestMMC(t *testing.T) {
	for _, id := range mmcErasures {
		t.Run(string(id), func(t *testing.T) {
			c := emmcConfig()
			c.Sectors, c.GPSizes, c.ErasedOnes = 12*mib/512, [4]int64{0, 8 * mib, 0, 0}, true
			r := emmc(t, c)
			rpmb := r.model.(*mmc.Drive).Area("RPMB")
			if err := rpmb.Fill(0, rpmb.Size(), sim.Noise("keys")); err != nil {
				t.Fatal(err)
			}
			o := r.visit(id)
			r.expect(o, wipe.Sanitised, "")
			if o.Evidence != wipe.EvidenceCanaries || !strings.Contains(o.Verification.Method, "boot") || o.Verification.Counted < 8*mib/512 {
				t.Errorf("%+v", o)
			}
			arg, n := "00000000", 3+12+1
			if id == wipe.MMCSecureErase {
				arg, n = "80000000", 3+12
			}
			// Boot area 1 first: 256 sectors, by bytes, for the card is a small one.
			first := "0602000003b3010100000000" + "230100000000000000000000" + "24010000" + "0001fe00" + "00000000" +
				"26020000" + arg + "00000000" + "0602000003b3000100000000"
			if len(o.Commands) != n || o.Commands[0].Frame != first {
				t.Errorf("%d commands, the first %+v", len(o.Commands), o.Commands[0])
			}
			if last := o.Commands[len(o.Commands)-1]; id == wipe.MMCSanitize && last.Frame != "0602000003a5010100000000" {
				t.Errorf("the last command is %+v", last)
			}
			// The card is as it was, and RPMB untouched.
			b := make([]byte, 16)
			if _, err := rpmb.ReadAt(b, 0); err != nil || bytes.Equal(b, bytes.Repeat(b[:1], 16)) {
				t.Errorf("RPMB reads % x, %v", b, err)
			}
		})
	}
}

// How a card boots is not changed by an erasure of the areas that it boots from.
func TestMMCKeepsBootConfiguration(t *testing.T) {
	r := emmc(t, emmcConfig())
	d, err := r.host.OpenTarget(rigPath)
	if err != nil {
		t.Fatal(err)
	}
	// BOOT_ACK, and it boots from area 1.
	if _, err := d.Do(t.Context(), drive.Command{Protocol: drive.ProtocolMMC, Timeout: time.Minute, Frame: []byte{6, 2, 0, 0, 0x03, 0xb3, 0x48, 0x01, 0, 0, 0, 0}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	r.expect(r.visit(wipe.MMCSanitize), wipe.Sanitised, "")
	e := r.extCSD()
	if e[179] != 0x48 {
		t.Errorf("EXT_CSD[179] is %02x", e[179])
	}
}

func (r *rig) extCSD() []byte {
	r.t.Helper()
	d, err := r.host.Open(rigPath)
	if err != nil {
		r.t.Fatal(err)
	}
	defer d.Close()
	c := drive.Command{Protocol: drive.ProtocolMMC, Direction: drive.DirectionIn, Data: make([]byte, 512), Frame: []byte{8, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1}}
	if _, err := d.Do(r.t.Context(), c); err != nil {
		r.t.Fatal(err)
	}
	return c.Data
}

// A tablet's card of the library, from its profile, addressed by sector; a smaller one
// of its kind.
func TestMMCProfile(t *testing.T) {
	clock, n := sim.NewManual(), &naps{}
	text, err := os.ReadFile("../../testdata/drives/emmc-tablet.toml")
	if err != nil {
		t.Fatal(err)
	}
	small := strings.Replace(string(text), "sectors = 61071360", "sectors = 6107136", 1)
	p, err := profile.Parse("emmc-tablet.toml", small, profile.Options{Clock: brisk{clock, n}})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, model: p.Model, clock: clock, host: inproc.NewHost(brisk{clock, n})}
	if _, err := p.Attach(r.host, rigPath); err != nil {
		t.Fatal(err)
	}
	o := r.visit(wipe.MMCSanitize)
	if o.Verdict != wipe.Sanitised || o.Verification.Canaries == 0 || o.Drive.Identity.Size != 6107136*512 {
		t.Fatalf("%+v", o)
	}
	// The second part of the user area, by sector: groups of 1024 of them.
	if want := "23010000" + "0005d400" + "00000000" + "24010000" + "000ba7ff" + "00000000" + "260200000000000000000000"; o.Commands[3].Frame != want {
		t.Errorf("%s, want %s", o.Commands[3].Frame, want)
	}
	for _, area := range []string{"user", "boot1", "boot2"} {
		m := p.Model.(*mmc.Drive).Area(area)
		b := make([]byte, mib)
		for _, at := range []int64{0, m.Size() / 2 / 512 * 512, m.Size() - mib} {
			if _, err := m.ReadAt(b, at); err != nil || !bytes.Equal(b, make([]byte, mib)) {
				t.Errorf("%s: %d is not erased, %v", area, at, err)
			}
		}
	}
}

// What is protected is found before anything is sent.
func TestMMCProtected(t *testing.T) {
	for name, c := range map[string]func(c *mmc.Config){
		"boot area, until the power goes":     func(c *mmc.Config) { c.BootProtection[1] = "power-on" },
		"boot area, for ever":                 func(c *mmc.Config) { c.BootProtection[0] = "permanent" },
		"the first group, in its last sector": func(c *mmc.Config) { c.Protected = []mmc.Group{{Sector: 16383, Sectors: 1, Kind: "temporary"}} },
		"the last group, for ever":            func(c *mmc.Config) { c.Protected = []mmc.Group{{Sector: 24575, Sectors: 1, Kind: "permanent"}} },
	} {
		for _, id := range mmcErasures {
			t.Run(name+"/"+string(id), func(t *testing.T) {
				config := emmcConfig()
				config.Sectors = 12 * mib / 512
				c(&config)
				r := emmc(t, config)
				o := r.visit(id)
				r.expect(o, wipe.Refused, "write-protected")
				if r.left(0, 0, r.media[0].Size()) != r.media[0].Size() || len(o.Commands) != 0 {
					t.Errorf("something was erased: %+v", o.Commands)
				}
			})
		}
	}
	// Of the whole card's protection nothing is told here: the blocks tell it.
	config := emmcConfig()
	config.WriteProtected = "temporary"
	r := emmc(t, config)
	r.expect(r.visit(wipe.MMCSanitize), wipe.Failed, "")
}

func TestMMCFaults(t *testing.T) {
	op := func(i byte) *byte { return &i }
	boot := func(do sim.Action) sim.Fault { return sim.Fault{When: sim.When{Opcode: op(38), Times: 1}, Do: do} }
	for name, w := range map[string]struct {
		only  wipe.TechniqueID
		fault sim.Fault
		want  wipe.Verdict
		says  string
	}{
		"erase lies":                        {"", sim.Fault{When: sim.When{Opcode: op(38)}, Do: sim.Action{Pretend: true}}, wipe.Failed, "still stand"},
		"erase lies in a boot area":         {"", boot(sim.Action{Pretend: true}), wipe.Failed, "still stand"},
		"erase leaves the end of the card":  {"", sim.Fault{When: sim.When{Opcode: op(38)}, Do: sim.Action{Keep: []sim.Range{{Off: 3 * mib, Len: mib}}}}, "", ""},
		"erase is refused":                  {"", sim.Fault{When: sim.When{Opcode: op(38)}, Do: sim.Action{Abort: true}}, wipe.Failed, ""},
		"erase is refused in a boot area":   {"", boot(sim.Action{Abort: true}), wipe.Failed, ""},
		"an address is refused":             {"", sim.Fault{When: sim.When{Opcode: op(36), Nth: 5}, Do: sim.Action{Abort: true}}, wipe.Failed, ""},
		"the switch to an area is not done": {"", sim.Fault{When: sim.When{Opcode: op(6), Sub: ptr(uint32(0x03b30101))}, Do: sim.Action{Pretend: true}}, wipe.Refused, "boot area 1"},
		"it stays in a boot area":           {"", sim.Fault{When: sim.When{Opcode: op(6), Sub: ptr(uint32(0x03b30001)), Nth: 6}, Do: sim.Action{Pretend: true}}, "", ""},
		"it is pulled out":                  {"", sim.Fault{When: sim.When{Opcode: op(38), Nth: 7}, Do: sim.Action{Unplug: true}}, wipe.Unverified, "lost"},
		"it shrinks":                        {"", sim.Fault{When: sim.When{Opcode: op(38), Nth: 7}, Do: sim.Action{Shrink: 1000}}, "", ""},
		"it becomes another":                {"", sim.Fault{When: sim.When{Opcode: op(38), Nth: 9}, Do: sim.Action{Become: "0x99"}}, "", ""},
		"sanitize is refused":               {wipe.MMCSanitize, sim.Fault{When: sim.When{Sub: ptr(uint32(0x03a50101))}, Do: sim.Action{Abort: true}}, wipe.Failed, ""},
		"it is pulled out at the sanitize":  {wipe.MMCSanitize, sim.Fault{When: sim.When{Sub: ptr(uint32(0x03a50101))}, Do: sim.Action{Unplug: true}}, wipe.Unverified, "lost"},
		"the erase comes undone":            {wipe.MMCSanitize, sim.Fault{When: sim.When{Opcode: op(38)}, Do: sim.Action{Reappear: time.Second}}, "", ""},
	} {
		for _, id := range mmcErasures {
			if w.only != "" && w.only != id {
				continue
			}
			t.Run(name+"/"+string(id), func(t *testing.T) {
				t.Parallel()
				c := emmcConfig()
				c.Script = sim.NewScript(w.fault)
				r := emmc(t, c)
				o := r.visit(id)
				if w.want == "" { // whatever it is, it is no success with data left
					if o.Verdict == wipe.Sanitised {
						t.Errorf("sanitised: %+v", o)
					}
					return
				}
				r.expect(o, w.want, w.says)
			})
		}
	}
}

// What a sanitize does not do is seen by nobody: the card answers and reads the same.
// All that is left then is unlinked, and no block shows it: it is what the record names
// as not shown.
func TestMMCSanitizeThatLies(t *testing.T) {
	sub := uint32(0x03a50101)
	c := emmcConfig()
	c.Script = sim.NewScript(sim.Fault{When: sim.When{Sub: &sub}, Do: sim.Action{Pretend: true}})
	r := emmc(t, c)
	o := r.visit(wipe.MMCSanitize)
	if o.Verdict != wipe.Sanitised || o.NotShown == "" || r.clean() {
		t.Fatalf("%s, not shown %q, clean %v", o.Verdict, o.NotShown, r.clean())
	}
	d, err := r.host.Open(rigPath)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for at := int64(0); at < d.Geometry().Size; at += mib {
		b := drive.AlignedBuffer(mib)
		if _, err := d.ReadAt(b, at); err != nil || !bytes.Equal(b, make([]byte, mib)) {
			t.Fatalf("the host reads something at %d, %v", at, err)
		}
	}
}

// The power goes before and after every mark, and at every command that erases: after
// the next start all is done again.
func TestMMCPowerCuts(t *testing.T) {
	cuts := map[string]func(r *rig, c *mmc.Config){}
	for n := 1; n <= 3; n++ {
		cuts[fmt.Sprintf("before mark %d", n)] = func(r *rig, _ *mmc.Config) { r.cutBefore = n }
		cuts[fmt.Sprintf("after mark %d", n)] = func(r *rig, _ *mmc.Config) { r.cutAfter = n }
	}
	op := byte(38)
	for _, n := range []int{1, 2, 3, 6, 10} {
		cuts[fmt.Sprintf("at erase %d", n)] = func(_ *rig, c *mmc.Config) {
			c.Script = sim.NewScript(sim.Fault{When: sim.When{Opcode: &op, Nth: n, Times: 1}, Do: sim.Action{Unplug: true}})
		}
	}
	sub := uint32(0x03a50101)
	cuts["at the sanitize"] = func(_ *rig, c *mmc.Config) {
		c.Script = sim.NewScript(sim.Fault{When: sim.When{Sub: &sub, Times: 1}, Do: sim.Action{Unplug: true}})
	}
	for _, id := range mmcErasures {
		for name, cut := range cuts {
			t.Run(string(id)+"/"+name, func(t *testing.T) {
				t.Parallel()
				c := emmcConfig()
				cut(&rig{}, &c)
				r := emmc(t, c)
				cut(r, &c)
				o := r.visit(id)
				if o.Verdict == wipe.Sanitised {
					if r.dead || !r.model.Plugged() {
						t.Fatalf("sanitised without power: %+v", o)
					}
					r.expect(o, wipe.Sanitised, "")
					return
				}
				r.on()
				o = r.visit(id)
				r.expect(o, wipe.Sanitised, "")
				if issued := r.past.Last(journal.StepIssue) != nil; issued != (o.Resumed != "") {
					t.Errorf("issued %v, resumed %q", issued, o.Resumed)
				}
			})
		}
	}
}

// The power goes at moments in which the card is busy: an erasure ends with it, and
// leaves the rest where it was. After the next start nothing is left.
func TestMMCPowerCutsWhileBusy(t *testing.T) {
	for _, id := range mmcErasures {
		cuts, full := 0, 0
		for at := int64(1); at < 400; at += 11 {
			r := emmc(t, emmcConfig())
			r.naps.cut = func(n int64) {
				if n == at {
					r.mu.Lock()
					r.off()
					r.mu.Unlock()
				}
			}
			o := r.visit(id)
			if o.Verdict == wipe.Sanitised {
				r.expect(o, wipe.Sanitised, "")
				break // it was done before
			}
			cuts++
			if !r.clean() {
				full++
			}
			r.naps.cut = nil
			r.on()
			r.expect(r.visit(id), wipe.Sanitised, "")
		}
		if cuts < 3 || full == 0 {
			t.Errorf("%s: %d cuts, of which %d left something", id, cuts, full)
		}
	}
}

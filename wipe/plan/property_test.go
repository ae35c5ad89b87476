package plan

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
	"pgregory.net/rapid"
)

// fact draws one that may be unknown.
func fact[T any](t *rapid.T, name string, g *rapid.Generator[T]) inspect.Fact[T] {
	if !rapid.Bool().Draw(t, name+" known") {
		return inspect.Unknown[T]("test", "not read")
	}
	return inspect.Known(g.Draw(t, name), "test")
}

func anyDrive(t *rapid.T) inspect.Drive {
	size := rapid.SampledFrom([]int64{0, 1 << 20, 1 << 30, 1 << 40, 1<<30 + 512}).Draw(t, "size")
	d := inspect.Drive{Path: rapid.SampledFrom([]string{"/dev/sda", "/dev/sdb", "/dev/nvme0n1"}).Draw(t, "path"),
		Identity: drive.Identity{Bus: rapid.SampledFrom([]drive.Bus{drive.BusNVMe, drive.BusSATA, drive.BusUSB, drive.BusLoop, drive.BusSCSI, drive.BusMMC, ""}).Draw(t, "bus"),
			Media:  rapid.SampledFrom([]drive.MediaType{drive.MediaHDD, drive.MediaSSD, drive.MediaFlash, ""}).Draw(t, "media"),
			Model:  rapid.SampledFrom([]string{"M", "Samsung SSD 840 EVO 1TB", "INTEL SSDPEKNW512G8", "VYL00M"}).Draw(t, "model"),
			Serial: rapid.SampledFrom([]string{"", "S1", "S2", "S3"}).Draw(t, "serial"), Inner: rapid.Bool().Draw(t, "inner"),
			Size: size, Namespace: uint32(rapid.IntRange(0, 2).Draw(t, "nsid"))},
		Geometry: drive.Geometry{Size: size, LogicalBlock: rapid.SampledFrom([]int{512, 4096, 520}).Draw(t, "block")},
		Boot:     rapid.IntRange(0, 9).Draw(t, "boot") == 0,
		Special:  rapid.SampledFrom([]string{"", "", "", "", "ufs"}).Draw(t, "special"),
	}
	command(t, &d, size)
	if rapid.Bool().Draw(t, "opal") {
		b := rapid.Bool()
		d.Opal = &inspect.Opal{Supported: fact(t, "opal supported", b), Activated: fact(t, "opal active", b), Locked: fact(t, "opal locked", b),
			Shadowed: fact(t, "opal shadowed", b), Owned: fact(t, "opal owned", b), SIDBlocked: fact(t, "opal blocked", b)}
	}
	return d
}

// command sets: a drive may answer to several, however odd that is.
func command(t *rapid.T, d *inspect.Drive, size int64) {
	b, state := rapid.Bool(), rapid.SampledFrom([]string{inspect.SanitizeIdle, inspect.SanitizeIdle, inspect.SanitizeRunning, inspect.SanitizeFailed, inspect.SanitizeFrozen, "odd"})
	took := rapid.SampledFrom([]time.Duration{-1, 0, time.Second, time.Hour, 1 << 62})
	bytes := rapid.SampledFrom([]int64{-1, 0, size, size + 512, 1 << 62})
	switch rapid.IntRange(0, 4).Draw(t, "command set") {
	case 0:
		d.NVMe = &inspect.NVMe{Controller: rapid.SampledFrom([]string{"", "/dev/nvme0"}).Draw(t, "controller"), Format: fact(t, "format", b), FNA: fact(t, "fna", rapid.Uint8Range(0, 7)),
			SANICAP: fact(t, "sanicap", rapid.Uint32Range(0, 7)), SanitizeState: fact(t, "state", state),
			LBAFormat: fact(t, "lbaf", rapid.Uint8Range(0, 3)), MetadataBytes: fact(t, "metadata", rapid.IntRange(0, 1)),
			Namespaces: fact(t, "namespaces", rapid.IntRange(1, 2)), Unattached: fact(t, "unattached", rapid.IntRange(0, 1)),
			BlockTime: fact(t, "block time", took), CryptoTime: fact(t, "crypto time", took), RPMB: fact(t, "rpmb", b), BootBytes: fact(t, "boots", bytes)}
	case 1:
		d.ATA = &inspect.ATA{Security: fact(t, "security", rapid.Uint16Range(0, 63)), Sanitize: fact(t, "sanitize", rapid.Uint16()), SanitizeState: fact(t, "state", state),
			NativeMax: fact(t, "native", bytes), DCOMax: fact(t, "dco", bytes), AMA: fact(t, "ama", b), Hidden: fact(t, "hidden", rapid.Just(true)),
			EraseTime: fact(t, "erase time", took), EnhancedTime: fact(t, "enhanced time", took)}
	case 2:
		d.SCSI = &inspect.SCSI{SanitizeBlock: fact(t, "block", b), SanitizeCrypto: fact(t, "crypto", b), SanitizeOverwrite: fact(t, "overwrite", b),
			FormatUnit: fact(t, "unit", b), SanitizeState: fact(t, "state", state), MaxBytes: fact(t, "max", bytes), Protected: fact(t, "pi", b)}
	case 3:
		d.MMC = &inspect.MMC{SecureErase: fact(t, "secure", b), Sanitize: fact(t, "sanitize mmc", b), Protected: fact(t, "protected", b), RPMBBytes: fact(t, "rpmb", bytes)}
	}
}

func anyPolicy(t *rapid.T) Policy {
	return Policy{Want: wipe.Level(rapid.IntRange(0, 2).Draw(t, "want")),
		Fallback:  rapid.SampledFrom([]Fallback{"", FallbackAsk, FallbackAllow, FallbackRefuse}).Draw(t, "fallback"),
		Technique: rapid.SampledFrom([]wipe.TechniqueID{"", "", "", wipe.OverwriteZero, wipe.NVMeFormatUserData, wipe.ATASanitizeBlock}).Draw(t, "technique"),
		Verify:    rapid.SampledFrom([]wipe.VerifyMode{"", wipe.VerifySample}).Draw(t, "verify")}
}

// The same facts give the same plan and digest, in whatever order the kernel
// lists the drives and whatever it calls them, and after they were written down as
// JSON and read again.
func TestSameFactsSameDigest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		drives, p := rapid.SliceOfN(rapid.Custom(anyDrive), 0, 5).Draw(rt, "drives"), anyPolicy(rt)
		r := &inspect.Report{Drives: drives}
		plan := Make(r, p)
		a := Digest(plan)
		turned := slices.Clone(drives)
		slices.Reverse(turned)
		for i := range turned {
			turned[i].Path = "/dev/renamed" + letters(i)
		}
		if b := Digest(Make(&inspect.Report{Drives: turned}, p)); a != b {
			rt.Fatalf("%s and %s", a, b)
		}
		var again inspect.Report
		if b := reread(rt, r, &again); Digest(Make(&again, p)) != a {
			rt.Fatalf("another digest from %s", b)
		}
		var kept wipe.Plan
		if b := reread(rt, plan, &kept); Digest(kept) != a {
			rt.Fatalf("another digest of %s", b)
		}
	})
}

// reread writes v as JSON and reads it into out.
func reread(t *rapid.T, v, out any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
	return b
}

// What is agreed to is what the digest holds: another drive, size, technique,
// level or refusal is another digest.
func TestDigestTellsApart(t *testing.T) {
	base := func() wipe.Plan {
		return Make(&inspect.Report{Drives: []inspect.Drive{nvme("A1"), ssd("B1")}}, wantClear)
	}
	seen := map[string]string{Digest(base()): "the plan itself"}
	for name, change := range map[string]func(p *wipe.Plan){
		"serial":       func(p *wipe.Plan) { p.Drives[0].Identity.Serial = "A2" },
		"WWN":          func(p *wipe.Plan) { p.Drives[0].Identity.WWN = "eui.2" },
		"model":        func(p *wipe.Plan) { p.Drives[0].Identity.Model = "X" },
		"namespace":    func(p *wipe.Plan) { p.Drives[0].Identity.Namespace = 2 },
		"size":         func(p *wipe.Plan) { p.Drives[0].Geometry.Size++ },
		"block":        func(p *wipe.Plan) { p.Drives[0].Geometry.LogicalBlock = 4096 },
		"technique":    func(p *wipe.Plan) { p.Drives[0].Ladder = p.Drives[0].Ladder[1:] },
		"level":        func(p *wipe.Plan) { p.Drives[0].Ladder[0].Level = wipe.LevelPurge },
		"verify":       func(p *wipe.Plan) { p.Drives[1].Ladder[0].Verify = wipe.VerifySample },
		"shortfall":    func(p *wipe.Plan) { p.Drives[1].Ladder[0].Shortfall = "nothing" },
		"refusal":      func(p *wipe.Plan) { p.Drives[1].Refusal = &wipe.Refusal{Code: "mounted"} },
		"below":        func(p *wipe.Plan) { p.Drives[1].BelowWanted = true },
		"then":         func(p *wipe.Plan) { p.Drives[0].Ladder[0].Then = wipe.OverwriteZero },
		"backwards":    func(p *wipe.Plan) { p.Drives[1].Ladder[0].Reverse = true },
		"order":        func(p *wipe.Plan) { l := p.Drives[0].Ladder; l[0], l[1] = l[1], l[0] },
		"restore":      func(p *wipe.Plan) { p.Drives[1].Restore = &wipe.Restore{From: 1, To: 2, Ways: []string{WayHPA}} },
		"restored by":  func(p *wipe.Plan) { p.Drives[1].Restore = &wipe.Restore{From: 1, To: 2, Ways: []string{WayDCO}} },
		"siblings":     func(p *wipe.Plan) { p.Drives[0].Siblings = []uint32{2} },
		"more of them": func(p *wipe.Plan) { p.Drives[0].Siblings = []uint32{2, 3} },
		"unattached":   func(p *wipe.Plan) { p.Drives[0].Unattached = 1 },
		"want":         func(p *wipe.Plan) { p.Want = wipe.LevelPurge },
		"machine":      func(p *wipe.Plan) { p.Refusals = []wipe.Refusal{{Code: "raid-mode"}} },
		"one drive":    func(p *wipe.Plan) { p.Drives = p.Drives[:1] },
		"a drive more": func(p *wipe.Plan) { p.Drives = append(p.Drives, p.Drives[1]) },
	} {
		p := base()
		change(&p)
		d := Digest(p)
		if was, twice := seen[d]; twice {
			t.Errorf("%s has the digest of %s", name, was)
		}
		seen[d] = name
	}
}

// offers of a drive, each of which may be given to it on top: what it says in favour
// of itself. None of them says that something is in the way.
var offers = map[string]func(d *inspect.Drive){
	"format": func(d *inspect.Drive) {
		if n := d.NVMe; n != nil {
			n.Format, n.FNA, n.LBAFormat = inspect.Known(true, ""), inspect.Known(n.FNA.Value&4, ""), inspect.Known(uint8(0), "")
		}
	},
	"format crypto": func(d *inspect.Drive) {
		if n := d.NVMe; n != nil && n.FNA.Known {
			n.FNA.Value |= 4
		}
	},
	"sanitize": func(d *inspect.Drive) {
		switch {
		case d.NVMe != nil:
			d.NVMe.SANICAP = inspect.Known(uint32(7), "")
		case d.ATA != nil:
			d.ATA.Sanitize = inspect.Known(uint16(0xf000), "")
		case d.SCSI != nil:
			on := inspect.Known(true, "")
			d.SCSI.SanitizeBlock, d.SCSI.SanitizeCrypto, d.SCSI.SanitizeOverwrite = on, on, on
		}
	},
	"a readable state": func(d *inspect.Drive) {
		switch {
		case d.NVMe != nil && !d.NVMe.SanitizeState.Known:
			d.NVMe.SanitizeState = idle()
		case d.ATA != nil && !d.ATA.SanitizeState.Known:
			d.ATA.SanitizeState = idle()
		case d.SCSI != nil && !d.SCSI.SanitizeState.Known:
			d.SCSI.SanitizeState = idle()
		}
	},
	"security erase": func(d *inspect.Drive) {
		if d.ATA != nil && !d.ATA.Security.Known {
			d.ATA.Security = inspect.Known(uint16(0x21), "")
		}
	},
	"format unit": func(d *inspect.Drive) {
		if d.SCSI != nil {
			d.SCSI.FormatUnit = inspect.Known(true, "")
		}
	},
	"eMMC": func(d *inspect.Drive) {
		if m := d.MMC; m != nil {
			m.Sanitize, m.SecureErase = inspect.Known(true, ""), inspect.Known(true, "")
		}
	},
	"a command set": func(d *inspect.Drive) {
		if d.NVMe == nil && d.ATA == nil && d.SCSI == nil && d.MMC == nil {
			d.SCSI = &inspect.SCSI{SanitizeBlock: inspect.Known(true, ""), SanitizeState: idle()}
		}
	},
	"its neighbours": func(d *inspect.Drive) {
		if n := d.NVMe; n != nil {
			n.Namespaces, n.Unattached = inspect.Known(1, ""), inspect.Known(n.Unattached.Value, "")
		}
	},
	"all but a bridge": func(d *inspect.Drive) { d.Identity.Inner = true },
}

// copyOf a drive, whose facts may be changed.
func copyOf(d inspect.Drive) inspect.Drive {
	if d.NVMe != nil {
		n := *d.NVMe
		d.NVMe = &n
	}
	if d.ATA != nil {
		a := *d.ATA
		d.ATA = &a
	}
	if d.SCSI != nil {
		s := *d.SCSI
		d.SCSI = &s
	}
	if d.MMC != nil {
		m := *d.MMC
		d.MMC = &m
	}
	if d.Opal != nil {
		o := *d.Opal
		d.Opal = &o
	}
	return d
}

// reached is what a plan gives of what is wanted, the best that evidence can show
// with it: none where the drive is refused.
func reached(dp wipe.DrivePlan, want wipe.Level) wipe.Level {
	if dp.Refusal != nil {
		return wipe.LevelNone
	}
	return min(dp.Ladder[0].Level, want)
}

func best(dp wipe.DrivePlan) (l wipe.Level) {
	for _, s := range dp.Ladder {
		l = max(l, s.Level)
	}
	return l
}

// A drive that offers more is never erased by less: not refused where it was not,
// not brought to less of what is wanted, and no step is lost.
func TestMoreOfferedNeverWeaker(t *testing.T) {
	names := slices.Sorted(maps.Keys(offers))
	rapid.Check(t, func(rt *rapid.T) {
		less, p := anyDrive(rt), anyPolicy(rt)
		more, name := copyOf(less), rapid.SampledFrom(names).Draw(rt, "offer")
		offers[name](&more)
		a, b := one(less, p), one(more, p)
		if a.Refusal != nil {
			return
		}
		switch {
		case b.Refusal != nil, reached(b, p.Want) < reached(a, p.Want), best(b) < best(a), len(b.Ladder) < len(a.Ladder):
			rt.Fatalf("with %s\n%+v\nbecomes\n%+v", name, a, b)
		case p.Want == wipe.LevelPurge && b.Ladder[0].Level < a.Ladder[0].Level:
			rt.Fatalf("with %s the first step falls to %v", name, b.Ladder[0].Level)
		}
		if sanitizeState(less) == inspect.SanitizeRunning {
			return // one step, whose kind nobody knows
		}
		for _, s := range a.Ladder {
			if !slices.ContainsFunc(b.Ladder, func(o wipe.Step) bool { return o.Technique == s.Technique && o.Level >= s.Level }) {
				rt.Fatalf("with %s the step %s is gone or claims less", name, s.Technique)
			}
		}
	})
}

// forget makes one fact of a drive unknown, keeping its value as a careless reader
// would take it.
func forget(t *rapid.T, d *inspect.Drive) string {
	var facts []reflect.Value
	var names []string
	walk := func(prefix string, v reflect.Value) {
		for i := range v.NumField() {
			if v.Field(i).Kind() != reflect.Struct {
				continue
			}
			if k := v.Field(i).FieldByName("Known"); k.IsValid() && k.Bool() {
				facts, names = append(facts, k), append(names, prefix+v.Type().Field(i).Name)
			}
		}
	}
	for _, p := range []any{d.NVMe, d.ATA, d.SCSI, d.MMC, d.Opal} {
		if v := reflect.ValueOf(p); !v.IsNil() {
			walk(v.Elem().Type().Name()+".", v.Elem())
		}
	}
	if len(facts) == 0 {
		return ""
	}
	i := rapid.IntRange(0, len(facts)-1).Draw(t, "forget")
	facts[i].SetBool(false)
	return names[i]
}

// obstacles are facts that stand in a drive's way: that one of them is not known
// may leave a technique in the ladder, which says so itself or finds out before it
// sends anything. All others are in the drive's favour.
var obstacles = []string{"ATA.NativeMax", "ATA.DCOMax", "ATA.Hidden", "ATA.Security", "ATA.SanitizeState", "NVMe.SanitizeState", "SCSI.SanitizeState",
	"NVMe.MetadataBytes", "SCSI.MaxBytes", "MMC.Protected", "Opal.Locked", "Opal.Shadowed", "Opal.Owned"}

// Forgetting a fact never raises what a drive reaches, and adds no technique.
func TestUnknownNeverStrengthens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d, p := anyDrive(rt), anyPolicy(rt)
		less := copyOf(d)
		name := forget(rt, &less)
		if name == "" || slices.Contains(obstacles, name) {
			return
		}
		a, b := one(d, p), one(less, p)
		if reached(b, p.Want) > reached(a, p.Want) {
			rt.Fatalf("without %s\n%+v\nbecomes\n%+v", name, a, b)
		}
		if a.Refusal != nil || b.Refusal != nil || sanitizeState(d) == inspect.SanitizeRunning {
			return // running: one step, whose kind nobody knows
		}
		for _, s := range b.Ladder {
			if !slices.ContainsFunc(a.Ladder, func(o wipe.Step) bool { return o.Technique == s.Technique && o.Level >= s.Level }) {
				rt.Fatalf("without %s there is %s", name, s.Technique)
			}
		}
	})
}

// needed is whether everything is known that a technique must not be tried without.
func needed(d inspect.Drive, t wipe.TechniqueID) bool {
	all := func(known ...bool) bool { return !slices.Contains(known, false) }
	switch a, n, c, m, o := d.ATA, d.NVMe, d.SCSI, d.MMC, d.Opal; t {
	case wipe.ATASanitizeBlock, wipe.ATASanitizeCrypto, wipe.ATASanitizeOverwrite:
		return all(a.Sanitize.Known, a.SanitizeState.Known)
	case wipe.ATASecurityErase, wipe.ATASecurityEraseEnhanced:
		return a.Security.Known
	case wipe.NVMeSanitizeBlock, wipe.NVMeSanitizeCrypto, wipe.NVMeSanitizeOverwrite:
		return all(n.SANICAP.Known, n.SanitizeState.Known, n.Namespaces.Known, n.Unattached.Known)
	case wipe.NVMeFormatUserData, wipe.NVMeFormatCrypto:
		return all(n.Format.Known, n.FNA.Known, n.LBAFormat.Known, n.MetadataBytes.Known)
	case wipe.SCSISanitizeBlock:
		return all(c.SanitizeBlock.Known, c.SanitizeState.Known)
	case wipe.SCSISanitizeCrypto:
		return all(c.SanitizeCrypto.Known, c.SanitizeState.Known)
	case wipe.SCSISanitizeOverwrite:
		return all(c.SanitizeOverwrite.Known, c.SanitizeState.Known)
	case wipe.SCSIFormatUnit:
		return c.FormatUnit.Known
	case wipe.MMCSanitize:
		return all(m.Sanitize.Known, m.Protected.Known)
	case wipe.MMCSecureErase:
		return all(m.SecureErase.Known, m.Protected.Known)
	case wipe.OpalRevert:
		return all(o.Supported.Known, o.Activated.Known || opalLocked(d), o.SIDBlocked.Known)
	case wipe.OpalPSIDRevert:
		return all(o.Supported.Known, o.Activated.Known || opalLocked(d))
	}
	return true // an overwrite
}

// Whatever fact is forgotten, one that stands in the way too: nothing is tried that
// the drive is not known to offer, as if the last answer still held.
func TestUnknownOffersNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := anyDrive(rt)
		less := copyOf(d)
		name := forget(rt, &less)
		for _, s := range one(less, Policy{}).Ladder {
			if !needed(less, s.Technique) || !needed(less, s.Then) {
				rt.Fatalf("without %s there is %s", name, s.Technique)
			}
		}
	})
}

// What is known of a model only lowers.
func TestAnyQuirkOnlyLowers(t *testing.T) {
	all := []wipe.TechniqueID{wipe.ATASanitizeBlock, wipe.ATASanitizeCrypto, wipe.NVMeSanitizeBlock, wipe.NVMeFormatUserData, wipe.SCSISanitizeOverwrite, wipe.MMCSanitize}
	rapid.Check(t, func(rt *rapid.T) {
		d := anyDrive(rt)
		s := subject{Drive: d, reach: reach{whole: true}}
		some := rapid.SliceOfN(rapid.SampledFrom(all), 0, 4)
		q := quirk{id: "q", remove: some.Draw(rt, "remove"), clear: some.Draw(rt, "clear"), source: "somebody"}
		without, with := ladder(s, Policy{}, nil), ladder(s, Policy{}, []quirk{q})
		for _, st := range with {
			i := slices.IndexFunc(without, func(o wipe.Step) bool { return o.Technique == st.Technique })
			if running := sanitizeState(d) == inspect.SanitizeRunning; i < 0 && !running || i >= 0 && without[i].Level < st.Level {
				rt.Fatalf("%s is more with the quirk than without", st.Technique)
			}
		}
		if len(with) > 0 && (len(without) == 0 || with[0].Level > without[0].Level) {
			rt.Fatalf("%v and %v", without, with)
		}
	})
}

// A drive beside another never loses its refusal, and never reaches more.
func TestAnotherDriveFreesNone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		drives, p := rapid.SliceOfN(rapid.Custom(anyDrive), 1, 4).Draw(rt, "drives"), anyPolicy(rt)
		before := Make(&inspect.Report{Drives: drives}, p)
		after := Make(&inspect.Report{Drives: append(slices.Clone(drives), anyDrive(rt))}, p)
		for i, a := range before.Drives {
			b := after.Drives[i]
			if a.Refusal != nil && b.Refusal == nil && a.Refusal.Code != "below-level" && a.Refusal.Code != "technique" &&
				a.Refusal.Code != "locked" && a.Refusal.Code != "sanitize-failed" && a.Refusal.Code != "sanitize-running" {
				rt.Fatalf("%+v\nbecomes\n%+v", a.Refusal, b)
			}
		}
	})
}

// A sanitize is in a plan only where every active namespace of the controller is a
// drive of that plan that is not refused.
func TestSanitizeReachesOnlyWhatMayBe(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		drives, p := rapid.SliceOfN(rapid.Custom(anyDrive), 1, 5).Draw(rt, "drives"), anyPolicy(rt)
		r := &inspect.Report{Drives: drives}
		made := Make(r, p)
		for i, dp := range made.Drives {
			n := drives[i].NVMe
			if n == nil || dp.Refusal != nil || !reachesAll(dp.Ladder) {
				continue
			}
			if !n.Namespaces.Known || n.Namespaces.Value != len(dp.Siblings)+1 || dp.Unattached != n.Unattached.Value {
				rt.Fatalf("%+v of %+v", dp, n)
			}
			for j, o := range made.Drives {
				if i != j && sameController(drives[i], drives[j]) && (o.Refusal != nil || o.BelowWanted || !slices.Contains(dp.Siblings, o.Identity.Namespace)) {
					rt.Fatalf("%s takes %s along: %+v", dp.Name, o.Name, o.Refusal)
				}
			}
		}
	})
}

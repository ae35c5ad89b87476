package plan

import (
	"slices"
	"testing"

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
	size := rapid.SampledFrom([]int64{0, 1 << 20, 1 << 30, 1<<30 + 512}).Draw(t, "size")
	d := inspect.Drive{Path: rapid.SampledFrom([]string{"/dev/sda", "/dev/sdb", "/dev/nvme0n1"}).Draw(t, "path"),
		Identity: drive.Identity{Bus: rapid.SampledFrom([]drive.Bus{drive.BusNVMe, drive.BusSATA, drive.BusUSB, drive.BusLoop, ""}).Draw(t, "bus"),
			Media: rapid.SampledFrom([]drive.MediaType{drive.MediaHDD, drive.MediaSSD, ""}).Draw(t, "media"),
			Model: "M", Serial: rapid.SampledFrom([]string{"", "S1", "S2", "S3"}).Draw(t, "serial"),
			Size: size, Namespace: uint32(rapid.IntRange(0, 2).Draw(t, "nsid"))},
		Geometry: drive.Geometry{Size: size, LogicalBlock: rapid.SampledFrom([]int{512, 4096, 520}).Draw(t, "block")},
		Boot:     rapid.IntRange(0, 9).Draw(t, "boot") == 0,
	}
	if rapid.Bool().Draw(t, "nvme") {
		d.NVMe = &inspect.NVMe{Format: fact(t, "format", rapid.Bool()), FNA: fact(t, "fna", rapid.Uint8Range(0, 7)),
			LBAFormat: fact(t, "lbaf", rapid.Uint8Range(0, 3)), MetadataBytes: fact(t, "metadata", rapid.IntRange(0, 1)),
			Namespaces: fact(t, "namespaces", rapid.IntRange(1, 2)), Unattached: fact(t, "unattached", rapid.IntRange(0, 1))}
	}
	if rapid.Bool().Draw(t, "ata") {
		d.ATA = &inspect.ATA{Security: fact(t, "security", rapid.Uint16Range(0, 7)), NativeMax: fact(t, "native", rapid.SampledFrom([]int64{size, size + 512}))}
	}
	return d
}

func anyPolicy(t *rapid.T) Policy {
	return Policy{Want: wipe.Level(rapid.IntRange(0, 2).Draw(t, "want")),
		Fallback:  rapid.SampledFrom([]Fallback{"", FallbackAsk, FallbackAllow, FallbackRefuse}).Draw(t, "fallback"),
		Technique: rapid.SampledFrom([]wipe.TechniqueID{"", "", wipe.OverwriteZero, wipe.NVMeFormatUserData}).Draw(t, "technique")}
}

// The same facts give the same plan and digest, in whatever order the kernel
// lists the drives and whatever it calls them.
func TestSameFactsSameDigest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		drives, p := rapid.SliceOfN(rapid.Custom(anyDrive), 0, 5).Draw(rt, "drives"), anyPolicy(rt)
		a := Digest(Make(&inspect.Report{Drives: drives}, p))
		turned := slices.Clone(drives)
		slices.Reverse(turned)
		for i := range turned {
			turned[i].Path = "/dev/renamed" + letters(i)
		}
		if b := Digest(Make(&inspect.Report{Drives: turned}, p)); a != b {
			rt.Fatalf("%s and %s", a, b)
		}
	})
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

// A drive that offers more is never erased by less.
func TestMoreOfferedNeverWeaker(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		less, p := anyDrive(rt), anyPolicy(rt)
		if less.NVMe == nil {
			return
		}
		more := less
		n := *less.NVMe
		n.Format, n.FNA, n.LBAFormat = inspect.Known(true, "test"), inspect.Known(uint8(0), "test"), inspect.Known(uint8(0), "test")
		more.NVMe = &n
		a, b := one(less, p), one(more, p)
		if a.Refusal == nil && (b.Refusal != nil || b.Ladder[0].Level < a.Ladder[0].Level || len(b.Ladder) < len(a.Ladder)) {
			rt.Fatalf("%+v\nbecomes %+v", a, b)
		}
	})
}

// Forgetting a fact never opens a way that the fact would have closed, other than
// one that says itself what is not known.
func TestUnknownIsNeverNo(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := anyDrive(rt)
		if d.NVMe == nil {
			return
		}
		forgotten := *d.NVMe
		switch rapid.IntRange(0, 5).Draw(rt, "forget") {
		case 0:
			forgotten.Format.Known = false
		case 1:
			forgotten.FNA.Known = false
		case 2:
			forgotten.LBAFormat.Known = false
		case 3:
			forgotten.MetadataBytes.Known = false
		case 4:
			forgotten.Namespaces.Known = false
		case 5:
			forgotten.Unattached.Known = false
		}
		// Known at its most welcome value, as a careless reader takes the unknown.
		if e := d; canFormat(func() inspect.Drive { e.NVMe = &forgotten; return e }()) && !canFormat(d) {
			rt.Fatalf("forgetting a fact of %+v lets Format through", *d.NVMe)
		}
	})
}

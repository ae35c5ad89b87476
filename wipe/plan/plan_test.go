package plan

import (
	"slices"
	"strings"
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

func ssd(serial string) inspect.Drive {
	return inspect.Drive{Path: "/dev/sda",
		Identity: drive.Identity{Bus: drive.BusSATA, Media: drive.MediaSSD, Model: "Samsung SSD 860", Serial: serial, WWN: "naa.5002538e" + serial, Size: 1 << 30, Inner: true},
		Geometry: drive.Geometry{Size: 1 << 30, LogicalBlock: 512, PhysicalBlock: 512},
		ATA:      &inspect.ATA{Security: inspect.Known(uint16(0x21), "IDENTIFY word 128"), NativeMax: inspect.Known(int64(1<<30), "READ NATIVE MAX ADDRESS EXT")}}
}

func nvme(serial string) inspect.Drive {
	return inspect.Drive{Path: "/dev/nvme0n1",
		Identity: drive.Identity{Bus: drive.BusNVMe, Model: "WDC PC SN730", Serial: serial, WWN: "eui." + serial, Size: 1 << 30, Namespace: 1, Inner: true},
		Geometry: drive.Geometry{Size: 1 << 30, LogicalBlock: 512, PhysicalBlock: 512},
		NVMe: &inspect.NVMe{Format: inspect.Known(true, "OACS"), FNA: inspect.Known(uint8(0), "FNA"), LBAFormat: inspect.Known(uint8(0), "FLBAS"),
			MetadataBytes: inspect.Known(0, "LBAF"), Namespaces: inspect.Known(1, "CNS 02h"), Unattached: inspect.Known(0, "CNS 10h")}}
}

func one(d inspect.Drive, p Policy) wipe.DrivePlan {
	return Make(&inspect.Report{Drives: []inspect.Drive{d}}, p).Drives[0]
}

var wantClear = Policy{Want: wipe.LevelClear}

func techniques(dp wipe.DrivePlan) string {
	var s []string
	for _, st := range dp.Ladder {
		s = append(s, string(st.Technique))
	}
	return strings.Join(s, " ")
}

const (
	twoPasses  = "overwrite-zero overwrite-random"
	withFormat = "nvme-format-user-data overwrite-zero overwrite-random"
)

func TestLadder(t *testing.T) {
	change := func(f func(n *inspect.NVMe)) inspect.Drive {
		d := nvme("A1")
		f(d.NVMe)
		return d
	}
	for name, c := range map[string]struct {
		d    inspect.Drive
		want string
	}{
		"SATA SSD":                       {ssd("A1"), "ata-security-erase-enhanced ata-security-erase overwrite-zero overwrite-random"},
		"NVMe":                           {nvme("A1"), withFormat},
		"format not supported":           {change(func(n *inspect.NVMe) { n.Format.Value = false }), twoPasses},
		"format unknown":                 {change(func(n *inspect.NVMe) { n.Format = inspect.Unknown[bool]("", "") }), twoPasses},
		"FNA unknown":                    {change(func(n *inspect.NVMe) { n.FNA.Known = false }), twoPasses},
		"LBA format unknown":             {change(func(n *inspect.NVMe) { n.LBAFormat.Known = false }), twoPasses},
		"metadata unknown":               {change(func(n *inspect.NVMe) { n.MetadataBytes.Known = false }), twoPasses},
		"erases all, alone":              {change(func(n *inspect.NVMe) { n.FNA.Value = 2 }), withFormat},
		"formats all, two of them":       {change(func(n *inspect.NVMe) { n.FNA.Value, n.Namespaces.Value = 1, 2 }), twoPasses},
		"erases all, two of them":        {change(func(n *inspect.NVMe) { n.FNA.Value, n.Namespaces.Value = 2, 2 }), twoPasses},
		"erases all, number unknown":     {change(func(n *inspect.NVMe) { n.FNA.Value, n.Namespaces.Known = 2, false }), twoPasses},
		"erases all, one unattached":     {change(func(n *inspect.NVMe) { n.FNA.Value, n.Unattached.Value = 2, 1 }), twoPasses},
		"erases all, unattached unknown": {change(func(n *inspect.NVMe) { n.FNA.Value, n.Unattached.Known = 2, false }), twoPasses},
		"two namespaces, each its own":   {change(func(n *inspect.NVMe) { n.Namespaces.Value = 2 }), withFormat},
		"no NVMe facts": {func() inspect.Drive {
			d := nvme("A1")
			d.NVMe = nil
			return d
		}(), twoPasses},
		"namespace unknown": {func() inspect.Drive {
			d := nvme("A1")
			d.Identity.Namespace = 0
			return d
		}(), twoPasses},
	} {
		t.Run(name, func(t *testing.T) {
			dp := one(c.d, wantClear)
			if dp.Refusal != nil || techniques(dp) != c.want {
				t.Fatalf("refusal %v, ladder %s", dp.Refusal, techniques(dp))
			}
			for _, s := range dp.Ladder {
				if s.Level != wipe.LevelClear || s.Standard == "" || s.Reason == "" || s.Expect <= 0 || s.Shortfall == "" {
					t.Errorf("step %+v", s)
				}
			}
		})
	}
}

func TestShortfalls(t *testing.T) {
	hdd := ssd("A1")
	hdd.Identity.Media = drive.MediaHDD
	untold := ssd("A1")
	untold.ATA.NativeMax = inspect.Unknown[int64]("", "aborted")
	usb := ssd("A1")
	usb.ATA, usb.Identity.Bus, usb.Identity.Inner = nil, drive.BusUSB, false
	mute, plain := ssd("A1"), nvme("A1")
	mute.ATA, plain.NVMe = nil, nil
	for _, d := range []inspect.Drive{mute, plain} {
		if s := overwriteOf(t, d).Shortfall; !strings.Contains(s, "the drive did not tell") {
			t.Errorf("%q keeps quiet about what was never asked", s)
		}
	}
	for says, d := range map[string]inspect.Drive{"over-provisioned": ssd("A1"), "reallocated sectors": hdd, "HPA": untold, "bridge": usb} {
		if s := overwriteOf(t, d).Shortfall; !strings.Contains(s, says) {
			t.Errorf("%q does not say %q", s, says)
		}
	}
}

// overwriteOf a drive: the step that overwrites it with zeros.
func overwriteOf(t *testing.T, d inspect.Drive) wipe.Step {
	t.Helper()
	for _, s := range one(d, wantClear).Ladder {
		if s.Technique == wipe.OverwriteZero {
			return s
		}
	}
	t.Fatalf("%s is not overwritten: %+v", d.Identity.Model, one(d, wantClear))
	return wipe.Step{}
}

func TestRefusals(t *testing.T) {
	for code, change := range map[string]func(d *inspect.Drive){
		"boot-medium":   func(d *inspect.Drive) { d.Boot, d.InUse = true, []string{"the stick"} },
		"mounted":       func(d *inspect.Drive) { d.InUse = []string{"/ is mounted from it"} },
		"no-identity":   func(d *inspect.Drive) { d.Identity.Serial, d.Identity.WWN = "", "" },
		"no-capacity":   func(d *inspect.Drive) { d.Geometry.Size = 0 },
		"sector-size":   func(d *inspect.Drive) { d.Geometry.LogicalBlock = 520 },
		"partial-block": func(d *inspect.Drive) { d.Geometry.Size, d.Geometry.LogicalBlock = 1<<30+512, 4096 },
		"size-differs":  func(d *inspect.Drive) { d.Identity.Size = 1 << 31 },
		"metadata": func(d *inspect.Drive) {
			d.NVMe = &inspect.NVMe{MetadataBytes: inspect.Known(8, "LBAF")}
		},
		"locked":  func(d *inspect.Drive) { d.ATA.Security.Value = 0x0017 },
		"ufs":     func(d *inspect.Drive) { d.Special = "ufs" },
		"pmem":    func(d *inspect.Drive) { d.Special = "pmem" },
		"special": func(d *inspect.Drive) { d.Special = "tape" },
		"zoned":   func(d *inspect.Drive) { d.Zoned = inspect.Known("host-managed", "sysfs") },
		"hidden-area": func(d *inspect.Drive) {
			d.SCSI = &inspect.SCSI{MaxBytes: inspect.Known(int64(1<<30+512), "MODE SENSE")}
		},
		"write-protected": func(d *inspect.Drive) {
			d.MMC = &inspect.MMC{Protected: inspect.Known(true, "EXT_CSD")}
		},
	} {
		t.Run(code, func(t *testing.T) {
			d := ssd("A1")
			change(&d)
			dp := one(d, wantClear)
			if dp.Refusal == nil || dp.Refusal.Code != code || len(dp.Ladder) != 0 {
				t.Fatalf("refusal %+v, ladder %s", dp.Refusal, techniques(dp))
			}
			if dp.Refusal.Reason == "" || dp.Refusal.Do == "" {
				t.Errorf("%+v", dp.Refusal)
			}
			if code != "no-identity" && !strings.Contains(dp.Refusal.Reason, "Samsung SSD 860 (serial A1)") {
				t.Errorf("%q does not name the drive", dp.Refusal.Reason)
			}
		})
	}
}

// That something is hidden may be known where how much is not.
func TestHiddenBySomeAmount(t *testing.T) {
	d := ssd("A1")
	d.ATA.NativeMax, d.ATA.Hidden = inspect.Unknown[int64]("", "only 24 bits"), inspect.Known(true, "test")
	if dp := one(d, wantClear); dp.Refusal == nil || dp.Refusal.Code != "hidden-area" {
		t.Errorf("%+v", dp)
	}
}

func TestWeakSerial(t *testing.T) {
	d := ssd("0000")
	d.Identity.WWN = ""
	if dp := one(d, wantClear); dp.Refusal == nil || dp.Refusal.Code != "no-identity" {
		t.Errorf("a serial of zeros: %+v", dp.Refusal)
	}
}

func TestTwins(t *testing.T) {
	a, b, c := ssd("A1"), ssd("A1"), ssd("C1")
	b.Path = "/dev/sdb"
	p := Make(&inspect.Report{Drives: []inspect.Drive{a, b, c}}, wantClear)
	for i, code := range []string{"same-identity", "same-identity", ""} {
		got := ""
		if r := p.Drives[i].Refusal; r != nil {
			got = r.Code
		}
		if got != code {
			t.Errorf("drive %d: refusal %q, want %q", i, got, code)
		}
	}
	n, m := nvme("N1"), nvme("N1")
	m.Identity.Namespace, m.Identity.WWN = 2, "eui.other"
	for _, dp := range Make(&inspect.Report{Drives: []inspect.Drive{n, m}}, wantClear).Drives {
		if dp.Refusal != nil {
			t.Errorf("two namespaces of one controller are refused: %+v", dp.Refusal)
		}
	}
}

func TestBelowWanted(t *testing.T) {
	for f, c := range map[Fallback]struct{ refused, below bool }{
		"": {true, false}, FallbackRefuse: {true, false}, "nonsense": {true, false},
		FallbackAsk: {false, true}, FallbackAllow: {false, false},
	} {
		dp := one(ssd("A1"), Policy{Want: wipe.LevelPurge, Fallback: f})
		if (dp.Refusal != nil) != c.refused || dp.BelowWanted != c.below || (len(dp.Ladder) > 0) == c.refused {
			t.Errorf("fallback %q: %+v", f, dp)
		}
		if c.refused && dp.Refusal.Code != "below-level" {
			t.Errorf("code %s", dp.Refusal.Code)
		}
	}
}

func TestForcedTechnique(t *testing.T) {
	dp := one(nvme("A1"), Policy{Want: wipe.LevelClear, Technique: wipe.OverwriteRandom})
	if techniques(dp) != "overwrite-random" {
		t.Errorf("ladder %s", techniques(dp))
	}
	for _, id := range []wipe.TechniqueID{wipe.NVMeFormatUserData, "ata-sanitize-block", "nonsense"} {
		dp := one(ssd("A1"), Policy{Want: wipe.LevelClear, Technique: id})
		if dp.Refusal == nil || dp.Refusal.Code != "technique" || len(dp.Ladder) != 0 {
			t.Errorf("%s on a SATA drive: %+v", id, dp)
		}
	}
}

func TestVerifyMode(t *testing.T) {
	for v, want := range map[wipe.VerifyMode]wipe.VerifyMode{"": wipe.VerifyFull, wipe.VerifyFull: wipe.VerifyFull, wipe.VerifySample: wipe.VerifySample, "none": wipe.VerifyFull} {
		s := one(ssd("A1"), Policy{Want: wipe.LevelClear, Verify: v, Technique: wipe.OverwriteZero}).Ladder[0]
		if s.Verify != want {
			t.Errorf("verify %q becomes %q", v, s.Verify)
		}
		if sampled := strings.Contains(s.Reason, "sample"); sampled != (want == wipe.VerifySample) {
			t.Errorf("%s: %q", v, s.Reason)
		}
	}
}

func TestNamesAndMachineRefusals(t *testing.T) {
	r := &inspect.Report{Unhandled: []inspect.Finding{{Code: "raid-mode", What: "a controller is in RAID mode", Do: "switch it to AHCI"}}}
	for i := range 28 {
		d := ssd(string(rune('a' + i)))
		r.Drives = append(r.Drives, d)
	}
	p := Make(r, wantClear)
	if p.Drives[0].Name != "A" || p.Drives[25].Name != "Z" || p.Drives[26].Name != "AA" || p.Drives[27].Name != "AB" {
		t.Errorf("names %s %s %s", p.Drives[25].Name, p.Drives[26].Name, p.Drives[27].Name)
	}
	if len(p.Refusals) != 1 || p.Refusals[0].Code != "raid-mode" || p.Refusals[0].Do == "" {
		t.Errorf("%+v", p.Refusals)
	}
	if p := Make(nil, wantClear); len(p.Refusals) != 1 || len(p.Drives) != 0 {
		t.Errorf("plan of nothing: %+v", p)
	}
}

// The digest is a format: whoever checks a record later must get the same. The
// values were made by Python's json and hashlib.
func TestDigestKnown(t *testing.T) {
	p := Make(&inspect.Report{Drives: []inspect.Drive{ssd("A1")}}, Policy{Want: wipe.LevelClear, Technique: wipe.OverwriteZero})
	p.Drives[0].Ladder[0].Standard, p.Drives[0].Ladder[0].Shortfall = "standard", "shortfall"
	const want = "dc159c67a2305bde533e90f7c473e76619c74f1c394e96ab1dc3abe82e35e4a0"
	if got := Digest(p); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	d := &p.Drives[0]
	d.Ladder[0].Then = wipe.ATASanitizeBlock
	d.Restore = &wipe.Restore{From: 1 << 30, To: 2 << 30, Ways: []string{"hpa", "dco"}}
	d.Siblings, d.Unattached = []uint32{2, 5}, 3
	const more = "7d7f3e64934ee3afeda4f7dc66da3e39ed24ec724fd243e31ba7cbb3a399a1e1"
	if got := Digest(p); got != more {
		t.Errorf("digest %s, want %s", got, more)
	}
}

// What a former owner left in the machine itself is part of the plan, and of what is
// consented to, where it is asked for; its words are not.
func TestRemovals(t *testing.T) {
	left := inspect.Leftover{Kind: inspect.LeftBootEntry, Name: "Boot0003-8be4df61-93ca-11d2-aa0d-00e098032b8c", What: "Windows Boot Manager", SHA256: "aa"}
	asked := Policy{Want: wipe.LevelClear, Platform: true}
	r := &inspect.Report{Drives: []inspect.Drive{ssd("A1")}}
	r.Residue = []inspect.Residue{{Item: "firmware password", State: inspect.ResiduePresent},
		{Item: "boot entries of a former system", State: inspect.ResiduePresent, Removable: []inspect.Leftover{left}}}
	without, with := Make(r, wantClear), Make(r, asked)
	if len(without.Removals) != 0 || !slices.Equal(with.Removals, []wipe.Removal{{Item: "boot entries of a former system", Leftover: left}}) {
		t.Errorf("%+v, %+v", without.Removals, with.Removals)
	}
	digest := Digest(with)
	if digest == Digest(without) {
		t.Error("a removal is not in the digest")
	}
	for name, change := range map[string]func(*wipe.Removal){
		"kind": func(r *wipe.Removal) { r.Kind = inspect.LeftVariable }, "name": func(r *wipe.Removal) { r.Name += "x" }, "content": func(r *wipe.Removal) { r.SHA256 = "ab" },
	} {
		other := Make(r, asked)
		change(&other.Removals[0])
		if Digest(other) == digest {
			t.Errorf("another %s gives the same digest", name)
		}
	}
	words := Make(r, asked)
	words.Removals[0].What, words.Removals[0].Item = "", ""
	if Digest(words) != digest {
		t.Error("words are in the digest")
	}
	r.Residue[1].Removable = slices.Repeat([]inspect.Leftover{left}, 1000)
	if n := len(Make(r, asked).Removals); n != 128 {
		t.Errorf("%d removals", n)
	}
}

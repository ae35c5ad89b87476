package plan

import (
	"strings"
	"testing"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

var wantPurge = Policy{Want: wipe.LevelPurge, Fallback: FallbackAsk}

func idle() inspect.Fact[string] { return inspect.Known(inspect.SanitizeIdle, "test") }

// sata with all three kinds of sanitize, and security erase in both modes.
func sata(media drive.MediaType) inspect.Drive {
	d := ssd("A1")
	d.Identity.Media = media
	d.ATA.Sanitize, d.ATA.SanitizeState = inspect.Known(uint16(0xf000), "IDENTIFY word 59"), idle()
	return d
}

func nvmeFull(serial string) inspect.Drive {
	d := nvme(serial)
	d.NVMe.SANICAP, d.NVMe.SanitizeState, d.NVMe.FNA.Value = inspect.Known(uint32(7), "SANICAP"), idle(), 4
	return d
}

func sas(media drive.MediaType) inspect.Drive {
	on := inspect.Known(true, "RSOC")
	return inspect.Drive{Path: "/dev/sda",
		Identity: drive.Identity{Bus: drive.BusSCSI, Media: media, Model: "SEAGATE ST900MM", Serial: "S1", Size: 1 << 40, Inner: true},
		Geometry: drive.Geometry{Size: 1 << 40, LogicalBlock: 4096, PhysicalBlock: 4096},
		SCSI:     &inspect.SCSI{SanitizeBlock: on, SanitizeCrypto: on, SanitizeOverwrite: on, FormatUnit: on, SanitizeState: idle()}}
}

func emmc() inspect.Drive {
	on := inspect.Known(true, "EXT_CSD")
	return inspect.Drive{Path: "/dev/mmcblk0",
		Identity: drive.Identity{Bus: drive.BusMMC, Media: drive.MediaFlash, Model: "BJTD4R", Serial: "12345678", Size: 1 << 35, Inner: true},
		Geometry: drive.Geometry{Size: 1 << 35, LogicalBlock: 512, PhysicalBlock: 512},
		MMC:      &inspect.MMC{SecureErase: on, Sanitize: on, Protected: inspect.Known(false, "EXT_CSD"), RPMBBytes: inspect.Known(int64(4<<20), "EXT_CSD")}}
}

func stick(inner bool) inspect.Drive {
	d := sata(drive.MediaSSD)
	d.Identity.Bus, d.Identity.Inner = drive.BusUSB, inner
	return d
}

// opal is a drive whose owner has locked it.
func opal(d inspect.Drive, locked bool) inspect.Drive {
	no, yes := inspect.Known(false, "level 0"), inspect.Known(true, "level 0")
	d.Opal = &inspect.Opal{Supported: yes, Activated: yes, Locked: inspect.Known(locked, "level 0"), SIDBlocked: no}
	return d
}

const (
	ataSSD    = "ata-sanitize-block ata-sanitize-crypto ata-sanitize-overwrite"
	ataHDD    = "ata-sanitize-overwrite ata-sanitize-crypto ata-sanitize-block"
	security  = "ata-security-erase-enhanced ata-security-erase"
	nvmeThree = "nvme-sanitize-block nvme-sanitize-crypto nvme-sanitize-overwrite"
	nvmeBoth  = "nvme-format-crypto nvme-format-user-data"
)

func change[D any](d D, f func(*D)) D {
	f(&d)
	return d
}

// What every medium and bus gets where Purge is wanted, and the level of the first
// step.
func TestLadderOfEachMedium(t *testing.T) {
	for name, c := range map[string]struct {
		d     inspect.Drive
		level wipe.Level
		want  string
	}{
		"SATA SSD":      {sata(drive.MediaSSD), wipe.LevelPurge, ataSSD + " " + security + " " + twoPasses},
		"SATA disk":     {sata(drive.MediaHDD), wipe.LevelPurge, ataHDD + " " + security + " " + twoPasses},
		"SATA, unknown": {sata(drive.MediaUnknown), wipe.LevelPurge, ataSSD + " " + security + " " + twoPasses},
		"NVMe":          {nvmeFull("A1"), wipe.LevelPurge, nvmeThree + " " + nvmeBoth + " " + twoPasses},
		"SAS SSD":       {sas(drive.MediaSSD), wipe.LevelPurge, "scsi-sanitize-block scsi-sanitize-crypto scsi-sanitize-overwrite scsi-format-unit " + twoPasses},
		"SAS disk":      {sas(drive.MediaHDD), wipe.LevelPurge, "scsi-sanitize-overwrite scsi-sanitize-crypto scsi-sanitize-block scsi-format-unit " + twoPasses},
		"eMMC":          {emmc(), wipe.LevelClear, "mmc-sanitize mmc-secure-erase " + twoPasses},
		"USB, inner":    {stick(true), wipe.LevelPurge, ataSSD + " " + twoPasses},
		"USB, a bridge": {stick(false), wipe.LevelClear, twoPasses},
		"SD card": {change(emmc(), func(d *inspect.Drive) { d.MMC, d.Identity.Bus = nil, drive.BusSD }),
			wipe.LevelClear, twoPasses},
		"word 59 without b12": {change(sata(drive.MediaSSD), func(d *inspect.Drive) { d.ATA.Sanitize.Value = 0xe000 }), wipe.LevelClear, security + " " + twoPasses},
		"word 59 unknown":     {change(sata(drive.MediaSSD), func(d *inspect.Drive) { d.ATA.Sanitize.Known = false }), wipe.LevelClear, security + " " + twoPasses},
		"status unreadable":   {change(sata(drive.MediaSSD), func(d *inspect.Drive) { d.ATA.SanitizeState.Known = false }), wipe.LevelClear, security + " " + twoPasses},
		"sanitize frozen":     {change(sata(drive.MediaSSD), func(d *inspect.Drive) { d.ATA.SanitizeState.Value = inspect.SanitizeFrozen }), wipe.LevelClear, security + " " + twoPasses},
		"security frozen":     {change(sata(drive.MediaSSD), func(d *inspect.Drive) { d.ATA.Security.Value = 0x29 }), wipe.LevelPurge, ataSSD + " " + twoPasses},
		"password set":        {change(sata(drive.MediaSSD), func(d *inspect.Drive) { d.ATA.Security.Value = 0x23 }), wipe.LevelPurge, ataSSD + " " + security + " " + twoPasses},
		"tries used up":       {change(sata(drive.MediaSSD), func(d *inspect.Drive) { d.ATA.Security.Value = 0x31 }), wipe.LevelPurge, ataSSD + " " + twoPasses},
		"no enhanced mode":    {change(sata(drive.MediaSSD), func(d *inspect.Drive) { d.ATA.Security.Value = 0x01 }), wipe.LevelPurge, ataSSD + " ata-security-erase " + twoPasses},
		"security unknown":    {change(sata(drive.MediaSSD), func(d *inspect.Drive) { d.ATA.Security.Known = false }), wipe.LevelPurge, ataSSD + " " + twoPasses},
		"SANICAP unknown":     {change(nvmeFull("A1"), func(d *inspect.Drive) { d.NVMe.SANICAP.Known = false }), wipe.LevelClear, nvmeBoth + " " + twoPasses},
		"log unreadable":      {change(nvmeFull("A1"), func(d *inspect.Drive) { d.NVMe.SanitizeState.Known = false }), wipe.LevelClear, nvmeBoth + " " + twoPasses},
		"block alone":         {change(nvmeFull("A1"), func(d *inspect.Drive) { d.NVMe.SANICAP.Value = 2 }), wipe.LevelPurge, "nvme-sanitize-block " + nvmeBoth + " " + twoPasses},
		"SCSI state unknown":  {change(sas(drive.MediaSSD), func(d *inspect.Drive) { d.SCSI.SanitizeState.Known = false }), wipe.LevelClear, "scsi-format-unit " + twoPasses},
		"RSOC unknown":        {change(sas(drive.MediaSSD), func(d *inspect.Drive) { d.SCSI.SanitizeCrypto.Known = false }), wipe.LevelPurge, "scsi-sanitize-block scsi-sanitize-overwrite scsi-format-unit " + twoPasses},
		"protection unknown":  {change(emmc(), func(d *inspect.Drive) { d.MMC.Protected.Known = false }), wipe.LevelClear, twoPasses},
		"running":             {change(sata(drive.MediaHDD), func(d *inspect.Drive) { d.ATA.SanitizeState.Value = inspect.SanitizeRunning }), wipe.LevelPurge, "ata-sanitize-overwrite"},
		"running NVMe":        {change(nvmeFull("A1"), func(d *inspect.Drive) { d.NVMe.SanitizeState.Value = inspect.SanitizeRunning }), wipe.LevelPurge, "nvme-sanitize-block"},
		"failed":              {change(sas(drive.MediaSSD), func(d *inspect.Drive) { d.SCSI.SanitizeState.Value = inspect.SanitizeFailed }), wipe.LevelPurge, "scsi-sanitize-block scsi-sanitize-crypto scsi-sanitize-overwrite"},
		"Opal, unlocked":      {opal(sata(drive.MediaSSD), false), wipe.LevelPurge, ataSSD + " opal-revert opal-psid-revert " + security + " " + twoPasses},
		"Opal, locked":        {opal(sata(drive.MediaSSD), true), wipe.LevelPurge, "opal-revert opal-psid-revert"},
		"Opal, owned":         {change(opal(sata(drive.MediaSSD), true), func(d *inspect.Drive) { d.Opal.Owned = inspect.Known(true, "") }), wipe.LevelPurge, "opal-psid-revert"},
		"Opal, SID unknown":   {change(opal(sata(drive.MediaSSD), true), func(d *inspect.Drive) { d.Opal.SIDBlocked.Known = false }), wipe.LevelPurge, "opal-psid-revert"},
		"Opal, shadowed":      {change(opal(sata(drive.MediaSSD), false), func(d *inspect.Drive) { d.Opal.Shadowed = inspect.Known(true, "") }), wipe.LevelPurge, "opal-revert opal-psid-revert"},
		"Opal, not active":    {change(opal(sata(drive.MediaSSD), false), func(d *inspect.Drive) { d.Opal.Activated.Value = false }), wipe.LevelPurge, ataSSD + " " + security + " " + twoPasses},
		"Opal without sanitize": {opal(change(ssd("A1"), func(d *inspect.Drive) { d.ATA.Security.Value = 0 }), true),
			wipe.LevelClear, "opal-revert opal-psid-revert"},
	} {
		t.Run(name, func(t *testing.T) {
			dp := one(c.d, wantPurge)
			if dp.Refusal != nil || techniques(dp) != c.want {
				t.Fatalf("refusal %v, ladder\n%s, want\n%s", dp.Refusal, techniques(dp), c.want)
			}
			if dp.Ladder[0].Level != c.level || dp.BelowWanted != (c.level < wipe.LevelPurge) {
				t.Errorf("level %v, below wanted %v", dp.Ladder[0].Level, dp.BelowWanted)
			}
			for _, s := range dp.Ladder {
				wellFormed(t, s)
			}
		})
	}
}

func wellFormed(t *testing.T, s wipe.Step) {
	t.Helper()
	overwrite := strings.HasPrefix(string(s.Technique), "overwrite-")
	sanitize := strings.Contains(string(s.Technique)+string(s.Then), "-sanitize-")
	switch {
	case s.Standard == "" || s.Reason == "" || s.Expect <= 0 || s.Shortfall == "":
		t.Errorf("%s: %+v", s.Technique, s)
	case sanitize != (s.Level == wipe.LevelPurge):
		t.Errorf("%s claims %v", s.Technique, s.Level)
	case overwrite && s.Verify == "", !overwrite && s.Then == "" && s.Verify != "":
		t.Errorf("%s is read back %q", s.Technique, s.Verify)
	case strings.HasPrefix(string(s.Technique), "opal-") != (s.Then != ""):
		t.Errorf("%s, then %q", s.Technique, s.Then)
	}
}

// A revert claims what erases after it, and no more.
func TestRevertIsFollowed(t *testing.T) {
	for then, d := range map[wipe.TechniqueID]inspect.Drive{
		wipe.ATASanitizeBlock: opal(sata(drive.MediaSSD), true), wipe.NVMeSanitizeBlock: opal(nvmeFull("A1"), true),
		wipe.SCSISanitizeOverwrite: opal(sas(drive.MediaHDD), true),
		wipe.OverwriteZero:         opal(change(ssd("A1"), func(d *inspect.Drive) { d.ATA.Security.Value = 0 }), true),
	} {
		dp := one(d, wantPurge)
		if dp.Ladder[0].Then != then {
			t.Errorf("%s follows, not %s", dp.Ladder[0].Then, then)
		}
		if then == wipe.OverwriteZero && (dp.Ladder[0].Level != wipe.LevelClear || dp.Ladder[0].Verify != wipe.VerifyFull) {
			t.Errorf("%+v", dp.Ladder[0])
		}
		if !strings.Contains(strings.Join(dp.Warnings, "\n"), "PSID") {
			t.Errorf("nobody is told to look for the label: %q", dp.Warnings)
		}
	}
}

// Where Clear is enough the clock decides, but not for a key, nor against the drive.
func TestQuickForClear(t *testing.T) {
	times := func(block, format time.Duration) inspect.Drive {
		return change(nvmeFull("A1"), func(d *inspect.Drive) {
			d.NVMe.FNA.Value = 0
			d.NVMe.BlockTime = inspect.Known(block, "log 81h")
			d.Geometry.Size, d.Identity.Size = 1<<40, 1<<40
		})
	}
	for name, c := range map[string]struct {
		d    inspect.Drive
		want wipe.TechniqueID
	}{
		"a slow sanitize":          {times(time.Hour, 0), wipe.NVMeFormatUserData},
		"a quick sanitize":         {times(2*time.Second, 0), wipe.NVMeSanitizeBlock},
		"less than half is needed": {times(30*time.Second, 0), wipe.NVMeSanitizeBlock},
		"a disk with a quick security erase": {change(sata(drive.MediaHDD), func(d *inspect.Drive) {
			d.Geometry.Size, d.Identity.Size, d.ATA.NativeMax.Value = 1<<40, 1<<40, 1<<40
			d.ATA.EnhancedTime = inspect.Known(2*time.Minute, "word 90")
			d.ATA.Sanitize.Value = 0x5000
		}), wipe.ATASecurityEraseEnhanced},
		"crypto is quicker":       {change(times(time.Hour, 0), func(d *inspect.Drive) { d.NVMe.Format.Value = false }), wipe.NVMeSanitizeBlock},
		"an overwrite is quicker": {change(sata(drive.MediaSSD), func(d *inspect.Drive) { d.ATA.Security.Value = 0 }), wipe.ATASanitizeBlock},
		"unattached":              {change(times(time.Hour, 0), func(d *inspect.Drive) { d.NVMe.Unattached.Value = 1 }), wipe.NVMeSanitizeBlock},
	} {
		t.Run(name, func(t *testing.T) {
			dp := one(c.d, wantClear)
			if dp.Refusal != nil || dp.Ladder[0].Technique != c.want {
				t.Errorf("refusal %v, ladder %s", dp.Refusal, techniques(dp))
			}
			if purge := one(c.d, wantPurge); len(purge.Ladder) != len(dp.Ladder) || purge.Ladder[0].Level != wipe.LevelPurge {
				t.Errorf("for Purge: %s", techniques(purge))
			}
		})
	}
}

// Times come from the drive where it gives them, and are not believed without end.
func TestOwnTimes(t *testing.T) {
	d := nvmeFull("A1")
	d.NVMe.BlockTime = inspect.Known(17*time.Minute, "log 81h")
	d.NVMe.CryptoTime = inspect.Known(1<<62*time.Nanosecond, "log 81h")
	dp := one(d, wantPurge)
	if e := dp.Ladder[0].Expect; e < 17*time.Minute || e > 18*time.Minute {
		t.Errorf("block erase: %v", e)
	}
	if e := dp.Ladder[1].Expect; e > time.Hour {
		t.Errorf("crypto: %v", e)
	}
	s := sata(drive.MediaHDD)
	s.ATA.EraseTime = inspect.Known(508*time.Minute, "word 89")
	for _, st := range one(s, wantPurge).Ladder {
		if st.Technique == wipe.ATASecurityErase && (st.Expect < 508*time.Minute || st.Expect > 520*time.Minute) {
			t.Errorf("security erase: %v", st.Expect)
		}
	}
}

// What a technique can't reach is named with it.
func TestShortfallsOfFirmware(t *testing.T) {
	boots := change(nvmeFull("A1"), func(d *inspect.Drive) {
		d.NVMe.RPMB, d.NVMe.BootBytes = inspect.Known(true, ""), inspect.Known(int64(1<<20), "")
	})
	bare := change(nvmeFull("A1"), func(d *inspect.Drive) {
		d.NVMe.RPMB, d.NVMe.BootBytes = inspect.Known(false, ""), inspect.Known(int64(0), "")
	})
	for _, c := range []struct {
		d         inspect.Drive
		technique wipe.TechniqueID
		says, not string
	}{
		{boots, wipe.NVMeSanitizeBlock, "RPMB", "did not tell"},
		{boots, wipe.NVMeSanitizeBlock, "boot partitions", "unattached"},
		{bare, wipe.NVMeSanitizeBlock, "over-provisioned", "RPMB"},
		{nvmeFull("A1"), wipe.NVMeSanitizeBlock, "did not tell", "nothing"},
		{boots, wipe.NVMeFormatUserData, "RPMB", "nothing"},
		{bare, wipe.NVMeSanitizeCrypto, "before the drive encrypted", "RPMB"},
		{sata(drive.MediaHDD), wipe.ATASanitizeOverwrite, "sectors that it could not reach any more", "over-provisioned"},
		{sata(drive.MediaSSD), wipe.ATASanitizeBlock, "over-provisioned", "HPA"},
		{emmc(), wipe.MMCSanitize, "RPMB", "boot areas"},
		{emmc(), wipe.OverwriteZero, "boot areas", "nothing"},
		{change(nvmeFull("A1"), func(d *inspect.Drive) { d.NVMe.Unattached.Value = 2 }), wipe.NVMeFormatUserData, "not attached", "nothing"},
		{change(nvmeFull("A1"), func(d *inspect.Drive) { d.NVMe.Unattached.Value = 2 }), wipe.NVMeSanitizeBlock, "own word", "not attached"},
	} {
		found := false
		for _, s := range one(c.d, wantPurge).Ladder {
			if s.Technique != c.technique {
				continue
			}
			found = true
			if !strings.Contains(s.Shortfall, c.says) || strings.Contains(s.Shortfall, c.not) {
				t.Errorf("%s: %q; must say %q and not %q", c.technique, s.Shortfall, c.says, c.not)
			}
		}
		if !found {
			t.Errorf("%s is not offered", c.technique)
		}
	}
}

// Techniques that only a policy names are there for it, and never by themselves.
func TestOnlyNamed(t *testing.T) {
	for _, id := range []wipe.TechniqueID{wipe.OverwriteOne, wipe.OverwriteIS5Baseline, wipe.OverwriteIS5Enhanced, wipe.OverwriteRandom3,
		wipe.ATASanitizeCrypto, wipe.ATASecurityErase} {
		dp := one(sata(drive.MediaSSD), Policy{Want: wipe.LevelClear, Technique: id})
		if dp.Refusal != nil || techniques(dp) != string(id) {
			t.Errorf("%s: %+v", id, dp)
		}
	}
	if back := one(ssd("A1"), Policy{Technique: wipe.OverwriteZero, Reverse: true}).Ladder[0]; !back.Reverse {
		t.Errorf("backwards: %+v", back)
	}
	one3, one1 := one(sata(drive.MediaHDD), Policy{Technique: wipe.OverwriteRandom3}), one(sata(drive.MediaHDD), Policy{Technique: wipe.OverwriteRandom})
	if one3.Ladder[0].Expect <= one1.Ladder[0].Expect {
		t.Errorf("three passes take %v, one %v", one3.Ladder[0].Expect, one1.Ladder[0].Expect)
	}
}

// Frozen: it says so where that is what stands between the drive and the level, and
// what to do; for Clear there is a way all the same.
func TestFrozen(t *testing.T) {
	d := sata(drive.MediaSSD)
	d.ATA.SanitizeState.Value, d.ATA.Security.Value = inspect.SanitizeFrozen, 0x29
	dp := one(d, Policy{Want: wipe.LevelPurge})
	if dp.Refusal == nil || dp.Refusal.Code != CodeFrozen || !strings.Contains(dp.Refusal.Do, "sleep") {
		t.Errorf("%+v", dp.Refusal)
	}
	dp = one(d, wantClear)
	if dp.Refusal != nil || techniques(dp) != twoPasses {
		t.Errorf("for Clear: %v, %s", dp.Refusal, techniques(dp))
	}
	if w := strings.Join(dp.Warnings, "\n"); !strings.Contains(w, "frozen the drive's security") || !strings.Contains(w, "frozen the drive's sanitize") {
		t.Errorf("warnings %q", w)
	}
	d.ATA.Sanitize.Value = 0
	if dp = one(d, Policy{Want: wipe.LevelPurge}); dp.Refusal == nil || dp.Refusal.Code != "below-level" {
		t.Errorf("nothing is won by freeing it: %+v", dp.Refusal)
	}
}

// A locked drive has one way: the password that we set ourselves.
func TestLockedByPassword(t *testing.T) {
	d := sata(drive.MediaSSD)
	d.ATA.Security.Value = 0x27
	dp := one(d, wantClear)
	if dp.Refusal != nil || techniques(dp) != security || !strings.Contains(dp.Ladder[0].Reason, "tried once") {
		t.Errorf("%v, %s", dp.Refusal, techniques(dp))
	}
	if w := strings.Join(dp.Warnings, "\n"); !strings.Contains(w, "locked by an ATA password") {
		t.Errorf("warnings %q", w)
	}
	for name, c := range map[string]struct {
		word uint16
		bus  drive.Bus
		want wipe.Level
	}{"frozen": {0x2f, drive.BusSATA, wipe.LevelClear}, "tries used up": {0x37, drive.BusSATA, wipe.LevelClear},
		"through a bridge": {0x27, drive.BusUSB, wipe.LevelClear}, "not supported": {0x06, drive.BusSATA, wipe.LevelClear}, "for Purge": {0x27, drive.BusSATA, wipe.LevelPurge}} {
		d.ATA.Security.Value, d.Identity.Bus = c.word, c.bus
		dp := one(d, Policy{Want: c.want})
		if dp.Refusal == nil || dp.Refusal.Code != "locked" || !strings.Contains(dp.Refusal.Do, "destroyed") {
			t.Errorf("%s: %+v", name, dp)
		}
	}
}

func TestNothingLeft(t *testing.T) {
	locked := opal(sata(drive.MediaSSD), true)
	locked.Opal.Supported.Known = false
	failed := change(sata(drive.MediaSSD), func(d *inspect.Drive) { d.ATA.SanitizeState.Value, d.ATA.Sanitize.Value = inspect.SanitizeFailed, 0 })
	running := change(nvmeFull("A1"), func(d *inspect.Drive) {
		d.NVMe.SanitizeState.Value, d.NVMe.Namespaces.Known = inspect.SanitizeRunning, false
	})
	for code, d := range map[string]inspect.Drive{"locked": locked, "sanitize-failed": failed, "sanitize-running": running} {
		dp := one(d, wantClear)
		if dp.Refusal == nil || dp.Refusal.Code != code || dp.Refusal.Do == "" || len(dp.Ladder) != 0 {
			t.Errorf("%s: %+v", code, dp)
		}
	}
}

// Health says what a success does not reach.
func TestLostSectorsAreNamed(t *testing.T) {
	d := sata(drive.MediaHDD)
	d.Health.Realloc, d.Health.Pending = inspect.Known(int64(12), "SMART 5"), inspect.Known(int64(3), "SMART 197")
	if w := strings.Join(one(d, wantPurge).Warnings, "\n"); !strings.Contains(w, "15 sectors") {
		t.Errorf("warnings %q", w)
	}
}

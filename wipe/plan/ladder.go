package plan

import (
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// Standards, as far as public works quote their clauses.
const (
	standardOverwrite = "NIST SP 800-88 Rev. 2, 3.1.1, Clear: one overwrite pass; IEEE 2883-2022, Clear: overwrite"
	standardFormat    = "IEEE 2883-2022, Clear: Format NVM, user data erase"
)

// ladder lists what a drive really offers, strongest first; of equals the one
// that asks less of the drive and of the person's time.
func ladder(d inspect.Drive, p Policy) []wipe.Step {
	verify := p.Verify
	if verify != wipe.VerifySample {
		verify = wipe.VerifyFull
	}
	var steps []wipe.Step
	if canFormat(d) {
		steps = append(steps, wipe.Step{Technique: wipe.NVMeFormatUserData, Level: wipe.LevelClear, Standard: standardFormat,
			Reason: "the drive erases its user data itself; blocks that were read before are read again",
			Expect: expectFormat, Shortfall: "what the drive's own word stands for alone: over-provisioned and reallocated cells; replay protected memory (RPMB), boot partitions"})
	}
	for _, t := range []struct {
		id     wipe.TechniqueID
		reason string
	}{
		{wipe.OverwriteZero, "every block is overwritten with zeros and read back"},
		{wipe.OverwriteRandom, "every block is overwritten with a random stream and read back"},
	} {
		reason := t.reason
		if verify == wipe.VerifySample {
			reason = reason[:len(reason)-len("read back")] + "a sample is read back"
		}
		steps = append(steps, wipe.Step{Technique: t.id, Level: wipe.LevelClear, Standard: standardOverwrite,
			Verify: verify, Reason: reason, Expect: expectOverwrite(d, verify), Shortfall: overwriteShortfall(d)})
	}
	if p.Technique == "" {
		return steps
	}
	for _, s := range steps {
		if s.Technique == p.Technique {
			return []wipe.Step{s}
		}
	}
	return nil
}

// FNA, Format NVM Attributes (NVM Express Base 2.0, figure 275, byte 524).
const (
	formatAppliesToAll = 1 << 0
	eraseAppliesToAll  = 1 << 1
)

// canFormat: Format NVM with user data erase does to this namespace what is
// meant, and to no other. What is not known counts against it.
func canFormat(d inspect.Drive) bool {
	n := d.NVMe
	switch {
	case n == nil || d.Identity.Namespace == 0 || d.Identity.Namespace == 0xffffffff:
		return false
	case !n.Format.Known || !n.Format.Value || !n.FNA.Known || !n.LBAFormat.Known || !n.MetadataBytes.Known:
		return false
	case n.FNA.Value&(formatAppliesToAll|eraseAppliesToAll) == 0:
		return true
	}
	// The command would reach every namespace of the controller: only where this
	// one is known to be the only one.
	return n.Namespaces.Known && n.Namespaces.Value == 1 && n.Unattached.Known && n.Unattached.Value == 0
}

// overwriteShortfall says what a write from outside does not reach.
func overwriteShortfall(d inspect.Drive) string {
	var s string
	switch kind(d) {
	case drive.MediaHDD:
		s = "reallocated sectors"
	case drive.MediaFile:
		s = "what lies under the backing file: other copies, snapshots, the cells of the drive that holds it"
	default:
		s = "over-provisioned and reallocated cells"
	}
	if (d.ATA != nil || d.Identity.Bus == drive.BusSATA) && (d.ATA == nil || !d.ATA.NativeMax.Known) {
		s += "; a hidden area (HPA, AMA), if there is one: the drive did not tell"
	}
	if (d.NVMe != nil || d.Identity.Bus == drive.BusNVMe) && (d.NVMe == nil || !d.NVMe.MetadataBytes.Known) {
		s += "; metadata beside the blocks, if there is any: the drive did not tell"
	}
	if !d.Identity.Inner && kind(d) != drive.MediaFile {
		s += "; whatever a bridge in between does not pass on"
	}
	return s
}

// kind of medium as far as it is known: NVMe is solid state whatever else it says.
func kind(d inspect.Drive) drive.MediaType {
	switch {
	case d.Identity.Media != drive.MediaUnknown:
		return d.Identity.Media
	case d.Identity.Bus == drive.BusNVMe:
		return drive.MediaSSD
	case d.Identity.Bus == drive.BusLoop:
		return drive.MediaFile
	case d.Identity.Bus == drive.BusSD || d.Identity.Bus == drive.BusMMC:
		return drive.MediaFlash
	case d.Rotational.Known && d.Rotational.Value:
		return drive.MediaHDD
	}
	return drive.MediaUnknown
}

// warnings are what a person should know and what stops nothing.
func warnings(d inspect.Drive) []string {
	var w []string
	if d.ATA != nil && d.ATA.Security.Known && d.ATA.Security.Value&securityEnabled != 0 {
		w = append(w, "the drive has an ATA password set; it is unlocked now, and an overwrite leaves the password")
	}
	if h := d.Health.Verdict; h.Known && h.Value == "failing" {
		w = append(w, "the drive says of itself that it is failing: the erasure may fail")
	}
	return append(w, d.Problems...)
}

// expectFormat: most drives answer within seconds; the samples take a few more.
const expectFormat = 30 * time.Second

// expectOverwrite guesses from the kind of drive; the job measures.
func expectOverwrite(d inspect.Drive, v wipe.VerifyMode) time.Duration {
	perS := int64(200e6)
	switch {
	case d.Identity.Bus == drive.BusUSB || d.Identity.Bus == drive.BusSD:
		perS = 30e6
	case d.Identity.Bus == drive.BusNVMe, kind(d) == drive.MediaFile:
		perS = 1e9
	case kind(d) == drive.MediaHDD:
		perS = 120e6
	case kind(d) == drive.MediaSSD:
		perS = 400e6
	}
	e := time.Second + time.Duration(d.Geometry.Size/perS)*time.Second
	if v == wipe.VerifyFull {
		e *= 2
	}
	return e
}

package plan

import (
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// Standards, as far as public works quote them. Their own texts were not at hand:
// a clause is named only where one of those works names it.
const (
	standardOverwrite    = "NIST SP 800-88 Rev. 2, 3.1.1, Clear: one overwrite pass; IEEE 2883-2022, Clear: overwrite"
	standardSecurity     = "Clear: ATA security erase, which IEEE 2883-2022 does not count as Purge"
	standardFormat       = "IEEE 2883-2022, Clear: Format NVM, user data erase"
	standardFormatCrypto = "Clear: Format NVM, cryptographic erase, which is claimed as no more than a user data erase"
	standardFormatUnit   = "IEEE 2883-2022, Clear: FORMAT UNIT"
	standardMMC          = "Clear: erase and sanitize of an eMMC, as Dell KB 000186133 places them by NIST SP 800-88 Rev. 1 and IEEE 2883-2022"
	standardMMCSecure    = "Clear: secure erase of an eMMC (JESD84-B51)"
	standardIS5          = "NIST SP 800-88 Rev. 2, 3.1.1, Clear; legacy profile HMG IS5 (withdrawn)"
	standardRandom3      = "NIST SP 800-88 Rev. 2, 3.1.1, Clear; legacy profile: three random passes"
)

func standardSanitize(how string) string {
	return "IEEE 2883-2022, Purge: sanitize, " + how + "; NIST SP 800-88 Rev. 2, Purge, by reference to it"
}

const standardSanitizeCrypto = "IEEE 2883-2022, Purge: sanitize, cryptographic erase; NIST SP 800-88 Rev. 2, 3.2"

// Reasons are one sentence for people.
const (
	reasonBlock     = "the drive erases all of its flash itself, cells that nobody can address too"
	reasonCrypto    = "the drive destroys the key that all of its data are encrypted with"
	reasonOverwrite = "the drive overwrites all of its medium itself, places that nobody can address too"
	reasonEnhanced  = "the drive erases all of its medium itself, reallocated sectors too, by the password command"
	reasonOurs      = "if the password that locks it is the one that Handback sets, which is tried once: "
	reasonSecurity  = "the drive overwrites every addressable block itself, by the password command"
	reasonFormat    = "the drive erases its user data itself; blocks that were read before are read again"
	reasonFormatKey = "the drive destroys the key of its user data as it formats itself"
	reasonUnit      = "the drive formats its whole medium itself"
	reasonMMC       = "the card erases every block, then removes what it had only unlinked"
	reasonMMCSecure = "the card erases every block and the copies that it made of them"
)

// shortfalls of firmware techniques. That the drive's word stands alone for what
// no read reaches is true of all of them.
const (
	ownWord       = "what the drive's own word stands for alone: over-provisioned and reallocated cells"
	ownWordHDD    = "what the drive's own word stands for alone: reallocated sectors, and sectors that it could not reach any more"
	beforeTheKey  = "; what was written before the drive encrypted, if it ever did"
	neverTheRPMB  = "; replay protected memory (RPMB)"
	neverTheBoots = "; its boot partitions"
)

// ownWordOf a drive.
func ownWordOf(d inspect.Drive) string {
	if kind(d) == drive.MediaHDD {
		return ownWordHDD
	}
	return ownWord
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
	if d.SCSI != nil && !d.SCSI.MaxBytes.Known {
		s += "; blocks that MODE SELECT hides, if there are any: the drive did not tell"
	}
	if d.SCSI != nil && d.SCSI.Protected.Known && d.SCSI.Protected.Value {
		s += "; protection information beside the blocks, which the drive writes itself"
	}
	s += besideBlocks(d)
	if !d.Identity.Inner && kind(d) != drive.MediaFile {
		s += "; whatever a bridge in between does not pass on"
	}
	return s
}

// besideBlocks are areas of a drive that are none of its blocks.
func besideBlocks(d inspect.Drive) (s string) {
	if n := d.NVMe; n != nil {
		if !n.RPMB.Known || n.RPMB.Value {
			s += neverTheRPMB + ifKnown(n.RPMB.Known)
		}
		if !n.BootBytes.Known || n.BootBytes.Value > 0 {
			s += neverTheBoots + ifKnown(n.BootBytes.Known)
		}
		if n.Unattached.Known && n.Unattached.Value > 0 {
			s += "; namespaces that are not attached"
		}
	}
	if m := d.MMC; m != nil {
		if !m.BootBytes.Known || m.BootBytes.Value > 0 {
			s += "; its boot areas" + ifKnown(m.BootBytes.Known)
		}
		if !m.GPBytes.Known || m.GPBytes.Value > 0 {
			s += "; its general-purpose areas" + ifKnown(m.GPBytes.Known)
		}
		s += rpmbOf(m)
	}
	return s
}

func rpmbOf(m *inspect.MMC) string {
	if m.RPMBBytes.Known && m.RPMBBytes.Value == 0 {
		return ""
	}
	return neverTheRPMB + ifKnown(m.RPMBBytes.Known)
}

func ifKnown(known bool) string {
	if known {
		return ""
	}
	return ", if it has any: the drive did not tell"
}

// sanitizeStep is one kind of sanitize.
func sanitizeStep(d inspect.Drive, t wipe.TechniqueID, standard, reason, shortfall string) wipe.Step {
	return wipe.Step{Technique: t, Level: wipe.LevelPurge, Standard: standard, Reason: reason, Shortfall: ownWordOf(d) + shortfall}
}

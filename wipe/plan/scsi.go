package plan

import (
	"time"

	"handback.example/inspect"
	"handback.example/wipe"
)

// scsiSanitize by SANITIZE (SBC-4).
func scsiSanitize(s subject) []wipe.Step {
	c := s.SCSI
	if c == nil || throughBridge(s.Drive) || !answersSanitize(c.SanitizeState) {
		return nil
	}
	none := inspect.Fact[time.Duration]{}
	block := sanitizeStep(s.Drive, wipe.SCSISanitizeBlock, standardSanitize("block erase"), reasonBlock, "")
	block.Expect = expectBlock(s.Drive, none)
	crypto := sanitizeStep(s.Drive, wipe.SCSISanitizeCrypto, standardSanitizeCrypto, reasonCrypto, beforeTheKey)
	crypto.Expect = expectCrypto(s.Drive, none)
	over := sanitizeStep(s.Drive, wipe.SCSISanitizeOverwrite, standardSanitize("overwrite"), reasonOverwrite, "")
	over.Expect = expectPass(s.Drive, none)
	return three(s.Drive, step(yes(c.SanitizeBlock), block), step(yes(c.SanitizeCrypto), crypto), step(yes(c.SanitizeOverwrite), over))
}

// scsiFormat by FORMAT UNIT.
func scsiFormat(s subject) []wipe.Step {
	if s.SCSI == nil || throughBridge(s.Drive) || !yes(s.SCSI.FormatUnit) {
		return nil
	}
	return []wipe.Step{{Technique: wipe.SCSIFormatUnit, Level: wipe.LevelClear, Standard: standardFormatUnit, Reason: reasonUnit,
		Expect: expectPass(s.Drive, inspect.Fact[time.Duration]{}), Shortfall: ownWordOf(s.Drive)}}
}

// yes: known, and so.
func yes(f inspect.Fact[bool]) bool { return f.Known && f.Value }

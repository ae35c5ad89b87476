package plan

import (
	"slices"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// IDENTIFY DEVICE word 59, sanitize (ACS-4).
const (
	sanitizeSupported = 1 << 12
	sanitizeCrypto    = 1 << 13
	sanitizeOverwrite = 1 << 14
	sanitizeBlock     = 1 << 15
)

// IDENTIFY DEVICE word 128, security status (ACS-4 clause 9.11.8.5).
const (
	securitySupported = 1 << 0
	securityEnabled   = 1 << 1
	securityFrozen    = 1 << 3
	securityExpired   = 1 << 4
	securityEnhanced  = 1 << 5
)

// ataSanitize by SANITIZE DEVICE.
func ataSanitize(s subject) []wipe.Step {
	a := s.ATA
	if a == nil || throughBridge(s.Drive) || !a.Sanitize.Known || !answersSanitize(a.SanitizeState) || a.Sanitize.Value&sanitizeSupported == 0 {
		return nil
	}
	has := func(bit uint16) bool { return a.Sanitize.Value&bit != 0 }
	none := inspect.Fact[time.Duration]{}
	block := sanitizeStep(s.Drive, wipe.ATASanitizeBlock, standardSanitize("block erase"), reasonBlock, "")
	block.Expect = expectBlock(s.Drive, none)
	crypto := sanitizeStep(s.Drive, wipe.ATASanitizeCrypto, standardSanitizeCrypto, reasonCrypto, beforeTheKey)
	crypto.Expect = expectCrypto(s.Drive, none)
	over := sanitizeStep(s.Drive, wipe.ATASanitizeOverwrite, standardSanitize("overwrite"), reasonOverwrite, "")
	over.Expect = expectPass(s.Drive, none)
	return three(s.Drive, step(has(sanitizeBlock), block), step(has(sanitizeCrypto), crypto), step(has(sanitizeOverwrite), over))
}

// ataSecurityErase by SECURITY ERASE UNIT. Not through a bridge: one that resets
// the drive in the midst of it leaves it locked. A drive that is locked may have our
// password: it is tried. One that has a password and is open takes another.
func ataSecurityErase(s subject) []wipe.Step {
	a := s.ATA
	if a == nil || s.Identity.Bus == drive.BusUSB || s.Identity.Bus != drive.BusSATA && !s.Identity.Inner || !a.Security.Known {
		return nil
	}
	w := a.Security.Value
	if w&securitySupported == 0 || w&(securityFrozen|securityExpired) != 0 {
		return nil
	}
	enhanced := wipe.Step{Technique: wipe.ATASecurityEraseEnhanced, Level: wipe.LevelClear, Standard: standardSecurity, Reason: reasonEnhanced,
		Expect: expectPass(s.Drive, a.EnhancedTime), Shortfall: ownWordOf(s.Drive)}
	normal := wipe.Step{Technique: wipe.ATASecurityErase, Level: wipe.LevelClear, Standard: standardSecurity, Reason: reasonSecurity,
		Expect: expectPass(s.Drive, a.EraseTime), Shortfall: overwriteShortfall(s.Drive)}
	if s.ATA.Locked() {
		enhanced.Reason, normal.Reason = reasonOurs+enhanced.Reason, reasonOurs+normal.Reason
	}
	return slices.Concat(step(w&securityEnhanced != 0, enhanced), []wipe.Step{normal})
}

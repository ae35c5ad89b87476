package plan

import (
	"slices"

	"handback.example/inspect"
	"handback.example/wipe"
)

// SANICAP, sanitize capabilities (NVM Express Base 2.0, figure 275, bytes 331:328).
const (
	sanicapCrypto    = 1 << 0
	sanicapBlock     = 1 << 1
	sanicapOverwrite = 1 << 2
)

// FNA, Format NVM attributes (NVM Express Base 2.0, figure 275, byte 524).
const (
	formatAppliesToAll = 1 << 0
	eraseAppliesToAll  = 1 << 1
	formatHasCrypto    = 1 << 2
)

// nvmeSanitize by Sanitize, which reaches every namespace of the controller.
func nvmeSanitize(s subject) []wipe.Step {
	n := s.NVMe
	if n == nil || !s.reach.whole || !n.SANICAP.Known || !answersSanitize(n.SanitizeState) {
		return nil
	}
	has := func(bit uint32) bool { return n.SANICAP.Value&bit != 0 }
	beside := besideNamespace(n)
	block := sanitizeStep(s.Drive, wipe.NVMeSanitizeBlock, standardSanitize("block erase"), reasonBlock, beside)
	block.Expect = expectBlock(s.Drive, n.BlockTime)
	crypto := sanitizeStep(s.Drive, wipe.NVMeSanitizeCrypto, standardSanitizeCrypto, reasonCrypto, beforeTheKey+beside)
	crypto.Expect = expectCrypto(s.Drive, n.CryptoTime)
	over := sanitizeStep(s.Drive, wipe.NVMeSanitizeOverwrite, standardSanitize("overwrite"), reasonOverwrite, beside)
	over.Expect = expectPass(s.Drive, n.OverwriteTime)
	return slices.Concat(step(has(sanicapBlock), block), step(has(sanicapCrypto), crypto), step(has(sanicapOverwrite), over))
}

// besideNamespace are the areas that a sanitize leaves (NVM Express Base 2.0, 5.24).
func besideNamespace(n *inspect.NVMe) string {
	left := *n
	left.Unattached = inspect.Fact[int]{} // erased too
	return besideBlocks(inspect.Drive{NVMe: &left})
}

// nvmeFormat by Format NVM.
func nvmeFormat(s subject) []wipe.Step {
	if !canFormat(s.Drive) {
		return nil
	}
	shortfall := ownWord + besideBlocks(s.Drive)
	crypto := wipe.Step{Technique: wipe.NVMeFormatCrypto, Level: wipe.LevelClear, Standard: standardFormatCrypto, Reason: reasonFormatKey,
		Expect: expectCrypto(s.Drive, s.NVMe.CryptoTime), Shortfall: shortfall + beforeTheKey}
	data := wipe.Step{Technique: wipe.NVMeFormatUserData, Level: wipe.LevelClear, Standard: standardFormat, Reason: reasonFormat,
		Expect: expectFormat, Shortfall: shortfall}
	return slices.Concat(step(s.NVMe.FNA.Value&formatHasCrypto != 0, crypto), []wipe.Step{data})
}

// canFormat: Format NVM with an erase does to this namespace what is meant, and to
// no other. What is not known counts against it.
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

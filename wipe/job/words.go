package job

import (
	"strings"

	"handback.example/wipe"
)

// words for a technique.
type words struct {
	firmware bool   // the drive erases itself
	did      string // what it did, in the past tense: 'The drive …'
	command  string // the command, as its standard names it
}

// wordsFor a step: what erases counts, and that it was opened first is said.
func wordsFor(s wipe.Step) words {
	if s.Then == "" {
		return wordsOf(s.Technique)
	}
	w := wordsOf(s.Then)
	w.did = "went back to its factory state and " + w.did
	w.command = wordsOf(s.Technique).command + ", then " + w.command
	return w
}

// wordsOf a technique, by its family.
func wordsOf(t wipe.TechniqueID) words {
	family, kind, _ := strings.Cut(string(t), "-")
	switch {
	case family == "overwrite":
		return words{did: "was overwritten", command: "overwrite"}
	case family == "opal":
		return words{firmware: true, did: "went back to its factory state and changed its key", command: "TCG Opal revert"}
	case family == "mmc" && kind == "sanitize":
		return words{firmware: true, did: "erased and sanitised itself", command: "ERASE and SANITIZE_START"}
	case family == "mmc":
		return words{firmware: true, did: "erased itself securely", command: "secure ERASE"}
	}
	kind, how, _ := strings.Cut(kind, "-")
	by := map[string]string{"block": ", block by block", "crypto": " by changing its key", "overwrite": " by overwriting"}[how]
	switch {
	case kind == "sanitize":
		return words{firmware: true, did: "sanitised itself" + by, command: map[string]string{"ata": "SANITIZE DEVICE", "nvme": "Sanitize", "scsi": "SANITIZE"}[family]}
	case kind == "security":
		return words{firmware: true, did: "erased itself (SECURITY ERASE UNIT)", command: "SECURITY ERASE UNIT"}
	case family == "nvme" && how == "crypto":
		return words{firmware: true, did: "formatted itself and changed its key", command: "Format NVM"}
	case family == "nvme":
		return words{firmware: true, did: "formatted itself and erased its user data", command: "Format NVM"}
	case family == "scsi":
		return words{firmware: true, did: "formatted itself", command: "FORMAT UNIT"}
	}
	return words{firmware: true, did: "erased itself", command: string(t)}
}

// sentence makes one of a reason: a capital letter and a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

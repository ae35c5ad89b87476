package certs

// techniqueWords in the order of the contract of the commands. Screens, papers and
// lists take them from here.
var techniqueWords = map[string]string{
	"overwrite-zero":   "overwrite, zeros",
	"overwrite-one":    "overwrite, ones",
	"overwrite-random": "overwrite, random",

	"ata-sanitize-block":          "ATA sanitise, block erase",
	"ata-sanitize-crypto":         "ATA sanitise, key destroyed",
	"ata-sanitize-overwrite":      "ATA sanitise, overwrite",
	"ata-security-erase":          "ATA security erase",
	"ata-security-erase-enhanced": "ATA security erase, enhanced",

	"nvme-sanitize-block":     "NVMe sanitise, block erase",
	"nvme-sanitize-crypto":    "NVMe sanitise, key destroyed",
	"nvme-sanitize-overwrite": "NVMe sanitise, overwrite",
	"nvme-format-user-data":   "NVMe Format, user data",
	"nvme-format-crypto":      "NVMe Format, key destroyed",

	"scsi-sanitize-block":     "SCSI sanitise, block erase",
	"scsi-sanitize-crypto":    "SCSI sanitise, key destroyed",
	"scsi-sanitize-overwrite": "SCSI sanitise, overwrite",
	"scsi-format-unit":        "SCSI Format Unit",

	"mmc-sanitize":     "eMMC erase and sanitise",
	"mmc-secure-erase": "eMMC secure erase",

	"opal-revert":      "Opal revert",
	"opal-psid-revert": "Opal revert by the label's PSID",

	"overwrite-is5-baseline": "overwrite, HMG IS5 baseline",
	"overwrite-is5-enhanced": "overwrite, HMG IS5 enhanced, three passes",
	"overwrite-random-3":     "overwrite, random, three passes",
}

// TechniqueWords says a technique in plain words: what unlocks the drive, and what
// then erases it; an ID that is none of ours stands for itself.
func TechniqueWords(technique, then string) string {
	w := techniqueWords[technique]
	if w == "" {
		w = technique
	}
	if then != "" {
		w += ", then " + TechniqueWords(then, "")
	}
	return w
}

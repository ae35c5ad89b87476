package plan

import (
	"slices"
	"strings"

	"handback.example/inspect"
	"handback.example/wipe"
)

// quirk is what somebody has found out about a model, and said in public. It may
// take a technique away, lower what one claims, or warn; it can add nothing and
// raise nothing, and it never takes an overwrite away.
type quirk struct {
	// id is stable: records name it. One that is given up is never used again.
	id string
	// model is how the drive's own model text begins; firmware, its revision, every
	// one where it is empty.
	model, firmware string
	exact           bool // model is the whole of it
	remove          []wipe.TechniqueID
	clear           []wipe.TechniqueID // claim Clear at most
	warn            string             // for people; always there
	source          string             // where it was read
}

func (q quirk) fits(d inspect.Drive) bool {
	model := strings.TrimSpace(d.Identity.Model)
	// Through a bridge or the SCSI layer a maker's name may stand before it.
	model = strings.TrimPrefix(model, "ATA ")
	return (model == q.model || !q.exact && strings.HasPrefix(model, q.model)) &&
		(q.firmware == "" || strings.TrimSpace(d.Identity.Firmware) == q.firmware)
}

// quirksOf a drive, in the table's order.
func quirksOf(d inspect.Drive) []quirk {
	return slices.DeleteFunc(slices.Clone(quirks), func(q quirk) bool { return !q.fits(d) })
}

// lower takes from steps what quirks take.
func lower(steps []wipe.Step, known []quirk) []wipe.Step {
	steps = slices.Clone(steps)
	for _, q := range known {
		steps = slices.DeleteFunc(steps, func(s wipe.Step) bool { return slices.Contains(q.remove, s.Technique) })
		for i := range steps {
			if s := &steps[i]; slices.Contains(q.clear, s.Technique) && s.Level > wipe.LevelClear {
				s.Level = wipe.LevelClear
				s.Standard = "Clear only: " + q.source
			}
		}
	}
	return steps
}

const (
	warnMoviNAND = "a secure erase of this card can corrupt it for good by a fault of its firmware: it is not used"
	warnINAND    = "this card takes the kind of an erase in a way of its own: a secure erase is not used"
	warnOneMore  = "this drive tells one block too much as its native size: restoring its capacity may be refused"
	srcMMC       = "Linux, drivers/mmc/core/quirks.h"
	srcATA       = "Linux, drivers/ata/libata-core.c"
	srcCERT      = "CERT/CC VU#395981, CVE-2018-12038"
	srcWDC       = "Western Digital WDC-19007, CVE-2019-11686"
)

var (
	secureErase = []wipe.TechniqueID{wipe.MMCSecureErase}
	keyErase    = []wipe.TechniqueID{wipe.ATASanitizeCrypto}
)

// quirks, sorted by id.
var quirks = []quirk{
	{id: "hpa-hds724040klsa80", model: "HDS724040KLSA80", firmware: "KFAOA20N",
		warn: "this firmware is known to fail at the question for its native size: a hidden area may stay unseen", source: srcATA},
	{id: "hpa-maxtor-6l080l4", model: "MAXTOR 6L080L4", firmware: "A93.0500",
		warn: "this firmware is known to fail at the question for its native size: a hidden area may stay unseen", source: srcATA},
	{id: "hpa-ocz-vertex", model: "OCZ-VERTEX", exact: true, firmware: "1.30",
		warn: "this firmware lets its hidden area be opened and then fails to read and write it: the erasure may fail", source: srcATA},
	{id: "hpa-st310211a", model: "ST310211A", exact: true, warn: warnOneMore, source: srcATA},
	{id: "hpa-st320413a", model: "ST320413A", exact: true, warn: warnOneMore, source: srcATA},
	{id: "hpa-st340823a", model: "ST340823A", exact: true, warn: warnOneMore, source: srcATA},
	{id: "key-samsung-840-evo", model: "Samsung SSD 840 EVO", remove: keyErase,
		warn: "old copies of this drive's key may stay in its flash after the key was changed: an erasure of the key alone is not used", source: srcCERT},
	{id: "key-sandisk-x300", model: "SanDisk X300", remove: keyErase,
		warn: "this drive's keys may stay in its flash after they were erased: an erasure of the key alone is not used", source: srcWDC},
	{id: "key-sandisk-x400", model: "SanDisk X400", remove: keyErase,
		warn: "this drive's keys may stay in its flash after they were erased: an erasure of the key alone is not used", source: srcWDC},
	{id: "mmc-inand-sem02g", model: "SEM02G", exact: true, remove: secureErase, warn: warnINAND, source: srcMMC},
	{id: "mmc-inand-sem04g", model: "SEM04G", exact: true, remove: secureErase, warn: warnINAND, source: srcMMC},
	{id: "mmc-inand-sem08g", model: "SEM08G", exact: true, remove: secureErase, warn: warnINAND, source: srcMMC},
	{id: "mmc-inand-sem16g", model: "SEM16G", exact: true, remove: secureErase, warn: warnINAND, source: srcMMC},
	{id: "mmc-inand-sem32g", model: "SEM32G", exact: true, remove: secureErase, warn: warnINAND, source: srcMMC},
	{id: "mmc-movinand-kyl00m", model: "KYL00M", exact: true, remove: secureErase, warn: warnMoviNAND, source: srcMMC},
	{id: "mmc-movinand-m8g2fa", model: "M8G2FA", exact: true, remove: secureErase, warn: warnMoviNAND, source: srcMMC},
	{id: "mmc-movinand-mag4fa", model: "MAG4FA", exact: true, remove: secureErase, warn: warnMoviNAND, source: srcMMC},
	{id: "mmc-movinand-mbg8fa", model: "MBG8FA", exact: true, remove: secureErase, warn: warnMoviNAND, source: srcMMC},
	{id: "mmc-movinand-mcgafa", model: "MCGAFA", exact: true, remove: secureErase, warn: warnMoviNAND, source: srcMMC},
	{id: "mmc-movinand-val00m", model: "VAL00M", exact: true, remove: secureErase, warn: warnMoviNAND, source: srcMMC},
	{id: "mmc-movinand-vyl00m", model: "VYL00M", exact: true, remove: secureErase, warn: warnMoviNAND, source: srcMMC},
	{id: "mmc-movinand-vzl00m", model: "VZL00M", exact: true, remove: secureErase, warn: warnMoviNAND, source: srcMMC},
	{id: "stuck-intel-660p", model: "INTEL SSDPEKNW",
		warn:   "drives of this model have stood still in a sanitize for days, at one per cent: where this one does, it is for destruction",
		source: "github.com/linux-nvme/nvme-cli issues 752, 1784, 3027"},
}

package bench

import (
	"slices"
	"strings"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/inspect"
)

// areasLeft says of an eMMC that was written over, because its own erasure failed, that
// its boot and general-purpose areas were not: no paper may call the machine done.
func (e *Engine) areasLeft() {
	for _, m := range e.book.Summary().Media {
		if m.Finished == nil || !strings.HasPrefix(m.Finished.Technique, "overwrite-") {
			continue
		}
		i := slices.IndexFunc(e.report.Drives, func(d inspect.Drive) bool { return sameDrive(evidence.Ref("", d.Identity), m.Drive.Ref()) })
		if i < 0 || !hasAreas(e.report.Drives[i].MMC) {
			continue
		}
		e.record(certs.Record{Kind: certs.KindRefused, Refused: &certs.Refused{Code: "mmc-areas",
			Reason: driveName(e.report.Drives[i].Identity) + ", serial " + m.Drive.Serial + ", was written over, which leaves its boot and general-purpose areas as they were",
			Do:     "keep the machine, or destroy the board's memory"}})
	}
}

// hasAreas: an eMMC has areas beside its blocks, or does not tell.
func hasAreas(m *inspect.MMC) bool {
	none := func(f inspect.Fact[int64]) bool { return f.Known && f.Value == 0 }
	return m != nil && (!none(m.BootBytes) || !none(m.GPBytes))
}

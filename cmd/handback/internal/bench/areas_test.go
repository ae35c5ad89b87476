package bench

import (
	"slices"
	"testing"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/wire"
)

const modelMMC = `
[mmc]
manufacturer = 0x15
product = "TINY"
serial = "0x1a2b3c4d"
sectors = 327680
sanitize = true
secure_erase = true
boot_size = 1048576
`

// An eMMC that erases itself erases its boot areas too. One that refuses to is written
// over: its blocks are, its boot areas are not, and no paper says that the machine is done.
func TestEMMCAreas(t *testing.T) {
	const refuses = "[[fault]]\nerases = true\nabort = true\n"
	for technique, profile := range map[string]string{"mmc-sanitize": modelMMC, "overwrite-zero": modelMMC + refuses} {
		t.Run(technique, func(t *testing.T) {
			m := newModelBed(t, profile)
			m.set.Wipe.Level = "clear"
			e, _, _ := m.start()
			m.toCheck(e)
			must(t, e, wire.Intent{Kind: wire.IntentToAgree})
			must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: e.View().Plan.Digest})
			_, s := m.result(e)
			left := slices.ContainsFunc(s.MachineRefusals, func(r certs.Refused) bool { return r.Code == "mmc-areas" })
			done := s.Verdict == certs.Sanitised && e.code == 0
			if over := technique == "overwrite-zero"; left != over || done == over || s.Media[0].Finished.Technique != technique {
				t.Errorf("%s by %s, code %d: %+v", s.Verdict, s.Media[0].Finished.Technique, e.code, s.MachineRefusals)
			}
		})
	}
}

package bench

import (
	"slices"
	"testing"

	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
)

// What a machine is made of and what is left in it, as rows: what is bad stands
// out, and what can't be told never reads as absent.
func TestFactRows(t *testing.T) {
	yes, no := inspect.Known(true, "test"), inspect.Known(false, "test")
	rows := facts(&inspect.Report{
		CPU:      inspect.CPU{Model: inspect.Known("Intel(R) Core(TM) i5-7200U CPU @ 2.50GHz", "test"), Windows11: no},
		Displays: []inspect.Display{{Maker: "LGD", Model: "LP156WH4-TPA1", Width: 1366, Height: 768, DiagonalMM: 395, Problem: "its EDID is damaged (checksum)"}},
		Devices:  inspect.Devices{WiFi: yes, Camera: yes, WWAN: no},
		Residue: []inspect.Residue{{Item: "asset tag in the firmware", State: inspect.ResiduePresent, Evidence: "'DEF-048213'"}, {Item: "boot entries of a former system", State: inspect.ResidueAbsent, Evidence: "none"},
			{Item: "fingerprints in the reader", State: inspect.ResidueUnknown, Evidence: "a reader is fitted"}, {Item: "provisioning of Intel AMT", State: inspect.ResidueUnknown, Evidence: "not asked"}},
	})
	for _, want := range []wire.Fact{
		{Name: "Windows 11", Value: "processor not supported", Mark: wire.MarkWarn},
		{Name: "Display", Value: "LGD LP156WH4-TPA1, 1366 x 768, 15.6 in; its EDID is damaged (checksum)", Mark: wire.MarkWarn},
		{Name: "Parts", Value: "Wi-Fi, camera", Mark: wire.MarkOK},
		{Name: "Left in it", Value: "asset tag in the firmware: 'DEF-048213'", Mark: wire.MarkWarn},
		{Name: "Not known", Value: "whether these are left in it: fingerprints in the reader, provisioning of Intel AMT", Mark: wire.MarkUnknown},
		{Name: "Memory", Value: "unknown", Mark: wire.MarkUnknown},
	} {
		if !slices.Contains(rows, want) {
			t.Errorf("%+v is not in %+v", want, rows)
		}
	}
}

package plan

import (
	"path/filepath"
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/survey"
	"handback.example/wipe"
)

// What the models of drives say of themselves, asked as a drive is asked, and what
// is planned for them where Purge is wanted.
func TestPlansOfModels(t *testing.T) {
	want := map[string]struct {
		ladder, refused string
		below           bool
	}{
		"emmc-tablet":         {ladder: "mmc-sanitize mmc-secure-erase " + twoPasses, below: true},
		"nvme-no-sanitize":    {ladder: nvmeBoth + " " + twoPasses, below: true},
		"nvme-ssd":            {ladder: "nvme-sanitize-block nvme-sanitize-crypto " + nvmeBoth + " " + twoPasses},
		"nvme-stuck":          {ladder: "nvme-sanitize-block nvme-sanitize-crypto " + nvmeBoth + " " + twoPasses},
		"nvme-two-namespaces": {ladder: "nvme-sanitize-block nvme-sanitize-crypto " + nvmeBoth + " " + twoPasses},
		"sas-hdd":             {ladder: "scsi-sanitize-overwrite scsi-format-unit " + twoPasses},
		"sata-hdd":            {ladder: security + " " + twoPasses, below: true},
		"sata-hdd-hpa":        {ladder: security + " " + twoPasses, below: true},
		"sata-hdd-pending":    {ladder: security + " " + twoPasses, below: true},
		"sata-locked":         {ladder: security, below: true},
		"sata-sed":            {ladder: "opal-psid-revert"},
		"sata-ssd-frozen":     {ladder: twoPasses, below: true},
		"sata-ssd-lies":       {ladder: "ata-sanitize-block ata-sanitize-crypto " + security + " " + twoPasses},
		"usb-bridge":          {ladder: "ata-sanitize-block ata-sanitize-crypto " + twoPasses},
		"usb-bridge-refuses":  {refused: "no-identity"},
	}
	for name, w := range want {
		t.Run(name, func(t *testing.T) {
			d, err := profile.Load(filepath.Join("../../testdata/drives", name+".toml"), profile.Options{})
			if err != nil {
				t.Fatal(err)
			}
			h := inproc.NewHost(nil)
			paths, err := d.Attach(h, "/dev/x")
			if err != nil {
				t.Fatal(err)
			}
			r := &inspect.Report{Drives: survey.Ask(t.Context(), h, paths...)}
			for _, dp := range Make(r, wantPurge).Drives {
				refused := ""
				if dp.Refusal != nil {
					refused = dp.Refusal.Code
				}
				if techniques(dp) != w.ladder || refused != w.refused || dp.BelowWanted != w.below {
					t.Errorf("refusal %q, below %v, ladder\n%s", refused, dp.BelowWanted, techniques(dp))
				}
				if (name == "sata-hdd-hpa") != (dp.Restore != nil) || (name == "nvme-two-namespaces") != (dp.Unattached == 1) {
					t.Errorf("restore %+v, unattached %d", dp.Restore, dp.Unattached)
				}
				if name == "sata-sed" && (len(dp.Ladder) == 0 || dp.Ladder[0].Then != wipe.ATASanitizeBlock && dp.Ladder[0].Then != wipe.ATASanitizeCrypto) {
					t.Errorf("%+v", dp.Ladder)
				}
			}
		})
	}
}

package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"handback.example/inspect"
	"handback.example/wipe"
)

// space is namespace id of one controller that has n.
func space(id uint32, n int) inspect.Drive {
	d := nvmeFull("N1")
	d.Path, d.Identity.Namespace, d.Identity.WWN = fmt.Sprintf("/dev/nvme0n%d", id), id, fmt.Sprintf("eui.%d", id)
	d.NVMe.Controller, d.NVMe.Namespaces.Value = "/dev/nvme0", n
	return d
}

func sanitized(dp wipe.DrivePlan) bool { return strings.Contains(techniques(dp), "sanitize") }

// A sanitize reaches every namespace: it is planned only where each of them is
// there, and may be erased.
func TestSiblings(t *testing.T) {
	alone := func(f func(d *inspect.Drive)) []inspect.Drive {
		return []inspect.Drive{change(space(1, 1), f)}
	}
	pair := func(f func(d *inspect.Drive)) []inspect.Drive {
		return []inspect.Drive{space(1, 2), change(space(2, 2), f)}
	}
	for name, c := range map[string]struct {
		drives   []inspect.Drive
		policy   Policy
		sanitize bool
		siblings []uint32
		says     string
	}{
		"alone":                 {drives: alone(func(*inspect.Drive) {}), sanitize: true},
		"alone, not attached":   {drives: alone(func(d *inspect.Drive) { d.NVMe.Unattached.Value = 2 }), sanitize: true, says: "2 namespaces that are not attached too"},
		"unattached unknown":    {drives: alone(func(d *inspect.Drive) { d.NVMe.Unattached.Known = false }), says: "could not be read"},
		"number unknown":        {drives: alone(func(d *inspect.Drive) { d.NVMe.Namespaces.Known = false }), says: "could not be read"},
		"one is not shown":      {drives: alone(func(d *inspect.Drive) { d.NVMe.Namespaces.Value = 2 }), says: "2 active namespaces, and 1"},
		"two":                   {drives: pair(func(*inspect.Drive) {}), sanitize: true, siblings: []uint32{2}, says: "namespace 2 too"},
		"three, out of order":   {drives: []inspect.Drive{space(1, 3), space(7, 3), space(2, 3)}, sanitize: true, siblings: []uint32{2, 7}},
		"the boot medium":       {drives: pair(func(d *inspect.Drive) { d.Boot = true }), says: "may not be erased"},
		"in use":                {drives: pair(func(d *inspect.Drive) { d.InUse = []string{"/ is mounted from it"} }), says: "may not be erased"},
		"with metadata":         {drives: pair(func(d *inspect.Drive) { d.NVMe.MetadataBytes.Value = 8 }), says: "may not be erased"},
		"says less":             {drives: pair(func(d *inspect.Drive) { d.NVMe.SANICAP.Known = false }), says: "may not be erased"},
		"was not asked":         {drives: pair(func(d *inspect.Drive) { d.NVMe = nil }), says: "may not be erased"},
		"forbidden":             {drives: pair(func(*inspect.Drive) {}), policy: Policy{Refuse: refuseSecond}, says: "may not be erased"},
		"not chosen":            {drives: pair(func(*inspect.Drive) {}), policy: Policy{Only: func(d inspect.Drive) bool { return d.Identity.Namespace == 1 }}, says: "may not be erased"},
		"another's namespace 2": {drives: []inspect.Drive{space(1, 1), change(space(2, 1), func(d *inspect.Drive) { d.Identity.Serial, d.NVMe.Controller, d.Boot = "N2", "/dev/nvme1", true })}, sanitize: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.policy
			p.Want, p.Fallback = wipe.LevelPurge, FallbackAsk
			dp := Make(&inspect.Report{Drives: c.drives}, p).Drives[0]
			if dp.Refusal != nil || sanitized(dp) != c.sanitize || !slices.Equal(dp.Siblings, c.siblings) {
				t.Fatalf("refusal %v, ladder %s, siblings %v", dp.Refusal, techniques(dp), dp.Siblings)
			}
			if w := strings.Join(dp.Warnings, "\n"); !strings.Contains(w, c.says) {
				t.Errorf("warnings %q do not say %q", w, c.says)
			}
			if !c.sanitize && (dp.Unattached != 0 || !strings.Contains(techniques(dp), "nvme-format-user-data")) {
				t.Errorf("unattached %d, ladder %s", dp.Unattached, techniques(dp))
			}
		})
	}
}

func refuseSecond(d inspect.Drive) *wipe.Refusal {
	if d.Identity.Namespace == 2 {
		return &wipe.Refusal{Code: "not-listed", Reason: "nobody gave leave", Do: "ask"}
	}
	return nil
}

// What a refusal takes from one namespace it takes from all, and the reason stands
// where the level is missed by it.
func TestRefusedNeighbourIsTheReason(t *testing.T) {
	drives := []inspect.Drive{space(1, 3), space(2, 3), change(space(3, 3), func(d *inspect.Drive) { d.InUse = []string{"swap"} })}
	for i, dp := range Make(&inspect.Report{Drives: drives}, Policy{Want: wipe.LevelPurge}).Drives {
		code := [...]string{"below-level", "below-level", "mounted"}[i]
		if dp.Refusal == nil || dp.Refusal.Code != code {
			t.Fatalf("drive %d: %+v", i, dp)
		}
		if code == "below-level" && !strings.Contains(dp.Refusal.Reason, "namespace") {
			t.Errorf("%q", dp.Refusal.Reason)
		}
	}
}

// An Opal revert reaches every namespace too.
func TestRevertHasSiblings(t *testing.T) {
	a, b := opal(space(1, 2), true), space(2, 2)
	dp := Make(&inspect.Report{Drives: []inspect.Drive{a, b}}, wantPurge).Drives[0]
	if !slices.Equal(dp.Siblings, []uint32{2}) || !strings.Contains(techniques(dp), "opal-psid-revert") {
		t.Errorf("siblings %v, ladder %s", dp.Siblings, techniques(dp))
	}
	b.InUse = []string{"swap"}
	if dp = Make(&inspect.Report{Drives: []inspect.Drive{a, b}}, wantPurge).Drives[0]; dp.Refusal == nil || dp.Refusal.Code != "locked" {
		t.Errorf("%+v", dp)
	}
}

func TestOnlyAndRefuse(t *testing.T) {
	a, b := ssd("A1"), ssd("B1")
	b.Path = "/dev/sdb"
	r := &inspect.Report{Drives: []inspect.Drive{a, b}, Unhandled: []inspect.Finding{{Code: "raid-mode"}}}
	p := Make(r, Policy{Want: wipe.LevelClear, Only: func(d inspect.Drive) bool { return d.Path == "/dev/sdb" }})
	if len(p.Drives) != 1 || p.Drives[0].Name != "B" || p.Drives[0].Refusal != nil || len(p.Refusals) != 0 {
		t.Errorf("%+v", p)
	}
	p = Make(r, Policy{Want: wipe.LevelClear, Refuse: func(d inspect.Drive) *wipe.Refusal { return &wipe.Refusal{Code: "no-leave"} }})
	if len(p.Drives) != 2 || p.Drives[0].Refusal == nil || p.Drives[0].Refusal.Code != "no-leave" || len(p.Refusals) != 1 {
		t.Errorf("%+v", p)
	}
}

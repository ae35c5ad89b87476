package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/inspect"
	"handback.example/inspect/survey"
	"handback.example/wipe"
	"handback.example/wipe/platform"
)

// Cleared is what became of removals from the machine itself, and what it keeps of its
// former owner now.
type Cleared struct {
	Done  []platform.Removed
	After []inspect.Residue
}

// platformTime bounds the removals: a firmware takes some tenths of a second for each.
const platformTime = time.Minute

// clearMachine removes, and looks again with the eyes that found it.
func clearMachine(ctx context.Context, list []wipe.Removal) Cleared {
	within, cancel := context.WithTimeout(ctx, platformTime)
	defer cancel()
	done := platform.Firmware{}.Remove(within, list)
	return Cleared{done, survey.Machine(ctx, survey.Options{BootPartGUIDs: ownPartitions}).Residue}
}

// clearPlatform removes what was agreed to. The list is the one that the consent on
// record names, not that of a plan made since: a power cut in the middle changes what
// is found, and not what was agreed.
func (e *Engine) clearPlatform() {
	list := evidence.Removals(agreedLeftovers(e.book.Records()))
	if len(list) == 0 || e.w.ClearPlatform == nil {
		return
	}
	c := e.w.ClearPlatform(e.ctx, list)
	p := evidence.Platform(c.Done, c.After)
	e.record(certs.Record{Kind: certs.KindPlatform, Platform: p})
	for _, r := range p.Residue {
		e.say("residue", r.Item+": "+r.State+": "+r.Evidence, "item", r.Item, "state", r.State, "why", r.Evidence)
	}
}

// agreedLeftovers by the last consent, unless what became of them is on record.
func agreedLeftovers(records []certs.Record) []certs.Leftover {
	for _, r := range slices.Backward(records) {
		switch r.Kind {
		case certs.KindPlatform:
			return nil
		case certs.KindConsent:
			return r.Consent.Leftovers
		}
	}
	return nil
}

// removalLines say how many of each kind are removed, in words; details name each.
func removalLines(list []wipe.Removal) (lines, details []string) {
	count := map[string]int{}
	for _, r := range list {
		count[r.Kind]++
		details = append(details, fmt.Sprintf("%s: '%s' (%s)", r.Item, r.What, shortName(r.Leftover)))
	}
	for _, k := range []struct{ kind, one, many string }{
		{inspect.LeftBootEntry, "boot entry of a former system", "boot entries of a former system"},
		{inspect.LeftVariable, "EFI variable of a former system", "EFI variables of a former system"},
		{inspect.LeftAssetTag, "asset tag in the firmware", "asset tags in the firmware"},
	} {
		switch n := count[k.kind]; {
		case n == 1:
			lines = append(lines, "1 "+k.one+": removed")
		case n > 1:
			lines = append(lines, fmt.Sprintf("%d %s: removed", n, k.many))
		}
	}
	return lines, details
}

// shortName is a variable's without its namespace, a GUID.
func shortName(l inspect.Leftover) string {
	const guid = len("-8be4df61-93ca-11d2-aa0d-00e098032b8c")
	if l.Kind == inspect.LeftAssetTag || len(l.Name) <= guid {
		return l.Name
	}
	return l.Name[:len(l.Name)-guid]
}

// residueLines are of what somebody must still deal with.
func residueLines(s certs.Summary) (lines []string) {
	for _, r := range s.Residue {
		if r.State == certs.ResidueUnresolved {
			lines = append(lines, r.Item+" not cleared: the certificate says what to do")
		}
	}
	return lines
}

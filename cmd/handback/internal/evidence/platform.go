package evidence

import (
	"fmt"
	"slices"
	"strings"

	"handback.example/certs"
	"handback.example/inspect"
	"handback.example/wipe"
	"handback.example/wipe/platform"
)

// Leftovers that are agreed to be removed, as a consent has them.
func Leftovers(list []wipe.Removal) (out []certs.Leftover) {
	for _, r := range list {
		out = append(out, certs.Leftover{Item: cut(r.Item), Kind: r.Kind, Name: r.Name, What: cut(r.What), SHA256: r.SHA256})
	}
	return out
}

// Removals of a consent's leftovers.
func Removals(list []certs.Leftover) (out []wipe.Removal) {
	for _, l := range list {
		out = append(out, wipe.Removal{Item: l.Item, Leftover: inspect.Leftover{Kind: l.Kind, Name: l.Name, What: l.What, SHA256: l.SHA256}})
	}
	return out
}

// Platform is what became of removals. An item is cleared only where each of its parts
// is gone and inspection, which found it, finds nothing of it any more.
func Platform(done []platform.Removed, after []inspect.Residue) *certs.Platform {
	p := &certs.Platform{}
	var items []string
	for _, d := range done {
		if !slices.Contains(items, d.Item) {
			items = append(items, d.Item)
		}
	}
	for _, item := range items {
		of := slices.DeleteFunc(slices.Clone(done), func(d platform.Removed) bool { return d.Item != item })
		is := inspect.Residue{State: inspect.ResidueUnknown, Evidence: "it could not be looked at again"}
		if n := slices.IndexFunc(after, func(r inspect.Residue) bool { return r.Item == item }); n >= 0 {
			is = after[n]
		}
		p.Residue = append(p.Residue, cleared(item, of, is))
	}
	return p
}

func cleared(item string, of []platform.Removed, is inspect.Residue) certs.Residue {
	var gone, kept []string
	for _, d := range of {
		if d.Gone {
			gone = append(gone, "'"+d.What+"'")
		} else {
			kept = append(kept, "'"+d.What+"' ("+d.Why+")")
		}
	}
	var parts []string
	if len(gone) > 0 {
		parts = append(parts, fmt.Sprintf("%d removed: %s", len(gone), first(gone)))
	}
	if len(kept) > 0 {
		parts = append(parts, "not removed: "+first(kept))
	}
	r := certs.Residue{Item: cut(item), State: certs.ResidueUnresolved, How: "its removal was tried, and it was looked for again",
		Evidence: cut(strings.Join(append(parts, "looked for again: "+is.Evidence), "; "))}
	switch {
	case len(kept) > 0:
	case is.State == inspect.ResidueAbsent:
		r.State, r.How = certs.ResidueCleared, "removed, and looked for again"
	case is.State == inspect.ResidueUnknown:
		r.State = certs.ResidueUnknown
	}
	return r
}

// first few of a list, for one sentence.
func first(list []string) string {
	const most = 8
	if n := len(list) - most; n > 0 {
		return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(list, ", ")
}

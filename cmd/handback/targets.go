package main

import (
	"fmt"
	"slices"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// chooseTargets finds the drives that may be erased by name: each must be there,
// must say a serial of its own, and that serial must have been given. One that
// doesn't fit stops them all: whoever mistyped one may have mistyped another.
func chooseTargets(r *inspect.Report, paths, serials []string, allowLoop bool) error {
	if err := keepOnly(r, paths, true); err != nil {
		return err
	}
	used := map[string]string{}
	for _, d := range r.Drives {
		serial := d.Identity.Serial
		switch {
		case isLoop(d) && !allowLoop:
			return fmt.Errorf("%s is a loop device: give --allow-loop if its backing file may be destroyed", d.Path)
		case serial == "":
			return fmt.Errorf("%s (%s) tells no serial: a drive that can't be named is not erased", d.Path, or(d.Identity.Model, "model unknown"))
		case used[serial] != "":
			return fmt.Errorf("%s and %s tell the same serial %s: take one out and erase them one by one", used[serial], d.Path, serial)
		case !slices.Contains(serials, serial):
			return fmt.Errorf("%s (%s) has another serial than the one given (%s): look at its label and at 'handback inspect'",
				d.Path, or(d.Identity.Model, "model unknown"), strings.Join(serials, ", "))
		}
		used[serial] = d.Path
	}
	for _, s := range serials {
		if used[s] == "" {
			return fmt.Errorf("no drive named has the serial %s: nothing was erased", s)
		}
	}
	return nil
}

func isLoop(d inspect.Drive) bool {
	return d.Provenance == drive.ProvenanceLoop || d.Identity.Bus == drive.BusLoop
}

package main

import (
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

// Every technique of the contract has words for people, each its own.
func TestTechniquesHaveWords(t *testing.T) {
	seen := map[string]wipe.TechniqueID{}
	for _, id := range techniques {
		w := certs.TechniqueWords(string(id), "")
		if w == string(id) || w == "" {
			t.Errorf("%s has no words", id)
		}
		if other, twice := seen[w]; twice {
			t.Errorf("%s and %s are both %q", id, other, w)
		}
		seen[w] = id
	}
}

// What is printed says which steps follow each other, what is restored first, and
// what else a sanitize takes along.
func TestPlanInWords(t *testing.T) {
	p := wipe.Plan{Schema: plan.Schema, Want: wipe.LevelPurge, Drives: []wipe.DrivePlan{{Name: "A", Path: "/dev/nvme0n1",
		Identity: drive.Identity{Model: "M", Serial: "S", Size: 512e9},
		Ladder: []wipe.Step{{Technique: wipe.OpalPSIDRevert, Then: wipe.NVMeSanitizeBlock, Level: wipe.LevelPurge, Standard: "IEEE 2883-2022", Reason: "the label opens it",
			Expect: 95 * time.Second, Shortfall: "its RPMB"}},
		Warnings: []string{"a sanitize erases the whole controller: namespace 2 too"}}}}
	var b strings.Builder
	if err := printPlan(&b, p, "digest"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Purge  opal-psid-revert + nvme-sanitize-block", "about 1m35s", "does not reach: its RPMB", "namespace 2 too", "ready",
		"1. opal-psid-revert + nvme-sanitize-block: Opal revert by the label's PSID, then NVMe sanitise, block erase, about 1m35s (Purge, IEEE 2883-2022); the label opens it"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"handback.example/inspect"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

var update = flag.Bool("update", false, "write testdata/captures/*.txt anew: look at the difference")

// TestLibrary takes every capture of testdata/captures through inspect and plan. What
// comes of it stands beside it; the plan's digest is the same each time.
func TestLibrary(t *testing.T) {
	all, err := filepath.Glob("../../testdata/captures/*.tar.gz")
	if err != nil || len(all) < 10 {
		t.Fatal(all, err)
	}
	for _, name := range all {
		t.Run(filepath.Base(name), func(t *testing.T) {
			got, digest := summary(t, name)
			if again, other := summary(t, name); got != again || digest != other {
				t.Errorf("%s and %s are plans of one capture", digest, other)
			}
			file := strings.TrimSuffix(name, ".tar.gz") + ".txt"
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s has changed ('-update' writes it anew):\n%s", file, got)
			}
		})
	}
}

// summary of what inspect and plan make of a capture.
func summary(t *testing.T, name string) (text, digest string) {
	t.Helper()
	r, err := source{from: name, withTPM: true, told: io.Discard}.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "machine: %s %s, %s\n", words(m.Maker), words(m.Model), words(m.Kind))
	fmt.Fprintf(&b, "processor: %s, cores %s, Windows 11 %s\n", words(r.CPU.Model), words(r.CPU.Cores), words(r.CPU.Windows11))
	fmt.Fprintf(&b, "memory: %s, modules %d; UEFI %s, Secure Boot %s; TPM %s\n", words(r.Memory.Bytes), len(r.Memory.Modules), words(r.Firmware.UEFI), words(r.Firmware.SecureBoot), tpmWords(r.TPM))
	fmt.Fprintf(&b, "battery %d, displays %d, graphics %d, network %d\n", len(r.Battery), len(r.Displays), len(r.GPU), len(r.Network))
	for _, left := range r.Residue {
		if left.State == inspect.ResiduePresent {
			fmt.Fprintf(&b, "residue: %s\n", left.Item)
		}
	}
	for _, u := range r.Unhandled {
		fmt.Fprintf(&b, "in the way: %s: %s\n", u.Code, u.Do)
	}
	p := plan.Make(r, plan.Policy{Want: wipe.LevelPurge})
	for _, d := range r.Drives {
		fmt.Fprintf(&b, "%s: %s, %s, %s, health %s, holds %s\n", d.Path, or(d.Identity.Model, "model unknown"), or(string(d.Identity.Bus), "bus unknown"),
			size(d.Identity.Size, 1e9, "GB"), words(d.Health.Verdict), or(strings.Join(d.Holds, ", "), "nothing known"))
		i := slices.IndexFunc(p.Drives, func(q wipe.DrivePlan) bool { return q.Path == d.Path })
		if i < 0 {
			continue
		}
		if q := p.Drives[i]; q.Refusal != nil {
			fmt.Fprintf(&b, "  refused: %s\n", q.Refusal.Code)
		} else {
			var steps []string
			for _, st := range q.Ladder {
				steps = append(steps, stepID(st)+" ("+levelWord(st.Level)+")")
			}
			fmt.Fprintf(&b, "  %s\n", strings.Join(steps, ", "))
		}
	}
	for _, r := range p.Refusals {
		fmt.Fprintf(&b, "whole machine refused: %s: %s\n", r.Code, r.Do)
	}
	return b.String(), plan.Digest(p)
}

// The capture of a machine that hides an NVMe drive behind its SATA controller: the
// drive that shows can be erased, and the whole machine is refused with what to do.
func TestRemappedNVMe(t *testing.T) {
	var out strings.Builder
	if code := run([]string{"handback", "plan", "--json", "--from", "../../testdata/captures/remapped-nvme.tar.gz"}, &out, io.Discard); code != 3 {
		t.Errorf("exit code %d", code)
	}
	var got struct {
		Verdict string
		Plan    wipe.Plan
	}
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Verdict != "refused" || !slices.ContainsFunc(got.Plan.Refusals, func(r wipe.Refusal) bool {
		return r.Code == "remapped-nvme" && strings.Contains(r.Reason, "hides NVMe drives (1)") && strings.Contains(r.Do, "switch storage from RAID to AHCI in the firmware's setup, then start again")
	}) {
		t.Errorf("%+v", got.Plan.Refusals)
	}
	if len(got.Plan.Drives) != 1 || got.Plan.Drives[0].Refusal != nil || len(got.Plan.Drives[0].Ladder) == 0 {
		t.Errorf("%+v", got.Plan.Drives)
	}
}

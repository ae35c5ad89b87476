package evidence_test

import (
	"slices"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/grade"
	"handback.example/inspect"
)

func summary(kind string, more ...certs.Record) certs.Summary {
	f := certstest.Facts(certstest.Drive(0))
	f.Facts.Machine.Kind = kind
	return certs.Summarise(append([]certs.Record{certstest.Intake(), f}, more...))
}

func TestDisposition(t *testing.T) {
	partner := certstest.Partner()
	for _, route := range []grade.Route{grade.Redeploy, grade.Remanufacture, grade.Donate} {
		d := evidence.Disposition(grade.Decision{Route: route}, summary("laptop"), partner)
		if d.Status != certs.StatusEEE || len(d.Waste) != 0 || d.Partner.Name != partner.Name || d.Hierarchy == "" {
			t.Errorf("%s: %+v", route, d)
		}
	}
	d := evidence.Disposition(grade.Decision{Route: grade.Recycle, Why: "condition C1"}, summary("laptop"), partner)
	if d.Status != certs.StatusWEEE || d.WeightGrams != 1650 || d.WeightEstimated != certs.Yes || !strings.Contains(d.WeightSource, "407 laptops") ||
		!strings.Contains(d.Hierarchy, "condition C1") {
		t.Errorf("recycled laptop: %+v", d)
	}
	if w := d.Waste; len(w) != 1 || w[0].LoW != "16 02 13*" || w[0].Hazardous != certs.Yes || w[0].Grams != 1650 || w[0].Description != "discarded computer (laptop), screen, battery; taken as hazardous until it is assessed" {
		t.Errorf("waste of a laptop: %+v", w)
	}
	// What the machine is, is not known: neither is its weight.
	d = evidence.Disposition(grade.Decision{Route: grade.Recycle}, summary(""), certs.Party{})
	if d.WeightGrams != 0 || d.WeightEstimated != "" || d.WeightSource != "" || d.Waste[0].Grams != 0 || d.Waste[0].Estimated != "" || d.Waste[0].Hazardous != certs.Yes {
		t.Errorf("a machine of no known kind: %+v", d)
	}
	bare := summary("desktop")
	bare.Facts.Battery = nil
	if d = evidence.Disposition(grade.Decision{Route: grade.Recycle}, bare, certs.Party{}); d.Waste[0].Description != "discarded computer (desktop); taken as hazardous until it is assessed" {
		t.Errorf("a desktop: %q", d.Waste[0].Description)
	}
	if d := evidence.Disposition(grade.Decision{Route: grade.Hold}, summary("laptop"), certs.Party{}); d.Status != "" || len(d.Waste) != 0 || d.Hierarchy != "" {
		t.Errorf("held: %+v", d)
	}
	gone := certs.Record{Kind: certs.KindRemoved, Removed: &certs.Removed{Drive: certstest.Drive(1).Ref(), Seal: "SEAL-77", By: "op17", Why: "to be destroyed"}}
	if d := evidence.Disposition(grade.Decision{Route: grade.Donate}, summary("laptop", gone), certs.Party{}); !slices.Equal(d.Removed, []string{"drive TOSHIBA MQ04ABF100, serial Y9E4P001T, seal SEAL-77"}) {
		t.Errorf("removed: %q", d.Removed)
	}
}

func TestFind(t *testing.T) {
	a, b := inspect.Drive{Path: "/dev/sda", Identity: sataIdentity}, inspect.Drive{Path: "/dev/nvme0n1", Identity: nvmeIdentity}
	if d := evidence.Find([]inspect.Drive{a, b}, nvmeIdentity); d.Path != "/dev/nvme0n1" {
		t.Errorf("found %q", d.Path)
	}
	if d := evidence.Find([]inspect.Drive{b, b}, nvmeIdentity); d.Path != "" {
		t.Errorf("of two that answer alike, %q was taken", d.Path)
	}
	other := nvmeIdentity
	other.Serial = "S4EVNX0M7654321"
	if d := evidence.Find([]inspect.Drive{a, b}, other); d.Path != "" {
		t.Errorf("another drive was taken: %q", d.Path)
	}
}

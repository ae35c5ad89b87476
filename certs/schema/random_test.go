package schema_test

import (
	"encoding/base64"
	"flag"
	"fmt"
	"image"
	"image/png"
	"reflect"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"handback.example/certs"
)

// The places of a record are many: rapid's hundred cases would miss most of them.
func init() {
	if err := flag.Set("rapid.checks", "400"); err != nil {
		panic(err)
	}
}

const most = 1<<53 - 1

// words that a field may hold, where it may not hold any.
var words = map[string][]string{
	"Intake.Source": append([]string{""}, certs.Sources...), "Intake.Classification": {"", certs.Official, certs.AboveOfficial},
	"Facts.TPM": {"", "present", "absent", certs.Unknown}, "Facts.LookedForOthers": {"", certs.Yes, certs.No, certs.Unknown},
	"Machine.SecureBoot": {"", certs.On, certs.Off, certs.Unknown}, "Machine.Hypervisor": {"", certs.Yes, certs.No, certs.Unknown},
	"Drive.Damaged": {"", certs.Yes, certs.No, certs.Unknown},
	"Residue.State": {certs.ResidueCleared, certs.ResidueAbsent, certs.ResiduePresent, certs.ResidueUnknown, certs.ResidueUnresolved},
	"Consent.Scope": {certs.ScopeMachine, certs.ScopeNamed}, "Consent.Want": {"clear", "purge"},
	"Finished.Verdict":    {"sanitised", "failed", "interrupted", "unverified", "refused"},
	"Finished.Evidence":   {"", certs.EvidenceMeasured, certs.EvidenceSampled, certs.EvidenceCanaries, certs.EvidenceDeviceClaims},
	"Attempt.Verdict":     {"failed", "interrupted", "unverified", "refused"},
	"Verification.Result": {"", certs.Passed, certs.NotPassed, certs.NotDone}, "Verification.Fraction": {"", "0.0001", "1"}, "Verification.Confidence": {"", "0.999"},
	"TPM.Result":     {certs.TPMCleared, certs.TPMNotCleared, certs.TPMPending, certs.TPMNotPresent, certs.TPMUnknown},
	"TPM.SRKChanged": {"", certs.Yes, certs.No, certs.Unknown}, "TPM.EKKept": {"", certs.Yes, certs.No, certs.Unknown},
	"Tested.Kind": {certs.TestAutomatic, certs.TestOperator}, "Tested.Result": {certs.TestPass, certs.TestFail, certs.TestNotPresent, certs.TestNotTested},
	"Graded.Route": certs.Routes, "Overruled.Route": certs.Routes,
	"Disposition.Status": {"", certs.StatusEEE, certs.StatusWEEE}, "Disposition.WeightEstimated": {"", certs.Yes, certs.No},
	"Waste.LoW": {"", "16 02 14", "16 02 13*"}, "Waste.Hazardous": {"", certs.Yes, certs.No}, "Waste.Estimated": {"", certs.Yes, certs.No},
	"Outcome.Kind":       {certs.OutcomeReused, certs.OutcomeRefurbished, certs.OutcomeRecycled, certs.OutcomeRecovered, certs.OutcomeLandfilled},
	"Validated.Decision": {certs.Accepted, certs.Rejected, certs.Awaiting},
	"Time.Source":        {certs.SourceRTC, certs.SourceHub}, "Time.Wall": {"2026-11-24T09:30:00Z", "2028-02-29T23:59:59Z"},
	"Letterhead.Logo": {"", logo()},
}

// least is the smallest number that a field may hold, where that isn't any.
var least = map[string]int64{"Intake.DIAL": 0, "Time.Uptime": 0, "State.NativeBytes": 0, "State.Remapped": -1, "State.Pending": -1, "Waste.Grams": 0, "Outcome.Grams": 0,
	"Disposition.WeightGrams": 0, "Transferred.WeightGrams": 0, "Received.WeightGrams": 0}

// named are texts that may not be empty, wherever they stand.
var named = []string{"Intake.Operator", "Residue.Item", "Leftover.Item", "Leftover.Name", "Paper.Name", "Corrected.By", "Corrected.Why"}

func logo() string {
	var b strings.Builder
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString([]byte(b.String()))
}

// record of any kind, of values that have never been seen together.
func record(t *rapid.T) certs.Record {
	kind := rapid.SampledFrom(certs.Kinds).Draw(t, "kind")
	stick := rapid.StringMatching(`[A-Z0-9]{1,12}`).Draw(t, "stick")
	r := certs.Record{Schema: certs.Schema, Kind: kind, Stick: stick, Visit: stick + rapid.StringMatching(`-([0-9]{6}|[1-9][0-9]{6,8})`).Draw(t, "visit"), Seq: 1}
	fill(t, reflect.ValueOf(&r.At).Elem(), "Record.At")
	if kind != certs.KindIntake {
		r.Seq, r.Prev = rapid.IntRange(2, most).Draw(t, "seq"), hash(t)
	}
	v := reflect.ValueOf(&r).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == strings.ToLower(string(kind)) {
			v.Field(i).Set(reflect.New(v.Field(i).Type().Elem()))
			fill(t, v.Field(i).Elem(), "Record."+v.Type().Field(i).Name)
		}
	}
	return right(t, r)
}

// right mends what no field can know alone.
func right(t *rapid.T, r certs.Record) certs.Record {
	some := rapid.StringN(1, 12, -1)
	switch r.Kind {
	case certs.KindIntake:
		r.Intake.Previous = rapid.SampledFrom([]string{"", hash(t)}).Draw(t, "previous")
	case certs.KindValidated:
		r.Validated.By = some.Draw(t, "by")
	case certs.KindTransferred:
		r.Transferred.To.Name = some.Draw(t, "to")
	case certs.KindReceived:
		seen := map[string]bool{}
		r.Received.Outcomes = slices.DeleteFunc(r.Received.Outcomes, func(o certs.Outcome) bool {
			again := seen[o.Kind]
			seen[o.Kind] = true
			return again
		})
	case certs.KindCorrected:
		c := r.Corrected
		pair := rapid.SampledFrom([][3]string{{"tag", "A", "B"}, {"dial", "0", "3"}, {"source", "post", "desk"}, {"place", "", "Leeds"}, {"operator", "op1", "op2"}, {"seal", "7", ""}, {"organisation", "a", "b"}}).Draw(t, "field")
		c.Field, c.Was, c.Is = pair[0], pair[1], pair[2]
	}
	return r
}

func hash(t *rapid.T) string { return rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "hash") }

func fill(t *rapid.T, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Name()+"."+v.Type().Field(i).Name)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 3).Draw(t, path), 3))
		for i := range v.Len() {
			fill(t, v.Index(i), path)
		}
	case reflect.String:
		v.SetString(text(t, v.Type(), path))
	case reflect.Int, reflect.Int64:
		low, ok := least[path]
		if !ok {
			low = -most
		}
		high := int64(most)
		if path == "Intake.DIAL" {
			high = 3
		}
		v.SetInt(rapid.Int64Range(low, high).Draw(t, path))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, path))
	default:
		panic(fmt.Sprintf("%s is a %s: say here what it may hold", path, v.Kind()))
	}
}

func text(t *rapid.T, of reflect.Type, path string) string {
	switch {
	case words[path] != nil:
		return rapid.SampledFrom(words[path]).Draw(t, path)
	case of == reflect.TypeFor[certs.Level]():
		return rapid.SampledFrom([]string{"", "none", "clear", "purge"}).Draw(t, path)
	case path == "Paper.SHA256":
		return hash(t)
	}
	low := 0
	if slices.Contains(named, path) {
		low = 1
	}
	return rapid.StringN(low, 12, -1).Draw(t, path)
}

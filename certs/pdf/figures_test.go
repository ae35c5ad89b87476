package pdf_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/sign"
)

// notShown are the fields of records that stand on a paper in other words than their
// own, or on none, each with its reason. All others must stand there as they are.
var notShown = map[string]string{
	"schema": "names the form of the record", "prev": "the chain, which the verifier checks", "previous": "the chain of the stick's visits",
	"wall": "in words, with the zone", "started_at": "in words, with the zone", "finished_at": "in words, with the zone",
	"duration_ns": "in whole units", "elapsed_ns": "in whole units",
	"raw_model": "the same as the model, in hex", "raw_serial": "the same as the serial, in hex", "raw_firmware": "the same as the firmware, in hex",
	"scope": "in words", "looked_for_others": "in words: what was not looked for is an exception", "tpm": "in words", "state": "in words", "status": "a disposition's is in words; a command's is tested below",
	"question": "its words are 'ask'", "holds": "for the operator's check alone", "code": "for programs", "logo": "drawn", "field": "in words", "estimated": "in words", "weight_estimated": "in words", "damaged": "in words",
	"seed": "stands beside the figures of a sample only",
}

// Every figure and every text of the records stands on the papers of their visit.
func TestEveryFigure(t *testing.T) {
	stick, hub := certstest.Keys(sign.Production)
	closed := certstest.Closed(stick, hub)
	for name, papers := range map[string][]form{
		"sanitised": {{paper.Erasure, certstest.Sanitised(stick, 3), stick}, {paper.Disposal, certstest.Sanitised(stick, 3), stick}},
		"failed":    {{paper.Erasure, certstest.Failed(stick), stick}, {paper.Hold, certstest.Failed(stick), stick}},
		"closed":    {{paper.Erasure, closed, hub}, {paper.Disposal, closed, hub}},
		"purged":    {{paper.Erasure, certstest.Purged(stick), stick}, {paper.Disposal, certstest.Purged(stick), stick}},
	} {
		var text strings.Builder
		for _, f := range papers {
			text.WriteString(read(t, make1(t, f)))
			text.WriteString(read(t, make1(t, f), "-layout")) // cells side by side in their lines
		}
		got := tight(text.String())
		records, err := certs.Records(papers[0].visit.Envelopes())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			d := json.NewDecoder(strings.NewReader(string(b)))
			d.UseNumber()
			var v any
			if err := d.Decode(&v); err != nil {
				t.Fatal(err)
			}
			leaves("", v, func(path, key, value string) {
				if r.Kind == certs.KindTested && key == "uptime" {
					return // tests that follow each other share a row
				}
				if _, ok := notShown[key]; ok || value == "" || value == "0" || value == "-1" || name == "failed" && strings.Contains(path, "disposition") {
					return // what stands for 'none' or 'unknown' is in words; on HOLD nothing is disposed of yet
				}
				for _, spelling := range []string{strings.TrimSuffix(value, "."), thousands(value)} {
					if strings.Contains(got, tight(spelling)) {
						return
					}
				}
				t.Errorf("%s: %s %s%s: %q stands on no paper", name, r.Kind, path, key, value)
			})
		}
	}
}

func tight(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }

func thousands(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// leaves of a JSON value.
func leaves(path string, v any, each func(path, key, value string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			switch e := e.(type) {
			case string:
				each(path, k, e)
			case json.Number:
				each(path, k, e.String())
			default:
				leaves(path+k+".", e, each)
			}
		}
	case []any:
		for i, e := range v {
			if s, ok := e.(string); ok {
				each(path, fmt.Sprint(i), s)
				continue
			}
			leaves(fmt.Sprintf("%s%d.", path, i), e, each)
		}
	}
}

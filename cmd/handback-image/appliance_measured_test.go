package main

import (
	"strings"

	"handback.example/certs"
)

// measured: what the machine found out by itself beside the erasure stands in its
// records, from real processes in it. A drive's own test may have had no time.
func (l *laptop) measured(v taken) {
	l.t.Helper()
	got := map[string]certs.Tested{}
	for _, t := range v.summary.Tests {
		if t.Kind == certs.TestAutomatic {
			got[t.Question] = t
			l.t.Logf("%s: %s: %s", t.Question, t.Result, t.Evidence)
		}
	}
	for id, says := range map[string]string{"memory": "written and read back in 11 patterns and their inverses: no error", "processor": "every answer right (SHA-256, SHA-512, Lucas-Lehmer, matrices)"} {
		if t := got[id]; t.Result != certs.TestPass || !strings.Contains(t.Evidence, says) {
			l.t.Errorf("%s: %s: %s", id, t.Result, t.Evidence)
		}
	}
	for _, id := range []string{"battery-load", "drive-self-test"} {
		if t, had := got[id]; !had || t.Evidence == "" {
			l.t.Errorf("%s: %+v, %v", id, t, had)
		}
	}
}

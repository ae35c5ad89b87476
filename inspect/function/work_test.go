package function

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// A job that is not one test is refused, and says so before anything runs.
func TestWorkRefused(t *testing.T) {
	score, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.WriteFile("/proc/self/oom_score_adj", score, 0) }()
	for job, says := range map[string]string{"": "can't be read", "{": "can't be read", "{}": "not one test", `{"memory":{},"processor":{}}`: "not one test"} {
		var out bytes.Buffer
		if err := Work(t.Context(), job, &out); err == nil || !strings.Contains(err.Error(), says) || out.Len() > 0 {
			t.Errorf("%q: %v, %q", job, err, out.String())
		}
	}
}

// The words of results go there and back, and no other word does.
func TestResultWords(t *testing.T) {
	for r, word := range map[Result]string{NotTested: "not-tested", Pass: "pass", Fail: "fail", NotPresent: "not-present", 200: "not-tested"} {
		b, err := json.Marshal(r)
		if err != nil || string(b) != `"`+word+`"` {
			t.Errorf("%d: %s, %v", r, b, err)
		}
		var back Result
		if err := json.Unmarshal(b, &back); err != nil || back.String() != word {
			t.Errorf("%s: %v, %v", b, back, err)
		}
	}
	var r Result
	if err := json.Unmarshal([]byte(`"passed"`), &r); err == nil || r != NotTested {
		t.Errorf("%v, %v", r, err)
	}
}

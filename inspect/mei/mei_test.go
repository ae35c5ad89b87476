package mei

import (
	"context"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// script answers one request, which must be the bytes of Intel's client.
type script struct {
	t      *testing.T
	answer string
	err    error
}

func (s script) Exchange(request []byte) ([]byte, error) {
	if got := hex.EncodeToString(request); got != "010100006b00000400000000" {
		s.t.Errorf("asked %s", got)
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s.answer, " ", ""))
	if err != nil {
		s.t.Fatal(err)
	}
	return b, s.err
}

func TestControlMode(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		mode   Mode
		words  string // of the error
	}{
		"nobody":           {"01010000 6b008004 08000000 00000000 00000000", Unprovisioned, ""},
		"client":           {"01010000 6b008004 08000000 00000000 01000000", ClientControl, ""},
		"administrator":    {"01010000 6b008004 08000000 00000000 02000000", AdminControl, ""},
		"a mode to come":   {"01010000 6b008004 08000000 00000000 07000000", Unknown, "mode 7"},
		"refused":          {"01010000 6b008004 04000000 10000000", Unknown, "status 16"},
		"refused, longer":  {"01010000 6b008004 08000000 01000000 00000000", Unknown, "status 1"},
		"another answer":   {"01010000 5c008004 08000000 00000000 00000000", Unknown, "no answer"},
		"nothing":          {"", Unknown, "no answer"},
		"cut short":        {"01010000 6b008004 08000000 00000000 00", Unknown, "cut short"},
		"says it is short": {"01010000 6b008004 04000000 00000000 00000000", Unknown, "cut short"},
	} {
		mode, err := ControlMode(script{t, c.answer, nil})
		if mode != c.mode || (err != nil) != (c.words != "") || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %d, %v", name, mode, err)
		}
	}
	broken := errors.New("broken")
	if mode, err := ControlMode(script{t, "", broken}); mode != Unknown || !errors.Is(err, broken) {
		t.Errorf("%d, %v", mode, err)
	}
}

// What is no management engine is told apart from one that has no AMT.
func TestOpen(t *testing.T) {
	if _, err := open(filepath.Join(t.TempDir(), "mei0")); !errors.Is(err, ErrNoDevice) {
		t.Errorf("without a device: %v", err)
	}
	if _, err := open("/dev/null"); !errors.Is(err, ErrNoAMT) { // it knows no such call: ENOTTY
		t.Errorf("a device without the client: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if mode, err := Ask(ctx); mode != Unknown || err == nil {
		t.Errorf("without time: %d, %v", mode, err)
	}
}

func FuzzControlMode(f *testing.F) {
	for _, seed := range []string{"010100006b008004080000000000000002000000", "010100006b0080040400000010000000", ""} {
		b, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if mode, err := parseControlMode(b); (mode == Unknown) != (err != nil) {
			t.Fatalf("%d, %v", mode, err)
		}
	})
}

package pdf

import (
	"encoding/hex"
	"math"
	"testing"
)

// The tone curve must not depend on how a machine rounds: no step lies near the
// middle between two values.
func TestCurveHasNoTies(t *testing.T) {
	for i := range 1024 {
		v := 65535 * linear(i, 1024)
		if d := math.Abs(v - math.Floor(v) - 0.5); d < 1e-6 {
			t.Errorf("step %d is %v: other machines may round it otherwise", i, v)
		}
	}
}

// Offsets and signatures of ICC.1:2001-04, 6.1: version, class, space,
// connection space, 'acsp'.
func TestProfileHeader(t *testing.T) {
	p := profile()
	want := "00000000021000006d6e74725247422058595a20"
	if got := hex.EncodeToString(p[4:24]); got != want {
		t.Errorf("header is %s, want %s", got, want)
	}
	if n := int(p[0])<<24 | int(p[1])<<16 | int(p[2])<<8 | int(p[3]); n != len(p) {
		t.Errorf("the profile says %d bytes and has %d", n, len(p))
	}
	if string(p[36:40]) != "acsp" {
		t.Error("no profile signature")
	}
}

func FuzzClean(f *testing.F) {
	f.Add("Tŷ \u202e \x00 \xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range clean(s) {
			if r < ' ' || r > 0xffff {
				t.Errorf("%q lets %U through", s, r)
			}
		}
	})
}

func FuzzLayoutObjects(f *testing.F) {
	f.Add([]byte("3 0 obj\n<</Type /Page>>\nendobj\n1 0 obj\n<<>>\nendobj\n2 0 obj\n<</Length 2>>\nstream\nab\nendstream\nendobj\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		objects, err := layoutObjects(b)
		if err == nil && len(objects) == 0 {
			t.Error("no object and no error")
		}
	})
}

package main

import (
	"encoding/binary"
	"math"
	"os"
	"strings"
	"testing"
)

// trySpeakers: a tone is played on each, and the driver is gone afterwards.
func (a *attended) trySpeakers() {
	a.t.Helper()
	a.begin("sound")
	a.line.sees("Listen: the low tone, on the left.")
	a.display.shot("sound")
	e := a.await(a.vm, "tried", "question=sound")
	if !strings.HasSuffix(e.Values["evidence"], ": 2 of 2 tones played") || e.Values["whole"] != "false" {
		a.t.Errorf("the test of the speakers ends with %v", e)
	}
	a.both("Do the left and the right speaker", "2 of 2 tones played")
}

// heardTones: what a machine played is the low tone on the left, then the high one on the
// right.
func heardTones(t *testing.T, wav string) {
	t.Helper()
	b, err := os.ReadFile(wav)
	if err != nil {
		t.Fatal(err)
	}
	const head = 44 // of a WAV with 16 bits a sample
	if len(b) < head || binary.LittleEndian.Uint16(b[22:]) != 2 || binary.LittleEndian.Uint16(b[34:]) != 16 {
		t.Fatalf("%s has %d bytes and no two channels of 16 bits", wav, len(b))
	}
	rate := float64(binary.LittleEndian.Uint32(b[24:]))
	part := int(rate / 20)
	last := [2]int{-1, -1}
	first := [2]int{-1, -1}
	for n := 0; head+(n+1)*part*4 <= len(b); n++ {
		frames := b[head+n*part*4 : head+(n+1)*part*4]
		for side, hz := range [2]float64{600, 900} {
			if strength(frames, side, hz, rate) < 0.1 {
				continue
			}
			if first[side] < 0 {
				first[side] = n
			}
			last[side] = n
			if other := strength(frames, 1-side, hz, rate); other > 0.02 {
				t.Errorf("the tone of side %d is on the other one, too, with %.3f at %d", side, other, n)
			}
		}
	}
	if first[0] < 0 || first[1] < 0 || last[0]-first[0] < 20 || last[1]-first[1] < 20 || first[1] < last[0] {
		t.Errorf("of %d parts of 50 ms the left tone is in %d to %d, the right one in %d to %d", (len(b)-head)/part/4, first[0], last[0], first[1], last[1])
	}
}

// strength of a frequency in one channel, as a share of full scale (Goertzel).
func strength(frames []byte, side int, hz, rate float64) float64 {
	n := len(frames) / 4
	c := 2 * math.Cos(2*math.Pi*hz/rate)
	var s1, s2 float64
	for i := range n {
		v := float64(int16(binary.LittleEndian.Uint16(frames[i*4+side*2:]))) / math.MaxInt16
		s1, s2 = v+c*s1-s2, s1
	}
	return 2 * math.Sqrt(max(0, s1*s1+s2*s2-c*s1*s2)) / float64(n)
}

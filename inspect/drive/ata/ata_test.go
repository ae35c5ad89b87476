package ata

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"handback.example/inspect/drive"
)

func bytesOf(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What hdparm 9.65 puts into SG_IO for the same questions, taken down from its ioctl.
// It sends READ NATIVE MAX ADDRESS with EXTEND, and IDENTIFY data questions with an
// obsolete bit in the device register: those are ours by SAT-4 clause 12.2.3.
func TestFrames(t *testing.T) {
	for name, c := range map[string]struct {
		command drive.Command
		want    string
		data    int
	}{
		"SANITIZE STATUS EXT":           {SanitizeStatusExt(), "85 07 20 00 00 00 00 00 00 00 00 00 00 40 b4 00", 0},
		"READ NATIVE MAX ADDRESS EXT":   {ReadNativeMaxExt(), "85 07 20 00 00 00 00 00 00 00 00 00 00 40 27 00", 0},
		"READ NATIVE MAX ADDRESS":       {ReadNativeMax(), "85 06 20 00 00 00 00 00 00 00 00 00 00 40 f8 00", 0},
		"GET NATIVE MAX ADDRESS EXT":    {GetNativeMaxExt(), "85 07 20 00 00 00 00 00 00 00 00 00 00 40 78 00", 0},
		"DEVICE CONFIGURATION IDENTIFY": {DCOIdentify(), "85 08 0e 00 c2 00 01 00 00 00 00 00 00 00 b1 00", 512},
	} {
		if got := c.command; hex.EncodeToString(got.Frame) != strings.ReplaceAll(c.want, " ", "") || len(got.Data) != c.data {
			t.Errorf("%s:\n% x, %d bytes\n%s", name, got.Frame, len(got.Data), c.want)
		}
		if _, err := drive.ReadOnly(nothing{}).Do(t.Context(), c.command); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type nothing struct{}

func (nothing) Do(context.Context, drive.Command) (drive.Completion, error) {
	return drive.Completion{}, nil
}

// Sense data as libata and other SAT layers send it: descriptor 09h with EXTEND, its
// registers at 3 (error), 4-5 (count), 6-11 (LBA 31:24, 7:0, 39:32, 15:8, 47:40,
// 23:16), 12 (device), 13 (status); or fixed format, SAT-4 clause 12.2.2.8.
func TestParseSanitize(t *testing.T) {
	for name, c := range map[string]struct {
		sense  string
		want   Sanitize
		reason SanitizeReason // with an error
		err    error
		bad    bool
	}{
		"never sanitized":       {sense: "72 01 00 1d 000000 0e 09 0c 01 00 0000 00 ff 00 ff 00 00 40 50"},
		"running, at a quarter": {sense: "72 01 00 1d 000000 0e 09 0c 01 00 4000 00 00 00 40 00 00 40 50", want: Sanitize{Running: true, Fraction: 0.25}},
		"running, one before it ended well": {sense: "72 01 00 1d 000000 0e 09 0c 01 00 c000 00 34 00 12 00 00 40 50",
			want: Sanitize{Done: true, Running: true, Fraction: float64(0x1234) / 65536}},
		"done":                         {sense: "72 01 00 1d 000000 0e 09 0c 01 00 8000 00 ff 00 ff 00 00 40 50", want: Sanitize{Done: true}},
		"frozen":                       {sense: "72 01 00 1d 000000 0e 09 0c 01 00 2000 00 ff 00 ff 00 00 40 50", want: Sanitize{Frozen: true}},
		"antifreeze":                   {sense: "72 01 00 1d 000000 0e 09 0c 01 00 1000 00 ff 00 ff 00 00 40 50", want: Sanitize{AntiFreeze: true}},
		"low count counts for nothing": {sense: "72 01 00 1d 000000 0e 09 0c 01 00 00ff 00 ff 00 ff 00 00 40 50"},
		"failed":                       {sense: "72 0b 00 00 000000 0e 09 0c 01 04 0000 00 01 00 00 00 00 40 51", reason: SanitizeReasonFailed, bad: true},
		"frozen, aborted":              {sense: "72 0b 00 00 000000 0e 09 0c 01 04 0000 00 03 00 00 00 00 40 51", reason: SanitizeReasonFrozen, bad: true},
		"failed, fixed":                {sense: "70 00 0b 04 51 40 00 0a 80 01 00 00 00 00 00000000", reason: SanitizeReasonFailed, bad: true},
		"fault":                        {sense: "72 04 44 00 000000 0e 09 0c 01 00 0000 00 00 00 00 00 00 40 70", bad: true},
		"running, fixed: cut":          {sense: "70 00 01 00 50 40 00 0a c0 34 12 00 00 1d 00000000", err: ErrCut, bad: true},
		"without EXTEND":               {sense: "72 01 00 1d 000000 0e 09 0c 00 00 0000 00 ff 00 ff 00 00 40 50", err: ErrCut, bad: true},
		"nothing":                      {sense: "", err: ErrNoRegisters, bad: true},
		"no registers":                 {sense: "72 05 20 00 000000 00", err: ErrNoRegisters, bad: true},
	} {
		got, err := ParseSanitize(bytesOf(t, c.sense))
		var refused *SanitizeError
		if got != c.want || (err != nil) != c.bad || c.err != nil && !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if c.reason != 0 && (!errors.As(err, &refused) || refused.Reason != c.reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func overlay(t testing.TB, words string, seal bool) []byte {
	b := make([]byte, 512)
	copy(b, bytesOf(t, words))
	if seal {
		b[510] = 0xa5
		for _, c := range b[:511] {
			b[511] -= c
		}
	}
	return b
}

// Revision, modes, and the last address 3a38602fh in words 3 to 6, lowest word first.
func TestParseOverlay(t *testing.T) {
	const real = "0200 0700 7f00 2f60383a00000000 9f03"
	for name, c := range map[string]struct {
		data []byte
		want uint64
	}{
		"sealed":         {overlay(t, real, true), 0x3a38602f},
		"without a seal": {overlay(t, real, false), 0x3a38602f},
		"all six bytes":  {overlay(t, "0200 0700 7f00 060504030201 0000", true), 0x010203040506},
		"cut":            {overlay(t, real, true)[:511], 0},
		"zeros":          {make([]byte, 512), 0},
		"ones":           {overlay(t, strings.Repeat("ff", 510), false), 0},
		"beyond 48 bits": {overlay(t, "0200 0700 7f00 ffffffffffff0000", true), 0},
	} {
		got, err := ParseOverlay(c.data)
		if got != c.want || (err == nil) != (c.want != 0) || err != nil && !errors.Is(err, ErrNotOverlay) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
	broken := overlay(t, real, true)
	broken[9] ^= 1
	if got, err := ParseOverlay(broken); err == nil {
		t.Errorf("a wrong checksum gives %x", got)
	}
}

// Bits 27:24 of a 28-bit answer stand in the device register: 4Ah, 12h, 34h, 56h.
func TestLBA28(t *testing.T) {
	r, err := ParseRegisters(bytesOf(t, "72 01 00 1d 000000 0e 09 0c 00 00 0000 00 56 00 34 00 12 4a 50"))
	if err != nil || r.LBA28() != 0x0a123456 {
		t.Errorf("%x, %v", r.LBA28(), err)
	}
}

func FuzzParseSanitize(f *testing.F) {
	for _, s := range []string{"", "72 01 00 1d 000000 0e 09 0c 01 00 4000 00 00 00 40 00 00 40 50", "70 00 0b 04 51 40 00 0a 80 01 00 00 00 00 00000000",
		"72 0b 00 00 000000 ff 09 0c 01 04", "72 01 00 1d 000000 0e 09 00 09 0c 01 00 8000 00 ff 00 ff 00 00 40 50"} {
		f.Add(bytesOf(f, s))
	}
	f.Fuzz(func(t *testing.T, sense []byte) {
		s, err := ParseSanitize(sense)
		if err != nil && s != (Sanitize{}) {
			t.Errorf("%+v with %v", s, err)
		}
		if s.Fraction < 0 || s.Fraction >= 1 || s.Fraction > 0 && !s.Running {
			t.Errorf("%+v", s)
		}
	})
}

func FuzzParseOverlay(f *testing.F) {
	f.Add(overlay(f, "0200 0700 7f00 2f60383a00000000 9f03", true))
	f.Add(overlay(f, strings.Repeat("ff", 510), true))
	f.Add([]byte{2, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		last, err := ParseOverlay(b)
		if err == nil && (last == 0 || last >= 1<<48-1) || err != nil && last != 0 {
			t.Errorf("%x, %v", last, err)
		}
	})
}

func FuzzParseIdentify(f *testing.F) {
	b := make([]byte, 512)
	copy(b[20:], "ESIRLA")
	f.Add(b)
	f.Add(make([]byte, 512))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := ParseIdentify(b)
		if err != nil {
			return
		}
		if id.Bytes() < 0 {
			t.Errorf("%d bytes", id.Bytes())
		}
		for _, w := range []Time{id.Erase, id.EraseEnhanced} {
			if took, known := w.Known(); took < 0 || known && took == 0 {
				t.Errorf("%04x: %s, %t", uint16(w), took, known)
			}
		}
	})
}

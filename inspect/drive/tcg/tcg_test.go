package tcg

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim/opal"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What sg3-utils ('sg_raw', 'sg_sat_...') and nvme-cli ('nvme security-recv -p 1 -s 1
// -x 2048') put on the wire for level 0 discovery, field by field of SAT-4, SPC-5 and
// Base 2.0.
func TestFrames(t *testing.T) {
	for name, c := range map[string]struct {
		command drive.Command
		want    string
	}{
		"ATA":  {DiscoveryATA(), "85 08 0e 00 01 00 04 00 00 00 01 00 00 00 5c 00"},
		"SCSI": {DiscoverySCSI(), "a2 01 00 01 00 00 00 00 08 00 00 00"},
		"NVMe": {DiscoveryNVMe(), "82000000 00000000" + strings.Repeat("00", 32) + "00010001 00080000" + strings.Repeat("00", 16)},
	} {
		if got := hex.EncodeToString(c.command.Frame); got != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%s: %s", name, got)
		}
		if c.command.Direction != drive.DirectionIn || len(c.command.Data) != 2048 {
			t.Errorf("%s: %+v", name, c.command)
		}
		passed := false
		if _, err := drive.ReadOnly(transport(func() { passed = true })).Do(t.Context(), c.command); err != nil || !passed {
			t.Errorf("%s: the filter of what changes nothing stops it: %v", name, err)
		}
	}
}

type transport func()

func (f transport) Do(context.Context, drive.Command) (drive.Completion, error) {
	f()
	return drive.Completion{}, nil
}

const zeros = "0000000000000000000000000000000000000000"

// header of a discovery of n bytes altogether, with revision 0.1.
func header(n string) string { return n + "00000001" + zeros + zeros }

// By the bits of Core 3.3.6, Opal 3.1.1 and the feature sets; each field is another.
func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		hex  string
		want Discovery
	}{
		"nothing in it": {header("0000002c"), Discovery{}},
		"Opal 2, activated and locked": {header("00000070") +
			"0001100c 11000000 00000000 00000000" + "0002100c 0f000000 00000000 00000000" +
			"02031010 12340001 00000400 08000000 00000000" + "0402100c 03000000 00000000 00000000",
			Discovery{SSC: "Opal 2", ComID: 0x1234, Reverts: true, Locking: true, Enabled: true, Locked: true, Encrypts: true, BlockSID: true, Owned: true, SIDBlocked: true}},
		"Pyrite 2, its MBR shadowed": {header("00000050") + "0002100c 13000000 00000000 00000000" + "03031010 07fe0001 00000400 08000000 00000000",
			Discovery{SSC: "Pyrite 2", ComID: 0x07fe, Reverts: true, Locking: true, Enabled: true, MBREnabled: true}},
		"its MBR done": {header("0000003c") + "0002100c 39000000 00000000 00000000",
			Discovery{Locking: true, Encrypts: true, MBREnabled: true, MBRDone: true}},
		"Enterprise": {header("00000040") + "01001010 07fe0001 00000000 00000000 00000000", Discovery{SSC: "Enterprise", ComID: 0x07fe}},
		"Opal 1 and 2, in that order": {header("00000048") + "02001004 10010001" + "02031008 20020001 00000000" + "03021004 30030001",
			Discovery{SSC: "Opal 2", ComID: 0x2002, Reverts: true}},
		"Opal 2 and 1, in that order": {header("0000003c") + "02031004 20020001" + "02001004 10010001", Discovery{SSC: "Opal 2", ComID: 0x2002, Reverts: true}},
		"of its maker":                {header("00000034") + "c0011004 ffffffff", Discovery{}},
		"owned, not blocked":          {header("00000031") + "04021001 01", Discovery{BlockSID: true, Owned: true}},
	} {
		got, err := ParseDiscovery(append(unhex(t, c.hex), make([]byte, 100)...))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v (%v)", name, got, err)
		}
	}
	if d := (Discovery{MBREnabled: true}); !d.Shadowed() {
		t.Error("a shadow MBR that is not done is shown")
	}
	if d := (Discovery{MBREnabled: true, MBRDone: true}); d.Shadowed() {
		t.Error("a shadow MBR that is done is not shown")
	}
}

// What is cut short says nothing at all.
func TestParseRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":                  "",
		"zeros":                    zeros + zeros + zeros,
		"47 bytes":                 header("0000002b")[:94],
		"says 47":                  header("0000002b"),
		"longer than what came":    header("0000002d"),
		"length overflows":         header("ffffffff"),
		"half a feature header":    header("0000002e") + "0002",
		"a feature cut off":        header("00000030") + "0002100c",
		"a locking of no length":   header("00000030") + "00021000",
		"a block SID of none":      header("00000030") + "04021000",
		"an SSC without a ComID":   header("00000032") + "02031002 07fe",
		"second SSC, lower, short": header("0000003a") + "02001002 07fe" + "02031004 07fe0001",
	} {
		if d, err := ParseDiscovery(unhex(t, s)); !errors.Is(err, ErrNotDiscovery) || d != (Discovery{}) {
			t.Errorf("%s: %+v (%v)", name, d, err)
		}
	}
}

// The model's own discovery, which it lays out by itself.
func TestModel(t *testing.T) {
	x, err := opal.New(opal.Config{MSID: "m", SID: "s", Activated: true, Locked: true, SIDBlocked: true, ComID: 0x0abc})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := x.Receive(Protocol, ComIDDiscovery, 2048)
	d, err := ParseDiscovery(b)
	want := Discovery{SSC: "Opal 2", ComID: 0x0abc, Reverts: true, Locking: true, Enabled: true, Locked: true, Encrypts: true, BlockSID: true, Owned: true, SIDBlocked: true}
	if err != nil || d != want {
		t.Errorf("%+v (%v)", d, err)
	}
}

func FuzzParseDiscovery(f *testing.F) {
	x, err := opal.New(opal.Config{MSID: "m", Activated: true})
	if err != nil {
		f.Fatal(err)
	}
	b, _ := x.Receive(Protocol, ComIDDiscovery, 2048)
	f.Add(b)
	f.Add(unhex(f, header("0000003c")+"02031004 20020001"+"02001004 10010001"))
	f.Add(unhex(f, header("ffffffff")))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDiscovery(b)
		if err != nil && d != (Discovery{}) {
			t.Fatalf("%+v with %v", d, err)
		}
		if err == nil && (d.SSC == "") != (d.ComID == 0) && d.ComID != 0 {
			t.Fatalf("%+v", d)
		}
	})
}

func TestParsePSID(t *testing.T) {
	const psid = "ABCDEFGHJKLMNPQRSTUVWXYZ01234567"
	for _, s := range []string{psid, " " + psid + "\r\n", "ABCD-EFGH-JKLM-NPQR-STUV-WXYZ-0123-4567", "ABCDEFGH JKLMNPQR STUVWXYZ 01234567", "PSID: " + psid, "PSID=" + psid} {
		if got, err := ParsePSID(s); err != nil || got != psid {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", psid[:31], psid + "8", "PSID" + psid, "SN: " + psid, strings.Repeat("é", 16), psid[:31] + "_", psid[:31] + "\x00"} {
		if got, err := ParsePSID(s); !errors.Is(err, ErrPSID) || got != "" {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
}

package sat_test

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/sat"
)

const sectors = 4096

// rig is a drive behind the layer.
type rig struct {
	*testing.T
	*sat.SAT
	clock *sim.Manual
}

func build(t *testing.T, c ata.Config, s sat.Config, faults ...sim.Fault) *rig {
	t.Helper()
	r := &rig{T: t, clock: sim.NewManual()}
	c.Clock, c.Script = r.clock, sim.NewScript(faults...)
	if c.NativeSectors == 0 {
		c.NativeSectors = sectors
	}
	if c.Serial == "" {
		c.Serial = "SAT0001"
	}
	d, err := ata.New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.SAT = sat.New(d, s)
	return r
}

func raw(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// send runs a CDB of hex; no answer fails the test.
func (r *rig) send(cdb string, out []byte, in int) sim.SCSIReply {
	r.Helper()
	reply, err := r.SCSI(context.Background(), sim.SCSIRequest{CDB: raw(r.T, cdb), Out: out, In: in})
	if err != nil {
		r.Fatalf("%s: %v", cdb, err)
	}
	return reply
}

func (r *rig) good(cdb string, out []byte, in int) []byte {
	r.Helper()
	reply := r.send(cdb, out, in)
	if reply.Status != 0 {
		r.Fatalf("%s: status %02x, sense % x", cdb, reply.Status, reply.Sense)
	}
	return reply.In
}

// check runs a CDB that must end in CHECK CONDITION with this sense data.
func (r *rig) check(cdb string, out []byte, in int, want string) {
	r.Helper()
	reply := r.send(cdb, out, in)
	if got := hex.EncodeToString(reply.Sense); reply.Status != 2 || got != strings.ReplaceAll(want, " ", "") {
		r.Fatalf("%s: status %02x, sense %s, want %s", cdb, reply.Status, got, want)
	}
}

func TestReadWrite(t *testing.T) {
	r := build(t, ata.Config{}, sat.Config{})
	block := []byte(strings.Repeat("0123456789abcdef", 64)) // two blocks
	for _, c := range []struct{ write, read string }{
		{"0a 00 01 23 02 00", "08 00 01 23 02 00"},
		{"2a 00 00 00 01 30 00 00 02 00", "28 00 00 00 01 30 00 00 02 00"},
		{"aa 00 00 00 01 40 00 00 00 02 00 00", "a8 00 00 00 01 40 00 00 00 02 00 00"},
		{"8a 08 00 00 00 00 00 00 01 50 00 00 00 02 00 00", "88 00 00 00 00 00 00 00 01 50 00 00 00 02 00 00"},
	} {
		r.good(c.write, block, 0)
		if got := r.good(c.read, nil, 1024); string(got) != string(block) {
			t.Errorf("%s: %d bytes, not what was written", c.read, len(got))
		}
	}
	got := make([]byte, 16)
	if _, err := r.Media()[0].ReadAt(got, 0x123*512); err != nil || string(got) != "0123456789abcdef" {
		t.Errorf("on the medium: %q, %v", got, err)
	}
	r.good("2f 00 00 00 01 30 00 00 02 00", nil, 0)
	r.good("35 00 00 00 00 00 00 00 00 00", nil, 0)
	// LOGICAL BLOCK ADDRESS OUT OF RANGE, with the address in fixed format.
	r.check("28 00 00 00 10 00 00 00 01 00", nil, 512, "f0 00 05 00 00 10 00 0a 00 00 00 00 21 00 00 00 00 00")
}

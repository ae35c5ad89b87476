package nvme

import (
	"bytes"
	"context"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
)

// fuzzed is a drive with all that there is, and an owner's data on it.
func fuzzed(t testing.TB) *rig {
	c := everything()
	c.Unallocated = 64 << 10
	c.Boot.Bytes = 128 << 10
	c.LBAFormats = []LBAFormat{{LogicalBlock: 512}, {LogicalBlock: 4096}, {LogicalBlock: 512, Metadata: 8}}
	c.Protection = true
	c.Namespaces[0].Bytes, c.Namespaces[1].Bytes = 64<<10, 64<<10
	r := start(t, c)
	for _, m := range r.Media() {
		r.owner(m, "owner")
	}
	return r
}

// frames of a fuzzed input: up to eight submission queue entries.
func frames(b []byte) [][64]byte {
	var out [][64]byte
	for len(b) >= 64 && len(out) < 8 {
		out, b = append(out, [64]byte(b)), b[64:]
	}
	return out
}

// runs gives commands one after the other, with some time between. Whatever they
// are, an answer has no more data than the host takes and no reserved bits, a refusal
// leaves the media alone, and boot partitions stay as they are.
func (r *rig) runs(run func(context.Context, sim.NVMeRequest) (sim.NVMeReply, error), input, out []byte, in int) {
	for _, f := range frames(input) {
		before := r.all()
		a, err := run(context.Background(), sim.NVMeRequest{SQE: f, Out: out, In: in})
		switch {
		case err != nil:
			r.t.Fatalf("no answer: %v", err)
		case len(a.In) > max(0, in):
			r.t.Fatalf("%d bytes for a host that takes %d", len(a.In), in)
		case a.Status&^0x47ff != 0:
			r.t.Fatalf("status %#x", a.Status)
		case a.Status != 0 && !bytes.Equal(before, r.all()):
			r.t.Fatalf("refused with %#x, and the media changed", a.Status)
		}
		r.clock.Advance(30 * time.Second)
		r.Media()
	}
	media := r.Media()
	for i, m := range media[len(media)-2:] {
		if !r.holds(m, "owner") {
			r.t.Fatalf("boot partition %d changed", i)
		}
	}
}

func (r *rig) all() []byte {
	var b []byte
	for _, m := range r.Media() {
		b = append(b, contents(r.t, m)...)
	}
	return b
}

func FuzzAdmin(f *testing.F) {
	for _, c := range [][2]string{
		{"06000000 00000000", "01000000"}, {"06000000 01000000", "00000000"}, {"06000000 01000000", "03000000"},
		{"06000000 00000000", "10000000"}, {"06000000 07000000", "11000000"}, {"06000000 01000000", "12000600"},
		{"02000000 ffffffff", "02007f00"}, {"02000000 ffffffff", "81007f00"}, {"02000000 ffffffff", "0501ff03"},
		{"02000000 00000000", "1501ff00 00000000 10000200"}, {"02000000 ffffffff", "0100ff03 00000000 40000000"},
		{"09000000 00000000", "07000000 03000f00"}, {"0a000000 00000000", "0b000000"}, {"09000000 01000000", "84000000 01000000"},
		{"09000000 00000000", "81000000 01000000"}, {formatOne, sesCrypto}, {formatAll, lbaf1Erase}, {formatOne, "32020000"},
		{sanitizeHead, blockErase}, {sanitizeHead, overwriteThrice}, {sanitizeHead, cryptoErase}, {sanitizeHead, "0c060000"},
		{createNS, ""}, {"0d000000 07000000", "01000000"}, {attachTwo, "00000000"}, {"15000000 07000000", "00000000"},
		{"14000000 ffffffff", "02000000"}, {"81000000 00000000", "00fe0701 03000000"}, {"82000000 00000000", "00fe0701 10000000"},
	} {
		frame := sqe(f, c[0], c[1])
		f.Add(frame[:], append(unhex(f, "0100 0500 0000 0000 0001000000000000"), make([]byte, 4080)...), 4096)
	}
	sanitize, log, exit := sqe(f, sanitizeHead, blockErase), sqe(f, "02000000 ffffffff", "81007f00"), sqe(f, sanitizeHead, exitFailure)
	f.Add(append(append(append(sanitize[:], log[:]...), exit[:]...), log[:]...), []byte{}, 512)
	f.Fuzz(func(t *testing.T, input, out []byte, in int) {
		r := fuzzed(t)
		r.runs(r.Admin, input, out, in)
	})
}

func FuzzIO(f *testing.F) {
	for _, c := range [][2]string{
		{"02000000 01000000", "02010000 00000000 01000000"}, {"01000000 01000000", "02000000 00000000 01000000"},
		{"00000000 ffffffff", ""}, {"05000000 01000000", "07000000"}, {"08000000 01000000", "08000000 00000000 00000002"},
		{"09000000 01000000", "01000000 04000000"}, {"0c000000 01000000", "01000000 00000000 ff000000"},
		{"04000000 01000000", "05000000 00000000 01000000"}, {"02000000 01000000", "ffffffff ffffffff ffff0000"},
	} {
		frame := sqe(f, c[0], c[1])
		f.Add(frame[:], append(unhex(f, "00000000 03000000 0200000000000000"), make([]byte, 4080)...), 4096)
	}
	f.Fuzz(func(t *testing.T, input, out []byte, in int) {
		r := fuzzed(t)
		r.runs(r.IO, input, out, in)
	})
}

package survey

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/nvme"
)

// script answers commands in their order; another command, or one that is left
// over, fails the test.
type script struct {
	t     *testing.T
	steps []step
}

type step struct {
	frame string // hex, from its start
	data  []byte
	sense string
	err   error
}

func (s *script) Do(_ context.Context, c drive.Command) (drive.Completion, error) {
	s.t.Helper()
	if len(s.steps) == 0 {
		s.t.Fatalf("a command too many: % x", c.Frame)
	}
	next := s.steps[0]
	s.steps = s.steps[1:]
	if !strings.HasPrefix(hex.EncodeToString(c.Frame), strings.ReplaceAll(next.frame, " ", "")) {
		s.t.Fatalf("sent % x, wanted %s", c.Frame, next.frame)
	}
	n := copy(c.Data, next.data)
	done := drive.Completion{Sense: bytesOf(s.t, next.sense), Residual: len(c.Data) - n}
	if next.err != nil {
		return done, next.err
	}
	return done, nil
}

func (s *script) end() {
	if len(s.steps) > 0 {
		s.t.Errorf("%d commands were not sent, the next is %s", len(s.steps), s.steps[0].frame)
	}
}

func bytesOf(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// at lays bytes out at their offsets in so many bytes of zeros.
func at(t *testing.T, n int, fields map[int]string) []byte {
	t.Helper()
	b := make([]byte, n)
	for off, s := range fields {
		copy(b[off:], bytesOf(t, s))
	}
	return b
}

const (
	identifyController = "06000000 00000000" + zeros32 + "01000000"
	identifyNamespace  = "06000000 02000000" + zeros32 + "00000000"
	activeList         = "06000000 00000000" + zeros32 + "02000000"
	allocatedList      = "06000000 00000000" + zeros32 + "10000000"
	smartLog           = "02000000 ffffffff" + zeros32 + "02007f00"
	sanitizeLog        = "02000000 ffffffff" + zeros32 + "81007f00"
	selfTestLog        = "02000000 ffffffff" + zeros32 + "06008c00"
	bootLog            = "02000000 ffffffff" + zeros32 + "15000300"
	zeros32            = "0000000000000000000000000000000000000000000000000000000000000000"
)

var (
	errRefusedNVMe = &drive.StatusError{Protocol: drive.ProtocolNVMe, Operation: "Identify", Completion: drive.Completion{Status: 0x002}}
	errGone        = errors.New("no such device")
)

// nvmeDrive answers Identify and its health log; bytes stand at the offsets of
// Base 2.0 figures 275 and 207, and NVM 1.0 figure 97.
func nvmeSteps(t *testing.T, oacs string, rest ...step) []step {
	nn := "20000000"
	if o, single := strings.CutSuffix(oacs, " 1"); single {
		oacs, nn = o, "01000000"
	}
	controller := at(t, 4096, map[int]string{4: "53313233", 24: "4d6f64656c", 64: "312e30", 256: oacs, 312: "03000f01", 328: "07000080", 516: nn, 524: "05"})
	// 2 formats; the one in use is index 1: 8 bytes of metadata, blocks of 2^12.
	namespace := at(t, 4096, map[int]string{0: "0001000000000000", 25: "01", 26: "01", 128: "00000900", 132: "08000c00"})
	// A block erase that ended well.
	steps := []step{{frame: identifyController, data: controller}, {frame: sanitizeLog, data: at(t, 512, map[int]string{0: "ffff0101 02000000 00010000 46000000 ffffffff"})}}
	// Boot partitions of 5 x 128 KiB, the second active.
	rest = append(rest, step{frame: bootLog, data: bytesOf(t, "00000000 05000080 0000000000000000")})
	return append(append(steps, rest...), step{frame: identifyNamespace, data: namespace}, step{frame: smartLog, data: healthyLog(t, nil)})
}

// healthyLog: 40 degrees, 90 % spare of at least 10, 3 % used, 1000 units written,
// 1234 hours; change puts other bytes at their offsets.
func healthyLog(t *testing.T, change map[int]string) []byte {
	b := at(t, 512, map[int]string{0: "00", 1: "3901", 3: "5a", 4: "0a", 5: "03", 48: "e803", 128: "d204"})
	for off, s := range change {
		copy(b[off:], bytesOf(t, s))
	}
	return b
}

func TestNVMeFacts(t *testing.T) {
	list := func(ids string) []byte { return at(t, 4096, map[int]string{0: ids}) }
	none := "OACS: no namespace management"
	for _, c := range []struct {
		name       string
		oacs       string
		steps      []step
		namespaces inspect.Fact[int]
		unattached inspect.Fact[int]
		problem    string
	}{
		{"no management", "0200", []step{{frame: activeList, data: list("01000000 02000000")}},
			inspect.Known(2, "active namespace ID list"), inspect.Known(0, none), ""},
		{"management, all attached", "0a00", []step{{frame: activeList, data: list("01000000 02000000")}, {frame: allocatedList, data: list("01000000 02000000")}},
			inspect.Known(2, "active namespace ID list"), inspect.Known(0, "allocated namespace ID list"), ""},
		{"one not attached", "0a00", []step{{frame: activeList, data: list("02000000")}, {frame: allocatedList, data: list("01000000 02000000 07000000")}},
			inspect.Known(1, "active namespace ID list"), inspect.Known(2, "allocated namespace ID list"), ""},
		{"management that doesn't answer", "0a00", []step{{frame: activeList, data: list("02000000")}, {frame: allocatedList, err: errRefusedNVMe}},
			inspect.Known(1, "active namespace ID list"), inspect.Unknown[int]("allocated namespace ID list", errRefusedNVMe.Error()), "not attached could not be read"},
		{"too old for lists", "0a00", []step{{frame: activeList, err: errRefusedNVMe}},
			inspect.Unknown[int]("active namespace ID list", errRefusedNVMe.Error()), inspect.Unknown[int]("active namespace ID list", errRefusedNVMe.Error()), ""},
		{"too old for lists, with one namespace", "0200 1", []step{{frame: activeList, err: errRefusedNVMe}},
			inspect.Known(1, "Identify Controller NN"), inspect.Known(0, none), ""},
		{"too old for lists, with some", "0200", []step{{frame: activeList, err: errRefusedNVMe}},
			inspect.Unknown[int]("active namespace ID list", errRefusedNVMe.Error()), inspect.Unknown[int]("active namespace ID list", errRefusedNVMe.Error()), ""},
		{"gone", "0a00", []step{{frame: activeList, err: errGone}},
			inspect.Unknown[int]("active namespace ID list", errGone.Error()), inspect.Unknown[int]("active namespace ID list", errGone.Error()), "no such device"},
		{"a list that is no list", "0200", []step{{frame: activeList, data: list("02000000 01000000")}},
			inspect.Unknown[int]("active namespace ID list", "no Identify data: namespace list is not ascending"),
			inspect.Unknown[int]("active namespace ID list", "no Identify data: namespace list is not ascending"), "not ascending"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{t, nvmeSteps(t, c.oacs, c.steps...)}
			d := subject{}
			d.Identity = drive.Identity{Namespace: 2, Size: 256 * 4096}
			d.disk.Controller, d.disk.Transport = "/sys/devices/pci0000:00/0000:00:04.0/nvme/nvme3", "pcie"
			survey{}.nvme(t.Context(), &d, s)
			s.end()
			n := d.NVMe
			if n.Controller != "/dev/nvme3" || n.Transport != "pcie" || n.Format != inspect.Known(true, "Identify Controller") ||
				n.FNA != inspect.Known[uint8](5, "Identify Controller") || n.SANICAP != inspect.Known[uint32](0x80000007, "Identify Controller") ||
				n.LBAFormat != inspect.Known[uint8](1, "Identify Namespace") || n.MetadataBytes != inspect.Known(8, "Identify Namespace") {
				t.Errorf("%+v", n)
			}
			if n.SanitizeState != inspect.Known(inspect.SanitizeIdle, "NVMe log 81h") || n.RPMB != inspect.Known(true, "Identify Controller") ||
				n.BootBytes != inspect.Known(int64(10<<17), "NVMe log 15h") || n.BlockTime != inspect.Known(70*time.Second, "NVMe log 81h") ||
				n.CryptoTime.Known || n.OverwriteTime != inspect.Known(16*time.Second, "NVMe log 81h") {
				t.Errorf("%+v", n)
			}
			if n.Namespaces != c.namespaces || n.Unattached != c.unattached {
				t.Errorf("namespaces %+v, unattached %+v", n.Namespaces, n.Unattached)
			}
			if got := strings.Join(d.Problems, "; "); (c.problem == "") != (got == "") || !strings.Contains(got, c.problem) {
				t.Errorf("problems %q", got)
			}
			if d.Health.Verdict != inspect.Known("good", "NVMe log 02h") || d.Health.PowerOnH.Value != 1234 || d.Health.TempC.Value != 40 ||
				d.Health.UsedPct.Value != 3 || d.Health.WrittenB.Value != 512e6 {
				t.Errorf("health %+v", d.Health)
			}
		})
	}
}

// What log 81h tells, and that nothing is made of what it does not.
func TestNVMeSanitizeState(t *testing.T) {
	page := func(s string) []byte { return at(t, 512, map[int]string{0: s}) }
	refused := errRefusedNVMe.Error()
	for name, c := range map[string]struct {
		sanicap uint32
		steps   []step
		want    inspect.Fact[string]
		problem bool
	}{
		"never":          {2, []step{{frame: sanitizeLog, data: page("ffff0001 00000000")}}, inspect.Known("idle", "NVMe log 81h"), false},
		"done":           {1, []step{{frame: sanitizeLog, data: page("ffff0101 04000000")}}, inspect.Known("idle", "NVMe log 81h"), false},
		"deallocated":    {4, []step{{frame: sanitizeLog, data: page("ffff0c00 13020000")}}, inspect.Known("idle", "NVMe log 81h"), false},
		"running":        {2, []step{{frame: sanitizeLog, data: page("8f020200 02000000")}}, inspect.Known("running", "NVMe log 81h"), false},
		"failed":         {2, []step{{frame: sanitizeLog, data: page("ffff0300 02000000")}}, inspect.Known("failed", "NVMe log 81h"), false},
		"to be verified": {2, []step{{frame: sanitizeLog, data: page("ffff0500 02040000")}}, inspect.Unknown[string]("NVMe log 81h", "status 5 has no name here"), false},
		"not offered":    {0xe0000008, nil, inspect.Unknown[string]("NVMe log 81h", "the controller has no Sanitize"), false},
		"refused":        {2, []step{{frame: sanitizeLog, err: errRefusedNVMe}}, inspect.Unknown[string]("NVMe log 81h", refused), true},
		"short":          {2, []step{{frame: sanitizeLog, data: page("")[:511]}}, inspect.Unknown[string]("NVMe log 81h", "the answer is 1 bytes short"), true},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := &script{t, c.steps}, subject{}
			var got inspect.NVMe
			if nvmeSanitize(t.Context(), &d, s, nvme.Controller{SANICAP: c.sanicap}, &got); got.SanitizeState != c.want || len(d.Problems) > 0 != c.problem {
				t.Errorf("%+v, %q", got, d.Problems)
			}
			s.end()
		})
	}
}

// A drive without the log page has boot partitions, or none: nobody knows.
func TestNVMeBootPartitions(t *testing.T) {
	for name, c := range map[string]struct {
		step step
		want inspect.Fact[int64]
	}{
		"none":     {step{frame: bootLog, data: bytesOf(t, "00000000 00000000 0000000000000000")}, inspect.Known(int64(0), "NVMe log 15h")},
		"the most": {step{frame: bootLog, data: bytesOf(t, "00000000 ff7f0000 0000000000000000")}, inspect.Known(int64(2*32767*131072), "NVMe log 15h")},
		"refused":  {step{frame: bootLog, err: errRefusedNVMe}, inspect.Unknown[int64]("NVMe log 15h", "whether it has boot partitions is not told: "+errRefusedNVMe.Error())},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{t, []step{c.step}}
			if got := bootBytes(t.Context(), s); got != c.want {
				t.Errorf("%+v", got)
			}
			s.end()
		})
	}
}

// A list of 1024 goes on in another one; one without end is not believed.
func TestNamespaceListGoesOn(t *testing.T) {
	full := func(first int) []byte {
		b := make([]byte, 4096)
		for i := range 1024 {
			le.PutUint32(b[4*i:], uint32(first+i))
		}
		return b
	}
	ask := func(after uint32) drive.Command {
		return drive.Command{Frame: []byte{byte(after >> 8), byte(after)}, Direction: drive.DirectionIn, Data: make([]byte, 4096)}
	}
	s := &script{t, []step{{frame: "0000", data: full(1)}, {frame: "0400", data: at(t, 4096, map[int]string{0: "ff0f0000"})}}}
	if ids, err := namespaceList(t.Context(), s, ask); len(ids) != 1025 || err != nil || ids[1024] != 4095 {
		t.Errorf("%d, %v", len(ids), err)
	}
	s.end()
	s = &script{t, []step{{frame: "0000", data: full(1)}, {frame: "0400", data: full(1)}}}
	if ids, err := namespaceList(t.Context(), s, ask); err == nil {
		t.Errorf("a list that begins anew: %d", len(ids))
	}
	endless := &script{t, nil}
	for i := range listsMax {
		endless.steps = append(endless.steps, step{frame: "", data: full(1 + 1024*i)})
	}
	if ids, err := namespaceList(t.Context(), endless, ask); err == nil {
		t.Errorf("an endless list: %d", len(ids))
	}
}

// A health log that can't be had, or says nothing, leaves the verdict unknown; the
// self-test log is asked for where the controller has one, and may be missing.
func TestNVMeHealth(t *testing.T) {
	for name, st := range map[string]step{
		"zeros":   {frame: smartLog, data: make([]byte, 512)},
		"short":   {frame: smartLog, data: healthyLog(t, nil)[:511]},
		"refused": {frame: smartLog, err: errRefusedNVMe},
		"gone":    {frame: smartLog, err: errGone},
	} {
		d, s := subject{}, &script{t, []step{st}}
		if h := nvmeHealth(t.Context(), &d, s, true); h.Verdict.Known || h.Verdict.Why == "" || len(d.Problems) != 1 {
			t.Errorf("%s: %+v, %q", name, h, d.Problems)
		}
		s.end()
	}
	failed := at(t, 564, map[int]string{4: "26", 8: "e803"})
	for want, st := range map[string]step{
		"failing": {frame: selfTestLog, data: failed},
		"good":    {frame: selfTestLog, err: errRefusedNVMe},
	} {
		s := &script{t, []step{{frame: smartLog, data: healthyLog(t, nil)}, st}}
		if h := nvmeHealth(t.Context(), &subject{}, s, true); h.Verdict != inspect.Known(want, "NVMe log 02h") || h.SelfTest.Known != (want == "failing") {
			t.Errorf("%+v, %+v", h.Verdict, h.SelfTest)
		}
		s.end()
	}
}

const (
	ataIdentify   = "85080e0000000100000000000000ec00"
	ataNativeMax  = "85072000000000000000000000402700"
	ataSanitize   = "85072000000000000000000000 40b400"
	ataStatus     = "85062000da0000000000 4f00c200b000"
	ataSMART      = "85080e00d00001"
	ataThresholds = "85080e00d10001"
)

// identify data of a drive of 0x12a05f20 sectors with HPA, LBA48 and SMART on:
// words 82, 83, 85, 87 and their validity bits as ACS-3 has them.
func identifyData(t *testing.T, change map[int]string) []byte {
	b := at(t, 512, map[int]string{20: "3132", 54: "4142", 164: "0104", 166: "0044", 170: "0100", 174: "0040",
		200: "205fa01200000000", 118: "0010", 256: "2100"})
	for off, s := range change {
		copy(b[off:], bytesOf(t, s))
	}
	return b
}

func TestATAFacts(t *testing.T) {
	native := "READ NATIVE MAX ADDRESS EXT"
	descriptor := func(lba string) string { return "72 01 00 1d 000000 0e 09 0c 01 00 0000 " + lba + " 40 50" }
	for _, c := range []struct {
		name    string
		step    step
		want    inspect.Fact[int64]
		problem string
	}{
		// LBA 12a05f1fh in the descriptor's order: 31:24, 7:0, 39:32, 15:8, 47:40, 23:16.
		{"all of it", step{frame: ataNativeMax, sense: descriptor("12 1f 00 5f 00 a0")}, inspect.Known[int64](160000000000, native), ""},
		{"a hidden area", step{frame: ataNativeMax, sense: descriptor("12 20 00 5f 00 a0")}, inspect.Known[int64](160000000512, native), "hidden area"},
		{"a hidden area of 2^24 sectors", step{frame: ataNativeMax, sense: descriptor("13 1f 00 5f 00 a0")}, inspect.Known[int64](168589934592, native), "hidden area"},
		{"fixed format", step{frame: ataNativeMax, sense: "70 00 01 00 50 40 00 0a a0 1f 5f a0 00 1d 00000000"},
			inspect.Unknown[int64](native, "the host adapter gives only the low 24 bits of the address"), ""},
		{"fixed format, a hidden area", step{frame: ataNativeMax, sense: "70 00 01 00 50 40 00 0a a0 2f 5f a0 00 1d 00000000"},
			inspect.Unknown[int64](native, "the host adapter gives only the low 24 bits of the address"), "hidden area"},
		{"no registers", step{frame: ataNativeMax}, inspect.Unknown[int64](native, "the answer holds no ATA registers"), ""},
		{"gone", step{frame: ataNativeMax, err: errGone}, inspect.Unknown[int64](native, "no such device"), "no such device"},
	} {
		s, d := &script{t, []step{{frame: ataIdentify, data: identifyData(t, nil)}, {frame: ataSanitize, sense: "72 01 00 1d 000000 0e 09 0c 01 00 0000 00 ff 00 ff 00 00 40 50"}, c.step,
			{frame: ataStatus, sense: "70 00 01 00 50 40 00 0a 00 00 4f c2 00 1d 00000000"},
			{frame: ataSMART, err: errGone}}}, subject{}
		survey{}.ata(t.Context(), &d, s)
		s.end()
		if hides := d.ATA.Hidden.Known && d.ATA.Hidden.Value; hides != (c.problem == "hidden area") {
			t.Errorf("%s: hidden %+v", c.name, d.ATA.Hidden)
		}
		if d.ATA.NativeMax != c.want || d.ATA.Security != inspect.Known[uint16](0x21, "IDENTIFY word 128") || d.ATA.Sanitize != inspect.Known[uint16](0x1000, "IDENTIFY word 59") {
			t.Errorf("%s: %+v", c.name, d.ATA)
		}
		if d.ATA.SanitizeState != inspect.Known(inspect.SanitizeIdle, "SANITIZE STATUS EXT") {
			t.Errorf("%s: sanitize %+v", c.name, d.ATA.SanitizeState)
		}
		if got := strings.Join(d.Problems[:len(d.Problems)-1], "; "); (c.problem == "") != (got == "") || !strings.Contains(got, c.problem) {
			t.Errorf("%s: problems %q", c.name, got)
		}
		if d.Health.Verdict.Known {
			t.Errorf("%s: a verdict without data: %+v", c.name, d.Health.Verdict)
		}
	}
	d := subject{}
	survey{}.ata(t.Context(), &d, &script{t, []step{{frame: ataIdentify, data: make([]byte, 512)}}})
	if d.ATA != nil || d.Health.Verdict.Known || len(d.Problems) != 1 {
		t.Errorf("a drive that says nothing: %+v", d)
	}
	for name, change := range map[string]map[int]string{"no SMART": {164: "0004"}, "SMART off": {170: "0000"}} {
		d, s := subject{}, &script{t, []step{{frame: ataIdentify, data: identifyData(t, change)}, {frame: ataSanitize, err: errGone}, {frame: ataNativeMax, sense: descriptor("12 1f 00 5f 00 a0")}}}
		survey{}.ata(t.Context(), &d, s)
		s.end()
		if d.Health.Verdict.Known || d.Health.Verdict.Why == "" {
			t.Errorf("%s: %+v", name, d.Health)
		}
	}
}

// The drive's own word that it fails counts even where its figures can't be had.
func TestATAFailingWithoutData(t *testing.T) {
	s := &script{t, []step{{frame: ataStatus, sense: "70 00 01 00 50 40 00 0a 00 00 f4 2c 00 1d 00000000"}, {frame: ataSMART, err: errGone}}}
	if h := ataHealth(t.Context(), &subject{}, s, ata.Identify{SMART: true, SMARTEnabled: true}); h.Verdict != inspect.Known("failing", "SMART") {
		t.Errorf("%+v", h.Verdict)
	}
	s.end()
}

func TestUsableSerials(t *testing.T) {
	for serial, ok := range map[string]bool{"S4EVNX0M123456": true, "1": false, "": false, "00000000": false, "--": false, "0000001": true} {
		if (usable(serial) == "") != ok {
			t.Errorf("%q: %q", serial, usable(serial))
		}
	}
}

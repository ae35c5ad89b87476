package drivetest

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive"
)

// A submission queue entry as written here: opcode and flags, namespace, sqeGap
// (bytes 8 to 39: reserved and the transport's pointers), CDW10, sqeRest (CDW11 to
// CDW15). Words are little-endian, as they stand in memory.
const (
	sqeGap  = "0000000000000000000000000000000000000000000000000000000000000000"
	sqeRest = "0000000000000000000000000000000000000000"
)

// Frames of NVM Express Base 2.0.
const (
	nvmeIdentify     = "06000000 00000000" + sqeGap + "01000000" + sqeRest // controller
	nvmeNamespace    = "06000000 01000000" + sqeGap + "00000000" + sqeRest // namespace 1
	nvmeActive       = "06000000 00000000" + sqeGap + "02000000" + sqeRest // active namespaces
	nvmeNoNamespace  = "06000000 78563412" + sqeGap + "00000000" + sqeRest // namespace 12345678h
	nvmeSMART        = "02000000 ffffffff" + sqeGap + "02007f00" + sqeRest // log 02h, 128 dwords
	nvmeSanitizeLog  = "02000000 ffffffff" + sqeGap + "81007f00" + sqeRest // log 81h, 128 dwords
	nvmeUnknownLog   = "02000000 ffffffff" + sqeGap + "7e007f00" + sqeRest // log 7Eh is reserved
	nvmeQueues       = "0a000000 00000000" + sqeGap + "07000000" + sqeRest // Get Features, queues
	nvmeUnknown      = "60000000 00000000" + sqeGap + "00000000" + sqeRest // 60h is reserved
	nvmeFormat       = "80000000 01000000" + sqeGap + "00020000" + sqeRest // SES 1, LBA format 0
	nvmeFormatNoSuch = "80000000 01000000" + sqeGap + "0f020000" + sqeRest // SES 1, LBA format 15
	nvmeBlockErase   = "84000000 00000000" + sqeGap + "02000000" + sqeRest // block erase
)

var nvmeCases = []Case{
	{Name: "Identify Controller is the drive's own", Kinds: []Kind{NVMe}, Run: nvmeController},
	{Name: "Identify Namespace is its geometry", Kinds: []Kind{NVMe}, Run: nvmeSize},
	{Name: "the list of active namespaces rises", Kinds: []Kind{NVMe}, Run: nvmeList},
	{Name: "a namespace that is none is refused: 00Bh", Kinds: []Kind{NVMe}, Run: nvmeNone},
	{Name: "SMART / Health log", Kinds: []Kind{NVMe}, Run: nvmeHealth},
	{Name: "a log that is none is refused: 109h", Kinds: []Kind{NVMe}, Run: nvmeNoLog},
	{Name: "the answer's dword is there: Get Features", Kinds: []Kind{NVMe}, Run: nvmeFeature},
	{Name: "an unknown command is refused: 001h", Kinds: []Kind{NVMe}, Run: nvmeNoCommand},
	{Name: "an entry with pointers of its own is refused, unsent", Kinds: []Kind{NVMe}, Run: nvmePointers},
	{Name: "data goes the way that the opcode says", Kinds: []Kind{NVMe}, Run: nvmeWay},
	{Name: "Format NVM, user data erase", Kinds: []Kind{NVMe}, Needs: []Need{Format}, Run: nvmeFormatted},
	{Name: "Format NVM with a format that is none changes nothing: 10Ah", Kinds: []Kind{NVMe}, Needs: []Need{Format}, Run: nvmeFormatNone},
	{Name: "Sanitize log", Kinds: []Kind{NVMe}, Needs: []Need{LogSanitize}, Run: nvmeNever},
	{Name: "Sanitize goes on after a power cut, to its end", Kinds: []Kind{NVMe}, Needs: []Need{Sanitize, LogSanitize, Power, Medium, Clock}, Run: nvmeSanitize},
}

func nvmeController(t *testing.T, r *Rig) {
	d := r.open(t)
	_, b, err := r.do(t, d, nvmeIdentify, 4096)
	must(t, "Identify Controller", err)
	if got := strings.TrimSpace(string(b[4:24])); r.Want.Serial != "" && got != r.Want.Serial {
		t.Errorf("serial %q, want %q", got, r.Want.Serial)
	}
	if got := strings.TrimSpace(string(b[24:64])); r.Want.Model != "" && got != r.Want.Model {
		t.Errorf("model %q, want %q", got, r.Want.Model)
	}
	if b[512] != 0x66 || b[513] != 0x44 {
		t.Errorf("queue entries of %02x and %02x, want 66 and 44", b[512], b[513])
	}
	if binary.LittleEndian.Uint32(b[516:]) == 0 {
		t.Error("it has no namespaces at all")
	}
}

func nvmeSize(t *testing.T, r *Rig) {
	d := r.open(t)
	_, b, err := r.do(t, d, nvmeNamespace, 4096)
	must(t, "Identify Namespace", err)
	format := int(b[26] & 0xf)
	if format > int(b[25]) {
		t.Fatalf("format %d of %d is in use", format, b[25])
	}
	size := int64(1) << b[128+4*format+2]
	if g := d.Geometry(); size != int64(g.LogicalBlock) || int64(binary.LittleEndian.Uint64(b))*size != g.Size {
		t.Errorf("%d blocks of %d; the geometry is %+v", binary.LittleEndian.Uint64(b), size, g)
	}
}

func nvmeList(t *testing.T, r *Rig) {
	d := r.open(t)
	_, b, err := r.do(t, d, nvmeActive, 4096)
	must(t, "list of active namespaces", err)
	last, own := uint32(0), false
	for i := 0; i < len(b); i += 4 {
		n := binary.LittleEndian.Uint32(b[i:])
		if n == 0 {
			break
		}
		if n <= last {
			t.Fatalf("%d comes after %d", n, last)
		}
		last, own = n, own || n == 1
	}
	if !own {
		t.Error("namespace 1 is not in it")
	}
}

func nvmeNone(t *testing.T, r *Rig) {
	d := r.open(t)
	_, _, err := r.do(t, d, nvmeNoNamespace, 4096)
	if s := refused(t, "Identify of namespace 12345678h", err); s.Status != 0x00b {
		t.Errorf("status %03x", s.Status)
	}
}

func nvmeHealth(t *testing.T, r *Rig) {
	d := r.open(t)
	_, b, err := r.do(t, d, nvmeSMART, 512)
	must(t, "SMART / Health log", err)
	if k := binary.LittleEndian.Uint16(b[1:]); k < 250 || k > 400 {
		t.Errorf("%d kelvin", k)
	}
	if b[3] > 100 {
		t.Errorf("spare blocks of %d percent", b[3])
	}
}

func nvmeNoLog(t *testing.T, r *Rig) {
	d := r.open(t)
	_, _, err := r.do(t, d, nvmeUnknownLog, 512)
	// 002h Invalid Field is what older drives answer.
	if s := refused(t, "log 7Eh", err); s.Status != 0x109 && s.Status != 0x002 {
		t.Errorf("status %03x", s.Status)
	}
}

func nvmeFeature(t *testing.T, r *Rig) {
	d := r.open(t)
	done, _, err := r.do(t, d, nvmeQueues, 0)
	must(t, "Get Features", err)
	if done.Status != 0 || done.Result == 0xffffffff {
		t.Errorf("%+v", done)
	}
}

func nvmeNoCommand(t *testing.T, r *Rig) {
	d := r.open(t)
	places := plant(t, d, 21)
	_, _, err := r.do(t, d, nvmeUnknown, 0)
	if s := refused(t, "command 60h", err); s.Status != 0x001 {
		t.Errorf("status %03x", s.Status)
	}
	readBack(t, d, places, 21)
}

func nvmePointers(t *testing.T, r *Rig) {
	d := r.open(t)
	for _, at := range []int{1, 2, 16, 24, 39} {
		c := r.command(nvmeIdentify, drive.DirectionIn, make([]byte, 4096))
		c.Frame[at] = 1
		if _, err := d.Do(t.Context(), c); err == nil {
			t.Errorf("byte %d was let through", at)
		}
	}
	for _, n := range []int{0, 63, 65} {
		c := drive.Command{Protocol: drive.ProtocolNVMe, Frame: make([]byte, n), Timeout: r.Timeout}
		if _, err := d.Do(t.Context(), c); err == nil {
			t.Errorf("an entry of %d bytes was sent", n)
		}
	}
}

func nvmeWay(t *testing.T, r *Rig) {
	d := r.open(t)
	if _, err := d.Do(t.Context(), r.command(nvmeIdentify, drive.DirectionOut, make([]byte, 4096))); err == nil {
		t.Error("Identify with data to the drive was sent")
	}
	if _, err := d.Do(t.Context(), r.command(nvmeFormat, drive.DirectionIn, make([]byte, 512))); err == nil {
		t.Error("Format NVM with data from the drive was sent")
	}
}

// wait for a command that takes the drive's time, which runs meanwhile.
func (r *Rig) wait(t *testing.T, d drive.Transport, frame string) error {
	t.Helper()
	c := r.command(frame, drive.DirectionNone, nil)
	c.Timeout = 24 * time.Hour
	return r.meanwhile(func() error {
		_, err := d.Do(t.Context(), c)
		return err
	})
}

func nvmeFormatted(t *testing.T, r *Rig) {
	d := r.open(t)
	size := d.Geometry().Size
	plant(t, d, 22)
	must(t, "Format NVM", r.wait(t, d, nvmeFormat))
	gone(t, r, size)
	must(t, "close", d.Close())
	d = r.open(t)
	readBack(t, d, plant(t, d, 23), 23)
}

func nvmeFormatNone(t *testing.T, r *Rig) {
	d := r.open(t)
	places := plant(t, d, 24)
	// 002h Invalid Field is what some drives answer.
	if s := refused(t, "Format NVM to format 15", r.wait(t, d, nvmeFormatNoSuch)); s.Status != 0x10a && s.Status != 0x002 {
		t.Errorf("status %03x", s.Status)
	}
	readBack(t, d, places, 24)
}

// Sanitize status, SSTAT bits 2:0 (Base 2.0, figure 231).
const (
	sstatNever   = 0
	sstatDone    = 1
	sstatRunning = 2
	sstatFailed  = 3
)

func (r *Rig) sstat(t *testing.T, d drive.Transport) (state uint16, progress uint16) {
	t.Helper()
	_, b, err := r.do(t, d, nvmeSanitizeLog, 512)
	must(t, "Sanitize log", err)
	return binary.LittleEndian.Uint16(b[2:]) & 7, binary.LittleEndian.Uint16(b)
}

func nvmeNever(t *testing.T, r *Rig) {
	d := r.open(t)
	if state, progress := r.sstat(t, d); state == sstatRunning || state == sstatFailed || state > 4 || progress != 0xffff && state == sstatNever {
		t.Errorf("state %d, progress %d", state, progress)
	}
}

func nvmeSanitize(t *testing.T, r *Rig) {
	d := r.open(t)
	size, places := d.Geometry().Size, plant(t, d, 25)
	_, _, err := r.do(t, d, nvmeBlockErase, 0)
	must(t, "Sanitize, block erase", err)
	r.Advance(time.Second)
	if state, _ := r.sstat(t, d); state != sstatRunning {
		t.Fatalf("state %d: it does not run", state)
	}
	b := drive.AlignedBuffer(max(4096, d.Geometry().LogicalBlock))
	if _, err := d.ReadAt(b, places[0]); err == nil {
		t.Error("it reads while it is sanitised")
	}
	_, _, err = r.do(t, d, nvmeFormat, 0)
	if s := refused(t, "Format NVM meanwhile", err); s.Status != 0x01d {
		t.Errorf("Format NVM meanwhile: status %03x, want 01Dh", s.Status)
	}
	must(t, "close", d.Close())
	r.PowerCycle(t)
	d = r.open(t)
	if state, _ := r.sstat(t, d); state != sstatRunning {
		t.Errorf("state %d: it does not go on after the power cut", state)
	}
	for range 100 {
		if state, progress := r.sstat(t, d); state == sstatDone || state == 4 {
			if progress != 0xffff {
				t.Errorf("progress %d at the end", progress)
			}
			gone(t, r, size)
			readBack(t, d, plant(t, d, 26), 26)
			return
		}
		r.Advance(time.Hour)
	}
	t.Error("it did not come to an end in a hundred hours")
}

package drivetest

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive"
)

// Frames of SAT-4 clause 12.2.3 (ATA PASS-THROUGH(16)) with commands of ACS-4; HPA
// by ACS-3.
const (
	ataIdentify     = "85 08 0e 00 00 00 01 00 00 00 00 00 00 00 ec 00"
	ataSMARTStatus  = "85 06 20 00 da 00 00 00 00 00 4f 00 c2 00 b0 00"
	ataPowerMode    = "85 06 20 00 00 00 00 00 00 00 00 00 00 00 e5 00"
	ataNativeMax    = "85 07 20 00 00 00 00 00 00 00 00 00 00 40 27 00"
	ataUnknown      = "85 06 20 00 00 00 00 00 00 00 00 00 00 00 02 00" // 02h is reserved
	ataSetPassword  = "85 0a 06 00 00 00 01 00 00 00 00 00 00 00 f1 00"
	ataUnlock       = "85 0a 06 00 00 00 01 00 00 00 00 00 00 00 f2 00"
	ataErasePrepare = "85 06 20 00 00 00 00 00 00 00 00 00 00 00 f3 00"
	ataEraseUnit    = "85 0a 06 00 00 00 01 00 00 00 00 00 00 00 f4 00"
	ataFreeze       = "85 06 20 00 00 00 00 00 00 00 00 00 00 00 f5 00"
	ataDisable      = "85 0a 06 00 00 00 01 00 00 00 00 00 00 00 f6 00"
	ataSanitizeStat = "85 07 20 00 00 00 00 00 00 00 00 00 00 40 b4 00"
	ataBlockErase   = "85 07 20 00 12 00 00 42 72 00 45 00 6b 40 b4 00"
	ataWrongKey     = "85 07 20 00 12 00 00 42 72 00 45 00 6c 40 b4 00"
)

var ataCases = []Case{
	{Name: "IDENTIFY DEVICE is the drive's own", Kinds: []Kind{SATA}, Run: ataIdentity},
	{Name: "a reserved ATA command is aborted", Kinds: []Kind{SATA}, Needs: []Need{Registers}, Run: ataAborted},
	{Name: "SMART RETURN STATUS answers in the registers", Kinds: []Kind{SATA}, Needs: []Need{Registers, SMART}, Run: smartStatus},
	{Name: "CHECK POWER MODE says active", Kinds: []Kind{SATA}, Needs: []Need{Registers}, Run: powerMode},
	{Name: "READ NATIVE MAX ADDRESS EXT is where it ends", Kinds: []Kind{SATA}, Needs: []Need{Registers, HPA}, Run: nativeMax},
}

// word of IDENTIFY DEVICE data.
func word(b []byte, n int) uint16 { return binary.LittleEndian.Uint16(b[2*n:]) }

// swapped is text of an ATA string.
func swapped(b []byte) string {
	s := append([]byte(nil), b...)
	for i := 0; i+1 < len(s); i += 2 {
		s[i], s[i+1] = s[i+1], s[i]
	}
	return strings.TrimSpace(string(s))
}

func (r *Rig) identifyWords(t *testing.T, d drive.Transport) []byte {
	t.Helper()
	_, b, err := r.do(t, d, ataIdentify, 512)
	must(t, "IDENTIFY DEVICE", err)
	return b
}

func ataIdentity(t *testing.T, r *Rig) {
	d := r.open(t)
	b := r.identifyWords(t, d)
	if b[510] == 0xa5 {
		var sum byte
		for _, c := range b {
			sum += c
		}
		if sum != 0 {
			t.Errorf("its checksum is off by %02x", sum)
		}
	}
	if got := swapped(b[20:40]); r.Want.Serial != "" && got != r.Want.Serial {
		t.Errorf("serial %q, want %q", got, r.Want.Serial)
	}
	if got := swapped(b[54:94]); r.Want.Model != "" && got != r.Want.Model {
		t.Errorf("model %q, want %q", got, r.Want.Model)
	}
	n := binary.LittleEndian.Uint64(b[200:])
	if g := d.Geometry(); r.Want.Bus != drive.BusUSB && int64(n) != g.Blocks() {
		t.Errorf("words 100-103 say %d sectors, the geometry %d", n, g.Blocks())
	}
}

func ataAborted(t *testing.T, r *Rig) {
	d := r.open(t)
	_, _, err := r.do(t, d, ataUnknown, 0)
	s := refused(t, "ATA command 02h", err)
	// A SAT layer may refuse what it does not know before the drive does.
	if k := senseKey(s.Sense); k == 0x5 {
		return
	}
	if senseKey(s.Sense) != 0xb {
		t.Errorf("sense % x", s.Sense)
	}
	// libata of Linux 6.1 puts the registers of an aborted command into bytes of fixed
	// format that have another meaning: whoever reads those must not take them for
	// registers, so only the whole form is judged here.
	if g, ok := readRegisters(s.Sense); ok && g.whole && (g.status&0x01 == 0 || g.errors&0x04 == 0) {
		t.Errorf("registers %+v, sense % x", g, s.Sense)
	}
}

func smartStatus(t *testing.T, r *Rig) {
	d := r.open(t)
	done, _, err := r.do(t, d, ataSMARTStatus, 0)
	must(t, "SMART RETURN STATUS", err)
	g, ok := readRegisters(done.Sense)
	if mid := g.lba >> 8 & 0xffff; !ok || mid != 0xc24f && mid != 0x2cf4 {
		t.Errorf("registers %+v, sense % x", g, done.Sense)
	}
}

func powerMode(t *testing.T, r *Rig) {
	d := r.open(t)
	b := drive.AlignedBuffer(max(4096, d.Geometry().LogicalBlock))
	_, err := d.ReadAt(b, 0)
	must(t, "read", err)
	done, _, err := r.do(t, d, ataPowerMode, 0)
	must(t, "CHECK POWER MODE", err)
	if g, ok := readRegisters(done.Sense); !ok || g.count&0xff != 0xff {
		t.Errorf("registers %+v, sense % x", g, done.Sense)
	}
}

func nativeMax(t *testing.T, r *Rig) {
	d := r.open(t)
	done, _, err := r.do(t, d, ataNativeMax, 0)
	must(t, "READ NATIVE MAX ADDRESS EXT", err)
	g, ok := readRegisters(done.Sense)
	last := uint64(d.Geometry().Blocks() - 1)
	if !g.whole {
		last &= 1<<24 - 1
	}
	if !ok || g.lba != last {
		t.Errorf("registers %+v, want last block %d", g, last)
	}
}

// ataEraseCases change the drive's security and erase it.
var ataEraseCases = []Case{
	{Name: "a password without its erase locks the drive at the next power", Kinds: []Kind{SATA}, Needs: []Need{Security, Power, Medium, Clock}, Run: crashBetween},
	{Name: "what is hidden (HPA) stays on the medium until it is erased", Kinds: []Kind{SATA}, Needs: []Need{HPA, SetMax, Medium}, Run: hidden},
	{Name: "SECURITY ERASE UNIT needs ERASE PREPARE before it", Kinds: []Kind{SATA}, Needs: []Need{Security, Medium}, Run: unprepared},
	{Name: "a frozen drive refuses, and a power cycle frees it", Kinds: []Kind{SATA}, Needs: []Need{Security, Power}, Run: frozen},
	{Name: "SANITIZE with a wrong key is refused", Kinds: []Kind{SATA}, Needs: []Need{Sanitize, Registers, Medium}, Run: wrongKey},
	{Name: "SANITIZE BLOCK ERASE goes on after a power cut, to its end", Kinds: []Kind{SATA}, Needs: []Need{Sanitize, Registers, Power, Medium, Clock}, Run: sanitizeOverCut},
}

// password data of SECURITY commands (ACS-4 table 103): the user's, level high.
func password() []byte {
	b := make([]byte, 512)
	copy(b[2:], "drivetest")
	return b
}

// Bits of IDENTIFY word 128.
const (
	secEnabled = 1 << 1
	secLocked  = 1 << 2
	secFrozen  = 1 << 3
)

func crashBetween(t *testing.T, r *Rig) {
	d := r.open(t)
	size, places := d.Geometry().Size, plant(t, d, 7)
	_, err := r.send(t, d, ataSetPassword, password())
	must(t, "SECURITY SET PASSWORD", err)
	must(t, "close", d.Close())
	r.PowerCycle(t)

	d = r.open(t)
	if w := word(r.identifyWords(t, d), 128); w&secEnabled == 0 || w&secLocked == 0 {
		t.Fatalf("word 128 is %04x: it is not locked", w)
	}
	b := drive.AlignedBuffer(max(4096, d.Geometry().LogicalBlock))
	if _, err := d.ReadAt(b, places[0]); err == nil {
		t.Error("a locked drive gave its data")
	}
	if _, yes := holds(t, r.Medium(), size); !yes {
		t.Error("the data is not on the medium any more, though nothing erased it")
	}
	r.eraseUnit(t, d)
	if w := word(r.identifyWords(t, d), 128); w&(secEnabled|secLocked) != 0 {
		t.Errorf("word 128 is %04x after the erase", w)
	}
	gone(t, r, size)
	must(t, "close", d.Close())
	d = r.open(t)
	readBack(t, d, plant(t, d, 8), 8)
}

// eraseUnit sends ERASE PREPARE and ERASE UNIT; the drive's clock runs meanwhile.
func (r *Rig) eraseUnit(t *testing.T, d drive.Transport) {
	t.Helper()
	_, _, err := r.do(t, d, ataErasePrepare, 0)
	must(t, "SECURITY ERASE PREPARE", err)
	c := r.command(ataEraseUnit, drive.DirectionOut, password())
	c.Timeout = 24 * time.Hour
	must(t, "SECURITY ERASE UNIT", r.meanwhile(func() error {
		_, err := r.attend(t.Context(), d, c)
		return err
	}))
}

// hidden: ACS-3 clauses 7.32 and 7.49. The drive of the rigs has 131072 sectors; the
// second half is hidden until the next power cycle (bit 0 of count is clear).
func hidden(t *testing.T, r *Rig) {
	const (
		half  = "85 07 20 00 00 00 00 00 ff 00 ff 00 00 40 37 00" // SET MAX ADDRESS EXT to FFFFh
		whole = "85 07 20 00 00 00 00 00 ff 00 ff 00 01 40 37 00" // to 1FFFFh
	)
	d := r.open(t)
	size, places := d.Geometry().Size, plant(t, d, 15)
	if size != 131072*512 {
		t.Fatalf("the drive has %d bytes", size)
	}
	setMax := func(frame string, sectors uint64) {
		t.Helper()
		_, _, err := r.do(t, d, ataNativeMax, 0)
		must(t, "READ NATIVE MAX ADDRESS EXT", err)
		_, _, err = r.do(t, d, frame, 0)
		must(t, "SET MAX ADDRESS EXT", err)
		if n := binary.LittleEndian.Uint64(r.identifyWords(t, d)[200:]); n != sectors {
			t.Fatalf("it shows %d sectors, want %d", n, sectors)
		}
	}
	setMax(half, 65536)
	overwrite(t, d, 0, size/2)
	if at, yes := holds(t, r.Medium(), size); !yes || at < size/2 {
		t.Errorf("private data at byte %d (%v): all that could be reached was overwritten, what is hidden must be there", at, yes)
	}
	if n, err := d.WriteAt(private(4096, 16), places[2]); err == nil {
		t.Errorf("%d bytes were written to what is hidden", n)
	}
	setMax(whole, 131072)
	readBack(t, d, places[2:], 15)
	overwrite(t, d, size/2, size)
	gone(t, r, size)
}

func overwrite(t *testing.T, d drive.Target, from, to int64) {
	t.Helper()
	zeros := drive.AlignedBuffer(1 << 20)
	for ; from < to; from += int64(len(zeros)) {
		if _, err := d.WriteAt(zeros[:min(int64(len(zeros)), to-from)], from); err != nil {
			t.Fatal(err)
		}
	}
	must(t, "flush", d.Flush(t.Context()))
}

func unprepared(t *testing.T, r *Rig) {
	d := r.open(t)
	places := plant(t, d, 9)
	_, err := r.send(t, d, ataSetPassword, password())
	must(t, "SECURITY SET PASSWORD", err)
	_, err = r.send(t, d, ataEraseUnit, password())
	isRefused(t, "SECURITY ERASE UNIT alone", err)
	_, err = r.send(t, d, ataDisable, password())
	must(t, "SECURITY DISABLE PASSWORD", err)
	if w := word(r.identifyWords(t, d), 128); w&(secEnabled|secLocked) != 0 {
		t.Errorf("word 128 is %04x", w)
	}
	readBack(t, d, places, 9)
}

func frozen(t *testing.T, r *Rig) {
	d := r.open(t)
	_, _, err := r.do(t, d, ataFreeze, 0)
	must(t, "SECURITY FREEZE LOCK", err)
	if w := word(r.identifyWords(t, d), 128); w&secFrozen == 0 {
		t.Errorf("word 128 is %04x: it is not frozen", w)
	}
	_, err = r.send(t, d, ataSetPassword, password())
	isRefused(t, "SECURITY SET PASSWORD", err)
	must(t, "close", d.Close())
	r.PowerCycle(t)
	if w := word(r.identifyWords(t, r.open(t)), 128); w&(secFrozen|secEnabled) != 0 {
		t.Errorf("word 128 is %04x after a power cycle", w)
	}
}

func wrongKey(t *testing.T, r *Rig) {
	d := r.open(t)
	places := plant(t, d, 10)
	_, _, err := r.do(t, d, ataWrongKey, 0)
	isRefused(t, "BLOCK ERASE EXT with a wrong key", err)
	readBack(t, d, places, 10)
}

// Count of SANITIZE STATUS EXT, its high byte (ACS-4 clause 7.36.8).
const (
	sanitizeDone    = 0x8000
	sanitizeRunning = 0x4000
)

func sanitizeOverCut(t *testing.T, r *Rig) {
	d := r.open(t)
	size, places := d.Geometry().Size, plant(t, d, 11)
	_, _, err := r.do(t, d, ataBlockErase, 0)
	must(t, "BLOCK ERASE EXT", err)
	r.Advance(time.Second)
	if g := r.sanitizeStatus(t, d); g.count&sanitizeRunning == 0 {
		t.Fatalf("registers %+v: it does not run", g)
	}
	read := r.readMeanwhile(t, places[2])
	must(t, "close", d.Close())
	r.PowerCycle(t)
	d = r.open(t)
	if g := r.sanitizeStatus(t, d); g.count&sanitizeRunning == 0 {
		t.Errorf("registers %+v: it does not go on after the power cut", g)
	}
	for range 100 {
		if g := r.sanitizeStatus(t, d); g.count&sanitizeDone != 0 {
			gone(t, r, size)
			read()
			must(t, "close", d.Close())
			d = r.open(t)
			readBack(t, d, plant(t, d, 12), 12)
			return
		}
		r.Advance(time.Hour)
	}
	t.Error("it did not come to an end in a hundred hours")
}

// readMeanwhile reads a block of private data while the drive is erased. A kernel
// holds such a read back until the drive is ready again: what it gives is looked at
// when all is over.
func (r *Rig) readMeanwhile(t *testing.T, off int64) func() {
	t.Helper()
	d, err := r.Opener.Open(r.Path)
	must(t, "open to read", err)
	b := drive.AlignedBuffer(max(4096, d.Geometry().LogicalBlock))
	ended := make(chan error, 1)
	go func() {
		_, err := d.ReadAt(b, off)
		ended <- err
	}()
	return func() {
		t.Helper()
		defer d.Close()
		select {
		case err := <-ended:
			if err == nil && string(b[:7]) == "PRIVATE" {
				t.Error("it gave data away while it was erased")
			}
		case <-time.After(3 * time.Minute): // the kernel's own time-out, and its tries
			t.Error("a read never ended")
		}
	}
}

// sanitizeStatus asks; of fixed-format sense only the low byte of count is there,
// so such adapters have not what Registers stands for here.
func (r *Rig) sanitizeStatus(t *testing.T, d drive.Transport) registers {
	t.Helper()
	done, _, err := r.do(t, d, ataSanitizeStat, 0)
	must(t, "SANITIZE STATUS EXT", err)
	g, ok := readRegisters(done.Sense)
	if !ok || !g.whole {
		t.Fatalf("sense % x holds no whole registers", done.Sense)
	}
	return g
}

// scsiSanitize: SBC-4 clause 5.36, block erase at once (IMMED), then REQUEST SENSE:
// 02/04/1B while it runs.
func scsiSanitize(t *testing.T, r *Rig) {
	d := r.open(t)
	size := d.Geometry().Size
	plant(t, d, 13)
	_, _, err := r.do(t, d, "48 82 00 00 00 00 00 00 00 00", 0)
	must(t, "SANITIZE, block erase", err)
	r.Advance(time.Second)
	running := func() bool {
		_, data, err := r.do(t, d, "03 00 00 00 fc 00", 252)
		must(t, "REQUEST SENSE", err)
		asc, ascq := additional(data)
		return asc == 0x04 && ascq == 0x1b
	}
	if !running() {
		t.Fatal("it does not run")
	}
	for range 100 {
		if !running() {
			gone(t, r, size)
			readBack(t, d, plant(t, d, 14), 14)
			return
		}
		r.Advance(time.Hour)
	}
	t.Error("it did not come to an end in a hundred hours")
}

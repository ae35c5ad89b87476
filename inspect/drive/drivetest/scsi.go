package drivetest

import (
	"encoding/binary"
	"strings"
	"testing"

	"handback.example/inspect/drive"
)

// scsiCases hold for what takes CDBs: SPC-5 and SBC-4 ask them of every disk.
var scsiCases = []Case{
	{Name: "TEST UNIT READY", Kinds: []Kind{SATA, SCSI}, Run: unitReady},
	{Name: "INQUIRY is a disk's, as long as it says", Kinds: []Kind{SATA, SCSI}, Run: inquiry},
	{Name: "VPD page 80h is its serial", Kinds: []Kind{SATA, SCSI}, Needs: []Need{SerialPage}, Run: serialPage},
	{Name: "READ CAPACITY(16) is its geometry", Kinds: []Kind{SATA, SCSI}, Run: capacity},
	{Name: "REQUEST SENSE has nothing to tell", Kinds: []Kind{SATA, SCSI}, Run: requestSense},
	{Name: "an unknown command is refused: 05/20/00", Kinds: []Kind{SATA, SCSI}, Needs: []Need{RefusesWrong}, Run: unknownCDB},
	{Name: "a page that is none is refused: 05/24/00", Kinds: []Kind{SATA, SCSI}, Needs: []Need{RefusesWrong}, Run: unknownPage},
	{Name: "a CDB of no length is refused, unsent", Kinds: []Kind{SATA, SCSI}, Run: emptyCDB},
	{Name: "SANITIZE, block erase, to its end", Kinds: []Kind{SCSI}, Needs: []Need{Sanitize, Medium, Clock}, Run: scsiSanitize},
}

func unitReady(t *testing.T, r *Rig) {
	d := r.open(t)
	if _, _, err := r.do(t, d, "00 00 00 00 00 00", 0); err != nil {
		t.Error(err)
	}
}

func inquiry(t *testing.T, r *Rig) {
	d := r.open(t)
	done, data, err := r.do(t, d, "12 00 00 00 ff 00", 255)
	must(t, "INQUIRY", err)
	n := len(data) - done.Residual
	if n < 36 || data[0]&0x1f != 0 || data[4] < 31 {
		t.Fatalf("%d bytes: % x", n, data[:36])
	}
	// libata does not say how much of the buffer it filled: more is no error.
	if n < int(data[4])+5 {
		t.Errorf("%d bytes came, it says that it has %d", n, data[4]+5)
	}
	short, part, err := r.do(t, d, "12 00 00 00 05 00", 5)
	must(t, "INQUIRY of 5 bytes", err)
	// The fifth byte is the length of what there is to come; QEMU cuts it to what was asked.
	if short.Residual != 0 || string(part[:4]) != string(data[:4]) {
		t.Errorf("5 bytes: % x, %d did not come", part, short.Residual)
	}
}

func serialPage(t *testing.T, r *Rig) {
	d := r.open(t)
	done, data, err := r.do(t, d, "12 01 80 00 fc 00", 252)
	must(t, "VPD page 80h", err)
	data = data[:len(data)-done.Residual]
	n := int(binary.BigEndian.Uint16(data[2:])) + 4
	if data[1] != 0x80 || n < 5 || n > len(data) {
		t.Fatalf("% x", data)
	}
	data = data[:n]
	if got := strings.Trim(ascii(data[4:]), `"`); got != r.Want.Serial {
		t.Errorf("its serial is %q, want %q", got, r.Want.Serial)
	}
}

func capacity(t *testing.T, r *Rig) {
	d := r.open(t)
	done, data, err := r.do(t, d, "9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00", 32)
	must(t, "READ CAPACITY(16)", err)
	if done.Residual > 16 {
		t.Fatalf("%d bytes did not come", done.Residual)
	}
	last, size := binary.BigEndian.Uint64(data), binary.BigEndian.Uint32(data[8:])
	if g := d.Geometry(); int64(size) != int64(g.LogicalBlock) || int64(last+1)*int64(size) != g.Size {
		t.Errorf("last block %d of %d bytes; the geometry is %+v", last, size, g)
	}
}

func requestSense(t *testing.T, r *Rig) {
	d := r.open(t)
	_, _, err := r.do(t, d, "00 00 00 00 00 00", 0)
	must(t, "TEST UNIT READY", err)
	_, data, err := r.do(t, d, "03 00 00 00 fc 00", 252)
	must(t, "REQUEST SENSE", err)
	if k := senseKey(data); k != 0 && k != 0xff {
		t.Errorf("sense key %x: % x", k, data[:18])
	}
}

// unknownCDB: E7h is of a group that belongs to vendors; nothing here has one.
func unknownCDB(t *testing.T, r *Rig) {
	d := r.open(t)
	places := plant(t, d, 6)
	_, _, err := r.do(t, d, "e7 00 00 00 00 00 00 00 00 00", 0)
	s := refused(t, "command E7h", err)
	asc, ascq := additional(s.Sense)
	if s.Status != 2 || senseKey(s.Sense) != 5 || asc != 0x20 || ascq != 0 {
		t.Errorf("status %02x, sense % x", s.Status, s.Sense)
	}
	readBack(t, d, places, 6)
}

func unknownPage(t *testing.T, r *Rig) {
	d := r.open(t)
	_, _, err := r.do(t, d, "12 01 5e 00 fc 00", 252)
	s := refused(t, "VPD page 5Eh", err)
	asc, ascq := additional(s.Sense)
	if s.Status != 2 || senseKey(s.Sense) != 5 || asc != 0x24 || ascq != 0 {
		t.Errorf("status %02x, sense % x", s.Status, s.Sense)
	}
}

func emptyCDB(t *testing.T, r *Rig) {
	d := r.open(t)
	for _, n := range []int{0, 5, 33} {
		c := drive.Command{Protocol: drive.ProtocolSCSI, Frame: make([]byte, n), Timeout: r.Timeout}
		if _, err := d.Do(t.Context(), c); err == nil {
			t.Errorf("a CDB of %d bytes was sent", n)
		}
	}
	for _, c := range []drive.Command{
		r.command("12 00 00 00 24 00", drive.DirectionIn, nil),
		r.command("12 00 00 00 24 00", drive.DirectionNone, make([]byte, 36)),
		r.command("12 00 00 00 24 00", 3, make([]byte, 36)),
	} {
		if _, err := d.Do(t.Context(), c); err == nil {
			t.Errorf("%d bytes of data in direction %d were sent", len(c.Data), c.Direction)
		}
	}
}

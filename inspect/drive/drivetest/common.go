package drivetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
)

// commonCases hold for every drive.
var commonCases = []Case{
	{Name: "it says who it is, and says it again", Run: identityTwice},
	{Name: "its size is whole blocks", Run: geometry},
	{Name: "what is written reads back, and stands on the medium", Run: writeAndRead},
	{Name: "reading ends where the drive ends", Run: readPastEnd},
	{Name: "writing past the end changes nothing", Run: writePastEnd},
	{Name: "what is not whole blocks is refused", Run: unaligned},
	{Name: "one alone may erase it", Run: exclusive},
	{Name: "who reads sends nothing that changes it", Run: readOnly},
	{Name: "a command of another protocol is refused, unsent", Run: otherProtocol},
	{Name: "a command after its context is not sent", Run: ended},
	{Name: "a closed drive does nothing", Run: closed},
	{Name: "a path that is none opens nothing", Run: noPath},
}

func identityTwice(t *testing.T, r *Rig) {
	d := r.open(t)
	a, err := d.Identify(t.Context())
	must(t, "identify", err)
	b, err := d.Identify(t.Context())
	must(t, "identify again", err)
	if a != b {
		t.Errorf("%+v, then %+v", a, b)
	}
	for _, f := range []struct{ name, got, want string }{
		{"bus", string(a.Bus), string(r.Want.Bus)}, {"media", string(a.Media), string(r.Want.Media)},
		{"model", a.Model, r.Want.Model}, {"serial", a.Serial, r.Want.Serial},
		{"firmware", a.Firmware, r.Want.Firmware}, {"WWN", a.WWN, r.Want.WWN},
	} {
		if f.want != "" && f.got != f.want {
			t.Errorf("its %s is %q, want %q", f.name, f.got, f.want)
		}
	}
	if a.Size != d.Geometry().Size || r.Want.Size != 0 && a.Size != r.Want.Size {
		t.Errorf("its size is %d, its geometry says %d, want %d", a.Size, d.Geometry().Size, r.Want.Size)
	}
	if r.Want.Serial != "" && !a.Same(b) {
		t.Error("it is not the same as itself")
	}
}

func geometry(t *testing.T, r *Rig) {
	g := r.open(t).Geometry()
	if g.LogicalBlock < 512 || g.PhysicalBlock < g.LogicalBlock || g.Size <= 0 || g.Size%int64(g.LogicalBlock) != 0 {
		t.Errorf("%+v", g)
	}
}

func writeAndRead(t *testing.T, r *Rig) {
	d := r.open(t)
	places := plant(t, d, 1)
	readBack(t, d, places, 1)
	places = plant(t, d, 2)
	readBack(t, d, places, 2)
	if r.Medium == nil {
		return
	}
	want := private(max(4096, d.Geometry().LogicalBlock), 2)
	got := make([]byte, len(want))
	for _, off := range places {
		if _, err := r.Medium().ReadAt(got, off); err != nil || !bytes.Equal(got, want) {
			t.Errorf("at %d the medium holds % x…, %v", off, got[:16], err)
		}
	}
}

func readPastEnd(t *testing.T, r *Rig) {
	d := r.open(t)
	g := d.Geometry()
	b := drive.AlignedBuffer(2 * g.LogicalBlock)
	if n, err := d.ReadAt(b, g.Size-int64(g.LogicalBlock)); n != g.LogicalBlock || !errors.Is(err, io.EOF) {
		t.Errorf("over the end: %d bytes, %v", n, err)
	}
	if n, err := d.ReadAt(b, g.Size); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d bytes, %v", n, err)
	}
}

func writePastEnd(t *testing.T, r *Rig) {
	d := r.open(t)
	places := plant(t, d, 3)
	g := d.Geometry()
	if n, err := d.WriteAt(drive.AlignedBuffer(g.LogicalBlock), g.Size); err == nil || n != 0 {
		t.Errorf("wrote %d bytes past the end, %v", n, err)
	}
	readBack(t, d, places, 3)
}

func unaligned(t *testing.T, r *Rig) {
	d := r.open(t)
	places := plant(t, d, 4)
	g := d.Geometry()
	b := drive.AlignedBuffer(2 * g.LogicalBlock)
	for _, c := range []struct {
		p   []byte
		off int64
	}{{b[:g.LogicalBlock], 1}, {b[:g.LogicalBlock-1], 0}, {b[:g.LogicalBlock], -int64(g.LogicalBlock)}} {
		if n, err := d.ReadAt(c.p, c.off); err == nil || n != 0 {
			t.Errorf("read %d bytes at %d: %d, %v", len(c.p), c.off, n, err)
		}
		if n, err := d.WriteAt(c.p, c.off); err == nil || n != 0 {
			t.Errorf("wrote %d bytes at %d: %d, %v", len(c.p), c.off, n, err)
		}
	}
	readBack(t, d, places, 4)
}

func exclusive(t *testing.T, r *Rig) {
	d := r.open(t)
	if second, err := r.Opener.OpenTarget(r.Path); err == nil {
		_ = second.Close()
		t.Error("two may erase it at once")
	} else if !errors.Is(err, unix.EBUSY) {
		t.Errorf("%v, want that it is in use", err)
	}
	reader, err := r.Opener.Open(r.Path)
	must(t, "read beside", err)
	if _, err := reader.Identify(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, "close the reader", reader.Close())
	must(t, "close", d.Close())
	again, err := r.Opener.OpenTarget(r.Path)
	must(t, "open again", err)
	must(t, "close again", again.Close())
}

// changing are frames that must never leave a drive that is opened to be read.
var changing = map[Kind][]string{
	SATA: {
		"85 06 20 00 00 00 00 00 00 00 00 00 00 00 f5 00", // SECURITY FREEZE LOCK
		"85 06 20 00 00 00 00 00 00 00 00 00 00 00 f3 00", // SECURITY ERASE PREPARE
		"85 07 20 00 12 00 00 42 72 00 45 00 6b 40 b4 00", // SANITIZE BLOCK ERASE EXT
		"85 07 20 00 00 00 01 00 00 00 00 00 00 40 b4 00", // SANITIZE STATUS EXT that clears a failure
		"85 07 20 00 00 00 01 00 00 00 00 00 00 40 37 00", // SET MAX ADDRESS EXT
		"a1 06 20 00 00 00 00 00 00 f5 00 00",             // SECURITY FREEZE LOCK, 12 bytes
		"93 00 00 00 00 00 00 00 00 00 00 00 00 08 00 00", // WRITE SAME(16)
		"04 00 00 00 00 00",                               // FORMAT UNIT
	},
	SCSI: {
		"48 82 00 00 00 00 00 00 00 00",                   // SANITIZE, block erase
		"04 00 00 00 00 00",                               // FORMAT UNIT
		"93 00 00 00 00 00 00 00 00 00 00 00 00 08 00 00", // WRITE SAME(16)
		"1b 00 00 00 00 00",                               // START STOP UNIT
	},
	NVMe: {
		"80000000 01000000" + sqeGap + "00020000" + sqeRest, // Format NVM, SES 1
		"84000000 00000000" + sqeGap + "02000000" + sqeRest, // Sanitize, block erase
		"09000000 00000000" + sqeGap + "06000000" + sqeRest, // Set Features
		"c0000000 00000000" + sqeGap + "00000000" + sqeRest, // the vendor's own
	},
	Card: {mmcSanitize},
	EMMC: {
		"23 01 0000 00000000 0000 0000" + // CMD35, erase from the start
			"24 01 0000 00000008 0000 0000" + // CMD36, to block 8
			"26 02 0000 00000000 0000 0000", // CMD38
		"1a 01 0000 00000000 0000 0000", // CMD26, PROGRAM_CID
		mmcSanitize,
	},
}

func readOnly(t *testing.T, r *Rig) {
	target := r.open(t)
	places := plant(t, target, 5)
	must(t, "close", target.Close())
	d, err := r.Opener.Open(r.Path)
	must(t, "open to read", err)
	defer func() { _ = d.Close() }()
	for _, frame := range changing[r.Kind] {
		if _, err := d.Do(t.Context(), r.command(frame, drive.DirectionNone, nil)); !errors.Is(err, drive.ErrRefused) && r.Kind != Card {
			t.Errorf("%s: %v", frame, err)
		} else if err == nil {
			t.Errorf("%s was let through", frame)
		}
	}
	if _, ok := d.(drive.Writer); ok {
		t.Error("who opened it to read can write")
	}
	readBack(t, d, places, 5)
}

func otherProtocol(t *testing.T, r *Rig) {
	d := r.open(t)
	c := drive.Command{Protocol: drive.ProtocolNVMe, Frame: make([]byte, 64), Timeout: r.Timeout}
	if r.Kind == NVMe {
		c = drive.Command{Protocol: drive.ProtocolSCSI, Frame: make([]byte, 6), Timeout: r.Timeout}
	}
	var answered *drive.StatusError
	for _, c := range []drive.Command{c, {Frame: c.Frame}, {Protocol: 99, Frame: c.Frame}} {
		if _, err := d.Do(t.Context(), c); err == nil || errors.As(err, &answered) {
			t.Errorf("protocol %d: %v", c.Protocol, err)
		}
	}
}

func ended(t *testing.T, r *Rig) {
	d := r.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	frame := "00 00 00 00 00 00" // TEST UNIT READY
	switch r.Kind {
	case NVMe:
		frame = "18000000 00000000" + sqeGap + "00000000" + sqeRest // Keep Alive
	case EMMC, Card:
		frame = mmcStatus
	}
	if _, err := d.Do(ctx, r.command(frame, drive.DirectionNone, nil)); err == nil {
		t.Error("it was answered")
	}
}

func closed(t *testing.T, r *Rig) {
	d := r.open(t)
	must(t, "close", d.Close())
	b := drive.AlignedBuffer(4096)
	if _, err := d.ReadAt(b, 0); err == nil {
		t.Error("it reads")
	}
	if _, err := d.WriteAt(b, 0); err == nil {
		t.Error("it writes")
	}
	frame := "00 00 00 00 00 00"
	switch r.Kind {
	case NVMe:
		frame = "06000000 00000000" + sqeGap + "01000000" + sqeRest
	case EMMC, Card:
		frame = mmcStatus
	}
	if _, err := d.Do(t.Context(), r.command(frame, drive.DirectionNone, nil)); err == nil {
		t.Error("it takes commands")
	}
}

func noPath(t *testing.T, r *Rig) {
	for _, path := range []string{r.Path + "-none", "", "/dev/null"} {
		if d, err := r.Opener.Open(path); err == nil {
			_ = d.Close()
			t.Errorf("%q was opened", path)
		}
		if d, err := r.Opener.OpenTarget(path); err == nil {
			_ = d.Close()
			t.Errorf("%q was opened to be erased", path)
		}
	}
}

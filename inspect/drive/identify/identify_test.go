package identify

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"handback.example/inspect/drive"
)

// script answers commands in their order, behind the filter that real drives are
// behind; another command, or one that is left over, fails the test.
type script struct {
	t     *testing.T
	steps []step
}

type step struct {
	frame string // hex, from its start
	data  string // hex; the rest of the buffer stays empty and counts as residual
	whole bool   // the rest of the buffer is zeros that the drive sent
	err   error
}

func (s *script) Do(_ context.Context, c drive.Command) (drive.Completion, error) {
	s.t.Helper()
	if len(s.steps) == 0 {
		s.t.Fatalf("a command too many: % x", c.Frame)
	}
	next := s.steps[0]
	s.steps = s.steps[1:]
	if !strings.HasPrefix(hex.EncodeToString(c.Frame), next.frame) {
		s.t.Fatalf("sent % x, wanted %s", c.Frame, next.frame)
	}
	n := copy(c.Data, unhex(s.t, next.data))
	if next.whole {
		n = len(c.Data)
	}
	return drive.Completion{Residual: len(c.Data) - n}, next.err
}

func scripted(t *testing.T, steps ...step) (drive.Transport, func()) {
	s := &script{t, steps}
	return drive.ReadOnly(s), func() {
		t.Helper()
		if len(s.steps) > 0 {
			t.Errorf("%d commands were not sent, the next is %s", len(s.steps), s.steps[0].frame)
		}
	}
}

// Frames of SPC-5 and SAT-4 as they must leave.
const (
	cdbInquiry = "120000002400"
	cdbPages   = "12010000fc00"
	cdbSerial  = "12018000fc00"
	cdbName    = "12018300fc00"
	cdbRate    = "1201b100fc00"
	cdbATA     = "85080e0000000100000000000000ec00"
)

// Standard INQUIRY data: vendor, product and revision in 8, 16 and 4 bytes.
const (
	inquirySAS   = "0000060d5b000000" + "534541474154452020535436303030 4e4d30303334202020 45303034"  // SEAGATE ST6000NM0034 E004
	inquiryATA   = "000005025b000000" + "4154412020202020 53414d53554e472053534420 38353020 31423651" // ATA SAMSUNG SSD 850 1B6Q
	inquiryUSB   = "000006025b000000" + "4a4d6963726f6e20 47656e65726963202020202020202020 30313034"  // JMicron Generic 0104
	inquiryStick = "008006025b000000" + "53616e4469736b20 556c747261202020202020202020 2020 312e3030" // SanDisk Ultra 1.00
	vpdSerial    = "00800008 5334424e58303152"                                                        // S4BNX01R
	vpdName      = "0083000c 01030008 5000c500a1b2c3d4"
	vpdRate      = "00b1003c 1c20"
	vpdSSD       = "00b1003c 0001"
)

// 512 bytes of IDENTIFY DEVICE data, text in its swapped order: serial words 10-19
// 'S4BNX01R', firmware 23-26 'EMT02B6Q', model 27-46 'ABCDEFGH'; 2048 sectors in
// words 60-61; word 217 = 1, not rotating.
var identifyATA = strings.Repeat("00", 20) + "34534e4230585231" + strings.Repeat("20", 12) + strings.Repeat("00", 6) +
	"4d45305442325136" + "4241444346454847" + strings.Repeat("20", 32) + strings.Repeat("00", 26) + "00080000" +
	strings.Repeat("00", 310) + "0100" + strings.Repeat("00", 76)

// errNoAnswer stands for a command that broke on the way.
var errNoAnswer = errors.New("no answer")

func illegal() error {
	return &drive.StatusError{Protocol: drive.ProtocolSCSI, Operation: "test",
		Completion: drive.Completion{Status: 2, Sense: []byte{0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0}}}
}

func attention() error {
	return &drive.StatusError{Protocol: drive.ProtocolSCSI, Operation: "test",
		Completion: drive.Completion{Status: 2, Sense: []byte{0x72, 6, 0x29, 0, 0, 0, 0, 0}}}
}

func TestIdentifySCSI(t *testing.T) {
	ata := drive.Identity{Media: drive.MediaSSD, Model: "ABCDEFGH", Serial: "S4BNX01R", Firmware: "EMT02B6Q", Size: 1 << 20}
	sat := drive.Identity{Media: drive.MediaSSD, Model: "SAMSUNG SSD 850", Serial: "S4BNX01R", Firmware: "1B6Q"}
	bridge := drive.Identity{Model: "JMicron Generic", Firmware: "0104"}
	with := func(id drive.Identity, bus drive.Bus, inner bool) drive.Identity {
		id.Bus, id.Inner = bus, inner
		return id
	}
	pages := func(list string) step { return step{frame: cdbPages, data: "0000" + list} }
	libata := []step{{frame: cdbInquiry, data: inquiryATA}, pages("0003 0080b1"), {frame: cdbSerial, data: vpdSerial}, {frame: cdbRate, data: vpdSSD}}
	usb := []step{{frame: cdbInquiry, data: inquiryUSB}, {frame: cdbPages, err: illegal()}}
	for _, c := range []struct {
		name  string
		bus   drive.Bus
		size  int64
		steps []step
		want  drive.Identity
		fails bool
	}{
		{"SATA", drive.BusSATA, 1 << 20, append(libata, step{frame: cdbATA, data: identifyATA}), with(ata, "", true), false},
		{"SATA that does not answer IDENTIFY", drive.BusSATA, 1 << 20, append(libata, step{frame: cdbATA, err: illegal()}), sat, false},
		{"SATA that is gone", drive.BusSATA, 1 << 20, append(libata, step{frame: cdbATA, err: errNoAnswer}), drive.Identity{}, true},
		{"SATA behind a SAS adapter", drive.BusSCSI, 1 << 20, append(libata, step{frame: cdbATA, data: identifyATA}), with(ata, drive.BusSATA, true), false},
		{"a SAT layer by its page", drive.BusSCSI, 1 << 20, []step{{frame: cdbInquiry, data: inquirySAS}, pages("0002 0089"), {frame: cdbATA, data: identifyATA}}, with(ata, drive.BusSATA, true), false},
		{"SAS", drive.BusSCSI, 1 << 20, []step{{frame: cdbInquiry, data: inquirySAS}, pages("0004 008083b1"), {frame: cdbSerial, data: vpdSerial},
			{frame: cdbName, data: vpdName}, {frame: cdbRate, data: vpdRate}},
			drive.Identity{Media: drive.MediaHDD, Model: "SEAGATE ST6000NM0034", Serial: "S4BNX01R", Firmware: "E004", WWN: "naa.5000c500a1b2c3d4", Inner: true}, false},
		{"after a reset", drive.BusSCSI, 1 << 20, []step{{frame: cdbInquiry, err: attention()}, {frame: cdbInquiry, data: inquirySAS}, {frame: cdbPages, err: illegal()}},
			drive.Identity{Model: "SEAGATE ST6000NM0034", Firmware: "E004", Inner: true}, false},
		{"always after a reset", drive.BusSCSI, 1 << 20, []step{{frame: cdbInquiry, err: attention()}, {frame: cdbInquiry, err: attention()}}, drive.Identity{}, true},
		{"a page that is none", drive.BusSCSI, 1 << 20, []step{{frame: cdbInquiry, data: inquirySAS}, pages("0002 0080"), {frame: cdbSerial, data: inquirySAS}},
			drive.Identity{Model: "SEAGATE ST6000NM0034", Firmware: "E004", Inner: true}, false},
		{"a page that breaks off", drive.BusSCSI, 1 << 20, []step{{frame: cdbInquiry, data: inquirySAS}, pages("0002 0080"), {frame: cdbSerial, err: errNoAnswer}}, drive.Identity{}, true},
		{"INQUIRY of nothing", drive.BusSCSI, 1 << 20, []step{{frame: cdbInquiry, data: "7f"}}, drive.Identity{}, true},
		{"USB bridge that passes through", drive.BusUSB, 1 << 20, append(usb, step{frame: cdbATA, data: identifyATA}), with(ata, "", true), false},
		{"USB bridge that shows less than the drive", drive.BusUSB, 1<<20 - 512, append(usb, step{frame: cdbATA, data: identifyATA}), with(ata, "", false), false},
		{"USB bridge that refuses", drive.BusUSB, 1 << 20, append(usb, step{frame: cdbATA, err: illegal()}), bridge, false},
		{"USB bridge that makes something up", drive.BusUSB, 1 << 20, append(usb, step{frame: cdbATA, whole: true}), bridge, false},
		{"USB bridge that sends a part", drive.BusUSB, 1 << 20, append(usb, step{frame: cdbATA, data: identifyATA[:1000]}), bridge, false},
		{"USB bridge that breaks off", drive.BusUSB, 1 << 20, append(usb, step{frame: cdbATA, err: errNoAnswer}, step{frame: cdbInquiry, data: inquiryUSB}), bridge, false},
		{"USB bridge that breaks off and is gone", drive.BusUSB, 1 << 20, append(usb, step{frame: cdbATA, err: errNoAnswer}, step{frame: cdbInquiry, err: errNoAnswer}), drive.Identity{}, true},
		{"USB stick is asked no more", drive.BusUSB, 1 << 20, []step{{frame: cdbInquiry, data: inquiryStick}},
			drive.Identity{Media: drive.MediaFlash, Model: "SanDisk Ultra", Firmware: "1.00"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, end := scripted(t, c.steps...)
			id, err := SCSI(t.Context(), d, Way{Bus: c.bus, Size: c.size})
			end()
			if raw := id.Raw; !c.fails && raw.Model == "" {
				t.Errorf("no raw bytes: %+v", raw)
			}
			id.Raw = drive.Raw{}
			if (err != nil) != c.fails || !c.fails && id != c.want {
				t.Errorf("%+v, %v\nwant %+v", id, err, c.want)
			}
		})
	}
}

// A drive whose context ends is not taken for a bridge that refuses.
func TestIdentifyStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, end := scripted(t,
		step{frame: cdbInquiry, data: inquiryUSB}, step{frame: cdbPages, err: illegal()}, step{frame: cdbATA, err: ctx.Err()})
	if id, err := SCSI(ctx, d, Way{Bus: drive.BusUSB}); !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", id, err)
	}
	end()
}

func TestIdentifyNVMe(t *testing.T) {
	const zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	const controller, namespace, descriptors = "0600000000000000" + zeros + "01", "0600000005000000" + zeros + "00", "0600000005000000" + zeros + "03"
	id := "86808680" + "5336373658304e52303030303030303030303030" + hex.EncodeToString([]byte("Model of forty characters, no more of it")) + "4758413735303351"
	refused := &drive.StatusError{Protocol: drive.ProtocolNVMe, Completion: drive.Completion{Status: 2}}
	// 2048 blocks of 512 bytes; NGUID at 104, EUI-64 at 120.
	ns := func(names string) string {
		return "0008000000000000" + strings.Repeat("00", 96) + names + "00000900"
	}
	nguid, eui := "36344330525001110025384700000001", "0025385b21404321"
	for _, c := range []struct {
		name  string
		steps []step
		wwn   string
		fails bool
	}{
		{"both names", []step{{frame: controller, data: id, whole: true}, {frame: namespace, data: ns(nguid + eui), whole: true}}, "nguid." + nguid, false},
		{"EUI-64", []step{{frame: controller, data: id, whole: true}, {frame: namespace, data: ns(strings.Repeat("00", 16) + eui), whole: true}}, "eui." + eui, false},
		{"UUID only", []step{{frame: controller, data: id, whole: true}, {frame: namespace, data: ns(strings.Repeat("00", 24)), whole: true},
			{frame: descriptors, data: "03100000" + "0123456789abcdeffedcba9876543210", whole: true}}, "uuid.0123456789abcdeffedcba9876543210", false},
		{"no name, too old for descriptors", []step{{frame: controller, data: id, whole: true}, {frame: namespace, data: ns(strings.Repeat("00", 24)), whole: true},
			{frame: descriptors, err: refused}}, "", false},
		{"descriptors that break off", []step{{frame: controller, data: id, whole: true}, {frame: namespace, data: ns(strings.Repeat("00", 24)), whole: true},
			{frame: descriptors, err: errNoAnswer}}, "", true},
		{"a namespace that is not there", []step{{frame: controller, data: id, whole: true}, {frame: namespace, whole: true}}, "", true},
		{"a controller of no name", []step{{frame: controller, whole: true}}, "", true},
		{"a controller that refuses", []step{{frame: controller, err: refused}}, "", true},
		{"half an answer", []step{{frame: controller, data: id}}, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, end := scripted(t, c.steps...)
			id, err := NVMe(t.Context(), d, 5)
			end()
			id.Raw = drive.Raw{}
			want := drive.Identity{Media: drive.MediaSSD, Model: "Model of forty characters, no more of it", Serial: "S676X0NR000000000000", Firmware: "GXA7503Q", WWN: c.wwn, Namespace: 5, Inner: true}
			if (err != nil) != c.fails || !c.fails && id != want {
				t.Errorf("%+v, %v", id, err)
			}
		})
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

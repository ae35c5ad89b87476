package identify

import (
	"testing"

	"handback.example/inspect/drive"
)

// QEMU's SD card answers with this CID. The other is laid out by JESD84-B51 table 81
// with Samsung's maker and product, and a serial whose bytes differ.
func TestCID(t *testing.T) {
	id, err := CID(unhex(t, "aa585951454d552101deadbeef006219"), drive.BusSD)
	want := drive.Identity{Media: drive.MediaFlash, Model: "QEMU!", Serial: "0xdeadbeef", Firmware: "0.1", Inner: true,
		Raw: drive.Raw{Model: "51454d5521", Serial: "deadbeef", Firmware: "01"}}
	if err != nil || id != want {
		t.Errorf("SD: %+v, %v", id, err)
	}
	id, err = CID(unhex(t, "150100424a5444345203c5f7a1b2d3e9"), drive.BusMMC)
	want = drive.Identity{Media: drive.MediaFlash, Model: "BJTD4R", Serial: "0xc5f7a1b2", Firmware: "0.3", Inner: true,
		Raw: drive.Raw{Model: "424a54443452", Serial: "c5f7a1b2", Firmware: "03"}}
	if err != nil || id != want {
		t.Errorf("eMMC: %+v, %v", id, err)
	}
	if id, err := CID(make([]byte, 16), drive.BusSD); err != nil || id.Serial != "" {
		t.Errorf("a serial of nothing: %+v, %v", id, err)
	}
	for _, b := range [][]byte{nil, make([]byte, 15), make([]byte, 17)} {
		if _, err := CID(b, drive.BusSD); err == nil {
			t.Errorf("a CID of %d bytes was taken", len(b))
		}
	}
	if _, err := CID(make([]byte, 16), drive.BusUnknown); err == nil {
		t.Error("a card of no kind was taken")
	}
}

func FuzzCID(f *testing.F) {
	f.Add([]byte("\xaa\x58\x59QEMU!\x01\xde\xad\xbe\xef\x00\x62\x19"), false)
	f.Add([]byte("\x15\x01\x00BJTD4R\x03\xc5\xf7\xa1\xb2\xd3\xe9"), true)
	f.Fuzz(func(t *testing.T, b []byte, mmc bool) {
		bus := drive.BusSD
		if mmc {
			bus = drive.BusMMC
		}
		id, err := CID(b, bus)
		if (err == nil) != (len(b) == 16) {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		if id.Model != drive.Clean([]byte(id.Model)) || len(id.Serial) > 10 {
			t.Fatalf("%+v", id)
		}
	})
}

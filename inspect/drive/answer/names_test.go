package answer

import (
	"encoding/hex"
	"strings"
	"testing"

	"handback.example/inspect/drive"
)

func TestOperationNames(t *testing.T) {
	for want, c := range map[string]drive.Command{
		"IDENTIFY DEVICE":             {Protocol: drive.ProtocolSCSI, Frame: unhex(t, "85080e00000001000000000000 00ec00")},
		"SECURITY ERASE UNIT":         {Protocol: drive.ProtocolSCSI, Frame: unhex(t, "a10a0600010000000 0f40000")},
		"INQUIRY":                     {Protocol: drive.ProtocolSCSI, Frame: unhex(t, "120000002400")},
		"SCSI command c1h":            {Protocol: drive.ProtocolSCSI, Frame: unhex(t, "c10000000000")},
		"Format NVM":                  {Protocol: drive.ProtocolNVMe, Frame: []byte{0x80}},
		"NVMe admin command c0h":      {Protocol: drive.ProtocolNVMe, Frame: []byte{0xc0}},
		"command":                     {Protocol: drive.ProtocolNVMe},
		"ATA command 00h":             {Protocol: drive.ProtocolSCSI, Frame: append([]byte{0x85}, make([]byte, 15)...)},
		"READ NATIVE MAX ADDRESS":     {Protocol: drive.ProtocolSCSI, Frame: append(append([]byte{0x7f}, make([]byte, 24)...), 0xf8, 0, 0, 0, 0, 0, 0)},
		"SECURITY PROTOCOL OUT":       {Protocol: drive.ProtocolSCSI, Frame: unhex(t, "b50000000000000000000000")},
		"CMD13 (SEND_STATUS)":         {Protocol: drive.ProtocolMMC, Frame: unhex(t, "0d0100000001000000000000")},
		"CMD38 (ERASE)":               {Protocol: drive.ProtocolMMC, Frame: unhex(t, "230100000000000000000000 260200000000000000000000")},
		"CMD62":                       {Protocol: drive.ProtocolMMC, Frame: unhex(t, "3e0100000000000000000000")},
		"SCSI command 85h":            {Protocol: drive.ProtocolSCSI, Frame: []byte{0x85}},
		"READ NATIVE MAX ADDRESS EXT": {Protocol: drive.ProtocolSCSI, Frame: unhex(t, "85072000000000000000000000402700")},
	} {
		if got := Operation(c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
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

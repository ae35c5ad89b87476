package linux_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/mmc"
)

// The MMC ioctls of a real kernel, on the only card that QEMU has.
func TestGuestCard(t *testing.T) {
	card := filepath.Join(t.TempDir(), "card.img")
	if err := os.WriteFile(card, bytes.Repeat([]byte("secret! "), 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	g := guest.Boot(t, guest.Config{Drives: []vmtest.Drive{{Bus: vmtest.BusSD, Target: card}}})
	d := g.WaitDrive("/dev/mmcblk?")
	t.Run("status", func(t *testing.T) { testCard(t, g, d.Path) })
	t.Run("erase", func(t *testing.T) { testCardErase(t, g, d.Path, card) })
}

// testCard: SEND_STATUS reaches the card through what may only read; an eMMC's
// SEND_EXT_CSD is another command to a card of SD, which does not answer it.
func testCard(t *testing.T, g *guest.Test, path string) {
	raw, err := g.ReadFile(t.Context(), "/sys/block/"+filepath.Base(path)+"/device/rca")
	if err != nil {
		t.Fatal(err)
	}
	rca, err := strconv.ParseUint(strings.TrimSpace(string(raw)), 0, 16)
	if err != nil {
		t.Fatal(err)
	}
	device, err := g.Opener().Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	done, err := device.Do(t.Context(), mmc.SendStatus(uint16(rca)))
	if err != nil || !mmc.Status(done.Result).Idle() || done.Status != 0 || !bytes.Equal(done.Sense, []byte{0, 0, 9, 0}) {
		t.Errorf("SEND_STATUS: %+v, %v", done, err)
	}
	if _, err := device.Do(t.Context(), mmc.SendExtCSD()); !errors.Is(err, drive.ErrNoAnswer) {
		t.Errorf("SEND_EXT_CSD: %v", err)
	}
	if _, err := device.Do(t.Context(), sequence(t, sdErase)); !errors.Is(err, drive.ErrRefused) {
		t.Errorf("an erase sequence through a device that may only be read: %v", err)
	}
}

// An SD card's erase sequence: CMD32 with the first block, CMD33 with the last, CMD38. A
// card of 64 MiB counts bytes: sectors 1000h to 17FFh.
const sdErase = "20 01 0000 00200000 0000 0000 21 01 0000 002ffe00 0000 0000 26 02 0000 00000000 0000 0000"

// testCardErase: three commands as one ioctl, and the card's erasure in the host's file.
func testCardErase(t *testing.T, g *guest.Test, path, file string) {
	target, err := g.Opener().OpenTarget(path)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	done, err := target.Do(t.Context(), sequence(t, sdErase))
	if err != nil || len(done.Sense) != 12 || done.Status != 0 || mmc.Status(done.Result).Errors() != 0 {
		t.Errorf("erase: %+v, %v", done, err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	secret := bytes.Repeat([]byte("secret! "), 64)
	for sector, want := range map[int]bool{0xfff: true, 0x1000: false, 0x17ff: false, 0x1800: true} {
		if got := bytes.Equal(content[sector*512:][:512], secret); got != want {
			t.Errorf("sector %04xh has its data: %t, % x", sector, got, content[sector*512:][:16])
		}
	}
}

func sequence(t *testing.T, s string) drive.Command {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return drive.Command{Protocol: drive.ProtocolMMC, Frame: b}
}

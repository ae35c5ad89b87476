package mmc

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
)

// tools gives a function that runs mmc-utils, the foreign client, against a card: its
// ioctls come here, by a library before it, and are served as Linux serves them.
func tools(t *testing.T, b *bench) func(args ...string) string {
	t.Helper()
	for _, tool := range []string{"mmc", "cc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is not installed: .ci/setup test installs it", tool)
		}
	}
	dir := t.TempDir()
	library, socket := filepath.Join(dir, "mmcioctl.so"), filepath.Join(dir, "socket")
	if out, err := exec.Command("cc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, "testdata/mmcioctl.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	listen, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listen.Close() })
	go func() {
		for {
			c, err := listen.Accept()
			if err != nil {
				return
			}
			b.serve(c)
		}
	}()
	return func(args ...string) string {
		t.Helper()
		mmc := exec.Command("mmc", args...)
		mmc.Env = append(os.Environ(), "LD_PRELOAD="+library, "MMC_SOCKET="+socket)
		out, err := mmc.CombinedOutput()
		if err != nil {
			t.Errorf("mmc %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
}

// serve runs the commands of one connection: 72 bytes of struct mmc_ioc_cmd each.
func (b *bench) serve(c net.Conn) {
	defer c.Close()
	le := binary.LittleEndian
	for {
		var cmd [72]byte
		if _, err := io.ReadFull(c, cmd[:]); err != nil {
			return
		}
		n := int(le.Uint32(cmd[36:]) * le.Uint32(cmd[40:]))
		data, writes := make([]byte, n), le.Uint32(cmd[0:]) != 0
		if writes {
			if _, err := io.ReadFull(c, data); err != nil {
				return
			}
		}
		errno, response := b.ioctl(cmd, data, writes)
		answer := le.AppendUint32(le.AppendUint32(nil, uint32(errno)), response)
		answer = append(answer, make([]byte, 12)...)
		if !writes {
			answer = append(answer, data...)
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// ioctl is one command as Linux carries it: a card that does not answer is a time-out,
// and after R1b its status is asked until it is ready.
func (b *bench) ioctl(cmd [72]byte, data []byte, writes bool) (syscall.Errno, uint32) {
	le := binary.LittleEndian
	index := le.Uint32(cmd[8:])
	if index == 255 {
		return 0, b.sectors()
	}
	r := sim.MMCRequest{Index: byte(index), Arg: le.Uint32(cmd[12:]), In: len(data)}
	if writes {
		r.Out, r.In = data, 0
	}
	a, err := b.MMC(b.t.Context(), r)
	switch {
	case errors.Is(err, ErrNoResponse):
		return syscall.ETIMEDOUT, 0
	case err != nil:
		return syscall.EIO, 0
	}
	copy(data, a.In)
	if busy := le.Uint32(cmd[32:])&8 != 0; busy {
		for n := 0; b.status()&0x1f00 != 0x900 && n < 1000; n++ {
			b.clock.Advance(time.Second)
		}
	}
	return 0, a.Status
}

// mmc-utils reads the registers as the model means them, and what it erases is erased,
// in the flash.
func TestMMCUtils(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.SanitizeTime, c.SecureEraseTime = 30*time.Second, 20*time.Second
		c.LifeA, c.LifeB, c.PreEOL, c.Firmware = 3, 5, 2, "FW123456"
		c.BootProtection = [2]string{"", "permanent"}
		c.Protected = []Group{{Sector: 16384, Sectors: 1, Kind: "power-on"}, {Sector: 65536, Sectors: 1, Kind: "permanent"}}
	})
	b.want(6, 0x03af0100, 0x900) // as Linux does when it sets a card up
	mmc := tools(t, b)
	says := func(out string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("no %q in\n%s", w, out)
			}
		}
	}
	says(mmc("extcsd", "read", "/dev/null"), "Extended CSD rev 1.8 (MMC 5.1)", "[SEC_COUNT: 0x00800000]", "Device is block-addressed",
		"Boot partition size [BOOT_SIZE_MULTI: 0x20]", "Secure Feature support [SEC_FEATURE_SUPPORT: 0x51]",
		"High-capacity erase unit size [HC_ERASE_GRP_SIZE: 0x01]", "[HC_WP_GRP_SIZE: 0x10]", "RPMB Size [RPMB_SIZE_MULT]: 0x20",
		"[GP_SIZE_MULT_3]: 0x000002", "[GP_SIZE_MULT_1]: 0x000001", "Device partition setting complete",
		"partition 0 ro lock status: not locked", "partition 1 ro lock status: locked permanently", "eMMC Firmware Version: FW123456", "[EXT_CSD_DEVICE_LIFE_TIME_EST_TYP_A]: 0x03", "[EXT_CSD_DEVICE_LIFE_TIME_EST_TYP_B]: 0x05",
		"[EXT_CSD_PRE_EOL_INFO]: 0x02", "Boot write protection status registers [BOOT_WP_STATUS]: 0x08")
	says(mmc("status", "get", "/dev/null"), "SEND_STATUS response: 0x00000900", "DEVICE STATE: TRANS")
	says(mmc("writeprotect", "user", "get", "/dev/null"), "Write Protect Group size in blocks/bytes: 16384/8388608",
		"Write Protect Groups 0-0 (Blocks 0-16383), No Write Protection", "Write Protect Groups 1-1 (Blocks 16384-32767), Power-on Write Protection",
		"Write Protect Groups 4-4 (Blocks 65536-81919), Permanent Write Protection", "Write Protect Groups 5-511 (Blocks 81920-8388607), No Write Protection")
	mmc("erase", "discard", "0", "99", "/dev/null")
	mmc("erase", "legacy", "0x400000", "0x4003ff", "/dev/null")
	b.expect("discarded", b.flash("user", 99), "secret")
	b.expect("erased", b.flash("user", 1<<22), "secret")
	mmc("erase", "secure-erase", "0x600000", "0x6003ff", "/dev/null")
	b.expect("securely erased", b.flash("user", 0x600000), "zeros")
	mmc("sanitize", "/dev/null")
	for at, want := range map[int64]string{99: "zeros", 100: "secret", 1 << 22: "zeros", 1<<22 + 1024: "secret", 0x6003ff: "zeros", 0x600400: "secret"} {
		b.expect("sanitized", b.flash("user", at), want)
	}
	if got := b.status(); got != 0x900 {
		t.Errorf("%08x", got)
	}
}

// What mmc-utils makes of the CID and CSD, which it reads in files as sysfs has them.
func TestMMCUtilsRegisters(t *testing.T) {
	b := newBench(t, nil)
	mmc := tools(t, b)
	dir := t.TempDir()
	for name, text := range map[string]string{"type": "MMC\n", "cid": hexLine(b.cid[:]), "csd": hexLine(b.csd[:])} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The date is not compared: mmc-utils takes month and year of an MMC's CID for those
	// of an SD card's, other than Linux.
	for register, words := range map[string][]string{
		"cid": {"manufacturer: 'Samsung", "product: 'BJNB4R' 0.15", "serial: 0xdac7c038"},
		"csd": {"version: MMC v4.0-v4.3", "card classes: 7, 6, 5, 4, 2, 0", "512 bytes each"},
	} {
		out := mmc(register, "read", dir)
		for _, want := range words {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	}
}

func hexLine(b []byte) string { return hex.EncodeToString(b) + "\n" }

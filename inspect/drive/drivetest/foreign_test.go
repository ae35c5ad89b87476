package drivetest_test

import (
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/inspect/drive/sim/usb"
)

// TestForeignClients lets programs that others wrote judge the models through a real
// kernel: what they send, what they make of the answers, and what is on the medium
// in the end.
func TestForeignClients(t *testing.T) {
	clock := sim.NewManual()
	disk := sat.New(newATA(t, clock, "FOREIGN-ATA"), sat.Config{DescriptorSense: true})
	sas, flash := newSCSI(t, clock, "FOREIGN-SAS"), newNVMe(t, clock, "FOREIGN-NVME")
	bridged, err := usb.New(usb.Config{VendorID: 0x152d, ProductID: 0x0578, Serial: "CASE-1", PassThrough: usb.PassThroughSAT, Clock: clock},
		sat.New(newATA(t, clock, "FOREIGN-USB"), sat.Config{DescriptorSense: true}))
	if err != nil {
		t.Fatal(err)
	}
	address := serveNVMe(t, flash)
	g := guest.Boot(t, guest.Config{Drives: []vmtest.Drive{serveVhost(t, disk, sas), serveUSB(t, bridged)}, NVMeTCP: []string{address}})
	f := foreign{g, clock}
	t.Run("hdparm", func(t *testing.T) { f.hdparm(t, disk, g.WaitDrive("FOREIGN-ATA").Path) })
	t.Run("sg3_utils", func(t *testing.T) { f.sg(t, sas, g.WaitDrive("FOREIGN-SAS").Path) })
	t.Run("smartctl", func(t *testing.T) { f.smartctl(t, g.WaitDrive("FOREIGN-ATA").Path, g.WaitDrive("CASE-1").Path) })
	t.Run("nvme-cli", func(t *testing.T) {
		f.nvme(t, flash, "/dev/"+g.ConnectNVMe(address, flash.SubNQN(), "ctrl_loss_tmo=60"))
	})
}

// foreign is a guest with foreign programs in it.
type foreign struct {
	g     *guest.Test
	clock *sim.Manual
}

// run a program that must succeed.
func (f foreign) run(t *testing.T, args ...string) string {
	t.Helper()
	r := f.g.Run(args...)
	if r.Code != 0 {
		t.Fatalf("%s: %s", strings.Join(args, " "), r)
	}
	return r.Stdout
}

// long runs a program that waits for the drive, whose clock runs meanwhile.
func (f foreign) long(t *testing.T, args ...string) string {
	t.Helper()
	type result struct {
		guest.Result
		err error
	}
	ended := make(chan result, 1)
	go func() {
		r, err := f.g.Exec(t.Context(), guest.Command{Args: args, Timeout: 2 * time.Minute})
		ended <- result{r, err}
	}()
	for {
		select {
		case r := <-ended:
			if r.err != nil || r.Code != 0 {
				t.Fatalf("%s: %v, %s", strings.Join(args, " "), r.err, r.Result)
			}
			return r.Stdout
		case <-time.After(20 * time.Millisecond):
			f.clock.Advance(time.Minute)
		}
	}
}

// says fails unless each text is in what a program said.
func says(t *testing.T, got string, want ...string) {
	t.Helper()
	flat := strings.Join(strings.Fields(got), " ")
	for _, w := range want {
		if !strings.Contains(flat, w) {
			t.Errorf("%q is not in what it says:\n%s", w, got)
		}
	}
}

// sent fails unless the model was sent these frames, in this order, others between
// them; a frame is compared as far as it is written, and '..' is any byte.
func sent(t *testing.T, m sim.Model, frames ...string) {
	t.Helper()
	var all []string
	for _, e := range m.Trace() {
		all = append(all, hex.EncodeToString(e.Frame))
	}
	i := 0
	for _, f := range frames {
		like := regexp.MustCompile("^" + strings.ReplaceAll(f, " ", ""))
		for ; i < len(all) && !like.MatchString(all[i]); i++ {
		}
		if i == len(all) {
			t.Fatalf("%s was not sent; the trace is\n%s", f, strings.Join(all, "\n"))
		}
		i++
	}
}

// plantAll leaves private data all over a model's medium, past the drive.
func plantAll(t *testing.T, m sim.Model) {
	t.Helper()
	for _, medium := range m.Media() {
		if err := medium.Fill(0, medium.Size(), sim.Repeat([]byte("PRIVATE:"))); err != nil {
			t.Fatal(err)
		}
	}
}

// planted tells how many of a hundred places of the media still hold private data.
func planted(t *testing.T, m sim.Model) int {
	t.Helper()
	n := 0
	for _, medium := range m.Media() {
		for i := range int64(100) {
			b := make([]byte, 512)
			if _, err := medium.ReadAt(b, (medium.Size()-512)/99*i/512*512); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(b), "PRIVATE") {
				n++
			}
		}
	}
	return n
}

// gone fails while private data is on the media.
func goneFrom(t *testing.T, m sim.Model) {
	t.Helper()
	if n := planted(t, m); n > 0 {
		t.Errorf("%d of 100 places still hold private data", n)
	}
}

func (f foreign) hdparm(t *testing.T, disk *sat.SAT, path string) {
	says(t, f.run(t, "hdparm", "-I", path), "Model Number: Model ATA", "Serial Number: FOREIGN-ATA", "Firmware Revision: FW 1.00",
		"device size with M = 1024*1024: 64 MBytes", "not enabled not locked not frozen", "supported: enhanced erase",
		"20min for SECURITY ERASE UNIT. 2min for ENHANCED SECURITY ERASE UNIT.", "BLOCK_ERASE_EXT command", "CRYPTO_SCRAMBLE_EXT command", "OVERWRITE_EXT command",
		"WWN Device Identifier: 5000c500a1b2c3d4", "Checksum: correct")
	plantAll(t, disk)
	f.run(t, "hdparm", "--user-master", "u", "--security-set-pass", "secret", path)
	says(t, f.run(t, "hdparm", "-I", path), "enabled not locked not frozen", "Security level high")
	f.long(t, "hdparm", "--user-master", "u", "--security-erase", "secret", path)
	says(t, f.run(t, "hdparm", "-I", path), "not enabled not locked not frozen")
	goneFrom(t, disk)
	// extend, features, count, LBA, device, command
	sent(t, disk, foreignIdentify, foreignSetPassword, foreignErasePrepare, foreignEraseUnit, foreignIdentify)

	plantAll(t, disk)
	says(t, f.run(t, "hdparm", "--sanitize-status", path), "SD0 Sanitize Idle")
	f.run(t, "hdparm", "--yes-i-know-what-i-am-doing", "--sanitize-block-erase", path)
	f.clock.Advance(90 * time.Second)
	says(t, f.run(t, "hdparm", "--sanitize-status", path), "SD2 Sanitize operation In Process", "Progress: 0x8000 (50%)")
	f.clock.Advance(90 * time.Second)
	says(t, f.run(t, "hdparm", "--sanitize-status", path), "SD0 Sanitize Idle", "Last Sanitize Operation Completed Without Error")
	goneFrom(t, disk)
	sent(t, disk, foreignSanitizeStatus, foreignBlockErase, foreignSanitizeStatus)

	f.run(t, "hdparm", "--yes-i-know-what-i-am-doing", "--sanitize-freeze-lock", path)
	says(t, f.run(t, "hdparm", "--sanitize-status", path), "SD1 Sanitize Frozen")
	sent(t, disk, foreignSanitizeFreeze)
	f.run(t, "hdparm", "--security-freeze", path)
	says(t, f.run(t, "hdparm", "-I", path), "not enabled not locked frozen")
	disk.PowerCycle()
	// hdparm takes the drive's word that it was reset for an answer: another hears it.
	f.g.Run("sg_turs", path)
	says(t, f.run(t, "hdparm", "-I", path), "not enabled not locked not frozen")
}

// Task files as hdparm sends them: extend, features, count, LBA (48 bits), device,
// command (ACS-4; the keys are those of clause 7.36).
const (
	foreignIdentify       = "00 0000 0001 000000000000 .. ec"
	foreignSetPassword    = "00 0000 0001 000000000000 .. f1"
	foreignErasePrepare   = "00 0000 0000 000000000000 .. f3"
	foreignEraseUnit      = "00 0000 0001 000000000000 .. f4"
	foreignSanitizeStatus = "01 0000 0000 000000000000 .. b4"
	foreignBlockErase     = "01 0012 0000 0000426b4572 .. b4"
	foreignSanitizeFreeze = "01 0020 0000 000046724c6b .. b4"
)

func (f foreign) sg(t *testing.T, sas sim.Model, path string) {
	says(t, f.run(t, "sg_inq", path), "Vendor identification: MODEL", "Product identification: SAS DISK", "Unit serial number: FOREIGN-SAS")
	says(t, f.run(t, "sg_readcap", "--long", path), "Last LBA=131071", "Logical block length=512 bytes")
	says(t, f.run(t, "sg_opcodes", path), "48 1 10 0,0 Sanitize, overwrite", "48 2 10 0,0 Sanitize, block erase")
	plantAll(t, sas)
	f.run(t, "sg_sanitize", "--block", "--quick", "--early", path)
	f.clock.Advance(90 * time.Second)
	says(t, f.run(t, "sg_requests", "--progress", path), "50.00% done")
	f.clock.Advance(90 * time.Second)
	says(t, f.g.Run("sg_raw", "-r", "18", path, "03", "00", "00", "00", "12", "00").String(), "exit code 0", "SCSI Status: Good", "Received 18 bytes of data: 00 70 00 00")
	goneFrom(t, sas)
	sent(t, sas, "48 82 00 00 00 00 00 00 00 00")
	plantAll(t, sas)
	f.long(t, "sg_format", "--format", "--quick", "--wait", path)
	goneFrom(t, sas)
}

func (f foreign) smartctl(t *testing.T, disk, bridged string) {
	says(t, f.run(t, "smartctl", "-i", "-H", "-A", "-d", "sat", disk), "Device Model: Model ATA", "Serial Number: FOREIGN-ATA",
		"self-assessment test result: PASSED", "5 Reallocated_Sector_Ct 0x0033 100 100 010 Pre-fail Always - 0", "197 Current_Pending_Sector")
	says(t, f.run(t, "smartctl", "-i", "-H", "-d", "sat", bridged), "Device Model: Model ATA", "Serial Number: FOREIGN-USB", "self-assessment test result: PASSED")
}

func (f foreign) nvme(t *testing.T, flash sim.Model, controller string) {
	var id struct {
		SN, MN, FR string
		SANICAP    uint32
		FNA, OACS  uint32
	}
	f.json(t, &id, "nvme", "id-ctrl", "-o", "json", controller)
	if strings.TrimSpace(id.SN) != "FOREIGN-NVME" || strings.TrimSpace(id.MN) != "Model NVMe" || id.SANICAP&7 != 3 || id.FNA&4 == 0 || id.OACS&2 == 0 {
		t.Errorf("%+v", id)
	}
	var health struct {
		Temperature int
		AvailSpare  int `json:"avail_spare"`
	}
	f.json(t, &health, "nvme", "smart-log", "-o", "json", controller)
	if health.Temperature != 308 {
		t.Errorf("%+v", health)
	}
	plantAll(t, flash)
	f.long(t, "nvme", "format", controller+"n1", "--ses=1", "--force")
	goneFrom(t, flash)
	// Namespace 1; CDW10 with SES 1 (bits 11:9).
	sent(t, flash, "80 40 .... 01000000 .{64} 00020000 0{40}")
	plantAll(t, flash)
	f.run(t, "nvme", "sanitize", "--sanact=2", controller)
	f.clock.Advance(90 * time.Second)
	says(t, f.run(t, "nvme", "sanitize-log", controller), "(SPROG) : 32768", "(SSTAT) : 0x2")
	f.clock.Advance(90 * time.Second)
	says(t, f.run(t, "nvme", "sanitize-log", controller), "(SPROG) : 65535", "(SSTAT) : 0x1")
	goneFrom(t, flash)
	sent(t, flash, "84 40 .... 00000000 .{64} 02000000 0{40}", "02 40 .... ffffffff .{64} 81007f00")
}

func (f foreign) json(t *testing.T, to any, args ...string) {
	t.Helper()
	if err := json.Unmarshal([]byte(f.run(t, args...)), to); err != nil {
		t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
}

package bench

import (
	"os"
	"path/filepath"
	"testing"
)

// A disk is waited for until it has its block device; a host, an enclosure or an
// optical drive is not.
func TestAttaching(t *testing.T) {
	sys := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		name = filepath.Join(sys, "bus/scsi/devices", name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := func(want bool, when string) {
		t.Helper()
		if got := attaching(sys); got != want {
			t.Errorf("%s: %v", when, got)
		}
	}
	want(false, "no SCSI bus")
	put("host0/uevent", "")
	put("1:0:0:0/type", "5\n")
	put("2:0:0:0/type", "13\n")
	want(false, "no disk")
	put("0:0:0:0/type", "0\n")
	want(true, "a disk that nobody has taken")
	put("0:0:0:0/block/sda/size", "1\n")
	want(false, "it has its block device")
	put("3:0:0:0/type", "20\n")
	want(true, "a zoned disk that nobody has taken")
}

package stick

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/cmd/internal/settings"
)

// TestGUIDText: the EFI System Partition's type as UEFI 2.10, table 5-7 prints it
// and as it lies on a disk.
func TestGUIDText(t *testing.T) {
	b, err := hex.DecodeString("28732ac11ff8d211ba4b00a0c93ec93b")
	if err != nil {
		t.Fatal(err)
	}
	if got := guidText(b); got != "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" {
		t.Errorf("GUID is %s", got)
	}
}

// TestReadGPT of a table that sfdisk made.
func TestReadGPT(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 8*mib); err != nil {
		t.Fatal(err)
	}
	sfdisk, err := exec.LookPath("sfdisk")
	if err != nil {
		t.Fatal("sfdisk is not installed: .ci/setup test installs it")
	}
	c := exec.Command(sfdisk, "-q", path)
	c.Stdin = strings.NewReader("label: gpt\nstart=2048,size=4096,type=U,uuid=" + settings.ESPGUID + "\n" +
		"start=8192,size=1024,uuid=11111111-2222-3333-4444-555555555555\n")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("sfdisk: %v\n%s", err, out)
	}
	f := openFile(t, path)
	check := func(recovered bool) {
		t.Helper()
		table, err := readGPT(f, 8*mib, 512)
		if err != nil {
			t.Fatal(err)
		}
		if len(table.entries) != 2 || table.recovered != recovered || !table.ours() {
			t.Errorf("table is %+v", table)
		}
		if e, ok := table.find("11111111-2222-3333-4444-555555555555"); !ok || e.first != 8192 || e.last != 9215 || e.index != 2 {
			t.Errorf("second partition is %+v", e)
		}
	}
	check(false)
	write(t, f, []byte{1}, 2*512+40) // the primary's entries
	check(true)
	write(t, f, []byte{1}, 8*mib-500) // the backup's header
	if _, err := readGPT(f, 8*mib, 512); !errors.Is(err, errNoGPT) {
		t.Errorf("both tables damaged: %v", err)
	}
}

func TestChoose(t *testing.T) {
	esp := gpt{entries: []gptEntry{{1, settings.ESPGUID, 1, 2}}}
	data := gpt{entries: []gptEntry{{1, settings.DataGUID, 1, 2}}}
	for name, c := range map[string]struct {
		disks []Disk
		want  error
	}{
		"one":                    {[]Disk{{Path: "/dev/sda", table: esp}}, nil},
		"none":                   {nil, ErrGone},
		"two":                    {[]Disk{{Path: "/dev/sda", table: esp}, {Path: "/dev/sdb", table: esp}}, ErrAmbiguous},
		"a drive claims to be":   {[]Disk{{Path: "/dev/sda", table: esp}, {Path: "/dev/sdb", table: data}}, ErrAmbiguous},
		"no boot partition":      {[]Disk{{Path: "/dev/sda", table: data}}, ErrGone},
		"zero value is no stick": {[]Disk{{}}, ErrGone},
	} {
		d, err := Choose(c.disks)
		if !errors.Is(err, c.want) || err == nil && d.Path != "/dev/sda" {
			t.Errorf("%s: %+v, %v; want %v", name, d, err, c.want)
		}
	}
}

func FuzzGPT(f *testing.F) {
	path := filepath.Join(f.TempDir(), "disk")
	file, err := os.Create(path)
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(9 * mib); err != nil {
		f.Fatal(err)
	}
	writeStick(f, file, 9*mib)
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	b = append(b[:64*512:64*512], b[len(b)-64*512:]...) // what lies between is nothing to the parser
	f.Add(b)
	f.Add(append(make([]byte, 1024), b[len(b)-33*512:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := readGPT(bytes.NewReader(b), int64(len(b)), 512)
		if err != nil {
			return
		}
		for _, e := range table.entries {
			if e.first > e.last || e.last >= uint64(len(b)/512) || e.index < 1 || e.index > gptEntriesMax {
				t.Errorf("entry out of bounds: %+v", e)
			}
		}
	})
}

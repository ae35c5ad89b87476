package stick

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	diskgpt "github.com/diskfs/go-diskfs/partition/gpt"

	"handback.example/cmd/internal/settings"
)

const mib = 1 << 20

// newStick makes a stick as it is written to a medium: an ESP, nothing after it,
// a table for made bytes, on a medium of size bytes.
func newStick(t *testing.T, made, size int64) (string, Disk) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stick.img")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	writeStick(t, f, made)
	return path, Disk{Name: "stick.img", Path: path, Size: size, sector: 512}
}

func writeStick(t testing.TB, f *os.File, made int64) {
	t.Helper()
	table := &diskgpt.Table{LogicalSectorSize: 512, PhysicalSectorSize: 512, ProtectiveMBR: true, GUID: settings.DiskGUID,
		Partitions: []*diskgpt.Partition{{Index: 1, Start: 2048, End: 2048 + 8*mib/512 - 1, Type: diskgpt.EFISystemPartition,
			Name: "HANDBACK-ESP", GUID: settings.ESPGUID}}}
	if err := table.Write(f, made); err != nil {
		t.Fatal(err)
	}
}

func openFile(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// tool runs another program as a judge.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: .ci/setup test installs it", name)
	}
	out, err := exec.CommandContext(context.Background(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// fsckPartition has fsck.exfat judge the data partition inside of an image.
func fsckPartition(t *testing.T, f *os.File, e gptEntry) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	b := make([]byte, int64(e.last-e.first+1)*512)
	if _, err := f.ReadAt(b, int64(e.first)*512); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := tool(t, "fsck.exfat", "-n", path); !strings.Contains(out, "clean") {
		t.Errorf("fsck.exfat: %s", out)
	}
}

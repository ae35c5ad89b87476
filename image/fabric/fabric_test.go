package fabric

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestInstance(t *testing.T) {
	if name, err := instance("instance=12,cntlid=1\n"); name != "nvme12" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
	if name, err := instance("cntlid=1\n"); err == nil {
		t.Errorf("%q of no instance", name)
	}
}

func TestAdapter(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "lo"), 0o755), os.MkdirAll(filepath.Join(dir, "enp0s2/device"), 0o755),
		os.WriteFile(filepath.Join(dir, "enp0s2/carrier"), []byte("1\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if name, ok := adapter(dir); name != "enp0s2" || !ok {
		t.Errorf("%q, %v", name, ok)
	}
	if !carrier(filepath.Join(dir, "enp0s2")) || carrier(filepath.Join(dir, "lo")) {
		t.Error("the cable is not where it is")
	}
	if name, ok := adapter(filepath.Join(dir, "none")); ok {
		t.Errorf("%q of nothing", name)
	}
}

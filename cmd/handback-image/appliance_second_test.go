package main

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/certs/verify"
	"handback.example/cmd/internal/settings"
	"handback.example/image/vmtest"
)

// The stick is pulled while a drive is being erased, and another one of the hub is put
// in: one that was never in a machine before. Records, papers, label and the day's
// list land on it under the first one's name, and the machine is switched off.
func TestApplianceSecondStick(t *testing.T) {
	long(t)
	t.Parallel()
	l := newLaptop(t, nil)
	root, rootKey, cert, key, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(l.dir, "second.img")
	image, err := builtImage()
	if err != nil {
		t.Fatal(err)
	}
	if err := copySparse(l.ctx, second, image); err != nil {
		t.Fatal(err)
	}
	cert2, key2, err := sign.Enrol(root, rootKey, "S02")
	if err != nil {
		t.Fatal(err)
	}
	for stick, files := range map[string]map[string][]byte{l.stick: {espRoot: root, espStick: cert, espKey: key}, second: {espRoot: root, espStick: cert2, espKey: key2, espSettings: []byte("stick = 'S02'\n")}} {
		if err := seed(stick, files); err != nil {
			t.Fatal(err)
		}
	}
	esp := partitionHash(t, second, settings.ESPGUID)
	disk := l.plant("juliett", 48)
	vm := l.start(vmtest.Config{Drives: []vmtest.Drive{{Bus: vmtest.BusNVMe, Target: disk.path, BytesPerSecond: 6 << 20}}})
	l.await(vm, "step", "serial=JULIETT", "step=issue")
	if err := vm.Pull(l.ctx); err != nil {
		t.Fatal(err)
	}
	l.await(vm, "papers-wait")
	if err := vm.Insert(l.ctx, second); err != nil {
		t.Fatal(err)
	}
	l.await(vm, "on-second-stick", "stick=S02")
	if code := l.off(vm); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	disk.gone(t)
	checkSecondStick(t, second, root)
	if partitionHash(t, second, settings.ESPGUID) != esp {
		t.Error("the second stick's boot partition was changed")
	}
	fsckData(t, second)
}

func checkSecondStick(t *testing.T, stick string, rootPEM []byte) {
	t.Helper()
	root, err := sign.ParseCert(rootPEM)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	names, err := takePapers(stick, out)
	if err != nil {
		t.Fatal(err)
	}
	envelopes := spool(t, out)["S01-000001"]
	records, by, err := sign.Verify(envelopes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sign.CheckStick(root, by[0], by[0].NotBefore); err != nil {
		t.Error(err)
	}
	if s := certs.Summarise(records); s.Verdict != certs.Sanitised || records[len(records)-1].Certified == nil {
		t.Errorf("the records say %s, and end with %s", s.Verdict, records[len(records)-1].Kind)
	}
	if len(names) != 2 {
		t.Errorf("papers %v", names)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		if r := verify.File(b, []*x509.Certificate{root}, verify.Options{}); r.Verdict != verify.Genuine {
			t.Errorf("%s: %s", n, r.Sentence)
		}
	}
	for pattern, want := range map[string]string{"labels/S01-000001.zpl": "S01-000001", "labels/S01-000001.pdf": "%PDF-", "certificates/*.csv": "S01-000001,"} {
		found, err := filepath.Glob(filepath.Join(out, pattern))
		if err != nil || len(found) != 1 {
			t.Errorf("%s: %v, %v", pattern, found, err)
			continue
		}
		if b, err := os.ReadFile(found[0]); err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s lacks %q: %v", found[0], want, err)
		}
	}
}

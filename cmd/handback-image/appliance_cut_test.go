package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/cmd/internal/settings"
	"handback.example/image/vmtest"
)

// stored are the files that a visit left in a folder of the stick, by name.
func (l *laptop) stored(folder string) map[string][]byte {
	l.t.Helper()
	files := map[string][]byte{}
	entries, err := os.ReadDir(filepath.Join(l.dir, folder))
	if err != nil && !os.IsNotExist(err) {
		l.t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(l.dir, folder, e.Name()))
		if err != nil {
			l.t.Fatal(err)
		}
		files[e.Name()] = b
	}
	return files
}

// The power is cut in mid-wipe. The next start goes on with the visit, erases what
// was not erased, and says of the drive that was cut that it was.
func TestAppliancePowerCut(t *testing.T) {
	t.Parallel()
	const mib = 48
	l := newLaptop(t, nil)
	cut, done := l.plant("foxtrot", mib), l.plant("golf", mib)
	c := vmtest.Config{TPM: filepath.Join(l.dir, "tpm"), Drives: []vmtest.Drive{
		{Bus: vmtest.BusSATA, Target: cut.path, BytesPerSecond: 1 << 20}, {Bus: vmtest.BusNVMe, Target: done.path}}}
	vm := l.start(c)
	l.await(vm, "finished", "serial=GOLF", "verdict=sanitised")
	l.await(vm, "started", "serial=FOXTROT")
	l.halfway(cut)
	vm.Kill()
	if cut.left(t) == 0 {
		t.Fatal("the drive was erased before the power was cut")
	}
	first := l.takeOne()
	if s := first.summary; s.Verdict == certs.Sanitised || len(s.Orphans) != 1 || s.Orphans[0].Serial != "FOXTROT" || len(first.ends("FOXTROT")) != 0 {
		t.Errorf("after the cut the records say %s, of drive FOXTROT %v", s.Verdict, s.Orphans)
	}
	if len(first.papers) != 0 || first.records[len(first.records)-1].Kind == certs.KindCertified {
		t.Errorf("there are papers of a visit that was cut: %v", slices.Collect(maps.Keys(first.papers)))
	}
	before := l.stored(settings.SpoolDir)

	c.Drives[0].BytesPerSecond = 0
	vm = l.start(c)
	l.await(vm, "picked-up")
	// What is told as done is on the stick: the power goes once more, now that the
	// result is known and before the machine could tidy up.
	if e := l.await(vm, "exit"); e.Values["code"] != "0" {
		t.Errorf("exit %s, want 0", e.Values["code"])
	}
	vm.Kill()
	cut.gone(t)
	done.gone(t)
	v := l.takeOne()
	after := l.stored(settings.SpoolDir)
	for name, b := range before {
		if !bytes.Equal(after[name], b) {
			t.Errorf("record %s is lost or changed", name)
		}
	}
	ends := v.ends("FOXTROT")
	if len(ends) != 2 || ends[0].Verdict != certs.Interrupted || ends[1].Verdict != certs.Sanitised {
		t.Errorf("the drive that was cut ended so: %+v", ends)
	}
	if ends := v.ends("GOLF"); len(ends) != 1 || ends[0].Verdict != certs.Sanitised {
		t.Errorf("the drive that was done ended so: %+v", ends)
	}
	var resumed []bool
	for _, r := range v.records {
		if r.Started != nil && r.Started.Drive.Serial == "FOXTROT" {
			resumed = append(resumed, r.Started.Resumed)
		}
	}
	if !slices.Equal(resumed, []bool{false, true}) {
		t.Errorf("STARTED of the drive that was cut: resumed %v", resumed)
	}
	if s := v.summary; s.Verdict != certs.Sanitised || s.Sanitised != 2 || s.TPMResult != certs.TPMCleared {
		t.Errorf("the records say %s, %d sanitised, TPM %s", s.Verdict, s.Sanitised, s.TPMResult)
	}
	l.genuine(v, "erasure", "hold")
	if v.records[len(v.records)-1].Kind != certs.KindCertified {
		t.Error("the papers are not certified")
	}
	l.freshTPM(v)
	l.espUntouched()
}

// freshTPM: of a TPM that nobody had touched before, the record names the
// endorsement key that it still has.
func (l *laptop) freshTPM(v taken) {
	l.t.Helper()
	withTPM(l.t, filepath.Join(l.dir, "tpm"), func(h hostTPM) {
		if now := h.look(); now.ek != "000b"+v.summary.TPM.EKHash || v.summary.TPM.EKKept != certs.Yes || v.summary.TPM.SRKChanged != certs.Yes {
			l.t.Errorf("the record of the TPM is %+v; its endorsement key is %s", v.summary.TPM, now.ek)
		}
	})
}

// The stick is pulled out once the erasure of every drive is written down. The wipe ends, its records
// and papers wait in memory, the machine stays on, and all lands on the stick when
// it is back.
func TestApplianceStickPulled(t *testing.T) {
	t.Parallel()
	const mib = 48
	l := newLaptop(t, nil)
	one, two := l.plant("hotel", mib), l.plant("india", mib)
	vm := l.start(vmtest.Config{Drives: []vmtest.Drive{
		{Bus: vmtest.BusSATA, Target: one.path, BytesPerSecond: 3 << 20}, {Bus: vmtest.BusNVMe, Target: two.path, BytesPerSecond: 12 << 20}}})
	l.await(vm, "step", "serial=HOTEL", "step=issue")
	l.await(vm, "step", "serial=INDIA", "step=issue")
	if err := vm.Pull(l.ctx); err != nil {
		t.Fatal(err)
	}
	l.await(vm, "stick-gone")
	if e, ok := event(vm, "finished"); ok {
		t.Fatalf("a drive was done before the stick was pulled: %v", e)
	}
	l.await(vm, "finished", "serial=HOTEL", "verdict=sanitised")
	l.await(vm, "finished", "serial=INDIA", "verdict=sanitised")
	l.await(vm, "record-waits")
	l.await(vm, "papers-wait")
	select {
	case <-vm.Done():
		t.Fatal("the machine was switched off while records waited in its memory")
	case <-time.After(10 * time.Second):
	}
	if e, ok := event(vm, "exit"); ok {
		t.Errorf("the visit ended while records waited in memory: %v", e)
	}
	if err := vm.Return(l.ctx); err != nil {
		t.Fatal(err)
	}
	if code := l.off(vm); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	for _, name := range []string{"stick-back", "flushed"} {
		if _, ok := event(vm, name); !ok {
			t.Errorf("there was no event %s", name)
		}
	}
	one.gone(t)
	two.gone(t)
	v := l.takeOne()
	if v.summary.Verdict != certs.Sanitised || v.summary.Sanitised != 2 {
		t.Errorf("the records say %s, %d sanitised", v.summary.Verdict, v.summary.Sanitised)
	}
	l.genuine(v, "erasure", "hold")
	l.espUntouched()
	fsckData(t, l.stick)
}

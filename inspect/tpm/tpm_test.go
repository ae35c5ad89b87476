package tpm_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"handback.example/inspect"
	"handback.example/inspect/internal/tree"
	"handback.example/inspect/tpm"
	"handback.example/inspect/tpm/tpmtest"
)

func TestReadNew(t *testing.T) {
	dev := tpmtest.Start(t).Transport()
	got := tpm.ReadFrom(t.Context(), dev)
	if got.Maker.Value != "IBM" || got.Version.Value != "2.0" || !got.Present.Value {
		t.Errorf("maker %+v, version %+v, present %+v; swtpm is IBM's, 2.0", got.Maker, got.Version, got.Present)
	}
	// swtpm 0.7 with libtpms 0.9 says 2019.10.23: year and month, day and hour.
	if !got.Firmware.Known || strings.Count(got.Firmware.Value, ".") != 3 {
		t.Errorf("firmware %+v", got.Firmware)
	}
	for name, f := range map[string]inspect.Fact[bool]{"owner": got.OwnerAuthSet, "lockout": got.LockoutAuthSet,
		"disable clear": got.DisableClear, "in lockout": got.InLockout} {
		if !f.Known || f.Value {
			t.Errorf("%s: %+v, want known and no", name, f)
		}
	}
	if !got.EKHash.Known || len(got.EKHash.Value) != 64 {
		t.Errorf("EK %+v", got.EKHash)
	}
	if again := tpm.ReadFrom(t.Context(), dev); again.EKHash != got.EKHash {
		t.Errorf("the EK's hash is %q, then %q", got.EKHash.Value, again.EKHash.Value)
	}
}

// The bits as another hand sets them, by TPM2_HierarchyChangeAuth and
// TPM2_ClearControl.
func TestReadPermanent(t *testing.T) {
	dev := tpmtest.Start(t).Transport()
	setPassword(t, dev, tpm2.TPMRHOwner)
	got := tpm.ReadFrom(t.Context(), dev)
	if !got.OwnerAuthSet.Value || got.LockoutAuthSet.Value {
		t.Errorf("owner %+v, lockout %+v after the owner's password was set", got.OwnerAuthSet, got.LockoutAuthSet)
	}
	// TPM2_ClearControl by lockout, empty password, disable: TPM_ST_SESSIONS, 28
	// bytes, TPM_CC_ClearControl 00000127, TPM_RH_LOCKOUT 4000000a.
	answer, err := dev.Send([]byte("\x80\x02\x00\x00\x00\x1c\x00\x00\x01\x27\x40\x00\x00\x0a\x00\x00\x00\x09\x40\x00\x00\x09\x00\x00\x00\x00\x00\x01"))
	if err != nil || len(answer) < 10 || string(answer[6:10]) != "\x00\x00\x00\x00" {
		t.Fatalf("TPM2_ClearControl: % x, %v", answer, err)
	}
	setPassword(t, dev, tpm2.TPMRHLockout)
	got = tpm.ReadFrom(t.Context(), dev)
	if !got.DisableClear.Value || !got.LockoutAuthSet.Value {
		t.Errorf("disable clear %+v, lockout %+v", got.DisableClear, got.LockoutAuthSet)
	}
	if key := tpm.SRK(t.Context(), dev); key.Value.Known || !strings.Contains(key.Value.Why, "password") {
		t.Errorf("the SRK behind a password is %+v", key)
	}
}

func setPassword(t *testing.T, dev transport.TPM, h tpm2.TPMHandle) {
	t.Helper()
	_, err := tpm2.HierarchyChangeAuth{AuthHandle: tpm2.AuthHandle{Handle: h, Auth: tpm2.PasswordAuth(nil)},
		NewAuth: tpm2.TPM2BAuth{Buffer: []byte("right")}}.Execute(dev)
	if err != nil {
		t.Fatal(err)
	}
}

// Nothing of ours stays in the TPM: it has few slots.
func TestLeavesNothing(t *testing.T) {
	dev := tpmtest.Start(t).Transport()
	for range 8 {
		if k := tpm.SRK(t.Context(), dev); !k.Value.Known {
			t.Fatalf("SRK: %s", k.Value.Why)
		}
		if k := tpm.EK(t.Context(), dev); !k.Value.Known {
			t.Fatalf("EK: %s", k.Value.Why)
		}
	}
	rsp, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: 0x80000000, PropertyCount: 16}.Execute(dev)
	if err != nil {
		t.Fatal(err)
	}
	handles, err := rsp.CapabilityData.Data.Handles()
	if err != nil || len(handles.Handle) != 0 {
		t.Errorf("transient objects left: %x, %v", handles, err)
	}
}

// A TPM that fails leaves everything unknown, with a reason.
func TestFailing(t *testing.T) {
	dead := tpmtest.Start(t)
	gone := dead.Transport()
	dead.Kill()
	for name, dev := range map[string]transport.TPM{"not started": tpmtest.StartDead(t).Transport(), "gone": gone} {
		got := tpm.ReadFrom(t.Context(), dev)
		if got.Maker.Known || got.EKHash.Known || got.LockoutAuthSet.Known || got.DisableClear.Known || got.OwnerAuthSet.Known {
			t.Errorf("%s: something is known: %+v", name, got)
		}
		if got.LockoutAuthSet.Why == "" || got.EKHash.Why == "" {
			t.Errorf("%s: no reason: %+v", name, got)
		}
	}
}

// A TPM that never answers ends with the context, and is not asked again.
func TestHanging(t *testing.T) {
	d := tpmtest.Start(t)
	dev := d.Transport()
	d.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	got := tpm.ReadFrom(ctx, dev)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if got.LockoutAuthSet.Known || got.EKHash.Known {
		t.Errorf("something is known: %+v", got)
	}
}

func TestPresence(t *testing.T) {
	for name, c := range map[string]struct {
		files          map[string]string
		known, present bool
		version        string
	}{
		"TPM 2.0":                {map[string]string{"sys/class/tpm/tpm0/tpm_version_major": "2\n"}, true, true, "2.0"},
		"TPM 1.2":                {map[string]string{"sys/class/tpm/tpm0/tpm_version_major": "1\n"}, true, true, "1.2"},
		"a version of its own":   {map[string]string{"sys/class/tpm/tpm0/tpm_version_major": "\x1b[2J7\n"}, true, true, ""},
		"no version":             {map[string]string{"sys/class/tpm/tpm0/uevent": "\n"}, true, true, ""},
		"none":                   {map[string]string{"sys/class/tpm/": ""}, true, false, ""},
		"named by the firmware":  {map[string]string{"sys/class/tpm/": "", "sys/firmware/acpi/tables/TPM2": "TPM2"}, false, false, ""},
		"no support":             {map[string]string{"sys/class/net/": ""}, false, false, ""},
		"no tree worth the name": {nil, false, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := tpm.Read(t.Context(), tree.At(makeTree(t, c.files)), nil)
			if got.Present.Known != c.known || got.Present.Value != c.present || got.Version.Value != c.version {
				t.Errorf("present %+v, version %+v", got.Present, got.Version)
			}
			if !got.Present.Known && got.Present.Why == "" || !got.Version.Known && got.Version.Why == "" {
				t.Error("no reason is given")
			}
			if got.LockoutAuthSet.Known || got.EKHash.Known || got.EKHash.Why == "" {
				t.Errorf("files told of the TPM's inside: %+v", got)
			}
		})
	}
}

func makeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		dir := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			dir = path
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if dir == path {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// answers gives the same bytes to every command.
type answers []byte

func (a answers) Send([]byte) ([]byte, error) { return a, nil }

// FuzzAnswer: whatever a TPM sends, nothing panics and no key is made up.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"",
		"\x80\x01\x00\x00\x00\x0a\x00\x00\x01\x01",                                                                             // TPM_RC_FAILURE
		"\x80\x01\x00\x00\x00\x1b\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x01\x00\x00\x01\x05IBM\x00",                  // manufacturer
		"\x80\x01\x00\x00\x00\x1b\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x01\x00\x00\x02\x00\x00\x00\x00\x00",         // permanent
		"\x80\x01\x00\x00\x00\x15\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x01\x00\x03",                                 // curves
		"\x80\x01\x00\x00\x00\x1b\x00\x00\x00\x00\x00\x00\x00\x00\x06\xff\xff\xff\xff\x00\x00\x02\x00\x00\x00\x00\x00",         // a list without end
		"\x80\x02\x00\x00\x00\x20\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", // an empty key
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := tpm.ReadFrom(context.Background(), answers(raw))
		if got.EKHash.Known || tpm.SRK(context.Background(), answers(raw)).Value.Known {
			t.Errorf("one answer to every question made a key: % x", raw)
		}
	})
}

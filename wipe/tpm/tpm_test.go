package tpm_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	facts "handback.example/inspect/tpm"
	"handback.example/inspect/tpm/tpmtest"
	"handback.example/wipe/tpm"
)

// bench is one machine: a real TPM in software, and the files by which the kernel
// shows it and the firmware's interface.
type bench struct {
	t    *testing.T
	soft *tpmtest.TPM
	dev  transport.TPMCloser
	root string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, soft: tpmtest.Start(t), root: t.TempDir()}
	b.dev = b.soft.Transport()
	b.file("sys/class/tpm/tpm0/tpm_version_major", "2\n")
	b.file("proc/sys/kernel/random/boot_id", "b8ba7b0e-7a2a-4a2c-9a3e-0c6d2a4c9d11\n")
	return b
}

// withFirmware gives the machine a physical presence interface as the kernel
// shows it.
func (b *bench) withFirmware() *bench {
	b.file("sys/class/tpm/tpm0/ppi/request", "0\n")
	b.file("sys/class/tpm/tpm0/ppi/response", "0: No Recent Request\n")
	b.file("sys/class/tpm/tpm0/ppi/transition_action", "2: Reboot\n")
	b.file("sys/class/tpm/tpm0/ppi/tcg_operations", "1 4: User not required\n5 3: User required\n14 3: User required\n")
	return b
}

// restart as the firmware leaves things after it dealt with a request.
func (b *bench) restart(response string) {
	b.file("sys/class/tpm/tpm0/ppi/request", "0\n")
	b.file("sys/class/tpm/tpm0/ppi/response", response)
	b.file("proc/sys/kernel/random/boot_id", "1fd0c8a4-9e62-4b47-8a0f-58b27c6de3a2\n")
}

func (b *bench) file(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.root, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func (b *bench) device() tpm.Device { return tpm.Device{Root: b.root, Open: b.soft.Open} }

// through a transport that meddles.
func (b *bench) through(m meddler) tpm.Device {
	return tpm.Device{Root: b.root, Open: func(context.Context) (transport.TPMCloser, error) {
		m.TPMCloser = b.dev
		return &m, nil
	}}
}

// meddler changes the answers of a real TPM: by command code, the answer that is
// given in its place without the TPM being asked.
type meddler struct {
	transport.TPMCloser
	instead map[string]string
	broken  map[string]error
	after   map[string]func()
	sent    *[]string
}

func (m *meddler) Send(command []byte) ([]byte, error) {
	code := string(command[6:10])
	if m.sent != nil {
		*m.sent = append(*m.sent, code)
	}
	if err := m.broken[code]; err != nil {
		return nil, err
	}
	if answer, ok := m.instead[code]; ok {
		return []byte(answer), nil
	}
	answer, err := m.TPMCloser.Send(command)
	if f := m.after[code]; f != nil {
		f()
	}
	return answer, err
}

const (
	ccClear         = "\x00\x00\x01\x26" // TPM_CC_Clear (part 2, 6.5.2)
	ccCreatePrimary = "\x00\x00\x01\x31"
	// A good answer to TPM2_Clear: TPM_ST_SESSIONS, 19 bytes, TPM_RC_SUCCESS, no
	// parameters, the empty answer of a password session that continues.
	clearSuccess = "\x80\x02\x00\x00\x00\x13\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00"
	rcFailure    = "\x80\x01\x00\x00\x00\x0a\x00\x00\x01\x01" // TPM_RC_FAILURE
)

func (b *bench) password(h tpm2.TPMHandle, old, new string) error {
	_, err := tpm2.HierarchyChangeAuth{AuthHandle: tpm2.AuthHandle{Handle: h, Auth: tpm2.PasswordAuth([]byte(old))},
		NewAuth: tpm2.TPM2BAuth{Buffer: []byte(new)}}.Execute(b.dev)
	return err
}

func (b *bench) setPassword(h tpm2.TPMHandle) {
	b.t.Helper()
	if err := b.password(h, "", "right"); err != nil {
		b.t.Fatal(err)
	}
}

// disableClear by TPM2_ClearControl, lockout, empty password, yes.
func (b *bench) disableClear() {
	b.t.Helper()
	answer, err := b.dev.Send([]byte("\x80\x02\x00\x00\x00\x1c\x00\x00\x01\x27\x40\x00\x00\x0a\x00\x00\x00\x09\x40\x00\x00\x09\x00\x00\x00\x00\x00\x01"))
	if err != nil || len(answer) < 10 || string(answer[6:10]) != "\x00\x00\x00\x00" {
		b.t.Fatalf("TPM2_ClearControl: % x, %v", answer, err)
	}
}

// firmwareClears as firmware does it: by the platform hierarchy, which no password
// of the owner closes.
func (b *bench) firmwareClears() {
	b.t.Helper()
	// TPM2_ClearControl by TPM_RH_PLATFORM 4000000c, no: clearing is enabled again.
	if _, err := b.dev.Send([]byte("\x80\x02\x00\x00\x00\x1c\x00\x00\x01\x27\x40\x00\x00\x0c\x00\x00\x00\x09\x40\x00\x00\x09\x00\x00\x00\x00\x00\x00")); err != nil {
		b.t.Fatal(err)
	}
	_, err := tpm2.Clear{AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHPlatform, Auth: tpm2.PasswordAuth(nil)}}.Execute(b.dev)
	if err != nil {
		b.t.Fatal(err)
	}
}

// plant an NV index of the owner.
func (b *bench) plant() {
	b.t.Helper()
	_, err := tpm2.NVDefineSpace{
		AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)},
		PublicInfo: tpm2.New2B(tpm2.TPMSNVPublic{NVIndex: 0x01500001, NameAlg: tpm2.TPMAlgSHA256, DataSize: 32,
			Attributes: tpm2.TPMANV{OwnerRead: true, OwnerWrite: true, AuthRead: true, AuthWrite: true, NT: tpm2.TPMNTOrdinary}}),
	}.Execute(b.dev)
	if err != nil {
		b.t.Fatal(err)
	}
}

// planted counts the owner's NV indices.
func (b *bench) planted() int {
	b.t.Helper()
	rsp, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: 0x01500000, PropertyCount: 8}.Execute(b.dev)
	if err != nil {
		b.t.Fatal(err)
	}
	handles, err := rsp.CapabilityData.Data.Handles()
	if err != nil {
		b.t.Fatal(err)
	}
	n := 0
	for _, h := range handles.Handle {
		if h>>16 == 0x0150 {
			n++
		}
	}
	return n
}

func (b *bench) srk() string { return facts.SRK(b.t.Context(), b.dev).Value.Value }

func (b *bench) want(o tpm.Outcome, r tpm.Result) {
	b.t.Helper()
	if o.Result != r {
		b.t.Fatalf("result %q, want %q: %s %s", o.Result, r, o.What, o.Do)
	}
	if o.What == "" || (r != tpm.Cleared && r != tpm.NotPresent) && o.Do == "" {
		b.t.Errorf("a person is not told what happened and what to do: %+v", o)
	}
	proved := o.SRKChanged.Known && o.SRKChanged.Value && o.EKKept.Known && o.EKKept.Value
	if r == tpm.Cleared && !proved {
		b.t.Errorf("cleared without proof: %+v", o)
	}
	if (r == tpm.Pending) != (o.Note != nil) {
		b.t.Errorf("%s with note %+v", r, o.Note)
	}
}

func TestClear(t *testing.T) {
	b := newBench(t)
	b.plant()
	before := b.srk()
	o := tpm.Clear(t.Context(), b.device())
	b.want(o, tpm.Cleared)
	if o.SRKBefore != before || o.SRKAfter != b.srk() || o.SRKBefore == o.SRKAfter || len(o.SRKAfter) != 68 || !strings.HasPrefix(o.SRKAfter, "000b") {
		t.Errorf("SRK %q, then %q; the TPM has %q and had %q", o.SRKBefore, o.SRKAfter, b.srk(), before)
	}
	if got := facts.ReadFrom(t.Context(), b.dev).EKHash.Value; o.EKHash != got || got == "" {
		t.Errorf("EK %q, inspection says %q", o.EKHash, got)
	}
	if o.How != "TPM2_Clear" || o.Do != "" || strings.Contains(o.What, "twice") {
		t.Errorf("%+v", o)
	}
	if n := b.planted(); n != 0 {
		t.Errorf("%d NV indices survived", n)
	}
}

// An owner's or endorsement password hides a key that proves a clear: the second
// clear is proved.
func TestClearBehindPassword(t *testing.T) {
	for name, h := range map[string]tpm2.TPMHandle{"owner": tpm2.TPMRHOwner, "endorsement": tpm2.TPMRHEndorsement} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.plant()
			b.setPassword(h)
			o := tpm.Clear(t.Context(), b.device())
			b.want(o, tpm.Cleared)
			if b.planted() != 0 || !strings.Contains(o.What, "twice") {
				t.Errorf("%d NV indices; %s", b.planted(), o.What)
			}
		})
	}
}

// With a lockout password no clear and no password is sent: the right one still
// works afterwards, and the TPM is not in lockout.
func TestLockoutPassword(t *testing.T) {
	b := newBench(t).withFirmware()
	b.plant()
	b.setPassword(tpm2.TPMRHLockout)
	before := b.srk()
	var sent []string
	o := tpm.Clear(t.Context(), b.through(meddler{sent: &sent}))
	b.want(o, tpm.Pending)
	if strings.Contains(strings.Join(sent, ""), ccClear) {
		t.Error("TPM2_Clear was sent")
	}
	if b.srk() != before || b.planted() != 1 {
		t.Error("the TPM was changed")
	}
	if got := b.read("sys/class/tpm/tpm0/ppi/request"); got != "5" {
		t.Errorf("the request is %q", got)
	}
	if o.Note.SRKBefore != before || o.Note.EKHash != o.EKHash || o.EKHash == "" || o.Note.Operation != 5 || o.SRKBefore != before {
		t.Errorf("the note is %+v", o.Note)
	}
	if !strings.Contains(o.Do, "confirm") || !strings.HasPrefix(o.Do, "Start the device again") {
		t.Errorf("to do: %s", o.Do)
	}
	if facts.ReadFrom(t.Context(), b.dev).InLockout.Value {
		t.Error("the TPM is in lockout")
	}
	if err := b.password(tpm2.TPMRHLockout, "right", ""); err != nil {
		t.Errorf("the right password does not work any more: %v", err)
	}
}

func TestDisableClear(t *testing.T) {
	b := newBench(t).withFirmware()
	b.disableClear()
	before := b.srk()
	o := tpm.Clear(t.Context(), b.device())
	b.want(o, tpm.Pending)
	if b.srk() != before {
		t.Error("the TPM was changed")
	}
	b.firmwareClears()
	b.restart("5 0: Success\n")
	b.want(tpm.Resume(t.Context(), b.device(), *o.Note), tpm.Cleared)
}

// A firmware that cannot be asked, or does not take the request.
func TestFirmwareDeclines(t *testing.T) {
	for name, prepare := range map[string]func(*bench){
		"no interface": func(b *bench) { _ = os.RemoveAll(filepath.Join(b.root, "sys/class/tpm/tpm0/ppi")) },
		"only in its setup": func(b *bench) {
			b.file("sys/class/tpm/tpm0/ppi/tcg_operations", "5 1: BIOS only\n")
		},
		"blocked": func(b *bench) {
			b.file("sys/class/tpm/tpm0/ppi/tcg_operations", "5 2: Blocked for OS by BIOS\n")
		},
		// A write that fails: nobody can write to a folder, root neither.
		"write fails": func(b *bench) {
			_ = os.Remove(filepath.Join(b.root, "sys/class/tpm/tpm0/ppi/request"))
			_ = os.Mkdir(filepath.Join(b.root, "sys/class/tpm/tpm0/ppi/request"), 0o755)
		},
		"not kept": func(b *bench) {
			_ = os.Remove(filepath.Join(b.root, "sys/class/tpm/tpm0/ppi/request"))
			if err := os.Symlink("/dev/zero", filepath.Join(b.root, "sys/class/tpm/tpm0/ppi/request")); err != nil {
				b.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).withFirmware()
			b.setPassword(tpm2.TPMRHLockout)
			prepare(b)
			o := tpm.Clear(t.Context(), b.device())
			b.want(o, tpm.NotCleared)
			if !strings.Contains(o.Do, "firmware setup") || !strings.Contains(o.What, "lockout password") {
				t.Errorf("%s %s", o.What, o.Do)
			}
		})
	}
}

func TestResume(t *testing.T) {
	const granted, aborted = "5 0: Success\n", "5 0xFFFFFFF0: User Abort\n"
	for name, c := range map[string]struct {
		before, after func(*bench)
		want          tpm.Result
		says          string
	}{
		"cleared":                     {nil, func(b *bench) { b.firmwareClears(); b.restart(granted) }, tpm.Cleared, "storage key is new"},
		"cleared, response lost":      {nil, func(b *bench) { b.firmwareClears(); b.restart("0: No Recent Request\n") }, tpm.Cleared, "storage key is new"},
		"cleared, firmware denies it": {nil, func(b *bench) { b.firmwareClears(); b.restart(aborted) }, tpm.Cleared, "storage key is new"}, // by a clear of our own
		"declined by the person":      {nil, func(b *bench) { b.restart(aborted) }, tpm.NotCleared, "declined"},
		"firmware failed":             {nil, func(b *bench) { b.restart("5 0xFFFFFFF1: BIOS Failure\n") }, tpm.NotCleared, "BIOS Failure"},
		"says success, did nothing":   {nil, func(b *bench) { b.restart(granted) }, tpm.NotCleared, "still the same"},
		"left undone":                 {nil, func(b *bench) { b.restart(""); b.file("sys/class/tpm/tpm0/ppi/request", "5\n") }, tpm.NotCleared, "still the same"},
		"hostile response":            {nil, func(b *bench) { b.restart("5 \x1b[2J0: Success\nPASS\n") }, tpm.NotCleared, "still the same"},
		"not started again":           {nil, func(*bench) {}, tpm.Pending, "not been started again"},
		"hidden keys, cleared": {func(b *bench) { b.setPassword(tpm2.TPMRHOwner); b.setPassword(tpm2.TPMRHEndorsement) },
			func(b *bench) { b.firmwareClears(); b.restart(granted) }, tpm.Cleared, "storage key is new"},
		"hidden keys, says success, did nothing": {func(b *bench) { b.setPassword(tpm2.TPMRHOwner); b.setPassword(tpm2.TPMRHEndorsement) },
			func(b *bench) { b.restart(granted) }, tpm.NotCleared, "lockout password is still set"},
		"gone": {nil, func(b *bench) { _ = os.RemoveAll(filepath.Join(b.root, "sys/class/tpm/tpm0")) }, tpm.Unknown, "no longer to be seen"},
		"another TPM": {nil, func(b *bench) {
			b.restart(granted)
			b.soft = tpmtest.Start(b.t)
		}, tpm.Unknown, "another TPM"},
		"dead": {nil, func(b *bench) { b.restart(granted); b.soft.Kill() }, tpm.NotCleared, "not be proved"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).withFirmware()
			if c.before != nil {
				c.before(b)
			}
			b.setPassword(tpm2.TPMRHLockout)
			asked := tpm.Clear(t.Context(), b.device())
			b.want(asked, tpm.Pending)
			c.after(b)
			o := tpm.Resume(t.Context(), b.device(), keep(t, *asked.Note))
			b.want(o, c.want)
			if !strings.Contains(o.What, c.says) || strings.ContainsAny(o.What, "\x1b\n") {
				t.Errorf("%q does not say %q", o.What, c.says)
			}
		})
	}
}

// keep a note as the stick does.
func keep(t *testing.T, n tpm.Note) tpm.Note {
	t.Helper()
	b, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	var kept tpm.Note
	if err := json.Unmarshal(b, &kept); err != nil || kept != n {
		t.Fatalf("%s became %+v: %v", b, kept, err)
	}
	return kept
}

// A TPM on another machine is not cleared by the note of this one, even where
// nothing stands in the way.
func TestResumeElsewhere(t *testing.T) {
	b := newBench(t).withFirmware()
	b.setPassword(tpm2.TPMRHLockout)
	note := *tpm.Clear(t.Context(), b.device()).Note
	other := newBench(t)
	before := other.srk()
	other.want(tpm.Resume(t.Context(), other.device(), note), tpm.Unknown)
	if other.srk() != before {
		t.Error("it was cleared")
	}
}

// What a TPM says of a clear proves nothing.
func TestLies(t *testing.T) {
	for name, c := range map[string]struct {
		m    meddler
		want tpm.Result
	}{
		"says cleared, is not":  {meddler{instead: map[string]string{ccClear: clearSuccess}}, tpm.NotCleared},
		"refuses":               {meddler{instead: map[string]string{ccClear: rcFailure}}, tpm.NotCleared}, // and there is no firmware to ask
		"no answer to a clear":  {meddler{broken: map[string]error{ccClear: errors.New("input/output error")}}, tpm.Unknown},
		"empty answer":          {meddler{instead: map[string]string{ccClear: ""}}, tpm.Unknown},
		"answer cut short":      {meddler{instead: map[string]string{ccClear: clearSuccess[:12]}}, tpm.Unknown},
		"gives no keys":         {meddler{instead: map[string]string{ccCreatePrimary: rcFailure}}, tpm.Unknown},
		"keys that are no keys": {meddler{instead: map[string]string{ccCreatePrimary: clearSuccess}}, tpm.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.want(tpm.Clear(t.Context(), b.through(c.m)), c.want)
		})
	}
}

// Where the endorsement key changes with the clear, it may be another TPM, and a
// second clear must not make up for it.
func TestAnotherEK(t *testing.T) {
	for name, h := range map[string]tpm2.TPMHandle{"plain": 0, "owner's password": tpm2.TPMRHOwner} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if h != 0 {
				b.setPassword(h)
			}
			changes := 0
			changeEPS := func() { // TPM2_ChangeEPS by TPM_RH_PLATFORM, once
				if changes++; changes > 1 {
					return
				}
				answer, err := b.dev.Send([]byte("\x80\x02\x00\x00\x00\x1b\x00\x00\x01\x24\x40\x00\x00\x0c\x00\x00\x00\x09\x40\x00\x00\x09\x00\x00\x00\x00\x00"))
				if err != nil || len(answer) < 10 || string(answer[6:10]) != "\x00\x00\x00\x00" {
					t.Fatalf("TPM2_ChangeEPS: % x, %v", answer, err)
				}
			}
			o := tpm.Clear(t.Context(), b.through(meddler{after: map[string]func(){ccClear: changeEPS}}))
			b.want(o, tpm.Unknown)
			if !o.EKKept.Known || o.EKKept.Value || changes != 1 {
				t.Errorf("EK kept %+v after %d clears", o.EKKept, changes)
			}
		})
	}
}

// What the person is told to do follows the firmware's own words.
func TestHowToGoOn(t *testing.T) {
	b := newBench(t).withFirmware()
	b.setPassword(tpm2.TPMRHLockout)
	b.file("sys/class/tpm/tpm0/ppi/tcg_operations", "5 4: User not required\n")
	b.file("sys/class/tpm/tpm0/ppi/transition_action", "1: Shutdown\n")
	o := tpm.Clear(t.Context(), b.device())
	b.want(o, tpm.Pending)
	if o.Do != "Switch the device off and on again. Leave the stick in." {
		t.Errorf("to do: %s", o.Do)
	}
}

func TestFailing(t *testing.T) {
	b := newBench(t)
	b.soft = tpmtest.StartDead(t)
	b.want(tpm.Clear(t.Context(), b.device()), tpm.NotCleared)
	b.soft.Kill()
	b.want(tpm.Clear(t.Context(), b.device()), tpm.NotCleared)
	b.want(tpm.Clear(t.Context(), tpm.Device{Root: b.root}), tpm.NotCleared) // files of another machine
}

// A TPM that hangs ends with the context.
func TestHanging(t *testing.T) {
	b := newBench(t)
	b.soft.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	b.want(tpm.Clear(ctx, b.device()), tpm.NotCleared)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// A clear that gets no answer in time is unknown: it may have been carried out.
func TestHangingInClear(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	hang := tpm.Device{Root: b.root, Open: func(context.Context) (transport.TPMCloser, error) {
		return hangs{b.dev, t.Context()}, nil
	}}
	b.want(tpm.Clear(ctx, hang), tpm.Unknown)
}

// hangs at TPM2_Clear until the test ends.
type hangs struct {
	transport.TPMCloser
	end context.Context
}

func (h hangs) Send(command []byte) ([]byte, error) {
	if string(command[6:10]) == ccClear {
		<-h.end.Done()
		return nil, h.end.Err()
	}
	return h.TPMCloser.Send(command)
}

func TestPresence(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  tpm.Result
	}{
		"TPM 1.2":                     {map[string]string{"sys/class/tpm/tpm0/tpm_version_major": "1\n"}, tpm.NotCleared},
		"no support":                  {nil, tpm.Unknown},
		"named, but does not come up": {map[string]string{"sys/firmware/acpi/tables/TPM2": "TPM2", "sys/class/tpm": "/"}, tpm.Unknown},
		"not there":                   {map[string]string{"sys/class/tpm": "/"}, tpm.NotPresent},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{t: t, root: t.TempDir()}
			for file, text := range c.files {
				if text == "/" {
					if err := os.MkdirAll(filepath.Join(b.root, file), 0o755); err != nil {
						t.Fatal(err)
					}
					continue
				}
				b.file(file, text)
			}
			o := tpm.Clear(t.Context(), tpm.Device{Root: b.root})
			b.want(o, c.want)
		})
	}
}

func TestZeroIsNoSuccess(t *testing.T) {
	var o tpm.Outcome
	if o.Result == tpm.Cleared || o.Result == tpm.NotPresent || o.SRKChanged.Known || o.EKKept.Known {
		t.Errorf("%+v", o)
	}
}

package survey

import (
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
)

// Drives of each bus, as a profile has them.
const (
	profileATA  = "name = 'x'\nsource = 'x'\n[ata]\nserial = 'S1'\nmodel = 'SED'\nnative_sectors = 1048576\nrotation = 1\n"
	profileSCSI = "name = 'x'\nsource = 'x'\n[scsi]\nvendor = 'SEAGATE'\nproduct = 'SED'\nserial = 'S1'\nblocks = 1048576\nrotation = 1\n"
	profileNVMe = "name = 'x'\nsource = 'x'\n[nvme]\nserial = 'S1'\nmodel = 'SED'\n[[nvme.namespaces]]\nid = 1\nblocks = 1048576\nattached = true\n"
	factory     = "[opal]\nmsid = 'M'\n"
	locked      = "[opal]\nmsid = 'M'\nsid = 'of its owner'\nactivated = true\nlocked = true\nsid_blocked = true\n"
)

// plugged is a computer with the drive of a profile, just switched on, and its path.
func plugged(t *testing.T, text string) (*inproc.Host, string) {
	t.Helper()
	p, err := profile.Parse("test", text, profile.Options{Clock: sim.NewManual()})
	if err != nil {
		t.Fatal(err)
	}
	h := inproc.NewHost(sim.NewManual())
	paths, err := p.Attach(h, "/dev/x")
	if err != nil {
		t.Fatal(err)
	}
	sim.SwitchOn(p.Model)
	return h, paths[0]
}

// askOpal makes the drive of a profile and asks it what it says of its security
// subsystem.
func askOpal(t *testing.T, text string) *inspect.Opal {
	t.Helper()
	h, path := plugged(t, text)
	dev, err := h.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	var d subject
	if d.Identity, err = dev.Identify(t.Context()); err != nil {
		t.Fatal(err)
	}
	survey{}.opal(t.Context(), &d, dev)
	return d.Opal
}

func TestOpalFacts(t *testing.T) {
	yes, no := inspect.Known(true, level0), inspect.Known(false, level0)
	opal2 := inspect.Known("Opal 2", level0)
	for name, text := range map[string]string{"ATA": profileATA, "SCSI": profileSCSI, "NVMe": profileNVMe} {
		if got, want := askOpal(t, text+factory), (inspect.Opal{Supported: yes, SSC: opal2, Activated: no, Locked: no, Encrypts: yes, Shadowed: no, Owned: no, SIDBlocked: no}); *got != want {
			t.Errorf("%s, as it left the factory: %+v", name, got)
		}
		if got, want := askOpal(t, text+locked), (inspect.Opal{Supported: yes, SSC: opal2, Activated: yes, Locked: yes, Encrypts: yes, Shadowed: no, Owned: yes, SIDBlocked: yes}); *got != want {
			t.Errorf("%s, locked: %+v", name, got)
		}
		if got := askOpal(t, text+factory+"no_block_sid = true\n"); !got.Supported.Value || got.Owned.Known || got.SIDBlocked.Known || got.Owned.Why == "" {
			t.Errorf("%s, without Block SID: %+v", name, got)
		}
		none := askOpal(t, text)
		for what, f := range map[string]inspect.Fact[bool]{"supported": none.Supported, "activated": none.Activated, "locked": none.Locked, "owned": none.Owned} {
			if !f.Known || f.Value || f.Source == "" {
				t.Errorf("%s without a security subsystem: %s is %+v", name, what, f)
			}
		}
	}
}

// What was claimed and can't be had is unknown, never 'no'.
func TestOpalUnknown(t *testing.T) {
	identify := at(t, 512, map[int]string{54: "4153", 96: "0140"}) // word 27: a model; word 48: trusted computing
	sata := subject{Drive: inspect.Drive{Identity: drive.Identity{Bus: drive.BusSATA}}}
	sas := subject{Drive: inspect.Drive{Identity: drive.Identity{Bus: drive.BusSCSI}}}
	const receive, in = "85 08 0e 00 01 00 04 00 00 00 01 00 00 00 5c", "a2 01 00 01 00 00 00 00 08 00"
	refusal := func(sense string) error {
		return &drive.StatusError{Protocol: drive.ProtocolSCSI, Completion: drive.Completion{Status: 2, Sense: bytesOf(t, sense)}}
	}
	for name, c := range map[string]struct {
		d     subject
		steps []step
	}{
		"IDENTIFY is lost":       {sata, []step{{frame: ataIdentify, err: errGone}}},
		"the kernel refuses":     {sata, []step{{frame: ataIdentify, data: identify}, {frame: receive, err: refusal("70 00 05 00 00 00 00 0a 00 00 00 00 24 00 00 00 00 00")}}},
		"zeros come":             {sata, []step{{frame: ataIdentify, data: identify}, {frame: receive, data: make([]byte, 2048)}}},
		"it is cut short":        {sata, []step{{frame: ataIdentify, data: identify}, {frame: receive, data: make([]byte, 512)}}},
		"no answer":              {sas, []step{{frame: in, err: errGone}}},
		"not ready":              {sas, []step{{frame: in, err: refusal("72 02 04 01 00 00 00 00")}}},
		"zeros come over SCSI":   {sas, []step{{frame: in, data: make([]byte, 2048)}}},
		"nothing comes over SAS": {sas, []step{{frame: in}}},
	} {
		s := &script{t, c.steps}
		survey{}.opal(t.Context(), &c.d, s)
		s.end()
		o := c.d.Opal
		if o == nil || o.Supported.Known || o.Locked.Known || o.Activated.Known || o.Owned.Known || o.SIDBlocked.Known || o.Supported.Why == "" {
			t.Errorf("%s: %+v", name, o)
		}
	}
	usb := subject{Drive: inspect.Drive{Identity: drive.Identity{Bus: drive.BusUSB}}}
	survey{}.opal(t.Context(), &usb, &script{t, nil})
	if usb.Opal != nil {
		t.Errorf("a bridge that shows no inner drive: %+v", usb.Opal)
	}
}

// A locked drive gives nobody its blocks: that is said, and not each read that failed.
func TestLockedIsSaidOnce(t *testing.T) {
	for name, text := range map[string]string{
		"ATA password": profileATA + "[ata.security]\nsupported = true\nenabled = true\nuser_password = 'x'\nmaster_password = 'y'\n",
		"Opal":         profileATA + locked,
	} {
		h, path := plugged(t, text)
		d := Ask(t.Context(), h, path)[0]
		if !isLocked(d) || len(d.Problems) != 1 || d.Problems[0] != "what it holds can't be read while it is locked" {
			t.Errorf("%s: locked %v, problems %q", name, isLocked(d), d.Problems)
		}
	}
}

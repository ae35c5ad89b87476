package bench

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/fabric"
	"handback.example/cmd/handback/internal/ipp"
	"handback.example/cmd/handback/internal/pid1"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/keylock"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/linux"
	"handback.example/inspect/function"
	"handback.example/inspect/platform"
	"handback.example/inspect/survey"
	"handback.example/wipe"
	sleep "handback.example/wipe/platform"
	"handback.example/wipe/technique"
	"handback.example/wipe/tpm"
)

// Station is what the stick brings: who we are, what is wanted, where records go.
type Station struct {
	Settings settings.Settings
	Signer   *sign.Signer
	// Locked is the signer's key under a passphrase; nil: it lies open, and Signer
	// has it.
	Locked []byte
	// Store is nil where the stick can't be written; then StoreErr says why, and
	// nothing is erased.
	Store    stick.Store
	StoreErr error
	// Logo of the letterhead, as settings name it: a PNG in base64; empty: none.
	Logo string
	// Processors that Windows 11 supports, as settings name a list; its zero value is
	// none. NoProcessors says why the list can't be used: then the rule goes on.
	Processors   platform.Processors
	NoProcessors error
	// Image is the SHA-256 of the booted image as the stick has it; empty: unknown.
	Image string
}

// World is the machine that the engine stands in.
type World struct {
	Station func(ctx context.Context) (Station, error)
	// Second opens another stick of the same hub, while the first is away. nil: there is none.
	Second func(ctx context.Context, home Station) (Second, error)
	// Copies of records outlive the engine's program, not the machine's power; nil: none are kept.
	Copies stick.Store
	// Print a document on a printer of the network; nil: there is none.
	Print func(ctx context.Context, uri string, d ipp.Document) error
	// Survey looks at the machine, and tells of drives that it waits for.
	Survey func(ctx context.Context, silent func(inspect.Drive)) (*inspect.Report, error)
	// Machine looks at the machine without its drives, none of which it waits for.
	Machine func(ctx context.Context) *inspect.Report
	// Suspend puts the machine to sleep for a moment. nil: it can't be.
	Suspend func(ctx context.Context, m sleep.Machine) error
	// Fabric connects the drives on a network that the machine's firmware names, and
	// says how many; it is asked only in a demonstration under a hypervisor. nil: none.
	Fabric func(ctx context.Context) (int, error)
	Opener drive.Opener
	// Paths of all that may be a drive now: one that comes back under another name is
	// looked for there. nil: nobody looks.
	Paths func() []string
	// Clock by which drives are waited for; nil: the computer's own.
	Clock     technique.Clock
	ClearTPM  func(ctx context.Context) tpm.Outcome
	ResumeTPM func(ctx context.Context, n tpm.Note) tpm.Outcome
	Now       func() time.Time
	Uptime    func() time.Duration
	// Marker is a file that is there once a drive's erasure has begun since power-on:
	// an engine that takes over from one that died must not say that nothing was
	// erased, though the stick with the records may be gone. Empty: none is kept.
	Marker string
	// ClearPlatform removes what a former owner left in the machine itself. nil: it is
	// not planned either.
	ClearPlatform func(ctx context.Context, list []wipe.Removal) Cleared
	// Test runs a test in a process of its own; nil: none is run.
	Test func(ctx context.Context, j function.Job, tell func(done float64)) function.Outcome
	// Battery watches the batteries of a machine of this kind until ctx ends. It is asked
	// where Test is.
	Battery func(ctx context.Context, kind string) function.Outcome
	// Tester opens drives to have them test themselves; nil: none does.
	Tester drive.Tester
	// Hands are the parts that a person tries.
	Hands Hands
	// Linger is how long a page that ends by itself stands at least, so that a
	// person can read it; longer sentences stand a multiple of it.
	Linger time.Duration
}

// Machine is the booted image's World.
func Machine() World {
	return World{
		Station: findStation,
		Second: func(ctx context.Context, home Station) (Second, error) {
			return findSecond(ctx, home.Store, home.Signer.Root, home.Signer.Stick, time.Now())
		},
		Copies: copies(),
		Print:  ipp.Print,
		Survey: surveyMachine,
		Machine: func(ctx context.Context) *inspect.Report {
			return survey.Machine(ctx, survey.Options{BootPartGUIDs: ownPartitions})
		},
		Suspend:   func(ctx context.Context, m sleep.Machine) error { return m.Suspend(ctx) },
		Fabric:    connectFabric,
		Opener:    linux.Opener{},
		Test:      testProcess,
		Battery:   function.Battery,
		Tester:    linux.Opener{},
		Paths:     linux.Paths,
		ClearTPM:  func(ctx context.Context) tpm.Outcome { return tpm.Clear(ctx, tpm.Device{}) },
		ResumeTPM: func(ctx context.Context, n tpm.Note) tpm.Outcome { return tpm.Resume(ctx, tpm.Device{}, n) },
		Now:       time.Now,
		Uptime:    eventlog.Uptime,
		Marker:    "/run/handback.begun",
		Hands: Hands{Sys: "/sys",
			Open:  func(event string) (Input, error) { return function.OpenInput("/dev/input", event) },
			Panel: func() (Panel, error) { return function.OpenPanel("/dev/" + pid1.TTYConsole) },
			Sound: openSound},
		Linger: time.Second,

		ClearPlatform: clearMachine,
	}
}

// copies in memory. Where there is no room for them the records wait in the engine
// alone, and KeepCopies would say no more.
func copies() stick.Store {
	d, err := stick.NewDir(evidence.CopiesDir)
	if err != nil {
		eventlog.Event("no-copies", "why", err)
		return nil
	}
	return d
}

// stickTime is how long a stick may take to appear after power-on.
const stickTime = time.Minute

// findStation reads the stick. The error is of what makes it useless: no stick,
// or settings and keys that can't be trusted.
func findStation(ctx context.Context) (Station, error) {
	ctx, cancel := context.WithTimeout(ctx, stickTime)
	defer cancel()
	disk, err := stick.Wait(ctx)
	if err != nil {
		return Station{}, err
	}
	esp, espErr := stick.ReadESP(ctx, disk)
	// A second stick may come up later than the first: whose keys and records would
	// these be?
	settle(ctx)
	disks, err := stick.Scan(ctx)
	if err == nil {
		disk, err = stick.Choose(disks)
	}
	if err == nil {
		err = espErr
	}
	if err != nil {
		return Station{}, err
	}
	s := Station{Settings: settings.Default(), Image: esp.Image}
	if esp.Settings != nil {
		if s.Settings, err = settings.Parse(esp.Settings); err != nil {
			return Station{}, err
		}
	}
	if s.Logo, err = logo(esp.Beside, s.Settings.Papers.Logo); err != nil {
		return Station{}, err
	}
	s.Processors, s.NoProcessors = processors(esp.Beside, s.Settings.Processors)
	if s.Signer, s.Locked, err = signer(esp.Keys, s.Settings.Stick); err != nil {
		return Station{}, err
	}
	store, err := stick.Prepare(ctx, disk)
	if err != nil {
		s.StoreErr = err
	} else {
		s.Store = store
	}
	return s, nil
}

// logo of the letterhead, in base64; none where the settings name none.
func logo(beside map[string][]byte, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	b, ok := beside[name]
	if !ok {
		return "", fmt.Errorf("the settings name the logo %s, which is not on the stick: build the stick's image again", name)
	}
	if err := certs.CheckLogo(b); err != nil {
		return "", fmt.Errorf("the logo %s on the stick can't be used (%w): build the stick's image again", name, err)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// processors of the list that the settings name; none where they name none.
func processors(beside map[string][]byte, name string) (platform.Processors, error) {
	if name == "" {
		return platform.Processors{}, nil
	}
	b, ok := beside[name]
	if !ok {
		return platform.Processors{}, fmt.Errorf("the settings name the list of processors %s, which is not on the stick: build the stick's image again", name)
	}
	p, err := platform.ReadProcessors(name, bytes.NewReader(b))
	if err != nil {
		return platform.Processors{}, fmt.Errorf("%s on the stick can't be used (%w): mend it and build the stick's image again", name, err)
	}
	return p, nil
}

// signer of the stick's keys, and its key where that is locked. A stick without any
// is not enrolled; one with some of them is broken, which must not look like the
// first.
func signer(keys map[string][]byte, name string) (s *sign.Signer, locked []byte, err error) {
	need := []string{settings.RootPEM, settings.StickPEM, settings.StickKey}
	var missing []string
	for _, n := range need {
		if len(keys[n]) == 0 {
			missing = append(missing, n)
		}
	}
	switch {
	case len(missing) == len(need):
		s, err = sign.NotEnrolled(name)
		return s, nil, err
	case len(missing) > 0:
		return nil, nil, fmt.Errorf("the stick lacks %s: have the supervisor enrol it again", strings.Join(missing, " and "))
	}
	if key := keys[settings.StickKey]; keylock.Locked(key) {
		locked = key
		s, err = sign.LoadLocked(keys[settings.RootPEM], keys[settings.StickPEM])
	} else {
		s, err = sign.LoadStick(keys[settings.RootPEM], keys[settings.StickPEM], key)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the stick's keys can't be used (%w): have the supervisor enrol it again", err)
	}
	if s.Stick != name {
		return nil, nil, fmt.Errorf("the settings are of stick %s, the keys of stick %s: have the supervisor enrol it again", name, s.Stick)
	}
	return s, locked, nil
}

const (
	hardwareTime = 60 * time.Second
	settleTime   = 1500 * time.Millisecond
	attachTime   = 20 * time.Second // for a SCSI disk that no driver has taken yet
	surveyTime   = 2 * time.Minute
	fabricTime   = time.Minute
)

// ownPartitions are those of the stick.
var ownPartitions = []string{settings.ESPGUID, settings.DataGUID}

// surveyMachine waits until the drives are there, and looks at the machine.
func surveyMachine(ctx context.Context, silent func(inspect.Drive)) (*inspect.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTime)
	defer cancel()
	settle(ctx)
	return survey.Take(ctx, survey.Options{WithTPM: true, Silent: silent, BootPartGUIDs: ownPartitions})
}

// connectFabric connects the drives that SMBIOS names.
func connectFabric(ctx context.Context) (int, error) {
	oem, err := platform.OEMStrings("")
	if err != nil && !errors.Is(err, os.ErrNotExist) { // without a table nothing is named
		return 0, err
	}
	targets, err := fabric.Targets(oem)
	if err != nil || len(targets) == 0 {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, fabricTime)
	defer cancel()
	return len(targets), fabric.Connect(ctx, targets, pid1.Load)
}

// settle waits until PID 1 has loaded every driver and no block device has come
// or gone for a moment. Buses look for their disks on their own time; a SCSI disk that
// has answered and has no block device yet is waited for longer, so that a slow machine
// has no disk without a driver.
func settle(ctx context.Context) {
	end := time.Now().Add(hardwareTime)
	var seen []string
	since := time.Now()
	for time.Now().Before(end) && ctx.Err() == nil {
		now := blockDevices()
		_, err := os.Stat(pid1.HardwareReady)
		if !slices.Equal(now, seen) || errors.Is(err, os.ErrNotExist) {
			seen, since = now, time.Now()
		}
		quiet := settleTime
		if attaching("/sys") {
			quiet = attachTime
		}
		if time.Since(since) >= quiet {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// attaching reports whether a SCSI disk (peripheral device type 00h or 14h, SPC-4
// 6.6.2) has no block device.
func attaching(sys string) bool {
	types, err := filepath.Glob(filepath.Join(sys, "bus/scsi/devices/*/type"))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(types, func(name string) bool {
		kind, err := os.ReadFile(name)
		if k := strings.TrimSpace(string(kind)); err != nil || k != "0" && k != "20" {
			return false
		}
		blocks, err := os.ReadDir(filepath.Join(filepath.Dir(name), "block"))
		return err != nil || len(blocks) == 0
	})
}

func blockDevices() []string {
	names, err := filepath.Glob("/sys/block/*")
	if err != nil {
		return nil
	}
	return names
}

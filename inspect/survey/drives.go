package survey

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/internal/sysblock"
)

// driveFacts is the drives' part of a report.
type driveFacts struct {
	drives []inspect.Drive
	hidden hidden
}

// subject is one drive while it is looked at.
type subject struct {
	inspect.Drive
	disk sysblock.Disk
	// answered: it was opened and said who it is.
	answered bool
	// namespaces that are active on its controller; nil where that is unknown.
	namespaces []uint32
}

func (d *subject) problem(format string, a ...any) {
	d.Problems = append(slices.Clip(d.Problems), fmt.Sprintf(format, a...))
}

func (s survey) drives(ctx context.Context) driveFacts {
	disks, err := s.tree.Disks()
	facts := driveFacts{}
	disks = slices.DeleteFunc(disks, func(d sysblock.Disk) bool {
		_, backed := s.tree.BackingFile(d)
		return d.Kind == sysblock.KindLoop && (!s.IncludeLoop || !backed)
	})
	subjects := make([]subject, len(disks))
	var wg sync.WaitGroup
	for i, disk := range disks {
		wg.Go(func() { subjects[i] = s.watch(ctx, disk) })
	}
	wg.Wait()
	noteTwins(subjects)
	if disks != nil || err == nil {
		facts.drives = make([]inspect.Drive, len(subjects))
	}
	for i, d := range subjects {
		facts.drives[i] = d.Drive
	}
	facts.hidden = s.findings(subjects, err)
	return facts
}

// watch looks at one drive for as long as its deadline lets it; after that the
// report has what was known up to then.
func (s survey) watch(ctx context.Context, disk sysblock.Disk) subject {
	d := s.base(disk)
	if s.Doors.Opener == nil {
		s.kept(&d)
		return d
	}
	ctx, cancel := context.WithTimeout(ctx, driveTimeout)
	start, done, last := time.Now(), make(chan struct{}), latest{subject: d}
	go func() {
		defer cancel()
		defer close(done) // before cancel: the end is no time-out
		s.ask(ctx, d, last.set)
	}()
	silent := time.AfterFunc(silentAfter, func() {
		if s.Silent != nil {
			s.Silent(last.get().Drive)
		}
	})
	defer silent.Stop()
	select {
	case <-done:
		return last.get()
	case <-ctx.Done():
	}
	select {
	case <-done:
		return last.get()
	default:
	}
	late := last.get()
	late.answered = false
	late.problem("it did not answer all questions within %.0f s: what it did not say is unknown; start again, and if it stays so take it out", time.Since(start).Seconds())
	return late
}

// latest is what was known of a drive when it last answered.
type latest struct {
	sync.Mutex
	subject subject
}

func (l *latest) set(d subject) {
	l.Lock()
	defer l.Unlock()
	l.subject = d
}

func (l *latest) get() subject {
	l.Lock()
	defer l.Unlock()
	return l.subject
}

// base is what the kernel says of a drive without asking it.
func (s survey) base(disk sysblock.Disk) subject {
	d := subject{disk: disk}
	d.Path, d.Identity.Bus, d.Identity.Size = disk.Path(), disk.Bus, disk.Size
	d.InUse, d.Holds, d.Problems = []string{}, []string{}, []string{}
	d.Removable, d.Zoned, d.Where = s.removable(disk), s.zoned(disk), s.where(disk)
	var err error
	if d.Special, err = s.special(disk); err != nil {
		d.problem("whether it is a medium of a special kind could not be read: %v", err)
	}
	use, err := s.tree.Use(disk)
	if err != nil {
		// Not known to be free is not free.
		d.InUse = []string{err.Error()}
		d.problem("%v", err)
	} else if use != nil {
		d.InUse = use
	}
	return d
}

// removable: what is taken out without opening the machine. Of a USB drive the
// kernel often doesn't know whether its port is inside.
func (s survey) removable(disk sysblock.Disk) inspect.Fact[bool] {
	switch {
	case disk.Kind == sysblock.KindLoop:
		return inspect.Known(false, "loop device")
	case disk.Bus == drive.BusSD:
		return inspect.Known(true, "SD card")
	}
	const source = "sysfs removable"
	v, err := s.tree.AttrOrNone(disk.Dir, "removable")
	switch {
	case err != nil:
		return inspect.Unknown[bool](source, err.Error())
	case v == "1":
		return inspect.Known(true, source)
	}
	for _, dir := range sysblock.Ancestors(disk.Device) {
		v, err := s.tree.AttrOrNone(dir, "removable")
		if err != nil {
			return inspect.Unknown[bool](source+" of "+filepath.Base(dir), err.Error())
		}
		switch v {
		case "removable":
			return inspect.Known(true, source+" of "+filepath.Base(dir))
		case "fixed":
			// A hub that is built in may have ports outside: only the drive's own counts.
			if disk.USB != "" && dir != disk.USB {
				continue
			}
			return inspect.Known(false, source+" of "+filepath.Base(dir))
		}
	}
	if disk.Bus == drive.BusUSB || disk.Bus == drive.BusUnknown {
		return inspect.Unknown[bool](source, "the kernel can't tell whether its port is inside the machine")
	}
	return inspect.Known(false, source)
}

// kept fills in what another machine's kernel kept of a drive. Nothing of it is
// the drive's own answer now.
func (s survey) kept(d *subject) {
	attr := func(dir, name string) string {
		v, err := s.tree.Attr(dir, name)
		if err != nil || dir == "" {
			return ""
		}
		return drive.Clean([]byte(v))
	}
	dir, id := d.disk.Device, &d.Identity
	switch d.disk.Kind {
	case sysblock.KindNVMe:
		id.Model, id.Serial = attr(d.disk.Controller, "model"), attr(d.disk.Controller, "serial")
		id.Firmware, id.Media = attr(d.disk.Controller, "firmware_rev"), drive.MediaSSD
	case sysblock.KindMMC:
		id.Model, id.Serial, id.Media = attr(dir, "name"), attr(dir, "serial"), drive.MediaFlash
	case sysblock.KindSCSI:
		id.Model, id.Firmware = attr(dir, "model"), attr(dir, "rev")
	case sysblock.KindVirtio:
		id.Serial = attr(d.disk.Dir, "serial")
	}
	d.problem("it was not opened: this is a tree of files, and its names are what the kernel kept")
}

// noteTwins: a serial or a name that two drives have names neither.
func noteTwins(subjects []subject) {
	for i := range subjects {
		a := &subjects[i]
		for j := range subjects {
			b := &subjects[j]
			if i == j || a.Identity.Serial == "" || a.Identity.Serial != b.Identity.Serial {
				continue
			}
			if a.Identity.Model == b.Identity.Model && a.Identity.Namespace != b.Identity.Namespace {
				continue // two namespaces of one drive
			}
			a.problem("%s gives the same serial %s: take one of the two out", b.Path, a.Identity.Serial)
		}
	}
}

// usable says what is wrong with a serial as the name of one drive; empty where
// nothing is.
func usable(serial string) string {
	switch {
	case serial == "":
		return "it gives no serial number"
	case strings.Trim(serial, serial[:1]) == "":
		return fmt.Sprintf("its serial number '%s' names no drive", serial)
	}
	return ""
}

package practice

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/survey"
)

// Lesson is one machine that is brought to the bench.
type Lesson struct {
	Name   string // of the machine's model
	Shows  string // what it teaches, for the help text
	drives []unit
	base   *captured // nil: a laptop that never was
}

// unit is a drive of a lesson.
type unit struct {
	text  string // its profile
	where string
	// was: what the model stands in for, for NVMe each namespace; none: nothing.
	was []inspect.Drive
}

// Lessons in their order.
var Lessons = []Lesson{
	{Name: "Notebook A", Shows: "two good drives", drives: []unit{{text: ssd, where: "M.2 slot"}, {text: disk, where: "drive bay"}}},
	{Name: "Notebook B", Shows: "a drive that fails while it is erased", drives: []unit{{text: failing, where: "drive bay"}, {text: ssd, where: "M.2 slot"}}},
	{Name: "Notebook C", Shows: "a drive that is locked", drives: []unit{{text: locked, where: "drive bay"}}},
}

// The drives. What is read or written whole is small, so that a lesson takes minutes.
const (
	ssd = `
name = "an SSD that sanitizes itself"
source = "made up for practice"
contents = "noise"
[nvme]
serial = "PRACTICE-SSD"
model = "Practice SSD"
firmware = "1"
[nvme.sanitize]
crypto = true
block = true
crypto_time = "5s"
block_time = "20s"
[nvme.self_test]
supported = true
[nvme.smart]
kelvin = 310
spare = 100
spare_threshold = 10
used = 3
power_cycles = 300
power_on_hours = 2900
[[nvme.namespaces]]
id = 1
bytes = 256060514304
attached = true
eui64 = "0200000000000001"
`
	disk = `
name = "a disk that overwrites itself"
source = "made up for practice"
contents = "noise"
[ata]
serial = "PRACTICE-DISK"
model = "Practice Disk"
firmware = "1"
wwn = 0x5000000000000002
native_sectors = 1048576
rotation = 7200
[ata.sanitize]
overwrite = true
overwrite_time = "40s"
` + healthy
	failing = `
name = "a disk that fails half-way"
source = "made up for practice"
contents = "noise"
[ata]
serial = "PRACTICE-BAD"
model = "Practice Disk"
firmware = "1"
wwn = 0x5000000000000003
native_sectors = 1048576
rotation = 7200
[ata.sanitize]
overwrite = true
overwrite_time = "40s"
` + healthy + `
[[fault]]
erases = true
fail_at = 0.5
[[fault]]
writes = true
lba = 524288
blocks = 4096
medium = true
`
	locked = `
name = "an SSD with a password that nobody knows"
source = "made up for practice"
contents = "noise"
[ata]
serial = "PRACTICE-LOCK"
model = "Practice SSD"
firmware = "1"
wwn = 0x5000000000000004
native_sectors = 1048576
rotation = 1
[ata.security]
supported = true
enhanced = true
erase_time = "2m"
enhanced_time = "2m"
enabled = true
user_password = "nobody knows it"
master_password = "nor this one"
maximum = true
` + healthy
	healthy = `
[ata.smart]
hours = 2900
attributes = [
  { id = 5, flags = 0x0033, value = 100, worst = 100, threshold = 10, raw = 0 },
  { id = 9, flags = 0x0032, value = 97, worst = 97, threshold = 0, raw = 2900 },
  { id = 187, flags = 0x0032, value = 100, worst = 100, threshold = 0, raw = 0 },
  { id = 197, flags = 0x0012, value = 100, worst = 100, threshold = 0, raw = 0 },
  { id = 198, flags = 0x0010, value = 100, worst = 100, threshold = 0, raw = 0 },
]
`
)

// plugged drives of a lesson.
type plugged struct {
	paths  []string
	places []place // of each path
	models []sim.Model
}

// place of a drive in a lesson.
type place struct {
	where string
	was   *inspect.Drive // nil: no drive
	start []byte         // as it came; nil: it could not be read
}

// start of a drive: it is another once the drive is erased.
func start(host *inproc.Host, path string) ([]byte, error) {
	t, err := host.OpenTarget(path)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	b := make([]byte, 4096)
	_, err = t.ReadAt(b, 0)
	return b, err
}

// ask the drives what they are. A captured one is as healthy as it was, and holds what it
// held until it is erased.
func (p plugged) ask(ctx context.Context, host *inproc.Host) []inspect.Drive {
	drives := survey.Ask(ctx, host, p.paths...)
	for i, at := range p.places {
		d := &drives[i]
		d.Where = at.where
		if at.was == nil {
			continue
		}
		// Sectors are the model's own count: the paper shows them before and after.
		realloc, pending := d.Health.Realloc, d.Health.Pending
		d.Health = at.was.Health
		d.Health.Realloc, d.Health.Pending = realloc, pending
		if now, err := start(host, d.Path); err == nil && bytes.Equal(now, at.start) {
			d.Holds = at.was.Holds
		}
	}
	return drives
}

// plug the lesson's drives into a computer.
func (l Lesson) plug(host *inproc.Host) (p plugged, err error) {
	for i, u := range l.drives {
		d, err := profile.Parse("practice", u.text, profile.Options{})
		if err != nil {
			return p, err
		}
		at, err := d.Attach(host, fmt.Sprintf("/practice/drive%d", i+1))
		if err != nil {
			return p, err
		}
		sim.SwitchOn(d.Model)
		p.models = append(p.models, d.Model)
		for n, path := range at {
			in := place{where: u.where}
			if n < len(u.was) {
				in.was = &u.was[n]
			}
			if in.start, err = start(host, path); err != nil {
				in.start = nil // it is locked, say
			}
			p.paths, p.places = append(p.paths, path), append(p.places, in)
		}
	}
	return p, nil
}

// perSecond is what a drive of practice moves: an overwrite takes long enough to be
// looked at.
const perSecond = 40 << 20

// paced opens models that take their time, as real drives do.
type paced struct{ drive.Opener }

func (p paced) OpenTarget(path string) (drive.Target, error) {
	t, err := p.Opener.OpenTarget(path)
	if err != nil {
		return nil, err
	}
	return &slow{Target: t}, nil
}

type slow struct {
	drive.Target
	owed atomic.Int64 // ns that it was too fast by
}

// nap is the shortest time that is slept: small reads are many.
const nap = 20 * time.Millisecond

func (s *slow) pace(n int) {
	if s.owed.Add(int64(n)*int64(time.Second)/perSecond) >= int64(nap) {
		time.Sleep(time.Duration(s.owed.Swap(0)))
	}
}

func (s *slow) ReadAt(p []byte, off int64) (int, error) {
	s.pace(len(p))
	return s.Target.ReadAt(p, off)
}

func (s *slow) WriteAt(p []byte, off int64) (int, error) {
	s.pace(len(p))
	return s.Target.WriteAt(p, off)
}

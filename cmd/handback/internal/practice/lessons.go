package practice

import (
	"fmt"
	"sync/atomic"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
)

// Lesson is one machine that is brought to the bench.
type Lesson struct {
	Name   string // of the machine's model
	Shows  string // what it teaches, for the help text
	drives []unit
}

// unit is a drive of a lesson.
type unit struct {
	text  string // its profile
	where string
}

// Lessons in their order.
var Lessons = []Lesson{
	{"Notebook A", "two good drives", []unit{{ssd, "M.2 slot"}, {disk, "drive bay"}}},
	{"Notebook B", "a drive that fails while it is erased", []unit{{failing, "drive bay"}, {ssd, "M.2 slot"}}},
	{"Notebook C", "a drive that is locked", []unit{{locked, "drive bay"}}},
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

// plug the lesson's drives into a computer, and give their paths.
func (l Lesson) plug(host *inproc.Host) (paths []string, err error) {
	for i, u := range l.drives {
		d, err := profile.Parse("practice", u.text, profile.Options{})
		if err != nil {
			return nil, err
		}
		at, err := d.Attach(host, fmt.Sprintf("/practice/drive%d", i+1))
		if err != nil {
			return nil, err
		}
		sim.SwitchOn(d.Model)
		paths = append(paths, at...)
	}
	return paths, nil
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

package stick

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"handback.example/cmd/internal/settings"
)

// Disk is a disk that says that it is a Handback stick.
type Disk struct {
	Name     string // of the kernel's: 'sda'
	Path     string // '/dev/sda'
	Model    string // as the kernel gives it, printable ASCII
	Size     int64  // bytes
	ReadOnly bool

	seq    string // the kernel's sequence number: another medium has another
	sector int
	table  gpt
	// volume is the serial number of the data partition's file system, once read.
	volume     uint32
	volumeRead bool
}

// system is where the kernel shows block devices.
type system struct{ sys, dev string }

var linux = system{"/sys/block", "/dev"}

// readTime bounds the wait for one disk: a dying drive must not keep the stick
// from being found.
const readTime = 10 * time.Second

// Scan reads the partition table of every disk, read-only, and gives those that
// carry a partition of a Handback stick: none of them may ever be erased. A disk
// that can't be read is not among them.
func Scan(ctx context.Context) ([]Disk, error) { return linux.scan(ctx, nil) }

// Choose gives the one stick. With none it is ErrGone; with several, or with a
// drive that claims to be one, ErrAmbiguous.
func Choose(disks []Disk) (Disk, error) {
	var sticks []Disk
	for _, d := range disks {
		if _, ok := d.table.find(settings.ESPGUID); ok {
			sticks = append(sticks, d)
		}
	}
	switch {
	case len(sticks) == 1 && len(disks) == 1:
		return sticks[0], nil
	case len(disks) == 0:
		return Disk{}, ErrGone
	case len(sticks) == 0:
		return Disk{}, because(ErrGone, "%s has a data partition but no boot partition of ours", describe(disks))
	}
	return Disk{}, because(ErrAmbiguous, "%s", describe(disks))
}

// Wait scans until there is a stick, or ctx ends: a stick needs a second or two
// after power-on. Where ctx ends first it gives what Choose said last. Several
// sticks do not become one by waiting: that is said at once.
func Wait(ctx context.Context) (Disk, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		disks, err := Scan(ctx)
		if err == nil {
			var d Disk
			if d, err = Choose(disks); err == nil || errors.Is(err, ErrAmbiguous) {
				return d, err
			}
		}
		select {
		case <-ctx.Done():
			if ctx.Err() != nil && err == nil {
				err = ctx.Err()
			}
			return Disk{}, err
		case <-tick.C:
		}
	}
}

func describe(disks []Disk) string {
	var s []string
	for _, d := range disks {
		s = append(s, strings.TrimSpace(fmt.Sprintf("%s %s", d.Path, d.Model)))
	}
	return strings.Join(s, ", ")
}

// scan looks at each disk; known holds what earlier scans found, by sequence
// number, and may be nil.
func (y system) scan(ctx context.Context, known *memory) ([]Disk, error) {
	entries, err := os.ReadDir(y.sys)
	if err != nil {
		return nil, fmt.Errorf("list block devices: %w", err)
	}
	var wg sync.WaitGroup
	found := make(chan Disk, len(entries))
	for _, e := range entries {
		d, ok := y.disk(e.Name())
		if !ok {
			continue
		}
		if old, ok := known.get(d); ok {
			if old.table.ours() {
				found <- old
			}
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if d, ok := y.probe(ctx, d); ok {
				known.put(d)
				if d.table.ours() {
					found <- d
				}
			}
		}()
	}
	wg.Wait()
	close(found)
	var disks []Disk
	for d := range found {
		disks = append(disks, d)
	}
	slices.SortFunc(disks, func(a, b Disk) int { return strings.Compare(a.Name, b.Name) })
	return disks, nil
}

// disk from what sysfs says; false for what can't be a stick: no medium, optical
// and floppy drives, memory.
func (y system) disk(name string) (Disk, bool) {
	for _, not := range []string{"ram", "zram", "sr", "fd", "dm-", "md"} {
		if strings.HasPrefix(name, not) {
			return Disk{}, false
		}
	}
	d := Disk{Name: name, Path: filepath.Join(y.dev, name)}
	sectors, err := strconv.ParseInt(y.attribute(name, "size"), 10, 64)
	if err != nil || sectors <= 0 || sectors > 1<<54 {
		return Disk{}, false
	}
	d.Size = sectors * 512 // sysfs counts in 512 bytes whatever the disk has
	d.ReadOnly = y.attribute(name, "ro") == "1"
	d.seq = y.attribute(name, "diskseq")
	d.Model = printable(y.attribute(name, "device/model"))
	if d.sector, err = strconv.Atoi(y.attribute(name, "queue/logical_block_size")); err != nil {
		d.sector = 512
	}
	return d, true
}

func (y system) attribute(disk, name string) string {
	b, err := os.ReadFile(filepath.Join(y.sys, disk, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// hung are disks that are being read for longer than readTime, by path and sequence
// number. They are not asked once more until that has ended: each scan would wait for
// them anew.
var hung sync.Map

// probe reads the partition table. A read that hangs is left behind: the kernel
// ends it in its own time.
func (y system) probe(ctx context.Context, d Disk) (Disk, bool) {
	key := d.Path + " " + d.seq
	if _, is := hung.Load(key); is {
		return d, false
	}
	done := make(chan error, 1)
	var table gpt
	go func() {
		defer hung.Delete(key)
		f, err := os.Open(d.Path)
		if err == nil {
			defer f.Close()
			table, err = readGPT(f, d.Size, d.sector)
		}
		done <- err
	}()
	select {
	case err := <-done:
		var errno syscall.Errno
		if errors.As(err, &errno) || err != nil && !errors.Is(err, errNoGPT) {
			return d, false // not known: it is read again the next time
		}
		d.table = table
		return d, true
	case <-time.After(readTime):
		hung.Store(key, true)
		select {
		case <-done: // it has ended at the same moment
			hung.Delete(key)
		default:
		}
	case <-ctx.Done():
	}
	return d, false
}

func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 64)]
}

// memory of disks that were looked at, so that asking again costs no read. A disk
// without a sequence number (Linux before 5.15) is read each time.
type memory struct {
	mu   sync.Mutex
	seen map[string]Disk
}

func (m *memory) get(d Disk) (Disk, bool) {
	if m == nil || d.seq == "" {
		return Disk{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.seen[d.Name+" "+d.seq]
	if ok && old.Size != d.Size {
		return Disk{}, false
	}
	old.ReadOnly = d.ReadOnly
	return old, ok
}

func (m *memory) put(d Disk) {
	if m == nil || d.seq == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil {
		m.seen = map[string]Disk{}
	}
	m.seen[d.Name+" "+d.seq] = d
}

func (m *memory) forget(d Disk) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.seen, d.Name+" "+d.seq)
}

package stick

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/cmd/internal/settings"
	"handback.example/image/exfat"
)

// mountPoint lies in a folder that only root can enter.
const mountPoint = "/run/handback/stick"

// goneTime is how long the kernel may take to notice that a stick was pulled.
const goneTime = 2 * time.Second

// stickGate: mount points are the machine's, so one operation on any stick at a time.
var stickGate = newGate()

// Stick is the Store on a stick's data partition. It is bound to the volume that
// it was opened on: another stick is ErrOther.
type Stick struct {
	y          system
	id         uint32 // serial number of the volume
	known      *memory
	mountPoint string
}

var _ Store = (*Stick)(nil)

// folders of the data partition.
var folders = []string{settings.SpoolDir, settings.CertificatesDir, settings.LabelsDir, settings.JournalDir}

func (s *Stick) makeFolders(ctx context.Context, device string) error {
	return stickGate.run(ctx, func() error {
		return s.mounted(device, false, func(v *osVolume) error {
			for _, name := range folders {
				d, err := v.openFolder(name)
				if err != nil {
					return err
				}
				if err := d.Close(); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// Write implements Store.
func (s *Stick) Write(ctx context.Context, name string, b []byte) error {
	return s.WriteAll(ctx, []File{{Name: name, Data: b}})
}

// Create implements Store.
func (s *Stick) Create(ctx context.Context, name string, b []byte) error {
	return s.WriteAll(ctx, []File{{Name: name, Data: b, New: true}})
}

// WriteAll implements Store.
func (s *Stick) WriteAll(ctx context.Context, files []File) error {
	return writeAll(files, func(f func(v *osVolume) error) error { return s.with(ctx, false, f) })
}

// Read implements Store. The volume is mounted read-only.
func (s *Stick) Read(ctx context.Context, name string) ([]byte, error) {
	return readOne(s.ReadAll(ctx, []string{name}))
}

// ReadAll implements Store. The volume is mounted read-only.
func (s *Stick) ReadAll(ctx context.Context, names []string) ([][]byte, error) {
	return readAll(names, func(f func(v *osVolume) error) error { return s.with(ctx, true, f) })
}

// List implements Store. The volume is mounted read-only.
func (s *Stick) List(ctx context.Context, dir string) ([]string, error) {
	return listOne(dir, func(f func(v *osVolume) error) error { return s.with(ctx, true, f) })
}

// Free implements Store.
func (s *Stick) Free() (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n := make(chan int64, 1)
	if err := s.with(ctx, true, func(*osVolume) error {
		free, err := freeBytes(s.mountPoint)
		n <- free
		return err
	}); err != nil {
		return 0, err
	}
	return <-n, nil
}

// Present implements Store: the stick that this Store is bound to, not another,
// is in the machine. Disks that were seen before are not read again.
func (s *Stick) Present() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, _, err := s.locate(ctx)
	return err == nil
}

func (s *Stick) with(ctx context.Context, readOnly bool, f func(v *osVolume) error) error {
	return stickGate.run(ctx, func() error {
		d, device, err := s.locate(ctx)
		if err != nil {
			return err
		}
		if d.ReadOnly && !readOnly {
			return because(ErrReadOnly, "%s", d.Path)
		}
		return classify(s.mounted(device, readOnly, f), s.stillThere, d.ReadOnly)
	})
}

// locate finds the stick and its data partition.
func (s *Stick) locate(ctx context.Context) (Disk, string, error) {
	disks, err := s.y.scan(ctx, s.known)
	if err != nil {
		return Disk{}, "", err
	}
	var disk Disk
	var device string
	other := false
	for _, d := range disks {
		e, ok := d.table.find(settings.DataGUID)
		if !ok {
			// A table read before the data partition was made, or a stick that never
			// had one: another one in either case, but read again the next time.
			s.known.forget(d)
			other = true
			continue
		}
		path, ok := s.y.partition(d, e)
		if !ok {
			continue
		}
		switch id, err := s.volumeID(d, path); {
		case err != nil:
			return d, path, classify(err, func() bool { return exists(path) }, d.ReadOnly)
		case id != s.id:
			other = true
		case device != "":
			return Disk{}, "", because(ErrAmbiguous, "%s, %s %s", device, d.Path, d.Model)
		default:
			disk, device = d, path
		}
	}
	switch {
	case device != "":
		return disk, device, nil
	case other:
		return Disk{}, "", ErrOther
	}
	return Disk{}, "", ErrGone
}

// volumeID reads the boot region of the data partition once for each medium.
func (s *Stick) volumeID(d Disk, path string) (uint32, error) {
	if d.volumeRead {
		return d.volume, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	v, err := exfat.Open(f, size)
	if err != nil {
		return 0, unreadable(d, err)
	}
	d.volume, d.volumeRead = v.VolumeID(), true
	s.known.put(d)
	return d.volume, nil
}

// stillThere tells, after something failed, whether the stick was pulled: the
// errors come before the kernel takes the disk away.
func (s *Stick) stillThere() bool {
	for end := time.Now().Add(goneTime); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), goneTime)
		_, _, err := s.locate(ctx)
		cancel()
		if errors.Is(err, ErrGone) {
			return false
		}
	}
	return true
}

// mounted mounts the data partition, calls f, and unmounts. What f wrote counts
// only if everything after it went well too.
func (s *Stick) mounted(device string, readOnly bool, f func(v *osVolume) error) (err error) {
	if err := os.MkdirAll(s.mountPoint, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Dir(s.mountPoint), 0o700); err != nil {
		return err
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME)
	if readOnly {
		flags |= unix.MS_RDONLY
	}
	if err := unix.Mount(device, s.mountPoint, "exfat", flags, "errors=remount-ro,iocharset=utf8,fmask=0077,dmask=0077"); err != nil {
		return fmt.Errorf("mount %s: %w", device, err)
	}
	defer func() {
		if e := unmount(s.mountPoint); e != nil && err == nil {
			err = fmt.Errorf("unmount %s: %w", device, e)
		}
	}()
	v, err := openVolume(s.mountPoint)
	if err != nil {
		return err
	}
	if err := f(v); err != nil {
		_ = v.Close()
		return err
	}
	if !readOnly {
		if err := syncVolume(v); err != nil {
			_ = v.Close()
			return fmt.Errorf("sync %s: %w", device, err)
		}
	}
	return v.Close()
}

func syncVolume(v *osVolume) error {
	d, err := v.root.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}

// busyTime is how long a mount may be busy with what nobody uses.
const busyTime = 3 * time.Second

// unmount waits where the mount is busy: a child that this program has just started
// holds copies of its files until it is a program of its own. Lazily where the medium
// is gone and the kernel still holds it.
func unmount(path string) error {
	err := unix.Unmount(path, unix.UMOUNT_NOFOLLOW)
	for end := time.Now().Add(busyTime); errors.Is(err, unix.EBUSY) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
		err = unix.Unmount(path, unix.UMOUNT_NOFOLLOW)
	}
	if err == nil || errors.Is(err, unix.EINVAL) {
		return err
	}
	if e := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); e != nil {
		return e
	}
	return err
}

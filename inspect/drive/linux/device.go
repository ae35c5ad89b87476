package linux

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
	"handback.example/inspect/internal/sysblock"
)

// device is one open drive.
type device struct {
	path  string
	disk  sysblock.Disk
	block *port
	// control carries commands: the block device itself, or an NVMe controller.
	control  *port
	raw      drive.Transport
	fenced   drive.Transport                // behind ReadOnly, or SelfTest
	geometry atomic.Pointer[drive.Geometry] // as last read
}

// settle finishes the opening: is the disk in sysfs the one that is open, how
// large is it, and how is it spoken to.
func (d *device) settle() error {
	if err := d.sameDisk(); err != nil {
		return err
	}
	g, err := readGeometry(d.block.file)
	if err != nil {
		return err
	}
	d.geometry.Store(&g)
	switch d.disk.Kind {
	case sysblock.KindSCSI:
		d.control = d.block
		d.raw = sgTransport{d.control}
	case sysblock.KindNVMe:
		if d.control, err = openController(d.disk); err != nil {
			return err
		}
		d.raw = nvmeTransport{d.control}
	case sysblock.KindMMC:
		d.control = d.block
		d.raw = mmcTransport{d.control}
	default:
		d.raw = noTransport{}
	}
	d.fenced = drive.ReadOnly(d.raw)
	return nil
}

// sameDisk compares the running number of the open disk with that in sysfs: a
// device number may be given to another disk between the two.
func (d *device) sameDisk() error {
	if d.disk.Seq == "" {
		return nil // a kernel before 5.15 has none
	}
	var seq uint64
	err := d.block.control(func(fd uintptr) error {
		_, err := ioctl(fd, unix.BLKGETDISKSEQ, unsafe.Pointer(&seq))
		return err
	})
	if errors.Is(err, unix.ENOTTY) {
		return nil
	}
	if err != nil {
		return err
	}
	if fmt.Sprint(seq) != d.disk.Seq {
		return errChanged
	}
	return nil
}

var errChanged = errors.New("the drive that was there has gone, and another one stands in its place; look at the drives again")

// openController opens the character device of an NVMe controller. The kernel asks
// for no more than root's rights to carry any command, so reading is enough.
func openController(disk sysblock.Disk) (*port, error) {
	if disk.Controller == "" {
		return nil, errors.New("the controller of this namespace was not found")
	}
	path, dev, err := sysblock.Live().Node(disk.Controller)
	if err != nil {
		return nil, fmt.Errorf("find the controller: %w", err)
	}
	f, err := openNode(path, unix.O_RDONLY, unix.S_IFCHR, dev)
	if err != nil {
		return nil, err
	}
	return newPort(f), nil
}

// noTransport belongs to drives that take no commands.
type noTransport struct{}

func (noTransport) Do(context.Context, drive.Command) (drive.Completion, error) {
	return drive.Completion{}, errors.New("this kind of drive takes no commands")
}

func (d *device) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	return d.fenced.Do(ctx, c)
}

func (d *device) ReadAt(p []byte, off int64) (int, error) { return d.block.file.ReadAt(p, off) }

// Geometry as the kernel has it now. A drive that is gone has the one that it
// had last: reads from it fail anyway, and a size of nothing would look as if all
// of it were done.
func (d *device) Geometry() drive.Geometry {
	if g, err := readGeometry(d.block.file); err == nil {
		d.geometry.Store(&g)
	}
	return *d.geometry.Load()
}

func (d *device) Provenance() drive.Provenance {
	if d.disk.Kind == sysblock.KindLoop {
		return drive.ProvenanceLoop
	}
	return drive.ProvenanceKernel
}

func (d *device) Close() error {
	err := d.block.file.Close()
	if d.control != nil && d.control != d.block {
		err = errors.Join(err, d.control.file.Close())
	}
	return err
}

func readGeometry(f *os.File) (drive.Geometry, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return drive.Geometry{}, err
	}
	var size uint64
	var logical, physical int
	var inner error
	err = conn.Control(func(fd uintptr) {
		if _, inner = ioctl(fd, unix.BLKGETSIZE64, unsafe.Pointer(&size)); inner != nil {
			return
		}
		if logical, inner = unix.IoctlGetInt(int(fd), unix.BLKSSZGET); inner != nil {
			return
		}
		var n uint32
		n, inner = unix.IoctlGetUint32(int(fd), unix.BLKPBSZGET)
		physical = int(n)
	})
	if err = errors.Join(err, inner); err != nil {
		return drive.Geometry{}, fmt.Errorf("ask for its size: %w", err)
	}
	if size > 1<<62 || logical < 512 || logical&(logical-1) != 0 {
		return drive.Geometry{}, fmt.Errorf("its size makes no sense: %d bytes in blocks of %d", size, logical)
	}
	return drive.Geometry{Size: int64(size), LogicalBlock: logical, PhysicalBlock: physical}, nil
}

// target is a drive that may be erased: claimed, and every command passes.
type target struct{ *device }

func (t *target) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	return t.raw.Do(ctx, c)
}

func (t *target) WriteAt(p []byte, off int64) (int, error) { return t.block.file.WriteAt(p, off) }

// flushTimeout: a disk with a full cache and a bad surface takes its time.
const flushTimeout = 3 * time.Minute

// Flush makes the kernel send the drive a cache flush and waits for its end. An
// error says that what was written may not be on the medium; the kernel tells it
// once only, so it must not be tried again for a better answer.
func (t *target) Flush(ctx context.Context) error {
	err := t.block.call(ctx, flushTimeout, func(fd uintptr) error { return unix.Fsync(int(fd)) })
	if err != nil {
		return fmt.Errorf("flush the cache of %s: %w", t.path, err)
	}
	return nil
}

// writable: the kernel lets a drive be opened for writing that it holds to be
// read-only (a switch on a card, a write-protected bridge).
func (t *target) writable() error {
	var ro int
	err := t.block.control(func(fd uintptr) (err error) {
		ro, err = unix.IoctlGetInt(int(fd), unix.BLKROGET)
		return err
	})
	if err != nil {
		return fmt.Errorf("ask whether %s can be written: %w", t.path, err)
	}
	if ro != 0 {
		return fmt.Errorf("%s is read-only, says the kernel; look for a write-protect switch on it", t.path)
	}
	return nil
}

package boot

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"sync"

	"github.com/diskfs/go-diskfs"
	"github.com/diskfs/go-diskfs/disk"
	"github.com/diskfs/go-diskfs/filesystem"
	"github.com/diskfs/go-diskfs/partition/gpt"
)

// Names by which the appliance knows its stick.
type Names struct {
	DiskGUID, ESPGUID      string
	Folder, Kernel, Initrd string // on the boot partition: the folder of ours, and two files in it
}

// Files that the stick boots from, by their paths on this computer.
type Files struct {
	Shim, MokManager, GRUB string
	Kernel, Initrd         string
	// Seeds are files of the supervisor's, by their paths on the boot partition.
	Seeds map[string][]byte
}

// Layout in sectors of 512 bytes. The boot partition holds the files with room to
// spare, and is of a size at which go-diskfs lays out a FAT rightly: 36 to 100 MiB,
// but not 64.
const (
	sector    = 512
	espStart  = 2048
	espSize   = 96 << 20
	imageSize = espStart*sector + espSize + 1<<20 // the last MiB holds the backup table
)

// Where firmware and the signed boot loaders look.
const (
	shimPath = "EFI/BOOT/BOOTX64.EFI"
	grubPath = "EFI/BOOT/grubx64.efi"
	mokPath  = "EFI/BOOT/mmx64.efi"
	cfgPath  = "EFI/debian/grub.cfg" // the prefix that is signed into Debian's GRUB
)

// WriteStick writes the image of a stick to the file name.
func WriteStick(name string, n Names, f Files) error {
	content, err := f.read(n)
	if err != nil {
		return err
	}
	if err := writeImage(name, n, content); err != nil {
		return fmt.Errorf("stick image %s: %w", name, err)
	}
	return nil
}

func (f Files) read(n Names) (map[string][]byte, error) {
	content := map[string][]byte{cfgPath: grubConfig(n)}
	for to, from := range map[string]string{
		shimPath: f.Shim, mokPath: f.MokManager, grubPath: f.GRUB,
		path.Join(n.Folder, n.Kernel): f.Kernel, path.Join(n.Folder, n.Initrd): f.Initrd,
	} {
		b, err := os.ReadFile(from)
		if err != nil {
			return nil, err
		}
		content[to] = b
	}
	for to, b := range f.Seeds {
		if _, twice := content[to]; twice {
			return nil, fmt.Errorf("%s is a file of the image: it can't be replaced", to)
		}
		content[to] = b
	}
	return content, nil
}

func writeImage(name string, n Names, content map[string][]byte) (err error) {
	defer fixedDate()()
	d, err := diskfs.Create(name, imageSize, diskfs.SectorSize512)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Partition(&gpt.Table{
		GUID: n.DiskGUID, ProtectiveMBR: true, LogicalSectorSize: sector, PhysicalSectorSize: sector,
		Partitions: []*gpt.Partition{{
			Index: 1, Start: espStart, End: espStart + espSize/sector - 1, Size: espSize,
			Type: gpt.EFISystemPartition, Name: "Handback boot", GUID: n.ESPGUID,
		}},
	}); err != nil {
		return err
	}
	esp, err := d.CreateFilesystem(disk.FilesystemSpec{Partition: 1, FSType: filesystem.TypeFat32, VolumeLabel: "HB-BOOT", Reproducible: true})
	if err != nil {
		return err
	}
	names := make([]string, 0, len(content))
	for file := range content {
		names = append(names, file)
	}
	slices.Sort(names)
	for _, file := range names {
		if err := writeFile(esp, "/"+file, content[file]); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	if err := esp.Close(); err != nil {
		return err
	}
	w, err := d.Backend.Writable()
	if err != nil {
		return err
	}
	return repairParents(io.NewSectionReader(d.Backend, espStart*sector, espSize), io.NewOffsetWriter(w, espStart*sector))
}

// writeFile in one call of Write: go-diskfs allocates once for each.
func writeFile(esp filesystem.FileSystem, name string, b []byte) error {
	if err := esp.Mkdir(path.Dir(name)); err != nil {
		return err
	}
	f, err := esp.OpenFile(name, os.O_CREATE|os.O_RDWR)
	if err != nil {
		return err
	}
	n, err := f.Write(b)
	if err == nil && n != len(b) {
		err = io.ErrShortWrite
	}
	return errors.Join(err, f.Close())
}

// dateMu: go-diskfs takes a file's date from the environment only.
var dateMu sync.Mutex

// fixedDate sets the date of everything on the image to 1 January 1980, the first
// that a FAT knows, unless SOURCE_DATE_EPOCH gives one. What it returns undoes it.
func fixedDate() func() {
	const name, first = "SOURCE_DATE_EPOCH", 315532800
	dateMu.Lock()
	if n, err := strconv.ParseInt(os.Getenv(name), 10, 64); err == nil && n >= first {
		return dateMu.Unlock
	}
	was, set := os.LookupEnv(name)
	// Setenv and Unsetenv of a good name don't fail.
	_ = os.Setenv(name, strconv.Itoa(first))
	return func() {
		defer dateMu.Unlock()
		if set {
			_ = os.Setenv(name, was)
		} else {
			_ = os.Unsetenv(name)
		}
	}
}

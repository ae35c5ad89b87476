package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/diskfs/go-diskfs"
	"github.com/diskfs/go-diskfs/disk"
	"github.com/diskfs/go-diskfs/filesystem"
	"github.com/diskfs/go-diskfs/partition/gpt"

	"handback.example/cmd/internal/settings"
)

// withESP runs do on the file system of a stick image's EFI system partition.
func withESP(stick string, mode diskfs.OpenModeOption, do func(filesystem.FileSystem) error) (err error) {
	d, err := diskfs.Open(stick, diskfs.WithOpenMode(mode))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	p, err := findPartition(d, settings.ESPGUID)
	if err != nil {
		return err
	}
	esp, err := d.GetFilesystem(p.Index)
	if err != nil {
		return err
	}
	if esp.Type() != filesystem.TypeFat32 {
		return errors.New("its system partition is not FAT32")
	}
	return do(esp)
}

// findPartition by its own GUID: a stick is known by nothing else.
func findPartition(d *disk.Disk, guid string) (*gpt.Partition, error) {
	table, err := d.GetPartitionTable()
	if err != nil {
		return nil, fmt.Errorf("it has no partition table: %w", err)
	}
	t, ok := table.(*gpt.Table)
	if !ok {
		return nil, errors.New("its partition table is no GPT")
	}
	if p := gptEntry(t, guid); p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%w: %s", errNoPartition, guid)
}

// readESP reads files of the ESP, all or none.
func readESP(stick string, names ...string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := withESP(stick, diskfs.ReadOnly, func(esp filesystem.FileSystem) error {
		for _, n := range names {
			b, err := readWhole(esp, n)
			if err != nil {
				return fmt.Errorf("%s: %w", n, err)
			}
			files[n] = b
		}
		return nil
	})
	return files, err
}

// readWhole reads a file in one call of Read: from the middle of a cluster on,
// go-diskfs reads past the end of the file.
func readWhole(esp filesystem.FileSystem, name string) ([]byte, error) {
	f, err := esp.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	const sane = 1 << 20 // of settings, certificates and keys
	if st.Size() > sane {
		return nil, fmt.Errorf("%d bytes are too many", st.Size())
	}
	b := make([]byte, st.Size())
	n, err := f.Read(b)
	if n == len(b) && (err == nil || errors.Is(err, io.EOF)) {
		return b, nil
	}
	return nil, fmt.Errorf("%d of %d bytes could be read: %w", n, len(b), err)
}

// seed writes files into the ESP over what is there.
func seed(stick string, files map[string][]byte) error {
	return withESP(stick, diskfs.ReadWrite, func(esp filesystem.FileSystem) error {
		for name, b := range files {
			if err := seedFile(esp, "/"+name, b); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

func seedFile(esp filesystem.FileSystem, name string, b []byte) error {
	if err := esp.Mkdir(path.Dir(name)); err != nil {
		return err
	}
	f, err := esp.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_TRUNC)
	if err != nil {
		return err
	}
	n, err := f.Write(b)
	if err == nil && n != len(b) {
		err = fmt.Errorf("%d of %d bytes were written", n, len(b))
	}
	return errors.Join(err, f.Close())
}

package stick

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"handback.example/cmd/internal/settings"
)

// ESP is what the boot partition holds of ours, read into memory.
type ESP struct {
	Settings []byte            // settings.toml; nil: the stick has none
	Keys     map[string][]byte // by file name: settings.RootPEM and others
	Beside   map[string][]byte // by file name: what settings may name, a logo or a list
	// Image is the SHA-256 of settings.InitrdFile, hex; empty: unknown.
	Image string
}

// espFileMax bounds a settings file or a key, in bytes.
const espFileMax = 1 << 20

const espMountPoint = "/run/handback/esp"

// ReadESP mounts the boot partition read-only, reads settings and keys, and
// unmounts it: nothing on it is changed.
func ReadESP(ctx context.Context, d Disk) (ESP, error) {
	e, ok := d.table.find(settings.ESPGUID)
	if !ok {
		return ESP{}, because(ErrGone, "%s has no boot partition of ours", d.Path)
	}
	got := make(chan ESP, 1)
	err := stickGate.run(ctx, func() error {
		esp, err := linux.readESP(d, e)
		got <- esp
		return classify(err, func() bool { return exists(d.Path) }, d.ReadOnly)
	})
	if err != nil {
		return ESP{}, fmt.Errorf("read settings from the stick: %w", err)
	}
	return <-got, nil
}

func (y system) readESP(d Disk, e gptEntry) (esp ESP, err error) {
	f, err := os.Open(d.Path)
	if err != nil {
		return ESP{}, err
	}
	defer f.Close()
	device, err := y.showPartition(f, d, e)
	if err != nil {
		return ESP{}, err
	}
	if err := os.MkdirAll(espMountPoint, 0o700); err != nil {
		return ESP{}, err
	}
	if err := os.Chmod(filepath.Dir(espMountPoint), 0o700); err != nil {
		return ESP{}, err
	}
	flags := uintptr(unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if err := unix.Mount(device, espMountPoint, "vfat", flags, "codepage=437,iocharset=ascii,utf8,umask=0077"); err != nil {
		return ESP{}, fmt.Errorf("mount %s: %w", device, err)
	}
	defer func() {
		if e := unmount(espMountPoint); e != nil && err == nil {
			err = e
		}
	}()
	root, err := os.OpenRoot(espMountPoint)
	if err != nil {
		return ESP{}, err
	}
	defer root.Close()
	if esp, err = readOurs(root.FS()); err != nil {
		return ESP{}, err
	}
	esp.Image, err = hashOf(root.FS(), settings.ESPFolder+"/"+settings.InitrdFile)
	return esp, err
}

// hashOf a file; one that isn't there has none.
func hashOf(tree fs.FS, name string) (string, error) {
	f, err := tree.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// readOurs reads the folder of ours. What isn't there is nil; what is there and
// can't be read is an error: unknown settings are not default settings.
func readOurs(tree fs.FS) (ESP, error) {
	b, err := readSmall(tree, settings.ESPFolder+"/"+settings.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ESP{}, err
	}
	esp := ESP{Settings: b}
	named := func(name string) bool {
		return slices.Contains([]string{".png", ".csv", ".txt"}, strings.ToLower(path.Ext(name)))
	}
	if esp.Beside, err = readFolder(tree, settings.ESPFolder, named); err != nil {
		return ESP{}, err
	}
	all := func(string) bool { return true }
	esp.Keys, err = readFolder(tree, settings.ESPFolder+"/"+settings.KeysDir, all)
	return esp, err
}

// readFolder reads those files of a folder that are wanted, by name. One that isn't
// there has none.
func readFolder(tree fs.FS, dir string, want func(name string) bool) (map[string][]byte, error) {
	entries, err := fs.ReadDir(tree, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || !want(e.Name()) {
			continue
		}
		b, err := readSmall(tree, dir+"/"+e.Name())
		if err != nil {
			return nil, err
		}
		files[e.Name()] = b
	}
	return files, nil
}

func readSmall(tree fs.FS, name string) ([]byte, error) {
	i, err := fs.Stat(tree, name)
	if err != nil {
		return nil, err
	}
	if i.Size() > espFileMax {
		return nil, fmt.Errorf("%s on the stick is %d bytes: at most %d are read", name, i.Size(), espFileMax)
	}
	return fs.ReadFile(tree, name)
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/diskfs/go-diskfs"
	"github.com/diskfs/go-diskfs/partition/gpt"

	"handback.example/certs/sign"
	"handback.example/cmd/internal/settings"
	"handback.example/image/exfat"
)

// stickSize of the copy: room for the data partition, which the first boot makes.
const stickSize = 512 << 20

// Names in the folder of ours on the ESP.
var (
	espSettings = path.Join(settings.ESPFolder, settings.File)
	espRoot     = path.Join(settings.ESPFolder, settings.KeysDir, settings.RootPEM)
	espStick    = path.Join(settings.ESPFolder, settings.KeysDir, settings.StickPEM)
	espKey      = path.Join(settings.ESPFolder, settings.KeysDir, settings.StickKey)
)

// prepareStick makes DIR/stick.img once and keeps it: copied, grown, and seeded
// with a demonstration root and key. Only settings that differ are written again.
func prepareStick(ctx context.Context, o tryOptions, set settings.Settings, stick string, stdout io.Writer) error {
	text, err := set.Marshal()
	if err != nil {
		return err
	}
	files, err := readBeside(o.settings, set)
	if err != nil {
		return err
	}
	files = merged(files, map[string][]byte{espSettings: text})
	if _, err := os.Stat(stick); err == nil {
		fmt.Fprintf(stdout, "going on with the stick %s\n", stick)
		return reseed(stick, set, files)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := noOrphans(o.out); err != nil {
		return err
	}
	image := o.image
	if image == "" {
		if image, err = builtStick(ctx, stdout); err != nil {
			return err
		}
	}
	root, _, cert, key, err := sign.Demonstration(set.Stick)
	if err != nil {
		return err
	}
	// Under another name until it is whole: a stick that is there is a good one.
	tmp := stick + ".new"
	defer func() { _ = os.Remove(tmp) }() // renamed, unless something failed
	if err := copySparse(ctx, tmp, image); err != nil {
		return fmt.Errorf("the stick image is not copied: %w", err)
	}
	if err := seed(tmp, merged(files, map[string][]byte{espRoot: root, espStick: cert, espKey: key})); err != nil {
		return fmt.Errorf("%s is no stick image of ours: %w: build one by: handback-image build --out DIR", image, err)
	}
	return os.Rename(tmp, stick)
}

// noOrphans: papers without the stick that they came from would be mixed with
// another stick's of the same name.
func noOrphans(out string) error {
	for _, d := range []string{settings.CertificatesDir, settings.LabelsDir, settings.SpoolDir} {
		if e, err := os.ReadDir(filepath.Join(out, d)); err == nil && len(e) > 0 {
			return fmt.Errorf("%s holds papers of an earlier stick, but stick.img is gone: give another --out, or move them away", out)
		}
	}
	return nil
}

// merged files of two sets.
func merged(a, b map[string][]byte) map[string][]byte {
	all := maps.Clone(b)
	maps.Copy(all, a)
	return all
}

// reseed writes settings, and what they name, that differ from the stick's. A stick
// keeps its name: its certificate carries it.
func reseed(stick string, set settings.Settings, files map[string][]byte) error {
	was, err := readESP(stick, espStick)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w: move it away to begin anew", stick, err)
	}
	cert, err := sign.ParseCert(was[espStick])
	if err != nil {
		return fmt.Errorf("%s: its certificate: %w: move the stick away to begin anew", stick, err)
	}
	name, err := sign.StickOf(cert)
	if err != nil {
		return err
	}
	if name != set.Stick {
		return usageError{fmt.Errorf("settings: stick is %q, but %s is stick %q: give another --out", set.Stick, stick, name)}
	}
	if on, err := readESP(stick, slices.Collect(maps.Keys(files))...); err == nil && maps.EqualFunc(on, files, bytes.Equal) {
		return nil
	}
	return seed(stick, files)
}

// keepRoot leaves the root's certificate beside the papers, for handback-verify.
func keepRoot(stick, out string) error {
	f, err := readESP(stick, espRoot)
	if err != nil {
		return fmt.Errorf("%s: the root's certificate: %w", stick, err)
	}
	return writeWhole(filepath.Join(out, settings.RootPEM), f[espRoot])
}

// copySparse copies an image that may hold any length and grows the copy to
// stickSize. What is zero stays a hole.
func copySparse(ctx context.Context, to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600) // it will hold a key
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	buf, zero := make([]byte, 1<<20), make([]byte, 1<<20)
	size := int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(in, buf)
		if n > 0 && !bytes.Equal(buf[:n], zero[:n]) {
			if _, err := out.WriteAt(buf[:n], size); err != nil {
				return err
			}
		}
		size += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := out.Truncate(max(size, stickSize)); err != nil {
		return err
	}
	return out.Sync()
}

// takePapers copies certificates, labels and records from the stick's data partition into
// the folder out and gives the certificates' names.
func takePapers(stick, out string) ([]string, error) {
	v, done, err := dataPartition(stick)
	if err != nil {
		return nil, err
	}
	defer done()
	var papers []string
	for _, dir := range []string{settings.CertificatesDir, settings.LabelsDir, settings.SpoolDir} {
		names, err := takeFolder(v, dir, out)
		if err != nil {
			return papers, fmt.Errorf("%s: %s on the data partition: %w", stick, dir, err)
		}
		if dir == settings.CertificatesDir {
			papers = names
		}
	}
	return papers, nil
}

// takeFolder copies one folder with all below. Files whose name begins with a
// dot are half-written ones of a power cut: the appliance renames what is whole.
func takeFolder(from fs.FS, dir, out string) ([]string, error) {
	var names []string
	err := fs.WalkDir(from, dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil && name == dir && errors.Is(err, fs.ErrNotExist):
			return nil // nothing was written yet
		case err != nil:
			return err
		case !filepath.IsLocal(filepath.FromSlash(name)):
			return fmt.Errorf("%q is no file name of ours", name)
		}
		to := filepath.Join(out, filepath.FromSlash(name))
		switch {
		case e.IsDir():
			return os.MkdirAll(to, 0o755)
		case strings.HasPrefix(e.Name(), "."):
			return nil
		}
		b, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		if path.Ext(name) == ".pdf" {
			names = append(names, to)
		}
		return writeWhole(to, b)
	})
	return names, err
}

// dataPartition opens the stick's data partition for reading.
func dataPartition(stick string) (*exfat.Volume, func(), error) {
	d, err := diskfs.Open(stick, diskfs.WithOpenMode(diskfs.ReadOnly))
	if err != nil {
		return nil, nil, err
	}
	p, err := findPartition(d, settings.DataGUID)
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, nil, fmt.Errorf("%s: the data partition: %w", stick, err)
	}
	start, size := p.GetStart(), p.GetSize()
	f, err := os.Open(stick)
	if err != nil {
		return nil, nil, err
	}
	v, err := exfat.Open(io.NewSectionReader(f, start, size), size)
	if err != nil {
		_ = f.Close()
		return nil, nil, fmt.Errorf("%s: the data partition: %w", stick, err)
	}
	return v, func() { _ = f.Close() }, nil
}

var errNoPartition = errors.New("the stick has no such partition (the first boot makes the data partition)")

// writeWhole writes a file in one step: it is there with all of its bytes or not.
func writeWhole(name string, b []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, b) {
		return nil
	}
	tmp := name + ".new"
	if err := os.WriteFile(tmp, b, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

// gptEntry of a table, by the partition's own GUID.
func gptEntry(t *gpt.Table, guid string) *gpt.Partition {
	for _, p := range t.Partitions {
		if p != nil && strings.EqualFold(p.GUID, guid) {
			return p
		}
	}
	return nil
}

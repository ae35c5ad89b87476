// Package initramfs writes the archive that the kernel unpacks into memory: the
// appliance as /init, the kernel modules of the image, their index, the console's
// font. There is no shell, no library and no other program in it.
//
// The same contents give the same bytes: times are 0, owners root, the order is
// fixed.
//
// Interfaces: Documentation/driver-api/early-userspace/buffer-format.rst (newc),
// RFC 8878 (zstd).
package initramfs

import (
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"github.com/klauspost/compress/zstd"
	"github.com/u-root/u-root/pkg/cpio"

	"handback.example/image/modules"
)

// Where PID 1 looks for what the image brings.
const (
	Init         = "/init"
	Modprobe     = "/sbin/modprobe" // CONFIG_MODPROBE_PATH of Debian's kernel
	ModulesIndex = "/lib/handback/modules.index"
	ConsoleFont  = "/lib/handback/console.psf"
)

// Contents of an initramfs.
type Contents struct {
	Program string // the appliance: a static program for x86-64
	Modules *modules.Closure
	Font    []byte // PSF2
}

// mountPoints are there for PID 1 to mount on.
var mountPoints = []string{"/dev", "/proc", "/run", "/sys", "/tmp"}

// Write writes the archive, compressed: fast, or small, which takes far longer.
func Write(w io.Writer, c Contents, small bool) error {
	level := zstd.SpeedFastest
	if small {
		level = zstd.SpeedBestCompression
	}
	// One goroutine, so that blocks are cut in the same places everywhere; 8 MiB is
	// the window that the kernel's decoder takes for granted.
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(8<<20))
	if err != nil {
		return err
	}
	if err := Archive(z, c); err != nil {
		return err
	}
	return z.Close()
}

// Archive writes the archive as it is.
func Archive(w io.Writer, c Contents) error {
	if err := checkProgram(c.Program); err != nil {
		return err
	}
	files := map[string]cpio.Record{}
	add := func(r cpio.Record) { files["/"+r.Name] = r }
	for _, d := range mountPoints {
		add(cpio.Directory(d[1:], 0o755))
	}
	// Before /dev is mounted: a Go program that finds no /dev/null for a standard
	// stream that is closed gives up.
	add(cpio.CharDev("dev/console", 0o600, 5, 1))
	add(cpio.CharDev("dev/null", 0o666, 1, 3))
	add(cpio.Symlink(Modprobe[1:], Init))
	add(cpio.StaticFile(ModulesIndex[1:], string(c.Modules.Index.Marshal()), 0o644))
	add(cpio.StaticFile(ConsoleFont[1:], string(c.Font), 0o644))
	read := []modules.File{{From: c.Program, To: Init}}
	for _, m := range append(read, c.Modules.Files...) {
		b, err := os.ReadFile(m.From)
		if err != nil {
			return err
		}
		mode := uint64(0o644)
		if m.To == Init {
			mode = 0o755
		}
		add(cpio.StaticFile(m.To[1:], string(b), mode))
	}
	return WriteTree(w, files)
}

// WriteTree writes records by the paths that they are to have, in the order of
// these, each after its folder.
func WriteTree(w io.Writer, files map[string]cpio.Record) error {
	for name := range files {
		for d := path.Dir(name); d != "/"; d = path.Dir(d) {
			if _, ok := files[d]; !ok {
				files[d] = cpio.Directory(d[1:], 0o755)
			}
		}
	}
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	out := cpio.Newc.Writer(w)
	for i, n := range names {
		r := cpio.MakeReproducible(files[n])
		r.Ino, r.NLink = uint64(i+1), 1
		if err := out.WriteRecord(r); err != nil {
			return fmt.Errorf("initramfs: %s: %w", n, err)
		}
	}
	return cpio.WriteTrailer(out)
}

// checkProgram refuses what the kernel couldn't start as /init.
func checkProgram(name string) error {
	f, err := elf.Open(name)
	if err != nil {
		return fmt.Errorf("the appliance %s: %w", name, err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 || f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return fmt.Errorf("the appliance %s is not a program for x86-64", name)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("the appliance %s needs libraries, which the image has not: build it with CGO_ENABLED=0 ('make build')", name)
		}
	}
	return nil
}

package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"handback.example/cmd/internal/settings"
	"handback.example/image/boot"
	"handback.example/image/font"
	"handback.example/image/initramfs"
	"handback.example/image/modules"
	"handback.example/image/packages"
)

// imageFile in --out.
const imageFile = "handback.img"

// names by which the appliance knows its stick.
var names = boot.Names{
	DiskGUID: settings.DiskGUID, ESPGUID: settings.ESPGUID,
	Folder: settings.ESPFolder, Kernel: settings.KernelFile, Initrd: settings.InitrdFile,
}

// build builds the stick's image. It is there whole or not at all.
func build(ctx context.Context, o buildOptions, stdout io.Writer) error {
	say := func(s string) { fmt.Fprintln(stdout, s) }
	seeds, err := readSeeds(o.settings)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(o.out, ".build-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // a rest costs room only
	program, err := applianceProgram(ctx, work, o.release, say)
	if err != nil {
		return err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("there is no folder to keep packages in: %w", err)
	}
	source := packages.Source{Cache: filepath.Join(cache, "handback", "packages"), Release: o.release, Say: say}
	files, err := assemble(ctx, source, program, work, o.release)
	if err != nil {
		return err
	}
	files.Seeds = seeds.files
	if err := ctx.Err(); err != nil {
		return err
	}
	tmp := filepath.Join(work, imageFile)
	if err := boot.WriteStick(tmp, names, files); err != nil {
		return err
	}
	if seeds.secret {
		if err := os.Chmod(tmp, 0o600); err != nil {
			return err
		}
	}
	image := filepath.Join(o.out, imageFile)
	if err := os.Rename(tmp, image); err != nil {
		return err
	}
	return report(image, files, seeds, say)
}

// assemble gets the packages and writes the initramfs into the folder work.
func assemble(ctx context.Context, source packages.Source, program, work string, release bool) (boot.Files, error) {
	dirs := map[string]string{}
	for role, files := range map[string][]string{
		packages.Kernel: modules.PackageFiles,
		packages.Shim:   {"usr/lib/shim"}, packages.ShimHelpers: {"usr/lib/shim"},
		packages.GRUB: {"usr/lib/grub/x86_64-efi-signed"}, packages.Font: {font.TerminusFile},
	} {
		d, err := source.Get(ctx, role)
		if err != nil {
			return boot.Files{}, err
		}
		if dirs[role], err = source.Unpack(ctx, d, files...); err != nil {
			return boot.Files{}, err
		}
	}
	tree, err := one(dirs[packages.Kernel], "lib/modules/*")
	if err != nil {
		return boot.Files{}, err
	}
	kernel, err := one(dirs[packages.Kernel], "boot/vmlinuz-"+filepath.Base(tree))
	if err != nil {
		return boot.Files{}, err
	}
	f := boot.Files{
		Shim:       filepath.Join(dirs[packages.Shim], "usr/lib/shim/shimx64.efi.signed"),
		MokManager: filepath.Join(dirs[packages.ShimHelpers], "usr/lib/shim/mmx64.efi.signed"),
		GRUB:       filepath.Join(dirs[packages.GRUB], "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"),
		Kernel:     kernel, Initrd: filepath.Join(work, settings.InitrdFile),
	}
	terminus, err := os.ReadFile(filepath.Join(dirs[packages.Font], font.TerminusFile))
	if err != nil {
		return f, err
	}
	return f, writeInitrd(f.Initrd, program, tree, terminus, release)
}

func writeInitrd(name, program, tree string, terminus []byte, small bool) error {
	console, err := font.Build(terminus)
	if err != nil {
		return err
	}
	closure, err := modules.Choose(tree)
	if err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = initramfs.Write(f, initramfs.Contents{Program: program, Modules: closure, Font: console}, small)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// one file or folder that a pattern names.
func one(dir, pattern string) (string, error) {
	m, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(m) != 1 {
		return "", fmt.Errorf("the kernel's package holds %d of %s, not 1", len(m), pattern)
	}
	return m[0], nil
}

// report says what was built. The initramfs is not covered by Secure Boot: its
// hash, which stands on papers, is published here.
func report(image string, f boot.Files, s seeds, say func(string)) error {
	for what, name := range map[string]string{"kernel": f.Kernel, "initramfs": f.Initrd} {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		say(fmt.Sprintf("%-10s %5.1f MB  SHA-256 %x", what, float64(len(b))/1e6, sha256.Sum256(b)))
	}
	say(image + ": " + s.what)
	return nil
}

package guest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"handback.example/image/modules"
	"handback.example/image/packages"
)

// packageFiles of the kernel's package: what modules.txt names lies in these.
var packageFiles = []string{
	"boot/vmlinuz-*", "lib/modules/*/modules.builtin",
	"lib/modules/*/kernel/block", "lib/modules/*/kernel/lib", "lib/modules/*/kernel/crypto", "lib/modules/*/kernel/arch/x86/crypto",
	"lib/modules/*/kernel/fs/fat", "lib/modules/*/kernel/fs/nls", "lib/modules/*/kernel/fs/configfs",
	"lib/modules/*/kernel/drivers/ata", "lib/modules/*/kernel/drivers/block", "lib/modules/*/kernel/drivers/char",
	"lib/modules/*/kernel/drivers/md", "lib/modules/*/kernel/drivers/mmc", "lib/modules/*/kernel/drivers/nvme",
	"lib/modules/*/kernel/drivers/scsi", "lib/modules/*/kernel/drivers/usb", "lib/modules/*/kernel/drivers/virtio",
	"lib/modules/*/kernel/drivers/dax", "lib/modules/*/kernel/drivers/ptp", "lib/modules/*/kernel/drivers/pps",
	"lib/modules/*/kernel/drivers/net/ethernet/intel/e1000e",
}

// kernel is the image's own kernel, packed and not, with modules that the image
// has not.
func kernel(ctx context.Context, say func(string)) (packed, plain string, mods *modules.Closure, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", "", nil, fmt.Errorf("there is no folder to keep packages in: %w", err)
	}
	source := packages.Source{Cache: filepath.Join(cache, "handback", "packages"), Say: say}
	deb, err := source.Get(ctx, packages.Kernel)
	if err != nil {
		return "", "", nil, err
	}
	dir, err := source.Unpack(ctx, deb, packageFiles...)
	if err != nil {
		return "", "", nil, err
	}
	trees, err := filepath.Glob(filepath.Join(dir, "lib/modules/*"))
	if err != nil || len(trees) != 1 {
		return "", "", nil, fmt.Errorf("the kernel's package holds %d folders of modules, not 1", len(trees))
	}
	packed = filepath.Join(dir, "boot/vmlinuz-"+filepath.Base(trees[0]))
	if plain, err = unpacked(ctx, packed, filepath.Join(cache, "handback", "guest")); err != nil {
		return "", "", nil, err
	}
	mods, err = modules.ChooseSet(trees[0], moduleSet)
	return packed, plain, mods, err
}

// unpacked is the kernel as it is in memory, which QEMU starts by its PVH entry:
// to let an emulated processor unpack it takes longer than the rest of the boot.
// It is kept in a folder, named after the kernel's own file.
func unpacked(ctx context.Context, bzImage, dir string) (string, error) {
	b, err := os.ReadFile(bzImage)
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, filepath.Base(filepath.Dir(filepath.Dir(bzImage)))+".elf")
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return name, err
	}
	xz, err := payload(b)
	if err != nil {
		return "", fmt.Errorf("%s: %w", bzImage, err)
	}
	c := exec.CommandContext(ctx, "xz", "-dc")
	var elf, bad bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(xz), &elf, &bad
	switch err := c.Run(); {
	case errors.Is(err, exec.ErrNotFound):
		return "", errors.New("xz is not installed: apt-get install xz-utils")
	case err != nil:
		return "", fmt.Errorf("%s: xz: %w: %s", bzImage, err, bad.Bytes())
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(dir, "new-")
	if err != nil {
		return "", err
	}
	_, err = tmp.Write(elf.Bytes())
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // a rest costs room only
	}
	return name, err
}

// payload is the compressed kernel in a bzImage (Documentation/x86/boot.rst:
// setup_sects at 1F1h, payload_offset at 248h, payload_length at 24Ch, of boot
// protocol 2.08 and later), without the length that follows the xz stream.
func payload(b []byte) ([]byte, error) {
	if len(b) < 0x250 || string(b[0x202:0x206]) != "HdrS" || binary.LittleEndian.Uint16(b[0x206:]) < 0x208 {
		return nil, errors.New("not a bzImage")
	}
	start := (int64(b[0x1f1])+1)*512 + int64(binary.LittleEndian.Uint32(b[0x248:]))
	end := start + int64(binary.LittleEndian.Uint32(b[0x24c:])) - 4
	if start > end || end > int64(len(b)) || !bytes.HasPrefix(b[start:end], []byte("\xfd7zXZ\x00")) {
		return nil, errors.New("its payload is not compressed by xz")
	}
	return b[start:end], nil
}

package guest

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/u-root/u-root/pkg/cpio"

	"handback.example/image/initramfs"
	"handback.example/image/vmtest/guest/internal/wire"
)

//go:embed modules.txt
var moduleSet string

// load are the modules that every guest has loaded when it is ready, with their
// parameters. The rest of modules.txt waits for Guest.LoadModule.
var load = []string{
	"virtio_pci", "virtio_console", "virtio_scsi", "sd_mod", "sg", "ahci", "nvme", "xhci_pci",
	"usb_storage delay_use=0", "uas", "sdhci_pci", "mmc_block", "nls_cp437", "nls_ascii", "vfat",
}

// tools are in every guest: program, and the Debian package that brings it.
// Patterns stand for all that the host has.
var tools = [][2]string{
	{"hdparm", "hdparm"}, {"nvme", "nvme-cli"}, {"smartctl", "smartmontools"}, {"sg_*", "sg3-utils"},
	{"sh", "dash"}, {"dd", "coreutils"}, {"cat", "coreutils"}, {"sleep", "coreutils"}, {"dmesg", "util-linux"},
	{"blkdiscard", "util-linux"}, {"wipefs", "util-linux"}, {"lsblk", "util-linux"}, {"mount", "mount"}, {"umount", "mount"},
}

// system is what a guest boots.
type system struct {
	packed, plain string // kernels
	initrd        []byte
}

var (
	systemsMu sync.Mutex
	systems   = map[string]*system{} // by further tools
)

// build makes what guests with these further tools boot, once in a process.
func build(ctx context.Context, further []string, say func(string)) (*system, error) {
	systemsMu.Lock()
	defer systemsMu.Unlock()
	key := strings.Join(further, "\n")
	if s := systems[key]; s != nil {
		return s, nil
	}
	s, err := newSystem(ctx, further, say)
	if err != nil {
		return nil, fmt.Errorf("the guest: %w", err)
	}
	systems[key] = s
	return s, nil
}

func newSystem(ctx context.Context, further []string, say func(string)) (*system, error) {
	files := map[string]cpio.Record{}
	add := func(r cpio.Record) { files["/"+r.Name] = r }
	for _, d := range []string{"dev", "mnt", "proc", "run", "sys", "tmp"} {
		add(cpio.Directory(d, 0o755))
	}
	// For the time before /dev is mounted.
	add(cpio.CharDev("dev/console", 0o600, 5, 1))
	add(cpio.CharDev("dev/null", 0o666, 1, 3))
	packed, plain, closure, err := kernel(ctx, say)
	if err != nil {
		return nil, err
	}
	add(cpio.StaticFile(initramfs.ModulesIndex[1:], string(closure.Index.Marshal()), 0o644))
	add(cpio.StaticFile(wire.Load[1:], strings.Join(load, "\n")+"\n", 0o644))
	copies := map[string]string{}
	for _, m := range closure.Files {
		copies[m.To] = m.From
	}
	if err := addTools(ctx, copies, further); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "handback-guest-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a rest costs room only
	if copies[initramfs.Init], err = buildAgent(ctx, dir); err != nil {
		return nil, err
	}
	for to, from := range copies {
		b, err := os.ReadFile(from)
		if err != nil {
			return nil, err
		}
		add(cpio.StaticFile(to[1:], string(b), 0o755))
	}
	// Not compressed: QEMU copies it faster than the guest would unpack it.
	var b bytes.Buffer
	if err := initramfs.WriteTree(&b, files); err != nil {
		return nil, err
	}
	return &system{packed, plain, b.Bytes()}, nil
}

// buildAgent builds PID 1 from the checkout that the test is started in.
func buildAgent(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "agent")
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", program,
		"handback.example/image/vmtest/guest/agent")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("its agent can't be built: %w\n%s", err, out)
	}
	return program, nil
}

// addTools adds the host's programs under wire.PATH, and the libraries of all.
func addTools(ctx context.Context, copies map[string]string, further []string) error {
	var missing []string
	var programs []string
	for _, t := range tools {
		found := lookup(t[0])
		if len(found) == 0 {
			missing = append(missing, t[1])
		}
		programs = append(programs, found...)
	}
	if len(missing) > 0 {
		return fmt.Errorf("tools of its are not installed: apt-get install %s", strings.Join(slices.Compact(missing), " "))
	}
	for _, f := range further {
		p, err := exec.LookPath(f)
		if err != nil {
			return fmt.Errorf("the tool %s is not installed: %w", f, err)
		}
		programs = append(programs, p)
	}
	for _, p := range programs {
		copies[filepath.Join(wire.PATH, filepath.Base(p))] = p
	}
	return addLibraries(ctx, copies, programs)
}

// lookup finds programs by name or pattern; root's folders too, which PATH need
// not have.
func lookup(pattern string) []string {
	found := map[string]string{}
	path := filepath.SplitList(os.Getenv("PATH"))
	for _, dir := range append(path, "/usr/sbin", "/usr/bin", "/sbin", "/bin") {
		m, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil
		}
		for _, p := range m {
			if _, ok := found[filepath.Base(p)]; !ok && isProgram(p) {
				found[filepath.Base(p)] = p
			}
		}
	}
	var all []string
	for _, p := range found {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

// isProgram: not a script, whose interpreter the guest has not.
func isProgram(name string) bool {
	b := make([]byte, 4)
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	n, err := f.Read(b)
	return err == nil && string(b[:n]) == "\x7fELF"
}

var reLibrary = regexp.MustCompile(`(?m)^\t(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$`)

// addLibraries adds what ldd(1) names, the loader too, where the programs look
// for them.
func addLibraries(ctx context.Context, copies map[string]string, programs []string) error {
	c := exec.CommandContext(ctx, "ldd", programs...)
	c.Env = append(os.Environ(), "LC_ALL=C")
	var bad bytes.Buffer
	c.Stderr = &bad
	out, err := c.Output()
	// ldd fails for a static program among others, and names the rest.
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return err
	}
	if bytes.Contains(out, []byte("not found")) {
		return fmt.Errorf("ldd misses libraries:\n%s%s", out, bad.Bytes())
	}
	found := reLibrary.FindAllSubmatch(out, -1)
	if len(found) == 0 {
		return fmt.Errorf("ldd names no library: %s%s", out, bad.Bytes())
	}
	for _, m := range found {
		copies[string(m[1])] = string(m[1])
	}
	return nil
}

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"handback.example/image/vmtest/guest/internal/wire"
)

// Disks lists the block devices, but those that are made of memory, of files and
// of other devices.
func (a *agent) Disks(_ wire.None, r *wire.Disks) error {
	entries, err := os.ReadDir("/sys/block")
	r.Error = wire.Pack(err)
	for _, e := range entries {
		dir, err := filepath.EvalSymlinks(filepath.Join("/sys/block", e.Name()))
		if err != nil || memory(e.Name(), dir) || attr(dir, "hidden") == "1" {
			continue // gone, none of ours, or one path to an NVMe namespace of several
		}
		r.Disks = append(r.Disks, disk(e.Name(), dir))
	}
	return nil
}

// memory: a block device that the kernel makes of memory or of a file.
func memory(name, dir string) bool {
	return strings.HasPrefix(dir, "/sys/devices/virtual/block/") && !strings.HasPrefix(name, "nullb") && !strings.HasPrefix(name, "dm-")
}

func disk(name, dir string) wire.Disk {
	d := wire.Disk{Path: filepath.Join("/dev", strings.ReplaceAll(name, "!", "/")), Sys: dir}
	if n, err := strconv.ParseInt(attr(dir, "size"), 10, 64); err == nil {
		d.Size = n * 512
	}
	for _, f := range []string{"device/model", "device/name"} { // a card's is its name
		if d.Model == "" {
			d.Model = attr(dir, f)
		}
	}
	d.Serial = attr(dir, "device/serial")
	if d.Serial == "" {
		d.Serial = attr(dir, "serial") // virtio
	}
	if d.Serial == "" {
		d.Serial = vpdSerial(filepath.Join(dir, "device/vpd_pg80"))
	}
	for up := dir; d.Serial == "" && strings.Contains(dir, "/usb") && up != "/"; up = filepath.Dir(up) {
		d.Serial = attr(up, "serial")
	}
	return d
}

func attr(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// vpdSerial reads the Unit Serial Number page (SPC-5 clause 7.7.13): a header of
// four bytes, then the number.
func vpdSerial(file string) string {
	b, err := os.ReadFile(file)
	if err != nil || len(b) < 4 {
		return ""
	}
	return strings.TrimSpace(strings.TrimRight(string(b[4:]), "\x00"))
}

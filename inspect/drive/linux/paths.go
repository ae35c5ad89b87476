package linux

import (
	"os"
	"strings"
)

// Paths of the block devices that may be drives now: no loop, RAM or mapped devices,
// no optical drives.
func Paths() []string {
	entries, err := os.ReadDir("/sys/block")
	if err != nil {
		return nil
	}
	var paths []string
	for _, e := range entries {
		name := e.Name()
		made := false
		for _, p := range []string{"loop", "ram", "zram", "dm-", "md", "nbd", "sr", "fd"} {
			made = made || strings.HasPrefix(name, p)
		}
		if !made {
			paths = append(paths, "/dev/"+strings.ReplaceAll(name, "!", "/"))
		}
	}
	return paths
}

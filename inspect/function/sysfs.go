package function

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sysfs is the running machine's /sys, or a folder like it. The kernel bounds every
// file in it to a page.
type sysfs string

// text of a file without blanks at its ends; empty where there is none: what a device
// does not tell, it has not.
func (s sysfs) text(name string) string {
	b, err := os.ReadFile(filepath.Join(string(s), name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// list of the names in a folder, sorted.
func (s sysfs) list(name string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(string(s), name))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, err
}

// target of a link by its last name; empty where there is none.
func (s sysfs) target(name string) string {
	to, err := os.Readlink(filepath.Join(string(s), name))
	if err != nil {
		return ""
	}
	return filepath.Base(to)
}

// real is a folder without links in its name; empty where there is none.
func (s sysfs) real(name string) string {
	at, err := filepath.EvalSymlinks(filepath.Join(string(s), name))
	if err != nil {
		return ""
	}
	rel, err := filepath.Rel(string(s), at)
	if err != nil {
		return ""
	}
	return rel
}

// Package packages gets the Debian packages of which the image is made: those of
// the lock, by version and SHA-256, from the user's cache or else by apt-get, and
// unpacks of them what the image needs. It needs no root and installs nothing.
//
// A file whose hash isn't the lock's is never used. Where a pinned version is gone
// from the archive, a build for tests takes the candidate, which apt checks
// against the archive's signature, and says so; a release fails.
package packages

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
)

//go:embed lock.txt
var lock string

// Roles of the packages in the lock.
const (
	Kernel      = "kernel"
	Shim        = "shim"
	ShimHelpers = "shim-helpers"
	GRUB        = "grub"
	Font        = "font"
)

// Package as the lock pins it.
type Package struct {
	Role, Name, Version string
	SHA256              string // of the .deb, in hex
	// Meta is the package that depends on the newest, where the name changes with
	// the version. Empty: the name stays.
	Meta string
}

func (p Package) String() string { return p.Name + " " + p.Version }

// Lock gives the pinned package of a role.
func Lock(role string) (Package, error) {
	all, err := parseLock(lock)
	if err != nil {
		return Package{}, err
	}
	for _, p := range all {
		if p.Role == role {
			return p, nil
		}
	}
	return Package{}, fmt.Errorf("the lock has no package for %q", role)
}

func parseLock(text string) ([]Package, error) {
	var all []Package
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0][0] == '#' {
			continue
		}
		if len(f) < 4 || len(f) > 5 {
			return nil, fmt.Errorf("the lock of packages: %q has %d words, not 4 or 5", strings.TrimSpace(line), len(f))
		}
		p := Package{Role: f[0], Name: f[1], Version: f[2], SHA256: f[3]}
		if len(f) == 5 {
			p.Meta = f[4]
		}
		if b, err := hex.DecodeString(p.SHA256); err != nil || len(b) != 32 || p.SHA256 != strings.ToLower(p.SHA256) {
			return nil, fmt.Errorf("the lock of packages: %s: %q is no SHA-256", p.Name, p.SHA256)
		}
		for _, word := range []string{p.Name, p.Version, p.Meta} {
			if strings.HasPrefix(word, "-") || strings.ContainsAny(word, "/=*?") {
				return nil, fmt.Errorf("the lock of packages: %q is no name or version", word)
			}
		}
		for _, other := range all {
			if other.Role == p.Role {
				return nil, fmt.Errorf("the lock of packages: %s is there twice", p.Role)
			}
		}
		all = append(all, p)
	}
	return all, nil
}

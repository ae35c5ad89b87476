package main

import (
	"errors"
	"os"
	"path/filepath"
)

// stateDir is where this program keeps what must survive: handback/ in the
// user's state directory (XDG Base Directory Specification 0.8).
func stateDir() (string, error) {
	// "All paths set in these environment variables must be absolute", others
	// are to be ignored.
	if d := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "handback"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return "", errors.New("there is no state directory to keep the records in: set HOME or XDG_STATE_HOME, or name a folder by --out")
	}
	return filepath.Join(home, ".local", "state", "handback"), nil
}

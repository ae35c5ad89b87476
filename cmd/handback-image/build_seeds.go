package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/internal/keylock"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect/platform"
)

// seeds are the supervisor's files for the boot partition.
type seeds struct {
	files  map[string][]byte // by their paths on it
	secret bool              // a key is among them
	what   string            // in words
}

// readSeeds reads and checks settings, and the keys beside them. No name: none.
func readSeeds(name string) (seeds, error) {
	s := seeds{files: map[string][]byte{}, what: "NOT ENROLLED: it inspects and plans, and erases nothing"}
	if name == "" {
		return s, nil
	}
	text, err := settings.ReadFile(name)
	if err != nil {
		return s, fmt.Errorf("settings: %w", err)
	}
	set, err := settings.Parse(text)
	if err != nil {
		return s, usageError{fmt.Errorf("%s: %w", name, err)}
	}
	s.files[espSettings] = text
	beside, err := readBeside(name, set)
	if err != nil {
		return s, err
	}
	maps.Copy(s.files, beside)
	keys, err := readKeys(filepath.Join(filepath.Dir(name), settings.KeysDir))
	if err != nil || keys == nil {
		return s, err
	}
	signer, locked, err := loadStick(keys)
	if err != nil {
		return s, usageError{fmt.Errorf("the keys beside %s do not belong together: %w: enrol the stick again", name, err)}
	}
	if signer.Stick != set.Stick {
		return s, usageError{fmt.Errorf("%s: stick is %q, but the keys beside it are stick %q's", name, set.Stick, signer.Stick)}
	}
	for file, b := range keys {
		s.files[path.Join(settings.ESPFolder, settings.KeysDir, file)] = b
	}
	if locked && set.Unattended {
		return s, usageError{fmt.Errorf("%s: unattended, but the key of stick %s is locked, and nobody would be there to type its passphrase: enrol the stick without one", name, signer.Stick)}
	}
	what := "it holds the stick's key: keep it as a secret"
	if locked {
		what = "it holds the stick's key, locked: it asks for the passphrase at each start"
	}
	s.secret, s.what = true, fmt.Sprintf("stick %s, class %s; %s", signer.Stick, signer.Class, what)
	return s, nil
}

// readBeside reads what settings name, which lies beside them: a logo, a list of
// processors. What is no such thing is refused here, where somebody can mend it.
func readBeside(name string, set settings.Settings) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, n := range []struct {
		setting, file string
		check         func([]byte) error
	}{
		{"papers.logo", set.Papers.Logo, certs.CheckLogo},
		{"processors", set.Processors, func(b []byte) error {
			_, err := platform.ReadProcessors(set.Processors, bytes.NewReader(b))
			return err
		}},
	} {
		if n.file == "" {
			continue
		}
		b, err := settings.ReadFile(filepath.Join(filepath.Dir(name), n.file))
		if err == nil {
			err = n.check(b)
		}
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: %s: %w", name, n.setting, err)}
		}
		files[path.Join(settings.ESPFolder, n.file)] = b
	}
	return files, nil
}

// loadStick checks keys as far as it can without a passphrase: whether a locked key
// belongs to its certificate shows at the first start.
func loadStick(keys map[string][]byte) (s *sign.Signer, locked bool, err error) {
	if keylock.Locked(keys[settings.StickKey]) {
		s, err = sign.LoadLocked(keys[settings.RootPEM], keys[settings.StickPEM])
		return s, true, err
	}
	s, err = sign.LoadStick(keys[settings.RootPEM], keys[settings.StickPEM], keys[settings.StickKey])
	return s, false, err
}

// keyFiles in keys/.
var keyFiles = []string{settings.RootPEM, settings.StickPEM, settings.StickKey}

// readKeys reads all three files, or gives nil where there is none of them.
func readKeys(dir string) (map[string][]byte, error) {
	keys := map[string][]byte{}
	var missing []string
	for _, name := range keyFiles {
		b, err := settings.ReadFile(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		case err != nil:
			return nil, fmt.Errorf("keys: %w", err)
		default:
			keys[name] = b
		}
	}
	switch {
	case slices.Equal(missing, keyFiles):
		return nil, nil
	case len(missing) > 0:
		return nil, usageError{fmt.Errorf("%s lacks %s: a stick has all of %s, or no keys", dir, strings.Join(missing, ", "), strings.Join(keyFiles, ", "))}
	}
	return keys, nil
}

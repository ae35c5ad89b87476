// Package settings is what a supervisor decides before a stick is used: one
// TOML file beside the keys. An unknown setting is an error, never ignored.
package settings

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"handback.example/certs"
	"handback.example/cmd/internal/bounded"
)

// Settings of one stick.
type Settings struct {
	Stick string `toml:"stick"` // 'S01': the first part of every visit's name
	Bench string `toml:"bench"` // 'Bench 4'
	// Organisation that does the work; Papers says whose letterhead it stands under.
	Organisation string `toml:"organisation"`
	Place        string `toml:"place"`
	// Processors is the name of a list beside the settings, .csv or .txt: those that
	// Windows 11 supports. Empty: it is judged by the processor's family.
	Processors string `toml:"processors"`
	// Unattended goes the whole way without a person (see Intake and Wipe).
	Unattended bool   `toml:"unattended"`
	Site       Site   `toml:"site"`
	Intake     Intake `toml:"intake"`
	Wipe       Wipe   `toml:"wipe"`
	Papers     Papers `toml:"papers"`
	Print      Print  `toml:"print"`
	Label      Label  `toml:"label"`
	// People and Partner (by route) stand on papers.
	People  []Person           `toml:"people"`
	Partner map[string]Partner `toml:"partner"`
}

// Intake answers the intake form: suggestions on the screen, the whole answer
// in an unattended visit.
type Intake struct {
	Tag            string `toml:"tag"`
	Operator       string `toml:"operator"`
	Source         string `toml:"source"`         // locker, post, desk, amnesty, partner
	Classification string `toml:"classification"` // official
	DIAL           int    `toml:"dial"`           // 1 to 3
}

// Wipe is the policy of erasure on this stick.
type Wipe struct {
	Level string `toml:"level"` // purge or clear: the level wanted
	// Fallback is what happens where a drive offers less: ask, allow, refuse.
	Fallback string `toml:"fallback"`
	// Serials that an unattended visit may erase. '*' is honoured only in the
	// demonstration class under a hypervisor.
	Serials   []string `toml:"serials"`
	Technique string   `toml:"technique"` // empty: the planner's choice
}

// Default settings of a stick that has none: Purge is wanted, and a person is
// asked before anything weaker is done.
func Default() Settings {
	return Settings{Stick: "S00", Bench: "Bench", Wipe: Wipe{Level: "purge", Fallback: "ask"}, Print: defaultPrint(), Label: defaultLabel()}
}

// Demonstration settings are what `handback-image try` seeds when it is given none.
func Demonstration() Settings {
	s := Default()
	s.Stick, s.Bench = "S01", "Bench 1"
	s.Organisation, s.Place = "Demonstration", "virtual machine"
	s.Intake = Intake{Tag: "DEMO-0001", Operator: "demo", Source: "desk", Classification: "official", DIAL: 1}
	s.Wipe = Wipe{Level: "clear", Fallback: "ask", Serials: []string{"*"}}
	return s
}

// ReadFile reads a file of settings or a key: real ones have a few KB.
func ReadFile(name string) ([]byte, error) { return bounded.ReadFile(name, 1) }

// Parse reads settings over the defaults and checks every value.
func Parse(b []byte) (Settings, error) {
	s := Default()
	md, err := toml.Decode(string(b), &s)
	if err != nil {
		return Settings{}, fmt.Errorf("settings: %w", err)
	}
	var bad []error
	for _, k := range md.Undecoded() {
		bad = append(bad, fmt.Errorf("settings: unknown setting %q: correct its name or remove it", k.String()))
	}
	if err := errors.Join(append(bad, s.check())...); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// Marshal writes settings as TOML.
func (s Settings) Marshal() ([]byte, error) {
	var b bytes.Buffer
	err := toml.NewEncoder(&b).Encode(s)
	return b.Bytes(), err
}

func (s Settings) check() error {
	var bad []error
	oneOf := func(name, v string, may ...string) {
		if !slices.Contains(may, v) {
			bad = append(bad, fmt.Errorf("settings: %s is %q: it must be one of %s", name, v, strings.Join(may[:], ", ")))
		}
	}
	oneOf("wipe.level", s.Wipe.Level, "purge", "clear")
	oneOf("wipe.fallback", s.Wipe.Fallback, "ask", "allow", "refuse")
	oneOf("intake.source", s.Intake.Source, append([]string{""}, certs.Sources...)...)
	oneOf("intake.classification", s.Intake.Classification, "", "official")
	if s.Intake.DIAL < 0 || s.Intake.DIAL > 3 {
		bad = append(bad, fmt.Errorf("settings: intake.dial is %d: a DIAL rating is 1, 2 or 3", s.Intake.DIAL))
	}
	if !ValidStick(s.Stick) {
		bad = append(bad, fmt.Errorf("settings: stick is %q: it must be 1 to 12 capital letters or digits", s.Stick))
	}
	if p := s.Processors; p != "" && (p != filepath.Base(p) || !slices.Contains([]string{".csv", ".txt"}, strings.ToLower(filepath.Ext(p)))) {
		bad = append(bad, fmt.Errorf("settings: processors is %q: it must be the name of a .csv or .txt file beside the settings", p))
	}
	if s.Unattended && (s.Intake.Tag == "" || s.Intake.Operator == "" || s.Intake.Source == "" || s.Intake.Classification == "" || s.Intake.DIAL == 0) {
		bad = append(bad, errors.New("settings: an unattended visit needs intake.tag, operator, source, classification and dial"))
	}
	return errors.Join(append(append(append(bad, s.Site.check()), s.checkPapers()...), s.checkPrinting()...)...)
}

// ValidStick reports whether s is a name for a stick.
func ValidStick(s string) bool {
	if len(s) == 0 || len(s) > 12 {
		return false
	}
	for _, r := range s {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return false
		}
	}
	return true
}

package settings

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"handback.example/certs"
)

// Papers is what stands on them besides the record of a device: it goes into the
// record, because a paper is drawn from its record alone.
type Papers struct {
	Organisation string   `toml:"organisation"` // whose letterhead it is; empty: the one that does the work
	Address      []string `toml:"address"`      // a line each
	Contact      string   `toml:"contact"`
	// Logo is the name of a PNG beside the settings: at most 8 KiB, 600 by 200 pixels.
	Logo string `toml:"logo"`
	// Names of people stand on papers. Otherwise their IDs do, and the names are in
	// the hub's list.
	Names bool `toml:"names"`
}

// Person who works at a bench, for Papers.Names.
type Person struct {
	ID    string `toml:"id"` // operator ID
	Name  string `toml:"name"`
	Title string `toml:"title"`
}

// Partner that receives devices: the fields of a party to a waste transfer note.
type Partner struct {
	Name    string   `toml:"name"`
	Address []string `toml:"address"`
	Contact string   `toml:"contact"`
	Permit  string   `toml:"permit"`
	Carrier string   `toml:"carrier"`
	SIC     string   `toml:"sic"`
	Role    string   `toml:"role"`
}

// Letterhead of the papers; logo is the file that Papers.Logo names.
func (s Settings) Letterhead(logo string) certs.Letterhead {
	l := certs.Letterhead{Organisation: s.Papers.Organisation, Address: s.Papers.Address, Contact: s.Papers.Contact, Logo: logo}
	if l.Organisation == "" {
		l.Organisation = s.Organisation
	}
	return l
}

// Named gives the name and title of an operator as papers may show them: empty where
// names don't stand on papers, and where nobody has this ID.
func (s Settings) Named(id string) (name, title string) {
	if !s.Papers.Names {
		return "", ""
	}
	for _, p := range s.People {
		if strings.EqualFold(p.ID, id) {
			return p.Name, p.Title
		}
	}
	return "", ""
}

// PartnerOf a route; nobody where the settings name none.
func (s Settings) PartnerOf(route string) certs.Party { return certs.Party(s.Partner[route]) }

// Bounds of a letterhead: what is longer is no letterhead.
const (
	maxLine    = 100
	maxAddress = 8
)

func (s Settings) checkPapers() []error {
	var bad []error
	line := func(name string, texts ...string) {
		for _, t := range texts {
			if utf8.RuneCountInString(t) > maxLine || strings.ContainsFunc(t, func(r rune) bool { return !unicode.IsPrint(r) }) {
				bad = append(bad, fmt.Errorf("settings: %s is %q: it must be one line of at most %d characters", name, t, maxLine))
			}
		}
	}
	address := func(name string, lines []string) {
		if len(lines) > maxAddress {
			bad = append(bad, fmt.Errorf("settings: %s has %d lines: it may have %d", name, len(lines), maxAddress))
		}
		line(name, lines...)
	}
	line("papers.organisation", s.Papers.Organisation)
	line("papers.contact", s.Papers.Contact)
	address("papers.address", s.Papers.Address)
	if l := s.Papers.Logo; l != "" && (l != filepath.Base(l) || !strings.EqualFold(filepath.Ext(l), ".png")) {
		bad = append(bad, fmt.Errorf("settings: papers.logo is %q: it must be the name of a PNG beside the settings", l))
	}
	seen := map[string]bool{}
	for _, p := range s.People {
		line("people", p.Name, p.Title)
		if id := strings.ToUpper(p.ID); id == "" || seen[id] {
			bad = append(bad, fmt.Errorf("settings: people: the ID %q is empty or stands there twice", p.ID))
		} else {
			seen[id] = true
		}
	}
	for route, p := range s.Partner {
		if route == certs.RouteHold || !slices.Contains(certs.Routes, route) {
			bad = append(bad, fmt.Errorf("settings: partner.%s: the routes are redeploy, remanufacture, donate and recycle", route))
		}
		line("partner."+route, p.Name, p.Contact, p.Permit, p.Carrier, p.SIC, p.Role)
		address("partner."+route+".address", p.Address)
		if p.Name == "" {
			bad = append(bad, errors.New("settings: partner."+route+" has no name"))
		}
	}
	return bad
}

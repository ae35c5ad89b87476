package platform

import (
	"fmt"
	"strings"

	"handback.example/inspect/internal/tree"
)

// OEMStrings gives the OEM Strings (7.12) of a machine that are plain ASCII: what
// whoever built it, or a hypervisor, wrote there for others to read. An empty root
// is the machine itself. A damaged table gives those before the damage, with the
// error.
func OEMStrings(root string) ([]string, error) {
	raw, err := tree.At(root).Bytes("sys/firmware/dmi/tables/DMI", maxTable)
	if err != nil {
		return nil, fmt.Errorf("SMBIOS table: %s: %w", because(err), err)
	}
	table, err := parseTable(raw)
	var all []string
	for _, s := range table {
		if s.kind != typeOEM {
			continue
		}
		for n, text := range s.strings {
			if n < int(s.byte(4)) && plain(text) {
				all = append(all, string(text))
			}
		}
	}
	return all, err
}

func plain(text []byte) bool {
	return !strings.ContainsFunc(string(text), func(r rune) bool { return r < ' ' || r > '~' })
}

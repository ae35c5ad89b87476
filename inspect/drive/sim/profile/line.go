package profile

import (
	"strconv"
	"strings"
)

// lineOf finds the line on which a field of a TOML file is set, counted from 1, by
// its path: 'nvme.namespaces[1].id'. Where it is not found as such, the line of the
// nearest table or field that is above it; 0: none. It looks at lines that begin
// with a key or a table's header, as people write them.
func lineOf(text, path string) int {
	for ; path != ""; path = parent(path) {
		if n := exactLine(text, path); n > 0 {
			return n
		}
	}
	return 0
}

func parent(path string) string {
	i := strings.LastIndexAny(path, ".[")
	return path[:max(i, 0)]
}

func exactLine(text, path string) int {
	table, seen := "", map[string]int{}
	for i, l := range strings.Split(text, "\n") {
		l = strings.TrimSpace(l)
		switch {
		case strings.HasPrefix(l, "[["):
			name, _, _ := strings.Cut(l[2:], "]")
			name = strings.TrimSpace(name)
			table = name + "[" + strconv.Itoa(seen[name]) + "]"
			seen[name]++
		case strings.HasPrefix(l, "["):
			name, _, _ := strings.Cut(l[1:], "]")
			table = strings.TrimSpace(name)
		default:
			key, _, ok := strings.Cut(l, "=")
			if ok && join(table, strings.Trim(strings.TrimSpace(key), `"`)) == path {
				return i + 1
			}
			continue
		}
		if table == path {
			return i + 1
		}
	}
	return 0
}

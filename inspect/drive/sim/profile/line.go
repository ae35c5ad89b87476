package profile

import (
	"strconv"
	"strings"
)

// lineOf finds the line on which a field of a TOML file is set, counted from 1, by
// its path: 'nvme.namespaces[1].id'. Where it is not found as such, the line of the
// nearest table or field that is above it; 0: none. It looks at lines that begin
// with a key or a table's header, as people write them, and not into texts of
// several lines.
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
	table, seen, inText := "", map[string]int{}, false
	for i, l := range strings.Split(text, "\n") {
		was := inText
		inText = inText != (strings.Count(l, `"""`)%2 == 1 || strings.Count(l, "'''")%2 == 1)
		if was {
			continue
		}
		l = strings.TrimSpace(l)
		switch {
		case strings.HasPrefix(l, "[["):
			name := keyPath(l[2:])
			table = name + "[" + strconv.Itoa(seen[name]) + "]"
			seen[name]++
		case strings.HasPrefix(l, "["):
			table = keyPath(l[1:])
		default:
			if name := keyPath(l); name != "" && join(table, name) == path {
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

// keyPath reads a key at the head of a line, up to what ends it: words by themselves
// or in quotes, with dots between them and blanks around those.
func keyPath(l string) string {
	var parts []string
	for {
		l = strings.TrimLeft(l, " \t")
		var part string
		if l != "" && (l[0] == '"' || l[0] == '\'') {
			end := strings.IndexByte(l[1:], l[0])
			if end < 0 {
				return ""
			}
			part, l = l[1:1+end], l[2+end:]
		} else {
			n := strings.IndexAny(l, " \t.=]#{[,")
			if n <= 0 {
				return ""
			}
			part, l = l[:n], l[n:]
		}
		parts = append(parts, part)
		l = strings.TrimLeft(l, " \t")
		if l == "" || l[0] != '.' {
			break
		}
		l = l[1:]
	}
	if l == "" || l[0] != '=' && l[0] != ']' {
		return ""
	}
	return strings.Join(parts, ".")
}

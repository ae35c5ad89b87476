package index

import (
	"fmt"
	"path"
	"slices"
)

// Match gives the names of the modules for a device, by its modalias.
func (x *Index) Match(modalias string) []string {
	modalias = Normal(modalias)
	var names []string
	for _, m := range x.modules {
		for _, a := range m.Aliases {
			if Glob(a, modalias) {
				names = append(names, m.Name)
				break
			}
		}
	}
	return names
}

// Resolve what the kernel asks for by request_module: a module's name, or else
// an alias.
func (x *Index) Resolve(name string) []string {
	if n := Normal(name); x.has(n) {
		return []string{n}
	}
	return x.Match(name)
}

func (x *Index) has(name string) bool {
	_, ok := x.byName[name]
	return ok
}

// Order gives a module and what it stands on and wants, in the order to load them.
func (x *Index) Order(name string) ([]Step, error) {
	name = Normal(name)
	if !x.has(name) {
		return nil, fmt.Errorf("the image has no module %q", name)
	}
	hard, err := x.hard(name)
	if err != nil {
		return nil, err
	}
	needed := map[string]bool{}
	for _, n := range hard {
		needed[n] = true
	}
	var steps []Step
	const open, done = 1, 2
	state := map[string]int{}
	var visit func(string)
	// wanted is a soft dependency. One that stands on what is about to be loaded
	// can't come before it.
	wanted := func(n string) {
		all, err := x.hard(n)
		if err == nil && !slices.ContainsFunc(all, func(d string) bool { return state[d] == open }) {
			visit(n)
		}
	}
	visit = func(n string) {
		if state[n] != 0 {
			return
		}
		state[n] = open
		m := x.modules[x.byName[n]]
		for _, d := range m.Before {
			wanted(d)
		}
		for _, d := range m.Needs {
			visit(d)
		}
		steps = append(steps, Step{m.Name, path.Join(x.Root, m.Path), !needed[n]})
		state[n] = done
		for _, d := range m.After {
			wanted(d)
		}
	}
	visit(name)
	return steps, nil
}

// Glob tells whether a text is what a pattern of fnmatch(3) without flags
// describes: '*', '?', '[...]' with ranges and '!'. A '[' without its end stands
// for itself. It takes len(pattern) x len(text) steps at most.
func Glob(pattern, text string) bool {
	p, t := 0, 0
	star, again := -1, 0 // where to go on when what follows the last '*' fails
	for t < len(text) {
		n, ok := globOne(pattern[p:], text[t])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, again = p, t
			p++
		case ok:
			p, t = p+n, t+1
		case star >= 0:
			again++
			p, t = star+1, again
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// globOne matches one character with the pattern's first element, n bytes long.
func globOne(pattern string, c byte) (n int, ok bool) {
	if pattern == "" {
		return 0, false
	}
	switch pattern[0] {
	case '*':
		return 1, false
	case '?':
		return 1, true
	case '\\':
		return min(2, len(pattern)), len(pattern) > 1 && pattern[1] == c
	case '[':
		if n, ok := globSet(pattern, c); n > 0 {
			return n, ok
		}
	}
	return 1, pattern[0] == c
}

// globSet matches '[...]'; n is 0 where it has no end.
func globSet(pattern string, c byte) (n int, ok bool) {
	i, not := 1, false
	if i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^') {
		not, i = true, i+1
	}
	for first := true; i < len(pattern); first = false {
		lo := pattern[i]
		if lo == ']' && !first {
			return i + 1, ok != not
		}
		hi := lo
		if i+2 < len(pattern) && pattern[i+1] == '-' && pattern[i+2] != ']' {
			hi = pattern[i+2]
			i += 2
		}
		i++
		if lo <= c && c <= hi {
			ok = true
		}
	}
	return 0, false
}

package pdf

import (
	"bytes"
	_ "embed" // the cuts made ahead
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"handback.example/certs/internal/seal"
)

// dash stands before the items of a list.
const dash = '–'

// shared by all cuts, whole, so that nearly all papers have one: ASCII and the dash.
func shared(r rune) bool { return r >= ' ' && r <= '~' || r == dash }

// objects of the face, cut to what all cuts share and some more runes, as they stand in
// a file from object number first on.
func (f *face) objects(more map[rune]bool, first int) ([]seal.Object, error) {
	runes := string(slices.Sorted(maps.Keys(more)))
	f.mu.Lock()
	defer f.mu.Unlock()
	cut, ok := f.cut[runes]
	if !ok {
		var err error
		if runes == "" {
			cut, err = f.ready()
		} else {
			cut, err = f.embed(runes)
		}
		if err != nil {
			return nil, fmt.Errorf("font %s: %w", f.name, err)
		}
		if len(f.cut) >= maxCuts || f.cut == nil {
			f.cut = map[string][]seal.Object{}
		}
		f.cut[runes] = cut
	}
	out := slices.Clone(cut)
	for i := range out {
		out[i].Dict = renumber(out[i].Dict, first-1)
	}
	return out, nil
}

// The cuts to what all share, by the fonts' names. TestCuts holds them to what embed gives, and
// writes them.
//
//go:embed fonts/shared.json
var sharedCuts []byte

// part of a font as it stands in a file: a dictionary, or a stream with its dictionary.
type part struct {
	Dict   string `json:"dict"`
	Packed []byte `json:"packed,omitempty"` // compressed by seal.Object.Pack
}

// ready is the face cut to what all cuts share, made ahead.
func (f *face) ready() ([]seal.Object, error) {
	var all map[string]json.RawMessage // only this face's is looked into
	if err := json.Unmarshal(sharedCuts, &all); err != nil {
		return nil, err
	}
	var parts []part
	if err := json.Unmarshal(all[f.font], &parts); err != nil {
		return nil, err
	}
	objects := make([]seal.Object, len(parts))
	for i, p := range parts {
		objects[i] = seal.Object{Dict: p.Dict}
		if p.Packed == nil {
			continue
		}
		var err error
		if objects[i], err = seal.Unpack(p.Dict, p.Packed); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// scaffold is how many objects stand before the fonts in what gofpdf writes: pages,
// resources, one page and its content.
const scaffold = 4

// embed has gofpdf cut the face, and takes the font's objects out of the file.
// They refer to each other as if they stood first.
func (f *face) embed(runes string) ([]seal.Object, error) {
	p := newLayout()
	// The library writes into the font that it is given.
	p.AddUTF8FontFromBytes(f.name, "", slices.Clone(f.ttf))
	p.AddPage()
	p.SetFont(f.name, "", 10)
	for r := ' '; r <= dash; r++ {
		if shared(r) {
			p.Text(0, 0, string(r))
		}
	}
	p.Text(0, 0, runes)
	var b bytes.Buffer
	if err := p.Output(&b); err != nil {
		return nil, err
	}
	all, err := layoutObjects(b.Bytes())
	if err != nil {
		return nil, err
	}
	if len(all) < scaffold+3 {
		return nil, errors.New("it has no objects")
	}
	objects := all[scaffold : len(all)-2] // info and catalog come last
	for i := range objects {
		objects[i].Dict = strings.ReplaceAll(renumber(objects[i].Dict, -scaffold), "/utf8"+f.name, "/"+subsetTag(runes)+"+"+f.font)
		if err := objects[i].Pack(); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

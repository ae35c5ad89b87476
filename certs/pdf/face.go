package pdf

import (
	"crypto/sha256"
	_ "embed" // the fonts
	"regexp"
	"strconv"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"handback.example/certs/internal/seal"
)

// Noto Sans and Noto Sans Mono (SIL Open Font License: fonts/OFL.txt), cut to Latin by
// fonts/make.sh: Latin-1, Latin Extended-A and Extended Additional, which hold Welsh.
var (
	//go:embed fonts/sans.ttf
	sans []byte
	//go:embed fonts/bold.ttf
	sansBold []byte
	//go:embed fonts/mono.ttf
	sansMono []byte
)

// faces that papers are set in, by the name that a style gives.
var faces = []*face{
	{name: "r", font: "NotoSans-Regular", ttf: sans},
	{name: "b", font: "NotoSans-Bold", ttf: sansBold},
	{name: "m", font: "NotoSansMono-Regular", ttf: sansMono},
}

func faceOf(name string) *face {
	for _, f := range faces {
		if f.name == name {
			return f
		}
	}
	panic("pdf: no face is called " + name)
}

// face is a font of the program itself. Reading one and cutting it to what a page
// uses takes longer than all the rest of a page: the cut that nearly every paper uses
// is made ahead (cut.go), any other once, and kept.
type face struct {
	name string
	font string // PostScript name
	ttf  []byte

	once   sync.Once
	widths []int16 // of every rune to U+FFFF, in thousandths of the size; 0: it has none

	mu  sync.Mutex
	cut map[string][]seal.Object // by the runes that are not shared
}

// width of a rune in thousandths of the size, 0 where the face can't draw it.
func (f *face) width(r rune) int {
	f.once.Do(f.measure)
	if r < 0 || int(r) >= len(f.widths) {
		return 0
	}
	return int(f.widths[r])
}

func (f *face) measure() {
	parsed, err := sfnt.Parse(f.ttf)
	if err != nil {
		panic("a font of the program itself does not parse: " + err.Error())
	}
	f.widths = make([]int16, 0x10000)
	var b sfnt.Buffer
	em := int(parsed.UnitsPerEm())
	for r := range rune(len(f.widths)) {
		g, err := parsed.GlyphIndex(&b, r)
		if err != nil || g == 0 {
			continue
		}
		// At this size a unit of the font is a pixel: the width is exact.
		w, err := parsed.GlyphAdvance(&b, g, fixed.I(em), font.HintingNone)
		if err == nil {
			f.widths[r] = int16((w.Round()*1000 + em/2) / em)
		}
	}
}

// maxCuts bounds what a face keeps: papers with the same letters share one.
const maxCuts = 16

// subsetTag names a part of a font: six capitals, another for each part (ISO 32000-1,
// 9.6.4).
func subsetTag(runes string) string {
	sum := sha256.Sum256([]byte(runes))
	tag := make([]byte, 6)
	for i := range tag {
		tag[i] = 'A' + sum[i]%26
	}
	return string(tag)
}

var referenceForm = regexp.MustCompile(`\b([0-9]+) 0 R\b`)

// renumber moves every reference of a dictionary.
func renumber(dict string, by int) string {
	return referenceForm.ReplaceAllStringFunc(dict, func(s string) string {
		n, _ := strconv.Atoi(referenceForm.FindStringSubmatch(s)[1]) // the layout's own numbers: small
		return strconv.Itoa(n+by) + " 0 R"
	})
}

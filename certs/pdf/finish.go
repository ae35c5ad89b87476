package pdf

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"handback.example/certs/internal/seal"
	"handback.example/certs/paper"
	"handback.example/certs/sign"
)

// finish takes the pages that gofpdf laid out and makes of them what gofpdf
// cannot: a PDF/A-3b with the records inside and a place for the signature.
func finish(raw []byte, p *paper.Content, c *canvas) (*seal.Document, error) {
	objects, err := layoutObjects(raw)
	if err != nil {
		return nil, err
	}
	if len(objects) < 3 {
		return nil, errors.New("the layout has no pages")
	}
	// Info and catalog are its last two: ours stand in their place.
	d := &seal.Document{Objects: objects[:len(objects)-2]}
	if err := embedFonts(d, c.used); err != nil {
		return nil, err
	}
	if err := embedLogo(d, c.logo); err != nil {
		return nil, err
	}
	at := c.sealBox
	id := sha256.Sum256([]byte(string(p.Kind) + p.Seal.Hash))
	copy(d.ID[:], id[:])
	when, title := p.At, p.FullTitle()
	add := func(o seal.Object) string {
		d.Objects = append(d.Objects, o)
		return strconv.Itoa(len(d.Objects)) + " 0 R"
	}
	dict := func(format string, a ...any) string { return add(seal.Object{Dict: fmt.Sprintf(format, a...)}) }

	dict("/Title %s /Subject %s /CreationDate (%s)", text(title), text(Subject(p.Kind)), pdfDate(when))
	d.Info = len(d.Objects)
	profile := add(sRGB())
	meta := add(seal.Object{Dict: "/Type /Metadata /Subtype /XML", Stream: xmp(title, Subject(p.Kind), when), Kind: seal.Plain})
	file := add(seal.Object{Dict: fmt.Sprintf("/Type /EmbeddedFile /Subtype /application#2Fjson /Params <</Size %d /ModDate (%s)>>",
		len(p.Record), pdfDate(when)), Stream: p.Record, Kind: seal.Compressed})
	spec := dict("/Type /Filespec /F (record.json) /UF (record.json) /AFRelationship /Data /Desc %s /EF <</F %s /UF %s>>",
		text("The signed records of visit "+p.Visit), file, file)
	look := add(seal.Object{Dict: "/Type /XObject /Subtype /Form /BBox " + at.bbox() + " /Resources <<>>", Kind: seal.Compressed})
	sig := add(seal.Object{Kind: seal.Signature, Dict: signatureDict(p)})
	page, err := pageObject(d.Objects, at.page)
	if err != nil {
		return nil, err
	}
	// Flags 132: Print and Locked (ISO 32000-1, table 165).
	widget := dict("/Type /Annot /Subtype /Widget /FT /Sig /T (Seal) /F 132 /Rect %s /P %d 0 R /AP <</N %s>> /V %s", at.rect(), page, look, sig)
	d.Objects[page-1].Dict += " /Annots [" + widget + "]"
	dict("/Type /Catalog /Pages 1 0 R /Lang (en-GB) /Metadata %s"+
		" /OutputIntents [<</Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) /Info (sRGB IEC61966-2.1) /DestOutputProfile %s>>]"+
		" /Names <</EmbeddedFiles <</Names [(record.json) %s]>>>> /AF [%s]"+
		" /AcroForm <</Fields [%s] /SigFlags 3>> /Perms <</DocMDP %s>> /ViewerPreferences <</DisplayDocTitle true>>",
		meta, profile, spec, spec, widget, sig)
	d.Root = len(d.Objects)
	return d, nil
}

// noFonts is how the resources of a layout without a font stand there.
const noFonts = "/Font <<\n>>"

// embedFonts puts the faces in that are drawn with, and names them in the resources
// that all pages share.
func embedFonts(d *seal.Document, used map[string]map[rune]bool) error {
	names := "/Font <<"
	for _, f := range faces {
		more, ok := used[f.name]
		if !ok {
			continue
		}
		first := len(d.Objects) + 1
		objects, err := f.objects(more, first)
		if err != nil {
			return err
		}
		d.Objects = append(d.Objects, objects...)
		names += fmt.Sprintf("/F%s %d 0 R ", f.name, first)
	}
	return resource(d, noFonts, strings.TrimSpace(names)+">>")
}

// noImages is how the resources of a layout without an image stand there.
const noImages = "/XObject <<\n>>"

// embedLogo puts the letterhead's picture in: plain pixels, which every reader shows
// alike.
func embedLogo(d *seal.Document, l *logo) error {
	if l == nil {
		return nil
	}
	d.Objects = append(d.Objects, seal.Object{Kind: seal.Compressed, Stream: l.pixels,
		Dict: fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8", l.w, l.h)})
	return resource(d, noImages, fmt.Sprintf("/XObject <</Logo %d 0 R>>", len(d.Objects)))
}

// resource puts an entry into the resources that all pages share.
func resource(d *seal.Document, empty, full string) error {
	r := &d.Objects[1] // gofpdf's second object
	if strings.Count(r.Dict, empty) != 1 {
		return errors.New("the layout's resources stand in another way than gofpdf's")
	}
	r.Dict = strings.Replace(r.Dict, empty, full, 1)
	return nil
}

// signatureDict without its gap. DocMDP P=1: no change is allowed (ISO 32000-1,
// 12.8.2.2).
func signatureDict(p *paper.Content) string {
	name := p.Cert.Subject.CommonName
	reason := "Seals the records of visit " + p.Visit
	if p.Class != sign.Production {
		reason += " (" + string(p.Class) + ")"
	}
	return fmt.Sprintf("/Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /Name %s /Reason %s /M (%s)"+
		" /Reference [<</Type /SigRef /TransformMethod /DocMDP /TransformParams <</Type /TransformParams /P 1 /V /1.2>>>>]",
		text(name), text(reason), pdfDate(p.At))
}

// pageObject finds the object number of a page, from 1.
func pageObject(objects []seal.Object, page int) (int, error) {
	for i, o := range objects {
		if strings.HasPrefix(o.Dict, "/Type /Page\n") {
			if page--; page == 0 {
				return i + 1, nil
			}
		}
	}
	return 0, errors.New("the layout lacks a page")
}

// rect in PDF's own coordinates, from the bottom left corner.
func (b *box) rect() string {
	return fmt.Sprintf("[%v %v %v %v]", b.x, pageH-b.y-b.h, b.x+b.w, pageH-b.y)
}

func (b *box) bbox() string { return fmt.Sprintf("[0 0 %v %v]", b.w, b.h) }

// pdfDate as strict readers want it: a bare Z fails some of them.
func pdfDate(t time.Time) string { return t.UTC().Format("D:20060102150405") + "+00'00'" }

// text string: UTF-16 with a byte order mark, in hex, unless it is plain ASCII
// (ISO 32000-1, 7.9.2.2).
func text(s string) string {
	plain := true
	for _, r := range s {
		plain = plain && r >= ' ' && r <= '~'
	}
	if plain {
		return "(" + strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(s) + ")"
	}
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, r := range clean(s) { // clean leaves nothing above U+FFFF
		fmt.Fprintf(&b, "%04X", r)
	}
	return b.String() + ">"
}

var (
	objectForm = regexp.MustCompile(`^([0-9]+) 0 obj\n`)
	lengthForm = regexp.MustCompile(`/Length ([0-9]+)\n?`)
	filterForm = regexp.MustCompile(`/Filter /FlateDecode\n?`)
)

// layoutObjects reads the objects out of the file that gofpdf writes, in order
// of their numbers, and unpacks their streams.
func layoutObjects(b []byte) ([]seal.Object, error) {
	found := map[int]seal.Object{}
	start := bytes.Index(b, []byte("3 0 obj\n"))
	if start < 0 {
		return nil, errors.New("the layout starts unlike gofpdf's")
	}
	for b = b[start:]; ; {
		m := objectForm.FindSubmatch(b)
		if m == nil {
			break
		}
		n, err := strconv.Atoi(string(m[1]))
		if err != nil {
			return nil, err
		}
		o, rest, err := layoutObject(b[len(m[0]):])
		if err != nil {
			return nil, fmt.Errorf("object %d of the layout: %w", n, err)
		}
		found[n], b = o, rest
	}
	out := make([]seal.Object, len(found))
	for i := range out {
		o, ok := found[i+1]
		if !ok {
			return nil, fmt.Errorf("object %d of the layout is missing", i+1)
		}
		out[i] = o
	}
	return out, nil
}

func layoutObject(b []byte) (seal.Object, []byte, error) {
	end, stream := bytes.Index(b, []byte("endobj\n")), bytes.Index(b, []byte("stream\n"))
	if end < 0 {
		return seal.Object{}, nil, errors.New("no end")
	}
	if stream < 0 || end < stream {
		d, err := inside(string(b[:end]))
		return seal.Object{Dict: d}, b[end+len("endobj\n"):], err
	}
	d, err := inside(string(b[:stream]))
	if err != nil {
		return seal.Object{}, nil, err
	}
	m := lengthForm.FindStringSubmatch(d)
	if m == nil {
		return seal.Object{}, nil, errors.New("a stream without a length")
	}
	n, err := strconv.Atoi(m[1])
	b = b[stream+len("stream\n"):]
	if err != nil || n > len(b) {
		return seal.Object{}, nil, errors.New("a stream is too long")
	}
	data := b[:n]
	if filterForm.MatchString(d) {
		if data, err = unpack(data); err != nil {
			return seal.Object{}, nil, err
		}
	}
	d = strings.TrimSpace(filterForm.ReplaceAllString(lengthForm.ReplaceAllString(d, ""), ""))
	rest, ok := bytes.CutPrefix(bytes.TrimPrefix(b[n:], []byte("\n")), []byte("endstream\nendobj\n"))
	if !ok {
		return seal.Object{}, nil, errors.New("a stream has no end")
	}
	return seal.Object{Dict: d, Stream: data, Kind: seal.Compressed}, rest, nil
}

// inside of a dictionary's brackets.
func inside(s string) (string, error) {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "<<") || !strings.HasSuffix(s, ">>") {
		return "", errors.New("not a dictionary")
	}
	return strings.TrimSpace(s[2 : len(s)-2]), nil
}

func unpack(b []byte) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

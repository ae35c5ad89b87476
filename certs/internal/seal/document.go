// Package seal is the container of a paper: a PDF of one revision with one
// signature over all of it, written one way only.
//
// It writes the file from a list of objects (Sign) and it says whether a file is
// exactly what such a list gives (Match): headers, objects, cross-reference table
// and trailer are rebuilt and compared byte for byte, so there is no room in a
// genuine file for anything that was not rendered from the records. Compressed
// streams are compared by content, because the compressor may change with the
// language's library. The package decides nothing about trust.
//
// ISO 32000-1 (PDF 1.7), 7.5 (file structure) and 12.8 (signatures); ETSI EN 319
// 142-1 (PAdES B-B); ETSI EN 319 122-1 (CAdES).
package seal

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// Header of every paper: version 1.7 and four bytes above 127 (ISO 19005-3,
// 6.1.2).
const Header = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"

// Object is one indirect object: a dictionary, or a stream with its dictionary.
// Dict stands without its brackets and without /Length and /Filter, which are the
// container's.
type Object struct {
	Dict   string
	Stream []byte
	Kind   Kind

	packed []byte // Stream as Sign writes it, where Pack was called
}

// Pack compresses a stream ahead of time, for objects that stand in many papers.
func (o *Object) Pack() (err error) {
	if o.Kind == Compressed {
		o.packed, err = deflate(o.Stream)
	}
	return err
}

// Packed is the stream as Pack has compressed it; nil where it was not called.
func (o *Object) Packed() []byte { return o.packed }

// Unpack makes the object of a stream that Pack has compressed at an earlier time.
func Unpack(dict string, packed []byte) (Object, error) {
	stream, err := inflate(packed, maxStream)
	return Object{Dict: dict, Stream: stream, Kind: Compressed, packed: packed}, err
}

// Kind of an object.
type Kind uint8

const (
	Dictionary Kind = iota
	Compressed      // a stream, written with FlateDecode
	Plain           // a stream, written as it is (XMP must be readable: ISO 19005)
	Signature       // the signature dictionary
)

// Document is a paper before it is signed. Objects are numbered from 1.
type Document struct {
	Objects    []Object
	Root, Info int
	ID         [16]byte
}

// Reserve is the room for the signature in bytes: a B-B signature with one P-256
// certificate takes about 1,200.
const Reserve = 2560

// rangeRoom holds '[0 a b c]' with numbers of ten digits.
const rangeRoom = 40

// layout is a written file and where its signature goes.
type layout struct {
	file []byte
	gap  int // offset of '<' of /Contents
	at   int // offset of the /ByteRange array
}

// gapLen is the length of /Contents with its brackets.
const gapLen = 2*Reserve + 2

// assemble writes the file around an empty signature. streams holds the bytes of
// each compressed object as they stand in the file.
func (d *Document) assemble(streams [][]byte) layout {
	var l layout
	var b bytes.Buffer
	b.WriteString(Header)
	offsets := make([]int, len(d.Objects))
	for i, o := range d.Objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n<<%s", i+1, o.Dict)
		switch o.Kind {
		case Dictionary:
			b.WriteString(">>\n")
		case Signature:
			b.WriteString(" /ByteRange ")
			l.at = b.Len()
			b.Write(bytes.Repeat([]byte{' '}, rangeRoom))
			b.WriteString(" /Contents ")
			l.gap = b.Len()
			fmt.Fprintf(&b, "<%s>>>\n", bytes.Repeat([]byte{'0'}, 2*Reserve))
		default:
			s := streams[i]
			fmt.Fprintf(&b, "%s /Length %d>>\nstream\n", filters[o.Kind], len(s))
			b.Write(s)
			b.WriteString("\nendstream\n")
		}
		b.WriteString("endobj\n")
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(d.Objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d /Root %d 0 R /Info %d 0 R /ID [<%x> <%x>]>>\nstartxref\n%d\n%%%%EOF\n",
		len(d.Objects)+1, d.Root, d.Info, d.ID, d.ID, xref)
	l.file = b.Bytes()
	copy(l.file[l.at:], byteRange(l.gap, len(l.file)))
	return l
}

var filters = map[Kind]string{Compressed: " /Filter /FlateDecode", Plain: ""}

// byteRange covers the whole file but the signature between its brackets and the
// brackets themselves (ISO 32000-1, 12.8.1).
func byteRange(gap, size int) string {
	end := gap + gapLen
	return fmt.Sprintf("%-*s", rangeRoom, fmt.Sprintf("[0 %d %d %d]", gap, end, size-end))
}

// Sign writes the file and signs it.
func (d *Document) Sign(cert *x509.Certificate, key crypto.Signer) ([]byte, error) {
	streams := make([][]byte, len(d.Objects))
	for i, o := range d.Objects {
		if o.packed == nil {
			if err := o.Pack(); err != nil {
				return nil, err
			}
		}
		streams[i] = o.Stream
		if o.Kind == Compressed {
			streams[i] = o.packed
		}
	}
	l := d.assemble(streams)
	cms, err := signCMS(cert, key, l.digest())
	if err != nil {
		return nil, err
	}
	return l.fill(cms)
}

func (l layout) digest() []byte {
	h := sha256.New()
	h.Write(l.file[:l.gap])
	h.Write(l.file[l.gap+gapLen:])
	return h.Sum(nil)
}

// fill puts the signature into its gap: lower-case hex, then zeros.
func (l layout) fill(cms []byte) ([]byte, error) {
	if len(cms) > Reserve {
		return nil, fmt.Errorf("the signature takes %d bytes, and there is room for %d", len(cms), Reserve)
	}
	hex.Encode(l.file[l.gap+1:], cms)
	return l.file, nil
}

// deflaters are kept: one takes most of a megabyte.
var deflaters = sync.Pool{New: func() any {
	w, err := zlib.NewWriterLevel(io.Discard, zlib.BestCompression)
	if err != nil {
		panic("the best compression is none: " + err.Error())
	}
	return w
}}

func deflate(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w := deflaters.Get().(*zlib.Writer)
	defer deflaters.Put(w)
	w.Reset(&out)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}

// maxStream bounds what a hostile attachment may grow to: certs reads no more
// (certs.MaxVisit), and no paper is made of more.
const maxStream = 4 << 20

var errLarge = errors.New("a stream is larger than any of ours")

// inflaters are kept: one takes 40 KB.
var inflaters sync.Pool

// inflate reads a stream of at most some bytes, whose every byte belongs to it.
func inflate(b []byte, most int) ([]byte, error) {
	r := bytes.NewReader(b)
	z, ok := inflaters.Get().(io.ReadCloser)
	var err error
	if ok {
		err = z.(zlib.Resetter).Reset(r, nil)
	} else {
		z, err = zlib.NewReader(r)
	}
	if err != nil {
		return nil, err
	}
	defer inflaters.Put(z)
	var out bytes.Buffer
	out.Grow(min(most, 8*len(b)) + bytes.MinRead)
	_, err = out.ReadFrom(io.LimitReader(z, int64(most)+1))
	switch {
	case err != nil:
		return nil, err
	case out.Len() > most:
		return nil, errLarge
	case r.Len() != 0:
		return nil, errors.New("bytes stand behind a stream")
	}
	return out.Bytes(), nil
}

// Match says whether the file is this document, signed: byte for byte, but for
// the way that streams are compressed and for the signature itself, which
// ReadSignature has judged.
func (d *Document) Match(f File) error {
	streams := make([][]byte, len(d.Objects))
	for i := range min(len(d.Objects), len(f.Objects)) {
		o := &d.Objects[i]
		streams[i] = f.Objects[i].Raw
		same, err := o.says(f.Objects[i].Raw)
		if err != nil {
			return fmt.Errorf("object %d: %w", i+1, err)
		}
		if !same {
			return &Difference{Object: i + 1, Dict: o.Dict}
		}
	}
	if len(f.Objects) != len(d.Objects) {
		return fmt.Errorf("the file has %d objects, and the records give %d", len(f.Objects), len(d.Objects))
	}
	l := d.assemble(streams)
	if len(l.file) == len(f.Bytes) {
		copy(l.file[l.gap:l.gap+gapLen], f.Bytes[l.gap:])
	}
	if !bytes.Equal(l.file, f.Bytes) {
		return fmt.Errorf("%s is another", d.otherPart(f))
	}
	return nil
}

// otherPart names, for people, the first part of a file that is not this document's.
// All streams are.
func (d *Document) otherPart(f File) string {
	for i, o := range d.Objects {
		got := f.Objects[i].Dict
		if o.Kind == Signature {
			got, _, _ = strings.Cut(got, " /ByteRange ")
		} else {
			got = strings.TrimSuffix(got, filters[o.Kind])
		}
		if got == o.Dict {
			continue
		}
		switch {
		case i+1 == d.Info:
			return "its title, subject or date"
		case i+1 == d.Root:
			return "its catalog (what a reader does with the file, and which changes are allowed)"
		case o.Kind == Signature:
			return "the signature's dictionary (who signed, when, why, and which changes are allowed)"
		case strings.HasPrefix(o.Dict, "/Type /Filespec"):
			return "the name of its attachment"
		case strings.HasPrefix(o.Dict, "/Type /Annot"):
			return "the field of its seal"
		}
		return "the dictionary of object " + strconv.Itoa(i+1)
	}
	return "its cross-reference table or its trailer"
}

// says whether a stream as it stands in a file has this object's content.
func (o *Object) says(raw []byte) (bool, error) {
	switch {
	case o.Kind != Compressed:
		return bytes.Equal(raw, o.Stream), nil
	case o.packed != nil && bytes.Equal(raw, o.packed):
		return true, nil
	}
	content, err := inflate(raw, len(o.Stream))
	if errors.Is(err, errLarge) {
		return false, nil
	}
	return bytes.Equal(content, o.Stream), err
}

// Difference is a stream that says something else than the records give.
type Difference struct {
	Object int
	Dict   string
}

func (d *Difference) Error() string {
	return "object " + strconv.Itoa(d.Object) + " says something else than the records give"
}

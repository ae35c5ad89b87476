package seal

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// File is a paper as read: nothing of it is trusted yet.
type File struct {
	Bytes   []byte
	Objects []Found
}

// Found is one object of a file: the text of its dictionary and, for a stream,
// the bytes as they stand there.
type Found struct {
	Dict string
	Raw  []byte
}

// Errors that ReadSignature tells apart, so that people learn what is wrong.
var (
	ErrNotPDF    = errors.New("this is not a PDF")
	ErrUnsigned  = errors.New("this PDF carries no signature of ours")
	ErrEncrypted = errors.New("this PDF is encrypted, and ours never are")
	ErrCut       = errors.New("the file is cut off: its end is missing")
	ErrChanged   = errors.New("the file was changed after it was signed")
	ErrMalform   = errors.New("the signature is not written the one way that ours are")
	ErrStuffed   = errors.New("the signature carries more certificates than its signer's")
	ErrPadding   = errors.New("bytes stand behind the signature, inside its place")
)

// malformed says in what way a signature is written otherwise than ours.
func malformed(how string) error { return fmt.Errorf("%w: %s", ErrMalform, how) }

// Appended says that bytes stand behind what was signed.
type Appended struct{ Count int }

func (e *Appended) Error() string {
	if e.Count == 1 {
		return "1 byte was added after the signature"
	}
	return fmt.Sprintf("%d bytes were added after the signature", e.Count)
}

var rangeForm = regexp.MustCompile(`/ByteRange (\[0 ([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,10})\] *) /Contents <`)

// ReadSignature finds the one signature, checks that it covers the whole file, is
// written the one way that ours are, and was made over these bytes by the key of
// the certificate that it carries. Whether that certificate may be trusted is for
// the caller to say.
func ReadSignature(b []byte) (*x509.Certificate, error) {
	if !bytes.HasPrefix(b, []byte("%PDF-")) {
		return nil, ErrNotPDF
	}
	m := rangeForm.FindSubmatchIndex(b)
	if m == nil {
		switch {
		case !bytes.Contains(b, []byte("%%EOF")):
			return nil, ErrCut
		case bytes.Contains(b, []byte("/Encrypt ")):
			return nil, ErrEncrypted
		}
		return nil, ErrUnsigned
	}
	var n [3]int
	for i := range n {
		n[i], _ = strconv.Atoi(string(b[m[4+2*i]:m[5+2*i]])) // at most ten digits: fits
	}
	gap, end, size := m[1]-1, n[1], n[1]+n[2]
	switch {
	case n[0] != gap || end != gap+gapLen || m[3]-m[2] != rangeRoom:
		return nil, malformed("its range is not the whole file but itself")
	case size < len(b):
		return nil, &Appended{len(b) - size}
	case size > len(b):
		return nil, ErrCut
	}
	return readGap(b, gap)
}

func readGap(b []byte, gap int) (*x509.Certificate, error) {
	text := b[gap+1 : gap+gapLen-1]
	if b[gap] != '<' || b[gap+gapLen-1] != '>' {
		return nil, malformed("it does not fill its place")
	}
	room := make([]byte, Reserve)
	if _, err := hex.Decode(room, text); err != nil || hex.EncodeToString(room) != string(text) {
		return nil, malformed("its hex has capitals, or something else than digits")
	}
	h := sha256.New()
	h.Write(b[:gap])
	h.Write(b[gap+gapLen:])
	cert, padding, err := openCMS(room, h.Sum(nil))
	switch {
	case err != nil:
		return nil, err
	case len(bytes.Trim(padding, "\x00")) != 0:
		return nil, ErrPadding
	}
	return cert, nil
}

var lengthForm = regexp.MustCompile(` /Length ([0-9]{1,9})>>\nstream\n$`)

// ReadObjects walks through the objects in the order and the form in which Sign
// writes them.
func ReadObjects(b []byte) (File, error) {
	f := File{Bytes: b}
	rest, ok := bytes.CutPrefix(b, []byte(Header))
	if !ok {
		return f, errors.New("the file has another header than ours")
	}
	for !bytes.HasPrefix(rest, []byte("xref\n")) {
		head := fmt.Sprintf("%d 0 obj\n<<", len(f.Objects)+1)
		body, ok := bytes.CutPrefix(rest, []byte(head))
		if !ok {
			return f, fmt.Errorf("object %d is not where it belongs", len(f.Objects)+1)
		}
		o, after, err := readObject(body)
		if err != nil {
			return f, fmt.Errorf("object %d: %w", len(f.Objects)+1, err)
		}
		f.Objects, rest = append(f.Objects, o), after
	}
	return f, nil
}

func readObject(b []byte) (Found, []byte, error) {
	end := bytes.Index(b, []byte(">>\nendobj\n"))
	stream := bytes.Index(b, []byte(">>\nstream\n"))
	if end < 0 && stream < 0 {
		return Found{}, nil, errors.New("it has no end")
	}
	if stream < 0 || end >= 0 && end < stream {
		return Found{Dict: string(b[:end])}, b[end+len(">>\nendobj\n"):], nil
	}
	head := b[:stream+len(">>\nstream\n")]
	m := lengthForm.FindSubmatchIndex(head)
	if m == nil {
		return Found{}, nil, errors.New("a stream without a length")
	}
	n, _ := strconv.Atoi(string(head[m[2]:m[3]])) // at most nine digits: fits
	b = b[len(head):]
	if n > len(b) {
		return Found{}, nil, errors.New("a stream is longer than the file")
	}
	after, ok := bytes.CutPrefix(b[n:], []byte("\nendstream\nendobj\n"))
	if !ok {
		return Found{}, nil, errors.New("a stream does not end where it says")
	}
	return Found{Dict: string(head[:m[0]]), Raw: b[:n]}, after, nil
}

// Attachment gives the content of the one embedded file.
func (f File) Attachment() ([]byte, error) {
	for _, o := range f.Objects {
		if bytes.HasPrefix([]byte(o.Dict), []byte("/Type /EmbeddedFile ")) {
			return inflate(o.Raw, maxStream)
		}
	}
	return nil, errors.New("no record.json is embedded")
}

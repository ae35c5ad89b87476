package pdf

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"math"
	"sync"
	"time"

	"handback.example/certs/internal/seal"
)

// xmp says what the file is (ISO 19005-3, 6.6.2: the identification schema; 6.6.3:
// it agrees with the information dictionary).
func xmp(title, subject string, when time.Time) []byte {
	esc := func(s string) string {
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(s)) // a Buffer takes everything
		return b.String()
	}
	return []byte(fmt.Sprintf(`<?xpacket begin="`+"\ufeff"+`" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>3</pdfaid:part>
<pdfaid:conformance>B</pdfaid:conformance>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">%s</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">%s</rdf:li></rdf:Alt></dc:description>
<xmp:CreateDate>%s</xmp:CreateDate>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>`, esc(clean(title)), esc(subject), when.UTC().Format("2006-01-02T15:04:05+00:00")))
}

// sRGB is the colour profile's object.
var sRGB = sync.OnceValue(func() seal.Object {
	o := seal.Object{Dict: "/N 3", Stream: profile(), Kind: seal.Compressed}
	if err := o.Pack(); err != nil {
		panic("the colour profile can't be packed: " + err.Error())
	}
	return o
})

// profile makes a minimal ICC profile of version 2.1 for IEC 61966-2-1 (ICC.1:2001-04):
// a display profile with three matrix columns and one tone curve for all.
func profile() []byte {
	tags := []struct {
		name string
		data []byte
	}{
		{"desc", iccDescription("sRGB IEC61966-2.1")},
		{"cprt", append([]byte("text\x00\x00\x00\x00"), "No copyright, use freely\x00"...)},
		{"wtpt", iccXYZ(0xf351, 0x10000, 0x116cc)}, // D65 as measured
		// Columns adapted to D50, as the profiles of IEC 61966-2-1 have them.
		{"rXYZ", iccXYZ(0x6fa2, 0x38f5, 0x0390)},
		{"gXYZ", iccXYZ(0x6299, 0xb785, 0x18da)},
		{"bXYZ", iccXYZ(0x24a0, 0x0f84, 0xb6cf)},
		{"rTRC", iccCurve()},
	}
	offset := 128 + 4 + 12*(len(tags)+2)
	var table, data bytes.Buffer
	put := func(name string, at, size int) {
		table.WriteString(name)
		table.Write(be32(uint32(at)))
		table.Write(be32(uint32(size)))
	}
	for _, t := range tags {
		at := offset + data.Len()
		put(t.name, at, len(t.data))
		if t.name == "rTRC" {
			put("gTRC", at, len(t.data))
			put("bTRC", at, len(t.data))
		}
		data.Write(t.data)
		data.Write(make([]byte, (4-len(t.data)%4)%4))
	}
	size := offset + data.Len()
	return bytes.Join([][]byte{iccHeader(size), be32(uint32(len(tags) + 2)), table.Bytes(), data.Bytes()}, nil)
}

// iccHeader of ICC.1:2001-04, 6.1.
func iccHeader(size int) []byte {
	h := make([]byte, 128)
	copy(h, be32(uint32(size)))
	copy(h[8:], be32(0x02100000)) // version 2.1
	copy(h[12:], "mntrRGB XYZ ")
	for i, v := range []uint16{2026, 1, 1, 0, 0, 0} {
		binary.BigEndian.PutUint16(h[24+2*i:], v)
	}
	copy(h[36:], "acsp")
	copy(h[68:], iccXYZ(0xf6d6, 0x10000, 0xd32d)[8:]) // D50, the connection space's illuminant
	return h
}

func iccXYZ(x, y, z uint32) []byte {
	return bytes.Join([][]byte{[]byte("XYZ \x00\x00\x00\x00"), be32(x), be32(y), be32(z)}, nil)
}

// iccDescription is textDescriptionType (6.5.17): ASCII, then empty Unicode and
// ScriptCode parts.
func iccDescription(s string) []byte {
	b := append([]byte("desc\x00\x00\x00\x00"), be32(uint32(len(s)+1))...)
	b = append(append(b, s...), 0)
	return append(b, make([]byte, 4+4+2+1+67)...)
}

// iccCurve is the transfer function of IEC 61966-2-1 in 1,024 steps.
func iccCurve() []byte {
	const steps = 1024
	b := append([]byte("curv\x00\x00\x00\x00"), be32(steps)...)
	for i := range steps {
		b = binary.BigEndian.AppendUint16(b, uint16(math.Round(65535*linear(i, steps))))
	}
	return b
}

func linear(i, steps int) float64 {
	v := float64(i) / float64(steps-1)
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

package capture

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/internal/tree"
)

// Bounds of an archive, which may come from anybody.
const (
	maxArchive  = 64 << 20 // bytes in all, unpacked
	maxFile     = 4 << 20  // bytes of one file: an SMBIOS table at most
	maxLines    = 12 << 20 // bytes of tree.jsonl, and of one drive's commands
	maxEntries  = 60_000
	maxNames    = 100_000 // in all its lists
	maxName     = 1024    // bytes
	maxSentence = 4096
	maxDrives   = 256
	maxCommands = 10_000 // of one drive
)

// Open reads an archive. It must be closed.
func Open(name string) (*Capture, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s can't be read as a capture: %w", name, err)
	}
	return c, nil
}

// Read an archive.
func Read(r io.Reader) (*Capture, error) {
	z, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return nil, fmt.Errorf("it is no tar.gz: %w", err)
	}
	in := reader{limit: &io.LimitedReader{R: z, N: maxArchive + 1}, c: &Capture{archive: archive{tree: map[string]*node{}}}, drives: map[string]*driveRecord{}}
	t := tar.NewReader(in.limit)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = in.entry(h, t)
		}
		if in.limit.N <= 0 {
			return nil, fmt.Errorf("it is longer than %d MB", maxArchive>>20)
		}
		if err != nil {
			return nil, err
		}
	}
	if in.c.manifest.Format != Format {
		return nil, fmt.Errorf("its format is %.40q, and this program reads %s: use the version that wrote it", in.c.manifest.Format, Format)
	}
	for name, d := range in.drives {
		if d.Path == "" {
			return nil, fmt.Errorf("drives/%.80q has commands and no drive.json", name)
		}
	}
	in.c.clean()
	return in.c, nil
}

// clean makes plain text of what the archive has for people. What a machine or a drive
// said itself is cleaned where that is read.
func (a *archive) clean() {
	texts := []*string{&a.manifest.Program}
	for _, n := range a.tree {
		for _, f := range []*failure{n.gone, n.unread, n.unnamed, n.deviceNo} {
			if f != nil {
				texts = append(texts, &f.Text, &f.Op)
			}
		}
	}
	for _, d := range a.drives {
		texts = append(texts, &d.Unopened, &d.Unidentified)
		if c := d.Contents; c != nil {
			for _, list := range [][]string{c.Holds, c.Problems} {
				for i := range list {
					texts = append(texts, &list[i])
				}
			}
		}
		for _, x := range d.commands {
			texts = append(texts, &x.Error)
		}
	}
	if amt := a.machine.AMT; amt != nil {
		texts = append(texts, &amt.Error)
	}
	if t := a.machine.TPM; t != nil {
		for _, f := range []*inspect.Fact[string]{&t.Version, &t.Maker, &t.Firmware, &t.EKHash} {
			texts = append(texts, &f.Value, &f.Source, &f.Why)
		}
		for _, f := range []*inspect.Fact[bool]{&t.Present, &t.LockoutAuthSet, &t.DisableClear, &t.InLockout, &t.OwnerAuthSet} {
			texts = append(texts, &f.Source, &f.Why)
		}
	}
	for _, t := range texts {
		*t = plain(*t)
	}
}

// plain text of at most some lines: a sentence of ours, not a name (see drive.Clean).
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r >= ' ' && r <= '~' {
			return r
		}
		return -1
	}, s[:min(len(s), maxSentence)])
}

// reader of one archive.
type reader struct {
	limit   *io.LimitedReader
	c       *Capture
	drives  map[string]*driveRecord
	entries int
	names   int // in lists
}

func (r *reader) entry(h *tar.Header, body io.Reader) error {
	if r.entries++; r.entries > maxEntries {
		return fmt.Errorf("it has more than %d entries", maxEntries)
	}
	name := strings.TrimSuffix(h.Name, "/")
	if !proper(name) {
		return fmt.Errorf("an entry is called %.80q", h.Name)
	}
	if sparse(h) {
		return fmt.Errorf("%.80q is a sparse file, and a capture has none", name)
	}
	if in, ok := strings.CutPrefix(name, "tree/"); ok {
		return r.file("/"+in, h, body)
	}
	if h.Typeflag == tar.TypeDir {
		return nil
	}
	if h.Typeflag != tar.TypeReg {
		return fmt.Errorf("%.80q is no file", name)
	}
	most := int64(maxFile)
	if strings.HasSuffix(name, ".jsonl") {
		most = maxLines
	}
	b, err := upTo(body, most, name)
	if err != nil {
		return err
	}
	dir, base := path.Split(name)
	drive, ofDrive := strings.CutPrefix(dir, "drives/")
	switch {
	case name == "capture.json":
		err = json.Unmarshal(b, &r.c.manifest)
	case name == "machine.json":
		err = json.Unmarshal(b, &r.c.machine)
	case name == "tree.jsonl":
		err = r.lines(b)
	case ofDrive && base == "drive.json":
		err = r.drive(strings.TrimSuffix(drive, "/"), b)
	case ofDrive && base == "commands.jsonl":
		err = r.commands(strings.TrimSuffix(drive, "/"), b)
	default:
		return fmt.Errorf("it has an entry %.80q, which is none of a capture", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// sparse files, as GNU tar keeps them, hold more than the bytes that an archive has for
// them: its length would say nothing of the memory that they take.
func sparse(h *tar.Header) bool {
	for record := range h.PAXRecords {
		if strings.HasPrefix(record, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// proper names are short, relative and have no way up.
func proper(name string) bool {
	return name != "" && len(name) <= maxName && path.Clean(name) == name && name[0] != '/' && name != ".." && !strings.HasPrefix(name, "../") && !strings.ContainsRune(name, 0)
}

// at the node of a name.
func (r *reader) at(name string) (*node, error) {
	if len(r.c.tree) > maxEntries {
		return nil, fmt.Errorf("it has more than %d names", maxEntries)
	}
	n := r.c.tree[name]
	if n == nil {
		n = &node{}
		r.c.tree[name] = n
	}
	return n, nil
}

func (r *reader) file(name string, h *tar.Header, body io.Reader) error {
	n, err := r.at(name)
	if err != nil {
		return err
	}
	if n.looked {
		return fmt.Errorf("it has %.80q twice", name)
	}
	n.looked = true
	switch h.Typeflag {
	case tar.TypeDir:
		n.entry.Kind = tree.Folder
		return nil
	case tar.TypeSymlink:
		n.entry = tree.Entry{Kind: tree.Link, Target: h.Linkname}
		return nil
	case tar.TypeReg:
		n.entry.Kind, n.read = tree.File, true
	default:
		return fmt.Errorf("%.80q is neither file, folder nor link", name)
	}
	n.data, err = upTo(body, maxFile, name)
	return err
}

func upTo(r io.Reader, most int64, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		return nil, fmt.Errorf("%.80q is longer than %d MB", name, most>>20)
	}
	return b, err
}

// each value of a file of JSON lines.
func each[T any](b []byte, most int, do func(T) error) error {
	d := json.NewDecoder(bytes.NewReader(b))
	for n := 0; ; n++ {
		var v T
		if err := d.Decode(&v); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if n >= most {
			return fmt.Errorf("it has more than %d lines", most)
		}
		if err := do(v); err != nil {
			return err
		}
	}
}

func (r *reader) lines(b []byte) error {
	return each(b, maxEntries, func(l line) error {
		if len(l.Name) > maxName || path.Clean("/"+l.Name) != l.Name {
			return fmt.Errorf("a name is %.80q", l.Name)
		}
		n, err := r.at(l.Name)
		if err != nil {
			return err
		}
		for kind, name := range kindNames {
			if l.Kind == name && !n.looked {
				n.looked, n.entry.Kind = true, kind
			}
		}
		if l.Gone != nil {
			n.looked, n.gone = true, l.Gone
		}
		if l.Unread != nil {
			n.read, n.unread = true, l.Unread
		}
		if r.names += len(l.Names); r.names > maxNames {
			return fmt.Errorf("its lists have more than %d names", maxNames)
		}
		slices.Sort(l.Names)
		n.listed, n.names, n.unnamed = l.Listed, l.Names, l.Unnamed
		if l.Device != nil {
			n.asked, n.device = true, *l.Device
		}
		if l.NoNode != nil {
			n.asked, n.deviceNo = true, l.NoNode
		}
		return nil
	})
}

func (r *reader) of(name string) (*driveRecord, error) {
	if d := r.drives[name]; d != nil {
		return d, nil
	}
	if len(r.drives) >= maxDrives {
		return nil, fmt.Errorf("it has more than %d drives", maxDrives)
	}
	d := &driveRecord{}
	r.drives[name] = d
	r.c.drives = append(r.c.drives, d)
	return d, nil
}

func (r *reader) drive(name string, b []byte) error {
	d, err := r.of(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, d); err != nil {
		return err
	}
	if g := d.Geometry; d.Path == "" || g.Size < 0 || g.LogicalBlock < 0 || g.PhysicalBlock < 0 || d.Provenance > drive.ProvenanceModel {
		return errors.New("it makes no sense")
	}
	return nil
}

func (r *reader) commands(name string, b []byte) error {
	d, err := r.of(name)
	if err != nil {
		return err
	}
	return each(b, maxCommands, func(x *exchange) error {
		if x == nil || x.Length < 0 || len(x.Data) > x.Length || x.Length > maxArchive || len(x.Frame) > 4096 {
			return errors.New("a command makes no sense")
		}
		d.commands = append(d.commands, x)
		return nil
	})
}

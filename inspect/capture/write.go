package capture

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"time"

	"handback.example/inspect/internal/tree"
)

// replacedWords say in the manifest what was replaced.
var replacedWords = []string{
	"serial numbers, UUIDs, WWNs and hardware addresses, asset tags, names of boot entries, volumes and folders, those that people gave to network interfaces, the hash of the TPM's key: by others of the same length and shape, the same by the same",
	"blocks of the drives: by what their survey came to",
	"what makers or owners may write where they like (SMBIOS types 11, 12 and from 128 on, EFI variables, vendor pages and what in an answer, in sense data or in what a display says is a vendor's own): blotted out",
	"what a maker calls a model, a board, a slot or a connector stays, without the serial numbers and tags that are in it: look at it if an owner may have written there",
}

// line is one line of tree.jsonl: what can't be told of a name by a file.
type line struct {
	Name    string       `json:"name"`
	Kind    string       `json:"kind,omitempty"` // of what was looked at and not read
	Gone    *failure     `json:"gone,omitempty"`
	Unread  *failure     `json:"unread,omitempty"`
	Listed  bool         `json:"listed,omitempty"`
	Names   []string     `json:"names,omitempty"`
	Unnamed *failure     `json:"unnamed,omitempty"`
	Device  *tree.Device `json:"device,omitempty"`
	NoNode  *failure     `json:"no_device,omitempty"`
}

// Write the capture, without the names of machine and people; program names itself
// and its version. GUIDs of partitions in own may stay. It gives what was withheld.
func (r *Recorder) Write(w io.Writer, program string, own []string) (withheld []string, err error) {
	a, _, err := r.concealed(program, own)
	if err != nil {
		return nil, err
	}
	return a.manifest.Withheld, a.write(w)
}

// concealed is what was recorded up to now, as it may be given away.
func (r *Recorder) concealed(program string, own []string) (archive, concealer, error) {
	n, err := newNames()
	if err != nil {
		return archive{}, concealer{}, err
	}
	r.mu.Lock()
	a := archive{tree: map[string]*node{}, machine: r.about, drives: slices.Clone(r.all)}
	for name, n := range r.tree {
		a.tree[name] = n.clone()
	}
	r.mu.Unlock()
	a.manifest = Manifest{Format: Format, Program: program, Taken: r.taken.UTC().Truncate(time.Second), Opened: r.opens, Replaced: replacedWords}
	c := concealer{names: n, own: own}
	return c.archive(a), c, nil
}

func (a *archive) write(w io.Writer) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	out := &writer{tar: tar.NewWriter(z), at: a.manifest.Taken}
	out.json("capture.json", a.manifest)
	out.json("machine.json", a.machine)
	var lines []line
	for _, name := range sortedNames(a.tree) {
		if l, more := out.node(name, a.tree[name]); more {
			lines = append(lines, l)
		}
	}
	lineFile(out, "tree.jsonl", lines)
	slices.SortFunc(a.drives, func(x, y *driveRecord) int { return cmp.Compare(x.Path, y.Path) })
	for _, d := range a.drives {
		dir := "drives/" + path.Base(d.Path) + "/"
		out.json(dir+"drive.json", d)
		lineFile(out, dir+"commands.jsonl", d.commands)
	}
	if out.err == nil {
		out.err = out.tar.Close()
	}
	return cmp.Or(out.err, z.Close())
}

// writer of an archive; after an error it writes no more.
type writer struct {
	tar *tar.Writer
	at  time.Time
	err error
}

func (w *writer) entry(h tar.Header, b []byte) {
	if w.err != nil {
		return
	}
	h.Size, h.ModTime, h.Format = int64(len(b)), w.at, tar.FormatPAX
	h.Mode = 0o644
	if w.err = w.tar.WriteHeader(&h); w.err == nil {
		_, w.err = w.tar.Write(b)
	}
}

func (w *writer) json(name string, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	w.err = cmp.Or(w.err, err)
	w.entry(tar.Header{Name: name, Typeflag: tar.TypeReg}, append(b, '\n'))
}

func lineFile[T any](w *writer, name string, lines []T) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for _, l := range lines {
		w.err = cmp.Or(w.err, e.Encode(l))
	}
	w.entry(tar.Header{Name: name, Typeflag: tar.TypeReg}, b.Bytes())
}

// node writes what a file says of a name, and gives what it can't say.
func (w *writer) node(name string, n *node) (l line, more bool) {
	l = line{Name: name}
	at := "tree" + name
	switch {
	case !n.looked:
	case n.gone != nil:
		l.Gone, more = n.gone, true
	case n.entry.Kind == tree.Link:
		w.entry(tar.Header{Name: at, Linkname: n.entry.Target, Typeflag: tar.TypeSymlink}, nil)
	case n.entry.Kind == tree.Folder:
		w.entry(tar.Header{Name: at + "/", Typeflag: tar.TypeDir}, nil)
	case n.entry.Kind == tree.File && n.read && n.unread == nil:
		w.entry(tar.Header{Name: at, Typeflag: tar.TypeReg}, n.data)
	default:
		l.Kind, more = kindNames[n.entry.Kind], true
	}
	if n.read && n.unread != nil {
		l.Unread, more = n.unread, true
	}
	if n.listed {
		l.Listed, l.Names, l.Unnamed, more = true, n.names, n.unnamed, true
	}
	if n.asked {
		more = true
		if l.NoNode = n.deviceNo; l.NoNode == nil {
			l.Device = &n.device
		}
	}
	return l, more
}

var kindNames = map[tree.Kind]string{tree.Other: "other", tree.File: "file", tree.Folder: "folder", tree.Link: "link"}

func sortedNames(t map[string]*node) []string { return slices.Sorted(maps.Keys(t)) }

// String says what an archive holds, for people.
func (m Manifest) String() string {
	return fmt.Sprintf("taken on %s by %s", m.Taken.Format("2 January 2006"), m.Program)
}

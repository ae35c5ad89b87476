package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"handback.example/certs/verify"
	"handback.example/cmd/internal/bounded"
)

// Bounds of what is read: a paper of ours is far smaller, and an archive may lie
// about what is in it.
const (
	maxPaper     = 8 << 20
	maxFiles     = 50_000  // what is said of more takes too much memory
	maxDirectory = 8 << 20 // of an archive
)

// source of one file, to be opened when its turn comes.
type source struct {
	name string // for people
	size int64
	open func() (io.ReadCloser, error)
}

// task is one thing to be judged, or what is known of it already.
type task struct {
	source
	known *verify.Result
	spool *spool // the records of a visit that lie in files of their own
}

// spool of one visit: its records by their files' names.
type spool struct {
	visit string
	files []source
}

// finder turns arguments into tasks, in their order. It reads names, and of files
// that may be records the first bytes.
type finder struct {
	tasks  []task
	spools map[string]*spool
	taken  int      // files that are to be judged, or known already
	listed []string // in folders and archives: what is not judged
	open   []io.Closer
}

func (f *finder) known(r verify.Result) {
	f.taken++
	f.tasks = append(f.tasks, task{known: &r})
}

func (f *finder) unread(name string, err error) {
	f.known(verify.Unread(name, "it could not be read: %v", err))
}

// argument is a file, a folder or an archive.
func (f *finder) argument(path string) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		f.unread(path, err)
	case st.IsDir():
		f.folder(path)
	case isArchive(path):
		f.archive(path)
	default:
		f.add(fileSource(path, st.Size()))
	}
}

func fileSource(path string, size int64) source {
	return source{path, size, func() (io.ReadCloser, error) { return bounded.Open(path) }}
}

func isArchive(name string) bool { return strings.EqualFold(path.Ext(name), ".zip") }

// recordForm is how a spool names its files: the visit, and the record's number.
var recordForm = regexp.MustCompile(`^([A-Z0-9]{1,12}-[0-9]{6,9})-[0-9]{4,6}\.json$`)

// add a source that is to be judged. The records of one visit are judged together.
func (f *finder) add(s source) {
	f.taken++
	m := recordForm.FindStringSubmatch(base(s.name))
	if m == nil {
		f.tasks = append(f.tasks, task{source: s})
		return
	}
	sp := f.spools[m[1]]
	if sp == nil {
		sp = &spool{visit: m[1]}
		f.spools[m[1]] = sp
		f.tasks = append(f.tasks, task{spool: sp})
	}
	sp.files = append(sp.files, s)
}

func base(name string) string { return path.Base(filepath.ToSlash(name)) }

// found is a file that nobody has named: it is judged if it may be ours.
func (f *finder) found(s source) {
	switch name := base(s.name); strings.ToLower(path.Ext(name)) {
	case ".pdf", ".html":
		f.add(s)
	case ".json":
		if recordForm.MatchString(name) || name == "record.json" || startsAsRecord(s) {
			f.add(s)
			return
		}
		fallthrough
	default:
		f.listed = append(f.listed, s.name)
	}
}

func startsAsRecord(s source) bool {
	r, err := s.open()
	if err != nil {
		return false
	}
	defer r.Close()
	head := make([]byte, 64)
	n, _ := io.ReadFull(r, head) // a shorter file is one, too
	return verify.FormOf(head[:n]) == verify.FormRecords
}

var (
	errTooMany = fmt.Errorf("more than %d files are too many for one run", maxFiles)
	errNoPaper = errors.New("no paper and no record is in it")
	errOverlap = errors.New("the files in it are more than it has room for: they share their bytes, as in a zip bomb")
)

func (f *finder) full() bool { return f.taken+len(f.listed) > maxFiles }

func (f *finder) folder(dir string) {
	before := f.taken
	// With a separator at its end, for a folder may be named by a symbolic link.
	err := filepath.WalkDir(strings.TrimRight(dir, "/")+"/", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			f.unread(path, err)
		case e.IsDir():
		default:
			f.inFolder(path)
		}
		if f.full() {
			return errTooMany
		}
		return nil
	})
	if err != nil {
		f.unread(dir, err)
	}
	if f.taken == before {
		f.unread(dir, errNoPaper)
	}
}

func (f *finder) inFolder(path string) {
	st, err := os.Stat(path)
	var size int64
	if err == nil {
		size = st.Size()
	}
	f.found(fileSource(path, size))
}

func (f *finder) archive(name string) {
	file, err := bounded.Open(name)
	if err != nil {
		f.unread(name, err)
		return
	}
	f.open = append(f.open, file)
	st, err := file.Stat()
	if err != nil {
		f.unread(name, err)
		return
	}
	d := &directory{file: file, left: maxDirectory}
	z, err := zip.NewReader(d, st.Size())
	if err != nil {
		f.unread(name, err)
		return
	}
	d.left = -1
	room := uint64(st.Size())
	for _, e := range z.File {
		if e.CompressedSize64 > room {
			f.unread(name, errOverlap)
			return
		}
		room -= e.CompressedSize64
	}
	before := f.taken
	for _, e := range z.File {
		if f.full() {
			f.unread(name, errTooMany)
			return
		}
		if !e.FileInfo().IsDir() {
			f.found(source{name + "/" + e.Name, int64(min(e.UncompressedSize64, 1<<62)), func() (io.ReadCloser, error) { return e.Open() }})
		}
	}
	if f.taken == before {
		f.unread(name, errNoPaper)
	}
}

// directory bounds what is read of an archive while its list of contents is: that
// may be as long as the archive.
type directory struct {
	file io.ReaderAt
	left int // -1: no bound
}

func (d *directory) ReadAt(b []byte, off int64) (int, error) {
	if d.left >= 0 {
		if d.left -= len(b); d.left < 0 {
			return 0, errors.New("it holds too many files for one run")
		}
	}
	return d.file.ReadAt(b, off)
}

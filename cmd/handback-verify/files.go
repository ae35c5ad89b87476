package main

import (
	"archive/zip"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"handback.example/certs/verify"
)

// Bounds of what is read: a paper of ours is far smaller, and an archive may lie
// about what is in it.
const (
	maxPaper = 32 << 20
	maxFiles = 100_000
	maxRoot  = 1 << 20 // what is longer is cut off, and then no certificate
)

// checker judges what it is given, one after the other.
type checker struct {
	roots   []*x509.Certificate
	options verify.Options
	results []verify.Result
	listed  []string // in folders and archives: what is no PDF
}

// name judges one argument: a file, a folder or an archive.
func (c *checker) name(path string) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		c.unread(path, err)
	case st.IsDir():
		c.folder(path)
	case strings.EqualFold(filepath.Ext(path), ".zip"):
		c.archive(path)
	default:
		c.file(path)
	}
}

func (c *checker) unread(path string, err error) {
	c.results = append(c.results, verify.Result{File: path, Verdict: verify.Unchecked, Sentence: fmt.Sprintf("Unchecked: it could not be read: %v.", err)})
}

func (c *checker) file(path string) {
	f, err := os.Open(path)
	if err != nil {
		c.unread(path, err)
		return
	}
	defer f.Close()
	c.judge(path, f)
}

func (c *checker) judge(name string, r io.Reader) {
	b, err := io.ReadAll(io.LimitReader(r, maxPaper+1))
	if err != nil {
		c.unread(name, err)
		return
	}
	if len(b) > maxPaper {
		c.results = append(c.results, verify.Result{File: name, Verdict: verify.NotGenuine,
			Sentence: "Not genuine: it is larger than any paper of ours."})
		return
	}
	res := verify.File(b, c.roots, c.options)
	res.File = name
	c.results = append(c.results, res)
}

func isPDF(name string) bool { return strings.EqualFold(filepath.Ext(name), ".pdf") }

func (c *checker) folder(dir string) {
	before := len(c.results)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			c.unread(path, err)
		case e.IsDir():
		case isPDF(path):
			c.found(path)
		default:
			c.listed = append(c.listed, path)
		}
		if len(c.results)+len(c.listed) > maxFiles {
			return errors.New("too many files for one run")
		}
		return nil
	})
	if err != nil {
		c.unread(dir, err)
	}
	if len(c.results) == before {
		c.unread(dir, errors.New("no paper is in it"))
	}
}

// found judges a file of a folder. A pipe there would wait for ever, and nobody
// has named it.
func (c *checker) found(path string) {
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		c.unread(path, err)
		return
	}
	c.file(path)
}

func (c *checker) archive(path string) {
	z, err := zip.OpenReader(path)
	if err != nil {
		c.unread(path, err)
		return
	}
	defer z.Close()
	before := len(c.results)
	for i, f := range z.File {
		name := path + "/" + f.Name
		switch {
		case i >= maxFiles:
			c.unread(path, errors.New("too many files for one run"))
			return
		case f.FileInfo().IsDir():
		case isPDF(f.Name):
			c.entry(name, f)
		default:
			c.listed = append(c.listed, name)
		}
	}
	if len(c.results) == before {
		c.unread(path, errors.New("no paper is in it"))
	}
}

func (c *checker) entry(name string, f *zip.File) {
	r, err := f.Open()
	if err != nil {
		c.unread(name, err)
		return
	}
	defer r.Close()
	c.judge(name, r)
}

// worst verdict of all files: not genuine before unchecked.
func (c *checker) worst() verify.Verdict {
	w := verify.Genuine
	for _, r := range c.results {
		switch {
		case r.Verdict == verify.NotGenuine:
			return verify.NotGenuine
		case r.Verdict != verify.Genuine:
			w = verify.Unchecked
		}
	}
	if len(c.results) == 0 {
		return verify.Unchecked
	}
	return w
}

// code of the run: of several files the worst counts, 1 before 3.
func (c *checker) code() int {
	for _, r := range c.results {
		if r.Bad() {
			return exitNotGenuine
		}
	}
	if c.worst() != verify.Genuine {
		return exitUnchecked
	}
	return exitGenuine
}

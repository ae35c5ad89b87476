package main

import (
	"bytes"
	"io"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"handback.example/certs/verify"
)

// report is what a run found.
type report struct {
	results  []verify.Result
	findings []verify.Finding
	totals   verify.Totals
	listed   []string
}

// judge all that the arguments name, as many at a time as there are processors.
func judge(c *verify.Checker, names []string) report {
	f := finder{spools: map[string]*spool{}}
	for _, n := range names {
		f.argument(n)
	}
	defer func() {
		for _, o := range f.open {
			_ = o.Close() // it was only read
		}
	}()
	r := report{results: make([]verify.Result, len(f.tasks)), listed: f.listed}
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(f.tasks)) {
		wg.Go(func() {
			for i := range next {
				r.results[i] = f.tasks[i].judge(c)
			}
		})
	}
	for i := range f.tasks {
		next <- i
	}
	close(next)
	wg.Wait()
	r.findings = verify.Reconcile(r.results)
	r.totals = verify.Count(r.results)
	return r
}

func (t task) judge(c *verify.Checker) verify.Result {
	switch {
	case t.known != nil:
		return *t.known
	case t.spool != nil:
		return t.spool.judge(c)
	}
	b, bad := t.read()
	if bad != nil {
		return *bad
	}
	return c.File(t.name, b)
}

// read a file whole, or say why not.
func (s source) read() ([]byte, *verify.Result) {
	if s.size > maxPaper {
		return nil, tooLarge(s.name)
	}
	r, err := s.open()
	if err == nil {
		defer r.Close()
		var b []byte
		b, err = io.ReadAll(io.LimitReader(r, maxPaper+1))
		if err == nil && len(b) > maxPaper {
			return nil, tooLarge(s.name)
		}
		if err == nil {
			return b, nil
		}
	}
	bad := verify.Unread(s.name, "it could not be read: %v", err)
	return nil, &bad
}

func tooLarge(name string) *verify.Result {
	bad := verify.Refused(name, "it is larger than any paper of ours")
	return &bad
}

// judge the records of one visit. The same record may lie in two places; two
// different records of one number may not.
func (s *spool) judge(c *verify.Checker) verify.Result {
	slices.SortStableFunc(s.files, func(a, b source) int { return bytes.Compare([]byte(base(a.name)), []byte(base(b.name))) })
	name := path.Join(path.Dir(filepath.ToSlash(s.files[0].name)), s.visit)
	var envelopes [][]byte
	var last source
	total := 0
	for i, f := range s.files {
		b, bad := f.read()
		if bad != nil {
			return *bad
		}
		e := bytes.TrimSuffix(b, []byte("\n"))
		if i > 0 && base(f.name) == base(last.name) {
			if !bytes.Equal(e, envelopes[len(envelopes)-1]) {
				return verify.Refused(name, "two different records lie under one number: %s and %s", last.name, f.name)
			}
			continue
		}
		if total += len(e); total > maxPaper {
			return *tooLarge(name)
		}
		envelopes, last = append(envelopes, e), f
	}
	return c.Visit(name, envelopes)
}

// worst verdict of all files: not genuine before unchecked.
func (r report) worst() verify.Verdict {
	w := verify.Genuine
	for _, x := range r.results {
		switch {
		case x.Verdict == verify.NotGenuine:
			return verify.NotGenuine
		case x.Verdict != verify.Genuine:
			w = verify.Unchecked
		}
	}
	if len(r.results) == 0 {
		return verify.Unchecked
	}
	return w
}

// code of the run: of several files the worst counts, 1 before 3.
func (r report) code() int {
	for _, x := range r.results {
		if x.Bad() {
			return exitNotGenuine
		}
	}
	if r.worst() != verify.Genuine {
		return exitUnchecked
	}
	return exitGenuine
}

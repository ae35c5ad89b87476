// Package ipp prints papers on a printer of the network that takes PDF, by the
// Internet Printing Protocol as IPP Everywhere printers speak it: RFC 8010
// (encoding and transport), RFC 8011 (model), PWG 5100.14.
//
// Print asks what the printer can do and how it is before anything is sent, and
// follows the job to its end: it returns nil only when the printer says that the
// job is completed. It changes nothing in the printer and cancels nothing: paper
// that is put in lets a job that waits come out.
//
// What a printer says is untrusted: it is bounded, and cleaned before it is shown.
package ipp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/OpenPrinting/goipp"
)

// Format of every document that is sent.
const Format = "application/pdf"

// Document to print.
type Document struct {
	Name   string // 'S01-000412-erasure.pdf'
	Data   []byte // PDF
	Copies int    // 1 where it is 0
	Media  string // PWG 5101.1 name of the sheet: 'iso_a4_210x297mm'; empty: the printer's choice
}

// A4 as PWG 5101.1 names it.
const A4 = "iso_a4_210x297mm"

// Error of a printer, in two halves for people: what is wrong, what to do now.
type Error struct {
	Printer string
	What    string // 'is out of paper'
	Do      string // 'put paper in'
}

func (e *Error) Error() string {
	return fmt.Sprintf("the printer %q %s: %s", e.Printer, e.What, e.Do)
}

const (
	answerMost = 1 << 20          // bytes of an answer; real ones have some KB
	askTime    = 20 * time.Second // one question and its answer
	sendTime   = 2 * time.Minute  // a document and its answer
	pollTime   = time.Second
	// stopPatience is how long a printer that has stopped is waited for, before the
	// person is told why.
	stopPatience = 15 * time.Second
)

// Check says whether a printer's URI can be used: 'ipp://printer.example:631/ipp/print'.
func Check(uri string) error {
	_, err := endpoint(uri)
	return err
}

// endpoint of a printer's URI: IPP runs over HTTP, on port 631 unless it is named
// (RFC 3510, 4; RFC 7472 for ipps).
func endpoint(uri string) (string, error) {
	u, err := url.Parse(uri)
	scheme := map[string]string{}
	if err == nil {
		scheme = map[string]string{"ipp": "http", "ipps": "https"}
	}
	switch {
	case err != nil || scheme[u.Scheme] == "" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%q is not the address of a printer: it must be like ipp://printer.example/ipp/print", uri)
	case u.Port() == "":
		u.Host += ":631"
	}
	u.Scheme = scheme[u.Scheme]
	return u.String(), nil
}

// printer is one printer that is talked to.
type printer struct {
	uri, at string
	http    *http.Client
	request uint32
	poll    time.Duration
	stopped time.Duration // see stopPatience
	name    string        // for people
}

// Print a document, and wait until it is printed or ctx ends. Errors are *Error,
// those of the network, and that of ctx.
func Print(ctx context.Context, uri string, d Document) error {
	return open(uri).print(ctx, d)
}

func open(uri string) *printer {
	p := &printer{uri: uri, poll: pollTime, stopped: stopPatience, name: uri}
	if u, err := url.Parse(uri); err == nil {
		p.name = clean(u.Hostname())
	}
	// No proxy and no redirect: papers go to the printer that was named.
	p.http = &http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true, ResponseHeaderTimeout: sendTime},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return p
}

func (p *printer) print(ctx context.Context, d Document) (err error) {
	if p.at, err = endpoint(p.uri); err != nil {
		return err
	}
	if !bytes.HasPrefix(d.Data, []byte("%PDF-")) {
		return fmt.Errorf("%s is not a PDF: only papers and labels as PDF are printed", d.Name)
	}
	is, err := p.look(ctx)
	if err != nil {
		return err
	}
	if err := p.able(is); err != nil {
		return err
	}
	job, err := p.send(ctx, d, is)
	if err != nil {
		return err
	}
	return p.follow(ctx, job)
}

// ask one operation and read its answer. What the printer refuses is an *Error.
func (p *printer) ask(ctx context.Context, limit time.Duration, op goipp.Op, job goipp.Attributes, body []byte, more ...goipp.Attribute) (*goipp.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p.request++
	m := goipp.NewRequest(goipp.DefaultVersion, op, p.request)
	// RFC 8011, 4.1.4: these two come first, then the target (4.1.5).
	m.Operation = append(goipp.Attributes{
		goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")),
		goipp.MakeAttribute("attributes-natural-language", goipp.TagLanguage, goipp.String("en")),
		goipp.MakeAttribute("printer-uri", goipp.TagURI, goipp.String(p.uri)),
	}, more...)
	m.Job = job
	head, err := m.EncodeBytes()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.at, bytes.NewReader(append(head, body...)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", goipp.ContentType)
	req.Header.Set("Accept", goipp.ContentType)
	resp, err := p.http.Do(req)
	if err != nil {
		return nil, p.unreachable(err)
	}
	defer resp.Body.Close()
	return p.answer(resp, op, m.RequestID)
}

// unreachable says which printer, without the request's own words.
func (p *printer) unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("the printer at %s does not answer (%w): look whether it is switched on, and on this network", p.uri, err)
}

func (p *printer) answer(resp *http.Response, op goipp.Op, id uint32) (*goipp.Message, error) {
	if resp.StatusCode != http.StatusOK {
		what := map[int]string{http.StatusUnauthorized: "wants a name and a password", http.StatusForbidden: "does not let this machine print",
			http.StatusNotFound: "has nothing at " + p.uri, http.StatusUpgradeRequired: "wants an ipps:// address"}[resp.StatusCode]
		if what == "" {
			what = fmt.Sprintf("answers with HTTP status %d", resp.StatusCode)
		}
		return nil, &Error{p.name, what, "have the supervisor look at its settings and at print.uri"}
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, answerMost+1))
	if err != nil {
		return nil, p.unreachable(err)
	}
	m := &goipp.Message{}
	if len(b) > answerMost {
		err = errors.New("it is too long")
	} else {
		err = decode(m, b)
	}
	if err == nil && m.RequestID != id {
		err = errors.New("it answers another question")
	}
	if err != nil {
		return nil, &Error{p.name, fmt.Sprintf("gives an answer to %s that can't be read (%v)", op, err), "look whether print.uri is that of a printer"}
	}
	// RFC 8011, 4.1.6: below 0x0100 it was successful.
	if s := goipp.Status(m.Code); m.Code >= 0x0100 {
		return m, p.refusal(s, text(m.Operation, "status-message"))
	}
	return m, nil
}

// decode is goipp's; a decoder must not end the engine, whatever a printer sends.
func decode(m *goipp.Message, b []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it breaks the decoder: %v", r)
		}
	}()
	return m.DecodeBytes(b)
}

func (p *printer) refusal(s goipp.Status, said string) error {
	e := &Error{p.name, "refuses the job (" + s.String() + sayAlso(said) + ")", "have the supervisor look at it"}
	switch s {
	case goipp.StatusErrorDocumentFormatNotSupported:
		e.What, e.Do = "takes no PDF", "set another printer in print.uri"
	case goipp.StatusErrorNotAcceptingJobs:
		e.What, e.Do = "takes no jobs now", "look at its display"
	case goipp.StatusErrorBusy:
		e.What, e.Do = "is busy", "print again in a while"
	case goipp.StatusErrorNotAuthenticated, goipp.StatusErrorNotAuthorized, goipp.StatusErrorForbidden:
		e.What, e.Do = "does not let this machine print", "have the supervisor look at its settings"
	}
	return e
}

func sayAlso(said string) string {
	if said == "" {
		return ""
	}
	return ": " + said
}

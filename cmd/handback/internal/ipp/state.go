package ipp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/OpenPrinting/goipp"
)

// States of a printer (RFC 8011, 5.4.11) and of a job (5.3.7).
const (
	printerStopped = 5

	jobStopped   = 6
	jobCanceled  = 7
	jobAborted   = 8
	jobCompleted = 9
)

// look asks the printer what it can do and how it is.
func (p *printer) look(ctx context.Context) (goipp.Attributes, error) {
	names := goipp.MakeAttr("requested-attributes", goipp.TagKeyword, goipp.String("printer-name"))
	for _, n := range []string{"printer-info", "printer-state", "printer-state-reasons", "printer-is-accepting-jobs", "document-format-supported", "copies-supported", "media-supported"} {
		names.Values.Add(goipp.TagKeyword, goipp.String(n))
	}
	m, err := p.ask(ctx, askTime, goipp.OpGetPrinterAttributes, nil, nil, names)
	if err != nil {
		return nil, err
	}
	for _, n := range []string{"printer-name", "printer-info"} { // the second is for people
		if s := text(m.Printer, n); s != "" {
			p.name = s
		}
	}
	return m.Printer, nil
}

// able says why nothing can be printed on it now.
func (p *printer) able(is goipp.Attributes) error {
	formats := texts(is, "document-format-supported")
	if !slices.Contains(formats, Format) {
		takes := strings.Join(formats, ", ")
		if takes == "" {
			takes = "it does not say what it takes"
		}
		return &Error{p.name, "takes no PDF (" + takes + ")", "set another printer in print.uri"}
	}
	if yes, ok := truth(is, "printer-is-accepting-jobs"); ok && !yes {
		return &Error{p.name, "takes no jobs now", "look at its display"}
	}
	if number(is, "printer-state") == printerStopped {
		return p.trouble(texts(is, "printer-state-reasons"))
	}
	return nil
}

// send the document. The printer must name its job: without that nobody knows
// what became of it.
func (p *printer) send(ctx context.Context, d Document, is goipp.Attributes) (job int, err error) {
	var wish goipp.Attributes
	if d.Copies > 1 {
		if !within(is, "copies-supported", d.Copies) {
			return 0, &Error{p.name, fmt.Sprintf("does not print %d copies", d.Copies), "set fewer in print.copies"}
		}
		wish.Add(goipp.MakeAttribute("copies", goipp.TagInteger, goipp.Integer(d.Copies)))
	}
	if d.Media != "" && slices.Contains(texts(is, "media-supported"), d.Media) {
		wish.Add(goipp.MakeAttribute("media", goipp.TagKeyword, goipp.String(d.Media)))
	}
	m, err := p.ask(ctx, sendTime, goipp.OpPrintJob, wish, d.Data,
		goipp.MakeAttribute("requesting-user-name", goipp.TagName, goipp.String("handback")),
		goipp.MakeAttribute("job-name", goipp.TagName, goipp.String(d.Name)),
		goipp.MakeAttribute("document-name", goipp.TagName, goipp.String(d.Name)),
		goipp.MakeAttribute("document-format", goipp.TagMimeType, goipp.String(Format)))
	if err != nil {
		return 0, err
	}
	if job = number(m.Job, "job-id"); job <= 0 {
		return 0, &Error{p.name, "does not say which job it has made", "look whether the paper comes out"}
	}
	return job, nil
}

// follow a job to its end.
func (p *printer) follow(ctx context.Context, job int) error {
	tick := time.NewTicker(p.poll)
	defer tick.Stop()
	var stopped time.Time
	for {
		m, err := p.ask(ctx, askTime, goipp.OpGetJobAttributes, nil, nil, goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(job)),
			goipp.MakeAttr("requested-attributes", goipp.TagKeyword, goipp.String("job-state"), goipp.String("job-state-reasons")))
		if err != nil {
			return err
		}
		reasons := texts(m.Job, "job-state-reasons")
		switch state := number(m.Job, "job-state"); state {
		case jobCompleted:
			if slices.Contains(reasons, "job-completed-with-errors") {
				return &Error{p.name, "says that it printed with errors", "look at the sheets, and print again"}
			}
			return nil
		case jobCanceled:
			return &Error{p.name, "has cancelled the job" + because(reasons), "print again"}
		case jobAborted:
			return &Error{p.name, "has given the job up" + because(reasons), "look at its display, and print again"}
		default:
			if !p.halted(ctx, state) {
				stopped = time.Time{}
			} else if stopped.IsZero() {
				stopped = time.Now()
			} else if time.Since(stopped) >= p.stopped {
				return p.waits(ctx)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return p.late(ctx.Err())
		}
	}
}

// halted: the job has stopped, or waits at a printer that has.
func (p *printer) halted(ctx context.Context, state int) bool {
	if state == jobStopped {
		return true
	}
	is, err := p.look(ctx)
	return err == nil && number(is, "printer-state") == printerStopped
}

// waits says why a job stands still. It comes out when that is mended.
func (p *printer) waits(ctx context.Context) error {
	is, err := p.look(ctx)
	if err != nil {
		return err
	}
	e := p.trouble(texts(is, "printer-state-reasons"))
	e.Do += "; the job waits in the printer and comes out then"
	return e
}

func (p *printer) late(err error) error {
	return fmt.Errorf("the printer %q has not finished in time (%w): look whether the paper comes out", p.name, err)
}

func because(reasons []string) string {
	reasons = slices.DeleteFunc(slices.Clone(reasons), func(r string) bool { return r == "none" })
	if len(reasons) == 0 {
		return ""
	}
	return " (" + strings.Join(reasons, ", ") + ")"
}

// troubles of printers (RFC 8011, 5.4.12; IANA's printer-state-reasons), the more
// telling first.
var troubles = []struct{ reason, what, do string }{
	{"media-jam", "has a paper jam", "clear it"},
	{"media-empty", "is out of paper", "put paper in"},
	{"media-needed", "wants paper", "put paper in"},
	{"input-tray-missing", "lacks its paper tray", "put the tray in"},
	{"cover-open", "is open", "close its cover"},
	{"door-open", "is open", "close its door"},
	{"interlock-open", "is open", "close it"},
	{"toner-empty", "is out of toner", "put toner in"},
	{"marker-supply-empty", "is out of toner or ink", "put a new cartridge in"},
	{"output-area-full", "has a full output tray", "take the sheets out"},
	{"spool-area-full", "has no memory left", "wait for its other jobs"},
	{"paused", "is paused", "let it go on at its display"},
	{"shutdown", "is being switched off", "switch it on"},
	{"stopped-partly", "has stopped", "look at its display"},
	{"connecting-to-device", "can't reach its device", "look at its cable"},
	{"timed-out", "can't reach its device", "look at its cable"},
}

// trouble of a printer that has stopped. A reason may end in its severity.
func (p *printer) trouble(reasons []string) *Error {
	for _, t := range troubles {
		for _, r := range reasons {
			for _, severity := range []string{"-error", "-warning", "-report"} {
				r = strings.TrimSuffix(r, severity)
			}
			if r == t.reason {
				return &Error{p.name, t.what, t.do}
			}
		}
	}
	return &Error{p.name, "has stopped" + because(reasons), "look at its display"}
}

func find(a goipp.Attributes, name string) goipp.Values {
	for _, x := range a {
		if x.Name == name {
			return x.Values
		}
	}
	return nil
}

func text(a goipp.Attributes, name string) string {
	if t := texts(a, name); len(t) > 0 {
		return t[0]
	}
	return ""
}

func texts(a goipp.Attributes, name string) (list []string) {
	for _, v := range find(a, name) {
		switch s := v.V.(type) {
		case goipp.String:
			list = append(list, clean(string(s)))
		case goipp.TextWithLang:
			list = append(list, clean(s.Text))
		}
		if len(list) == textsMost {
			break
		}
	}
	return list
}

// textsMost: printers name some hundreds of sheets and a dozen formats.
const textsMost = 2000

// number of an attribute, 0 where there is none: no state and no job has that.
func number(a goipp.Attributes, name string) int {
	for _, v := range find(a, name) {
		if n, ok := v.V.(goipp.Integer); ok {
			return int(n)
		}
	}
	return 0
}

func truth(a goipp.Attributes, name string) (is, ok bool) {
	for _, v := range find(a, name) {
		if b, ok := v.V.(goipp.Boolean); ok {
			return bool(b), true
		}
	}
	return false, false
}

func within(a goipp.Attributes, name string, n int) bool {
	for _, v := range find(a, name) {
		if r, ok := v.V.(goipp.Range); ok && r.Within(n) {
			return true
		}
	}
	return false
}

// clean leaves what can be shown in a line.
func clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			b.WriteRune(r)
		}
		if b.Len() >= 127 {
			break
		}
	}
	return strings.TrimSpace(b.String())
}

package ipp

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/OpenPrinting/goipp"
)

// model is a printer whose state a test sets.
type model struct {
	mu      sync.Mutex
	formats []string
	state   int
	reasons []string
	accepts bool
	refuse  goipp.Status // of Print-Job; 0: takes it
	jobs    []int        // states of the job, one for each question; the last stays
	asked   int
	got     []byte
	ops     []goipp.Op
	status  int // of HTTP
	raw     []byte
}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var q goipp.Message
	if err := q.Decode(r.Body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	m.ops = append(m.ops, goipp.Op(q.Code))
	if m.status != 0 {
		w.WriteHeader(m.status)
		return
	}
	if m.raw != nil {
		_, _ = w.Write(m.raw)
		return
	}
	a := goipp.NewResponse(goipp.DefaultVersion, goipp.StatusOk, q.RequestID)
	a.Operation.Add(goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")))
	a.Operation.Add(goipp.MakeAttribute("attributes-natural-language", goipp.TagLanguage, goipp.String("en")))
	switch goipp.Op(q.Code) {
	case goipp.OpGetPrinterAttributes:
		a.Printer = m.attributes()
	case goipp.OpPrintJob:
		if m.refuse != 0 {
			a.Code = goipp.Code(m.refuse)
			break
		}
		m.got, _ = io.ReadAll(r.Body)
		a.Job.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(7)))
	case goipp.OpGetJobAttributes:
		a.Job.Add(goipp.MakeAttribute("job-state", goipp.TagEnum, goipp.Integer(m.jobs[min(m.asked, len(m.jobs)-1)])))
		a.Job.Add(goipp.MakeAttribute("job-state-reasons", goipp.TagKeyword, goipp.String("none")))
		m.asked++
	default:
		a.Code = goipp.Code(goipp.StatusErrorOperationNotSupported)
	}
	w.Header().Set("Content-Type", goipp.ContentType)
	_ = a.Encode(w)
}

func (m *model) attributes() (a goipp.Attributes) {
	list := func(name string, tag goipp.Tag, values []string) {
		x := goipp.Attribute{Name: name}
		for _, v := range values {
			x.Values.Add(tag, goipp.String(v))
		}
		a.Add(x)
	}
	list("printer-info", goipp.TagText, []string{"Bench-3"})
	list("document-format-supported", goipp.TagMimeType, m.formats)
	list("printer-state-reasons", goipp.TagKeyword, m.reasons)
	a.Add(goipp.MakeAttribute("printer-state", goipp.TagEnum, goipp.Integer(m.state)))
	a.Add(goipp.MakeAttribute("printer-is-accepting-jobs", goipp.TagBoolean, goipp.Boolean(m.accepts)))
	a.Add(goipp.MakeAttribute("copies-supported", goipp.TagRange, goipp.Range{Lower: 1, Upper: 2}))
	return a
}

func fresh() *model {
	return &model{formats: []string{"image/urf", "application/pdf"}, state: 3, reasons: []string{"none"}, accepts: true, jobs: []int{3, 5, 9}}
}

var page = []byte("%PDF-1.7\nnot much of one")

// to prints on a model, with little patience.
func (m *model) to(t *testing.T, ctx context.Context, d Document) error {
	t.Helper()
	s := httptest.NewServer(m)
	defer s.Close()
	p := open("ipp" + strings.TrimPrefix(s.URL, "http") + "/ipp/print")
	p.poll, p.stopped = time.Millisecond, 20*time.Millisecond
	return p.print(ctx, d)
}

func TestPrinted(t *testing.T) {
	m := fresh()
	if err := m.to(t, t.Context(), Document{Name: "a.pdf", Data: page, Copies: 2}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.got, page) || m.asked != 3 {
		t.Errorf("the printer got %q and was asked %d times about the job", m.got, m.asked)
	}
	if m.ops[0] != goipp.OpGetPrinterAttributes || m.ops[1] != goipp.OpPrintJob {
		t.Errorf("it was asked %v", m.ops)
	}
}

// What a person is told, to the letter; and nothing is sent to a printer that says
// before that it can't print.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(m *model)
		want  string
		sent  bool
	}{
		"no PDF":    {func(m *model) { m.formats = []string{"image/urf"} }, `the printer "Bench-3" takes no PDF (image/urf): set another printer in print.uri`, false},
		"nothing":   {func(m *model) { m.formats = nil }, `the printer "Bench-3" takes no PDF (it does not say what it takes): set another printer in print.uri`, false},
		"stopped":   {func(m *model) { m.state, m.reasons = 5, []string{"media-empty-error"} }, `the printer "Bench-3" is out of paper: put paper in`, false},
		"paused":    {func(m *model) { m.state, m.reasons = 5, []string{"paused"} }, `the printer "Bench-3" is paused: let it go on at its display`, false},
		"unknown":   {func(m *model) { m.state, m.reasons = 5, []string{"com.example.gnome"} }, `the printer "Bench-3" has stopped (com.example.gnome): look at its display`, false},
		"accepting": {func(m *model) { m.accepts = false }, `the printer "Bench-3" takes no jobs now: look at its display`, false},
		"copies":    {func(m *model) { m.formats = []string{Format} }, `the printer "Bench-3" does not print 3 copies: set fewer in print.copies`, false},
		"busy":      {func(m *model) { m.refuse = goipp.StatusErrorBusy }, `the printer "Bench-3" is busy: print again in a while`, false},
		"format":    {func(m *model) { m.refuse = goipp.StatusErrorDocumentFormatNotSupported }, `the printer "Bench-3" takes no PDF: set another printer in print.uri`, false},
		"password":  {func(m *model) { m.status = 401 }, `the printer "127.0.0.1" wants a name and a password: have the supervisor look at its settings and at print.uri`, false},
		"redirect":  {func(m *model) { m.status = 307 }, `the printer "127.0.0.1" answers with HTTP status 307: have the supervisor look at its settings and at print.uri`, false},
		"no IPP":    {func(m *model) { m.raw = []byte("<html>hello</html>") }, `the printer "127.0.0.1" gives an answer to Get-Printer-Attributes that can't be read`, false},
		"no answer": {func(m *model) { m.raw = []byte{} }, `the printer "127.0.0.1" gives an answer to Get-Printer-Attributes that can't be read`, false},
		"too long":  {func(m *model) { m.raw = make([]byte, answerMost+1) }, `the printer "127.0.0.1" gives an answer to Get-Printer-Attributes that can't be read (it is too long)`, false},
		"cancelled": {func(m *model) { m.jobs = []int{5, 7} }, `the printer "Bench-3" has cancelled the job: print again`, true},
		"aborted":   {func(m *model) { m.jobs = []int{8} }, `the printer "Bench-3" has given the job up: look at its display, and print again`, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := fresh()
			c.spoil(m)
			copies := map[bool]int{true: 3}[name == "copies"]
			err := m.to(t, t.Context(), Document{Name: "a.pdf", Data: page, Copies: copies})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error is %v\nwant     %s", err, c.want)
			}
			if (m.got != nil) != c.sent {
				t.Errorf("sent: %q", m.got)
			}
		})
	}
}

// A jam in the midst of a job: the person is told, and the job is not given up.
func TestJam(t *testing.T) {
	m := fresh()
	m.jobs, m.reasons = []int{5, 6}, []string{"media-low-warning", "media-jam-error"}
	err := m.to(t, t.Context(), Document{Name: "a.pdf", Data: page})
	if want := `the printer "Bench-3" has a paper jam: clear it; the job waits in the printer and comes out then`; err == nil || err.Error() != want {
		t.Errorf("error is %v", err)
	}
	if slices.Contains(m.ops, goipp.OpCancelJob) {
		t.Error("the job was cancelled")
	}
	// One that is cleared at once is none.
	m = fresh()
	m.jobs = []int{5, 6, 5, 6, 5, 9}
	if err := m.to(t, t.Context(), Document{Name: "a.pdf", Data: page}); err != nil {
		t.Errorf("a jam that was cleared: %v", err)
	}
}

// A job that never ends, ends with its context; a printer that isn't there is said so.
func TestDeadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	m := fresh()
	m.jobs = []int{5}
	err := m.to(t, ctx, Document{Name: "a.pdf", Data: page})
	if err == nil || !strings.Contains(err.Error(), "deadline exceeded") || m.got == nil {
		t.Errorf("error is %v", err)
	}
	err = Print(t.Context(), "ipp://127.0.0.1:1/ipp/print", Document{Name: "a.pdf", Data: page})
	if err == nil || !strings.HasPrefix(err.Error(), "the printer at ipp://127.0.0.1:1/ipp/print does not answer (") {
		t.Errorf("error is %v", err)
	}
}

func TestCheck(t *testing.T) {
	for uri, want := range map[string]string{
		"ipp://bench3.example/ipp/print":       "http://bench3.example:631/ipp/print",
		"ipps://bench3.example:8631/ipp/print": "https://bench3.example:8631/ipp/print",
		"ipp://10.0.0.7/":                      "http://10.0.0.7:631/",
	} {
		if got, err := endpoint(uri); err != nil || got != want {
			t.Errorf("%s is %s, %v", uri, got, err)
		}
	}
	for _, uri := range []string{"", "http://a/b", "ipp:///x", "ipp://user:pw@a/", "ipp://a/?q=1", "ipp://a b/", "file:///etc/passwd", "bench3"} {
		if Check(uri) == nil {
			t.Errorf("%q is taken for a printer", uri)
		}
	}
	if err := Print(t.Context(), "ipp://127.0.0.1:1/", Document{Name: "x.txt", Data: []byte("hello")}); err == nil || !strings.Contains(err.Error(), "is not a PDF") {
		t.Errorf("a text: %v", err)
	}
}

// request of RFC 8010, appendix A.1, in its shape, byte by byte: version 2.0,
// Get-Printer-Attributes, and the three attributes that come first in this order.
func TestRequestBytes(t *testing.T) {
	var got []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		if ct := r.Header.Get("Content-Type"); ct != "application/ipp" || r.Method != "POST" {
			t.Errorf("%s %s", r.Method, ct)
		}
	}))
	defer s.Close()
	uri := "ipp" + strings.TrimPrefix(s.URL, "http") + "/"
	if err := Print(t.Context(), uri, Document{Name: "a.pdf", Data: page}); err == nil {
		t.Fatal("printed without an answer")
	}
	want := "0200" + "000b" + "00000001" + "01" +
		"47" + "0012" + hex.EncodeToString([]byte("attributes-charset")) + "0005" + hex.EncodeToString([]byte("utf-8")) +
		"48" + "001b" + hex.EncodeToString([]byte("attributes-natural-language")) + "0002" + hex.EncodeToString([]byte("en")) +
		"45" + "000b" + hex.EncodeToString([]byte("printer-uri")) + hex.EncodeToString([]byte{0, byte(len(uri))}) + hex.EncodeToString([]byte(uri)) +
		"44" + "0014" + hex.EncodeToString([]byte("requested-attributes")) + "000c" + hex.EncodeToString([]byte("printer-name"))
	if h := hex.EncodeToString(got); !strings.HasPrefix(h, want) || !strings.HasSuffix(h, "03") {
		t.Errorf("request is\n%s, want it to begin\n%s", h, want)
	}
}

func FuzzAnswer(f *testing.F) {
	good := goipp.NewResponse(goipp.DefaultVersion, goipp.StatusOk, 1)
	good.Operation.Add(goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")))
	good.Printer = fresh().attributes()
	b, err := good.EncodeBytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x01\x01\x34\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := open("ipp://printer.example/")
		m, err := p.answer(&http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader(b))}, goipp.OpGetPrinterAttributes, 1)
		if err != nil {
			return
		}
		if err := p.able(m.Printer); err == nil && !slices.Contains(texts(m.Printer, "document-format-supported"), Format) {
			t.Error("able without PDF")
		}
	})
}

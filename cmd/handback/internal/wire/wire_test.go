package wire

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// script is an engine that remembers what it was told.
type script struct {
	mu   sync.Mutex
	view View
	did  []Intent
	err  error
}

func (s *script) View() View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view
}

func (s *script) Do(i Intent) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.did = append(s.did, i)
	s.view.Revision++
	return s.err
}

func (s *script) done() []Intent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Intent(nil), s.did...)
}

// serve starts a server and gives its socket and how to stop it.
func serve(t *testing.T, path string, e Engine) (stop func()) {
	t.Helper()
	l, err := Listen(path, os.Getegid())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- Serve(ctx, l, e) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-over:
				if err != nil {
					t.Errorf("Serve: %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("Serve does not end")
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func TestRequestsOnTheWire(t *testing.T) {
	for line, want := range map[string]Request{
		`{"have":3}`: {Have: 3},
		`{"intent":{"kind":"answer","question":"keyboard","choice":0},"have":1}`:                             {Intent: &Intent{Kind: IntentAnswer, Question: "keyboard"}, Have: 1},
		`{"intent":{"kind":"consent","text":"DEF-1","digest":"4f1c","choice":0},"have":0}`:                   {Intent: &Intent{Kind: IntentConsent, Text: "DEF-1", Digest: "4f1c"}},
		`{"intent":{"kind":"confirm","yes":true},"have":0}`:                                                  {Intent: &Intent{Kind: IntentConfirm, Yes: true}},
		`{"intent":{"kind":"psid","drive":"A","text":"P"},"have":0}`:                                         {Intent: &Intent{Kind: IntentPSID, Drive: "A", Text: "P"}},
		`{"intent":{"kind":"removed","removal":{"serial":"S","seal":"7","reference":"R"}},"have":0}`:         {Intent: &Intent{Kind: IntentRemoved, Removal: &Removal{"S", "7", "R"}}},
		`{"intent":{"kind":"intake","form":{"tag":"X","operator":"jb","dial":2,"LegalHold":true}},"have":0}`: {Intent: &Intent{Kind: IntentIntake, Form: &Intake{Tag: "X", Operator: "jb", DIAL: 2, LegalHold: true}}},
	} {
		got, err := ParseRequest([]byte(line))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", line, got, err, want)
		}
	}
	b, err := json.Marshal(Request{Intent: &Intent{Kind: IntentAnswer, Question: "keyboard"}})
	if err != nil || !strings.Contains(string(b), `"choice":0`) {
		t.Errorf("the first choice is not on the wire: %s, %v", b, err)
	}
}

var badRequests = []string{
	"", "null x", "[]", `"x"`, `{"have":-1}`, `{"other":1}`, `{"have":0}{"have":0}`, `{"intent":{"kind":""},"have":0}`,
	`{"intent":{"kind":"removed"}}`, `{"intent":{"kind":"psid","text":"x"}}`,
	`{"intent":{"kind":"removed","removal":{"serial":"` + strings.Repeat("x", maxText+1) + `"}}}`,
	`{"intent":{"kind":"erase"}}`, `{"intent":{"kind":"intake"}}`, `{"intent":{"kind":"answer","question":"x"}}`,
	`{"intent":{"kind":"answer","question":"x","choice":null}}`, `{"intent":{"kind":"answer","question":"x","choice":-1}}`,
	`{"intent":{"kind":"answer","choice":1}}`, `{"intent":{"kind":"consent","text":"` + strings.Repeat("x", maxText+1) + `"}}`,
	`{"intent":{"kind":"intake","form":{"tag":"` + strings.Repeat("x", maxText+1) + `"}}}`,
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	for _, line := range badRequests {
		if req, err := ParseRequest([]byte(line)); !errors.Is(err, errRequest) {
			t.Errorf("%.80q: %+v, %v", line, req, err)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, s := range append(badRequests, `{"have":3}`, `{"intent":{"kind":"answer","question":"k","choice":2},"have":1}`,
		`{"intent":{"kind":"intake","form":{"tag":"X","Stolen":true}},"have":0}`) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		req, err := ParseRequest(line)
		if err != nil {
			return
		}
		b, err := json.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseRequest(b)
		if err != nil || !reflect.DeepEqual(again, req) {
			t.Fatalf("%q reads as %+v, and written again as %+v, %v", line, req, again, err)
		}
	})
}

func TestIntentReachesTheEngineAndItsErrorComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	e := &script{view: View{Stage: StageAgree, Drives: []DriveProgress{{Fraction: math.NaN()}}, Clock: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}}
	serve(t, path, e)
	c := NewSocketClient(path)
	defer c.Close()
	v, err := c.Pull(t.Context())
	if err != nil || v.Stage != StageAgree || v.Drives[0].Fraction != -1 {
		t.Fatalf("%+v, %v", v, err)
	}
	e.mu.Lock()
	e.err = errors.New("that is not this machine's label")
	e.mu.Unlock()
	i := Intent{Kind: IntentConsent, Text: "X", Digest: "4f1c"}
	v, err = c.Send(t.Context(), i)
	if err != nil || v.Problem != "that is not this machine's label" || v.Revision != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	if got := e.done(); !reflect.DeepEqual(got, []Intent{i}) {
		t.Errorf("the engine was told %+v", got)
	}
	if v, err = c.Pull(t.Context()); err != nil || v.Problem != "" {
		t.Errorf("a problem of an intent stays in the View: %+v, %v", v, err)
	}
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o660 {
		t.Errorf("socket: %v, %v", fi.Mode(), err)
	}
}

func TestEngineThatStartsAgainIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	c := NewSocketClient(path)
	defer c.Close()
	if _, err := c.Pull(t.Context()); err == nil {
		t.Error("a View without an engine")
	}
	stop := serve(t, path, &script{view: View{Stage: StageIntake}})
	if v, err := c.Pull(t.Context()); err != nil || v.Stage != StageIntake {
		t.Errorf("%+v, %v", v, err)
	}
	stop()
	if _, err := c.Pull(t.Context()); err == nil {
		t.Error("a View of an engine that is gone")
	}
	serve(t, path, &script{view: View{Stage: StageErase}})
	if v, err := c.Pull(t.Context()); err != nil || v.Stage != StageErase {
		t.Errorf("%+v, %v", v, err)
	}
}

// A screen that sends rubbish, floods, or never reads costs its own connection
// and no other screen anything.
func TestHostileScreensBlockNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	e := &script{view: View{Stage: StageErase, Log: []string{strings.Repeat("x", 1<<16)}}}
	serve(t, path, e)
	dial := func() net.Conn {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	hungUp := func(c net.Conn) bool {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err := bufio.NewReader(c).ReadByte()
		return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
	}
	for _, line := range badRequests {
		c := dial()
		if _, err := c.Write([]byte(line + "\n")); err == nil && !hungUp(c) {
			t.Errorf("%.60q got an answer", line)
		}
	}
	endless := dial()
	_ = endless.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if n, err := endless.Write(make([]byte, 4*MaxRequest)); err == nil {
		t.Errorf("%d bytes without a line end were taken", n)
	}
	deaf := dial() // asks and asks, and never reads
	_ = deaf.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = deaf.Write([]byte(strings.Repeat(`{"have":0}`+"\n", 10_000)))

	began := time.Now()
	c := NewSocketClient(path)
	defer c.Close()
	for range 20 {
		if _, err := c.Pull(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("another screen waited %v", took)
	}
	if got := e.done(); len(got) != 0 {
		t.Errorf("the engine was told %+v", got)
	}
}

func TestTooManyScreensAreTurnedAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	serve(t, path, &script{})
	for range maxScreens {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := NewSocketClient(path).Pull(ctx); err == nil {
		t.Error("one screen too many was served")
	}
}

package wire

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// MaxRequest is the longest line that is taken from a screen, in bytes.
	MaxRequest = 1 << 20
	// maxReply is the longest line that a screen takes from the engine.
	maxReply = 16 << 20
	// maxText is the longest text in an Intent, in bytes: more than any label holds.
	maxText = 4096
	// maxScreens at once: two terminals with two connections each, and room for
	// those of a screen that has just died.
	maxScreens = 16
	// idle: a screen pulls several times a second, so one that is silent for this
	// long is gone.
	idle = 30 * time.Second
	// slow: how long a screen may take to read a reply.
	slow = 5 * time.Second
)

// Engine is what the screens look at. Both methods are called from several
// goroutines at once.
type Engine interface {
	// View gives what may be shown now.
	View() View
	// Do takes an Intent, or says in words for people why not and what to do.
	Do(Intent) error
}

// errRequest is the reason of every refusal to read a line.
var errRequest = errors.New("not a request of a screen")

// Serve answers screens until ctx ends or the listener fails; it closes the
// listener. A screen that sends what is no request, or does not read, loses its
// connection: nothing of it reaches the engine, and no other screen waits.
func Serve(ctx context.Context, l net.Listener, e Engine) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	var screens sync.WaitGroup
	defer screens.Wait()
	defer cancel()
	free := make(chan struct{}, maxScreens)
	for {
		c, err := l.Accept()
		switch {
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil && errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			// For example too many open files: it passes, and the visit must go on.
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		select {
		case free <- struct{}{}:
		default:
			_ = c.Close()
			continue
		}
		screens.Add(1)
		go func() {
			defer screens.Done()
			defer func() { <-free }()
			serveScreen(ctx, c, e)
		}()
	}
}

// serveScreen answers one screen, one request after the other.
func serveScreen(ctx context.Context, c net.Conn, e Engine) {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	r := bufio.NewReader(c)
	for {
		if c.SetReadDeadline(time.Now().Add(idle)) != nil {
			return
		}
		line, err := readLine(r, MaxRequest)
		if err != nil {
			return
		}
		req, err := ParseRequest(line)
		if err != nil {
			return
		}
		b, err := encodeReply(answer(e, req))
		if err != nil || c.SetWriteDeadline(time.Now().Add(slow)) != nil {
			return
		}
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

// answer takes the intent, if there is one, and gives the View after it.
func answer(e Engine, req Request) View {
	if req.Intent == nil {
		return e.View()
	}
	err := e.Do(*req.Intent)
	v := e.View()
	if err != nil {
		v.Problem = err.Error()
	}
	return v
}

// readLine reads up to a line end and leaves that away. A line of more than max
// bytes is an error, and no more than that is ever held.
func readLine(r *bufio.Reader, max int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > max {
			return nil, fmt.Errorf("line of more than %d bytes: %w", max, errRequest)
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// ParseRequest reads one line of a screen. It is strict: screen and engine are
// one program, so what it does not know was not sent by a screen.
func ParseRequest(line []byte) (Request, error) {
	if len(line) > MaxRequest {
		return Request{}, errRequest
	}
	// Choice is asked for by itself: an answer without one must not read as the
	// first choice.
	var seen struct {
		Intent *struct {
			Choice *int `json:"choice"`
		} `json:"intent"`
	}
	var req Request
	if err := decodeStrict(line, &req); err != nil {
		return Request{}, err
	}
	if err := json.Unmarshal(line, &seen); err != nil {
		return Request{}, fmt.Errorf("%w: %w", errRequest, err)
	}
	if req.Intent == nil {
		return req, nil
	}
	return req, checkIntent(*req.Intent, seen.Intent != nil && seen.Intent.Choice != nil)
}

func decodeStrict(line []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", errRequest, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: more than one on a line", errRequest)
	}
	return nil
}

// Kinds of Intent that there are.
var Kinds = []Kind{
	IntentIntake, IntentNoLabel, IntentConfirm, IntentToAgree, IntentBack, IntentConsent,
	IntentStop, IntentAnswer, IntentFinish, IntentRescan, IntentNext, IntentPowerOff,
	IntentPSID, IntentRemoved, IntentUnlock, IntentTry, IntentTryNext, IntentTryEnd,
}

func checkIntent(i Intent, hasChoice bool) error {
	switch {
	case !slices.Contains(Kinds, i.Kind):
		return fmt.Errorf("%w: unknown kind of intent", errRequest)
	case max(len(i.Text), len(i.Digest), len(i.Question), len(i.Drive)) > maxText:
		return fmt.Errorf("%w: text of more than %d bytes", errRequest, maxText)
	case i.Kind == IntentIntake && i.Form == nil:
		return fmt.Errorf("%w: an intake without its form", errRequest)
	case i.Kind == IntentRemoved && i.Removal == nil:
		return fmt.Errorf("%w: a removal that says nothing", errRequest)
	case i.Kind == IntentUnlock && i.Text == "":
		return fmt.Errorf("%w: no passphrase", errRequest)
	case i.Kind == IntentPSID && i.Drive == "":
		return fmt.Errorf("%w: a PSID of no drive", errRequest)
	case (i.Kind == IntentAnswer || i.Kind == IntentTry) && (!hasChoice || i.Choice < 0 || i.Question == ""):
		return fmt.Errorf("%w: an answer or exercise without question or choice", errRequest)
	}
	if f := i.Form; f != nil && max(len(f.Tag), len(f.Operator), len(f.Source), len(f.Classification)) > maxText {
		return fmt.Errorf("%w: text of more than %d bytes", errRequest, maxText)
	}
	if r := i.Removal; r != nil && max(len(r.Serial), len(r.Seal), len(r.Reference)) > maxText {
		return fmt.Errorf("%w: text of more than %d bytes", errRequest, maxText)
	}
	return nil
}

// encodeReply makes one line. What JSON has no form for reads as unknown.
func encodeReply(v View) ([]byte, error) {
	v.Drives = slices.Clone(v.Drives)
	for i := range v.Drives {
		if f := v.Drives[i].Fraction; math.IsNaN(f) || math.IsInf(f, 0) {
			v.Drives[i].Fraction = -1
		}
	}
	if y := v.Clock.Year(); y < 0 || y > 9999 { // RFC 3339
		v.Clock = time.Time{}
	}
	b, err := json.Marshal(Reply{View: v})
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}

// Listen makes the engine's socket for the group of the screens and for nobody
// else. A socket that an engine before left behind is replaced.
func Listen(path string, gid int) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Chown(path, os.Geteuid(), gid), os.Chmod(path, 0o660)); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect"
	"handback.example/inspect/capture"
	"handback.example/inspect/survey"
)

// surveyTimeout ends a survey that hangs on a dead drive; what was not read is
// unknown.
const surveyTimeout = 2 * time.Minute

// source of a report: this machine, a folder from another one, or a capture.
type source struct {
	chroot, from string
	capture      string // file that a capture is written to
	withTPM      bool
	told         io.Writer // what people must know of a capture
}

// take looks at the machine, or at what came from one.
func (s source) take(ctx context.Context) (*inspect.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	own := []string{settings.ESPGUID, settings.DataGUID}
	o := survey.Options{WithTPM: s.withTPM, IncludeLoop: s.chroot == "", BootPartGUIDs: own}
	switch {
	case s.from != "":
		return s.replay(ctx, o)
	case s.chroot != "":
		o.Doors = capture.Folder(s.chroot)
	default:
		o.Doors = capture.Live()
	}
	if s.capture == "" {
		return survey.Take(ctx, o)
	}
	if _, err := os.Lstat(s.capture); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is there already: give the capture another name", s.capture)
	}
	rec := capture.NewRecorder()
	o.Doors = rec.Doors(o.Doors)
	r, err := survey.Take(ctx, o)
	if err != nil {
		return nil, err
	}
	return r, s.write(rec, own)
}

// replay gives the report of a capture, which says that it is one.
func (s source) replay(ctx context.Context, o survey.Options) (*inspect.Report, error) {
	c, err := capture.Open(s.from)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	o.Doors = c.Doors()
	r, err := survey.Take(ctx, o)
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("this is a capture, %s: serial numbers and other names in it are substitutes", c.Manifest())
	fmt.Fprintln(s.told, note)
	r.Notes = append(r.Notes, note)
	return r, nil
}

// write the capture: whole or not at all.
func (s source) write(rec *capture.Recorder, own []string) error {
	var b bytes.Buffer
	tool := evidence.Tool("")
	withheld, err := rec.Write(&b, tool.Name+" "+tool.Version, own)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(s.capture, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(s.capture))
	}
	fmt.Fprintf(s.told, "%s: %d bytes; names of machine and people are substitutes. Look through it before you give it away: it is a tar.gz\n", s.capture, b.Len())
	if n := len(withheld); n > 0 {
		fmt.Fprintf(s.told, "%d files that were read are not in it, since nothing here knows them to be harmless; its capture.json lists them\n", n)
	}
	return nil
}

package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/answer"
	"handback.example/inspect/internal/sysblock"
	"handback.example/inspect/internal/tree"
	"handback.example/inspect/internal/who"
)

// recordedOpener opens drives whose answers are kept.
type recordedOpener struct {
	next  drive.Opener
	r     *Recorder
	disks disks
}

func (o *recordedOpener) OpenTarget(path string) (drive.Target, error) {
	return nil, fmt.Errorf("%s is being captured, and a capture erases nothing", path)
}

func (o *recordedOpener) Open(path string) (drive.Device, error) {
	rec := &driveRecord{Path: path}
	o.r.mu.Lock()
	o.r.all = append(o.r.all, rec)
	o.r.mu.Unlock()
	disk, err := o.disks.find(path)
	if err == nil {
		var dev drive.Device
		if dev, err = o.next.Open(path); err == nil {
			rec.mu.Lock()
			defer rec.mu.Unlock()
			rec.Geometry, rec.Provenance = dev.Geometry(), dev.Provenance()
			return &recordedDevice{Device: dev, rec: rec, who: who.Drive{Tree: sysblock.Tree{Tree: o.disks.tree}, Disk: disk, Size: rec.Geometry.Size}}, nil
		}
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.Unopened = err.Error()
	return nil, err
}

// disks of a tree, looked up once.
type disks struct {
	tree *tree.Tree
	once sync.Once
	all  map[string]sysblock.Disk // by path
	err  error
}

func (d *disks) find(path string) (sysblock.Disk, error) {
	d.once.Do(func() {
		var all []sysblock.Disk
		all, d.err = sysblock.Tree{Tree: d.tree}.Disks()
		d.all = map[string]sysblock.Disk{}
		for _, disk := range all {
			d.all[disk.Path()] = disk
		}
	})
	if disk, ok := d.all[path]; ok {
		return disk, nil
	}
	return sysblock.Disk{}, errors.Join(fmt.Errorf("%s is none of this machine's drives", path), d.err)
}

// recordedDevice keeps commands and answers. Blocks pass, and are not kept.
type recordedDevice struct {
	drive.Device
	rec *driveRecord
	who who.Drive
}

func (d *recordedDevice) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	x := &exchange{Operation: answer.Operation(c), Protocol: c.Protocol, Frame: bytes.Clone(c.Frame), Length: len(c.Data),
		Error: "no answer had come when the capture was written", NoAnswer: true}
	d.rec.mu.Lock()
	d.rec.commands = append(d.rec.commands, x)
	d.rec.mu.Unlock()
	done, err := d.Device.Do(ctx, c)
	d.rec.mu.Lock()
	defer d.rec.mu.Unlock()
	if isNotRecorded(err) {
		d.rec.commands = slices.DeleteFunc(d.rec.commands, func(o *exchange) bool { return o == x })
		return done, err
	}
	x.Status, x.Result, x.Sense, x.Residual = done.Status, done.Result, bytes.Clone(done.Sense), done.Residual
	x.Data = bytes.TrimRight(bytes.Clone(c.Data), "\x00")
	x.Error, x.NoAnswer = "", false
	var status *drive.StatusError
	if err != nil && !errors.As(err, &status) {
		x.Error, x.NoAnswer = err.Error(), errors.Is(err, drive.ErrNoAnswer)
	}
	return done, err
}

// Identify asks twice: the drive, which makes sure that it is still the same one, and
// by commands that are kept.
func (d *recordedDevice) Identify(ctx context.Context) (drive.Identity, error) {
	id, err := d.Device.Identify(ctx)
	if err == nil {
		d.who.Namespace = id.Namespace
		d.rec.mu.Lock()
		d.rec.Namespace = id.Namespace
		d.rec.mu.Unlock()
		return identified(d.who, ctx, d)
	}
	d.rec.mu.Lock()
	defer d.rec.mu.Unlock()
	d.rec.Unidentified = err.Error()
	return id, err
}

// identified says of which drive the error is, as package linux does.
func identified(w who.Drive, ctx context.Context, t drive.Transport) (drive.Identity, error) {
	id, err := w.Is(ctx, t)
	if err != nil {
		return drive.Identity{}, fmt.Errorf("identify %s: %w", w.Disk.Path(), err)
	}
	return id, nil
}

// Keep what the survey of the drive's blocks came to.
func (d *recordedDevice) Keep(c Contents) {
	d.rec.mu.Lock()
	defer d.rec.mu.Unlock()
	d.rec.Contents = &c
}

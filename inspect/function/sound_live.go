package function

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sound is an output of a sound card. It plays, and can't record.
type Sound struct {
	f    *os.File
	name string
}

// ErrNoSound: no driver has an output here.
var ErrNoSound = errors.New("no sound output is driven here")

// OpenSound opens the first output that is not a display's, by the folders /sys and
// /dev/snd, and makes it audible.
func OpenSound(sys, dev string) (*Sound, error) {
	entries, err := os.ReadDir(filepath.Join(sys, "class/sound"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	bad := ErrNoSound
	for _, n := range outputs(names) {
		s, err := openOutput(dev, n)
		if err == nil {
			return s, nil
		}
		bad = err
	}
	return nil, bad
}

func openOutput(dev, node string) (*Sound, error) {
	// Not blocking: an output that another program plays on is told at once.
	fd, err := unix.Open(filepath.Join(dev, node), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("the sound output %s can't be opened: %w", node, err)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	s := &Sound{f: os.NewFile(uintptr(fd), node), name: node}
	about := make([]byte, pcmInfoSize)
	if err := ask(s.f, pcmInfo, about); err == nil {
		s.name = text(about[80:160])
	}
	if ofDisplay(s.name) {
		_ = s.f.Close()
		return nil, errors.New("its only sound outputs are those of displays")
	}
	if err := ask(s.f, pcmHWParams, hardwareParameters()); err != nil {
		_ = s.f.Close()
		return nil, fmt.Errorf("the sound output %s does not play two channels of 16 bits: %w", s.name, err)
	}
	if err := raise(filepath.Join(dev, "controlC"+output.FindStringSubmatch(node)[1])); err != nil {
		_ = s.f.Close()
		return nil, fmt.Errorf("the sound output %s can't be turned up: %w", s.name, err)
	}
	return s, nil
}

// raise switches the outputs of a card on.
func raise(control string) error {
	f, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	const most = 1024
	ids := make([]byte, most*elemIDSize)
	list := make([]byte, elemListSize)
	order := binary.NativeEndian
	order.PutUint32(list[4:], most)
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&ids[0])
	order.PutUint64(list[16:], uint64(uintptr(unsafe.Pointer(&ids[0]))))
	if err := ask(f, controlElemList, list); err != nil {
		return err
	}
	for i := range min(order.Uint32(list[8:]), most) {
		about := make([]byte, elemInfoSize)
		copy(about, ids[i*elemIDSize:(i+1)*elemIDSize])
		if err := ask(f, controlElemInfo, about); err != nil {
			return err
		}
		if value, ok := setting(about); ok {
			if err := ask(f, controlElemSet, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// Name of the output, as its driver gives it.
func (s *Sound) Name() string { return s.name }

// Play the tone of a speaker to its end, or until ctx ends.
func (s *Sound) Play(ctx context.Context, at Speaker) error {
	if err := set(s.f, pcmPrepare, 0); err != nil {
		return fmt.Errorf("%s does not play: %w", s.name, err)
	}
	for b := at.tone(); len(b) > 0 && ctx.Err() == nil; {
		n := min(len(b), chunkFrames*soundFrame)
		switch err := s.write(b[:n]); {
		case errors.Is(err, unix.EPIPE): // the machine was too slow: what was left out is silence
			if err := set(s.f, pcmPrepare, 0); err != nil {
				return fmt.Errorf("%s does not play: %w", s.name, err)
			}
			continue
		case err != nil:
			return fmt.Errorf("%s does not play: %w", s.name, err)
		}
		b = b[n:]
	}
	if err := ctx.Err(); err != nil {
		_ = set(s.f, pcmDrop, 0)
		return err
	}
	if err := set(s.f, pcmDrain, 0); err != nil {
		return fmt.Errorf("%s does not play to the end: %w", s.name, err)
	}
	return nil
}

// write frames: struct snd_xferi holds the result, their address and their number.
func (s *Sound) write(b []byte) error {
	x := make([]byte, 24)
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&b[0])
	binary.NativeEndian.PutUint64(x[8:], uint64(uintptr(unsafe.Pointer(&b[0]))))
	binary.NativeEndian.PutUint64(x[16:], uint64(len(b)/soundFrame))
	return ask(s.f, pcmWriteFrames, x)
}

// Close gives the output back.
func (s *Sound) Close() error { return s.f.Close() }

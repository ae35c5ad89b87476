package main

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"time"

	"handback.example/certs"
)

func (a *attended) pause(d time.Duration) {
	a.t.Helper()
	select {
	case <-a.ctx.Done():
		a.t.Fatal(a.ctx.Err())
	case <-time.After(d):
	}
}

// pressUntil presses a key until something has come of it: one that comes while a page
// changes is dropped, as it may have been meant for the page before.
func (a *attended) pressUntil(key, what string, done func() bool) {
	a.t.Helper()
	for range 5 {
		a.press(key)
		for range 100 { // 20 s: pressed again too soon, it would answer the next question
			if done() {
				return
			}
			a.pause(200 * time.Millisecond)
		}
	}
	a.t.Fatalf("%s does nothing: %s does not come:\n%s", key, what, a.line.text())
}

// begin an exercise by Enter.
func (a *attended) begin(question string) map[string]string {
	a.t.Helper()
	started := func() bool { _, ok := event(a.vm, "try", "question="+question); return ok }
	a.pressUntil("ret", "the test of "+question, started)
	e, _ := event(a.vm, "try", "question="+question)
	return e.Values
}

// soon: a word comes up while the keyboard test goes on.
func (s *line) soon(word string) bool {
	for range 15 {
		if strings.Contains(s.text(), word) {
			return true
		}
		time.Sleep(200 * time.Millisecond)
	}
	return false
}

// picture of the display, which is kept beside the others.
func (d *display) picture(name string) image.Image {
	d.l.t.Helper()
	path := filepath.Join(d.shots, name+".png")
	if err := d.vm.Screendump(d.l.ctx, path); err != nil {
		d.l.t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		d.l.t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		d.l.t.Fatal(err)
	}
	return img
}

// different counts the pixels of a picture that are not as they should be.
func different(img image.Image, want func(x, y int) color.RGBA) (n int) {
	b := img.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			if color.RGBAModel.Convert(img.At(x, y)) != want(x, y) {
				n++
			}
		}
	}
	return n
}

// tryScreen: each picture covers every pixel of the display, and the console's text is
// back afterwards. A key that has nothing to do here does nothing.
func (a *attended) tryScreen() {
	a.t.Helper()
	a.display.shot("screen-question")
	a.begin("screen")
	one := func(r, g, b uint8) func(x, y int) color.RGBA {
		return func(int, int) color.RGBA { return color.RGBA{r, g, b, 255} }
	}
	size := a.display.picture("screen-black").Bounds()
	for _, p := range []struct {
		says, name string
		want       func(x, y int) color.RGBA
	}{
		{"It shows: black", "black", one(0, 0, 0)}, {"It shows: white", "white", one(255, 255, 255)}, {"It shows: red", "red", one(255, 0, 0)},
		{"It shows: green", "green", one(0, 255, 0)}, {"It shows: blue", "blue", one(0, 0, 255)},
		{"It shows: grey", "ramp", func(x, _ int) color.RGBA {
			v := uint8(x * 255 / (size.Dx() - 1))
			return color.RGBA{v, v, v, 255}
		}},
		{"It shows: a grid", "grid", func(x, y int) color.RGBA {
			if x%32 == 0 || y%32 == 0 || x == size.Dx()-1 || y == size.Dy()-1 {
				return color.RGBA{255, 255, 255, 255}
			}
			return color.RGBA{0, 0, 0, 255}
		}},
	} {
		a.line.sees(p.says)
		if n := different(a.display.picture("screen-"+p.name), p.want); n > 0 {
			a.t.Errorf("%d pixels are not as they should be (%s)", n, p.says)
		}
		a.press("9")
		a.pause(300 * time.Millisecond) // so that a slow machine does not take it for a scan
		a.pressUntil("spc", "the next picture", func() bool { return !strings.Contains(a.line.text(), p.says) })
	}
	e := a.await(a.vm, "tried", "question=screen")
	if !strings.HasPrefix(e.Values["evidence"], "7 of 7 pictures shown on ") {
		a.t.Errorf("the screen test ends with %v", e)
	}
	a.both("Is the picture even", "7 of 7 pictures")
	a.display.shot("screen-tried")
}

// laptopKeys in QEMU's names, but for F11 and the right Ctrl, which this keyboard has
// not got.
const laptopKeys = "esc f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f12 delete grave_accent 1 2 3 4 5 6 7 8 9 0 minus equal backspace " +
	"tab q w e r t y u i o p bracket_left bracket_right ret caps_lock a s d f g h j k l semicolon apostrophe backslash " +
	"shift less z x c v b n m comma dot slash shift_r ctrl meta_l alt spc alt_r left up down right"

// tryKeyboard: every key is seen, none reaches the page behind, and what was not
// pressed is named.
func (a *attended) tryKeyboard() {
	a.t.Helper()
	a.display.shot("keyboard-question")
	if device := a.begin("keyboard")["device"]; !strings.Contains(device, "i8042") {
		a.t.Errorf("the keyboard is %s", device)
	}
	a.line.sees("Press every key once", "0 of 78", "hold Esc")
	for range 3 { // a machine that is slow loses keys
		if a.press(strings.Fields(laptopKeys)...); a.line.soon("76 of 78") {
			break
		}
	}
	a.line.sees("76 of 78", "▓Enter", "▓▓▓▓Space▓▓▓▓")
	a.display.shot("keyboard")
	e := a.await(a.vm, "tried", "question=keyboard")
	if !strings.HasSuffix(e.Values["evidence"], "76 of 78 keys seen (UK); not seen: F11, right Ctrl") || e.Values["whole"] != "false" {
		a.t.Errorf("the keyboard test ends with %v", e)
	}
	if e, left := event(a.vm, "stopping"); left {
		a.t.Errorf("a key of the test stopped the erasure: %v", e)
	}
	a.both("Does every key write", "76 of 78 keys seen", "only if this machine has no such keys")
	a.display.shot("keyboard-tried")
}

// tryTouchpad: the pointer goes to nine fields and clicks; then Enter takes the answer.
func (a *attended) tryTouchpad() {
	a.t.Helper()
	a.begin("touchpad")
	a.both("Move over all nine fields")
	move := func(dx, dy int) {
		a.t.Helper()
		if err := a.vm.MovePointer(a.ctx, dx, dy); err != nil {
			a.t.Fatal(err)
		}
		a.pause(100 * time.Millisecond)
	}
	move(-700, -700)
	for range 3 {
		move(300, 0)
		move(300, 0)
		move(-700, 0)
		move(0, 250)
	}
	a.line.sees("9 of 9")
	a.display.shot("touchpad")
	for _, b := range []string{"left", "right"} {
		if err := a.vm.Click(a.ctx, b); err != nil {
			a.t.Fatal(err)
		}
	}
	a.await(a.vm, "tried", "question=touchpad", "whole=true")
	a.both("Do the touchpad and its buttons", "takes 1")
}

// tryPorts: what is plugged in is seen, and the stick's own port counts.
func (a *attended) tryPorts() {
	a.t.Helper()
	a.begin("ports")
	a.both("USB ports", "1 so far")
	if err := a.vm.PlugMouse(a.ctx); err != nil {
		a.t.Fatal(err)
	}
	a.line.sees("2 so far")
	a.display.shot("ports")
	if err := a.vm.UnplugMouse(a.ctx); err != nil {
		a.t.Fatal(err)
	}
	a.pressUntil("ret", "the end", func() bool { _, ok := event(a.vm, "tried", "question=ports"); return ok })
	a.both("hold and light up in each USB port", "something appeared in 2 USB ports")
}

// triedOnRecord: what was tried stands in the records with what was seen.
func (a *attended) triedOnRecord(v taken) {
	a.t.Helper()
	want := map[string]string{"screen": "7 of 7 pictures shown on ", "keyboard": "76 of 78 keys seen (UK); not seen: F11, right Ctrl; answered: it has no such keys",
		"touchpad": "moved to 9 of 9 fields; left button pressed; right button pressed",
		"ports":    "something appeared in 2 USB ports", "sound": ": 2 of 2 tones played"}
	for _, t := range v.summary.Tests {
		if w, tried := want[t.Question]; tried {
			delete(want, t.Question)
			if t.Kind != certs.TestOperator || t.Result != certs.TestPass || t.Answer != "works" || !strings.Contains(t.Evidence, w) {
				a.t.Errorf("on record: %+v, want evidence %q", t, w)
			}
		}
	}
	for id := range want {
		a.t.Errorf("there is no record of the test %s", id)
	}
}

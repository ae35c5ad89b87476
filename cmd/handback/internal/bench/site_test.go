package bench

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What opens cameras, microphones and radios in Linux: no source of the appliance has it.
var sensesOfLinux = []string{"/dev/video", "/dev/v4l", "/dev/media", "/dev/snd", "/dev/dsp", "/dev/rfkill", "AF_BLUETOOTH", "NL80211", "/dev/wwan", "/dev/cdc-wdm"}

// plays are the sources that open a speaker, in the folder where microphones lie too:
// package function holds itself to what plays (TestSoundOnlyPlays).
var plays = map[string][]string{"/dev/snd": {"cmd/handback/internal/bench/exercise_sound.go", "inspect/function/sound_live.go"}}

// Nothing is seen, heard or sent: whatever module a kernel had, no source opens its
// device. (That no device loads such a module of the image, image/modules shows.)
func TestNoSourceOpensASense(t *testing.T) {
	root := os.DirFS(filepath.Join("..", "..", "..", ".."))
	read := 0
	for _, folder := range []string{"cmd/handback", "inspect", "wipe", "grade", "certs"} {
		err := fs.WalkDir(root, folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			b, err := fs.ReadFile(root, name)
			if err != nil {
				return err
			}
			read++
			for _, s := range sensesOfLinux {
				if strings.Contains(string(b), s) && !slices.Contains(plays[s], name) {
					t.Errorf("%s has %q", name, s)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 300 {
		t.Errorf("%d sources were read: where are the others?", read)
	}
}

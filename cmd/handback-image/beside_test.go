package main

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testLogo is a picture that may stand on a letterhead.
func testLogo(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 60, 20))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A list of processors goes onto the stick with the settings that name it; one that
// names none is refused while somebody can mend it.
func TestSeedsProcessors(t *testing.T) {
	file, _ := enrolled(t, "S01", "stick = 'S01'\nprocessors = 'windows-11.csv'\n")
	list := filepath.Join(filepath.Dir(file), "windows-11.csv")
	var usage usageError
	if err := os.WriteFile(list, []byte("# Windows 11\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readSeeds(file); !errors.As(err, &usage) || !strings.Contains(err.Error(), "processors: the list of processors names none") {
		t.Errorf("of a list without a name: %v", err)
	}
	text := []byte("Intel\u00ae,Core\u2122,i5-8250U\n")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := readSeeds(file)
	if err != nil || !bytes.Equal(s.files["handback/windows-11.csv"], text) {
		t.Errorf("the list on the stick is %q, %v", s.files["handback/windows-11.csv"], err)
	}
}

// The logo that settings name goes onto the stick with them; what is none is refused.
func TestSeedsLogo(t *testing.T) {
	file, _ := enrolled(t, "S01", "stick = 'S01'\n[papers]\nlogo = 'crest.png'\n")
	logo := filepath.Join(filepath.Dir(file), "crest.png")
	var usage usageError
	if _, err := readSeeds(file); !errors.As(err, &usage) || !strings.Contains(err.Error(), "crest.png: no such file") {
		t.Errorf("without the file: %v", err)
	}
	if err := os.WriteFile(logo, []byte("GIF89a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readSeeds(file); !errors.As(err, &usage) || !strings.Contains(err.Error(), "not a PNG") {
		t.Errorf("of a GIF: %v", err)
	}
	if err := os.WriteFile(logo, testLogo(t), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := readSeeds(file)
	if err != nil || !bytes.Equal(s.files["handback/crest.png"], testLogo(t)) {
		t.Errorf("the logo is %d bytes, %v", len(s.files["handback/crest.png"]), err)
	}
}

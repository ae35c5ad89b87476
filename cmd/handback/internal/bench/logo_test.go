package bench

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestLogo(t *testing.T) {
	// The header of a PNG of 60 x 20 pixels (PNG, third edition, 11.2.1).
	png := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x3c\x00\x00\x00\x14\x08\x00\x00\x00\x00")
	on := map[string][]byte{"crest.png": png, "bad.png": []byte("GIF89a")}
	if l, err := logo(on, "crest.png"); err != nil || l != base64.StdEncoding.EncodeToString(png) {
		t.Errorf("the logo is %q, %v", l, err)
	}
	if l, err := logo(on, ""); err != nil || l != "" {
		t.Errorf("without a logo there is %q, %v", l, err)
	}
	for name, want := range map[string]string{"other.png": "not on the stick", "bad.png": "not a PNG"} {
		if _, err := logo(on, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, want)
		}
	}
}

package guest

import (
	"bytes"
	"testing"
)

// bzImage with a setup of two sectors and the real mode sector before it, and the
// fields at the offsets of Documentation/x86/boot.rst.
func bzImage(offset, length byte, rest string) []byte {
	b := make([]byte, 3*512)
	b[0x1f1] = 2
	copy(b[0x202:], "HdrS\x0f\x02")
	b[0x248], b[0x24c] = offset, length
	return append(b, rest...)
}

func TestPayload(t *testing.T) {
	got, err := payload(bzImage(5, 13, "codeX\xfd7zXZ\x00abc\x01\x02\x03\x04rest"))
	if err != nil || !bytes.Equal(got, []byte("\xfd7zXZ\x00abc")) {
		t.Errorf("%q, %v", got, err)
	}
	old := bzImage(5, 13, "codeX\xfd7zXZ\x00abc\x01\x02\x03\x04")
	old[0x206] = 7
	for what, b := range map[string][]byte{
		"nothing":        nil,
		"no bzImage":     make([]byte, 4096),
		"old protocol":   old,
		"another packer": bzImage(5, 13, "codeX\x28\xb5\x2f\xfdZSTDabc\x01\x02\x03\x04"),
		"cut off":        bzImage(5, 13, "codeX\xfd7zXZ\x00"),
		"empty":          bzImage(5, 0, "codeX\xfd7zXZ\x00abc\x01\x02\x03\x04"),
		"past its end":   bzImage(250, 13, "codeX\xfd7zXZ\x00abc\x01\x02\x03\x04"),
	} {
		if got, err := payload(b); err == nil {
			t.Errorf("%s gives %q", what, got)
		}
	}
}

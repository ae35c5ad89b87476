package survey

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// Parts of a volume as 'BitLocker Drive Encryption (BDE) format' lays them out, written
// down by hand. The metadata block is at 0x6000, its copies at 0x8000 and 0xa000.
const (
	fveWindows7 = `eb5890 2d4656452d46532d 0002 08 0000 00 0000 0000 f8 0000 3f00 ff00 00080000 00000000
		e01f0000 0000 0000 00000000 0100 0600 000000000000000000000000 80 00 29 00000000 4e4f204e414d4520202020 4641543332202020`
	fveHeaders = `2d4656452d46532d 4000 0200 0400 0400 0000100000000000 00000000 10000000
		0060000000000000 0080000000000000 00a0000000000000 0070000000000000`
	// Size (put in by the test), version 1, header of 48, size again, volume GUID, nonce,
	// AES-XTS 128 bit, a FILETIME.
	fveMetadata = `01000000 30000000 00000000 00112233445566778899aabbccddeeff 0a000000 04800480 0080c5d0a1b2d901`
	// Description: 'PC C:'.
	fveDescription = `1400 0700 0200 0100 5000 4300 2000 4300 3a00 0000`
	// The volume's key, encrypted with the master key (AES-CCM).
	fveKeyEntry = `2000 0300 0500 0100 0080c5d0a1b2d901 04000000 a1a2a3a4a5a6a7a8b1b2b3b4`
	// Protectors: GUID, FILETIME, unknown, type of protection, properties.
	fveTPM      = `3400 0200 0800 0100 11111111222233334444555555555555 0080c5d0a1b2d901 0000 0001 1000 0000 0600 0100 c1c2c3c4c5c6c7c8`
	fveRecovery = `3400 0200 0800 0100 66666666777788889999aaaaaaaaaaaa 0080c5d0a1b2d901 0000 0008 1000 0000 0300 0100 00100000 d1d2d3d4`
	fveClearKey = `5800 0200 0800 0300 bbbbbbbbccccddddeeeeffffffffffff 0080c5d0a1b2d901 0000 0000
		2c00 0000 0100 0100 03200000 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
		0800 0000 0500 0100`
	fveClearType = `2c00 0200 0800 0300 bbbbbbbbccccddddeeeeffffffffffff 0080c5d0a1b2d901 0000 0000 0800 0000 0500 0100`
)

// fveVolume has one metadata block at each place, with those entries.
func fveVolume(t testing.TB, places []int, entries ...string) []byte {
	t.Helper()
	b := make([]byte, 1<<20)
	copy(b, bytesOf(t, fveWindows7))
	copy(b[176:], bytesOf(t, "0060000000000000 0080000000000000 00a0000000000000"))
	var all []byte
	for _, e := range entries {
		all = append(all, bytesOf(t, e)...)
	}
	for _, at := range places {
		copy(b[at:], bytesOf(t, fveHeaders))
		le.PutUint32(b[at+64:], uint32(48+len(all)))
		copy(b[at+68:], bytesOf(t, fveMetadata))
		copy(b[at+112:], all)
	}
	return b
}

func heldBy(t *testing.T, b []byte) []string {
	t.Helper()
	got, err := holdings(bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Error(err)
	}
	return got
}

// Suspended protection is told from protection, whichever copy tells it; what can't be
// told is neither.
func TestBitLocker(t *testing.T) {
	const suspended, protected, unknown = "BitLocker (suspended: readable by anybody)", "BitLocker", "BitLocker (whether it is suspended can't be told)"
	three := []int{0x6000, 0x8000, 0xa000}
	cut := func(at int, bytes string) func([]byte) { return func(b []byte) { copy(b[at:], bytesOf(t, bytes)) } }
	for name, c := range map[string]struct {
		places  []int
		entries []string
		change  func([]byte)
		want    string
	}{
		"TPM and recovery password": {places: three, entries: []string{fveDescription, fveTPM, fveRecovery, fveKeyEntry}, want: protected},
		"clear key beside them":     {places: three, entries: []string{fveDescription, fveTPM, fveRecovery, fveClearKey, fveKeyEntry}, want: suspended},
		"clear key alone":           {places: three, entries: []string{fveClearKey, fveKeyEntry}, want: suspended},
		"in the third copy alone":   {places: []int{0xa000}, entries: []string{fveClearKey}, want: suspended},
		"no block":                  {want: unknown},
		"no protector":              {places: three, entries: []string{fveDescription, fveKeyEntry}, want: unknown},
		"its type, and no key":      {places: three, entries: []string{fveTPM, fveClearType}, want: unknown},
		"another signature":         {places: []int{0x6000}, entries: []string{fveTPM}, change: cut(0x6000, "2d4656452d46532e"), want: unknown},
		"another version":           {places: []int{0x6000}, entries: []string{fveTPM}, change: cut(0x600a, "0300"), want: unknown},
		"an entry without an end":   {places: []int{0x6000}, entries: []string{fveTPM, fveRecovery}, change: cut(0x6000+112+0x34, "ffff"), want: unknown},
		"an entry of nothing":       {places: []int{0x6000}, entries: []string{fveTPM, fveClearKey}, change: cut(0x6000+112+0x34, "0000"), want: unknown},
		"endless metadata":          {places: []int{0x6000}, entries: []string{fveTPM}, change: cut(0x6040, "ffffffff"), want: unknown},
		"blocks outside":            {change: cut(176, "ffffffffffffffff ffffffffffffff7f 0000100000000000"), want: unknown},
		"padding behind":            {places: three, entries: []string{fveTPM, "00000000000000000000000000"}, want: protected},
		"copies that name others":   {places: []int{0x6000, 0xc000}, entries: []string{fveTPM}, change: cut(0x6000+48, "00c0000000000000"), want: protected},
	} {
		b := fveVolume(t, c.places, c.entries...)
		if c.change != nil {
			c.change(b)
		}
		if got := heldBy(t, b); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The three ways in which a volume names its blocks. None of them is the FAT volume that
// its start looks like.
func TestBitLockerStarts(t *testing.T) {
	const want = "BitLocker (suspended: readable by anybody)"
	vista := fveVolume(t, []int{0x6000}, fveClearKey)
	clear(vista[:512])
	// 512 bytes a sector, 8 sectors a cluster, block at cluster 6.
	copy(vista, bytesOf(t, "eb5290 2d4656452d46532d 0002 08"))
	copy(vista[56:], bytesOf(t, "0600000000000000"))
	vista[0x600a] = 1 // version of the block
	toGo := fveVolume(t, []int{0x6000}, fveClearKey)
	copy(toGo, bytesOf(t, "eb5890 4d5357494e342e31"))
	clear(toGo[176:200])
	copy(toGo[424:], bytesOf(t, "3bd66749292ed84a8399f6a339e3d001 0000000000000000 0060000000000000"))
	for name, b := range map[string][]byte{"Vista": vista, "7 and later": fveVolume(t, []int{0x8000}, fveClearKey), "To Go": toGo} {
		if got := heldBy(t, b); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A block that can't be read is told of; the volume is one of BitLocker all the same.
func TestBitLockerUnreadable(t *testing.T) {
	b := fveVolume(t, []int{0x8000}, fveTPM)
	b = append(b, make([]byte, 1<<20)...)
	copy(b[184:], bytesOf(t, "0000100000000000"))
	got, err := holdings(broken{bytes.NewReader(b), 1 << 20}, int64(len(b))-1<<19, nil)
	if !errors.Is(err, errBroken) || !slices.Equal(got, []string{"BitLocker (whether it is suspended can't be told)"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzBitLocker(f *testing.F) {
	for _, e := range [][]string{{fveTPM, fveRecovery}, {fveClearKey, fveKeyEntry}, {fveDescription, fveClearType}} {
		b := fveVolume(f, []int{0x6000}, e...)
		f.Add(b[:512], b[0x6000:0x6200])
	}
	f.Fuzz(func(t *testing.T, head, block []byte) {
		b := make([]byte, 0x7000)
		copy(b[0x6000:], block)
		copy(b[:0x6000], head)
		got, err := bitLockerState(bytes.NewReader(b), 0, int64(len(b)), b)
		if err != nil || got != "" && !strings.HasPrefix(got, "BitLocker") {
			t.Fatalf("%q, %v", got, err)
		}
		if got == bitLockerSuspended && !bytes.Contains(b, []byte{fveValueKey, 0}) {
			t.Fatal("suspended without a key")
		}
	})
}

package modules

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Info is what a module says of itself in its section .modinfo.
type Info struct {
	Name     string
	Magic    string   // vermagic: the kernel it was built for
	Needs    []string // depends
	Before   []string // softdep pre
	After    []string // softdep post
	Aliases  []string
	Firmware []string
}

// modinfoMax bounds the section; Debian's longest has 70 kB.
const modinfoMax = 4 << 20

// signed ends every module that carries a signature (scripts/sign-file.c).
const signed = "~Module signature appended~\n"

// readModule reads a module file. One without a signature is refused: it would
// not load under Secure Boot.
func readModule(path string) (Info, error) {
	f, err := os.Open(path)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	if err := checkSigned(f); err != nil {
		return Info{}, fmt.Errorf("%s: %w", path, err)
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", path, err)
	}
	s := e.Section(".modinfo")
	if s == nil || s.Size > modinfoMax {
		return Info{}, fmt.Errorf("%s is no kernel module: it has no section .modinfo", path)
	}
	b, err := s.Data()
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", path, err)
	}
	return parseModinfo(b), nil
}

func checkSigned(f *os.File) error {
	end := make([]byte, len(signed))
	n, err := f.Seek(-int64(len(signed)), io.SeekEnd)
	if err == nil {
		_, err = f.ReadAt(end, n)
	}
	if err != nil || string(end) != signed {
		return errors.New("the module is not signed")
	}
	return nil
}

// parseModinfo reads 'key=value' strings that end with NUL.
func parseModinfo(b []byte) Info {
	var i Info
	for entry := range bytes.SplitSeq(b, []byte{0}) {
		key, value, _ := strings.Cut(string(entry), "=")
		switch key {
		case "name":
			i.Name = value
		case "vermagic":
			i.Magic = value
		case "depends":
			for _, d := range strings.Split(value, ",") {
				if d != "" {
					i.Needs = append(i.Needs, d)
				}
			}
		case "softdep":
			i.softdep(value)
		case "alias":
			i.Aliases = append(i.Aliases, value)
		case "firmware":
			i.Firmware = append(i.Firmware, value)
		}
	}
	return i
}

// softdep is 'pre: A B post: C' (modprobe.d(5)).
func (i *Info) softdep(s string) {
	var list *[]string
	for _, w := range strings.Fields(s) {
		switch {
		case w == "pre:":
			list = &i.Before
		case w == "post:":
			list = &i.After
		case list != nil:
			*list = append(*list, w)
		}
	}
}

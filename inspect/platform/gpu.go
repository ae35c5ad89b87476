package platform

import (
	"fmt"
	"strconv"
	"strings"

	"handback.example/inspect/drive"
)

// graphicsMakers by PCI vendor. The whole list of names is not in the image, and a
// card's maker and number are enough to look it up.
var graphicsMakers = map[uint64]string{
	0x1002: "AMD", 0x10de: "NVIDIA", 0x8086: "Intel", 0x1022: "AMD", 0x102b: "Matrox", 0x1a03: "ASPEED", 0x1039: "SiS", 0x1106: "VIA",
	0x5333: "S3", 0x1d17: "Zhaoxin", 0x1234: "QEMU", 0x1b36: "QEMU", 0x1af4: "virtio", 0x15ad: "VMware", 0x80ee: "VirtualBox",
	0x1414: "Microsoft", 0x1ab8: "Parallels",
}

// gpu lists PCI devices of class 03h, display controllers: they are there whether
// or not a driver runs them.
func (s *survey) gpu() {
	const dir = "sys/bus/pci/devices/"
	names, err := s.Tree.List(dir)
	if err != nil {
		s.missing("graphics", because(err))
		return
	}
	for _, name := range names {
		class, ok := s.hex(dir + name + "/class")
		if !ok || class>>16 != 0x03 {
			continue
		}
		vendor, okV := s.hex(dir + name + "/vendor")
		device, okD := s.hex(dir + name + "/device")
		if !okV || !okD {
			s.missing("graphics "+drive.Clean([]byte(name)), "the kernel does not say what it is")
			continue
		}
		maker := graphicsMakers[vendor]
		if maker == "" {
			maker = "unknown maker,"
		}
		s.r.GPU = append(s.r.GPU, fmt.Sprintf("%s graphics [%04x:%04x]", maker, vendor, device))
	}
}

// hex reads a file such as '0x030000' or '8087'.
func (s *survey) hex(name string) (uint64, bool) {
	text, err := s.Tree.Text(name)
	if err != nil {
		return 0, false
	}
	return parseHex(text, 32)
}

func parseHex(text string, bits int) (uint64, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, bits)
	return n, err == nil
}

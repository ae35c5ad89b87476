package platform

import (
	"strings"

	"github.com/jaypipes/ghw"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// network interfaces of the machine: not the loopback, not what only exists in
// the kernel.
func (s *survey) network() {
	info, err := ask(s, ghw.Network)
	if err != nil {
		s.missing("network", err.Error())
		return
	}
	for _, n := range info.NICs {
		if n.IsVirtual {
			continue
		}
		kind, network := s.networkKind("sys/class/net/" + n.Name)
		if !network {
			continue
		}
		s.r.Network = append(s.r.Network, inspect.NIC{Name: drive.Clean([]byte(n.Name)), MAC: address(n.MACAddress), Kind: kind})
	}
	s.undriven()
}

// undriven lists adapters that no driver runs: the bench works offline and brings
// few network drivers. PCI class 02h, network controllers; subclass 80h is where
// wireless ones stand (PCI Code and ID Assignment Specification 1.11, 1.3).
func (s *survey) undriven() {
	const dir = "sys/bus/pci/devices/"
	names, err := s.Tree.List(dir)
	if err != nil {
		return // a machine without PCI; its graphics say so
	}
	for _, name := range names {
		class, ok := s.hex(dir + name + "/class")
		if !ok || class>>16 != 0x02 {
			continue
		}
		if s.driven(dir + name) {
			continue
		}
		kind := map[uint64]string{0x00: "ethernet", 0x80: "wifi"}[class>>8&0xff]
		s.r.Network = append(s.r.Network, inspect.NIC{Name: "pci " + drive.Clean([]byte(name)), Kind: kind})
	}
}

// driven: a driver has the adapter, or it shows as an interface. What can't be read
// is not counted twice.
func (s *survey) driven(dir string) bool {
	for _, sign := range []string{"/driver", "/net"} {
		if has, err := s.Tree.Has(dir + sign); has || err != nil {
			return true
		}
	}
	return false
}

// networkKind of an interface, empty where the kernel does not say. What carries no
// network of its own (a tunnel, CAN, FireWire) is none.
func (s *survey) networkKind(dir string) (kind string, network bool) {
	for _, wireless := range []string{"/phy80211", "/wireless"} {
		if has, err := s.Tree.Has(dir + wireless); has && err == nil {
			return "wifi", true
		}
	}
	if uevent, err := s.Tree.Text(dir + "/uevent"); err == nil {
		switch {
		case strings.Contains(uevent, "DEVTYPE=wlan"):
			return "wifi", true
		case strings.Contains(uevent, "DEVTYPE=wwan"):
			return "wwan", true
		}
	}
	switch text, err := s.Tree.Text(dir + "/type"); {
	case err != nil:
		return "", true
	case text == "1": // ARPHRD_ETHER
		return "ethernet", true
	}
	return "", false
}

// address: empty where it is none, or not the adapter's own.
func address(text string) string {
	text = drive.Clean([]byte(text))
	if strings.Trim(text, "0:") == "" {
		return ""
	}
	return text
}

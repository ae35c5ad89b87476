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
}

// networkKind of an interface, empty where the kernel does not say. What carries no
// network of its own (a tunnel, CAN, FireWire) is none.
func (s *survey) networkKind(dir string) (kind string, network bool) {
	for _, wireless := range []string{"/phy80211", "/wireless"} {
		if has, err := s.tree.Has(dir + wireless); has && err == nil {
			return "wifi", true
		}
	}
	if uevent, err := s.tree.Text(dir + "/uevent"); err == nil {
		switch {
		case strings.Contains(uevent, "DEVTYPE=wlan"):
			return "wifi", true
		case strings.Contains(uevent, "DEVTYPE=wwan"):
			return "wwan", true
		}
	}
	switch text, err := s.tree.Text(dir + "/type"); {
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

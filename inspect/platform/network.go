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
		kind := s.networkKind("sys/class/net/" + n.Name)
		if kind == "" {
			continue
		}
		s.r.Network = append(s.r.Network, inspect.NIC{Name: drive.Clean([]byte(n.Name)), MAC: address(n.MACAddress), Kind: kind})
	}
}

// networkKind: ” for what carries no network of its own (a tunnel, CAN, FireWire).
func (s *survey) networkKind(dir string) string {
	if has, _ := s.tree.Has(dir + "/phy80211"); has {
		return "wifi"
	}
	if has, _ := s.tree.Has(dir + "/wireless"); has {
		return "wifi"
	}
	if uevent, err := s.tree.Text(dir + "/uevent"); err == nil {
		switch {
		case strings.Contains(uevent, "DEVTYPE=wlan"):
			return "wifi"
		case strings.Contains(uevent, "DEVTYPE=wwan"):
			return "wwan"
		}
	}
	// ARPHRD_ETHER is 1; a modem in raw IP mode has 519 or 65534 and DEVTYPE wwan.
	if text, err := s.tree.Text(dir + "/type"); err == nil && text == "1" {
		return "ethernet"
	}
	return ""
}

// address: empty where it is none, or not the adapter's own.
func address(text string) string {
	text = drive.Clean([]byte(text))
	if strings.Trim(text, "0:") == "" {
		return ""
	}
	return text
}

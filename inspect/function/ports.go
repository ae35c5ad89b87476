package function

import (
	"fmt"
	"strings"
)

// PortTest counts the USB sockets of a machine in which something has appeared.
type PortTest struct {
	before map[string]string // socket to what was in it at the start
	used   map[string]bool   // sockets in which something appeared
	// outer sockets, which the firmware says can be reached; none: it does not say, and
	// each counts that is not said to be inside.
	outer map[string]bool
}

// usbDevices of /sys. A socket of USB 3 is two ports, one on each bus, which are peers
// of each other (Documentation/ABI/testing/sysfs-bus-usb).
const usbDevices = "bus/usb/devices/"

// NewPortTest looks at the sockets of a /sys. The stick that the machine was started
// from, by its device's name there ('1-2'), shows that its socket works.
func NewPortTest(sys, stick string) (*PortTest, error) {
	p := &PortTest{used: map[string]bool{}, outer: outerSockets(sysfs(sys))}
	now, err := p.occupied(sysfs(sys))
	if err != nil {
		return nil, err
	}
	p.before = now
	for socket, device := range now {
		if device == stick {
			p.used[socket] = true
		}
	}
	return p, nil
}

// Look again.
func (p *PortTest) Look(sys string) error {
	now, err := p.occupied(sysfs(sys))
	if err != nil {
		return err
	}
	for socket := range now {
		if p.before[socket] == "" {
			p.used[socket] = true
		}
	}
	p.before = now
	return nil
}

// Count of the sockets in which something appeared.
func (p *PortTest) Count() int { return len(p.used) }

// Sockets that the firmware says can be reached from outside; 0: it does not say.
func (p *PortTest) Sockets() int { return len(p.outer) }

// Whole: the firmware says how many sockets there are, and something appeared in each.
func (p *PortTest) Whole() bool { return p.Sockets() > 0 && p.Count() >= p.Sockets() }

// Evidence for the record.
func (p *PortTest) Evidence() string {
	if p.Sockets() > 0 {
		return fmt.Sprintf("something appeared in %d of %d USB ports", len(p.used), p.Sockets())
	}
	return fmt.Sprintf("something appeared in %d USB ports; how many there are is not told", len(p.used))
}

// occupied sockets that count, and the device in each.
func (p *PortTest) occupied(fs sysfs) (map[string]string, error) {
	names, err := fs.list(usbDevices)
	if err != nil {
		return nil, fmt.Errorf("the machine's USB ports can't be read: %w", err)
	}
	in := map[string]string{}
	for _, name := range names {
		if !strings.Contains(name, "-") || strings.Contains(name, ":") || !outside(fs, name) {
			continue
		}
		if at := socket(fs, name); at != "" && (len(p.outer) == 0 || p.outer[at]) {
			in[at] = name
		}
	}
	return in, nil
}

// outside: the device was plugged into the machine itself, and not into a hub that was.
func outside(fs sysfs, name string) bool {
	if fs.text(usbDevices+name+"/removable") == "fixed" || fs.text(usbDevices+name+"/port/connect_type") == "hardwired" {
		return false
	}
	for hub := name; strings.Contains(hub, "."); {
		hub = hub[:strings.LastIndex(hub, ".")]
		if fs.text(usbDevices+hub+"/removable") != "fixed" {
			return false
		}
	}
	return true
}

// socket that a device is in; empty: the kernel has not told it yet, which it does a
// moment after it shows the device (drivers/usb/core/hub.c).
func socket(fs sysfs, device string) string {
	port := fs.target(usbDevices + device + "/port")
	if port == "" {
		return ""
	}
	return first(port, fs.target(usbDevices+device+"/port/peer"))
}

// first of a port and its peer by name: what both are called.
func first(port, peer string) string {
	if peer != "" && peer < port {
		return peer
	}
	return port
}

// outerSockets are those that the firmware says can be reached (ACPI _UPC, by which the
// kernel calls a port 'hotplug'). A hub's ports lie in its interface.
func outerSockets(fs sysfs) map[string]bool {
	found := map[string]bool{}
	names, _ := fs.list(usbDevices) // occupied says if they can't be read
	for _, name := range names {
		if !strings.Contains(name, ":") {
			continue
		}
		ports, _ := fs.list(usbDevices + name)
		for _, port := range ports {
			if at := usbDevices + name + "/" + port; fs.text(at+"/connect_type") == "hotplug" {
				found[first(port, fs.target(at+"/peer"))] = true
			}
		}
	}
	return found
}

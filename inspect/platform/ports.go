package platform

import "handback.example/inspect"

// maxPorts, and as many slots: no board has as many.
const maxPorts = 64

// ports on the outside (7.9): those that have a connector or a name there.
func (s *survey) ports() {
	const usbC, none, inside = 0x23, 0x00, 0x20 // connector, connector, port type SATA
	for _, t := range s.table {
		if t.kind != typePort || len(s.r.Ports) >= maxPorts || t.byte(0x08) == inside {
			continue
		}
		p := inspect.Port{Name: clean(t.text(0x06)), Kind: portKinds[t.byte(0x08)]}
		if t.byte(0x07) == usbC || p.Kind == "" {
			p.Kind = connectors[t.byte(0x07)]
		}
		if p.Kind != "" && (t.byte(0x07) != none || p.Name != "" && t.byte(0x05) == none) {
			s.r.Ports = append(s.r.Ports, p)
		}
	}
}

// portKinds by 7.9.3, connectors by 7.9.2.
var (
	portKinds = map[byte]string{0x10: "USB", 0x1c: "video", 0x1d: "audio", 0x1e: "modem", 0x1f: "network", 0x20: "SATA", 0x21: "SAS", 0x22: "MFDP", 0x23: "Thunderbolt",
		0x0d: "keyboard", 0x0e: "mouse", 0x11: "FireWire", 0x09: "serial", 0x08: "serial", 0x05: "parallel"}
	connectors = map[byte]string{0x0b: "RJ-45", 0x12: "USB", 0x1f: "audio jack", 0x0f: "PS/2", 0x22: "SATA", 0x23: "USB-C", 0x07: "D-sub 15"}
)

// slots for cards on the board (7.10) of a kind that is still built.
func (s *survey) slots() {
	const source = "SMBIOS type 9"
	for _, t := range s.table {
		kind := slotKind(t.byte(0x05))
		if t.kind != typeSlot || kind == "" || len(s.r.Slots) >= maxPorts {
			continue
		}
		slot := inspect.Slot{Name: clean(t.text(0x04)), Kind: kind}
		switch t.byte(0x07) { // 7.10.3
		case 3:
			slot.InUse = inspect.Known(false, source)
		case 4:
			slot.InUse = inspect.Known(true, source)
		default:
			slot.InUse = inspect.Unknown[bool](source, "the firmware does not say")
		}
		s.r.Slots = append(s.r.Slots, slot)
	}
}

// slotKind by 7.10.1.
func slotKind(code byte) string {
	switch {
	case code == 0x06 || code == 0x0e || code == 0x12:
		return "PCI"
	case code >= 0x14 && code <= 0x17:
		return "M.2"
	case code >= 0x18 && code <= 0x1e:
		return "MXM"
	case code == 0x1f || code == 0x20 || code == 0x24 || code == 0x25:
		return "U.2"
	case code >= 0x21 && code <= 0x23:
		return "PCI Express Mini"
	case code >= 0xa5 && code <= 0xc4:
		return "PCI Express"
	}
	return ""
}

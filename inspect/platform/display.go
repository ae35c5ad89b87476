package platform

import (
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// displays that are connected and give an EDID. The kernel has them only where a
// driver of the graphics runs; a machine with a screen of its own that shows none
// is noted.
func (s *survey) displays() {
	const dir = "sys/class/drm/"
	names, err := s.Tree.List(dir)
	for _, name := range names {
		status, err := s.Tree.Text(dir + name + "/status")
		if err != nil || status != "connected" {
			continue
		}
		connector := drive.Clean([]byte(withoutCard(name)))
		raw, err := s.Tree.Bytes(dir+name+"/edid", maxEDID)
		if err != nil || len(raw) == 0 {
			s.missing("display "+connector, "it gives no EDID")
			continue
		}
		d, err := parseEDID(raw)
		if err != nil {
			s.missing("display "+connector, err.Error())
			continue
		}
		d.Connector, d.Internal = connector, internalConnector(connector)
		if d.Problem != "" {
			s.missing("display "+connector, d.Problem)
		}
		s.r.Displays = append(s.r.Displays, d)
	}
	kind := s.r.Machine.Kind.Value
	if own := portable(kind) || kind == inspect.KindAllInOne; own && len(s.r.Displays) == 0 {
		why := "the kernel runs no graphics driver that shows it"
		if err != nil {
			why = because(err)
		}
		s.missing("built-in display", why)
	}
}

// withoutCard: 'card0-eDP-1' is 'eDP-1'.
func withoutCard(name string) string {
	if card, connector, ok := strings.Cut(name, "-"); ok && strings.HasPrefix(card, "card") {
		return connector
	}
	return name
}

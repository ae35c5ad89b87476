package platform

import (
	"slices"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

const firmwareSettings = "sys/class/firmware-attributes/"

// assetTagSettings are how makers name the tag among their firmware's settings: Dell
// (dell-wmi-sysman), HP (hp-bioscfg), others.
var assetTagSettings = []string{"Asset", "Asset Tag", "AssetTag", "Asset Tracking Number"}

// assetTag as the firmware's own setting has it, else as its table has it, which
// follows the setting only at the next start. It can be removed where the kernel lets
// the setting be written and no password guards it.
func (s *survey) assetTag() inspect.Residue {
	r := inspect.Residue{Item: "asset tag in the firmware", State: inspect.ResidueUnknown}
	const byHand = ": clear it in the firmware's set-up"
	if name, value, ok := s.assetTagSetting(); ok {
		tag := drive.Clean([]byte(strings.TrimSpace(string(value))))
		switch admin := s.r.Firmware.AdminPassword; {
		case tag == "":
			r.State, r.Evidence = inspect.ResidueAbsent, "the setting '"+name+"' is empty"
		case admin.Known && admin.Value:
			r.State, r.Evidence = inspect.ResiduePresent, "'"+tag+"', behind an administrator's password"+byHand
		default:
			r.State, r.Evidence = inspect.ResiduePresent, "'"+tag+"'"
			r.Removable = []inspect.Leftover{leftover(inspect.LeftAssetTag, name, tag, value)}
		}
		return r
	}
	switch tag := s.r.Machine.AssetTag; {
	case tag.Known:
		r.State, r.Evidence = inspect.ResiduePresent, "'"+tag.Value+"'"+byHand
	case len(s.table) > 0:
		r.State, r.Evidence = inspect.ResidueAbsent, tag.Why
	default:
		r.Evidence = "the firmware's table could not be read"
	}
	return r
}

// assetTagSetting gives the setting that holds a text for the tag, as 'driver/name',
// and what stands in it.
func (s *survey) assetTagSetting() (name string, value []byte, ok bool) {
	drivers, _ := s.Tree.List(firmwareSettings)
	for _, driver := range drivers {
		settings, _ := s.Tree.List(firmwareSettings + driver + "/attributes")
		for _, setting := range settings {
			if !slices.Contains(assetTagSettings, setting) {
				continue
			}
			of := firmwareSettings + driver + "/attributes/" + setting
			if kind, err := s.Tree.Text(of + "/type"); err != nil || kind != "string" {
				continue
			}
			if b, err := s.Tree.Bytes(of+"/current_value", maxSetting); err == nil {
				return driver + "/" + setting, b, true
			}
		}
	}
	return "", nil, false
}

// maxSetting: sysfs gives a page.
const maxSetting = 4 << 10

package nvme

import (
	"maps"
	"slices"
)

// place is which page a claim stands in.
type place int

const (
	inController place = iota
	inSanitizeLog
	inNamespace
)

// field of a page that may lie.
type field struct {
	page       place
	off, bytes int
}

// claimable are the fields that Config.Claims may set: of Identify Controller
// (Base 2.0, figure 275), of log 81h (figure 268) and of Identify Namespace (NVM
// 1.0, figure 97).
var claimable = map[string]field{
	"vid": {inController, 0, 2}, "ssvid": {inController, 2, 2}, "cmic": {inController, 76, 1},
	"mdts": {inController, idMDTS, 1}, "cntlid": {inController, 78, 2}, "ver": {inController, idVER, 4},
	"oaes": {inController, 92, 4}, "ctratt": {inController, 96, 4}, "bpcap": {inController, 102, 1},
	"oacs": {inController, idOACS, 2}, "frmw": {inController, 260, 1}, "lpa": {inController, 261, 1},
	"wctemp": {inController, 266, 2}, "cctemp": {inController, 268, 2},
	"tnvmcap": {inController, 280, 8}, "unvmcap": {inController, 296, 8},
	"rpmbs": {inController, 312, 4}, "kas": {inController, 320, 2}, "sanicap": {inController, idSANICAP, 4},
	"nn": {inController, 516, 4}, "oncs": {inController, idONCS, 2}, "fna": {inController, idFNA, 1},
	"vwc": {inController, 525, 1}, "nwpc": {inController, 531, 1}, "sgls": {inController, 536, 4},
	"mnan": {inController, 540, 4},

	"sprog": {inSanitizeLog, 0, 2}, "sstat": {inSanitizeLog, 2, 2}, "scdw10": {inSanitizeLog, 4, 4},
	"eto": {inSanitizeLog, 8, 4}, "etbe": {inSanitizeLog, 12, 4}, "etce": {inSanitizeLog, 16, 4},

	"nsze": {inNamespace, 0, 8}, "ncap": {inNamespace, 8, 8}, "nuse": {inNamespace, 16, 8},
	"fpi": {inNamespace, 32, 1}, "dlfeat": {inNamespace, 33, 1},
}

// Claimable are the names that Config.Claims knows, sorted.
func Claimable() []string { return slices.Sorted(maps.Keys(claimable)) }

// claim puts the lies of a page into it.
func (d *Drive) claim(p []byte, page place) {
	for name, v := range d.cfg.Claims {
		f := claimable[name]
		if f.page != page {
			continue
		}
		for i := range f.bytes {
			p[f.off+i] = byte(v >> (8 * i))
		}
	}
}

package capture

import (
	"path"
	"slices"
	"strings"

	"handback.example/inspect/drive"
	"handback.example/inspect/internal/tree"
)

// replaced looks for every name that was met in all that is kept: a serial number
// stands in many places.
func (c concealer) replaced(a archive) archive {
	// Names of the tree are names too, and are met here.
	for _, name := range sortedNames(a.tree) {
		c.name(name)
		for _, entry := range a.tree[name].names {
			c.name(path.Join(name, entry))
		}
	}
	c.words = c.kernelWords(a.tree)
	all, firmware := c.everywhere().Replace, c.inFirmware().Replace
	name := func(p string) string {
		if ofKernel(p) {
			return c.name(p)
		}
		return all(c.name(p))
	}
	out := archive{manifest: a.manifest, tree: map[string]*node{}, machine: a.machine}
	for p, n := range a.tree {
		was := n.data
		if p == firmwareTable || strings.HasSuffix(path.Dir(p), firmwareTexts) {
			n.data = []byte(firmware(string(was)))
		} else {
			n.data = []byte(all(string(was)))
		}
		if path.Base(p) == "edid" && len(n.data) >= 128 {
			mend(was[:128], n.data[:128])
		}
		if n.entry.Kind == tree.Link {
			switch t := n.entry.Target; {
			case path.IsAbs(t):
				n.entry.Target = name(t)
			case ofKernel(p): // the parts that climb stay
				n.entry.Target = strings.TrimPrefix(name("/sys/"+t), "/sys/")
			default:
				n.entry.Target = all(t)
			}
		}
		for i, entry := range n.names {
			n.names[i] = path.Base(name(path.Join(p, entry)))
		}
		slices.Sort(n.names)
		for _, f := range []*failure{n.gone, n.unread, n.unnamed, n.deviceNo} {
			if f != nil {
				f.Text = all(f.Text)
			}
		}
		out.tree[name(p)] = n
	}
	if a := a.machine.AMT; a != nil {
		a.Error = all(a.Error)
	}
	for _, d := range a.drives {
		out.drives = append(out.drives, replacedDrive(d, all))
	}
	for i, w := range out.manifest.Withheld {
		out.manifest.Withheld[i] = name(w)
	}
	return out
}

func replacedDrive(d *driveRecord, all func(string) string) *driveRecord {
	text := all
	if slices.ContainsFunc(d.commands, func(x *exchange) bool { return x.Protocol == drive.ProtocolSCSI }) {
		text = func(s string) string { return all(senseText(s)) }
	}
	d.Unopened, d.Unidentified = text(d.Unopened), text(d.Unidentified)
	if d.Contents != nil {
		v := *d.Contents
		v.Problems = slices.Clone(v.Problems)
		for i, p := range v.Problems {
			v.Problems[i] = text(p)
		}
		d.Contents = &v
	}
	for _, x := range d.commands {
		was := x.Data
		x.Data, x.Error = []byte(all(string(was))), text(x.Error)
		if x.Protocol == drive.ProtocolSCSI { // that of an eMMC is the states of the card
			x.Sense = []byte(all(string(x.Sense)))
		}
		if at := identifyIn(x); at >= 0 && len(was) >= at+512 && sum(was[at:at+512]) == 0 {
			mend(was[at:at+512], x.Data[at:at+512])
		}
	}
	return d
}

// identifyIn is where IDENTIFY DEVICE data stands in an answer, -1 where there is none.
func identifyIn(x *exchange) int {
	switch f := x.Frame; {
	case x.Protocol != drive.ProtocolSCSI || len(f) < 6:
	case f[0] == 0x12 && f[1]&1 != 0 && f[2] == 0x89:
		return 60
	case f[0] == 0x85 && len(f) == 16 && f[14] == 0xec, f[0] == 0xa1 && len(f) == 12 && f[9] == 0xec, f[0] == 0x7f && len(f) == 32 && f[25] == 0xec:
		return 0
	}
	return -1
}

// mend the last byte of b so that it adds up to what it did before.
func mend(was, b []byte) {
	if len(b) > 0 && len(was) == len(b) {
		b[len(b)-1] += sum(was) - sum(b)
	}
}

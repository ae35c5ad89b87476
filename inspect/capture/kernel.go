package capture

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"handback.example/inspect/internal/tree"
)

// ofKernel: the kernel names what lies there, but for what is replaced by name.
func ofKernel(p string) bool {
	return strings.HasPrefix(p, "/sys/") || strings.HasPrefix(p, "/proc/")
}

var (
	// hardwareAddress in a name that the kernel made of it.
	hardwareAddress = regexp.MustCompile(`(?i)\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b`)
	// macName is an interface's that udev made of its permanent address
	// (systemd.net-naming-scheme(7)); what 'address' says may be a random one.
	macName = regexp.MustCompile(`\b(?:en|wl|ww)x[0-9a-f]{12}\b`)
	// netPart is the name of an interface, or of a radio.
	netPart = regexp.MustCompile(`/(?:net|ieee80211)/[^/]+`)
	// kernelsShape has a name that the kernel or udev gave, or that goes by a number as a
	// rule: it says of what kind an interface is and where it is plugged in. Any other a
	// person gave it.
	kernelsShape = regexp.MustCompile(strings.ReplaceAll(`^(?:lo|bonding_masters`+
		`|(?:eth|wlan|wwan|usb|ib|can|vcan|slcan|vxcan|br|docker|virbr|lxcbr|lxdbr|vnet|veth|tun|tap|bond|team|dummy|ifb|vlan|macvlan|macvtap|ipvlan|vxlan|geneve|wg`+
		`|sit|ip6tnl|tunl|gre|gretap|erspan|ip6gre|ip_vti|ip6_vti|ppp|sl|bnep|nlmon|rmnet|mhi_hwip|mhi_swip|thunderbolt|firewire|phy|em)#|p#p#`+
		`|(?:en|wl|ww)x[0-9a-f]{12}`+
		`|(?:en|ib|mc|sl|wl|ww)(?:[obdvX]#|(?:P#)?(?:p#)?s#(?:f#)?(?:[uci]#)*)(?:[dvr]#|np?#|npf#(?:vf#)?){0,2}`+
		`)(?:\.#)?$`, "#", "[0-9]{1,5}"))
	// hidBattery of a keyboard, a mouse, a pen: its serial number is in its name
	// (drivers/hid/hid-input.c, hid-steam.c).
	hidBattery = regexp.MustCompile(`/power_supply/(?:hid|steam-controller)-[^/]+-battery`)
	// volumes are folders whose entries are named by the UUIDs of file systems.
	volumes = regexp.MustCompile(`^/sys/fs/[a-z0-9]+/`)
	uuid    = regexp.MustCompile(`(?i)\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
	// efiVariable is a name and the GUID of its namespace.
	efiVariable = regexp.MustCompile(`^` + efiVars + `/(.+)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
)

// publicNamespaces of EFI variables have names that a standard or a system gives. In
// any other there may be one that is made of a hardware address or of a network.
var publicNamespaces = []string{
	"8be4df61-93ca-11d2-aa0d-00e098032b8c", "d719b2cb-3d3a-4596-a3bc-dad00e67656f", // UEFI 2.10, 3.3 and 32.6.1
	"77fa9abd-0359-4d32-bd60-28f4e78f784b", "eaec226f-c9a3-477a-a826-ddc716cdc0e3", // Windows
	"4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", "cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0", // systemd, the kernel's crashes
	"36c28ab5-6566-4c50-9ebd-cbb920f83843", "605dab50-e046-4300-abb6-3dd810dd8b23", // Apple, shim
}

// name of an entry of the tree.
func (c concealer) name(p string) string {
	if !ofKernel(p) {
		return c.path(p)
	}
	if strings.HasPrefix(p, "/sys/") {
		p = netPart.ReplaceAllStringFunc(p, func(s string) string {
			at := strings.LastIndexByte(s, '/') + 1
			return s[:at] + c.netName(s[at:])
		})
	}
	p = hardwareAddress.ReplaceAllStringFunc(p, c.text)
	p = macName.ReplaceAllStringFunc(p, func(s string) string { return s[:3] + c.text(s[3:]) })
	p = hidBattery.ReplaceAllStringFunc(p, func(s string) string {
		if hardwareAddress.MatchString(s) {
			return s
		}
		end := strings.LastIndex(s, "-battery")
		start := strings.Index(s, "-") + 1
		if rest, ok := strings.CutPrefix(s[start:end], "controller-"); ok {
			start = end - len(rest)
		}
		return s[:start] + c.text(s[start:end]) + s[end:]
	})
	if volumes.MatchString(p) {
		p = uuid.ReplaceAllStringFunc(p, c.text)
	}
	// Such a name is looked for nowhere else: 'Custom' is one too.
	if v := efiVariable.FindStringSubmatch(p); v != nil && !slices.Contains(publicNamespaces, v[2]) {
		p = path.Join(efiVars, c.substitute(v[1])+"-"+v[2])
	}
	return p
}

// netName of an interface. One that udev made of an address stays here, and the address
// in it is replaced like any other.
func (c concealer) netName(name string) string {
	if kernelsShape.MatchString(name) {
		return name
	}
	return c.text(name)
}

// isKernels: a name is the kernel's of an interface, or has one that udev made.
func isKernels(name string) bool { return kernelsShape.MatchString(name) || macName.MatchString(name) }

// kernelWords are the names that the kernel gives to what was recorded, what it says
// of it in words and short numbers, and the names of makers.
func (c concealer) kernelWords(all map[string]*node) string {
	words := map[string]bool{}
	of := func(p string) {
		if !ofKernel(p) {
			return
		}
		kept := strings.Split(c.name(p), "/")
		for i, part := range strings.Split(p, "/") {
			if i < len(kept) && kept[i] == part {
				words[part] = true
			}
		}
	}
	for p, n := range all {
		of(p)
		for _, entry := range n.names {
			of(path.Join(p, entry))
		}
		if n.entry.Kind == tree.Link && ofKernel(p) && !path.IsAbs(n.entry.Target) {
			of("/sys/" + n.entry.Target)
		}
		for line := range strings.Lines(kernelText(p, string(n.data))) { // each processor says the same
			words[strings.TrimSpace(line)] = true
		}
	}
	for _, name := range publicNames {
		words[name] = true
	}
	var text strings.Builder
	for word := range words {
		text.WriteString(lower(word) + "\n")
	}
	return text.String()
}

// makers are the attributes that name one.
var makers = []string{"vendor", "manufacturer", "sys_vendor", "bios_vendor", "board_vendor", "chassis_vendor"}

// maxWord is how long a number may be that the kernel has for a class or a type: a
// longer one may be the name of a thing.
const maxWord = 8

// kernelText is what the kernel says in a file, without what names one thing.
func kernelText(name, text string) string {
	base, dir := path.Base(name), path.Dir(name)
	switch {
	case slices.Contains(makers, base), name == "/proc/cpuinfo", name == "/proc/meminfo":
		return text
	case !strings.HasPrefix(name, "/sys/"), strings.HasSuffix(dir, firmwareTexts), dir == efiVars, strings.HasPrefix(name, firmwareSettings),
		isName(base), base == "backing_file", base == "cid", slices.Contains(kinds, base):
		return ""
	case base == "uevent":
		return string(withoutLines([]byte(text), "INTERFACE="))
	case slices.Contains(chosen, base), len(strings.TrimSpace(text)) <= maxWord:
		if tame(base, []byte(text)) {
			return strings.TrimSpace(text)
		}
	}
	return ""
}

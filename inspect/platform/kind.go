package platform

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// kinds by the enclosure's type (SMBIOS 7.4.1). What is left out says too little:
// 'Other', a docking station, an expansion box. A 'Hand Held' of x86 is a small
// tablet; in a 'Detachable' the computer stands behind the screen.
var kinds = map[byte]string{
	0x03: inspect.KindDesktop, 0x04: inspect.KindDesktop, 0x05: inspect.KindDesktop, 0x06: inspect.KindDesktop, 0x07: inspect.KindDesktop,
	0x0f: inspect.KindDesktop, 0x18: inspect.KindDesktop,
	0x08: inspect.KindLaptop, 0x09: inspect.KindLaptop, 0x0a: inspect.KindLaptop, 0x0e: inspect.KindLaptop,
	0x0d: inspect.KindAllInOne, 0x22: inspect.KindMiniPC, 0x23: inspect.KindMiniPC, 0x24: inspect.KindStickPC,
	0x0b: inspect.KindTablet, 0x1e: inspect.KindTablet, 0x20: inspect.KindTablet, 0x1f: inspect.KindConvertible,
	0x11: inspect.KindServer, 0x17: inspect.KindServer, 0x19: inspect.KindServer, 0x1c: inspect.KindServer, 0x1d: inspect.KindServer,
}

// portable kinds run on a battery and have a screen of their own.
func portable(kind string) bool {
	return kind == inspect.KindLaptop || kind == inspect.KindConvertible || kind == inspect.KindTablet
}

// identity is what the firmware says of the machine, clean and without
// placeholders, as the rules by name read it.
type identity struct {
	maker      string
	names      string // model, version, family, parted by ' | '
	boardMaker string
	board      string
	cpu        string
}

// kind of the machine: what its maker calls it, then its enclosure, then what it
// is built from. Where these leave a doubt it is unknown, because a desktop's
// battery is never asked about, and a tablet is not opened like a laptop.
func (s *survey) kind(virtual inspect.Fact[bool]) inspect.Fact[string] {
	if virtual.Known && virtual.Value {
		return inspect.Known(inspect.KindVirtual, virtual.Source)
	}
	source, code := s.enclosure()
	k := judgeKind(s.identity(), source, code)
	switch own := s.ownScreen(); {
	case k.Known && (portable(k.Value) || strings.HasPrefix(k.Source, bySourceName)):
		return k
	case len(s.r.Battery) > 0 && own:
		return inspect.Known(inspect.KindLaptop, "a battery and a screen of its own, where the firmware says too little")
	case !k.Known:
		return k
	case len(s.r.Battery) > 0:
		return inspect.Unknown[string](source, "the firmware says "+k.Value+", but a battery is fitted")
	case own && k.Value != inspect.KindAllInOne:
		return inspect.Unknown[string](source, "the firmware says "+k.Value+", but it has a screen of its own: an all-in-one, or a laptop without its battery")
	}
	return k
}

// bySourceName begins the source of a kind that was told by a name.
const bySourceName = "named "

// judgeKind is pure: the same firmware gives the same kind everywhere.
func judgeKind(id identity, source string, code byte) inspect.Fact[string] {
	kind, ok := kinds[code]
	if word, named := nameKind(id, kind); named != "" {
		return inspect.Known(named, bySourceName+"'"+word+"'")
	}
	switch {
	case ok:
		return inspect.Known(kind, source)
	case serverCPU.MatchString(id.cpu):
		return inspect.Known(inspect.KindServer, "its processor is a server's; the firmware does not say what it is")
	case code == 0:
		return inspect.Unknown[string](source, "the firmware does not say what it is")
	}
	return inspect.Unknown[string](source, fmt.Sprintf("the firmware gives enclosure type %d, which says too little", code))
}

// identity by the table, or by what the kernel took out of it.
func (s *survey) identity() identity {
	m := &s.r.Machine
	var names []string
	for _, f := range []inspect.Fact[string]{m.Model, m.Version, m.Family} {
		if f.Known {
			names = append(names, f.Value)
		}
	}
	board, _ := first(s.table, typeBoard)
	cpu, _ := first(s.table, typeCPU)
	return identity{maker: m.Maker.Value, names: strings.Join(names, " | "), boardMaker: clean(board.text(0x04)), board: clean(board.text(0x05)), cpu: clean(cpu.text(0x10))}
}

// ownScreen: a panel hangs on a connector that only leads to built-in ones.
func (s *survey) ownScreen() bool {
	const dir = "sys/class/drm/"
	names, err := s.Tree.List(dir)
	if err != nil {
		return false
	}
	for _, name := range names {
		if status, err := s.Tree.Text(dir + name + "/status"); err == nil && status == "connected" && internalConnector(withoutCard(name)) {
			return true
		}
	}
	return false
}

// internalConnector: eDP, LVDS and DSI lead to panels inside.
func internalConnector(name string) bool {
	for _, bus := range []string{"eDP", "LVDS", "DSI"} {
		if strings.HasPrefix(name, bus) {
			return true
		}
	}
	return false
}

// enclosure type: bit 7 only says that it has a lock.
func (s *survey) enclosure() (string, byte) {
	if e, ok := first(s.table, typeCase); ok {
		return "SMBIOS type 3", e.byte(0x05) & 0x7f
	}
	n, err := strconv.ParseUint(s.chassis, 10, 8)
	if err != nil {
		return "sysfs dmi/id", 0
	}
	return "sysfs dmi/id", byte(n) & 0x7f
}

// virtualName is how hypervisors call their machines in SMBIOS types 0 to 3, as
// words of their own: VMware writes 'VMware7,1'. SeaBIOS is no sign, some real
// machines start from it.
var virtualName = regexp.MustCompile(`(?i)\b(qemu|bochs|kvm|virtualbox|innotek|xen|hvm domu|parallels|bhyve|openstack|amazon ec2|` +
	`google compute engine|virtual machine|virtual platform|ahv|ovirt|red hat|cloud hypervisor|firecracker)\b|\bvmware`)

// hypervisor looks at the CPU and at SMBIOS. 'No' needs both: either can be told
// to hide it.
func (s *survey) hypervisor() inspect.Fact[bool] {
	flags, cpuErr := s.cpuFlags()
	if cpuErr == nil && flags["hypervisor"] {
		return inspect.Known(true, "CPUID")
	}
	if has, err := s.Tree.Has("sys/hypervisor/type"); has && err == nil {
		return inspect.Known(true, "sysfs hypervisor")
	}
	name, smbios := s.firmwareVirtual()
	switch {
	case name != "":
		return inspect.Known(true, "SMBIOS: "+name)
	case s.virtualTable() && cpuErr == nil:
		// Some real machines were delivered so.
		return inspect.Unknown[bool]("SMBIOS type 0", "the firmware calls itself a virtual machine's, but the processor shows no hypervisor")
	case s.virtualTable():
		return inspect.Known(true, "SMBIOS type 0")
	case cpuErr != nil:
		return inspect.Unknown[bool]("CPUID", "the processor's flags: "+because(cpuErr))
	case !smbios:
		return inspect.Unknown[bool]("SMBIOS", "the processor shows no hypervisor, but the firmware's names could not be read")
	}
	return inspect.Known(false, "CPUID and SMBIOS")
}

// firmwareVirtual gives what names a hypervisor in the firmware's tables, and
// whether they could be read at all.
func (s *survey) firmwareVirtual() (name string, read bool) {
	var texts []string
	for _, t := range s.table {
		if t.kind <= typeCase {
			texts = append(texts, drive.Clean(t.text(0x04)), drive.Clean(t.text(0x05)))
		}
	}
	read = len(s.table) > 0
	if !read {
		for _, file := range []string{"sys_vendor", "product_name", "board_vendor", "bios_vendor"} {
			if text, err := s.Tree.Text("sys/class/dmi/id/" + file); err == nil {
				texts, read = append(texts, drive.Clean([]byte(text))), true
			}
		}
	}
	for _, text := range texts {
		if virtualName.MatchString(text) {
			return text, true
		}
	}
	return "", read
}

// virtualTable: the firmware says that the table describes a virtual machine (7.1.2.2).
func (s *survey) virtualTable() bool {
	bios, _ := first(s.table, typeBIOS)
	return bios.byte(0x13)&0x10 != 0
}

// cpuFlags of the first processor. On a processor without them (not x86) that is
// an error: nothing can be said of a hypervisor.
func (s *survey) cpuFlags() (map[string]bool, error) {
	text, err := s.Tree.Text("proc/cpuinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "flags" {
			flags := map[string]bool{}
			for f := range strings.FieldsSeq(value) {
				flags[f] = true
			}
			return flags, nil
		}
	}
	return nil, fmt.Errorf("/proc/cpuinfo lists none")
}

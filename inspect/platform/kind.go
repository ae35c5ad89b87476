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
// 'Other', 'Hand Held', a docking station, an expansion box.
var kinds = map[byte]string{
	0x03: "desktop", 0x04: "desktop", 0x05: "desktop", 0x06: "desktop", 0x07: "desktop", 0x0f: "desktop", 0x18: "desktop",
	0x08: "laptop", 0x09: "laptop", 0x0a: "laptop", 0x0e: "laptop",
	0x0d: "all-in-one", 0x22: "mini-pc", 0x23: "mini-pc", 0x24: "stick-pc",
	0x1e: "tablet", 0x1f: "convertible", 0x20: "convertible",
	0x11: "server", 0x17: "server", 0x19: "server", 0x1c: "server", 0x1d: "server",
}

// portable kinds run on a battery and have a screen of their own.
func portable(kind string) bool {
	return kind == "laptop" || kind == "convertible" || kind == "tablet"
}

// kind of the machine. The makers of cheap laptops leave the enclosure at
// 'Desktop': a battery says otherwise, and then the kind is unknown, because a
// desktop's battery is never asked about.
func (s *survey) kind(virtual inspect.Fact[bool]) inspect.Fact[string] {
	if virtual.Known && virtual.Value {
		return inspect.Known("virtual", virtual.Source)
	}
	source, code := s.enclosure()
	kind, ok := kinds[code]
	switch {
	case !ok && code == 0:
		return inspect.Unknown[string](source, "the firmware does not say what it is")
	case !ok:
		return inspect.Unknown[string](source, fmt.Sprintf("the firmware gives enclosure type %d, which says too little", code))
	case !portable(kind) && len(s.r.Battery) > 0:
		return inspect.Unknown[string](source, "the firmware says "+kind+", but a battery is fitted")
	}
	return inspect.Known(kind, source)
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
	if has, err := s.tree.Has("sys/hypervisor/type"); has && err == nil {
		return inspect.Known(true, "sysfs hypervisor")
	}
	name, smbios := s.firmwareVirtual()
	switch {
	case name != "":
		return inspect.Known(true, "SMBIOS: "+name)
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
		if t.kind == typeBIOS && t.byte(0x13)&0x10 != 0 { // 7.1.2.2
			return "the table is a virtual machine's", true
		}
		if t.kind <= typeCase {
			texts = append(texts, drive.Clean(t.text(0x04)), drive.Clean(t.text(0x05)))
		}
	}
	read = len(s.table) > 0
	if !read {
		for _, file := range []string{"sys_vendor", "product_name", "board_vendor", "bios_vendor"} {
			if text, err := s.tree.Text("sys/class/dmi/id/" + file); err == nil {
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

// cpuFlags of the first processor. On a processor without them (not x86) that is
// an error: nothing can be said of a hypervisor.
func (s *survey) cpuFlags() (map[string]bool, error) {
	text, err := s.tree.Text("proc/cpuinfo")
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

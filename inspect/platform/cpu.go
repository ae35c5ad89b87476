package platform

import (
	"strconv"
	"strings"

	"github.com/jaypipes/ghw"

	"handback.example/inspect"
)

// cpu of the first package.
func (s *survey) cpu() {
	const source = "/proc/cpuinfo"
	why := "the kernel does not give it"
	info, err := ask(s, ghw.CPU)
	if err != nil {
		why = err.Error()
	}
	unknown := inspect.Unknown[int](source, why)
	s.r.CPU = inspect.CPU{Model: inspect.Unknown[string](source, why), Cores: unknown, Threads: unknown}
	defer s.cpuFamily()
	if err != nil || len(info.Processors) == 0 {
		s.missing("processor cores", why)
		return
	}
	p := info.Processors[0]
	s.r.CPU.Model = word(p.Model, source)
	// Without the topology ghw puts every thread into one core numbered -1.
	if len(p.Cores) == 0 || p.Cores[0].ID < 0 || p.TotalCores > 4096 || p.TotalHardwareThreads > 1<<16 {
		s.missing("processor cores", "the kernel does not give them")
		return
	}
	s.r.CPU.Cores = inspect.Known(int(p.TotalCores), "sysfs")
	s.r.CPU.Threads = inspect.Known(int(p.TotalHardwareThreads), "sysfs")
}

// cpuFamily closes what the model's name and CPUID tell together.
func (s *survey) cpuFamily() {
	c := &s.r.CPU
	id, err := s.cpuID()
	if err == nil && !c.Model.Known && id.name != "" {
		c.Model = named([]byte(id.name), "/proc/cpuinfo")
	}
	if !c.Model.Known {
		s.missing("processor model", c.Model.Why)
	}
	if c.Family = cpuFamily(c.Model); err != nil {
		c.Windows11 = inspect.Unknown[bool]("CPUID", because(err))
		s.missing("whether Windows 11 supports the processor", c.Windows11.Why)
		return
	}
	c.Windows11 = windows11(id, c.Model.Value)
	if c.Cores.Known && c.Cores.Value < 2 && c.Windows11.Value {
		c.Windows11 = inspect.Known(false, "it has one core, and Windows 11 needs two")
	}
	if !c.Windows11.Known {
		s.missing("whether Windows 11 supports the processor", c.Windows11.Why)
	}
}

// cpuID is the processor's own identity (CPUID leaf 1), with its extended fields
// folded in, as the kernel and the makers count.
type cpuID struct {
	vendor                  string
	family, model, stepping int
	name                    string // as the kernel gives it
}

const errNoCPUID = plainError("/proc/cpuinfo does not give it")

// cpuID of the first processor by /proc/cpuinfo.
func (s *survey) cpuID() (id cpuID, err error) {
	text, err := s.Tree.Text("proc/cpuinfo")
	if err != nil {
		return id, err
	}
	id.family, id.model, id.stepping = -1, -1, -1
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); value == "" && strings.TrimSpace(line) == "" {
			break // the next processor
		}
		switch strings.TrimSpace(name) {
		case "vendor_id":
			id.vendor = value
		case "model name":
			id.name = value
		case "cpu family":
			id.family = small(value)
		case "model":
			id.model = small(value)
		case "stepping":
			id.stepping = small(value)
		}
	}
	if id.vendor == "" || id.family < 0 || id.model < 0 || id.stepping < 0 {
		return cpuID{}, errNoCPUID
	}
	return id, nil
}

// small number, or -1 where it is none.
func small(text string) int {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return -1
	}
	return int(n)
}

// Intel's and AMD's names, which carry their generation.
var (
	coreName  = words(`\bCore\(TM\) ?(i[3579]|m[357]?)(?:[- ]| CPU )(?:\w )?(\d{3,5}|\d[yY]\d\d)`)
	ultraName = words(`\bCore\(TM\) (Ultra [3579]|[3579]) (?:processor )?(\d)\d\d[A-Z]`)
	ryzenName = words(`\bRyzen (Threadripper|[3579]) ?(PRO )?(\d)\d\d\d`)
	aiName    = words(`\bRyzen AI (?:Max\+? )?(?:[579] )?(?:PRO |HX |HX PRO )?(\d)\d\d\b`)
)

// otherFamilies carry no generation in their names.
var otherFamilies = []string{"Threadripper", "EPYC", "Xeon", "Atom", "Celeron", "Pentium", "Athlon", "Phenom", "Opteron", "Sempron", "Turion", "Core(TM)2", "FX"}

// cpuFamily as its maker names it.
func cpuFamily(name inspect.Fact[string]) inspect.Fact[string] {
	const source = "the processor's name"
	if !name.Known {
		return inspect.Unknown[string](source, name.Why)
	}
	if m := coreName.FindStringSubmatch(name.Value); m != nil {
		return inspect.Known("Core "+strings.ToLower(m[1])+", "+ordinal(coreGeneration(m[2]))+" generation", source)
	}
	if m := ultraName.FindStringSubmatch(name.Value); m != nil {
		return inspect.Known("Core "+m[1]+", series "+m[2], source)
	}
	if m := aiName.FindStringSubmatch(name.Value); m != nil {
		return inspect.Known("Ryzen AI, "+m[1]+"00 series", source)
	}
	if m := ryzenName.FindStringSubmatch(name.Value); m != nil {
		return inspect.Known("Ryzen "+m[1]+" "+m[2]+m[3]+"000 series", source)
	}
	for _, f := range otherFamilies {
		if strings.Contains(name.Value, f) {
			return inspect.Known(strings.ReplaceAll(f, "(TM)", " "), source)
		}
	}
	return inspect.Unknown[string](source, "the name '"+name.Value+"' is of no family that is known here")
}

// coreGeneration: three digits are the first, four begin with it, five with two of it.
func coreGeneration(number string) int {
	switch n, _ := strconv.Atoi(number[:min(2, len(number))]); {
	case len(number) == 3:
		return 1
	case len(number) == 5:
		return n
	case number[0] == '1' && len(number) == 4: // '1065G7': five digits less one
		return n
	}
	return int(number[0] - '0')
}

func ordinal(n int) string {
	switch n {
	case 1:
		return "1st"
	case 2:
		return "2nd"
	case 3:
		return "3rd"
	}
	return strconv.Itoa(n) + "th"
}

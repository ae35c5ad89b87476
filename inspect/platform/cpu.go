package platform

import (
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
	if err != nil || len(info.Processors) == 0 {
		s.missing("processor", why)
		return
	}
	p := info.Processors[0]
	if s.r.CPU.Model = word(p.Model, source); !s.r.CPU.Model.Known {
		s.missing("processor model", s.r.CPU.Model.Why)
	}
	// Without the topology ghw puts every thread into one core numbered -1.
	if len(p.Cores) == 0 || p.Cores[0].ID < 0 || p.TotalCores > 4096 || p.TotalHardwareThreads > 1<<16 {
		s.missing("processor cores", "the kernel does not give them")
		return
	}
	s.r.CPU.Cores = inspect.Known(int(p.TotalCores), "sysfs")
	s.r.CPU.Threads = inspect.Known(int(p.TotalHardwareThreads), "sysfs")
}

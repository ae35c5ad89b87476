package grade

import (
	"fmt"
	"strings"

	"handback.example/grade/policy"
	"handback.example/inspect"
)

// windowsCriterion: Windows 11 asks for a supported processor of two cores,
// 4 GB, 64 GB, UEFI with Secure Boot, and TPM 2.0. Redeploy needs all of it as
// the machine stands; Remanufacture will do with what a firmware setting or a
// part can give; Donate does without (a maintained Linux).
func windowsCriterion(r *inspect.Report, p policy.Policy) criterion {
	c := criterion{Seen: Seen{Name: "Windows 11", Value: "unknown"}, donate: pass,
		need: "out of reach, Windows 11 does not support this processor", find: "find out whether Windows 11 supports the processor"}
	if r == nil {
		return c
	}
	cpu := processorSupported(r, p)
	settings, words := bootSettings(r)
	parts := worse(hasMemory(r.Memory.Bytes, p.Windows.MemoryGB), hasStorage(r, p.Windows.StorageGB))
	tpm := tpm2(r)
	c.remanufacture = worse(cpu, tpm)
	c.redeploy = worse(worse(c.remanufacture, settings), parts)
	c.Known = c.redeploy != unknown
	switch {
	case truth(r.CPU.Windows11) == fail:
		c.Value = "not eligible: processor, by " + r.CPU.Windows11.Source
	case cpu == fail:
		c.Value = fmt.Sprintf("not eligible: processor with fewer than %d cores", p.Windows.Cores)
	case tpm == fail:
		c.Value, c.need = "not eligible: no TPM 2.0 was seen", "turn the TPM on in the firmware setup, if it has one"
	case c.redeploy == pass:
		c.Value = "eligible"
	case c.remanufacture == pass && settings == fail:
		c.Value, c.need = "by a firmware setting: "+words, "in the firmware setup, "+words
	case c.remanufacture == pass && parts == fail:
		c.Value, c.need = "with more memory or storage", "fit more memory or a larger drive"
	case cpu == pass:
		c.find = "find out: TPM, Secure Boot, memory and storage for Windows 11"
	}
	return c
}

func processorSupported(r *inspect.Report, p policy.Policy) verdict {
	v := truth(r.CPU.Windows11)
	if v != pass {
		return v
	}
	return worse(v, atLeast(r.CPU.Cores, p.Windows.Cores))
}

// bootSettings: what can be turned on in the firmware setup.
func bootSettings(r *inspect.Report) (verdict, string) {
	uefi, sb := truth(r.Firmware.UEFI), truth(r.Firmware.SecureBoot)
	var do []string
	if uefi == fail {
		do = append(do, "start by UEFI")
	}
	if sb == fail || uefi == fail {
		do = append(do, "turn Secure Boot on")
	}
	return worse(uefi, sb), strings.Join(do, " and ")
}

func tpm2(r *inspect.Report) verdict {
	if v := truth(r.TPM.Present); v != pass {
		return v
	}
	if !r.TPM.Version.Known {
		return unknown
	}
	return check(strings.HasPrefix(r.TPM.Version.Value, "2."))
}

func truth(f inspect.Fact[bool]) verdict {
	if !f.Known {
		return unknown
	}
	return check(f.Value)
}

// roleCriterion: redeployed machines go to somebody, so one role must fit.
func roleCriterion(in Input, p policy.Policy) criterion {
	c := criterion{Seen: Seen{Name: "role", Value: "none fits"}, remanufacture: pass, donate: pass,
		need: "fit what the smallest role needs", find: "find out memory, storage and battery for a role"}
	name, v := roleFor(in.Report, p)
	c.redeploy, c.Known = v, v != unknown
	switch v {
	case pass:
		c.Value = name
	case unknown:
		c.Value = "unknown"
	}
	return c
}

func role(in Input, p policy.Policy) string {
	name, _ := roleFor(in.Report, p)
	return name
}

// roleFor gives the first role that fits for certain: the policy lists the most
// demanding first.
func roleFor(r *inspect.Report, p policy.Policy) (string, verdict) {
	best := fail
	for _, ro := range p.Roles {
		switch fits(r, ro) {
		case pass:
			return ro.Name, pass
		case unknown:
			best = unknown
		}
	}
	return "", best
}

func fits(r *inspect.Report, ro policy.Role) verdict {
	if r == nil {
		return unknown
	}
	v := worse(hasMemory(r.Memory.Bytes, ro.MemoryGB), hasStorage(r, ro.StorageGB))
	if ro.BatteryPct > 0 {
		v = worse(v, bestBattery(r, ro.BatteryPct))
	}
	if ro.WWAN {
		v = worse(v, truth(r.Devices.WWAN))
	}
	if ro.GPU == "discrete" {
		v = worse(v, discrete(r))
	}
	return v
}

// bestBattery: every pack must have it; no pack was seen is not known.
func bestBattery(r *inspect.Report, pct int) verdict {
	if len(r.Battery) == 0 {
		return unknown
	}
	v := pass
	for _, b := range r.Battery {
		v = worse(v, atLeast(b.HealthPct, pct))
	}
	return v
}

// discrete: a maker that builds graphics beside another's processor. A name that
// says neither is unknown.
func discrete(r *inspect.Report) verdict {
	for _, g := range r.GPU {
		l := strings.ToLower(g)
		if strings.Contains(l, "nvidia") || strings.Contains(l, "radeon pro") || strings.Contains(l, "radeon rx") {
			return pass
		}
	}
	return unknown
}

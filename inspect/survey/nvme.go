package survey

import (
	"context"
	"fmt"
	"strings"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/nvme"
	"handback.example/inspect/health"
)

// nvme asks a controller and one namespace what decides about techniques.
func (s survey) nvme(ctx context.Context, d *subject, dev drive.Transport) {
	facts := &inspect.NVMe{Controller: d.controller(), Transport: d.disk.Transport}
	selfTests := false
	if b, err := get(ctx, dev, nvme.IdentifyController()); err != nil {
		d.problem("Identify Controller: %v", err)
	} else if c, err := nvme.ParseController(b); err != nil {
		d.problem("Identify Controller: %v", err)
	} else {
		const source = "Identify Controller"
		facts.Format, facts.FNA = inspect.Known(c.Format(), source), inspect.Known(c.FNA, source)
		facts.SANICAP = inspect.Known(c.SANICAP, source)
		units, _ := c.RPMB()
		facts.RPMB = inspect.Known(units > 0, source)
		selfTests = c.SelfTest()
		nvmeSanitize(ctx, d, dev, c, facts)
		s.namespaces(ctx, d, dev, c, facts)
	}
	facts.BootBytes = bootBytes(ctx, dev)
	if b, err := get(ctx, dev, nvme.IdentifyNamespace(d.Identity.Namespace)); err != nil {
		d.problem("Identify Namespace: %v", err)
	} else if n, err := nvme.ParseNamespace(b); err != nil {
		d.problem("Identify Namespace: %v", err)
	} else {
		const source = "Identify Namespace"
		facts.LBAFormat, facts.MetadataBytes = inspect.Known(n.Format, source), inspect.Known(n.Metadata, source)
		if n.Bytes() != d.Identity.Size {
			d.problem("its namespace has %d bytes, of which the kernel shows %d", n.Bytes(), d.Identity.Size)
		}
	}
	d.NVMe = facts
	d.Health = nvmeHealth(ctx, d, dev, selfTests)
}

// nvmeSanitize is what the drive says of its most recent sanitize, and how long one
// takes.
func nvmeSanitize(ctx context.Context, d *subject, dev drive.Transport, c nvme.Controller, facts *inspect.NVMe) {
	const source = "NVMe log 81h"
	if c.SANICAP&nvme.SanicapAny == 0 {
		facts.SanitizeState = inspect.Unknown[string](source, "the controller has no Sanitize")
		return
	}
	b, err := get(ctx, dev, nvme.SanitizeLog())
	var l nvme.Sanitize
	if err == nil {
		l, err = nvme.ParseSanitize(b)
	}
	if err != nil {
		d.problem("whether it is being sanitized could not be read: %v", err)
		facts.SanitizeState = inspect.Unknown[string](source, err.Error())
		return
	}
	facts.SanitizeState = inspect.Unknown[string](source, fmt.Sprintf("status %d has no name here", l.State))
	if word := map[nvme.SanitizeState]string{nvme.SanitizeNever: inspect.SanitizeIdle, nvme.SanitizeDone: inspect.SanitizeIdle,
		nvme.SanitizeDeallocated: inspect.SanitizeIdle, nvme.SanitizeRunning: inspect.SanitizeRunning, nvme.SanitizeFailed: inspect.SanitizeFailed}[l.State]; word != "" {
		facts.SanitizeState = inspect.Known(word, source)
	}
	facts.BlockTime, facts.CryptoTime = estimated(l.Estimate(nvme.ActionBlock), source), estimated(l.Estimate(nvme.ActionCrypto), source)
	facts.OverwriteTime = estimated(l.Estimate(nvme.ActionOverwrite|1<<4), source) // one pass
}

func estimated(t time.Duration, source string) inspect.Fact[time.Duration] {
	if t == 0 {
		return inspect.Unknown[time.Duration](source, "the drive does not say")
	}
	return inspect.Known(t, source)
}

// bootBytes of both boot partitions. How big they are stands in a property (BPINFO)
// that a host can't read past the kernel; the log page that repeats it is optional.
func bootBytes(ctx context.Context, dev drive.Transport) inspect.Fact[int64] {
	const source = "NVMe log 15h"
	b, err := get(ctx, dev, nvme.BootLog())
	var n int64
	if err == nil {
		n, err = nvme.ParseBootLog(b)
	}
	if err != nil {
		return inspect.Unknown[int64](source, "whether it has boot partitions is not told: "+err.Error())
	}
	return inspect.Known(n, source)
}

// controller is the path of the controller's device node.
func (d *subject) controller() string {
	if i := strings.LastIndexByte(d.disk.Controller, '/'); i >= 0 {
		return "/dev/" + d.disk.Controller[i+1:]
	}
	return ""
}

// namespaces counts the active and the unattached. Only a controller with
// namespace management has any that are not attached.
func (s survey) namespaces(ctx context.Context, d *subject, dev drive.Transport, c nvme.Controller, facts *inspect.NVMe) {
	active, err := namespaceList(ctx, dev, nvme.ActiveNamespaces)
	if err != nil {
		const source = "active namespace ID list"
		facts.Namespaces = inspect.Unknown[int](source, err.Error())
		facts.Unattached = inspect.Unknown[int](source, err.Error())
		if refused(err) && !c.Management() && c.NN == 1 {
			// Older than the list (before 1.1), and made for a single one.
			facts.Namespaces, facts.Unattached = inspect.Known(1, "Identify Controller NN"), inspect.Known(0, "OACS: no namespace management")
		}
		if !refused(err) {
			d.problem("%s: %v", source, err)
		}
		return
	}
	d.namespaces = active
	facts.Namespaces = inspect.Known(len(active), "active namespace ID list")
	if !c.Management() {
		facts.Unattached = inspect.Known(0, "OACS: no namespace management")
		return
	}
	allocated, err := namespaceList(ctx, dev, nvme.AllocatedNamespaces)
	if err != nil {
		facts.Unattached = inspect.Unknown[int]("allocated namespace ID list", err.Error())
		d.problem("whether it has namespaces that are not attached could not be read: %v", err)
		return
	}
	attached := map[uint32]bool{}
	for _, id := range active {
		attached[id] = true
	}
	hidden := 0
	for _, id := range allocated {
		if !attached[id] {
			hidden++
		}
	}
	facts.Unattached = inspect.Known(hidden, "allocated namespace ID list")
}

// listsMax: a controller that names more than 16384 namespaces is not believed.
const listsMax = 16

// namespaceList reads a list that goes on in another one when it is full.
func namespaceList(ctx context.Context, dev drive.Transport, ask func(after uint32) drive.Command) ([]uint32, error) {
	all := []uint32{}
	after := uint32(0)
	for range listsMax {
		b, err := get(ctx, dev, ask(after))
		if err != nil {
			return nil, err
		}
		ids, err := nvme.ParseNamespaceList(b)
		if err != nil {
			return nil, err
		}
		if len(ids) > 0 && ids[0] <= after {
			return nil, fmt.Errorf("the list after namespace %d begins with %d", after, ids[0])
		}
		all = append(all, ids...)
		if len(ids) < 1024 {
			return all, nil
		}
		after = ids[len(ids)-1]
	}
	return nil, fmt.Errorf("the list of namespaces has no end")
}

// nvmeHealth reads the health log, and the self-test log where the controller has one.
func nvmeHealth(ctx context.Context, d *subject, dev drive.Transport, selfTests bool) inspect.Health {
	b, err := get(ctx, dev, nvme.SMARTLog())
	var logs health.NVMe
	if err == nil {
		logs.SMART, err = nvme.ParseSMART(b)
	}
	if err != nil {
		d.problem("its health log could not be read: %v", err)
		return inspect.Health{Verdict: inspect.Unknown[string]("NVMe log 02h", err.Error())}
	}
	if selfTests {
		if b, err := get(ctx, dev, nvme.SelfTestLog()); err == nil {
			logs.SelfTests, err = nvme.ParseSelfTests(b)
			logs.SelfTestsKnown = err == nil
		}
	}
	return health.JudgeNVMe(logs)
}

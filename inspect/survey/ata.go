package survey

import (
	"context"
	"errors"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/health"
)

// ata asks an ATA drive what decides about techniques.
func (s survey) ata(ctx context.Context, d *subject, dev drive.Transport) {
	b, err := get(ctx, dev, ata.IdentifyDevice())
	var id ata.Identify
	if err == nil {
		id, err = ata.ParseIdentify(b)
	}
	if err != nil {
		d.problem("IDENTIFY DEVICE: %v", err)
		d.Health.Verdict = inspect.Unknown[string]("SMART", "the drive did not answer IDENTIFY DEVICE")
		return
	}
	d.ATA = ataFacts(ctx, d, dev, id)
	d.Health = ataHealth(ctx, d, dev, id)
}

// ataFacts are what decides about techniques. A drive that sanitizes itself or is
// locked refuses most questions: what it does not answer stays unknown.
func ataFacts(ctx context.Context, d *subject, dev drive.Transport, id ata.Identify) *inspect.ATA {
	facts := &inspect.ATA{Security: inspect.Known(id.Security, "IDENTIFY word 128"),
		Sanitize:  inspect.Unknown[uint16]("IDENTIFY word 59", "the word says nothing"),
		AMA:       inspect.Known(id.AMA, "IDENTIFY word 119"),
		EraseTime: eraseTime(id.Erase, "IDENTIFY word 89"), EnhancedTime: eraseTime(id.EraseEnhanced, "IDENTIFY word 90")}
	if id.SanitizeKnown {
		facts.Sanitize = inspect.Known(id.Sanitize, "IDENTIFY word 59")
	}
	facts.SanitizeState = sanitizeState(ctx, d, dev, id)
	facts.NativeMax, facts.Hidden = nativeMax(ctx, d, dev, id)
	facts.DCOMax = dcoMax(ctx, d, dev, id)
	shown := max(id.Bytes(), facts.NativeMax.Value)
	if facts.DCOMax.Known && id.Bytes() > 0 && facts.DCOMax.Value > shown {
		d.problem("it has %d bytes more than it shows: a device configuration overlay (DCO) hides them", facts.DCOMax.Value-shown)
		facts.Hidden = inspect.Known(true, dcoIdentify)
	}
	return facts
}

func eraseTime(t ata.Time, source string) inspect.Fact[time.Duration] {
	took, known := t.Known()
	switch {
	case known:
		return inspect.Known(took, source)
	case took == 0:
		return inspect.Unknown[time.Duration](source, "the drive does not say how long it takes")
	}
	return inspect.Unknown[time.Duration](source, "it takes longer than the word can say: more than "+(took-2*time.Minute).String())
}

// sanitizeState asks whether a sanitize runs, has failed or is frozen. A drive whose
// status is aborted is in the one state that aborts it: its last sanitize failed.
func sanitizeState(ctx context.Context, d *subject, dev drive.Transport, id ata.Identify) inspect.Fact[string] {
	const source = "SANITIZE STATUS EXT"
	if !id.SanitizeKnown || id.Sanitize&ata.SanitizeSupported == 0 {
		return inspect.Unknown[string](source, "the drive does not say that it can sanitize itself")
	}
	done, err := dev.Do(ctx, ata.SanitizeStatusExt())
	sense := done.Sense
	var status *drive.StatusError
	if errors.As(err, &status) {
		sense = status.Sense
	} else if err != nil {
		d.problem("%s: %v", source, err)
		return inspect.Unknown[string](source, err.Error())
	}
	s, err := ata.ParseSanitize(sense)
	var refused *ata.SanitizeError
	switch {
	case errors.As(err, &refused) && refused.Reason == ata.SanitizeReasonFailed:
		return inspect.Known(inspect.SanitizeFailed, source)
	case err != nil:
		return inspect.Unknown[string](source, err.Error())
	case s.Running:
		return inspect.Known(inspect.SanitizeRunning, source)
	case s.Frozen:
		return inspect.Known(inspect.SanitizeFrozen, source)
	}
	return inspect.Known(inspect.SanitizeIdle, source)
}

// nativeQuestion is how a drive is asked for its native size.
type nativeQuestion struct {
	name    string
	command drive.Command
	ext     bool // the answer has 48 bits
}

func askNative(id ata.Identify) (nativeQuestion, bool) {
	switch {
	case id.AMA:
		return nativeQuestion{"GET NATIVE MAX ADDRESS EXT", ata.GetNativeMaxExt(), true}, true
	case id.HPA && id.LBA48:
		return nativeQuestion{"READ NATIVE MAX ADDRESS EXT", ata.ReadNativeMaxExt(), true}, true
	case id.HPA:
		return nativeQuestion{"READ NATIVE MAX ADDRESS", ata.ReadNativeMax(), false}, true
	}
	return nativeQuestion{name: "READ NATIVE MAX ADDRESS EXT"}, false
}

// nativeMax reads how large the drive is with its hidden area. Sense data of fixed
// format holds only the low 24 bits of the address; they can show that there is a
// hidden area, never that there is none.
func nativeMax(ctx context.Context, d *subject, dev drive.Transport, id ata.Identify) (native inspect.Fact[int64], hidden inspect.Fact[bool]) {
	ask, can := askNative(id)
	unknown := func(why string) (inspect.Fact[int64], inspect.Fact[bool]) {
		if !hidden.Known {
			hidden = inspect.Unknown[bool](ask.name, why)
		}
		return inspect.Unknown[int64](ask.name, why), hidden
	}
	if !can {
		return unknown("the drive has neither a Host Protected Area nor an Accessible Max Address; other ways to hide capacity can't be asked for")
	}
	done, err := dev.Do(ctx, ask.command)
	if err != nil {
		if !refused(err) {
			d.problem("%s: %v", ask.name, err)
		}
		return unknown(err.Error())
	}
	r, err := ata.ParseRegisters(done.Sense)
	switch {
	case err != nil:
		return unknown(err.Error())
	case r.Failed():
		return unknown("the drive refused the command")
	}
	const low = 1<<24 - 1
	last, whole := r.LBA, !r.Cut && (r.Extend || id.Sectors <= low)
	if !ask.ext {
		last, whole = r.LBA28(), true
	}
	if id.Sectors > 0 && (last&low != (id.Sectors-1)&low || whole && last != id.Sectors-1) {
		d.problem("it has a hidden area (%s): its native size is not the one that it shows", areaName(id))
		hidden = inspect.Known(true, ask.name)
	}
	if !whole {
		return unknown("the host adapter gives only the low 24 bits of the address")
	}
	if last >= 1<<48-1 || id.LogicalSector <= 0 {
		return unknown("the address makes no sense")
	}
	if !hidden.Known {
		hidden = inspect.Unknown[bool](ask.name, "nothing by this command; there are other ways to hide capacity")
	}
	return inspect.Known(int64(last+1)*int64(id.LogicalSector), ask.name), hidden
}

func areaName(id ata.Identify) string {
	if id.AMA {
		return "AMA"
	}
	return "HPA"
}

const dcoIdentify = "DEVICE CONFIGURATION IDENTIFY"

// dcoMax reads how large the drive is without its overlay. A firmware may have
// frozen the overlay: then the drive does not tell.
func dcoMax(ctx context.Context, d *subject, dev drive.Transport, id ata.Identify) inspect.Fact[int64] {
	if !id.DCO {
		return inspect.Unknown[int64](dcoIdentify, "the drive says that it has no device configuration overlay")
	}
	b, err := get(ctx, dev, ata.DCOIdentify())
	if err != nil {
		if !refused(err) {
			d.problem("%s: %v", dcoIdentify, err)
		}
		return inspect.Unknown[int64](dcoIdentify, err.Error())
	}
	last, err := ata.ParseOverlay(b)
	switch {
	case err != nil:
		return inspect.Unknown[int64](dcoIdentify, err.Error())
	case id.LogicalSector <= 0 || last >= 1<<48-1:
		return inspect.Unknown[int64](dcoIdentify, "the address makes no sense")
	}
	return inspect.Known(int64(last+1)*int64(id.LogicalSector), dcoIdentify)
}

// ataHealth reads what package health judges by. What a drive refuses is absent.
func ataHealth(ctx context.Context, d *subject, dev drive.Transport, id ata.Identify) inspect.Health {
	unknown := func(why string) inspect.Health {
		return inspect.Health{Verdict: inspect.Unknown[string]("SMART", why)}
	}
	switch {
	case !id.SMART:
		return unknown("the drive has no SMART")
	case !id.SMARTEnabled:
		return unknown("SMART is switched off in the drive")
	}
	logs := health.ATA{Media: id.Media(), LogicalSector: id.LogicalSector}
	logs.Failing, logs.StatusKnown = smartStatus(ctx, dev)
	var err error
	if logs.Attributes, err = smartAttributes(ctx, dev); err != nil && !refused(err) {
		d.problem("SMART READ DATA: %v", err)
		return health.JudgeATA(logs) // it no longer answers, or not with what was asked for
	}
	if b, err := get(ctx, dev, ata.SelfTestLog()); err == nil {
		logs.SelfTests, err = ata.ParseSelfTests(b)
		logs.SelfTestsKnown = err == nil
	}
	if id.Logs {
		logs.Statistics = statistics(ctx, dev)
	}
	return health.JudgeATA(logs)
}

// statistics of the drive; those of a page that it refuses are not valid.
func statistics(ctx context.Context, dev drive.Transport) ata.Statistics {
	var s ata.Statistics
	list, err := get(ctx, dev, ata.DeviceStatistics(ata.StatisticsList))
	if err != nil {
		return s
	}
	pages, err := ata.StatisticsPages(list)
	if err != nil {
		return s
	}
	for _, page := range pages {
		if b, err := get(ctx, dev, ata.DeviceStatistics(page)); err == nil {
			_ = s.Parse(b, page) // a page that is none leaves its statistics not valid
		}
	}
	return s
}

func smartStatus(ctx context.Context, dev drive.Transport) (failing, known bool) {
	done, err := dev.Do(ctx, ata.SMARTReturnStatus())
	if err != nil {
		return false, false
	}
	r, err := ata.ParseRegisters(done.Sense)
	if err != nil {
		return false, false
	}
	return r.SMARTFailing()
}

func smartAttributes(ctx context.Context, dev drive.Transport) ([]ata.Attribute, error) {
	data, err := get(ctx, dev, ata.SMARTReadData())
	if err != nil {
		return nil, err
	}
	thresholds, err := get(ctx, dev, ata.SMARTReadThresholds())
	if err != nil {
		if !refused(err) {
			return nil, err
		}
		thresholds = nil // obsolete: new drives may refuse it
	}
	return ata.ParseSMART(data, thresholds)
}

package survey

import (
	"context"
	"errors"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
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
	facts := &inspect.ATA{Security: inspect.Known(id.Security, "IDENTIFY word 128"),
		Sanitize: inspect.Unknown[uint16]("IDENTIFY word 59", "the word says nothing")}
	if id.SanitizeKnown {
		facts.Sanitize = inspect.Known(id.Sanitize, "IDENTIFY word 59")
	}
	facts.NativeMax, facts.Hidden = nativeMax(ctx, d, dev, id)
	d.ATA = facts
	d.Health = ataHealth(ctx, d, dev, id)
}

// nativeMax reads how large the drive is with its hidden area. Sense data of fixed
// format holds only the low 24 bits of the address; they can show that there is a
// hidden area, never that there is none.
func nativeMax(ctx context.Context, d *subject, dev drive.Transport, id ata.Identify) (native inspect.Fact[int64], hidden inspect.Fact[bool]) {
	const source = "READ NATIVE MAX ADDRESS EXT"
	unknown := func(why string) (inspect.Fact[int64], inspect.Fact[bool]) {
		if !hidden.Known {
			hidden = inspect.Unknown[bool](source, why)
		}
		return inspect.Unknown[int64](source, why), hidden
	}
	if !id.HPA || !id.LBA48 {
		return unknown("the drive has no Host Protected Area feature; other ways to hide capacity are not read by this version")
	}
	done, err := dev.Do(ctx, ata.ReadNativeMaxExt())
	if err != nil {
		if !refused(err) {
			d.problem("%s: %v", source, err)
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
	whole := !r.Cut && (r.Extend || id.Sectors <= low)
	if id.Sectors > 0 && (r.LBA&low != (id.Sectors-1)&low || whole && r.LBA != id.Sectors-1) {
		d.problem("it has a hidden area (HPA): its native size is not the one that it shows")
		hidden = inspect.Known(true, source)
	}
	if !whole {
		return unknown("the host adapter gives only the low 24 bits of the address")
	}
	if r.LBA >= 1<<48-1 || id.LogicalSector <= 0 {
		return unknown("the address makes no sense")
	}
	if !hidden.Known {
		hidden = inspect.Unknown[bool](source, "nothing by this command; there are other ways to hide capacity")
	}
	return inspect.Known(int64(r.LBA+1)*int64(id.LogicalSector), source), hidden
}

// ataHealth reads SMART. 'Good' needs the drive's own word and counters that could
// be read; 'failing' is the drive's own word or a threshold that it set; 'worn' is
// any sector that it lost or may lose.
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
	failing, known := smartStatus(ctx, dev)
	attributes, err := smartAttributes(ctx, dev)
	if err != nil {
		if !refused(err) {
			d.problem("SMART READ DATA: %v", err)
		}
		h := unknown("its SMART data could not be read: " + err.Error())
		if failing && known {
			h.Verdict = inspect.Known("failing", "SMART RETURN STATUS")
		}
		return h
	}
	return judge(attributes, failing, known)
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

var errRaw = errors.New("the maker's own format")

// hot are attributes of temperature: their thresholds tell of the place that a
// drive is in, not of the drive.
var hot = map[byte]bool{190: true, ata.AttrTemperature: true}

func judge(attributes []ata.Attribute, failing, known bool) inspect.Health {
	h := inspect.Health{
		PowerOnH:      inspect.Unknown[int64]("SMART 9", "the drive does not count it"),
		Realloc:       inspect.Unknown[int64]("SMART 5", "the drive does not count it"),
		Pending:       inspect.Unknown[int64]("SMART 197", "the drive does not count it"),
		Uncorrectable: inspect.Unknown[int64]("SMART 198", "the drive does not count it"),
		WrittenB:      inspect.Unknown[float64]("SMART 241", "each maker counts it in another unit"),
		TempC:         inspect.Unknown[int]("SMART 194", "the drive does not say"),
	}
	odd, below, old := false, false, false
	for _, a := range attributes {
		if a.Below() && !hot[a.ID] {
			below, old = below || a.Prefail, true
		}
		counter := func(f *inspect.Fact[int64]) {
			n, err := count(a.Raw)
			if err != nil {
				f.Why, odd = err.Error(), true
				return
			}
			*f = inspect.Known(n, f.Source)
		}
		switch a.ID {
		case ata.AttrReallocated:
			counter(&h.Realloc)
		case ata.AttrPending:
			counter(&h.Pending)
		case ata.AttrOffline:
			counter(&h.Uncorrectable)
		case ata.AttrPowerOnHours:
			h.PowerOnH = hours(float64(a.Raw&0xffffff), "SMART 9") // the rest are minutes or seconds
		case ata.AttrTemperature:
			h.TempC = celsius(int(a.Raw&0xff), "SMART 194")
		}
	}
	h.Verdict = inspect.Known("good", "SMART")
	switch {
	case failing && known || below:
		h.Verdict.Value = "failing"
	case old || h.Realloc.Value > 0 || h.Pending.Value > 0 || h.Uncorrectable.Value > 0:
		h.Verdict.Value = "worn"
	case !known:
		h.Verdict = inspect.Unknown[string]("SMART RETURN STATUS", "the drive's own verdict could not be read")
	case odd:
		h.Verdict = inspect.Unknown[string]("SMART", "its counts of bad sectors are in its maker's own format")
	}
	return h
}

// count of sectors: makers put other things above the low 32 bits.
func count(raw uint64) (int64, error) {
	if raw > 1<<32-1 {
		return 0, errRaw
	}
	return int64(raw), nil
}

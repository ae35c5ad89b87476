package survey

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/scsi"
	"handback.example/inspect/health"
)

// Commands that are asked for: operation code, and service action of SANITIZE.
const (
	opFormatUnit            = 0x04
	opSanitize              = 0x48
	sanitizeActionOverwrite = 0x01
	sanitizeActionBlock     = 0x02
	sanitizeActionCrypto    = 0x03
)

// scsi asks a drive that speaks SCSI by itself what decides about techniques. One
// behind a SAT layer is an ATA drive, and is asked as such.
func (s survey) scsi(ctx context.Context, d *subject, dev drive.Transport) {
	if !d.Identity.Inner {
		d.Health.Verdict = inspect.Unknown[string]("", "a bridge stands before the drive: its own logs can't be had")
		d.problem("an ATA drive may stand behind it that can't be asked: nothing is known of its own commands")
		return
	}
	d.SCSI = &inspect.SCSI{
		SanitizeBlock:     scsiHas(ctx, d, dev, opSanitize, sanitizeActionBlock),
		SanitizeCrypto:    scsiHas(ctx, d, dev, opSanitize, sanitizeActionCrypto),
		SanitizeOverwrite: scsiHas(ctx, d, dev, opSanitize, sanitizeActionOverwrite),
		FormatUnit:        scsiHas(ctx, d, dev, opFormatUnit, scsi.NoAction),
		SanitizeState:     scsiState(ctx, d, dev),
		// A drive tells it only by being made to show all.
		MaxBytes: inspect.Unknown[int64]("MODE SENSE", "no command tells what MODE SELECT hides"),
	}
	d.Health = scsiHealth(ctx, dev, d.Identity.Media)
	const source = "READ CAPACITY(16)"
	b, err := got(ctx, dev, scsi.ReadCapacity())
	var k scsi.Capacity
	if err == nil {
		k, err = scsi.ParseCapacity(b)
	}
	if err != nil {
		d.SCSI.Protected = inspect.Unknown[bool](source, err.Error())
		return
	}
	d.SCSI.Protected = inspect.Known(k.Protected, source)
}

// got sends a command that reads, and gives what came of its data. A unit attention
// tells of something that was before: the command is sent again.
func got(ctx context.Context, t drive.Transport, c drive.Command) ([]byte, error) {
	for again := 0; ; again++ {
		done, err := t.Do(ctx, c)
		var status *drive.StatusError
		if errors.As(err, &status) && again < attentionsMax {
			if s, ok := scsi.ParseSense(status.Sense); ok && s.Activity() == scsi.Attention {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		return c.Data[:max(0, len(c.Data)-done.Residual)], nil
	}
}

// attentionsMax: so often in a row a drive may tell of something that was before.
const attentionsMax = 8

func scsiHas(ctx context.Context, d *subject, dev drive.Transport, code byte, action int) inspect.Fact[bool] {
	const source = "REPORT SUPPORTED OPERATION CODES"
	b, err := got(ctx, dev, scsi.SupportedOperation(code, action))
	var has scsi.Support
	if err == nil {
		has, err = scsi.ParseSupport(b, code)
	}
	if err == nil {
		return inspect.Known(has.Supported, source)
	}
	if !refused(err) {
		d.problem("whether it has command %02xh could not be read: %v", code, err)
	}
	return inspect.Unknown[bool](source, err.Error())
}

// scsiState by REQUEST SENSE: what goes on, and what failed.
func scsiState(ctx context.Context, d *subject, dev drive.Transport) inspect.Fact[string] {
	const source = "REQUEST SENSE"
	for range attentionsMax {
		b, err := got(ctx, dev, scsi.RequestSense())
		if err != nil {
			d.problem("whether a sanitize runs could not be read: %v", err)
			return inspect.Unknown[string](source, err.Error())
		}
		s, ok := scsi.ParseSense(b)
		if !ok {
			return inspect.Unknown[string](source, "the drive gives no sense data that can be read")
		}
		switch s.Activity() {
		case scsi.Attention:
			continue
		case scsi.ActivitySanitize:
			return inspect.Known(inspect.SanitizeRunning, source)
		case scsi.SanitizeFailed:
			return inspect.Known(inspect.SanitizeFailed, source)
		case scsi.ActivityFormat:
			d.problem("it is being formatted")
		case scsi.FormatCorrupted:
			d.problem("a format of it was cut off: it must be formatted or sanitized before anything can be read")
		case scsi.ActivityNone:
		default:
			d.problem("it is not ready: %s", s)
			return inspect.Unknown[string](source, fmt.Sprintf("the drive is not ready: %s", s))
		}
		return inspect.Known(inspect.SanitizeIdle, source)
	}
	return inspect.Unknown[string](source, "the drive tells of one reset after the other")
}

// healthPages that package health judges by.
var healthPages = []byte{scsi.LogWriteErrors, scsi.LogReadErrors, scsi.LogVerifyErrors, scsi.LogTemperature,
	scsi.LogSelfTests, scsi.LogSolidState, scsi.LogBackground, scsi.LogInformational}

// scsiHealth reads those log pages that the drive lists, and how many blocks it gave
// up. What it refuses is absent.
func scsiHealth(ctx context.Context, dev drive.Transport, media drive.MediaType) inspect.Health {
	logs := health.SCSI{Media: media, Pages: map[byte][]scsi.Parameter{}}
	var has []byte
	if b, err := got(ctx, dev, scsi.LogSense(scsi.LogSupported)); err == nil {
		has, _ = scsi.ParseLogPages(b) // no list: no page is asked for
	}
	for _, page := range healthPages {
		if !slices.Contains(has, page) {
			continue
		}
		if b, err := got(ctx, dev, scsi.LogSense(page)); err == nil {
			logs.Pages[page], _ = scsi.ParseLog(b, page)
		}
	}
	if b, err := got(ctx, dev, scsi.GrownDefects()); err == nil {
		logs.Grown, err = scsi.ParseGrownDefects(b)
		logs.GrownKnown = err == nil
	}
	return health.JudgeSCSI(logs)
}

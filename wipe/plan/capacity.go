package plan

import (
	"fmt"

	"handback.example/inspect"
	"handback.example/wipe"
)

// Ways in which a drive hides capacity, and by which it is restored, in the order
// that the standard asks for: a DCO can't be restored while there is an HPA.
const (
	WayHPA = "hpa"
	WayAMA = "ama"
	WayDCO = "dco"
)

// restore says how a drive gets back the capacity that it hides, or nil.
func restore(d inspect.Drive) *wipe.Restore {
	if d.ATA == nil {
		return nil
	}
	r := wipe.Restore{From: d.Geometry.Size, To: d.Geometry.Size}
	if n := d.ATA.NativeMax; n.Known && n.Value > r.To {
		r.To = n.Value
		way := WayHPA
		if d.ATA.AMA.Known && d.ATA.AMA.Value {
			way = WayAMA
		}
		r.Ways = append(r.Ways, way)
	}
	if m := d.ATA.DCOMax; m.Known && m.Value > r.To {
		r.To = m.Value
		r.Ways = append(r.Ways, WayDCO)
	}
	if len(r.Ways) == 0 {
		return nil
	}
	return &r
}

// hidden refuses a drive that hides what can't be brought back here: what lies
// behind the end that the drive shows would survive an overwrite, and nobody could
// look at it after a sanitize.
func hidden(d inspect.Drive) *wipe.Refusal {
	name, size := Name(d.Identity), d.Geometry.Size
	switch {
	case d.SCSI != nil && d.SCSI.MaxBytes.Known && d.SCSI.MaxBytes.Value > size:
		return &wipe.Refusal{Code: "hidden-area", Reason: fmt.Sprintf("%s hides %d bytes behind its end (MODE SELECT): they would survive", name, d.SCSI.MaxBytes.Value-size),
			Do: "restore its full capacity (sg_format --resize --count=-1) and start again, or have it destroyed"}
	case d.ATA != nil && yes(d.ATA.Hidden) && restore(d) == nil:
		return &wipe.Refusal{Code: "hidden-area", Reason: name + " hides a part of its capacity behind its end (HPA, AMA or DCO), and how much does not come through the adapter: it would survive",
			Do: "connect it to a SATA port of the machine itself and start again, or have it destroyed"}
	}
	return nil
}

// capacity of a drive with what it hides.
func capacity(d inspect.Drive) int64 {
	if r := restore(d); r != nil {
		return r.To
	}
	return max(d.Geometry.Size, 0)
}

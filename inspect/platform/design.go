package platform

import (
	"fmt"
	"strings"

	"handback.example/inspect"
)

const (
	batteryTable = "SMBIOS type 22"
	supplyTable  = "SMBIOS type 39"
)

// powerOfFirmware adds what the firmware's table says of batteries where the kernel says
// nothing, and the supplies that are built in.
func (s *survey) powerOfFirmware() {
	// Which of two is meant can't be told: the table's places are not the kernel's names.
	if all := s.designs(); len(all) == 1 && len(s.r.Battery) == 1 {
		fill(&s.r.Battery[0], all[0])
	}
	for _, t := range s.table {
		if t.kind == typeSupply {
			s.supply(t)
		}
	}
}

// designs are the batteries that the firmware lists (7.23), as they were built; what they
// hold now is not there. One that has no name is a template that was left.
func (s *survey) designs() (all []inspect.Battery) {
	for _, t := range s.table {
		if t.kind != typeBattery {
			continue
		}
		b := inspect.Battery{Maker: named(t.text(0x05), batteryTable), Model: named(t.text(0x08), batteryTable),
			DesignWh: designWh(t), Chemistry: designChemistry(t), Serial: designSerial(t), Year: designYear(t)}
		if b.Model.Known {
			all = append(all, b)
		}
	}
	return all
}

// designWh: in mWh, times a factor from 2.2 on; 0 is unknown. Much firmware gives mAh
// here (an HP AR08075XL of 75 Wh as 9340): below 15 Wh nothing is sure.
func designWh(t structure) inspect.Fact[float64] {
	n := float64(t.word(0x0a)) * float64(max(t.byte(0x15), 1)) / 1000
	if n < 15 {
		return inspect.Unknown[float64](batteryTable, "the firmware does not say, or not in mWh")
	}
	return plausible(inspect.Known(n, batteryTable))
}

// chemistries by the table's own number (7.23.1), and by the letters of the Smart Battery
// Data Specification that stand there for 'unknown'. Others are those of templates: no
// machine that this system starts on has zinc-air cells.
var chemistries = map[string]string{"5": "NiMH", "6": "Li-ion", "8": "Li-poly", "nimh": "NiMH", "lion": "Li-ion", "lithium-ion": "Li-ion", "lip": "Li-poly"}

func designChemistry(t structure) inspect.Fact[string] {
	letters := strings.ToLower(clean(t.text(0x14)))
	for _, word := range []string{fmt.Sprint(t.byte(0x09)), letters} {
		if name := chemistries[word]; name != "" {
			return inspect.Known(name, batteryTable)
		}
	}
	return inspect.Unknown[string](batteryTable, "the firmware gives none that a battery of a computer has")
}

// designSerial in words, else the number of the Smart Battery Data Specification.
func designSerial(t structure) inspect.Fact[string] {
	n := t.word(0x10)
	if t.byte(0x07) != 0 || n == 0 || n == 0xffff {
		return named(t.text(0x07), batteryTable)
	}
	return inspect.Known(fmt.Sprintf("%04X", n), batteryTable+", SBDS serial number")
}

// designYear of the packed date alone: years from 1980 in bits 15 to 9. The date in words
// is most often that of the reference firmware.
func designYear(t structure) inspect.Fact[int] {
	date := t.word(0x12)
	year, month, day := 1980+int(date>>9), date>>5&15, date&31
	if !plausibleYear(year) || month < 1 || month > 12 || day < 1 {
		return inspect.Unknown[int](batteryTable, "the firmware gives no date that can be")
	}
	return inspect.Known(year, batteryTable)
}

// fill in what is unknown of a battery. Its maker and model stay the gauge's own: with
// another name in the table it may be another battery, and nothing of it is taken.
func fill(b *inspect.Battery, design inspect.Battery) {
	if b.Model.Known && !strings.EqualFold(b.Model.Value, design.Model.Value) {
		return
	}
	orElse(&b.Maker, design.Maker)
	orElse(&b.Model, design.Model)
	orElse(&b.Serial, design.Serial)
	orElse(&b.Chemistry, design.Chemistry)
	orElse(&b.Year, design.Year)
	if orElse(&b.DesignWh, design.DesignWh); !b.HealthPct.Known {
		b.HealthPct = healthOf(b.DesignWh, b.FullWh)
	}
}

// orElse takes another fact where the first is unknown and the other is not.
func orElse[T any](f *inspect.Fact[T], other inspect.Fact[T]) {
	if !f.Known && other.Known {
		*f = other
	}
}

// supply that is built in (7.40). One that has neither a maker's nor a model's name is a
// template that was left, and its watts are, too; one that is not present (characteristics,
// bit 1) is a place for one.
func (s *survey) supply(t structure) {
	p := inspect.PowerSupply{Name: clean(t.text(0x06)), Maker: named(t.text(0x07), supplyTable), Model: named(t.text(0x0a), supplyTable),
		Watts: inspect.Known(int(t.word(0x0c)), supplyTable)}
	if placeholder(p.Name) {
		p.Name = ""
	}
	if w := p.Watts.Value; w < 10 || w >= 0x8000 {
		p.Watts = inspect.Unknown[int](supplyTable, "the firmware does not say")
	}
	if t.word(0x0e)&0x02 != 0 && (p.Maker.Known || p.Model.Known) {
		s.r.Supplies = append(s.r.Supplies, p)
	}
}

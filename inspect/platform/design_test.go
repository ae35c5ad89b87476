package platform

import (
	"strings"
	"testing"

	"handback.example/inspect"
)

// One battery in the kernel's list and one in the table: what the kernel does not say is
// taken from the table, as dmidecode prints it of these machines.
func TestBatteryByDesign(t *testing.T) {
	bare := files{psy + "BAT0/type": "Battery\n", psy + "BAT0/energy_full": "40000000\n", psy + "BAT0/technology": "Unknown\n"}
	for name, c := range map[string]struct {
		machine, more files
		want          inspect.Battery
	}{
		"T480s": {machine: machineOf(t, "Lenovo-ThinkPad-T480.bin"), want: battery("LGC", "01AV478", "070B", "Li-poly", 57, 70, 2019)},
		"W510":  {machine: machineOf(t, "Lenovo-ThinkPad-W510.bin"), want: battery("SANYO", "45N1173", "629C", "Li-ion", 85.86, 46, 2014)},
		"the gauge's own word stands": {machine: machineOf(t, "Lenovo-ThinkPad-T480.bin"), more: files{psy + "BAT0/manufacturer": "SMP\n", psy + "BAT0/serial_number": "723\n",
			psy + "BAT0/energy_full_design": "50000000\n", psy + "BAT0/manufacture_year": "2021\n"}, want: battery("SMP", "01AV478", "723", "Li-poly", 50, 80, 2021)},
		"another battery": {machine: machineOf(t, "Lenovo-ThinkPad-T480.bin"), more: files{psy + "BAT0/model_name": "01AV479\n"}, want: battery("", "01AV479", "", "", 0, 0, 0)},
		"the same":        {machine: machineOf(t, "Lenovo-ThinkPad-T480.bin"), more: files{psy + "BAT0/model_name": "01av478\n"}, want: battery("LGC", "01av478", "070B", "Li-poly", 57, 70, 2019)},
		"two batteries":   {machine: machineOf(t, "Lenovo-ThinkPad-T480.bin"), more: files{psy + "BAT1/type": "Battery\n"}, want: battery("", "", "", "", 0, 0, 0)},
	} {
		r := readFiles(t, c.machine.with(bare).with(c.more))
		b := r.Battery[0]
		if got := battery(b.Maker.Value, b.Model.Value, b.Serial.Value, b.Chemistry.Value, b.DesignWh.Value, b.HealthPct.Value, b.Year.Value); got != c.want {
			t.Errorf("%s: %+v", name, b)
		}
		if b.DesignWh.Known && b.DesignWh.Source == "" || !b.Year.Known && b.Year.Why == "" || !b.HealthPct.Known && b.HealthPct.Why == "" {
			t.Errorf("%s: a fact without its source or its reason: %+v", name, b)
		}
	}
}

// battery of those values alone.
func battery(maker, model, serial, chemistry string, design float64, health, year int) (b inspect.Battery) {
	b.Maker.Value, b.Model.Value, b.Serial.Value, b.Chemistry.Value = maker, model, serial, chemistry
	b.DesignWh.Value, b.HealthPct.Value, b.Year.Value = design, health, year
	return b
}

// What templates of firmware hold is unknown, and so is what cannot be.
func TestTemplateBattery(t *testing.T) {
	// Type 22 (7.23): location, maker, date '08/08/2010', serial, name; chemistry, mWh, mV,
	// SBDS version, error, SBDS serial and date, SBDS chemistry, factor, OEM.
	const fixed = "\x16\x1a\x16\x00\x01\x02\x03\x00\x04"
	const strings = "Fake\x00-Virtual Battery 0-\x0008/08/2010\x00CRB Battery 0\x00\x00"
	r := readFiles(t, laptop.with(files{psy + "BAT0/type": "Battery\n", psy + "BAT0/energy_full": "40000000\n",
		"sys/firmware/dmi/tables/DMI": fixed + "\x07" + "\xe8\x03" + "\x00\x00" + "\x00\x00" + "\xff\xff" + "\x21\x00" + "\x00\x01\x00\x00\x00\x00" + strings}))
	if b := r.Battery[0]; b.DesignWh.Known || b.Chemistry.Known || b.Serial.Known || b.Year.Known || b.HealthPct.Known {
		t.Errorf("%+v", b)
	}
	for name, date := range map[string]string{"month 13": "\xa1\x4d", "day 0": "\x40\x4d", "2107": "\x21\xfe"} {
		r := readFiles(t, laptop.with(files{psy + "BAT0/type": "Battery\n", "sys/firmware/dmi/tables/DMI": fixed + "\x06\x00\x00\x00\x00\x00\x00\x01\x02" + date + "\x00\x01\x00\x00\x00\x00" + strings}))
		if b := r.Battery[0]; b.Year.Known || !b.Serial.Known {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

// A supply as dmidecode prints it of a Dell PowerEdge; those of templates, and places for
// one, are none.
func TestSupplies(t *testing.T) {
	texts := map[string]string{
		"DELL":     "\tName: PWR SPLY,550W,RDNT,DELTA      \n\tManufacturer: DELL\n\tModel Part Number: 06V43GA01\n\tMax Power Capacity: 550 W\n\tStatus: Present, Unknown\n",
		"place":    "\tName: Power Supply 2\n\tManufacturer: HP\n\tModel Part Number: 720479-B21\n\tMax Power Capacity: 800 W\n\tStatus: Not Present\n",
		"template": "\tName: OEM Define 1\n\tManufacturer: OEM Define 2\n\tModel Part Number: OEM Define 5\n\tMax Power Capacity: 75 W\n\tStatus: Present, OK\n",
		"unknown":  "\tName: To Be Filled By O.E.M.\n\tManufacturer: LITEON\n\tModel Part Number: To Be Filled By O.E.M.\n\tMax Power Capacity: Unknown\n\tStatus: Present, OK\n",
	}
	got := map[string]inspect.PowerSupply{}
	for name, text := range texts {
		all, e := dmiText("SMBIOS 2.8 present.\n\nHandle 0x2700, DMI type 39, 22 bytes\nSystem Power Supply\n" + text)
		s := &survey{r: &inspect.Report{}, table: all, entry: e}
		s.powerOfFirmware()
		if n := len(s.r.Supplies); n > 1 {
			t.Fatalf("%s: %+v", name, s.r.Supplies)
		} else if n == 1 {
			got[name] = s.r.Supplies[0]
		}
	}
	dell, unknown := got["DELL"], got["unknown"]
	if len(got) != 2 || !strings.HasPrefix(dell.Name, "PWR SPLY,550W") || dell.Maker.Value != "DELL" || dell.Model.Value != "06V43GA01" || dell.Watts.Value != 550 {
		t.Errorf("%+v", got)
	}
	if unknown.Name != "" || unknown.Model.Known || unknown.Watts.Known || unknown.Watts.Why == "" {
		t.Errorf("%+v", unknown)
	}
}

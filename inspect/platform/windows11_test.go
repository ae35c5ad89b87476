package platform

import (
	"bytes"
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"

	"handback.example/inspect"
)

// Names and CPUID of processors from the texts of testdata/dmi, with the answer of
// Microsoft's own list.
func TestWindows11(t *testing.T) {
	raw, err := os.ReadFile("testdata/dmi/windows11.tsv")
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comma = '\t'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 61 {
		t.Fatalf("%d processors", len(rows)-1)
	}
	for _, row := range rows[1:] {
		id := cpuID{vendor: row[1]}
		for i, n := range []*int{&id.family, &id.model, &id.stepping} {
			if *n, err = strconv.Atoi(row[2+i]); err != nil {
				t.Fatal(err)
			}
		}
		got := windows11(id, row[0])
		if say := map[string]string{"yes": "yes", "no": "no", "": "unknown"}[say(got)]; say != row[5] || !got.Known && got.Why == "" || got.Source == "" {
			t.Errorf("%s (%+v): %+v, want %s (%s)", row[0], id, got, row[5], row[6])
		}
	}
}

func TestWindows11Beyond(t *testing.T) {
	for name, id := range map[string]cpuID{"a maker of its own": {"CentaurHauls", 7, 59, 0, ""}, "Intel to come": {"GenuineIntel", 18, 1, 0, ""}, "AMD to come": {"AuthenticAMD", 27, 1, 0, ""}} {
		if f := windows11(id, name); f.Known || f.Why == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := windows11(cpuID{"GenuineIntel", 15, 4, 1, ""}, "Pentium 4"); !f.Known || f.Value {
		t.Errorf("Pentium 4: %+v", f)
	}
}

const cpuinfoT480s = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 142\nmodel name\t: Intel(R) Core(TM) i5-8350U CPU @ 1.70GHz\nstepping\t: 10\n" +
	"flags\t\t: fpu vme\n\nprocessor\t: 1\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 0\nstepping\t: 0\n\n"

func TestCPU(t *testing.T) {
	c := readFiles(t, laptop.with(files{"proc/cpuinfo": cpuinfoT480s})).CPU
	if c.Family.Value != "Core i5, 8th generation" || !c.Windows11.Known || !c.Windows11.Value {
		t.Errorf("%+v", c)
	}
	for name, text := range map[string]string{"no stepping": "vendor_id : GenuineIntel\ncpu family : 6\nmodel : 142\n", "no numbers": "vendor_id : GenuineIntel\ncpu family : x\n",
		"out of range": "vendor_id : GenuineIntel\ncpu family : 6\nmodel : 99999999999\nstepping : 1\n", "nothing": ""} {
		r := readFiles(t, laptop.with(files{"proc/cpuinfo": text}))
		if w := r.CPU.Windows11; w.Known || w.Why == "" {
			t.Errorf("%s: %+v", name, w)
		}
	}
}

// As their makers name them (ark.intel.com, amd.com).
func TestCPUFamily(t *testing.T) {
	for name, want := range map[string]string{
		"Intel(R) Core(TM) i5-8350U CPU @ 1.70GHz":              "Core i5, 8th generation",
		"Intel(R) Core(TM) i7-1065G7 CPU @ 1.30GHz":             "Core i7, 10th generation",
		"Intel(R) Core(TM) i5-10210U CPU @ 1.60GHz":             "Core i5, 10th generation",
		"Intel(R) Core(TM) m3-6Y30 CPU @ 0.90GHz":               "Core m3, 6th generation",
		"Intel(R) Core(TM) i5 CPU       M 520  @ 2.40GHz":       "Core i5, 1st generation",
		"Intel(R) Core(TM) i5-2520M CPU @ 2.50GHz":              "Core i5, 2nd generation",
		"Intel(R) Core(TM) i7-3770 CPU @ 3.40GHz":               "Core i7, 3rd generation",
		"13th Gen Intel(R) Core(TM) i5-1335U":                   "Core i5, 13th generation",
		"Intel(R) Core(TM) Ultra 7 155H":                        "Core Ultra 7, series 1",
		"AMD Ryzen 5 PRO 4650U with Radeon Graphics":            "Ryzen 5 PRO 4000 series",
		"AMD Ryzen 7 5700U with Radeon Graphics":                "Ryzen 7 5000 series",
		"AMD Ryzen AI 9 HX 370 w/ Radeon 890M":                  "Ryzen AI, 300 series",
		"Intel(R) Celeron(R) N4000 CPU @ 1.10GHz":               "Celeron",
		"AMD Athlon(tm) 64 X2 Dual Core Processor 5000+":        "Athlon",
		"Intel(R) Core(TM)2 Duo CPU     P8600  @ 2.40GHz":       "Core 2",
		"AMD Ryzen Threadripper 2950X 16-Core Processor":        "Ryzen Threadripper 2000 series",
		"QEMU Virtual CPU version 2.5+":                         "",
		"Intel(R) Core(TM) i5-" + strings.Repeat("9", 40) + "U": "Core i5, 99th generation",
	} {
		if f := cpuFamily(named([]byte(name), "test")); f.Value != want || f.Known != (want != "") {
			t.Errorf("%s: %+v, want %q", name, f, want)
		}
	}
}

// Both shapes of a list: names, and Microsoft's three columns.
func TestProcessors(t *testing.T) {
	p, err := ReadProcessors("windows-11.csv", strings.NewReader("\ufeff# Windows 11 24H2, 6 October 2025\n# exported\nIntel\u00ae,Core\u2122,i5-8250U\r\n\nIntel Core i7-7820HQ\nIntel\u00ae,Pentium\u00ae,Gold 4425Y\nAMD Ryzen\u2122 5 PRO 4650U\nCore(TM) i5+8400\nManufacturer,Brand,Model\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz": true, "Intel(R) Core(TM) i7-7820HQ CPU @ 2.90GHz": true, "Intel(R) Pentium(R) CPU 4425Y @ 1.70GHz": true,
		"AMD Ryzen 5 PRO 4650U with Radeon Graphics": true, "Intel(R) Core(TM) i5-8400 CPU @ 2.80GHz": true,
		"Intel(R) Core(TM) i5-8250 CPU @ 1.60GHz": false, "Intel(R) Core(TM) i5-8265U CPU @ 1.60GHz": false, "AMD Ryzen 5 4650U": false, "Intel(R) Core(TM) i5-7200U CPU @ 2.50GHz": false,
	} {
		c := inspect.CPU{Model: inspect.Known(name, "test"), Windows11: inspect.Known(!want, "rule")}
		if p.Judge(&c); c.Windows11.Value != want || c.Windows11.Source != "list of processors windows-11.csv: Windows 11 24H2, 6 October 2025" {
			t.Errorf("%s: %+v", name, c.Windows11)
		}
	}
	for _, name := range []string{"AMD Athlon Gold 3150U with Radeon Graphics", "Intel(R) Xeon(R) CPU E5-2640 0 @ 2.50GHz", "Intel(R) Core(TM)2 Duo CPU P8600 @ 2.40GHz", "Manufacturer Brand Model"} {
		c := inspect.CPU{Model: inspect.Known(name, "test"), Windows11: inspect.Known(true, "rule")}
		if p.Judge(&c); c.Windows11.Source != "rule" {
			t.Errorf("%s, whose brand the list does not have: %+v", name, c.Windows11)
		}
	}
	c := inspect.CPU{Windows11: inspect.Unknown[bool]("rule", "no name")}
	if p.Judge(&c); c.Windows11.Known {
		t.Errorf("without a name: %+v", c.Windows11)
	}
	c = inspect.CPU{Model: inspect.Known("Intel(R) Core(TM) i5-8250U", "test"), Windows11: inspect.Known(true, "rule")}
	if (Processors{}).Judge(&c); c.Windows11.Source != "rule" {
		t.Errorf("without a list: %+v", c.Windows11)
	}
	for name, text := range map[string]string{"empty": "", "no names": "# nothing\nIntel\n", "a line without an end": strings.Repeat("i5-8250U ", 1000)} {
		if _, err := ReadProcessors(name, strings.NewReader(text)); err == nil {
			t.Errorf("%s passes for a list", name)
		}
	}
}

func FuzzProcessors(f *testing.F) {
	f.Add("Intel\u00ae,Core\u2122,i5-8250U\n", "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz")
	f.Add("AMD Ryzen 5 4650U\n#\n", "AMD Ryzen AI 9 HX 370 w/ Radeon 890M")
	f.Add("\xff\x00(r)(tm)1\n", "11th Gen Core(TM) Ultra 7 155H")
	f.Fuzz(func(t *testing.T, list, name string) {
		clean := cpuFamily(named([]byte(name), "test"))
		if strings.ContainsFunc(clean.Value+clean.Why, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Fatalf("%+v", clean)
		}
		p, err := ReadProcessors("fuzz", strings.NewReader(list))
		if err != nil {
			return
		}
		c := inspect.CPU{Model: named([]byte(name), "test")}
		if p.Judge(&c); c.Windows11.Known != (c.Windows11.Source != "") || c.Windows11.Known && !c.Model.Known {
			t.Fatalf("%+v", c)
		}
	})
}

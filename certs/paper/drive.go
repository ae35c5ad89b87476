package paper

import (
	"fmt"
	"strings"

	"handback.example/certs"
)

func driveBlock(f *facts, m certs.Medium) Drive {
	a, b := driveColumns(f, m)
	return Drive{Name: "Drive " + known(m.Drive.Name), Model: known(m.Drive.Model), Word: mediumWord(m), Good: m.Verdict == certs.Sanitised,
		Columns: [][]Pair{a, b}, Wide: driveLines(m)}
}

func driveColumns(f *facts, m certs.Medium) (a, b []Pair) {
	d := m.Drive
	model := known(d.Model)
	if !d.Inner && d.Bus == "usb" {
		model += " (as the bridge before it says)"
	}
	a = []Pair{p("Model", model), pc("Serial", known(d.Serial)), pc("WWN", known(d.WWN)),
		p("Media type", known(d.Media)+" ("+known(d.Bus)+")"), p("Firmware", known(d.Firmware)),
		p("Capacity", bytesOf(d.SizeBytes)), p("Block size", number(int64(d.LogicalBlock))+" bytes")}
	if d.Namespace != 0 {
		a = append(a, p("Namespace", number(d.Namespace)))
	}
	a = append(a, p("Health", known(d.Health)))
	fin := m.Finished
	if fin == nil {
		if m.Started != nil {
			b = append(b, p("Technique", techniqueLine(m.Started.Technique, m.Started.Then)), p("Level meant", levelWord(m.Started.Level)))
		}
		return a, append(b, p("Method", "none reached"))
	}
	v := fin.Verification
	b = []Pair{p("Method", levelWord(m.Level)+" (wanted: "+levelWord(f.Want)+")"), p("Technique", techniqueLine(fin.Technique, fin.Then)),
		p("Standard", known(fin.Standard)), p("Verified by", known(v.Method)), p("Result", known(v.Result)),
		p("Read back", bytesOf(v.BytesRead)),
		p("Blocks", fmt.Sprintf("%s compared, %s counted before, %s survived, %s unreadable",
			number(v.Compared), number(v.Counted), number(v.Survivors), number(v.Unreadable)))}
	if m.Verdict == certs.Sanitised {
		b = append(b, p("Evidence", known(fin.Evidence)))
	}
	if fin.BytesWritten > 0 {
		b = append(b, p("Written", bytesOf(fin.BytesWritten)))
	}
	return a, b
}

// maxRanges on the page; the record has them all.
const maxRanges = 24

func driveLines(m certs.Medium) []Pair {
	var out []Pair
	add := func(label, value string) {
		if value != "" {
			out = append(out, p(label, value))
		}
	}
	if m.Note != "" {
		out = append(out, Pair{"Verdict", sentence(m.Note), Strong})
	}
	if r := m.Refused; r != nil && m.Finished == nil {
		add("Not erased", r.Reason)
		add("What to do", r.Do)
	}
	fin := m.Finished
	if fin == nil {
		return out
	}
	add("What happened", fin.What)
	add("What to do", fin.Do)
	add("Gone on with", fin.Resumed)
	add("Capacity", fin.Restored)
	add("Tried besides", attemptWords(fin.Attempts))
	add("Sample", sampleWords(fin.Verification))
	add("Not shown", fin.NotShown)
	add("Time", fmt.Sprintf("%s to %s; %s by the monotonic clock", date(fin.StartedAt), date(fin.FinishedAt), span(fin.ElapsedNS)))
	add("Commands", commandWords(fin.Commands))
	add("Bad ranges", rangeWords(fin.BadRanges))
	add("Changed", changeWords(fin.Before, fin.After))
	return out
}

// attemptWords says what was tried and did not do it.
func attemptWords(as []certs.Attempt) string {
	var out []string
	for _, a := range as {
		out = append(out, fmt.Sprintf("%s: %s: %s", techniqueLine(a.Technique, ""), a.Verdict, strings.TrimSuffix(a.What, ".")))
	}
	return strings.Join(out, "; ")
}

// sampleWords says what a sample would have found.
func sampleWords(v certs.Verification) string {
	var out []string
	if v.Canaries > 0 {
		out = append(out, number(v.Canaries)+" blocks were written before, to be looked for")
	}
	if v.Extent > 0 {
		out = append(out, "a residue of "+bytesOf(v.Extent)+" in one piece is found for certain")
	}
	if v.Fraction != "" && v.Confidence != "" {
		out = append(out, fmt.Sprintf("a scattered one of %s of the whole with a confidence of %s", v.Fraction, v.Confidence))
	}
	if len(out) > 0 && v.Seed != "" {
		out = append(out, "drawn by seed "+v.Seed)
	}
	return strings.Join(out, "; ")
}

func commandWords(cs []certs.Command) string {
	var out []string
	for _, c := range cs {
		s := c.Operation + ": status " + known(c.Status)
		if c.Error != "" {
			s += " (" + c.Error + ")"
		}
		out = append(out, s)
	}
	if n := len(out); n > 6 {
		out = append(out[:3], append([]string{fmt.Sprintf("and %d more in the record", n-6)}, out[n-3:]...)...)
	}
	return strings.Join(out, "; ")
}

func rangeWords(rs []certs.Range) string {
	if len(rs) == 0 {
		return ""
	}
	blocks := int64(0)
	var out []string
	for i, r := range rs {
		blocks += r.Count
		if i < maxRanges {
			out = append(out, fmt.Sprintf("LBA %d, %s (%s)", r.First, count(int(r.Count), "block"), r.What))
		}
	}
	s := fmt.Sprintf("%s in %s: %s", count(int(blocks), "block"), count(len(rs), "range"), strings.Join(out, "; "))
	if n := len(rs) - maxRanges; n > 0 {
		s += fmt.Sprintf("; and %s more in the record", count(n, "range"))
	}
	return s
}

// changeWords says where the drive answered otherwise after the erasure.
func changeWords(before, after certs.State) string {
	if !after.Answered() {
		return "the drive did not say who it is after the erasure"
	}
	var out []string
	diff := func(name, a, b string) {
		if a != b {
			out = append(out, fmt.Sprintf("%s: %s before, %s after", name, known(a), known(b)))
		}
	}
	diff("model", before.Model, after.Model)
	diff("serial", before.Serial, after.Serial)
	diff("firmware", before.Firmware, after.Firmware)
	diff("WWN", before.WWN, after.WWN)
	diff("capacity", bytesOf(before.SizeBytes), bytesOf(after.SizeBytes))
	diff("block size", number(int64(before.LogicalBlock)), number(int64(after.LogicalBlock)))
	return strings.Join(out, "; ")
}

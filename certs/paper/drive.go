package paper

import (
	"fmt"
	"slices"
	"strings"

	"handback.example/certs"
)

// driveRow is what a person reads of a drive in a minute.
func driveRow(f *facts, m certs.Medium) []string {
	d := m.Drive
	what := joined("\n", known(d.Name)+"  "+known(d.Model), "Serial "+known(d.Serial),
		fmt.Sprintf("%s (%s), %s, %s", known(d.Media), known(d.Bus), shortBytes(d.SizeBytes), damageWords[d.Damaged]))
	result := mediumWord(m)
	technique, verified, evidence := "none: nothing was sent to it", certs.NotDone, "none"
	if s := m.Started; s != nil {
		technique = certs.TechniqueWords(s.Technique, s.Then) + "\n(begun; no end is on record)"
	}
	if fin := m.Finished; fin != nil {
		technique = joined("\n", techniqueOf(m), fin.Standard)
		v := fin.Verification
		verified = joined(": ", v.Method, known(v.Result))
		if v.Survivors > 0 || v.Unreadable > 0 {
			verified += fmt.Sprintf("\n%s survived, %s unreadable", number(v.Survivors), number(v.Unreadable))
		}
		if m.Verdict == certs.Sanitised {
			evidence = known(fin.Evidence)
		}
	}
	if m.Verdict == certs.Sanitised && m.Below {
		result += " (" + levelWord(f.Want) + ")"
	}
	return []string{what, result, technique, verified, evidence}
}

// techniqueOf a drive that has an end on record: that of its end, or else the one that
// was begun.
func techniqueOf(m certs.Medium) string {
	switch {
	case m.Finished.Technique != "":
		return certs.TechniqueWords(m.Finished.Technique, m.Finished.Then)
	case m.Finished.Verdict == certs.RefusedVerdict:
		return "none: nothing was sent to it"
	case m.Started != nil:
		return certs.TechniqueWords(m.Started.Technique, m.Started.Then)
	}
	return "unknown"
}

// techniqueFull has the ID that records use, too.
func techniqueFull(m certs.Medium) string {
	if m.Finished.Technique == "" {
		return techniqueOf(m)
	}
	return techniqueLine(m.Finished.Technique, m.Finished.Then)
}

// annexDrives has all that is known of each drive.
func (c *Content) annexDrives(f *facts) {
	var blocks []Block
	for _, m := range worstFirst(f.Media) {
		blocks = append(blocks, driveBlock(f, m))
	}
	if len(blocks) > 0 {
		c.annex("evidence", "Evidence: drive by drive", blocks...)
	}
}

func driveBlock(f *facts, m certs.Medium) Drive {
	a, b := driveColumns(f, m)
	return Drive{Name: "Drive " + known(m.Drive.Name), Model: known(m.Drive.Model), Word: mediumWord(m), Mark: mediumMark(m),
		Good: m.Verdict == certs.Sanitised && !m.Below, Columns: [][]Pair{a, b}, Wide: driveLines(m)}
}

func driveColumns(f *facts, m certs.Medium) (a, b []Pair) {
	d := m.Drive
	model := known(d.Model)
	if !d.Inner && d.Bus == "usb" {
		model += " (as the bridge before it says)"
	}
	a = []Pair{p("Model", model), pc("Serial", known(d.Serial)), pc("WWN", known(d.WWN)),
		p("Media type", known(d.Media)+" ("+known(d.Bus)+")"), p("Firmware", known(d.Firmware)),
		p("Capacity", bytesOf(d.SizeBytes)), p("Native maximum", nativeWords(d.NativeBytes)), p("Block size", blockWords(m))}
	if d.Namespace != 0 {
		a = append(a, p("Namespace", number(d.Namespace)))
	}
	a = append(a, p("Condition", damageWords[d.Damaged]+"; health "+known(d.Health)))
	fin := m.Finished
	if fin == nil {
		if m.Started != nil {
			b = append(b, p("Technique", techniqueLine(m.Started.Technique, m.Started.Then)), p("Level meant", levelWord(m.Started.Level)))
		}
		return a, append(b, p("Method", "none reached"))
	}
	v := fin.Verification
	b = []Pair{p("Method", levelWord(m.Level)+" (wanted: "+levelWord(f.Want)+")"), p("Technique", techniqueFull(m)),
		p("Standard", known(fin.Standard)), p("Verified by", known(v.Method)), p("Result", known(v.Result))}
	if m.Verdict == certs.Sanitised {
		b = append(b, p("Evidence", known(fin.Evidence)))
	}
	if fin.BytesWritten > 0 {
		b = append(b, p("Written", bytesOf(fin.BytesWritten)))
	}
	return a, b
}

// damageWords: operational or damaged (NIST SP 800-88 Rev. 2, 4.6).
var damageWords = map[string]string{
	certs.Yes: "DAMAGED", certs.No: "operational", certs.Unknown: "damaged or not: unknown", "": "damaged or not: unknown",
}

func nativeWords(n int64) string {
	if n == 0 {
		return "unknown"
	}
	return bytesOf(n)
}

func blockWords(m certs.Medium) string {
	s := number(int64(m.Drive.LogicalBlock)) + " bytes"
	if m.Finished != nil && m.Finished.Before.PhysicalBlock > 0 {
		s += ", physical " + number(int64(m.Finished.Before.PhysicalBlock))
	}
	return s
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
	add("Read back", readWords(fin.Verification))
	add("Sample", sampleWords(fin.Verification))
	add("Not shown", fin.NotShown)
	if fin.StartedAt != "" || fin.FinishedAt != "" {
		add("Time", fmt.Sprintf("%s to %s; %s by the monotonic clock", date(fin.StartedAt), date(fin.FinishedAt), span(fin.ElapsedNS)))
	}
	for _, c := range commandWords(fin.Commands) {
		out = append(out, Pair{"Command", c, Fine})
	}
	if fin.BytesWritten == 0 && len(fin.Commands) == 0 && fin.Verdict != certs.RefusedVerdict {
		add("Commands", "none on record")
	}
	add("Bad ranges", rangeWords(fin.BadRanges))
	add("Changed", changeWords(fin.Before, fin.After))
	add("Worn blocks", sectorWords(fin.Before, fin.After))
	return out
}

// attemptWords says what was tried and did not do it.
func attemptWords(as []certs.Attempt) string {
	var out []string
	for _, a := range as {
		s := fmt.Sprintf("%s: %s: %s", techniqueLine(a.Technique, ""), a.Verdict, strings.TrimSuffix(a.What, "."))
		for _, k := range a.Commands {
			s += fmt.Sprintf(" (%s: status %s)", k.Operation, known(k.Status))
		}
		out = append(out, s)
	}
	return strings.Join(capped(out), "; ")
}

// readWords says how much was read back, and what came of it.
func readWords(v certs.Verification) string {
	return fmt.Sprintf("%s; blocks: %s compared, %s counted before, %s survived, %s unreadable", bytesOf(v.BytesRead),
		number(v.Compared), number(v.Counted), number(v.Survivors), number(v.Unreadable))
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

// maxCommands on the page; the record has them all.
const maxCommands = 8

// commandWords are the destructive commands as sent and answered, and how long each
// took.
func commandWords(cs []certs.Command) []string {
	var out []string
	for _, c := range cs {
		s := fmt.Sprintf("%s: status %s, %s", c.Operation, known(c.Status), span(c.DurationNS))
		if c.Error != "" {
			s += " (" + c.Error + ")"
		}
		s = joined("; sent: ", s, c.Frame)
		out = append(out, s)
	}
	if n := len(out); n > maxCommands {
		half := maxCommands / 2
		more := fmt.Sprintf("and %d more in the record", n-2*half)
		out = slices.Concat(out[:half], []string{more}, out[n-half:])
	}
	return out
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
	diff("native maximum", nativeWords(before.NativeBytes), nativeWords(after.NativeBytes))
	diff("block size", number(int64(before.LogicalBlock)), number(int64(after.LogicalBlock)))
	diff("physical block size", number(int64(before.PhysicalBlock)), number(int64(after.PhysicalBlock)))
	diff("namespace", number(before.Namespace), number(after.Namespace))
	return strings.Join(out, "; ")
}

// sectorWords are what the drive says of blocks that it has given up.
func sectorWords(before, after certs.State) string {
	one := func(name string, a, b int64) string {
		if a < 0 && b < 0 {
			return name + ": unknown"
		}
		return fmt.Sprintf("%s: %s before, %s after", name, countWords(a), countWords(b))
	}
	if !before.Answered() && !after.Answered() {
		return ""
	}
	return one("replaced by spare ones", before.Remapped, after.Remapped) + "; " + one("unreadable and not replaced", before.Pending, after.Pending)
}

// countWords of a number that is -1 where it is unknown.
func countWords(n int64) string {
	if n < 0 {
		return "unknown"
	}
	return number(n)
}

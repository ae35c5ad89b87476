package pdf

import (
	"fmt"
	"strings"

	"handback.example/certs"
)

// drawErasure draws the erasure certificate (NIST SP 800-88 Rev. 2, 4.6).
func drawErasure(c *canvas, f *facts) error {
	bad := f.Verdict != certs.Sanitised && f.Verdict != certs.BelowLevel
	start(c, f, erasureTitle(f), "Media sanitisation record after NIST SP 800-88 Rev. 2, 4.6. Visit "+f.Visit+".", bad)
	mark := byte('v')
	switch {
	case f.Verdict == certs.NoMedia || f.Verdict == certs.RefusedVerdict || f.Verdict == certs.BelowLevel:
		mark = '!'
	case bad:
		mark = 'x'
	}
	var more []string
	if !f.Named && f.TPMResult != certs.TPMCleared && f.TPMResult != certs.TPMNotPresent {
		more = append(more, "TPM: "+tpmWords[f.TPMResult]+".")
	}
	verdictBox(c, mark, verdictWord(f), verdictSentence(f), more...)
	deviceSection(c, f)
	section(c, "Drives", 4000)
	if len(f.Media) == 0 {
		c.para(left, inner, bold, "None was found.")
		c.y += 500
	}
	for _, wanted := range []bool{false, true} { // what went wrong stands first
		for _, m := range f.Media {
			if (m.Verdict == certs.Sanitised) == wanted {
				driveBlock(c, f, m)
			}
		}
	}
	residueSection(c, f)
	peopleSection(c, f)
	exceptionsSection(c, f)
	if err := sealSection(c, f); err != nil {
		return err
	}
	feet(c, f)
	return nil
}

func deviceSection(c *canvas, f *facts) {
	section(c, "Device", 3000)
	var m certs.Machine
	if f.Facts != nil {
		m = f.Facts.Machine
	}
	tag := given(f.Intake.Tag)
	if f.Intake.Generated {
		tag += " (intake number: no label found)"
	}
	grid(c, left, inner, 6400,
		[]pair{p("Manufacturer", known(m.Maker)), p("Model", known(m.Model)), pm("Serial", known(m.Serial)),
			p("Kind", known(m.Kind)), pm("Asset tag", tag)},
		[]pair{pm("System UUID", known(m.UUID)), p("Own asset tag", known(m.AssetTag)), p("Firmware", known(m.BIOS)),
			p("Secure Boot", known(m.SecureBoot)), p("Virtual", known(m.Hypervisor))})
	c.y += 900
}

// driveBlock draws one drive; it is split over pages only where it must be.
func driveBlock(c *canvas, f *facts, m certs.Medium) {
	const pad pt = 800
	w := inner - 2*pad
	a, b := driveColumns(f, m)
	wide := driveLines(m)
	const labelW pt = 6000
	h := gridHeight(c, w, labelW, a, b) + colHeight(c, w, labelW, wide) + 3800
	if h <= bottom-c.top-2900 {
		c.room(h)
	} else {
		c.room(6000)
	}
	y, page := c.y, len(c.pages)
	head := pale
	ink := black
	if m.Verdict != certs.Sanitised {
		head, ink = black, white
	}
	c.fill(left, y, inner, 2100, head)
	word := mediumWord(m)
	c.textRight(right-pad, y+1400, style{"b", 940, ink}, word)
	nameStyle := style{"b", 940, ink}
	letter := clean("Drive " + known(m.Drive.Name))
	c.text(left+pad, y+1400, nameStyle, letter)
	// What does not fit here stands in full under 'Model'.
	x := c.width(nameStyle, letter) + 900
	c.text(left+pad+x, y+1400, style{"r", 940, ink}, c.wrap(style{"r", 940, ink}, w-x-c.width(nameStyle, word)-1000, known(m.Drive.Model))[0])
	c.y = y + 2100 + 600
	grid(c, left+pad, w, labelW, a, b)
	for _, e := range wide {
		drawPair(c, left+pad, w, labelW, e)
	}
	c.y += 350
	if len(c.pages) == page {
		c.frame(left, y, inner, c.y-y, 50, rule)
	}
	c.y += 900
}

// removedLine of a drive that was taken out. The reference is whoever's who destroys it.
func removedLine(r certs.Removed) string {
	s := fmt.Sprintf("Removed, not sanitised here: %s, serial %s, seal %s, by %s", known(r.Drive.Model), known(r.Drive.Serial), given(r.Seal), given(r.By))
	if r.Reference != "" {
		s += ", for destruction, reference " + r.Reference
	}
	return s + "."
}

func driveColumns(f *facts, m certs.Medium) (a, b []pair) {
	d := m.Drive
	model := known(d.Model)
	if !d.Inner && d.Bus == "usb" {
		model += " (as the bridge before it says)"
	}
	a = []pair{p("Model", model), pm("Serial", known(d.Serial)), pm("WWN", known(d.WWN)),
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
	b = []pair{p("Method", levelWord(m.Level)+" (wanted: "+levelWord(f.Want)+")"), p("Technique", techniqueLine(fin.Technique, fin.Then)),
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

func driveLines(m certs.Medium) []pair {
	var out []pair
	add := func(label, value string) {
		if value != "" {
			out = append(out, p(label, value))
		}
	}
	if m.Note != "" {
		out = append(out, pair{"Verdict", sentence(m.Note), bold})
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
	if after == (certs.State{}) {
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

// residueSection: no clause of NIST SP 800-88 covers it, so it claims none.
func residueSection(c *canvas, f *facts) {
	state := tpmWords[f.TPMResult]
	if f.Named {
		state = "not dealt with: only named drives were asked for"
	}
	pairs := []pair{p("TPM", state)}
	ek := ""
	if f.Facts != nil {
		if f.Facts.TPMName != "" {
			pairs = append(pairs, p("Made by", f.Facts.TPMName))
		}
		ek = f.Facts.EKHash
	}
	if t := f.TPM; t != nil {
		if t.Result != certs.TPMNotPresent {
			pairs = append(pairs, p("Evidence", fmt.Sprintf("storage key (SRK) changed: %s; endorsement key (EK) kept: %s", known(t.SRKChanged), known(t.EKKept))))
		}
		for _, e := range []pair{p("How", t.How), p("What happened", t.What), p("What to do", t.Do)} {
			if e.value != "" {
				pairs = append(pairs, e)
			}
		}
		if t.EKHash != "" {
			ek = t.EKHash
		}
	}
	if ek != "" {
		pairs = append(pairs, pair{"EK (SHA-256)", ek, fine})
	}
	pairs = append(pairs, p("Not looked at", "firmware settings, stored Wi-Fi networks, eSIM profiles"))
	section(c, "Platform residue (no NIST conformance is claimed for it)", gridHeight(c, inner, 7000, pairs))
	grid(c, left, inner, 7000, pairs)
	c.y += 700
}

func peopleSection(c *canvas, f *facts) {
	i := f.Intake
	who := i.Operator
	if i.Role != "" {
		who += ", " + i.Role
	}
	dial := "not given"
	if i.DIAL > 0 {
		dial = fmt.Sprint(i.DIAL)
	}
	a := []pair{p("Operator", who), p("Organisation", given(i.Organisation)), p("Place", given(i.Place)),
		p("Bench", given(i.Bench)), p("Media source", given(i.Source)), p("Classification", strings.ToUpper(given(i.Classification))+"; DIAL "+dial)}
	b := []pair{p("Began", clock(f.First)), p("Last record", clock(f.Last))}
	wide := []pair{{"Validation", validationWords(f), bold}}
	if con := f.Consent; con != nil {
		b = append(b, p("Consent", con.Who+", "+con.How))
		wide = append(wide, pair{"Plan (SHA-256)", con.PlanDigest, fine})
	} else {
		b = append(b, p("Consent", "none on record"))
	}
	if f.Facts != nil {
		t := f.Facts.Tool
		b = append(b, p("Tool", known(t.Name)+" "+known(t.Version)))
		wide = append(wide, pair{"Image (SHA-256)", known(t.Image), fine})
	}
	section(c, "People, place and tool", gridHeight(c, inner, peopleLabel, a, b)+gridHeight(c, inner, peopleLabel, wide)+200)
	grid(c, left, inner, peopleLabel, a, b)
	c.y += 200
	grid(c, left, inner, peopleLabel, wide)
	c.y += 700
}

const peopleLabel pt = 6600

// exceptionsSection lists all that an auditor must not overlook.
func exceptionsSection(c *canvas, f *facts) {
	lines := exceptions(f)
	section(c, "Exceptions", 1500)
	if len(lines) == 0 {
		lines = []string{"None."}
	}
	for _, l := range lines {
		c.room(body.lead())
		c.text(left, c.y+body.size, bold, "–")
		c.para(left+1000, inner-1000, body, l)
		c.y += 120
	}
	c.y += 700
}

func exceptions(f *facts) []string {
	var out []string
	if f.Consent != nil && f.Consent.Accepted != "" {
		out = append(out, "Accepted by "+f.Consent.Who+": "+f.Consent.Accepted)
	}
	for _, o := range f.Orphans {
		out = append(out, fmt.Sprintf("Drive %s (%s, serial %s) was started, and no record says how it ended.", o.Name, known(o.Model), known(o.Serial)))
	}
	for _, r := range f.MachineRefusals {
		out = append(out, "Refused: "+r.Reason+". "+r.Do)
	}
	for _, r := range f.Removed {
		out = append(out, removedLine(r))
	}
	if f.Facts == nil {
		return append(out, "No facts about the machine are on record.")
	}
	for _, n := range f.Facts.NotHandled {
		out = append(out, "Not handled: "+n.What+". "+n.Do)
	}
	if f.Facts.LookedForOthers != certs.Yes {
		out = append(out, "Not shown: that no other storage is hidden in this device.")
	}
	for _, d := range f.Boot {
		out = append(out, fmt.Sprintf("The medium that the tool was started from (%s, serial %s) is no part of the device.", known(d.Model), known(d.Serial)))
	}
	for _, n := range f.Facts.NotKnown {
		out = append(out, "Not known: "+n)
	}
	out = append(out, f.Facts.Notes...)
	return out
}

package paper

import (
	"fmt"
	"slices"
	"strings"

	"handback.example/certs"
)

// addStatus says what the device is in law, what was taken out of it, and by which
// code it may travel. The code is a proposal.
func (c *Content) addStatus(f *facts) {
	d := f.Graded.Disposition
	status := map[string]string{
		certs.StatusEEE:  "EEE: used equipment that is used again, not waste",
		certs.StatusWEEE: "WEEE: waste electrical and electronic equipment",
		"":               "not decided: a person decides whether it is equipment (EEE) or waste (WEEE)",
	}[d.Status]
	pairs := []Pair{p("State in law", status), p("Weight", weightWords(d.WeightGrams, d.WeightEstimated, d.WeightSource)), p("Taken out", removedParts(f))}
	blocks := []Block{Grid{[][]Pair{pairs}}}
	if len(d.Waste) > 0 {
		blocks = append(blocks, Text{Words: "The codes are proposals: a person confirms them."}, wasteTable("Waste codes, as proposed", d.Waste), confirmed())
	}
	c.add("status", "Equipment or waste", blocks...)
}

func removedParts(f *facts) string {
	parts := capped(f.Graded.Disposition.Removed)
	if n := len(f.Removed); n > 0 {
		parts = append(parts[:len(parts):len(parts)], count(n, "drive"))
	}
	if len(parts) == 0 {
		return "nothing that is on record"
	}
	return strings.Join(parts, "; ")
}

func wasteTable(caption string, ws []certs.Waste) Table {
	t := Table{Caption: caption, Head: []string{"LoW code", "Description", "Hazardous", "Weight", "Containers"}, Shares: []int{13, 41, 12, 19, 15}}
	for _, w := range ws {
		t.Rows = append(t.Rows, []string{given(w.LoW), given(w.Description), known(w.Hazardous), weightWords(w.Grams, w.Estimated, ""), given(w.Containers)})
	}
	return t
}

// confirmed by hand.
func confirmed() Block {
	return Grid{[][]Pair{{{"Codes confirmed by", "", Blank}}, {{"Date, signature", "", Blank}}}}
}

// weightWords of grams, 0 where nobody knows. source may be empty.
func weightWords(grams int64, estimated, source string) string {
	if grams == 0 {
		return "not given"
	}
	s := number(grams) + " g"
	if grams >= 1000 {
		s = fmt.Sprintf("%s.%02d kg (%s g)", number(grams/1000), grams%1000/10, number(grams))
	}
	switch {
	case estimated == "":
		s += ", estimated or weighed: unknown"
	case estimated == certs.Yes && !strings.HasPrefix(source, "estimated"):
		s += ", estimated"
	}
	return joined(", ", s, source)
}

// addReceiver says who is to have the device, who took it, and what came of it.
func (c *Content) addReceiver(f *facts) {
	partner, title := f.Graded.Disposition.Partner, "Receiving partner"
	if t := f.Transferred; t != nil {
		partner = t.To
	}
	blocks := []Block{Grid{partyColumns(partner)}}
	if t := f.Transferred; t != nil {
		a := []Pair{p("Given by", given(joined(", ", t.By, t.From.Name))), p("On", f.dayOf(certs.KindTransferred)), p("At", given(t.Place))}
		b := []Pair{p("How", given(t.How)), p("Carrier", given(joined(", registration ", t.Carrier.Name, t.Carrier.Carrier))), pc("Seal", given(t.Seal)), p("Weight", weightWords(t.WeightGrams, certs.No, ""))}
		blocks = append(blocks, Text{"Transferred", true}, Grid{[][]Pair{a, b}})
	} else {
		blocks = append(blocks, Text{Words: "No transfer is on record."})
	}
	if r := f.Received; r != nil {
		blocks = append(blocks, receiptBlocks(f, r)...)
	} else {
		blocks = append(blocks, Text{Words: "No receipt is on record: this certificate is OPEN."})
	}
	c.add("receiver", title, blocks...)
}

func (f *facts) dayOf(k certs.Kind) string { return day(f.when[k].Wall) }

func receiptBlocks(f *facts, r *certs.Received) []Block {
	seal := given(r.Seal)
	if f.Transferred != nil && f.Transferred.Seal != r.Seal {
		seal += " (NOT the one that it was given away with)"
	}
	who := given(joined(", ", r.By, r.Party.Name))
	if f.Transferred != nil && f.Transferred.To.Name != r.Party.Name {
		who += " (NOT whom it was given to)"
	}
	a := []Pair{p("Received by", who), p("On", f.dayOf(certs.KindReceived)), p("At", given(r.Place))}
	b := []Pair{pc("Seal on arrival", seal), p("Weight", weightWords(r.WeightGrams, certs.No, ""))}
	out := []Block{Text{"Received", true}, Grid{[][]Pair{a, b}}, Grid{[][]Pair{{p("Declared", given(r.Declared))}}}}
	if len(r.Outcomes) == 0 {
		return append(out, Text{Words: "The receiver declared no outcomes."})
	}
	t := Table{Caption: "Outcomes, as the receiver declared them", Head: []string{"Outcome", "Weight"}, Shares: []int{30, 70}}
	for _, o := range r.Outcomes {
		w := "0 g"
		if o.Grams > 0 {
			w = weightWords(o.Grams, certs.No, "")
		}
		t.Rows = append(t.Rows, []string{o.Kind, w})
	}
	return append(out, t)
}

func partyColumns(y certs.Party) [][]Pair {
	if !y.Known() {
		return [][]Pair{{p("Name", "not named on record")}}
	}
	return [][]Pair{
		{p("Name", y.Name), p("Address", given(joined(", ", y.Address...))), p("Contact", given(y.Contact))},
		{p("Role", given(y.Role)), p("Permit", given(y.Permit)), p("Carrier registration", given(y.Carrier)), p("SIC code", given(y.SIC))},
	}
}

// addHierarchy says what is claimed about waste, and no more.
func (c *Content) addHierarchy(f *facts) {
	words := f.Graded.Disposition.Hierarchy
	if words == "" {
		words = "The waste hierarchy was applied: redeployment, remanufacture and donation were each considered before recycling, and the nearest better route is named above. Landfill is no route."
	}
	var zero string
	switch {
	case f.ZeroToLandfill():
		zero = "Zero to landfill, as the receiver declared: 0 g of this device were landfilled."
	case f.Closed && landfilled(f.Received) > 0:
		zero = fmt.Sprintf("Zero to landfill is not claimed: the receiver declared %s g landfilled.", number(landfilled(f.Received)))
	case f.Closed && len(f.Received.Outcomes) > 0 && !f.Received.Accounted():
		zero = "Zero to landfill is not claimed: the outcomes that the receiver declared weigh less than what arrived."
	case f.Closed:
		zero = "Zero to landfill is not claimed: the receiver did not declare outcomes with 0 g landfilled."
	default:
		zero = "This certificate is OPEN. Zero to landfill is claimed only for closed devices, as the receiver declared: " +
			"this one is closed when its receiver's receipt is on record, and is then issued anew as CLOSED."
	}
	c.add("hierarchy", "Waste hierarchy and zero to landfill", Text{Words: sentence(words)}, Text{zero, f.ZeroToLandfill()})
}

func landfilled(r *certs.Received) int64 {
	for _, o := range r.Outcomes {
		if o.Kind == certs.OutcomeLandfilled {
			return o.Grams
		}
	}
	return 0
}

// addTransferNote has the fields of a waste transfer note (Waste (England and Wales)
// Regulations 2011, reg. 35). What is not on record is a ruled line.
func (c *Content) addTransferNote(f *facts) {
	d := f.Graded.Disposition
	t := f.Transferred
	if t == nil {
		t = &certs.Transferred{To: d.Partner, From: certs.Party{Name: f.Intake.Letterhead.Organisation, Address: f.Intake.Letterhead.Address, Contact: f.Intake.Letterhead.Contact}}
	}
	waste := t.Waste
	if len(waste) == 0 {
		waste = d.Waste
	}
	when := ""
	if f.Transferred != nil {
		when = f.dayOf(certs.KindTransferred)
	}
	blocks := []Block{Text{Words: "What is not on record is a ruled line, to be filled in by hand. The parties keep the note for 2 years."}}
	if slices.ContainsFunc(waste, func(w certs.Waste) bool { return w.Hazardous == certs.Yes }) {
		blocks = append(blocks, Text{"Hazardous waste is among it: a consignment note is due instead of this note, and is kept for 3 years.", true})
	}
	if len(waste) > 0 {
		blocks = append(blocks, wasteTable("Waste that is transferred", waste))
	} else {
		blocks = append(blocks, Grid{[][]Pair{{{"LoW code", "", Blank}, {"Description", "", Blank}}, {{"Quantity", "", Blank}, {"Container", "", Blank}}}})
	}
	parties := Grid{[][]Pair{noteParty("Transferor", t.From, true), noteParty("Transferee", t.To, false)}}
	last := Grid{[][]Pair{{blank("Place of transfer", t.Place), blank("Date and time", when), blank("Carrier", t.Carrier.Name), blank("Carrier registration", t.Carrier.Carrier)},
		{{"Transferor's signature", "", Blank}, {"Transferee's signature", "", Blank}, {"Carrier's signature", "", Blank}}}}
	hierarchy := d.Hierarchy
	if hierarchy == "" {
		hierarchy = "see above"
	}
	c.add("note", "Waste transfer note (after the 2011 Regulations, reg. 35)", append(blocks, parties, last,
		Text{Words: "The transferor confirms to have applied the waste hierarchy as regulation 12 requires: " + sentence(hierarchy)})...)
}

func noteParty(who string, y certs.Party, sic bool) []Pair {
	out := []Pair{blank(who, y.Name), blank("Address", joined(", ", y.Address...)), blank("Contact", y.Contact), blank("Status", y.Role)}
	if sic {
		return append(out, blank("SIC code", y.SIC))
	}
	return append(out, blank("Permit", y.Permit))
}

// blank is a value, or a ruled line where there is none.
func blank(label, value string) Pair {
	if value == "" {
		return Pair{label, "", Blank}
	}
	return p(label, value)
}

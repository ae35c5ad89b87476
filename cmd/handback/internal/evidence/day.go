package evidence

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/settings"
)

// dayColumns of the list of a day's visits, one line a visit.
var dayColumns = []string{"Visit", "Begun (UTC)", "Ended (UTC)", "Asset tag", "Source", "Maker and model", "Serial number", "Drives", "Drives sanitised",
	"Verdict", "Level", "TPM", "Route", "Function", "Condition", "Validation", "State", "SHA-256 of record.json", "Papers", "SHA-256 of the papers"}

// dayName of the list of a day: 'certificates/2026-11-25.csv'.
func dayName(day string) string { return settings.CertificatesDir + "/" + day + ".csv" }

// WriteDay writes the list of the visits of a day ('2026-11-25', by the UTC date of
// their INTAKE) beside the papers: for people, and drawn anew from the records of
// the store each time, so that it never says anything else than they do. A visit
// whose records can't be verified, and one that nobody can date, stands in it with
// the reason. root vouches for the sticks.
//
// The file is CSV (RFC 4180) in UTF-8 with a byte order mark, without which Excel
// takes it for another encoding. A text that a spreadsheet would calculate has an
// apostrophe before it.
func WriteDay(ctx context.Context, st stick.Store, root *x509.Certificate, day string) error {
	rows, err := dayRows(ctx, st, root, day)
	if err != nil || len(rows) == 0 {
		return err
	}
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.Write(dayColumns); err != nil {
		return err
	}
	for _, r := range rows {
		var cells []string
		for _, c := range dayColumns {
			cells = append(cells, cell(r[c]))
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	if there, err := st.Read(ctx, dayName(day)); err == nil && bytes.Equal(there, b.Bytes()) {
		return nil
	}
	return st.Write(ctx, dayName(day), b.Bytes())
}

// cell is one line of text that no spreadsheet takes for a formula.
func cell(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}

// dayRow is one visit, by column.
type dayRow map[string]string

func dayRows(ctx context.Context, st stick.Store, root *x509.Certificate, day string) (rows []dayRow, err error) {
	visits, err := listAll(ctx, st)
	if err != nil {
		return nil, err
	}
	of, err := days(ctx, st, visits)
	if err != nil {
		return nil, err
	}
	for visit, seqs := range visits {
		if d := of[visit]; d != day && d != "" {
			continue
		}
		row, err := visitRow(ctx, st, root, visit, seqs)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b dayRow) int { return strings.Compare(a["Visit"], b["Visit"]) })
	return rows, nil
}

// readAtOnce bounds the memory that records take.
const readAtOnce = 200

// days on which visits began; empty where their INTAKE can't be read.
func days(ctx context.Context, st stick.Store, visits map[string][]int) (map[string]string, error) {
	of := map[string]string{}
	var names []string
	for visit, seqs := range visits {
		if slices.Contains(seqs, 1) {
			names = append(names, recordName(visit, 1))
		}
	}
	slices.Sort(names)
	for len(names) > 0 {
		chunk := names[:min(readAtOnce, len(names))]
		all, err := readTwice(ctx, st, chunk)
		if err != nil && (ctx.Err() != nil || !st.Present()) {
			return nil, err
		}
		for i, b := range all {
			visit := strings.TrimSuffix(strings.TrimPrefix(chunk[i], settings.SpoolDir+"/"), "-0001.json")
			if r, err := certs.Records([][]byte{b}); err == nil {
				of[visit], _, _ = strings.Cut(r[0].At.Wall, "T")
			}
		}
		read := len(all)
		if err != nil {
			read++ // this one can't be read: its row says so
		}
		names = names[read:]
	}
	return of, nil
}

// readTwice: what fails once is no reason to call a record unreadable.
func readTwice(ctx context.Context, st stick.Store, names []string) ([][]byte, error) {
	all, err := st.ReadAll(ctx, names)
	if err == nil || ctx.Err() != nil {
		return all, err
	}
	return st.ReadAll(ctx, names)
}

// visitRow of one visit. An error is of the store; what is wrong with the records
// stands in the row.
func visitRow(ctx context.Context, st stick.Store, root *x509.Certificate, visit string, seqs []int) (dayRow, error) {
	row := dayRow{"Visit": visit}
	envelopes, err := readTwice(ctx, st, recordNames(visit, seqs))
	if err != nil {
		if ctx.Err() != nil || !st.Present() {
			return nil, err
		}
		row["State"] = fmt.Sprintf("RECORDS CAN'T BE READ: %v", err)
		return row, nil
	}
	records, err := verified(envelopes, root)
	if err == nil && records[0].Visit != visit {
		err = fmt.Errorf("they are of visit %s", records[0].Visit)
	}
	if err != nil {
		row["State"] = fmt.Sprintf("RECORDS CAN'T BE VERIFIED: %v", err)
		return row, nil
	}
	row.fill(certs.Summarise(records))
	row["State"] = "not finished"
	if i := slices.IndexFunc(records, func(r certs.Record) bool { return r.Certified != nil }); i >= 0 {
		row["State"] = "certified"
		row["SHA-256 of record.json"] = certs.HashEnvelope(certs.JoinEnvelopes(envelopes[:i]))
		row.papers(records[i].Certified)
	}
	return row, nil
}

func (r dayRow) fill(s certs.Summary) {
	r["Begun (UTC)"], r["Ended (UTC)"] = s.First.Wall, s.Last.Wall
	r["Asset tag"], r["Source"] = s.Intake.Tag, s.Intake.Source
	r["Drives"], r["Drives sanitised"] = strconv.Itoa(len(s.Media)), strconv.Itoa(s.Sanitised)
	r["Verdict"], r["Level"], r["Route"], r["Validation"] = string(s.Verdict), string(s.Level), s.Route, s.Validation
	if r["TPM"] = s.TPMResult; s.Named {
		r["TPM"] = "not asked for"
	}
	if f := s.Facts; f != nil {
		r["Maker and model"], r["Serial number"] = strings.TrimSpace(f.Machine.Maker+" "+f.Machine.Model), f.Machine.Serial
	}
	if g := s.Graded; g != nil {
		r["Function"], r["Condition"] = g.Function, g.Condition
	}
}

func (r dayRow) papers(c *certs.Certified) {
	var names, sums []string
	for _, p := range c.Papers {
		names, sums = append(names, p.Name), append(sums, p.SHA256)
	}
	r["Papers"], r["SHA-256 of the papers"] = strings.Join(names, " "), strings.Join(sums, " ")
}

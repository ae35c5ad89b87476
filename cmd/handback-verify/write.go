package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"handback.example/certs/verify"
)

func (r report) write(o options, out, errs io.Writer) error {
	switch {
	case o.json:
		return r.writeJSON(out)
	case o.csv:
		if err := r.writeCSV(out); err != nil {
			return err
		}
		return r.writeSummary(errs)
	}
	var b bytes.Buffer
	for _, x := range r.results {
		fmt.Fprintf(&b, "%s: %s\n", show(x.File), show(x.Sentence))
	}
	for _, l := range r.listed {
		fmt.Fprintf(&b, "%s: not judged: neither *.pdf nor *.html nor a record.\n", show(l))
	}
	if _, err := out.Write(b.Bytes()); err != nil {
		return err
	}
	if len(r.results) < 2 && len(r.findings) == 0 {
		return nil
	}
	return r.writeSummary(out)
}

// maxFindings of one kind stand in the summary for people; JSON holds all.
const maxFindings = 20

func (r report) writeSummary(out io.Writer) error {
	var b bytes.Buffer
	t := r.totals
	fmt.Fprintf(&b, "Summary: %d judged: %d genuine", t.Files, t.Genuine)
	if t.Failing > 0 {
		fmt.Fprintf(&b, " (%d of them record a failure)", t.Failing)
	}
	fmt.Fprintf(&b, ", %d not genuine, %d unchecked; visits: %d, sticks: %d.\n", t.NotGenuine, t.Unchecked, t.Visits, t.Sticks)
	said := map[verify.FindingKind]int{}
	for _, f := range r.findings {
		if said[f.Kind]++; said[f.Kind] <= maxFindings {
			fmt.Fprintf(&b, "%s: %s.\n", headings[f.Kind], show(f.Sentence))
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(said)) {
		if n := said[kind]; n > maxFindings {
			fmt.Fprintf(&b, "%s: and %d more: --json lists all.\n", headings[kind], n-maxFindings)
		}
	}
	unknown := map[string]int{}
	var order []string
	for _, x := range r.results {
		for _, u := range x.Unknown {
			if unknown[u]++; unknown[u] == 1 {
				order = append(order, u)
			}
		}
	}
	for _, u := range order {
		fmt.Fprintf(&b, "Not known, of %d files: %s.\n", unknown[u], show(u))
	}
	_, err := out.Write(b.Bytes())
	return err
}

var headings = map[verify.FindingKind]string{
	verify.Fork: "Contradiction", verify.Gap: "Gap", verify.Overlap: "Overlap", verify.Orphan: "Without an end",
	verify.Replaced: "Replaced", verify.MissingPaper: "Paper missing",
}

// writeJSON writes one object, in ASCII: what a file's name or a record holds can't
// reach a terminal. It is written piece by piece, for there may be very many files.
func (r report) writeJSON(out io.Writer) error {
	w := bufio.NewWriter(out)
	put := func(before string, v any) error {
		b, err := json.MarshalIndent(v, "  ", "  ")
		if err == nil {
			_, err = w.WriteString(before + ascii(string(b)))
		}
		return err
	}
	if err := put("{\n  \"verdict\": ", r.worst()); err != nil {
		return err
	}
	between := ",\n  \"files\": [\n  "
	for _, x := range r.results {
		if err := put(between, x); err != nil {
			return err
		}
		between = ",\n  "
	}
	between = "\n  ]"
	if len(r.results) == 0 {
		between = ",\n  \"files\": []"
	}
	if len(r.listed) > 0 {
		if err := put(between+",\n  \"not_judged\": ", r.listed); err != nil {
			return err
		}
		between = ""
	}
	err := put(between+",\n  \"summary\": ", struct {
		verify.Totals
		Findings []verify.Finding `json:"findings"`
	}{r.totals, append([]verify.Finding{}, r.findings...)})
	if err == nil {
		_, err = w.WriteString("\n}\n")
	}
	return errors.Join(err, w.Flush())
}

// ascii escapes what is not, inside the strings of a JSON text (RFC 8259, 7).
func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// writeCSV writes one line a file (RFC 4180), for a spreadsheet.
func (r report) writeCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	w.UseCRLF = true
	rows := [][]string{{"file", "verdict", "sentence", "form", "paper", "revision", "visit", "stick", "class", "recorded", "level", "time claimed", "sha256"}}
	for _, x := range r.results {
		rows = append(rows, []string{x.File, string(x.Verdict), x.Sentence, string(x.Form), x.Paper, number(x.Revision), x.Visit, x.Stick, x.Class,
			x.Sanitised, x.Level, x.Time, x.SHA256})
	}
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// cell that no spreadsheet takes for a formula.
func cell(s string) string {
	s = show(s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}

// show makes a text safe to print: what would move the cursor, hide or reverse other
// text, or is no text at all, stands as an escape.
func show(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02X`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u{%04X}`, r)
		}
	}
	return b.String()
}

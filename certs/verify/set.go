package verify

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"handback.example/certs"
	"handback.example/certs/paper"
)

// seen is what a file says that other files may contradict.
type seen struct {
	visit    visit
	kind     paper.Kind          // empty: records alone
	history  [][sha256.Size]byte // of what each record says: a signature may be made twice
	number   int                 // of the visit
	intakes  []string            // hashes of INTAKE's envelope, in each way that its signature is written
	previous string
	serials  []string  // of its drives
	from, to time.Time // of the stick's part of the visit
	orphans  []certs.DriveRef
	replaces []certs.Paper
	named    []certs.Paper // by the newest CERTIFIED, of bare records
	failure  bool
}

// visit of a stick of one hub: another hub's sticks may have the same names.
type visit struct{ hub, name string }

func (v visit) stick() visit {
	v.name, _, _ = strings.Cut(v.name, "-")
	return v
}

func compareVisits(a, b visit) int {
	return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.hub, b.hub))
}

func look(envelopes [][]byte, records []certs.Record, by []*x509.Certificate, s certs.Summary) *seen {
	n := &seen{visit: visit{string(by[0].AuthorityKeyId), s.Visit}, intakes: []string{certs.HashEnvelope(envelopes[0])}, orphans: s.Orphans, failure: s.Bad()}
	for _, b := range envelopes {
		if e, err := certs.ParseEnvelope(b); err == nil { // sign.Verify has looked
			payload, _ := e.PayloadBytes()
			n.history = append(n.history, sha256.Sum256(payload))
		}
	}
	if _, number, ok := strings.Cut(s.Visit, "-"); ok {
		n.number, _ = strconv.Atoi(number) // a visit's name has at most nine digits
	}
	if s.Intake != nil {
		n.previous = s.Intake.Previous
	}
	for _, m := range s.Media {
		if m.Drive.Serial != "" {
			n.serials = append(n.serials, m.Drive.Serial)
		}
	}
	for i, r := range records {
		if r.Kind == certs.KindCertified {
			n.replaces, n.named = append(n.replaces, n.named...), r.Certified.Papers
		}
		if at, err := time.Parse(time.RFC3339, r.At.Wall); err == nil && by[i].Equal(by[0]) {
			if i == 0 || at.Before(n.from) {
				n.from = at
			}
			if at.After(n.to) {
				n.to = at
			}
		}
	}
	return n
}

// Kind of a Finding.
type FindingKind string

const (
	// Fork: one visit, or the place after one, is told in two ways. The files are not
	// genuine where the same record exists twice.
	Fork FindingKind = "fork"
	// Gap: visits of a stick are missing between others.
	Gap FindingKind = "gap"
	// Overlap: one drive was in two visits at the same time.
	Overlap FindingKind = "overlap"
	// Orphan: an erasure began, and no record says how it ended.
	Orphan FindingKind = "orphan"
	// Replaced: a later paper stands in this one's place.
	Replaced FindingKind = "replaced"
	// MissingPaper: CERTIFIED names a paper that is not here, or is here with another
	// content.
	MissingPaper FindingKind = "missing-paper"
)

// Finding is what only several files together show.
type Finding struct {
	Kind     FindingKind `json:"kind"`
	Sentence string      `json:"sentence"`
	Visits   []string    `json:"visits,omitempty"`
	Files    []string    `json:"files,omitempty"`
}

// Reconcile compares the files with each other. Where two of them tell one visit in
// two ways, none of that visit's files is genuine any more: one history is false, and
// which can't be known. All other findings leave the verdicts as they are.
func Reconcile(results []Result) []Finding {
	visits := map[visit][]*Result{}
	for i := range results {
		if r := &results[i]; r.seen != nil && r.Verdict != NotGenuine {
			visits[r.seen.visit] = append(visits[r.seen.visit], r)
		}
	}
	var out []Finding
	for _, v := range slices.SortedFunc(maps.Keys(visits), compareVisits) {
		files, name := visits[v], v.name
		longest := slices.MaxFunc(files, func(a, b *Result) int { return cmp.Compare(len(a.seen.history), len(b.seen.history)) })
		if f, ok := forked(name, files, longest); ok {
			out = append(out, f)
			delete(visits, v)
			continue
		}
		for _, d := range longest.seen.orphans {
			out = append(out, Finding{Orphan, fmt.Sprintf("visit %s: the erasure of drive %s, serial %s, began, and no record says how it ended",
				name, orUnknown(d.Name), orUnknown(d.Serial)), []string{name}, []string{longest.File}})
		}
		for _, r := range files {
			if h := r.seen.intakes[0]; !slices.Contains(longest.seen.intakes, h) {
				longest.seen.intakes = append(longest.seen.intakes, h)
			}
		}
		visits[v] = []*Result{longest}
	}
	out = append(out, order(visits)...)
	out = append(out, overlaps(visits)...)
	return append(out, papers(results)...)
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// forked compares every file of a visit with the one that tells most.
func forked(name string, files []*Result, longest *Result) (Finding, bool) {
	for _, r := range files {
		for i, h := range r.seen.history {
			if h == longest.seen.history[i] {
				continue
			}
			f := Finding{Kind: Fork, Visits: []string{name}, Sentence: fmt.Sprintf(
				"visit %s exists with two histories: record %d is one in %s and another in %s; the stick or its key was copied, and which history is true can't be known", name, i+1, r.File, longest.File)}
			for _, x := range files {
				f.Files = append(f.Files, x.File)
				*x = x.refused("%s", f.Sentence)
			}
			return f, true
		}
	}
	return Finding{}, false
}

// order of each stick's visits: by their numbers, and by what each INTAKE names as
// the visit before.
func order(visits map[visit][]*Result) []Finding {
	sticks := map[visit][]*Result{}
	for v, f := range visits {
		sticks[v.stick()] = append(sticks[v.stick()], f[0])
	}
	var out []Finding
	for _, stick := range slices.SortedFunc(maps.Keys(sticks), compareVisits) {
		all := sticks[stick]
		slices.SortFunc(all, func(a, b *Result) int { return cmp.Compare(a.seen.number, b.seen.number) })
		after := map[string]*Result{}
		for i, r := range all {
			p := r.seen.previous
			twin := after[p]
			after[p] = r
			switch {
			case p != "" && twin != nil:
				out = append(out, pair(Fork, twin, r, "visits %s and %s both name the same visit as the one before them: the stick or its key was copied", twin.Visit, r.Visit))
			case i > 0:
				out = append(out, step(stick.name, all[i-1], r)...)
			}
		}
	}
	return out
}

// step from one visit of a stick to the next that is here.
func step(stick string, a, b *Result) []Finding {
	missing := b.seen.number - a.seen.number - 1
	switch {
	case slices.Contains(a.seen.intakes, b.seen.previous): // numbers that were taken and never used are none of ours to miss
		return nil
	case missing == 0:
		return []Finding{pair(Fork, a, b, "visit %s does not name visit %s as the one before it, though its number is the next: the stick or its key was copied", b.Visit, a.Visit)}
	case missing == 1:
		return []Finding{pair(Gap, a, b, "stick %s: 1 visit is missing between %s and %s", stick, a.Visit, b.Visit)}
	}
	return []Finding{pair(Gap, a, b, "stick %s: up to %d visits are missing between %s and %s", stick, missing, a.Visit, b.Visit)}
}

func pair(kind FindingKind, a, b *Result, format string, v ...any) Finding {
	return Finding{kind, fmt.Sprintf(format, v...), []string{a.Visit, b.Visit}, []string{a.File, b.File}}
}

// overlaps finds drives that were in two machines at once.
func overlaps(visits map[visit][]*Result) []Finding {
	drives := map[string][]*Result{}
	for _, f := range visits {
		for _, s := range f[0].seen.serials {
			drives[s] = append(drives[s], f[0])
		}
	}
	var out []Finding
	for _, serial := range slices.Sorted(maps.Keys(drives)) {
		all := drives[serial]
		slices.SortFunc(all, func(a, b *Result) int {
			return cmp.Or(a.seen.from.Compare(b.seen.from), cmp.Compare(a.Visit, b.Visit))
		})
		var last *Result // of those before, the one that ended last
		for _, r := range all {
			if last != nil && last.seen.visit != r.seen.visit && last.seen.to.After(r.seen.from) {
				out = append(out, pair(Overlap, last, r, "drive %s was in visits %s and %s at the same time (%s to %s, and %s to %s): a clock was wrong, or one of them was not about this drive",
					serial, last.Visit, r.Visit, certs.Stamp(last.seen.from), certs.Stamp(last.seen.to), certs.Stamp(r.seen.from), certs.Stamp(r.seen.to)))
			}
			if last == nil || r.seen.to.After(last.seen.to) {
				last = r
			}
		}
	}
	return out
}

// papers that others replace, and papers that a visit's records name.
func papers(results []Result) []Finding {
	byHash, byName := map[string]*Result{}, map[string]*Result{}
	for i := range results {
		if r := &results[i]; r.Form == FormPDF || r.Form == FormHTML {
			byHash[r.SHA256], byName[base(r.File)] = r, r
		}
	}
	var out []Finding
	said := map[string]bool{}
	for i := range results {
		r := &results[i]
		if r.seen == nil || r.Verdict == NotGenuine {
			continue
		}
		for _, p := range r.seen.replaces {
			if old := byHash[p.SHA256]; old != nil && !said[p.SHA256] && sameKind(old, r) {
				said[p.SHA256] = true
				out = append(out, Finding{Replaced, fmt.Sprintf("%s is replaced by a later paper: see %s", old.File, r.File), []string{r.Visit}, []string{old.File, r.File}})
			}
		}
		if r.seen.kind != "" || len(byHash) == 0 {
			continue
		}
		for _, p := range r.seen.named {
			if f, ok := absent(r, p, byHash, byName); ok {
				out = append(out, f)
			}
		}
	}
	return out
}

// sameKind reports whether a paper, or a visit's records, stand in the place of an older
// paper of the visit.
func sameKind(old, r *Result) bool {
	return (r.seen.kind == "" || old.Paper == r.Paper) && (old.seen == nil || old.seen.visit == r.seen.visit)
}

func absent(r *Result, p certs.Paper, byHash, byName map[string]*Result) (Finding, bool) {
	if byHash[p.SHA256] != nil {
		return Finding{}, false
	}
	if other := byName[p.Name]; other != nil {
		return Finding{MissingPaper, fmt.Sprintf("%s is not the paper of that name that visit %s certified", other.File, r.Visit), []string{r.Visit}, []string{other.File, r.File}}, true
	}
	return Finding{MissingPaper, fmt.Sprintf("visit %s certified %s, which is not here", r.Visit, p.Name), []string{r.Visit}, []string{r.File}}, true
}

func base(file string) string { return path.Base(strings.ReplaceAll(file, `\`, "/")) }

// Totals of a run.
type Totals struct {
	Files      int `json:"files"`
	Genuine    int `json:"genuine"`
	Failing    int `json:"recording_a_failure"` // of the genuine ones
	NotGenuine int `json:"not_genuine"`
	Unchecked  int `json:"unchecked"`
	Visits     int `json:"visits"`
	Sticks     int `json:"sticks"`
}

// Count the results after Reconcile.
func Count(results []Result) Totals {
	t := Totals{Files: len(results)}
	visits, sticks := map[visit]bool{}, map[visit]bool{}
	for _, r := range results {
		switch r.Verdict {
		case Genuine:
			t.Genuine++
			if r.seen != nil && r.seen.failure {
				t.Failing++
			}
		case NotGenuine:
			t.NotGenuine++
			continue
		default:
			t.Unchecked++
		}
		v := visit{name: r.Visit}
		if r.seen != nil {
			v = r.seen.visit
		}
		if r.Visit != "" {
			visits[v], sticks[v.stick()] = true, true
		}
	}
	t.Visits, t.Sticks = len(visits), len(sticks)
	return t
}

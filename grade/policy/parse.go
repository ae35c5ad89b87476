package policy

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxSize of a policy file. The one that ships has 7 KB.
const maxSize = 1 << 20

// Parse reads a policy and checks it whole: every mistake is reported, and a key
// that this version does not know is a mistake, never ignored.
func Parse(b []byte) (Policy, error) {
	if len(b) > maxSize {
		return Policy{}, fmt.Errorf("policy: the file has %d bytes: a policy has at most %d", len(b), maxSize)
	}
	var p Policy
	md, err := toml.Decode(string(b), &p)
	if err != nil {
		var at toml.ParseError
		if errors.As(err, &at) {
			return Policy{}, fmt.Errorf("policy: line %d: %w", at.Position.Line, err)
		}
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	var bad []error
	for _, k := range md.Undecoded() {
		bad = append(bad, fmt.Errorf("policy: line %d: unknown key %q: correct its name or remove it", lineOf(b, k), k.String()))
	}
	for _, need := range required {
		if !md.IsDefined(need...) {
			bad = append(bad, fmt.Errorf("policy: %s is missing: set it", strings.Join(need, ".")))
		}
	}
	bad = append(bad, p.checkFigures(), p.checkScales(), p.checkRoles(), p.checkQuestions())
	if err := errors.Join(bad...); err != nil {
		return Policy{}, err
	}
	p.hash = sum(b)
	return p, nil
}

// A threshold that is left out would be 0, and 0 lets everything pass.
var required = [][]string{
	{"id"}, {"version"},
	{"level", "redeploy"}, {"level", "remanufacture"}, {"level", "donate"}, {"level", "recycle"},
	{"battery", "redeploy_pct"}, {"battery", "redeploy_cycles"}, {"battery", "donate_pct"},
	{"drive", "redeploy_used_pct"}, {"drive", "donate_used_pct"}, {"drive", "bad_sectors"},
	{"machine", "donate_memory_gb"}, {"machine", "donate_storage_gb"}, {"machine", "repairable_faults"},
	{"grade", "redeploy_function"}, {"grade", "redeploy_condition"}, {"grade", "remanufacture_condition"},
	{"grade", "donate_function"}, {"grade", "donate_condition"},
	{"windows", "memory_gb"}, {"windows", "storage_gb"}, {"windows", "cores"},
}

func (p Policy) checkFigures() error {
	var bad []error
	within := func(name string, v, low, high int64) {
		if v < low || v > high {
			bad = append(bad, fmt.Errorf("policy: %s is %d: it must be %d to %d", name, v, low, high))
		}
	}
	within("battery.redeploy_pct", int64(p.Battery.RedeployPct), 1, 100)
	within("battery.donate_pct", int64(p.Battery.DonatePct), 1, int64(max(1, p.Battery.RedeployPct)))
	within("battery.redeploy_cycles", int64(p.Battery.RedeployCycles), 1, 10000)
	within("drive.donate_used_pct", int64(p.Drive.DonateUsedPct), 1, 255)
	within("drive.redeploy_used_pct", int64(p.Drive.RedeployUsedPct), 1, int64(max(1, p.Drive.DonateUsedPct)))
	within("drive.bad_sectors", p.Drive.BadSectors, 0, 1<<32)
	within("machine.donate_memory_gb", int64(p.Machine.DonateMemoryGB), 1, 1024)
	within("machine.donate_storage_gb", int64(p.Machine.DonateStorageGB), 1, 1<<20)
	within("machine.repairable_faults", int64(p.Machine.RepairableFaults), 0, 100)
	within("windows.memory_gb", int64(p.Windows.MemoryGB), 1, 1024)
	within("windows.storage_gb", int64(p.Windows.StorageGB), 1, 1<<20)
	within("windows.cores", int64(p.Windows.Cores), 1, 1024)
	return errors.Join(bad...)
}

func (p Policy) checkScales() error {
	var bad []error
	oneOf := func(name, v string, may ...string) {
		if !slices.Contains(may, v) {
			bad = append(bad, fmt.Errorf("policy: %s is %q: it must be one of %s", name, v, strings.Join(may, ", ")))
		}
	}
	l := p.Level
	for name, v := range map[string]string{"redeploy": l.Redeploy, "remanufacture": l.Remanufacture, "donate": l.Donate, "recycle": l.Recycle} {
		oneOf("level."+name, v, "clear", "purge")
	}
	oneOf("grade.redeploy_function", p.Grade.RedeployFunction, CountsF3, CountsF4)
	oneOf("grade.donate_function", p.Grade.DonateFunction, CountsF3, CountsF4)
	conditions := []string{"C1", "C2", "C3", "C4", "C5", "C6"}
	oneOf("grade.redeploy_condition", p.Grade.RedeployCondition, conditions...)
	oneOf("grade.remanufacture_condition", p.Grade.RemanufactureCondition, conditions...)
	oneOf("grade.donate_condition", p.Grade.DonateCondition, conditions...)
	for name, v := range map[string]string{"id": p.ID, "version": p.Version} {
		if !plainID(v) {
			bad = append(bad, fmt.Errorf("policy: %s is %q: use 1 to 64 letters, digits, dots and dashes", name, v))
		}
	}
	return errors.Join(bad...)
}

func (p Policy) checkRoles() error {
	if len(p.Roles) == 0 {
		return errors.New("policy: no roles: name at least one that a machine can be redeployed as")
	}
	var bad []error
	for i, r := range p.Roles {
		if !plainText(r.Name) {
			bad = append(bad, fmt.Errorf("policy: role %d has no name in plain text: give it one", i+1))
		}
		if r.MemoryGB < 1 || r.StorageGB < 1 || r.BatteryPct < 0 || r.BatteryPct > 100 {
			bad = append(bad, fmt.Errorf("policy: role %q: memory_gb and storage_gb must be at least 1, battery_pct 0 to 100", r.Name))
		}
		if r.GPU != "" && r.GPU != "discrete" {
			bad = append(bad, fmt.Errorf("policy: role %q: gpu is %q: it must be 'discrete' or left out", r.Name, r.GPU))
		}
	}
	return errors.Join(bad...)
}

func (p Policy) checkQuestions() error {
	var bad []error
	seen, counts := map[string]bool{}, map[string]int{}
	for _, q := range p.Questions {
		if seen[q.ID] {
			bad = append(bad, fmt.Errorf("policy: question %q stands twice", q.ID))
		}
		seen[q.ID] = true
		counts[q.Counts]++
		bad = append(bad, q.check())
	}
	if counts[CountsCondition] != 1 {
		bad = append(bad, fmt.Errorf("policy: %d questions count for condition: there must be one", counts[CountsCondition]))
	}
	if counts[CountsF3] == 0 {
		bad = append(bad, errors.New("policy: no question counts for F3: a machine that nobody tested would pass"))
	}
	return errors.Join(bad...)
}

func (q Question) check() error {
	var bad []error
	say := func(format string, a ...any) {
		bad = append(bad, fmt.Errorf("policy: question %q: "+format, append([]any{q.ID}, a...)...))
	}
	if !plainID(q.ID) {
		say("the id must be 1 to 64 letters, digits, dots and dashes")
	}
	if !plainText(q.Ask) || !plainText(q.Short) {
		say("ask and short must be plain text")
	}
	if !slices.Contains([]string{CountsGate, CountsCondition, CountsF3, CountsF4, CountsNote}, q.Counts) {
		say("counts is %q: it must be gate, condition, F3, F4 or note", q.Counts)
	}
	if _, known := Parts[q.Needs]; q.Needs != "" && !known {
		say("needs is %q: it must be one of %s", q.Needs, strings.Join(slices.Sorted(maps.Keys(Parts)), ", "))
	}
	if q.Counts != CountsCondition && !plainText(q.Repair) {
		say("repair must say what to do where it fails")
	}
	values := map[string]bool{}
	for _, c := range q.Choices {
		if !plainID(c.Value) || !plainText(c.Label) || values[c.Value] {
			say("choice %q must have a value of its own and a label", c.Value)
		}
		values[c.Value] = true
		if !slices.Contains([]string{MeansPass, MeansFail, MeansAbsent, MeansUnknown}, c.Means) {
			say("choice %q means %q: it must be pass, fail, absent or unknown", c.Value, c.Means)
		}
		if c.Means == MeansAbsent && q.Needs == "" {
			say("choice %q: a part can be absent only where the question needs one", c.Value)
		}
		if q.Counts == CountsCondition && c.Means == MeansPass && !conditionValue.MatchString(c.Value) {
			say("choice %q: a condition is C1 to C6", c.Value)
		}
	}
	if q.Means(NotTested) != MeansUnknown || !values[NotTested] {
		say("the choice %q with the meaning 'unknown' is missing", NotTested)
	}
	if len(q.Choices) > 9 {
		say("%d choices: the keys 1 to 9 must reach all", len(q.Choices))
	}
	return errors.Join(bad...)
}

var conditionValue = regexp.MustCompile(`^C[1-6]$`)

func plainID(s string) bool {
	return len(s) <= 64 && regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`).MatchString(s)
}

// plainText keeps control characters off screens and papers.
func plainText(s string) bool {
	if s == "" || len(s) > 200 {
		return false
	}
	for _, r := range s {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return true
}

var tableHeader = regexp.MustCompile(`^\s*\[{1,2}\s*([^\]]+?)\s*\]`)

// lineOf finds the first line on which a key stands; 0 where it stands inside
// an inline table. The TOML library tells no position of keys.
func lineOf(b []byte, k toml.Key) int {
	table := ""
	name := regexp.MustCompile(`^\s*"?` + regexp.QuoteMeta(k[len(k)-1]) + `"?\s*=`)
	for i, line := range strings.Split(string(b), "\n") {
		if m := tableHeader.FindStringSubmatch(line); m != nil {
			table = m[1]
			if table == k.String() {
				return i + 1
			}
			continue
		}
		if name.MatchString(line) && table == strings.Join(k[:len(k)-1], ".") {
			return i + 1
		}
	}
	for i, line := range strings.Split(string(b), "\n") {
		if strings.Contains(line, k[len(k)-1]) {
			return i + 1
		}
	}
	return 0
}

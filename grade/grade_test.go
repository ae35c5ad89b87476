package grade

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"handback.example/grade/policy"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/function"
)

// good is a laptop on which everything was tested and passed: 16 GB, an NVMe
// drive of 512 GB, a battery at 91 % after 210 cycles.
func good() Input {
	k := func(v string) inspect.Fact[string] { return inspect.Known(v, "test") }
	r := &inspect.Report{
		Machine:  inspect.Machine{Kind: k("laptop")},
		CPU:      inspect.CPU{Model: k("Intel(R) Core(TM) i5-8365U CPU @ 1.60GHz"), Cores: inspect.Known(4, "test"), Windows11: inspect.Known(true, "test")},
		Memory:   inspect.Memory{Bytes: inspect.Known[int64](17179869184, "test")},
		Battery:  []inspect.Battery{{Name: "BAT0", HealthPct: inspect.Known(91, "test"), Cycles: inspect.Known(210, "test")}},
		Network:  []inspect.NIC{{Name: "eth0", Kind: "ethernet"}},
		Firmware: inspect.Firmware{UEFI: inspect.Known(true, "test"), SecureBoot: inspect.Known(true, "test")},
		TPM:      inspect.TPM{Present: inspect.Known(true, "test"), Version: k("2.0")},
		Drives: []inspect.Drive{{Path: "/dev/nvme0n1", Provenance: drive.ProvenanceKernel,
			Identity: drive.Identity{Bus: drive.BusNVMe, Model: "Samsung PM981", Serial: "S4GENX0M512345", Size: 512110190592},
			Health:   inspect.Health{Verdict: k("good"), UsedPct: inspect.Known(7, "test"), Critical: inspect.Known[uint8](0, "test")}}},
	}
	a := Custody(false, false, false)
	maps.Copy(a, map[string]string{"battery-case": "flat", "lock": "none", "condition": "C4", "screen": "works",
		"keyboard": "works", "charging": "works", "touchpad": "works", "ports": "works",
		"hinges": "works", "touchscreen": "works"})
	return Input{Report: r, Sanitised: true, Level: "purge", TPM: TPMCleared, Answers: a}
}

func TestDecide(t *testing.T) {
	answer := func(kv ...string) func(*Input) {
		return func(in *Input) {
			for i := 0; i < len(kv); i += 2 {
				in.Answers[kv[i]] = kv[i+1]
			}
		}
	}
	clear := func(in *Input) { in.Level = "clear" }
	old := func(in *Input) {
		in.Report.CPU.Windows11 = inspect.Known(false, "test")
	}
	battery := func(health, cycles int) func(*Input) {
		return func(in *Input) {
			in.Report.Battery[0].HealthPct, in.Report.Battery[0].Cycles = inspect.Known(health, "t"), inspect.Known(cycles, "t")
		}
	}
	for _, c := range []struct {
		name     string
		change   []func(*Input)
		route    Route
		rule     string
		says     string // stands in why, better, hold or missing
		function string
	}{
		{"all good", nil, Redeploy, "route.redeploy", "fits the role Office", "F4"},
		{"all good, cleared only", []func(*Input){clear}, Redeploy, "route.redeploy", "Office", "F4"},
		{"not sanitised", []func(*Input){func(in *Input) { in.Sanitised = false }}, Hold, "gate.data", "destroy the drive only", "F4"},
		{"sanitised to no level", []func(*Input){func(in *Input) { in.Level = "none" }}, Hold, "gate.data", "level", "F4"},
		{"a medium is left", []func(*Input){func(in *Input) { in.Unhandled = 1 }}, Hold, "gate.unhandled", "1 media", "F4"},
		{"stolen", []func(*Input){answer(AnswerStolen, "yes")}, Hold, "gate.stolen", "police", "F4"},
		{"custody not asked", []func(*Input){func(in *Input) { delete(in.Answers, AnswerLegalHold) }}, Hold, "gate.legal-hold", "nobody said", "F4"},
		{"swollen battery", []func(*Input){answer("battery-case", "swollen")}, Hold, "gate.battery-case", "fire-safe", "F4"},
		{"battery not looked at", []func(*Input){answer("battery-case", "not-tested")}, Hold, "gate.battery-case", "nobody checked", "F4"},
		{"locked", []func(*Input){answer("lock", "locked")}, Hold, "gate.lock", "lock desk", "F4"},
		{"TPM not cleared", []func(*Input){func(in *Input) { in.TPM = TPMNotCleared }}, Hold, "gate.tpm", "firmware setup", "F4"},
		{"TPM pending", []func(*Input){func(in *Input) { in.TPM = TPMPending }}, Hold, "gate.tpm", "start the machine again", "F4"},
		{"TPM unknown", []func(*Input){func(in *Input) { in.TPM = "" }}, Hold, "gate.tpm", "nobody knows", "F4"},
		{"no TPM", []func(*Input){func(in *Input) { in.TPM = TPMNotPresent }}, Redeploy, "route.redeploy", "", "F4"},

		{"worn battery", []func(*Input){battery(79, 100)}, Remanufacture, "route.remanufacture", "REDEPLOY: replace the battery", "F4"},
		{"battery at the threshold", []func(*Input){battery(80, 750)}, Redeploy, "route.redeploy", "", "F4"},
		{"too many cycles", []func(*Input){battery(95, 751)}, Remanufacture, "route.remanufacture", "replace the battery", "F4"},
		{"worn battery, cleared only", []func(*Input){battery(79, 100), clear}, Hold, "gate.level", "REMANUFACTURE needs purge", "F4"},
		{"worn battery, clear accepted", []func(*Input){battery(79, 100), clear, func(in *Input) { in.LevelAccepted = true }}, Remanufacture, "route.remanufacture", "", "F4"},
		{"cycles unknown", []func(*Input){func(in *Input) { in.Report.Battery[0].Cycles = inspect.Unknown[int]("sysfs", "0") }}, Remanufacture, "route.remanufacture", "read the battery's health and cycles", "F4"},
		{"screen broken", []func(*Input){answer("screen", "broken")}, Remanufacture, "route.remanufacture", "replace the screen", "below F3"},
		{"port broken", []func(*Input){answer("ports", "broken")}, Remanufacture, "route.remanufacture", "replace the broken port", "F3"},
		{"keyboard not tested", []func(*Input){answer("keyboard", "not-tested")}, Remanufacture, "route.remanufacture", "REDEPLOY: test: keyboard", "not tested in full"},
		{"answer that is no choice", []func(*Input){answer("keyboard", "yes")}, Remanufacture, "route.remanufacture", "test: keyboard", "not tested in full"},
		{"poor case", []func(*Input){answer("condition", "C2")}, Remanufacture, "route.remanufacture", "case", "F4"},
		{"failing drive", []func(*Input){func(in *Input) { in.Report.Drives[0].Health.Critical = inspect.Known[uint8](4, "t") }}, Remanufacture, "route.remanufacture", "replace the drive", "F4"},
		{"moved sectors", []func(*Input){func(in *Input) { in.Report.Drives[0].Health.Realloc = inspect.Known[int64](1, "t") }}, Remanufacture, "route.remanufacture", "replace the drive", "F4"},
		{"reported errors", []func(*Input){func(in *Input) { in.Report.Drives[0].Health.Reported = inspect.Known[int64](1, "t") }}, Remanufacture, "route.remanufacture", "replace the drive", "F4"},
		{"commands timed out", []func(*Input){func(in *Input) { in.Report.Drives[0].Health.Timeouts = inspect.Known[int64](1, "t") }}, Remanufacture, "route.remanufacture", "replace the drive", "F4"},
		{"pending sectors", []func(*Input){func(in *Input) { in.Report.Drives[0].Health.Pending = inspect.Known[int64](1, "t") }}, Remanufacture, "route.remanufacture", "replace the drive", "F4"},
		{"sectors lost", []func(*Input){func(in *Input) { in.Report.Drives[0].Health.Uncorrectable = inspect.Known[int64](1, "t") }}, Remanufacture, "route.remanufacture", "replace the drive", "F4"},
		{"drive says nothing", []func(*Input){func(in *Input) { in.Report.Drives[0].Health = inspect.Health{} }}, Remanufacture, "route.remanufacture", "health log", "F4"},
		{"Secure Boot off", []func(*Input){func(in *Input) { in.Report.Firmware.SecureBoot = inspect.Known(false, "t") }}, Remanufacture, "route.remanufacture", "turn Secure Boot on", "F4"},
		{"too little memory", []func(*Input){func(in *Input) { in.Report.Memory.Bytes = inspect.Known[int64](4294967296, "t") }}, Remanufacture, "route.remanufacture", "role", "F4"},

		{"old processor", []func(*Input){old}, Donate, "route.donate", "does not support this processor", "F4"},
		{"old, battery 60", []func(*Input){old, battery(60, 2000)}, Donate, "route.donate", "", "F4"},
		{"old, battery 59", []func(*Input){old, battery(59, 2000)}, Recycle, "route.recycle", "DONATE: replace the battery", "F4"},
		{"old, screen broken", []func(*Input){old, answer("screen", "broken")}, Recycle, "route.recycle", "DONATE: replace the screen", "below F3"},
		{"damaged", []func(*Input){answer("condition", "C1")}, Recycle, "route.recycle", "condition: C1", "F4"},
		{"damaged, cleared only", []func(*Input){answer("condition", "C1"), clear}, Hold, "gate.level", "RECYCLE needs purge", "F4"},
		{"four faults", []func(*Input){answer("screen", "broken", "keyboard", "broken", "charging", "broken", "ports", "broken")}, Recycle, "route.recycle", "screen: No", "below F3"},
		{"condition not looked at", []func(*Input){answer("condition", "not-tested")}, Hold, "gate.missing", "test: condition of the case", "F4"},
		{"nobody tested anything", []func(*Input){func(in *Input) { in.Answers = Custody(false, false, false) }}, Hold, "gate.battery-case", "test: screen", "not tested"},
		{"zero input", []func(*Input){func(in *Input) { *in = Input{} }}, Hold, "gate.data", "", "not tested"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := good()
			for _, f := range c.change {
				f(&in)
			}
			d := Decide(in, policy.Default())
			if d.Route != c.route || d.Rule != c.rule || d.Function != c.function {
				t.Errorf("%s by %s, function %s; want %s by %s, function %s\n%+v", d.Route, d.Rule, d.Function, c.route, c.rule, c.function, d)
			}
			all := d.Why + d.Better + strings.Join(d.Hold, "") + strings.Join(d.Missing, "")
			if !strings.Contains(all, c.says) {
				t.Errorf("%q is not said in: %s", c.says, all)
			}
			if d.Why == "" || d.Better == "" || d.LevelNeeded == "" || len(d.Inputs) == 0 || d.Policy.SHA256 == "" {
				t.Errorf("a decision must print its reason, inputs and policy: %+v", d)
			}
			if (d.Route == Hold) != (len(d.Hold) > 0) {
				t.Errorf("route %s with hold reasons %q", d.Route, d.Hold)
			}
		})
	}
}

func TestRoleGoesToTheMostDemandingThatFits(t *testing.T) {
	in := good()
	in.Report.Memory.Bytes = inspect.Known[int64](34359738368, "t")
	if d := Decide(in, policy.Default()); d.Role != "Developer" {
		t.Errorf("32 GB and 512 GB: role %q, want Developer", d.Role)
	}
	in.Report.GPU = []string{"NVIDIA T1000"}
	if d := Decide(in, policy.Default()); d.Role != "Analyst" {
		t.Errorf("and a discrete GPU: role %q, want Analyst", d.Role)
	}
}

func TestDesktopNeedsNoBattery(t *testing.T) {
	in := good()
	in.Report.Machine.Kind = inspect.Known("desktop", "t")
	in.Report.Battery = nil
	for _, q := range []string{"battery-case", "charging", "touchpad", "hinges", "touchscreen"} {
		delete(in.Answers, q)
	}
	if d := Decide(in, policy.Default()); d.Route != Redeploy {
		t.Errorf("%s by %s: %s %v", d.Route, d.Rule, d.Why, d.Hold)
	}
}

// A machine that nobody tested, on which everything that can be read is good,
// is never redeployed, and every missing test is named.
func TestUntestedIsNeverRedeployed(t *testing.T) {
	p := policy.Default()
	for i, q := range p.Questions {
		if q.Counts == policy.CountsNote {
			continue
		}
		in := good()
		in.Answers[q.ID] = policy.NotTested
		d := Decide(in, p)
		if d.Route == Redeploy {
			t.Errorf("question %d %s was not answered and the machine is redeployed", i, q.ID)
		}
		if !strings.Contains(strings.Join(append(slices.Clone(d.Missing), d.Hold...), " "), q.Short) {
			t.Errorf("%s is not named as missing: %v %v", q.ID, d.Missing, d.Hold)
		}
	}
}

// A part that the machine has not got is not asked for, and one that a person found it
// not to have is no fault; one that may be there and was not tested is.
func TestPartsThatAMachineHasNotGot(t *testing.T) {
	none := inspect.Known(false, "no touchscreen among the input devices")
	for name, c := range map[string]struct {
		fact   inspect.Fact[bool]
		answer string
		want   Route
	}{
		"known to be absent": {none, "", Redeploy}, "found to be absent": {inspect.Fact[bool]{}, "none", Redeploy},
		"unknown, not tested": {inspect.Fact[bool]{}, "", Remanufacture}, "there, not tested": {inspect.Known(true, "t"), "", Remanufacture},
		"there, broken": {inspect.Known(true, "t"), "broken", Remanufacture}, "there, works": {inspect.Known(true, "t"), "works", Redeploy},
	} {
		t.Run(name, func(t *testing.T) {
			in := good()
			in.Report.Devices.Touchscreen, in.Answers["touchscreen"] = c.fact, c.answer
			if d := Decide(in, policy.Default()); d.Route != c.want {
				t.Errorf("%s, want %s: %s %v", d.Route, c.want, d.Why, d.Missing)
			}
		})
	}
}

// A test that failed is a fault; one that was not done to its end changes no route, and
// stands as not tested.
func TestMeasured(t *testing.T) {
	outcome := func(r function.Result) function.Outcome { return function.Outcome{Result: r, Evidence: "EVIDENCE"} }
	for id, c := range map[string]struct {
		input, better string
	}{
		function.IDMemory: {"memory", "replace the memory"}, function.IDProcessor: {"processor", "replace the main board"},
		function.IDBattery: {"battery", "replace the battery"}, function.IDDrives: {"drives", "replace the drive"},
	} {
		for result, words := range map[function.Result]string{function.Pass: "tested: EVIDENCE", function.Fail: "test FAILED: EVIDENCE", function.NotTested: "not tested: EVIDENCE", function.NotPresent: "no test there: EVIDENCE"} {
			in := good()
			in.Tests = map[string]function.Outcome{id: outcome(result)}
			d := Decide(in, policy.Default())
			if want := result == function.Fail; (d.Route == Remanufacture) != want || (d.Route == Redeploy) == want || want && !strings.Contains(d.Better, c.better) {
				t.Errorf("%s %v: %s: %s; better: %s", id, result, d.Route, d.Why, d.Better)
			}
			for _, i := range d.Inputs {
				if i.Name == c.input && !strings.HasSuffix(i.Value, words) {
					t.Errorf("%s %v: %q", id, result, i.Value)
				}
			}
		}
	}
	for _, i := range Decide(good(), policy.Default()).Inputs {
		if (i.Name == "memory" || i.Name == "processor") && !strings.HasSuffix(i.Value, "; not tested") {
			t.Errorf("%s without a test: %q", i.Name, i.Value)
		}
		if i.Name == "memory" && strings.Contains(i.Value, "erase") {
			t.Errorf("memory speaks of an erasure that nobody told of: %q", i.Value)
		}
	}
}

// The zero policy has no rules and lets nothing pass.
func TestZeroPolicyHolds(t *testing.T) {
	if d := Decide(good(), policy.Policy{}); d.Route != Hold {
		t.Errorf("the zero policy gives %s", d.Route)
	}
}

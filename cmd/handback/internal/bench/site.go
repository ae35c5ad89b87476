package bench

import (
	"handback.example/certs"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/grade/policy"
	"handback.example/inspect"
	"handback.example/inspect/function"
)

// siteRule is why a test was not done where trainees work.
const siteRule = "not tested (site rule)"

// senses of a machine that no bench opens: no picture and no recording is made anywhere,
// and the image has no driver but the one that plays. Each has the words of its test.
var senses = []struct {
	id, ask string
	part    func(inspect.Devices) inspect.Fact[bool] // nil: nobody looks for it
}{
	{"microphone", "Does the microphone record?", nil},
	{"camera", "Does the camera show a picture?", func(d inspect.Devices) inspect.Fact[bool] { return d.Camera }},
	{"wifi", "Does the Wi-Fi find a network?", func(d inspect.Devices) inspect.Fact[bool] { return d.WiFi }},
	{"bluetooth", "Does Bluetooth find a device?", func(d inspect.Devices) inspect.Fact[bool] { return d.Bluetooth }},
	{"wwan", "Does the mobile modem find a network?", func(d inspect.Devices) inspect.Fact[bool] { return d.WWAN }},
}

// ruledOut: where trainees work, nobody looks into a camera, and the driver that plays
// is not loaded, since a microphone hangs on it.
func (e *Engine) ruledOut(q policy.Question) bool {
	return e.station.Settings.Site.Workshop && (q.Needs == "camera" || q.Needs == "sound")
}

// untested is what nobody was asked, with the reason: parts that the machine has not
// got, and what is opened on no bench.
func (e *Engine) untested() (list []*certs.Tested) {
	for _, q := range e.policy.ForKind(e.report) {
		if why, absent := q.Absent(e.report); absent {
			list = append(list, evidence.Measured(q.ID, q.Ask, function.Outcome{Result: function.NotPresent, Evidence: why}))
		} else if e.ruledOut(q) {
			list = append(list, evidence.Measured(q.ID, q.Ask, function.Outcome{Evidence: siteRule}))
		}
	}
	why := "no bench opens it"
	if e.station.Settings.Site.Workshop {
		why = siteRule
	}
	for _, s := range senses {
		t := evidence.Measured(s.id, s.ask, function.Outcome{Evidence: why})
		if s.part != nil {
			if f := s.part(e.report.Devices); f.Known && !f.Value {
				t = evidence.Measured(s.id, s.ask, function.Outcome{Result: function.NotPresent, Evidence: f.Source})
			}
		}
		list = append(list, t)
	}
	return list
}

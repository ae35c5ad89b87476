package certs_test

import (
	"strings"
	"testing"

	"handback.example/certs"
)

func TestPAE(t *testing.T) {
	// The example of secure-systems-lab/dsse, protocol.md.
	got := string(certs.PAE("http://example.com/HelloWorld", []byte("hello world")))
	if want := "DSSEv1 29 http://example.com/HelloWorld 11 hello world"; got != want {
		t.Errorf("PAE is %q, want %q", got, want)
	}
}

const intake = `{"at":{"source":"rtc","uptime":15,"wall":"2026-11-24T09:30:00Z"},"intake":{"bench":"","classification":"official","dial":2,"generated":false,"operator":"op17","organisation":"","place":"","previous":"","role":"","source":"locker","tag":"T1"},"kind":"INTAKE","prev":"","schema":"handback.record/1","seq":1,"stick":"S01","visit":"S01-000412"}`

func TestParseRecord(t *testing.T) {
	if _, err := certs.ParseRecord([]byte(intake)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ from, to, want string }{
		"unknown field":      {`"bench":""`, `"colour":""`, "unknown field"},
		"another schema":     {"record/1", "record/2", "schema is"},
		"unknown kind":       {`"INTAKE"`, `"TAKEN"`, "is unknown"},
		"no payload":         {`"intake":{`, `"tested":{"question":"","ask":"","answer":"","who":""},"intake":null,"x":{`, "unknown field"},
		"wrong payload":      {`"kind":"INTAKE"`, `"kind":"FACTS"`, "carries no FACTS"},
		"visit of another":   {"S01-000412", "S02-000412", "is not one of stick"},
		"visit is a path":    {"S01-000412", "../../etc", "not a visit number"},
		"no sequence":        {`"seq":1`, `"seq":0`, "no sequence number"},
		"second INTAKE":      {`"prev":"","schema":"handback.record/1","seq":1`, `"prev":"` + strings.Repeat("0a", 32) + `","schema":"handback.record/1","seq":2`, "a visit starts with INTAKE"},
		"no name before":     {`"seq":1`, `"seq":2`, "does not name the record before"},
		"local time":         {"09:30:00Z", "09:30:00+01:00", "in UTC"},
		"clock source":       {`"rtc"`, `"sun"`, "neither rtc nor hub"},
		"DIAL":               {`"dial":2`, `"dial":7`, "is not 1, 2 or 3"},
		"nobody":             {`"op17"`, `""`, "operator is empty"},
		"a fraction":         {`"uptime":15`, `"uptime":15.5`, "cannot unmarshal"},
		"beyond 2^53":        {`"uptime":15`, `"uptime":9007199254740992`, "too large"},
		"two values":         {`"S01-000412"}`, `"S01-000412"} {}`, "more than one"},
		"upper-case hash":    {`"previous":""`, `"previous":"` + strings.Repeat("0A", 32) + `"`, "not a SHA-256"},
		"unknown in payload": {`"tag":"T1"`, `"tag":"T1","owner":"a former user"`, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			in := strings.Replace(intake, c.from, c.to, 1)
			if in == intake {
				t.Fatal("the case changes nothing")
			}
			if _, err := certs.ParseRecord([]byte(in)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestParseEnvelopeOneSpelling(t *testing.T) {
	good := `{"payloadType":"application/vnd.handback.record+json","payload":"e30=","signatures":[{"keyid":"ab","sig":"AA=="}]}`
	if _, err := certs.ParseEnvelope([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]string{
		"white space":    strings.Replace(good, ":", ": ", 1),
		"another order":  `{"payload":"e30=","payloadType":"application/vnd.handback.record+json","signatures":[{"keyid":"ab","sig":"AA=="}]}`,
		"twice a key":    strings.Replace(good, `"payload":"e30="`, `"payload":"e31=","payload":"e30="`, 1),
		"another case":   strings.Replace(good, `"payload":`, `"Payload":`, 1),
		"another type":   strings.Replace(good, "handback", "payback", 1),
		"no signature":   strings.Replace(good, `{"keyid":"ab","sig":"AA=="}`, "", 1),
		"two signatures": strings.Replace(good, `{"keyid":"ab","sig":"AA=="}`, `{"keyid":"ab","sig":"AA=="},{"keyid":"cd","sig":"AA=="}`, 1),
		"bytes behind":   good + " ",
	} {
		if _, err := certs.ParseEnvelope([]byte(in)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// Base64 has bits to spare at its end: a second spelling of the same bytes.
	e, err := certs.ParseEnvelope([]byte(strings.Replace(good, "e30=", "e31=", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.PayloadBytes(); err == nil {
		t.Error("base64 with stray bits is accepted")
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(intake))
	f.Add([]byte(`{"schema":"handback.record/1","kind":"FINISHED"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := certs.ParseRecord(b); err == nil {
			certs.Summarise([]certs.Record{r})
		}
	})
}

func FuzzParseEnvelope(f *testing.F) {
	f.Add([]byte(`{"payloadType":"application/vnd.handback.record+json","payload":"e30=","signatures":[{"keyid":"ab","sig":"AA=="}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := certs.ParseEnvelope(b)
		if err != nil {
			return
		}
		if again, err := e.Bytes(); err != nil || string(again) != string(b) {
			t.Errorf("an envelope has two spellings: %q and %q", b, again)
		}
		_, _ = e.Record() // must not panic
	})
}

func FuzzSplitEnvelopes(f *testing.F) {
	f.Add(certs.JoinEnvelopes([][]byte{[]byte(`{"a":1}`), []byte(`{"b":2}`)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		es, err := certs.SplitEnvelopes(b)
		if err == nil && string(certs.JoinEnvelopes(es)) != string(b) {
			t.Errorf("record.json has two spellings: %q", b)
		}
	})
}

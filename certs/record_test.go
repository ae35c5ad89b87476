package certs_test

import (
	"encoding/base64"
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

// png is the header of one (PNG, third edition, 11.2.1), in base64.
func png(w, h uint16) string {
	return base64.StdEncoding.EncodeToString(append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00"), byte(w>>8), byte(w), 0, 0, byte(h>>8), byte(h), 8, 0, 0, 0, 0))
}

const intake = `{"at":{"source":"rtc","uptime":15,"wall":"2026-11-24T09:30:00Z"},"intake":{"bench":"","classification":"official","dial":2,"generated":false,"letterhead":{"address":[],"contact":"","logo":"","organisation":""},"name":"","operator":"op17","organisation":"","place":"","previous":"","role":"","seal":"","source":"locker","tag":"T1","title":""},"kind":"INTAKE","prev":"","schema":"handback.record/1","seq":1,"stick":"S01","visit":"S01-000412"}`

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
		"a zero too many":    {"S01-000412", "S01-0000412", "not a visit number"},
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
		"no such source":     {`"locker"`, `"van"`, "source is"},
		"above OFFICIAL":     {`"official"`, `"secret"`, "classification is"},
		"null for a list":    {`"address":[]`, `"address":null`, "a list is missing"},
		"endless address":    {`"address":[]`, `"address":["1","2","3","4","5","6","7","8","9"]`, "is no address"},
		"endless text":       {`"tag":"T1"`, `"tag":"` + strings.Repeat("T", 16385) + `"`, "too long"},
		"no PNG":             {`"logo":""`, `"logo":"R0lGODlhAQABAAAAACw="`, "not a PNG"},
		"no base64":          {`"logo":""`, `"logo":"%%%%"`, "not plain base64"},
		"too large a logo":   {`"logo":""`, `"logo":"` + png(601, 200) + `"`, "at most 600 x 200"},
		"too tall a logo":    {`"logo":""`, `"logo":"` + png(600, 201) + `"`, "at most 600 x 200"},
		"too heavy a logo":   {`"logo":""`, `"logo":"` + base64.StdEncoding.EncodeToString(make([]byte, 8193)) + `"`, "too large"},
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

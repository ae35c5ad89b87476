package verify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/sign"
)

// payload of an envelope.
func payload(t testing.TB, envelope []byte) []byte {
	t.Helper()
	e, err := certs.ParseEnvelope(envelope)
	check(t, err)
	b, err := e.PayloadBytes()
	check(t, err)
	return b
}

// at puts another envelope in one's place.
func at(envelopes [][]byte, i int, e []byte) [][]byte {
	out := slices.Clone(envelopes)
	out[i] = e
	return out
}

func without(envelopes [][]byte, i int) [][]byte {
	return slices.Delete(slices.Clone(envelopes), i, i+1)
}

// forgeRecords are what is done to the records themselves. Those that a thief of the
// stick's key makes are sealed into nothing: record.json is judged by itself.
func forgeRecords(t testing.TB, r ring) []vector {
	s, s2 := r.stick.signer(t, r.root.cert), r.stick2.signer(t, r.root.cert)
	hub := r.hub.signer(t, r.root.cert)
	good, failed, second := certstest.Sanitised(s, 1).Envelopes(), certstest.Failed(s).Envelopes(), certstest.Sanitised(s2, 1).Envelopes()
	closed := certstest.Closed(s, hub).Envelopes()
	v := func(name, what, want string, envelopes [][]byte) vector {
		return vector{name: name, what: what, want: want, files: one("record.json", certs.JoinEnvelopes(envelopes))}
	}
	file := func(name, what, want string, b []byte) vector {
		return vector{name: name, what: what, want: want, files: one("record.json", b)}
	}
	// rewrite signs record 5 again after a change to its bytes: a thief of the key.
	rewrite := func(from, to string) [][]byte {
		return at(good, 4, r.stick.envelope(t, replace(t, payload(t, good[4]), from, to), false))
	}
	byStick := func(int) holder { return r.stick }
	redo := func(change func([]certs.Record) []certs.Record) [][]byte {
		return chain(t, change(records(t, good)), byStick)
	}
	const oneWay, canonical, missing = "not written the one way", "is not canonical JSON", "a record is missing"
	certified := slices.IndexFunc(records(t, closed), func(r certs.Record) bool { return r.Kind == certs.KindCertified })
	later := func(by func(i int) holder) [][]byte { return chain(t, records(t, closed), by) }
	from := func(n int) func(int) holder {
		return func(i int) holder {
			if i >= n {
				return r.hub
			}
			return r.stick
		}
	}
	return []vector{
		v("record-deleted", "a record in the middle is missing", "a record is missing: number 6 stands where 5 belongs", without(good, 4)),
		v("intake-deleted", "the first record is missing", "a record is missing: number 2 stands where 1 belongs", without(good, 0)),
		v("records-swapped", "two records changed places", missing, append([][]byte{good[0], good[2], good[1]}, good[3:]...)),
		v("record-twice", "a record stands twice", missing, append([][]byte{good[0], good[1], good[1]}, good[2:]...)),
		v("record-of-another-visit", "a record of another visit of the stick was put in", "is of visit S01-000413, not of S01-000412", at(good, 3, failed[3])),
		v("record-of-another-stick", "a record of another stick was put in", "record 4: a record is not signed by", at(good, 3, second[3])),
		v("record-edited", "a record was edited, and nobody signed it", "record 5: a record is not signed by", at(good, 4, edited(t, good[4], "\"sanitised\"", "\"sanitysed\""))),
		v("record-re-signed", "a record was edited and signed with the stolen key: the next one still names the old", "record 6 does not follow the one before: the chain is broken", rewrite("The drive erased its", "The drive melted its")),
		v("unknown-field", "a record has a field that records have not", "unknown field", rewrite(`{"at":`, `{"approved":true,"at":`)),
		v("duplicate-field", "a record has a field twice", canonical, rewrite(`"kind":"FINISHED"`, `"kind":"FINISHED","kind":"FINISHED"`)),
		v("not-canonical", "a record has a blank where canonical JSON has none", canonical, rewrite(`{"at":`, `{ "at":`)),
		v("capital-field", "a record's field is written in capitals", canonical, rewrite(`"kind":`, `"KIND":`)),
		v("fraction", "a record has a number with a fraction", "cannot unmarshal", rewrite(`"seq":5`, `"seq":5.5`)),
		v("huge-number", "a record has a number that JSON readers round", "is too large for a record", rewrite(`"seq":5`, `"seq":9007199254740993`)),
		v("two-values", "a record has a second JSON value behind it", "more than one JSON value", at(good, 4, r.stick.envelope(t, append(payload(t, good[4]), "{}"...), false))),
		v("unknown-schema", "a record is of a schema that is not known", "record schema is", rewrite(`"handback.record/1"`, `"handback.record/9"`)),
		v("unknown-kind", "a record is of a kind that is not known", "is unknown", rewrite(`"kind":"FINISHED"`, `"kind":"ABSOLVED"`)),
		v("unknown-verdict", "a record has a verdict that is not known", `verdict "excellent" is unknown`, rewrite(`"verdict":"sanitised"`, `"verdict":"excellent"`)),
		v("two-intakes", "a visit has two INTAKE", "a visit starts with INTAKE and has one", at(good, 1, r.stick.envelope(t, two(t, good), false))),
		file("file-not-canonical", "record.json has a blank where it has none", oneWay, replace(t, certs.JoinEnvelopes(good), "\n]\n", " \n]\n")),
		file("file-not-closed", "record.json is cut off", "record.json", certs.JoinEnvelopes(good)[:3000]),
		file("envelope-field", "an envelope has a field that envelopes have not", "unknown field", bytes.Replace(certs.JoinEnvelopes(good), []byte(`{"payloadType":`), []byte(`{"payloadType":"x","note":1,"payloadType":`), 1)),
		v("payload-type", "an envelope's payload is of another type", "payload type", at(good, 2, bytes.Replace(good[2], []byte(certs.PayloadType), []byte("application/vnd.other.record+json+x"), 1))),
		v("base64-second-spelling", "an envelope's payload is written in the other base64", "not plain base64", at(good, 2, otherBase64(t, good[2]))),
		v("envelope-two-signatures", "an envelope has two signatures", "2 signatures where one belongs", at(good, 2, twice(t, good[2]))),
		v("key-id", "an envelope names another key than the one that signed it", "record 3: a record is not signed by", at(good, 2, keyID(t, good[2]))),
		v("no-record-certificate", "the first record carries no certificate", "it carries no certificate", at(good, 0, r.stick.envelope(t, payload(t, good[0]), false))),
		v("certificate-again", "a record carries the certificate of the one before once more", "it carries the certificate of the record before once more", chainTail(t, good, 2, r.stick)),
		v("another-key-within", "another stick's key signed a record, with its certificate", "record 3 is of stick S01, signed by stick S02", chain(t, records(t, good), func(i int) holder {
			if i >= 2 {
				return r.stick2
			}
			return r.stick
		})),
		v("stick-name", "a visit is of another stick than the one that signed it", "record 1 is of stick S01, signed by stick S02", chain(t, records(t, good), func(int) holder { return r.stick2 })),
		v("after-certified", "the stick goes on after it certified the visit", "by the stick after it had certified the visit", redo(func(rs []certs.Record) []certs.Record {
			last := rs[len(rs)-1]
			done := certstest.Certified("S01-000412-erasure.pdf")
			return append(rs, put1(done, last), put1(certstest.Tests()[0], last))
		})),
		v("two-certified", "the stick certified the visit twice", "by the stick after it had certified the visit", redo(func(rs []certs.Record) []certs.Record {
			last := rs[len(rs)-1]
			return append(rs, put1(certstest.Certified("S01-000412-erasure.pdf"), last), put1(certstest.Certified("S01-000412-disposal.pdf"), last))
		})),
		v("hub-record-by-stick", "the stick signed what is the hub's to sign", "it is the hub's to sign", later(byStick)),
		v("stick-record-by-hub", "the hub graded the device, which is the stick's to do", "GRADED, is signed by a hub: it is the stick's to sign", later(from(certified-2))),
		v("hub-too-early", "the hub validated the visit before the stick had ended it", "VALIDATED, is signed by a hub before the stick had certified the visit", later(from(certified-1))),
		v("all-by-hub", "the hub signed the whole visit", "it is the stick's to sign", later(func(int) holder { return r.hub })),
		v("false-correction", "a correction starts from what was never said", "which it never was", redoClosed(t, r, closed, certified)),
		v("hub-of-another-root", "the hub's records are signed under another root", "is not vouched for by this root", later(func(i int) holder {
			if i > certified {
				return r.otherHub
			}
			return r.stick
		})),
		{name: "paper-sealed-by-hub", what: "the hub sealed a paper of the stick's own visit", want: `it is sealed by "Handback hub Leeds", and its last record is signed by "Handback stick S01"`,
			files: one("paper.pdf", r.hub.pdf(t, paper.Erasure, good))},
		{name: "closed-paper-sealed-by-stick", what: "the stick sealed the paper that is the hub's", want: `it is sealed by "Handback stick S01", and its last record is signed by "Handback hub Leeds"`,
			files: one("paper.pdf", r.stick.pdf(t, paper.Disposal, closed))},
		{name: "paper-of-another-stick", what: "another stick sealed a paper of this stick's records", want: `it is sealed by "Handback stick S02", and its last record is signed by "Handback stick S01"`,
			files: one("paper.pdf", r.stick2.pdf(t, paper.Erasure, good))},
		{name: "paper-record-re-signed", what: "a record inside a paper was edited and signed with the stolen key, and the paper sealed again", want: "the chain is broken",
			files: one("paper.pdf", r.stick.pdf(t, paper.Erasure, rewrite("The drive erased its", "The drive melted its")))},
		{name: "paper-record-deleted", what: "a record inside a paper is missing, and the paper was sealed again", want: "a record is missing",
			files: one("paper.pdf", r.stick.pdf(t, paper.Erasure, without(good, 4)))},
	}
}

func put1(r, last certs.Record) certs.Record {
	r.Schema, r.Visit, r.Stick, r.At = last.Schema, last.Visit, last.Stick, last.At
	return r
}

// two is an INTAKE in the second record's place.
func two(t testing.TB, good [][]byte) []byte {
	r := records(t, good)[0]
	r.Seq, r.Prev = 2, certs.HashEnvelope(good[0])
	b, err := sign.Canonical(r)
	check(t, err)
	return b
}

func redoClosed(t testing.TB, r ring, closed [][]byte, certified int) [][]byte {
	rs := records(t, closed)
	for i := range rs {
		if c := rs[i].Corrected; c != nil {
			c.Was = "what was never there"
		}
	}
	return chain(t, rs, func(i int) holder {
		if i > certified {
			return r.hub
		}
		return r.stick
	})
}

// chainTail signs one record again, with a certificate that is not needed, and all
// after it.
func chainTail(t testing.TB, good [][]byte, n int, h holder) [][]byte {
	out := slices.Clone(good)
	out[n] = h.envelope(t, payload(t, good[n]), true)
	return out
}

func change(t testing.TB, envelope []byte, f func(*certs.Envelope)) []byte {
	t.Helper()
	var e certs.Envelope
	check(t, json.Unmarshal(envelope, &e))
	f(&e)
	b, err := e.Bytes()
	check(t, err)
	return b
}

func edited(t testing.TB, envelope []byte, from, to string) []byte {
	return change(t, envelope, func(e *certs.Envelope) {
		b, err := base64.StdEncoding.DecodeString(e.Payload)
		check(t, err)
		e.Payload = base64.StdEncoding.EncodeToString(bytes.Replace(b, []byte(from), []byte(to), 1))
	})
}

func otherBase64(t testing.TB, envelope []byte) []byte {
	return change(t, envelope, func(e *certs.Envelope) { e.Payload = strings.TrimRight(e.Payload, "=") + "\\n" })
}

func twice(t testing.TB, envelope []byte) []byte {
	return change(t, envelope, func(e *certs.Envelope) { e.Signatures = append(e.Signatures, e.Signatures[0]) })
}

func keyID(t testing.TB, envelope []byte) []byte {
	return change(t, envelope, func(e *certs.Envelope) { e.Signatures[0].KeyID = strings.Repeat("0", 64) })
}

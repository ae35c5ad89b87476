package verify_test

import (
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/html"
	"handback.example/certs/paper"
	"handback.example/certs/sign"
)

// forgeKeys are files that are whole and consistent, by keys that the reader's root
// does not vouch for.
func forgeKeys(t testing.TB, r ring) []vector {
	s := r.stick.signer(t, r.root.cert)
	good := records(t, certstest.Sanitised(s, 1).Envelopes())
	// by has one holder make all of a paper.
	by := func(h holder) []vectorFile {
		return one("paper.pdf", h.pdf(t, paper.Erasure, chain(t, good, func(int) holder { return h })))
	}
	v := func(name, what, want string, h holder) vector {
		return vector{name: name, what: what, want: want, files: by(h)}
	}
	listed := func(name, what, want string, reason sign.Reason, from time.Time) vector {
		return vector{name: name, what: what, want: want, list: r.list(t, reason, from, r.stick), files: by(r.stick)}
	}
	self := holder{selfSigned(t, r), r.otherStick.key}
	return []vector{
		v("other-root", "another hub's stick of the same name sealed it", "is not vouched for by this root", r.otherStick),
		v("self-signed", "a key that says that it is the root's", "is not vouched for by this root", self),
		v("expired", "the stick's certificate had ended by the time that the paper claims", "is valid from", r.short),
		v("not-yet-valid", "the stick's certificate began after the time that the paper claims", "is valid from", r.early),
		v("demonstration", "a demonstration key, under the production root", "the key's class is demonstration, the root's is production", r.demoStick),
		v("practice-under-production", "a practice key, under the production root", "the key's class is practice, the root's is production", r.practiceStick),
		{name: "practice", what: "a practice paper, under the practice root", want: "it is a practice paper: nothing real was erased", root: r.practice, files: by(r.practiceStick)},
		v("root-as-signer", "the root itself sealed it", "names no stick and no hub", r.root),
		v("certificate-that-issues", "the stick's certificate may issue others", "is a root or may issue certificates, and seals no paper", r.ca),
		v("issued-by-a-stick", "a stick issued the certificate", "is not vouched for by this root", r.sub),
		{name: "no-class", what: "the certificate is of no class", want: "it names 0 of its policies",
			files: one("record.json", certs.JoinEnvelopes(chain(t, good, func(int) holder { return r.bare })))},
		v("certificate-for-another-use", "the certificate is not for sealing", "is not for sealing", r.use),
		v("critical-extension", "the certificate has a critical extension that is not understood", "has a critical extension that is not understood", r.critical),
		v("neither-stick-nor-hub", "the certificate is neither a stick's nor a hub's", "names no stick and no hub", r.weak),
		listed("revoked-compromised", "the key was revoked as compromised, long after the paper's time", "nothing that it sealed is genuine, whatever its date", sign.KeyCompromise, start.Add(24*time.Hour)),
		listed("revoked-lost", "the stick was lost before the paper's time", "is not to be trusted from", sign.Lost, start.Add(-time.Hour)),
		listed("revoked-superseded", "the stick's certificate was replaced before the paper's time", "(superseded)", sign.Superseded, start.Add(-time.Hour)),
		{name: "revoked-hub", what: "the hub's key was revoked as compromised", want: "nothing that it sealed is genuine", list: r.list(t, sign.KeyCompromise, start, r.hub),
			files: one("record.json", certs.JoinEnvelopes(certstest.Closed(s, r.hub.signer(t, r.root.cert)).Envelopes()))},
	}
}

// forgeTwins are what is done to the HTML twin.
func forgeTwins(t testing.TB, r ring, good, failed [][]byte) []vector {
	real := r.stick.twin(t, paper.Erasure, good)
	other := r.stick.twin(t, paper.Disposal, good)
	v := func(name, what, want string, b []byte) vector {
		return vector{name: name, what: what, want: want, files: one("paper.html", b)}
	}
	edit := func(from, to string) func([]byte) []byte {
		return func(b []byte) []byte { return replace(t, b, from, to) }
	}
	sealed := func(name, what, want string, f func([]byte) []byte) vector {
		return v(name, what, want, r.stick.twin(t, paper.Erasure, good, f))
	}
	parsed, err := html.Read(real)
	check(t, err)
	foreign, err := html.Read(r.stick.twin(t, paper.Erasure, failed))
	check(t, err)
	const changed, pages, noSeal = "the file was changed after it was signed", "its pages do not say what its records say", "its last line is no signature"
	return []vector{
		v("twin-edited", "a word of the twin was changed", changed, replace(t, real, "<title>", "<title>Best ")),
		v("twin-script", "a script was added to the twin", changed, replace(t, real, "</main>", "<script>alert(1)</script></main>")),
		v("twin-appended", "a byte was added to the twin", noSeal, append(append([]byte{}, real...), '\n')),
		v("twin-appended-line", "a line was added behind the signature", noSeal, append(append([]byte{}, real...), "<p>And more</p>\n"...)),
		v("twin-cut", "the twin is cut off", noSeal, real[:len(real)/2]),
		v("twin-unsigned", "the twin's signature is missing", noSeal, parsed.Page),
		v("twin-signature-of-another", "the signature of another twin was put in", changed, append(append([]byte{}, parsed.Page...), other[len(mustRead(t, other).Page):]...)),
		v("twin-two-signatures", "a second signature line stands before the last", changed, append(append(append([]byte{}, parsed.Page...), real[len(parsed.Page):]...), real[len(parsed.Page):]...)),
		sealed("twin-sealed-edit", "the thief of a key changed a word of the twin and sealed it", pages, edit("<title>", "<title>Best ")),
		sealed("twin-sealed-script", "the thief of a key added a script to the twin and sealed it", pages, edit("</main>", "<script>alert(1)</script></main>")),
		sealed("twin-sealed-record", "the thief of a key put another visit's records into the twin", pages, func(b []byte) []byte {
			return replace(t, b, dataURI(parsed.Record), dataURI(foreign.Record))
		}),
	}
}

// forgeSets are deceptions that only several files together show.
func forgeSets(t testing.TB, r ring, good, failed [][]byte) []vector {
	s := r.stick.signer(t, r.root.cert)
	twoHistories := certstest.New(s, 412).Add(certstest.Intake(), certstest.Facts(certstest.Drive(5))).Envelopes()
	spool := func(envelopes [][]byte) (out []vectorFile) {
		for _, e := range envelopes {
			out = append(out, vectorFile{name: "", b: e, spool: true})
		}
		return out
	}
	a, b := certs.JoinEnvelopes(good), certs.JoinEnvelopes(twoHistories)
	return []vector{
		{name: "forked-visit", what: "a visit's number was used twice: a copied stick", want: "visit S01-000412 exists with two histories", files: []vectorFile{{name: "a/record.json", b: a}, {name: "b/record.json", b: b}}},
		{name: "forked-paper", what: "a paper and a visit's records tell two histories", want: "visit S01-000412 exists with two histories",
			files: []vectorFile{{name: "S01-000412-erasure.pdf", b: r.stick.pdf(t, paper.Erasure, good)}, {name: "b/record.json", b: b}}},
		{name: "replayed", what: "the certificate of one device lies under the name of another device's", want: "it is S01-000412-erasure, under the name of another paper",
			files: one("S01-000413-erasure.pdf", r.stick.pdf(t, paper.Erasure, good))},
		{name: "replayed-capitals", what: "the same, and the name is written in other letters", want: "it is S01-000412-erasure, under the name of another paper",
			files: one("s01-000413-Erasure.PDF", r.stick.pdf(t, paper.Erasure, good))},
		{name: "replayed-twin", what: "a twin lies under the name of another paper", want: "it is S01-000412-erasure, under the name of another paper",
			files: one("S01-000412-disposal.html", r.stick.twin(t, paper.Erasure, good))},
		{name: "spool-record-deleted", what: "a spool lacks a record", want: "a record is missing: number 4 stands where 3 belongs", files: spool(without(good, 2))},
		{name: "spool-intake-deleted", what: "a spool lacks its first record", want: "a record is missing: number 2 stands where 1 belongs", files: spool(good[1:])},
		{name: "spool-of-two", what: "a spool holds records of two visits under one name", want: "is of visit S01-000413, not of S01-000412", files: spool(at(good, 3, failed[3]))},
	}
}

func forgeries(t testing.TB, r ring) []vector {
	s := r.stick.signer(t, r.root.cert)
	good, failed := certstest.Sanitised(s, 1).Envelopes(), certstest.Failed(s).Envelopes()
	real, another := r.stick.pdf(t, paper.Erasure, good), r.stick.pdf(t, paper.Erasure, failed)
	var all []vector
	for _, v := range [][]vector{forgeBytes(t, real, another), forgeCMS(t, r, real), forgeSealed(t, r, good, failed), forgeRecords(t, r), forgeKeys(t, r),
		forgeTwins(t, r, good, failed), forgeSets(t, r, good, failed)} {
		all = append(all, v...)
	}
	for i := range all {
		if all[i].root.cert == nil {
			all[i].root = r.root
		}
	}
	return all
}

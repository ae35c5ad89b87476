package certstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
)

// Keys of a root's stick S01 and of its hub.
func Keys(class sign.Class) (stick, hub *sign.Signer) {
	r := NewRoot(class)
	return r.Issue(sign.RoleStick, "S01"), r.Issue(sign.RoleHub, "Newport")
}

// Root of test keys. It and what it issues are valid from an hour before Start for as
// long as anybody may run the tests.
type Root struct {
	Cert *x509.Certificate
	Key  *ecdsa.PrivateKey
}

const decades = 30 * 365 * 24 * time.Hour

// NewRoot panics where the machine has no randomness.
func NewRoot(class sign.Class) Root {
	cert, key, err := sign.NewRoot(class, "Handback test root", Start.Add(-time.Hour), decades)
	must(err)
	return Root{cert, key}
}

// Issue a key for a role, and what signs by it.
func (r Root) Issue(role sign.Role, name string) *sign.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	cert, err := sign.Issue(r.Cert, r.Key, role, name, key.Public(), Start.Add(-time.Hour), decades)
	must(err)
	s, err := sign.NewSigner(r.Cert, cert, key)
	must(err)
	return s
}

func must(err error) {
	if err != nil {
		panic("certstest: " + err.Error())
	}
}

// Continue a visit with the hub's key.
func (v *Visit) Continue(hub *sign.Signer) *Visit {
	c, err := sign.Continue(hub, v.Envelopes())
	must(err)
	return &Visit{Chain: c, now: v.now.Add(48 * time.Hour)}
}

// Certified names papers; their SHA-256 is made up.
func Certified(names ...string) certs.Record {
	c := &certs.Certified{}
	for _, n := range names {
		c.Papers = append(c.Papers, certs.Paper{Name: n, SHA256: digest})
	}
	return certs.Record{Kind: certs.KindCertified, Certified: c}
}

// Partner that takes devices on a route.
func Partner() certs.Party {
	return certs.Party{Name: "Ailgylchu Gwent Cyf.", Address: []string{"Uned 7, Ystâd Ddiwydiannol", "Cwmbrân NP44 3AB"}, Contact: "+44 1633 960123",
		Permit: "EPR/AB1234CD", Carrier: "CBDU123456", SIC: "38.32", Role: "recycler"}
}

// Disposition of a laptop on a route.
func Disposition(route string) certs.Disposition {
	d := certs.Disposition{WeightGrams: 1800, WeightEstimated: certs.Yes, WeightSource: "typical of a laptop"}
	switch route {
	case certs.RouteRecycle:
		d.Status, d.Partner = certs.StatusWEEE, Partner()
		d.Waste = []certs.Waste{{LoW: "16 02 13*", Description: "discarded equipment with hazardous components: laptop with battery and screen", Hazardous: certs.Yes,
			Grams: 1800, Estimated: certs.Yes, Containers: "loose"}}
		d.Hierarchy = "Reuse was considered first: the grade above says why it was not open."
	case certs.RouteRedeploy, certs.RouteRemanufacture, certs.RouteDonate:
		d.Status = certs.StatusEEE
	}
	return d
}

// Transferred to the partner.
func Transferred() certs.Record {
	t := &certs.Transferred{To: Partner(), From: certs.Party{Name: "Department for Example Affairs", Address: []string{"1 Example Street"}, SIC: "84.11", Role: "transferor"},
		Carrier: certs.Party{Name: "Cludiant Gwent", Carrier: "CBDU654321", Role: "carrier"}, How: "van, pallet box 12", Seal: "HUB-00533", Place: "Logistics hub, Unit 4",
		By: "op21", WeightGrams: 1790, Waste: Disposition(certs.RouteRecycle).Waste}
	return certs.Record{Kind: certs.KindTransferred, Transferred: t}
}

// Received by the partner, who declares what became of it.
func Received(landfilled int64) certs.Record {
	return certs.Record{Kind: certs.KindReceived, Received: &certs.Received{By: "G. Evans", Party: Partner(), Place: "Cwmbrân", Seal: "HUB-00533", WeightGrams: 1790,
		Outcomes: []certs.Outcome{{Kind: certs.OutcomeRecycled, Grams: 1600 - landfilled}, {Kind: certs.OutcomeRecovered, Grams: 190}, {Kind: certs.OutcomeLandfilled, Grams: landfilled}},
		Declared: "received whole, seal unbroken"}}
}

// Corrected says that the tag was mistyped.
func Corrected() certs.Record {
	return certs.Record{Kind: certs.KindCorrected, Corrected: &certs.Corrected{Field: certs.FieldTag, Was: "DEP-0047123", Is: "DEP-0047132", By: "sup02", Why: "two digits were swapped at the desk"}}
}

// Closed visit: a sanitised laptop that was recycled, with every paper that it had.
func Closed(stick, hub *sign.Signer) *Visit {
	d := Drive(0)
	v := New(stick, 417).Add(Intake(), Facts(d), Consent(certs.LevelClear, d), Started(d, certs.LevelClear), Finished(d, certs.LevelClear), TPM(certs.TPMCleared)).Add(Tests()...)
	v.Add(Graded(certs.RouteRecycle), Validated(certs.Accepted, "sup02, supervisor"), Certified("S01-000417-erasure.pdf", "S01-000417-disposal.pdf"))
	return v.Continue(hub).Add(Corrected(), Certified("S01-000417-erasure-2.pdf", "S01-000417-disposal-2.pdf"), Transferred(), Received(0))
}

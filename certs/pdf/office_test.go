package pdf_test

import (
	"fmt"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
)

// office is a laptop of which as much is known as the appliance can learn, with as many
// tests as a bench does.
func office(stick *sign.Signer) *certstest.Visit {
	d := certstest.Drive(0)
	f := certstest.Facts(d)
	f.Facts.Residue = nil
	for _, r := range [][3]string{
		{"boot entries of an operating system", certs.ResiduePresent, "2: Windows Boot Manager, ubuntu"},
		{"keys of Secure Boot that are not the maker's", certs.ResidueUnknown, "the EFI variables could not be read"},
		{"variables of Windows", certs.ResidueAbsent, "no variable of this kind"},
		{"variables of Absolute", certs.ResidueAbsent, "no variable of this kind"},
		{"asset tag in the firmware", certs.ResiduePresent, "'DEP-0047123'"},
		{"firmware password", certs.ResidueAbsent, "none is set, as the firmware says"},
		{"program that the firmware hands to Windows (such as Absolute)", certs.ResidueAbsent, "no ACPI table WPBT"},
		{"provisioning of Intel AMT", certs.ResidueUnknown, "a management engine is fitted, and it was not asked: unconfigure it in its set-up (MEBx)"},
		{"SIM card and eSIM profiles", certs.ResidueAbsent, "no modem is fitted"},
		{"fingerprints in the reader", certs.ResidueUnknown, "a reader is fitted, and it may keep fingerprints: clear them in the firmware's set-up"},
	} {
		f.Facts.Residue = append(f.Facts.Residue, certs.Residue{Item: r[0], State: r[1], How: "read; nothing was changed", Evidence: r[2]})
	}
	f.Facts.NotChecked = []string{"firmware settings that are not named here", "Wi-Fi networks and other credentials that firmware or a management engine keeps", "eSIM profiles",
		"locks that a maker's or an operating system's service keeps (Autopilot, MDM, activation)", "memory of embedded controllers, docks and batteries"}
	f.Facts.NotKnown = []string{"the battery's cycles: the kernel does not say"}
	v := certstest.New(stick, 430).Add(certstest.Intake(), f, certstest.Consent(certs.LevelClear, d), certstest.Started(d, certs.LevelClear),
		certstest.Finished(d, certs.LevelClear), certstest.TPM(certs.TPMCleared))
	for i := range 16 {
		r := certstest.Tests()[i%3]
		r.Tested.Question += fmt.Sprint(i)
		v.Add(r)
	}
	return v.Add(certstest.Graded(certs.RouteDonate), certstest.Validated(certs.Accepted, "sup02, supervisor"))
}

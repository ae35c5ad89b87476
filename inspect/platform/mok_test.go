package platform

import (
	_ "embed"
	"encoding/binary"
	"strings"
	"testing"

	"handback.example/inspect"
)

// Debian's certificate, as it stands in Debian's shim 15.8 and in its list.
//
//go:embed testdata/debian-secure-boot-ca.der
var debianCA string

// listOf one signature of a kind whose GUID and owner are no matter.
func listOf(signature string) string {
	le := binary.LittleEndian
	one := uint32(16 + len(signature))
	b := le.AppendUint32(le.AppendUint32(le.AppendUint32(make([]byte, 16), 28+one), 0), one)
	return string(b) + strings.Repeat("o", 16) + signature
}

// What shim was built with is no key of an owner; what stands beside it is.
func TestOwnerKeys(t *testing.T) {
	const attributes = "\x06\x00\x00\x00"
	list, more := efiVars+"MokListRT"+shimNamespace, efiVars+"MokListRT1"+shimNamespace
	vars := files{efiVars + "SbatLevelRT" + shimNamespace: "x"}
	for name, c := range map[string]struct {
		files           files
		state, evidence string
	}{
		"no shim":            {files{efiVars + "SecureBoot" + globalVariable: "\x06\x00\x00\x00\x01"}, inspect.ResidueUnknown, "did not start"},
		"no list":            {vars, inspect.ResidueAbsent, "none but"},
		"its own":            {vars.with(files{list: attributes + listOf(debianCA)}), inspect.ResidueAbsent, "none but"},
		"one more":           {vars.with(files{list: attributes + listOf(debianCA) + listOf("somebody's")}), inspect.ResiduePresent, "1 beside"},
		"one in a next part": {vars.with(files{list: attributes + listOf(debianCA), more: attributes + listOf("somebody's")}), inspect.ResiduePresent, "1 beside"},
		"one like its own":   {vars.with(files{list: attributes + listOf(debianCA[:len(debianCA)-1]+"x")}), inspect.ResiduePresent, "1 beside"},
		"damaged":            {vars.with(files{list: attributes + listOf(debianCA)[:99]}), inspect.ResidueUnknown, "damaged"},
		"cut":                {vars.with(files{list: "x"}), inspect.ResidueUnknown, "could not be read"},
	} {
		if r := residueOf(t, laptop.with(c.files), "keys that"); r.State != c.state || !strings.Contains(r.Evidence, c.evidence) {
			t.Errorf("%s: %s: %s", name, r.State, r.Evidence)
		}
	}
}

func FuzzSignatures(f *testing.F) {
	f.Add([]byte(listOf(debianCA) + listOf("x")))
	f.Add([]byte(listOf("x")[:30]))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := signatures(b)
		n := 0
		for _, s := range all {
			n += len(s)
		}
		if n > len(b) || err != nil && all != nil {
			t.Errorf("%d bytes of signatures in %d, %v", n, len(b), err)
		}
	})
}

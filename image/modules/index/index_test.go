package index_test

import (
	"bytes"
	"fmt"
	"path"
	"reflect"
	"strings"
	"testing"

	"handback.example/image/modules/index"
)

const small = `handback-modules 1 /lib/modules/6.1.0-56-amd64
crct10dif_common kernel/crypto/crct10dif_common.ko
crct10dif_pclmul kernel/arch/x86/crypto/crct10dif-pclmul.ko
+crct10dif_common
=crct10dif
crc_t10dif kernel/lib/crc-t10dif.ko
+crct10dif_common
<crct10dif_pclmul
t10_pi kernel/block/t10-pi.ko
+crc_t10dif
nvme_core kernel/drivers/nvme/host/nvme-core.ko
+t10_pi
nvme kernel/drivers/nvme/host/nvme.ko
+nvme_core
>usbhid
=pci:v*d*sv*sd*bc01sc08i02*
=pci:v0000106Bd00002001sv*sd*bc*sc*i*
usbhid kernel/drivers/hid/usbhid/usbhid.ko
=usb:v*p*d*dc*dsc*dp*ic03isc*ip*in*
vfat kernel/fs/fat/vfat.ko
=fs_vfat
`

func parse(t testing.TB, text string) *index.Index {
	t.Helper()
	x, err := index.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestParse(t *testing.T) {
	x := parse(t, small)
	if got := string(x.Marshal()); got != small {
		t.Errorf("written again:\n%s", got)
	}
	if n := len(x.Modules()); n != 8 || x.Root != "/lib/modules/6.1.0-56-amd64" {
		t.Errorf("%d modules in %s", n, x.Root)
	}
}

// What a module stands on comes first; what is only wanted may fail.
func TestOrder(t *testing.T) {
	steps, err := parse(t, small).Order("nvme")
	if err != nil {
		t.Fatal(err)
	}
	const lib = "/lib/modules/6.1.0-56-amd64/kernel/"
	want := []index.Step{
		{"crct10dif_common", lib + "crypto/crct10dif_common.ko", false},
		{"crct10dif_pclmul", lib + "arch/x86/crypto/crct10dif-pclmul.ko", true},
		{"crc_t10dif", lib + "lib/crc-t10dif.ko", false},
		{"t10_pi", lib + "block/t10-pi.ko", false},
		{"nvme_core", lib + "drivers/nvme/host/nvme-core.ko", false},
		{"nvme", lib + "drivers/nvme/host/nvme.ko", false},
		{"usbhid", lib + "drivers/hid/usbhid/usbhid.ko", true},
	}
	if !reflect.DeepEqual(steps, want) {
		t.Errorf("order is %v", steps)
	}
	if _, err := parse(t, small).Order("ext4"); err == nil || !strings.Contains(err.Error(), `no module "ext4"`) {
		t.Errorf("a module that is not there: %v", err)
	}
}

// Modaliases as Linux shows them in sysfs; what asks is written with '-' or '_'.
func TestMatch(t *testing.T) {
	x := parse(t, small)
	for in, want := range map[string]string{
		"pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02": "nvme",
		"pci:v0000106Bd00002001sv0000106Bsd00002001bc01sc80i02": "nvme",
		"pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01": "",
		"usb:v0627p0001d0000dc00dsc00dp00ic03isc01ip01in00":     "usbhid",
		"": "",
	} {
		if got := strings.Join(x.Match(in), " "); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"fs-vfat": "vfat", "vfat": "vfat", "nvme-core": "nvme_core", "nvme_core": "nvme_core", "crct10dif": "crct10dif_pclmul", "net-pf-29": "",
	} {
		if got := strings.Join(x.Resolve(in), " "); got != want {
			t.Errorf("request for %s: %q, want %q", in, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const head = "handback-modules 1 /lib/modules/6.1\n"
	for name, text := range map[string]string{
		"empty":               "",
		"another version":     "handback-modules 2 /lib\n",
		"no folder":           "handback-modules 1 \n",
		"relative folder":     "handback-modules 1 lib/modules\n",
		"alias of none":       head + "=pci:*\n",
		"no path":             head + "nvme\n",
		"path upwards":        head + "nvme ../../etc/nvme.ko\n",
		"absolute path":       head + "nvme /nvme.ko\n",
		"name with a slash":   head + "a/b kernel/b.ko\n",
		"twice":               head + "a a.ko\na a.ko\n",
		"twice, other sign":   head + "a_b a.ko\na-b a.ko\n",
		"needs what is not":   head + "a a.ko\n+b\n",
		"needs itself":        head + "a a.ko\n+b\nb b.ko\n+a\n",
		"empty line":          head + "a a.ko\n\n",
		"sign alone":          head + "a a.ko\n+\n",
		"line without end":    head + "a a.ko\n=" + strings.Repeat("x", 5000),
		"not text":            "\x7fELF\x02\x01\x01",
		"more than is sane":   head + strings.Repeat("a", 17<<20),
		"too many of modules": head + many(1<<14+1),
	} {
		if x, err := index.Parse([]byte(text)); err == nil {
			t.Errorf("%s: taken, with %d modules", name, len(x.Modules()))
		}
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "m%d m%d.ko\n", i, i)
	}
	return b.String()
}

// A long chain is nothing special; soft dependencies may go in a circle.
func TestDeep(t *testing.T) {
	var b strings.Builder
	b.WriteString("handback-modules 1 /m\n")
	for i := range 10000 {
		fmt.Fprintf(&b, "m%d m.ko\n", i)
		if i > 0 {
			fmt.Fprintf(&b, "+m%d\n", i-1)
		}
	}
	steps, err := parse(t, b.String()).Order("m9999")
	if err != nil || len(steps) != 10000 || steps[0].Name != "m0" {
		t.Errorf("%d steps, %v", len(steps), err)
	}
	steps, err = parse(t, "handback-modules 1 /m\na a.ko\n<b\nb b.ko\n<a\n").Order("a")
	if err != nil || len(steps) != 2 || steps[0].Name != "b" || !steps[0].Optional || steps[1].Optional {
		t.Errorf("a soft circle: %v, %v", steps, err)
	}
	// What is only wanted never comes between a module and what it needs: 'e' needs
	// 'c', which wants 's', which needs 'e'.
	x := parse(t, "handback-modules 1 /m\na a.ko\n+c\n+e\nc c.ko\n<s\ns s.ko\n+e\ne e.ko\n+c\n")
	checkOrder(t, x, "a")
}

// fnmatch(3) without flags: what glibc answers to these.
func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "", false}, {"*", "", true}, {"**", "ab", true},
		{"a*c", "abbc", true}, {"a*c", "abcb", false}, {"a*b*c", "axbxbxc", true}, {"*a*a*a", "aa", false},
		{"?", "", false}, {"?", "/", true}, {"a?c", "abc", true}, {"*/x", "a/b/x", true},
		{"[0-9]", "5", true}, {"[0-9]", "a", false}, {"[!0-9]", "a", true}, {"[!0-9]", "5", false},
		{"[]a]", "]", true}, {"[a-]", "-", true}, {"[a-]", "b", false}, {"[", "[", true}, {"[a", "[a", true}, {"x[", "x", false},
		{`\*`, "*", true}, {`\*`, "a", false}, {`\`, `\`, false},
		{"usb:v04E6p0002d010[2-9]dc*", "usb:v04E6p0002d0105dc00", true},
		{"usb:v04E6p0002d010[2-9]dc*", "usb:v04E6p0002d0101dc00", false},
	} {
		if got := index.Glob(c.pattern, c.text); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("handback-modules 1 /m\na a.ko\n+b\nb b.ko\n>a\n=[\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := index.Parse(b)
		if err != nil {
			return
		}
		text := x.Marshal()
		again, err := index.Parse(text)
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, text)
		}
		if !bytes.Equal(again.Marshal(), text) {
			t.Fatalf("written twice, it differs:\n%s", text)
		}
		for _, m := range x.Modules() {
			checkOrder(t, x, m.Name)
		}
	})
}

// checkOrder: everything that a module needs stands before it, once.
func checkOrder(t *testing.T, x *index.Index, name string) {
	steps, err := x.Order(name)
	if err != nil {
		t.Fatal(err)
	}
	needs := map[string][]string{}
	for _, m := range x.Modules() {
		needs[m.Name] = m.Needs
	}
	hard, at := map[string]bool{}, map[string]int{}
	for i, s := range steps {
		if _, twice := at[s.Name]; twice || !strings.HasPrefix(s.Path, strings.TrimSuffix(x.Root, "/")+"/") || path.Clean(s.Path) != s.Path {
			t.Fatalf("step %+v of %s", s, name)
		}
		at[s.Name], hard[s.Name] = i, !s.Optional
	}
	if !hard[name] {
		t.Fatalf("%s itself is optional", name)
	}
	for _, s := range steps {
		for _, n := range needs[s.Name] {
			if i, ok := at[n]; hard[s.Name] && (!ok || i > at[s.Name] || !hard[n]) {
				t.Fatalf("%s is loaded without %s: %v", s.Name, n, steps)
			}
		}
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("usb:v04E6p0002d010[2-9]dc*", "usb:v04E6p0002d0105dc00")
	f.Add("*a*a*a*b", strings.Repeat("a", 200))
	f.Fuzz(func(t *testing.T, pattern, text string) {
		got := index.Glob(pattern, text)
		// Without special characters it is equality; path.Match agrees where there is
		// nothing on which the two rules differ.
		if !strings.ContainsAny(pattern, `*?[\`) && got != (pattern == text) {
			t.Errorf("%q on %q: %v", pattern, text, got)
		}
		if strings.ContainsAny(pattern, `[\`) || strings.ContainsAny(text, "/") || !ascii(pattern+text) {
			return
		}
		if want, err := path.Match(pattern, text); err == nil && got != want {
			t.Errorf("%q on %q: %v, path.Match says %v", pattern, text, got, want)
		}
	})
}

func ascii(s string) bool {
	for _, c := range []byte(s) {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

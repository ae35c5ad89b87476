package platform

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"handback.example/inspect"
)

const efiVars = "sys/firmware/efi/efivars/"

// efiNames of the variables, with the words for people where there are none.
func (s *survey) efiNames(item string) (names []string, r inspect.Residue) {
	r = inspect.Residue{Item: item, State: inspect.ResidueUnknown}
	if u := s.r.Firmware.UEFI; u.Known && !u.Value {
		r.Evidence = "the machine was not started by UEFI, so its variables can't be read: start it by UEFI to look"
		return nil, r
	}
	names, err := s.Tree.List(efiVars)
	switch {
	case err != nil:
		r.Evidence = "the EFI variables could not be read: " + because(err)
	case len(names) == 0:
		r.Evidence = "the EFI variables could not be read"
	}
	return names, r
}

// bootEntries that lead to a file on a drive: a system that was installed wrote
// them. The firmware's own lead to devices. The one that this system was started from
// is the stick's: where it is not known, none is removed.
func (s *survey) bootEntries() inspect.Residue {
	names, r := s.efiNames("boot entries of a former system")
	if len(names) == 0 {
		return r
	}
	found, unread := s.onDrives(names, false)
	if s.currentEntry() != "" {
		for _, o := range found {
			r.Removable = append(r.Removable, leftover(inspect.LeftBootEntry, o.variable, o.name, o.content))
		}
	}
	r.State, r.Evidence = entries(found, unread)
	return r
}

// menuTools are entries of the firmware's boot menu that start no system: those of
// a maker's tools, as a rule. Anybody can write one, so that they are told; they stay.
func (s *survey) menuTools() inspect.Residue {
	names, r := s.efiNames("tools of the firmware's boot menu that lie on a drive")
	if len(names) == 0 {
		return r
	}
	found, unread := s.onDrives(names, true)
	r.State, r.Evidence = entries(found, unread)
	if len(found) > 0 {
		r.Evidence += ": they stay; if they are not the maker's, take them out in the firmware's set-up"
	}
	return r
}

// onDrives are the entries that lead to a file on a drive but the stick: systems, or
// programs.
func (s *survey) onDrives(names []string, programs bool) (found []loadOption, unread int) {
	current := s.currentEntry()
	for _, name := range names {
		entry, ok := strings.CutSuffix(name, globalVariable)
		if !ok || !isBootEntry(entry) || entry == current {
			continue
		}
		b, err := s.Tree.Bytes(efiVars+name, maxLoadOption)
		if err != nil || len(b) < 4 {
			unread++
			continue
		}
		o, err := parseLoadOption(b[4:]) // after efivarfs' four bytes of attributes
		if err != nil {
			unread++
			continue
		}
		own := slices.ContainsFunc(s.Own, func(guid string) bool { return strings.EqualFold(guid, o.partition) })
		if o.file && !own && o.program == programs {
			o.variable, o.content = name, b
			found = append(found, o)
		}
	}
	return found, unread
}

func entries(found []loadOption, unread int) (state, evidence string) {
	switch {
	case len(found) > 0:
		var words []string
		for _, o := range found[:min(len(found), 8)] {
			words = append(words, "'"+o.name+"'")
		}
		return inspect.ResiduePresent, fmt.Sprintf("%d: %s", len(found), strings.Join(words, ", "))
	case unread > 0:
		return inspect.ResidueUnknown, fmt.Sprintf("%d entries could not be read", unread)
	}
	return inspect.ResidueAbsent, "no such entry leads to a file on a drive but the stick"
}

// currentEntry is the one that this system was started from; empty: not known.
func (s *survey) currentEntry() string {
	b, err := s.Tree.Bytes(efiVars+"BootCurrent"+globalVariable, 64)
	if err != nil || len(b) != 6 {
		return ""
	}
	return fmt.Sprintf("Boot%04X", binary.LittleEndian.Uint16(b[4:]))
}

func leftover(kind, name, what string, content []byte) inspect.Leftover {
	sum := sha256.Sum256(content)
	return inspect.Leftover{Kind: kind, Name: name, What: what, SHA256: hex.EncodeToString(sum[:])}
}

// isBootEntry: 'Boot' and four capital hexadecimal digits (UEFI 2.10, 3.3).
func isBootEntry(name string) bool {
	digits, ok := strings.CutPrefix(name, "Boot")
	return ok && len(digits) == 4 && strings.Trim(digits, "0123456789ABCDEF") == ""
}

// maxLoadOption is far above what firmware writes.
const maxLoadOption = 64 << 10

// loadOption is EFI_LOAD_OPTION (UEFI 2.10, 3.1.3).
type loadOption struct {
	name      string // clean
	file      bool   // its path names a file on a partition
	partition string // that partition's GUID; empty: it has none, or none is named
	program   bool   // it is no system to start, but a program of the firmware's menu
	variable  string // that holds it
	content   []byte // of that variable, with efivarfs' attributes
}

var errLoadOption = errors.New("the boot entry is damaged")

// categoryMask of a load option's attributes (LOAD_OPTION_CATEGORY); 0 is a system.
const categoryMask = 0x1f00

func parseLoadOption(b []byte) (o loadOption, err error) {
	if len(b) < 8 {
		return o, errLoadOption
	}
	o.program = binary.LittleEndian.Uint32(b)&categoryMask != 0
	pathLength, b := int(binary.LittleEndian.Uint16(b[4:])), b[6:]
	var text []uint16
	for {
		if len(b) < 2 {
			return o, errLoadOption
		}
		c := binary.LittleEndian.Uint16(b)
		if b = b[2:]; c == 0 {
			break
		}
		text = append(text, c)
	}
	if pathLength > len(b) {
		return o, errLoadOption
	}
	if o.name = clean([]byte(string(utf16.Decode(text)))); o.name == "" {
		o.name = "without a name"
	}
	return o, o.follow(b[:pathLength])
}

// follow a device path (UEFI 2.10, 10.3): media nodes (04h) of a hard drive's
// partition (01h) and of a file (04h).
func (o *loadOption) follow(b []byte) error {
	var partition, file bool
	for len(b) > 0 {
		if len(b) < 4 {
			return errLoadOption
		}
		n := int(binary.LittleEndian.Uint16(b[2:]))
		if n < 4 || n > len(b) {
			return errLoadOption
		}
		if b[0] == 0x04 && b[1] == 0x01 {
			partition, o.partition = true, partitionGUID(b[:n])
		}
		file = file || b[0] == 0x04 && b[1] == 0x04
		if b[0] == 0x7f { // end of the path
			break
		}
		b = b[n:]
	}
	o.file = partition && file
	return nil
}

// partitionGUID of a hard drive's node (UEFI 2.10, 10.3.5.1): its signature, where that
// is a GUID (type 02h). The first three fields of a GUID are little-endian (appendix A).
func partitionGUID(node []byte) string {
	const signature, kind, isGUID = 24, 41, 2
	if len(node) <= kind || node[kind] != isGUID {
		return ""
	}
	g := node[signature : signature+16]
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(g), binary.LittleEndian.Uint16(g[4:]), binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
}

// Namespaces of variables that systems write.
const (
	windowsNamespace   = "-77fa9abd-0359-4d32-bd60-28f4e78f784b"
	windowsIDNamespace = "-eaec226f-c9a3-477a-a826-ddc716cdc0e3"
	systemdNamespace   = "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
	linuxCrash         = "-cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0"
	appleWireless      = "-36c28ab5-6566-4c50-9ebd-cbb920f83843"
	shimNamespace      = "-605dab50-e046-4300-abb6-3dd810dd8b23"
)

// written are the variables that are known to be written by a system for itself, and
// that firmware does without. Keys, policies and versions of Secure Boot are none of
// them, whoever wrote them.
var written = []struct {
	system, namespace string
	names             []string // one that ends in '*' stands for all that begin so
}{
	// A number that outlives the installation, 'Uefi' of SystemIdentificationSource
	// (Windows.System.Profile): names as dumps of real machines have them.
	{"Windows", windowsIDNamespace, []string{"OfflineUniqueIDEKPub", "OfflineUniqueIDEKPubCRC", "OfflineUniqueIDRandomSeed", "OfflineUniqueIDRandomSeedCRC", "UnlockIDCopy"}},
	// The lock of LSA protection, which Microsoft has a tool to take out (LSAPPLConfig,
	// 'Configure added LSA protection').
	{"Windows", windowsNamespace, []string{"Kernel_Lsa_Ppl_Config"}},
	// The Boot Loader Interface of systemd: what of it is kept across starts.
	{"Linux", systemdNamespace, []string{"LoaderSystemToken", "LoaderEntryDefault", "LoaderEntryLastBooted", "LoaderEntryOneShot",
		"LoaderEntrySysFail", "LoaderConfigTimeout", "LoaderConfigTimeoutOneShot", "LoaderConfigConsoleMode"}},
	// Logs of a kernel that crashed (Linux, drivers/firmware/efi/efi-pstore.c).
	{"Linux", linuxCrash, []string{"dump-type*"}},
	// Wi-Fi networks and their keys (github.com/drduh/macOS-Security-and-Privacy-Guide).
	{"macOS", appleWireless, []string{"current-network", "preferred-networks", "preferred-count"}},
}

// writtenBy names the system that wrote a variable, and the variable without its
// namespace; empty: it is not known here.
func writtenBy(variable string) (system, name string) {
	for _, w := range written {
		name, ok := strings.CutSuffix(variable, w.namespace)
		if ok && slices.ContainsFunc(w.names, func(n string) bool {
			start, all := strings.CutSuffix(n, "*")
			return name == n || all && strings.HasPrefix(name, start)
		}) {
			return w.system, clean([]byte(name))
		}
	}
	return "", ""
}

// maxVariable is above what firmware takes (32 KiB as a rule).
const maxVariable = 256 << 10

// secureBootPolicy is Windows' own for Secure Boot, and no residue of anybody.
const secureBootPolicy = "CurrentPolicy" + windowsNamespace

// systemVariables that a former system wrote for itself. What others of Windows'
// namespace hold is not known here, policies of Secure Boot among them: they stay.
func (s *survey) systemVariables() inspect.Residue {
	names, r := s.efiNames("EFI variables of a former system")
	if len(names) == 0 {
		return r
	}
	count := map[string]int{}
	kept := 0
	for _, variable := range names {
		system, name := writtenBy(variable)
		if system == "" {
			if strings.HasSuffix(variable, windowsNamespace) && variable != secureBootPolicy {
				kept++
			}
			continue
		}
		count[system]++
		// A record could not hold a name that is no UTF-8, and what it held would name
		// another variable.
		if b, err := s.Tree.Bytes(efiVars+variable, maxVariable); err == nil && utf8.ValidString(variable) {
			r.Removable = append(r.Removable, leftover(inspect.LeftVariable, variable, name+" ("+system+")", b))
		}
	}
	var parts []string
	for _, system := range []string{"Windows", "Linux", "macOS"} {
		if n := count[system]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d of %s", n, system))
		}
	}
	r.Evidence = strings.Join(parts, ", ")
	switch {
	case len(parts) > 0:
		r.State = inspect.ResiduePresent
	case kept == 0:
		r.State, r.Evidence = inspect.ResidueAbsent, "no variable that a system is known to write for itself"
	}
	if kept > 0 {
		r.Evidence = strings.TrimPrefix(fmt.Sprintf("%s; %d more in Windows' name, and what they are is not known", r.Evidence, kept), "; ")
	}
	return r
}

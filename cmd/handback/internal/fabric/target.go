package fabric

import (
	"fmt"
	"net/netip"
	"strings"
)

const (
	// key begins an OEM string that names a drive: 'ADDRESS:PORT' follows, and, after
	// a comma, 'nqn=NQN' where the subsystem has a name of its own (package vmtest:
	// NVMeTCPKey).
	key = "handback-test:nvme-tcp="
	// anyNQN is the name that each door to a drive model takes (package nvmetcp).
	anyNQN = "nqn.2026-01.example.handback:sim"
)

const (
	targetsMax = 32
	nqnMax     = 223 // NVM Express Base 2.0, clause 4.5
)

// Target is one NVMe subsystem on the network.
type Target struct {
	Address netip.AddrPort
	NQN     string
}

// Targets that OEM strings name. Strings of others are none of ours; one of ours
// that can't be read is an error.
func Targets(oem []string) ([]Target, error) {
	var all []Target
	for _, s := range oem {
		rest, ours := strings.CutPrefix(s, key)
		if !ours {
			continue
		}
		address, name, named := strings.Cut(rest, ",")
		t := Target{NQN: anyNQN}
		var err error
		if t.Address, err = netip.ParseAddrPort(address); err != nil || t.Address.Port() == 0 {
			return nil, fmt.Errorf("the firmware names the drive %q: %q is no ADDRESS:PORT", s, address)
		}
		if named {
			var ok bool
			if t.NQN, ok = strings.CutPrefix(name, "nqn="); !ok || !isNQN(t.NQN) {
				return nil, fmt.Errorf("the firmware names the drive %q: %q is no nqn=NQN", s, name)
			}
		}
		if all = append(all, t); len(all) > targetsMax {
			return nil, fmt.Errorf("the firmware names more than %d drives on the network", targetsMax)
		}
	}
	return all, nil
}

// isNQN keeps out what would end the option that carries it.
func isNQN(s string) bool {
	return strings.HasPrefix(s, "nqn.") && len(s) <= nqnMax && !strings.ContainsAny(s, ", \t\n")
}

// options is what the kernel takes. A drive that does not answer for lossTime is
// gone: the job on it fails, as on a drive that was pulled out.
func (t Target) options() string {
	return fmt.Sprintf("transport=tcp,traddr=%s,trsvcid=%d,nqn=%s,ctrl_loss_tmo=%d,reconnect_delay=1,keep_alive_tmo=30",
		t.Address.Addr(), t.Address.Port(), t.NQN, lossTime)
}

// lossTime in seconds.
const lossTime = 10
